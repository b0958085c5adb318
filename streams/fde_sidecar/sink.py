"""The seam between the spool and where its records go: a broker, or files that a person carries.

Spool -> Sink.turn() -> [left: the entries are outside] -> EgressLog -> Spool.acknowledge()
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Protocol

from fde_sidecar.spool import Entry

OnLeft = Callable[[Sequence[Entry], str], None]
"""Called with entries that are outside for good and the place they went to, in spool order, BEFORE the cursor moves over them.

Entries without a value may be among them. What it raises (:class:`fde_events.errors.Unavailable`) keeps the cursor where it
is, and it is called again with the same.
"""


class Sink(Protocol):
    """Takes a spool's entries out, in order. The spool is given to its constructor; one sink a spool."""

    acknowledged: int  # records that are outside for good
    last_acknowledged: float | None  # when the last of them was, on the monotonic clock

    @property
    def idle(self) -> bool:
        """Everything in the spool is outside."""
        ...

    @property
    def trouble(self) -> str | None:
        """Why nothing gets out; None while it does."""
        ...

    def turn(self, current_epoch: str) -> None:
        """Take out what can be, without blocking for long; a place that is away is no error."""
        ...

    def hold(self) -> None:
        """In place of :meth:`turn` while nothing may leave: what is on its way out is taken back where that can be."""
        ...

    def finish(self, current_epoch: str, timeout_s: float) -> bool:
        """On the way out: everything, then the closing mark of the epoch. False when something stays in the spool."""
        ...

    def close(self) -> None:
        """Let go of files and connections; what is not outside stays in the spool."""
        ...


def silence_s(sink: Sink) -> float | None:
    """Seconds since a record was last outside for good; None before the first."""
    last = sink.last_acknowledged
    return None if last is None else time.monotonic() - last
