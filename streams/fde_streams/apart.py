"""Clustering in a process of its own, so that the event loop of a worker never waits for it.

The worker's way: every few minutes Snapshot of the changed blocks -> Apart.propose() -> Proposals -> a Delta of merges.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool

from structlog import get_logger

from fde_events.errors import Unavailable
from fde_streams.cluster import Proposal, Snapshot, propose

log = get_logger()
_NICE = 10  # evidence comes first; merges can wait


class Apart:
    """One process that clusters, started at the first use, ended by `close`. One caller at a time."""

    def __init__(self) -> None:
        self._pool: ProcessPoolExecutor | None = None

    async def propose(self, snapshot: Snapshot, *, timeout_s: float) -> tuple[Proposal, ...]:
        """`propose(snapshot)`. Unavailable when it took longer or its process died: the next run has another try."""
        if self._pool is None:
            # spawned: a fork would inherit the broker client's threads half alive
            context = multiprocessing.get_context("spawn")
            self._pool = ProcessPoolExecutor(1, mp_context=context, initializer=os.nice, initargs=(_NICE,))
        try:
            work = asyncio.get_running_loop().run_in_executor(self._pool, propose, snapshot)
            found = await asyncio.wait_for(work, timeout_s)
        except (TimeoutError, BrokenProcessPool) as error:
            self.close()
            reason = "took too long" if isinstance(error, TimeoutError) else "its process died"
            log.warning("clustering_failed", groups=len(snapshot.groups), reason=reason)
            raise Unavailable(
                f"clustering of {len(snapshot.groups)} groups: {reason}. The groups stay as they are"
            ) from error
        log.info("merges_proposed", groups=len(snapshot.groups), proposals=len(found))
        return found

    def close(self) -> None:
        """End the process, working or not."""
        pool, self._pool = self._pool, None
        if pool is None:
            return
        processes = list((pool._processes or {}).values())  # no public way to end work under way before 3.14
        pool.shutdown(wait=False, cancel_futures=True)
        for process in processes:
            process.terminate()
        for process in processes:
            process.join(5)
