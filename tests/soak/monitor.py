"""Looks on: what the state log says was counted, while it grows."""

from __future__ import annotations

import threading
import time

from confluent_kafka import Consumer, TopicPartition

from fde_events.topics import STATE
from fde_streams.state import Part, decode_state


class Monitor:
    """Follows the state topic as a rebuilding worker would. `events`: counted so far, by the deltas of the chain."""

    def __init__(self, bootstrap: str, partitions: int) -> None:
        self._consumer = Consumer(
            {
                "bootstrap.servers": bootstrap,
                "group.id": "soak-monitor",
                "enable.auto.commit": False,
                "isolation.level": "read_committed",
                "auto.offset.reset": "earliest",
                "log_level": 0,
            }
        )
        self._consumer.assign([TopicPartition(STATE, partition, 0) for partition in range(partitions)])
        self.parts = {partition: Part() for partition in range(partitions)}
        self.events = self.raised = self.snapshots = 0
        self.moved = time.monotonic()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._stop.set()
        self._thread.join()
        self._consumer.close()

    def _run(self) -> None:
        while not self._stop.is_set():
            for message in self._consumer.consume(500, 0.1):
                if message.error() is not None:
                    continue
                record = decode_state(message.value())
                applied = self.parts[message.partition()].apply(record)
                if getattr(record, "snapshot", None) is not None:
                    self.snapshots += 1
                if applied and record.delta is not None:
                    self.events += sum(news.count for news in record.delta.increments)
                    self.raised += len(record.delta.raised)
                    self.moved = time.monotonic()
