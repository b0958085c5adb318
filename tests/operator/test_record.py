"""The record of a version: what counts as success, and that nothing but outcomes changes it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given as law
from hypothesis import settings
from hypothesis import strategies as st

from fde_api.primitive import CustomerTokens, Outcome
from fde_operator.record import ALIASES, KEPT, fresh, merged, sample, token, verdicts

START = datetime(2026, 11, 1, 12, tzinfo=UTC)


def at(hours: float) -> str:
    return (START + timedelta(hours=hours)).strftime("%Y-%m-%dT%H:%M:%SZ")


def attempt(started: float = 0, version: str = "v1.0.0", **more: Any) -> dict[str, Any]:
    times = {name: at(hours) if name.endswith("At") else hours for name, hours in more.items()}
    return {"version": version, "startedAt": at(started), **times}


def deployment(*attempts: dict[str, Any], uid: str = "u-1") -> dict[str, Any]:
    return {"metadata": {"name": "sync", "namespace": "customer-a", "uid": uid}, "status": {"attempts": list(attempts)}}


def of(*attempts: dict[str, Any], now: float) -> Any:
    return verdicts(deployment(*attempts), "sync.v1.0.0", "v1.0.0", now=at(now))


def test_an_attempt_is_a_success_when_its_24_hours_are_over() -> None:
    ready = attempt(0, readyAt=0.5)
    assert of(ready, now=24.4).outcomes == ()
    (until,) = of(ready, now=24.4).pending
    (found,) = of(ready, now=(until - START).total_seconds() / 3600).outcomes
    assert (found.ok, found.deploy_seconds, found.at) == (True, 1800, at(24.5))


def test_a_loss_that_is_told_after_the_24_hours_but_began_within_them_is_a_failure() -> None:
    assert of(attempt(0, readyAt=0), now=24.05).outcomes == ()  # it may still come
    (found,) = of(attempt(0, readyAt=0, failedAt=23.99), now=25).outcomes
    assert not found.ok


@pytest.mark.parametrize(
    ("changes", "deploy_s"),
    [
        ({"failedAt": 0.25}, None),  # never Ready
        ({"readyAt": 1, "failedAt": 3}, 3600),
        ({"readyAt": 1, "failedAt": 24.9}, 3600),
    ],
)
def test_a_failure_counts_at_once(changes: dict[str, Any], deploy_s: int | None) -> None:
    found = of(attempt(0, **changes), now=25)
    assert [(one.ok, one.deploy_seconds) for one in found.outcomes] == [(False, deploy_s)]
    assert found.pending == ()


def test_a_failure_later_than_24_hours_is_the_environment_s() -> None:
    (found,) = of(attempt(0, readyAt=1, failedAt=26), now=30).outcomes
    assert found.ok


def test_what_was_left_before_its_24_hours_were_over_counts_as_neither() -> None:
    newer = attempt(5, version="v1.1.0", readyAt=6)
    assert of(newer, attempt(0, readyAt=1), now=90).outcomes == ()
    assert of(newer, attempt(0, reason="Superseded"), now=90).outcomes == ()
    assert of(attempt(0, readyAt=1, reason="Suspended"), now=90).outcomes == ()
    assert of(attempt(40, readyAt=41), attempt(0, readyAt=1, reason="Suspended"), now=41).outcomes == ()


def test_what_was_left_after_its_24_hours_is_a_success() -> None:
    (found,) = of(attempt(30, version="v1.1.0"), attempt(0, readyAt=1), now=31).outcomes
    assert found.ok


def test_going_back_by_hand_is_a_failure_within_24_hours_and_none_later() -> None:
    (found,) = of(attempt(5, version="v0.9.0"), attempt(0, readyAt=1, reason="RolledBack"), now=6).outcomes
    assert (found.ok, found.at) == (False, at(5))
    (found,) = of(attempt(50, version="v0.9.0"), attempt(0, readyAt=1, reason="RolledBack"), now=51).outcomes
    assert found.ok


def test_a_cron_job_that_never_ran_is_no_success_however_long_it_stands() -> None:
    assert of(attempt(0, reason="Scheduled"), now=1000) == of(now=1000)


def test_the_deploy_time_of_a_cron_job_is_that_of_its_rollout_and_of_its_first_run() -> None:
    (found,) = of(attempt(0, rolloutAt=0.5, runAt=20, readyAt=20.25), now=50).outcomes
    assert (found.ok, found.deploy_seconds) == (True, 45 * 60)


def test_a_version_that_nothing_could_be_made_of_failed_and_took_nothing_over() -> None:
    fault = attempt(5, failedAt=5, reason="TemplateInvalid")
    runs, before = attempt(2, version="v0.9.0", readyAt=2), attempt(0, version="v0.8.0", readyAt=1)
    (found,) = of(runs, fault, before, now=30).outcomes
    assert (found.ok, found.deploy_seconds) == (False, None)
    seen = verdicts(deployment(runs, fault, before), "sync.v0.8.0", "v0.8.0", now=at(30))
    assert seen.outcomes == ()  # left after an hour, for v0.9.0


def test_attempts_at_other_versions_are_theirs() -> None:
    assert of(attempt(0, version="v2.0.0", failedAt=1), now=2) == of(now=2)


def test_a_deployment_whose_attempts_somebody_wrote_by_hand_has_none() -> None:
    assert of(attempt(5, failedAt=6), attempt(0, failedAt=1) | {"startedAt": "yesterday"}, now=9) == of(now=9)
    assert of({"version": "v1.0.0"}, now=9) == of(now=9)


def test_an_id_tells_attempts_apart_and_stays() -> None:
    ids = [
        verdicts(deployment(attempt(started, failedAt=9), uid=uid), "sync.v1.0.0", "v1.0.0", now=at(10)).outcomes[0].id
        for uid in ("a", "b")
        for started in (0, 1)
    ]
    assert len(set(ids)) == 4
    assert token("a", "b") == token("a", "b") != token("ab")


def outcome(number: int) -> Outcome:
    """Some come at one time; one of five was never Ready."""
    return Outcome(
        id=f"{number * 7919 % 1009:04}",
        at=at(number // 3),
        ok=number % 2 == 0,
        deploy_seconds=None if number % 5 == 0 else number,
    )


# More than a record keeps, now and then.
SEEN = st.sets(st.integers(0, 300), max_size=130).map(lambda numbers: [outcome(number) for number in sorted(numbers)])


@settings(max_examples=40)
@law(SEEN, st.randoms())
def test_order_and_repetition_do_not_matter(seen: list[Outcome], rng: Any) -> None:
    once = merged((), seen)
    shuffled = list(seen)
    rng.shuffle(shuffled)
    assert merged((), shuffled) == once
    assert merged(once, seen) == once
    assert len(once) <= KEPT


@settings(max_examples=40)
@law(SEEN, st.data())
def test_what_is_recorded_outlives_its_deployment(seen: list[Outcome], data: Any) -> None:
    once = merged((), seen)
    left = data.draw(st.lists(st.sampled_from(seen), unique_by=lambda one: one.id)) if seen else []
    assert merged(once, left) == once


@settings(max_examples=40)
@law(SEEN, SEEN)
def test_parts_and_the_whole_come_to_the_same(one: list[Outcome], other: list[Outcome]) -> None:
    assert merged(merged((), one), other) == merged((), [*one, *other])


@settings(max_examples=40)
@law(SEEN, SEEN)
def test_nothing_is_news_twice_and_what_is_no_news_changes_nothing(one: list[Outcome], other: list[Outcome]) -> None:
    first = merged((), one)
    news = fresh(first, other)
    assert merged(first, news) == merged(first, other)
    assert {found.id for found in fresh(merged(first, other), other)} & {
        found.id for found in merged(first, other)
    } == set()


@settings(max_examples=40)
@law(SEEN)
def test_a_sample_counts(seen: list[Outcome]) -> None:
    found = sample(seen)
    assert found.attempts == len(seen)
    assert found.rate is None if not seen else found.rate == sum(one.ok for one in seen) / len(seen)
    assert (found.deploy_s is None) == all(one.deploy_seconds is None for one in seen)


def test_the_tokens_of_a_customer_are_of_the_form_that_the_definition_takes() -> None:
    tokens = [token("incident-sync.v1.0.0", str(number)) for number in range(ALIASES + 1)]
    for good in (tokens[:1], tokens[:ALIASES]):
        assert msgspec.convert(" ".join(good), CustomerTokens)
    for bad in (" ".join(tokens), "", f"{tokens[0]} ", f"{tokens[0]}  {tokens[1]}", tokens[0][1:], "northgate"):
        with pytest.raises(msgspec.ValidationError):
            msgspec.convert(bad, CustomerTokens)
