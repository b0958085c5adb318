"""Journal: acts on disk until Kafka has them, so that none is lost while Kafka is away or when the process is killed.

begin(act) -> the act -> end(act) -> batch() -> written to the chain -> done(): the files behind it go

A process that was killed between begin and end leaves an act of outcome ``unknown`` to the next one. Nothing is synced: what
was written outlives a killed process, not a lost machine. Over the cap acts are dropped, counted, and told by a Gap.
"""

from __future__ import annotations

import errno
import fcntl
import os
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import msgspec
from structlog import get_logger

from fde_events.act import Act, Entry, Gap
from fde_events.errors import Misuse, Unavailable

log = get_logger()
_MIB: Final = 1024 * 1024
_RESERVE: Final = _MIB  # ends of acts that were begun below the cap
_DONE: Final = "done.json"
_TOLD_S: Final = 60.0


class _Line(msgspec.Struct, frozen=True, omit_defaults=True):
    begin: Act | None = None
    entry: Entry | None = None
    forget: str = ""  # the id of an act that was begun


class _Position(msgspec.Struct, frozen=True):
    """Up to where the chain has it. `open`: begun before this place, not ended by it. `seq`: the chain's head then, None before it was known."""

    file: int = 0
    offset: int = 0
    seq: int | None = None
    open: tuple[Act, ...] = ()


@dataclass(frozen=True, slots=True)
class Batch:
    """Entries in the order they were made, and the place behind them."""

    entries: tuple[Entry, ...]
    lost: int = 0
    _behind: _Position = field(default_factory=_Position)


def now() -> str:
    """RFC 3339, UTC, milliseconds."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Journal:
    """The acts in one directory; one process at a time. Safe to call from several threads.

    Raises :class:`Unavailable` when the directory cannot be used, :class:`Misuse` when another process uses it.
    """

    def __init__(self, folder: Path, *, cap_bytes: int = 64 * _MIB, segment_bytes: int = 4 * _MIB) -> None:
        self._folder, self._cap, self._segment = folder, cap_bytes, segment_bytes
        self._turn = threading.Lock()
        self._closed = False
        self._added: Callable[[], None] = lambda: None
        self._lost: tuple[int, str, str, str] | None = None  # how many, since, until, why
        self._told = -_TOLD_S
        self.dropped = 0
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._position = self._read_position()
            self._sizes = {
                int(path.stem): path.stat().st_size for path in folder.glob("*.jsonl") if path.stem.isdecimal()
            }
            self._mine = self._current = max([*self._sizes, self._position.file]) + 1
            self._file = self._opened(self._current)
        except BlockingIOError as error:
            raise Misuse(f"another process writes the audit journal in {folder}; give each its own") from error
        except OSError as error:
            raise Unavailable(f"The audit journal in {folder} cannot be used: {error.strerror or error}.") from error

    @property
    def seq(self) -> int | None:
        """The chain's head when the last batch was done; None before it was first told."""
        return self._position.seq

    def listen(self, added: Callable[[], None]) -> None:
        """Call `added` whenever there is something new, in the thread that brings it."""
        self._added = added

    def begin(self, act: Act) -> None:
        """`act` is about to be done."""
        self._write(_Line(begin=act), self._cap, counted=False)

    def forget(self, act: Act) -> None:
        """It did not happen, and nobody was asked to do it."""
        self._write(_Line(forget=act.id), self._cap + _RESERVE, counted=False)

    def end(self, act: Act) -> bool:
        """It was done, or refused. False: there was no room, and it is counted as lost."""
        return self._write(_Line(entry=act), self._cap + _RESERVE)

    def add(self, act: Act) -> bool:
        """An act that somebody else saw through. False: there is no room."""
        return self._write(_Line(entry=act), self._cap)

    def waiting(self) -> int:
        """Bytes that the chain does not have yet."""
        with self._turn:
            return self._waiting()

    def batch(self, limit: int = 500) -> Batch:
        """The next entries, at most about `limit`; the same again until :meth:`done`."""
        with self._turn:
            lost, entries = 0, list[Entry]()
            if self._lost is not None:
                lost, since, until, why = self._lost
                entries.append(Gap(id=uuid.uuid4().hex, lost=lost, reason=why, since=since, until=until))
            position = self._position
            while len(entries) < limit:
                position, found, more = self._read(position, limit - len(entries))
                entries += found
                if not more:
                    break
            return Batch(tuple(entries), lost, position)

    def begins_at(self, seq: int) -> None:
        """Nothing was done yet, and the chain's head is link `seq`: whatever of ours it holds comes after it."""
        self.done(Batch((), 0, self._position), seq)

    def done(self, batch: Batch, seq: int) -> None:
        """The chain has `batch`; its head is link `seq`."""
        with self._turn:
            behind = batch._behind
            position = _Position(behind.file, behind.offset, seq, behind.open)
            beside = self._folder / f".{_DONE}"
            beside.write_bytes(msgspec.json.encode(position))
            beside.replace(self._folder / _DONE)
            self._position = position
            if self._lost is not None and batch.lost:
                left = self._lost[0] - batch.lost
                self._lost = (left, *self._lost[1:]) if left else None
            for number in [number for number in self._sizes if number < position.file]:
                self._path(number).unlink(missing_ok=True)
                del self._sizes[number]

    def close(self) -> None:
        """Let another process have it. What is not done stays for that one."""
        with self._turn:
            if not self._closed:
                self._closed = True
                os.close(self._file)
                os.close(self._lock)

    def _write(self, line: _Line, cap: int, *, counted: bool = True) -> bool:
        data = msgspec.json.encode(line) + b"\n"
        with self._turn:
            if self._closed:  # a thread that ran on: its source tells it again to the next process
                return False
            why = "the journal is full" if self._waiting() + len(data) > cap else ""
            try:
                if not why:
                    if self._sizes[self._current] >= self._segment:
                        beyond = self._opened(self._current + 1)
                        os.close(self._file)
                        self._file, self._current = beyond, self._current + 1
                    self._put(data)
            except OSError as error:
                why = f"the journal cannot be written: {error.strerror or error}"
            if why and counted:
                self._count_lost(why)
        if not why:
            self._added()
        return not why

    def _put(self, data: bytes) -> None:
        written = os.write(self._file, data)
        if written != len(data):  # a disk that is full takes a part; half a line must not join the next
            os.ftruncate(self._file, self._sizes[self._current])
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self._sizes[self._current] += written

    def _count_lost(self, why: str) -> None:
        moment = now()
        count, since = (self._lost[0], self._lost[1]) if self._lost else (0, moment)
        self._lost = (count + 1, since, moment, why)
        self.dropped += 1
        if time.monotonic() - self._told >= _TOLD_S:
            self._told = time.monotonic()
            log.error("audit_acts_lost", lost=self._lost[0], why=why)

    def _read(self, position: _Position, limit: int) -> tuple[_Position, list[Entry], bool]:
        """Entries of one file from `position` on; where that ends; whether there is a later file."""
        open_, entries = {act.id: act for act in position.open}, list[Entry]()
        offset = position.offset
        path = self._path(position.file)
        if path.exists():
            with path.open("rb") as file:
                file.seek(offset)
                for raw in file:
                    if not raw.endswith(b"\n"):
                        break  # torn: the process was killed while it wrote this
                    offset += len(raw)
                    entries += self._taken(raw, open_)
                    if len(entries) >= limit:
                        return _Position(position.file, offset, position.seq, tuple(open_.values())), entries, False
        later = sorted(number for number in self._sizes if number > position.file)
        if not later:
            return _Position(position.file, offset, position.seq, tuple(open_.values())), entries, False
        if position.file < self._mine <= later[0]:
            # What an earlier process began, none will end.
            entries += [msgspec.structs.replace(act, outcome="unknown") for act in open_.values()]
            open_ = {}
        return _Position(later[0], 0, position.seq, tuple(open_.values())), entries, True

    def _taken(self, raw: bytes, open_: dict[str, Act]) -> list[Entry]:
        try:
            line = msgspec.json.decode(raw, type=_Line)
        except (msgspec.DecodeError, UnicodeDecodeError):
            moment = now()
            return [Gap(id=uuid.uuid4().hex, lost=1, reason="a spoilt line of the journal", since=moment, until=moment)]
        if line.begin is not None:
            open_[line.begin.id] = line.begin
        open_.pop(line.forget, None)
        if line.entry is None:
            return []
        open_.pop(line.entry.id, None)
        return [line.entry]

    def _waiting(self) -> int:
        ahead = sum(size for number, size in self._sizes.items() if number >= self._position.file)
        return ahead - min(self._position.offset, self._sizes.get(self._position.file, 0))

    def _read_position(self) -> _Position:
        try:
            return msgspec.json.decode((self._folder / _DONE).read_bytes(), type=_Position)
        except FileNotFoundError:
            return _Position()
        except (msgspec.DecodeError, UnicodeDecodeError):
            return _Position(seq=-1)  # all of it again: what the chain has already is left out by its id

    def _path(self, number: int) -> Path:
        return self._folder / f"{number:08d}.jsonl"

    def _opened(self, number: int) -> int:
        self._sizes[number] = 0
        return os.open(self._path(number), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
