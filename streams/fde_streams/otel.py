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
from typing import Any, Final

from fde_events import otlp
from fde_events.event import ErrorEvent
from fde_events.otlp import (
    RECORD,
    LogRecord,
    OffContract,
    attributes,
    first_text,
    flattened,
    severity_of,
    time_of,
    value_of,
)
from fde_streams.chain import parse_chain
from fde_streams.piece import Unusable

__all__ = ["LogRecord", "event_of_log", "is_otel", "log_records", "value_of"]

_WARN: Final = 13
_NAMES: Final = (  # severity numbers: 4 for each name
    (21, "FATAL"), (17, "ERROR"), (13, "WARN"), (9, "INFO"), (0, "DEBUG"),
)  # fmt: skip
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


def is_otel(fields: Mapping[str, Any]) -> bool:
    """Whether an object is OTLP logs, or a single record of them."""
    if "resourceLogs" in fields or "resource_logs" in fields:
        return True
    return bool(RECORD & fields.keys()) and ("body" in fields or "attributes" in fields)


def log_records(fields: Mapping[str, Any]) -> Iterator[LogRecord]:
    """The records in an object of either form. :class:`Unusable` when a list that holds them is none."""
    try:
        yield from otlp.log_records(fields)
    except OffContract as error:
        raise Unusable(str(error)) from error


def event_of_log(record: LogRecord) -> ErrorEvent | None:
    """The error that a record tells of; None for one below WARN without an exception."""
    fields = record.fields
    told = dict(attributes(fields.get("attributes")))
    body = value_of(fields.get("body"))
    if isinstance(body, dict):
        inner = flattened(body)
        for name, value in inner.items():
            told.setdefault(name, value)
        body = first_text(inner, _MESSAGE) or json.dumps(body, ensure_ascii=False, default=str)
    elif body is not None and not isinstance(body, str):
        body = json.dumps(body, ensure_ascii=False, default=str)
    kind, said, stack = first_text(told, _TYPE), first_text(told, _SAID), _stack(told)
    if stack is None and body and "\n" in body and parse_chain(body):
        found = _TRACE.search(body)
        stack, body = (
            (body[found.start() :], body[: found.start()].rstrip()) if found else (body, body.partition("\n")[0])
        )
    severity = severity_of(fields)
    if stack is None and kind is None and said is None and (severity or 0) < _WARN:
        return None
    status = first_text(told, _STATUS)
    address, path = first_text(told, _ADDRESS), first_text(told, _PATH)
    if (url := _HOST.match(first_text(told, _URL) or "")) is not None:
        address, path = address or url[1], path or url[2]
    return ErrorEvent(
        time=time_of(fields),
        severity=next(name for least, name in _NAMES if (severity or 17) >= least),
        service=first_text(record.resource, _SERVICE) or first_text(told, _SERVICE),
        scope=record.scope or first_text(told, _SCOPE),
        body=body or None,
        exception_type=kind,
        exception_message=said,
        exception_stacktrace=stack,
        http_status=int(status) if status and status.isdecimal() and 100 <= int(status) <= 599 else None,
        http_method=first_text(told, _METHOD),
        server_address=address,
        url_path=path,
    )


def _stack(told: Mapping[str, Any]) -> str | None:
    for name in _STACK:
        value = told.get(name)
        if isinstance(value, list) and all(isinstance(line, str) for line in value):
            value = "\n".join(line.rstrip("\n") for line in value)
        if isinstance(value, str) and value and ("." in name or "\n" in value):
            return value
    return None
