"""What an egress log tells whoever reads it: departures, what was removed, what is damaged.

<spool>/egress/segment-*.log -> read_log() -> `fde egress`; it may be written meanwhile
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from fde_events.errors import BadInput
from fde_sidecar.departure import Departure, Opening, is_torn, unpack

FOLDER: Final = "egress"  # below a spool's directory


@dataclass(frozen=True, slots=True)
class Damage:
    """A place in the log that cannot be read, and what follows it in that segment."""

    segment: str
    offset: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Removed:
    """Departures that age or the cap took out of the log."""

    count: int


def read_log(directory: Path) -> Iterator[Departure | Damage | Removed]:
    """A log's departures in the order they were written; it may be written meanwhile. `directory` holds its segments.

    First what was removed, if anything was. Damage is told where it lies; an unfinished last write is none.
    """
    try:
        paths = segments(directory)
        removed = max((_opening(path) for path in paths), default=0)
        if removed:
            yield Removed(removed)
        for path in paths:
            with path.open("rb") as file:
                good = 0
                for after, frame in unpack(file):
                    good = after
                    if isinstance(frame, Departure):
                        yield frame
                file.seek(good)
                rest = file.read()
            if rest and not (path == paths[-1] and is_torn(rest)):
                yield Damage(path.name, good, len(rest))
    except OSError as error:
        raise BadInput(str(directory), f"the egress log cannot be read: {error.strerror or error}") from error


def _opening(path: Path) -> int:
    """How many departures had been removed when this segment began."""
    with path.open("rb") as file:
        _, frame = next(unpack(file), (0, None))
    return frame.removed if isinstance(frame, Opening) else 0


def segments(directory: Path) -> list[Path]:
    """A log's segment files, oldest first. What somebody else put beside them is none of it."""
    found = directory.glob("segment-*.log")
    return sorted(path for path in found if path.stem.removeprefix("segment-").isdecimal())


def logs_below(directory: Path) -> list[Path]:
    """The logs of a spool's directory, or of those in it (a sidecar has one a feed). :class:`BadInput` when there is none."""
    if not directory.is_dir():
        raise BadInput(str(directory), "is no directory; give the sidecar's --spool")
    found = [one for one in (directory, directory / FOLDER) if segments(one)]
    found = found[:1] or sorted({path.parent for path in directory.glob(f"*/{FOLDER}/segment-*.log")})
    if not found:
        raise BadInput(str(directory), "holds no egress log: it is no sidecar's spool, or nothing has left yet")
    return found
