"""Erasure in Kafka: what one customer has in topics goes from the brokers' disks, not only from sight.

customer's topics -> deleted · engine's topics, by how each keeps things:
    signatures, state   cut below an offset: the fold has covered, and summed up, what was there
    ledger, challenges  tombstones, then compaction
    dead letters        others' records written again at the end, then cut

A broker removes closed segments only, so each way first closes the segment that is written (`segment.ms` for the one
append that closes it). Closed segments below a cut go at the broker's next look (`log.retention.check.interval.ms`, five minutes
by default), and their files `log.segment.delete.delay.ms` later (one minute); compaction shows by itself when it is done.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, TypeVar

from confluent_kafka import KafkaError, KafkaException, Message, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, ResourceType

from fde_events.errors import Unavailable
from fde_events.kafka import client_settings, producer_settings
from fde_streams.scan import scan

_T = TypeVar("_T")
_ANSWER_S: Final = 30.0
_CLOSING: Final = {"segment.ms": "1"}
_COMPACTING: Final = {
    **_CLOSING,
    "min.cleanable.dirty.ratio": "0.0",
    "max.compaction.lag.ms": "1",
    "min.compaction.lag.ms": "0",
    "delete.retention.ms": "0",
}
# A record that says nothing: the append that closes the segment before it.
FILLER: Final = b"fde.filler"


@dataclass(frozen=True, slots=True)
class _Record:
    partition: int | None  # None: where its key belongs
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...] = ()


class TopicEraser:
    """Takes records out of topics. Every method is safe to do again; :class:`Unavailable` when Kafka does not do it."""

    def __init__(self, bootstrap: str) -> None:
        self._bootstrap = bootstrap
        self._admin = AdminClient(client_settings(bootstrap))
        self._producer = Producer(producer_settings(bootstrap, **{"linger.ms": 0, "message.timeout.ms": 20_000}))

    def partitions(self, topic: str) -> list[int]:
        """The partitions of `topic`; none if there is no such topic."""
        found = self._told(lambda: self._admin.list_topics(timeout=_ANSWER_S).topics.get(topic), f"list {topic}")
        return [] if found is None else sorted(found.partitions)

    def delete(self, topics: Sequence[str]) -> list[str]:
        """Delete topics with their files; those that were there."""
        present = [topic for topic in topics if self.partitions(topic)]
        if present:
            for topic, future in self._admin.delete_topics(present, operation_timeout=_ANSWER_S).items():
                self._told(lambda future=future: future.result(_ANSWER_S), f"delete {topic}")  # type: ignore[misc]
        return present

    def send(self, topic: str, values: Mapping[int, bytes], *, key: bytes) -> dict[int, int]:
        """Write one record a partition; the offsets they have."""
        return self._write(topic, [_Record(partition, key, value) for partition, value in values.items()])

    def cut(self, topic: str, upto: Mapping[int, int], *, filler: bytes | None = None) -> None:
        """Take away what stands below the offset `upto`, by partition. `filler`: what closes a segment, where a record may."""
        if not upto:
            return
        with self._with(topic, _CLOSING):
            if filler is not None:
                self.send(topic, dict.fromkeys(upto, filler), key=FILLER)
            places = [TopicPartition(topic, partition, offset) for partition, offset in upto.items()]
            for place, future in self._admin.delete_records(places, request_timeout=_ANSWER_S).items():
                self._told(lambda future=future: future.result(_ANSWER_S), f"cut {place.topic}")  # type: ignore[misc]

    @contextmanager
    def closing(self, topic: str) -> Iterator[None]:
        """While this lasts every append to `topic` closes the segment before it."""
        with self._with(topic, _CLOSING):
            yield

    def compact(self, topic: str, keys: Sequence[bytes], gone: Callable[[Message], bool], *, limit_s: float) -> bool:
        """Write tombstones for `keys`, then wait until compaction left no record for which `gone`; whether it did.

        A record that was overwritten under its own key needs no tombstone: compaction removes it all the same.
        """
        with self._with(topic, _COMPACTING):
            until = time.monotonic() + limit_s
            self._write(topic, [_Record(None, key, None) for key in keys])
            while True:
                # One append a partition closes the tombstones' segment; a tombstone of its own, so that nothing stays of it.
                self._write(topic, [_Record(partition, FILLER, None) for partition in self.partitions(topic)])
                wanted = set(keys)
                if not any(gone(message) or message.key() in wanted for message in scan(self._bootstrap, topic)):
                    return True
                if time.monotonic() > until:
                    return False
                time.sleep(2.0)

    def rewrite(self, topic: str, keep: Callable[[Message], bool]) -> int:
        """Write again, at the end, what is to be kept, and cut all before; how many records went."""
        found = list(scan(self._bootstrap, topic))
        going = [message for message in found if not keep(message)]
        if not going:
            return 0
        ends: dict[int, int] = {}
        for message in found:
            ends[message.partition() or 0] = (message.offset() or 0) + 1
        kept = [message for message in found if keep(message) and message.key() != FILLER]
        with self._with(topic, _CLOSING):
            self._write(
                topic,
                [_Record(one.partition(), one.key(), one.value(), tuple(one.headers() or ())) for one in kept],
            )
            self.cut(topic, ends, filler=b"")
        return len(going)

    # --- inside ------------------------------------------------------------------------------------------------------
    def _write(self, topic: str, records: Sequence[_Record]) -> dict[int, int]:
        landed: dict[int, int] = {}
        failed: list[str] = []

        def delivered(error: KafkaError | None, message: Message) -> None:
            if error is not None:
                failed.append(error.str())
            else:
                landed[message.partition() or 0] = message.offset() or 0

        def produce(record: _Record) -> None:
            where = {} if record.partition is None else {"partition": record.partition}
            self._producer.produce(
                topic, record.value, key=record.key, headers=list(record.headers), on_delivery=delivered, **where
            )
            self._producer.poll(0)

        for record in records:
            self._told(lambda record=record: produce(record), f"write to {topic}")  # type: ignore[misc]
        if self._producer.flush(_ANSWER_S) or failed:
            raise Unavailable(f"Kafka did not keep a record of {topic}: {failed[0] if failed else 'no answer'}.")
        return landed

    @contextmanager
    def _with(self, topic: str, settings: Mapping[str, str]) -> Iterator[None]:
        """`settings` on the topic meanwhile; what it had of its own after."""
        before = self._own_settings(topic)
        self._configure(topic, settings)
        try:
            yield
        finally:
            self._configure(topic, {name: before.get(name) for name in settings})

    def _own_settings(self, topic: str) -> dict[str, str]:
        resource = ConfigResource(ResourceType.TOPIC, topic)
        (future,) = self._admin.describe_configs([resource], request_timeout=_ANSWER_S).values()
        found = self._told(lambda: future.result(_ANSWER_S), f"describe {topic}")
        own = 1  # ConfigSource.DYNAMIC_TOPIC_CONFIG
        return {name: entry.value for name, entry in found.items() if int(entry.source) == own}

    def _configure(self, topic: str, settings: Mapping[str, str | None]) -> None:
        entries = [
            ConfigEntry(
                name,
                value or "",
                incremental_operation=AlterConfigOpType.DELETE if value is None else AlterConfigOpType.SET,
            )
            for name, value in settings.items()
        ]
        resource = ConfigResource(ResourceType.TOPIC, topic, incremental_configs=entries)
        (future,) = self._admin.incremental_alter_configs([resource], request_timeout=_ANSWER_S).values()
        self._told(lambda: future.result(_ANSWER_S), f"configure {topic}")

    def _told(self, work: Callable[[], _T], what: str) -> _T:
        try:
            return work()
        except KafkaException as error:
            raise Unavailable(f"Kafka at {self._bootstrap} did not {what}: {error.args[0].str()}.") from error
