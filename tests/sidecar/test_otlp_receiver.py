"""The OTLP/HTTP receiver: what each request is answered, and what a slow or hostile client costs (little, and nobody else)."""

from __future__ import annotations

import gzip
import json
import socket
import subprocess
import sys
import threading
import time
import zlib
from collections.abc import Callable, Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest, ExportLogsServiceResponse
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, ResourceLogs, ScopeLogs

from fde_sidecar.otlp.input import OtlpInput
from fde_sidecar.otlp.receiver import Patience
from fde_sidecar.otlp.request import BODY_BYTES, HEAD_BYTES
from fde_sidecar.reading import Reading

JSON, PROTOBUF = "application/json", "application/x-protobuf"


class Session:
    """Takes what comes, or refuses it, or lets it wait."""

    def __init__(self, **options: object) -> None:
        self.answer: bool | None = True
        self.readings: list[Reading] = []
        self.held: list[Reading] = []
        self._stop, self.news = threading.Event(), threading.Event()
        self.input = OtlpInput(self.news.set, port=0, **options)  # type: ignore[arg-type]
        assert self.input.wait_bound()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._stop.is_set():
            self.news.wait(0.05)
            self.news.clear()
            for reading in self.input.poll(final=False):
                assert reading.settled is not None
                if self.answer is None:
                    self.held.append(reading)
                    continue
                if self.answer:
                    self.readings.append(reading)
                reading.settled(self.answer)

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.input.port or 0), timeout=10)

    def ask(self, raw: bytes) -> tuple[int, dict[str, str], bytes]:
        with self.connect() as client:
            client.sendall(raw)
            return answer_of(client)

    def post(
        self, body: bytes, kind: str = JSON, path: str = "/v1/logs", **headers: str
    ) -> tuple[int, dict[str, str], bytes]:
        return self.ask(request(body, kind, path, **headers))

    @property
    def bodies(self) -> list[str | None]:
        return [event.body for reading in self.readings for event in reading.events]  # type: ignore[union-attr]

    def close(self) -> None:
        self._stop.set()
        self._thread.join(5)
        self.input.close()


def request(body: bytes, kind: str = JSON, path: str = "/v1/logs", **headers: str) -> bytes:
    named = {
        "Content-Type": kind,
        "Content-Length": str(len(body)),
        **{k.replace("_", "-"): v for k, v in headers.items()},
    }
    lines = "".join(f"{name}: {value}\r\n" for name, value in named.items() if value)
    return f"POST {path} HTTP/1.1\r\nHost: a\r\n{lines}\r\n".encode() + body


def answer_of(client: socket.socket) -> tuple[int, dict[str, str], bytes]:
    data = b""
    while not data.endswith(b"\r\n\r\n"):
        part = client.recv(1)  # not one byte of the next answer
        assert part, f"no answer, only {data!r}"
        data += part
    head, _, body = data.partition(b"\r\n\r\n")
    status, *lines = head.decode().split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
    while len(body) < int(headers["content-length"]):
        body += client.recv(int(headers["content-length"]) - len(body))
    return int(status.split()[1]), headers, body


def until(done: Callable[[], bool], timeout_s: float = 10.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not done():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def logs(*bodies: str) -> bytes:
    records = [{"severityNumber": 17, "body": {"stringValue": body}} for body in bodies]
    return document(*records)


def document(*records: object) -> bytes:
    return json.dumps({"resourceLogs": [{"scopeLogs": [{"logRecords": list(records)}]}]}).encode()


def protobuf(*bodies: str) -> bytes:
    records = [LogRecord(severity_number=17, body=AnyValue(string_value=body)) for body in bodies]
    return ExportLogsServiceRequest(
        resource_logs=[ResourceLogs(scope_logs=[ScopeLogs(log_records=records)])]
    ).SerializeToString()


@pytest.fixture(scope="module")
def shared() -> Iterator[Session]:
    session = Session()
    yield session
    session.close()


@pytest.fixture
def session(shared: Session) -> Session:
    shared.readings.clear()
    shared.answer = True
    return shared


@pytest.fixture
def small() -> Iterator[Session]:
    session = Session(
        max_guests=16, queue_bytes=2_000, patience=Patience(idle_s=0.4, body_s=0.4, disk_s=0.4, write_s=0.4)
    )
    yield session
    session.close()


# --- what is answered -------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("coding", ["", "gzip", "deflate", "identity"])
@pytest.mark.parametrize("kind", [JSON, PROTOBUF, "application/json; charset=utf-8"])
def test_both_encodings_are_taken_however_compressed_and_answered_in_kind(session, kind, coding):
    body = protobuf("it failed") if kind == PROTOBUF else logs("it failed")
    sent = {"gzip": gzip.compress, "deflate": zlib.compress}.get(coding, bytes)(body)
    status, headers, answer = session.post(sent, kind, content_encoding=coding)
    assert (status, headers["content-type"], session.bodies) == (200, kind.partition(";")[0], ["it failed"])
    if kind == PROTOBUF:
        assert not ExportLogsServiceResponse.FromString(answer).HasField("partial_success")
    else:
        assert json.loads(answer) == {}


def test_a_chunked_body_and_several_requests_on_one_connection_are_taken(session):
    body = logs("one failed")
    head = f"POST /v1/logs HTTP/1.1\r\nContent-Type: {JSON}\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
    chunks = b"".join(b"%x;a=b\r\n%s\r\n" % (len(part), part) for part in (body[:10], body[10:])) + b"0\r\nA: b\r\n\r\n"
    with session.connect() as client:
        client.sendall(head + chunks + request(logs("two failed")))
        assert (answer_of(client)[0], answer_of(client)[0]) == (200, 200)
    assert session.bodies == ["one failed", "two failed"]


def test_it_waits_for_the_disk_and_asks_to_come_again_when_there_is_none(small):
    small.answer = False
    status, headers, answer = small.post(logs("it failed"))
    assert (status, json.loads(answer)["code"]) == (503, 14) and int(headers["retry-after"]) > 0
    small.answer = None
    start = time.monotonic()
    assert small.post(logs("it failed"))[0] == 503  # nobody says a word
    assert time.monotonic() - start >= 0.4
    small.answer = True
    assert small.post(logs("another failed"))[0] == 200
    assert small.bodies == ["another failed"]


def test_what_was_stored_after_the_sender_gave_up_is_not_stored_again(small):
    small.answer = None
    assert small.post(logs("it failed"))[0] == 503
    (late,) = small.held
    late.settled(True)
    small.answer = True
    assert [small.post(logs("it failed"))[0] for _ in range(2)] == [200, 200]
    assert small.bodies == ["it failed"]  # the second time it was sent anew


def test_a_full_queue_is_said_at_once(small):
    small.answer = None
    waiting = small.connect()
    waiting.sendall(request(logs("x" * 1_900)))
    until(lambda: len(small.held) == 1)
    status, headers, _ = small.post(logs("y" * 500))
    assert status == 503 and "retry-after" in headers
    waiting.close()


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (b"GET /v1/logs HTTP/1.1\r\n\r\n", 405),
        (b"POST /v1/profiles HTTP/1.1\r\nContent-Length: 0\r\n\r\n", 404),
        (request(b"<a/>", "text/xml"), 415),
        (request(b"{}", ""), 415),
        (request(b"{}", content_encoding="br"), 415),
        (b"POST /v1/logs HTTP/1.1\r\nContent-Type: application/json\r\n\r\n", 411),
        (b"POST /v1/logs HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: 99999999\r\n\r\n", 413),
        (b"POST /v1/logs HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: -1\r\n\r\n", 400),
        (b"POST /v1/logs HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: \xb2\r\n\r\n", 400),
        (b"POST /v1/logs HTTP/1.1\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400),
        (b"POST /v1/logs HTTP/1.1\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nfffffff\r\n", 413),
        (b"POST /v1/logs HTTP/1.1\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n{}", 400),
        (b"POST /v1/logs HTTP/1.1\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}", 400),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400),
        (b"POST /v1/logs HTTP/1.1\r\nA: " + b"a" * HEAD_BYTES + b"\r\n\r\n", 431),
        (request(b"nonsense"), 400),
        (request(b"[1]"), 400),
        (request(b"[" * 10_000), 400),
        (request(b'{"resourceLogs":' + b'[{"a":' * 10_000), 400),
        (request(b"[" * 200_000), 413),
        (request(b"\xff\xff\xff", PROTOBUF), 400),
        (request(protobuf("a")[:-3], PROTOBUF), 400),
        (request(logs("a"), content_encoding="gzip"), 400),
        (request(gzip.compress(logs("a"))[:-9], content_encoding="gzip"), 400),
        (request(gzip.compress(bytes(BODY_BYTES + 1)), content_encoding="gzip"), 413),
    ],
)  # fmt: skip
def test_what_cannot_be_taken_is_answered_with_a_status_and_is_not_to_be_sent_again(session, raw, status):
    got, headers, body = session.ask(raw)
    assert got == status and body and "retry-after" not in headers
    assert session.readings == []
    assert session.post(logs("it failed"))[0] == 200


# --- one broken record -------------------------------------------------------------------------------------------------
def test_broken_records_are_counted_and_the_others_are_taken(session):
    good = {"severityNumber": 17, "body": {"stringValue": "it failed"}}
    ours = {"eventName": "fde.payload", "body": {"stringValue": "{}"}}
    _, _, answer = session.post(document(good, 7, None, ours, good))
    assert json.loads(answer)["partialSuccess"]["rejectedLogRecords"] == "3"
    assert session.bodies == ["it failed", "it failed"]


def test_a_text_that_is_no_unicode_loses_itself_alone(session):
    whole = protobuf("one failed", "two failed", "cafe failed")
    _, _, answer = session.post(whole.replace(b"two", b"t\xffo"), PROTOBUF)
    assert ExportLogsServiceResponse.FromString(answer).partial_success.rejected_log_records == 1
    assert session.post(logs("one failed", "two").replace(b"two", b"t\\ud800 failed"))[0] == 200
    assert session.post(logs("one failed", "two").replace(b"two", b"t\xff failed"))[0] == 200
    assert session.bodies == ["one failed", "cafe failed", *["one failed", "t\ufffd failed"] * 2]


def test_attributes_without_end_in_one_record_cost_only_that_record(session):
    record = LogRecord(severity_number=17, attributes=[KeyValue()] * 600_000).SerializeToString()
    good = LogRecord(severity_number=17, body=AnyValue(string_value="it failed")).SerializeToString()
    body = part(1, part(2, part(2, record) + part(2, good)))
    _, _, answer = session.post(body, PROTOBUF)
    assert ExportLogsServiceResponse.FromString(answer).partial_success.rejected_log_records == 1
    assert session.bodies == ["it failed"]


def part(number: int, body: bytes) -> bytes:
    size, length = len(body), b""
    while size > 127:
        length, size = length + bytes([size & 127 | 128]), size >> 7
    return bytes([number << 3 | 2]) + length + bytes([size]) + body


# --- hostile clients ---------------------------------------------------------------------------------------------------
def test_connections_that_say_nothing_or_never_end_cost_the_others_nothing(small):
    beginnings = [
        b"",
        b"POST /v1/logs HT",
        b"POST /v1/logs HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{",
        b"POST /v1/logs HTTP/1.1\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n",
    ]
    idle = []
    try:
        for number in range(64):
            client = small.connect()
            client.sendall(beginnings[number % 4])
            idle.append(client)
        until(lambda: small.input.guests == 16)
        assert small.post(logs("it failed"))[0] == 200
        assert small.input.guests <= 16
        until(lambda: small.input.guests == 0)  # each was waited for 0.4 s at most
    finally:
        for client in idle:
            client.close()
    assert threading.active_count() < 20


@pytest.mark.seconds
def test_a_body_that_drips_is_cut_off_in_time(small):
    with small.connect() as client:
        client.sendall(
            b"POST /v1/logs HTTP/1.1\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
        )
        start = time.monotonic()
        with pytest.raises(ConnectionError):
            while time.monotonic() - start < 5:
                client.sendall(b"1\r\n{\r\n")
                time.sleep(0.02)
        assert time.monotonic() - start < 5


def test_closing_tells_who_waits_to_come_again_by_closing():
    session = Session()
    session.answer = None
    client = session.connect()
    client.sendall(request(logs("it failed")))
    until(lambda: bool(session.held))
    session.close()
    with client, pytest.raises((AssertionError, ConnectionError)):
        answer_of(client)


def test_a_port_that_is_taken_harms_nobody_and_is_had_later():
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        late = OtlpInput(lambda: None, port=other.getsockname()[1])
        assert not late.wait_bound(0.2) and late.port is None and list(late.poll(final=True)) == []
    late.close()


HOSTILE = [  # each is small on the wire and large in a memory that takes it as it comes
    (b'{"a":[' + b'{"b":1},' * 149_000 + b"1]}", JSON, {200}),
    (b'{"a":[' + b'"ab",' * 800_000 + b"1]}", JSON, {413}),
    (b'{"a":[' + b"1.5," * 1_000_000 + b"1]}", JSON, {200}),
    (part(1, part(2, part(2, b"\x32\x00" * 520_000))), PROTOBUF, {200}),
    (part(1, part(2, b"\x12\x00" * 2_000_000)), PROTOBUF, {413}),
    (b"\x0a\x00" * 2_000_000, PROTOBUF, {413}),
    (
        document(*[{"severityNumber": 17, "body": {"stringValue": f"it failed {n}"}} for n in range(40_000)]),
        JSON,
        {200},
    ),
    (document({"body": {"stringValue": "Error: a\n" * 300_000}}), JSON, {200}),
    (logs("at x failed Error: " * 200_000), JSON, {200}),
]
SERVER = """
import sys, threading
import structlog
from fde_sidecar.otlp.input import OtlpInput
structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))  # another thread's lines are not ours
def kib(name): return next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith(name))
news = threading.Event()
otlp = OtlpInput(news.set, port=0)
assert otlp.wait_bound()
before = kib("VmRSS")
print(otlp.port, flush=True)
def serve():
    while True:
        news.wait(); news.clear()
        for reading in otlp.poll(final=False): reading.settled(True)
threading.Thread(target=serve, daemon=True).start()
sys.stdin.readline()
print(kib("VmHWM") - before)
"""


@pytest.mark.seconds
def test_what_is_small_on_the_wire_stays_small_in_memory():
    server = subprocess.Popen([sys.executable, "-c", SERVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        port = int(next(server.stdout))
        for body, kind, statuses in HOSTILE:
            with socket.create_connection(("127.0.0.1", port), timeout=60) as client:
                client.sendall(request(body, kind))
                assert answer_of(client)[0] in statuses
        server.stdin.write("\n")
        server.stdin.flush()
        assert int(next(server.stdout)) < 50 * 1024  # KiB over an idle receiver
    finally:
        server.kill()
        server.wait()


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    body=st.binary(max_size=300) | st.recursive(
        st.none() | st.text(max_size=5) | st.integers() | st.floats(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
            st.sampled_from("resourceLogs scopeLogs logRecords resourceSpans scopeSpans spans resourceMetrics scopeMetrics metrics attributes key value body stringValue kvlistValue values eventName kind name events status severityNumber timeUnixNano traceId histogram dataPoints count sum bucketCounts explicitBounds".split()),
            inner, max_size=3),
        max_leaves=12,
    ).map(lambda value: json.dumps(value).encode()),
    kind=st.sampled_from([JSON, PROTOBUF]),
    path=st.sampled_from(["/v1/logs", "/v1/metrics", "/v1/traces"]),
)  # fmt: skip
def test_any_body_is_answered(session, body, kind, path):
    status, headers, answer = session.post(body, kind, path)
    assert status in (200, 400) and int(headers["content-length"]) == len(answer)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(min_size=1, max_size=200))
def test_any_bytes_are_answered_and_it_goes_on(session, raw):
    with session.connect() as client:
        client.sendall(raw)
        client.shutdown(socket.SHUT_WR)
        data = b""
        try:
            while part := client.recv(65536):
                data += part
        except ConnectionError:
            pass
    assert data.startswith(b"HTTP/1.1 4") or not raw.strip()
    assert session.post(logs("it failed"))[0] == 200
