"""The files input: what an application writes to its logs, as readings.

Follower -> Record -> event_of(), calls_of() -> Reading with where the file stands after it
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from fde_sidecar.clock import Clock
from fde_sidecar.follow import Follower
from fde_sidecar.frame import Record
from fde_sidecar.parse import event_of
from fde_sidecar.reading import Call, FileKey, Reading
from fde_sidecar.spool import Position

CallsOf = Callable[[Record, Clock], tuple[Call, ...]]


class FilesInput:
    """The files of `patterns`, from the `saved` positions on (a spool's `state.positions`). `calls_of`: what a line tells of calls."""

    name = "files"

    def __init__(
        self,
        patterns: Sequence[str],
        saved: Mapping[FileKey, Position],
        *,
        calls_of: CallsOf = lambda _record, _clock: (),
    ) -> None:
        self._follower = Follower(patterns, saved)
        self._calls_of = calls_of
        self._noted = {"undecodable-bytes": 0, "cut-bytes": 0}

    def poll(self, *, final: bool) -> Iterator[Reading]:
        """A reading a record that tells something, at most one chunk a file; then what was left out and which files are done with.

        Of records that tell nothing, which most do, the last one's position stands for all before it.
        """
        passed: Position | None = None
        for file, record in self._follower.poll(final=final):
            for position in self._follower.begun():  # never behind a record of the same file
                yield Reading(position=position)
            if record.time is not None:
                file.clock.default_to(record.time)  # the runtime's time, for a line that names none
            event = event_of(record, file.clock, file.name)
            calls = self._calls_of(record, file.clock)
            position = file.position(record)
            if passed is not None and (passed.inode != position.inode or passed.device != position.device):
                yield Reading(position=passed)
            if event is None and not calls:
                passed = position
                continue
            passed = None
            yield Reading(events=() if event is None else (event,), calls=calls, position=position)
        if passed is not None:
            yield Reading(position=passed)
        for position in self._follower.begun():
            yield Reading(position=position)
        dropped = self._left_out()
        forgotten = tuple(self._follower.forgotten())
        if dropped or forgotten:
            yield Reading(dropped=dropped, forgotten=forgotten)

    def _left_out(self) -> dict[str, int]:
        totals = {"undecodable-bytes": self._follower.undecodable, "cut-bytes": self._follower.cut}
        new = {reason: total - self._noted[reason] for reason, total in totals.items() if total > self._noted[reason]}
        self._noted = totals
        return new

    @property
    def pending(self) -> bool:
        """Whether a record is open in any file, or a file waits to be opened."""
        return self._follower.pending

    @property
    def read_bytes(self) -> int:
        """Bytes read so far."""
        return self._follower.read_bytes

    @property
    def lines(self) -> int:
        """Lines read so far."""
        return self._follower.lines

    @property
    def lag(self) -> tuple[int, float]:
        """Bytes in the files that are not read, and the seconds since the oldest of them was seen."""
        return self._follower.lag

    def close(self) -> None:
        """Close the files."""
        self._follower.close()
