"""Ingest and fold as processes on the embedded broker: nothing lost, nothing twice, through a kill -9."""

import json
import subprocess
import sys

import pytest
from confluent_kafka import Consumer, TopicPartition

from fde_cli.embedded.broker import EmbeddedBroker
from fde_events.topics import CHALLENGES
from fde_streams.reader import follow_challenges, read_challenges

pytestmark = pytest.mark.processes


@pytest.fixture
def broker():
    with EmbeddedBroker() as embedded:
        yield embedded


def all_of(bootstrap, fleet):
    """Whether every cause's challenge counts every event that was sent."""
    counts = sorted(challenge.events for challenge in read_challenges(bootstrap).values())
    return counts == sorted(fleet.sent.values())


def raised(bootstrap):
    """(id, raised_at) of every record ever written to the challenges topic."""
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "t", "enable.partition.eof": True})
    partitions = consumer.list_topics(CHALLENGES, timeout=10).topics[CHALLENGES].partitions
    consumer.assign([TopicPartition(CHALLENGES, partition, 0) for partition in partitions])
    found, left = [], set(partitions)
    while left:
        for message in consumer.consume(100, 1):
            if message.error():
                left.discard(message.partition())
            else:
                record = json.loads(message.value())
                found.append((record["id"], record["raised_at"]))
    consumer.close()
    return found


@pytest.mark.timeout(150)
def test_a_fold_killed_in_the_middle_loses_nothing_and_raises_nothing_twice(broker, fleet_of, worker, until, tmp_path):
    bootstrap, state = broker.bootstrap_servers, f"sqlite:{tmp_path / 'state.db'}"
    fleet = fleet_of(bootstrap, "cust-")
    broker.create_topics([fleet.topic(number) for number in range(4)])
    for number in range(4):
        fleet.send(number, records=30)
    fleet.flush()
    ingest = worker("ingest", "--brokers", bootstrap, "--pace", state)
    fold = worker("fold", "--brokers", bootstrap, "--state", state)
    until(lambda: len(read_challenges(bootstrap)) == 3)
    for number in range(4):
        fleet.send(number, records=150)
    fleet.flush()
    fold.kill()
    for number in range(4):
        fleet.send(number, records=50)
        fleet.close(number)
    fleet.flush()
    fold.start()
    until(lambda: all_of(bootstrap, fleet))

    challenges = read_challenges(bootstrap)
    assert {(c.deployments, c.customers) for c in challenges.values()} == {(4, 4)}
    assert {c.events for c in challenges.values()} == {4 * 230}
    assert len(set(raised(bootstrap))) == len(challenges) == 3  # one id, one raised_at, whatever was repeated

    followed = follow_challenges(bootstrap, poll_s=0.1)
    assert {next(followed).id for _ in range(3)} <= set(challenges)
    followed.close()

    def lines():
        shown = subprocess.run(
            [sys.executable, "-m", "fde_cli.main", "ledger", "--brokers", bootstrap, "--json"],
            capture_output=True,
            text=True,
            timeout=30,
        )
        return [json.loads(line) for line in shown.stdout.splitlines()]

    until(lambda: all(line["verdict"] == "whole" for line in lines()))
    assert [(line["published"], line["received"], line["events"]) for line in lines()] == [(230, 230, 690)] * 4
    assert (ingest.stop(), fold.stop()) == (0, 0)


@pytest.mark.timeout(150)
def test_a_fold_that_is_away_holds_ingest_back_before_the_broker_forgets(broker, fleet_of, worker, until, tmp_path):
    bootstrap, state = broker.bootstrap_servers, f"sqlite:{tmp_path / 'state.db'}"
    fleet = fleet_of(bootstrap, "slow-")
    broker.create_topics([fleet.topic(number) for number in range(6)])
    for number in range(6):  # about 7 MiB of signed records on one partition: the broker would keep 5
        fleet.send(number, records=200, pad=1_500)
    fleet.flush()
    worker("ingest", "--brokers", bootstrap, "--pace", state)
    watch = Consumer({"bootstrap.servers": bootstrap, "group.id": "watch"})
    until(lambda: _end(watch) > 0)
    fold = worker("fold", "--brokers", bootstrap, "--state", state)
    until(lambda: all_of(bootstrap, fleet), seconds=90)
    assert fold.stop() == 0
    watch.close()


def _end(consumer):
    from fde_events.topics import SIGNATURES

    partitions = consumer.list_topics(SIGNATURES, timeout=10).topics[SIGNATURES].partitions
    return sum(consumer.get_watermark_offsets(TopicPartition(SIGNATURES, p), 5)[1] for p in partitions)


def test_a_broker_that_stays_away_ends_the_workers_with_a_sentence(worker, free_port):
    started = [worker(name, "--brokers", f"127.0.0.1:{free_port}", "--patience", "1") for name in ("ingest", "fold")]
    for process in started:
        assert process.process.wait(30) == 1
        assert f"Kafka at 127.0.0.1:{free_port} does not answer" in process.said
        assert "Traceback" not in process.said
