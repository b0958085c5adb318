"""Likelihood ratios of Bernoulli trials, in nats: how much better two rates explain what was counted than one does."""

from __future__ import annotations

from math import log


def likelihood_ratio(before: int, hits: int, since: int, earlier: int = 0) -> float:
    """Nats for `hits` of `since` trials after `earlier` of `before`, against one rate throughout."""
    return _entropy(earlier, before) + _entropy(hits, since) - _entropy(earlier + hits, before + since)


def _entropy(hits: int, trials: int) -> float:
    if hits in (0, trials):
        return 0.0
    return hits * log(hits / trials) + (trials - hits) * log(1 - hits / trials)


def absence(rate: float, run: int) -> float:
    """Nats against something met at `rate` staying away for `run` trials by chance."""
    return -run * log(1 - rate) if rate < 1 else run * 20.0
