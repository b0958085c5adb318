"""OpenTelemetry logs as JSON: OTLP/JSON as the collector's file exporter writes it, and single records as SDKs print them.

fields -> log_records() -> LogRecord -> event_of_log() -> ErrorEvent, or None for a record that tells of no error

Sources: opentelemetry-proto logs.proto with the OTLP JSON mapping (camelCase, 64-bit numbers as text), semantic conventions for
`exception.*`, `http.*`, `server.*`, `url.*`; older names of the same attributes are read too. A record counts from WARN on, or
when it carries an exception; one without any severity counts when its body holds a stack.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from fde_events.event import ErrorEvent
from fde_streams.chain import parse_chain
from fde_streams.piece import Unusable

_WARN: Final = 13
_NAMES: Final = (  # severity numbers: 4 for each name
    (21, "FATAL"), (17, "ERROR"), (13, "WARN"), (9, "INFO"), (0, "DEBUG"),
)  # fmt: skip
_NUMBERS: Final = {"trace": 1, "debug": 5, "info": 9, "information": 9, "notice": 10, "warn": 13, "warning": 13, "error": 17, "err": 17, "severe": 17, "critical": 18, "fatal": 21, "panic": 21, "alert": 21, "emergency": 22}  # fmt: skip
_RECORD: Final = frozenset(
    "timeUnixNano time_unix_nano observedTimeUnixNano observed_time_unix_nano severityNumber severity_number "
    "severityText severity_text".split()
)
_MESSAGE: Final = ("message", "msg", "event", "log", "text")
_TYPE: Final = ("exception.type", "error.type", "exception_type")
_SAID: Final = ("exception.message", "error.message", "exception_message")
_STACK: Final = ("exception.stacktrace", "error.stack_trace", "error.stack", "stack_trace", "stacktrace", "stack", "exception", "exc_info")  # fmt: skip
_STATUS: Final = ("http.response.status_code", "http.status_code", "http.response.status", "status_code")
_METHOD: Final = ("http.request.method", "http.method")
_ADDRESS: Final = ("server.address", "net.peer.name", "peer.address", "http.host", "url.domain")
_PATH: Final = ("url.path", "http.target", "http.path")
_URL: Final = ("url.full", "http.url", "url")
_SERVICE: Final = ("service.name", "service")
_SCOPE: Final = ("otel.scope.name", "logger", "logger.name", "log.logger", "code.namespace", "logger_name")
_HOST: Final = re.compile(r"^[a-z]+://(?:[^/@]*@)?([^/:?#]+)(?::\d+)?(/[^?#]*)?")
_TRACE: Final = re.compile(
    r"^(?:Exception in thread .*|[ |+]*(?:Exception Group )?Traceback \(most recent call last\):)", re.M
)


@dataclass(frozen=True, slots=True)
class LogRecord:
    """One log record with what stands around it."""

    fields: Mapping[str, Any]
    resource: Mapping[str, Any]
    scope: str | None


def is_otel(fields: Mapping[str, Any]) -> bool:
    """Whether an object is OTLP logs, or a single record of them."""
    if "resourceLogs" in fields or "resource_logs" in fields:
        return True
    return bool(_RECORD & fields.keys()) and ("body" in fields or "attributes" in fields)


def log_records(fields: Mapping[str, Any]) -> Iterator[LogRecord]:
    """The records in an object of either form. :class:`Unusable` when a list that holds them is none."""
    groups = _either(fields, "resourceLogs", "resource_logs")
    if groups is None:
        if not _RECORD & fields.keys() and "body" not in fields:
            raise Unusable("neither resourceLogs nor a log record")
        yield LogRecord(fields, attributes(_mapping(fields.get("resource")).get("attributes")), _scope_name(fields))
        return
    for group in _listed(groups, "resourceLogs"):
        resource = attributes(_mapping(group.get("resource")).get("attributes"))
        scopes = _either(group, "scopeLogs", "scope_logs", "instrumentationLibraryLogs")
        for scoped in _listed(scopes, "scopeLogs"):
            records = _either(scoped, "logRecords", "log_records", "logs")
            for record in _listed(records, "logRecords"):
                yield LogRecord(record, resource, _scope_name(scoped))


def event_of_log(record: LogRecord) -> ErrorEvent | None:
    """The error that a record tells of; None for one below WARN without an exception."""
    fields = record.fields
    told = dict(attributes(fields.get("attributes")))
    body = value_of(fields.get("body"))
    if isinstance(body, dict):
        inner = flattened(body)
        for name, value in inner.items():
            told.setdefault(name, value)
        body = _first(inner, _MESSAGE) or json.dumps(body, ensure_ascii=False, default=str)
    elif body is not None and not isinstance(body, str):
        body = json.dumps(body, ensure_ascii=False, default=str)
    kind, said, stack = _first(told, _TYPE), _first(told, _SAID), _stack(told)
    if stack is None and body and "\n" in body and parse_chain(body):
        found = _TRACE.search(body)
        stack, body = (
            (body[found.start() :], body[: found.start()].rstrip()) if found else (body, body.partition("\n")[0])
        )
    severity = _severity(fields)
    if stack is None and kind is None and said is None and (severity or 0) < _WARN:
        return None
    status = _first(told, _STATUS)
    address, path = _first(told, _ADDRESS), _first(told, _PATH)
    if (url := _HOST.match(_first(told, _URL) or "")) is not None:
        address, path = address or url[1], path or url[2]
    return ErrorEvent(
        time=_time(fields),
        severity=next(name for least, name in _NAMES if (severity or 17) >= least),
        service=_first(record.resource, _SERVICE) or _first(told, _SERVICE),
        scope=record.scope or _first(told, _SCOPE),
        body=body or None,
        exception_type=kind,
        exception_message=said,
        exception_stacktrace=stack,
        http_status=int(status) if status and status.isdecimal() and 100 <= int(status) <= 599 else None,
        http_method=_first(told, _METHOD),
        server_address=address,
        url_path=path,
    )


def attributes(listed: Any) -> dict[str, Any]:
    """Attributes as OTLP lists them ({key, value}), or as a mapping; nested ones by their dotted names."""
    if isinstance(listed, dict):
        return flattened(listed)
    found: dict[str, Any] = {}
    for pair in listed if isinstance(listed, list) else ():
        if isinstance(pair, dict) and isinstance(pair.get("key"), str):
            value = value_of(pair.get("value"))
            found.update(flattened(value, f"{pair['key']}.") if isinstance(value, dict) else {pair["key"]: value})
    return found


def value_of(value: Any, depth: int = 0) -> Any:
    """An AnyValue as a plain one: ``{"stringValue": "a"}`` is ``"a"``. Plain values stay, what is nested too deep is None."""
    if not isinstance(value, dict) or depth > 16:
        return None if isinstance(value, dict) else value
    if len(value) == 1:
        ((name, inner),) = value.items()
        match name:
            case "stringValue" | "string_value" | "boolValue" | "bool_value" | "doubleValue" | "double_value":
                return inner
            case "intValue" | "int_value":
                return int(inner) if isinstance(inner, str) and inner.lstrip("-").isdecimal() else inner
            case "bytesValue" | "bytes_value":
                return None
            case "arrayValue" | "array_value":
                values = _mapping(inner).get("values")
                return [value_of(item, depth + 1) for item in values] if isinstance(values, list) else []
            case "kvlistValue" | "kvlist_value":
                pairs = _mapping(inner).get("values")
                listed = pairs if isinstance(pairs, list) else []
                return {
                    str(pair.get("key")): value_of(pair.get("value"), depth + 1)
                    for pair in listed
                    if isinstance(pair, dict)
                }
    return {name: value_of(item, depth + 1) for name, item in value.items()}


def flattened(value: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested mappings by their dotted names; depth is bounded by :func:`value_of`."""
    found: dict[str, Any] = {}
    for name, item in value.items():
        if isinstance(item, dict) and prefix.count(".") < 16:
            found.update(flattened(item, f"{prefix}{name}."))
        else:
            found[f"{prefix}{name}"] = item
    return found


def _stack(told: Mapping[str, Any]) -> str | None:
    for name in _STACK:
        value = told.get(name)
        if isinstance(value, list) and all(isinstance(line, str) for line in value):
            value = "\n".join(line.rstrip("\n") for line in value)
        if isinstance(value, str) and value and ("." in name or "\n" in value):
            return value
    return None


def _severity(fields: Mapping[str, Any]) -> int | None:
    """OpenTelemetry's number, by number, by the enumeration's name, or by the text; None where nothing is said."""
    number = _either(fields, "severityNumber", "severity_number")
    if isinstance(number, str):
        if number.isdecimal():
            number = int(number)
        else:
            name = re.sub(r"^severity_number_|\d+$", "", number.lower())
            number = _NUMBERS.get(name, 0)
    if isinstance(number, int) and not isinstance(number, bool) and number > 0:
        return number
    text = _either(fields, "severityText", "severity_text")
    return _NUMBERS.get(text.strip().lower()) if isinstance(text, str) else None


def _time(fields: Mapping[str, Any]) -> str:
    for names in (
        ("timeUnixNano", "time_unix_nano"),
        ("timestamp", "time"),
        ("observedTimeUnixNano", "observed_time_unix_nano"),
        ("observed_timestamp", "observedTimestamp"),
    ):
        value = _either(fields, *names)
        if isinstance(value, str) and value and not value.isdecimal():
            return value
        if isinstance(value, (int, str)) and not isinstance(value, bool) and str(value).isdecimal():
            seconds, nanos = divmod(int(value), 1_000_000_000)
            if 0 < seconds < 253_402_300_800:
                when = datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds").removesuffix("+00:00")
                return f"{when}.{nanos // 1_000_000:03d}Z"
    return ""


def _scope_name(fields: Mapping[str, Any]) -> str | None:
    scope = _either(fields, "scope", "instrumentationScope", "instrumentation_scope", "instrumentationLibrary")
    name = _mapping(scope).get("name")
    return name if isinstance(name, str) and name else None


def _either(fields: Mapping[str, Any], *names: str) -> Any:
    return next((fields[name] for name in names if fields.get(name) is not None), None)


def _listed(value: Any, name: str) -> Iterator[Mapping[str, Any]]:
    if value is None:
        return
    if not isinstance(value, list):
        raise Unusable(f"{name} is a list, this is {type(value).__name__}")
    for item in value:
        if not isinstance(item, dict):
            raise Unusable(f"{name} holds objects, this is {type(item).__name__}")
        yield item


def _first(told: Mapping[str, Any], names: tuple[str, ...]) -> str | None:
    for name in names:
        value = told.get(name)
        if isinstance(value, str) and value:
            return value
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
    return None


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
