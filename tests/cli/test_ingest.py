"""`fde ingest`: bundles arrive as their sidecar would have sent them, once or twice, and for nobody else."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest
from confluent_kafka import Consumer, Producer, TopicPartition

from fde_cli.main import run
from fde_events.event import ErrorEvent, EventBatch
from fde_events.ledger import Ledger
from fde_events.record import ReceivedBatch, decode, decode_mark, header_map, is_mark
from fde_sidecar.bundle_sink import BundleSink
from fde_sidecar.spool import Entry, Spool

TIME = "2026-10-10T06:00:00.000Z"
Say = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def broker() -> Iterator[str]:
    producer = Producer({"test.mock.num.brokers": 1, "log_level": 0})
    brokers = producer.list_topics(timeout=10).brokers.values()
    yield ",".join(f"{one.host}:{one.port}" for one in brokers)
    del producer


@pytest.fixture
def fde(capfd: pytest.CaptureFixture[str]) -> Say:
    def say(*arguments: object) -> tuple[int, str, str]:
        capfd.readouterr()
        code = run([str(one) for one in arguments])
        return code, *capfd.readouterr()

    return say


def bundles(directory: Path, customer: str, count: int = 20, *, deployment: str = "customer-x/sync") -> list[Path]:
    """What a sidecar without a broker leaves after `count` records."""
    spool = Spool(directory / f"spool-{customer}")
    epoch = f"epoch-{customer}"
    for number in range(count):
        body = "".join(chr(97 + (number * 7 + n * n) % 26) for n in range(200))
        batch = EventBatch(deployment=deployment, events=(ErrorEvent(time=TIME, body=body),) * 2)
        spool.append(Entry(epoch=epoch, sequence=number, events=2, time=TIME, value=msgspec.json.encode(batch)))
    spool.commit()
    sink = BundleSink(spool, directory / customer, customer=customer, deployment="customer-x/sync", seal_bytes=1000)
    assert sink.finish(epoch, 10)
    spool.close()
    return sorted((directory / customer).glob("*.fdeb"))


def received(brokers: str, customer: str) -> tuple[list[ReceivedBatch], Ledger]:
    topic = f"fde.{customer}.telemetry"
    consumer = Consumer({"bootstrap.servers": brokers, "group.id": "test-reader", "fetch.wait.max.ms": 10})
    batches, ledger = [], Ledger()
    try:
        for partition in consumer.list_topics(topic, timeout=10).topics[topic].partitions:
            low, high = consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=10)
            consumer.assign([TopicPartition(topic, partition, low)])
            for _ in range(low, high):
                message = consumer.poll(5)
                assert message is not None and message.error() is None
                headers = header_map(message.headers())
                if is_mark(headers):
                    ledger.mark(decode_mark(topic, headers, message.value()))
                else:
                    batches.append(decode(topic, headers, message.value()))
                    ledger.receive(batches[-1].epoch, batches[-1].sequence)
    finally:
        consumer.close()
    return batches, ledger


def test_what_was_carried_arrives_whole_and_twice_does_no_harm(tmp_path: Path, broker: str, fde: Say) -> None:
    paths = bundles(tmp_path, "whole")
    assert len(paths) == 4
    code, out, err = fde("ingest", *paths, "--customer", "whole", "--brokers", broker)
    assert (code, len(out.splitlines())) == (0, len(paths)), err
    assert "20 records went to fde.whole.telemetry" in err
    batches, ledger = received(broker, "whole")
    assert sorted(one.sequence for one in batches) == list(range(20))
    assert ledger.epochs["epoch-whole"].verdict == "whole"
    assert fde("ingest", *paths, "--customer", "whole", "--brokers", broker)[0] == 0
    batches, ledger = received(broker, "whole")
    assert len({one.event_id(0) for one in batches}) == 20
    assert (ledger.epochs["epoch-whole"].verdict, ledger.epochs["epoch-whole"].duplicates) == ("whole", 20)


def test_another_customer_s_bundle_is_refused_and_nothing_taken(tmp_path: Path, broker: str, fde: Say) -> None:
    mine, theirs = bundles(tmp_path, "mine", 1), bundles(tmp_path, "theirs", 1)
    code, out, err = fde("ingest", *mine, *theirs, "--customer", "mine", "--brokers", broker)
    assert (code, out) == (1, "")
    assert "customer theirs's, not mine's" in err
    assert "fde.mine.telemetry" not in Producer({"bootstrap.servers": broker}).list_topics(timeout=10).topics


def test_damage_is_named_and_the_rest_taken(tmp_path: Path, broker: str, fde: Say) -> None:
    paths = bundles(tmp_path, "damaged", 20)
    data = bytearray(paths[1].read_bytes())
    data[len(data) // 2] ^= 1
    paths[1].write_bytes(data)
    code, out, err = fde("ingest", *paths, "--customer", "damaged", "--brokers", broker, "--json")
    rows = [json.loads(line) for line in out.splitlines()]
    assert code == 3
    assert [bool(row["damage"]) for row in rows] == [path == paths[1] for path in paths]
    (missing,) = rows[1]["missing"]
    assert missing in err
    batches, ledger = received(broker, "damaged")
    assert len(batches) == sum(row["records"] for row in rows) == 19
    (gap,) = ledger.epochs["epoch-damaged"].received.gaps(19)
    assert missing == f"epoch-damaged/{gap[0]}"


def test_a_record_of_another_deployment_is_not_taken(tmp_path: Path, broker: str, fde: Say) -> None:
    paths = bundles(tmp_path, "liar", 1, deployment="customer-y/other")
    code, _, err = fde("ingest", *paths, "--customer", "liar", "--brokers", broker)
    assert code == 3
    assert "it is of deployment customer-y/other, in a bundle of customer-x/sync" in err


def test_a_dry_run_reads_all_and_sends_nothing(tmp_path: Path, broker: str, fde: Say) -> None:
    paths = bundles(tmp_path, "dry", 3)
    code, out, err = fde("ingest", *paths, "--customer", "dry", "--dry-run")
    assert (code, "3 records, 6 events" in out) == (0, True)
    assert "nothing was sent" in err
    assert "fde.dry.telemetry" not in Producer({"bootstrap.servers": broker}).list_topics(timeout=10).topics


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["--customer", "acme", "--dry-run"], 2, "which bundles"),
        (["x.fdeb", "--customer", "acme"], 2, "where to"),
        (["x.fdeb", "--customer", "Not A Label", "--dry-run"], 2, "DNS label"),
        (["x.fdeb", "--customer", "acme", "--dry-run"], 3, "cannot be read"),
    ],
)
def test_wrong_use_is_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fde: Say, arguments: list[str], code: int, says: str
) -> None:
    monkeypatch.chdir(tmp_path)
    found, _, err = fde("ingest", *arguments)
    assert (found, says in err) == (code, True), err


def test_a_broker_that_is_away_is_a_sentence_and_nothing_is_lost(tmp_path: Path, free_port: int, fde: Say) -> None:
    paths = bundles(tmp_path, "away", 1)
    code, out, err = fde(
        "ingest", *paths, "--customer", "away", "--brokers", f"127.0.0.1:{free_port}", "--timeout", "0.5"
    )
    assert (code, out) == (1, "")
    assert "does not answer" in err
    assert paths[0].exists()
