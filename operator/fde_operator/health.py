"""Health: what the kubelet and Prometheus ask this process, on one small HTTP server.

/healthz   200 while the event loop turns, every task lives, and no worker is at one thing for too long; else it is restarted
/readyz    200 when every named condition holds (watch caches are synced; it leads, or is a warm standby); not while stopping
/metrics   metrics.py

A loop that stands still answers nothing, which is an answer: the kubelet's time-out.

Its server answers before the API server is waited for, and until the last write is done. What holds is asked each time: a
condition is named by whoever knows it (`ready_when`), a task by whoever starts it (`lives`), a reconciliation by its worker.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Final

from aiohttp import web

from fde_events.errors import Misuse
from fde_operator.metrics import CONTENT_TYPE, Metrics

_STUCK_S: Final = 300.0  # each call has a time-out of seconds: no reconciliation takes this long
_LAG_S: Final = 1.0


def address(text: str) -> tuple[str | None, int]:
    """Host and port of ``host:port``; ``:port`` is every address of the machine. :class:`Misuse` for anything else."""
    host, colon, port = text.rpartition(":")
    if not colon or not (port.isascii() and port.isdigit()) or not 0 <= int(port) <= 65535:
        raise Misuse(f"the health address {text!r} is not host:port; `:8080` is that port at every address")
    return (host.strip("[]") or None), int(port)


class Health:
    """What is known of this process's own state. For one event loop."""

    def __init__(
        self, metrics: Metrics, *, stuck_s: float = _STUCK_S, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._metrics, self._stuck_s, self._clock = metrics, stuck_s, clock
        self._tasks: dict[str, asyncio.Task[object]] = {}
        self._working: dict[str, float] = {}
        self._conditions: dict[str, Callable[[], bool]] = {}
        self._stopping = False

    def lives(self, name: str, task: asyncio.Task[object]) -> None:
        """`task` must not end while the process runs."""
        self._tasks[name] = task

    @contextmanager
    def working(self, name: str) -> Iterator[None]:
        """The worker `name` is at one thing within this block; waiting for work is no work."""
        self._working[name] = self._clock()
        try:
            yield
        finally:
            self._working.pop(name, None)

    def ready_when(self, name: str, holds: Callable[[], bool]) -> None:
        """One condition of being ready. It is asked often and must not wait."""
        self._conditions[name] = holds

    def stopping(self) -> None:
        """No longer ready; still healthy until the end."""
        self._stopping = True

    def ailments(self) -> list[str]:
        """Why this process should be started anew; none: it is healthy."""
        now_s = self._clock()
        ended = [] if self._stopping else [f"{name} has ended" for name, task in self._tasks.items() if task.done()]
        stuck = [
            f"{name} is at one reconciliation for {now_s - since_s:.0f} s"
            for name, since_s in self._working.items()
            if now_s - since_s > self._stuck_s
        ]
        return ended + stuck

    def hindrances(self) -> list[str]:
        """Why it is not ready; none: it is."""
        found = ["it is stopping"] if self._stopping else [] if self._conditions else ["it is starting"]
        return found + [f"{name}: not yet" for name, holds in self._conditions.items() if not holds()]

    async def serve(self, where: str) -> HealthServer:
        """Answer at `where` (see :func:`address`) until closed. :class:`Misuse` if nobody can listen there."""
        host, port = address(where)
        app = web.Application()
        app.router.add_get("/healthz", self._healthz)
        app.router.add_get("/readyz", self._readyz)
        app.router.add_get("/metrics", self._numbers)
        runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=1.0)
        await runner.setup()
        site = web.TCPSite(runner, host, port)
        try:
            await site.start()
        except OSError as error:
            await runner.cleanup()
            raise Misuse(f"nobody can listen at the health address {where!r}: {error.strerror}") from error
        return HealthServer(runner, asyncio.create_task(self._measure_lag(), name="loop lag"))

    async def _healthz(self, _: web.Request) -> web.Response:
        return _told(self.ailments())

    async def _readyz(self, _: web.Request) -> web.Response:
        return _told(self.hindrances())

    async def _numbers(self, _: web.Request) -> web.Response:
        return web.Response(body=self._metrics.text(), headers={"Content-Type": CONTENT_TYPE})

    async def _measure_lag(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            due_s = loop.time() + _LAG_S
            await asyncio.sleep(_LAG_S)
            self._metrics.loop_lag.set(max(0.0, loop.time() - due_s))


class HealthServer:
    """A running one. `port` is the one it got, if it was given 0."""

    def __init__(self, runner: web.AppRunner, lag: asyncio.Task[None]) -> None:
        self._runner, self._lag = runner, lag
        self.port = int(runner.addresses[0][1])

    async def aclose(self) -> None:
        """Answer no more."""
        self._lag.cancel()
        with suppress(asyncio.CancelledError):
            await self._lag
        await self._runner.cleanup()


def _told(troubles: list[str]) -> web.Response:
    return web.Response(status=503 if troubles else 200, text="\n".join(troubles or ["ok"]) + "\n")
