"""Erasure in a real Kafka: what was planted is absent from the broker's disk, what others wrote stays."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka import Producer

from fde_events.kafka import create_topics, producer_settings
from fde_events.topics import CHALLENGES, DEAD_LETTER, ENGINE, LEDGER, SIGNATURES, STATE, telemetry
from fde_local.kafka import KafkaBroker
from fde_streams.erase_kafka import TopicEraser
from fde_streams.scan import scan

pytestmark = pytest.mark.seconds
# The broker looks after its files every second here, every five minutes where it is not told otherwise.
QUICK = {
    "log.retention.check.interval.ms": "500",
    "log.segment.delete.delay.ms": "500",
    "log.initial.task.delay.ms": "500",
    "log.cleaner.backoff.ms": "500",
}
PLANTED = "planted-in-south"


@pytest.fixture
def broker(kafka_toolchain: None, tmp_path: Path) -> Iterator[KafkaBroker]:
    with KafkaBroker.start(tmp_path / "kafka", settings=QUICK) as running:
        yield running


def on_disk(directory: Path, text: str) -> list[str]:
    found = subprocess.run(["grep", "-rla", text, str(directory)], capture_output=True, text=True, timeout=30)
    return found.stdout.split()


def test_planted_strings_are_absent_from_every_file_of_the_broker_and_the_others_records_stay(
    broker: KafkaBroker, tmp_path: Path
) -> None:
    bootstrap = broker.bootstrap_servers
    create_topics(bootstrap, [*ENGINE, telemetry("south"), telemetry("north")])
    producer = Producer(producer_settings(bootstrap, **{"compression.type": "none"}))
    topics = (SIGNATURES, STATE, LEDGER, CHALLENGES, DEAD_LETTER)
    for number in range(20):
        producer.produce("fde.south.telemetry", PLANTED)
        producer.produce("fde.north.telemetry", "kept-in-north")
        for topic in topics:
            producer.produce(topic, f"{PLANTED} {number}", key=f"south/{number}")
            producer.produce(topic, f"kept-in-north {number}", key=f"north/{number}")
    assert producer.flush(20) == 0
    assert on_disk(tmp_path, PLANTED)

    eraser = TopicEraser(bootstrap)
    assert eraser.delete(["fde.south.telemetry", "fde.nobody.telemetry"]) == ["fde.south.telemetry"]
    for topic in (SIGNATURES, STATE):
        ends: dict[int, int] = {}
        for message in scan(bootstrap, topic):
            ends[message.partition() or 0] = (message.offset() or 0) + 1
        eraser.cut(topic, ends, filler=b"{}")
        assert [message.value() for message in scan(bootstrap, topic)] == [b"{}"] * len(ends)
    for topic in (LEDGER, CHALLENGES):
        keys = sorted({message.key() for message in scan(bootstrap, topic) if message.key().startswith(b"south/")})
        assert len(keys) == 20
        assert eraser.compact(topic, keys, lambda message: False, limit_s=60)
        assert {message.key() for message in scan(bootstrap, topic) if message.value() is not None} == {
            f"north/{number}".encode() for number in range(20)
        }
    assert eraser.rewrite(DEAD_LETTER, lambda message: not message.key().startswith(b"south/")) == 20
    assert eraser.rewrite(DEAD_LETTER, lambda message: not message.key().startswith(b"south/")) == 0
    kept = [message.value() for message in scan(bootstrap, DEAD_LETTER) if message.key().startswith(b"north/")]
    assert kept == [f"kept-in-north {number}".encode() for number in range(20)]

    until = time.monotonic() + 30
    while (left := on_disk(tmp_path, PLANTED)) and time.monotonic() < until:
        time.sleep(0.5)
    assert left == []
    assert on_disk(tmp_path, "kept-in-north")
