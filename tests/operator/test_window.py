"""Maintenance windows against a brute force that looks at every minute and knows no arithmetic of time zones."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from fde_api.deployment import Lifecycle
from fde_operator import window as module
from fde_operator.errors import Held
from fde_operator.window import Window, window_of, zone_of

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
MINUTE = timedelta(minutes=1)
# Days around which the clocks of a zone change, or do not.
AROUND = (
    ("Europe/Berlin", date(2026, 3, 29)),
    ("Europe/Berlin", date(2026, 10, 25)),
    ("America/New_York", date(2026, 3, 8)),
    ("America/New_York", date(2026, 11, 1)),
    ("Australia/Lord_Howe", date(2026, 4, 5)),
    ("Australia/Lord_Howe", date(2026, 10, 4)),
    ("Asia/Kathmandu", date(2026, 7, 15)),
)


def lifecycle(text: str | None, zone: str | None = None) -> Lifecycle:
    return Lifecycle(phase="production", maintenance_window=text, time_zone=zone)


def window(text: str, zone: str | None = None) -> Window:
    found = window_of(lifecycle(text, zone))
    assert found is not None
    return found


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


@cache
def clock(zone: str, around: date) -> dict[datetime, datetime]:
    """Three weeks, minute by minute: what the wall clock shows, and when (UTC) it does so for the first time."""
    began = datetime.combine(around - timedelta(days=10), time(), UTC)
    found: dict[datetime, datetime] = {}
    for n in range(21 * 24 * 60):
        moment = began + n * MINUTE
        found.setdefault(moment.astimezone(ZoneInfo(zone)).replace(tzinfo=None, fold=0), moment)
    return found


def moment_of(zone: str, around: date, wall: datetime) -> datetime:
    """The rule, read off the clock: the first time it shows `wall`; skipped, as much later as is missing."""
    shown, last = clock(zone, around), wall
    while last not in shown:
        last -= MINUTE
    return shown[last] + (wall - last)


def openings(zone: str, around: date, text: str) -> list[tuple[datetime, datetime]]:
    day_name, _, hours = text.partition(" ")
    starts, ends = (time.fromisoformat(part) for part in hours.split("-"))
    found = []
    for n in range(-9, 9):
        day = around + timedelta(days=n)
        if day_name not in ("daily", DAYS[day.weekday()]):
            continue
        first = datetime.combine(day, starts)
        last = datetime.combine(day, ends)
        last = last if last > first else last + timedelta(days=1)
        begin, end = moment_of(zone, around, first), moment_of(zone, around, last)
        found.append((begin, end if end > begin else begin + (last - first)))
    return found


times = st.times().map(lambda t: t.replace(second=0, microsecond=0, tzinfo=None))
near_change = st.sampled_from([time(h, m) for h in (0, 1, 2, 3, 23) for m in (0, 15, 30, 59)])


@given(
    st.sampled_from(AROUND),
    st.sampled_from((*DAYS, "daily")),
    times | near_change,
    times | near_change,
    st.integers(-24 * 60, 24 * 60),
)
@example(("Europe/Berlin", date(2026, 3, 29)), "sun", time(2, 30), time(3, 0), 0)  # the gap swallows the start
@example(("Australia/Lord_Howe", date(2026, 10, 4)), "daily", time(2, 0), time(2, 15), 0)  # a gap of half an hour
@example(("Europe/Berlin", date(2026, 10, 25)), "sat", time(23, 0), time(2, 30), 0)  # over midnight, into the fold
def test_the_opening_is_the_one_that_a_look_at_every_minute_finds(
    where: tuple[str, date], day: str, starts: time, ends: time, minutes: int
) -> None:
    zone, around = where
    if starts == ends:
        return
    text = f"{day} {starts:%H:%M}-{ends:%H:%M}"
    at = datetime.combine(around, time(12), UTC) + minutes * MINUTE
    expected = next((begin, end) for begin, end in openings(zone, around, text) if end > at)
    found = window(text, zone).opening(at)
    assert (found.starts, found.ends) == expected
    assert found.holds(at) == (expected[0] <= at < expected[1])


@pytest.mark.parametrize(
    ("text", "zone", "at", "starts", "ends"),
    [
        ("sun 02:00-04:00", None, "2026-11-21T12:00Z", "2026-11-22T02:00Z", "2026-11-22T04:00Z"),
        ("sun 02:00-04:00", "Europe/Berlin", "2026-11-21T12:00Z", "2026-11-22T01:00Z", "2026-11-22T03:00Z"),
        ("daily 23:00-01:00", "Asia/Kathmandu", "2026-11-21T18:00Z", "2026-11-21T17:15Z", "2026-11-21T19:15Z"),
        # Berlin, 29 March: 02:00 to 03:00 are skipped. One hour is left of two.
        ("sun 02:00-04:00", "Europe/Berlin", "2026-03-28T12:00Z", "2026-03-29T01:00Z", "2026-03-29T02:00Z"),
        ("sun 02:15-02:45", "Europe/Berlin", "2026-03-28T12:00Z", "2026-03-29T01:15Z", "2026-03-29T01:45Z"),
        ("sun 02:30-03:00", "Europe/Berlin", "2026-03-28T12:00Z", "2026-03-29T01:30Z", "2026-03-29T02:00Z"),
        # Berlin, 25 October: 02:00 to 03:00 come twice; a time that does is the first.
        ("sun 02:00-04:00", "Europe/Berlin", "2026-10-24T12:00Z", "2026-10-25T00:00Z", "2026-10-25T03:00Z"),
        ("sun 02:00-02:30", "Europe/Berlin", "2026-10-24T12:00Z", "2026-10-25T00:00Z", "2026-10-25T00:30Z"),
        # Lord Howe moves by half an hour: 02:00 is 02:30 on 4 October.
        ("sun 02:00-03:00", "Australia/Lord_Howe", "2026-10-03T12:00Z", "2026-10-03T15:30Z", "2026-10-03T16:00Z"),
        ("sun 01:45-02:15", "Australia/Lord_Howe", "2026-04-04T12:00Z", "2026-04-04T14:45Z", "2026-04-04T15:45Z"),
    ],
)
def test_wall_clock_times_are_read_as_rfc_5545_reads_them(
    text: str, zone: str | None, at: str, starts: str, ends: str
) -> None:
    found = window(text, zone).opening(utc(at))
    assert (found.starts, found.ends) == (utc(starts), utc(ends))


def test_the_end_is_outside_and_the_next_opening_is_told_with_the_zone_s_offset() -> None:
    found = window("sun 01:00-04:00", "America/New_York")
    last = found.opening(utc("2026-11-01T08:59:59Z"))  # 03:59:59 EST, in the window that began in summer time
    assert last.holds(utc("2026-11-01T08:59:59Z"))
    assert not last.holds(utc("2026-11-01T09:00:00Z"))
    assert (str(last), str(found.opening(last.ends))) == ("2026-11-01T01:00:00-04:00", "2026-11-08T01:00:00-05:00")


@pytest.mark.parametrize(
    "text", ["sun 02:00", "SUN 02:00-04:00", "sun 2:00-4:00", "sun 24:00-01:00", "", "sun 02:00-04:00 "]
)
def test_what_is_no_window_is_held_with_an_example(text: str) -> None:
    with pytest.raises(Held, match="sun 02:00-04:00") as held:
        window_of(lifecycle(text))
    assert held.value.reason == "WindowInvalid"


def test_an_empty_window_is_held() -> None:
    with pytest.raises(Held, match="starts when it ends"):
        window_of(lifecycle("sun 02:00-02:00"))


@pytest.mark.parametrize(
    ("zone", "near"),
    [
        ("Europe/Berln", "Did you mean Europe/Berlin"),
        ("berlin", "Did you mean Europe/Berlin"),
        ("New York", "Did you mean America/New_York"),
        ("Europa/Lisbon", "Did you mean Europe/Lisbon"),
        ("Europe", "Write it like Europe/Berlin"),
        ("Mars/Olympus", "Write it like Europe/Berlin"),
        ("../../etc/passwd", "Write it like Europe/Berlin"),
        ("localtime", "Write it like Europe/Berlin"),  # every operator's own: it would mean something else elsewhere
        ("", "Write it like Europe/Berlin"),
    ],
)
def test_an_unknown_zone_is_held_and_near_ones_are_named(zone: str, near: str) -> None:
    with pytest.raises(Held) as held:
        window_of(lifecycle(None, zone))
    assert held.value.reason == "TimeZoneUnknown"
    assert near in str(held.value)


def test_without_a_time_zone_database_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    def none(name: str) -> ZoneInfo:
        raise module.ZoneInfoNotFoundError(name)

    monkeypatch.setattr(module, "ZoneInfo", none)
    monkeypatch.setattr(module, "available_timezones", set)
    with pytest.raises(Held, match="tzdata"):
        zone_of("Europe/Vaduz")
    assert zone_of("UTC") is UTC


def test_no_window_is_no_window() -> None:
    assert window_of(lifecycle(None, "Europe/Berlin")) is None
