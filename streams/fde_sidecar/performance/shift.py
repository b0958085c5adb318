"""The question whether recent calls differ from the baseline, by more than a margin and by more than chance.

Latency: Mood's median test (Mood, "Introduction to the Theory of Statistics", 1950), for any quantile and with a margin: if
nothing changed, no more calls lie above 1.25 times the baseline's median than lay above the median itself. It assumes nothing
of the distribution, so heavy tails and several modes cost sensitivity and not false alarms. Error rate: two proportions. Both
are judged by the likelihood ratio of two binomials (G-test; Wilks 1938), divided by the dispersion that this endpoint's windows
showed before (quasi-likelihood; Wedderburn 1974): an endpoint that is restless by itself has to show more.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import log
from typing import Final, Literal

from fde_sidecar.performance.histogram import BINS, RATIO, Counts, above, added, latency_at, quantile

Direction = Literal["up", "down"]
Metric = Literal["latency", "error-rate"]

ENOUGH: Final = 10.0  # log likelihood ratio: one in two hundred thousand by chance, at the edge of the margin
MIN_RECENT: Final = 40  # calls
MIN_BASELINE: Final = 200
SHORT: Final = 3  # windows
_MARGIN: Final = log(1.25) / log(RATIO)  # in bins
_ALIKE: Final = log(1.12) / log(RATIO)
_LEVELS: Final = (("p50", 0.5, 0.56), ("p95", 0.95, 0.10))  # name, level, least share above the threshold to be told
_LEAST_ERRORS: Final = 0.02  # by how much a rate differs at least
_MUCH: Final = 2.0


@dataclass(frozen=True, slots=True)
class Window:
    """What came within one window. `calls` are those whose outcome is known; `counts` their latencies' bins."""

    calls: int
    errors: int
    timed: int
    counts: Counts


@dataclass(slots=True)
class Baseline:
    """What is usual: decayed sums of windows, and how much more they varied than chance would have it (1.0: no more)."""

    calls: float
    errors: float
    timed: float
    counts: Counts
    restless: dict[str, float]
    places: dict[float, float] = field(default_factory=dict)  # quantiles that were asked for since the counts changed

    def place(self, level: float) -> float:
        """The place of a quantile on the scale of bins."""
        found = self.places.get(level)
        if found is None:
            found = self.places[level] = quantile(self.counts, level)
        return found

    def count(self, counts: Counts, timed: float) -> None:
        """Other latencies are usual from now on."""
        self.counts, self.timed = counts, timed
        self.places.clear()


@dataclass(frozen=True, slots=True)
class Shift:
    """One difference. Values in milliseconds, or a share of calls; `statistic` is p50, p95 or rate."""

    metric: Metric
    direction: Direction
    statistic: str
    baseline: float
    observed: float


def evidence(recent: float, of_recent: float, usual: float, of_usual: float) -> float:
    """Log likelihood ratio of two shares being two and not one; never negative."""
    both = (recent + usual) / (of_recent + of_usual)
    if not 0.0 < both < 1.0:
        return 0.0
    return of_recent * _divergence(recent / of_recent, both) + of_usual * _divergence(usual / of_usual, both)


def _divergence(one: float, other: float) -> float:
    """Kullback and Leibler's, of two Bernoulli distributions."""
    found = 0.0
    if one > 0.0:
        found += one * log(one / other)
    if one < 1.0:
        found += (1.0 - one) * log((1.0 - one) / (1.0 - other))
    return found


def latency_shift(base: Baseline, recent: Sequence[Window]) -> Shift | None:
    """Slower (median, or the slowest twentieth) or faster (median); None when it may as well be as usual."""
    if base.timed < MIN_BASELINE or len(recent) < SHORT:
        return None
    for name, level, least in _LEVELS:
        place = base.place(level)
        bar = 1.0 - level
        if _persists([(above(one.counts, place + _MARGIN), one.timed) for one in recent[-SHORT:]], bar):
            for span in _spans(recent):
                timed = sum(one.timed for one in span)
                if timed < MIN_RECENT:
                    continue
                slow = sum(above(one.counts, place + _MARGIN) for one in span)
                told = evidence(slow, timed, bar * base.timed, base.timed) / base.restless[name]
                if slow >= least * timed and told >= ENOUGH:
                    return _latency("up", name, level, base, span)
    place = base.place(0.5)
    if _persists([(one.timed - above(one.counts, place - _MARGIN), one.timed) for one in recent[-SHORT:]], 0.5):
        for span in _spans(recent):
            timed = sum(one.timed for one in span)
            fast = timed - sum(above(one.counts, place - _MARGIN) for one in span)
            if timed < MIN_RECENT or fast < 0.56 * timed:
                continue
            if evidence(fast, timed, 0.5 * base.timed, base.timed) / base.restless["p50"] >= ENOUGH:
                return _latency("down", "p50", 0.5, base, span)
    return None


def latency_is_back(base: Baseline, recent: Sequence[Window], shift: Shift) -> Shift | None:
    """`shift` with what is observed now, once the quantile is near the baseline's again."""
    level = 0.95 if shift.statistic == "p95" else 0.5
    place = base.place(level)
    span = recent[-SHORT:]
    timed = sum(one.timed for one in span)
    if timed < MIN_RECENT:
        return None
    if shift.direction == "up":
        beyond, bar = sum(above(one.counts, place + _ALIKE) for one in span), 1.0 - level
    else:
        beyond, bar = timed - sum(above(one.counts, place - _ALIKE) for one in span), level
    return _latency(shift.direction, shift.statistic, level, base, span) if beyond <= bar * timed else None


def error_shift(base: Baseline, recent: Sequence[Window]) -> Shift | None:
    """More errors or fewer: by half of the rate and by two in a hundred at least."""
    if base.calls < MIN_BASELINE or len(recent) < SHORT:
        return None
    usual = base.errors / base.calls
    bar = max(_MUCH * usual, usual + _LEAST_ERRORS) if usual < 0.5 else usual + (1 - usual) / 2
    low = usual / _MUCH
    last = [(float(one.errors), one.calls) for one in recent[-SHORT:]]
    more = _persists(last, (usual + bar) / 2)
    fewer = usual >= _MUCH * _LEAST_ERRORS and _persists([(n - k, n) for k, n in last], 1 - (usual + low) / 2)
    if not (more or fewer):
        return None
    for span in _spans(recent):
        calls, errors = sum(one.calls for one in span), sum(one.errors for one in span)
        if calls < MIN_RECENT:
            continue
        rate = errors / calls
        if not ((more and rate >= bar) or (fewer and rate <= low)):
            continue
        if evidence(errors, calls, base.errors, base.calls) / base.restless["rate"] >= ENOUGH:
            return Shift("error-rate", "up" if rate > usual else "down", "rate", usual, rate)
    return None


def errors_are_back(base: Baseline, recent: Sequence[Window], shift: Shift) -> Shift | None:
    """`shift` with what is observed now, once the rate is nearer to the baseline's than half the way."""
    span = recent[-SHORT:]
    calls = sum(one.calls for one in span)
    if calls < MIN_RECENT:
        return None
    rate, usual = sum(one.errors for one in span) / calls, shift.baseline
    near = usual + 0.25 * (shift.observed - usual)
    back = rate <= near if shift.direction == "up" else rate >= near
    return Shift("error-rate", shift.direction, "rate", usual, rate) if back else None


def restlessness(base: Baseline, together: Sequence[Window]) -> dict[str, float]:
    """Squared deviation of windows from the baseline, in units of what chance gives; none where there are too few calls.

    Of several windows together, since a restless endpoint stays slow or fast for some minutes.
    """
    found: dict[str, float] = {}
    timed, calls = sum(one.timed for one in together), sum(one.calls for one in together)
    if timed >= 20 and base.timed:
        for name, level, _ in _LEVELS:
            place = base.place(level)
            share = sum(above(one.counts, place) for one in together) / timed
            found[name] = (share - (1 - level)) ** 2 * timed / (level * (1 - level))
    if calls >= 20 and base.calls:
        usual = min(max(base.errors / base.calls, 0.005), 0.995)
        found["rate"] = (sum(one.errors for one in together) / calls - usual) ** 2 * calls / (usual * (1 - usual))
    return found


def _persists(last: Sequence[tuple[float, int]], bar: float) -> bool:
    """Whether the last window lies beyond the bar by itself, and one of the two before it: one bad minute is no shift."""
    beyond = [calls > 0 and there > bar * calls for there, calls in last]
    return beyond[-1] and sum(beyond) >= 2


def _spans(recent: Sequence[Window]) -> tuple[Sequence[Window], ...]:
    return (recent[-SHORT:], recent)


def _latency(direction: Direction, name: str, level: float, base: Baseline, span: Sequence[Window]) -> Shift:
    observed = quantile(added([one.counts for one in span]), level)
    return Shift("latency", direction, name, latency_at(base.place(level)), latency_at(min(observed, BINS)))
