"""Durations as logs write them, to milliseconds: ``12.3ms``, ``1m2.5s``, ``took 0.3 seconds``, ``request_time=0.012``.

Where a name alone tells the unit the table below says which, and where neither does it is milliseconds. It is never guessed from
the number: one endpoint's calls must all be read alike, so that a wrong unit scales a baseline and is no shift.
"""

from __future__ import annotations

import re
from typing import Any, Final

_UNITS: Final = {
    "ns": 1e-6, "nanoseconds": 1e-6, "us": 1e-3, "µs": 1e-3, "μs": 1e-3, "microseconds": 1e-3, "ms": 1.0, "msec": 1.0, "msecs": 1.0,
    "millis": 1.0, "milliseconds": 1.0, "millisecond": 1.0, "s": 1e3, "sec": 1e3, "secs": 1e3, "second": 1e3, "seconds": 1e3,
    "m": 6e4, "min": 6e4,
}  # fmt: skip
_NUMBER: Final = r"(\d{1,15}(?:\.\d{1,12})?)"
_UNIT: Final = r"(nanoseconds|microseconds|milliseconds?|millis|msecs?|seconds?|secs?|ns|us|µs|μs|ms|s)"
_WITH_UNIT: Final = re.compile(rf"(?<![\w.\-/])(?:(\d{{1,4}})m)?{_NUMBER}\s?{_UNIT}(?![\w/])")
# A time that is no duration of the call: what it may take at most, or what comes after it.
_OTHER: Final = re.compile(
    r"(?:time-?out|retry(?:ing|-after)?|backoff|back off|wait(?:ing)?|sleep(?:ing)?|delay|ttl|expires?|max(?:-age)?|limit|interval|within|"
    r"again|every|next|cache|since|window|per|connect|queue)\W{0,3}(?:in|for|of|is|set to|after)?\W{0,3}$",
    re.IGNORECASE,
)
_SUFFIXES: Final = (
    ("_ns", 1e-6), ("nanos", 1e-6), ("nanoseconds", 1e-6), ("_us", 1e-3), ("micros", 1e-3), ("microseconds", 1e-3), ("_ms", 1.0),
    ("millis", 1.0), ("milliseconds", 1.0), ("ms", 1.0), ("_s", 1e3), ("_sec", 1e3), ("_secs", 1e3), ("seconds", 1e3),
)  # fmt: skip
# Names, in small letters without hyphens and underscores, of what a call took; and the unit their writers give without saying so.
NAMES: Final[dict[str, float]] = {
    "duration": 1.0, "latency": 1.0, "elapsed": 1.0, "took": 1.0, "responsetime": 1.0, "rt": 1e3, "urt": 1e3, "requesttime": 1e3,
    "upstreamresponsetime": 1e3, "elapsedtime": 1.0, "processtime": 1e3, "processingtime": 1.0, "requestduration": 1.0,
    "responseduration": 1.0, "totaltime": 1.0, "timetaken": 1.0, "executiontime": 1.0, "latencyms": 1.0, "dur": 1.0, "runtime": 1.0,
    "timetotal": 1e3, "durationms": 1.0, "elapsedms": 1.0, "service": 1.0, "resptime": 1.0, "roundtrip": 1.0, "tookms": 1.0,
}  # fmt: skip
_KEYED: Final = re.compile(
    r"(?<![A-Za-z0-9])((?:response|request|elapsed|processing|process|total|upstream_response|execution)[_-]?(?:time|duration)|duration|"
    r"latency|elapsed|took|urt|rt|dur|service|runtime|time_?taken)(_?(?:ms|us|ns|s|secs?|seconds|millis|micros|nanos))?"
    rf"['\"]?\s?[=:]\s?['\"]?{_NUMBER}\s?(?:{_UNIT}(?![\w/]))?",
    re.IGNORECASE,
)
_GO: Final = re.compile(rf"(?:(\d{{1,4}})h)?(?:(\d{{1,4}})m)?(?:{_NUMBER}\s?{_UNIT})?")
_CLOCK: Final = re.compile(r"(\d{1,3}):(\d\d):(\d\d(?:\.\d{1,9})?)")


def keyed_milliseconds(text: str) -> float | None:
    """The duration that stands under a name of one: ``elapsed=12``, ``request_time: 0.012``."""
    if "=" not in text and ":" not in text:
        return None
    found = _KEYED.search(text[:2000])
    if found is None:
        return None
    unit = found[4] or (found[2] or "").lstrip("_")
    scale = _UNITS.get(unit.lower()) or named_unit(found[1] + (found[2] or "")) or 1.0
    if unit.lower() in ("micros", "nanos"):
        scale = 1e-3 if unit.lower() == "micros" else 1e-6
    return float(found[3]) * scale


def milliseconds_in(text: str) -> float | None:
    """The first duration with a unit in `text` that is no timeout, pause or age."""
    for number, found in enumerate(_WITH_UNIT.finditer(text[:2000])):
        if number >= 8:
            break
        if _OTHER.search(text[max(0, found.start() - 28) : found.start()]) is None:
            return 6e4 * int(found[1] or 0) + float(found[2]) * _UNITS[found[3]]
    return None


def named_unit(name: str) -> float | None:
    """Milliseconds of one unit of what `name` holds, where it is a duration's; None for any other name."""
    plain = name.rpartition(".")[2]
    lower = plain.lower()
    bare = lower.replace("_", "").replace("-", "")
    if bare in NAMES:
        for suffix, scale in _SUFFIXES:
            if lower.endswith(suffix) and bare not in ("elapsed",):
                return scale
        return NAMES[bare]
    for suffix, scale in _SUFFIXES:
        if lower.endswith(suffix):
            stem = lower[: -len(suffix)].rstrip("_-").replace("_", "").replace("-", "")
            if stem in NAMES or stem.removesuffix("in") in NAMES:
                return scale
    return None


def milliseconds_of(name: str, value: Any) -> float | None:
    """The duration that a field holds: a number in the unit of its name, or a text with its own (``12ms``, ``00:00:01.5``)."""
    scale = named_unit(name)
    if scale is None or isinstance(value, bool):
        return None
    if isinstance(value, (int, float)):
        return float(value) * scale if 0 <= value < 1e15 else None
    if not isinstance(value, str) or not 0 < len(value) <= 40:
        return None
    text = value.strip()
    try:
        number = float(text)
    except ValueError:
        if (clock := _CLOCK.fullmatch(text)) is not None:
            return 1000 * (3600 * int(clock[1]) + 60 * int(clock[2]) + float(clock[3]))
        found = _GO.fullmatch(text)
        if found is None or not text:
            return None
        hours, minutes, amount, unit = found.groups()
        return 3.6e6 * int(hours or 0) + 6e4 * int(minutes or 0) + (float(amount) * _UNITS[unit] if amount else 0.0)
    return number * scale if 0 <= number < 1e15 else None
