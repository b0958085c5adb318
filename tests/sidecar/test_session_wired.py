"""The wired sidecar as a process: real SDKs in, all four kinds out, and what its controls, a kill -9 and a carrier do to it."""

from __future__ import annotations

import importlib.util
import json
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

import pytest
from confluent_kafka import Producer

from fde_events.event import ErrorEvent, PerformanceEvent, RateLimitEvent, SchemaDriftEvent
from fde_events.kafka import create_topics
from fde_events.ledger import Ledger
from fde_events.record import ReceivedBatch
from fde_events.topics import telemetry
from fde_local.kafka import KafkaBroker
from fde_local.ports import free_ports

pytestmark = pytest.mark.processes


def _module(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"wired_{name}", Path(__file__).with_name(f"{name}.py"))
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


_whole = _module("test_sidecar")
received, bodies, until = _whole.received, _whole.bodies, _whole.until
FEED = """apiVersion: fde.io/v1
kind: TelemetryFeed
metadata: {{name: sync, namespace: customer-acme}}
spec:
  deploymentRef: {{name: sync}}
  signals: [{signals}]
  redaction: {{mode: {mode}, rules: [{{name: ticket, pattern: 'TCK-[0-9]{{4,8}}'}}]}}
"""
ALL = "errors, performance, rateLimit, schemaDrift"

# What a customer's program does: nothing in it knows of us but the last part.
PROGRAM = """
import logging, random, sys, time
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk._logs import LoggerProvider, LoggingHandler
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import SpanKind

at = sys.argv[1]
spans = TracerProvider()
spans.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(at + "/v1/traces"), max_queue_size=8192))
logs = LoggerProvider()
logs.add_log_record_processor(BatchLogRecordProcessor(OTLPLogExporter(at + "/v1/logs")))
meters = MeterProvider(metric_readers=[PeriodicExportingMetricReader(OTLPMetricExporter(at + "/v1/metrics"))])
logger = logging.getLogger("shop")
logger.addHandler(LoggingHandler(logger_provider=logs))
try:
    raise ValueError("order TCK-123456 of ann@acme.example is bad")
except ValueError:
    logger.exception("order failed")
tracer = spans.get_tracer("t")
try:
    with tracer.start_as_current_span("charge"):
        raise KeyError("currency")
except KeyError:
    pass
chance, begin = random.Random(1), time.time() - 3 * 3600
for minute in range(120):
    for second in range(0, 60, 2):
        took = chance.gauss(100, 8) if minute < 90 else chance.gauss(900, 50)
        start = int((begin + minute * 60 + second) * 1e9)
        said = {"http.request.method": "GET", "server.address": "api.slow.example", "url.full": "https://api.slow.example/v1/x", "http.response.status_code": 200}
        tracer.start_span("get", kind=SpanKind.CLIENT, attributes=said, start_time=start).end(start + int(took * 1e6))
    if minute % 20 == 19:
        spans.force_flush()
taken = meters.get_meter("m").create_histogram("http.client.request.duration", unit="s")
for _ in range(50):
    taken.record(0.1, {"http.request.method": "GET", "server.address": "api.vendor.example"})
for provider in (spans, logs, meters):
    provider.shutdown()

import fde_sdk
fde_sdk.init(service="orders", endpoint=at)
try:
    raise RuntimeError("captured by hand")
except RuntimeError as error:
    fde_sdk.capture(error)
fde_sdk.call("GET api.stripe.com/v1/x", status=429, headers={"Retry-After": "30"}, server_address="api.stripe.com")
for number in range(400):
    order = {"id": number if number < 200 else str(number), "name": f"Secretname{number}", "total": 1.5}
    fde_sdk.payload("vendor", "GET /orders", "response", order, status=200)
    if number % 50 == 0:
        fde_sdk.flush(5)
assert fde_sdk.flush(5)
"""


@pytest.fixture(scope="module")
def broker() -> Iterator[str]:
    producer = Producer({"test.mock.num.brokers": 1, "log_level": 0})
    brokers = producer.list_topics(timeout=10).brokers.values()
    yield ",".join(f"{one.host}:{one.port}" for one in brokers)
    del producer


class Wired:
    """One `fde sidecar` with OTLP, probes, a log, a feed and a switch, that may be killed and started again."""

    def __init__(self, directory: Path, customer: str, brokers: str | None, *more: str) -> None:
        self.directory, self.customer, self.more = directory, customer, more
        self.brokers = brokers
        self.otlp, self.probes = free_ports(2)
        self.log, self.feed, self.switch = directory / "app.log", directory / "feed.yaml", directory / "switch"
        self.spool, self.stderr = directory / "spool", directory / "stderr.jsonl"
        self.says(ALL)
        self.process: subprocess.Popen[bytes] | None = None

    def says(self, signals: str, mode: str = "standard") -> None:
        self.feed.write_text(FEED.format(signals=signals, mode=mode))

    def start(self) -> None:
        command = [sys.executable, "-m", "fde_cli.main", "sidecar", "--feed", str(self.feed), "--logs", str(self.log)]
        command += ["--customer", self.customer, "--spool", str(self.spool), "--switch", str(self.switch)]
        command += ["--otlp", f"127.0.0.1:{self.otlp}", "--probes", f"127.0.0.1:{self.probes}", *self.more]
        command += ["--brokers", self.brokers] if self.brokers else []
        with self.stderr.open("ab") as errors:
            self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors)
        until(lambda: self.get("/startupz")[0] == 200, 30)

    def get(self, path: str) -> tuple[int, str]:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.probes}{path}", timeout=5) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, ""
        except OSError:
            return 0, ""

    def figure(self, name: str) -> float:
        lines = self.get("/metrics")[1].splitlines()
        return next((float(line.rpartition(" ")[2]) for line in lines if line.startswith(name + " ")), -1.0)

    def stop(self) -> dict[str, object]:
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        out, _ = self.process.communicate(timeout=30)
        assert self.process.returncode == 0
        return dict(json.loads(out))

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.communicate(timeout=10)

    def send(self, body: str) -> int:
        """One error over OTLP; the answer's status, 0 where there was none."""
        record = {"severityNumber": 17, "timeUnixNano": str(time.time_ns()), "body": {"stringValue": body}}
        data = json.dumps({"resourceLogs": [{"scopeLogs": [{"logRecords": [record]}]}]}).encode()
        kind = {"Content-Type": "application/json"}
        request = urllib.request.Request(f"http://127.0.0.1:{self.otlp}/v1/logs", data=data, headers=kind)
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            return error.code
        except OSError:
            return 0

    def print(self, line: str) -> None:
        with self.log.open("a") as file:
            file.write(f"2026-10-10 06:00:00,000 ERROR [a] {line}\n2026-10-10 06:00:01,000 INFO [a] on\n")


@contextmanager
def wired(directory: Path, customer: str, brokers: str | None, *more: str) -> Iterator[Wired]:
    one = Wired(directory, customer, brokers, *more)
    try:
        one.start()
        yield one
    finally:
        if one.process is not None and one.process.poll() is None:
            one.kill()


def fde(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "fde_cli.main", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def verdicts(batches: list[ReceivedBatch], marks: list[object]) -> set[str]:
    ledger = Ledger()
    for one in batches:
        ledger.receive(one.epoch, one.sequence)
    for mark in marks:
        ledger.mark(mark)  # type: ignore[arg-type]
    return {account.verdict for account in ledger.epochs.values()}


def test_real_sdks_give_events_of_all_four_kinds_and_the_feed_has_the_last_word(tmp_path: Path, broker: str) -> None:
    with wired(tmp_path, "kinds", broker) as one:
        program = tmp_path / "program.py"
        program.write_text(PROGRAM)
        at = f"http://127.0.0.1:{one.otlp}"
        run = subprocess.run([sys.executable, str(program), at], capture_output=True, text=True, timeout=120)
        assert run.returncode == 0, run.stderr
        until(lambda: one.figure("fde_sidecar_unsent_bytes") == 0 and one.figure("fde_sidecar_lag_bytes") == 0)
        batches, _ = received(broker, "fde.kinds.telemetry")
        events = [event for each in batches for event in each.batch.events]
        errors = {event.exception_type for event in events if isinstance(event, ErrorEvent)}
        assert errors == {"ValueError", "KeyError", "RuntimeError"}
        slow = {
            (str(event.server_address)[:6], event.endpoint) for event in events if isinstance(event, PerformanceEvent)
        }
        assert slow == {("<host:", "GET /v1/x")}  # the address is a pseudonym, the path is not
        assert {event.vendor for event in events if isinstance(event, RateLimitEvent)} == {"stripe"}
        drifts = {(event.field, event.change) for event in events if isinstance(event, SchemaDriftEvent)}
        assert drifts == {("id", "type")}
        said = str(events)
        assert "<ticket>" in said and "<email:" in said
        assert not any(secret in said for secret in ("ann@", "TCK-1", "Secretname"))

        one.says("errors", "strict")
        until(lambda: b"feed_changed" in one.stderr.read_bytes())
        one.print("HTTP 429 from https://api.stripe.com/v1/x: mallory may come in 30 s")
        until(lambda: len(received(broker, "fde.kinds.telemetry")[0]) > len(batches))
        (last,) = received(broker, "fde.kinds.telemetry")[0][len(batches) :]
        assert [type(event) for event in last.batch.events] == [ErrorEvent]
        assert last.batch.redaction.startswith("strict/") and "mallory" not in str(last.batch.events)
        assert one.get("/livez")[0] == one.get("/readyz")[0] == 200
        assert 0 < one.figure("process_resident_memory_bytes") <= 96 * 1024 * 1024

        began = time.monotonic()
        one.stop()
        assert time.monotonic() - began < 10
    batches, marks = received(broker, "fde.kinds.telemetry")
    assert verdicts(batches, marks) == {"whole"}
    left = fde("egress", "list", str(one.spool), "--json")
    listed = {json.loads(line)["id"] for line in left.stdout.splitlines()}
    assert listed == {f"{each.epoch}/{each.sequence}" for each in batches}
    assert fde("egress", "verify", str(one.spool)).returncode == 0
    assert "Traceback" not in one.stderr.read_text()


def test_a_rotated_key_changes_tokens_and_what_the_batch_says(tmp_path: Path, broker: str) -> None:
    key = tmp_path / "key"
    assert fde("key", "rotate", str(key)).returncode == 0
    with wired(tmp_path, "keys", broker, "--key-file", str(key)) as one:
        one.print("mail to ann@acme.example failed")
        until(lambda: one.figure("fde_sidecar_acknowledged_records_total") == 1)
        time.sleep(1.1)  # keys are told apart by the second
        rotated = fde("key", "rotate", str(key)).stdout.strip()
        until(lambda: rotated.encode() in one.stderr.read_bytes())
        one.print("mail to ann@acme.example failed")
        until(lambda: one.figure("fde_sidecar_acknowledged_records_total") == 2)
        one.stop()
    first, second = (each.batch for each in received(broker, "fde.keys.telemetry")[0])
    assert first.redaction != second.redaction and second.redaction.endswith(f"key-{rotated}")
    assert first.events[0].body != second.events[0].body


def test_the_switch_holds_purges_and_lets_go(tmp_path: Path, broker: str) -> None:
    with wired(tmp_path, "switch", broker) as one:
        one.print("before")
        until(lambda: one.figure("fde_sidecar_acknowledged_records_total") == 1)
        one.switch.write_text("hold")
        until(lambda: 'fde_sidecar_switch{fde_sidecar_switch="hold"} 1' in one.get("/metrics")[1])
        one.print("while held")
        until(lambda: one.figure("fde_sidecar_records_total") == 2)
        one.switch.write_text("off purge")
        until(lambda: one.figure("fde_sidecar_spool_bytes") < 1000 and '"purged"} 1' in one.get("/metrics")[1])
        assert one.send("while off") == 503
        kept = b"".join(path.read_bytes() for path in one.spool.rglob("*.wal"))
        assert b"while held" not in kept
        one.switch.write_text("on")
        until(lambda: one.send("after") == 200)
        until(lambda: one.figure("fde_sidecar_acknowledged_records_total") == 2)
        one.stop()
    assert bodies(received(broker, "fde.switch.telemetry")[0]) == ["before", "after"]


def test_kill_9_while_requests_are_in_flight_loses_none_that_was_answered(tmp_path: Path, broker: str) -> None:
    kill_9_in_flight(tmp_path, "flight", broker, rounds=2)


@pytest.mark.kafka
def test_kill_9_while_requests_are_in_flight_on_the_real_kafka(tmp_path: Path, kafka: KafkaBroker) -> None:
    create_topics(kafka.bootstrap_servers, [telemetry("flight")])
    kill_9_in_flight(tmp_path, "flight", kafka.bootstrap_servers, rounds=4)


def kill_9_in_flight(directory: Path, customer: str, brokers: str, *, rounds: int) -> None:
    answered: list[str] = []
    over = threading.Event()

    def sends(one: Wired, who: str) -> None:
        number = 0
        while not over.is_set():
            letters = "".join(chr(97 + int(digit)) for digit in f"{number:05d}")
            if one.send(f"{who} {letters} failed") == 200:
                answered.append(f"{who} {letters} failed")
                number += 1
            else:
                time.sleep(0.02)

    with wired(directory, customer, brokers) as one:
        threads = [threading.Thread(target=sends, args=(one, who)) for who in ("anna", "bert", "carl")]
        for thread in threads:
            thread.start()
        try:
            for _ in range(rounds):
                before = len(answered)
                until(lambda before=before: len(answered) > before + 5, 30)
                one.kill()
                one.start()
        finally:
            over.set()
            for thread in threads:
                thread.join(20)
        until(lambda: one.figure("fde_sidecar_unsent_bytes") == 0)
        one.stop()
    batches, marks = received(brokers, f"fde.{customer}.telemetry")
    assert len(answered) > 5 * rounds and set(answered) <= set(bodies(batches))
    assert verdicts(batches, marks) == {"whole"}


def test_bundles_are_carried_and_their_ledger_is_whole(tmp_path: Path, broker: str) -> None:
    with wired(tmp_path, "carried", None, "--bundles", str(tmp_path / "bundles")) as one:
        assert [one.send(f"{name} failed") for name in ("anna", "bert", "carl")] == [200] * 3
        one.print("dora failed")
        until(lambda: 'kind="error"} 4' in one.get("/metrics")[1])
        one.stop()
    bundles = [str(path) for path in (tmp_path / "bundles").glob("*.fdeb")]
    for _ in range(2):  # taking one in twice does no harm
        run = fde("ingest", *bundles, "--customer", "carried", "--brokers", broker)
        assert run.returncode == 0, run.stderr
    batches, marks = received(broker, "fde.carried.telemetry")
    assert set(bodies(batches)) == {"anna failed", "bert failed", "carl failed", "dora failed"}
    assert verdicts(batches, marks) == {"whole"}
    assert fde("egress", "verify", str(one.spool)).returncode == 0
