"""Quotas: what one user may ask of a broker. Above it the broker delays its answers; nothing is refused or lost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

BYTES: Final = "producer_byte_rate"
REQUESTS: Final = "request_percentage"


@dataclass(frozen=True, slots=True)
class Quota:
    """`producer_byte_rate`: bytes a second to one broker, as compressed. `request_percentage`: of one broker thread's time."""

    producer_byte_rate: float
    request_percentage: float

    def values(self) -> dict[str, float]:
        """As Kafka names them."""
        return {BYTES: float(self.producer_byte_rate), REQUESTS: float(self.request_percentage)}

    def __str__(self) -> str:
        return told(self.values())


def told(values: Mapping[str, float]) -> str:
    """Quota values in words, whatever they are."""
    return ", ".join(f"{name} {values[name]:.12g}" for name in sorted(values))


# One sidecar at its full speed (20 000 lines of 1 KiB a second) sends about 3 MB/s as lz4; a thread serves that in a tenth of its time.
FEED_QUOTA: Final = Quota(4 * 1024 * 1024, 50.0)
