"""Token bucket: at most `burst` at once and `rate` a second afterwards, first come, first served. Pure: time is passed in.

reserve(now) -> seconds to wait (a place in the line)   |   take(now) -> whether there is one right now
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class Bucket:
    """`rate` and `burst` > 0. A clock that goes back is a clock that stands still."""

    rate: float
    burst: float
    _tokens: float = field(init=False)
    _at_s: float = field(init=False, default=float("-inf"))

    def __post_init__(self) -> None:
        if self.rate <= 0 or self.burst < 1:
            raise ValueError("a bucket fills at more than 0 a second and holds at least 1")
        self._tokens = self.burst

    def reserve(self, now_s: float) -> float:
        """Seconds until this caller's turn; whoever asks later is not served earlier. It counts, whether used or not."""
        self._fill(now_s)
        self._tokens -= 1
        return max(0.0, self._at_s - now_s) + max(0.0, -self._tokens / self.rate)

    def take(self, now_s: float) -> bool:
        """One, if there is one."""
        self._fill(now_s)
        if self._at_s > now_s or self._tokens < 1:
            return False
        self._tokens -= 1
        return True

    def pause(self, until_s: float) -> None:
        """Nobody who asks from now on is served before `until_s`, and then one after the other, without a burst."""
        if until_s > self._at_s:
            self._fill(until_s)
            self._tokens = min(self._tokens, 0.0)

    def full(self, now_s: float) -> bool:
        """Whether nobody has used it for so long that forgetting it changes nothing."""
        self._fill(now_s)
        return self._at_s <= now_s and self._tokens >= self.burst

    def _fill(self, now_s: float) -> None:
        if now_s > self._at_s:
            if self._at_s != float("-inf"):
                self._tokens = min(self.burst, self._tokens + (now_s - self._at_s) * self.rate)
            self._at_s = now_s
