"""The two encodings of an export request, as one stream of plain records.

body -> items() -> Item(record, resource, scope), Item, ...   what cannot be read goes to `broken`, the rest goes on

A protobuf request is walked to its records and each record is read by itself (opentelemetry-proto): one with text that is no
UTF-8 loses itself and not its neighbours, and memory is bounded by the largest record. The library reads a whole request of
4 MiB of empty attributes into 119 MiB; a record of at most `LEAF_BYTES` costs a fourth of the sidecar's footprint at worst.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final, Literal

import msgspec
from google.protobuf.message import DecodeError, Message  # type: ignore[import-untyped]
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, InstrumentationScope, KeyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from fde_events.otlp import MAX_DEPTH, attributes, either, flattened, listed, mapping, scope_name

Signal = Literal["logs", "metrics", "traces"]
Encoding = Literal["protobuf", "json"]
Broken = Callable[[str], None]

LEAF_BYTES: Final = 1024 * 1024
MAX_RECORDS: Final = 50_000
# Objects and lists in a JSON request: each costs up to 230 bytes while it is decoded, whatever its two bytes say.
MAX_JSON_NODES: Final = 150_000
MAX_JSON_TEXTS: Final = 400_000  # names and texts, 60 bytes each
_LEAVES: Final[dict[Signal, type[Message]]] = {"logs": LogRecord, "metrics": Metric, "traces": Span}
_NAMES: Final[dict[Signal, tuple[str, str, str]]] = {
    "logs": ("resourceLogs", "scopeLogs", "logRecords"),
    "metrics": ("resourceMetrics", "scopeMetrics", "metrics"),
    "traces": ("resourceSpans", "scopeSpans", "spans"),
}
# One without its other half.
_SURROGATE: Final = re.compile(
    r"\\u[dD][89abAB][0-9a-fA-F]{2}(?!\\u[dD][c-fC-F][0-9a-fA-F]{2})"
    r"|(?<!\\u[dD][89abAB][0-9a-fA-F]{2})\\u[dD][c-fC-F][0-9a-fA-F]{2}"
)
_decode = msgspec.json.Decoder().decode
_TEMPORALITY: Final = {"AGGREGATION_TEMPORALITY_DELTA": 1, "AGGREGATION_TEMPORALITY_CUMULATIVE": 2}


class Garbage(ValueError):
    """The request as a whole is not what it says it is: sending it again would not help."""


class Overfull(ValueError):
    """The request holds more than one request may."""


@dataclass(frozen=True, slots=True)
class Item:
    """One log record, metric or span by its JSON names; attributes and values plain, ids lower-case hexadecimal."""

    record: dict[str, Any]
    resource: dict[str, Any]
    scope: str | None


def items(body: bytes, signal: Signal, encoding: Encoding, broken: Broken) -> Iterator[Item]:
    """The records of one request in their order. :class:`Garbage` or :class:`Overfull` for what cannot be walked at all."""
    found = _of_json(body, signal, broken) if encoding == "json" else _of_protobuf(body, signal, broken)
    for number, item in enumerate(found):
        if number >= MAX_RECORDS:
            raise Overfull(f"more than {MAX_RECORDS} records in one request")
        yield item


# --- JSON ------------------------------------------------------------------------------------------------------------
def _of_json(body: bytes, signal: Signal, broken: Broken) -> Iterator[Item]:
    if body.count(b"{") + body.count(b"[") > MAX_JSON_NODES:
        raise Overfull(f"more than {MAX_JSON_NODES} objects and lists in one request")
    if body.count(b'"') > 2 * MAX_JSON_TEXTS:
        raise Overfull(f"more than {MAX_JSON_TEXTS} texts in one request")
    document = _document(body)
    if not isinstance(document, dict):
        raise Garbage("an export request is a JSON object")
    groups, scopes, records = _NAMES[signal]
    for group in listed(document.get(groups), groups, broken):
        resource = attributes(mapping(group.get("resource")).get("attributes"))
        for scoped in listed(either(group, scopes, "instrumentationLibraryLogs"), scopes, broken):
            scope = scope_name(scoped)
            for record in listed(scoped.get(records), records, broken):
                yield Item(dict(record), resource, scope)


def _document(body: bytes) -> Any:
    """Strictly first; a lone surrogate, a byte that is no UTF-8 or a NaN in one record must not lose the others."""
    try:
        return _decode(body)
    except RecursionError as error:
        raise Garbage("nested too deep") from error
    except (msgspec.DecodeError, UnicodeError):
        pass
    try:
        return json.loads(_SURROGATE.sub(r"\\ufffd", body.decode("utf-8", "replace")), strict=False)
    except (ValueError, RecursionError) as error:
        raise Garbage("not JSON") from error


# --- protobuf --------------------------------------------------------------------------------------------------------
def _of_protobuf(body: bytes, signal: Signal, broken: Broken) -> Iterator[Item]:
    """Resource groups are field 1 of every request, resource and scope field 1, groups and records field 2."""
    leaf, groups = _LEAVES[signal], 0
    for number, start, end in _parts(body, 0, len(body)):
        groups += 1
        if number != 1 and groups <= MAX_RECORDS:
            continue
        resource: dict[str, Any] | None = None
        for inner, at, to in _parts(body, start, end):
            groups += 1
            if groups > MAX_RECORDS:
                break
            if inner == 2:
                if resource is None:
                    resource = _resource(body, start, end)
                scope: str | None = None
                for place, first, last in _parts(body, at, to):
                    if place == 1:
                        named = _read(InstrumentationScope(), body, first, last)
                        scope = (named.name or None) if named is not None else None
                    elif place == 2:
                        read = _read(leaf(), body, first, last)
                        if read is None:
                            broken("a record that is no protobuf message, holds no UTF-8, or is larger than 1 MiB")
                        else:
                            yield Item(_plain(read), resource, scope)
        if groups > MAX_RECORDS:
            raise Overfull(f"more than {MAX_RECORDS} groups in one request")


def _resource(body: bytes, start: int, end: int) -> dict[str, Any]:
    """A group's resource, wherever it stands in it."""
    for number, first, last in _parts(body, start, end):
        if number == 1:
            read = _read(Resource(), body, first, last)
            return _attributes(read.attributes) if read is not None else {}
    return {}


def _read(message: Any, body: bytes, start: int, end: int) -> Any:
    if end - start > LEAF_BYTES:
        return None
    try:
        message.ParseFromString(body[start:end])
    except DecodeError:
        return None
    return message


def _parts(body: bytes, at: int, end: int) -> Iterator[tuple[int, int, int]]:
    """The length-delimited fields of one message: number, first byte, byte behind the last. Others are passed over."""
    while at < end:
        key, at = _varint(body, at, end)
        wire = key & 7
        if wire == 2:
            size, at = _varint(body, at, end)
            if at + size > end:
                raise Garbage("not protobuf: a field is longer than its message")
            yield key >> 3, at, at + size
            at += size
        elif wire == 0:
            _, at = _varint(body, at, end)
        elif wire in (1, 5):
            at += 8 if wire == 1 else 4
        else:
            raise Garbage(f"not protobuf: wire type {wire}")
        if key >> 3 == 0 or at > end:
            raise Garbage("not protobuf: a field without a number, or cut off")


def _varint(body: bytes, at: int, end: int) -> tuple[int, int]:
    value = shift = 0
    while at < end and shift < 70:
        byte = body[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
        shift += 7
    raise Garbage("not protobuf: a number without an end")


def _plain(message: Any) -> dict[str, Any]:
    if isinstance(message, LogRecord):
        return {
            "timeUnixNano": message.time_unix_nano or None,
            "observedTimeUnixNano": message.observed_time_unix_nano or None,
            "severityNumber": message.severity_number or None,
            "severityText": message.severity_text or None,
            "body": _value(message.body),
            "attributes": _attributes(message.attributes),
            "eventName": message.event_name or None,
            "traceId": message.trace_id.hex(),
            "spanId": message.span_id.hex(),
        }
    if isinstance(message, Span):
        return {
            "name": message.name,
            "kind": message.kind,
            "traceId": message.trace_id.hex(),
            "spanId": message.span_id.hex(),
            "parentSpanId": message.parent_span_id.hex(),
            "startTimeUnixNano": message.start_time_unix_nano,
            "endTimeUnixNano": message.end_time_unix_nano,
            "attributes": _attributes(message.attributes),
            "status": {"code": message.status.code},
            "events": [
                {"name": one.name, "timeUnixNano": one.time_unix_nano, "attributes": _attributes(one.attributes)}
                for one in message.events
            ],
        }
    return _metric(message)


def _metric(message: Any) -> dict[str, Any]:
    """Histograms alone: nothing else is read of metrics."""
    plain: dict[str, Any] = {"name": message.name, "unit": message.unit}
    for name, told in (
        ("histogram", message.histogram),
        ("exponentialHistogram", message.exponential_histogram),
    ):
        if told.data_points:
            plain[name] = {
                "aggregationTemporality": told.aggregation_temporality,
                "dataPoints": [_point(point) for point in told.data_points],
            }
    return plain


def _point(point: Any) -> dict[str, Any]:
    plain = {
        "attributes": _attributes(point.attributes),
        "startTimeUnixNano": point.start_time_unix_nano,
        "timeUnixNano": point.time_unix_nano,
        "count": point.count,
        "sum": point.sum if point.HasField("sum") else None,
        "min": point.min if point.HasField("min") else None,
        "max": point.max if point.HasField("max") else None,
    }
    if hasattr(point, "bucket_counts"):
        plain |= {"bucketCounts": list(point.bucket_counts), "explicitBounds": list(point.explicit_bounds)}
    return plain


def _attributes(pairs: Any) -> dict[str, Any]:
    found: dict[str, Any] = {}
    pair: KeyValue
    for pair in pairs:
        value = _value(pair.value)
        if isinstance(value, dict):
            found.update(flattened(value, f"{pair.key}."))
        else:
            found[pair.key] = value
    return found


def _value(value: AnyValue, depth: int = 0) -> Any:
    kind = value.WhichOneof("value")
    if kind == "kvlist_value":
        pairs = value.kvlist_value.values if depth <= MAX_DEPTH else ()
        return {pair.key: _value(pair.value, depth + 1) for pair in pairs}
    if kind == "array_value":
        return [_value(one, depth + 1) for one in value.array_value.values] if depth <= MAX_DEPTH else None
    return None if kind is None or kind == "bytes_value" else getattr(value, kind, None)
