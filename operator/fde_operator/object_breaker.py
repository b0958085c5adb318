"""Circuit breaker of one object: when something fights over it, it is reconciled slowly, and that is told. Pure.

key, now -> admit() -> 0: now; else seconds to wait   |   tripped(key): told by a condition, counted by a metric

As Crossplane's: a token bucket of reconciliations for each key. Two controllers that undo each other's work change an object
as fast as both can; each reconciliation takes a token. Without one left the key is *tripped*: from then on it is reconciled
every `slow_s` only, until between two of these nothing asked for it.

While it is tripped, its reconciliation says so in a condition and is due again after `slow_s`: that one finds that nothing
asked for it meanwhile, and takes the condition away. Nobody has to tell when an object has gone: the same looks forget it,
and two who delete and make an object in turn are in a fight, too. Not for keys that stand for many objects: those are due
all the time.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Final

from fde_operator.bucket import Bucket
from fde_operator.key import Key

_PRUNED_EVERY: Final = 1000
_EARLY_S: Final = 0.1  # an event loop's timer is not exact


@dataclass(slots=True)
class _Tripped:
    next_s: float
    asked: bool = False  # meanwhile, by something else than the wait being over


@dataclass(slots=True)
class ObjectBreaker:
    """`burst` reconciliations of one key at once, `rate` a second over time: what a new object needs is far below."""

    rate: float = 0.5
    burst: float = 40.0
    slow_s: float = 30.0
    opened: Counter[str] = field(default_factory=Counter)  # by kind, since the start
    _buckets: dict[Key, Bucket] = field(default_factory=dict)
    _tripped: dict[Key, _Tripped] = field(default_factory=dict)
    _asked: int = 0

    def admit(self, key: Key, now_s: float) -> float:
        """0: reconcile it now. Else the seconds after which to ask again."""
        if (slow := self._tripped.get(key)) is not None:
            if now_s < slow.next_s - _EARLY_S:
                slow.asked = True
                return slow.next_s - now_s
            if slow.asked:
                self._tripped[key] = _Tripped(now_s + self.slow_s)
                return 0.0
            del self._tripped[key]
            self._buckets[key] = Bucket(self.rate, self.burst)
        self._prune(now_s)
        bucket = self._buckets.get(key)
        if bucket is None:
            bucket = self._buckets[key] = Bucket(self.rate, self.burst)
        if bucket.take(now_s):
            return 0.0
        self._buckets.pop(key)
        self._tripped[key] = _Tripped(now_s + self.slow_s, asked=True)
        self.opened[key.kind] += 1
        return self.slow_s

    def tripped(self, key: Key) -> bool:
        """Whether it is reconciled slowly now."""
        return key in self._tripped

    def count(self) -> Counter[str]:
        """How many are, by kind."""
        return Counter(key.kind for key in self._tripped)

    def _prune(self, now_s: float) -> None:
        """A full bucket is like none: memory is bounded by what was reconciled in the last minutes."""
        self._asked += 1
        if self._asked % _PRUNED_EVERY == 0:
            self._buckets = {key: one for key, one in self._buckets.items() if not one.full(now_s)}
