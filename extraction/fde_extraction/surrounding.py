"""Surrounding: what the constant text right beside a hole calls it, where the tree's labels do not say.

parts of a file -> told() -> the same parts, slots with labels of role "place" or "element" put first

Only the template's own constants are read, so nothing here comes from one sibling. Method: anchored regular expressions on
the last 160 characters before the hole and the first 24 after it; another hole between reads as one character that no
expression takes.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from re import Match, Pattern
from typing import Final

from fde_extraction.argument import argument_of
from fde_extraction.drafted import Edge, Loop, Open, Part
from fde_extraction.label import Label
from fde_extraction.slot import Slot

_HOLE: Final = "\0"
_BEFORE: Final = 160
_AFTER: Final = 24
_TRAIL: Final = 40  # parts before a hole that can matter to it
_UNITS: Final = "second|minute|hour|day|week|month|year"


def _as(role: str, text: str) -> Callable[[Match[str]], Label]:
    return lambda found: Label(role, found.expand(text))  # type: ignore[arg-type]


# Inside one literal: `host=X user=Y`, `api-key=X`; the password of a URL.
_INSIDE: Final[Sequence[tuple[Pattern[str], Callable[[Match[str]], Label]]]] = (
    (re.compile(r"(?:^|[\s;,&?'\"])([A-Za-z][\w-]{1,39})=$"), _as("inside", r"\1")),
    (re.compile(r"://[^\s/@'\"]*:$"), _as("place", "password")),
    (re.compile(r"\b(?:abfss?|wasbs?)://[^\s/]*$"), _as("place", "storage host")),
    (re.compile(r"(?i)\b(?:retain|keep|retention)\s+$"), _as("place", "retention")),
)
# Any language: a pair `('team', X)` that is no call, an element of a list, a variable of the environment.
_CODE: Final[Sequence[tuple[Pattern[str], Callable[[Match[str]], Label]]]] = (
    (re.compile(r"(?:^|[^\w\s]|[=,(\[]\s)\s*\(\s*(['\"])([A-Za-z][\w-]{1,39})\1\s*,\s*['\"]?$"), _as("key", r"\2")),
    (re.compile(r"\b(?:process|import\.meta)\.env\.$"), _as("operand", "env")),
    (re.compile(r"([A-Za-z_]\w*)\[\s*['\"`]?$"), _as("element", r"\1")),
    (re.compile(r"([A-Za-z_]\w*)['\"]?\s*[=:]\s*\[[^\[\](){}]*,\s*['\"`]?$"), _as("element", r"\1")),
)
_SQL: Final[Sequence[tuple[Pattern[str], Callable[[Match[str]], Label]]]] = (
    (
        re.compile(
            r"(?i)(?:\bdeclare\s+@?|[,(]\s*@|^\s*@|\n\s*@)(\w+)\s+(?:as\s+)?[A-Za-z]\w*(?:\([\d,\s]*\))?"
            r"\s*(?::?=|\bdefault\b)\s*(?:date|timestamp|time)?\s*N?'?$"
        ),
        _as("key", r"\1"),
    ),
    (re.compile(r"(?i)\b(?:grant|revoke)\b[^;]*\b(?:to|from)\s+[\"\[`]?$"), _as("relation", "role")),
    (re.compile(r"(?i)\bcreate\s+policy\b[^;]*\bto\s+[\"\[`]?$"), _as("relation", "role")),
    (re.compile(r"(?i)\bcopy\b[^;]*\bfrom\s+'$"), _as("place", "source uri")),
    (re.compile(r"(?i)\bunload\b[^;]*\bto\s+'$"), _as("place", "target uri")),
    (re.compile(r"(?i)\bconnection\s+limit\s+$"), _as("place", "connection limit")),
    (re.compile(r"(?i)\b(?:limit|top|fetch\s+(?:first|next))\s*\(?\s*$"), _as("place", "limit")),
    (re.compile(r"(?i)\bowner\s+to\s+[\"\[`]?$"), _as("place", "owner")),
    (re.compile(r"(?i)\bset\s+role\s+[\"\[`]?$"), _as("relation", "role")),
    (re.compile(r"(?i)\bdistkey\s*\(\s*$"), _as("place", "distribution column")),
    (re.compile(r"(?i)\bsortkey\s*\(\s*$"), _as("place", "sort column")),
    (re.compile(r"(?i)\brows\s+between\s+$"), _as("place", "preceding rows")),
    (re.compile(r"(?i)\bcluster(?:ed)?\s+by\s*\(?\s*$"), _as("place", "cluster column")),
    (re.compile(r"(?i)\buse\s+(?:database\s+)?[\"\[`]?$"), _as("place", "database")),
    (
        re.compile(r"(?i)<=?\s*dateadd\(\s*'?(" + _UNITS + r")s?'?\s*,\s*-\s*$"),
        lambda found: Label("place", f"retention {found[1].lower()}s"),
    ),
)
# A comparison with a value that has no name of its own, or one that differs.
_BOUND: Final = re.compile(r"(?:\bvalue|\bval|\0)\s*[<>]=?\s*$")
# Numbers that bound a loop, a wait or a batch.
_COUNTED: Final[Sequence[tuple[Pattern[str], Callable[[Match[str]], Label]]]] = (
    (re.compile(r"\b(?:attempts?|tries)\s*(?:[<>]=?|!=)\s*$"), _as("place", "max attempts")),
    (re.compile(r"\bretr(?:y|ies)(?:_?[cC]ount)?\s*(?:[<>]=?|!=)\s*$"), _as("place", "max retries")),
    (re.compile(r"\bfor\s+(?:attempt|retry|trial)\w*\s+in\s+range\((?:[01],\s*)?$"), _as("place", "max attempts")),
    (
        re.compile(r"\b(batch|buffer|chunk|page)\w*(?:\)|\.length|\.size)\s*(?:[<>]=?|===?)\s*$"),
        _as("place", r"\1 size"),
    ),
    (re.compile(r"\blen\((\w+)\)\s*<=?\s*$|\b(\w+)\.length\s*<=?\s*$"), _as("least", r"\1\2")),
    (re.compile(r"\[:$"), _as("place", "limit")),
)
_CALL: Final = re.compile(
    r"(?:([A-Za-z_$][\w$]*)\s*(?:\(\s*\))?\??)?(\.\s*)?\b([A-Za-z_$][\w$]*)(?:<[^<>()]*>)?\(((?:[^()\[\]{}]|\([^()]*\))*)$"
)
_LISTED: Final = re.compile(r"\(\[\s*(['\"`]?)$")  # f(["x"]) is f("x") of one
_NESTED: Final = re.compile(r"\([^()]*\)")
_NAMED: Final = re.compile(r"(?:^|,)\s*\w+\s*=[^,]*$")  # a keyword argument has its own label
_OPENED: Final = re.compile(r"['\"`]/$")  # a path without its first slash
# Whom a client is connected to is told by what the client is called, when that says more than this.
_CLIENTS: Final = frozenset(
    "self this client conn connection session socket sock channel s c ctx cls producer consumer".split()
)
_CONNECTS: Final = frozenset("connect dial".split())


_STAGE: Final = re.compile(r"(?i)\b(?:from|into)\s+@?$")


def told(parts: Sequence[Part]) -> list[Part]:
    """`parts` with what the constants beside each value say of it put before its other labels."""
    made = list[Part]()
    trail: deque[tuple[str, tuple[Open, ...]]] = deque(maxlen=_TRAIL)
    stack: list[Open | Loop] = []
    for index, part in enumerate(parts):
        inside = tuple(item for item in stack if isinstance(item, Open))
        if isinstance(part, (Open, Loop)):
            stack.append(part)
        elif isinstance(part, Edge):
            if part.mark == "end":
                stack.pop()
        elif isinstance(part, str):
            trail.append((part, inside))
        else:
            if part.kind == "value":
                before = _before(trail, inside)
                follows = parts[index + 1] if index + 1 < len(parts) else ""
                said = list(_said(part, before, follows[:_AFTER] if isinstance(follows, str) else ""))
                part = replace(part, labels=(*said, *part.labels)) if said else _relation(part, before)
            trail.append((_HOLE, inside))
        made.append(part)
    return made


def _before(trail: Sequence[tuple[str, tuple[Open, ...]]], inside: tuple[Open, ...]) -> str:
    """The text before a hole as one rendering has it: of alternative blocks one, the hole's own if it stands in one."""
    chosen = {opened.choice: opened.number for opened in inside}
    text = ""
    for piece, around in reversed(trail):
        if all(chosen.setdefault(opened.choice, opened.number) == opened.number for opened in around):
            text = piece[-_BEFORE:] + text
            if len(text) >= _BEFORE:
                break
    return text[-_BEFORE:]


def _said(slot: Slot, before: str, after: str) -> Iterator[Label]:
    rules = [*_INSIDE] if slot.leaf.endswith("_text") and not slot.whole else []
    if not all(text.isdigit() for text in slot.texts):
        rules = [rule for rule in rules if rule is not _INSIDE[-1]]
    if slot.whole and slot.place.rsplit("/", 1)[-1].startswith("sql."):
        rules += _SQL
    if slot.whole and not slot.place.startswith("sql."):
        rules += _CODE
    elif slot.whole:
        rules += _CODE[:1]
    for pattern, label in rules:
        found = pattern.search(before)
        if found is not None:
            yield label(found)
            return
    if slot.leaf == "number" and not slot.place.startswith("sql."):
        for pattern, label in _COUNTED:
            if (found := pattern.search(before)) is not None:
                yield label(found)
                return
    if slot.leaf == "number" and _BOUND.search(before):
        yield Label("place", "threshold")
    elif _is_argument(slot, before, after):
        yield from _argument(slot, before)


def _is_argument(slot: Slot, before: str, after: str) -> bool:
    """Whether it is all of an argument, or all but the first slash of one."""
    last = slot.place.rsplit("/", 1)[-1]
    if last.startswith("sql."):
        return slot.whole and (slot.leaf.endswith("_text") or slot.leaf == "number")
    rest = _OPENED.search(before) is not None and after[:1] in ("'", '"', "`")
    return (slot.whole and not last.startswith("url.")) or rest


def _argument(slot: Slot, before: str) -> Iterator[Label]:
    """What the function right before the hole calls the argument at its position."""
    found = _CALL.search(_LISTED.sub(r"(\1", before))
    if found is None or _NAMED.search(found[4]):
        return
    given, receiver = _NESTED.sub("", found[4]), found[1] if found[2] and found[1] else ""
    chunked = found[3] == "range" and given.count(",") == 2 and "len(" in found[4]
    said = argument_of(found[3], given.count(","), receiver, slot.leaf != "number", method=bool(found[2]))
    if said:
        yield Label("place", "chunk size" if chunked else said)
    elif found[3] in _CONNECTS and not given.strip("'\"`") and receiver.lower() not in _CLIENTS and receiver:
        yield Label("operand", receiver)


def _relation(slot: Slot, before: str) -> Slot:
    """A dotted name that is one value is a table, of the stage when it says so, and not the schema its first part is."""
    near = slot.labels[0] if slot.labels else None
    if near is None or near.role != "relation" or not all("." in text for text in slot.texts):
        return slot
    stage = all(text.startswith("@") for text in slot.texts) or (before.endswith("@") and _STAGE.search(before))
    return replace(slot, labels=(Label("relation", "stage" if stage else "table"), *slot.labels[1:]))
