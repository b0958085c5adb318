"""The wire codec: what goes in comes out, and what is off contract is named."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fde_events.errors import InvalidEvent
from fde_events.event import ErrorEvent, Event, EventBatch, PerformanceEvent, RateLimitEvent, SchemaDriftEvent, kind_of
from fde_events.ledger import EpochMark
from fde_events.record import decode, decode_mark, encode, encode_mark, header_map, is_mark
from fde_events.topics import MAX_RECORD_BYTES

TOPIC = "fde.acme.telemetry"
TIME = "2026-10-01T00:00:00Z"
text = st.text(max_size=40).filter(lambda value: value.isprintable())
errors = st.builds(
    ErrorEvent,
    time=st.just(TIME),
    body=st.none() | text,
    exception_type=st.none() | text,
    exception_message=st.none() | text,
    http_status=st.none() | st.integers(100, 599),
    count=st.integers(1, 9),
)
limits = st.builds(RateLimitEvent, time=st.just(TIME), vendor=text, retry_after_s=st.none() | st.floats(0, 1e6))
shifts = st.builds(
    PerformanceEvent,
    time=st.just(TIME),
    endpoint=text,
    metric=st.sampled_from(["latency", "error-rate"]),
    direction=st.sampled_from(["up", "down"]),
    baseline=st.floats(0, 1e6),
    observed=st.floats(0, 1e6),
    unit=st.just("ms"),
)
drifts = st.builds(
    SchemaDriftEvent, time=st.just(TIME), source=text, operation=text, field=text, change=st.just("added")
)
batches = st.builds(
    EventBatch,
    deployment=text,
    events=st.lists(st.one_of(errors, limits, shifts, drifts), max_size=5).map(tuple),
)


def a_batch(*events: Event) -> EventBatch:
    return EventBatch(deployment="customer-acme/sync", events=events or (ErrorEvent(time=TIME, body="it failed"),))


@given(batches, st.uuids(), st.integers(0, 2**40))
def test_a_batch_comes_back_as_it_was(batch, epoch, sequence):
    record = encode(batch, epoch=str(epoch), sequence=sequence, time=TIME)
    received = decode(TOPIC, header_map(record.headers), record.value)
    assert received.batch == batch
    assert (received.customer, received.epoch, received.sequence) == ("acme", str(epoch), sequence)


def test_the_customer_comes_from_the_topic_whatever_the_deployment_says():
    record = encode(EventBatch(deployment="customer-other/sync", events=()), epoch="e", sequence=0, time=TIME)
    assert decode(TOPIC, header_map(record.headers), record.value).customer == "acme"


def test_an_events_id_is_the_same_however_often_it_is_delivered():
    record = encode(a_batch(), epoch="e7", sequence=12, time=TIME)
    ids = {decode(TOPIC, header_map(record.headers), record.value).event_id(3) for _ in range(2)}
    assert ids == {"e7/12/3"}


def test_field_names_on_the_wire_are_opentelemetrys():
    event = ErrorEvent(time=TIME, exception_type="KeyError", http_status=401, server_address="api.example")
    wire = msgspec.json.decode(encode(a_batch(event), epoch="e", sequence=0, time=TIME).value)["events"][0]
    assert wire["exception.type"] == "KeyError"
    assert wire["http.response.status_code"] == 401
    assert wire["server.address"] == "api.example"
    assert kind_of(event) == wire["type"] == "error"


@pytest.mark.parametrize("name", ["ce_specversion", "ce_id", "ce_source", "ce_type", "fde_epoch", "fde_sequence"])
def test_a_missing_header_is_named(name):
    record = encode(a_batch(), epoch="e", sequence=0, time=TIME)
    headers = header_map(record.headers)
    del headers[name]
    with pytest.raises(InvalidEvent, match=name):
        decode(TOPIC, headers, record.value)


@pytest.mark.parametrize(
    ("change", "value", "reason"),
    [
        ({}, None, "no value"),
        ({}, b"\xff\xfe", "not an event batch"),
        ({}, b'{"deployment":"a/b","more":' + b"[" * 5_000 + b"]" * 5_000 + b"}", "not an event batch"),
        ({}, b'{"deployment": 3, "events": []}', "deployment"),
        ({"fde_sequence": "-1"}, b"{}", "fde_sequence"),
        ({"fde_epoch": "e" * 1_000}, b'{"deployment":"a/b","events":[]}', "fde_epoch is longer"),
        ({}, b'{"deployment":"' + b"a" * 1_000 + b'","events":[]}', "deployment is longer"),
        ({"ce_type": "io.example.other"}, b"{}", "io.example.other"),
    ],
)
def test_a_record_off_contract_says_why(change, value, reason):
    headers = header_map(encode(a_batch(), epoch="e", sequence=0, time=TIME).headers) | change
    with pytest.raises(InvalidEvent, match=reason):
        decode(TOPIC, headers, value)


def test_a_topic_that_is_no_customers_is_refused():
    record = encode(a_batch(), epoch="e", sequence=0, time=TIME)
    for topic in ("fde-engine.signatures", "fde.acme.corp.telemetry", "fde.Acme.telemetry"):
        with pytest.raises(InvalidEvent):
            decode(topic, header_map(record.headers), record.value)


def test_a_batch_above_the_cap_must_be_split():
    huge = a_batch(ErrorEvent(time=TIME, body="x" * (MAX_RECORD_BYTES + 1)))
    with pytest.raises(ValueError, match="split"):
        encode(huge, epoch="e", sequence=0, time=TIME)


def test_a_header_that_is_no_text_is_left_out():
    assert header_map([("a", b"1"), ("b", b"\xff"), ("c", None)]) == {"a": "1", "c": ""}


def test_a_mark_travels_and_its_customer_is_the_topics():
    mark = EpochMark(customer="liar", deployment="d", epoch="e", highest=4, closed=True, events=9, time=TIME)
    record = encode_mark(mark)
    headers = header_map(record.headers)
    assert is_mark(headers)
    found = decode_mark(TOPIC, headers, record.value)
    assert found.customer == "acme"
    assert (found.highest, found.closed, found.events) == (4, True, 9)
