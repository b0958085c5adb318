"""Which events a partition has folded already, in bounded memory.

An event's id is ``epoch/sequence/index``; of each producer epoch the numbers seen are kept as ranges. When an epoch has
more than `MAX_SPANS` holes, its lowest are closed: an event that comes later than that behind its epoch counts as a
duplicate. So a count may be too low by events that are hopelessly late, never too high. Epochs that have been silent for
`FORGET_AFTER_DAYS` of event time are forgotten: no topic keeps their records that long.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from fde_events.ledger import Ranges

MAX_SPANS: Final = 2_048
FORGET_AFTER_DAYS: Final = 30
_INDEX_BITS: Final = 20  # a record holds at most 512 KiB, so far fewer than a million events


def number_of(event_id: str) -> tuple[str, int]:
    """The epoch of an id, and its place in that epoch as one number. ValueError if the id is not of that form."""
    epoch, sequence, index = event_id.rsplit("/", 2)
    return epoch, (int(sequence) << _INDEX_BITS) | int(index)


@dataclass(slots=True)
class Seen:
    """The ids folded, by epoch. `latest` is the newest event time of each epoch."""

    epochs: dict[str, Ranges] = field(default_factory=dict)
    floors: dict[str, int] = field(default_factory=dict)
    latest: dict[str, str] = field(default_factory=dict)

    def __contains__(self, event_id: str) -> bool:
        epoch, number = number_of(event_id)
        return self.has(epoch, number)

    def has(self, epoch: str, number: int) -> bool:
        """Whether this number of `epoch` was seen, or lies below what is still told apart."""
        if number <= self.floors.get(epoch, -1):
            return True
        ranges = self.epochs.get(epoch)
        return ranges is not None and number in ranges

    def add(self, epoch: str, spans: tuple[tuple[int, int], ...], time: str) -> None:
        """Note inclusive spans of `epoch`, the newest of them at `time` (RFC 3339)."""
        ranges = self.epochs.setdefault(epoch, Ranges())
        for start, end in spans:
            for number in range(start, end + 1):
                ranges.add(number)
        excess = len(ranges.spans) - MAX_SPANS
        if excess > 0:
            self.floors[epoch] = ranges.spans[excess - 1][1]
            del ranges.spans[:excess]
        if time > self.latest.get(epoch, ""):
            self.latest[epoch] = time

    def forget_before(self, time: str) -> None:
        """Drop the epochs whose newest event is older than `time` (RFC 3339)."""
        for epoch in [epoch for epoch, latest in self.latest.items() if latest < time]:
            self.epochs.pop(epoch, None)
            self.floors.pop(epoch, None)
            del self.latest[epoch]
