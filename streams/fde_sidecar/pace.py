"""Pacing: how far ahead of its reader a producer may run.

Kafka keeps what is not read; the embedded broker keeps about 5 MiB a partition and forgets the rest in silence. There the
sidecar asks a :class:`Pace` before it sends. One pace is shared by all sidecars of a topic in a process.
"""

from __future__ import annotations

import threading
import time
from typing import Final, Protocol

from confluent_kafka import Consumer, KafkaException, TopicPartition

from fde_events.kafka import client_settings

AHEAD_BYTES: Final = 3 * 512 * 1024  # 1.5 MiB, below a third of what the embedded broker keeps
_ASK_EVERY_S: Final = 0.1


class Pace(Protocol):
    """May `size` more bytes go out now? Called with what was delivered where."""

    def allows(self, size: int) -> bool:
        """Whether `size` bytes may be sent now; counted as under way when they may."""
        ...

    def delivered(self, size: int, partition: int, offset: int) -> None:
        """`size` bytes stand at this offset."""
        ...

    def failed(self, size: int) -> None:
        """`size` bytes did not get there after all."""
        ...

    def close(self) -> None:
        """Let go of connections."""
        ...


class Unpaced:
    """Always yes: a broker with a disk."""

    def allows(self, size: int) -> bool:
        """Yes."""
        return True

    def delivered(self, size: int, partition: int, offset: int) -> None:
        """Nothing to note."""

    def failed(self, size: int) -> None:
        """Nothing to note."""

    def close(self) -> None:
        """Nothing to close."""


class GroupPace:
    """At most `ahead_bytes` between what was sent and what consumer group `group` has committed on `topic`."""

    def __init__(self, bootstrap: str, group: str, topic: str, *, ahead_bytes: int = AHEAD_BYTES) -> None:
        # Never subscribes: a consumer is the client that may read a group's committed offsets.
        self._consumer = Consumer(client_settings(bootstrap) | {"group.id": group, "enable.auto.commit": False})
        self._topic, self._ahead = topic, ahead_bytes
        self._lock = threading.Lock()
        self._under_way = 0
        self._standing: dict[int, list[tuple[int, int]]] = {}  # partition -> (offset, size), offsets rising
        self._asked = 0.0

    def allows(self, size: int) -> bool:
        """Whether `size` more bytes stay within the limit; one record always may when nothing is outstanding."""
        with self._lock:
            if self._outstanding() + size > self._ahead:
                self._forget_committed()
            outstanding = self._outstanding()
            if outstanding and outstanding + size > self._ahead:
                return False
            self._under_way += size
            return True

    def delivered(self, size: int, partition: int, offset: int) -> None:
        """Note where it stands; it counts until the group has committed beyond it."""
        with self._lock:
            self._under_way = max(0, self._under_way - size)
            self._standing.setdefault(partition, []).append((offset, size))

    def failed(self, size: int) -> None:
        """Not under way any more."""
        with self._lock:
            self._under_way = max(0, self._under_way - size)

    def close(self) -> None:
        """Close the client."""
        self._consumer.close()

    def _outstanding(self) -> int:
        return self._under_way + sum(size for standing in self._standing.values() for _, size in standing)

    def _forget_committed(self) -> None:
        now = time.monotonic()
        if now - self._asked < _ASK_EVERY_S or not self._standing:
            return
        self._asked = now
        partitions = [TopicPartition(self._topic, partition) for partition in self._standing]
        try:
            answer = self._consumer.committed(partitions, timeout=1.0)
        except KafkaException:
            return  # the broker is away: nothing was read, so nothing more may go out
        for found in answer:
            if found.error is None and found.offset >= 0:
                standing = self._standing[found.partition]
                self._standing[found.partition] = [(at, size) for at, size in standing if at >= found.offset]
        self._standing = {partition: standing for partition, standing in self._standing.items() if standing}
