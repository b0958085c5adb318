"""What faust must not do by itself, pinned to faust-streaming 0.15.3. With `app`, the only modules that know faust.

faust's own offsets lose records when a worker dies (measured: 2 of 5 two-worker kills), so they are neither written nor
read: positions follow the state log. Each hook says what goes wrong without it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

import faust
from faust.transport.drivers.aiokafka import AIOKafkaConsumerThread, Consumer, Transport
from faust.types import TP
from structlog import get_logger

from fde_streams.credentials import credentials_of
from fde_streams.state import Part

log = get_logger()

# The partitions that are ours now, and what we have in memory of those that were ours before -> all that are ours
Rebuild = Callable[[Iterable[int], Mapping[int, Part]], dict[int, Part]]

REBALANCE_S: Final = 15.0  # a member that hangs holds up the others so long
REQUEST_S: Final = 20.0  # longer: the request to join is answered when all have joined


class NoOffsets(dict[Any, Any]):
    """Hook 2. faust drops records below `_read_offset`, and sets it even for a record whose callback was cancelled.

    What a seek reads again would then be thrown away as old (measured: needed 50, got 99..143, seven seeks without effect).
    """

    def __getitem__(self, key: Any) -> None:
        return None

    def __setitem__(self, key: Any, value: Any) -> None:
        return None

    def update(self, *args: Any, **kwargs: Any) -> None:
        """Nothing is kept."""


class FoldThread(AIOKafkaConsumerThread):  # type: ignore[misc]  # faust has no types
    """Hook 4. A request that a dying broker took and never answers is given up after `REQUEST_S`.

    faust has one setting for requests and for recovery, which must exceed a rebuild: a worker that asked to join while the
    broker was killed waited 150 s for it, and its group with it (measured once in 66 faults).
    """

    def _create_worker_consumer(self, transport: Any) -> Any:
        consumer = super()._create_worker_consumer(transport)
        consumer._request_timeout_ms = consumer._client._request_timeout_ms = int(REQUEST_S * 1000)
        return consumer


class FoldConsumer(Consumer):  # type: ignore[misc]  # faust has no types
    """A consumer whose positions come from the state log."""

    source: str  # set on a subclass by `fold_app`
    rebuild: Rebuild

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._read_offset = NoOffsets()
        self.parts: dict[int, Part] = {}
        self.built_generation = -1
        self.rebuilding = False
        self.sought_at: dict[int, float] = {}
        self.lock = asyncio.Lock()  # rebuilding or folding, never both

    def _new_consumer_thread(self) -> Any:
        return FoldThread(self, loop=self.loop, beacon=self.beacon)

    @property
    def settled(self) -> bool:
        """Whether what the group has given us last is what we have, or is being built."""
        return self.rebuilding or 0 <= self.built_generation == self.app.consumer_generation_id

    async def perform_seek(self) -> None:
        """Hook 1. Every place where faust chooses where to read from ends here, and agents wait until it returns.

        `on_partitions_assigned` and `on_rebalance_complete` are too early: faust seeks to the committed offsets after them.
        """
        async with self.lock:
            generation = self.app.consumer_generation_id
            mine = {tp for tp in self.assignment() if tp.topic == self.source}
            if generation != self.built_generation or {tp.partition for tp in mine} != set(self.parts):
                # faust's assignor is sticky and knows no cooperative rebalance: what stays is confirmed, not built again.
                wanted = sorted(tp.partition for tp in mine)
                stays = {p: part for p, part in self.parts.items() if p in wanted} if self.built_generation >= 0 else {}
                self.parts = {}
                started = time.monotonic()
                self.rebuilding = True
                try:
                    parts = await asyncio.to_thread(type(self).rebuild, wanted, stays)
                finally:
                    self.rebuilding = False
                if generation != self.app.consumer_generation_id:
                    log.info(
                        "rebuild_overtaken", generation=generation
                    )  # a rebalance came meanwhile: faust calls again
                    return
                self.parts, self.built_generation = parts, generation
                log.info(
                    "partitions_rebuilt",
                    generation=generation,
                    kept=sorted(p for p, part in parts.items() if stays.get(p) is part),
                    covered={partition: part.covered for partition, part in parts.items()},
                    seconds=round(time.monotonic() - started, 2),
                )
            await self.seek_to_covered(mine)

    async def seek_to_covered(self, tps: Iterable[TP]) -> None:
        """Read on from the first record that the state does not cover."""
        wanted = {tp: self.parts[tp.partition].covered + 1 for tp in tps if tp.partition in self.parts}
        for tp in wanted:
            self._gap.pop(tp, None)
            self.sought_at[tp.partition] = time.monotonic()
        if wanted:
            await self.seek_wait(wanted)

    async def commit(self, topics: Any = None, start_new_transaction: bool = True) -> bool:
        """Hook 3. No commits: what is covered stands in the state log, and nowhere else."""
        return False

    async def wait_empty(self) -> None:
        """Hook 3. Nothing is acknowledged, so there is nothing to wait for."""
        self._unacked_messages.clear()


def fold_app(group: str, bootstrap: str, source: str, rebuild: Rebuild, *, datadir: str, max_poll_records: int) -> Any:
    """The faust application with the hooks in place; `source` is the topic whose positions follow the state log."""

    class _Consumer(FoldConsumer):
        pass

    _Consumer.source, _Consumer.rebuild = source, staticmethod(rebuild)

    class _Transport(Transport):  # type: ignore[misc]  # faust has no types
        Consumer = _Consumer

    class _App(faust.App):  # type: ignore[misc]  # faust has no types
        def _new_transport(self) -> Any:
            return _Transport(self.conf.broker_consumer, self)

    return _App(
        group,
        broker=[f"kafka://{address}" for address in bootstrap.split(",")],
        broker_credentials=credentials_of(bootstrap),
        value_serializer="raw",
        web_enabled=False,
        topic_allow_declare=False,  # topics are ours; the embedded broker cannot create any
        topic_disable_leader=True,
        store="memory://",
        datadir=datadir,
        broker_session_timeout=6.0,
        broker_rebalance_timeout=REBALANCE_S,
        broker_heartbeat_interval=1.5,
        broker_request_timeout=150.0,  # must exceed a rebuild: recovery ignores that it expired
        broker_max_poll_interval=180.0,
        broker_max_poll_records=max_poll_records,
        stream_wait_empty=False,
        stream_ack_cancelled_tasks=False,
        stream_buffer_maxsize=4096,
        consumer_auto_offset_reset="earliest",
    )
