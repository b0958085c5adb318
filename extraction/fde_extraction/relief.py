"""Relief: whether a deployment's rate of a challenge fell for good after a moment.

Sighting.days + the moment a version was submitted + the last sign of life -> relief() -> Relief | None

Two Poisson rates are compared by the exact conditional test (Przyborowski and Wilenski 1940): given all events, those after
the moment are binomial with the share of days after it. Failures come in bursts, so counts are first divided by their
dispersion before the moment (variance over mean of the days): a thousand events of one bad hour are one piece of evidence,
and quiet weekends make two quiet days say little.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Final

WINDOW_DAYS: Final = 28  # looked back from the moment, at most
QUIET_DAYS: Final = 2  # full days without an event before the last sign of life
EXPECTED: Final = 5.0  # events that would have come after the moment, after dispersion
SIGNIFICANT: Final = 0.001
_EPOCH: Final = date(1970, 1, 1).toordinal()


@dataclass(frozen=True, slots=True)
class Relief:
    """The evidence. `before` and `after`: events a day; `days`: full days after the moment; `p`: by chance alone."""

    before: float
    after: float
    days: int
    p: float

    @property
    def sentence(self) -> str:
        """For a person."""
        return f"{self.before:.3g} events a day before, {self.after:.3g} in the {self.days} days after (p {self.p:.1g})"


def relief(days: Iterable[tuple[int, int]], moment: str, alive: str, *, asked: int = 1) -> Relief | None:
    """The evidence that the rate fell for good after `moment`; None if there is not enough of it.

    `days`: (day since 1970-01-01, events) of the deployment; days that are missing between the first and the last sign of life
    had none. `moment`, `alive`: RFC 3339; the days of both are left out, for they are not whole. `asked`: how many
    challenges of the deployment are asked about, each of which could look relieved by chance (Bonferroni).
    """
    counts = dict(days)
    try:
        at, end = _day(moment), _day(alive)
    except ValueError:
        return None
    if not counts or end - at - 1 < QUIET_DAYS:
        return None
    start = max(min(counts), at - WINDOW_DAYS)
    if start >= at or any(counts.get(day) for day in range(end - QUIET_DAYS, end + 1)):
        return None
    earlier = [counts.get(day, 0) for day in range(start, at)]
    later = [counts.get(day, 0) for day in range(at + 1, end)]
    before, after = sum(earlier) / len(earlier), sum(later) / len(later)
    spread = _dispersion(earlier)
    if before * len(later) / spread < EXPECTED:
        return None
    p = _at_most(
        math.ceil(sum(later) / spread),
        math.floor((sum(earlier) + sum(later)) / spread),
        len(later) / (len(earlier) + len(later)),
    )
    return Relief(before, after, len(later), p) if p * asked <= SIGNIFICANT else None


def _day(time: str) -> int:
    return date.fromisoformat(time[:10]).toordinal() - _EPOCH


def _dispersion(counts: list[int]) -> float:
    """Variance over mean, at least 1; of a single day its count, for it may have been one burst."""
    mean = sum(counts) / len(counts)
    if len(counts) < 2:
        return max(1.0, mean)
    return max(1.0, sum((count - mean) ** 2 for count in counts) / (len(counts) - 1) / mean) if mean else 1.0


def _at_most(k: int, n: int, share: float) -> float:
    """P(X <= k) of a binomial with `n` trials."""
    if k >= n:
        return 1.0
    logs = [
        math.lgamma(n + 1)
        - math.lgamma(i + 1)
        - math.lgamma(n - i + 1)
        + i * math.log(share)
        + (n - i) * math.log1p(-share)
        for i in range(k + 1)
    ]
    return min(1.0, math.fsum(math.exp(log) for log in logs))
