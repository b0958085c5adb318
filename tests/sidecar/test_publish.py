"""The publisher against a broker that fails in every way: nothing is lost, nothing blocks, and the reason is told."""

from __future__ import annotations

import importlib.util
import itertools
import resource
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import ModuleType

import pytest
import structlog.testing
from confluent_kafka import Consumer, KafkaError, TopicPartition

from fde_events.errors import Unavailable
from fde_events.event import ErrorEvent, EventBatch
from fde_events.kafka import create_topics
from fde_events.ledger import EpochMark, Ledger
from fde_events.record import ReceivedBatch, decode, decode_mark, encode, header_map, is_mark
from fde_events.topics import telemetry
from fde_local.kafka import KafkaBroker
from fde_sidecar import outage
from fde_sidecar.publish import Publisher
from fde_sidecar.spool import Entry, Spool


def _module(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


broker_module = _module("broker")
FailingBroker, PRODUCE = broker_module.FailingBroker, broker_module.PRODUCE
EPOCH = "20261010T060000Z-0123456789ab"
_names = itertools.count()


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outage, "_RETRY_S", (0.05, 0.1, 0.2))
    monkeypatch.setattr(outage, "SAY_AFTER_S", 0.1)


@pytest.fixture
def customer() -> str:
    return f"p{next(_names)}"


def an_entry(sequence: int, events: int = 3, size: int = 50) -> Entry:
    made = tuple(
        ErrorEvent(time="2026-10-10T06:00:00.000Z", severity="ERROR", body=f"{sequence}/{index} {'x' * size}")
        for index in range(events)
    )
    time_ = "2026-10-10T06:00:00.000Z"
    record = encode(EventBatch(deployment="ns/d", events=made), epoch=EPOCH, sequence=sequence, time=time_)
    return Entry(EPOCH, sequence, events, time_, record.value)


def a_spool(tmp_path: Path, entries: int, **changes: int) -> Spool:
    spool = Spool(tmp_path / "spool")
    for sequence in range(entries):
        spool.append(an_entry(sequence, **changes))
    spool.commit()
    return spool


def a_publisher(spool: Spool, customer: str, address: str | None, **changes: object) -> Publisher:
    values: dict[str, object] = {"topic": telemetry(customer).name, "customer": customer, "deployment": "ns/d"}
    return Publisher(spool, bootstrap=address, **{**values, **changes})  # type: ignore[arg-type]


def turn_until(publisher: Publisher, condition: Callable[[], bool], seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not in time; trouble: {publisher.trouble}"
        publisher.turn(EPOCH)
        time.sleep(0.01)


def received(address: str, customer: str) -> tuple[list[ReceivedBatch], list[EpochMark]]:
    topic = telemetry(customer).name
    consumer = Consumer({"bootstrap.servers": address, "group.id": "t", "fetch.wait.max.ms": 10, "log_level": 0})
    batches, marks = [], []
    try:
        for partition in consumer.list_topics(topic, timeout=10).topics[topic].partitions:
            low, high = consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=10)
            consumer.assign([TopicPartition(topic, partition, low)])
            at = low
            while at < high:
                message = consumer.poll(5)
                assert message is not None and message.error() is None
                at = (message.offset() or 0) + 1
                headers = header_map(message.headers())
                if is_mark(headers):
                    marks.append(decode_mark(topic, headers, message.value()))
                else:
                    batches.append(decode(topic, headers, message.value()))
    finally:
        consumer.close()
    return batches, marks


def ids(batches: Sequence[ReceivedBatch]) -> dict[str, str]:
    """Every event by its id; two events under one id are an error."""
    found: dict[str, str] = {}
    for one in batches:
        for index, event in enumerate(one.batch.events):
            assert isinstance(event, ErrorEvent)
            words = (event.body or "").split()[0]
            assert found.setdefault(one.event_id(index), words) == words
    return found


def verdicts(batches: Sequence[ReceivedBatch], marks: Sequence[EpochMark]) -> set[str]:
    ledger = Ledger()
    for one in batches:
        ledger.receive(one.epoch, one.sequence)
    for mark in marks:
        ledger.mark(mark)
    return {account.verdict for account in ledger.epochs.values()}


def whole(address: str, customer: str, entries: int, events: int = 3) -> None:
    batches, marks = received(address, customer)
    assert set(ids(batches).values()) == {f"{s}/{e}" for s in range(entries) for e in range(events)}
    assert verdicts(batches, marks) == {"whole"}


@pytest.fixture
def broker() -> Iterator[object]:
    with FailingBroker() as one:
        yield one


def test_everything_arrives_and_the_figures_say_so(tmp_path: Path, customer: str, broker: FailingBroker) -> None:
    spool = a_spool(tmp_path, 20)
    publisher = a_publisher(spool, customer, broker.address)
    assert publisher.unsent_bytes > 0 and publisher.last_acknowledged is None
    turn_until(publisher, lambda: publisher.idle)
    assert publisher.acknowledged == 20 and publisher.trouble is None and publisher.unsent_bytes == 0
    assert publisher.last_acknowledged is not None and time.monotonic() - publisher.last_acknowledged < 10
    assert publisher.finish(EPOCH, 10)
    whole(broker.address, customer, 20)


@pytest.mark.seconds
def test_a_broker_that_accepts_and_never_answers_is_waited_for(
    tmp_path: Path, customer: str, broker: FailingBroker
) -> None:
    spool = a_spool(tmp_path, 20)
    broker.answers_after(600_000)
    publisher = a_publisher(
        spool, customer, broker.address, settings={"socket.timeout.ms": 1000, "message.timeout.ms": 1500}
    )
    with structlog.testing.capture_logs() as said:
        turn_until(publisher, lambda: publisher.trouble is not None)
        turn_until(publisher, lambda: any(line["event"] == "broker_away_spooling" for line in said))
        start = time.monotonic()
        assert not publisher.finish(EPOCH, 30)
        assert time.monotonic() - start < 15  # within any grace: the spool keeps it
        broker.answers_after(0)
        publisher._marked = float("-inf")
        turn_until(publisher, lambda: publisher.idle)
    assert publisher.finish(EPOCH, 10)
    whole(broker.address, customer, 20)


def test_a_restart_in_the_middle_loses_nothing(tmp_path: Path, customer: str, broker: FailingBroker) -> None:
    spool = a_spool(tmp_path, 60)
    publisher = a_publisher(spool, customer, broker.address)
    for sequence in range(60, 120):
        spool.append(an_entry(sequence))
        spool.commit()
        publisher.turn(EPOCH)
        if sequence == 80:
            broker.down()
        if sequence == 110:
            broker.up()
        time.sleep(0.005)
    turn_until(publisher, lambda: publisher.idle)
    assert publisher.finish(EPOCH, 10)
    whole(broker.address, customer, 120)


@pytest.mark.seconds
@pytest.mark.parametrize("code", [KafkaError.TOPIC_AUTHORIZATION_FAILED, KafkaError.UNKNOWN_TOPIC_OR_PART])
def test_a_refusal_is_told_with_the_way_out_and_nothing_is_lost(
    tmp_path: Path, customer: str, broker: FailingBroker, code: int
) -> None:
    spool = a_spool(tmp_path, 10)
    topic = telemetry(customer).name
    settings = {"topic.metadata.propagation.max.ms": 200, "message.timeout.ms": 1000}
    publisher = a_publisher(spool, customer, broker.address, settings=settings)
    broker.topic_fails(topic, code)
    with structlog.testing.capture_logs() as said:
        turn_until(publisher, lambda: any(line["event"] == "broker_away_spooling" for line in said))
        start, cpu = time.monotonic(), time.thread_time()
        while time.monotonic() - start < 1.0:
            publisher.turn(EPOCH)
            time.sleep(0.05)
        assert time.thread_time() - cpu < 0.5  # it does not spin
        broker.topic_fails(topic, 0)
        turn_until(publisher, lambda: publisher.idle)
    (told,) = (line for line in said if line["event"] == "broker_away_spooling")
    assert "fde kafka apply" in told["next_step"] and spool.unsent_bytes == 0
    assert publisher.finish(EPOCH, 10)
    whole(broker.address, customer, 10)


def test_a_record_too_large_among_others_is_sent_alone_and_nothing_is_cut(
    tmp_path: Path, customer: str, broker: FailingBroker
) -> None:
    spool = a_spool(tmp_path, 10)
    publisher = a_publisher(spool, customer, broker.address)
    broker.fails(PRODUCE, KafkaError.MSG_SIZE_TOO_LARGE)
    turn_until(publisher, lambda: publisher.idle)
    assert publisher.finish(EPOCH, 10)
    batches, _ = received(broker.address, customer)
    assert {one.epoch for one in batches} == {EPOCH}
    whole(broker.address, customer, 10)


def test_a_record_too_large_for_the_client_goes_in_parts_and_the_rest_goes_on(
    tmp_path: Path, customer: str, broker: FailingBroker
) -> None:
    spool = Spool(tmp_path / "spool")
    for sequence in range(5):
        spool.append(an_entry(sequence, events=8, size=1000 if sequence == 2 else 50))
    spool.commit()
    left: list[int] = []
    publisher = a_publisher(
        spool,
        customer,
        broker.address,
        settings={"message.max.bytes": 5000},
        on_left=lambda entries, _: left.extend(entry.sequence for entry in entries),
    )
    turn_until(publisher, lambda: publisher.idle)
    assert publisher.finish(EPOCH, 10)
    batches, marks = received(broker.address, customer)
    assert sorted(ids(batches).values()) == sorted(f"{s}/{e}" for s in range(5) for e in range(8))
    assert verdicts(batches, marks) == {"whole"} and left == [0, 1, 2, 3, 4]
    assert len({one.epoch for one in batches}) > 2


def test_an_event_too_large_by_itself_is_left_out_and_counted(
    tmp_path: Path, customer: str, broker: FailingBroker
) -> None:
    spool = Spool(tmp_path / "spool")
    spool.append(an_entry(0, events=1, size=9000))
    spool.append(an_entry(1))
    spool.commit()
    publisher = a_publisher(spool, customer, broker.address, settings={"message.max.bytes": 5000})
    turn_until(publisher, lambda: publisher.idle)
    assert publisher.finish(EPOCH, 10)
    batches, marks = received(broker.address, customer)
    assert set(ids(batches).values()) == {"1/0", "1/1", "1/2"}
    assert verdicts(batches, marks) == {"whole"}
    assert sum(mark.dropped.get("record-too-large", 0) for mark in marks) == 1


@pytest.mark.seconds
def test_the_cursor_waits_for_the_egress_log(tmp_path: Path, customer: str, broker: FailingBroker) -> None:
    spool = a_spool(tmp_path, 5)
    noted: list[list[int]] = []
    refuse = [True]

    def note(entries: Sequence[Entry], place: str) -> None:
        assert place == f"kafka:{telemetry(customer).name}"
        if refuse[0]:
            raise Unavailable("the egress log is full")
        noted.append([entry.sequence for entry in entries])
        assert all(not entry.value or spool.cursor <= at for at, _, entry in spool.read(spool.cursor, 10**6))

    publisher = a_publisher(spool, customer, broker.address, on_left=note)
    with structlog.testing.capture_logs() as said:
        turn_until(publisher, lambda: any(line["event"] == "egress_not_noted" for line in said))
    assert publisher.acknowledged == 0 and spool.unsent_bytes > 0 and noted == []
    refuse[0] = False
    turn_until(publisher, lambda: publisher.idle)
    assert sorted(number for some in noted for number in some) == [0, 1, 2, 3, 4] and publisher.acknowledged == 5


def test_new_credentials_in_the_file_are_taken_up_while_it_runs(
    tmp_path: Path, customer: str, broker: FailingBroker
) -> None:
    file = tmp_path / "client.yaml"
    file.write_text("bootstrap.servers: 127.0.0.1:9\n")
    spool = a_spool(tmp_path, 5)
    publisher = a_publisher(spool, customer, broker.address, settings_file=file)
    turn_until(publisher, lambda: publisher.trouble is not None)
    file.write_text("{}\n")
    turn_until(publisher, lambda: publisher.idle)
    assert publisher.finish(EPOCH, 10)
    whole(broker.address, customer, 5)


@pytest.mark.seconds
def test_memory_is_bounded_while_the_broker_is_away_and_an_outage_as_long_as_the_cap_is_survived(
    tmp_path: Path, customer: str, broker: FailingBroker
) -> None:
    spool = Spool(tmp_path / "spool", cap_bytes=24 << 20, segment_bytes=2 << 20)
    publisher = a_publisher(spool, customer, broker.address)
    broker.down()
    entry = an_entry(0, events=10, size=8000)
    sequence = 0
    used = 0
    while spool.admits("error"):
        spool.append(Entry(EPOCH, sequence, 10, entry.time, entry.value))
        sequence += 1
        if sequence % 10 == 0:
            spool.commit()
            publisher.turn(EPOCH)
        if sequence == 60:
            used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    spool.commit()
    assert sequence > 250
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - used < 24 * 1024  # KiB: far less than what is spooled
    broker.up()
    turn_until(publisher, lambda: publisher.idle, 60)
    assert publisher.acknowledged == sequence
    assert spool.bytes < 6 << 20
    publisher.close()


def test_nobody_at_the_address_and_a_port_that_only_accepts_are_outages(tmp_path: Path, customer: str) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen(8)
        spool = a_spool(tmp_path, 3)
        address = f"127.0.0.1:{silent.getsockname()[1]}"
        publisher = a_publisher(
            spool, customer, address, settings={"message.timeout.ms": 600, "socket.timeout.ms": 500}
        )
        turn_until(publisher, lambda: publisher.trouble is not None)
        assert not publisher.idle and spool.unsent_bytes > 0
        publisher.close()


def test_a_topic_that_is_made_later_gets_everything(tmp_path: Path, kafka: KafkaBroker) -> None:
    customer = "later-made"
    spool = a_spool(tmp_path, 10)
    publisher = a_publisher(
        spool, customer, kafka.bootstrap_servers, settings={"topic.metadata.propagation.max.ms": 300}
    )
    with structlog.testing.capture_logs() as said:
        turn_until(publisher, lambda: any(line["event"] == "broker_away_spooling" for line in said))
        assert "fde kafka apply" in str(said)
        create_topics(kafka.bootstrap_servers, [telemetry(customer)])
        turn_until(publisher, lambda: publisher.idle, 30)
    assert publisher.finish(EPOCH, 10)
    whole(kafka.bootstrap_servers, customer, 10)


def test_a_topic_with_a_small_limit_gets_everything_in_parts(tmp_path: Path, kafka: KafkaBroker) -> None:
    customer = "small-limit"
    kafka.create_topic(telemetry(customer).name, partitions=1, config={"max.message.bytes": "4000"})
    spool = Spool(tmp_path / "spool")
    for sequence in range(12):
        batch = an_entry(sequence, events=12, size=0)
        spool.append(batch)
    # Text that does not compress, so that the broker's limit bites.
    noisy = tuple(
        ErrorEvent(time="2026-10-10T06:00:00.000Z", severity="ERROR", body=f"12/{i} " + _noise(i)) for i in range(12)
    )
    record = encode(EventBatch(deployment="ns/d", events=noisy), epoch=EPOCH, sequence=12, time="t")
    spool.append(Entry(EPOCH, 12, 12, "2026-10-10T06:00:00.000Z", record.value))
    spool.commit()
    publisher = a_publisher(spool, customer, kafka.bootstrap_servers)
    turn_until(publisher, lambda: publisher.idle, 60)
    assert publisher.finish(EPOCH, 10)
    whole(kafka.bootstrap_servers, customer, 13, events=12)


def _noise(seed: int) -> str:
    import random

    return "".join(chr(97 + random.Random(f"{seed}/{i}").randrange(26)) for i in range(900))
