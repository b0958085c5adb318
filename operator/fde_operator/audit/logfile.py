"""LogFile: the API server's audit log on disk, followed through rotations, from where the last process stopped.

file, its rotated ones -> read() -> (events, place) -> journaled -> stand(place)

A place is the file's inode and an offset. The API server rotates by renaming (`audit-<time>.log`) and a new file; what was
renamed is read to its end first. A file that is gone before it was read to its end is told as a gap: nobody has those lines.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec
from structlog import get_logger

from fde_events.errors import BadInput, Unavailable

log = get_logger()
_CHUNK: Final = 4 * 1024 * 1024


class Place(msgspec.Struct, frozen=True):
    """Read up to here."""

    inode: int = 0
    offset: int = 0


@dataclass(frozen=True, slots=True)
class Lines:
    """Events of whole lines, the place behind them, whether there is more at once. `spoilt`: lines that are no event."""

    events: tuple[Mapping[str, Any], ...]
    behind: Place
    more: bool
    spoilt: int = 0


class LogFile:
    """Follows `path`; the place is kept in `cursor`. A log that is not there yet is waited for."""

    def __init__(self, path: Path, cursor: Path) -> None:
        self._path, self._cursor = path, cursor
        try:
            self._place = msgspec.json.decode(cursor.read_bytes(), type=Place)
        except FileNotFoundError:
            self._place = Place()
        except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
            raise BadInput(str(cursor), "is no place in a log; remove it to read the log from its beginning") from error
        self.missed = 0

    def read(self) -> Lines:
        """What comes next; the same again until :meth:`stand`. Raises :class:`Unavailable` when it cannot be read."""
        try:
            files = self._files()
            if not files:
                return Lines((), self._place, more=False)
            inodes = [inode for inode, _ in files]
            at, offset = 0, 0
            if self._place.inode in inodes:
                at, offset = inodes.index(self._place.inode), self._place.offset
            elif self._place.inode:
                self.missed += 1
                log.error("audit_log_missed", why="the log was rotated away before it was read to its end")
            inode, path = files[at]
            with path.open("rb") as file:
                size = os.fstat(file.fileno()).st_size
                if size < offset:  # written anew in place
                    offset = 0
                file.seek(offset)
                raw = file.read(_CHUNK)
                if len(raw) == _CHUNK and b"\n" not in raw:
                    raw += file.readline()
        except FileNotFoundError:
            return Lines((), self._place, more=True)  # rotated away between looking and opening
        except OSError as error:
            raise Unavailable(f"The audit log {self._path} cannot be read: {error.strerror or error}.") from error
        whole = raw[: raw.rfind(b"\n") + 1]
        rotated = at + 1 < len(files)
        if not whole and rotated:  # its last line has no end, and never will have one
            return Lines((), Place(files[at + 1][0], 0), more=True, spoilt=int(bool(raw)))
        events, spoilt = [], 0
        for line in whole.splitlines():
            found = _event(line)
            if found is None:
                spoilt += int(bool(line.strip()))
            else:
                events.append(found)
        behind = Place(inode, offset + len(whole))
        # The half line at the end of a log that is still written is no reason to look again at once.
        return Lines(tuple(events), behind, more=rotated or (bool(whole) and len(raw) >= _CHUNK), spoilt=spoilt)

    def stand(self, place: Place) -> None:
        """Everything before `place` is taken care of. Kept on disk when it moved."""
        if place == self._place:
            return
        beside = self._cursor.with_name(f".{self._cursor.name}")
        try:
            beside.write_bytes(msgspec.json.encode(place))
            beside.replace(self._cursor)
        except OSError as error:
            raise Unavailable(f"The place {self._cursor} cannot be kept: {error.strerror or error}.") from error
        self._place = place

    def _files(self) -> list[tuple[int, Path]]:
        """The log and its rotated ones with their inodes, oldest first."""
        found = []
        rotated = f"{self._path.stem}-*{self._path.suffix}"
        for path in (*self._path.parent.glob(rotated), self._path):
            try:
                state = path.stat()
            except FileNotFoundError:
                continue
            # By name where times are equal: the names hold the moment of rotation, and the log itself comes last.
            found.append((path == self._path, state.st_mtime_ns, path.name, state.st_ino, path))
        return [(inode, path) for *_, inode, path in sorted(found, key=lambda one: one[:3])]


def _event(line: bytes) -> Mapping[str, Any] | None:
    try:
        found = msgspec.json.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return found if isinstance(found, dict) and found.get("kind") == "Event" else None
