"""What a feed needs on Kafka, planned."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import msgspec
import pytest

from fde_api.deployment import KafkaAccess
from fde_events.tenancy.acl import Rule
from fde_events.tenancy.plan import MECHANISM, Observed, Seen
from fde_events.tenancy.quota import FEED_QUOTA
from fde_events.tenancy.user import FeedRef
from fde_events.topics import solutions, telemetry
from fde_operator.provision import (
    Blank,
    Change,
    Hold,
    Password,
    Record,
    Recorded,
    Release,
    Step,
    farewell,
    impossible,
    steps,
    trusted,
)

FEED = FeedRef("northgate", "customer-northgate", "sync")
OTHER = FeedRef("northgate", "customer-northgate", "orders")
SECRET = "fde-kafka.sync"
PENDING = KafkaAccess(user=FEED.user, secret=SECRET)
SETTLED = KafkaAccess(user=FEED.user, secret=SECRET, settled=True)
TOPICS = {
    topic.name: Seen(topic.partitions, topic.config()) for c in ("northgate",) for topic in (telemetry(c), solutions(c))
}


def there(feed: FeedRef) -> Observed:
    """Kafka with everything of one feed."""
    rules = frozenset(
        Rule(feed.user, "topic", "prefixed", telemetry(feed.customer).name, op) for op in ("describe", "write")
    )
    return Observed(TOPICS, {feed.user: frozenset({MECHANISM})}, rules, {feed.user: FEED_QUOTA.values()})


def words(plan: Iterable[Step]) -> list[str]:
    return [f"{s.action.verdict} {s.action.kind}" if isinstance(s, Change) else type(s).__name__ for s in plan]


def test_a_new_feed_is_held_and_recorded_before_anything_is_made_and_settled_last() -> None:
    plan = steps(Observed(), Recorded(held=False), FEED, SECRET)
    assert words(plan) == [
        "Hold",
        "Record",
        "create topic",
        "create topic",
        "create quota",
        "Password",
        "create rule",
        "create rule",
        "Record",
    ]
    assert plan[1] == Record(PENDING)
    assert plan[-1] == Record(SETTLED)
    touched = {s.action.about for s in plan if isinstance(s, Change) and s.action.kind != "topic"}
    assert touched == {FEED.user}  # the customer's submitter is no feed's business


def test_a_feed_that_has_everything_costs_nothing() -> None:
    assert steps(there(FEED), Recorded(True, SETTLED, secret=True), FEED, SECRET) == ()


@pytest.mark.parametrize(
    ("recorded", "why"),
    [
        (Recorded(True, SETTLED, secret=False), "the Secret was lost"),
        (Recorded(True, PENDING, secret=True), "it died between the Secret and Kafka"),
        (Recorded(True, None, secret=True), "the record was lost"),
        (Recorded(True, KafkaAccess(user=FEED.user, secret="old", settled=True), secret=True), "a new name"),
    ],
)
def test_where_nobody_knows_who_has_which_password_both_get_a_new_one(recorded: Recorded, why: str) -> None:
    plan = steps(there(FEED), recorded, FEED, SECRET)
    assert Password(FEED.user) in plan, why
    assert plan[-1] == Record(SETTLED)
    before = plan[: plan.index(Password(FEED.user))]
    assert recorded.access == PENDING or Record(PENDING) in before


def test_a_secret_that_somebody_wrote_since_gets_a_new_password_or_none() -> None:
    edited = Recorded(True, replace_version(SETTLED, "7"), secret=True, edited=True)
    assert Password(FEED.user) in steps(there(FEED), edited, FEED, SECRET)
    assert "Blank" in words(steps(there(FEED), edited, None, SECRET))


def test_a_version_that_nobody_wrote_since_costs_nothing() -> None:
    assert steps(there(FEED), Recorded(True, replace_version(SETTLED, "7"), secret=True), FEED, SECRET) == ()


def replace_version(access: KafkaAccess, version: str) -> KafkaAccess:
    return msgspec.structs.replace(access, secret_version=version)


def test_a_user_that_is_missing_gets_a_new_password_though_the_secret_is_there() -> None:
    kafka = replace(there(FEED), users={})
    plan = steps(kafka, Recorded(True, SETTLED, secret=True), FEED, SECRET)
    assert words(plan) == ["Record", "Password", "Record"]


def test_a_rule_or_quota_that_somebody_changed_is_mended_without_a_new_password() -> None:
    rules = there(FEED).rules - {min(there(FEED).rules)} | {
        Rule(FEED.user, "topic", "literal", "fde.acme.telemetry", "read")
    }
    kafka = replace(there(FEED), rules=rules, quotas={})
    plan = steps(kafka, Recorded(True, SETTLED, secret=True), FEED, SECRET)
    assert sorted(words(plan)) == ["create quota", "create rule", "remove rule"]


def test_a_namespace_that_changes_hands_takes_the_old_customer_s_user_away_first() -> None:
    mine = FeedRef("acme", FEED.namespace, FEED.name)
    plan = steps(there(FEED), Recorded(True, SETTLED, secret=True), mine, SECRET)
    assert words(plan)[:5] == ["remove rule", "remove rule", "remove user", "remove quota", "Record"]
    assert all(s.action.about == FEED.user for s in plan[:4] if isinstance(s, Change))
    assert Password(mine.user) in plan


def test_a_feed_that_needs_no_user_any_more_loses_it_and_what_is_in_the_secret() -> None:
    plan = steps(there(FEED), Recorded(True, SETTLED, secret=True), None, SECRET)
    assert words(plan) == ["remove rule", "remove rule", "remove user", "remove quota", "Blank", "Record", "Release"]
    assert Blank() in plan
    assert steps(there(FEED), Recorded(False), None, SECRET) == ()


def test_a_feed_that_goes_takes_its_user_and_nobody_else_s() -> None:
    kafka, others = there(FEED), there(OTHER)
    both = Observed(
        TOPICS, {**kafka.users, **others.users}, kafka.rules | others.rules, {**kafka.quotas, **others.quotas}
    )
    plan = farewell(both, Recorded(True, SETTLED), None)
    assert words(plan) == ["remove rule", "remove rule", "remove user", "remove quota", "Release"]
    assert {s.action.about for s in plan if isinstance(s, Change)} == {FEED.user}


def test_a_feed_whose_record_was_lost_takes_the_user_that_its_namespace_names() -> None:
    assert "remove user" in words(farewell(there(FEED), Recorded(True, None), FEED))
    assert farewell(Observed(), Recorded(True, None), FEED) == (Release(),)


def test_a_topic_with_other_partitions_is_told_and_holds_nobody_up() -> None:
    name = telemetry("northgate").name
    kafka = Observed({**TOPICS, name: Seen(1, telemetry("northgate").config())})
    plan = steps(kafka, Recorded(True), FEED, SECRET)
    assert Password(FEED.user) in plan
    assert not [s for s in plan if isinstance(s, Change) and s.action.about == name]
    assert impossible(kafka, FEED).startswith(f"{name} has 1 partitions, not ")
    assert impossible(there(FEED), FEED) == ""


@pytest.mark.parametrize(
    "user",
    [OTHER.user, "fde-feed.acme.customer-acme.sync", "fde-engine.tenancy", "admin", "fde-submit.northgate"],
)
def test_a_record_of_somebody_else_s_user_removes_nobody(user: str) -> None:
    access = KafkaAccess(user=user, secret=SECRET, settled=True)
    assert trusted(access, namespace=FEED.namespace, name=FEED.name) is None
    assert trusted(SETTLED, namespace=FEED.namespace, name=FEED.name) == SETTLED
    assert Hold() in steps(there(FEED), Recorded(False), FEED, SECRET)
