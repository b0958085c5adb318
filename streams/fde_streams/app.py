"""The fold worker: a faust application over the pure fold.

fde-engine.signatures -> agent -> fold_and_keep (state log) -> fde-engine.challenges

Positions, gaps and progress are ours (see `hooks`): a contiguity guard in the agent, a watchdog beside it.

A challenge record is published after the state that it follows from was kept, and not after every step: what changed is
gathered and published a few times a second, however many events there are. A worker that dies leaves some unpublished; the log says
so, and whoever rebuilds the partition publishes them. Records are keyed by the challenge's permanent id and are a function of
the state, so a repeat says the same: "raised once" is one id with one `raised_at`, kept by exactly one step of the log.
"""

from __future__ import annotations

import asyncio
import logging
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import faust
import msgspec
from confluent_kafka import KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec
from faust.types import TP
from structlog import get_logger

from fde_events.challenge import Challenge
from fde_events.errors import BadInput, FdeError, Unavailable
from fde_events.kafka import client_settings, producer_settings
from fde_events.topics import CHALLENGES, SIGNATURES
from fde_streams.apart import Apart
from fde_streams.fold import THRESHOLD
from fde_streams.garbage import collect_seldom
from fde_streams.hooks import fold_app
from fde_streams.merging import Standing, changed, snapshot_of, standings
from fde_streams.standing import raised_of
from fde_streams.state import (
    SNAPSHOT_FROM,
    Fenced,
    Part,
    StateLog,
    claim,
    compact,
    fold_and_keep,
    publish_dirty,
    settle_and_keep,
    unite_and_keep,
)
from fde_streams.watchdog import Watch

log = get_logger()

_MAX_REFENCES: Final = 5
_TEND_S: Final = 5.0
_PUBLISH_S: Final = 0.25
_JOIN_S: Final = 25.0
_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class FoldSettings:
    """How the fold worker runs. Times in seconds."""

    bootstrap: str
    threshold: int = THRESHOLD
    group: str = "fde-fold"
    batch: int = 200  # source records a step, at most
    patience_s: float = 120.0  # how long the broker may be away
    stall_s: float = 15.0  # lag without progress: seek at a third of it, exit at the whole
    snapshot_bytes: int = SNAPSHOT_FROM  # of deltas that make a snapshot worth while
    cluster_s: float = 300.0  # between two looks for groups to merge; 0: never


class Challenges:
    """Publishes challenges and waits until they are kept."""

    def __init__(self, bootstrap: str) -> None:
        self._producer = Producer(producer_settings(bootstrap, **{"linger.ms": 0}))

    def publish(self, challenges: Iterable[Challenge]) -> None:
        """Write each under its id. :class:`Unavailable` if the broker does not acknowledge them all."""
        failed: list[str] = []
        count = 0
        for challenge in challenges:
            count += 1
            self._producer.produce(
                CHALLENGES,
                _encode(challenge),
                key=challenge.id,
                on_delivery=lambda error, _: failed.append(error.str()) if error else None,
            )
        if count and (self._producer.flush(30) or failed):
            raise Unavailable(f"Kafka did not keep {count} challenges: {failed[0] if failed else 'no answer in 30 s'}.")


class FoldWorker:
    """One process of the fold."""

    def __init__(self, settings: FoldSettings, state: StateLog) -> None:
        self.settings, self.state = settings, state
        self._challenges = Challenges(settings.bootstrap)
        self._watch = AdminClient(client_settings(settings.bootstrap))
        self._refences = 0
        self._apart = Apart()
        self._datadir = tempfile.mkdtemp(prefix="fde-fold-")
        self.app = fold_app(
            settings.group,
            settings.bootstrap,
            SIGNATURES,
            self.rebuild,
            datadir=self._datadir,
            max_poll_records=settings.batch,
        )
        try:
            partitions = len(self._watch.list_topics(SIGNATURES, timeout=20).topics[SIGNATURES].partitions)
        except KafkaException as error:
            raise Unavailable(
                f"Kafka at {settings.bootstrap} did not describe {SIGNATURES}: {error.args[0].str()}."
            ) from error
        topic = self.app.topic(SIGNATURES, value_type=bytes, partitions=partitions, acks=False)
        self.app.agent(topic, name="fold")(self._agent)
        self.app.task(self._watchdog)
        self.app.task(self._tend)
        self.app.task(self._publisher)

    def run(self) -> int:
        """Run until SIGTERM or SIGINT; the exit code."""
        collect_seldom()
        logging.getLogger("aiokafka").setLevel(logging.ERROR)
        worker = faust.Worker(
            self.app, loglevel="warning", override_logging=False, redirect_stdouts=False, quiet=True, console_port=None
        )
        worker.spinner = None  # it would write to a terminal that is not its own
        try:
            worker.execute_from_commandline()
        except SystemExit as stopped:
            return stopped.code if isinstance(stopped.code, int) else 0
        finally:
            self._apart.close()
            self.state.close()
            shutil.rmtree(self._datadir, ignore_errors=True)
        return 0

    # ------------------------------------------------------------ what hooks and agent call, in a thread

    def rebuild(self, partitions: Iterable[int], stays: Mapping[int, Part]) -> dict[int, Part]:
        """Take over `partitions`, and publish again what the last owner may not have published.

        `stays`: what was ours before and still is in memory. It is the truth if a write of ours is still taken: whoever
        owned the partition meanwhile has shut us out.
        """
        parts = {partition: part for partition, part in stays.items() if self._confirmed(partition, part)}
        rebuilt: dict[int, Part] = self._patiently(lambda: self.state.rebuild(set(partitions) - parts.keys()))
        for part in rebuilt.values():
            if part.covered < 0:  # an embedded broker that is new: nobody has heard of these challenges there
                self._publish(raised_of(part.state))
            publish_dirty(part, self._publish)
        return parts | rebuilt

    def _confirmed(self, partition: int, part: Part) -> bool:
        try:
            self.state.append(partition, claim(part))
            return True
        except FdeError:
            return False

    def _step(self, partition: int, part: Part, records: list[tuple[int, bytes]]) -> bool:
        """Fold and keep; whether there is a gap before some of `records`."""

        def undecodable(offset: int, _: bytes, error: Exception) -> None:
            log.error("signed_batch_undecodable", partition=partition, offset=offset, error=type(error).__name__)

        _, gap = fold_and_keep(
            self.state,
            partition,
            part,
            records,
            threshold=self.settings.threshold,
            undecodable=undecodable,
        )
        return gap

    def _publish(self, challenges: Sequence[Challenge]) -> None:
        self._patiently(lambda: self._challenges.publish(challenges))

    def _patiently(self, work: Any) -> Any:
        """`work()`, tried again with growing pauses while Kafka is away, up to the patience of the settings."""
        pause, until = 0.5, time.monotonic() + self.settings.patience_s
        while True:
            try:
                return work()
            except BadInput as error:
                _exit(str(error))
            except Unavailable as error:
                if time.monotonic() + pause > until:
                    _exit(f"{error} Gave up after {self.settings.patience_s:g} s.")
                log.warning("kafka_was_away", retry_in_s=pause)
                time.sleep(pause)
                pause = min(pause * 2, 10.0)

    # ------------------------------------------------------------ inside faust's loop

    async def _agent(self, stream: Any) -> None:
        consumer = self.app.consumer
        async for events in stream.take_events(self.settings.batch, within=0.05):
            records: dict[int, list[tuple[int, bytes]]] = {}
            for event in events:
                records.setdefault(event.message.partition, []).append((event.message.offset, event.message.value))
            try:
                async with consumer.lock:
                    for partition, mine in records.items():
                        await self._fold(consumer, partition, mine)
            except FdeError as error:
                await self._refence(consumer, error)

    async def _fold(self, consumer: Any, partition: int, records: list[tuple[int, bytes]]) -> None:
        part = consumer.parts.get(partition)
        if part is None or self.app.consumer_generation_id != consumer.built_generation:
            return  # taken away meanwhile: the next owner reads them
        gap = await asyncio.to_thread(self._step, partition, part, records)
        self._refences = 0
        # Contiguity guard: faust skipped records after a correct seek in 3 of 7 runs without hook 2.
        if gap and time.monotonic() - consumer.sought_at.get(partition, 0.0) > 0.5:
            log.warning("gap_was_found", partition=partition, wanted=part.covered + 1, got=records[-1][0])
            await consumer.seek_to_covered({TP(SIGNATURES, partition)})

    async def _refence(self, consumer: Any, error: FdeError) -> None:
        """A write was refused: we are a zombie, and a rebalance is on its way; or a peer's overtaken rebuild shut us out.

        After two heartbeats in the same generation we are still the owner: rebuild, which shuts out the other.
        """
        self._refences += 1
        log.warning("write_refused", attempt=self._refences, fenced=isinstance(error, Fenced), why=str(error))
        if self._refences > _MAX_REFENCES:
            _exit(f"The state was refused {self._refences} times: {error} Restart to take the partitions over again.")
        generation = consumer.built_generation
        consumer.parts = {}
        await asyncio.sleep(3)
        if generation == consumer.built_generation == self.app.consumer_generation_id and not self.app.rebalancing:
            consumer.built_generation = -1
            await consumer.perform_seek()

    async def _publisher(self) -> None:
        """Publish what changed, and compact the log, a few times a second: a third of the time at most, or once a second."""
        while not self.app.should_stop:
            busy = 0.0
            consumer = self.app.consumer
            for partition, part in list(consumer.parts.items()):
                if not (part.unpublished or part.wants_snapshot(self.settings.snapshot_bytes)):
                    continue
                try:
                    async with consumer.lock:  # the state stands still while it is read
                        started = time.monotonic()
                        if consumer.parts.get(partition) is part:
                            await asyncio.to_thread(publish_dirty, part, self._publish)
                            await asyncio.to_thread(self._compact, partition, part)
                        busy += time.monotonic() - started
                except Unavailable as error:
                    log.warning("snapshot_was_put_off", partition=partition, why=str(error))
                except FdeError as error:
                    await self._refence(consumer, error)
            await self.app.sleep(min(1.0, max(_PUBLISH_S, 2 * busy)))

    def _compact(self, partition: int, part: Part) -> None:
        compact(self.state, partition, part, above=self.settings.snapshot_bytes)

    async def _tend(self) -> None:
        """Follow orders that a crash left behind; and every few minutes merge what clustering proposes and nobody parted."""
        stood: dict[int, dict[str, Standing]] = {}
        looked = time.monotonic()
        while not self.app.should_stop:
            await self.app.sleep(_TEND_S)
            due = 0 < self.settings.cluster_s <= time.monotonic() - looked
            consumer = self.app.consumer
            for partition, part in list(consumer.parts.items()):
                try:
                    async with consumer.lock:
                        if part.state.waiting and consumer.parts.get(partition) is part:
                            await asyncio.to_thread(self._settle, partition, part)
                    if due:
                        await self._merge(consumer, partition, stood)
                except Unavailable as error:
                    log.warning("tending_was_put_off", partition=partition, why=str(error))
                except FdeError as error:
                    await self._refence(consumer, error)
            looked = time.monotonic() if due else looked

    def _settle(self, partition: int, part: Part) -> None:
        settle_and_keep(self.state, partition, part, threshold=self.settings.threshold)

    async def _merge(self, consumer: Any, partition: int, stood: dict[int, dict[str, Standing]]) -> None:
        part = consumer.parts.get(partition)
        if part is None:
            return
        async with consumer.lock:
            now = await asyncio.to_thread(standings, part.state)
            blocks = changed(stood.get(partition, {}), now)
            snapshot = await asyncio.to_thread(snapshot_of, part.state, blocks)
        found = await self._apart.propose(snapshot, timeout_s=self.settings.patience_s) if blocks else ()
        stood[partition] = now
        for proposal in found:
            async with consumer.lock:
                if consumer.parts.get(partition) is not part:
                    return  # taken away or rebuilt meanwhile: the next look is the next owner's
                refused = await asyncio.to_thread(
                    unite_and_keep,
                    self.state,
                    partition,
                    part,
                    proposal.groups,
                    why=proposal.why,
                    threshold=self.settings.threshold,
                )
            log.info("merge_was_proposed", groups=proposal.groups, score=proposal.score, refused=refused or "")

    async def _watchdog(self) -> None:
        """Lag without progress, a rebalance that never ends, a broker that stays away: seek, then exit to be restarted."""
        watch = Watch[int](self.settings.stall_s)
        answered = settled = time.monotonic()
        rebalancing_since: float | None = None
        while not self.app.should_stop:
            await asyncio.sleep(1)
            now, consumer = time.monotonic(), self.app.consumer
            rebalancing_since = (rebalancing_since or now) if self.app.rebalancing else None
            if rebalancing_since is not None and now - rebalancing_since > self.settings.patience_s:
                _exit(f"A rebalance did not end in {self.settings.patience_s:g} s. Restart joins again.")
            parts = dict(consumer.parts)
            try:
                ends = await asyncio.to_thread(self._ends, list(parts))
                answered = time.monotonic()
            except (KafkaException, TimeoutError):
                watch.blind()
                settled = now
                if now - answered > self.settings.patience_s:
                    _exit(f"Kafka at {self.settings.bootstrap} has not answered for {now - answered:.0f} s.")
                continue
            if consumer.settled:
                settled = now
            elif now - settled > _JOIN_S:
                _exit(f"The group gave this worker no partitions in {_JOIN_S:g} s. Restart joins again.")
            for still in watch.look(now, {p: (part.covered + 1, ends[p]) for p, part in parts.items()}):
                if still.hopeless:
                    where = f"Partition {still.key} stood still at {still.position}, {still.lag} records behind"
                    _exit(f"{where}, for {still.seconds:.0f} s.")
                log.warning("stall_was_found", partition=still.key, position=still.position, lag=still.lag)
                await consumer.seek_to_covered({TP(SIGNATURES, still.key)})
            if watch.due(now):
                log.info("lag_measured", records=sum(watch.lag.values()), partitions=dict(sorted(watch.lag.items())))

    def _ends(self, partitions: Sequence[int]) -> dict[int, int]:
        """The ends of partitions of the signatures topic, in one request; without partitions, whether the broker is there."""
        if not partitions:
            self._watch.list_topics(SIGNATURES, timeout=5)
            return {}
        wanted = {TopicPartition(SIGNATURES, partition): OffsetSpec.latest() for partition in partitions}
        futures = self._watch.list_offsets(wanted, request_timeout=5)
        return {tp.partition: future.result(6).offset for tp, future in futures.items()}


def _exit(sentence: str) -> None:
    """Leave at once, from any thread: all that matters is kept already, and a supervisor restarts us."""
    print(f"fde worker fold: {sentence}", file=sys.stderr, flush=True)
    os._exit(1)
