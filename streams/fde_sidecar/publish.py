"""Publishing: spool entries to Kafka, in order, until the broker has acknowledged each.

Spool.read -> Publisher.turn() -> produce -> delivery callback -> on_left (egress log) -> Spool.acknowledge()

The cursor moves over a contiguous run of acknowledged entries only, and only when `on_left` has taken note of them. When a
delivery fails, everything from the cursor on is sent again (idempotence inside the client, equal ids beyond it). Marks
(:class:`EpochMark`) are sent beside the entries. A record that the broker finds too large is tried alone, then in parts
(:mod:`fde_sidecar.oversize`).
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import structlog
from confluent_kafka import KafkaError, KafkaException, Message, Producer

from fde_events.errors import BadInput, Unavailable
from fde_events.kafka import producer_settings
from fde_events.record import Record, encode_mark, framed
from fde_sidecar.client import read_client_settings
from fde_sidecar.marks import closing, mark_of
from fde_sidecar.outage import REFUSED, TOPIC_MISSING, Outage
from fde_sidecar.oversize import Split
from fde_sidecar.pace import Pace, Unpaced
from fde_sidecar.spool import Entry, Place, Spool

log = structlog.get_logger(__name__)

_AHEAD_BYTES: Final = 4 * 1024 * 1024  # read from the spool and not acknowledged: bounds memory with the client's queue
_QUEUE_KBYTES: Final = 16 * 1024
_MARK_EVERY_S: Final = 5.0
_GIVE_UP_AFTER_S: Final = 2.0  # on the way out, with a broker known to be away: the spool keeps it, the pod must go
_ANEW_AFTER: Final = 3  # failures of a kind that a new client may see the end of sooner
_TOO_LARGE: Final = frozenset({KafkaError.MSG_SIZE_TOO_LARGE, KafkaError.INVALID_MSG_SIZE})

OnLeft = Callable[[Sequence[Entry], str], None]
Delivered = Callable[[KafkaError | None, Message], None]


@dataclass(slots=True)
class _Sent:
    after: Place
    size: int
    entry: Entry | None = None
    done: bool = False


class Publisher:
    """Sends one spool to one topic. `turn` never blocks for long and never raises for an absent broker.

    `on_left` is given the acknowledged entries and ``kafka:<topic>`` before the cursor moves over them; what it raises holds
    the cursor back, and the same entries are given to it again. `acknowledged` counts records, `last_acknowledged` is
    monotonic seconds (None: not yet).
    """

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
        on_left: OnLeft | None = None,
    ) -> None:
        self._spool, self._topic, self._customer, self._deployment = spool, topic, customer, deployment
        self._bootstrap, self._settings, self._settings_file = bootstrap, dict(settings or {}), settings_file
        self._pace: Pace = pace or Unpaced()
        self._on_left = on_left
        self._producer: Producer | None = None
        self._read_at: float | None = None  # the settings file's time of change when it was read
        self._next = spool.cursor
        self._made_after = 0  # failures when the client was made
        self._sent: list[_Sent] = []
        self._sent_bytes = 0
        self._generation = 0
        self._outage = Outage(deployment)
        self._held_until = 0.0
        self._marked = float("-inf")
        self.records = self.acknowledged = 0
        self.last_acknowledged: float | None = None
        self._ours = spool.end  # what an earlier process left lies before this
        self._marks_under_way: set[str] = set()
        self._closed: set[str] = set()  # epochs whose closing mark the broker has
        self._alone: tuple[str, int] | None = None  # epoch and sequence of a record that was refused among others
        self._split: Split | None = None
        self._split_waits = False
        self._recalled = False  # what was sent came back unsent: `hold`

    @property
    def idle(self) -> bool:
        """Everything in the spool is acknowledged."""
        return not self._sent and self._split is None and self._spool.cursor >= self._spool.end

    @property
    def trouble(self) -> str | None:
        """Why nothing gets there, in the client's words; None while it does."""
        return self._outage.why

    @property
    def unsent_bytes(self) -> int:
        """Bytes in the spool that the broker has not acknowledged."""
        return self._spool.unsent_bytes

    def turn(self, current_epoch: str) -> None:
        """Send what may be sent, take in acknowledgements, and say once a minute when the broker is away."""
        moment = time.monotonic()
        if self._recalled:
            self._start_anew()
        if self._next < self._spool.cursor:  # what we had read was purged
            self._next = self._spool.cursor
        if moment >= self._outage.not_before and self._connect():
            self._send()
        if self._producer is not None:
            self._producer.poll(0)
        self._advance(moment)
        if self._spool.cursor >= self._ours:
            for epoch in [epoch for epoch in self._spool.state.epochs if epoch != current_epoch]:
                self._mark(epoch, closed=True)
        if moment - self._marked >= _MARK_EVERY_S:
            self._marked = moment
            self._mark(current_epoch, closed=False)
        self._note_closed()
        self._outage.speak(moment, self._spool.unsent_bytes, self._spool.cap_bytes)

    def hold(self) -> None:
        """Nothing more is sent: what the client has queued is taken back. What is on its way is waited for, and noted."""
        if self._producer is None:
            return
        if self._sent or self._marks_under_way:
            self._producer.purge(in_flight=False)
        self._producer.poll(0)
        self._advance(time.monotonic())
        if self._recalled and not len(self._producer):
            self._start_anew()

    def finish(self, current_epoch: str, timeout_s: float) -> bool:
        """On the way out: wait for acknowledgements, then close the epoch. False when something stays in the spool."""
        start = time.monotonic()
        deadline = start + timeout_s
        self._outage.not_before = 0.0
        self._marked = float("inf")  # the next mark is the closing one
        while time.monotonic() < deadline:
            self.turn(current_epoch)
            if self._outage.why is not None and time.monotonic() - start > _GIVE_UP_AFTER_S:
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
        self._disconnect(0.2)

    # --- the connection ----------------------------------------------------------------------------------------------
    def _connect(self) -> bool:
        if self._producer is not None and self._stale():
            self._rewind()
            self._disconnect(0.0)
        if self._producer is not None:
            return True
        if not self._bootstrap:
            self._outage.fail("no broker is set (--brokers or FDE_BROKERS)")
            return False
        try:
            self._read_at = _changed(self._settings_file)
            more = self._settings | (read_client_settings(self._settings_file) if self._settings_file else {})
        except BadInput as error:
            # Without these settings it would connect in the clear, or as nobody: it spools instead.
            self._outage.fail(f"the Kafka client settings cannot be used, so there is no connection: {error}")
            return False
        self._made_after = self._outage.failures
        limits = {
            "queue.buffering.max.kbytes": _QUEUE_KBYTES,
            "message.timeout.ms": 30_000,
            "linger.ms": 20,
            "reconnect.backoff.max.ms": 5_000,
            "error_cb": self._outage.heard,
            "logger": _quiet,
        }
        try:
            self._producer = Producer(producer_settings(self._bootstrap, **(limits | more)))
        except (KafkaException, ValueError, TypeError) as error:
            # Wrong or absent credentials must not stop the application's neighbour.
            self._outage.fail(f"the Kafka client refused its settings: {str(error)[:200]}")
            return False
        return True

    def _stale(self) -> bool:
        """Whether a new client would fare better: other credentials lie there now, or the topic may have been made."""
        outage = self._outage
        if outage.why is None:
            return False
        if self._settings_file is not None and _changed(self._settings_file) != self._read_at:
            return True
        return outage.code in TOPIC_MISSING | REFUSED and outage.failures >= self._made_after + _ANEW_AFTER

    def _disconnect(self, wait_s: float) -> None:
        producer, self._producer = self._producer, None
        self._marks_under_way.clear()
        if producer is not None:
            producer.purge()
            producer.flush(wait_s)

    # --- sending -----------------------------------------------------------------------------------------------------
    def _send(self) -> None:
        if self._split is not None:
            self._send_part(self._split)
            return
        budget = _AHEAD_BYTES - self._sent_bytes
        if budget <= 0 or self._next >= self._spool.end:
            return
        for _, after, entry in self._spool.read(self._next, budget):
            if entry.value is None:
                self._sent.append(_Sent(after, 0, done=True))
                self._next = after
                continue
            alone = (entry.epoch, entry.sequence) == self._alone
            if alone and self._sent_bytes:
                return  # the others first
            if not self._send_entry(entry, after):
                return
            if alone:
                return

    def _send_entry(self, entry: Entry, after: Place) -> bool:
        assert entry.value is not None
        record = framed(
            entry.value, deployment=self._deployment, epoch=entry.epoch, sequence=entry.sequence, time=entry.time
        )
        sent = _Sent(after, len(entry.value) + 512, entry)
        if not self._pace.allows(sent.size):
            return False
        try:
            self._produce(record, self._delivery(sent, self._generation))
        except BufferError:
            self._pace.failed(sent.size)
            return False
        except KafkaException as error:
            self._pace.failed(sent.size)
            self._failed(error.args[0], entry)
            return False
        self._sent.append(sent)
        self._sent_bytes += sent.size
        self.records += 1
        self._next = after
        return True

    def _produce(self, record: Record, delivered: Delivered) -> None:
        assert self._producer is not None
        headers = list(record.headers)
        self._producer.produce(self._topic, key=record.key, value=record.value, headers=headers, on_delivery=delivered)

    def _delivery(self, sent: _Sent, generation: int) -> Delivered:
        def delivered(error: KafkaError | None, message: Message) -> None:
            if error is not None:
                self._pace.failed(sent.size)
                if generation != self._generation:
                    return
                if error.code() == KafkaError._PURGE_QUEUE:
                    self._recalled = True
                else:
                    self._failed(error, sent.entry)
                return
            self._pace.delivered(sent.size, message.partition() or 0, message.offset() or 0)
            if generation != self._generation:
                return
            sent.done = True
            if sent.entry is not None and (sent.entry.epoch, sent.entry.sequence) == self._alone:
                self._alone = None
            self._reached()

        return delivered

    def _failed(self, error: KafkaError, entry: Entry | None) -> None:
        """One record was not taken: everything from the cursor on goes again."""
        if error.code() in _TOO_LARGE and entry is not None:
            # The limit holds for what travels together, so it is tried by itself before it is cut.
            name = (entry.epoch, entry.sequence)
            if self._alone == name:
                log.warning("record_too_large_for_broker", deployment=self._deployment, events=entry.events)
                self._split, self._alone = Split(entry, self._customer, self._deployment), None
            else:
                self._alone = name
            self._rewind()
            return
        self._outage.fail(error.str(), error.code())
        self._rewind()
        if error.fatal():
            self._disconnect(0.0)

    def _start_anew(self) -> None:
        """Another client: this one's sequence has a hole where messages were taken back, and the broker would refuse what follows."""
        self._rewind()
        self._disconnect(0.0)

    def _rewind(self) -> None:
        """Send again from the cursor on."""
        self._generation += 1
        self._recalled = False
        self._sent.clear()
        self._sent_bytes = 0
        self._next = self._spool.cursor
        self._split_waits = False
        if self._producer is not None:
            self._producer.purge(in_flight=False)

    def _send_part(self, split: Split) -> None:
        """A record in parts, one at a time. It is the first that is not acknowledged."""
        if self._split_waits:
            return
        generation = self._generation

        def delivered(error: KafkaError | None, message: Message) -> None:
            if generation != self._generation:
                return
            self._split_waits = False
            if error is None:
                split.taken()
                self._reached()
            elif error.code() in _TOO_LARGE:
                split.refused()
            elif error.code() != KafkaError._PURGE_QUEUE:
                self._outage.fail(error.str(), error.code())

        try:
            self._produce(split.record(), delivered)
        except BufferError:
            return
        except KafkaException as error:
            delivered(error.args[0], None)  # refused before it left
        else:
            self._split_waits = True

    # --- acknowledged ------------------------------------------------------------------------------------------------
    def _advance(self, moment: float) -> None:
        if self._split is not None and self._split.done:
            self._end_split()
        done = 0
        while done < len(self._sent) and self._sent[done].done:
            done += 1
        if not done or moment < self._held_until:
            return
        left = [sent.entry for sent in self._sent[:done] if sent.entry is not None]
        if left and self._on_left is not None:
            try:
                self._on_left(left, f"kafka:{self._topic}")
            except Exception as error:  # noqa: BLE001  whatever it is, it was not noted, so the cursor stays
                self._held_until = moment + 1.0
                log.warning("egress_not_noted", deployment=self._deployment, reason=f"{type(error).__name__}: {error}")
                return
        upto = self._sent[done - 1].after
        self._sent_bytes -= sum(sent.size for sent in self._sent[:done])
        del self._sent[:done]
        if left:
            self.acknowledged += len(left)
            self.last_acknowledged = moment
        self._spool.acknowledge(upto)
        if self._next < upto:
            self._next = upto

    def _end_split(self) -> None:
        """All parts are there: the record itself counts as acknowledged."""
        self._split = None
        for _, after, entry in self._spool.read(self._next, 1 << 62):
            self._sent.append(_Sent(after, 0, entry if entry.value is not None else None, done=True))
            self._next = after
            if entry.value is not None:
                return

    def _mark(self, epoch: str, *, closed: bool) -> None:
        """Send the epoch's count, unless one is under way."""
        state = self._spool.state.epochs.get(epoch)
        if state is None or self._producer is None or epoch in self._marks_under_way or epoch in self._closed:
            return
        producer = self._producer

        def delivered(error: KafkaError | None, message: Message) -> None:
            if producer is self._producer:
                self._marks_under_way.discard(epoch)
            if error is None:
                self._reached()
                if closed:
                    self._closed.add(epoch)

        try:
            mark = mark_of(self._customer, self._deployment, epoch, state, closed=closed)
            self._produce(encode_mark(mark), delivered)
        except (BufferError, KafkaException):
            return
        self._marks_under_way.add(epoch)

    def _note_closed(self) -> None:
        """Write down which epochs are closed, so that a later process does not close them again."""
        if not self._closed:
            return
        idle = self.idle
        for epoch in self._closed:
            self._spool.append(closing(epoch))
        self._closed.clear()
        try:
            self._spool.commit()
        except Unavailable:  # it is pending, and the next commit's
            return
        if idle:
            self._next = self._spool.end
            self._spool.acknowledge(self._next)

    def _reached(self) -> None:
        self._outage.reached(self._spool.unsent_bytes)


def _changed(path: Path | None) -> float | None:
    try:
        return None if path is None else path.stat().st_mtime
    except OSError:
        return None


# librdkafka's own log lines go nowhere: `broker_away_spooling` says what matters, once a minute.
_quiet = logging.getLogger("fde_sidecar.librdkafka")
_quiet.addHandler(logging.NullHandler())
_quiet.propagate = False
