"""Measuring: two ways to do the same work, in turns, and what came of it as figures.

CPU time of this process, so that other programs on the machine count less. A machine that changes its pace does so for both:
ratios are taken within a round, and their median told with the lowest and the highest.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Literal

import msgspec

Better = Literal["higher", "lower", "neither"]


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """One measured thing. `ratio` is ours / the peer's, the median over `rounds`; null when the peer's is 0.

    A figure that is counted and not timed has one round. `better` says whether higher or lower is good; of
    some nobody can say without knowing the truth.
    """

    bench: str
    what: str
    unit: str
    better: Better
    ours: float
    peer: float
    peer_name: str
    ratio: float | None
    ratio_min: float | None
    ratio_max: float | None
    rounds: int


@dataclass(frozen=True, slots=True)
class Pair:
    """One round: CPU seconds that ours and the peer took for the same work."""

    ours_s: float
    peer_s: float


def nothing() -> None:
    """Nothing to prepare."""


def in_turns(
    ours: Callable[[], object],
    peer: Callable[[], object],
    *,
    rounds: int,
    tell: Callable[[str], None],
    before: Callable[[], object] = nothing,
) -> list[Pair]:
    """Run both `rounds` times after one run each to warm up, now one first, now the other. `before` is not timed."""
    pairs = []
    for number in range(rounds + 1):
        tell("warming up" if number == 0 else f"round {number}/{rounds}")
        if number % 2:
            ours_s, peer_s = _timed(ours, before), _timed(peer, before)
        else:
            peer_s, ours_s = _timed(peer, before), _timed(ours, before)
        pairs.append(Pair(ours_s, peer_s))
    return pairs[1:]


def rate(bench: str, what: str, unit: str, peer_name: str, work: float, pairs: Sequence[Pair]) -> Figure:
    """`work` done a CPU second, e.g. events."""
    ratios = [pair.peer_s / pair.ours_s for pair in pairs]
    ours, peer = work / median(pair.ours_s for pair in pairs), work / median(pair.peer_s for pair in pairs)
    return _figure(bench, what, unit, "higher", ours, peer, peer_name, ratios)


def seconds(bench: str, what: str, unit: str, peer_name: str, parts: int, pairs: Sequence[Pair]) -> Figure:
    """CPU seconds each of `parts` took."""
    ratios = [pair.ours_s / pair.peer_s for pair in pairs]
    ours, peer = median(pair.ours_s for pair in pairs) / parts, median(pair.peer_s for pair in pairs) / parts
    return _figure(bench, what, unit, "lower", ours, peer, peer_name, ratios)


def counted(bench: str, what: str, unit: str, better: Better, peer_name: str, ours: float, peer: float) -> Figure:
    """Something that is the same in every round."""
    return _figure(bench, what, unit, better, ours, peer, peer_name, [ours / peer] if peer else [])


def _figure(
    bench: str, what: str, unit: str, better: Better, ours: float, peer: float, peer_name: str, ratios: Sequence[float]
) -> Figure:
    return Figure(
        bench=bench, what=what, unit=unit, better=better, ours=_short(ours), peer=_short(peer), peer_name=peer_name,
        ratio=_short(median(ratios)) if ratios else None,
        ratio_min=_short(min(ratios)) if ratios else None,
        ratio_max=_short(max(ratios)) if ratios else None,
        rounds=max(1, len(ratios)),
    )  # fmt: skip


def _short(number: float) -> float:
    """Four digits: a benchmark knows no more."""
    return float(f"{number:.4g}")


def _timed(work: Callable[[], object], before: Callable[[], object]) -> float:
    before()
    gc.collect()
    gc.disable()  # a collection that one side's garbage brings about would be charged to whoever runs then
    try:
        start = time.process_time()
        work()
        return max(time.process_time() - start, 1e-9)
    finally:
        gc.enable()
