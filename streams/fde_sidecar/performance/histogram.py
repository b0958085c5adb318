"""Latencies as counts in bins whose bounds grow by a constant ratio: any quantile to within that ratio, in constant memory.

DDSketch (Masson, Rim, Lee: "DDSketch: a fast and fully-mergeable quantile sketch with relative-error guarantees", VLDB 2019)
without its collapsing: the range is fixed. Inside a bin counts are taken as spread evenly over the logarithm.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from itertools import accumulate
from math import exp, floor, log
from typing import Final, TypeAlias

LEAST_MS: Final = 0.01
RATIO: Final = 1.15
BINS: Final = 136  # up to about half an hour
_WIDTH: Final = log(RATIO)
_FLOOR: Final = log(LEAST_MS)
Counts: TypeAlias = "array[float]"


def empty() -> Counts:
    """float32 (BINS,), zeros."""
    return array("f", bytes(4 * BINS))


def bin_of(milliseconds: float) -> int:
    """The bin a latency falls into; what is too small or too large falls into the first or the last."""
    if milliseconds <= LEAST_MS:
        return 0
    return min(BINS - 1, int((log(milliseconds) - _FLOOR) / _WIDTH))


def place_of(milliseconds: float) -> float:
    """Where a latency stands on the scale of bins."""
    return (log(max(milliseconds, LEAST_MS)) - _FLOOR) / _WIDTH


def latency_at(place: float) -> float:
    """Milliseconds at a place on the scale."""
    return exp(_FLOOR + place * _WIDTH)


def quantile(counts: Counts, level: float) -> float:
    """The place of a quantile on the scale of bins; 0.0 when nothing was counted."""
    sums = list(accumulate(counts))
    if not sums[-1]:
        return 0.0
    wanted = level * sums[-1]
    at = bisect_left(sums, wanted)
    inside = counts[at]
    return at + ((wanted - (sums[at] - inside)) / inside if inside else 0.0)


def above(counts: Counts, place: float) -> float:
    """How many stand above a place, a bin that holds it in proportion."""
    at = floor(place)
    if at < 0:
        return sum(counts)
    if at >= BINS:
        return 0.0
    return sum(counts[at + 1 :]) + counts[at] * (at + 1 - place)


def added(several: list[Counts]) -> Counts:
    """The sum of several."""
    return array("f", map(sum, zip(*several, strict=True)))
