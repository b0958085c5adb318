"""A switch that says hold while records are on their way to a slow broker: what is noted is what is there, and no more comes."""

from __future__ import annotations

import importlib.util
import time
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

import pytest
from confluent_kafka import Consumer, TopicPartition

from fde_events.event import ErrorEvent, EventBatch
from fde_events.record import decode, encode, header_map, is_mark
from fde_sidecar.publish import Publisher
from fde_sidecar.spool import Entry, Spool

EPOCH = "20261010T060000Z-0123456789ab"
TOPIC = "fde.hold.telemetry"
TIME = "2026-10-10T06:00:00.000Z"


def _module(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


FailingBroker = _module("broker").FailingBroker


def a_spool(tmp_path: Path, count: int) -> Spool:
    spool = Spool(tmp_path / "spool")
    for sequence in range(count):
        event = ErrorEvent(time=TIME, severity="ERROR", body=f"{sequence} {'x' * 30_000}")
        value = encode(EventBatch(deployment="ns/d", events=(event,)), epoch=EPOCH, sequence=sequence, time=TIME).value
        spool.append(Entry(EPOCH, sequence, 1, TIME, value))
    spool.commit()
    return spool


def there(address: str) -> list[int]:
    consumer = Consumer(
        {"bootstrap.servers": address, "group.id": "look", "log_level": 0, "fetch.message.max.bytes": 8_000_000}
    )
    found: list[int] = []
    try:
        for partition in consumer.list_topics(TOPIC, timeout=10).topics[TOPIC].partitions:
            at, high = consumer.get_watermark_offsets(TopicPartition(TOPIC, partition), timeout=10)
            consumer.assign([TopicPartition(TOPIC, partition, at)])
            while at < high:
                message = consumer.poll(10)
                assert message is not None and message.error() is None
                at = (message.offset() or 0) + 1
                headers = header_map(message.headers())
                if not is_mark(headers):
                    found.append(decode(TOPIC, headers, message.value()).sequence)
    finally:
        consumer.close()
    return found


@pytest.mark.seconds
def test_hold_takes_back_what_is_queued_and_notes_what_was_on_its_way(tmp_path: Path) -> None:
    count, noted = 100, list[int]()

    def left(entries: Sequence[Entry], _: str) -> None:
        noted.extend(entry.sequence for entry in entries if entry.value is not None)

    spool = a_spool(tmp_path, count)
    with FailingBroker(TOPIC) as broker:
        publisher = Publisher(
            spool, topic=TOPIC, customer="hold", deployment="ns/d", bootstrap=broker.address,
            settings={"max.in.flight": 1, "batch.size": 100_000, "linger.ms": 0}, on_left=left,
        )  # fmt: skip
        try:
            deadline = time.monotonic() + 20
            while not noted:
                assert time.monotonic() < deadline
                publisher.turn(EPOCH)
                broker.answers_after(150)
                time.sleep(0.02)
            assert len(noted) < count
            until = time.monotonic() + 1.5
            while time.monotonic() < until:
                publisher.hold()
                time.sleep(0.05)
            broker.answers_after(0)
            held = there(broker.address)
            assert held == noted and len(held) < count and publisher.trouble is None
            publisher.hold()
            assert there(broker.address) == held

            while not publisher.idle:
                assert time.monotonic() < deadline + 20
                publisher.turn(EPOCH)
                time.sleep(0.01)
            assert there(broker.address) == noted == list(range(count))
        finally:
            publisher.close()
    spool.close()
