"""The sink for where no outbound Kafka is allowed: sealed files in a directory, for a person to carry.

Spool -> BundleSink.turn() -> a bundle under a temporary name -> sealed (fsync, rename) -> left() -> Spool.acknowledge()

The cursor moves after the rename alone: what is not in a sealed bundle is in the spool. A crash between the two repeats
records under equal ids, as with a broker. Marks go into the bundles, so that the ledger proves what was carried.
"""

from __future__ import annotations

import contextlib
import time
from pathlib import Path
from typing import Final

import structlog

from fde_events.errors import Unavailable
from fde_events.ledger import EpochMark
from fde_events.retention import BUNDLES
from fde_events.topics import check_customer
from fde_sidecar.bundle import SUFFIX, VERSION, BundleWriter, Header
from fde_sidecar.clock import now
from fde_sidecar.sink import OnLeft
from fde_sidecar.spool import Entry, Place, Spool

log = structlog.get_logger(__name__)

SEAL_BYTES: Final = 16 * 1024 * 1024
SEAL_AFTER_S: Final = 300.0
CAP_BYTES: Final = BUNDLES.cap_bytes
_AHEAD_BYTES: Final = 4 * 1024 * 1024  # taken in one turn: bounds its time
_RETRY_S: Final = 5.0
_NOTE_AGAIN_S: Final = 1.0
_SAY_EVERY_S: Final = 60.0


class _NotNotedError(Exception):
    """The egress log did not take what left."""


class BundleSink:
    """A :class:`fde_sidecar.sink.Sink` into `directory`. A full or absent directory is trouble, told once a minute."""

    def __init__(
        self,
        spool: Spool,
        directory: Path,
        *,
        customer: str,
        deployment: str,
        seal_bytes: int = SEAL_BYTES,
        seal_after_s: float = SEAL_AFTER_S,
        cap_bytes: int = CAP_BYTES,
        on_left: OnLeft | None = None,
    ) -> None:
        """A bundle is sealed at `seal_bytes` or `seal_after_s` after its first record. Nothing is written once the bundles
        that wait in `directory` hold `cap_bytes`: the spool keeps it until somebody carries some away."""
        self._spool, self._directory = spool, directory
        self._customer, self._deployment = check_customer(customer), deployment
        self._seal_bytes, self._seal_after_s, self._cap = seal_bytes, seal_after_s, cap_bytes
        self._on_left = on_left
        self._writer: BundleWriter | None = None
        self._epoch = ""  # the writer's
        self._begun = 0.0
        self._next = spool.cursor
        self._ours = spool.end  # what an earlier process left lies before this
        self._earlier_ended = False  # epochs of earlier processes are closed
        self._not_before = 0.0
        self._said = float("-inf")
        self._sealed: tuple[str, Place, int] | None = None  # a bundle that the egress log does not have yet
        self._trouble: str | None = None
        self.acknowledged = 0
        self.last_acknowledged: float | None = None

    @property
    def idle(self) -> bool:
        """Everything in the spool is in sealed bundles."""
        return self._writer is None and self._sealed is None and self._spool.cursor >= self._spool.end

    @property
    def trouble(self) -> str | None:
        """Why no bundle can be written; None while they can."""
        return self._trouble

    def turn(self, current_epoch: str) -> None:
        """Write what is new, seal what is full or old enough, close epochs of earlier processes."""
        moment = time.monotonic()
        if moment < self._not_before:
            return
        try:
            self._note()
            self._take(current_epoch)
            if self._writer is not None and self._is_due(time.monotonic()):
                self._seal()
        except OSError as error:
            self._fail(moment, error.strerror or str(error))
        except _NotNotedError as error:
            self._hold(moment, error)
        else:
            self._trouble = None

    def hold(self) -> None:
        """Nothing is sealed. What was begun stays as it is, unless the spool was purged."""
        if self._next < self._spool.cursor:
            self.close()
            self._next = self._spool.cursor

    def finish(self, current_epoch: str, timeout_s: float) -> bool:
        """Everything into bundles, then the closing mark. False when something stays in the spool."""
        deadline = time.monotonic() + timeout_s
        try:
            self._note()
            while not self._took_all:
                if time.monotonic() >= deadline:
                    return False
                self._take(current_epoch)
            if current_epoch in self._spool.state.epochs:
                self._end(current_epoch)
        except OSError as error:
            self._fail(time.monotonic(), error.strerror or str(error))
            return False
        except _NotNotedError as error:
            self._hold(time.monotonic(), error)
            return False
        self._spool.acknowledge(self._spool.end)
        self._next = self._spool.end
        return True

    def close(self) -> None:
        """Leave no half bundle behind; the spool has what was in it."""
        if self._writer is not None:
            self._writer.abandon()
            self._writer = None

    # --- inside ------------------------------------------------------------------------------------------------------
    @property
    def _took_all(self) -> bool:
        return self._earlier_ended and self._next >= self._spool.end

    def _take(self, current_epoch: str) -> None:
        self.hold()
        budget = _AHEAD_BYTES
        if self._next < self._ours:
            budget = self._take_upto(self._ours, budget)
        if self._next >= self._ours and not self._earlier_ended:
            for epoch in sorted(one for one in self._spool.state.epochs if one != current_epoch):
                self._end(epoch)
            self._earlier_ended = True
        if self._earlier_ended and budget > 0:
            self._take_upto(self._spool.end, budget)

    def _take_upto(self, end: Place, budget: int) -> int:
        """Entries before `end` into bundles, about `budget` bytes of them; what is left of it."""
        for _, after, entry in self._spool.read(self._next, budget) if self._next < end else ():
            if entry.value is not None:
                if self._writer is not None and (self._epoch != entry.epoch or self._writer.size >= self._seal_bytes):
                    self._seal()
                if self._writer is None:
                    self._open(entry.epoch)
                assert self._writer is not None
                self._writer.add(entry)
                budget -= len(entry.value)
            self._next = after
            if budget <= 0 or after >= end:
                break
        if self._writer is None:
            self._spool.acknowledge(self._next)  # positions and counts alone
        return budget

    def _open(self, epoch: str) -> None:
        waiting = sum(path.stat().st_size for path in self._directory.glob(f"*{SUFFIX}"))
        if waiting >= self._cap:
            raise OSError(
                0,
                f"{waiting} bytes of bundles wait to be carried away, the cap is {self._cap}; take them in and remove them",
            )
        header = Header(VERSION, self._customer, self._deployment, epoch, now())
        self._writer = BundleWriter(self._directory, header)
        self._epoch, self._begun = epoch, time.monotonic()

    def _is_due(self, moment: float) -> bool:
        assert self._writer is not None
        return self._writer.size >= self._seal_bytes or moment - self._begun >= self._seal_after_s

    def _end(self, epoch: str) -> None:
        """Close an epoch of which nothing more will come: in the bundle that is being written, or in one of its own."""
        if self._writer is not None and self._epoch != epoch:
            self._seal()
        if self._writer is None:
            self._open(epoch)
        self._seal(closed=True)
        # Written down after the seal: a crash between them closes it once more, which says the same. So does a disk that
        # refuses: it is pending then, and the next commit's.
        with contextlib.suppress(Unavailable):
            self._spool.append(Entry(epoch="", sequence=-1, events=0, time="", value=None, closed=epoch))
            self._spool.commit()

    def _seal(self, *, closed: bool = False) -> None:
        """Seal what is being written with its epoch's mark; the cursor moves over what it holds."""
        writer = self._writer
        assert writer is not None
        if (mark := self._mark(self._epoch, writer, closed=closed)) is not None:
            writer.mark(mark)
        path = writer.seal()
        self._writer = None
        self._sealed = (path.name, self._next, writer.records)
        log.info(
            "bundle_sealed", deployment=self._deployment, bundle=path.name, records=writer.records, bytes=writer.size
        )
        self._note()

    def _note(self) -> None:
        """The egress log has what was sealed, then the cursor moves over it."""
        if self._sealed is None:
            return
        name, upto, records = self._sealed
        try:
            self._tell(name, upto)
        except Exception as error:  # whatever it is, it was not noted, so the cursor stays
            raise _NotNotedError(f"{type(error).__name__}: {error}") from error
        self._sealed = None
        self._spool.acknowledge(upto)
        if records:
            self.acknowledged += records
            self.last_acknowledged = time.monotonic()

    def _mark(self, epoch: str, writer: BundleWriter, *, closed: bool) -> EpochMark | None:
        """What the producer says of an epoch: all of it when it ends, what has been bundled of it before."""
        state = self._spool.state.epochs.get(epoch)
        if state is None:
            return None
        return EpochMark(
            customer=self._customer,
            deployment=self._deployment,
            epoch=epoch,
            highest=state.highest if closed else writer.last,
            closed=closed,
            events=state.events,
            time=now(),
            dropped=dict(state.dropped),
        )

    def _tell(self, name: str, upto: Place) -> None:
        """The egress log has it before the cursor moves. Read from the spool again: a bundle does not fit into memory."""
        if self._on_left is None:
            return
        chunk: list[Entry] = []
        size = 0
        at = self._spool.cursor
        while at < upto:
            before = at
            for _, after, entry in self._spool.read(at, _AHEAD_BYTES):
                at = after
                if entry.value is not None:
                    chunk.append(entry)
                    size += len(entry.value)
                if at >= upto or size >= _AHEAD_BYTES:
                    break
            if chunk:
                self._on_left(chunk, name)
            chunk, size = [], 0
            if at == before:
                break

    def _hold(self, moment: float, error: _NotNotedError) -> None:
        self._not_before = moment + _NOTE_AGAIN_S
        log.warning("egress_not_noted", deployment=self._deployment, reason=str(error))

    def _fail(self, moment: float, why: str) -> None:
        self.close()
        self._next = self._spool.cursor
        self._trouble = why
        self._not_before = moment + _RETRY_S
        if moment - self._said >= _SAY_EVERY_S:
            self._said = moment
            log.warning(
                "bundles_cannot_be_written",
                deployment=self._deployment,
                directory=str(self._directory),
                reason=why,
                spooled_bytes=self._spool.unsent_bytes,
                next_step="make room in it, or let this user write there; nothing is lost until the spool's cap",
            )
