"""Our own flat events: OpenTelemetry's field names at the top of a JSON object, ``type`` names the kind.

fields -> event_of_flat() -> Event
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from fde_events.event import ErrorEvent, Event, PerformanceEvent, RateLimitEvent, SchemaDriftEvent
from fde_streams.piece import Unusable

_KINDS: Final[dict[str, type[Event]]] = {
    "error": ErrorEvent,
    "rate_limit": RateLimitEvent,
    "performance": PerformanceEvent,
    "schema_drift": SchemaDriftEvent,
}
_TEXTS: Final = frozenset({"body", "exception.message"})  # what some loggers leave as an object


def event_of_flat(fields: dict[str, Any]) -> Event:
    """The event; an error where no ``type`` is given. Fields that events do not have are passed over.

    :class:`Unusable` names the field that is off contract.
    """
    kind = fields.get("type", "error")
    if not isinstance(kind, str) or kind not in _KINDS:
        raise Unusable(f"type {kind!r} is none of {', '.join(_KINDS)}")
    told = {name: value for name, value in fields.items() if value is not None}
    for name in _TEXTS & told.keys():
        if not isinstance(told[name], str):
            told[name] = msgspec.json.encode(told[name]).decode()
    status = told.get("http.response.status_code")
    if isinstance(status, str) and status.isdecimal():
        told["http.response.status_code"] = int(status)
    try:
        return msgspec.convert({"time": "", **told, "type": kind}, _KINDS[kind])
    except msgspec.ValidationError as error:
        raise Unusable(f"not an event: {error}") from None
