"""The topics table: what the rest of the engine relies on."""

import re

import pytest

from fde_events.errors import InvalidEvent, Misuse
from fde_events.topics import (
    ENGINE,
    LEDGER,
    MAX_RECORD_BYTES,
    SIGNATURES,
    SOLUTIONS_PATTERN,
    STATE,
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
