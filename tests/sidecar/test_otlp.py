"""What logs, spans and histograms tell: the same errors as a log file, each once, and calls with their figures."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from fde_events.event import ErrorEvent
from fde_sidecar.otlp.called import endpoint_told
from fde_sidecar.otlp.export import Export, Reader
from fde_sidecar.otlp.metrics import spread
from fde_sidecar.parse import parse_text
from fde_streams.signature import signature_of

NANOS = 1_791_612_051_433_000_000
TIME = "2026-10-10T06:00:51.433Z"
PYTHON = """Traceback (most recent call last):
  File "/srv/app/jobs.py", line 7, in load
    client.get("k")
  File "/opt/venv/lib/python3.11/site-packages/redis/client.py", line 9, in get
redis.exceptions.ConnectionError: max number of clients reached"""
NODE = """TypeError: fetch failed
    at node:internal/deps/undici/undici:13392:13
    at async load (/srv/app/dist/load.js:4:3) {
  [cause]: Error: connect ECONNREFUSED 10.0.0.7:8443
      at TCPConnectWrap.afterConnect [as oncomplete] (node:net:1607:16)
}"""
JAVA = """java.lang.IllegalStateException: load failed
	at com.acme.Load.run(Load.java:12)
Caused by: java.net.ConnectException: Connection refused
	at java.base/sun.nio.ch.Net.connect0(Native Method)
	... 2 more"""


def value(plain: Any) -> dict[str, Any]:
    match plain:
        case bool():
            return {"boolValue": plain}
        case int():
            return {"intValue": str(plain)}
        case float():
            return {"doubleValue": plain}
        case list():
            return {"arrayValue": {"values": [value(each) for each in plain]}}
        case dict():
            return {"kvlistValue": {"values": [{"key": key, "value": value(each)} for key, each in plain.items()]}}
    return {"stringValue": plain}


def listed(plain: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"key": key, "value": value(each)} for key, each in plain.items()]


def record(body: Any = None, severity: int = 17, *, trace: str = "", **attributes: Any) -> dict[str, Any]:
    told = {name.replace("__", "."): each for name, each in attributes.items()}
    found: dict[str, Any] = {"timeUnixNano": str(NANOS), "attributes": listed(told), "traceId": trace}
    if severity:
        found["severityNumber"] = severity
    if body is not None:
        found["body"] = value(body)
    return found


def span(
    name: str = "0a", parent: str = "", *events: dict[str, Any], kind: int = 1, **attributes: Any
) -> dict[str, Any]:
    told = {key.replace("__", "."): each for key, each in attributes.items()}
    return {
        "traceId": "ab" * 16, "spanId": name * 8, "parentSpanId": parent * 8, "name": "load", "kind": kind,
        "startTimeUnixNano": str(NANOS), "endTimeUnixNano": str(NANOS + 81_500_000),
        "attributes": listed(told), "events": list(events), "status": {},
    }  # fmt: skip


def thrown(
    stack: str = PYTHON, kind: str = "redis.exceptions.ConnectionError", said: str = "max number of clients reached"
):
    attributes = {"exception.type": kind, "exception.message": said, "exception.stacktrace": stack}
    return {"name": "exception", "timeUnixNano": str(NANOS), "attributes": listed(attributes)}


REQUESTS = {
    "logs": ("resourceLogs", "scopeLogs", "logRecords", ExportLogsServiceRequest),
    "traces": ("resourceSpans", "scopeSpans", "spans", ExportTraceServiceRequest),
    "metrics": ("resourceMetrics", "scopeMetrics", "metrics", ExportMetricsServiceRequest),
}


def read(
    signal: Any, *records: Any, reader: Reader | None = None, encoding: Any = "json", local: bool = True
) -> Export:
    groups, scopes, name, kind = REQUESTS[signal]
    resource = {"attributes": listed({"service.name": "sync"})}
    document = {groups: [{"resource": resource, scopes: [{"scope": {"name": "app.jobs"}, name: list(records)}]}]}
    body = json.dumps(document).encode() if encoding == "json" else _protobuf(kind, document)
    return (reader or Reader()).read(body, signal, encoding, local=local)


def _protobuf(kind: Any, document: dict[str, Any]) -> bytes:
    """The same by the library's own JSON mapping; its ids are base64 there, OTLP's are hexadecimal."""
    import base64

    from google.protobuf.json_format import ParseDict

    def fixed(part: Any) -> Any:
        if isinstance(part, list):
            return [fixed(each) for each in part]
        if isinstance(part, dict):
            return {
                key: base64.b64encode(bytes.fromhex(each)).decode()
                if key in ("traceId", "spanId", "parentSpanId")
                else fixed(each)
                for key, each in part.items()
            }
        return part

    return ParseDict(fixed(document), kind()).SerializeToString()


both = pytest.mark.parametrize("encoding", ["json", "protobuf"])


# --- logs --------------------------------------------------------------------------------------------------------------
@both
@pytest.mark.parametrize("stack", [PYTHON, NODE, JAVA], ids=["python", "node", "java"])
def test_an_error_signs_alike_in_an_attribute_a_body_a_printed_line_a_span_and_a_log_file(stack, encoding):
    (from_file,) = parse_text(f"2026-10-10 06:00:51,433 ERROR [app.jobs] load failed\n{stack}")
    kind, _, said = next(line for line in stack.splitlines() if ": " in line and line[0].isalpha() and "File" not in line).partition(": ")  # fmt: skip
    told = {"exception.type": kind.rpartition(".")[2], "exception.message": said, "exception.stacktrace": stack}
    ways = [
        read("logs", record("load failed", **told), encoding=encoding),
        read("logs", record(f"load failed\n{stack}"), encoding=encoding),
        read("logs", record(f"2026-10-10 06:00:51,433 ERROR [app.jobs] load failed\n{stack}", 0), encoding=encoding),
        read("logs", record({"event": "load failed", "exc_info": stack}), encoding=encoding),
    ]
    (uncaught,) = parse_text(stack)
    on_a_span = read("traces", span("0a", "", thrown(stack, kind, said)), encoding=encoding)
    for export, same in [*((way, from_file) for way in ways), (on_a_span, uncaught)]:
        (event,) = export.events
        assert signature_of(event).digest == signature_of(same).digest
        assert (event.time, event.service, event.exception_type) == (TIME, "sync", from_file.exception_type)


@both
def test_a_record_is_read_with_its_resource_scope_and_call(encoding):
    attributes = {"http.response.status_code": 503, "http.request.method": "GET", "url.full": "https://u:p@api.vendor.example:8443/v2/orders?x=1"}  # fmt: skip
    (event,) = read("logs", record("load failed", **attributes), encoding=encoding).events
    assert event == ErrorEvent(
        time=TIME, service="sync", scope="app.jobs", body="load failed",
        http_status=503, http_method="GET", server_address="api.vendor.example", url_path="/v2/orders",
    )  # fmt: skip


@both
@pytest.mark.parametrize(
    ("one", "severity"),
    [
        (record("all is well", 9), None),
        (record("it failed", 9, exception__type="KeyError"), None),  # as in a log file: INFO says nothing here
        (record("a slow day", 13), None),
        (record("could not reach it", 13), "WARN"),
        (record("anything", 17), "ERROR"),
        (record("anything", 21), "FATAL"),
        (record("it failed", 0), None),
        (record("anything", 0, exception__type="KeyError", exception__message="'a'"), "ERROR"),
        (record(PYTHON, 0), "ERROR"),
        (record('{"level":"error","msg":"it failed","time":"2026-10-10T06:00:51.433Z"}', 0), "ERROR"),
        (record({"level": "error", "msg": "it failed"}, 0), "ERROR"),
        (record("anything", 17, level=30, msg=5), "ERROR"),
    ],
)
def test_what_counts_is_what_counts_in_a_log_file(one, severity, encoding):
    export = read("logs", one, encoding=encoding)
    assert [event.severity for event in export.events] == ([severity] if severity else [])
    assert export.rejected == 0


@both
def test_our_own_records_are_calls_payloads_and_counts(encoding):
    call = record(None, 9, fde__endpoint="GET api.example/v1/orders/81", fde__duration_ms=81.5, fde__failed=True, **{"http.response.status_code": 429, "fde.header.retry-after": "3", "fde.header.cookie": "a"})  # fmt: skip
    payload = record('{"id": 1}', 9, fde__source="vendor-api", fde__operation="GET /v1/orders", fde__direction="response", **{"http.response.status_code": 200})  # fmt: skip
    export = read(
        "logs", call | {"eventName": "fde.call"}, payload | {"eventName": "fde.payload"},
        record(None, 13, **{"fde.dropped.queue-full": 7}) | {"eventName": "fde.dropped"},
        record(None, 9) | {"eventName": "fde.call"},
        record("{}", 9, fde__source="a", fde__operation="b", fde__direction="sideways") | {"eventName": "fde.payload"},
        record(None, 9) | {"eventName": "fde.other"}, encoding=encoding,
    )  # fmt: skip
    (told,) = export.calls
    assert (told.endpoint, told.duration_ms, told.status, told.failed) == (
        "GET api.example/v1/orders/{id}",
        81.5,
        429,
        True,
    )
    assert (told.headers, told.service, told.time) == ({"retry-after": "3"}, "sync", TIME)
    (body,) = export.payloads
    assert (body.source, body.operation, body.direction, body.body, body.status_class) == ("vendor-api", "GET /v1/orders", "response", b'{"id": 1}', 2)  # fmt: skip
    assert (export.dropped, export.rejected) == ({"sdk-queue-full": 7}, 3)


def test_payloads_from_another_machine_are_not_taken():
    payload = record("{}", 9, fde__source="a", fde__operation="b", fde__direction="request") | {
        "eventName": "fde.payload"
    }
    export = read("logs", payload, local=False)
    assert (export.payloads, export.rejected) == ([], 1)


# --- spans -------------------------------------------------------------------------------------------------------------
@both
def test_an_exception_that_bubbles_through_spans_is_told_by_the_innermost(encoding):
    reader = Reader()
    inner = read("traces", span("0c", "0b", thrown()), span("0b", "0a", thrown()), reader=reader, encoding=encoding)
    outer = read("traces", span("0a", "", thrown()), reader=reader, encoding=encoding)
    retry = read("traces", span("0d", "0a", thrown()), reader=reader, encoding=encoding)
    assert [len(each.events) for each in (inner, outer, retry)] == [1, 0, 1]


def _logged(trace: str = "ab" * 16) -> dict[str, Any]:
    said = {"exception.type": "ConnectionError", "exception.message": "max number of clients reached"}
    return record("load failed", trace=trace, **said, **{"exception.stacktrace": PYTHON})


def test_an_exception_that_was_logged_is_not_told_by_its_span_and_the_other_way_round():
    for first, second in (("logs", "traces"), ("traces", "logs")):
        reader = Reader()
        told = {"logs": _logged(), "traces": span("0a", "", thrown())}
        assert len(read(first, told[first], reader=reader).events) == 1
        assert len(read(second, told[second], reader=reader).events) == 0
        again = read("logs", _logged(), reader=reader)  # logged twice is two lines in a file too
        assert len(again.events) == 1
    assert len(read("logs", _logged("cd" * 16), reader=reader).events) == 1


def test_a_request_that_was_not_taken_is_read_the_same_when_it_comes_again():
    reader = Reader()
    point = {"attributes": listed({"http.request.method": "GET"}), "startTimeUnixNano": str(NANOS * 2), "timeUnixNano": str(NANOS * 2), "count": "3", "sum": 0.3}  # fmt: skip
    metric = {"name": "http.client.request.duration", "unit": "s", "histogram": {"aggregationTemporality": 2, "dataPoints": [point]}}  # fmt: skip
    for signal, sent in (("traces", span("0a", "", thrown())), ("logs", _logged("cd" * 16)), ("metrics", metric)):
        first = read(signal, sent, reader=reader)
        before = (first.events.copy(), first.calls.copy())
        assert before != ([], [])
        first.forget()
        second = read(signal, sent, reader=reader)
        assert (second.events, second.calls) == before


@both
@pytest.mark.parametrize(
    ("kind", "attributes", "endpoint", "failed"),
    [
        (3, {"http.request.method": "GET", "url.full": "https://api.example/v1/orders/81?x=1", "http.response.status_code": 200}, "GET api.example/v1/orders/{id}", False),
        (3, {"http.method": "post", "http.url": "https://api.example:8443/a", "http.status_code": 500}, "POST api.example/a", True),
        (3, {"http.request.method": "GET", "server.address": "api.example", "url.template": "/o/{id}", "error.type": "timeout"}, "GET api.example/o/{id}", True),
        (2, {"http.request.method": "GET", "http.route": "/o/:id", "url.path": "/o/8", "server.address": "me"}, "GET /o/{id}", False),
        (2, {"http.method": "GET", "http.target": "/o/0af7651916cd43dd8448eb211c80319c/x?y=1"}, "GET /o/{id}/x", False),
        (3, {"rpc.system": "grpc", "rpc.service": "acme.Orders", "rpc.method": "Get", "server.address": "o.example", "rpc.grpc.status_code": 14}, "RPC o.example/acme.Orders/Get", True),
        (3, {"db.system.name": "postgresql", "db.operation.name": "SELECT", "db.collection.name": "orders", "server.address": "db.example"}, "SELECT db.example/postgresql/orders", False),
        (3, {"db.system": "redis", "db.operation": "GET", "net.peer.name": "r.example"}, "GET r.example/redis", False),
        (4, {"messaging.system": "kafka", "messaging.destination.name": "orders", "messaging.operation.name": "send"}, "SEND /kafka/orders", False),
    ],
)  # fmt: skip
def test_a_client_or_server_span_is_a_call(kind, attributes, endpoint, failed, encoding):
    (call,) = read("traces", span(kind=kind, **attributes), encoding=encoding).calls
    assert (call.endpoint, call.failed, call.duration_ms, call.service) == (endpoint, failed, 81.5, "sync")
    assert (call.server_address is None) == (kind == 2 or ("server.address" not in attributes and "net.peer.name" not in attributes and "url.full" not in attributes and "http.url" not in attributes))  # fmt: skip


def test_a_span_that_is_no_call_says_nothing_and_one_that_failed_says_so():
    assert read("traces", span(kind=1, http__request__method="GET"), span(kind=3, a=1)).empty
    failed = span(kind=3, **{"http.request.method": "GET", "http.response.header.retry-after": ["3"]}) | {"status": {"code": 2}}  # fmt: skip
    (call,) = read("traces", failed).calls
    assert call.failed and call.headers == {"retry-after": "3"}


# --- histograms --------------------------------------------------------------------------------------------------------
def histogram(count: int, total: float, buckets: list[int], bounds: list[float], *, start: int, delta: bool = False, **more: Any):  # fmt: skip
    point = {
        "attributes": listed({"http.request.method": "GET", "server.address": "api.example", "http.response.status_code": 200}),
        "startTimeUnixNano": str(start), "timeUnixNano": str(start + 10), "count": str(count), "sum": total,
        "bucketCounts": [str(each) for each in buckets], "explicitBounds": bounds,
    }  # fmt: skip
    data = {"aggregationTemporality": 1 if delta else 2, "dataPoints": [point]}
    return {"name": "http.client.request.duration", "unit": "s", "histogram": data, **more}


LATER = NANOS * 2  # begun after this test did, so after the reader began to listen


@both
def test_cumulative_points_are_read_by_what_they_add_and_delta_points_as_they_are(encoding):
    reader = Reader()
    bounds = [0.1, 0.5]
    steps = [
        (histogram(2, 0.1, [2, 0, 0], bounds, start=LATER), [2]),
        (histogram(2, 0.1, [2, 0, 0], bounds, start=LATER), []),
        (histogram(5, 1.3, [3, 1, 1], bounds, start=LATER), [1, 1, 1]),
        (histogram(1, 0.1, [1, 0, 0], bounds, start=LATER + 5), [1]),  # the process began anew
        (histogram(9, 0.1, [9, 0, 0], bounds, start=5), []),  # began before us: how much of it is new nobody knows
        (histogram(10, 0.2, [10, 0, 0], bounds, start=5), [1]),
        (histogram(3, 0.1, [3, 0, 0], bounds, start=LATER, delta=True), [3]),
        (histogram(3, 0.1, [3, 0, 0], bounds, start=LATER, delta=True), [3]),
    ]
    for number, (metric, counts) in enumerate(steps):
        calls = read("metrics", metric, reader=reader, encoding=encoding).calls
        assert [call.count for call in calls] == counts, number
        assert all((call.endpoint, call.status) == ("GET api.example/", 200) for call in calls)


def test_old_names_are_milliseconds_and_other_metrics_say_nothing():
    old = histogram(1, 81.5, [1, 0], [100.0], start=LATER, delta=True) | {"name": "http.client.duration", "unit": ""}
    assert [call.duration_ms for call in read("metrics", old).calls] == [81.5]
    other = histogram(1, 1, [1, 0], [1.0], start=LATER, delta=True) | {"name": "queue.size"}
    export = read("metrics", other, {"name": "http.client.request.duration", "gauge": {}})
    assert export.empty and export.rejected == 0
    exponential = {"name": "http.client.request.duration", "unit": "s", "exponentialHistogram": old["histogram"]}
    assert [call.duration_ms for call in read("metrics", exponential).calls] == [81_500.0]
    assert read("metrics", histogram(1, 1, [], [], start=1, delta=True, unit=5), 7).rejected == 1


def test_metrics_of_calls_that_spans_told_are_not_told_again():
    reader = Reader()
    read("traces", span(kind=3, **{"http.request.method": "GET", "server.address": "api.example"}), reader=reader)
    near = histogram(1, 0.1, [1, 0], [1.0], start=NANOS + 10**9, delta=True)
    far = histogram(1, 0.1, [1, 0], [1.0], start=NANOS + 600 * 10**9, delta=True)
    assert [len(read("metrics", one, reader=reader).calls) for one in (near, far)] == [0, 1]


@given(st.lists(st.tuples(st.integers(0, 50), st.floats(0, 1)), min_size=2, max_size=12), st.floats(0.01, 20))
def test_what_a_histogram_is_spread_to_has_its_count_and_stays_in_its_buckets(told, factor):
    buckets = [count for count, _ in told]
    bounds = [0.1 * 2**number for number in range(len(told) - 1)]
    count = sum(buckets)
    if not count:
        return
    edges = [0.0, *bounds, float("inf")]
    total = sum(n * min(low + share * (high - low if high < 1e9 else 1.0), 1e9) for (n, share), low, high in zip(told, edges, edges[1:], strict=False))  # fmt: skip
    pairs = list(spread(count, total, buckets, bounds))
    assert sum(number for number, _ in pairs) == count
    filled = [(low, high) for n, low, high in zip(buckets, edges, edges[1:], strict=False) if n]
    assert all(low <= at <= high for (_, at), (low, high) in zip(pairs, filled, strict=True))
    if len(filled) == 1:
        assert pairs[0][1] == pytest.approx(total / count)
    assert list(spread(count, total * factor, [], [])) == [(count, pytest.approx(total * factor / count))]


ANY = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=6) | st.just("9" * 5_000),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.sampled_from(["key", "value", "stringValue", "intValue", "arrayValue", "kvlistValue", "values", "name", "attributes", "code", "dataPoints", "a"]), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip
GOOD: list[tuple[str, Any]] = [
    ("logs", _logged()),
    ("logs", record({"event": "it failed", "level": "error"}, 0)),
    ("logs", record("{}", 9, fde__source="a", fde__operation="b", fde__direction="request") | {"eventName": "fde.payload"}),
    ("logs", record(None, 9, fde__endpoint="GET a/b") | {"eventName": "fde.call"}),
    ("traces", span("0a", "0b", thrown(), kind=3, **{"http.request.method": "GET", "url.full": "https://a.example/b"})),
    ("metrics", histogram(5, 1.3, [3, 1, 1], [0.1, 0.5], start=LATER)),
    ("metrics", {"name": "http.client.duration", "exponentialHistogram": histogram(1, 1, [], [], start=1)["histogram"]}),
]  # fmt: skip


def _places(part: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    pairs = part.items() if isinstance(part, dict) else enumerate(part) if isinstance(part, list) else ()
    return [path, *(place for name, inner in pairs for place in _places(inner, (*path, name)))]


@given(st.sampled_from(GOOD), st.data(), ANY)
def test_whatever_stands_in_whatever_place_of_a_record_its_neighbour_is_read(good, data, anything):
    signal, told = good
    *path, last = data.draw(st.sampled_from([place for place in _places(told) if place]))
    broken = json.loads(json.dumps(told))
    at = broken
    for name in path:
        at = at[name]
    at[last] = anything
    neighbour = {
        "logs": record("it failed"),
        "traces": span(kind=3, **{"http.request.method": "GET", "server.address": "b.example"}),
    }
    other = neighbour.get(signal) or histogram(1, 0.1, [1, 0], [1.0], start=LATER, delta=True)
    alone, beside = read(signal, other), read(signal, broken, other)
    assert beside.why != "a record that could not be read"  # the net below is for what nobody thought of
    assert alone.events == beside.events[-1:][: len(alone.events)]
    assert len(beside.calls) >= len(alone.calls)


@pytest.mark.parametrize(
    ("told", "wanted"),
    [
        ("GET api.example/v1/orders/81?x=1", "GET api.example/v1/orders/{id}"),
        (
            "GET https://api.example:8443/v1/orders/0af7651916cd43dd8448eb211c80319c",
            "GET api.example:8443/v1/orders/{id}",
        ),
        ("nightly export", "nightly export"),
        ("SELECT /orders", "SELECT /orders"),
        ("  ", ""),
    ],
)
def test_an_endpoint_that_an_application_names_holds_no_id(told, wanted):
    assert endpoint_told(told) == wanted
