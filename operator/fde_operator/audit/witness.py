"""Witness: records of the audit topic whose writers do not chain them (reads of evidence, orders, erasures) become acts.

`fde-engine.audit` -> Witness.follow() -> Act with the record's place and digest -> Journal -> the collector's chain
`fde audit verify` -> Witnessed: every record that an act tells of stands at its place, unchanged
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import msgspec
from confluent_kafka import Consumer, KafkaException, TopicPartition
from structlog import get_logger

from fde_events.act import Act
from fde_events.audit import Audit
from fde_events.chain import Break, Stored, stored
from fde_events.errors import Unavailable
from fde_events.topics import AUDIT
from fde_operator.audit.topic import reading

log = get_logger()
_PARTITION: Final = 0
_POLL_S: Final = 1.0
_AGAIN_S: Final = 5.0


def witnessed(raw: bytes, offset: int) -> Act | None:
    """The act that a record of another writer tells of; None for links, and for what is no audit record.

    Why it was done is not taken over: people write names there. The digest covers it.
    """
    try:
        found = msgspec.json.decode(raw, type=Audit)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    place = f"{AUDIT}[{_PARTITION}]@{offset}"
    return Act(
        id=f"{place} {_digest(raw)[:16]}",
        at=found.at,
        source="topic",
        who=found.who,
        verb=found.what,
        kind="record",
        name=found.of,
        outcome="allowed",
        cause=place,
        digest=_digest(raw),
    )


class Witness:
    """Follows the topic from the place in `cursor` on. One consumer, without a group's rights."""

    def __init__(self, brokers: str, cursor: Path, *, topic: str = AUDIT) -> None:
        self._brokers, self._cursor, self._topic = brokers, cursor, topic
        self._next = self._stands = self._kept()

    async def follow(self, add: Callable[[Act], bool]) -> None:
        """Hand over acts as they come, for ever; what `add` has no room for comes again."""
        while True:
            try:
                await asyncio.to_thread(self._until_trouble, add)
            except (Unavailable, KafkaException, OSError) as error:
                log.warning("audit_witness_postponed", why=str(error))
            await asyncio.sleep(_AGAIN_S)

    def read(self, consumer: Consumer) -> Iterator[tuple[int, bytes]]:
        """Records from the place on, with their offsets, until none comes for a second."""
        while (message := consumer.poll(_POLL_S)) is not None:
            error = message.error()
            if error is None:
                yield message.offset(), message.value() or b""
            elif error.fatal() or not error.retriable():
                raise Unavailable(f"Kafka at {self._brokers} did not let {self._topic} be read: {error.str()}.")

    def _until_trouble(self, add: Callable[[Act], bool]) -> None:
        """One look, as far as the topic goes: a thread that waits for ever would keep the process from ending."""
        consumer = Consumer(reading(self._brokers, committed=True) | {"enable.partition.eof": False})
        try:
            consumer.assign([TopicPartition(self._topic, _PARTITION, self._next)])
            for offset, raw in self.read(consumer):
                act = witnessed(raw, offset)
                if act is not None and not add(act):
                    return
                self._next = offset + 1
        finally:
            consumer.close()
            self._stand()

    def _kept(self) -> int:
        try:
            return int(self._cursor.read_text())
        except (FileNotFoundError, ValueError):
            return 0  # all of it again: what the chain has already is left out by its id

    def _stand(self) -> None:
        if self._next == self._stands:
            return
        beside = self._cursor.with_name(f".{self._cursor.name}")
        beside.write_text(str(self._next))
        beside.replace(self._cursor)
        self._stands = self._next


@dataclass(slots=True)
class Witnessed:
    """Takes the topic's records in order; then tells which of those that acts tell of are gone, or others."""

    records: dict[str, str] = field(default_factory=dict)
    told: dict[str, Stored] = field(default_factory=dict)

    def take(self, raw: bytes, where: str) -> None:
        """The next record."""
        one = stored(raw)
        if one is None:
            self.records[where] = _digest(raw)
        elif one.body.get("source") == "topic":
            self.told[str(one.body.get("cause"))] = one

    def unchained(self) -> int:
        """How many records of other writers no act tells of (yet)."""
        return len(self.records.keys() - self.told.keys())

    def breaks(self) -> list[Break]:
        """Records that were changed or removed after an act told of them."""
        found = []
        for place, one in self.told.items():
            if (digest := self.records.get(place)) != one.body.get("digest"):
                what = "is gone" if digest is None else "was changed"
                found.append(Break(one.chain, one.seq, place, f"a record that this link tells of {what}"))
        return found


def _digest(raw: bytes) -> str:
    return hashlib.sha256(b"\x00" + raw).hexdigest()
