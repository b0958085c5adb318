"""Ingest, the pure part: a received batch to signed events, by block.

The event's way: Record -> decode() -> ReceivedBatch -> sign() -> SignedBatch per block -> fde-engine.signatures.

Stateless: the same record gives the same signed batches, so doing it again after a crash repeats and never differs; the
fold removes repeats by event id.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

import msgspec

from fde_events.errors import InvalidEvent
from fde_events.event import ErrorEvent, Event, PerformanceEvent, RateLimitEvent, SchemaDriftEvent
from fde_events.record import ReceivedBatch
from fde_events.signed import SignedBatch, SignedEvent, packed
from fde_events.topics import MAX_RECORD_BYTES
from fde_streams.signature import signature_of

SAMPLE_LENGTH: Final = 2_000
_ROOM: Final = MAX_RECORD_BYTES - 1_024
_KINDS: Final = {
    kind: str(kind.__struct_config__.tag) for kind in (ErrorEvent, RateLimitEvent, PerformanceEvent, SchemaDriftEvent)
}
_encode = msgspec.json.Encoder().encode


def sign(received: ReceivedBatch) -> list[SignedBatch]:
    """The batch's events under their signatures, one signed batch a block (more if one would exceed a record), in order.

    The customer is the topic's, whatever the deployment's name says. :class:`InvalidEvent` if an event's time is no time.
    """
    blocks: dict[str, list[SignedEvent]] = {}
    deployment, customer, ids = received.batch.deployment, received.customer, f"{received.epoch}/{received.sequence}/"
    for index, event in enumerate(received.batch.events):
        signature = signature_of(event)
        signed = SignedEvent(
            id=f"{ids}{index}",
            kind=_KINDS[type(event)],
            customer=customer,
            deployment=deployment,
            time=_utc(event.time, ids, index),
            signature=signature,
            sample=sample_of(event),
            count=max(1, getattr(event, "count", 1)),
        )
        block = blocks.get(signature.block)
        if block is None:
            blocks[signature.block] = [signed]
        else:
            block.append(signed)
    return [batch for block, events in blocks.items() for batch in _fitting(block, events)]


def encode_signed(batch: SignedBatch) -> bytes:
    """The batch as it travels: what its events share is said once."""
    return _encode(SignedBatch(block=batch.block, orders=batch.orders, runs=(*batch.runs, *packed(batch.events))))


def sample_of(event: Event) -> str:
    """What a reader is shown of the event: redacted text, at most `SAMPLE_LENGTH` characters, the middle left out."""
    if isinstance(event, ErrorEvent):
        head = ": ".join(part for part in (event.exception_type, event.exception_message) if part)
        text = event.exception_stacktrace or "\n".join(part for part in (event.body, head) if part)
    elif isinstance(event, RateLimitEvent):
        text = f"{event.vendor}: {event.limit_class} limit, retry after {event.retry_after_s} s"
    elif isinstance(event, PerformanceEvent):
        text = (
            f"{event.endpoint}: {event.metric} {event.direction}, {event.baseline:g} -> {event.observed:g} {event.unit}"
        )
    elif isinstance(event, SchemaDriftEvent):
        text = f"{event.source} {event.operation}: {event.field} {event.change}, {event.before} -> {event.after}"
    if len(text) <= SAMPLE_LENGTH:
        return text
    half = SAMPLE_LENGTH // 2 - 8
    return f"{text[:half]}\n[...]\n{text[-half:]}"


def _utc(time: str, ids: str, index: int) -> str:
    """RFC 3339 in UTC with milliseconds, so that times sort as text."""
    try:
        moment = datetime.fromisoformat(time)
    except ValueError as error:
        raise InvalidEvent(f"event {ids}{index}", f"time is not RFC 3339: {time[:40]!r}") from error
    if len(time) == 24 and time[23] == "Z" and time[19] == "." and time[10] == "T" and time[4] == time[7] == "-":
        return time  # as sidecars write it
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    try:
        return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    except OverflowError as error:
        raise InvalidEvent(f"event {ids}{index}", f"time is out of range: {time[:40]!r}") from error


def _fitting(block: str, events: list[SignedEvent]) -> Iterator[SignedBatch]:
    if sum(map(_at_most, events)) <= _ROOM:
        yield SignedBatch(block=block, events=tuple(events))
        return
    chosen: list[SignedEvent] = []
    size = 0
    for event in events:
        length = len(_encode(event)) + 1
        if chosen and size + length > _ROOM:
            yield SignedBatch(block=block, events=tuple(chosen))
            chosen, size = [], 0
        chosen.append(event)
        size += length
    if chosen:
        yield SignedBatch(block=block, events=tuple(chosen))


def _at_most(event: SignedEvent) -> int:
    """Bytes that the event's JSON has at most: a character becomes six, as a control character does."""
    signature = event.signature
    length = len(event.sample) + len(event.id) + len(event.customer) + len(event.deployment) + len(signature.title)
    length += len(signature.block) + len(signature.rules) + sum(map(len, signature.masked)) + 3 * len(signature.masked)
    for name, value in signature.parts:
        length += len(name) + len(value) + 7
    return 6 * length + 512
