"""The watchdog: who stands still, when it is healed, and when the process ends."""

import os
import threading
import time

import pytest
from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec
from hypothesis import given
from hypothesis import strategies as st

from fde_events.kafka import client_settings, create_topics
from fde_events.topics import ENGINE, SIGNATURES, telemetry
from fde_streams.ingest_kafka import IngestSettings, IngestWorker
from fde_streams.offsets import offsets
from fde_streams.scan import scan
from fde_streams.watchdog import Watch


def test_a_partition_that_stands_still_is_healed_and_then_given_up():
    watch, seen = Watch(15.0), []
    for second in range(30):
        seen += [(second, still.hopeless) for still in watch.look(float(second), {0: (7, 9), 1: (second, 99)})]
    assert seen[:3] == [(6, False), (12, False), (16, True)]
    assert {hopeless for _, hopeless in seen[2:]} == {True}


def test_progress_or_no_lag_is_no_standstill():
    watch = Watch(15.0)
    for second in range(100):
        position = second // 4
        assert watch.look(float(second), {0: (position, 999), 1: (50, 50)}) == []
    assert watch.lag == {0: 999 - 24, 1: 0}


def test_while_the_broker_is_away_nobody_stands_still():
    watch = Watch(15.0)
    for second in range(60):
        if second % 4 == 3:
            watch.blind()
        assert watch.look(float(second), {0: (7, 9)}) == []


def test_a_partition_that_comes_back_begins_anew():
    watch = Watch(15.0)
    watch.look(0.0, {0: (7, 9)})
    watch.look(5.0, {})
    assert watch.look(40.0, {0: (7, 9)}) == []


@given(st.lists(st.tuples(st.floats(0.1, 3), st.booleans()), min_size=1, max_size=60))
def test_what_stood_still_for_the_limit_is_always_told_in_time(turns):
    watch, now, moved, position = Watch(9.0), 0.0, 0.0, 0
    watch.look(now, {0: (position, 1000)})
    for wait, moves in turns:
        now += wait
        if moves:
            position, moved = position + 1, now
        found = watch.look(now, {0: (position, 1000)})
        assert any(still.hopeless for still in found) is (now - moved > 9.0)


def test_lag_is_told_once_in_a_while():
    watch = Watch(15.0)
    assert [second for second in range(100) if watch.due(float(second))] == [0, 30, 60, 90]


def test_a_topic_that_is_gone_hides_no_end_of_another(kafka, fleet_of):
    bootstrap = kafka.bootstrap_servers
    fleet = fleet_of(bootstrap, f"o{os.urandom(3).hex()}-")
    create_topics(bootstrap, [telemetry(fleet.customer(0))])
    fleet.send(0, records=3)
    fleet.flush()
    admin = AdminClient(client_settings(bootstrap))
    here = [(fleet.topic(0), number) for number in range(4)]
    gone = [(fleet.topic(1), 0), (fleet.topic(0), 99)]
    assert set(offsets(admin, here + gone, OffsetSpec.latest())) == set(here)
    assert sum(offsets(admin, here + gone, OffsetSpec.latest()).values()) == 3
    assert offsets(admin, here + gone, OffsetSpec.earliest()) == dict.fromkeys(here, 0)
    assert offsets(admin, [], OffsetSpec.latest()) == {}


def test_of_a_broker_that_is_away_no_offset_is_told():
    assert (
        offsets(AdminClient({"bootstrap.servers": "127.0.0.1:1"}), [("fde.a.telemetry", 0)], OffsetSpec.latest()) == {}
    )


@pytest.mark.timeout(120)
def test_ingest_heals_a_partition_that_its_client_stopped_to_deliver(kafka, fleet_of, until):
    bootstrap = kafka.bootstrap_servers
    create_topics(bootstrap, ENGINE)
    fleet = fleet_of(bootstrap, f"w{os.urandom(3).hex()}-")
    create_topics(bootstrap, [telemetry(fleet.customer(0))])
    worker = IngestWorker(IngestSettings(bootstrap, group=f"g-{fleet.prefix}", stall_s=9.0))
    stop = threading.Event()
    thread = threading.Thread(target=worker.run, args=(stop.is_set,))
    thread.start()
    try:
        fleet.send(0, records=3)
        fleet.flush()
        mine = fleet.prefix.encode()

        def signed() -> int:  # of this test: others wrote to the same broker, and this worker reads that too
            return sum(mine in (message.value() or b"") for message in scan(bootstrap, SIGNATURES))

        until(lambda: signed() == 3, seconds=30)
        worker._consumer.pause([TopicPartition(fleet.topic(0), number) for number in range(4)])
        fleet.send(0, records=2)
        fleet.flush()
        started = time.monotonic()
        until(lambda: signed() == 5, seconds=30)
        assert 2.5 < time.monotonic() - started < 30
    finally:
        stop.set()
        thread.join(30)
