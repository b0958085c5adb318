"""One feed's sidecar: read, redact, derive, sample, spool, publish.

Follower -> event_of -> Redactor -> rate_limit_of -> consent -> Sampler -> Spool -> Publisher

It never harms the application: it only reads its files, it starts without broker, DNS or credentials, its memory is bounded
by the publisher's window and its disk by the spool's cap. A full disk pauses it (the log itself keeps the lines).
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import msgspec
import structlog

from fde_events.errors import Unavailable
from fde_events.event import ErrorEvent, Event, EventBatch, kind_of
from fde_events.record import encode
from fde_events.topics import check_customer, telemetry
from fde_sidecar.clock import now
from fde_sidecar.feed import Feed
from fde_sidecar.follow import FileKey, Follower
from fde_sidecar.frame import IDLE_S
from fde_sidecar.pace import GroupPace, Pace, Unpaced
from fde_sidecar.parse import event_of
from fde_sidecar.pseudonym import key_beside, read_key
from fde_sidecar.publish import Publisher
from fde_sidecar.ratelimit import rate_limit_of
from fde_sidecar.redact import Redactor, Withhold
from fde_sidecar.sample import COUNT_EVERY_S, Sampler
from fde_sidecar.spool import DEFAULT_CAP_BYTES, Entry, Position, Spool, Withheld

log = structlog.get_logger(__name__)

_BATCH_EVENTS: Final = 100
_BATCH_BYTES: Final = 200 * 1024
_LINGER_S: Final = 0.2
_NOTE_EVERY_S: Final = 5.0  # how often positions alone are written down: reading INFO lines again does no harm
_TURN_S: Final = 0.1
_DISK_RETRY_S: Final = 5.0


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything one sidecar needs. `brokers` None: it spools. `until_idle` seconds: leave when nothing is new for so long.

    `kafka` are more client settings (security.protocol, sasl.*), `kafka_file` a file of them: while that cannot be used,
    nothing is sent. `pace_group`: the reader to stay close to on the
    embedded broker. `spool` is this feed's own directory; `key_file` the customer's pseudonym key. `withhold` is strict mode's:
    see :mod:`fde_sidecar.redact`.
    """

    feed: Feed
    customer: str
    logs: tuple[str, ...]
    spool: Path
    brokers: str | None = None
    kafka: Mapping[str, Any] = field(default_factory=dict)
    kafka_file: Path | None = None
    key_file: Path | None = None
    cap_bytes: int = DEFAULT_CAP_BYTES
    pace_group: str | None = None
    until_idle: float | None = None
    finish_s: float = 10.0
    withhold: Withhold | None = None

    def __post_init__(self) -> None:
        if self.feed.mode == "strict" and self.withhold is None:
            raise ValueError("a feed in strict mode needs `withhold`")


class Summary(msgspec.Struct, kw_only=True):
    """What one run did. `acknowledged` counts records the broker has; `dropped` events by reason."""

    read_bytes: int = 0
    lines: int = 0
    events: int = 0
    records: int = 0
    acknowledged: int = 0
    dropped: dict[str, int] = {}

    def add(self, other: Summary) -> None:
        """Sum of two runs."""
        self.read_bytes += other.read_bytes
        self.lines += other.lines
        self.events += other.events
        self.records += other.records
        self.acknowledged += other.acknowledged
        for reason, count in other.dropped.items():
            self.dropped[reason] = self.dropped.get(reason, 0) + count


@dataclass(slots=True)
class _Batch:
    """What goes into the next spool entry, all or nothing."""

    events: list[Event] = field(default_factory=list)
    bytes: int = 0
    positions: dict[FileKey, Position] = field(default_factory=dict)
    withheld: list[Withheld] = field(default_factory=list)
    released: list[str] = field(default_factory=list)
    dropped: dict[str, int] = field(default_factory=dict)
    forgotten: list[FileKey] = field(default_factory=list)

    @property
    def urgent(self) -> bool:
        return bool(self.events or self.withheld)

    @property
    def noteworthy(self) -> bool:
        return bool(self.urgent or self.positions or self.released or self.dropped or self.forgotten)

    @property
    def full(self) -> bool:
        return len(self.events) >= _BATCH_EVENTS or self.bytes >= _BATCH_BYTES


def new_epoch() -> str:
    """A new id for this process's count: time first, so that epochs sort, then chance."""
    return f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(6)}"


class Sidecar:
    """One feed's sidecar, usable in a thread: ``Sidecar(settings).run(stop)``. `pace` is shared by those of a topic."""

    def __init__(self, settings: Settings, *, pace: Pace | None = None) -> None:
        check_customer(settings.customer)
        self._settings = settings
        self._topic = telemetry(settings.customer).name
        key = read_key(settings.key_file) if settings.key_file else None
        self._key = key if key is not None else key_beside(settings.spool.parent, settings.customer)
        self._pace, self._own = pace, None if pace else self._own_pace()
        self._session: _Session | None = None
        self.summary = Summary()

    def summary_now(self) -> Summary:
        """The counts of the run under way; of the whole run when it is over."""
        session = self._session
        return self.summary if session is None else session.summary()

    def run(self, stop: threading.Event) -> Summary:
        """Until `stop`, or until idle if so set. A disk that refuses is tried again; nothing read is taken as done."""
        try:
            return self._run(stop)
        finally:
            if self._own is not None:
                self._own.close()

    def _run(self, stop: threading.Event) -> Summary:
        while True:
            try:
                session = _Session(self._settings, self._topic, self._key, self._pace or self._own or Unpaced())
            except Unavailable as error:
                log.warning("spool_unavailable", deployment=self._settings.feed.deployment, reason=str(error))
                if stop.wait(_DISK_RETRY_S):
                    return self.summary
                continue
            self._session = session
            try:
                session.run(stop)
            except Unavailable as error:
                log.warning("spool_unavailable", deployment=self._settings.feed.deployment, reason=str(error))
                if stop.wait(_DISK_RETRY_S):
                    return self.summary
                continue
            finally:
                self.summary.add(session.summary())
                self._session = None
                session.close()
            return self.summary

    def _own_pace(self) -> GroupPace | None:
        settings = self._settings
        if not (settings.pace_group and settings.brokers):
            return None
        return GroupPace(settings.brokers, settings.pace_group, self._topic)


class _Session:
    """From opening the spool to closing it: one producer epoch."""

    def __init__(self, settings: Settings, topic: str, key: bytes, pace: Pace) -> None:
        self._settings, self._feed = settings, settings.feed
        self._spool = Spool(settings.spool, cap_bytes=settings.cap_bytes)
        state = self._spool.state
        self._redactor = Redactor(key, self._feed.mode, settings.withhold)
        self._sampler = Sampler(self._feed.full, state.withheld)
        self._follower = Follower(settings.logs, state.positions)
        self._publisher = Publisher(
            self._spool,
            topic=topic,
            customer=settings.customer,
            deployment=self._feed.deployment,
            bootstrap=settings.brokers or self._feed.brokers,
            settings=settings.kafka,
            settings_file=settings.kafka_file,
            pace=pace,
        )
        self._epoch, self._sequence = new_epoch(), 0
        self._batch = _Batch()
        self._events = 0
        self._dropped: dict[str, int] = {}
        self._noted = {"undecodable": 0, "cut": 0}
        start = time.monotonic()
        self._written = self._counted = self._news = start
        if self._spool.torn_bytes:
            log.warning("spool_tail_was_torn", deployment=self._feed.deployment, bytes=self._spool.torn_bytes)
        log.info(
            "sidecar_started",
            deployment=self._feed.deployment,
            epoch=self._epoch,
            signals=sorted(self._feed.signals),
            redaction=self._redactor.label,
            unsent_bytes=self._spool.unsent_bytes,
        )
        self._spool.append(Entry(epoch=self._epoch, sequence=-1, events=0, time=now(), value=None))
        self._spool.commit()

    def run(self, stop: threading.Event) -> None:
        """Turn after turn; on the way out read what is there, send it, close the epoch."""
        while not stop.is_set():
            busy = self._turn(final=False)
            if self._is_idle():
                break
            if not busy:
                stop.wait(_TURN_S)
        self._turn(final=True)
        self._release()
        self._write()
        self._spool.commit()
        if not self._publisher.finish(self._epoch, self._settings.finish_s):
            log.warning(
                "stopped_with_unsent_records",
                deployment=self._feed.deployment,
                spooled_bytes=self._spool.unsent_bytes,
                next_step="the next start sends them under the same ids",
            )

    def summary(self) -> Summary:
        """The counts so far."""
        return Summary(
            read_bytes=self._follower.read_bytes,
            lines=self._follower.lines,
            events=self._events,
            records=self._sequence,
            acknowledged=self._publisher.acknowledged,
            dropped=dict(self._dropped),
        )

    def close(self) -> None:
        """Let go of files, broker and spool."""
        self._publisher.close()
        self._follower.close()
        try:
            self._spool.close()
        except Unavailable as error:
            log.warning("spool_unavailable", deployment=self._feed.deployment, reason=str(error))

    # --- one turn ----------------------------------------------------------------------------------------------------
    def _turn(self, *, final: bool) -> bool:
        before = self._follower.read_bytes
        moment = time.monotonic()
        for file, record in self._follower.poll(final=final):
            event = event_of(record, file.clock, file.name)
            if event is not None:
                self._take(event)
            self._batch.positions[file.key] = file.position(record)
            if self._batch.full:
                self._write()
        self._batch.forgotten.extend(self._follower.forgotten())
        self._note_losses()
        busy = self._follower.read_bytes != before
        if busy:
            self._news = moment
        if moment - self._counted >= COUNT_EVERY_S:
            self._counted = moment
            self._release()
        waited = moment - self._written
        if (self._batch.urgent and waited >= _LINGER_S) or (self._batch.noteworthy and waited >= _NOTE_EVERY_S):
            self._write()
        self._spool.commit()
        self._publisher.turn(self._epoch)
        return busy

    def _take(self, raw: ErrorEvent) -> None:
        """One event as it was printed; nothing unredacted goes beyond this method."""
        # Derived from the raw text: redaction may take away what names the vendor.
        limit = rate_limit_of(raw) if "rateLimit" in self._feed.signals else None
        for event in (raw, limit):
            if event is None or not self._feed.lets_out(event):
                continue
            self._events += 1
            clean = self._redactor.event(event)
            if not self._spool.admits(important=isinstance(clean, ErrorEvent)):
                self._drop(f"spool-full:{kind_of(clean)}", 1)
                continue
            withheld = self._sampler.take(clean)
            if withheld is not None:
                self._batch.withheld.append(withheld)
            else:
                self._add(clean)

    def _add(self, event: Event) -> None:
        self._batch.events.append(event)
        self._batch.bytes += 600 + len(getattr(event, "exception_stacktrace", None) or "")
        self._batch.bytes += 2 * len(getattr(event, "body", None) or "")

    def _release(self) -> None:
        """The minute's counts: one event a shape."""
        for shape, event in self._sampler.due():
            self._batch.released.append(shape)
            self._add(event)

    def _drop(self, reason: str, count: int) -> None:
        self._batch.dropped[reason] = self._batch.dropped.get(reason, 0) + count
        self._dropped[reason] = self._dropped.get(reason, 0) + count

    def _note_losses(self) -> None:
        """Bytes replaced or cut are no lost events; they are counted under reasons of their own."""
        for reason, total in (("undecodable", self._follower.undecodable), ("cut", self._follower.cut)):
            new = total - self._noted[reason]
            if new > 0:
                self._noted[reason] = total
                self._drop(f"{reason}-bytes", new)

    def _write(self) -> None:
        """The batch as one spool entry, so that events and positions are on disk together."""
        batch, self._batch = self._batch, _Batch()
        self._written = time.monotonic()
        if not batch.noteworthy:
            return
        moment = now()
        value, sequence = None, -1
        rest: list[Event] = []
        if batch.events:
            sequence = self._sequence
            value, rest = self._encoded(batch.events, sequence, moment)
            self._sequence += 1
        self._spool.append(
            Entry(
                epoch=self._epoch,
                sequence=sequence,
                events=len(batch.events) - len(rest),
                time=moment,
                value=value,
                # With a rest to follow, positions wait for it: a crash between the two must read it again.
                positions=[] if rest else list(batch.positions.values()),
                withheld=[] if rest else batch.withheld,
                released=[] if rest else batch.released,
                dropped={} if rest else batch.dropped,
                forgotten=[] if rest else batch.forgotten,
            )
        )
        if rest:
            batch.events, batch.bytes = rest, 0
            self._batch = batch
            self._write()

    def _encoded(self, events: list[Event], sequence: int, moment: str) -> tuple[bytes, list[Event]]:
        """As many of `events` as one record may hold, and the others."""
        count = len(events)
        while True:
            batch = EventBatch(
                deployment=self._feed.deployment, events=tuple(events[:count]), redaction=self._redactor.label
            )
            try:
                return encode(batch, epoch=self._epoch, sequence=sequence, time=moment).value, events[count:]
            except ValueError:
                if count == 1:  # the parser caps a body and a stack far below a record; escapes may still double them
                    events[0] = msgspec.structs.replace(
                        events[0], **{"exception_stacktrace": None} if isinstance(events[0], ErrorEvent) else {}
                    )
                count = max(1, count // 2)

    def _is_idle(self) -> bool:
        limit = self._settings.until_idle
        if limit is None or time.monotonic() - self._news < max(limit, IDLE_S):
            return False
        return not self._follower.pending and not self._batch.urgent and self._publisher.idle
