"""The egress log: a local record of everything that left, kept beside the spool for whoever owns the data.

Sink: the broker has it -> EgressLog.left() [on disk when it returns] -> the spool's cursor moves -> `fde egress`

It is written before the cursor moves: what left stands here, twice where it left twice. Segments are only appended to and
removed whole, oldest first, by age and by the byte cap; how many departures went that way is written at the next segment's
beginning. What a crash cut short at the end is cut off; damage in the middle is left where it is, and named by `verify`.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import BinaryIO, Final

import structlog

from fde_events.errors import BadInput, Unavailable
from fde_events.retention import EGRESS_LOG
from fde_sidecar.clock import now, parse_full
from fde_sidecar.departure import Departure, Opening, departure, is_torn, pack, unpack
from fde_sidecar.spool import Entry

log = structlog.get_logger(__name__)

FOLDER: Final = "egress"  # below a spool's directory
RETENTION_DAYS: Final = EGRESS_LOG.days or 0.0
CAP_BYTES: Final = EGRESS_LOG.cap_bytes
SEGMENT_BYTES: Final = 4 * 1024 * 1024
_SEGMENT_AGE: Final = timedelta(days=1)
_VERSION: Final = 1
_FULL: Final = (errno.ENOSPC, errno.EDQUOT)


@dataclass(frozen=True, slots=True)
class Damage:
    """A place in the log that cannot be read, and what follows it in that segment."""

    segment: str
    offset: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Removed:
    """Departures that age or the cap took out of the log."""

    count: int


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
        self._segments: dict[int, _Segment] = {}
        self._removed = 0
        self._file: BinaryIO | None = None
        self.departures = 0  # written by this process
        try:
            self._directory.mkdir(parents=True, exist_ok=True)
            self._recover()
        except OSError as error:
            raise self._refused(error) from error

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
            self._rotate()
        elif segment.first and _age(segment.first, moment) >= _SEGMENT_AGE:
            self._rotate()
        for number in sorted(self._segments)[:-1]:
            one = self._segments[number]
            if self.bytes <= self._cap and not (one.last and _age(one.last, moment) > self._retention):
                break
            self._remove(number)

    def _make_room(self) -> bool:
        """Remove the oldest segment that is not the one being written; False when there is none."""
        older = sorted(self._segments)[:-1]
        if not older:
            return False
        self._remove(older[0])
        return True

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


def read_log(directory: Path) -> Iterator[Departure | Damage | Removed]:
    """A log's departures in the order they were written; it may be written meanwhile. `directory` holds its segments.

    First what was removed, if anything was. Damage is told where it lies; an unfinished last write is none.
    """
    try:
        paths = segments(directory)
        told = False
        for path in paths:
            with path.open("rb") as file:
                good = 0
                for after, frame in unpack(file):
                    good = after
                    if isinstance(frame, Departure):
                        yield frame
                    elif frame.removed and not told:
                        yield Removed(frame.removed)
                    told = True
                file.seek(good)
                rest = file.read()
            if rest and not (path == paths[-1] and is_torn(rest)):
                yield Damage(path.name, good, len(rest))
    except OSError as error:
        raise BadInput(str(directory), f"the egress log cannot be read: {error.strerror or error}") from error


def segments(directory: Path) -> list[Path]:
    """A log's segment files, oldest first."""
    return sorted(directory.glob("segment-*.log"))


def logs_below(directory: Path) -> list[Path]:
    """The logs of a spool's directory, or of those in it (a sidecar has one a feed). :class:`BadInput` when there is none."""
    if not directory.is_dir():
        raise BadInput(str(directory), "is no directory; give the sidecar's --spool")
    found = [one for one in (directory, directory / FOLDER) if segments(one)]
    found = found[:1] or sorted({path.parent for path in directory.glob(f"*/{FOLDER}/segment-*.log")})
    if not found:
        raise BadInput(str(directory), "holds no egress log: it is no sidecar's spool, or nothing has left yet")
    return found


def _number(path: Path) -> int:
    return int(path.stem.removeprefix("segment-"))


def _age(then: str, moment: str) -> timedelta:
    before, after = parse_full(then), parse_full(moment) or datetime.now(UTC)
    return after - before if before else timedelta(0)
