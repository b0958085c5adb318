"""The topics table: what the rest of the engine relies on."""

import re

import pytest

from fde_events.errors import InvalidEvent, Misuse
from fde_events.topics import (
    AUDIT,
    CANDIDATES,
    CHALLENGES,
    DECISIONS,
    ENGINE,
    LEDGER,
    MAX_RECORD_BYTES,
    SIGNATURES,
    SOLUTIONS_PATTERN,
    STATE,
    STORES,
    TELEMETRY_PATTERN,
    customer_of,
    solutions,
    telemetry,
)


def by_name(name):
    return next(topic for topic in ENGINE if topic.name == name)


def test_names_are_distinct_and_the_engines_own():
    names = [topic.name for topic in ENGINE]
    assert len(set(names)) == len(names)
    assert all(name.startswith("fde-engine.") for name in names)


def test_state_follows_its_partition():
    assert by_name(SIGNATURES).partitions == by_name(STATE).partitions


def test_the_folds_proof_has_its_ground():
    assert not by_name(SIGNATURES).compacted  # contiguous offsets
    assert not by_name(STATE).compacted
    assert by_name(STATE).retention_ms == -1
    assert by_name(LEDGER).compacted


def test_a_broker_takes_what_a_record_may_hold():
    for topic in (*ENGINE, telemetry("acme"), solutions("acme")):
        assert int(topic.config()["max.message.bytes"]) > MAX_RECORD_BYTES


@pytest.mark.parametrize("customer", ["acme", "a", "a-1", "0x", "a" * 63])
def test_a_customers_topics_match_their_patterns_and_give_the_customer_back(customer):
    assert re.fullmatch(TELEMETRY_PATTERN, telemetry(customer).name)
    assert re.fullmatch(SOLUTIONS_PATTERN, solutions(customer).name)
    assert customer_of(telemetry(customer).name) == customer_of(solutions(customer).name) == customer


@pytest.mark.parametrize("customer", ["", "Acme", "a.b", "-a", "a-", "a" * 64, "a_b", "fde-engine.x"])
def test_what_is_no_label_is_no_customer(customer):
    with pytest.raises(Misuse):
        telemetry(customer)
    with pytest.raises(InvalidEvent):
        customer_of(f"fde.{customer}.telemetry")


def test_no_customers_prefix_covers_another_or_the_engine():
    for other in (telemetry("acme-2").name, SIGNATURES):
        assert not other.startswith("fde.acme.")


def test_every_topic_and_store_has_a_retention_and_says_what_erases_it():
    for topic in (*ENGINE, telemetry("acme"), solutions("acme")):
        assert topic.retention_ms == -1 or topic.retention_ms > 0
        assert topic.erased
    for store in STORES:
        assert (store.retention_ms == -1 or store.retention_ms > 0) and store.until and store.erased
    assert len({store.name for store in STORES}) == len(STORES)


def test_a_topic_that_is_kept_for_a_time_is_deleted_after_it():
    for topic in (*ENGINE, telemetry("acme"), solutions("acme")):
        assert ("delete" in topic.config()["cleanup.policy"]) is (topic.retention_ms > 0 or not topic.compacted)
        assert ("compact" in topic.config()["cleanup.policy"]) is topic.compacted
        assert int(topic.config()["segment.ms"]) <= 86_400_000


def test_what_holds_a_customers_events_is_not_kept_for_ever():
    """What is kept for ever is summed up, or a pseudonym."""
    kept = {topic.name for topic in (*ENGINE, telemetry("a"), solutions("a")) if topic.retention_ms == -1}
    assert kept == {STATE, CHALLENGES, CANDIDATES, DECISIONS, AUDIT}


def test_the_table_says_what_the_stores_do():
    from fde_sidecar import bundle_sink, egress, spool, tee

    by_store = {store.name: store for store in STORES}
    assert by_store["egress"].retention_ms == egress.RETENTION_DAYS * 86_400_000
    assert by_store["egress"].cap_bytes == egress.CAP_BYTES
    assert by_store["spool"].cap_bytes == spool.DEFAULT_CAP_BYTES
    assert by_store["bundles"].cap_bytes == bundle_sink.CAP_BYTES
    assert by_store["log"].cap_bytes == (tee.KEEP + 1) * tee.MAX_BYTES
