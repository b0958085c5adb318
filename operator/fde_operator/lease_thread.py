"""The Lease on a thread of its own: a reconciliation that computes for ten seconds loses nobody the lead.

the operator's event loop -> LeaseThread.hold() -> a second loop, on a thread: Lease.hold(), renewals -> lost(why), from there

On one loop, one object whose rendering takes longer than the renewal's deadline would end the process, and the next one, and
the next. A loop that stands still for good is found by the kubelet, which asks /healthz (health.py).

Wiring: ``lease = LeaseThread(Lease(leases, identity), leases.aclose)``; hold, release, fence, leads and identity as Lease's.
``lost`` is called on that thread; os._exit may be. ``await lease.aclose()`` last, instead of ``leases.aclose()``.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Final

from fde_operator.lease import Lease

_JOIN_S: Final = 5.0


class LeaseThread:
    """A :class:`fde_operator.lease.Lease` that another thread takes care of."""

    def __init__(self, lease: Lease, close: Callable[[], Awaitable[None]]) -> None:
        self._lease, self._close = lease, close
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="lease", daemon=True)
        self._thread.start()
        self.identity = lease.identity
        self.fence = lease.fence

    @property
    def leads(self) -> bool:
        """Whether this process may write now."""
        return self._lease.leads

    async def hold(self, *, lost: Callable[[str], None]) -> None:
        """Return when this process leads. Cancelled, it stops trying."""
        await self._there(self._lease.hold(lost=lost))

    async def release(self) -> None:
        """Write no more, and let another one lead at once."""
        await self._there(self._lease.release())

    async def aclose(self) -> None:
        """Close the connections and end the thread. Without a release the others wait."""
        if self._loop.is_closed():
            return
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._there(self._end()), _JOIN_S)
        self._loop.call_soon_threadsafe(self._loop.stop)
        await asyncio.to_thread(self._thread.join, _JOIN_S)

    async def _end(self) -> None:
        others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        await self._close()

    async def _there(self, work: Coroutine[Any, Any, None]) -> None:
        await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, self._loop))

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_forever()
        finally:
            self._loop.close()
