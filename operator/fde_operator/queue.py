"""WorkQueue: each key once, one worker at a time, failures later and later.

add() -> pending -> get() -> (work) -> done() -> pending again, if it was added meanwhile

The three sets of client-go's work queue; no clock or sleep of its own beyond the loop's timers.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from fde_operator.key import Key

RACE_S: Final = 0.1


@dataclass(frozen=True, slots=True)
class Backoff:
    """Delays in seconds: `base`, doubled with each failure up to `cap`, then jittered into the upper half."""

    base_s: float = 1.0
    cap_s: float = 300.0

    def delay_s(self, failures: int, draw: float) -> float:
        """The delay after the `failures`-th failure in a row (from 1). `draw`: 0 <= draw < 1."""
        whole = min(self.cap_s, self.base_s * 2.0 ** min(failures - 1, 40))
        return whole / 2 + draw * whole / 2


class Closed(Exception):
    """The queue hands out nothing any more."""


@dataclass(slots=True)
class WorkQueue:
    """For one event loop; not thread-safe."""

    backoff: Backoff = field(default_factory=Backoff)
    began: Callable[[float], None] = lambda _: None  # gets the seconds from due to begun
    _pending: deque[Key] = field(default_factory=deque)
    _idle: deque[Key] = field(default_factory=deque)
    _dirty: set[Key] = field(default_factory=set)
    _late: set[Key] = field(default_factory=set)  # those of _idle that are due there still
    _working: set[Key] = field(default_factory=set)
    _failures: dict[Key, int] = field(default_factory=dict)
    _races: dict[Key, int] = field(default_factory=dict)
    _timers: dict[Key, asyncio.TimerHandle] = field(default_factory=dict)
    _wake: asyncio.Event = field(default_factory=asyncio.Event)
    _due: dict[Key, float] = field(default_factory=dict)
    _closed: bool = False

    def __len__(self) -> int:
        return len(self._pending) + len(self._late)

    def add(self, key: Key, *, idly: bool = False) -> None:
        """Due now. Added twice it is worked on once; added while worked on, once more afterwards.

        `idly`: when nothing else is due. A thousand keys of a resync keep nobody's change waiting.
        """
        if timer := self._timers.pop(key, None):
            timer.cancel()
        if key in self._dirty:
            if not idly and key in self._late:  # found again, and due now
                self._late.discard(key)
                self._pending.append(key)
            return
        self._dirty.add(key)
        self._due[key] = time.monotonic()
        if key not in self._working:
            (self._idle if idly else self._pending).append(key)
            if idly:
                self._late.add(key)
            self._wake.set()

    def add_after(self, key: Key, delay_s: float) -> None:
        """Due in `delay_s` seconds, unless it is due earlier already."""
        loop = asyncio.get_running_loop()
        if key in self._dirty:
            return
        timer = self._timers.get(key)
        if timer is not None and timer.when() <= loop.time() + delay_s:
            return
        if timer is not None:
            timer.cancel()
        self._timers[key] = loop.call_later(delay_s, self.add, key)

    def fail(self, key: Key) -> float:
        """Note a failure; the key is due after its backoff, whose seconds are returned."""
        self._failures[key] = self._failures.get(key, 0) + 1
        delay_s = self.backoff.delay_s(self._failures[key], random.random())  # noqa: S311 - jitter, not a secret
        self.add_after(key, delay_s)
        return delay_s

    def race(self, key: Key) -> float:
        """Note that somebody else was faster; the key is due a moment later, whose seconds are returned.

        A real race is over with the next look. Conflicts without end (a kind that is not served any more, a cache that is
        behind) come later and later, as failures do.
        """
        self._races[key] = self._races.get(key, 0) + 1
        delay_s = min(self.backoff.cap_s, RACE_S * 2.0 ** min(self._races[key] - 1, 40))
        self.add_after(key, delay_s)
        return delay_s

    def forget(self, key: Key) -> None:
        """It went well: the next failure starts from the first delay."""
        self._failures.pop(key, None)
        self._races.pop(key, None)

    async def get(self) -> Key:
        """The next due key; :meth:`done` must follow. :class:`Closed` after :meth:`close`."""
        while True:
            if self._closed:
                raise Closed
            if self._pending:
                key = self._pending.popleft()
                break
            if self._idle:
                key = self._idle.popleft()
                if key in self._late:
                    self._late.discard(key)
                    break
                continue  # it became due at once meanwhile
            self._wake.clear()
            await self._wake.wait()
        self._dirty.discard(key)
        self._working.add(key)
        self.began(time.monotonic() - self._due.pop(key, time.monotonic()))
        return key

    def close(self) -> None:
        """Nothing more is handed out: whoever is at work ends it."""
        self._closed = True
        self._wake.set()

    def done(self, key: Key) -> None:
        """The work on `key` ended, well or not."""
        self._working.discard(key)
        if key in self._dirty:
            self._pending.append(key)
            self._wake.set()
