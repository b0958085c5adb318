"""Following files: a glob's files read as they grow, through rotation by rename and by copy-and-truncate.

paths -> Follower.poll() -> (Followed, Record), with the position after each record for the spool

A file is known by device, inode and the digest of its first bytes, not by its name. A renamed file is read to its end before
it is let go. A truncated one is looked for among its neighbours by its first bytes, so that what the copy holds beyond our
position is read. The same search runs at start, for rotations while the sidecar was down.
"""

from __future__ import annotations

import glob
import hashlib
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import structlog

from fde_sidecar.clock import Clock, now
from fde_sidecar.frame import IDLE_S, Framer, Record
from fde_sidecar.spool import Position

log = structlog.get_logger(__name__)

HEAD_BYTES: Final = 1024
_MIN_HEAD_BYTES: Final = 48  # fewer first bytes do not tell one log from another
_CHUNK: Final = 256 * 1024
_DRAIN_S: Final = 2.0
_COMPRESSED: Final = (".gz", ".zst", ".bz2", ".xz", ".zip")
FileKey = tuple[int, int]


@dataclass(slots=True)
class Followed:
    """One open file. `going`: its name is gone or another file's; it is read to its end and closed."""

    path: str
    key: FileKey
    descriptor: int
    framer: Framer
    clock: Clock
    read: int
    head: str = ""
    head_bytes: int = 0
    going: bool = False
    last_data: float = field(default_factory=time.monotonic)

    @property
    def name(self) -> str:
        """The file's name without its directory."""
        return Path(self.path).name

    def position(self, record: Record) -> Position:
        """Where reading goes on once `record` is in the spool."""
        return self._at(record.end, record.line_next)

    def reached(self) -> Position:
        """Where reading goes on when every record given out is in the spool."""
        return self._at(self.framer.safe_offset, self.framer.safe_line)

    def _at(self, offset: int, line: int) -> Position:
        return Position(self.path, self.key[0], self.key[1], self.head, self.head_bytes, offset, line)


class Follower:
    """The files of `patterns`. `saved` are the positions of an earlier process."""

    def __init__(self, patterns: Sequence[str], saved: Mapping[FileKey, Position]) -> None:
        self._patterns = tuple(patterns)
        self._saved = dict(saved)
        self._files: dict[FileKey, Followed] = {}
        self._scanned = float("-inf")
        self._forgotten: list[FileKey] = []
        self.read_bytes = self.lines = 0
        self._closed_undecodable = self._closed_cut = 0
        self._first = True

    @property
    def undecodable(self) -> int:
        """Bytes that were no UTF-8 and were replaced."""
        return self._closed_undecodable + sum(file.framer.undecodable for file in self._files.values())

    @property
    def cut(self) -> int:
        """Bytes beyond a record's cap, left out."""
        return self._closed_cut + sum(file.framer.cut for file in self._files.values())

    @property
    def pending(self) -> bool:
        """Whether a record is open in any file."""
        return any(file.framer.pending for file in self._files.values())

    def forgotten(self) -> list[FileKey]:
        """Files that are done with since the last call: their positions need not be kept."""
        gone, self._forgotten = self._forgotten, []
        return gone

    def reached(self) -> list[Position]:
        """The position of every open file."""
        return [file.reached() for file in self._files.values()]

    def poll(self, *, final: bool = False) -> Iterator[tuple[Followed, Record]]:
        """What is new, at most one chunk a file. `final` closes open records without waiting for the pause."""
        moment = time.monotonic()
        if moment - self._scanned >= 0.25 or final:
            self._scanned = moment
            self._scan()
        for file in list(self._files.values()):
            yield from self._turn(file, moment, final)

    def close(self) -> None:
        """Close every file."""
        for file in self._files.values():
            os.close(file.descriptor)
        self._files.clear()

    # --- which files -------------------------------------------------------------------------------------------------
    def _scan(self) -> None:
        present: dict[FileKey, str] = {}
        for pattern in self._patterns:
            for path in sorted(glob.glob(pattern, recursive=True)):  # noqa: PTH207  patterns are absolute or relative
                if path.endswith(_COMPRESSED):
                    continue
                try:
                    status = Path(path).stat()
                except OSError:
                    continue
                if os.path.isfile(path):  # noqa: PTH113  a plain string from glob
                    present.setdefault((status.st_dev, status.st_ino), path)
        if self._first:
            self._first = False
            self._resume(present)
        for key, file in self._files.items():
            if key in present:
                file.path, file.going = present[key], False
            else:
                file.going = True
        for key, path in present.items():
            if key not in self._files and not self._is_copy(path):
                self._open(path, None)

    def _is_copy(self, path: str) -> bool:
        """A new file that begins as an open one does: the first half of copy-and-truncate. It waits for the second."""
        heads = ((file.head, file.head_bytes) for file in self._files.values() if file.head_bytes >= _MIN_HEAD_BYTES)
        return any(_head(path, size) == head for head, size in heads)

    def _resume(self, present: Mapping[FileKey, str]) -> None:
        """Take up saved positions; files that were rotated meanwhile are looked for beside where they were."""
        for key, position in self._saved.items():
            path = present.get(key)
            if path is not None and _head(path, position.head_bytes) == position.head:
                self._open(path, position)
                continue
            moved = self._moved(position)
            if moved is not None:
                self._open(moved, position)
            elif Path(position.path).exists() or path is not None:
                log.warning("log_rotated_away_while_down", file=Path(position.path).name, offset=position.offset)
                self._forgotten.append(key)
            else:
                self._forgotten.append(key)

    def _moved(self, position: Position) -> str | None:
        """The file that holds what `position` was read from: same inode, or a copy with the same first bytes."""
        directory = Path(position.path).parent
        try:
            neighbours = sorted(directory.iterdir())
        except OSError:
            return None
        copies = []
        for path in neighbours:
            try:
                status = path.stat()
            except OSError:
                continue
            if status.st_size < position.offset or not path.is_file() or path.suffix in _COMPRESSED:
                continue
            if _head(str(path), position.head_bytes) != position.head:
                continue
            if (status.st_dev, status.st_ino) == (position.device, position.inode):
                return str(path)
            if position.head_bytes >= _MIN_HEAD_BYTES:
                copies.append((status.st_mtime, str(path)))
        return max(copies)[1] if copies else None

    def _open(self, path: str, position: Position | None) -> Followed | None:
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        except OSError as error:
            log.warning("log_not_readable", file=Path(path).name, reason=error.strerror)
            return None
        status = os.fstat(descriptor)
        key = (status.st_dev, status.st_ino)
        if key in self._files:
            os.close(descriptor)
            return self._files[key]
        offset = position.offset if position else 0
        framer = Framer(offset=offset, line=position.line if position else 1)
        file = Followed(path, key, descriptor, framer, Clock(now(), live=True), offset)
        if position is not None and key != (position.device, position.inode):
            self._forgotten.append((position.device, position.inode))
        self._files[key] = file
        self._know_head(file)
        return file

    # --- one file ----------------------------------------------------------------------------------------------------
    def _turn(self, file: Followed, moment: float, final: bool) -> Iterator[tuple[Followed, Record]]:
        try:
            size = os.fstat(file.descriptor).st_size
        except OSError:
            size = file.read
        if size < file.read or (size > 0 and file.head_bytes and self._other_content(file)):
            yield from self._truncated(file)
        file.clock.default_to(now())
        got = 0
        while data := os.pread(file.descriptor, _CHUNK, file.read):
            got += len(data)
            yield from self._feed(file, data)
            if not final and not file.going:
                break
        if got:
            file.last_data = moment
            if file.head_bytes < HEAD_BYTES:
                self._know_head(file)
        elif file.framer.pending and (final or moment - file.last_data >= IDLE_S):
            for record in file.framer.flush():
                yield file, record
        if final and got:
            for record in file.framer.flush():
                yield file, record
        if file.going and moment - file.last_data >= _DRAIN_S and not file.framer.pending:
            self._let_go(file)

    def _feed(self, file: Followed, data: bytes) -> Iterator[tuple[Followed, Record]]:
        file.read += len(data)
        self.read_bytes += len(data)
        before = file.framer.lines
        for record in file.framer.feed(data):
            yield file, record
        self.lines += file.framer.lines - before

    def _truncated(self, file: Followed) -> Iterator[tuple[Followed, Record]]:
        """Copy-and-truncate: read what the copy holds beyond us, then begin again at the start."""
        position = Position(file.path, file.key[0], file.key[1], file.head, file.head_bytes, file.read, 0)
        copy = self._moved(position)
        if copy is not None and Path(copy).stat().st_ino != file.key[1]:
            with Path(copy).open("rb") as rest:
                rest.seek(file.read)
                while data := rest.read(_CHUNK):
                    yield from self._feed(file, data)
            status = Path(copy).stat()
            if (status.st_dev, status.st_ino) not in self._files:
                # If the pattern covers copies too, this one is read already.
                done = Position(copy, status.st_dev, status.st_ino, file.head, file.head_bytes, status.st_size, 1)
                opened = self._open(copy, done)
                if opened is not None:
                    opened.going = True
        elif copy is None:
            log.warning("log_truncated", file=file.name, offset=file.read)
        for record in file.framer.flush():
            yield file, record
        self._closed_cut += file.framer.cut
        self._closed_undecodable += file.framer.undecodable
        file.framer, file.read, file.head, file.head_bytes = Framer(), 0, "", 0
        self._know_head(file)

    def _know_head(self, file: Followed) -> None:
        data = os.pread(file.descriptor, HEAD_BYTES, 0)
        file.head, file.head_bytes = _digest(data), len(data)

    def _other_content(self, file: Followed) -> bool:
        data = os.pread(file.descriptor, file.head_bytes, 0)
        return _digest(data) != file.head

    def _let_go(self, file: Followed) -> None:
        os.close(file.descriptor)
        self._closed_cut += file.framer.cut
        self._closed_undecodable += file.framer.undecodable
        del self._files[file.key]
        self._forgotten.append(file.key)


def _digest(data: bytes) -> str:
    return hashlib.blake2b(data, digest_size=8).hexdigest()


def _head(path: str, size: int) -> str | None:
    try:
        with Path(path).open("rb") as file:
            return _digest(file.read(size))
    except OSError:
        return None
