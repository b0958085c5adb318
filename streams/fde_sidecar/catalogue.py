"""The catalogue: which files a sidecar's patterns name, at a cost that does not grow with their number.

patterns -> Catalogue.look() -> (path, status or None) of those whose turn it is

Directories are listed again when they changed. Of the files, a few hundred are looked at each time, all of them in turn: with
a few hundred files that is all of them, with 10 000 each about every ten seconds.
"""

from __future__ import annotations

import glob
import os
import stat
import time
from collections.abc import Iterator, Sequence
from typing import Final

from fde_sidecar.source import COMPRESSED

_AT_ONCE: Final = 200
_ROUNDS: Final = 60  # looks until every file had its turn
_LIST_SHARE: Final = 200.0  # a listing that took a millisecond is made at most every 0.2 s
_GRAIN_S: Final = 0.05  # a directory's time of change is no finer


class Catalogue:
    """The paths of `patterns`, as they stood when last looked at."""

    def __init__(self, patterns: Sequence[str]) -> None:
        self._patterns = tuple(patterns)
        self._deep = any(glob.has_magic(os.path.dirname(pattern)) for pattern in patterns)  # noqa: PTH120
        self._directories: dict[str, int] = {}
        self._listed_at = float("-inf")
        self._again_after = 0.0
        self._doubtful = True
        self.paths: list[str] = []
        self.names: frozenset[str] = frozenset()  # the same, to ask
        self.gone: list[str] = []  # by the last listing
        self._next = 0

    def look(
        self, moment: float, *, everything: bool = False, relist: bool = False
    ) -> Iterator[tuple[str, os.stat_result | None]]:
        """Whose turn it is; None: there is no such file, or it is none. `relist`: something moved, so list anew."""
        new = self._list(moment, everything or relist)
        count = len(self.paths)
        if everything or count <= _AT_ONCE:
            turn = self.paths
        else:
            size = max(_AT_ONCE, count // _ROUNDS)
            start = self._next % count
            turn = self.paths[start : start + size]
            self._next = start + size if start + size < count else 0
            turn = [*new, *turn]
        for path in turn:
            yield path, status_of(path)

    def _list(self, moment: float, everything: bool) -> list[str]:
        self.gone = []
        if not everything and moment - self._listed_at < self._again_after:
            return []
        changed = {directory: _changed(directory) for directory in self._directories}
        if not (everything or self._doubtful or (self._deep and self._patterns) or changed != self._directories):
            return []
        start, wall = time.perf_counter(), time.time_ns()
        found: dict[str, None] = {}
        for pattern in self._patterns:
            for path in sorted(glob.glob(pattern, recursive=True)):  # noqa: PTH207  patterns are absolute or relative
                if not path.endswith(COMPRESSED):
                    found[path] = None
        before = self.names
        self.paths, self.names = list(found), frozenset(found)
        self.gone = [path for path in before if path not in found]
        places = {os.path.dirname(path) or "." for path in (*self._patterns, *self.paths)}  # noqa: PTH120
        self._directories = {place: _changed(place) for place in places if not glob.has_magic(place)}
        newest = max(self._directories.values(), default=0)
        self._doubtful = not self._directories or wall - newest < _GRAIN_S * 1e9
        self._listed_at = moment
        self._again_after = min(10.0, (time.perf_counter() - start) * _LIST_SHARE)
        return [path for path in self.paths if path not in before]


def status_of(path: str) -> os.stat_result | None:
    """Of a regular file, through links."""
    try:
        status = os.stat(path)  # noqa: PTH116
    except OSError:
        return None
    return status if stat.S_ISREG(status.st_mode) else None


def _changed(directory: str) -> int:
    try:
        return os.stat(directory).st_mtime_ns  # noqa: PTH116
    except OSError:
        return 0
