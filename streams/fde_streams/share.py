"""A share: what one deployment has seen of one signature. Evidence is kept nowhere else; a group's is the sum of its members'.

Increment (one step's news, in the log) -> Share.add() -> Share; Share.join() sums two of one deployment.

Bounded: the latest 168 hours with events and the latest 60 days with events, 16 bytes each. Which slots are kept does not hang
on the order of arrival: a slot that is among the latest of all was among the latest at every time before. A clock that is a
year ahead takes one slot.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from typing import Final

import msgspec

HOURS: Final = 168
DAYS: Final = 60
_EPOCH: Final = date(1970, 1, 1).toordinal()


class Increment(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """New evidence of one place for one signature: `count` events between `first` and `last` (RFC 3339, event time).

    `hours`: (hour since 1970-01-01T00, events).
    """

    digest: str
    place: str
    count: int
    first: str
    last: str
    hours: tuple[tuple[int, int], ...]


@lru_cache(maxsize=8_192)
def hour_of(prefix: str) -> int:
    """Hours since 1970-01-01T00 of an RFC 3339 time in UTC, given as its first 13 characters. ValueError if it is none."""
    if prefix[10:11] != "T":
        raise ValueError(f"not the beginning of a time: {prefix!r}")
    return (date.fromisoformat(prefix[:10]).toordinal() - _EPOCH) * 24 + int(prefix[11:13])


def place_of(customer: str, deployment: str) -> str:
    """The deployment as it is counted: its name alone could be claimed from another customer's topic."""
    return f"{customer}:{deployment}"


def customer_of(place: str) -> str:
    """The customer of a place; a customer's name (a DNS label) holds no colon."""
    return place.partition(":")[0]


def deployment_of(place: str) -> str:
    """The deployment of a place."""
    return place.partition(":")[2]


def tally() -> array[int]:
    """Counts by slot, as slot, count, slot, count, ... ascending: 16 bytes a slot."""
    return array("q")


def note(counts: array[int], slot: int, count: int, limit: int) -> None:
    """Add `count` to `slot`; of more than `limit` slots the lowest is dropped."""
    at = len(counts)
    while at and counts[at - 2] > slot:
        at -= 2
    if at and counts[at - 2] == slot:
        counts[at - 1] += count
    elif at or len(counts) < 2 * limit:
        counts[at:at] = array("q", (slot, count))
        if len(counts) > 2 * limit:
            del counts[:2]


def pairs(counts: array[int]) -> tuple[tuple[int, int], ...]:
    """(slot, count), ascending."""
    return tuple(zip(counts[::2], counts[1::2], strict=True))


@dataclass(slots=True)
class Share:
    """How many events, between which times, and how many in the latest hours and days that have any."""

    count: int
    first: str
    last: str
    hours: array[int] = field(default_factory=tally)
    days: array[int] = field(default_factory=tally)

    @classmethod
    def of(cls, news: Increment) -> Share:
        """A share that has seen nothing else."""
        share = cls(0, news.first, news.last)
        share.add(news)
        return share

    def add(self, news: Increment) -> None:
        """Take a step's news in."""
        self.count += news.count
        if news.first < self.first:
            self.first = news.first
        if news.last > self.last:
            self.last = news.last
        for hour, count in news.hours:
            note(self.hours, hour, count, HOURS)
            note(self.days, hour // 24, count, DAYS)

    def join(self, other: Share) -> None:
        """Take in what the same deployment has seen of another signature."""
        self.count += other.count
        self.first, self.last = min(self.first, other.first), max(self.last, other.last)
        for mine, theirs, limit in ((self.hours, other.hours, HOURS), (self.days, other.days, DAYS)):
            for slot, count in pairs(theirs):
                note(mine, slot, count, limit)

    def copy(self) -> Share:
        """One that changes alone."""
        return Share(self.count, self.first, self.last, self.hours[:], self.days[:])
