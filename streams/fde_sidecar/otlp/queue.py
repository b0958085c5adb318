"""The queue between the receiver's thread and the session's: bounded by bytes, each entry with somebody who waits for it.

Export -> Queue.put() -> Waiting ... Queue.take() -> Reading -> settled(True | False) -> Waiting.settled
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Final

from fde_sidecar.otlp.export import Export
from fde_sidecar.reading import Reading

QUEUE_BYTES: Final = 4 * 1024 * 1024


class Waiting:
    """One export on its way to the disk. `settled` is a future of the receiver's loop: True, False, or never."""

    def __init__(self, export: Export, size: int, loop: asyncio.AbstractEventLoop) -> None:
        self.export, self.size = export, size
        self.since = time.monotonic()
        self.settled: asyncio.Future[bool] = loop.create_future()
        self._loop = loop

    def settle(self, done: bool) -> None:
        """Called from any thread, once or more; the first word counts."""
        try:
            self._loop.call_soon_threadsafe(self._resolve, done)
        except RuntimeError:  # the receiver is gone, and its client with it
            return

    def _resolve(self, done: bool) -> None:
        if self.settled.done():
            return
        if done:  # who waits needs to know that, and how many were rejected; the rest is on disk
            self.export = Export(rejected=self.export.rejected, why=self.export.why)
        self.settled.set_result(done)


class Queue:
    """What was received and is not on disk. `wake` is called after every entry."""

    def __init__(self, wake: Callable[[], None], limit: int = QUEUE_BYTES) -> None:
        self._wake, self._limit = wake, limit
        self._lock = threading.Lock()
        self._entries: deque[Waiting] = deque()
        self._held = 0  # bytes queued or with the session
        self._closed = False

    def has_room(self, size: int) -> bool:
        """Whether another `size` bytes may come in; one entry always may."""
        with self._lock:
            return not self._closed and (not self._held or self._held + size <= self._limit)

    def put(self, export: Export, size: int, loop: asyncio.AbstractEventLoop) -> Waiting:
        """At the end of it."""
        waiting = Waiting(export, size, loop)
        with self._lock:
            self._entries.append(waiting)
            self._held += size
        self._wake()
        return waiting

    def take(self) -> Reading | None:
        """The oldest entry, for the session; None when there is none."""
        with self._lock:
            if not self._entries:
                return None
            waiting = self._entries.popleft()
        export = waiting.export

        def settled(done: bool) -> None:
            self._release(waiting)
            waiting.settle(done)

        return Reading(
            events=tuple(export.events),
            calls=tuple(export.calls),
            payloads=tuple(export.payloads),
            dropped=export.dropped,
            settled=settled,
        )

    def withdraw(self, waiting: Waiting) -> bool:
        """Nobody waits any longer. True: it was still here, and is gone; False: the session has it, and may yet take it."""
        with self._lock:
            try:
                self._entries.remove(waiting)
            except ValueError:
                found = False
            else:
                found = True
        self._release(waiting)
        return found

    def close(self) -> None:
        """Nothing comes in any more."""
        with self._lock:
            self._closed = True

    @property
    def waiting(self) -> tuple[int, float]:
        """Bytes that the session has not asked for, and the seconds since the oldest of them came."""
        with self._lock:
            if not self._entries:
                return 0, 0.0
            return sum(each.size for each in self._entries), time.monotonic() - self._entries[0].since

    def _release(self, waiting: Waiting) -> None:
        with self._lock:
            self._held -= waiting.size
            waiting.size = 0
