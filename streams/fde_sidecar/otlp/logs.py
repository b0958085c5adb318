"""Log records to readings: errors by the same parse as a line of a log file, and our SDKs' calls and payloads.

Item -> read_log() -> ErrorEvent | Call | Payload

A record's fields are laid out as a JSON log line and read by :mod:`fde_sidecar.parse`; a text without a severity (what a
collector read from a file) is read as log lines. So an error has one signature, whichever way it came.

Our own records, by their event name:

* ``fde.call``: attributes ``fde.endpoint``, ``fde.duration_ms``, ``http.response.status_code``, ``fde.failed``,
  ``server.address``, ``fde.header.<name>``.
* ``fde.payload``: attributes ``fde.source``, ``fde.operation``, ``fde.direction`` (request, response),
  ``http.response.status_code``; the body is the JSON text. From loopback only.
* ``fde.dropped``: attributes ``fde.dropped.<reason>``, how many the SDK could not hand over since it last said so.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from fde_events.event import ErrorEvent
from fde_events.otlp import OffContract, attributes, first_text, flattened, severity_of, time_of, value_of
from fde_sidecar.clock import Clock, now
from fde_sidecar.frame import MAX_RECORD_BYTES, Record
from fde_sidecar.header import SEVERITY
from fde_sidecar.otlp.called import endpoint_told, quota_headers
from fde_sidecar.otlp.told import Told, Undo
from fde_sidecar.otlp.wire import Item
from fde_sidecar.parse import event_of, parse_lines
from fde_sidecar.reading import Call, Payload
from fde_sidecar.stack import find_stack

MAX_PAYLOAD: Final = 512 * 1024
_WARN: Final = 13
_LEVELS: Final = ((21, "fatal"), (17, "error"), (13, "warn"), (9, "info"), (0, "debug"))
_STACK: Final = "exception.stacktrace"
_THROWN: Final = (_STACK, "exception.type", "exception.message")
_SERVICE: Final = ("service.name",)
# Names under which the parse looks for what the record itself says; an attribute of the application's must not stand before it.
_OWN: Final = ("level", "level.name", "severity_text", "severityText", "severity", "event", "msg", "message", "timestamp", "time")  # fmt: skip
_NAMES: Final = frozenset(SEVERITY.values())


@dataclass(frozen=True, slots=True)
class Dropped:
    """What an SDK had to leave out, by reason."""

    counts: Mapping[str, int]


def read_log(item: Item, told: Told, undo: Undo, *, local: bool) -> Iterator[ErrorEvent | Call | Payload | Dropped]:
    """What one record tells; nothing for a record that is no error. `local`: it came over loopback.

    :class:`OffContract` for a record of ours that lacks what it must have.
    """
    record = item.record
    said = attributes(record.get("attributes"))
    name = record.get("eventName") or record.get("event_name") or said.get("event.name")
    if isinstance(name, str) and name.startswith("fde."):
        yield from _ours(name, record, said, service_of(item.resource), local=local)
        return
    severity = severity_of(record)
    if severity is not None and severity < _WARN:
        return
    for event in _errors(item, severity, said):
        trace, thrown = record.get("traceId"), event.exception_type or ""
        if (
            not thrown
            or not isinstance(trace, str)
            or told.of_log(trace.lower(), thrown, event.exception_message or "", undo)
        ):
            yield event


def error_of(
    fields: dict[str, Any], *, level: str | None, time: str, scope: str | None, service: str | None
) -> ErrorEvent | None:
    """The error that fields tell of, read as the parse reads a JSON log line."""
    for name in _OWN:
        if name in fields and not isinstance(fields[name], str):
            del fields[name]  # pino's number and its like: the record has a level of its own
    stack = fields.get(_STACK)
    found = find_stack(stack) if isinstance(stack, str) else None
    if (
        found is not None and found.type
    ):  # the printed stack names the type in full; a handler's attribute often does not
        fields.pop("exception.type", None)
        fields.pop("exception.message", None)
    fields.update({"level": level, "timestamp": time, "otel.scope.name": scope, "service.name": service})
    file = fields.get("log.file.name")
    record = Record("", 0, 0, 1, 1, 1, document=fields)
    return event_of(record, Clock(time), file if isinstance(file, str) else None)


def service_of(resource: Mapping[str, Any]) -> str | None:
    """The service's name; the SDKs' word for a missing one is none."""
    name = first_text(resource, _SERVICE)
    return None if name is None or name.startswith("unknown_service") else name


def _errors(item: Item, severity: int | None, said: dict[str, Any]) -> Iterator[ErrorEvent]:
    record, service = item.record, service_of(item.resource)
    time = time_of(record) or now()
    body = value_of(record.get("body"))
    thrown = any(said.get(name) for name in _THROWN)
    if severity is None and isinstance(body, str) and not thrown:
        for parsed in parse_lines(body[:MAX_RECORD_BYTES].split("\n"), default_time=time):
            event = parsed.event
            yield msgspec.structs.replace(event, service=event.service or service, scope=event.scope or item.scope)
        return
    fields = dict(said)
    if isinstance(body, dict):
        for key, value in flattened(body).items():
            fields.setdefault(key, value)
        if severity is None and not thrown and isinstance(level := fields.get("level"), str):
            severity = severity_of({"severityText": level})
    elif body is not None:
        fields = {key: value for key, value in fields.items() if key not in ("event", "msg", "message")}
        fields["event"] = body if isinstance(body, str) else msgspec.json.encode(body).decode()
        printed = find_stack(fields["event"]) if "\n" in fields["event"] and not said.get(_STACK) else None
        if printed is not None:
            fields.update({"event": printed.before, _STACK: printed.text})
    if severity is None:
        if not thrown:
            return
        severity = 17
    level = next(word for least, word in _LEVELS if severity >= least)
    read = error_of(fields, level=level, time=time, scope=item.scope, service=service)
    if read is not None:
        yield read


def _ours(
    name: str, record: Mapping[str, Any], said: Mapping[str, Any], service: str | None, *, local: bool
) -> Iterator[Call | Payload | Dropped]:
    time = time_of(record) or now()
    match name:
        case "fde.call":
            yield Call(
                time=time,
                endpoint=endpoint_told(_required(said, "fde.endpoint", 2_000)),
                duration_ms=_duration(said.get("fde.duration_ms")),
                status=_status(said),
                failed=said.get("fde.failed") is True,
                server_address=first_text(said, ("server.address",)),
                service=service,
                headers=quota_headers(said, "fde.header."),
            )
        case "fde.payload":
            body = record.get("body")
            body = value_of(body)
            if not local:
                raise OffContract("payloads are taken over loopback only")
            if not isinstance(body, str) or len(body) > MAX_PAYLOAD:
                raise OffContract("the body of a payload is JSON text of at most 512 KiB")
            direction = said.get("fde.direction")
            if direction not in ("request", "response"):
                raise OffContract("fde.direction is request or response")
            status = _status(said)
            yield Payload(
                time=time,
                source=_required(said, "fde.source", 200),
                operation=_required(said, "fde.operation", 200),
                direction=direction,
                body=body.encode("utf-8", "replace"),
                status_class=status // 100 if status else None,
                service=service,
            )
        case "fde.dropped":
            prefix = "fde.dropped."
            counts = {
                f"sdk-{key.removeprefix(prefix)[:40]}": value
                for key, value in said.items()
                if key.startswith(prefix) and isinstance(value, int) and 0 < value < 2**53
            }
            yield Dropped(dict(list(counts.items())[:8]))
        case _:
            raise OffContract("an event name of ours that is not known")


def _required(said: Mapping[str, Any], name: str, limit: int) -> str:
    value = said.get(name)
    if not isinstance(value, str) or not value.strip():
        raise OffContract(f"{name} is a text")
    return value[:limit]


def _status(said: Mapping[str, Any]) -> int | None:
    value = said.get("http.response.status_code")
    return value if isinstance(value, int) and not isinstance(value, bool) and 100 <= value <= 599 else None


def _duration(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return float(value) if math.isfinite(value) and 0 <= value < 1e9 else None
