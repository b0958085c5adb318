"""Erasure in a real Kafka: what was planted is absent from the broker's disk, what others wrote stays."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from confluent_kafka import Producer

from fde_events.kafka import create_topics, producer_settings
from fde_events.topics import CHALLENGES, DEAD_LETTER, ENGINE, LEDGER, SIGNATURES, STATE, telemetry
from fde_local.kafka import KafkaBroker
from fde_registry.directory import DirectoryRegistry
from fde_streams.book import AccountRecord, Book
from fde_streams.erase_kafka import TopicEraser
from fde_streams.reader import read_challenges
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


@pytest.mark.timeout(300)
def test_a_customer_leaves_topics_state_ledger_and_dead_letters_while_the_workers_run(
    broker: KafkaBroker, tmp_path: Path, fleet_of: Any, worker: Any, until: Any
) -> None:
    bootstrap = broker.bootstrap_servers
    create_topics(bootstrap, ENGINE)
    fleet = fleet_of(bootstrap, "erase")
    for number in range(4):
        create_topics(bootstrap, [telemetry(fleet.customer(number))])
        fleet.send(number, "planted-deployment" if number == 0 else "sync", records=20)
        fleet.close(number, "planted-deployment" if number == 0 else "sync")
    fleet.send_raw(fleet.topic(0), b"planted-garbage", [("fde_epoch", b"planted-deployment")])
    fleet.send_raw(fleet.topic(1), b"kept-garbage", [])
    fleet.flush()
    worker("ingest", "--brokers", bootstrap)
    worker("fold", "--brokers", bootstrap)

    def evidence() -> dict[str, set[str]]:
        return {
            challenge.id: {sighting.customer for sighting in challenge.sightings}
            for challenge in read_challenges(bootstrap).values()
        }

    until(lambda: [len(found) for found in evidence().values()] == [4, 4, 4], seconds=90)
    until(lambda: len(list(scan(bootstrap, DEAD_LETTER))) == 2)
    before = evidence()
    assert on_disk(tmp_path / "kafka", "planted-deployment")

    evidence_store = tmp_path / "evidence"
    spool = tmp_path / "spool"
    spool.mkdir()
    (spool / "0.spool").write_text("planted-deployment")
    arguments = ["--customer", "erase0", "--reason", "they left us and asked for it", "--brokers", bootstrap]
    DirectoryRegistry.make(tmp_path / "library")
    arguments += ["--registry", f"directory:{tmp_path / 'library'}"]
    arguments += ["--evidence", str(evidence_store), "--spools", str(spool), "--wait", "120", "--json"]
    asked = fde("erase", *arguments)
    assert asked.returncode == 1 and "nothing was erased" in asked.stderr and spool.exists()
    assert evidence() == before
    done = fde("erase", *arguments, "--confirm", "erase0")
    assert done.returncode == 0, done.stderr
    said = msgspec.json.decode(done.stdout)
    assert said["topics"] == ["fde.erase0.telemetry"] and said["accounts"] == 1 and said["dead_letters"] == 1

    assert evidence() == {name: {"erase1", "erase2", "erase3"} for name in before}
    assert {account.customer for account in ledger(bootstrap)} == {"erase1", "erase2", "erase3"}
    assert b"kept-garbage" in {message.value() for message in scan(bootstrap, DEAD_LETTER)}
    data = tmp_path / "kafka" / "data"
    until_gone = time.monotonic() + 60
    while (left := on_disk(data, "planted-")) and time.monotonic() < until_gone:
        time.sleep(0.5)
    assert left == []
    assert not spool.exists()

    fleet.send(1, records=5)  # and the others go on as if nothing had been
    fleet.flush()
    until(lambda: all(c.events == 65 for c in read_challenges(bootstrap).values()), seconds=60)


def fde(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "fde_cli.main", *arguments], capture_output=True, text=True, timeout=200
    )


def ledger(bootstrap: str) -> list[AccountRecord]:
    book = Book()
    for message in scan(bootstrap, LEDGER):
        if (value := message.value()) is not None:
            book.restore(value)
    return list(book.records())
