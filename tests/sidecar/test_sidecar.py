"""The whole sidecar: what reaches the broker, what waits on disk, and what a kill -9 costs (nothing)."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import structlog
import structlog.testing
from confluent_kafka import Consumer, Producer, TopicPartition

from fde_events.event import ErrorEvent, RateLimitEvent
from fde_events.kafka import create_topics
from fde_events.ledger import EpochMark, Ledger
from fde_events.record import ReceivedBatch, decode, decode_mark, header_map, is_mark
from fde_events.topics import telemetry
from fde_local.kafka import KafkaBroker
from fde_sidecar import follow, session
from fde_sidecar.feed import Feed
from fde_sidecar.pace import GroupPace
from fde_sidecar.settings import Settings
from fde_sidecar.sidecar import Sidecar
from fde_sidecar.spool import Spool

FEED = """apiVersion: fde.io/v1
kind: TelemetryFeed
metadata: {name: sync, namespace: customer-acme}
spec: {deploymentRef: {name: sync}, signals: [errors, rateLimit]}
"""


@pytest.fixture(scope="module")
def broker() -> Iterator[str]:
    producer = Producer({"test.mock.num.brokers": 1, "log_level": 0})
    brokers = producer.list_topics(timeout=10).brokers.values()
    yield ",".join(f"{one.host}:{one.port}" for one in brokers)
    del producer


@pytest.fixture(autouse=True)
def _short_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(follow, "IDLE_S", 0.1)
    monkeypatch.setattr(session, "IDLE_S", 0.1)


@pytest.fixture
def topic(request: pytest.FixtureRequest) -> str:
    return f"t{abs(hash(request.node.name)) % 10**8}"


def a_feed(**changes: object) -> Feed:
    values: dict[str, object] = {
        "namespace": "customer-acme",
        "name": "sync",
        "deployment_name": "sync",
        "signals": frozenset({"errors", "rateLimit"}),
    }
    return Feed(**{**values, **changes})  # type: ignore[arg-type]


def settings(tmp_path: Path, customer: str, brokers: str | None, **changes: object) -> Settings:
    values: dict[str, object] = {
        "feed": a_feed(),
        "customer": customer,
        "logs": (str(tmp_path / "app.log"),),
        "spool": tmp_path / "spool" / "sync",
        "brokers": brokers,
        "until_idle": 0.3,
    }
    return Settings(**{**values, **changes})  # type: ignore[arg-type]


def write_errors(path: Path, start: int, count: int, what: str = "failed: unexpected answer of shape") -> None:
    with path.open("a") as file:
        for number in range(start, start + count):
            shape = "".join(
                chr(97 + int(digit)) for digit in str(number)
            )  # letters, so that each is a shape of its own
            file.write(f"2026-10-10 06:{number // 60 % 60:02d}:{number % 60:02d},000 ERROR [app.jobs] {what} {shape}\n")


def received(brokers: str, topic: str) -> tuple[list[ReceivedBatch], list[EpochMark]]:
    consumer = Consumer(
        {"bootstrap.servers": brokers, "group.id": "test-reader", "fetch.wait.max.ms": 10, "log_level": 0}
    )
    batches, marks = [], []
    try:
        partitions = consumer.list_topics(topic, timeout=10).topics[topic].partitions
        for partition in partitions:
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


def bodies(batches: list[ReceivedBatch]) -> list[str]:
    return [event.body or "" for one in batches for event in one.batch.events if isinstance(event, ErrorEvent)]


def until(condition: Callable[[], bool], seconds: float = 15.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "not in time"
        time.sleep(0.02)


def ids_and_events(batches: list[ReceivedBatch]) -> dict[str, str]:
    found: dict[str, str] = {}
    for one in batches:
        for index, event in enumerate(one.batch.events):
            said = str(event)
            assert found.setdefault(one.event_id(index), said) == said, "one id, two events"
    return found


def test_errors_arrive_redacted_with_a_whole_epoch(tmp_path: Path, broker: str, topic: str) -> None:
    log = tmp_path / "app.log"
    write_errors(log, 0, 250)
    log.open("a").write(
        "2026-10-10 07:00:00,000 ERROR [app.jobs] mail to ann@acme.example refused: connection refused\n"
    )
    summary = Sidecar(settings(tmp_path, topic, broker)).run(threading.Event())
    batches, marks = received(broker, f"fde.{topic}.telemetry")

    assert summary.events == len(bodies(batches)) == 251
    assert summary.records == summary.acknowledged == len(batches) <= 4
    assert "ann@" not in bodies(batches)[-1] and "<email:" in bodies(batches)[-1]
    assert all(one.customer == topic and one.batch.deployment == "customer-acme/sync" for one in batches)
    ledger = Ledger()
    for one in batches:
        ledger.receive(one.epoch, one.sequence)
    for mark in marks:
        ledger.mark(mark)
    assert [account.verdict for account in ledger.epochs.values()] == ["whole"]


def test_nothing_unredacted_is_ever_written_to_the_spool(tmp_path: Path) -> None:
    secret = "Zk8" + "qT2wLp9" + "xVb"
    (tmp_path / "app.log").write_text(
        f"2026-10-10 06:00:00,000 ERROR [a] login failed password={secret} ann@acme.example\n"
    )
    Sidecar(settings(tmp_path, "acme", None, finish_s=0.0, until_idle=None)).run(_stopped_soon())
    kept = b"".join(path.read_bytes() for path in (tmp_path / "spool" / "sync").glob("*.wal"))
    assert b"login failed" in kept
    assert secret.encode() not in kept and b"ann@" not in kept


def _stopped_soon() -> threading.Event:
    stop = threading.Event()
    threading.Timer(0.3, stop.set).start()
    return stop


def test_without_a_broker_it_starts_and_spools_and_a_later_start_sends_all_under_the_same_ids(
    tmp_path: Path, broker: str, topic: str
) -> None:
    write_errors(tmp_path / "app.log", 0, 30)
    away = Sidecar(settings(tmp_path, topic, None, until_idle=None, finish_s=0.0)).run(_stopped_soon())
    assert (away.events, away.acknowledged) == (30, 0)
    spool = Spool(tmp_path / "spool" / "sync")
    spooled = {(entry.epoch, entry.sequence) for _, _, entry in spool.read(spool.cursor, 10**9) if entry.value}
    spool.close()

    write_errors(tmp_path / "app.log", 30, 5)
    back = Sidecar(settings(tmp_path, topic, broker)).run(threading.Event())
    batches, marks = received(broker, f"fde.{topic}.telemetry")
    assert back.events == 5
    assert len(bodies(batches)) == len(set(bodies(batches))) == 35
    assert spooled <= {(one.epoch, one.sequence) for one in batches}
    # Two epochs, the old one closed first, both whole.
    closed = [mark.epoch for mark in marks if mark.closed]
    assert len(closed) == 2 and closed[0] in {epoch for epoch, _ in spooled}


def test_credentials_that_make_no_sense_do_not_stop_it(tmp_path: Path) -> None:
    write_errors(tmp_path / "app.log", 0, 3)
    kafka = {"security.protocol": "no-such-protocol"}
    one = Sidecar(settings(tmp_path, "acme", "127.0.0.1:9", kafka=kafka, until_idle=None, finish_s=0.0))
    assert one.run(_stopped_soon()).events == 3


@pytest.mark.parametrize(
    "text", [None, "sasl.password: [kiwi-fern", "- a list\n", "sasl.password: {a: b}\n", b"\xff\xfe"]
)
@pytest.mark.seconds
def test_while_its_client_settings_cannot_be_used_it_spools_and_connects_to_nobody(
    tmp_path: Path, broker: str, topic: str, text: str | bytes | None
) -> None:
    write_errors(tmp_path / "app.log", 0, 3)
    file = tmp_path / "kafka.yaml"
    if text is not None:
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
    one = Sidecar(settings(tmp_path, topic, broker, kafka_file=file, until_idle=None, finish_s=0.2))
    with structlog.testing.capture_logs() as said:
        stop = threading.Event()
        threading.Timer(1.6, stop.set).start()
        summary = one.run(stop)
    assert (summary.events, summary.acknowledged) == (3, 0)
    away = [line for line in said if line["event"] == "broker_away_spooling"]
    assert len(away) == 1 and "kafka.yaml" in away[0]["reason"]
    assert "kiwi" not in str(said)
    assert received(broker, f"fde.{topic}.telemetry") == ([], [])
    file.write_text("{}\n")
    Sidecar(settings(tmp_path, topic, broker, kafka_file=file)).run(threading.Event())
    assert len(bodies(received(broker, f"fde.{topic}.telemetry")[0])) == 3


def test_consent_decides_which_kinds_leave(tmp_path: Path, broker: str, topic: str) -> None:
    line = "2026-10-10 06:00:00,000 ERROR [a] HTTP 429 from https://api.stripe.com/v1/x, retry after 30 s\n"
    (tmp_path / "app.log").write_text(line)
    only_limits = a_feed(signals=frozenset({"rateLimit"}))
    Sidecar(settings(tmp_path, topic, broker, feed=only_limits)).run(threading.Event())
    ((one,),) = ([batch.batch.events for batch in received(broker, f"fde.{topic}.telemetry")[0]],)
    (event,) = one
    assert isinstance(event, RateLimitEvent)
    assert (event.vendor, event.http_status, event.retry_after_s) == ("stripe", 429, 30.0)


def test_a_storm_leaves_as_samples_and_a_count(tmp_path: Path, broker: str, topic: str) -> None:
    line = "2026-10-10 06:00:00,000 ERROR [a] step {} failed\n"
    (tmp_path / "app.log").write_text("".join(line.format(number) for number in range(500)))
    Sidecar(settings(tmp_path, topic, broker, feed=a_feed(full=10))).run(threading.Event())
    batches, _ = received(broker, f"fde.{topic}.telemetry")
    counts = [event.count for one in batches for event in one.batch.events if isinstance(event, ErrorEvent)]
    assert (sum(counts), len(counts), max(counts)) == (500, 11, 490)


@pytest.mark.seconds
def test_counts_that_were_withheld_survive_a_crash(tmp_path: Path, broker: str, topic: str) -> None:
    (tmp_path / "app.log").write_text(
        "".join(f"2026-10-10 06:00:00,000 ERROR [a] step {n} failed\n" for n in range(50))
    )
    feed = tmp_path / "feed.yaml"
    feed.write_text(FEED.replace("signals", "sampling: {full: 5}, signals"))
    process = start_sidecar(tmp_path, feed, topic, None)
    until(lambda: spooled_withheld(tmp_path) == 44)  # the last line waits for its pause
    until(lambda: spooled_withheld(tmp_path) == 45)
    kill_9(process)
    Sidecar(settings(tmp_path, topic, broker, feed=a_feed(full=5), spool=spool_of(tmp_path))).run(threading.Event())
    batches, _ = received(broker, f"fde.{topic}.telemetry")
    assert sum(event.count for one in batches for event in one.batch.events if isinstance(event, ErrorEvent)) == 50


def spool_of(tmp_path: Path) -> Path:
    return tmp_path / "spool" / "customer-acme.sync"


def _copied_spool(tmp_path: Path) -> Spool:
    """A look at another process's spool, without touching it."""
    import shutil

    copy = tmp_path / f"look-{time.monotonic_ns()}"
    shutil.copytree(spool_of(tmp_path), copy)
    (copy / "lock").unlink(missing_ok=True)
    return Spool(copy)


def spooled_withheld(tmp_path: Path) -> int:
    if not spool_of(tmp_path).exists():
        return 0
    spool = _copied_spool(tmp_path)
    spool.close()
    return sum(one.count for one in spool.state.withheld.values())


def start_sidecar(
    tmp_path: Path, feed: Path, customer: str, brokers: str | None, *more: str
) -> subprocess.Popen[bytes]:
    command = [
        sys.executable,
        "-m",
        "fde_cli.main",
        "sidecar",
        "--feed",
        str(feed),
        "--logs",
        str(tmp_path / "app.log"),
    ]
    command += ["--customer", customer, "--spool", str(tmp_path / "spool"), *more]
    if brokers:
        command += ["--brokers", brokers]
    errors = (tmp_path / "stderr.jsonl").open("ab")
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors)


def kill_9(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGKILL)
    process.wait(10)


@pytest.mark.processes
def test_kill_9_again_and_again_loses_nothing_and_one_id_is_one_event(tmp_path: Path, broker: str, topic: str) -> None:
    kill_9_loses_nothing(tmp_path, broker, topic, rounds=2)


@pytest.mark.kafka
def test_kill_9_loses_nothing_on_the_real_kafka(tmp_path: Path, kafka: KafkaBroker, topic: str) -> None:
    create_topics(kafka.bootstrap_servers, [telemetry(topic)])
    kill_9_loses_nothing(tmp_path, kafka.bootstrap_servers, topic, rounds=8)


def kill_9_loses_nothing(tmp_path: Path, broker: str, topic: str, *, rounds: int) -> None:
    log, feed, stderr = tmp_path / "app.log", tmp_path / "feed.yaml", tmp_path / "stderr.jsonl"
    feed.write_text(FEED)
    written = 0
    for round_ in range(rounds):
        write_errors(log, written, 150)
        written += 150
        # At first without a broker, then with it, killed at different moments of its work.
        process = start_sidecar(tmp_path, feed, topic, broker if round_ else None)
        started = round_ + 1
        until(lambda started=started: stderr.read_bytes().count(b"sidecar_started") >= started)  # type: ignore[misc]
        time.sleep(0.15 * round_)
        kill_9(process)
    process = start_sidecar(tmp_path, feed, topic, broker, "--until-idle", "0.5")
    out, _ = process.communicate(timeout=30)
    assert process.returncode == 0
    summary = json.loads(out)
    assert summary["records"] <= summary["acknowledged"] and summary["dropped"] == {}
    batches, marks = received(broker, f"fde.{topic}.telemetry")
    once = ids_and_events(batches)
    assert len(once) == len(set(once.values())) == written  # every event, under exactly one id
    ledger = Ledger()
    for one in batches:
        ledger.receive(one.epoch, one.sequence)
    for mark in marks:
        ledger.mark(mark)
    assert {account.verdict for account in ledger.epochs.values()} == {"whole"}


@pytest.mark.processes
def test_a_broker_that_is_away_is_reported_and_everything_arrives_when_it_comes(tmp_path: Path, topic: str) -> None:
    feed = tmp_path / "feed.yaml"
    feed.write_text(FEED)
    write_errors(tmp_path / "app.log", 0, 40)
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        nobody = f"127.0.0.1:{reserved.getsockname()[1]}"
        process = start_sidecar(tmp_path, feed, topic, nobody)
        stderr = tmp_path / "stderr.jsonl"
        until(lambda: b"broker_away_spooling" in stderr.read_bytes())
        process.send_signal(signal.SIGTERM)
        process.wait(20)
        assert process.returncode == 0
    lines = [json.loads(line) for line in stderr.read_text().splitlines()]
    (away,) = [line for line in lines if line["event"] == "broker_away_spooling"]
    (left,) = [line for line in lines if line["event"] == "stopped_with_unsent_records"]
    # It may be told before the first line was read; what was read by the end is spooled and said to be.
    assert 0 <= away["spooled_bytes"] <= left["spooled_bytes"] and left["spooled_bytes"] > 0
    script = Path(__file__).with_name("broker.py")
    server = subprocess.Popen([sys.executable, str(script)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        assert server.stdout is not None and server.stdin is not None
        address = server.stdout.readline().decode().strip()
        out, _ = start_sidecar(tmp_path, feed, topic, address, "--until-idle", "0.3").communicate(timeout=30)
        assert json.loads(out)["acknowledged"] >= 1
        assert len(set(bodies(received(address, f"fde.{topic}.telemetry")[0]))) == 40
    finally:
        server.stdin.close()
        server.wait(10)


def test_above_the_cap_rate_limits_go_first_and_every_drop_is_counted(tmp_path: Path, broker: str, topic: str) -> None:
    write_errors(tmp_path / "app.log", 0, 400, "HTTP 429 too many requests for a thing of shape")
    away = Sidecar(settings(tmp_path, topic, None, cap_bytes=30_000, until_idle=None, finish_s=0.0)).run(
        _stopped_soon()
    )
    assert away.dropped["spool-full:rate_limit"] > away.dropped.get("spool-full:error", 0)
    Sidecar(settings(tmp_path, topic, broker, cap_bytes=30_000)).run(threading.Event())
    batches, marks = received(broker, f"fde.{topic}.telemetry")
    arrived = sum(len(one.batch.events) for one in batches)
    dropped = {mark.epoch: mark.dropped for mark in marks if mark.closed}
    assert arrived + sum(sum(counts.values()) for counts in dropped.values()) == away.events


@pytest.mark.seconds
def test_a_paced_sidecar_does_not_run_ahead_of_its_reader(tmp_path: Path, broker: str, topic: str) -> None:
    name = f"fde.{topic}.telemetry"
    filler = "x" * 3000
    log = tmp_path / "app.log"
    with log.open("w") as file:
        for number in range(300):
            shape = "".join(chr(97 + int(digit)) for digit in str(number))
            file.write(f"2026-10-10 06:00:00,000 ERROR [a] failed {shape}\n    at f (/srv/x.js:1:1) {filler}\n")
    pace = GroupPace(broker, "slow-reader", name, ahead_bytes=300_000)
    one = Sidecar(settings(tmp_path, topic, broker, until_idle=None), pace=pace)
    stop = threading.Event()
    thread = threading.Thread(target=one.run, args=(stop,))
    thread.start()
    consumer = Consumer({"bootstrap.servers": broker, "group.id": "slow-reader", "log_level": 0})
    try:

        def ends() -> dict[int, int]:
            found = consumer.list_topics(name, timeout=10).topics[name].partitions
            return {p: consumer.get_watermark_offsets(TopicPartition(name, p), timeout=10)[1] for p in found}

        until(lambda: sum(ends().values()) >= 2)
        time.sleep(0.5)
        assert sum(ends().values()) <= 5  # a reader that stands still holds the rest back
        assert one.summary_now().acknowledged < 5

        def read_on() -> bool:
            offsets = [TopicPartition(name, partition, end) for partition, end in ends().items()]
            consumer.commit(offsets=offsets, asynchronous=False)
            return one.summary_now().acknowledged == one.summary_now().records >= 5 and one.summary_now().events == 300

        until(read_on)
        assert len(set(bodies(received(broker, name)[0]))) == 300
    finally:
        stop.set()
        thread.join(20)
        consumer.close()
        pace.close()


def test_a_manifest_of_another_kind_is_refused_with_a_sentence(tmp_path: Path) -> None:
    feed = tmp_path / "feed.yaml"
    feed.write_text(FEED.replace("TelemetryFeed", "FDEDeployment"))
    run = subprocess.run(
        [sys.executable, "-m", "fde_cli.main", "sidecar", "--feed", str(feed), "--logs", "x", "--customer", "acme", "--spool", str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ},
    )  # fmt: skip
    assert run.returncode == 3
    assert "the sidecar takes fde.io/v1 TelemetryFeed" in run.stderr and "Traceback" not in run.stderr
