"""Signatures and groups of a file, by the same code as the workers: what `fde group` prints.

A group offline is what the fold would make of the same events: `seat_of` decides.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from fde_events.errors import BadInput
from fde_events.event import ErrorEvent, Event, PerformanceEvent, RateLimitEvent, SchemaDriftEvent
from fde_streams.delta import Delta
from fde_streams.fold import apply
from fde_streams.group import State
from fde_streams.seating import seat_of
from fde_streams.signature import signature_of


class Assignment(msgspec.Struct, frozen=True, kw_only=True):
    """One input event's group and signature. `index` is the event's 0-based line, or its place in a log."""

    index: int
    cluster: str
    signature: str
    block: str
    title: str


_KINDS: dict[str, type[Event]] = {
    "error": ErrorEvent,
    "rate_limit": RateLimitEvent,
    "performance": PerformanceEvent,
    "schema_drift": SchemaDriftEvent,
}


def events_of_jsonl(lines: Iterable[bytes], where: str) -> Iterator[Event]:
    """The events of JSON lines with OpenTelemetry's flat field names; ``type`` names the kind, error by default.

    Fields that events do not have are passed over. :class:`BadInput` names the file, the 1-based line and the reason.
    """
    for number, line in enumerate(lines, 1):
        if not line.strip():
            raise BadInput(where, "the line is empty; every line holds one event", line=number)
        try:
            fields: Any = msgspec.json.decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise BadInput(where, f"not JSON: {error}", line=number) from error
        if not isinstance(fields, dict):
            raise BadInput(where, f"an event is a JSON object, this is {type(fields).__name__}", line=number)
        kind = fields.get("type", "error")
        if kind not in _KINDS:
            raise BadInput(where, f"type {kind!r} is none of {', '.join(_KINDS)}", line=number)
        if fields.get("severity") is None:
            fields.pop("severity", None)
        try:
            yield msgspec.convert({"time": "", **fields, "type": kind}, _KINDS[kind])
        except msgspec.ValidationError as error:
            raise BadInput(where, f"not an event: {error}", line=number) from error


def assignments(events: Iterable[Event]) -> Iterator[Assignment]:
    """The group of each event, in order."""
    state = State()
    for index, event in enumerate(events):
        signature = signature_of(event)
        known = state.signatures.get(signature.digest)
        if known is not None:
            group = known.group
        else:
            seat = seat_of(state, signature, signature.block.split("/", 1)[0])
            apply(state, Delta(seats=(seat,)))
            group = seat.group
        yield Assignment(
            index=index, cluster=group, signature=signature.digest, block=signature.block, title=signature.title
        )
