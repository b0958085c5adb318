"""Followed: one log that is read, and what is kept of one that is not open now."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path

from fde_sidecar.clock import Clock, now
from fde_sidecar.frame import Framer, Record
from fde_sidecar.source import HEAD_BYTES, FileKey, Source, digest
from fde_sidecar.spool import Position


@dataclass(slots=True)
class Followed:
    """One open log. `path` is the name it was found under, `real` where links lead. `going`: its name is gone or another
    file's; it is read to its end and closed. `waiting`: bytes to be read, as last seen."""

    path: str
    real: str
    source: Source
    framer: Framer
    read: int
    clock: Clock = field(default_factory=lambda: Clock(now(), live=True))
    head: str = ""
    head_bytes: int = 0
    going: bool = False
    waiting: int = 0
    waiting_since: float = 0.0
    modified: int = 0  # nanoseconds, when it was looked at last
    last_data: float = field(default_factory=time.monotonic)
    _named: tuple[str, str] = ("", "")

    @property
    def key(self) -> FileKey:
        """Device and inode."""
        return self.source.key

    @property
    def name(self) -> str:
        """The file's name without its directory."""
        if self._named[0] != self.path:  # asked once a record
            self._named = (self.path, Path(self.path).name)
        return self._named[1]

    def position(self, record: Record) -> Position:
        """Where reading goes on once `record` is in the spool."""
        return self.at(record.end, record.line_next)

    def reached(self) -> Position:
        """Where reading goes on when every record given out is in the spool."""
        return self.at(self.framer.safe_offset, self.framer.safe_line)

    def at(self, offset: int, line: int) -> Position:
        """Any place in it."""
        return Position(self.real, self.key[0], self.key[1], self.head, self.head_bytes, offset, line)

    def know_head(self) -> None:
        """Learn what it is known by."""
        data = self.source.read(0, HEAD_BYTES)
        self.head, self.head_bytes = digest(data), len(data)

    def was_replaced(self, size: int) -> bool:
        """Whether it was truncated: shorter than what was read, or other first bytes."""
        if size < self.read:
            return True
        return size > 0 and self.head_bytes > 0 and digest(self.source.read(0, self.head_bytes)) != self.head

    def note(self, size: int, moment: float) -> None:
        """How much of it waits, and since when."""
        self.waiting = max(0, size - self.read)
        if not self.waiting:
            self.waiting_since = 0.0
        elif not self.waiting_since:
            self.waiting_since = moment


@dataclass(frozen=True, slots=True)
class Closed:
    """A log that was read to its end and closed to spare descriptors. `modified` in nanoseconds."""

    position: Position
    modified: int
