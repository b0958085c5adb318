"""A bucket lets through what it promised and nothing above it, in the order of asking."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fde_operator.bucket import Bucket

rates = st.floats(0.1, 100)
bursts = st.integers(1, 20)
steps = st.lists(st.floats(0, 5), min_size=1, max_size=30)


def times(gaps: list[float]) -> list[float]:
    now, found = 0.0, []
    for gap in gaps:
        now += gap
        found.append(now)
    return found


def most_in_any_stretch(granted: list[float], rate: float, burst: int) -> None:
    for first in range(len(granted)):
        for last in range(first, len(granted)):
            allowed = burst + rate * (granted[last] - granted[first])
            assert last - first + 1 <= allowed + 1e-6


@given(rates, bursts, steps)
def test_no_stretch_of_time_sees_more_than_burst_and_rate_allow(rate: float, burst: int, gaps: list[float]) -> None:
    bucket = Bucket(rate, burst)
    most_in_any_stretch([now + bucket.reserve(now) for now in times(gaps)], rate, burst)


@given(rates, bursts, steps)
def test_taking_is_bounded_alike(rate: float, burst: int, gaps: list[float]) -> None:
    bucket = Bucket(rate, burst)
    most_in_any_stretch([now for now in times(gaps) if bucket.take(now)], rate, burst)


@given(rates, bursts, steps)
def test_who_asks_first_is_served_first(rate: float, burst: int, gaps: list[float]) -> None:
    bucket = Bucket(rate, burst)
    turns = [now + bucket.reserve(now) for now in times(gaps)]
    assert all(after >= before - 1e-9 for before, after in itertools.pairwise(turns))


@given(rates, bursts, steps)
def test_a_bucket_asked_slower_than_its_rate_makes_nobody_wait(rate: float, burst: int, gaps: list[float]) -> None:
    bucket = Bucket(rate, burst)
    assert all(bucket.reserve(now) == pytest.approx(0, abs=1e-6) for now in times([gap + 1 / rate for gap in gaps]))


@given(rates, bursts, steps, st.floats(0, 10), st.floats(0, 10))
def test_after_a_pause_nobody_is_served_before_its_end_and_there_is_no_burst(
    rate: float, burst: int, gaps: list[float], asked: float, pause: float
) -> None:
    bucket = Bucket(rate, burst)
    bucket.reserve(0.0)
    bucket.pause(asked + pause)
    assert not bucket.take(asked) or pause == 0
    turns = [asked + now + bucket.reserve(asked + now) for now in times(gaps) if now < pause]
    assert all(turn >= asked + pause for turn in turns)
    assert all(b - a >= 1 / rate - 1e-6 for a, b in itertools.pairwise(turns))


def test_a_clock_that_goes_back_gives_nothing() -> None:
    bucket = Bucket(1.0, 1)
    assert bucket.take(100.0)
    assert not bucket.take(50.0)
    assert not bucket.take(100.5)
    assert bucket.take(101.0)


def test_a_full_bucket_is_like_a_new_one() -> None:
    bucket = Bucket(2.0, 4)
    bucket.take(0.0)
    assert not bucket.full(0.4)
    assert bucket.full(0.5)


@pytest.mark.parametrize(("rate", "burst"), [(0, 1), (-1, 1), (1, 0)])
def test_a_bucket_that_would_never_give_is_refused(rate: float, burst: float) -> None:
    with pytest.raises(ValueError):
        Bucket(rate, burst)
