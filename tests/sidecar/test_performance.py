"""Shifts of latency and error rate: what alarms, what does not, how soon, and how much may leave."""

from __future__ import annotations

import random
import time
import tracemalloc
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fde_events.event import PerformanceEvent
from fde_sidecar.performance import Baselines
from fde_sidecar.performance.baselines import MAX_ENDPOINTS, MAX_EVENTS_A_MINUTE
from fde_sidecar.performance.histogram import above, bin_of, empty, latency_at, quantile
from fde_sidecar.performance.shift import evidence
from fde_sidecar.reading import Call
from fde_sidecar.redact import Redactor
from fde_sidecar.sample import Sampler

_EPOCH = 1_767_225_600  # 2026-01-01T00:00:00Z
ENDPOINT = "GET api.stripe.com/v1/charges"


def stamp(second: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(_EPOCH + second))


def calls(
    start: float, minutes: int, milliseconds: Callable[[], float], errors: float = 0.0, rng: random.Random | None = None
) -> Iterator[Call]:
    """One call a second."""
    rng = rng or random.Random(1)
    for minute in range(minutes):
        when = stamp(start + 60 * minute)
        for _ in range(60):
            yield Call(when, ENDPOINT, milliseconds(), 500 if rng.random() < errors else 200)


def observed(baselines: Baselines, stream: Iterator[Call]) -> list[PerformanceEvent]:
    return [event for call in stream for event in baselines.observe(call)]


def log_normal(median: float, sigma: float, seed: int) -> Callable[[], float]:
    rng = random.Random(seed)
    return lambda: median * rng.lognormvariate(0.0, sigma)


def pareto(least: float, seed: int) -> Callable[[], float]:
    rng = random.Random(seed)
    return lambda: least * rng.paretovariate(1.2)


def two_modes(seed: int) -> Callable[[], float]:
    rng = random.Random(seed)
    return lambda: rng.lognormvariate(0.0, 0.2) * (5.0 if rng.random() < 0.5 else 120.0)


@pytest.mark.seconds
@pytest.mark.parametrize(
    "latency", [log_normal(40, 0.5, 1), log_normal(40, 1.5, 2), pareto(20, 3), two_modes(4)], ids=["log-normal", "wide", "pareto", "two modes"]
)  # fmt: skip
def test_what_stays_as_it_was_raises_no_alarm_in_a_day(latency: Callable[[], float]) -> None:
    assert observed(Baselines(), calls(0, 24 * 60, latency, 0.01)) == []


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("sigma", [0.3, 1.0])
def test_twice_as_slow_is_told_once_within_ten_minutes_and_its_end_once(seed: int, sigma: float) -> None:
    baselines = Baselines()
    assert observed(baselines, calls(0, 60, log_normal(40, sigma, seed), 0.01)) == []
    slow = observed(baselines, calls(3600, 10, log_normal(80, sigma, seed), 0.01))
    (told,) = slow
    assert (told.metric, told.direction, told.recovered, told.unit) == ("latency", "up", False, "ms")
    assert told.observed > 1.25 * told.baseline
    again = observed(baselines, calls(4200, 20, log_normal(80, sigma, seed), 0.01))
    assert again == []
    (back,) = observed(baselines, calls(5400, 20, log_normal(40, sigma, seed), 0.01))
    assert (back.metric, back.direction, back.recovered) == ("latency", "up", True)


def test_twice_as_fast_is_told_as_well() -> None:
    baselines = Baselines()
    observed(baselines, calls(0, 60, log_normal(40, 0.5, 1)))
    (told,) = observed(baselines, calls(3600, 10, log_normal(20, 0.5, 2)))
    assert (told.metric, told.direction, told.statistic) == ("latency", "down", "p50")


def test_a_slow_tail_is_told_where_the_median_stays() -> None:
    rng = random.Random(5)
    baselines = Baselines()
    observed(baselines, calls(0, 60, lambda: 40 * rng.lognormvariate(0, 0.3)))
    (told,) = observed(
        baselines, calls(3600, 12, lambda: (2000 if rng.random() < 0.2 else 40) * rng.lognormvariate(0, 0.3))
    )
    assert (told.direction, told.statistic) == ("up", "p95")


@pytest.mark.parametrize("seed", range(6))
def test_ten_times_the_errors_are_told_once_within_ten_minutes_and_their_end_once(seed: int) -> None:
    rng = random.Random(seed)
    baselines = Baselines()
    assert observed(baselines, calls(0, 60, lambda: 40.0, 0.01, rng)) == []
    (told,) = observed(baselines, calls(3600, 10, lambda: 40.0, 0.10, rng))
    assert (told.metric, told.direction, told.unit, told.statistic) == ("error-rate", "up", "1", "rate")
    assert told.baseline < 0.05 < told.observed
    (back,) = observed(baselines, calls(4200, 20, lambda: 40.0, 0.01, rng))
    assert back.recovered


def test_one_bad_minute_is_no_shift() -> None:
    baselines = Baselines()
    observed(baselines, calls(0, 60, lambda: 40.0))
    assert observed(baselines, calls(3600, 1, lambda: 4000.0, 1.0)) == []
    assert observed(baselines, calls(3660, 30, lambda: 40.0)) == []


def test_a_shift_that_lasts_an_hour_is_what_is_usual_and_going_back_is_a_shift() -> None:
    baselines = Baselines()
    observed(baselines, calls(0, 60, log_normal(40, 0.3, 1)))
    (up,) = observed(baselines, calls(3600, 120, log_normal(120, 0.3, 2)))
    (down,) = observed(baselines, calls(10_800, 15, log_normal(40, 0.3, 3)))
    assert (up.direction, up.recovered, down.direction, down.recovered) == ("up", False, "down", False)


def test_a_few_calls_say_nothing_and_rare_ones_need_their_time() -> None:
    rare = (Call(stamp(60 * minute), ENDPOINT, 40.0 if minute < 600 else 400.0, 200) for minute in range(1200))
    told = observed(Baselines(), rare)
    assert [event.direction for event in told] == ["up"]
    few = (Call(stamp(600 * n), ENDPOINT, float(10 ** (n % 5)), 500 if n % 7 == 0 else 200) for n in range(100))
    assert observed(Baselines(), few) == []


def test_not_found_is_an_answer_and_not_an_error() -> None:
    baselines = Baselines()
    observed(baselines, calls(0, 60, lambda: 40.0))
    assert observed(baselines, (Call(stamp(3600 + n), ENDPOINT, 40.0, 404) for n in range(900))) == []


@settings(max_examples=25, deadline=None)
@given(st.floats(0, 1e7), st.integers(1, 90), st.sampled_from([200, 404, 500]))
def test_a_constant_stream_never_alarms(milliseconds: float, each_minute: int, status: int) -> None:
    baselines = Baselines()
    for minute in range(45):
        for _ in range(each_minute):
            assert baselines.observe(Call(stamp(60 * minute), ENDPOINT, milliseconds, status)) == ()


events = st.builds(
    Call,
    time=st.integers(0, 7200).map(stamp) | st.sampled_from(["", "yesterday", "2099-01-01T00:00:00Z", "1970-01-01T00:00:00Z", "0001-01-01T00:00:00+23:00"]),
    endpoint=st.sampled_from(["GET a/x", "GET b/{id}", "other", ""]),
    duration_ms=st.none() | st.floats(allow_nan=True),
    status=st.none() | st.integers(100, 599),
    failed=st.booleans(),
    count=st.integers(-1, 500),
)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(st.lists(events, max_size=60), st.lists(events, max_size=60))
def test_saving_and_restoring_changes_nothing(before: list[Call], after: list[Call]) -> None:
    baselines = Baselines(endpoints=2)
    observed(baselines, iter(before))
    restored = Baselines.restored(baselines.save(), endpoints=2)
    assert restored.save() == baselines.save()
    assert observed(restored, iter(after)) == observed(baselines, iter(after))
    assert restored.save() == baselines.save()


def test_a_shift_under_way_survives_a_restart() -> None:
    baselines = Baselines()
    observed(baselines, calls(0, 60, log_normal(40, 0.3, 1)))
    (told,) = observed(baselines, calls(3600, 10, log_normal(120, 0.3, 2)))
    baselines = Baselines.restored(baselines.save())
    assert observed(baselines, calls(4200, 5, log_normal(120, 0.3, 3))) == []
    (back,) = observed(baselines, calls(4500, 10, log_normal(40, 0.3, 4)))
    assert (told.recovered, back.recovered) == (False, True)


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_what_cannot_be_restored_warms_up_again(garbage: bytes) -> None:
    assert Baselines.restored(garbage).watched == 0


def test_half_of_what_was_saved_warms_up_again() -> None:
    baselines = Baselines()
    observed(baselines, calls(0, 30, lambda: 40.0))
    saved = baselines.save()
    assert Baselines.restored(saved[: len(saved) // 2]).watched == 0


def test_a_clock_that_jumps_ahead_or_back_neither_alarms_nor_stops_watching() -> None:
    baselines = Baselines()
    latency = log_normal(40, 0.3, 1)
    told = observed(baselines, calls(0, 40, latency))
    told += observed(baselines, iter([Call("2099-01-01T00:00:00Z", ENDPOINT, 40.0, 200)]))
    told += observed(baselines, calls(2400, 40, latency))
    told += observed(baselines, calls(-86_400, 40, latency))
    assert told == []
    assert len(observed(baselines, calls(-84_000, 10, log_normal(120, 0.3, 2)))) == 1


def test_late_calls_count_where_they_arrive() -> None:
    rng = random.Random(3)
    stream = list(calls(0, 120, log_normal(40, 0.3, 1)))
    late = sorted(range(len(stream)), key=lambda at: at + rng.randrange(240))
    assert observed(Baselines(), (stream[at] for at in late)) == []


@pytest.mark.seconds
def test_a_storm_of_a_hundred_thousand_calls_over_a_thousand_endpoints_has_bounded_egress() -> None:
    baselines = Baselines()
    names = [f"GET h{number}.acme.internal/v1/x" for number in range(1000)]
    by_minute: dict[str, int] = {}
    for minute in range(66):
        latency, status = (40.0, 200) if minute < 30 else (400.0, 503)
        for name in names:
            call = Call(stamp(60 * minute), name, latency, status, count=30)
            for event in (*baselines.observe(call), *baselines.observe(call)):
                by_minute[event.time[:16]] = by_minute.get(event.time[:16], 0) + 1
    assert sum(by_minute.values()) == 2000  # two a shift of an endpoint; none is forgotten for want of room: it waits
    assert max(by_minute.values()) <= MAX_EVENTS_A_MINUTE


def test_points_that_stand_for_many_calls_are_not_taken_for_many_that_agree() -> None:
    rng = random.Random(1)
    told = 0
    for number in range(40):
        baselines = Baselines()
        for minute in range(240):
            call = Call(stamp(60 * minute), f"GET h{number}.example/", 40 * rng.lognormvariate(0, 0.2), 200, count=60)
            told += len(baselines.observe(call))
    assert told <= 2


def test_an_endpoint_costs_a_few_kilobytes() -> None:
    baselines = Baselines()
    tracemalloc.start()
    for minute in range(30):
        for number in range(20):
            baselines.observe(Call(stamp(60 * minute), f"GET h{number}.example/", 40.0, 200, count=60))
    used, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert used / 20 < 12 * 1024


def test_there_is_a_last_endpoint_and_the_others_are_one_whose_errors_count() -> None:
    baselines = Baselines()
    for number in range(3 * MAX_ENDPOINTS):
        baselines.observe(Call(stamp(0), f"GET h{number}.example/", 40.0, 200))
    assert baselines.watched == MAX_ENDPOINTS + 1
    told = []
    for minute in range(60):
        for number in range(60):
            status = 500 if minute >= 40 and number % 2 else 200
            call = Call(
                stamp(60 * minute),
                f"GET late{number}.example/",
                40.0 * (1 + 9 * (minute >= 40)),
                status,
                server_address="late.example",
            )
            told += baselines.observe(call)
    assert [(event.metric, event.endpoint, event.server_address) for event in told] == [("error-rate", "other", None)]


def test_endpoints_that_nobody_calls_any_more_make_room() -> None:
    baselines = Baselines(endpoints=4)
    for number in range(4):
        baselines.observe(Call(stamp(0), f"GET h{number}.example/", 40.0, 200))
    baselines.observe(Call(stamp(2 * 86_400), "GET new.example/", 40.0, 200))
    assert baselines.watched == 1


def test_nothing_of_the_customer_leaves_with_a_shift() -> None:
    baselines = Baselines()
    stream = [
        Call(stamp(second), "GET orders.acme.internal/v1/orders/{id}", 40.0 if second < 3600 else 90.0, 200, server_address="orders.acme.internal", service="acme-shop")
        for second in range(4200)
    ]  # fmt: skip
    (told,) = observed(baselines, iter(stream))
    clean = Redactor(b"k" * 32, "strict", lambda event: event).event(told)
    assert isinstance(clean, PerformanceEvent)
    assert "acme" not in repr(clean)
    assert Sampler(1).take(clean) is None


@pytest.mark.seconds
def test_a_hundred_thousand_calls_cost_three_seconds_of_processor_at_most() -> None:
    latency = log_normal(40, 1.0, 1)
    stream = list(calls(0, 1667, latency))
    baselines = Baselines()
    start = time.process_time()
    for call in stream:
        baselines.observe(call)
    assert len(stream) / (time.process_time() - start) > 30_000


@settings(deadline=None)
@given(st.lists(st.floats(0.02, 1e6), min_size=1, max_size=200), st.floats(0.01, 0.99))
def test_a_quantile_is_right_to_within_a_bin(values: list[float], level: float) -> None:
    counts = empty()
    for value in values:
        counts[bin_of(value)] += 1
    exact = sorted(values)[min(len(values) - 1, max(0, -int(-level * len(values) // 1) - 1))]
    assert exact / 1.16 <= latency_at(quantile(counts, level)) <= exact * 1.16
    assert above(counts, -1.0) == len(values)


@settings(deadline=None)
@given(st.integers(0, 100), st.integers(0, 1000))
def test_equal_shares_are_no_evidence(some: int, more: int) -> None:
    of_some, of_more = 100, 1000
    told = evidence(some, of_some, more, of_more)
    assert told >= -1e-9
    if some * of_more == more * of_some:
        assert told == pytest.approx(0.0, abs=1e-9)
