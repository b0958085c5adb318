"""The state log on `fde-engine.state`: partition p of it holds the state of partition p of the signatures topic.

A writer is fenced by its transactional id: `init_transactions` of the new owner aborts and shuts out the older one.
Records are read with read_committed, to each partition's end.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Final

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition

from fde_events.errors import Unavailable
from fde_events.kafka import client_settings, producer_settings
from fde_events.topics import STATE
from fde_streams.state import Fenced, Part, StateRecord, decode_state, encode_state

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

    def rebuild(self, partitions: Iterable[int]) -> dict[int, Part]:
        """See :class:`~fde_streams.state.StateLog`."""
        parts = {partition: Part() for partition in sorted(partitions)}
        self._producers.clear()
        try:
            for partition in parts:
                self._producers[partition] = self._fence(partition)
            self._read(parts)
        except KafkaException as error:
            raise _told(error, f"the state of partitions {sorted(parts)}") from error
        for part in parts.values():
            part.generation = max(part.generation, 0)
        return parts

    def append(self, partition: int, record: StateRecord) -> None:
        """See :class:`~fde_streams.state.StateLog`."""
        producer = self._producers.get(partition)
        if producer is None:
            raise Fenced(f"partition {partition} is not ours")
        try:
            producer.begin_transaction()
            producer.produce(self._topic, encode_state(record), key=str(record.last), partition=partition)
            producer.commit_transaction(_WRITE_TIMEOUT_S)
        except KafkaException as error:
            raise _told(error, f"the state of partition {partition}") from error

    def close(self) -> None:
        """See :class:`~fde_streams.state.StateLog`."""
        self._producers.clear()

    def _fence(self, partition: int) -> Producer:
        settings = producer_settings(
            self._bootstrap,
            **{"transactional.id": f"{self._group}-{partition}", "transaction.timeout.ms": 10_000, "linger.ms": 0},
        )
        producer = Producer(settings)
        producer.init_transactions(_WRITE_TIMEOUT_S)
        return producer

    def _read(self, parts: dict[int, Part]) -> None:
        if not parts:
            return
        settings = client_settings(self._bootstrap) | {
            "group.id": f"{self._group}-rebuild",
            "enable.auto.commit": False,
            "isolation.level": "read_committed",
            "enable.partition.eof": True,
            "auto.offset.reset": "earliest",
        }
        consumer = Consumer(settings)
        consumer.assign([TopicPartition(self._topic, partition, 0) for partition in parts])
        left, until = set(parts), time.monotonic() + _READ_TIMEOUT_S
        try:
            while left:
                if time.monotonic() > until:
                    raise Unavailable(f"{self._topic} could not be read to its end in {_READ_TIMEOUT_S:g} s.")
                for message in consumer.consume(500, 0.5):
                    error = message.error()
                    if error is None:
                        parts[message.partition()].apply(decode_state(message.value()))
                    elif error.code() == KafkaError._PARTITION_EOF:
                        left.discard(message.partition())
                    elif error.fatal() or not error.retriable():
                        raise KafkaException(error)
        finally:
            consumer.close()


def _told(error: KafkaException, what: str) -> Exception:
    cause = error.args[0]
    if cause.code() in _FENCED or cause.fatal():
        return Fenced(f"{what} has another owner now: {cause.str()}")
    return Unavailable(f"Kafka did not keep {what}: {cause.str()}.")
