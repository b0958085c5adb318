"""`fde challenge` on the embedded broker: what people say goes through the log, is audited, and outlives the worker."""

import json

import msgspec
import pytest
from confluent_kafka import Producer

from fde_cli.embedded.broker import EmbeddedBroker
from fde_cli.main import run
from fde_events.audit import Audit
from fde_events.challenge import Challenge, Sighting
from fde_events.kafka import producer_settings
from fde_events.topics import AUDIT, CHALLENGES
from fde_registry.directory import DirectoryRegistry
from fde_streams.reader import read_challenges
from fde_streams.scan import scan

pytestmark = pytest.mark.seconds  # together they take seconds: part of `make test`


@pytest.fixture
def broker():
    with EmbeddedBroker() as embedded:
        yield embedded


@pytest.fixture
def library(tmp_path):
    path = tmp_path / "library"
    path.mkdir()
    DirectoryRegistry.make(path)
    return f"directory:{path}"


@pytest.fixture
def fde(library, capsys):
    """`fde challenge`, in this process: (code, stdout, stderr)."""

    def call(*arguments, brokers=None):
        command = ["challenge", *arguments, "--registry", library, *(["--brokers", brokers] if brokers else [])]
        capsys.readouterr()
        code = run(command)
        return code, *capsys.readouterr()

    return call


def a_challenge(name, block="error/redis", **more):
    fields = {"title": "t", "kind": "error", "signatures": (f"{name[-1] * 32}",), "events": 3} | more
    sighting = Sighting(deployment="a/b", customer="north", count=3, first_seen="2026-10-01", last_seen="2026-10-02")
    return Challenge(
        id=name,
        block=block,
        deployments=3,
        customers=3,
        first_seen="2026-10-01",
        last_seen="2026-10-02",
        raised_at="2026-10-02",
        sightings=(sighting,),
        **fields,
    )


@pytest.fixture
def raised(broker):
    """Challenges that were raised, and no fold: what is ordered is not followed."""
    broker.create_topics([CHALLENGES, AUDIT])
    producer = Producer(producer_settings(broker.bootstrap_servers))
    for challenge in (
        a_challenge("ch-a"),
        a_challenge("ch-b", redirects=("ch-old",)),
        a_challenge("ch-c", "error/http"),
    ):
        producer.produce(CHALLENGES, msgspec.json.encode(challenge), key=challenge.id)
    assert producer.flush(20) == 0
    return broker.bootstrap_servers


WHY = ("--reason", "both are one cause", "--wait", "0")


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("merge", "ch-a", "ch-c", *WHY), 1, "of different blocks (error/http, error/redis)"),
        (("merge", "ch-a", "ch-x", *WHY), 1, "There is no challenge ch-x"),
        (("merge", "ch-b", "ch-old", *WHY), 2, "at least two challenges"),
        (("merge", "ch-a", "ch-b", "--reason", "so"), 2, "10 to 1000 characters"),
        (("split", "ch-a", "f" * 32, *WHY), 1, "is not in ch-a"),
        (("split", "ch-a", "a" * 32, *WHY), 1, "nothing would be left"),
        (("split", "ch-a", *WHY), 2, "which signatures"),
        (("pin", "nonsense", "ch-a", *WHY), 2, "no signature's digest"),
        (("pin", "c" * 32, "ch-a", *WHY), 1, "of different blocks"),
        (("show", "ch-x"), 1, "There is no challenge ch-x"),
        (("merge", "ch-a", "ch-b", *WHY), 0, "published and audited; the fold has not followed it yet"),
    ],
)
def test_what_cannot_be_followed_is_refused_with_a_sentence_and_nothing_is_ordered(raised, fde, arguments, code, said):
    found, _, told = fde(*arguments, brokers=raised)
    assert (found, said in told) == (code, True), told
    audits = [msgspec.json.decode(message.value(), type=Audit) for message in scan(raised, AUDIT)]
    assert len(audits) == (1 if code == 0 else 0)


def test_without_a_broker_or_a_running_loop_it_says_what_to_give(fde):
    code, _, told = fde("list")
    assert (code, "where is Kafka?" in told) == (2, True)


@pytest.mark.processes
@pytest.mark.timeout(150)
def test_merge_split_pin_and_ignore_go_through_the_log_and_outlive_the_worker(
    broker, fleet_of, worker, until, fde, tmp_path
):
    bootstrap, state = broker.bootstrap_servers, f"sqlite:{tmp_path / 'state.sqlite'}"
    fleet = fleet_of(bootstrap, "cust-")
    broker.create_topics([fleet.topic(number) for number in range(4)])
    for number in range(4):
        fleet.send(number, records=2)
    fleet.flush()
    worker("ingest", "--brokers", bootstrap, "--pace", state)
    fold = worker("fold", "--brokers", bootstrap, "--state", state)
    until(lambda: len(read_challenges(bootstrap)) == 3)
    first, second, third = sorted(read_challenges(bootstrap).values(), key=lambda c: c.id)

    # No --brokers from here on: the library's loop says where it is.
    code, _, told = fde("merge", third.id, first.id, "--reason", "one cause, seen twice")
    assert (code, " followed" in told) == (0, True), told
    merged = read_challenges(bootstrap)
    assert set(merged) == {first.id, second.id}
    assert merged[first.id].redirects == (third.id,)
    assert merged[first.id].events == 16
    assert json.loads(fde("show", third.id, "--json")[1])["id"] == first.id
    assert f"also known as {third.id}" in fde("show", first.id)[1]

    code, _, told = fde("split", first.id, *third.signatures, "--reason", "they are two after all")
    assert (code, " followed" in told) == (0, True), told
    code, _, told = fde("ignore", second.id, "--reason", "a test deployment's own")
    assert (code, " followed" in told) == (0, True), told
    until(lambda: len(read_challenges(bootstrap)) == 3)
    assert len(fde("list")[1].splitlines()) == 2
    assert len(fde("list", "--all")[1].splitlines()) == 3

    fold.kill()
    for number in range(4):
        fleet.send(number)
    fleet.flush()
    fold.start()
    until(lambda: sorted(c.events for c in read_challenges(bootstrap).values()) == [12, 12, 12])
    after = read_challenges(bootstrap)
    assert {name for name, challenge in after.items() if challenge.ignored} == {second.id}
    assert {frozenset(c.signatures) for c in after.values()} == {
        frozenset(c.signatures) for c in (first, second, third)
    }
    audits = [msgspec.json.decode(message.value(), type=Audit) for message in scan(bootstrap, AUDIT)]
    assert [audit.what for audit in audits] == ["challenge.merge", "challenge.split", "challenge.ignore"]
    assert audits[0].why == "one cause, seen twice" and "@" in audits[0].who
    assert fold.stop() == 0
