"""Connections, and whom to send away when there are too many: the one we have waited for longest.

A client on loopback sends its request at once; who lets us wait is slow or means harm. So ten thousand open connections
cost the honest ones nothing.
"""

from __future__ import annotations

import asyncio
import time
from typing import Final

from fde_sidecar.otlp.request import Refusal

MAX_GUESTS: Final = 128
HELD_BYTES: Final = 8 * 1024 * 1024  # of bodies that are on their way in


class Guest:
    """One connection. `since`: when we began to wait for its bytes, None while it waits for us."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self.writer = writer
        self.since: float | None = time.monotonic()
        self.held = 0


class Guests:
    """All connections of one receiver; for its thread only."""

    def __init__(self, limit: int = MAX_GUESTS, held_bytes: int = HELD_BYTES) -> None:
        self._limit, self._held_bytes = limit, held_bytes
        self._all: set[Guest] = set()
        self._held = 0
        self.evicted = 0

    def __len__(self) -> int:
        return len(self._all)

    def enter(self, writer: asyncio.StreamWriter) -> Guest | None:
        """The new connection, for which another may have to go; None when all are being served."""
        if len(self._all) >= self._limit and not self._evict(None):
            return None
        guest = Guest(writer)
        self._all.add(guest)
        return guest

    def leave(self, guest: Guest) -> None:
        """It is closed."""
        self._all.discard(guest)
        self.give_back(guest)

    def hold(self, guest: Guest, size: int) -> None:
        """`size` more bytes of its body are in memory. :class:`Refusal` 503 when there is no room and none to be made."""
        guest.held += size
        self._held += size
        while self._held > self._held_bytes:
            if not self._evict(guest):
                raise Refusal(503, "too many requests at once", retry_s=1)

    def give_back(self, guest: Guest) -> None:
        """Its body is no longer in memory."""
        self._held -= guest.held
        guest.held = 0

    def close(self) -> None:
        """Send all away."""
        for guest in list(self._all):
            guest.writer.transport.abort()

    def _evict(self, asking: Guest | None) -> bool:
        """Send away the one that lets us wait longest; of those that hold memory when memory is asked for."""
        able = [
            guest
            for guest in self._all
            if guest.since is not None and guest is not asking and (asking is None or guest.held)
        ]
        if not able:
            return False
        worst = min(able, key=lambda guest: guest.since or 0.0)
        self.evicted += 1
        self.leave(worst)
        worst.since = None
        worst.writer.transport.abort()
        return True
