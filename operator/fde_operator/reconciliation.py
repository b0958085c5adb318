"""Which reconciliation is under way: what logs, spans, audit records and events of one attempt have in common.

begin(key) -> Reconciliation in a context variable -> whoever acts asks current()
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Final

from structlog.contextvars import bound_contextvars

from fde_operator.key import Key


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """One attempt at one key. `id`: 16 hex digits, new for each attempt. `contended`: something fights over the object.

    `undone`: what this attempt found otherwise than it should be, while something fights: see :mod:`fde_operator.undone`.
    """

    id: str
    key: Key
    contended: bool = False
    undone: list[str] = field(default_factory=list)


_CURRENT: Final[ContextVar[Reconciliation | None]] = ContextVar("reconciliation", default=None)


@contextmanager
def begin(key: Key, *, contended: bool = False) -> Iterator[Reconciliation]:
    """The attempt at `key` that lasts as long as this block; log lines within carry its id."""
    attempt = Reconciliation(secrets.token_hex(8), key, contended)
    token = _CURRENT.set(attempt)
    try:
        with bound_contextvars(reconcile_id=attempt.id):
            yield attempt
    finally:
        _CURRENT.reset(token)


def current() -> Reconciliation | None:
    """The attempt this code runs in; None outside of one (resync, install, start)."""
    return _CURRENT.get()
