"""How many calls are read from a busy log: enough to see a shift, and no more than a sidecar should cost.

Record -> PacedCalls() -> Call, ...: every one up to `READ_A_SECOND`, above that every n-th; one that tells of a quota always

Reading a call out of a line costs some forty microseconds, and a baseline of ten thousand calls a second knows no more than one
of two hundred. Which ones are read hangs on their number alone, so that the latencies and failures among them are those of all.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from fde_sidecar.call import calls_of
from fde_sidecar.clock import Clock
from fde_sidecar.frame import Record
from fde_sidecar.reading import Call

READ_A_SECOND: Final = 200
_WINDOW_S: Final = 1.0


class PacedCalls:
    """``calls_of`` for one input. `moment` tells the time in seconds; only tests give another one."""

    def __init__(self, moment: Callable[[], float] = time.monotonic) -> None:
        self._moment = moment
        self._every = 1
        self._passed = self._told = 0
        self._since = moment()

    def __call__(self, record: Record, clock: Clock) -> tuple[Call, ...]:
        """The calls of `record`; of those that are read for their quota alone no baseline is made (`Call.weighed`)."""
        self._passed += 1
        if self._passed % self._every == 0:
            found = calls_of(record, clock)
            if found:
                self._told += len(found)
                if self._told >= READ_A_SECOND or self._passed % 64 == 0:
                    self._pace()
            elif self._passed % 64 == 0:
                self._pace()
            return found
        text = record.text
        if _may_refuse(text):
            return tuple(replace(call, weighed=False) for call in calls_of(record, clock))
        return ()

    def _pace(self) -> None:
        """As many as `READ_A_SECOND` by the rate of the second that is over, or of the part in which they came already."""
        spent = self._moment() - self._since
        if spent < _WINDOW_S and self._told < READ_A_SECOND:
            return
        rate = self._told * self._every / max(spent, 0.001)
        self._every = max(1, math.ceil(rate / READ_A_SECOND))
        self._since, self._told = self._moment(), 0


def _may_refuse(text: str) -> bool:
    """Whether a status 429 or a header Retry-After may stand in it. Digits of ids are passed over."""
    at = text.find("429")
    while at >= 0:
        if at and text[at - 1] in " =:":
            return True
        at = text.find("429", at + 1)
    return "etry-" in text or "ETRY-" in text
