"""Rotation: where a log's bytes went when its name was given to another file, and what was written after it.

Position -> moved() -> the renamed file, a copy, or an archive with the same first bytes
path, time -> successors() -> logs that were rotated away without our having seen them

Only names that a rotation gives are looked at: a number, a date, ``old``; before or behind the log's own extension.
"""

from __future__ import annotations

import os
import re
import time
from bisect import bisect_left
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

from fde_sidecar.source import COMPRESSED, MIN_HEAD_BYTES, FileKey, head_of, readable
from fde_sidecar.spool import Position

_ROTATED: Final = r"(?:\d[\d\-_.T:+Z]{0,40}|old|prev|bak)"
_ATTEMPTS: Final = 3
_PAUSE_S: Final = 0.01
_MAX_HEADS: Final = 400  # neighbours of other names whose first bytes are looked at


@dataclass(frozen=True, slots=True)
class Relative:
    """A file beside a log, under a name that a rotation of it gives. `modified` in nanoseconds."""

    path: str
    key: FileKey
    modified: int


class Neighbours:
    """The directories of one moment: listed once however many logs are looked for."""

    def __init__(self) -> None:
        self._listed: dict[str, list[tuple[str, int]]] = {}

    def of(self, path: str) -> list[tuple[str, int]]:
        """Name and inode of everything beside `path`, by name."""
        directory = os.path.dirname(path) or "."  # noqa: PTH120  plain strings, ten thousand of them
        found = self._listed.get(directory)
        if found is None:
            try:
                with os.scandir(directory) as entries:
                    found = sorted((entry.name, entry.inode()) for entry in entries)
            except OSError:
                found = []
            self._listed[directory] = found
        return found

    def forget(self, path: str) -> None:
        """List what is beside `path` anew."""
        self._listed.pop(os.path.dirname(path) or ".", None)  # noqa: PTH120

    def relatives(self, path: str) -> Iterator[Relative]:
        """What a rotation of `path` may have left, itself excepted."""
        base = os.path.basename(path)  # noqa: PTH119
        names = self.of(path)
        stem = _stem(base)
        for start in sorted({stem + mark for mark in ".-_"} | {base + mark for mark in ".-_"}):
            at = bisect_left(names, (start, -1))
            while at < len(names) and names[at][0].startswith(start):
                name, inode = names[at]
                at += 1
                if (start != base + name[len(base) : len(base) + 1] and name.startswith(base)) or not is_kin(
                    base, name
                ):
                    continue  # what begins with the whole name is found under that beginning
                full = str(Path(path).with_name(name))
                try:
                    status = os.stat(full)  # noqa: PTH116
                except OSError:
                    continue
                yield Relative(full, (status.st_dev, inode), status.st_mtime_ns)


def is_kin(base: str, name: str) -> bool:
    """Whether `name` is one that a rotation of `base` gives."""
    return name != base and name.startswith(_stem(base)) and _kin(base).fullmatch(name) is not None


def _stem(base: str) -> str:
    stem, dot, _ = base.rpartition(".")
    return stem if dot and stem else base


@lru_cache(1024)
def _kin(base: str) -> re.Pattern[str]:
    stem, dot, extension = base.rpartition(".")
    names = [rf"{re.escape(base)}[.\-_]{_ROTATED}"]
    if dot and stem:
        names.append(rf"{re.escape(stem)}[.\-_]{_ROTATED}\.{re.escape(extension)}")
    return re.compile(rf"(?:{'|'.join(names)})(?:\.(?:gz|bz2|xz|zst|zip))?")


def moved(position: Position, neighbours: Neighbours, *, not_key: FileKey | None = None) -> str | None:
    """The file that holds what `position` was read from: the same inode, else a copy or an archive with the same head."""
    for attempt in range(_ATTEMPTS):
        if attempt:  # a rotation may have been under way while we listed and looked
            time.sleep(_PAUSE_S)
            neighbours.forget(position.path)
        found = _moved(position, neighbours, not_key)
        if found is not None:
            return found
    return None


def _moved(position: Position, neighbours: Neighbours, not_key: FileKey | None) -> str | None:
    for name, inode in neighbours.of(position.path):
        if inode == position.inode and not_key is None:
            path = str(Path(position.path).with_name(name))
            if readable(path) and _holds(path, position):
                return path
    if position.head_bytes < MIN_HEAD_BYTES:
        return None
    kin = sorted(neighbours.relatives(position.path), key=lambda one: -one.modified)
    others = [Path(position.path).with_name(name) for name, _ in neighbours.of(position.path)[:_MAX_HEADS]]
    known = {one.path for one in kin}
    for path in [one.path for one in kin if one.key != not_key] + [str(p) for p in others if str(p) not in known]:
        if path != position.path and readable(path) and _holds(path, position):
            return path
    return None


def successors(
    path: str, after: int, neighbours: Neighbours, known: Callable[[Relative], bool], *, strict: bool
) -> list[Relative]:
    """Logs rotated away from `path` that were written after nanosecond `after`, oldest first; `known` ones left out.

    `strict`: one of the very same time is taken for an older one.
    """
    found = [
        one
        for one in neighbours.relatives(path)
        if (one.modified > after or (not strict and one.modified == after)) and not known(one) and readable(one.path)
    ]
    return sorted(found, key=lambda one: (one.modified, one.path))


def _holds(path: str, position: Position) -> bool:
    if not path.endswith(COMPRESSED):
        try:
            status = os.stat(path)  # noqa: PTH116
        except OSError:
            return False
        if status.st_size < position.offset or not Path(path).is_file():
            return False
    return head_of(path, position.head_bytes) == position.head
