"""What can hold a reconciliation back. :class:`fde_events.errors.Unavailable` is retried; these are told, then waited on.

FdeError
├── Conflicting   somebody else was faster      -> observe and plan again at once
├── Denied        the API server refuses it     -> condition, with its sentence; retried slowly
├── Held          the spec cannot be run as is  -> condition Stalled with a reason and a sentence; waits for an edit
└── Postponed     a condition says why          -> tried again, later and later
"""

from __future__ import annotations

from fde_events.errors import FdeError


class Conflicting(FdeError):
    """The object changed or appeared between reading and writing."""


class Denied(FdeError):
    """Forbidden or invalid, in the API server's words."""


class Held(FdeError):
    """`reason` is a CamelCase word for conditions; the message says what to change."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class Postponed(FdeError):
    """It could not be done now, and the object's conditions say so already."""
