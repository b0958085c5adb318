"""Spans to readings: the exceptions that were recorded on them, and the calls they are.

Item -> read_span() -> ErrorEvent of each exception event not told yet, Call of a client or server span
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from fde_events.event import ErrorEvent
from fde_events.otlp import attributes, integer, listed, mapping, nanos_to_time, value_of
from fde_sidecar.clock import now
from fde_sidecar.otlp.called import called
from fde_sidecar.otlp.logs import error_of, service_of
from fde_sidecar.otlp.told import Told, Undo
from fde_sidecar.otlp.wire import Item
from fde_sidecar.reading import Call

_KINDS: Final = {2: "server", 3: "client", 4: "client", 5: "server"}  # producer: a client; consumer: a server
_KIND_NAMES: Final = {"SPAN_KIND_SERVER": 2, "SPAN_KIND_CLIENT": 3, "SPAN_KIND_PRODUCER": 4, "SPAN_KIND_CONSUMER": 5}
_FACTS: Final = ("http.", "server.address", "net.peer.name", "url.", "peer.")


def read_span(item: Item, told: Told, undo: Undo) -> Iterator[ErrorEvent | Call]:
    """What one span tells; nothing for one that is neither a call nor a failure."""
    span, service = item.record, service_of(item.resource)
    said = attributes(span.get("attributes"))
    for one in listed(span.get("events"), "events", _ignore):
        if one.get("name") == "exception":
            event = _exception(item, mapping(one), said, service, told, undo)
            if event is not None:
                yield event
    side = _KINDS.get(_kind(span.get("kind")))
    if side is None:
        return
    call = called(said, incoming=side == "server")
    if call is None:
        return
    start, end = integer(span.get("startTimeUnixNano")) or 0, integer(span.get("endTimeUnixNano")) or 0
    told.trace_spoke((service, side, call.family, call.address), end / 1e9)
    yield Call(
        time=nanos_to_time(end) or now(),
        endpoint=call.endpoint,
        duration_ms=(end - start) / 1e6 if 0 < start <= end else None,
        status=call.status,
        failed=call.error or _failed(span) or (call.status or 0) >= 500,
        server_address=call.address,
        service=service,
        scope=item.scope,
        headers=call.headers,
    )


def _exception(
    item: Item, one: Any, said: dict[str, Any], service: str | None, told: Told, undo: Undo
) -> ErrorEvent | None:
    fields = {name: value for name, value in said.items() if name.startswith(_FACTS)} | attributes(
        one.get("attributes")
    )
    time = nanos_to_time(integer(one.get("timeUnixNano"))) or now()
    # Without the tracer's name: it is no logger's, and the same error uncaught in a log file has none.
    event = error_of(fields, level="error", time=time, scope=None, service=service)
    if event is None or not (event.exception_type or event.exception_stacktrace):
        return None
    trace, span, parent = (_id(item.record.get(name)) for name in ("traceId", "spanId", "parentSpanId"))
    if told.of_span(trace, span, parent, event.exception_type or "", event.exception_message or "", undo):
        return event
    return None


def _kind(value: Any) -> int:
    return _KIND_NAMES.get(value, 0) if isinstance(value, str) else integer(value) or 0


def _failed(span: dict[str, Any]) -> bool:
    return value_of(mapping(span.get("status")).get("code")) in (2, "2", "STATUS_CODE_ERROR")


def _id(value: Any) -> str:
    return value.lower()[:64] if isinstance(value, str) else ""


def _ignore(_reason: str) -> None:
    """A broken event of a span leaves the span as it is."""
