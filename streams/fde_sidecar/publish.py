"""Publishing: spool entries to Kafka, in order, until the broker has acknowledged each.

Spool.unsent -> Publisher.turn() -> produce -> delivery callback -> Spool.acknowledge()

The cursor moves over a contiguous run of acknowledged entries only. When a delivery fails, everything from the cursor on is
sent again (idempotence inside the client, equal ids beyond it). Marks (:class:`EpochMark`) are sent beside the entries.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import structlog
from confluent_kafka import KafkaError, KafkaException, Message, Producer

from fde_events.errors import BadInput
from fde_events.kafka import producer_settings
from fde_events.ledger import EpochMark
from fde_events.record import encode_mark, framed
from fde_sidecar.client import read_client_settings
from fde_sidecar.clock import now
from fde_sidecar.pace import Pace, Unpaced
from fde_sidecar.spool import Entry, Place, Spool

log = structlog.get_logger(__name__)

_AHEAD_BYTES: Final = 4 * 1024 * 1024  # read from the spool and not acknowledged: bounds memory with the client's queue
_QUEUE_KBYTES: Final = 16 * 1024
_MARK_EVERY_S: Final = 5.0
_SAY_EVERY_S: Final = 60.0
_SAY_AFTER_S: Final = 1.0
_GIVE_UP_AFTER_S: Final = 2.0  # on the way out, with a broker known to be away: the spool keeps it, the pod must go
_RETRY_S: Final = (0.5, 1.0, 2.0, 5.0, 10.0)


@dataclass(slots=True)
class _Sent:
    after: Place
    size: int
    done: bool = False


class Publisher:
    """Sends one spool to one topic. `turn` never blocks for long and never raises for an absent broker."""

    def __init__(
        self,
        spool: Spool,
        *,
        topic: str,
        customer: str,
        deployment: str,
        bootstrap: str | None,
        settings: Mapping[str, Any] | None = None,
        settings_file: Path | None = None,
        pace: Pace | None = None,
    ) -> None:
        self._spool, self._topic, self._customer, self._deployment = spool, topic, customer, deployment
        self._bootstrap, self._settings, self._settings_file = bootstrap, dict(settings or {}), settings_file
        self._pace: Pace = pace or Unpaced()
        self._producer: Producer | None = None
        self._next = spool.cursor
        self._sent: list[_Sent] = []
        self._sent_bytes = 0
        self._generation = 0
        self._failures = 0
        self._not_before = 0.0
        self._trouble: str | None = None
        self._said = float("-inf")
        self._trouble_since = time.monotonic()
        self._marked = float("-inf")
        self.records = self.acknowledged = 0
        self._ours = spool.end  # what an earlier process left lies before this
        self._marks_under_way: set[str] = set()
        self._closed: set[str] = set()  # epochs whose closing mark the broker has

    @property
    def idle(self) -> bool:
        """Everything in the spool is acknowledged."""
        return not self._sent and self._spool.cursor >= self._spool.end

    def turn(self, current_epoch: str) -> None:
        """Send what may be sent, take in acknowledgements, and say once a minute when the broker is away."""
        moment = time.monotonic()
        if moment >= self._not_before and self._connect():
            self._send()
        if self._producer is not None:
            self._producer.poll(0)
        self._advance()
        if self._spool.cursor >= self._ours:
            for epoch in [epoch for epoch in self._spool.state.epochs if epoch != current_epoch]:
                self._mark(epoch, closed=True)
        if moment - self._marked >= _MARK_EVERY_S:
            self._marked = moment
            self._mark(current_epoch, closed=False)
        self._note_closed()
        self._speak(moment)

    def finish(self, current_epoch: str, timeout_s: float) -> bool:
        """On the way out: wait for acknowledgements, then close the epoch. False when something stays in the spool."""
        start = time.monotonic()
        deadline = start + timeout_s
        self._not_before = 0.0
        self._marked = float("inf")  # the next mark is the closing one
        while time.monotonic() < deadline:
            self.turn(current_epoch)
            if self._trouble is not None and time.monotonic() - start > _GIVE_UP_AFTER_S:
                break
            if self.idle:
                if current_epoch not in self._spool.state.epochs:
                    break
                self._mark(current_epoch, closed=True)
            if self._producer is not None:
                self._producer.poll(0.05)
            else:
                time.sleep(0.05)
        done = current_epoch not in self._spool.state.epochs
        if done and self.idle:
            self._spool.acknowledge(self._spool.end)
        return done

    def close(self) -> None:
        """Drop the connection; what is not acknowledged stays in the spool."""
        if self._producer is not None:
            self._producer.purge()
            self._producer.flush(0.2)
            self._producer = None

    # --- inside ------------------------------------------------------------------------------------------------------
    def _connect(self) -> bool:
        if self._producer is not None:
            return True
        if not self._bootstrap:
            self._fail("no broker is set (--brokers or FDE_BROKERS)")
            return False
        try:
            more = self._settings | (read_client_settings(self._settings_file) if self._settings_file else {})
        except BadInput as error:
            # Without these settings it would connect in the clear, or as nobody: it spools instead.
            self._fail(f"the Kafka client settings cannot be used, so there is no connection: {error}")
            return False
        limits = {
            "queue.buffering.max.kbytes": _QUEUE_KBYTES,
            "message.timeout.ms": 30_000,
            "linger.ms": 20,
            "error_cb": self._on_error,
            "logger": _quiet,
        }
        try:
            self._producer = Producer(producer_settings(self._bootstrap, **limits, **more))
        except (KafkaException, ValueError, TypeError) as error:
            # Wrong or absent credentials must not stop the application's neighbour.
            self._fail(f"the Kafka client refused its settings: {_short(error)}")
            return False
        return True

    def _send(self) -> None:
        assert self._producer is not None
        budget = _AHEAD_BYTES - self._sent_bytes
        if budget <= 0 or self._next >= self._spool.end:
            return
        for _, after, entry in self._spool.read(self._next, budget):
            if entry.value is None:
                self._sent.append(_Sent(after, 0, done=True))
                self._next = after
                continue
            record = framed(
                entry.value,
                deployment=self._deployment,
                epoch=entry.epoch,
                sequence=entry.sequence,
                time=entry.time,
            )
            size = len(entry.value) + 512
            if not self._pace.allows(size):
                return
            sent = _Sent(after, size)
            try:
                self._producer.produce(
                    self._topic,
                    key=record.key,
                    value=record.value,
                    headers=list(record.headers),
                    on_delivery=self._delivery(sent, self._generation),
                )
            except BufferError:
                self._pace.failed(size)
                return
            except KafkaException as error:
                self._pace.failed(size)
                self._fail(_short(error))
                return
            self._sent.append(sent)
            self._sent_bytes += size
            self.records += 1
            self._next = after

    def _delivery(self, sent: _Sent, generation: int) -> Callable[[KafkaError | None, Message], None]:
        def delivered(error: KafkaError | None, message: Message) -> None:
            if error is not None:
                self._pace.failed(sent.size)
                if generation == self._generation:
                    self._fail(error.str())
                    self._rewind(fatal=error.fatal())
                return
            self._pace.delivered(sent.size, message.partition() or 0, message.offset() or 0)
            if generation != self._generation:
                return
            sent.done = True
            self._reached()

        return delivered

    def _rewind(self, *, fatal: bool) -> None:
        """Send again from the cursor on; a fatal error of the idempotent producer needs a new one."""
        self._generation += 1
        self._sent.clear()
        self._sent_bytes = 0
        self._next = self._spool.cursor
        if self._producer is not None:
            self._producer.purge(in_flight=False)
            if fatal:
                self._producer = None

    def _advance(self) -> None:
        done = 0
        for sent in self._sent:
            if not sent.done:
                break
            done += 1
            self._sent_bytes -= sent.size
            if sent.size:
                self.acknowledged += 1
        if done:
            upto = self._sent[done - 1].after
            del self._sent[:done]
            self._spool.acknowledge(upto)
            if self._next < upto:
                self._next = upto

    def _mark(self, epoch: str, *, closed: bool) -> None:
        """Send the epoch's count, unless one is under way."""
        state = self._spool.state.epochs.get(epoch)
        if state is None or self._producer is None or epoch in self._marks_under_way or epoch in self._closed:
            return
        mark = EpochMark(
            customer=self._customer,
            deployment=self._deployment,
            epoch=epoch,
            highest=state.highest,
            closed=closed,
            events=state.events,
            time=now(),
            dropped=dict(state.dropped),
        )
        record = encode_mark(mark)

        def delivered(error: KafkaError | None, message: Message) -> None:
            self._marks_under_way.discard(epoch)
            if error is None:
                self._reached()
                if closed:
                    self._closed.add(epoch)

        try:
            self._producer.produce(
                self._topic, key=record.key, value=record.value, headers=list(record.headers), on_delivery=delivered
            )
        except (BufferError, KafkaException):
            return
        self._marks_under_way.add(epoch)

    def _note_closed(self) -> None:
        """Write down which epochs are closed, so that a later process does not close them again."""
        if not self._closed:
            return
        idle = self.idle
        for epoch in self._closed:
            self._spool.append(_closing(epoch))
        self._closed.clear()
        self._spool.commit()
        if idle:
            self._next = self._spool.end
            self._spool.acknowledge(self._next)

    def _reached(self) -> None:
        if self._trouble is not None:
            log.info("broker_reached", deployment=self._deployment, spooled_bytes=self._spool.unsent_bytes)
        self._trouble, self._failures = None, 0

    def _on_error(self, error: KafkaError) -> None:
        if error.code() in (
            KafkaError._ALL_BROKERS_DOWN,
            KafkaError._TRANSPORT,
            KafkaError._RESOLVE,
            KafkaError._AUTHENTICATION,
        ):
            self._trouble = self._trouble or error.str()

    def _fail(self, why: str) -> None:
        self._trouble = why
        self._not_before = time.monotonic() + _RETRY_S[min(self._failures, len(_RETRY_S) - 1)]
        self._failures += 1

    def _speak(self, moment: float) -> None:
        if self._trouble is None:
            self._trouble_since = moment
            return
        if moment - self._trouble_since < _SAY_AFTER_S or moment - self._said < _SAY_EVERY_S:
            return
        self._said = moment
        log.warning(
            "broker_away_spooling",
            deployment=self._deployment,
            reason=self._trouble,
            spooled_bytes=self._spool.unsent_bytes,
            cap_bytes=self._spool.cap_bytes,
            next_step="nothing is lost until the cap; check the broker's address, DNS and credentials",
        )


def _closing(epoch: str) -> Entry:
    return Entry(epoch="", sequence=-1, events=0, time="", value=None, closed=epoch)


def _short(error: BaseException) -> str:
    return str(error)[:200]


# librdkafka's own log lines go nowhere: `broker_away_spooling` says what matters, once a minute.
_quiet = logging.getLogger("fde_sidecar.librdkafka")
_quiet.addHandler(logging.NullHandler())
_quiet.propagate = False
