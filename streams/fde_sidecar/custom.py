"""Custom rules: what a customer wants taken out beyond the catalogue, from `spec.redaction.rules` of a TelemetryFeed.

manifest -> read_custom() -> CustomRule -> Redactor(key, custom=...)

A rule may not slow the sidecar down: its expression has no look-around and no back-references, a repeat without end is ended
after 256, a repeat inside a repeat is refused, and what takes too long on lines made to hurt it is refused as well.
"""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from fde_events.errors import BadInput

MAX_RULES: Final = 32
MAX_PATTERN: Final = 400
_ENDLESS: Final = 256  # where a repeat without end ends
_MAX_REPEAT: Final = 1000
_NESTED: Final = 8  # times a group that repeats inside may be repeated itself: `(\d{1,3}\.){3}`
_BUDGET_S: Final = 0.05  # for one hostile line of _HOSTILE characters
_HOSTILE: Final = (8, 12, 16, 18, 20, 22, 24, 28, 32, 64, 128, 256, 512, 1024, 4096)
_NAME: Final = re.compile(r"[a-z][a-z0-9-]{0,30}")
_PIECE: Final = re.compile(
    r"(?P<escape>\\.)|(?P<set>\[\^?\]?(?:\\.|[^\]\\])*\])|(?P<open>\((?:\?(?:P<\w+>|:|[aims]+(?=\))|[aims]+:)|(?!\?)))|(?P<odd>\(\?)"
    r"|(?P<close>\))|(?P<times>[*+?]|\{\d*,?\d*\})(?P<more>[?+]?)|(?P<plain>.)",
    re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class CustomRule:
    """One rule: every match of `pattern` in a line becomes ``<kind>``. The pattern is bounded already."""

    name: str
    kind: str
    pattern: re.Pattern[str]


def read_custom(value: Any, *, where: str, field: str = "spec.redaction.rules") -> tuple[CustomRule, ...]:
    """The rules in a manifest's list of ``{name, pattern, kind}``; :class:`BadInput` names the one that is refused, and why.

    None is no rules. `kind` may be left out: it is the name then.
    """
    if value is None:
        return ()
    if not isinstance(value, list):
        raise BadInput(where, f"{field} must be a list of {{name, pattern, kind}}")
    if len(value) > MAX_RULES:
        raise BadInput(where, f"{field} holds {len(value)} rules; {MAX_RULES} are the most")
    rules: list[CustomRule] = []
    for number, one in enumerate(value):
        at = f"{field}[{number}]"
        if not isinstance(one, dict) or not isinstance(one.get("name"), str) or not isinstance(one.get("pattern"), str):
            raise BadInput(where, f"{at} needs a name and a pattern")
        name: str = one["name"]
        kind = one.get("kind") or name
        for what, text in (("name", name), ("kind", kind)):
            if not isinstance(text, str) or not _NAME.fullmatch(text):
                raise BadInput(
                    where, f"{at}.{what} is lower-case letters, digits and hyphens, 31 at most, not {text!r}"
                )
        if any(rule.name == name for rule in rules):
            raise BadInput(where, f"{at}.name {name!r} is taken by another rule")
        try:
            pattern = bounded(one["pattern"])
        except ValueError as error:
            raise BadInput(where, f"{at}.pattern of {name!r} {error}") from error
        rules.append(CustomRule(name, str(kind), pattern))
    return tuple(rules)


def bounded(text: str) -> re.Pattern[str]:
    """`text` as an expression whose cost grows with a line's length and no faster; ValueError says why it cannot be one."""
    if not text or len(text) > MAX_PATTERN:
        raise ValueError(f"has {len(text)} characters; 1 to {MAX_PATTERN} are allowed")
    try:
        re.compile(text)
    except re.error as error:
        raise ValueError(f"is no regular expression: {error}") from error
    parts: list[str] = []
    varies = [False]  # by open group: whether something inside repeats a varying number of times
    closed: bool | None = None  # of the group just closed
    for piece in _PIECE.finditer(text):
        ended, closed = closed, None
        if piece["odd"]:
            raise ValueError(
                "uses a group that is neither (...), (?:...) nor (?P<name>...): look-around has no linear cost"
            )
        if piece["escape"] and piece["escape"][1:].isdigit() and piece["escape"] != "\\0":
            raise ValueError("refers back to a group, which has no linear cost")
        if piece["open"]:
            varies.append(False)
        elif piece["close"]:
            closed = varies.pop()
            varies[-1] = varies[-1] or closed
        elif piece["times"] and (span := _span(piece["times"])) is not None:
            low, high = span
            if high > _MAX_REPEAT:
                raise ValueError(f"repeats up to {high} times; {_MAX_REPEAT} are the most")
            if ended and high > _NESTED:
                raise ValueError("repeats what repeats already, like (a+)+: write it with one repeat")
            varies[-1] = varies[-1] or (low != high and high > 1)
            parts.append(f"{{{low},{high}}}" + piece["more"])
            continue
        parts.append(piece[0])
    pattern = re.compile("".join(parts))
    if pattern.match(""):
        raise ValueError("matches the empty text, so it would match everywhere")
    _probe(pattern, text)
    return pattern


def _span(times: str) -> tuple[int, int] | None:
    """How often at least and at most; None for braces that are plain text."""
    if times in "*+?":
        return {"*": (0, _ENDLESS), "+": (1, _ENDLESS), "?": (0, 1)}[times]
    low, comma, high = times[1:-1].partition(",")
    if not low and not high:
        return None
    return int(low or 0), int(high) if high else (int(low) + _ENDLESS if comma else int(low))


def _probe(pattern: re.Pattern[str], text: str) -> None:
    """Lines of what the expression itself speaks of, in runs and repeated, each longer than the last."""
    letters = sorted({character for character in text if character.isalnum() or character in " -_./:=@"} | set("a0A -"))
    plain = "".join(character for character in text if character.isalnum()) or "a"
    for unit in (*letters[:40], "a0", "0-", "a.", plain):
        for length in _HOSTILE:
            line = (unit * (length // len(unit) + 1))[:length] + "\x00"
            start = time.perf_counter()
            pattern.sub("", line)
            if time.perf_counter() - start > _BUDGET_S and _again(pattern, line):
                raise ValueError(
                    f"takes more than {_BUDGET_S * 1000:.0f} ms for a line of {length} characters: make it simpler"
                )


def _again(pattern: re.Pattern[str], line: str) -> bool:
    """Slow in CPU time too, and not because the machine did something else."""
    start = time.process_time()
    pattern.sub("", line)
    return time.process_time() - start > _BUDGET_S


def labels(rules: Sequence[CustomRule]) -> str:
    """What a batch says of them: how many, never the expressions."""
    return f"+{len(rules)}" if rules else ""
