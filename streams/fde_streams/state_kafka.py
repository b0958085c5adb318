"""The state log on `fde-engine.state`: partition p of it holds the state of partition p of the signatures topic.

A writer is fenced by its transactional id: `init_transactions` of the new owner aborts and shuts out the older one.
Records are read with read_committed, to each partition's end.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from typing import Final

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, Message, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from structlog import get_logger

from fde_events.errors import Unavailable
from fde_events.kafka import client_settings, producer_settings
from fde_events.topics import STATE
from fde_streams.state import Fenced, Part, StateRecord, decode_state, encode_state

log = get_logger()
_WRITE_TIMEOUT_S: Final = 20.0
_READ_TIMEOUT_S: Final = 120.0
_FENCED: Final = frozenset(
    {
        KafkaError._FENCED,
        KafkaError.INVALID_PRODUCER_EPOCH,
        KafkaError.PRODUCER_FENCED,
        KafkaError.INVALID_PRODUCER_ID_MAPPING,
    }
)


class KafkaStateLog:
    """State records on `topic`. One transactional producer a partition."""

    def __init__(self, bootstrap: str, *, group: str = "fde-fold", topic: str = STATE) -> None:
        """`group` tells several folds on one broker apart."""
        self._bootstrap, self._group, self._topic = bootstrap, group, topic
        self._producers: dict[int, Producer] = {}
        self._client: AdminClient | None = None

    def rebuild(self, partitions: Iterable[int]) -> dict[int, Part]:
        """See :class:`~fde_streams.state.StateLog`."""
        parts = {partition: Part() for partition in sorted(partitions)}
        try:
            for partition in parts:
                self._producers.pop(partition, None)
                self._producers[partition] = self._fence(partition)
            read(self._bootstrap, self._topic, parts)
        except KafkaException as error:
            raise _told(error, f"the state of partitions {sorted(parts)}") from error
        for part in parts.values():
            part.generation = max(part.generation, 0)
        return parts

    def append(self, partition: int, record: StateRecord) -> int:
        """See :class:`~fde_streams.state.StateLog`."""
        size, _ = self._write(partition, (record,))
        return size

    def replace(self, partition: int, snapshot: Iterable[StateRecord]) -> int:
        """See :class:`~fde_streams.state.StateLog`. One transaction."""
        size, first = self._write(partition, snapshot)
        self._delete_before(partition, first)
        return size

    def _write(self, partition: int, records: Iterable[StateRecord]) -> tuple[int, int]:
        """Write `records` in one transaction; their bytes and the offset of the first."""
        producer = self._producers.get(partition)
        if producer is None:
            raise Fenced(f"partition {partition} is not ours")
        size, offsets = 0, list[int]()

        def landed(error: KafkaError | None, message: Message) -> None:
            if error is None:
                offsets.append(message.offset())

        try:
            producer.begin_transaction()
            for record in records:
                value = encode_state(record)
                size += len(value)
                while True:
                    try:
                        producer.produce(
                            self._topic, value, key=str(record.last), partition=partition, on_delivery=landed
                        )
                        break
                    except BufferError:
                        producer.poll(0.1)
            producer.commit_transaction(_WRITE_TIMEOUT_S)
            producer.poll(0)
        except KafkaException as error:
            raise _told(error, f"the state of partition {partition}") from error
        return size, min(offsets, default=0)

    def _delete_before(self, partition: int, offset: int) -> None:
        """Let the broker forget what a snapshot has made superfluous. If it will not, the topic is larger, not wrong."""
        try:
            where = TopicPartition(self._topic, partition, offset)
            for future in self._admin().delete_records([where], request_timeout=10).values():
                future.result(10)
        except (KafkaException, TimeoutError) as error:
            log.warning("older_state_was_not_deleted", partition=partition, before=offset, why=str(error)[:200])

    def _admin(self) -> AdminClient:
        if self._client is None:
            self._client = AdminClient(client_settings(self._bootstrap))
        return self._client

    def close(self) -> None:
        """See :class:`~fde_streams.state.StateLog`."""
        self._producers.clear()

    def _fence(self, partition: int) -> Producer:
        settings = producer_settings(
            self._bootstrap,
            **{"transactional.id": f"{self._group}-{partition}", "transaction.timeout.ms": 60_000, "linger.ms": 0},
        )
        producer = Producer(settings)
        producer.init_transactions(_WRITE_TIMEOUT_S)
        return producer


def read(bootstrap: str, topic: str, parts: Mapping[int, Part]) -> None:
    """Apply what `topic` holds of these partitions, from the beginning to the end. KafkaException if it cannot be read."""
    if not parts:
        return
    settings = client_settings(bootstrap) | {
        "group.id": "fde-fold-rebuild",
        "enable.auto.commit": False,
        "isolation.level": "read_committed",
        "enable.partition.eof": True,
        "auto.offset.reset": "earliest",
    }
    consumer = Consumer(settings)
    consumer.assign([TopicPartition(topic, partition, OFFSET_BEGINNING) for partition in parts])
    left, until = set(parts), time.monotonic() + _READ_TIMEOUT_S
    try:
        while left:
            if time.monotonic() > until:
                raise Unavailable(f"{topic} could not be read to its end in {_READ_TIMEOUT_S:g} s.")
            for message in consumer.consume(500, 0.5):
                error = message.error()
                if error is None:
                    value = message.value()
                    parts[message.partition()].apply(decode_state(value), len(value))
                elif error.code() == KafkaError._PARTITION_EOF:
                    left.discard(message.partition())
                elif error.fatal() or not error.retriable():
                    raise KafkaException(error)
    finally:
        consumer.close()


def read_parts(bootstrap: str, partitions: Iterable[int], *, topic: str = STATE) -> dict[int, Part]:
    """Every partition's state as it was kept last, without fencing anybody. :class:`Unavailable` if it cannot be read."""
    parts = {partition: Part() for partition in sorted(partitions)}
    try:
        read(bootstrap, topic, parts)
    except KafkaException as error:
        raise _told(error, f"the state of partitions {sorted(parts)}") from error
    return parts


def _told(error: KafkaException, what: str) -> Exception:
    cause = error.args[0]
    if cause.code() in _FENCED or cause.fatal():
        return Fenced(f"{what} has another owner now: {cause.str()}")
    return Unavailable(f"Kafka did not keep {what}: {cause.str()}.")
