"""Gates: up by numbers, down by the last ones, and never to and fro."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import assume
from hypothesis import given as law
from hypothesis import strategies as st

from fde_api.library import BetaGate, Demotion, Gates, PatternLibrarySpec, ProductionGate
from fde_operator.gates import Numbers, grade, missing, seconds
from fde_operator.maturity import LEVELS, rank
from fde_operator.record import Sample

SPEC = PatternLibrarySpec()  # beta 0.95, 24h, 3; production 0.99, 8h, 10; last 20, at least 5, 0.05


def numbers(attempts: int = 20, successes: int = 20, took_s: int | None = 60, customers: int = 10) -> Numbers:
    """Whatever failed is among the last 20."""
    failed = attempts - successes
    last = min(attempts, 20)
    return Numbers(Sample(attempts, successes, took_s), Sample(last, max(0, last - failed), took_s), customers)


@pytest.mark.parametrize(
    ("shown", "level"),
    [
        (numbers(0, 0, None, 0), "experimental"),
        (numbers(2, 2, 60, 2), "experimental"),
        (numbers(3, 3, 60, 3), "beta"),
        (numbers(20, 19, 60, 3), "beta"),  # 0.95 exactly
        (numbers(20, 18, 60, 3), "experimental"),
        (numbers(20, 20, 8 * 3600, 10), "production"),
        (numbers(20, 20, 8 * 3600 + 1, 10), "beta"),
        (numbers(20, 20, 24 * 3600 + 1, 10), "experimental"),
        (numbers(20, 20, 60, 9), "beta"),
        (numbers(100, 99, 60, 10), "beta"),  # 0.99 of all, and 0.95 of the last
    ],
)
def test_a_version_climbs_as_far_as_its_numbers_carry(shown: Numbers, level: str) -> None:
    assert grade(SPEC, shown, "experimental").maturity == level


@pytest.mark.parametrize(
    ("before", "recent", "level"),
    [
        ("production", Sample(20, 20, 60), "production"),
        ("production", Sample(20, 19, 60), "production"),  # 0.95: below 0.99, within the tolerance
        ("production", Sample(20, 18, 60), "beta"),  # 0.90 < 0.94; beta's 0.95 - 0.05 holds
        ("production", Sample(20, 17, 60), "experimental"),
        ("production", Sample(4, 0, 60), "production"),  # too few to say
        ("production", Sample(20, 20, int(8 * 3600 * 1.05)), "production"),
        ("production", Sample(20, 20, int(8 * 3600 * 1.05) + 1), "beta"),
        ("beta", Sample(5, 4, 60), "experimental"),
        ("experimental", Sample(20, 0, 60), "experimental"),
    ],
)
def test_a_version_falls_by_its_last_attempts_and_by_more_than_the_tolerance(
    before: str, recent: Sample, level: str
) -> None:
    shown = Numbers(Sample(100, 80, 60), recent, 50)
    assert grade(SPEC, shown, before).maturity == level


def test_customers_who_leave_demote_nothing() -> None:
    assert grade(SPEC, numbers(customers=1), "production").maturity == "production"


def test_a_grade_says_why_it_moved_and_what_is_lacking() -> None:
    risen = grade(SPEC, numbers(20, 19, 5400, 4), "experimental")
    assert (
        risen.reason
        == "passed the gate to beta: success rate 0.95 of its last 20 attempts, median deploy time 90m, 4 customers"
    )
    assert risen.lacks == (
        "success rate 0.95 of its last 20 attempts; production needs 0.99",
        "it succeeded for 4 customers; production needs 10",
    )
    fallen = grade(SPEC, numbers(20, 18), "production")
    assert fallen.reason == "lost production: success rate 0.9 of its last 20 attempts is below 0.99 by more than 0.05"
    assert fallen.lacks[0] == "to keep it: success rate 0.9 of its last 20 attempts; beta needs 0.95"
    slow = grade(SPEC, numbers(20, 20, 86400 * 3), "beta")
    assert slow.reason == "lost beta: median deploy time 3d of its last 20 attempts is above 24h by more than 5%"
    assert grade(SPEC, numbers(20, 20), "production").lacks == ()


def test_a_version_that_nobody_tried_lacks_an_attempt_whatever_the_gate() -> None:
    free = PatternLibrarySpec(gates=Gates(beta=BetaGate(min_success_rate=0, min_usage_count=0)))
    found = grade(free, numbers(0, 0, None, 0), "experimental")
    assert found.maturity == "experimental"
    assert found.lacks == (
        "no attempt has settled yet, 24 hours after it was Ready; beta needs a success rate of 0, Ready within 24h and "
        "0 customers",
    )


def test_a_rate_that_misses_reads_as_one_that_misses() -> None:
    (told, *_) = missing(SPEC, "production", Numbers(Sample(2000, 1979, 1), Sample(20, 20, 1), 10))
    assert told == "success rate 0.989 of its last 2000 attempts; production needs 0.99"


def test_durations() -> None:
    assert [seconds(text) for text in ("90s", "45m", "8h", "2d")] == [90, 2700, 28800, 172800]


RATES = st.integers(0, 100).map(lambda percent: percent / 100)


@st.composite
def specs(draw: Any) -> PatternLibrarySpec:
    """Production at least as strict as beta, as the CRD asks."""
    low, high = sorted((draw(RATES), draw(RATES)))
    few, many = sorted((draw(st.integers(0, 20)), draw(st.integers(0, 20))))
    short, long = sorted((draw(st.integers(1, 1000)), draw(st.integers(1, 1000))))
    fewest, last = sorted((draw(st.integers(1, 30)), draw(st.integers(1, 30))))
    return PatternLibrarySpec(
        gates=Gates(
            beta=BetaGate(min_success_rate=low, max_deploy_time=f"{long}s", min_usage_count=few),
            production=ProductionGate(min_success_rate=high, max_deploy_time=f"{short}s", min_usage_count=many),
        ),
        demotion=Demotion(attempts=last, min_attempts=fewest, tolerance=draw(RATES)),
    )


@st.composite
def samples(draw: Any) -> Sample:
    attempts = draw(st.integers(0, 100))
    successes = draw(st.integers(0, attempts))
    took = draw(st.integers(0, 1200)) if successes else None
    return Sample(attempts, successes, took)


SHOWN = st.builds(Numbers, samples(), samples(), st.integers(0, 30))
LEVEL = st.sampled_from(LEVELS)


def better(shown: Numbers, data: Any) -> Numbers:
    """No number is worse: failures become successes, deploying takes less time, more customers."""

    def improved(sample: Sample) -> Sample:
        successes = data.draw(st.integers(sample.successes, sample.attempts))
        took = sample.deploy_s if sample.deploy_s is None else data.draw(st.integers(0, sample.deploy_s))
        return Sample(sample.attempts, successes, took)

    return Numbers(improved(shown.overall), improved(shown.recent), shown.customers + data.draw(st.integers(0, 10)))


@law(specs(), SHOWN, LEVEL, st.data())
def test_better_numbers_never_give_a_lower_level(
    spec: PatternLibrarySpec, shown: Numbers, before: str, data: Any
) -> None:
    assert rank(grade(spec, better(shown, data), before).maturity) >= rank(grade(spec, shown, before).maturity)


@law(specs(), SHOWN, LEVEL)
def test_grading_again_changes_nothing(spec: PatternLibrarySpec, shown: Numbers, before: str) -> None:
    once = grade(spec, shown, before).maturity
    again = grade(spec, shown, once)
    assert (again.maturity, again.reason) == (once, "")


@law(specs(), SHOWN, LEVEL, LEVEL)
def test_who_stood_higher_never_ends_lower(spec: PatternLibrarySpec, shown: Numbers, one: str, other: str) -> None:
    assume(rank(one) >= rank(other))
    assert rank(grade(spec, shown, one).maturity) >= rank(grade(spec, shown, other).maturity)


@law(specs(), SHOWN, LEVEL)
def test_whatever_moves_says_why_and_whatever_is_not_at_the_top_says_what_it_lacks(
    spec: PatternLibrarySpec, shown: Numbers, before: str
) -> None:
    found = grade(spec, shown, before)
    assert bool(found.reason) == (found.maturity != before)
    assert found.maturity == "production" or found.lacks
