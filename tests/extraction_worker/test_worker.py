"""The worker on the embedded broker, which speaks the Kafka protocol."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from confluent_kafka import Consumer, Producer, TopicPartition

from fde_cli.embedded.broker import EmbeddedBroker
from fde_events.topics import CANDIDATES, CHALLENGES, DEAD_LETTER
from fde_extraction import status
from fde_extraction.worker import ExtractionWorker, WorkerSettings

pytestmark = pytest.mark.processes


@pytest.fixture
def broker() -> Iterator[EmbeddedBroker]:
    with EmbeddedBroker() as running:
        running.create_topics([CHALLENGES, CANDIDATES, DEAD_LETTER, "fde.north.solutions"])
        yield running


def publish(broker: EmbeddedBroker, topic: str, *values: bytes, key: str = "k") -> None:
    producer = Producer({"bootstrap.servers": broker.bootstrap_servers})
    for value in values:
        producer.produce(topic, value, key=key)
    assert producer.flush(10) == 0


def records(broker: EmbeddedBroker, topic: str, wanted: int) -> list[Any]:
    consumer = Consumer({"bootstrap.servers": broker.bootstrap_servers, "group.id": "reader"})
    partitions = consumer.list_topics(topic, timeout=10).topics[topic].partitions
    consumer.assign([TopicPartition(topic, number, 0) for number in partitions])
    found: list[Any] = []
    deadline, looks = time.monotonic() + 30, 3  # the looks after the last wanted one: there is not one more
    while looks and time.monotonic() < deadline:
        found += [message for message in consumer.consume(10, 0.1) if message.error() is None]
        if len(found) >= wanted:
            looks -= 1
    consumer.close()
    return found


def run(broker: EmbeddedBroker, folder: Path, desk: Any, **more: Any) -> None:
    settings = WorkerSettings(broker.bootstrap_servers, folder, once_idle_s=2.0, **more)
    ExtractionWorker(settings, desk).run()


@pytest.mark.timeout(60)
def test_challenges_and_solutions_in_become_candidates_out(
    broker: EmbeddedBroker, tmp_path: Path, desk: Any, registry: Any, challenge: Any, solution: Any
) -> None:
    for customer in ("north", "south", "west"):
        publish(broker, f"fde.{customer}.solutions", msgspec.json.encode(solution(customer).solution))
    publish(broker, "fde.north.solutions", b"this is no solution")
    publish(broker, CHALLENGES, b"{}", msgspec.json.encode(challenge()))
    registry.away = True
    tried: list[int] = []
    propose = registry.propose

    def away_at_first(candidate: Any) -> Any:
        tried.append(1)
        registry.away = len(tried) < 2
        return propose(candidate)

    registry.propose = away_at_first
    run(broker, tmp_path, desk, export=tmp_path / "challenges.jsonl")
    assert len(tried) == 2, "away once, then taken: nothing was lost"
    (candidate,) = registry.stored.values()
    (told,) = records(broker, CANDIDATES, 1)
    record = json.loads(told.value())
    assert (record["id"], record["state"], record["siblings"]) == (candidate.metadata.name, "Proposed", 3)
    assert told.key().decode() == candidate.metadata.name
    buried = records(broker, DEAD_LETTER, 2)
    reasons = sorted(dict(message.headers())["fde_dead_reason"].decode()[:24] for message in buried)
    assert reasons == ["the value is not a chall", "the value is not a solut"]
    assert b"this is no solution" in [message.value() for message in buried]
    (line,) = status.read(tmp_path / "status.jsonl")
    assert line.line() == f"Proposed {candidate.metadata.name}"
    exported = (tmp_path / "challenges.jsonl").read_text()
    assert "sightings" not in exported
    assert "north" not in exported


@pytest.mark.timeout(60)
def test_a_worker_that_starts_again_is_where_it_was_and_buries_nothing_twice(
    broker: EmbeddedBroker, tmp_path: Path, desk_in: Any, engine: Any, registry: Any, challenge: Any, solution: Any
) -> None:
    publish(broker, CHALLENGES, b"{}", msgspec.json.encode(challenge()))
    for customer in ("north", "south", "west"):
        publish(broker, f"fde.{customer}.solutions", msgspec.json.encode(solution(customer).solution))
    for _ in range(2):
        run(broker, tmp_path, desk_in(tmp_path, engine, registry))
    assert len(registry.stored) == 1
    assert len(records(broker, DEAD_LETTER, 1)) == 1


@pytest.mark.timeout(60)
def test_a_broker_that_is_away_beyond_patience_ends_it(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, free_port: int
) -> None:
    from fde_cli.main import run as fde

    where = ["--registry", f"directory:{tmp_path / 'library'}", "--evidence", str(tmp_path / "evidence")]
    arguments = ["worker", "extraction", "--brokers", f"127.0.0.1:{free_port}", *where, "--once-idle", "1"]
    assert fde([*arguments, "--patience", "0.5"]) == 1
    assert "Gave up after 0.5 s" in capsys.readouterr().err


def test_wrong_use_of_the_command_is_a_sentence(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    from fde_cli.main import run as fde

    arguments = ["worker", "extraction", "--brokers", "x:1", "--evidence", str(tmp_path)]
    assert fde([*arguments, "--registry", "cupboard:here"]) == 2
    assert "directory:PATH or kubernetes" in capsys.readouterr().err
    assert fde([*arguments, "--registry", f"directory:{tmp_path}", "--min-customers", "1"]) == 2
    assert "at least 2" in capsys.readouterr().err
