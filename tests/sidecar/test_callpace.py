"""Pacing of calls: all of a quiet log, a fair share of a busy one, and every one that tells of a quota."""

from __future__ import annotations

from fde_sidecar.callpace import READ_A_SECOND, PacedCalls
from fde_sidecar.clock import Clock
from fde_sidecar.frame import Framer, Record
from fde_sidecar.reading import Call


def records(count: int, status: int = 200) -> list[Record]:
    lines = (
        f"2026-10-10T06:00:00.000Z INFO [http] GET https://api.stripe.com/v1/charges {status} in {20 + n % 7} ms\n"
        for n in range(count)
    )
    framer = Framer()
    return [*framer.feed("".join(lines).encode()), *framer.flush()]


def read(paced: PacedCalls, given: list[Record], moments: list[float], per_second: int) -> list[Call]:
    found = []
    for number, record in enumerate(given):
        moments[0] = number / per_second
        found += paced(record, Clock())
    return found


def test_a_quiet_log_is_read_whole() -> None:
    moments = [0.0]
    paced = PacedCalls(lambda: moments[0])
    assert len(read(paced, records(500), moments, per_second=100)) == 500


def test_of_a_busy_log_about_two_hundred_a_second_are_read_and_they_are_like_all() -> None:
    moments = [0.0]
    paced = PacedCalls(lambda: moments[0])
    found = read(paced, records(40_000), moments, per_second=4_000)
    seconds = 10
    assert READ_A_SECOND * seconds * 0.5 < len(found) < READ_A_SECOND * seconds * 2
    assert {call.duration_ms for call in found} == {20 + n for n in range(7)}
    assert all(call.weighed for call in found)


def test_a_call_that_hit_a_quota_is_read_always_and_weighs_nothing() -> None:
    moments = [0.0]
    paced = PacedCalls(lambda: moments[0])
    read(paced, records(8_000), moments, per_second=4_000)
    found = [call for record in records(50, status=429) for call in paced(record, Clock())]
    assert [call.status for call in found] == [429] * 50
    assert sum(call.weighed for call in found) < 10


def test_when_the_log_is_quiet_again_it_is_read_whole_again() -> None:
    moments = [0.0]
    paced = PacedCalls(lambda: moments[0])
    read(paced, records(8_000), moments, per_second=4_000)
    moments[0] = 100.0
    quiet = records(600)
    found = []
    for number, record in enumerate(quiet):
        moments[0] = 100.0 + number / 10
        found.append(len(paced(record, Clock())))
    assert sum(found[-200:]) == 200
