"""Which events a partition has folded already, in bounded memory.

An event's id is ``epoch/sequence/index``; of each producer epoch the numbers seen are kept as inclusive spans, 16 bytes each.
A partition gets some of a record's events only, so spans of an epoch hardly ever meet: when there are more than `MAX_SPANS`,
the lowest are closed, and an event that comes later than that behind its epoch counts as a duplicate. So a count may be too
low by events that are hopelessly late, never too high. Epochs that have been silent for `FORGET_AFTER_DAYS` of event time
are forgotten (no topic keeps their records that long), and of one customer's epochs the `MAX_EPOCHS` newest are kept: a customer
that starts a producer a second does not fill the memory.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

MAX_SPANS: Final = 4_096
MAX_EPOCHS: Final = 2_000  # of one customer
FORGET_AFTER_DAYS: Final = 30
INDEX_BITS: Final = 20  # a record holds at most 512 KiB, so far fewer than a million events


def number_of(event_id: str) -> tuple[str, int]:
    """The epoch of an id, and its place in that epoch as one number. ValueError if the id is not of that form."""
    epoch, sequence, index = event_id.rsplit("/", 2)
    return epoch, (int(sequence) << INDEX_BITS) | int(index)


def _numbers() -> array[int]:
    return array("q")


@dataclass(slots=True)
class Spans:
    """A set of numbers as sorted, disjoint, inclusive spans: `starts` beside `ends`."""

    starts: array[int] = field(default_factory=_numbers)
    ends: array[int] = field(default_factory=_numbers)

    @property
    def last(self) -> int:
        """The greatest number; -1 of none."""
        return self.ends[-1] if self.ends else -1

    @property
    def count(self) -> int:
        """How many numbers; its length is how many spans."""
        return sum(self.ends) - sum(self.starts) + len(self.starts)

    def __len__(self) -> int:
        return len(self.starts)

    def __contains__(self, number: int) -> bool:
        place = bisect_right(self.starts, number) - 1
        return place >= 0 and number <= self.ends[place]

    def add(self, start: int, end: int) -> None:
        """Add ``start..end``; what of it is there already stays."""
        if start > self.last + 1:  # what comes in order is most of it
            self.starts.append(start)
            self.ends.append(end)
            return
        first = bisect_left(self.ends, start - 1)
        after = bisect_right(self.starts, end + 1)
        if first < after:
            start, end = min(start, self.starts[first]), max(end, self.ends[after - 1])
        self.starts[first:after] = array("q", (start,))
        self.ends[first:after] = array("q", (end,))

    def cut(self, most: int) -> int | None:
        """Drop the lowest beyond `most` spans; the greatest number dropped, None if none was."""
        excess = len(self.starts) - most
        if excess <= 0:
            return None
        highest = self.ends[excess - 1]
        del self.starts[:excess], self.ends[:excess]
        return highest


@dataclass(slots=True)
class Seen:
    """The ids folded, by epoch (``customer/epoch``). `latest` is the newest event time of each."""

    epochs: dict[str, Spans] = field(default_factory=dict)
    floors: dict[str, int] = field(default_factory=dict)
    latest: dict[str, str] = field(default_factory=dict)

    def __contains__(self, event_id: str) -> bool:
        epoch, number = number_of(event_id)
        return self.has(epoch, number)

    def has(self, epoch: str, number: int) -> bool:
        """Whether this number of `epoch` was seen, or lies below what is still told apart."""
        if number <= self.floors.get(epoch, -1):
            return True
        spans = self.epochs.get(epoch)
        return spans is not None and number in spans

    def add(self, epoch: str, spans: Iterable[tuple[int, int]], time: str) -> None:
        """Note inclusive spans of `epoch`, the newest of them at `time` (RFC 3339)."""
        kept = self.epochs.get(epoch)
        if kept is None:
            kept = self.epochs[epoch] = Spans()
            self._make_room(epoch)
        for start, end in spans:
            kept.add(start, end)
        floor = kept.cut(MAX_SPANS)
        if floor is not None:
            self.floors[epoch] = floor
        if time > self.latest.get(epoch, ""):
            self.latest[epoch] = time

    def restore(self, epoch: str, spans: Iterable[tuple[int, int]], floor: int, time: str) -> None:
        """Take over an epoch as it was kept."""
        kept = self.epochs[epoch] = Spans()
        for start, end in spans:
            kept.starts.append(start)
            kept.ends.append(end)
        if floor >= 0:
            self.floors[epoch] = floor
        if time:
            self.latest[epoch] = time

    def forget_before(self, time: str) -> None:
        """Drop the epochs whose newest event is older than `time` (RFC 3339)."""
        for epoch in [epoch for epoch, latest in self.latest.items() if latest < time]:
            self._forget(epoch)

    def _make_room(self, epoch: str) -> None:
        """A new epoch comes: of its customer's, the oldest beyond the cap goes."""
        if len(self.epochs) <= MAX_EPOCHS:
            return
        customer = _customer(epoch)
        mine = [name for name in self.epochs if _customer(name) == customer and name != epoch]
        if len(mine) >= MAX_EPOCHS:
            self._forget(min(mine, key=lambda name: (self.latest.get(name, ""), name)))

    def _forget(self, epoch: str) -> None:
        self.epochs.pop(epoch, None)
        self.floors.pop(epoch, None)
        self.latest.pop(epoch, None)


def _customer(epoch: str) -> str:
    return epoch.partition("/")[0]
