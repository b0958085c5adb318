"""The Kafka record: CloudEvents 1.0 attributes in headers (Kafka protocol binding, binary mode), a batch in the value.

EventBatch -> encode() -> Record -> Kafka -> decode() -> ReceivedBatch

The CloudEvents Kafka binding defines binary and structured mode only; the batch content type is ours. Producer epoch and
sequence ride in headers so that every gap can be proven: an event's id is ``epoch/sequence/index``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

import msgspec

from fde_events.errors import InvalidEvent
from fde_events.event import EventBatch
from fde_events.ledger import EpochMark
from fde_events.topics import MAX_RECORD_BYTES, customer_of

CONTENT_TYPE: Final = "application/vnd.fde.batch+json;v=1"
TYPE: Final = "io.fde.telemetry.batch.v1"
MARK_CONTENT_TYPE: Final = "application/vnd.fde.mark+json;v=1"
MARK_TYPE: Final = "io.fde.telemetry.mark.v1"
_MAX_EPOCH: Final = 128
_MAX_DEPLOYMENT: Final = 320  # a namespace (63), a slash, a name (253)
_REQUIRED: Final = ("ce_specversion", "ce_id", "ce_source", "ce_type", "fde_epoch", "fde_sequence")

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(EventBatch).decode
_decode_mark = msgspec.json.Decoder(EpochMark).decode

Headers = tuple[tuple[str, bytes], ...]


@dataclass(frozen=True, slots=True)
class Record:
    """A record ready for a producer."""

    key: bytes
    value: bytes
    headers: Headers


@dataclass(frozen=True, slots=True)
class ReceivedBatch:
    """A decoded record. `customer` comes from the topic. `sequence` counts records of one epoch from 0."""

    customer: str
    epoch: str
    sequence: int
    batch: EventBatch

    def event_id(self, index: int) -> str:
        """``epoch/sequence/index``: the same event has the same id however often it is delivered."""
        return f"{self.epoch}/{self.sequence}/{index}"


def encode(batch: EventBatch, *, epoch: str, sequence: int, time: str) -> Record:
    """The record for `batch`. `time`: RFC 3339, when the batch was closed. ValueError above `MAX_RECORD_BYTES`."""
    value = _encode(batch)
    if len(value) > MAX_RECORD_BYTES:
        raise ValueError(f"a record may hold {MAX_RECORD_BYTES} bytes, this batch has {len(value)}: split it")
    return framed(value, deployment=batch.deployment, epoch=epoch, sequence=sequence, time=time)


def framed(value: bytes, *, deployment: str, epoch: str, sequence: int, time: str) -> Record:
    """The record for a batch that is encoded already (a spool keeps it so); the headers are those of :func:`encode`."""
    attributes = {
        "ce_specversion": "1.0",
        "ce_id": f"{epoch}/{sequence}",
        "ce_source": f"/fde/sidecar/{deployment}",
        "ce_type": TYPE,
        "ce_time": time,
        "ce_subject": deployment,
        "content-type": CONTENT_TYPE,
        "fde_epoch": epoch,
        "fde_sequence": str(sequence),
    }
    return Record(
        key=deployment.encode(),
        value=value,
        headers=tuple((name, text.encode()) for name, text in attributes.items()),
    )


def header_map(headers: Iterable[tuple[str, bytes | None]] | None) -> dict[str, str]:
    """Headers as text; undecodable ones are left out (a missing one is reported by name later)."""
    found: dict[str, str] = {}
    for name, raw in headers or ():
        try:
            found[name] = (raw or b"").decode()
        except UnicodeDecodeError:
            continue
    return found


def decode(topic: str, headers: Mapping[str, str], value: bytes | None) -> ReceivedBatch:
    """The batch in a record. Raises :class:`InvalidEvent`, naming the field, when it is off contract."""
    customer = customer_of(topic)
    missing = [name for name in _REQUIRED if name not in headers]
    if missing:
        raise InvalidEvent(topic, f"header {missing[0]} is missing")
    if headers["ce_specversion"] != "1.0" or headers["ce_type"] != TYPE:
        raise InvalidEvent(topic, f"not a {TYPE} of CloudEvents 1.0: {headers['ce_type']!r}")
    if not headers["fde_sequence"].isdecimal():
        raise InvalidEvent(topic, f"header fde_sequence is not a number: {headers['fde_sequence'][:40]!r}")
    if value is None:
        raise InvalidEvent(topic, "the record has no value")
    try:
        batch = _decode(value)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidEvent(topic, f"the value is not an event batch: {error}") from error
    # Both stand in every event's id or place: a long one would be written a thousand times over.
    if len(headers["fde_epoch"]) > _MAX_EPOCH:
        raise InvalidEvent(topic, f"header fde_epoch is longer than {_MAX_EPOCH} characters")
    if len(batch.deployment) > _MAX_DEPLOYMENT:
        raise InvalidEvent(topic, f"deployment is longer than {_MAX_DEPLOYMENT} characters")
    return ReceivedBatch(customer, headers["fde_epoch"], int(headers["fde_sequence"]), batch)


def encode_mark(mark: EpochMark) -> Record:
    """The record for a producer's own count. It travels on the customer's telemetry topic: the customer writes no other."""
    attributes = {
        "ce_specversion": "1.0",
        "ce_id": f"{mark.epoch}/mark/{mark.highest}/{'closed' if mark.closed else 'open'}",
        "ce_source": f"/fde/sidecar/{mark.deployment}",
        "ce_type": MARK_TYPE,
        "ce_time": mark.time,
        "ce_subject": mark.deployment,
        "content-type": MARK_CONTENT_TYPE,
        "fde_type": "mark",
        "fde_epoch": mark.epoch,
    }
    return Record(
        key=mark.deployment.encode(),
        value=_encode(mark),
        headers=tuple((name, text.encode()) for name, text in attributes.items()),
    )


def is_mark(headers: Mapping[str, str]) -> bool:
    """Whether a record of a telemetry topic is a mark and not a batch of events."""
    return headers.get("fde_type") == "mark"


def decode_mark(topic: str, headers: Mapping[str, str], value: bytes | None) -> EpochMark:
    """The mark in a record. Its customer is the topic's, whatever the payload says. :class:`InvalidEvent` off contract."""
    customer = customer_of(topic)
    if headers.get("ce_type") != MARK_TYPE:
        raise InvalidEvent(topic, f"not a {MARK_TYPE}: {headers.get('ce_type', '')[:80]!r}")
    if value is None:
        raise InvalidEvent(topic, "the mark has no value")
    try:
        mark = _decode_mark(value)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidEvent(topic, f"the value is not an epoch mark: {error}") from error
    return msgspec.structs.replace(mark, customer=customer)
