"""The ingest worker: every customer's telemetry to signed events, at least once.

fde.<customer>.telemetry (by regular expression, so a new customer is picked up while it runs)
    -> decode -> sign -> fde-engine.signatures, keyed by block
    -> off contract -> fde-engine.dead-letter, whole, with the reason
    -> received and marked -> fde-engine.ledger

Offsets are committed after everything that a batch of records led to was acknowledged. After a crash records are signed
again; the fold removes repeats by event id, the ledger counts them. Rebalances are cooperative: what stays is not put down.

A worker that was frozen may write accounts after another took over. The owner looks at the ledger now and then, and writes again what
is not as it knows it. A watchdog beside the loop measures lag, reads on from the position where a partition stands still, and
ends the process when that does not help.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec
from structlog import get_logger

from fde_events.deadletter import burial, coordinate, reason_of
from fde_events.errors import InvalidEvent, Unavailable
from fde_events.kafka import client_settings, consumer_settings, producer_settings
from fde_events.record import decode, decode_mark, header_map, is_mark
from fde_events.topics import DEAD_LETTER, LEDGER, SIGNATURES, TELEMETRY_PATTERN, customer_of
from fde_streams.book import Book, encode_account
from fde_streams.ingest import encode_signed, sign
from fde_streams.offsets import offsets
from fde_streams.pace import Pace
from fde_streams.scan import scan
from fde_streams.watchdog import Watch

log = get_logger()
_FLUSH_S: Final = 30.0
_SESSION_S: Final = 10.0
_NO_MEMBER: Final = frozenset(
    {KafkaError.UNKNOWN_MEMBER_ID, KafkaError.ILLEGAL_GENERATION, KafkaError.FENCED_INSTANCE_ID}
)


@dataclass(frozen=True, slots=True)
class IngestSettings:
    """How the ingest worker runs. Times in seconds."""

    bootstrap: str
    group: str = "fde-ingest"
    batch: int = 500  # records a round, at most
    patience_s: float = 120.0  # how long the broker may be away
    stall_s: float = 18.0  # lag without progress: read on from the position at each third, exit at the whole
    heal_s: float = 30.0  # between two looks whether the ledger says what we know


class IngestWorker:
    """One process of ingest. `pace` holds it back in embedded mode."""

    def __init__(self, settings: IngestSettings, pace: Pace | None = None) -> None:
        self.settings, self.pace = settings, pace
        self.book = Book()
        self.signed = self.dead = 0
        self._failed: list[str] = []
        self._answered = time.monotonic()
        self._book_is_stale = True
        self._held: list[Message] = []  # came in while we were holding back
        self._mine: dict[str, tuple[str, int]] = {}  # accounts that we keep, and the partition that makes them ours
        self._looked = time.monotonic()
        self._positions: dict[tuple[str, int], int] = {}  # the next offset to sign, of what we have signed
        self._unlocated: set[tuple[str, int]] = set()  # assigned, and nobody knows yet where reading begins
        self._standing: list[TopicPartition] = []  # found by the watchdog, read on by the loop
        self._guard = threading.Lock()
        self._producer = Producer(producer_settings(settings.bootstrap, **{"linger.ms": 5}))
        self._consumer = Consumer(
            consumer_settings(
                settings.bootstrap,
                settings.group,
                **{"session.timeout.ms": int(_SESSION_S * 1000), "partition.assignment.strategy": "cooperative-sticky"},
            ),
        )

    def run(self, stop: Callable[[], bool]) -> None:
        """Work until `stop()`. :class:`Unavailable` when the broker stays away longer than the patience of the settings."""
        self._consumer.subscribe([TELEMETRY_PATTERN], on_assign=self._assigned, on_revoke=self._revoked)
        done = threading.Event()
        watchdog = threading.Thread(target=self._watch, args=(done,), daemon=True)
        watchdog.start()
        try:
            while not stop():
                self._read_on()
                self._heal_ledger()
                held, self._held = self._held, []
                messages = held + self._good(self._received())
                if messages:
                    self._read_book()
                    self._round(messages, stop)
                else:
                    self._check_broker()
        finally:
            done.set()
            watchdog.join(5)
            self._consumer.close()

    def _received(self) -> list[Message]:
        """What has come, as soon as anything has: `consume` alone would wait for a whole batch."""
        first = self._consumer.poll(0.2)
        return [] if first is None else [first, *self._consumer.consume(self.settings.batch - 1, 0)]

    def _assigned(self, _: Consumer, partitions: list[TopicPartition]) -> None:
        self._book_is_stale = self._book_is_stale or bool(partitions)
        with self._guard:
            self._unlocated |= {(tp.topic, tp.partition) for tp in partitions}
        log.info("partitions_assigned", topics=sorted({tp.topic for tp in partitions}), partitions=len(partitions))

    def _revoked(self, _: Consumer, partitions: list[TopicPartition]) -> None:
        with self._guard:
            gone = {(tp.topic, tp.partition) for tp in partitions}
            # What another owns now is not ours to put right.
            self._mine = {key: place for key, place in self._mine.items() if place not in gone}
            for tp in partitions:
                self._positions.pop((tp.topic, tp.partition), None)
                self._unlocated.discard((tp.topic, tp.partition))
        log.info("partitions_revoked", topics=sorted({tp.topic for tp in partitions}), partitions=len(partitions))

    def _read_book(self) -> None:
        """After an assignment, before the first record: the last owner's accounts are on the ledger topic."""
        while self._book_is_stale:
            self._book_is_stale = False
            book = Book()
            for message in scan(self.settings.bootstrap, LEDGER):
                value = message.value()
                try:
                    if value is not None:
                        book.restore(value)
                except InvalidEvent as error:
                    log.warning("account_undecodable", offset=message.offset(), error=str(error)[:200])
            book.keep(
                self.book, self._mine.keys() & book.who.keys()
            )  # what stayed ours we know better than the topic does
            self.book = book

    def _heal_ledger(self) -> None:
        """Write again the accounts of ours that somebody else, frozen while it wrote, has put back."""
        if time.monotonic() - self._looked < self.settings.heal_s:
            return
        self._looked = time.monotonic()
        if not self._mine or self._book_is_stale or not self._is_member(surely=True):
            return
        kept: dict[str, bytes] = {}
        try:
            for message in scan(self.settings.bootstrap, LEDGER, timeout_s=10):
                if (key := message.key()) is not None and message.value() is not None:
                    kept[key.decode()] = message.value() or b""
            for key in self._mine.keys() - kept.keys():
                self.book.forget(key)  # nobody deletes an account but who erases its customer
                del self._mine[key]
            wrong = {
                record.key
                for record in self.book.records(self._mine.keys() & self.book.who.keys())
                if kept.get(record.key) != encode_account(record)
            }
            if wrong:
                log.warning("accounts_were_put_back", accounts=len(wrong))
                self.book.changed |= wrong
                self._write_accounts()
        except Unavailable as error:
            log.warning("ledger_was_not_checked", why=str(error))

    def _is_member(self, *, surely: bool) -> bool:
        """Whether the group takes a commit of ours: one that was frozen learns here that it is a member no more.

        `surely` False: whatever else may be wrong with a commit, a rebalance say, does not put us out.
        """
        with self._guard:
            offsets = [TopicPartition(*place, offset) for place, offset in self._positions.items()]
        if not offsets:
            return not surely
        try:
            self._consumer.commit(offsets=offsets, asynchronous=False)
            return True
        except KafkaException as error:
            return not surely and error.args[0].code() not in _NO_MEMBER

    def _watch(self, done: threading.Event) -> None:
        """Beside the loop: lag of what is ours, and what stands still. Ends the process when healing does not help."""
        watch = Watch[tuple[str, int]](self.settings.stall_s)
        admin = AdminClient(client_settings(self.settings.bootstrap))
        while not done.wait(1.0):
            self._locate(admin)
            with self._guard:
                positions = dict(self._positions)
            ends = offsets(admin, positions, OffsetSpec.latest())
            if self.pace is not None:
                watch.blind()  # holding back is no standstill
            now = time.monotonic()
            for still in watch.look(now, {place: (positions[place], end) for place, end in ends.items()}):
                topic, partition = still.key
                if still.hopeless:
                    sentence = f"{topic}/{partition} stood still at {still.position}, {still.lag} records behind, for {still.seconds:.0f} s."
                    print(f"fde worker ingest: {sentence} Restart reads on.", file=sys.stderr, flush=True)
                    os._exit(1)  # the loop may hang; all that matters is kept, and a supervisor restarts us
                log.warning("stall_was_found", topic=topic, partition=partition, position=still.position, lag=still.lag)
                with self._guard:
                    self._standing.append(TopicPartition(topic, partition, still.position))
            if watch.due(now):
                lag: dict[str, int] = {}
                for (topic, _), records in watch.lag.items():
                    lag[topic] = lag.get(topic, 0) + records
                log.info("lag_measured", records=sum(lag.values()), topics={t: n for t, n in sorted(lag.items()) if n})

    def _locate(self, admin: AdminClient) -> None:
        """Where reading begins in what was assigned and not signed from yet: the committed offset, or the first there is."""
        with self._guard:
            unknown = [TopicPartition(*place) for place in self._unlocated]
        if not unknown:
            return
        try:
            committed = self._consumer.committed(unknown, timeout=5)
        except KafkaException:
            return  # asked again in a second
        found = {(tp.topic, tp.partition): tp.offset for tp in committed if tp.error is None}
        never = [place for place, offset in found.items() if offset < 0]
        found = {place: offset for place, offset in found.items() if offset >= 0}
        found |= offsets(admin, never, OffsetSpec.earliest())
        with self._guard:
            for place in found.keys() & self._unlocated:
                self._positions.setdefault(place, found[place])
            self._unlocated -= found.keys()

    def _read_on(self) -> None:
        """Read what stands still from where it stands, whatever the client thinks it has delivered or paused."""
        with self._guard:
            standing, self._standing = self._standing, []
        for tp in standing:
            try:
                self._consumer.resume([TopicPartition(tp.topic, tp.partition)])
                self._consumer.seek(tp)
            except KafkaException as error:
                log.warning("seek_was_refused", topic=tp.topic, partition=tp.partition, why=error.args[0].str())

    def _good(self, messages: Iterable[Message]) -> list[Message]:
        good = []
        for message in messages:
            error = message.error()
            if error is None:
                good.append(message)
            elif error.fatal():
                raise Unavailable(f"The Kafka client gave up: {error.str()}.")
            elif error.code() not in (KafkaError._PARTITION_EOF, KafkaError.UNKNOWN_TOPIC_OR_PART):
                log.warning("kafka_complained", error=error.str())
        return good

    def _round(self, messages: list[Message], stop: Callable[[], bool]) -> None:
        """Sign, wait until it is kept, write the ledger, commit; try again with pauses until the broker takes it."""
        started = time.monotonic()
        pause, until = 0.5, started + self.settings.patience_s
        done = 0
        while True:
            try:
                done = self._sign_from(messages, done, stop)
                self._flush("signed events")
                if time.monotonic() - started > _SESSION_S / 2 and not self._is_member(surely=False):
                    # Frozen meanwhile: another signs these records, and its accounts are newer than ours.
                    log.warning("round_was_given_up", records=done)
                    self._give_up(messages)
                    return
                self._write_accounts()
                self._commit(messages[:done])
                self._answered = time.monotonic()
                return
            except Unavailable as error:
                if time.monotonic() + pause > until:
                    raise
                log.warning("kafka_was_away", retry_in_s=pause, why=str(error))
                done = 0  # what was kept will be repeated, and is told apart by its ids
                time.sleep(pause)
                pause = min(pause * 2, 10.0)

    def _give_up(self, messages: list[Message]) -> None:
        """Forget what we know, and read the round again if it should be ours after all."""
        firsts: dict[tuple[str, int], int] = {}
        for message in messages:
            firsts.setdefault((message.topic(), message.partition()), message.offset())
        self._book_is_stale = True
        with self._guard:
            self._mine.clear()
            self._standing += [TopicPartition(*place, offset) for place, offset in firsts.items()]

    def _sign_from(self, messages: list[Message], start: int, stop: Callable[[], bool]) -> int:
        """Sign and produce `messages` from `start`; how many are done: fewer than all when stopped while held back."""
        for position, message in enumerate(messages[start:], start):
            if not self._sign(message, stop):
                return position
        return len(messages)

    def _sign(self, message: Message, stop: Callable[[], bool]) -> bool:
        topic, headers = message.topic(), header_map(message.headers())
        try:
            if is_mark(headers):
                self._mine[self.book.mark(decode_mark(topic, headers, message.value()))] = (topic, message.partition())
                return True
            received = decode(topic, headers, message.value())
            batches = sign(received)
        except InvalidEvent as error:
            self._bury(message, error)
            return True
        for batch in batches:
            value = encode_signed(batch)
            if not self._wait_for_room(len(value), stop):
                return False
            self._produce(SIGNATURES, batch.block, value, paced=True)
        events = len(received.batch.events)
        self.signed += events
        self.book.receive(received.customer, received.batch.deployment, received.epoch, received.sequence, events)
        self._mine[f"{received.customer}/{received.epoch}"] = (topic, message.partition())
        return True

    def _bury(self, message: Message, error: InvalidEvent) -> None:
        self.dead += 1
        where = coordinate(message.topic(), message.partition(), message.offset())
        log.warning("record_was_buried", source=where, reason=reason_of(error.why))
        source = message.topic(), message.partition(), message.offset()
        headers = burial(*source, message.headers(), error.why, key=message.key())
        self._produce(DEAD_LETTER, where, message.value(), headers=headers)
        told = header_map(message.headers())
        epoch, sequence, deployment = (told.get(name, "") for name in ("fde_epoch", "fde_sequence", "ce_subject"))
        if 0 < len(epoch) <= 128 and len(deployment) <= 320 and sequence.isdecimal() and len(sequence) < 16:
            # It was received: the ledger must not say that it is missing.
            self.book.bury(customer_of(message.topic()), deployment, epoch, int(sequence))

    def _write_accounts(self) -> None:
        changed = set(self.book.changed)
        for record in self.book.records(changed):
            self._produce(LEDGER, record.key, encode_account(record))
        self._flush("the ledger")
        self.book.changed -= changed

    def _produce(self, topic: str, key: str, value: bytes | None, *, headers: Any = None, paced: bool = False) -> None:
        size = len(value or b"") if paced and self.pace is not None else 0
        if size and self.pace is not None:
            self.pace.sent(size)

        def landed(error: KafkaError | None, message: Message) -> None:
            if error is not None:
                self._failed.append(error.str())
            if size and self.pace is not None:
                self.pace.landed(message.partition(), -1 if error is not None else message.offset(), size)

        while True:
            try:
                self._producer.produce(topic, value, key=key, headers=headers, on_delivery=landed)
                self._producer.poll(0)
                return
            except BufferError:
                self._producer.poll(0.1)  # the client's own queue is full: let it drain

    def _flush(self, what: str) -> None:
        left = self._producer.flush(_FLUSH_S)
        failed, self._failed = self._failed, []
        if left or failed:
            raise Unavailable(f"Kafka did not keep {what}: {failed[0] if failed else f'no answer in {_FLUSH_S:g} s'}.")

    def _commit(self, messages: list[Message]) -> None:
        offsets: dict[tuple[str, int], int] = {}
        for message in messages:
            place = (message.topic(), message.partition())
            offsets[place] = max(offsets.get(place, 0), message.offset() + 1)
        if not offsets:
            return
        with self._guard:
            self._positions |= offsets
        try:
            self._consumer.commit(
                offsets=[TopicPartition(topic, partition, offset) for (topic, partition), offset in offsets.items()],
                asynchronous=False,
            )
        except KafkaException as error:
            # Taken away meanwhile, or the coordinator is away: the next owner signs them again, which repeats no effect.
            log.warning("commit_was_refused", why=error.args[0].str())

    def _wait_for_room(self, size: int, stop: Callable[[], bool]) -> bool:
        """Hold back until the fold has caught up; False when stopped meanwhile. The group membership is kept alive."""
        if self.pace is None or self.pace.has_room(size):
            return True
        try:
            while not stop():
                self._consumer.pause(self._consumer.assignment())  # again each time: a rebalance forgets it
                self._producer.poll(0.05)
                if self.pace.has_room(size):
                    return True
                came = self._consumer.poll(0)  # says that we live; a rebalance may let a record through
                self._held += self._good([came] if came is not None else [])
            return False
        finally:
            self._consumer.resume(self._consumer.assignment())

    def _check_broker(self) -> None:
        """Every few idle seconds, see that the broker is there; give up after the patience of the settings."""
        silent = time.monotonic() - self._answered
        if silent < 5:
            return
        try:
            self._consumer.list_topics(timeout=3)
            self._answered = time.monotonic()
        except KafkaException as error:
            log.warning("kafka_was_away", silent_s=round(silent))
            if silent > self.settings.patience_s:
                away = f"Kafka at {self.settings.bootstrap} has not answered for {silent:.0f} s: {error.args[0].str()}."
                raise Unavailable(away) from error
