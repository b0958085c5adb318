"""One session: from opening the spool to closing it, one producer epoch.

inputs -> Reading -> derive -> redact -> sample -> Batch -> spool (fsync) -> sink (Kafka or bundles) -> acknowledged

Turn after turn in one thread: read a bounded amount, write it down, send. Nothing unredacted goes beyond `_take`.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import structlog

from fde_events.errors import Unavailable
from fde_events.event import Event, kind_of
from fde_sidecar.batch import Batch, Settle
from fde_sidecar.clock import now
from fde_sidecar.derive import Derivation
from fde_sidecar.feed import Feed
from fde_sidecar.frame import IDLE_S
from fde_sidecar.probes import Vitals
from fde_sidecar.reading import Input, Reading
from fde_sidecar.redact import Redactor
from fde_sidecar.sample import COUNT_EVERY_S, Sampler
from fde_sidecar.settings import Settings, Summary
from fde_sidecar.sink import Sink, silence_s
from fde_sidecar.spool import Entry, Spool
from fde_sidecar.status import OTHER, REASONS, Status
from fde_sidecar.switch import State, Switch, strictest

log = structlog.get_logger(__name__)

_LINGER_S: Final = 0.2
_NOTE_EVERY_S: Final = 5.0  # how often positions alone are written down: reading INFO lines again does no harm
_TURN_S: Final = 0.1
_QUIET_TURN_S: Final = 0.25  # when nothing was new for a while: an idle sidecar costs next to nothing
_QUIET_AFTER_S: Final = 5.0
_SAY_EVERY_S: Final = 60.0
_TEND_EVERY_S: Final = 3600.0


def new_epoch() -> str:
    """A new id for this process's count: time first, so that epochs sort, then chance."""
    return f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(6)}"


@dataclass(frozen=True, slots=True)
class Parts:
    """What a session works with: made by :class:`fde_sidecar.sidecar.Sidecar`, which closes what outlives a session."""

    spool: Spool
    inputs: Sequence[Input]
    sink: Sink
    redactor: Callable[[Feed], tuple[Redactor, str]]  # and what a batch says of its redaction
    derivation: Derivation
    switch: Switch
    feed: Callable[[], Feed]
    wake: threading.Event
    vitals: Vitals
    tend: Callable[[], None]  # once an hour: what keeps stores small


class Session:
    """One producer epoch of one feed. :class:`Unavailable` when the spool cannot be used at all."""

    def __init__(self, settings: Settings, parts: Parts) -> None:
        self._settings, self._parts, self._spool = settings, parts, parts.spool
        self._feed = parts.feed()
        self._redactor, self._label = parts.redactor(self._feed)
        self._sampler = Sampler(self._feed.full, self._spool.state.withheld)
        self.epoch, self._sequence = new_epoch(), 0
        self._batch = Batch()
        self._unsettled: list[Settle] = []
        self.events: dict[str, int] = {}
        self.dropped: dict[str, int] = {}
        self._started = time.time()
        start = time.monotonic()
        self._written = self._counted = self._news = self._tended = start
        self._said = float("-inf")
        if self._spool.torn_bytes:
            log.warning("spool_tail_was_torn", deployment=self._feed.deployment, bytes=self._spool.torn_bytes)
        log.info(
            "sidecar_started",
            deployment=self._feed.deployment,
            epoch=self.epoch,
            signals=sorted(self._feed.signals),
            redaction=self._label,
            unsent_bytes=self._spool.unsent_bytes,
        )
        self._spool.append(Entry(epoch=self.epoch, sequence=-1, events=0, time=now(), value=None))
        self._spool.commit()
        parts.vitals.open = True

    def run(self, stop: threading.Event) -> None:
        """Turn after turn; on the way out read what is there, send it, close the epoch."""
        try:
            while not stop.is_set():
                self._parts.vitals.turn()
                busy = self._turn(final=False)
                if self._is_idle() or self._is_over():
                    break
                if not busy:
                    quiet = time.monotonic() - self._news > _QUIET_AFTER_S
                    self._parts.wake.wait(_QUIET_TURN_S if quiet else _TURN_S)
                    self._parts.wake.clear()
            self._parts.vitals.draining = True
            self._turn(final=True)
            self._release()
            self._write()
            self._commit()
        finally:
            self._settle(False)  # whoever still waits was not written down
        self._parts.derivation.save(now=True)
        if self._state() != "on" or not self._parts.sink.finish(self.epoch, self._settings.finish_s):
            log.warning(
                "stopped_with_unsent_records",
                deployment=self._feed.deployment,
                spooled_bytes=self._spool.unsent_bytes,
                next_step="the next start sends them under the same ids",
            )

    def summary(self) -> Summary:
        """The counts so far."""
        return Summary(
            read_bytes=self._read_bytes(),
            lines=self._lines(),
            events=sum(self.events.values()),
            records=self._sequence,
            acknowledged=self._parts.sink.acknowledged,
            dropped=dict(self.dropped),
        )

    def status(self) -> Status:
        """What metrics and probes show. Called from another thread: it reads single values and copies of counts."""
        lags = [one.lag for one in self._parts.inputs]
        sink = self._parts.sink
        return Status(
            epoch=self.epoch,
            started=self._started,
            switch=self._state(),
            read_bytes=self._read_bytes(),
            lines=self._lines(),
            lag_bytes=sum(waiting for waiting, _ in lags),
            lag_s=max((seconds for _, seconds in lags), default=0.0),
            spool_bytes=self._spool.bytes,
            spool_cap_bytes=self._spool.cap_bytes,
            unsent_bytes=self._spool.unsent_bytes,
            events=dict(self.events),
            records=self._sequence,
            acknowledged=sink.acknowledged,
            acknowledged_ago_s=silence_s(sink),
            dropped=dict(self.dropped),
            redactions=dict(self._redactor.counts),
            trouble=sink.trouble,
        )

    # --- one turn ----------------------------------------------------------------------------------------------------
    def _turn(self, *, final: bool) -> bool:
        moment = time.monotonic()
        self._take_up_feed()
        state = self._state()
        # While the disk refuses nothing more is read: files wait where they are, senders are told to come again.
        busy = self._commit() and state != "off" and self._read(final=final)
        if busy:
            self._news = moment
        if moment - self._counted >= COUNT_EVERY_S:
            self._counted = moment
            self._release()
        waited = moment - self._written
        if (self._batch.urgent and waited >= _LINGER_S) or (self._batch.noteworthy and waited >= _NOTE_EVERY_S):
            self._write()
        self._commit()
        self._parts.derivation.save()
        if moment - self._tended >= _TEND_EVERY_S:
            self._tended = moment
            self._parts.tend()
        if state == "on":
            self._parts.sink.turn(self.epoch)
        elif state == "off" and self._parts.switch.purges:
            self._purge()
        return busy

    def _read(self, *, final: bool) -> bool:
        """Whether there was anything to read."""
        before = self._read_bytes()
        for one in self._parts.inputs:
            for reading in one.poll(final=final):
                self._take(reading)
                if self._batch.full:
                    self._write()
        return before != self._read_bytes()

    def _take(self, reading: Reading) -> None:
        """One reading as it was read; nothing unredacted goes beyond this method."""
        if reading.settled is not None:
            if not self._spool.admits("error", waiting=self._batch.bytes):
                reading.settled(False)  # its sender can wait, unlike a log file that is rotated away
                return
            self._batch.settles.append(reading.settled)
        for event in self._parts.derivation.of(reading, self._feed):
            self._let_out(event)
        for reason, count in reading.dropped.items():
            self._drop(reason, count)
        self._batch.forgotten.extend(reading.forgotten)
        if (position := reading.position) is not None:
            self._batch.positions[(position.device, position.inode)] = position

    def _let_out(self, raw: Event) -> None:
        kind = kind_of(raw)
        self.events[kind] = self.events.get(kind, 0) + 1
        clean = self._redactor.event(raw)
        if not self._spool.admits(kind, waiting=self._batch.bytes):
            self._drop(f"spool-full:{kind}", 1)
            return
        withheld = self._sampler.take(clean)
        if withheld is None:
            self._batch.add(clean)
        else:
            self._batch.withheld.append(withheld)

    def _release(self) -> None:
        """The minute's counts: one event a shape."""
        for shape, event in self._sampler.due():
            self._batch.released.append(shape)
            self._batch.add(event)

    def _drop(self, reason: str, count: int) -> None:
        # It leaves with the epoch's mark: only words of ours, whoever named the reason.
        if reason.partition(":")[0] not in REASONS:
            reason = "sdk" if reason.startswith("sdk-") else OTHER
        self._batch.drop(reason, count)
        self.dropped[reason] = self.dropped.get(reason, 0) + count

    def _write(self) -> None:
        """The batch as spool entries, so that events and positions are on disk together."""
        batch, self._batch = self._batch, Batch()
        self._written = time.monotonic()
        self._unsettled.extend(batch.settles)
        if not batch.noteworthy:
            return
        for entry in batch.entries(
            epoch=self.epoch,
            sequence=self._sequence,
            time=now(),
            deployment=self._feed.deployment,
            redaction=self._label,
        ):
            self._spool.append(entry)
            self._sequence = max(self._sequence, entry.sequence + 1)

    def _commit(self) -> bool:
        """Whether all that was appended is on disk; a disk that refuses is asked again next turn, and told once a minute."""
        try:
            self._spool.commit()
        except Unavailable as error:
            if time.monotonic() - self._said >= _SAY_EVERY_S:
                self._said = time.monotonic()
                log.warning("spool_unavailable", deployment=self._feed.deployment, reason=str(error))
            return False
        self._said = float("-inf")
        self._settle(True)
        return True

    def _settle(self, kept: bool) -> None:
        unsettled, self._unsettled = self._unsettled, []
        if not kept:
            unsettled += self._batch.settles
            self._batch.settles = []
        for settle in unsettled:
            settle(kept)

    def _read_bytes(self) -> int:
        return sum(one.read_bytes for one in self._parts.inputs)

    def _lines(self) -> int:
        return sum(getattr(one, "lines", 0) for one in self._parts.inputs)

    # --- consent -----------------------------------------------------------------------------------------------------
    def _state(self) -> State:
        """Feed and switch together: neither opens what the other closed."""
        return strictest(self._feed.egress, self._parts.switch.state())

    def _take_up_feed(self) -> None:
        """A changed feed, or a rotated key, takes effect between two readings, and never inside a batch."""
        feed = self._parts.feed()
        redactor, label = self._parts.redactor(feed)
        if feed is self._feed and redactor is self._redactor:
            return
        self._write()
        log.info(
            "feed_changed",
            deployment=feed.deployment,
            signals=sorted(feed.signals),
            redaction=label,
        )
        self._feed, self._redactor, self._label = feed, redactor, label

    def _purge(self) -> None:
        """The switch says that what is spooled must go: counted, never silently."""
        self._batch = Batch(positions=self._batch.positions, forgotten=self._batch.forgotten)
        for _ in self._sampler.due():
            pass
        for reason, count in self._spool.purge().items():
            self._drop(reason, count)
        self._write()
        self._commit()

    def _is_over(self) -> bool:
        """Whether nothing will ever come: standard input was all there is to read, and it has ended."""
        if self._settings.logs or self._settings.otlp is not None or self._batch.noteworthy:
            return False
        return all(getattr(one, "finished", True) for one in self._parts.inputs) and self._parts.sink.idle

    def _is_idle(self) -> bool:
        limit = self._settings.until_idle
        if limit is None or time.monotonic() - self._news < max(limit, IDLE_S):
            return False
        quiet = not any(one.pending for one in self._parts.inputs) and not self._batch.urgent
        return quiet and self._parts.sink.idle
