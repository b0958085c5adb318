"""The standard input: a pipe from the application, as readings.

fd 0 -> thread -> bounded queue -> Framer -> event_of(), calls_of() -> Reading

A pipe has no position: what was read and is not in the spool when the process is killed is lost, and so is what the kernel
holds of a pipe whose writer goes on. Files are the safe way; this one is for trying out. When the queue is full nothing is
read, and the writer waits.
"""

from __future__ import annotations

import os
import select
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from typing import Final

from fde_sidecar.clock import Clock, now
from fde_sidecar.frame import IDLE_S, Framer, Record
from fde_sidecar.parse import event_of
from fde_sidecar.reading import Call, Reading

_CHUNK: Final = 64 * 1024
_QUEUE_BYTES: Final = 2 * 1024 * 1024
_AT_ONCE: Final = 256 * 1024


class StdinInput:
    """One descriptor, 0 unless told otherwise. `finished` when it has ended and everything was given out."""

    name = "stdin"

    def __init__(
        self,
        descriptor: int = 0,
        *,
        calls_of: Callable[[Record, Clock], tuple[Call, ...]] = lambda _record, _clock: (),
        wake: Callable[[], None] | None = None,
    ) -> None:
        self._descriptor, self._calls_of, self._wake = descriptor, calls_of, wake
        self._framer, self._clock = Framer(), Clock(now(), live=True)
        self._queue: deque[tuple[float, bytes]] = deque()
        self._queued = 0
        self._room = threading.Condition()
        self._ended = self._closed = False
        self._noted = {"undecodable-bytes": 0, "cut-bytes": 0}
        self._last_data = time.monotonic()
        self.read_bytes = 0
        self._stop_reading, self._stop = os.pipe()
        self._thread = threading.Thread(target=self._read, name="stdin", daemon=True)
        self._thread.start()

    def poll(self, *, final: bool) -> Iterator[Reading]:
        """What came, at most 256 KiB of it; a record with nothing after it for a second is complete."""
        if final:
            self._drain_ready()
        taken = 0
        while taken < _AT_ONCE or final:
            with self._room:
                if not self._queue:
                    break
                _, data = self._queue.popleft()
                self._queued -= len(data)
                self._room.notify()
            taken += len(data)
            self.read_bytes += len(data)
            self._clock.default_to(now())
            yield from self._readings(self._framer.feed(data))
        moment = time.monotonic()
        if taken:
            self._last_data = moment
        ended = final or self._at_end()
        if self._framer.pending and (ended or (not taken and moment - self._last_data >= IDLE_S)):
            yield from self._readings(self._framer.flush())
        totals = {"undecodable-bytes": self._framer.undecodable, "cut-bytes": self._framer.cut}
        dropped = {name: count - self._noted[name] for name, count in totals.items() if count > self._noted[name]}
        self._noted = totals
        if dropped:
            yield Reading(dropped=dropped)

    def _readings(self, records: list[Record]) -> Iterator[Reading]:
        for record in records:
            if record.time is not None:
                self._clock.default_to(record.time)
            event = event_of(record, self._clock, None)
            calls = self._calls_of(record, self._clock)
            if event is not None or calls:
                yield Reading(events=() if event is None else (event,), calls=calls)

    @property
    def lines(self) -> int:
        """Lines read so far."""
        return self._framer.lines

    @property
    def finished(self) -> bool:
        """Whether it ended and everything was given out: nothing will ever come."""
        return self._at_end() and not self._framer.pending

    @property
    def pending(self) -> bool:
        """Whether something was read and not given out yet."""
        return bool(self._queue) or self._framer.pending

    @property
    def lag(self) -> tuple[int, float]:
        """Bytes in the queue, and how long the oldest of them is there. What the pipe holds nobody can tell."""
        with self._room:
            if not self._queue:
                return 0, 0.0
            return self._queued, time.monotonic() - self._queue[0][0]

    def close(self) -> None:
        """Stop reading. The descriptor stays open: it is not ours."""
        with self._room:
            if self._closed:
                return
            self._closed = True
            self._room.notify_all()
        os.write(self._stop, b"x")
        self._thread.join(2.0)
        os.close(self._stop)
        os.close(self._stop_reading)

    # --- the thread --------------------------------------------------------------------------------------------------
    def _read(self) -> None:
        while True:
            with self._room:
                while self._queued >= _QUEUE_BYTES and not self._closed:
                    self._room.wait()
                if self._closed:
                    return
            try:
                ready, _, _ = select.select([self._descriptor, self._stop_reading], [], [])
                if self._stop_reading in ready:
                    return
                data = os.read(self._descriptor, _CHUNK)
            except (OSError, ValueError):  # closed under us, or a terminal that hung up
                data = b""
            with self._room:
                if data:
                    self._queue.append((time.monotonic(), data))
                    self._queued += len(data)
                else:
                    self._ended = True
            if self._wake is not None:
                self._wake()
            if not data:
                return

    def _at_end(self) -> bool:
        with self._room:
            return self._ended and not self._queue

    def _drain_ready(self) -> None:
        """On the way out: what the pipe holds already is read, as far as it comes without waiting for its writer."""
        deadline = time.monotonic() + 2.0
        while time.monotonic() < deadline:
            with self._room:
                if self._ended or self._queued >= _QUEUE_BYTES or self._closed:
                    return
            try:
                if not select.select([self._descriptor], [], [], 0.0)[0]:
                    return
            except (OSError, ValueError):
                return
            time.sleep(0.005)
