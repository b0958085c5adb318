"""Descriptions of parameters: one short sentence a reviewer can check against the template. No value is in it.

labels of a value's slots, its type -> describe() -> "Argument timeout of connect(), in seconds; in 2 places."
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from fde_api.primitive import ParameterType
from fde_extraction.candidate import WEIGHT, unit_of
from fde_extraction.label import Label, Role
from fde_extraction.slot import Slot
from fde_extraction.variable import ENVIRONMENT
from fde_template.words import words

_UNITS: Final[Mapping[str, str]] = {
    alias: unit
    for unit, aliases in {
        "microseconds": "us microseconds",
        "milliseconds": "ms millis milliseconds",
        "seconds": "s sec secs second seconds",
        "minutes": "min mins minute minutes",
        "hours": "hour hours",
        "days": "day days",
        "weeks": "week weeks",
    }.items()
    for alias in aliases.split()
}
_PURPOSE: Final = {
    "key": "column that rows are keyed by",
    "filter": "column in a filter",
    "order": "column that orders rows",
}
_SAID: Final[Mapping[Role, str]] = {
    "assigned": "value of {}", "keyword": "argument {}", "key": "value of key {}", "alias": "value for column {}",
    "object": "name of a {}", "relation": "name of a {}", "least": "least {} that a filter keeps",
    "most": "greatest {} that a filter keeps", "operand": "value used with {}", "call": "argument of {}()",
    "place": "the {}", "inside": "value of {} in a text", "element": "one of {}", "keyword case": "spelling of the keyword {}",
}  # fmt: skip
_KINDS: Final[Mapping[str, str]] = {
    "secretRef": "secret",
    "int": "whole number",
    "float": "number",
    "bool": "true or false",
}


def describe(slots: Sequence[Slot], texts: Sequence[str], name: str, kind: ParameterType) -> str:
    """What the value of `slots` is, from the code's words (labels already safe to show), its type and unit, its places."""
    if slots[0].kind == "layout":
        return f"White space{_inside(slots[0])}, as the siblings lay it out."
    if slots[0].kind == "source":
        lines = max(len(text.strip("\n").split("\n")) if text.strip() else 0 for text in texts)
        size = "one line" if lines == 1 else f"{lines} lines"
        return f"Source block{_inside(slots[0]) or ' at the top level'}, {size} in the longest sibling."
    slot = max(slots, key=lambda slot: (slot.whole, _strength(slot)))
    phrase = _phrase(slot)
    phrase = phrase if slot.whole else f"part of {phrase}"
    unit = _unit(name, slots) if kind == "duration" else ""
    places = f"; in {len(slots)} places" if len(slots) > 1 else ""
    return f"{phrase[0].upper()}{phrase[1:]}{f', in {unit}' if unit else f' ({_KINDS.get(kind, kind)})'}{places}."


def _strength(slot: Slot) -> int:
    return max((WEIGHT[label.role] for label in slot.labels[:2]), default=0)


def _phrase(slot: Slot) -> str:
    near = [label for label in slot.labels if label.role not in ("scope", "clause")]
    reads = next(
        (label for label in near[:2] if label.role in ("call", "operand") and label.text.lower() in ENVIRONMENT), None
    )
    if reads is not None and slot.whole and not slot.secret:
        owner = next((label.text for label in near if label.role in ("assigned", "keyword", "key", "alias")), "")
        return f"name of the environment variable{f' for {owner}' if owner else ''}"
    named = any(label.role in ("assigned", "key", "keyword") and not unit_of(label) for label in near)
    for index, label in enumerate(near):
        if named and unit_of(label):
            continue  # timedelta(minutes=5) is not what the value is for, only its unit
        if label.role == "interval":
            if slot.leaf == "number":
                return "span of time back from now" if label.text.startswith("back ") else "span of time"
        elif label.role == "column":
            return _PURPOSE.get(label.text, f"column{_inside(slot)}")
        elif label.role == "keyword case":
            if slot.leaf.startswith("keyword:"):
                return f"spelling of the keyword {label.text}"
        elif label.role == "first":
            called = _called(near[index:])
            return f"argument{called} for {label.text}" if called else f"value for {label.text}"
        elif label.role == "keyword":
            return f"argument {label.text}{_called(near[index:])}"
        else:
            return _SAID[label.role].format(label.text)
    thing = "comment" if "comment" in slot.place else "name" if "identifier" in slot.place else "text"
    return f"{'a ' if not slot.whole else ''}{thing}{_inside(slot)}"


def _called(labels: Sequence[Label]) -> str:
    return next((f" of {label.text}()" for label in labels if label.role == "call"), "")


def _inside(slot: Slot) -> str:
    scope = next((label.text for label in slot.labels if label.role == "scope"), "")
    clause = next((label.text.upper() for label in slot.labels if label.role == "clause"), "")
    if scope:
        return f" in {scope}" + ("" if clause or "sql" in slot.place else "()")
    return f" after {clause}" if clause else ""


def _unit(name: str, slots: Sequence[Slot]) -> str:
    said = [name, *(label.text for slot in slots for label in slot.labels[:3])]
    return next((_UNITS[word] for text in said for word in reversed(words(text)) if word in _UNITS), "")
