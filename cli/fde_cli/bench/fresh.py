"""Failures that happen again: the same events with other identifiers, machines, times and amounts in their texts.

What tells failures apart stays: words, types, statuses, codes, line numbers, the lines of the stack's frames. One value is
replaced by one other wherever it stands in an event, as it would be if the same failure came again.
"""

from __future__ import annotations

import random
import re
from typing import Final

import msgspec

from fde_events.event import ErrorEvent

_FRAME: Final = re.compile(r'^\s+(?:File "|at )')
_VARIES: Final = re.compile(
    r"(?P<uuid>(?<![0-9A-Za-z])[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}(?![0-9A-Za-z]))"
    r"|(?P<token><[a-z][a-z0-9-]{0,30}:)(?P<hash>[0-9a-f]{8,16})>"
    r"|(?P<date>(?<!\d)(?P<year>20\d\d)-(?P<month>[01]\d)-(?P<day>[0-3]\d)(?!\d))"
    r"|(?P<clock>(?<![\d:])[0-2]\d:[0-5]\d:[0-5]\d(?![\d:]))"
    r"|(?P<address>(?<![\w.])\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}(?![\w.]))"
    r"|(?P<host>(?<![\w.@/-])[a-z][a-z0-9-]*\.[a-z0-9.-]+)(?P<top>\.(?:example|internal|local|test|invalid))(?![\w.-])"
    r"|(?<!\w)(?P<pointer>0x[0-9a-f]{4,})(?!\w)"
    r"|(?P<opaque>(?<![A-Za-z0-9])(?!0x)(?=[A-Za-z]*\d)(?=\d*[A-Za-z])[A-Za-z0-9]{8,}(?![A-Za-z0-9]))"
    r"|(?P<amount>(?<![\w.])\d{2,}\.\d\d(?![\w.]))"
    r"|(?P<number>(?<![A-Za-z0-9])\d{4,}(?!\d))"
)
_CODE: Final = re.compile(
    r"(?:(?i:code|(?<![a-z])(?:error|errno|sqlstate|status|state|number)|_ssl\.c)|(?<![A-Za-z])(?:ORA|PLS|TNS|SQL|DB2))\W{0,4}$"
)
_CODE_AFTER: Final = re.compile(r", b?['\"]")
_CHANGES: Final = re.compile(r"[A-Za-z]\d+[A-Za-z]+\d|\d[A-Za-z]+\d+[A-Za-z]|[0-9a-f]{8,}|[0-9A-F]{8,}")


def again(event: ErrorEvent, rng: random.Random) -> ErrorEvent:
    """`event` as it would be printed if the same failure came once more, at another time."""
    told: dict[str, str] = {}

    def other(found: re.Match[str]) -> str:
        text = found.group()
        if text not in told:
            told[text] = _other(found, rng)
        return told[text]

    def lines(text: str | None) -> str | None:
        if text is None:
            return None
        return "\n".join(line if _FRAME.match(line) else _VARIES.sub(other, line) for line in text.split("\n"))

    day, second = rng.randrange(1, 29), rng.randrange(86_400)
    return msgspec.structs.replace(
        event,
        time=f"2026-10-{day:02d}T{second // 3600:02d}:{second // 60 % 60:02d}:{second % 60:02d}.{rng.randrange(1000):03d}Z",
        body=lines(event.body),
        exception_message=lines(event.exception_message),
        exception_stacktrace=lines(event.exception_stacktrace),
        url_path=lines(event.url_path),
    )


def _other(found: re.Match[str], rng: random.Random) -> str:
    kind, text = found.lastgroup, found.group()
    if kind in ("uuid", "opaque"):
        return _letters(text, rng) if kind == "uuid" or _CHANGES.search(text) else text
    if kind == "hash":
        return f"{found['token']}{_letters(found['hash'], rng)}>"
    if kind == "pointer":
        return f"0x{_letters(text[2:], rng)}"
    if kind == "date":
        return f"{found['year']}-{rng.randrange(1, 13):02d}-{rng.randrange(1, 29):02d}"
    if kind == "clock":
        return f"{rng.randrange(24):02d}:{rng.randrange(60):02d}:{rng.randrange(60):02d}"
    if kind == "address":
        return f"10.{rng.randrange(256)}.{rng.randrange(256)}.{rng.randrange(1, 255)}"
    if kind == "top":
        first, *rest = found["host"].split(".")
        return ".".join((first, *(f"n{rng.randrange(10**6)}" for _ in rest))) + found["top"]
    if kind == "amount":
        return f"{rng.randrange(10, 10**5)}.{rng.randrange(100):02d}"
    line, start, end = found.string, found.start(), found.end()
    if (
        _CODE.search(line[max(0, start - 24) : start])
        or (end - start <= 6 and line[start - 1 : start] in ("", "(") and _CODE_AFTER.match(line, end))
        or (end - start == 5 and line[end : end + 1] in (":", "]", ")"))
    ):
        return text
    return str(rng.randrange(10 ** (len(text) - 1), 10 ** len(text)))


def _letters(text: str, rng: random.Random) -> str:
    """Other digits for digits and other letters for letters; of hexadecimal text, hexadecimal digits."""
    if re.fullmatch(r"[0-9a-f-]+|[0-9A-F-]+", text):
        made = "".join(rng.choice("0123456789abcdef") if character != "-" else "-" for character in text)
        return made if text == text.lower() else made.upper()
    return "".join(
        rng.choice("0123456789") if c.isdigit() else rng.choice("bcdfghjkmnpqrstvwxz") if c.islower() else rng.choice("BCDFGHJKMNPQRSTVWXZ")
        for c in text
    )  # fmt: skip
