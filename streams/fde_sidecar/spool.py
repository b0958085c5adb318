"""The spool: a write-ahead log on disk between reading and publishing.

batch + input positions -> append() -> commit() [write, fsync] -> read() -> Kafka's acknowledgement -> acknowledge()

An entry holds the record to send *and* where the inputs stood after it, so that both are there after a crash or neither is.
What is appended lives in memory until it is committed, and nobody else sees it before: neither a reader nor `state`. When a
commit fails, nothing is taken for written: the segment is cut back to what was synced before, and the next commit writes
all of it again into a new file (after a failed fsync a second one says yes to pages that are gone).

Every segment begins with a snapshot of what must outlive the segments before it, which go when all they hold is
acknowledged. `cursor.json` names the first entry not acknowledged; losing it only repeats records, under the same ids.
Damage inside a segment costs what stands on the damaged bytes and no more; it is counted and told, never silent.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final, Literal

import msgspec
import structlog

from fde_events.errors import Unavailable
from fde_sidecar.cursor import Cursor, read_cursor, save_cursor
from fde_sidecar.disk import Disk, put
from fde_sidecar.entry import Entry, EpochState, Place, Position, SpoolState, Withheld, encode_frame, read_frame
from fde_sidecar.segment import Hole, begins_after, numbers_in, path_of, read_some, scan

__all__ = [
    "DEFAULT_CAP_BYTES",
    "Disk",
    "Entry",
    "EpochState",
    "Place",
    "Position",
    "Spool",
    "SpoolState",
    "Withheld",
]

log = structlog.get_logger(__name__)

SEGMENT_BYTES: Final = 8 * 1024 * 1024
DEFAULT_CAP_BYTES: Final = 256 * 1024 * 1024
LOW_PRIORITY_SHARE: Final = 0.5
# Up to which share of the cap each kind is still taken in: the first errors of an outage are worth more than its figures.
SHARES: Final = {"error": 1.0, "schema_drift": 0.75, "rate_limit": LOW_PRIORITY_SHARE, "performance": 0.35}
DAMAGED: Final = "spool-damaged-bytes"
PURGED: Final = "purged"
_PENDING_BYTES: Final = 4 * 1024 * 1024  # appended and not committed: more than that is committed on the way

Kind = Literal["error", "schema_drift", "rate_limit", "performance"]


class Spool:
    """One sidecar's spool directory. Not shared between processes: `lock` refuses a second one.

    Every method that touches the disk raises :class:`Unavailable` when the disk refuses; calling it again is the way on.
    """

    def __init__(
        self,
        directory: Path,
        *,
        cap_bytes: int = DEFAULT_CAP_BYTES,
        segment_bytes: int = SEGMENT_BYTES,
        disk: Disk | None = None,
    ) -> None:
        self._directory, self.cap_bytes, self._segment_bytes = directory, cap_bytes, segment_bytes
        self._disk = disk or Disk()
        self.state = SpoolState()
        self.torn_bytes = self.damaged_bytes = 0
        self._sizes: dict[int, int] = {}  # synced bytes by segment
        self._holes: dict[int, tuple[Hole, ...]] = {}
        self._values: dict[int, int] = {}  # entries to send, by segment
        self._told: dict[int, int] = {}  # damaged bytes of a segment that stand in some epoch's count
        self._cursor = Place(0, 0)
        self._cursor_saved = True
        self._file: int | None = None  # the segment written to; None: the next commit opens one
        self._pending: list[tuple[Entry, bytes]] = []
        self._pending_bytes = 0
        self._number = self._head = 0
        try:
            directory.mkdir(parents=True, exist_ok=True)
            self._lock = _locked(directory / "lock")
        except OSError as error:
            raise self._refused("used", error) from error
        try:
            self._recover()
        except BaseException as error:  # whatever it was, the directory is free again
            os.close(self._lock)
            if isinstance(error, OSError):
                raise self._refused("used", error) from error
            raise

    # --- reading -----------------------------------------------------------------------------------------------------
    @property
    def unsent_bytes(self) -> int:
        """Bytes from the cursor to the end, those included that are not committed yet."""
        after = sum(size for number, size in self._sizes.items() if number >= self._cursor.segment)
        return after - (self._cursor.offset if self._cursor.segment in self._sizes else 0) + self._pending_bytes

    @property
    def bytes(self) -> int:
        """Bytes on disk."""
        return sum(self._sizes.values())

    @property
    def end(self) -> Place:
        """Where the committed entries end."""
        last = max(self._sizes)
        return Place(last, self._sizes[last])

    @property
    def cursor(self) -> Place:
        """The first entry that is not acknowledged."""
        return self._cursor

    def admits(self, kind: Kind | str = "error", *, waiting: int = 0) -> bool:
        """Whether an event of this kind may still be spooled: errors longest, then drift, rate limits, performance.

        `waiting`: bytes that were admitted and are not appended yet.
        """
        return self.unsent_bytes + waiting < self.cap_bytes * SHARES.get(kind, LOW_PRIORITY_SHARE)

    def read(self, start: Place, limit_bytes: int) -> Iterator[tuple[Place, Place, Entry]]:
        """Committed entries from `start`: (its place, the place after it, the entry), about `limit_bytes` of them."""
        taken = 0
        for number in sorted(segment for segment in self._sizes if segment >= start.segment):
            offset = start.offset if number == start.segment else 0
            size = self._sizes.get(number, 0)  # a segment may go while its reader waits
            while taken < limit_bytes and offset < size:
                try:
                    data = read_some(path_of(self._directory, number), offset, size)
                except OSError as error:
                    raise self._refused("read", error) from error
                at = 0
                while taken < limit_bytes and (found := read_frame(data, at)) is not None:
                    entry, length = found
                    after = Place(number, offset + at + length)
                    yield Place(number, offset + at), after, entry
                    at += length
                    taken += length
                if taken >= limit_bytes:
                    return
                offset += at
                if not at:  # a hole, known since the start or made while we ran
                    known = [hole for hole in self._holes.get(number, ()) if hole[0] <= offset < hole[1]]
                    offset = known[0][1] if known else self._new_hole(number, offset)

    def _new_hole(self, number: int, offset: int) -> int:
        """Damage that came after the start. It is counted; returns where reading goes on."""
        found = scan(path_of(self._directory, number), lambda _: None)
        size = self._sizes[number]
        onward = next((end for begin, end in found.holes if begin <= offset < end), size)
        self._holes[number] = (*self._holes.get(number, ()), (offset, onward))
        self._damage(number, onward - offset)
        return onward

    # --- writing -----------------------------------------------------------------------------------------------------
    def append(self, entry: Entry) -> None:
        """Add an entry; on disk for good, and seen by readers, after `commit`. ValueError for one beyond any size."""
        if entry.epoch and (untold := self._untold()):
            # Nobody has to remember: the next entry of an epoch carries the damage into its count, and so into its mark.
            entry = msgspec.structs.replace(entry, dropped={**entry.dropped, DAMAGED: untold})
            self._told, self._cursor_saved = {number: self._damage_of(number) for number in self._holes}, False
        numbered = msgspec.structs.replace(entry, number=self._number + 1)
        frame = encode_frame(numbered)
        self._number += 1
        self._pending.append((numbered, frame))
        self._pending_bytes += len(frame)
        if self._pending_bytes >= _PENDING_BYTES:
            self.commit()

    def commit(self) -> None:
        """Group commit: everything appended is on disk when this returns. After :class:`Unavailable` it is still pending."""
        while self._pending:
            try:
                self._write_some()
            except OSError as error:
                self._give_up_segment()
                raise self._refused("written", error) from error
        if not self._cursor_saved:
            self._save_cursor()

    def acknowledge(self, upto: Place) -> None:
        """The broker has everything before `upto`: move the cursor and remove segments that are done."""
        if upto <= self._cursor:
            return
        self._cursor = self._normal(upto)
        self._save_cursor()
        with contextlib.suppress(OSError):  # what cannot be removed now goes with the next acknowledgement or start
            for number in [segment for segment in self._sizes if segment < self._cursor.segment]:
                self._remove(number)
            last = max(self._sizes)
            if upto == Place(last, self._sizes[last]) and self._full:
                self._begin_segment()
                self._remove(last)
                self._cursor = Place(max(self._sizes), 0)
                self._save_cursor()

    def purge(self) -> dict[str, int]:
        """Forget everything that is not sent: how many events, under the reason `purged`. Positions and epochs stay."""
        self.commit()
        events = sum(entry.events for _, _, entry in self.read(self._cursor, 1 << 62) if entry.value is not None)
        events += sum(one.count for one in self.state.withheld.values())
        self.state.withheld.clear()
        old = list(self._sizes)
        try:
            self._begin_segment()
            self._cursor = Place(max(self._sizes), 0)
            self._save_cursor()
            for number in old:
                self._remove(number)
            self._disk.sync_directory(self._directory)
        except OSError as error:
            raise self._refused("emptied", error) from error
        return {PURGED: events} if events else {}

    def close(self) -> None:
        """Commit and let go of the directory. What a full disk refuses is cut off, or was never written."""
        try:
            self.commit()
        finally:
            file, self._file = self._file, None
            if file is not None:
                with contextlib.suppress(OSError):
                    self._disk.close(file)
            os.close(self._lock)

    @property
    def _full(self) -> bool:
        """Whether the last segment holds enough, its snapshot left aside."""
        return self._sizes[max(self._sizes)] - self._head >= self._segment_bytes

    # --- one commit --------------------------------------------------------------------------------------------------
    def _write_some(self) -> None:
        """As much of what is pending as the segment takes, synced; a full segment makes room for the next."""
        if self._file is None or self._full:
            self._begin_segment()
        assert self._file is not None
        number = max(self._sizes)
        count, size, limit = 0, 0, max(1, self._segment_bytes + self._head - self._sizes[number])
        while count < len(self._pending) and size < limit:
            size += len(self._pending[count][1])
            count += 1
        written = self._pending[:count]
        put(self._disk, self._file, b"".join(frame for _, frame in written))
        self._disk.sync(self._file)
        # From here on it is committed: no system call may stand between the sync and these lines.
        self._sizes[number] += size
        del self._pending[:count]
        self._pending_bytes -= size
        for entry, _ in written:
            self.state.take(entry)
            self._values[number] += entry.value is not None

    def _begin_segment(self) -> None:
        """A new segment that begins with the state as it is committed. The one before goes if it has nothing to send."""
        number = max(self._sizes, default=0) + 1
        path = path_of(self._directory, number)
        before, self._file = self._file, None
        if before is not None:
            with contextlib.suppress(OSError):
                self._disk.close(before)
        file = self._disk.open(path)
        try:
            self._disk.truncate(file, 0)  # what a failed attempt left under this name
            self._file = file
            snapshot = self.state.snapshot()
            put(self._disk, file, snapshot)
            self._disk.sync(file)
            self._disk.sync_directory(self._directory)
        except OSError:
            self._file = None
            with contextlib.suppress(OSError):
                self._disk.close(file)
            with contextlib.suppress(OSError):
                self._disk.unlink(path)
            raise
        self._sizes[number], self._values[number], self._head = len(snapshot), 0, len(snapshot)
        with contextlib.suppress(OSError):
            for empty in [one for one in self._sizes if one < number and not self._values[one]]:
                self._remove(empty)  # positions and counts alone: the snapshot says it all. Keeps a full spool bounded.

    def _give_up_segment(self) -> None:
        """A write or a sync failed: cut back to what was synced, and write into another file from now on."""
        file, self._file = self._file, None
        if file is None:
            return
        with contextlib.suppress(OSError):  # what stays behind is written again and counts once, by its number
            self._disk.truncate(file, self._sizes[max(self._sizes)])
        with contextlib.suppress(OSError):
            self._disk.close(file)

    def _remove(self, number: int) -> None:
        self._disk.unlink(path_of(self._directory, number))
        self._sizes.pop(number, None)
        self._values.pop(number, None)
        self._holes.pop(number, None)
        self._told.pop(number, None)
        self._cursor = self._normal(self._cursor)

    def _normal(self, place: Place) -> Place:
        """The same place where its segment is gone: the beginning of the next one."""
        if place.segment in self._sizes:
            return place
        return Place(min((number for number in self._sizes if number > place.segment), default=max(self._sizes)), 0)

    def _save_cursor(self) -> None:
        """Best effort: an older cursor repeats records, so a full disk is no reason to stop."""
        told = {number: count for number, count in self._told.items() if count}
        try:
            save_cursor(self._disk, self._directory, Cursor(self._cursor.segment, self._cursor.offset, told))
            self._cursor_saved = True
        except OSError:
            self._cursor_saved = False

    # --- after a start -----------------------------------------------------------------------------------------------
    def _recover(self) -> None:
        saved = read_cursor(self._directory)
        numbers = numbers_in(self._directory)
        for number in numbers:
            path = path_of(self._directory, number)
            last = number == numbers[-1]
            upto = None if last else begins_after(path_of(self._directory, number + 1))
            found = scan(path, self.state.take, upto=upto)
            self._sizes[number], self._values[number] = found.good, found.values
            holes = found.holes
            torn = found.size - found.good
            if torn and not last and upto != self.state.number:
                holes, torn = (*holes, (found.good, found.size)), 0
            if torn:
                self.torn_bytes += torn
                os.truncate(path, found.good)
            if holes:
                self._holes[number] = holes
        self._told = {number: saved.told.get(number, 0) for number in self._holes}
        self._number = self.state.number
        if self._holes:
            self.damaged_bytes = sum(self._damage_of(number) for number in self._holes)
            log.error(
                "spool_damaged",
                spool=self._directory.name,
                bytes=self.damaged_bytes,
                segments=sorted(self._holes),
                next_step="events on these bytes are lost and counted as spool-damaged-bytes; check the disk",
            )
        if not self._sizes:
            self._begin_segment()
        elif self._sizes[max(self._sizes)]:
            self._file = self._disk.open(path_of(self._directory, max(self._sizes)))
        else:  # made, and not begun, when we died: begun again under the same name by the next commit
            empty = max(self._sizes)
            del self._sizes[empty], self._values[empty]
            self._holes.pop(empty, None)
            if not self._sizes:
                self._begin_segment()
        self._cursor = Place(min(self._sizes), 0)
        if saved.segment <= max(self._sizes):
            self._cursor = self._normal(Place(saved.segment, saved.offset))
        if self._cursor.offset > self._sizes[self._cursor.segment]:
            self._cursor = Place(self._cursor.segment, 0)
        with contextlib.suppress(OSError):  # a crash came between the cursor and these
            for number in [segment for segment in self._sizes if segment < self._cursor.segment]:
                self._remove(number)

    # --- damage ------------------------------------------------------------------------------------------------------
    def _damage_of(self, number: int) -> int:
        return sum(end - begin for begin, end in self._holes.get(number, ()))

    def _untold(self) -> int:
        return sum(self._damage_of(number) - self._told.get(number, 0) for number in self._holes)

    def _damage(self, number: int, count: int) -> None:
        self.damaged_bytes += count
        log.error("spool_damaged", spool=self._directory.name, bytes=count, segments=[number])

    def _refused(self, what: str, error: OSError) -> Unavailable:
        return Unavailable(f"The spool {self._directory} cannot be {what}: {error.strerror}.")


def _locked(path: Path) -> int:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise OSError(0, "another sidecar is using it") from None
    return descriptor
