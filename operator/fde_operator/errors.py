"""What can hold a reconciliation back, and what each means for the next try: one table, :func:`nature_of`.

FdeError
├── Unavailable       something outside did not answer   -> transient: tried again, later and later
│   ├── Throttled     the API server says: too many      -> transient: nobody asks before the time it named
│   └── Tripped       it failed too often lately         -> transient: nobody asks until a probe went well
├── Postponed         a condition says why               -> transient
├── Conflicting       somebody else was faster           -> raced: observe and plan again at once
├── Denied            the API server refuses it          -> permanent: condition, with its sentence; retried slowly
├── Held              the spec cannot be run as is       -> permanent: condition Stalled with reason and sentence; waits for an edit
├── Fenced            this process no longer leads       -> fenced: it writes nothing and ends
└── others            Refused, BadInput, Misuse          -> permanent
Any other exception is a defect of ours: logged whole, retried as if it were transient.
"""

from __future__ import annotations

from typing import Literal

from fde_events.errors import FdeError, Unavailable

Nature = Literal["transient", "raced", "permanent", "fenced", "defect"]


class Conflicting(FdeError):
    """The object changed or appeared between reading and writing."""


class Denied(FdeError):
    """Forbidden or invalid, in the API server's words."""


class Held(FdeError):
    """`reason` is a CamelCase word for conditions; the message says what to change.

    `retry_after_s`: what it waits for is no edit, and nobody tells when it is there.
    """

    def __init__(self, reason: str, message: str, *, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.reason, self.retry_after_s = reason, retry_after_s


class Postponed(FdeError):
    """It could not be done now, and the object's conditions say so already."""


class Throttled(Unavailable):
    """The API server answered 429; it is there, and wants fewer requests for `retry_after_s` seconds."""


class Tripped(Unavailable):
    """It was not asked: it failed too often, and is left alone for `retry_after_s` seconds."""


class Fenced(FdeError):
    """This process does not lead, or no longer: the write did not happen, and none of its writes will."""


def nature_of(error: BaseException) -> Nature:
    """What `error` means for the next try."""
    if isinstance(error, Fenced):
        return "fenced"
    if isinstance(error, Conflicting):
        return "raced"
    if isinstance(error, Unavailable | Postponed | TimeoutError):
        return "transient"
    return "permanent" if isinstance(error, FdeError) else "defect"
