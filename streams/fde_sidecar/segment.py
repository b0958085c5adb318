"""Segment: one file of the spool, read frame by frame past what is damaged.

segment-00000007.wal -> scan() -> Scanned(entries, where the good bytes end, the holes between them)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from fde_sidecar.entry import MAX_FRAME, Entry, next_frame, read_frame

_NAME: Final = "segment-{:08d}.wal"
_READ_BYTES: Final = 256 * 1024
Hole = tuple[int, int]  # first damaged byte, first whole byte after it


@dataclass(frozen=True, slots=True)
class Scanned:
    """One segment's bytes. `good`: the byte after the last whole frame; `holes` lie before it. `size`: the file's."""

    good: int
    size: int
    holes: tuple[Hole, ...]
    values: int  # frames with something to send


def path_of(directory: Path, number: int) -> Path:
    """The segment's file."""
    return directory / _NAME.format(number)


def numbers_in(directory: Path) -> list[int]:
    """The segments that are there, first to last."""
    names = (path.stem.removeprefix("segment-") for path in directory.glob("segment-*.wal"))
    return sorted(int(name) for name in names if name.isdecimal())


def scan(path: Path, take: Callable[[Entry], None], *, upto: int | None = None) -> Scanned:
    """Every whole frame of a segment, given to `take` in order. OSError when it cannot be read.

    What stands behind entry `upto` is left out: a write that failed and could not be cut off; the next segment has it again.
    """
    data = path.read_bytes()
    at = values = 0
    good = 0
    holes: list[Hole] = []
    while at < len(data):
        found = read_frame(data, at)
        if found is not None:
            if upto is not None and found[0].number > upto:
                return Scanned(good, good, tuple(holes), values)
            take(found[0])
            values += found[0].value is not None
            at += found[1]
            good = at
            continue
        onward = next_frame(data, at)
        if onward is None:
            break
        holes.append((at, onward))
        at = onward
    return Scanned(good, len(data), tuple(holes), values)


def read_some(path: Path, offset: int, size: int) -> bytes:
    """Bytes from `offset` on, of a file whose good part is `size` long: about 256 KiB, and always one whole frame."""
    with path.open("rb") as file:
        file.seek(offset)
        data = file.read(min(_READ_BYTES, size - offset))
        if read_frame(data, 0) is None and offset + len(data) < size:
            data += file.read(size - offset - len(data))
    return data


def begins_after(path: Path) -> int | None:
    """The number of the last entry that a segment's snapshot has in it; None when it has no snapshot that can be read."""
    try:
        with path.open("rb") as file:
            found = read_frame(file.read(MAX_FRAME), 0)
    except OSError:
        return None
    return found[0].number if found is not None and found[0].snapshot is not None else None
