"""Import: a file of events in whatever form a team has it, to our events, record by record.

bytes -> pieces() -> imported() -> Imported -> fde_streams.offline

A record that says nothing we can read is counted and named with its line; the rest goes on.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, Literal

import msgspec

from fde_events.event import ErrorEvent, Event
from fde_streams.flat import event_of_flat
from fde_streams.otel import event_of_log, is_otel, log_records
from fde_streams.piece import Piece, Stream, Unusable, decoded, pieces
from fde_streams.sentry import event_of_sentry, holds_no_error, is_sentry

Format = Literal["auto", "fde", "sentry", "otel"]
FORMATS: Final = ("auto", "fde", "sentry", "otel")
# As the sidecar cuts what it reads; head and tail, because a traceback says at its end what failed.
_MAX_WORDS: Final = 8_000
_MAX_STACK: Final = 64_000


@dataclass(frozen=True, slots=True)
class Imported:
    """One record of the input: `index` counts all of them from 0, `line` (1-based) is where it begins.

    `event` is None for a record that cannot be used, which `why` explains, and for one that tells of no error (`why` empty).
    """

    index: int
    line: int
    event: Event | None
    why: str = ""
    deployment: str = ""


def imported(stream: Stream, form: Format = "auto") -> Iterator[Imported]:
    """Every record of `stream`, in its order. ``auto`` decides by the first object that can be read."""
    index = 0
    for piece in pieces(stream):
        try:
            fields = decoded(piece)
        except Unusable as error:
            yield Imported(index, piece.line, None, str(error))
            index += 1
            continue
        if form == "auto":
            form = format_of(fields)
        for found in _records(fields, form, piece, index):
            yield found
            index = found.index + 1


def format_of(fields: dict[str, Any]) -> Format:
    """Whose form an object has, by the names at its top; ours where it is nobody else's."""
    return "otel" if is_otel(fields) else "sentry" if is_sentry(fields) else "fde"


def _records(fields: dict[str, Any], form: Format, piece: Piece, index: int) -> Iterator[Imported]:
    if form != "otel":
        yield _one(fields, form, piece, index)
        return
    try:
        for record in log_records(fields):
            try:
                event = event_of_log(record)
            except msgspec.ValidationError as error:  # pragma: no cover - fields are read one by one
                yield Imported(index, piece.line, None, f"not a log record: {error}")
            else:
                deployment = record.resource.get("deployment") or record.resource.get("k8s.deployment.name") or ""
                yield Imported(index, piece.line, _bounded(event), deployment=str(deployment))
            index += 1
    except Unusable as error:
        yield Imported(index, piece.line, None, str(error))


def _one(fields: dict[str, Any], form: Format, piece: Piece, index: int) -> Imported:
    try:
        if form == "sentry":
            event = None if holds_no_error(fields) else event_of_sentry(fields)
            return Imported(index, piece.line, _bounded(event))
        deployment = fields.get("deployment")
        return Imported(
            index,
            piece.line,
            _bounded(event_of_flat(fields)),
            deployment=deployment if isinstance(deployment, str) else "",
        )
    except Unusable as error:
        return Imported(index, piece.line, None, str(error))


def _bounded(event: Event | None) -> Event | None:
    """The event with its long texts cut, so that a stack of 10 MB costs no more than one of 64 kB."""
    if not isinstance(event, ErrorEvent):
        return event
    body, said, stack = event.body, event.exception_message, event.exception_stacktrace
    if len(body or "") <= _MAX_WORDS and len(said or "") <= _MAX_WORDS and len(stack or "") <= _MAX_STACK:
        return event
    return msgspec.structs.replace(
        event,
        body=_cut(body, _MAX_WORDS),
        exception_message=_cut(said, _MAX_WORDS),
        exception_stacktrace=_cut(stack, _MAX_STACK),
    )


def _cut(text: str | None, limit: int) -> str | None:
    if text is None or len(text) <= limit:
        return text
    return f"{text[: limit // 2]}\n  [...]\n{text[-limit // 2 :]}"
