"""The cursor: the first entry of a spool that is not acknowledged, in a small file beside the segments.

An older cursor, or none, repeats records under the same ids; so it is written without a sync, and a disk that refuses it
stops nothing.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import msgspec

from fde_sidecar.disk import Disk

_NAME: Final = "cursor.json"


class Cursor(msgspec.Struct, frozen=True):
    """`told`: damaged bytes by segment that stand in some epoch's count already, so that no start counts them again."""

    segment: int = 0
    offset: int = 0
    told: dict[int, int] = {}


def read_cursor(directory: Path) -> Cursor:
    """What was saved; the beginning when there is nothing that can be read."""
    try:
        return msgspec.json.decode((directory / _NAME).read_bytes(), type=Cursor)
    except (OSError, msgspec.DecodeError):
        return Cursor()


def save_cursor(disk: Disk, directory: Path, cursor: Cursor) -> None:
    """The whole of it or what was there before. OSError when the disk refuses."""
    new = directory / f"{_NAME}.new"
    disk.write_new(new, msgspec.json.encode(cursor))
    disk.rename(new, directory / _NAME)
