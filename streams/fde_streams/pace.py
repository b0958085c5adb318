"""Pacing for the embedded broker, which keeps about 5 MiB a partition and forgets the rest without a word.

Ingest holds back while more than `limit` bytes of signed records lie beyond what the fold has covered.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

LIMIT: Final = 1_572_864  # 1.5 MiB, over all partitions, so that no partition can hold more


@dataclass(slots=True)
class Pace:
    """Bytes on their way to the fold. `covered` gives the last folded offset by partition."""

    covered: Callable[[], Mapping[int, int]]
    limit: int = LIMIT
    flying: int = 0
    ahead: dict[int, deque[tuple[int, int]]] = field(default_factory=dict)  # partition -> (offset, size), ascending

    def sent(self, size: int) -> None:
        """`size` bytes were handed to the producer."""
        self.flying += size

    def landed(self, partition: int, offset: int, size: int) -> None:
        """They were acknowledged at `offset` of `partition`; a failed delivery has offset -1."""
        self.flying -= size
        if offset >= 0:
            self.ahead.setdefault(partition, deque()).append((offset, size))

    def has_room(self, size: int) -> bool:
        """Whether `size` more bytes may be sent. A single record larger than the limit may, when nothing else is ahead."""
        if self.outstanding == 0 or self.outstanding + size <= self.limit:
            return True
        covered = self.covered()
        for partition, records in self.ahead.items():
            while records and records[0][0] <= covered.get(partition, -1):
                records.popleft()
        return self.outstanding == 0 or self.outstanding + size <= self.limit

    @property
    def outstanding(self) -> int:
        """Bytes sent and not known to be folded."""
        return self.flying + sum(size for records in self.ahead.values() for _, size in records)
