"""The loss ledger: what each producer epoch says it published against what was received.

A sidecar publishes its highest assigned sequence every few seconds (open) and on exit (closed). An epoch that never
closed is `unproven`: we do not say "0 lost" of something that may have died before telling.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import msgspec


class EpochMark(msgspec.Struct, frozen=True, kw_only=True, tag="ledger.epoch.v1"):
    """A producer's own count. `highest` is the highest sequence assigned, -1 for none; `dropped` counts by reason."""

    customer: str
    deployment: str
    epoch: str
    highest: int
    closed: bool
    events: int
    time: str
    dropped: dict[str, int] = {}


@dataclass(slots=True)
class Ranges:
    """A set of sequence numbers as sorted, disjoint, inclusive ranges: small when delivery is whole."""

    spans: list[tuple[int, int]] = field(default_factory=list)

    def add(self, number: int) -> bool:
        """Add one number; False if it was there already (a duplicate)."""
        spans = self.spans
        if spans and number > spans[-1][1]:  # what comes in order is most of it
            if number == spans[-1][1] + 1:
                spans[-1] = (spans[-1][0], number)
            else:
                spans.append((number, number))
            return True
        low, high = 0, len(spans)
        while low < high:
            middle = (low + high) // 2
            if spans[middle][1] < number:
                low = middle + 1
            else:
                high = middle
        if low < len(spans) and spans[low][0] <= number:
            return False
        start = end = number
        if low < len(spans) and spans[low][0] == number + 1:
            end = spans[low][1]
            del spans[low]
        if low > 0 and spans[low - 1][1] == number - 1:
            start = spans[low - 1][0]
            del spans[low - 1]
            low -= 1
        spans.insert(low, (start, end))
        return True

    def __contains__(self, number: int) -> bool:
        if not self.spans or number > self.spans[-1][1]:
            return False
        low, high = 0, len(self.spans)
        while low < high:
            middle = (low + high) // 2
            if self.spans[middle][1] < number:
                low = middle + 1
            else:
                high = middle
        return low < len(self.spans) and self.spans[low][0] <= number

    def __len__(self) -> int:
        return sum(end - start + 1 for start, end in self.spans)

    def gaps(self, highest: int) -> list[tuple[int, int]]:
        """The inclusive ranges missing from ``0..highest``."""
        missing, expected = [], 0
        for start, end in self.spans:
            if start > expected:
                missing.append((expected, min(start - 1, highest)))
            expected = end + 1
        if expected <= highest:
            missing.append((expected, highest))
        return [(start, end) for start, end in missing if start <= end]


@dataclass(slots=True)
class EpochAccount:
    """One epoch's two sides."""

    mark: EpochMark | None = None
    received: Ranges = field(default_factory=Ranges)
    duplicates: int = 0

    @property
    def verdict(self) -> str:
        """``whole`` (closed, nothing missing), ``gaps``, or ``unproven`` (never closed)."""
        if self.mark is None:
            return "unproven"
        if self.received.gaps(self.mark.highest):
            return "gaps"
        return "whole" if self.mark.closed else "unproven"


@dataclass(slots=True)
class Ledger:
    """Every epoch seen, keyed by epoch id."""

    epochs: dict[str, EpochAccount] = field(default_factory=dict)

    def receive(self, epoch: str, sequence: int) -> bool:
        """Note one received record; False if it had been received before."""
        account = self.epochs.setdefault(epoch, EpochAccount())
        if account.received.add(sequence):
            return True
        account.duplicates += 1
        return False

    def mark(self, mark: EpochMark) -> None:
        """Note a producer's own count; an older or reopened mark never replaces a newer one."""
        account = self.epochs.setdefault(mark.epoch, EpochAccount())
        old = account.mark
        if old is None or (mark.closed, mark.highest) >= (old.closed, old.highest):
            account.mark = mark
