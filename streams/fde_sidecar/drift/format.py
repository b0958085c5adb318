"""Formats: how a scalar is written, by a closed list of names that hold nothing of the value.

text -> format_of() -> "date-time:T:Z" | "uuid" | "code:A-9" | "text" | ...

03/04/2026 is a ``date:slash`` of no order; 14/04/2026 is one of an order, ``date:day-month-slash`` (see :func:`facts_of`).
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

DATES: Final = ("date", "epoch")  # how the names of date formats begin
EMPTY: Final = "empty"
TEXT: Final = "text"

# The months of English, German, French, Spanish and Italian, by how they begin.
_MONTH: Final = (
    r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec|mär|mai|okt|dez|fév|avr|juin|août|aou|déc|ene|abr|ago|dic|gen|mag|giu|lug|set|ott)"
    r"[^\W\d_]{0,7}\.?"
)
_CLOCK: Final = r"\d{2}:\d{2}(?::\d{2})?"
_ISO: Final = re.compile(
    r"(?P<day>\d{4}-\d{2}-\d{2})(?:(?P<between>[T ])\d{2}:\d{2}(?P<seconds>:\d{2}(?P<fraction>[.,]\d+)?)?"
    r" ?(?P<zone>Z|[+-]\d{2}:?\d{2}|UTC|GMT)?)?"
)
_SLASHED: Final = re.compile(
    rf"(\d{{1,2}})([/.-])(\d{{1,2}})\2(\d{{4}}|\d{{2}})(?P<clock>,? {_CLOCK}(?: ?[ap]m)?)?", re.IGNORECASE
)
# Order matters: what is more particular comes first.
_NAMED: Final[tuple[tuple[str, str], ...]] = (
    ("uuid", r"\{?[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\}?"),
    ("date-time:fix", r"(?:19|20)\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])-\d{2}:\d{2}:\d{2}(?:\.\d+)?"),
    ("date-time:compact", r"(?:19|20)\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])T?\d{6}Z?"),
    ("date:compact", r"(?:19|20)\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])"),
    ("epoch-ms:text", r"1\d{12}"),
    ("epoch-s:text", r"1\d{9}(?:\.\d+)?"),
    ("number:text", r"[+-]?\d+(?:\.\d+)?(?:e[+-]?\d+)?"),
    ("number:comma", r"[+-]?\d{1,3}(?:\.\d{3})*,\d+"),
    ("number:grouped", r"[+-]?\d{1,3}(?:,\d{3})+(?:\.\d+)?"),
    ("number:unit", r"(?:[^\d\s]{1,3} ?)?[+-]?\d+(?:[.,]\d+)* ?(?:%|[^\W\d_]{1,4}|[€$£¥])"),
    ("date-time:rfc2822", rf"(?:[a-z]{{3}}, )?\d{{1,2}} {_MONTH} \d{{4}} {_CLOCK}(?: (?:[+-]\d{{4}}|[a-z]{{1,5}}))?"),
    ("date:day-month-name", rf"\d{{1,2}}(?:\.|st|nd|rd|th)?[ -](?:of |de )?{_MONTH}(?:[ -]|, ?| de )\d{{2,4}}(?:,? {_CLOCK})?"),
    ("date:month-name-day", rf"{_MONTH} \d{{1,2}}(?:st|nd|rd|th)?,? \d{{4}}(?:,? {_CLOCK}(?: ?[ap]m)?)?"),
    ("date-time:ctime", rf"[a-z]{{3}} {_MONTH} [ \d]\d {_CLOCK} (?:[a-z]+ )?\d{{4}}"),
    ("date:year-slash", rf"\d{{4}}/\d{{1,2}}/\d{{1,2}}(?: {_CLOCK})?"),
    ("date:week", r"\d{4}-?W\d{2}(?:-?\d)?"),
    ("date:month", r"(?:19|20)\d{2}-(?:0[1-9]|1[0-2])"),
    ("date-time:dotnet", r"/Date\(-?\d+(?:[+-]\d{4})?\)/"),
    ("time", r"\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?: ?[ap]m)?"),
    ("duration:iso", r"P(?=.)(?:\d+Y)?(?:\d+M)?(?:\d+W)?(?:\d+D)?(?:T(?:\d+H)?(?:\d+M)?(?:[\d.]+S)?)?"),
    ("boolean:text", r"true|false"),
    ("email", r"[^\s@]+@[^\s@]+\.[^\s@]+"),
    ("url", r"[a-z][a-z0-9+.-]*://\S+"),
    ("ipv4", r"(?:\d{1,3}\.){3}\d{1,3}"),
    ("ipv6", r"(?=(?:.*:){2})[0-9a-f:]+(?:\.\d+)*"),
    ("jwt", r"eyJ[\w-]+\.[\w-]+\.[\w-]*"),
    ("json:text", r"[\[{].*[\]}]"),
    ("path", r"(?:/[\w.-]+){2,}/?"),
)  # fmt: skip
_NAMES: Final = tuple(name for name, _ in _NAMED)
_ANY: Final = re.compile("|".join(f"({pattern})" for _, pattern in _NAMED), re.IGNORECASE)  # one pass, first match
_DIGIT: Final = re.compile(r"\d")
_HEX: Final = re.compile(r"(?=.*\d)(?:[0-9a-f]{12,}|[0-9A-F]{12,})")
_CODE: Final = re.compile(r"(?=.*\d)[^\W_][\w.+/#-]*|[+#]\d[\d -]*")
_RUNS: Final = re.compile(r"([A-Z]+)|([a-z]+)|(\d+)|([^\W\d_]+)")
_LONGEST: Final = 200  # longer strings are text: nobody writes an id or a date so


def format_of(text: str) -> str:
    """The name of the format of `text`; ``empty`` and ``text`` among them. Never raises."""
    if not text or text.isspace():
        return EMPTY
    if len(text) > _LONGEST:
        return TEXT
    first = text[0]
    if first.isdigit():
        if found := _ISO.fullmatch(text):
            return _iso(found)
        if found := _SLASHED.fullmatch(text):
            return _slashed(found)
    elif text.isalpha():
        return "boolean:text" if text.lower() in ("true", "false") else TEXT
    if found := _ANY.fullmatch(text):
        return _NAMES[(found.lastindex or 1) - 1]
    if not _DIGIT.search(text):
        return TEXT
    if _HEX.fullmatch(text):
        return "hex"
    if _CODE.fullmatch(text):
        return "code:" + _mask(text)
    return TEXT


def _iso(found: re.Match[str]) -> str:
    if not found["between"]:
        return "date:iso"
    between = "T" if found["between"] == "T" else "space"
    zone = "no-zone" if not found["zone"] else "Z" if found["zone"] == "Z" else "offset"
    if not found["seconds"]:
        zone += ":minutes"
    return f"date-time:{between}:{zone}{':fraction' if found['fraction'] else ''}"


def _slashed(found: re.Match[str]) -> str:
    first, mark, second = int(found[1]), found[2], int(found[3])
    if first > 31 or second > 31 or (first > 12 and second > 12):
        return "code:9-9"
    kind = "date-time" if found["clock"] else "date"
    if mark == ".":
        # 2.3.10 is a version: only dates with all their digits are short.
        return f"{kind}:day-month-dot" if len(found[4]) == 4 or len(found[1]) == len(found[3]) == 2 else "code:9.9.9"
    mark = "slash" if mark == "/" else "dash"
    if first > 12:
        return f"{kind}:day-month-{mark}"
    return f"{kind}:month-day-{mark}" if second > 12 else f"{kind}:{mark}"


_ORDERS: Final = ("day-month-", "month-day-")


@lru_cache(maxsize=512)
def facts_of(name: str) -> tuple[str, ...]:
    """What a format's name says: itself, and of a date whose order of day and month can be told also the one without the order."""
    for order in _ORDERS:
        if order in name and not name.endswith(("dot", "name")):
            return (name.replace(order, ""), name)
    return (name,)


@lru_cache(maxsize=512)
def other_order(name: str) -> str | None:
    """The same format with day and month the other way round; None where `name` tells no order."""
    if len(facts_of(name)) == 1:
        return None
    first, second = _ORDERS if _ORDERS[0] in name else _ORDERS[::-1]
    return name.replace(first, second)


def same_moment(old: str, new: str) -> bool:
    """Whether two formats of dates differ in the type of JSON only: 1770000000 and "1770000000"."""

    def bare(name: str) -> str:
        return name.removesuffix(":text").removesuffix("-number")

    return bare(old) == bare(new)


def _mask(text: str) -> str:
    """Classes of letters in their order, runs as one; what has many runs is random and has one name."""
    runs = _RUNS.sub(lambda run: "A" if run[1] else "a" if run[2] else "9" if run[3] else "x", text)
    return runs if len(runs) <= 5 else "mixed"


def format_of_number(number: float) -> str:
    """``epoch-s``, ``epoch-ms``, ``epoch-us`` for what lies in the years 2001 to 2040, else ``number``."""
    if 1.0e9 <= number < 2.21e9:
        return "epoch-s"
    if 1.0e12 <= number < 2.21e12:
        return "epoch-ms"
    if 1.0e15 <= number < 2.21e15:
        return "epoch-us"
    if (
        number == number // 1
        and 20_000_101 <= number <= 20_401_231
        and 1 <= number // 100 % 100 <= 12
        and 1 <= number % 100 <= 31
    ):
        return "date:compact-number"
    if number == number // 1 and 20_000_101_000_000 <= number <= 20_401_231_235_959 and _is_clock(int(number)):
        return "date-time:compact-number"
    return "number"


def _is_clock(number: int) -> bool:
    month, day, hour = number // 10**8 % 100, number // 10**6 % 100, number // 10**4 % 100
    return 1 <= month <= 12 and 1 <= day <= 31 and hour < 24 and number // 100 % 100 < 60 and number % 100 < 60


def is_date(name: str) -> bool:
    """Whether a format's name is that of a date or a moment."""
    return name.startswith(DATES)
