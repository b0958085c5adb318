"""One endpoint under watch: its window, the last ten of them, its baseline, and the shifts that were told and are not over.

A window is a minute or 20 calls, whichever is longer; after an hour it is over anyhow. What leaves the last ten goes into the
baseline, unless a shift is on: so the baseline does not learn the shift while it is judged by it. A shift that lasts for 60
windows is the new baseline. Half of the baseline is younger than an hour (than 30 windows, where they are long).
"""

from __future__ import annotations

from array import array
from collections import deque
from typing import Any, Final

from fde_sidecar.performance.histogram import BINS, Counts, added, bin_of, empty
from fde_sidecar.performance.shift import (
    Baseline,
    Shift,
    Window,
    error_shift,
    errors_are_back,
    latency_is_back,
    latency_shift,
    restlessness,
)

RECENT: Final = 10  # windows
_LEAST_CALLS: Final = 20
_LONGEST: Final = 60  # minutes
_COLD: Final = 2  # windows left out at the start: caches are empty, code is compiled
_SETTLED: Final = 60  # windows after which a shift is what is usual
_LEARNED: Final = 15  # windows without which nothing is judged
_CALM: Final = 5  # windows after which it is learned how restless the others are
_KNOWN: Final = 25  # windows after which one more weighs a twentieth
_BACKWARDS: Final = 5  # minutes by which a call may be late
_CLIP: Final = 60.0
State = dict[str, Any]


class Watched:
    """Counts of one endpoint; about 8 KiB."""

    __slots__ = (
        "base",
        "calls",
        "cold",
        "counts",
        "errors",
        "last",
        "learned",
        "on",
        "recent",
        "start",
        "timed",
        "waiting",
    )

    def __init__(self, minute: int) -> None:
        self.start = self.last = minute
        self.calls = self.errors = self.timed = 0
        self.counts = empty()
        self.recent: deque[Window] = deque()
        self.base = Baseline(0.0, 0.0, 0.0, empty(), {"p50": 1.0, "p95": 1.0, "rate": 1.0})
        self.learned = 0
        self.cold = _COLD
        self.on: dict[str, tuple[Shift, int]] = {}  # by metric: what was told, and how many windows ago
        self.waiting: set[str] = set()  # metrics whose shift is seen and not told: it must not be learned meanwhile

    def add(self, minute: int, milliseconds: float | None, error: bool | None, count: int) -> bool:
        """One call, or `count` alike. True when a window was closed by it: then :meth:`judged` has news, perhaps."""
        closed = False
        if minute > self.start:
            calls = self.calls if self.calls >= self.timed else self.timed
            if calls >= _LEAST_CALLS or minute - self.start >= _LONGEST:
                self._close(minute)
                closed = True
        elif minute < self.start - _BACKWARDS:
            self.start = minute  # the clock was set back; the counts stand
        self.last = minute
        if error is not None:
            self.calls += count
            if error:
                self.errors += count
        if milliseconds is not None:
            self.timed += count
            self.counts[bin_of(milliseconds)] += count
        return closed

    def judged(self, *, timed: bool = True) -> list[tuple[Shift, bool]]:
        """What the last ten windows say that was not told yet, each with whether it is the end of a shift.

        What is not marked by :meth:`tell` is said again after the next window. `timed` False: latencies mean nothing here.
        """
        if self.learned < _LEARNED:
            return []
        recent = tuple(self.recent)
        found: list[tuple[Shift, bool]] = []
        self.waiting.clear()
        for metric, begins, ends in (
            ("latency", latency_shift, latency_is_back),
            ("error-rate", error_shift, errors_are_back),
        ):
            told = self.on.get(metric)
            if told is None:
                news = begins(self.base, recent) if timed or metric != "latency" else None
            else:
                news = ends(self.base, recent, told[0]) if told[1] >= 3 else None
            if news is not None:
                found.append((news, told is not None))
                if told is None:
                    self.waiting.add(metric)
        return found

    def tell(self, shift: Shift, *, ended: bool) -> None:
        """Mark as told."""
        self.waiting.discard(shift.metric)
        if ended:
            self.on.pop(shift.metric, None)
        else:
            self.on[shift.metric] = (shift, 0)

    def _close(self, minute: int) -> None:
        span = min(minute - self.start, _LONGEST)
        window = Window(self.calls, self.errors, self.timed, self.counts)
        self.start, self.calls, self.errors, self.timed, self.counts = minute, 0, 0, 0, empty()
        if self.cold:
            self.cold -= 1
            return
        self.recent.append(window)
        if len(self.recent) > RECENT:
            oldest = self.recent.popleft()
            self._learn(oldest, (oldest, self.recent[0], self.recent[1]), span)
        for metric, (shift, windows) in list(self.on.items()):
            if windows + 1 >= _SETTLED:
                self._settle(metric)
            else:
                self.on[metric] = (shift, windows + 1)

    def _learn(self, window: Window, together: tuple[Window, ...], span: int) -> None:
        base = self.base
        keep = 0.5 ** min(span / 60, 1 / 30)
        calm = restlessness(base, together) if self.learned >= _CALM else {}
        if "latency" not in self.on and "latency" not in self.waiting:
            mixed = [keep * old + new for old, new in zip(base.counts, window.counts, strict=True)]
            base.count(array("f", mixed), keep * base.timed + window.timed)
        else:
            calm.pop("p50", None), calm.pop("p95", None)
        if "error-rate" not in self.on and "error-rate" not in self.waiting:
            base.calls = keep * base.calls + window.calls
            base.errors = keep * base.errors + window.errors
        else:
            calm.pop("rate", None)
        weight = 1 / (self.learned - _CALM + 1) if calm else 0.0
        for name, deviation in calm.items():
            base.restless[name] = max(1.0, base.restless[name] + (min(deviation, _CLIP) - base.restless[name]) * weight)
        self.learned = min(self.learned + 1, _KNOWN)

    def _settle(self, metric: str) -> None:
        """What is recent becomes what is usual."""
        base = self.base
        if metric == "latency":
            base.count(added([one.counts for one in self.recent]), float(sum(one.timed for one in self.recent)))
        else:
            base.calls = float(sum(one.calls for one in self.recent))
            base.errors = float(sum(one.errors for one in self.recent))
        del self.on[metric]

    # --- to disk and back --------------------------------------------------------------------------------------------
    def state(self) -> State:
        """Everything, as plain values."""
        base = self.base
        return {
            "at": [self.start, self.last, self.calls, self.errors, self.timed, self.learned, self.cold],
            "counts": _packed(self.counts),
            "recent": [[one.calls, one.errors, one.timed, _packed(one.counts)] for one in self.recent],
            "base": [base.calls, base.errors, base.timed, _packed(base.counts), base.restless],
            "waiting": sorted(self.waiting),
            "on": {
                metric: [shift.direction, shift.statistic, shift.baseline, shift.observed, windows]
                for metric, (shift, windows) in self.on.items()
            },
        }

    @classmethod
    def of(cls, state: State) -> Watched:
        """What :meth:`state` was taken of. KeyError, TypeError or ValueError for anything else."""
        one = cls(0)
        one.start, one.last, one.calls, one.errors, one.timed, one.learned, one.cold = map(int, state["at"])
        one.counts = _unpacked(state["counts"])
        one.recent = deque(
            Window(int(calls), int(errors), int(timed), _unpacked(counts))
            for calls, errors, timed, counts in state["recent"][:RECENT]
        )
        calls, errors, timed, counts, restless = state["base"]
        calm = {name: float(restless[name]) for name in ("p50", "p95", "rate")}
        one.base = Baseline(float(calls), float(errors), float(timed), _unpacked(counts), calm)
        for metric, (direction, statistic, baseline, observed, windows) in state["on"].items():
            one.on[metric] = (Shift(metric, direction, statistic, float(baseline), float(observed)), int(windows))
        one.waiting = set(map(str, state["waiting"]))
        return one


def _packed(counts: Counts) -> list[float]:
    """Bin, count, bin, count: most bins are empty."""
    return [value for at, count in enumerate(counts) if count for value in (at, count)]


def _unpacked(packed: list[float]) -> Counts:
    counts = empty()
    for at, count in zip(packed[::2], packed[1::2], strict=True):
        if not 0 <= at < BINS:
            raise ValueError("a bin that is none")
        counts[int(at)] = float(count)
    return counts
