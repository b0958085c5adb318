"""Timestamps as applications print them, to RFC 3339 UTC.

A timestamp without a zone is taken as UTC: a container's clock is, nearly always. A clock time without a date takes the
day of the last full timestamp (or of the default), and the next day when it runs backwards by more than half a day.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Final

UNKNOWN: Final = "1970-01-01T00:00:00.000Z"
_FULL: Final = re.compile(
    r"(\d{4})[-/](\d\d)[-/](\d\d)[T ](\d\d):(\d\d)(?::(\d\d))?(?:[.,](\d{1,9}))?\s?(Z|UTC|GMT|[+-]\d\d:?\d\d)?"
)
_SYSLOG: Final = re.compile(r"([A-Z][a-z]{2}) ([ \d]\d) (\d\d):(\d\d):(\d\d)")
_KLOG: Final = re.compile(r"(\d\d)(\d\d) (\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?")
_CLOCK: Final = re.compile(r"(\d\d):(\d\d):(\d\d)(?:[.,](\d{1,9}))?")
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
# An epoch number's unit by its size: seconds until the year 5138, then milliseconds, microseconds, nanoseconds.
_UNITS: Final = ((1e11, 1.0), (1e14, 1e3), (1e17, 1e6), (float("inf"), 1e9))


def rfc3339(when: datetime) -> str:
    """`when` in UTC with milliseconds and ``Z``."""
    return when.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def now() -> str:
    """The wall clock, RFC 3339 UTC."""
    return rfc3339(datetime.now(UTC))


def parse_full(text: str) -> datetime | None:
    """A full date and time at the start of `text`, or None."""
    found = _FULL.match(text)
    if not found:
        return None
    year, month, day, hour, minute, second, fraction, zone = found.groups()
    try:
        moment = datetime(
            int(year), int(month), int(day), int(hour), int(minute), int(second or 0), _micros(fraction), tzinfo=UTC
        )
    except ValueError:
        return None
    if zone and zone[0] in "+-":
        offset = timedelta(hours=int(zone[1:3]), minutes=int(zone[-2:]))
        try:
            moment = moment - offset if zone[0] == "+" else moment + offset
        except OverflowError:
            return None
    return moment


def from_number(value: float) -> datetime | None:
    """An epoch number in seconds, milliseconds, microseconds or nanoseconds, told apart by size."""
    scale = next(divisor for limit, divisor in _UNITS if value < limit)
    if not 1e8 <= value / scale < 1e11:
        return None
    return datetime.fromtimestamp(value / scale, UTC)


class Clock:
    """Turns the timestamp texts of one file into RFC 3339. `default` stands where a record has none.

    `live`: the default is the present moment, so a clock time without a date that lies ahead of it was yesterday's.
    """

    def __init__(self, default: str | None = None, *, live: bool = False) -> None:
        self._ahead = timedelta(minutes=5) if live else timedelta(hours=12)
        self._default = parse_full(default) if default else None
        self._last: datetime | None = None
        self._passed: str | None = None

    def default_to(self, default: str) -> None:
        """The time for records without one, from now on (the sidecar's own clock, when it follows a file)."""
        self._default = parse_full(default)

    def pass_by(self, text: str | float | None) -> None:
        """A record of this time is none of ours; a later one without a date takes its day from it. Costs next to nothing."""
        if isinstance(text, str) and text[4:5] in ("-", "/"):
            self._passed = text  # looked into when somebody asks
        else:
            self.read(text)

    def read(self, text: str | float | None) -> str:
        """RFC 3339 for a printed timestamp; the default (or the epoch's start) when it is missing or no date."""
        if self._passed is not None:
            self._last, self._passed = parse_full(self._passed) or self._last, None
        moment = self._moment(text)
        if moment is None:
            known = self._last or self._default
            return rfc3339(known) if known else UNKNOWN
        self._last = moment
        return rfc3339(moment)

    def _moment(self, text: str | float | None) -> datetime | None:
        if text is None or text == "":
            return self._default
        if not isinstance(text, str):
            return from_number(float(text))
        if (full := parse_full(text)) is not None:
            return full
        if re.fullmatch(r"\d{9,19}(?:\.\d+)?", text):
            return from_number(float(text))
        anchor = self._last or self._default or datetime(1970, 1, 1, tzinfo=UTC)
        if found := _KLOG.match(text):
            month, day, hour, minute, second, fraction = found.groups()
            return _dated(anchor, int(month), int(day), (hour, minute, second), fraction)
        if (found := _SYSLOG.match(text)) and found[1] in _MONTHS:
            return _dated(anchor, _MONTHS.index(found[1]) + 1, int(found[2]), found.groups()[2:], None)
        if found := _CLOCK.match(text):
            hour, minute, second, fraction = found.groups()
            moment = _dated(anchor, anchor.month, anchor.day, (hour, minute, second), fraction)
            if moment and anchor - moment > timedelta(hours=12):
                moment += timedelta(days=1)
            elif moment and self._last is None and moment - anchor > self._ahead:
                moment -= timedelta(days=1)  # read just after midnight, printed just before it
            return moment
        return None


def _dated(anchor: datetime, month: int, day: int, clock: tuple[str, ...], fraction: str | None) -> datetime | None:
    """A date without a year takes the anchor's, or the neighbour's when that is nearer."""
    hour, minute, second = (int(part) for part in clock)
    candidates = []
    for year in (anchor.year - 1, anchor.year, anchor.year + 1):
        try:
            candidates.append(datetime(year, month, day, hour, minute, second, _micros(fraction), tzinfo=UTC))
        except ValueError:
            continue
    return min(candidates, key=lambda moment: abs(moment - anchor), default=None)


def _micros(fraction: str | None) -> int:
    return int((fraction or "0").ljust(6, "0")[:6])
