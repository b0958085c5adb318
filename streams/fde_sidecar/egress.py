"""The egress log: a local record of everything that left, kept beside the spool for whoever owns the data.

Sink: the broker has it -> EgressLog.left() [on disk when it returns] -> the spool's cursor moves -> `fde egress`

It is written before the cursor moves: what left stands here, twice where it left twice. Segments are only appended to and
removed whole, oldest first, by age and by the byte cap; how many departures went that way is written at the next segment's
beginning. What a crash cut short at the end is cut off; damage in the middle is left where it is, and named by `verify`.
"""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import BinaryIO, Final

import structlog

from fde_events.errors import Unavailable
from fde_events.retention import EGRESS_LOG
from fde_sidecar.clock import now, parse_full
from fde_sidecar.departure import Departure, Opening, departure, is_torn, pack, unpack
from fde_sidecar.history import FOLDER, segments
from fde_sidecar.spool import Entry

log = structlog.get_logger(__name__)

RETENTION_DAYS: Final = EGRESS_LOG.days or 0.0
CAP_BYTES: Final = EGRESS_LOG.cap_bytes
SEGMENT_BYTES: Final = 4 * 1024 * 1024
_SEGMENT_AGE: Final = timedelta(days=1)
_VERSION: Final = 1
_RESERVE_BYTES: Final = 2 * 1024 * 1024  # more than what one turn lets out, compressed
_FULL: Final = (errno.ENOSPC, errno.EDQUOT)


@dataclass(slots=True)
class _Segment:
    bytes: int = 0
    count: int = 0
    first: str = ""
    last: str = ""


class EgressLog:
    """One spool's log of what left it, in `directory`/egress. Written by the session that holds the spool's lock."""

    def __init__(
        self,
        directory: Path,
        *,
        destination: str = "",
        cap_bytes: int = CAP_BYTES,
        retention_days: float = RETENTION_DAYS,
        segment_bytes: int = SEGMENT_BYTES,
    ) -> None:
        """`destination` stands where :meth:`left` is told none. :class:`Unavailable` when the log cannot be written."""
        self._directory = directory / FOLDER
        self._destination = destination
        self._cap, self._segment_bytes = cap_bytes, min(segment_bytes, max(1, cap_bytes // 4))
        self._retention = timedelta(days=retention_days)
        self._reserve, self._reserve_bytes = self._directory / "reserve", min(_RESERVE_BYTES, cap_bytes)
        self._segments: dict[int, _Segment] = {}
        self._removed = 0
        self._file: BinaryIO | None = None
        self.departures = 0  # written by this process
        try:
            self._directory.mkdir(parents=True, exist_ok=True)
            self._recover()
        except OSError as error:
            raise self._refused(error) from error
        self.expire()
        self._keep_reserve()

    @property
    def bytes(self) -> int:
        """Bytes on disk."""
        return sum(segment.bytes for segment in self._segments.values())

    def left(self, entries: Sequence[Entry], destination: str = "") -> None:
        """These entries are outside. On disk for good when it returns; entries without a value are passed over.

        A full disk costs the oldest segments first. :class:`Unavailable` when that does not help either: the cursor must
        not move then.
        """
        moment = now()
        found = [
            departure(entry, destination or self._destination, moment) for entry in entries if entry.value is not None
        ]
        if not found:
            return
        while True:
            try:
                self._begin(moment)
                self._append(found)
                break
            except OSError as error:
                if error.errno not in _FULL or not self._make_room():
                    raise self._refused(error) from error
        self.departures += len(found)

    def expire(self) -> None:
        """Remove what is too old. To be called now and then: nothing may leave for longer than the log may keep."""
        moment = now()
        if any(self._is_old(number, moment) for number in self._segments):
            try:
                self._turn_over(moment)
            except OSError as error:
                raise self._refused(error) from error

    def close(self) -> None:
        """Let go of the file."""
        if self._file is not None:
            self._file.close()
            self._file = None

    # --- inside ------------------------------------------------------------------------------------------------------
    def _append(self, found: Sequence[Departure]) -> None:
        assert self._file is not None
        segment = self._segments[max(self._segments)]
        start = segment.bytes
        data = b"".join(pack(one) for one in found)
        try:
            self._file.write(data)
            self._file.flush()
            os.fsync(self._file.fileno())
        except OSError:
            # Half of it must not stand before the whole that is written next.
            self._file.close()
            os.truncate(self._path(max(self._segments)), start)
            self._file = self._path(max(self._segments)).open("ab", buffering=0)
            raise
        segment.bytes += len(data)
        segment.count += len(found)
        segment.first = segment.first or found[0].left_at
        segment.last = found[-1].left_at

    def _begin(self, moment: str) -> None:
        """A new segment when this one is full or a day old; old ones go."""
        segment = self._segments.get(max(self._segments, default=0))
        if self._file is None or segment is None or segment.bytes >= self._segment_bytes:
            self._turn_over(moment)
        elif segment.first and _age(segment.first, moment) >= _SEGMENT_AGE:
            self._turn_over(moment)

    def _turn_over(self, moment: str) -> None:
        """Remove what is too old or too much, then begin a segment: its first frame says how much that was."""
        self.close()
        for number in sorted(self._segments):
            if not self._is_old(number, moment) and self.bytes <= self._cap - self._segment_bytes:
                break
            self._remove(number)
        self._rotate()
        self._keep_reserve()

    def _is_old(self, number: int, moment: str) -> bool:
        last = self._segments[number].last
        return bool(last) and _age(last, moment) > self._retention

    def _make_room(self) -> bool:
        """Remove the oldest segment that is not the one being written, and give up the reserve at last. False: nothing left.

        Without a reserve a full disk would be stuck: the spool waits for the log, which waits for the spool's bytes.
        """
        older = sorted(self._segments)[:-1]
        if older:
            self._remove(older[0])
        elif self._reserve.exists():
            self._reserve.unlink()
        else:
            return False
        return True

    def _keep_reserve(self) -> None:
        """Bytes of the disk that are the log's, whatever else fills it. On a disk without room for them it does without."""
        with contextlib.suppress(OSError):
            if self._reserve.exists():
                return
            with self._reserve.open("xb") as file:
                try:
                    os.posix_fallocate(file.fileno(), 0, self._reserve_bytes)
                except OSError:
                    self._reserve.unlink()

    def _remove(self, number: int) -> None:
        self._path(number).unlink(missing_ok=True)
        self._removed += self._segments.pop(number).count

    def _rotate(self) -> None:
        self.close()
        number = max(self._segments, default=0) + 1
        path = self._path(number)
        self._file = path.open("ab", buffering=0)
        opening = pack(Opening(_VERSION, self._removed))
        try:
            self._file.write(opening)
            os.fsync(self._file.fileno())
        except OSError:
            self.close()
            path.unlink(missing_ok=True)
            raise
        self._segments[number] = _Segment(bytes=len(opening))
        descriptor = os.open(self._directory, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def _recover(self) -> None:
        paths = segments(self._directory)
        intact = False
        for path in paths:
            segment, good = _Segment(), 0
            with path.open("rb") as file:
                for after, frame in unpack(file):
                    good = after
                    if isinstance(frame, Opening):
                        self._removed = max(self._removed, frame.removed)
                        continue
                    segment.count += 1
                    segment.first = segment.first or frame.left_at
                    segment.last = frame.left_at
                file.seek(good)
                rest = file.read() if path == paths[-1] else b""
            intact = not rest
            if rest and is_torn(rest):
                log.warning("egress_log_tail_was_torn", bytes=len(rest))
                os.truncate(path, good)
                intact = good > 0
            segment.bytes = path.stat().st_size
            self._segments[_number(path)] = segment
        if intact and paths:
            self._file = paths[-1].open("ab", buffering=0)
        else:
            self._rotate()

    def _path(self, number: int) -> Path:
        return self._directory / f"segment-{number:08d}.log"

    def _refused(self, error: OSError) -> Unavailable:
        return Unavailable(f"The egress log {self._directory} cannot be written: {error.strerror or error}.")


def _number(path: Path) -> int:
    return int(path.stem.removeprefix("segment-"))


def _age(then: str, moment: str) -> timedelta:
    before, after = parse_full(then), parse_full(moment) or datetime.now(UTC)
    return after - before if before else timedelta(0)
