"""Circuit breaker of one external system: after failures in a row it is left alone, then probed. Pure: time is passed in.

closed --failures--> open --wait over--> half-open (one probe) --well--> closed
                      ^------------------- badly, twice as long ---'
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum


class State(IntEnum):
    """The numbers are those of the metric ``fde_operator_breaker_state``."""

    CLOSED = 0
    HALF_OPEN = 1
    OPEN = 2


@dataclass(slots=True)
class Breaker:
    """Opens after `failures` failures in a row, for `base_s` seconds, doubled up to `cap_s` with each probe that fails.

    Each admitted call must end in one of :meth:`succeeded`, :meth:`failed` or :meth:`abandoned`, with the number that
    :meth:`admit` gave it: what was asked before the breaker opened says nothing about now.
    """

    failures: int = 8
    base_s: float = 1.0
    cap_s: float = 30.0
    state: State = field(init=False, default=State.CLOSED)
    opened: int = field(init=False, default=0)  # how often it opened, probes that failed included
    _row: int = field(init=False, default=0)
    _trips: int = field(init=False, default=0)
    _until_s: float = field(init=False, default=0.0)
    _epoch: int = field(init=False, default=0)

    def wait_s(self, now_s: float) -> float:
        """Seconds until asking may help; 0 when a call would be admitted."""
        if self.state is State.OPEN:
            return max(0.0, self._until_s - now_s)
        return self.base_s if self.state is State.HALF_OPEN else 0.0

    def admit(self, now_s: float) -> int | None:
        """The number of an admitted call; None: do not ask. The first one after the wait is the probe."""
        if self.wait_s(now_s) > 0:
            return None
        if self.state is State.OPEN:
            self._turn(State.HALF_OPEN)
        return self._epoch

    def succeeded(self, admitted: int) -> None:
        """It answered; what it said does not matter."""
        if admitted == self._epoch:
            self._row = 0
            if self.state is State.HALF_OPEN:
                self._trips = 0
                self._turn(State.CLOSED)

    def failed(self, admitted: int, now_s: float) -> None:
        """It did not answer."""
        if admitted != self._epoch:
            return
        self._row += 1
        if self.state is State.HALF_OPEN or self._row >= self.failures:
            self._until_s = now_s + min(self.cap_s, self.base_s * 2.0 ** min(self._trips, 40))
            self._trips, self._row = self._trips + 1, 0
            self.opened += 1
            self._turn(State.OPEN)

    def abandoned(self, admitted: int) -> None:
        """Nobody waited for the answer, or the call was never sent: another one may probe at once."""
        if admitted == self._epoch and self.state is State.HALF_OPEN:
            self._turn(State.OPEN)

    def _turn(self, state: State) -> None:
        self.state = state
        self._epoch += 1
