"""The spool: a write-ahead log on disk between reading and publishing.

batch + input positions -> append() -> commit() [fsync] -> unsent() -> Kafka's acknowledgement -> acknowledge()

Each entry is one frame: length and CRC-32 (8 bytes, big endian), then MessagePack. An entry holds the record to send *and*
where the inputs stood after it, so that both are there after a crash or neither is. A torn last frame is cut off. Sending
again after a crash repeats epoch and sequence, so that a repeated event has the same id.

Segments are removed when all they hold is acknowledged; a new segment begins with a snapshot of what must outlive them
(positions, withheld counts, open epochs, drops). `cursor.json` names the first entry not acknowledged; losing it only
repeats records. Drop policy, applied on admission and counted by reason: above half of the cap no performance, drift and
rate-limit records; at the cap no errors either (the first errors of an outage are worth more than the last).
"""

from __future__ import annotations

import contextlib
import os
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Final

import msgspec

from fde_events.errors import Unavailable

SEGMENT_BYTES: Final = 8 * 1024 * 1024
DEFAULT_CAP_BYTES: Final = 256 * 1024 * 1024
LOW_PRIORITY_SHARE: Final = 0.5
_FRAME: Final = struct.Struct(">II")
_MAX_FRAME: Final = 4 * 1024 * 1024


class Position(msgspec.Struct, frozen=True, array_like=True):
    """How far one file has been turned into entries. `head` is the digest of its first `head_bytes` bytes."""

    path: str
    device: int
    inode: int
    head: str
    head_bytes: int
    offset: int
    line: int


class Withheld(msgspec.Struct, frozen=True, array_like=True):
    """Events of one shape counted and not sent yet; `sample` is the encoded event they look like, `kind` its kind."""

    shape: str
    count: int
    sample: bytes


class EpochState(msgspec.Struct, frozen=True, array_like=True):
    """What is known of one producer epoch: highest sequence assigned (-1 none), events in it, drops by reason."""

    highest: int
    events: int
    closed: bool
    dropped: dict[str, int]


class Entry(msgspec.Struct, frozen=True, array_like=True):
    """One frame. `value` None: nothing to send (only positions or counts moved). `snapshot`: the state replaces what was."""

    epoch: str
    sequence: int
    events: int
    time: str
    value: bytes | None
    positions: list[Position] = []
    withheld: list[Withheld] = []
    released: list[str] = []
    dropped: dict[str, int] = {}
    closed: str = ""
    forgotten: list[tuple[int, int]] = []
    snapshot: dict[str, EpochState] | None = None


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Entry).decode


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Where an entry begins: segment number and byte."""

    segment: int
    offset: int


@dataclass(slots=True)
class SpoolState:
    """What the entries add up to."""

    positions: dict[tuple[int, int], Position] = field(default_factory=dict)
    withheld: dict[str, Withheld] = field(default_factory=dict)
    epochs: dict[str, EpochState] = field(default_factory=dict)

    def take(self, entry: Entry) -> None:
        """Fold one entry in."""
        if entry.snapshot is not None:
            self.positions, self.withheld, self.epochs = {}, {}, dict(entry.snapshot)
        for position in entry.positions:
            self.positions[(position.device, position.inode)] = position
        for file in entry.forgotten:
            self.positions.pop(file, None)
        for one in entry.withheld:
            before = self.withheld.get(one.shape)
            count = one.count + (before.count if before else 0)
            self.withheld[one.shape] = Withheld(one.shape, count, one.sample or (before.sample if before else b""))
        for shape in entry.released:
            self.withheld.pop(shape, None)
        if entry.closed and entry.closed in self.epochs:
            del self.epochs[entry.closed]
        if not entry.epoch:
            return
        known = self.epochs.get(entry.epoch) or EpochState(-1, 0, False, {})
        dropped = dict(known.dropped)
        for reason, count in entry.dropped.items():
            dropped[reason] = dropped.get(reason, 0) + count
        self.epochs[entry.epoch] = EpochState(
            max(known.highest, entry.sequence), known.events + entry.events, known.closed, dropped
        )


class Spool:
    """One sidecar's spool directory. Not shared between processes: `lock` refuses a second one."""

    def __init__(
        self, directory: Path, *, cap_bytes: int = DEFAULT_CAP_BYTES, segment_bytes: int = SEGMENT_BYTES
    ) -> None:
        self._directory, self.cap_bytes, self._segment_bytes = directory, cap_bytes, segment_bytes
        self.state = SpoolState()
        self.torn_bytes = 0
        self._sizes: dict[int, int] = {}
        self._cursor = Place(0, 0)
        self._file: BinaryIO | None = None
        self._dirty = False
        try:
            directory.mkdir(parents=True, exist_ok=True)
            self._lock = _locked(directory / "lock")
            self._recover()
        except OSError as error:
            raise Unavailable(f"The spool {directory} cannot be used: {error.strerror}.") from error

    # --- reading -----------------------------------------------------------------------------------------------------
    @property
    def unsent_bytes(self) -> int:
        """Bytes from the cursor to the end."""
        return sum(size for number, size in self._sizes.items() if number >= self._cursor.segment) - self._cursor.offset

    @property
    def bytes(self) -> int:
        """Bytes on disk."""
        return sum(self._sizes.values())

    @property
    def end(self) -> Place:
        """Where the next entry goes."""
        last = max(self._sizes)
        return Place(last, self._sizes[last])

    @property
    def cursor(self) -> Place:
        """The first entry that is not acknowledged."""
        return self._cursor

    def admits(self, *, important: bool) -> bool:
        """Whether a record of this importance may still be spooled."""
        share = 1.0 if important else LOW_PRIORITY_SHARE
        return self.unsent_bytes < self.cap_bytes * share

    def read(self, start: Place, limit_bytes: int) -> Iterator[tuple[Place, Place, Entry]]:
        """Entries from `start`: (its place, the place after it, the entry), about `limit_bytes` of them."""
        taken = 0
        for number in sorted(segment for segment in self._sizes if segment >= start.segment):
            offset = start.offset if number == start.segment else 0
            with self._path(number).open("rb") as file:
                file.seek(offset)
                while taken < limit_bytes and offset < self._sizes[number]:
                    found = _read_frame(file)
                    if found is None:
                        break
                    entry, size = found
                    after = Place(number, offset + size)
                    yield Place(number, offset), after, entry
                    offset += size
                    taken += size
            if taken >= limit_bytes:
                return

    # --- writing -----------------------------------------------------------------------------------------------------
    def append(self, entry: Entry) -> None:
        """Add an entry; on disk for good after `commit`. :class:`Unavailable` when the disk is full."""
        if self._sizes[max(self._sizes)] >= self._segment_bytes:
            self._rotate()
        self._write(entry)
        self.state.take(entry)

    def commit(self) -> None:
        """Group commit: everything appended is on disk when this returns."""
        if self._dirty and self._file is not None:
            try:
                self._file.flush()
                os.fsync(self._file.fileno())
            except OSError as error:
                raise Unavailable(f"The spool {self._directory} cannot be written: {error.strerror}.") from error
            self._dirty = False

    def acknowledge(self, upto: Place) -> None:
        """The broker has everything before `upto`: move the cursor and remove segments that are done."""
        if upto <= self._cursor:
            return
        self._cursor = upto
        temporary = self._directory / "cursor.json.new"
        temporary.write_bytes(msgspec.json.encode({"segment": upto.segment, "offset": upto.offset}))
        temporary.replace(self._directory / "cursor.json")
        for number in [segment for segment in self._sizes if segment < upto.segment]:
            self._path(number).unlink(missing_ok=True)
            del self._sizes[number]
        last = max(self._sizes)
        if upto == Place(last, self._sizes[last]) and self._sizes[last] >= self._segment_bytes:
            self._rotate()

    def close(self) -> None:
        """Commit and let go of the directory. What a full disk refuses is cut off by the next start."""
        try:
            self.commit()
        finally:
            file, self._file = self._file, None
            with contextlib.suppress(OSError):
                if file is not None:
                    file.close()
            os.close(self._lock)

    # --- inside ------------------------------------------------------------------------------------------------------
    def _path(self, number: int) -> Path:
        return self._directory / f"segment-{number:08d}.wal"

    def _write(self, entry: Entry) -> None:
        assert self._file is not None
        payload = _encode(entry)
        if len(payload) > _MAX_FRAME:
            raise ValueError(f"a spool entry of {len(payload)} bytes")
        number = max(self._sizes)
        try:
            self._file.write(_FRAME.pack(len(payload), zlib.crc32(payload)) + payload)
        except OSError as error:
            raise Unavailable(f"The spool {self._directory} cannot be written: {error.strerror}.") from error
        self._sizes[number] += _FRAME.size + len(payload)
        self._dirty = True

    def _rotate(self) -> None:
        self.commit()
        if self._file is not None:
            self._file.close()
        self._open(max(self._sizes) + 1)
        self._write(
            Entry(
                epoch="",
                sequence=-1,
                events=0,
                time="",
                value=None,
                positions=list(self.state.positions.values()),
                withheld=list(self.state.withheld.values()),
                snapshot=self.state.epochs,
            )
        )
        self.commit()
        if self._cursor.segment < max(self._sizes) and self._cursor.offset >= self._sizes[self._cursor.segment]:
            self.acknowledge(Place(max(self._sizes), 0))

    def _open(self, number: int) -> None:
        self._file = self._path(number).open("ab", buffering=256 * 1024)
        self._sizes[number] = self._file.tell()
        _sync_directory(self._directory)

    def _recover(self) -> None:
        numbers = sorted(int(path.stem.removeprefix("segment-")) for path in self._directory.glob("segment-*.wal"))
        for number in numbers:
            path = self._path(number)
            good = 0
            with path.open("rb") as file:
                while (found := _read_frame(file)) is not None:
                    self.state.take(found[0])
                    good += found[1]
            torn = path.stat().st_size - good
            if torn:
                self.torn_bytes += torn
                os.truncate(path, good)
            self._sizes[number] = good
        self._open(numbers[-1] if numbers else 1)
        first = min(self._sizes)
        self._cursor = Place(first, 0)
        try:
            saved = msgspec.json.decode((self._directory / "cursor.json").read_bytes(), type=dict[str, int])
            place = Place(saved["segment"], saved["offset"])
            if place.segment in self._sizes and place.offset <= self._sizes[place.segment]:
                self._cursor = place
        except (FileNotFoundError, msgspec.DecodeError, KeyError):
            pass


def _read_frame(file: BinaryIO) -> tuple[Entry, int] | None:
    """The next entry and its size on disk; None at the end or where the file is torn."""
    head = file.read(_FRAME.size)
    if len(head) < _FRAME.size:
        return None
    length, checksum = _FRAME.unpack(head)
    if length > _MAX_FRAME:
        return None
    payload = file.read(length)
    if len(payload) < length or zlib.crc32(payload) != checksum:
        return None
    try:
        return _decode(payload), _FRAME.size + length
    except msgspec.DecodeError:
        return None


def _locked(path: Path) -> int:
    import fcntl

    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise OSError(0, "another sidecar is using it") from None
    return descriptor


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
