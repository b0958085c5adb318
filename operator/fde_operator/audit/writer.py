"""ChainWriter: the journal's acts into the chain, and the chain's head to where anchors are kept.

Journal -> batches -> KafkaChain (in a thread) -> done; the head -> anchors, at most once a minute and at the stop

Nobody waits for it: while Kafka is away the journal grows. Nothing is written when nothing was added.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Sequence
from typing import Final, Protocol

from structlog import get_logger

from fde_events.act import Entry
from fde_events.chain import Anchor, Head
from fde_events.errors import FdeError, Unavailable
from fde_operator.audit.journal import Journal, now
from fde_operator.audit.topic import ChainTaken, Tail
from fde_operator.queue import Backoff

log = get_logger()
_BATCH: Final = 500
_REMEMBERED: Final = 20_000
_GATHER_S: Final = 0.05  # acts come in bursts: one transaction for what comes within


class Chain(Protocol):
    """What is needed of :class:`fde_operator.audit.topic.KafkaChain`. Calls block."""

    chain: str

    def open(self, since: int | None = None) -> Tail:
        """Become the one writer."""
        ...

    def append(self, entries: Sequence[Entry]) -> Head:
        """Write all or none."""
        ...


class AnchorStore(Protocol):
    """Where heads are kept, outside Kafka."""

    async def keep(self, anchor: Anchor) -> None:
        """Add `anchor`. Raises FdeError when it cannot."""
        ...


class ChainWriter:
    """One journal's way into one chain. `run()` for ever; `stop()` writes what is left, within its limit."""

    def __init__(
        self,
        journal: Journal,
        chain: Chain,
        anchors: Sequence[AnchorStore] = (),
        *,
        anchor_s: float = 60.0,
        backoff: Backoff | None = None,
    ) -> None:
        self._journal, self._chain, self._anchors, self._anchor_s = journal, chain, anchors, anchor_s
        self._backoff = backoff or Backoff(0.5, 30.0)
        self._tail: Tail | None = None
        self._recent: dict[str, None] = {}
        self._written = 0  # since the last anchor
        self._anchored_at = float("-inf")
        self._something = asyncio.Event()
        self._turn = asyncio.Lock()
        self.recorded = 0
        self.head = Head(chain.chain)
        self.failures = 0

    async def run(self) -> None:
        """Write as acts come, until cancelled, or until another process writes the chain. Then nothing more is written, and the journal keeps the rest."""
        loop = asyncio.get_running_loop()

        def added() -> None:
            loop.call_soon_threadsafe(self._something.set)

        self._journal.listen(added)
        self._something.set()  # what an earlier process left
        while True:
            await self._wait()
            self._something.clear()
            try:
                async with self._turn:
                    await self._drain()
                    await self._anchor()
            except ChainTaken as taken:
                log.error("audit_chain_taken", why=str(taken))
                return
            except FdeError as error:
                self.failures += 1
                delay_s = self._backoff.delay_s(self.failures, random.random())  # noqa: S311 - jitter, not a secret
                why = error.what if isinstance(error, Unavailable) else str(error)
                log.warning(
                    "audit_postponed", why=why, waiting_bytes=self._journal.waiting(), retry_s=round(delay_s, 1)
                )
                await asyncio.sleep(delay_s)
                self._something.set()
            else:
                self.failures = 0
                await asyncio.sleep(_GATHER_S)

    async def stop(self, limit_s: float = 5.0) -> bool:
        """Write and anchor what is there. Whether it was all; what was not stays in the journal."""
        try:
            async with asyncio.timeout(limit_s), self._turn:
                await self._drain()
                await self._anchor(at_once=True)
        except (TimeoutError, FdeError) as error:
            log.warning("audit_left_in_journal", waiting_bytes=self._journal.waiting(), why=str(error) or "no time")
            return False
        return True

    async def _wait(self) -> None:
        due_s = None
        if self._written and self._anchors:
            due_s = max(0.0, self._anchored_at + self._anchor_s - time.monotonic())
        try:
            async with asyncio.timeout(due_s):
                await self._something.wait()
        except TimeoutError:
            return

    async def _drain(self) -> None:
        while (batch := self._journal.batch(_BATCH)).entries:
            if self._tail is None:
                self._tail = await asyncio.to_thread(self._chain.open, self._journal.seq)
                self.head = self._tail.head
                if self._journal.seq is None:
                    self._journal.begins_at(self.head.seq)
                log.info("audit_chain_opened", chain=self.head.chain, seq=self.head.seq)
            entries = [entry for entry in batch.entries if self._is_new(entry)]
            try:
                if entries:
                    self.head = await asyncio.to_thread(self._chain.append, entries)
            except BaseException:
                for entry in entries:
                    self._recent.pop(entry.id, None)
                # Not known whether it is there, also when this was cancelled: the tail is read again before anything is written.
                self._tail = None
                raise
            self._journal.done(batch, self.head.seq)
            self.recorded += len(entries)
            self._written += len(entries)

    async def _anchor(self, *, at_once: bool = False) -> None:
        if not self._written or not (at_once or time.monotonic() >= self._anchored_at + self._anchor_s):
            return
        anchor = self.head.anchor(now())
        kept = True
        for store in self._anchors:
            try:
                await store.keep(anchor)
            except FdeError as error:  # one place that cannot be written does not keep acts from the chain
                kept = False
                log.warning("audit_anchor_not_kept", where=type(store).__name__, why=str(error))
        self._anchored_at = time.monotonic()
        if kept:
            self._written = 0
        # In the log as well: whoever keeps logs elsewhere keeps anchors there.
        log.info("audit_anchored", chain=anchor.chain, seq=anchor.seq, hash=anchor.hash)

    def _is_new(self, entry: Entry) -> bool:
        """Whether neither the chain nor this batch has it; it is remembered. A source may tell an act twice, batches apart."""
        if entry.id in self._recent or (self._tail is not None and entry.id in self._tail.ids):
            return False
        self._recent[entry.id] = None
        if len(self._recent) > _REMEMBERED:
            del self._recent[next(iter(self._recent))]
        return True
