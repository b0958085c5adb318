"""`fde dead-letter` on a real Kafka: what is buried is listed without its bytes, and given back once."""

import json
import os

import pytest
from confluent_kafka import Producer

from fde_cli.main import run
from fde_events.deadletter import burial, coordinate
from fde_events.event import ErrorEvent, EventBatch
from fde_events.kafka import create_topics, producer_settings
from fde_events.record import encode
from fde_events.topics import DEAD_LETTER, ENGINE, telemetry
from fde_streams.scan import scan

pytestmark = pytest.mark.kafka
SECRET = b"planted-payload-4711"


@pytest.fixture(scope="module")
def brokers(kafka):
    create_topics(kafka.bootstrap_servers, ENGINE)
    return kafka.bootstrap_servers


@pytest.fixture
def customer(brokers):
    name = f"d{os.urandom(4).hex()}"
    create_topics(brokers, [telemetry(name)])
    return name


def good(customer, sequence=0):
    event = ErrorEvent(time="2026-10-01T00:00:00Z", exception_type="E", exception_message="m")
    batch = EventBatch(deployment=f"customer-{customer}/sync", events=(event,))
    return encode(batch, epoch=f"{customer}-epoch", sequence=sequence, time="2026-10-01T00:00:00Z")


def bury(brokers, customer, *values, why="the value is not an event batch", partition=2, record=None):
    producer = Producer(producer_settings(brokers))
    record = record or good(customer)
    for number, value in enumerate(values):
        source = telemetry(customer).name, partition, 100 + number
        headers = burial(*source, list(record.headers), why, key=record.key)
        producer.produce(DEAD_LETTER, value, key=coordinate(*source), headers=headers)
    assert producer.flush(20) == 0


def listed(capsys, brokers, customer, *more):
    capsys.readouterr()
    code = run(["dead-letter", "list", "--brokers", brokers, "--json", *more])
    told = capsys.readouterr()
    assert "Kafka" not in told.err
    found = [json.loads(line) for line in told.out.splitlines()]
    return code, [letter for letter in found if letter["topic"] == telemetry(customer).name]


def test_a_list_tells_all_but_the_bytes(brokers, customer, capsys):
    bury(brokers, customer, SECRET, b"other" + SECRET)
    code, found = listed(capsys, brokers, customer)
    assert code == 0 and [(one["size"], one["attempt"], one["replayed"]) for one in found] == [
        (20, 1, False),
        (25, 1, False),
    ]
    assert found[0]["reason"] == "the value is not an event batch" and found[0]["partition"] == 2
    for arguments in ([], ["--json"]):
        run(["dead-letter", "list", "--brokers", brokers, *arguments])
        told = capsys.readouterr()
        assert customer in told.out and SECRET.decode() not in told.out + told.err
    run(["dead-letter", "list", "--brokers", brokers, "--show"])
    assert SECRET.decode() in capsys.readouterr().out


def test_a_list_is_of_what_was_asked_for(brokers, customer, capsys):
    bury(brokers, customer, b"1", why="Alpha failed")
    bury(brokers, customer, b"2", why="beta failed")
    assert [one["reason"] for one in listed(capsys, brokers, customer, "--reason", "alpha")[1]] == ["Alpha failed"]
    assert len(listed(capsys, brokers, customer, "--since", "1h")[1]) == 2
    assert listed(capsys, brokers, customer, "--since", "2099-01-01T00:00:00Z") == (1, [])
    assert run(["dead-letter", "list", "--brokers", brokers, "--since", "yesterday"]) == 2


def test_a_letter_goes_back_whole_to_its_partition_once(brokers, customer, capsys):
    record = good(customer)
    bury(brokers, customer, record.value, why=f"mended {customer}", record=record)
    only = ("--brokers", brokers, "--reason", f"mended {customer}")
    assert run(["dead-letter", "replay", *only, "--dry-run"]) == 0
    assert list(scan(brokers, telemetry(customer).name)) == []
    assert run(["dead-letter", "replay", *only]) == 0
    (back,) = scan(brokers, telemetry(customer).name)
    assert (back.partition(), back.key(), back.value()) == (2, record.key, record.value)
    assert [pair for pair in back.headers() if not pair[0].startswith("fde_dead_")] == list(record.headers)
    assert run(["dead-letter", "replay", *only]) == 1
    assert len(list(scan(brokers, telemetry(customer).name))) == 1
    assert listed(capsys, brokers, customer)[1][0]["replayed"]


def test_a_filter_gives_back_its_own_and_leaves_the_rest_for_later(brokers, customer):
    for number, why in enumerate(("one", "two", "one", "two")):
        bury(brokers, customer, b"%d" % number, why=f"{why} {customer}")
    values = lambda: sorted(message.value() for message in scan(brokers, telemetry(customer).name))  # noqa: E731
    assert run(["dead-letter", "replay", "--brokers", brokers, "--reason", f"two {customer}"]) == 0
    assert values() == [b"1", b"3"]
    assert run(["dead-letter", "replay", "--brokers", brokers, "--reason", customer]) == 0
    assert values() == [b"0", b"1", b"2", b"3"]


def test_a_letter_whose_partition_is_gone_is_left_and_told(brokers, customer, capsys):
    bury(brokers, customer, b"x", why=f"far {customer}", partition=77)
    assert run(["dead-letter", "replay", "--brokers", brokers, "--reason", f"far {customer}"]) == 1
    assert "left" in capsys.readouterr().out
    assert not listed(capsys, brokers, customer)[1][0]["replayed"]


def test_a_record_that_fails_again_is_buried_again_and_counted(brokers, customer, worker, until, capsys):
    worker("ingest", "--brokers", brokers)
    producer = Producer(producer_settings(brokers))
    producer.produce(telemetry(customer).name, b"{", key=good(customer).key, headers=list(good(customer).headers))
    assert producer.flush(20) == 0
    attempts = lambda: [one["attempt"] for one in listed(capsys, brokers, customer)[1]]  # noqa: E731
    until(lambda: attempts() == [1])
    assert run(["dead-letter", "replay", "--brokers", brokers, "--reason", "not an event batch", "--since", "1h"]) in (
        0,
        1,
    )
    until(lambda: attempts() == [1, 2])
