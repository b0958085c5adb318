"""On a real Kafka with TLS, passwords and its authorizer on: what each user may, and what it may not."""

import json
import os
import subprocess
import sys
import time
from types import SimpleNamespace

import pytest
from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import (
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewTopic,
    ResourcePatternType,
    ResourceType,
)

from fde_cli.main import run
from fde_events.connection import connection
from fde_events.deadletter import burial
from fde_events.errors import Refused
from fde_events.kafka import client_settings, metadata, producer_settings
from fde_events.tenancy.broker import Tenancy
from fde_events.tenancy.quota_wire import alter_quota, describe_quotas
from fde_events.tenancy.wire import Conversation
from fde_events.topics import CHALLENGES, DEAD_LETTER, ENGINE, LEDGER, SIGNATURES, STATE
from fde_local.kafka import KafkaBroker
from fde_streams.reader import read_challenges
from fde_streams.scan import scan

pytestmark = pytest.mark.kafka

A, B = "acme", "acme-2"  # a prefix that ended too early would give A the topics of B
FEEDS = {customer: f"{customer}/customer-{customer}/orders" for customer in (A, B, "north")}
ENGINE_TOPICS = [SIGNATURES, STATE, CHALLENGES, LEDGER, DEAD_LETTER]


@pytest.fixture(scope="module")
def site(kafka_toolchain, tmp_path_factory):
    """A secured broker on which `fde kafka apply` has made three customers, a feed each, and the engine."""
    folder = tmp_path_factory.mktemp("secured")
    with KafkaBroker.start(folder / "broker", secured=True) as broker:
        brokers, admin = broker.bootstrap_servers, broker.admin_settings
        assert fde("apply", brokers, admin, *named(), "--credentials", str(folder / "credentials")) == 0
        yield SimpleNamespace(
            broker=broker,
            brokers=brokers,
            admin=admin,
            credentials=folder / "credentials",
            folder=folder,
            tenancy=Tenancy(connection(brokers, admin)),
        )


def fde(verb, brokers, config, *more):
    return run(["kafka", verb, *more, "--brokers", brokers, "--kafka-config", str(config)])


def named(*feeds):
    return [word for feed in feeds or FEEDS.values() for word in ("--feeds", feed)]


def file_of(site, user):
    return site.credentials / f"{user}.yaml"


def at(site, user):
    return connection(site.brokers, file_of(site, user))


def feed(site, customer=A):
    return at(site, f"fde-feed.{customer}.customer-{customer}.orders")


def written(where, topic, value=b"x"):
    """None when it was taken, or the broker's code."""
    told = []
    producer = Producer(producer_settings(where, **{"message.timeout.ms": 10_000, "linger.ms": 0}))
    producer.produce(topic, value, on_delivery=lambda error, _: told.append(error.code() if error else None))
    assert producer.flush(15) == 0
    return told[0]


def read_code(where, topic, group="fde-scan"):
    """The code of the first error that reading `topic` from its beginning gives; None when a record comes."""
    consumer = Consumer(client_settings(where) | {"group.id": group, "auto.offset.reset": "earliest"})
    try:
        consumer.assign([TopicPartition(topic, 0, 0)])
        until = time.monotonic() + 15
        while time.monotonic() < until:
            message = consumer.poll(0.2)
            if message is not None:
                return message.error().code() if message.error() else None
        raise AssertionError(f"neither a record nor an error of {topic}")
    finally:
        consumer.close()


def retention(topic):
    """A retention of one second for `topic`."""
    entry = ConfigEntry("retention.ms", "1000", incremental_operation=AlterConfigOpType.SET)
    return ConfigResource(ResourceType.TOPIC, topic, incremental_configs=[entry])


def code_of(future):
    with pytest.raises(KafkaException) as refused:
        future.result(15)
    return refused.value.args[0].code()


# ------------------------------------------------------------ a feed's user


def test_a_feed_writes_its_own_topic(site):
    assert written(feed(site), f"fde.{A}.telemetry") is None


@pytest.mark.parametrize("topic", [f"fde.{A}.telemetry", f"fde.{B}.telemetry", f"fde.{A}.solutions", *ENGINE_TOPICS])
def test_a_feed_reads_nothing_not_even_its_own(site, topic):
    for group in ("fde-ingest", f"fde.{A}"):
        assert read_code(feed(site), topic, group) in (
            KafkaError.TOPIC_AUTHORIZATION_FAILED,
            KafkaError.GROUP_AUTHORIZATION_FAILED,
        )


@pytest.mark.parametrize("topic", [f"fde.{B}.telemetry", "fde.north.telemetry", f"fde.{A}.solutions", *ENGINE_TOPICS])
def test_a_feed_writes_no_other_topic(site, topic):
    assert written(feed(site), topic) == KafkaError.TOPIC_AUTHORIZATION_FAILED


def test_a_feed_sees_its_customers_telemetry_and_no_other_topic(site):
    assert set(metadata(feed(site)).topics) == {f"fde.{A}.telemetry"}


def test_a_feed_joins_no_group(site):
    consumer = Consumer(client_settings(feed(site)) | {"group.id": "fde-ingest", "auto.offset.reset": "earliest"})
    try:
        consumer.subscribe([f"fde.{A}.telemetry"])
        until, seen = time.monotonic() + 15, None
        while seen is None and time.monotonic() < until:
            if (message := consumer.poll(0.2)) is not None and message.error():
                seen = message.error().code()
        assert seen == KafkaError.GROUP_AUTHORIZATION_FAILED
    finally:
        consumer.close()


def test_a_feed_administers_nothing(site):
    client = AdminClient(client_settings(feed(site)))
    mine = f"fde.{A}.telemetry"
    topic = ConfigResource(ResourceType.TOPIC, mine)
    everything = AclBindingFilter(
        *(ResourceType.ANY, None, ResourcePatternType.ANY), *(None, None, AclOperation.ANY, AclPermissionType.ANY)
    )
    no_topic = KafkaError.TOPIC_AUTHORIZATION_FAILED
    for name in (f"fde.{A}.telemetry.more", "another"):
        assert code_of(client.create_topics([NewTopic(name, 1, 1)])[name]) == no_topic
    assert code_of(client.delete_topics([mine])[mine]) == no_topic
    assert code_of(client.delete_records([TopicPartition(mine, 0, 1)])[TopicPartition(mine, 0, 1)]) == no_topic
    assert code_of(client.describe_configs([topic])[topic]) == no_topic
    altered = retention(mine)
    assert code_of(client.incremental_alter_configs([altered])[altered]) == no_topic
    assert client.describe_acls(everything).result(15) == []  # the client tells no error; there are dozens of rules
    grant = AclBinding(
        *(ResourceType.TOPIC, f"fde.{B}.telemetry", ResourcePatternType.LITERAL, "User:*", "*"),
        *(AclOperation.READ, AclPermissionType.ALLOW),
    )
    assert code_of(client.create_acls([grant])[grant]) == KafkaError.CLUSTER_AUTHORIZATION_FAILED
    assert client.list_consumer_groups().result(15).valid == []


def test_a_feed_knows_and_changes_no_quota(site):
    with Conversation(feed(site)) as talk:
        with pytest.raises(Refused, match="may not"):
            describe_quotas(talk)
        with pytest.raises(Refused, match="may not"):
            alter_quota(talk, f"fde-feed.{A}.customer-{A}.orders", {"producer_byte_rate": 1e9})
    for command in ("plan", "apply"):
        own = ("--credentials", str(site.folder / "mine")) if command == "apply" else ()
        assert fde(command, site.brokers, file_of(site, f"fde-feed.{A}.customer-{A}.orders"), *named(), *own) == 1


def test_a_feed_gets_no_transactional_id(site):
    producer = Producer(producer_settings(feed(site), **{"transactional.id": "fde-fold-0"}))
    with pytest.raises(KafkaException) as refused:
        producer.init_transactions(10)
    assert refused.value.args[0].code() == KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED


def test_a_feed_above_its_rate_is_held_back_and_loses_nothing(site):
    rate, size, count = 64 * 1024, 16 * 1024, 24  # six seconds' worth
    slow = f"{A}/customer-{A}/slow"
    assert fde("apply", site.brokers, site.admin, *named(*FEEDS.values(), slow), "--rate", str(rate),
               "--credentials", str(site.credentials)) == 0  # fmt: skip
    taken = []
    producer = Producer(producer_settings(at(site, f"fde-feed.{A}.customer-{A}.slow"), **{"batch.size": size * 2}))
    began = time.monotonic()
    for _ in range(count):
        producer.produce(f"fde.{A}.telemetry", os.urandom(size), on_delivery=lambda error, _: taken.append(error))
        producer.flush(30)
    took = time.monotonic() - began
    assert taken == [None] * count
    assert took > 0.5 * count * size / rate
    assert fde("revoke", site.brokers, site.admin, slow, "--credentials", str(site.credentials)) == 0
    assert fde("apply", site.brokers, site.admin, *named(), "--credentials", str(site.credentials)) == 0


# ------------------------------------------------------------ fde kafka


def test_a_second_apply_changes_nothing_and_a_plan_says_so(site, capsys):
    assert fde("plan", site.brokers, site.admin, *named()) == 0
    capsys.readouterr()
    assert fde("apply", site.brokers, site.admin, *named(), "--credentials", str(site.credentials)) == 0
    told = capsys.readouterr()
    assert told.out == "" and "as they should be" in told.err


def test_no_password_is_ever_printed(site, capfd):
    more = ("--feeds", f"{A}/customer-{A}/chatty")
    folder = str(site.credentials)
    assert fde("plan", site.brokers, site.admin, *named(), *more) == 1
    assert fde("apply", site.brokers, site.admin, *named(), *more, "--credentials", folder) == 0
    settings = json.loads(file_of(site, f"fde-feed.{A}.customer-{A}.chatty").read_text())
    assert fde("revoke", site.brokers, site.admin, more[1], "--credentials", folder) == 0
    told = capfd.readouterr()
    assert "chatty" in told.out and settings["sasl.password"] not in told.out + told.err


def test_a_revoked_feed_is_out_at_once_and_its_neighbours_are_not(site, until):
    extra = f"{A}/customer-{A}/leaving"
    folder = str(site.credentials)
    assert fde("apply", site.brokers, site.admin, *named(*FEEDS.values(), extra), "--credentials", folder) == 0
    leaving = at(site, f"fde-feed.{A}.customer-{A}.leaving")
    codes = []
    producer = Producer(producer_settings(leaving, **{"message.timeout.ms": 10_000}))

    def say():
        producer.produce(f"fde.{A}.telemetry", b"x", on_delivery=lambda e, _: codes.append(e.code() if e else None))
        producer.flush(15)

    say()
    assert fde("revoke", site.brokers, site.admin, extra, "--credentials", folder) == 0
    until(lambda: say() or codes[-1])  # on the connection that is open; a broker hears of it a moment later
    assert codes[0] is None and codes[-1] == KafkaError.TOPIC_AUTHORIZATION_FAILED
    with pytest.raises(Refused, match="user or password"):
        metadata(leaving)
    assert written(feed(site), f"fde.{A}.telemetry") is None
    assert fde("plan", site.brokers, site.admin, *named()) == 0
    assert fde("revoke", site.brokers, site.admin, extra) == 1


def test_a_rotated_password_replaces_the_old_one(site):
    user = f"fde-feed.{B}.customer-{B}.orders"
    before = feed(site, B)
    assert (
        fde("apply", site.brokers, site.admin, *named(), "--rotate", user, "--credentials", str(site.credentials)) == 0
    )
    with pytest.raises(Refused):
        metadata(before)
    assert written(feed(site, B), f"fde.{B}.telemetry") is None


def test_what_somebody_changed_is_put_back(site):
    admin = AdminClient(client_settings(connection(site.brokers, site.admin)))
    altered = retention(LEDGER)
    admin.incremental_alter_configs([altered])[altered].result(15)
    assert fde("plan", site.brokers, site.admin, *named()) == 1
    assert fde("apply", site.brokers, site.admin, *named(), "--credentials", str(site.credentials)) == 0
    assert fde("plan", site.brokers, site.admin, *named()) == 0
    kept = next(topic for topic in ENGINE if topic.name == LEDGER).retention_ms
    assert site.tenancy.observe().topics[LEDGER].config["retention.ms"] == str(kept)


def test_the_tenancy_user_can_do_all_that_apply_does(site, tmp_path):
    config = file_of(site, "fde-engine.tenancy")
    new = ("--customers", "south", "--feeds", "south/customer-south/orders")
    assert fde("apply", site.brokers, config, *new, "--credentials", str(tmp_path)) == 0
    assert fde("plan", site.brokers, config, *new) == 0
    assert fde("revoke", site.brokers, config, new[-1]) == 0


def test_the_keeper_gives_a_letter_back_and_nobody_elses_can(site, capsys):
    topic = f"fde.{B}.telemetry"
    headers = burial(topic, 1, 5, [("fde_epoch", b"e")], "off contract here", key=b"k")
    producer = Producer(producer_settings(at(site, "fde-engine.ingest")))
    producer.produce(DEAD_LETTER, b"whole", key=f"{topic}/1/5", headers=headers)
    assert producer.flush(15) == 0
    keeper = ("--brokers", site.brokers, "--kafka-config", str(file_of(site, "fde-engine.keeper")))
    reader = ("--brokers", site.brokers, "--kafka-config", str(file_of(site, "fde-engine.reader")))
    capsys.readouterr()
    assert run(["dead-letter", "list", *reader]) == 1
    assert "may not see it" in capsys.readouterr().err
    assert run(["dead-letter", "list", *keeper]) == 0
    assert run(["dead-letter", "replay", "--reason", "off contract here", *keeper]) == 0
    assert run(["dead-letter", "replay", "--reason", "off contract here", *keeper]) == 1
    back = [m for m in scan(connection(site.brokers, site.admin), topic) if m.value() == b"whole"]
    assert [(message.partition(), message.key()) for message in back] == [(1, b"k")]


# ------------------------------------------------------------ who is not let in


def edited(site, tmp_path, **changes):
    settings = json.loads(site.admin.read_text()) | {name.replace("_", "."): value for name, value in changes.items()}
    file = tmp_path / "kafka.yaml"
    file.write_text(json.dumps(settings))
    return file


@pytest.mark.parametrize(
    "command",
    [
        ["ledger"],
        ["worker", "ingest"],
        ["worker", "fold"],
        ["worker", "extraction"],
        ["kafka", "plan"],
        ["dead-letter", "list"],
    ],
)
@pytest.mark.parametrize(
    ("change", "said"),
    [({"sasl_password": "wrong"}, "user or password"), ({"ssl_ca_location": "probe"}, "not trusted")],
)
def test_a_wrong_password_or_authority_is_told_within_seconds(site, tmp_path, command, change, said):
    arguments = [*command, "--brokers", site.brokers, "--kafka-config", str(edited(site, tmp_path, **change))]
    if "extraction" in command:
        arguments += ["--registry", f"directory:{tmp_path / 'library'}", "--evidence", str(tmp_path / "evidence")]
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "fde_cli.main", *arguments], capture_output=True, text=True, timeout=60, check=False
    )
    assert time.monotonic() - began < 45
    assert done.returncode == 1 and said in done.stderr and "Traceback" not in done.stderr
    assert "wrong" not in done.stderr.replace("wrong user", "")


def test_a_broker_on_another_machine_is_not_spoken_to_in_the_clear(capsys):
    assert run(["ledger", "--brokers", "kafka.example:9092"]) == 1
    assert "does not encrypt" in capsys.readouterr().err


# ------------------------------------------------------------ the whole way


@pytest.mark.parametrize(
    ("change", "said"), [({"sasl_password": "wrong"}, "uthentication"), ({"ssl_ca_location": "probe"}, "ertificate")]
)
def test_a_sidecar_that_is_not_let_in_says_why_within_seconds_and_spools(site, tmp_path, change, said, until):
    log = tmp_path / "said"
    with log.open("wb") as told:
        process = subprocess.Popen(
            [*command_of(site, tmp_path, A, edited(site, tmp_path, **change)), "--until-idle", "60"],
            stderr=told,
            stdout=told,
        )
        try:
            until(lambda: said in log.read_text(), seconds=45)
            assert process.poll() is None and "Traceback" not in log.read_text()
            assert any((tmp_path / A / "spool").rglob("*"))
        finally:
            process.terminate()
            process.wait(20)


TRACE = """Traceback (most recent call last):
  File "/app/sync.py", line 12, in main
    client.get("k")
redis.exceptions.ResponseError: max number of clients reached
"""


def command_of(site, tmp_path, customer, config):
    folder = tmp_path / customer
    folder.mkdir()
    (folder / "app.log").write_text("started\n" + TRACE + "done\n")
    (folder / "feed.yaml").write_text(
        "apiVersion: fde.io/v1\nkind: TelemetryFeed\n"
        f"metadata: {{name: orders, namespace: customer-{customer}}}\n"
        "spec: {deploymentRef: {name: orders}, signals: [errors]}\n"
    )
    return [
        *(sys.executable, "-m", "fde_cli.main", "sidecar"),
        *("--feed", str(folder / "feed.yaml"), "--logs", str(folder / "*.log"), "--customer", customer),
        *("--spool", str(folder / "spool"), "--brokers", site.brokers, "--kafka-config", str(config)),
    ]


def sidecar(site, tmp_path, customer):
    config = file_of(site, f"fde-feed.{customer}.customer-{customer}.orders")
    return subprocess.run(
        [*command_of(site, tmp_path, customer, config), "--until-idle", "2"],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


def test_the_whole_way_is_gone_with_least_privilege_over_tls(site, worker, until, tmp_path, capfd):
    def with_user(name):
        return ("--brokers", site.brokers, "--kafka-config", str(file_of(site, f"fde-engine.{name}")))

    worker("ingest", *with_user("ingest"))
    worker("fold", *with_user("fold"))
    for customer in FEEDS:
        done = sidecar(site, tmp_path, customer)
        assert done.returncode == 0, done.stderr
    reader = at(site, "fde-engine.reader")
    until(lambda: any(challenge.customers == 3 for challenge in read_challenges(reader).values()), seconds=60)
    capfd.readouterr()
    assert run(["ledger", "--json", *with_user("reader")]) == 0
    accounts = [json.loads(line) for line in capfd.readouterr().out.splitlines()]
    assert {a["customer"]: a["verdict"] for a in accounts if a["deployment"].endswith("/orders")} == dict.fromkeys(
        FEEDS, "whole"
    )

    challenge = next(one for one in read_challenges(reader).values() if one.customers == 3)
    registry, evidence = f"directory:{tmp_path / 'library'}", tmp_path / "evidence"
    more = ("--registry", registry, "--evidence", str(evidence), "--once-idle", "3")
    assert run(["worker", "extraction", *more, *with_user("extraction")]) == 0
    assert challenge.id in (evidence / "status.jsonl").read_text()
    order = ("--reason", "known and accepted here", "--registry", registry)
    assert run(["challenge", "ignore", challenge.id, *order, *with_user("review")]) == 0
    until(lambda: read_challenges(reader)[challenge.id].ignored)
