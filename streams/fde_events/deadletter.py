"""A record off contract on its way to `fde-engine.dead-letter`: whole, with why and where it came from in headers.

record -> burial() -> dead letter -> letter_of() -> Letter -> Letter.again() -> the record, with how often it was buried
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from fde_events.errors import InvalidEvent
from fde_events.topics import customer_of

_PREFIX: Final = "fde_dead_"
_ATTEMPT: Final = _PREFIX + "attempt"
_KEY: Final = _PREFIX + "key"
_MAX_REASON: Final = 500
_MAX_ATTEMPT: Final = 1_000_000  # the header is a customer's to write

RawHeaders = list[tuple[str, bytes | None]]


def reason_of(why: str) -> str:
    """`why`, short enough for a header and a log line."""
    return why[:_MAX_REASON]


def coordinate(topic: str | None, partition: int | None, offset: int | None) -> str:
    """``topic/partition/offset``: the dead letter's key, so that the same record has one."""
    return f"{topic}/{partition}/{offset}"


def burial(
    topic: str | None,
    partition: int | None,
    offset: int | None,
    headers: Sequence[tuple[str, bytes | None]] | None,
    why: str,
    *,
    key: bytes | None = None,
) -> RawHeaders:
    """The record's own headers and ours; ours of an earlier burial are replaced, and counted. `key`: the record's own."""
    kept: RawHeaders = [(name, value) for name, value in headers or () if not name.startswith(_PREFIX)]
    attempt = _attempt_in(headers) + 1
    ours = {
        "reason": reason_of(why),
        "topic": str(topic),
        "partition": str(partition),
        "offset": str(offset),
        "attempt": str(attempt),
    }
    written: RawHeaders = [(_PREFIX + name, text.encode()) for name, text in ours.items()]
    return kept + written + ([(_KEY, key)] if key is not None else [])


def topic_of(headers: Sequence[tuple[str, bytes | None]] | None) -> str | None:
    """The topic a dead letter came from; None for a record that is no dead letter."""
    raw = dict(headers or ()).get(_PREFIX + "topic")
    return None if raw is None else raw.decode("utf-8", "replace")


@dataclass(frozen=True, slots=True)
class Letter:
    """A buried record. `place`: where it lies in the dead letters; `buried_ms`: Unix time; `size`: bytes of its value."""

    topic: str
    partition: int
    offset: int
    reason: str
    attempt: int
    key: bytes | None
    headers: tuple[tuple[str, bytes | None], ...]
    value: bytes | None
    buried_ms: int
    place: tuple[int, int]

    @property
    def coordinate(self) -> str:
        """Where it came from."""
        return coordinate(self.topic, self.partition, self.offset)

    @property
    def size(self) -> int:
        """Bytes of its value."""
        return len(self.value or b"")

    @property
    def obstacle(self) -> str | None:
        """Why it cannot be given back, None if it can: what the engine itself wrote, it writes again by itself."""
        try:
            customer_of(self.topic)
        except InvalidEvent:
            return "it is no customer's record"
        return None

    def again(self) -> RawHeaders:
        """The record's own headers, epoch and sequence among them, so that a repeat is known; and how often it was buried."""
        return [*self.headers, (_ATTEMPT, str(self.attempt).encode())]


def letter_of(
    headers: Sequence[tuple[str, bytes | None]] | None, value: bytes | None, *, buried_ms: int, place: tuple[int, int]
) -> Letter:
    """The letter in a record of the dead-letter topic. :class:`InvalidEvent` for one that nobody of ours buried."""
    where = f"dead letter {place[0]}/{place[1]}"
    ours = {name: raw or b"" for name, raw in headers or () if name.startswith(_PREFIX)}
    try:
        topic, reason = (ours[_PREFIX + name].decode() for name in ("topic", "reason"))
        partition, offset = (int(ours[_PREFIX + name]) for name in ("partition", "offset"))
    except (KeyError, ValueError) as error:
        raise InvalidEvent(where, "it does not say where it came from") from error
    kept = tuple((name, raw) for name, raw in headers or () if not name.startswith(_PREFIX))
    # A sidecar's key is its deployment, which is the subject too: older letters keep no key.
    key = ours.get(_KEY, dict(kept).get("ce_subject"))
    return Letter(
        topic, partition, offset, reason, max(1, _attempt_in(headers)), key, kept, value, buried_ms, place
    )  # fmt: skip


def _attempt_in(headers: Sequence[tuple[str, bytes | None]] | None) -> int:
    raw = dict(headers or ()).get(_ATTEMPT) or b""
    return min(int(raw), _MAX_ATTEMPT) if len(raw) <= 7 and raw.isdigit() else 0
