"""One session: from opening the spool to closing it, one producer epoch.

inputs -> Reading -> Sieve (derive, redact, sample) -> Batch -> spool (fsync) -> sink (Kafka or bundles) -> acknowledged

Turn after turn in one thread: read a bounded amount, write it down, send. Nothing unredacted goes beyond the sieve. What a
feed takes away (a signal, standard mode) holds for what is read and counted from then on; what stands in the spool was let
out when it was taken, and is held or destroyed by the switch.
"""

from __future__ import annotations

import contextlib
import secrets
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import structlog

from fde_events.errors import Unavailable
from fde_sidecar.batch import Batch, Settle
from fde_sidecar.clock import now
from fde_sidecar.derive import Derivation
from fde_sidecar.feed import Feed
from fde_sidecar.frame import IDLE_S
from fde_sidecar.probes import Vitals
from fde_sidecar.reading import Input
from fde_sidecar.redact import Redactor
from fde_sidecar.sample import COUNT_EVERY_S
from fde_sidecar.settings import Settings, Summary
from fde_sidecar.sieve import Sieve
from fde_sidecar.sink import Sink, silence_s
from fde_sidecar.spool import Entry, Spool
from fde_sidecar.status import Status
from fde_sidecar.switch import State, Switch, strictest

log = structlog.get_logger(__name__)

_LINGER_S: Final = 0.2
_NOTE_EVERY_S: Final = 5.0  # how often positions alone are written down: reading INFO lines again does no harm
_TURN_S: Final = 0.1
_QUIET_TURN_S: Final = 0.25  # when nothing was new for a while: an idle sidecar costs next to nothing
_QUIET_AFTER_S: Final = 5.0
_TRICKLE_BYTES: Final = 32 * 1024  # a turn that read less waits for more: lines that come one by one are read together
_SAY_EVERY_S: Final = 60.0
_TEND_EVERY_S: Final = 3600.0
_LOOKS: Final = 5


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
        feed = parts.feed()
        self._sieve = Sieve(parts.spool, parts.derivation, feed, *parts.redactor(feed))
        self.epoch, self._sequence = new_epoch(), 0
        self._unsettled: list[Settle] = []
        self._held = self._state()  # what feed and switch said when this turn began
        self._purged = False
        # Inputs that outlive a session bring their figures along.
        self._began_at = self._totals()
        self._started = time.time()
        start = time.monotonic()
        self._written = self._counted = self._news = self._tended = start
        self._said = float("-inf")
        if self._spool.torn_bytes:
            log.warning("spool_tail_was_torn", deployment=feed.deployment, bytes=self._spool.torn_bytes)
        log.info(
            "sidecar_started",
            deployment=feed.deployment,
            epoch=self.epoch,
            signals=sorted(feed.signals),
            redaction=self._sieve.label,
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
                read = self._turn(final=False)
                if self._is_idle() or self._is_over():
                    break
                if read < _TRICKLE_BYTES:
                    quiet = time.monotonic() - self._news > _QUIET_AFTER_S
                    self._parts.wake.wait(_QUIET_TURN_S if quiet else _TURN_S)
                    self._parts.wake.clear()
            self._parts.vitals.draining = True
            self._turn(final=True)
            self._release()
            self._commit()
        finally:
            self._settle(False)  # whoever still waits was not written down
        self._parts.derivation.save(now=True)
        held = self._state()
        if held != "on" or not self._parts.sink.finish(self.epoch, self._settings.finish_s):
            log.warning(
                "stopped_with_unsent_records",
                reason=self._parts.sink.trouble or ("no answer in time" if held == "on" else f"the switch says {held}"),
                deployment=self._sieve.feed.deployment,
                spooled_bytes=self._spool.unsent_bytes,
                next_step="the next start sends them under the same ids",
            )

    def summary(self) -> Summary:
        """The counts so far."""
        read_bytes, lines = self._totals()
        return Summary(
            read_bytes=read_bytes - self._began_at[0],
            lines=lines - self._began_at[1],
            events=sum(dict(self._sieve.events).values()),
            records=self._sequence,
            acknowledged=self._parts.sink.acknowledged,
            dropped=dict(self._sieve.dropped),
        )

    def status(self) -> Status:
        """What metrics and probes show. Called from another thread: it reads single values and copies of counts."""
        for _ in range(_LOOKS):
            try:
                return self._status()
            except RuntimeError:  # a file was opened or a segment begun while it was counted
                continue
        return self._status()

    def _status(self) -> Status:
        read_bytes, lines = self._totals()
        lags = [one.lag for one in self._parts.inputs]
        sink = self._parts.sink
        return Status(
            epoch=self.epoch,
            started=self._started,
            switch=self._held,
            read_bytes=read_bytes,
            lines=lines,
            lag_bytes=sum(waiting for waiting, _ in lags),
            lag_s=max((seconds for _, seconds in lags), default=0.0),
            spool_bytes=self._spool.bytes,
            spool_cap_bytes=self._spool.cap_bytes,
            unsent_bytes=self._spool.unsent_bytes,
            events=dict(self._sieve.events),
            records=self._sequence,
            acknowledged=sink.acknowledged,
            acknowledged_ago_s=silence_s(sink),
            dropped=dict(self._sieve.dropped),
            redactions=dict(self._sieve.redactor.counts),
            trouble=sink.trouble,
        )

    # --- one turn ----------------------------------------------------------------------------------------------------
    def _turn(self, *, final: bool) -> int:
        """Bytes that were read."""
        moment = time.monotonic()
        self._take_up_feed()
        state = self._held = self._state()
        # While the disk refuses nothing more is read: files wait where they are, senders are told to come again.
        read = self._read(final=final, off=state == "off") if self._commit() else 0
        if read:
            self._news = moment
        if moment - self._counted >= COUNT_EVERY_S:
            self._counted = moment
            self._release()
        waited, batch = moment - self._written, self._sieve.batch
        if (batch.urgent and waited >= _LINGER_S) or (batch.noteworthy and waited >= _NOTE_EVERY_S):
            self._write()
        self._commit()
        self._parts.derivation.save()
        if moment - self._tended >= _TEND_EVERY_S:
            self._tended = moment
            self._tend()
        self._send(state)
        return read

    def _send(self, state: State) -> None:
        if state == "on":
            self._parts.sink.turn(self.epoch)
        else:
            self._parts.sink.hold()
        if state == "off" and self._parts.switch.purges:
            self._purged = self._purged or self._purge()
        else:
            self._purged = False

    def _read(self, *, final: bool, off: bool) -> int:
        """Bytes that were read. An input's readings are taken to their last: what it gave out, it does not give again."""
        before = self._totals()[0]
        for one in self._parts.inputs:
            if off and one.name == "files":
                continue  # they wait where they are; pipes and senders do not
            for reading in one.poll(final=final):
                if off:
                    self._sieve.turn_away(reading)
                    continue
                self._sieve.take(reading)
                if self._sieve.batch.full:
                    self._write()
        return self._totals()[0] - before

    def _release(self) -> None:
        """The minute's counts. They are written at once: what is counted from now on must not be taken for released."""
        for _ in self._sieve.release():
            if self._sieve.batch.full:
                self._write()
        self._write()

    def _write(self) -> None:
        """The batch as spool entries, so that events and positions are on disk together."""
        batch, self._sieve.batch = self._sieve.batch, Batch()
        self._written = time.monotonic()
        if batch.noteworthy:
            for entry in batch.entries(
                epoch=self.epoch,
                sequence=self._sequence,
                time=now(),
                deployment=self._sieve.feed.deployment,
                redaction=self._sieve.label,
            ):
                # A refusal is the next commit's to tell: what was appended is pending, and nothing of it is lost.
                with contextlib.suppress(Unavailable):
                    self._spool.append(entry)
                self._sequence = max(self._sequence, entry.sequence + 1)
            if batch.unfit:
                self._sieve.dropped["too-large"] = self._sieve.dropped.get("too-large", 0) + batch.unfit
        self._unsettled.extend(batch.settles)  # last: a commit on the way has not written all of it

    def _commit(self) -> bool:
        """Whether all that was appended is on disk; a disk that refuses is asked again next turn, and told once a minute."""
        try:
            self._spool.commit()
        except Unavailable as error:
            self._say(error)
            return False
        self._said = float("-inf")
        self._settle(True)
        return True

    def _say(self, error: Unavailable) -> None:
        if time.monotonic() - self._said >= _SAY_EVERY_S:
            self._said = time.monotonic()
            log.warning("spool_unavailable", deployment=self._sieve.feed.deployment, reason=str(error))

    def _settle(self, kept: bool) -> None:
        unsettled, self._unsettled = self._unsettled, []
        if not kept:
            unsettled += self._sieve.batch.settles
            self._sieve.batch.settles = []
        for settle in unsettled:
            settle(kept)

    def _tend(self) -> None:
        try:
            self._parts.tend()
        except Unavailable as error:  # what is too old goes an hour later
            log.warning("egress_log_not_tended", deployment=self._sieve.feed.deployment, reason=error.what)

    def _totals(self) -> tuple[int, int]:
        """Bytes and lines that the inputs have read."""
        inputs = self._parts.inputs
        return sum(one.read_bytes for one in inputs), sum(getattr(one, "lines", 0) for one in inputs)

    # --- consent -----------------------------------------------------------------------------------------------------
    def _state(self) -> State:
        """Feed and switch together: neither opens what the other closed."""
        return strictest(self._sieve.feed.egress, self._parts.switch.state())

    def _take_up_feed(self) -> None:
        """A changed feed, or a rotated key, takes effect between two readings, and never inside a batch."""
        sieve, feed = self._sieve, self._parts.feed()
        redactor, label = self._parts.redactor(feed)
        if feed is sieve.feed and redactor is sieve.redactor:
            return
        full, narrower = sieve.feed.full, sieve.narrows(feed)
        if not narrower:
            self._release()  # under the key and the name that it was redacted with
        sieve.adopt(feed, redactor, label)
        if narrower:
            self._release()  # what it took away does not leave as a count either
        if feed.full != full:
            sieve.count_from(feed.full)
        log.info("feed_changed", deployment=feed.deployment, signals=sorted(feed.signals), redaction=label)

    def _purge(self) -> bool:
        """The switch says that what is spooled must go: counted, never silently. Whether it is done."""
        self._write()  # what waits in memory goes with the rest, and is counted with it
        try:
            purged = self._spool.purge()
        except Unavailable as error:
            self._say(error)
            return False
        self._sieve.forget()
        for reason, count in purged.items():
            self._sieve.drop(reason, count)
        self._write()
        return self._commit()

    def _is_over(self) -> bool:
        """Whether nothing will ever come: standard input was all there is to read, and it has ended."""
        if self._settings.logs or self._settings.otlp is not None or self._sieve.batch.noteworthy:
            return False
        return all(getattr(one, "finished", True) for one in self._parts.inputs) and self._parts.sink.idle

    def _is_idle(self) -> bool:
        limit = self._settings.until_idle
        if limit is None or time.monotonic() - self._news < max(limit, IDLE_S):
            return False
        quiet = not any(one.pending for one in self._parts.inputs) and not self._sieve.batch.urgent
        return quiet and self._parts.sink.idle
