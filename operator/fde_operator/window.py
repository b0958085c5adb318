"""Maintenance windows: when a customer lets a running deployment change by itself.

spec.lifecycle -> window_of() -> Window -> opening(at) -> the Opening under way, else the next one

A window is written in wall-clock times, and read as RFC 5545 and Temporal ("compatible") read such times:

* a time that the clocks skip (spring, the gap) is as much later as they skip: 02:30 is 03:30 on that day;
* a time that comes twice (autumn, the fold) is the first of the two;
* start and end are read each by itself, so a window across the change is an hour shorter or longer, and never ends later
  than the customer wrote. Only where the gap has swallowed the start and the end comes out before it, the window keeps its
  length. Every window therefore opens every time, and for some time.

`sat 23:00-01:00` opens on Saturday and closes on Sunday; `daily 23:00-01:00` opens every evening. The end is outside.
Time zones come from the machine, or else from the package tzdata.
"""

from __future__ import annotations

import difflib
import re
from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import cache
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from fde_api.deployment import Lifecycle
from fde_operator.errors import Held

_DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_WINDOW: Final = re.compile(
    rf"(?P<day>{'|'.join(_DAYS)}|daily) (?P<starts>([01]\d|2[0-3]):[0-5]\d)-(?P<ends>([01]\d|2[0-3]):[0-5]\d)", re.ASCII
)
# What a machine's database holds beside zones: the machine's own, copies that count leap seconds, a placeholder.
_NO_ZONE: Final = re.compile(r"(posix|right|localtime|posixrules|Factory)(/.*)?")
_SHOWN: Final = 3
# Days looked at around a moment: an opening of the day before may be under way, the next one is a week away at most, and
# a zone that crosses the date line skips or repeats a day.
_BEFORE: Final = 2
_AFTER: Final = 9


@dataclass(frozen=True, slots=True)
class Opening:
    """One time that a window is open. Both are UTC; `ends` is outside. `zone`: for showing them."""

    starts: datetime
    ends: datetime
    zone: tzinfo

    def holds(self, at: datetime) -> bool:
        """Whether it is open at this moment."""
        return self.starts <= at < self.ends

    def __str__(self) -> str:
        """When it starts, RFC 3339 with the zone's offset: ``2026-11-22T02:00:00+01:00``."""
        return self.starts.astimezone(self.zone).isoformat(timespec="seconds")


@dataclass(frozen=True, slots=True)
class Window:
    """`weekday`: 0 is Monday, None every day: the day on which it opens. `starts`, `ends`: wall clock in `zone`."""

    weekday: int | None
    starts: time
    ends: time
    zone: tzinfo

    def opening(self, at: datetime) -> Opening:
        """The opening under way at `at` (any zone, never naive), else the next one."""
        at = at.astimezone(UTC)
        today = at.astimezone(self.zone).date()
        days = (today + timedelta(days=n) for n in range(-_BEFORE, _AFTER + 1))
        openings = (self._on(day) for day in days if self.weekday in (None, day.weekday()))
        return next(opening for opening in openings if opening.ends > at)

    def _on(self, day: date) -> Opening:
        overnight = self.ends <= self.starts
        starts = _instant(day, self.starts, self.zone)
        ends = _instant(day + timedelta(days=overnight), self.ends, self.zone)
        if ends <= starts:
            length = _minutes(self.ends) - _minutes(self.starts) + (24 * 60 if overnight else 0)
            ends = starts + timedelta(minutes=length)
        return Opening(starts, ends, self.zone)


def window_of(lifecycle: Lifecycle) -> Window | None:
    """The window of a deployment, None when it has none. :class:`Held` says what is wrong with window or zone.

    The zone is looked up without a window too: a CronJob's schedule is in it.
    """
    zone = zone_of(lifecycle.time_zone)
    text = lifecycle.maintenance_window
    if text is None:
        return None
    found = _WINDOW.fullmatch(text)
    if found is None:
        raise Held(
            "WindowInvalid",
            f"lifecycle.maintenanceWindow {text!r} is not a window: write it like `sun 02:00-04:00` or `daily 23:00-01:00`",
        )
    starts, ends = time.fromisoformat(found["starts"]), time.fromisoformat(found["ends"])
    if starts == ends:
        raise Held("WindowInvalid", f"lifecycle.maintenanceWindow {text!r} is empty: it starts when it ends")
    weekday = None if found["day"] == "daily" else _DAYS.index(found["day"])
    return Window(weekday, starts, ends, zone)


@cache
def zone_of(name: str | None) -> tzinfo:
    """The zone of that IANA name; None is UTC. :class:`Held` names those that are near."""
    if name in (None, "UTC"):
        return UTC
    try:
        if _NO_ZONE.fullmatch(str(name)) is None:
            return ZoneInfo(str(name))
    except (ZoneInfoNotFoundError, ValueError, OSError):
        pass  # not in the database, no name at all, or a folder of it
    raise Held("TimeZoneUnknown", f"lifecycle.timeZone {name!r} is no IANA time zone. {_advice(str(name))}")


def _advice(name: str) -> str:
    known = {zone for zone in available_timezones() if _NO_ZONE.fullmatch(zone) is None}
    if not known:
        return "This operator has no time zone database: install the package tzdata in its image, or write UTC."
    places: dict[str, list[str]] = defaultdict(list)  # a city alone names its zone
    for zone in sorted(known):
        for spelling in {zone.lower(), zone.lower().rpartition("/")[2]}:
            places[spelling].append(zone)
    asked = name.strip().lower().replace(" ", "_")
    near = difflib.get_close_matches(asked, places, n=_SHOWN)
    near += difflib.get_close_matches(asked.rpartition("/")[2], places, n=_SHOWN)
    zones = list(dict.fromkeys(zone for spelling in near for zone in places[spelling]))[:_SHOWN]
    return (f"Did you mean {' or '.join(zones)}? " if zones else "") + "Write it like Europe/Berlin, or UTC."


def _instant(day: date, wall: time, zone: tzinfo) -> datetime:
    """The moment of a wall-clock time. fold=0 is what RFC 5545 asks: the first of two, and in a gap the offset before it."""
    return datetime.combine(day, wall, zone).astimezone(UTC)


def _minutes(wall: time) -> int:
    return wall.hour * 60 + wall.minute
