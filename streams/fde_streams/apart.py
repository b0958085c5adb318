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
_REASONS = {TimeoutError: "took too long", BrokenProcessPool: "its process died"}


class Apart:
    """One process that clusters, started at the first use, ended by `close`. One caller at a time."""

    def __init__(self) -> None:
        self._pool: ProcessPoolExecutor | None = None
        self._off = False

    async def propose(self, snapshot: Snapshot, *, timeout_s: float) -> tuple[Proposal, ...]:
        """`propose(snapshot)`. Unavailable when it took longer, failed or its process died: the next run has another try.

        Where hdbscan is not installed nothing is ever proposed; that is logged once.
        """
        if self._off:
            return ()
        if self._pool is None:
            # spawned: a fork would inherit the broker client's threads half alive
            context = multiprocessing.get_context("spawn")
            self._pool = ProcessPoolExecutor(1, mp_context=context, initializer=os.nice, initargs=(_NICE,))
        try:
            work = asyncio.get_running_loop().run_in_executor(self._pool, propose, snapshot)
            found = await asyncio.wait_for(work, timeout_s)
        except ModuleNotFoundError as error:
            self.close()
            self._off = True
            log.warning(
                "clustering_is_off",
                missing=error.name or str(error),
                next_step="install fde[streams], or say --cluster 0; groups are found without it, none are merged",
            )
            return ()
        except Exception as error:  # whatever it failed of is not worth the fold, which does without
            self.close()
            reason = _REASONS.get(type(error), f"it failed: {type(error).__name__}")
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
