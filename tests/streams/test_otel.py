"""OpenTelemetry logs as JSON: what the collector writes, what SDKs print, and what of it is an error."""

import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fde_events.event import ErrorEvent
from fde_streams.imported import imported
from fde_streams.otel import event_of_log, log_records, value_of
from fde_streams.piece import Unusable
from fde_streams.signature import signature_of

TRACE = """Traceback (most recent call last):
  File "/srv/app/jobs.py", line 7, in load
    client.get("k")
  File "/opt/venv/lib/python3.11/site-packages/redis/client.py", line 9, in get
redis.exceptions.ConnectionError: max number of clients reached
"""


def otlp(value):
    """A plain value as an AnyValue of the OTLP JSON mapping."""
    match value:
        case bool():
            return {"boolValue": value}
        case int():
            return {"intValue": str(value)}
        case float():
            return {"doubleValue": value}
        case str():
            return {"stringValue": value}
        case list():
            return {"arrayValue": {"values": [otlp(item) for item in value]}}
        case dict():
            return {"kvlistValue": {"values": [{"key": key, "value": otlp(item)} for key, item in value.items()]}}
    return {}


def listed(attributes):
    return [{"key": key, "value": otlp(value)} for key, value in attributes.items()]


def logs(*records, resource=None, scope="app.jobs"):
    scoped = {"scope": {"name": scope}, "logRecords": list(records)}
    return {"resourceLogs": [{"resource": {"attributes": listed(resource or {})}, "scopeLogs": [scoped]}]}


def events(document):
    return [event_of_log(record) for record in log_records(document)]


def test_a_record_is_read_with_its_resource_scope_exception_and_call():
    record = {
        "timeUnixNano": "1791612051433000000",
        "severityNumber": 17,
        "body": {"stringValue": "load failed"},
        "attributes": listed(
            {
                "exception.type": "redis.exceptions.ConnectionError",
                "exception.message": "max number of clients reached",
                "exception.stacktrace": TRACE,
                "http.response.status_code": 503,
                "http.request.method": "GET",
                "server.address": "api.vendor.example",
                "url.path": "/v2/orders",
            }
        ),
    }
    (event,) = events(logs(record, resource={"service.name": "sync"}))
    assert event == ErrorEvent(
        time="2026-10-10T06:00:51.433Z",
        severity="ERROR",
        service="sync",
        scope="app.jobs",
        body="load failed",
        exception_type="redis.exceptions.ConnectionError",
        exception_message="max number of clients reached",
        exception_stacktrace=TRACE,
        http_status=503,
        http_method="GET",
        server_address="api.vendor.example",
        url_path="/v2/orders",
    )


@pytest.mark.parametrize(
    ("attributes", "wanted"),
    [
        ({"http.status_code": 404, "net.peer.name": "a.example", "http.target": "/x"}, (404, "a.example", "/x")),
        ({"http.response.status_code": "429", "url.full": "https://u:p@a.example:8443/x/y?z=1"}, (429, "a.example", "/x/y")),
        ({"http": {"response": {"status_code": 500.0}, "url": "https://a.example"}}, (500, "a.example", None)),
        ({"http.status_code": 7, "url.path": 12}, (None, None, "12")),
    ],
)  # fmt: skip
def test_older_names_texts_and_nested_attributes_say_the_same(attributes, wanted):
    (event,) = events(logs({"severityNumber": 17, "attributes": listed(attributes)}))
    assert (event.http_status, event.server_address, event.url_path) == wanted


@pytest.mark.parametrize(
    ("record", "severity"),
    [
        ({"severityNumber": 9, "body": otlp("fine")}, None),
        ({"severityNumber": 13, "body": otlp("slow")}, "WARN"),
        ({"severityNumber": "SEVERITY_NUMBER_ERROR2", "body": otlp("no")}, "ERROR"),
        ({"severityText": "Critical", "body": otlp("no")}, "ERROR"),
        ({"severity_number": 21, "body": "no"}, "FATAL"),
        ({"severityNumber": 0, "body": otlp("nobody knows")}, None),
        ({"timeUnixNano": "1", "body": otlp(f"boom\n{TRACE}")}, "ERROR"),
        ({"severityNumber": 9, "attributes": listed({"exception.type": "KeyError"})}, "INFO"),
        ({"severityNumber": 17}, "ERROR"),
    ],
)
def test_a_record_counts_from_warn_on_or_with_an_exception(record, severity):
    (event,) = events(logs(record))
    assert (event and event.severity) == severity


def test_a_stack_in_the_body_is_a_stack():
    (event,) = events(logs({"severityNumber": 17, "body": otlp(f"load failed\n{TRACE}")}))
    assert (event.body, event.exception_stacktrace) == ("load failed", TRACE)
    (node,) = events(logs({"severityNumber": 17, "body": otlp("Error: no\n    at f (/srv/app/a.js:1:2)")}))
    assert node.exception_stacktrace == "Error: no\n    at f (/srv/app/a.js:1:2)"


def test_a_body_of_fields_is_read_by_its_fields():
    body = {"message": "load failed", "exception": {"type": "KeyError", "message": "'a'"}, "exc_info": TRACE}
    (event,) = events(logs({"severityNumber": 17, "body": otlp(body)}))
    assert (event.body, event.exception_type, event.exception_message) == ("load failed", "KeyError", "'a'")
    assert event.exception_stacktrace == TRACE
    (event,) = events(logs({"severityNumber": 17, "body": otlp({"reason": "no", "n": [1, True]})}))
    assert json.loads(event.body) == {"reason": "no", "n": [1, True]}


def test_records_as_a_file_exporter_writes_them_and_as_an_sdk_prints_them_sign_alike():
    record = {"severityNumber": 17, "body": otlp("load failed"), "attributes": listed({"exception.stacktrace": TRACE})}
    by_lines = "\n".join(json.dumps(logs(record, record)) for _ in range(2))
    console = {"body": "load failed", "severity_number": 17, "attributes": {"exception.stacktrace": TRACE}, "timestamp": "2026-10-10T06:00:51.433Z", "resource": {"attributes": {"service.name": "sync"}}}  # fmt: skip
    printed = "\n".join(json.dumps(console, indent=4) for _ in range(2))
    first, second = (list(imported(io.BytesIO(text.encode()))) for text in (by_lines, printed))
    assert [(one.index, one.line) for one in first] == [(0, 1), (1, 1), (2, 2), (3, 2)]
    assert [one.index for one in second] == [0, 1]
    assert second[0].event.time == "2026-10-10T06:00:51.433Z"
    assert {signature_of(one.event).block for one in first + second} == {"error/redis"}
    assert len({signature_of(one.event).digest for one in first + second}) == 1


def test_a_broken_list_is_named_and_what_stood_before_it_counts():
    good = {"severityNumber": 17, "body": otlp("no")}
    document = logs(good, 7)
    text = json.dumps(document) + "\n" + json.dumps(logs(good)) + "\n"
    found = list(imported(io.BytesIO(text.encode())))
    assert [(one.index, one.line, one.event is None) for one in found] == [(0, 1, False), (1, 1, True), (2, 2, False)]
    assert found[1].why == "logRecords holds objects, this is int"
    with pytest.raises(Unusable, match="neither"):
        list(log_records({"a": 1}))


PLAIN = st.recursive(
    st.text() | st.integers(-(2**63), 2**63 - 1) | st.booleans(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(min_size=1), inner, min_size=2, max_size=3),
    max_leaves=8,
)


@given(PLAIN)
def test_any_value_comes_back_plain(value):
    assert value_of(otlp(value)) == value


@given(st.dictionaries(st.sampled_from(["body", "attributes", "severityNumber", "severityText", "timeUnixNano", "resource", "scope"]), st.recursive(st.none() | st.text() | st.integers() | st.floats(), lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["key", "value", "values", "kvlistValue", "stringValue", "name"]), inner, max_size=2), max_leaves=5)))  # fmt: skip
def test_no_record_is_an_accident(record):
    text = json.dumps(logs(record)).encode() + b"\n" + json.dumps(record).encode()
    found = list(imported(io.BytesIO(text), "otel"))
    assert [one.index for one in found] == list(range(len(found)))
    assert len(found) >= 2
