"""The workers on real Kafka: state on the state topic, dead letters, a customer that is added while they run."""

import json
import os
import threading

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition

from fde_events.kafka import client_settings, create_topics, producer_settings
from fde_events.signed import Signature, SignedBatch, SignedEvent
from fde_events.topics import CHALLENGES, DEAD_LETTER, ENGINE, Topic, telemetry
from fde_streams.app import FoldSettings, FoldWorker
from fde_streams.delta import Delta
from fde_streams.ingest import encode_signed
from fde_streams.reader import read_challenges
from fde_streams.scan import scan
from fde_streams.state import FORM, Fenced, StateRecord, compact, fold_and_keep, publish_dirty
from fde_streams.state_kafka import KafkaStateLog, read_parts

pytestmark = pytest.mark.kafka


@pytest.fixture
def bootstrap(kafka):
    create_topics(kafka.bootstrap_servers, ENGINE)
    return kafka.bootstrap_servers


@pytest.fixture
def fleet(bootstrap, fleet_of):
    return fleet_of(bootstrap, f"k{os.urandom(3).hex()}-")


def mine(bootstrap, fleet):
    """This test's share of the challenges: other tests use the same broker."""
    return [
        (challenge, [sighting for sighting in challenge.sightings if sighting.customer.startswith(fleet.prefix)])
        for challenge in read_challenges(bootstrap).values()
        if any(sighting.customer.startswith(fleet.prefix) for sighting in challenge.sightings)
    ]


def counts(bootstrap, fleet):
    return sorted(sum(sighting.count for sighting in sightings) for _, sightings in mine(bootstrap, fleet))


@pytest.mark.timeout(240)
def test_workers_killed_in_the_middle_lose_nothing_and_raise_nothing_twice(bootstrap, fleet, worker, until):
    for number in range(4):
        create_topics(bootstrap, [telemetry(fleet.customer(number))])
        fleet.send(number, records=30)
    fleet.flush()
    ingest = worker("ingest", "--brokers", bootstrap)
    folds = [worker("fold", "--brokers", bootstrap), worker("fold", "--brokers", bootstrap)]
    until(lambda: counts(bootstrap, fleet) == [120] * 3, seconds=90)
    for victim in (folds[0], ingest, folds[1]):
        for number in range(4):
            fleet.send(number, records=60)
        fleet.flush()
        victim.kill()
        for number in range(4):
            fleet.send(number, records=20)
        fleet.flush()
        victim.start()
        until(lambda: counts(bootstrap, fleet) == sorted(fleet.sent.values()), seconds=90)
    assert {len(sightings) for _, sightings in mine(bootstrap, fleet)} == {4}
    ids = {challenge.id for challenge, _ in mine(bootstrap, fleet)}
    raised = set()
    for message in scan(bootstrap, CHALLENGES):
        record = json.loads(message.value())
        if record["id"] in ids:
            raised.add((record["id"], record["raised_at"]))
    assert len(raised) == len(ids) == 3
    assert [one.stop() for one in (ingest, *folds)] == [0, 0, 0]


def test_a_record_off_contract_goes_whole_to_the_dead_letters_and_the_rest_goes_on(bootstrap, fleet, worker, until):
    for number in range(3):
        create_topics(bootstrap, [telemetry(fleet.customer(number))])
    odd = [
        (b"\xff\xfe not json", [("ce_type", b"nonsense"), ("x", b"\xff")]),
        (None, []),
        (b"{}", [("fde_type", b"mark")]),
    ]
    for value, headers in odd:
        fleet.send_raw(fleet.topic(0), value, headers)
    for number in range(3):
        fleet.send(number)
    fleet.flush()
    worker("ingest", "--brokers", bootstrap)
    worker("fold", "--brokers", bootstrap)

    def buried():
        letters = [(dict(message.headers() or []), message.value()) for message in scan(bootstrap, DEAD_LETTER)]
        return [(h, value) for h, value in letters if h["fde_dead_topic"] == fleet.topic(0).encode()]

    until(lambda: len(buried()) >= 3 and counts(bootstrap, fleet) == [3] * 3)
    assert sorted((value or b"") for _, value in buried()) == sorted((value or b"") for value, _ in odd)
    for headers, _ in buried():
        assert headers["fde_dead_reason"]
        assert headers["fde_dead_partition"].isdigit()
        assert headers["fde_dead_offset"].isdigit()
    (first,) = [headers for headers, value in buried() if value == odd[0][0]]
    assert first["ce_type"] == b"nonsense"
    assert first["x"] == b"\xff"


def test_a_customer_added_while_it_runs_is_read(bootstrap, fleet, worker, until):
    for number in range(2):
        create_topics(bootstrap, [telemetry(fleet.customer(number))])
        fleet.send(number)
    fleet.flush()
    ingest = worker("ingest", "--brokers", bootstrap)
    worker("fold", "--brokers", bootstrap)
    until(lambda: "partitions_assigned" in ingest.said)
    create_topics(bootstrap, [telemetry(fleet.customer(2))])
    fleet.send(2)
    fleet.flush()
    until(lambda: counts(bootstrap, fleet) == [3] * 3)


def test_the_state_topic_rebuilds_and_its_older_writer_is_shut_out(bootstrap):
    group, topic = f"g-{os.urandom(4).hex()}", f"state-{os.urandom(4).hex()}"
    create_topics(bootstrap, [Topic(topic, 2, -1, False, "offset", "a test's state")])
    old, new = KafkaStateLog(bootstrap, group=group, topic=topic), KafkaStateLog(bootstrap, group=group, topic=topic)
    part = old.rebuild([0, 1])[0]
    old.append(0, step := StateRecord("old", part.generation, -1, 0, Delta(), form=FORM))
    assert part.apply(step)
    rebuilt = new.rebuild([0])[0]
    assert rebuilt.covered == 0
    with pytest.raises(Fenced):
        old.append(0, StateRecord("old", part.generation, 0, 1, Delta(), form=FORM))
    new.append(0, StateRecord("new", rebuilt.generation, 0, 1, Delta(), form=FORM))
    assert new.rebuild([0])[0].covered == 1


def test_a_snapshot_takes_the_place_of_the_steps_before_it_and_rebuilds_the_same(bootstrap):
    group, topic = f"g-{os.urandom(4).hex()}", f"state-{os.urandom(4).hex()}"
    create_topics(bootstrap, [Topic(topic, 2, -1, False, "offset", "a test's state")])
    log = KafkaStateLog(bootstrap, group=group, topic=topic)
    part = log.rebuild([0, 1])[0]
    consumer = Consumer(client_settings(bootstrap, **{"group.id": "low"}))
    place, firsts = TopicPartition(topic, 0), []
    for number in range(60):
        fold_and_keep(log, 0, part, [(number, a_signed(number))], threshold=2)
        publish_dirty(part, lambda found: None)
        if compact(log, 0, part, above=20_000):
            firsts.append(consumer.get_watermark_offsets(place, 10)[0])
    consumer.close()
    assert len(firsts) >= 2
    assert 0 < firsts[0] < firsts[-1]
    taken = KafkaStateLog(bootstrap, group=group, topic=topic).rebuild([0])[0]
    assert (taken.state, taken.covered) == (part.state, part.covered)
    assert taken.steps < 60
    assert read_parts(bootstrap, [0, 1], topic=topic)[0].state == part.state
    with pytest.raises(Fenced):
        compact(log, 0, part, above=-1)


def a_signed(number):
    made = [
        SignedEvent(
            id=f"e{number % 3}/{number // 3}/{index}",
            kind="error",
            customer=f"c{number % 3}",
            deployment="d",
            time="2026-10-01T00:00:00.000Z",
            signature=Signature(digest=f"{index:032x}", rules="r", block="error/x", title=f"t {index}", parts=()),
            sample="x" * 400,
        )
        for index in range(6)
    ]
    return encode_signed(SignedBatch(block="error/x", events=tuple(made)))


def test_what_stays_over_a_rebalance_is_kept_only_by_whoever_may_still_write(bootstrap):
    group, topic = f"g-{os.urandom(4).hex()}", f"state-{os.urandom(4).hex()}"
    create_topics(bootstrap, [Topic(topic, 2, -1, False, "offset", "a test's state")])
    log = KafkaStateLog(bootstrap, group=group, topic=topic)
    worker = FoldWorker(FoldSettings(bootstrap, group=group), log)
    parts = worker.rebuild([0, 1], {})
    for number in range(4):
        fold_and_keep(log, 0, parts[0], [(number, a_signed(number))], threshold=2)
    again = worker.rebuild([0, 1], parts)
    assert (again[0] is parts[0], again[1] is parts[1]) == (True, True)
    other = KafkaStateLog(bootstrap, group=group, topic=topic)
    theirs = other.rebuild([0])[0]
    assert theirs.state == parts[0].state
    fold_and_keep(other, 0, theirs, [(4, a_signed(4))], threshold=2)
    back = worker.rebuild([0, 1], again)
    assert back[1] is parts[1]
    assert back[0] is not parts[0]
    assert (back[0].covered, back[0].state) == (4, theirs.state)
    with pytest.raises(Fenced):
        fold_and_keep(other, 0, theirs, [(5, a_signed(5))], threshold=2)


def test_a_topic_that_is_written_all_the_time_is_read_to_the_end_it_had(bootstrap):
    topic = f"busy-{os.urandom(4).hex()}"
    create_topics(bootstrap, [Topic(topic, 2, -1, False, "key", "a test's records")])
    producer = Producer(producer_settings(bootstrap, **{"linger.ms": 0}))
    for number in range(20):
        producer.produce(topic, str(number), partition=number % 2)
    assert producer.flush(10) == 0
    stop = threading.Event()

    def write():
        while not stop.wait(0.02):
            producer.produce(topic, b"more", partition=0)
            producer.poll(0)

    thread = threading.Thread(target=write)
    thread.start()
    try:
        found = {message.value() for message in scan(bootstrap, topic, timeout_s=8)}
    finally:
        stop.set()
        thread.join()
    assert {str(number).encode() for number in range(20)} <= found
