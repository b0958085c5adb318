"""Following files: a glob's files read as they grow, through rotation by rename and by copy-and-truncate.

paths -> Follower.poll() -> (Followed, Record), with the position after each record for the spool

A file is known by device, inode and the digest of its first bytes, not by its name. A renamed file is read to its end before
it is let go. A truncated one is looked for among its neighbours by its first bytes, so that what the copy holds beyond our
position is read. What was rotated away between two looks is found by its name and time. The same searches run at start, for
rotations while the sidecar was down, and they look into archives (:mod:`fde_sidecar.rotation`).

At most `MAX_OPEN` files are open; one that is read and rests is closed and known by its position alone.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

import structlog

from fde_sidecar.catalogue import Catalogue, status_of
from fde_sidecar.clock import now
from fde_sidecar.followed import Closed, Followed
from fde_sidecar.frame import IDLE_S, Framer, Record
from fde_sidecar.rotation import Neighbours, Relative, is_kin, moved, successors
from fde_sidecar.source import HEAD_BYTES, MIN_HEAD_BYTES, FileKey, Source, digest, head_of, open_source
from fde_sidecar.spool import Position

__all__ = ["FileKey", "Followed", "Follower"]

log = structlog.get_logger(__name__)

MAX_OPEN: Final = 256
_KEEP_OPEN: Final = 64  # more than that are closed when they have rested for a while
_RESTED_S: Final = 10.0
_SCAN_S: Final = 0.25
_CHUNK: Final = 256 * 1024
_DRAIN_S: Final = 2.0
_TAIL: Final = 4096  # bytes that a copy must share with its original before what was read


class Follower:
    """The files of `patterns`. `saved` are the positions of an earlier process."""

    def __init__(self, patterns: Sequence[str], saved: Mapping[FileKey, Position]) -> None:
        self._catalogue = Catalogue(patterns)
        self._saved: dict[FileKey, Position] | None = dict(saved)
        self._files: dict[FileKey, Followed] = {}
        self._closed: dict[FileKey, Closed] = {}
        self._at: dict[str, FileKey] = {}  # which file stood under a name when it was looked at last
        self._ready: dict[str, tuple[int, float]] = {}  # names with something to read that are not open: bytes, since
        self._family: dict[str, dict[FileKey, int]] = {}  # what lay beside a log already, with its time
        self._refused: set[str] = set()
        self._scanned = float("-inf")
        self._forgotten: list[FileKey] = []
        self._begun: list[Position] = []
        self.read_bytes = self.lines = 0
        self._closed_undecodable = self._closed_cut = 0

    # --- figures -----------------------------------------------------------------------------------------------------
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
        """Whether a record is open in any file, or a file waits to be opened."""
        return any(file.framer.pending for file in self._files.values()) or bool(self._ready)

    @property
    def lag(self) -> tuple[int, float]:
        """Bytes that were seen and not read, and the seconds since the oldest of them was seen."""
        waiting = [(file.waiting, file.waiting_since) for file in self._files.values() if file.waiting]
        waiting += self._ready.values()
        if not waiting:
            return 0, 0.0
        return sum(size for size, _ in waiting), max(0.0, time.monotonic() - min(since for _, since in waiting))

    def forgotten(self) -> list[FileKey]:
        """Files that are done with since the last call: their positions need not be kept."""
        gone, self._forgotten = self._forgotten, []
        return gone

    def begun(self) -> list[Position]:
        """Rotated logs that were found since the last call, with where their reading begins: to be kept before what
        `forgotten` gives is let go, or a crash between the two loses them."""
        begun, self._begun = self._begun, []
        return begun

    def reached(self) -> list[Position]:
        """The position of every open file."""
        return [file.reached() for file in self._files.values()]

    def poll(self, *, final: bool = False) -> Iterator[tuple[Followed, Record]]:
        """What is new, at most one chunk a file. `final` closes open records without waiting for the pause."""
        moment = time.monotonic()
        if moment - self._scanned >= _SCAN_S or final:
            self._scanned = moment
            self._scan(moment, everything=final)
            if len(self._files) > _KEEP_OPEN:
                self._make_room(moment, rested_s=_RESTED_S)
        while True:
            self._open_ready()
            for file in list(self._files.values()):
                yield from self._turn(file, moment, final)
            if not (final and self._ready and self._make_room(moment)):
                return

    def close(self) -> None:
        """Close every file."""
        for file in self._files.values():
            file.source.close()
        self._files.clear()

    # --- which files -------------------------------------------------------------------------------------------------
    def _scan(self, moment: float, *, everything: bool) -> None:
        near = Neighbours()
        looked = dict(self._catalogue.look(moment, everything=everything or self._saved is not None))
        for shown in [file.path for file in self._files.values() if not file.going]:
            if shown not in looked and shown in self._at:
                looked[shown] = status_of(shown)
        gone = list(self._catalogue.gone)
        if any(
            path in self._at and (s is None or (s.st_dev, s.st_ino) != self._at[path]) for path, s in looked.items()
        ):
            # Something was rotated. The names that it has now must be known before it is taken for gone.
            looked.update(self._catalogue.look(moment, relist=True))
            gone += self._catalogue.gone
            near = Neighbours()
        present = {(s.st_dev, s.st_ino): path for path, s in looked.items() if s is not None}
        if self._saved is not None:
            saved, self._saved = self._saved, None
            self._resume(saved, present, near)
        for path in gone:
            looked.setdefault(path, None)
        for path, status in looked.items():
            if status is None:
                self._vanished(path, present, near)
                continue
            key = (status.st_dev, status.st_ino)
            before = self._at.get(path)
            self._at[path] = key
            if before != key and key not in self._files and key not in self._closed:
                # Known from now on: what is written to it while we are down is looked for, however it is rotated.
                self._begun.append(Position(os.path.realpath(path), *key, digest(b""), 0, 0, 1))
            if before is not None and before != key:
                self._replaced(path, before, key, present, near)
            if (file := self._files.get(key)) is not None:
                if file.path != path and self._at.get(file.path) != key:
                    file.path = path
                file.going = False
                continue
            rest = self._closed.get(key)
            read = rest.position.offset if rest is not None else 0
            news = status.st_size != read or (rest is not None and rest.modified != status.st_mtime_ns)
            if news and path not in self._ready and not self._is_copy(path, status.st_size):
                self._ready.setdefault(path, (max(0, status.st_size - read), moment))

    def _vanished(self, path: str, present: Mapping[FileKey, str], near: Neighbours) -> None:
        key = self._at.pop(path, None)
        self._ready.pop(path, None)
        self._refused.discard(path)
        self._family.pop(path, None)
        if key is None or key in present:
            return
        if (file := self._files.get(key)) is not None:
            file.going = True
        elif (rest := self._closed.pop(key, None)) is not None:
            self._read_on(rest, near)
        else:
            self._forgotten.append(key)

    def _replaced(
        self, path: str, before: FileKey, key: FileKey, present: Mapping[FileKey, str], near: Neighbours
    ) -> None:
        """The name stands for another file: the one before is read to its end, and so is what came between the two."""
        file, rest = self._files.get(before), self._closed.get(before)
        if file is not None:
            modified, real = file.source.state()[1], file.real
            if before not in present:
                self._moved_on(file, near)
        elif rest is not None:
            modified, real = rest.modified, rest.position.path
            if before not in present:
                del self._closed[before]
                self._read_on(rest, near)
        else:  # nothing was ever read of it: it had been empty, or refused
            real = os.path.realpath(path)
            at = next((one for one in near.relatives(real) if one.key == before), None)
            if at is None or before in present:
                return
            modified = at.modified
            self._go_through([at], real)
        ours = file.head if file is not None else rest.position.head if rest is not None else ""
        size = file.head_bytes if file is not None else rest.position.head_bytes if rest is not None else 0
        beside = self._family.get(path, {})

        def known(one: Relative) -> bool:
            if one.key in (before, key) or one.key in present or self._knows(one):
                return True
            return beside.get(one.key) == one.modified or (size > 0 and head_of(one.path, size) == ours)

        self._go_through(successors(real, modified, near, known, strict=False), real)
        self._learn_family(path, real, near)

    def _moved_on(self, file: Followed, near: Neighbours) -> None:
        """Its name is another file's. It is read to its end, unless the patterns cover the name it has now."""
        file.going = True
        for one in near.relatives(file.real):
            path = str(Path(file.path).with_name(Path(one.path).name))
            if one.key == file.key and path in self._catalogue.names:
                file.path, file.going = path, False
                self._at[path] = file.key

    def _read_on(self, rest: Closed, near: Neighbours) -> None:
        """A log that was read and closed, and is elsewhere now: what was written to it since is read."""
        path = moved(rest.position, near)
        status = status_of(path) if path is not None else None
        if path is not None and status is not None and status.st_size > rest.position.offset:
            opened = self._open(path, rest.position)
            if opened is not None:
                opened.going = True
                return
        self._forgotten.append((rest.position.device, rest.position.inode))

    def _knows(self, one: Relative) -> bool:
        """Whether it was read, or is being read. Inodes are given out again: a closed log must be the same one."""
        rest = self._closed.get(one.key)
        if rest is None:
            return one.key in self._files
        head, size = rest.position.head, rest.position.head_bytes
        return rest.modified == one.modified or (size > 0 and head_of(one.path, size) == head)

    def _go_through(self, relatives: Sequence[Relative], real: str) -> None:
        """Logs rotated away from `real` that are read once, from their beginning."""
        for one in relatives:
            path: str | None = one.path
            for _ in range(3):
                opened = self._open(path, None, only=one.key) if path is not None else None
                if opened is not None:
                    opened.going, opened.real = True, real
                    self._begun.append(opened.at(0, 1))
                    break
                # Another rotation came while we looked: it has another name now.
                path = next((kin.path for kin in Neighbours().relatives(real) if kin.key == one.key), None)

    def _learn_family(self, path: str, real: str, near: Neighbours) -> None:
        self._family[path] = {one.key: one.modified for one in near.relatives(real)}

    def _is_copy(self, path: str, size: int) -> bool:
        """A new file that holds what an open one beside it does: the first half of copy-and-truncate. It waits for the second."""
        for file in self._files.values():
            if file.head_bytes < MIN_HEAD_BYTES or file.path == path or file.going:
                continue
            directory, base = os.path.split(file.path)
            if not path.startswith(directory) or not is_kin(base, path[len(directory) :].lstrip("/")):
                continue
            if head_of(path, file.head_bytes) != file.head:
                continue
            if file.was_replaced(file.source.state()[0] or 0):
                return True  # the second half has come as well: this turn reads what the copy holds beyond us
            upto = min(size, file.read)
            start = max(0, upto - _TAIL)
            copy = open_source(path)
            try:
                if copy.read(start, upto - start) == file.source.read(start, upto - start):
                    return True
            finally:
                copy.close()
        return False

    # --- after a start -----------------------------------------------------------------------------------------------
    def _resume(self, saved: Mapping[FileKey, Position], present: Mapping[FileKey, str], near: Neighbours) -> None:
        """Take up saved positions; files that were rotated meanwhile are looked for beside where they were."""
        for key, position in saved.items():
            path = present.get(key)
            if path is not None and head_of(path, position.head_bytes) == position.head:
                self._closed[key] = Closed(position, os.stat(path).st_mtime_ns)  # noqa: PTH116
                continue
            found = moved(position, near)
            opened = self._open(found, position) if found is not None else None
            if opened is None:
                if os.path.exists(position.path):  # noqa: PTH110
                    log.warning("log_rotated_away_while_down", file=Path(position.path).name, offset=position.offset)
                self._forgotten.append(key)
                continue
            opened.going = opened.key not in present
            modified = opened.source.state()[1]

            def known(one: Relative, opened: Followed = opened, position: Position = position) -> bool:
                if one.key in saved or one.key in present or one.key in self._files or one.key == opened.key:
                    return True
                return position.head_bytes > 0 and head_of(one.path, position.head_bytes) == position.head

            self._go_through(successors(position.path, modified, near, known, strict=True), position.path)

    # --- opening and closing -----------------------------------------------------------------------------------------
    def _open_ready(self) -> None:
        near = Neighbours()
        for path in list(self._ready):
            if len(self._files) >= MAX_OPEN and not self._make_room(time.monotonic()):
                return
            key = self._at.get(path)
            rest = self._closed.get(key) if key is not None else None
            size, since = self._ready.pop(path)
            opened = self._open(path, rest.position if rest is not None else None)
            if opened is not None:
                opened.waiting, opened.waiting_since = size, since
                self._learn_family(path, opened.real, near)

    def _make_room(self, moment: float, *, rested_s: float = 0.0) -> bool:
        """Close some of the files that are read to their end, those that rested longest first; False when there are none."""
        resting = [
            file
            for file in self._files.values()
            if not (file.going or file.waiting or file.framer.pending) and moment - file.last_data >= rested_s
        ]
        resting.sort(key=lambda file: file.last_data)
        for file in resting[: max(1, MAX_OPEN // 8)]:
            self._closed[file.key] = Closed(file.reached(), file.source.state()[1])
            self._count_out(file)
            file.source.close()
            del self._files[file.key]
        return bool(resting)

    def _open(self, path: str, position: Position | None, *, only: FileKey | None = None) -> Followed | None:
        try:
            source: Source = open_source(path)
        except OSError as error:
            if path not in self._refused:
                self._refused.add(path)
                log.warning("log_not_readable", file=Path(path).name, reason=error.strerror)
            return None
        self._refused.discard(path)
        if only is not None and source.key != only:
            source.close()
            return None
        if source.key in self._files:
            source.close()
            return self._files[source.key]
        offset = position.offset if position else 0
        framer = Framer(offset=offset, line=position.line if position else 1)
        file = Followed(path, os.path.realpath(path), source, framer, offset)
        self._closed.pop(file.key, None)
        self._files[file.key] = file
        file.know_head()
        if position is not None and position.head_bytes and 0 < file.head_bytes:
            # What is there may be other content already: then `was_replaced` must see what was read before.
            file.head, file.head_bytes = position.head, position.head_bytes
        if position is not None and status_of(position.path) is not None and file.path != position.path:
            file.real = position.path  # the log it was rotated away from: a later search begins there
        if position is not None and file.key != (position.device, position.inode):
            self._begun.append(file.at(position.offset, position.line))
            self._forgotten.append((position.device, position.inode))
        return file

    def _let_go(self, file: Followed) -> None:
        file.source.close()
        self._count_out(file)
        del self._files[file.key]
        self._forgotten.append(file.key)

    def _count_out(self, file: Followed) -> None:
        self._closed_cut += file.framer.cut
        self._closed_undecodable += file.framer.undecodable

    # --- one file ----------------------------------------------------------------------------------------------------
    def _turn(self, file: Followed, moment: float, final: bool) -> Iterator[tuple[Followed, Record]]:
        size, modified = file.source.state()
        if size is not None:
            # Written to and as long as before: it may be another file's worth of bytes.
            if (size != file.read or modified != file.modified) and file.was_replaced(size):
                yield from self._truncated(file)
                size = file.source.state()[0] or 0
            file.modified = modified
            file.note(size, moment)
        got = 0
        while (size is None or size > file.read) and (data := file.source.read(file.read, _CHUNK)):
            if not got:
                file.clock.default_to(now())
            got += len(data)
            yield from self._feed(file, data)
            if not final and not file.going:
                break
            size, _ = file.source.state()
        if got:
            file.last_data = moment
            if size is not None:
                file.note(size, file.waiting_since or moment)
            if file.head_bytes < HEAD_BYTES:
                file.know_head()
        elif file.framer.pending and (final or moment - file.last_data >= IDLE_S):
            for record in file.framer.flush():
                yield file, record
        if final and got:
            for record in file.framer.flush():
                yield file, record
        if file.going and not file.framer.pending and (moment - file.last_data >= _DRAIN_S or size is None):
            self._let_go(file)

    def _feed(self, file: Followed, data: bytes) -> Iterator[tuple[Followed, Record]]:
        file.read += len(data)
        self.read_bytes += len(data)
        before = file.framer.lines
        for record in file.framer.feed(data):
            yield file, record
        self.lines += file.framer.lines - before

    def _truncated(self, file: Followed) -> Iterator[tuple[Followed, Record]]:
        """Copy-and-truncate: read what the copy holds beyond us and what was copied since, then begin again at the start."""
        near = Neighbours()
        copy = moved(file.at(file.read, 0), near, not_key=file.key)
        try:
            rest = open_source(copy) if copy is not None else None
        except OSError:
            rest = None
        if rest is not None:
            while data := rest.read(file.read, _CHUNK):
                yield from self._feed(file, data)
            size, modified = rest.state()
            if size is not None and rest.key not in self._files:  # if the pattern covers copies too, this one is read
                done = Position(copy or "", *rest.key, file.head, file.head_bytes, size, 1)
                self._closed[rest.key] = Closed(done, modified)
            rest_key = rest.key
            rest.close()

            def known(one: Relative) -> bool:
                return one.key in (rest_key, file.key) or self._knows(one)

            self._go_through(successors(file.real, modified, near, known, strict=True), file.real)
        else:
            log.warning("log_truncated", file=file.name, offset=file.read)
        for record in file.framer.flush():
            yield file, record
        self._count_out(file)
        file.framer, file.read, file.head, file.head_bytes = Framer(), 0, "", 0
        file.know_head()
        if rest is not None:
            self._learn_family(file.path, file.real, near)
