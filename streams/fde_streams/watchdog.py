"""A partition that stands still: lag without progress is first healed by reading on from the position, then by an end.

Positions and ends, every second or two -> Watch.look() -> what to heal, and whether to end the process

Frameworks and clients do stop delivering a partition without a word (faust: no progress in 40 s, measured). Whoever supervises
the process starts it again; all that matters is kept elsewhere. Pure: time comes in.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from typing import Final, Generic, TypeVar

TELL_S: Final = 30.0  # between two log lines about lag
_Key = TypeVar("_Key", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Still(Generic[_Key]):
    """A partition that stands still for `seconds` with `lag` records to read. `hopeless`: healing did not help."""

    key: _Key
    position: int
    lag: int
    seconds: float
    hopeless: bool


@dataclass(slots=True)
class Watch(Generic[_Key]):
    """Who stands still. Healing is wanted a third into `limit_s` and again after each third; after `limit_s` it is hopeless."""

    limit_s: float
    lag: dict[_Key, int] = field(default_factory=dict)
    _moved: dict[_Key, tuple[int, float]] = field(default_factory=dict)
    _healed: dict[_Key, float] = field(default_factory=dict)
    _told: float = float("-inf")

    def look(self, now: float, places: Mapping[_Key, tuple[int, int]]) -> list[Still[_Key]]:
        """`places`: by partition the next offset to read, and the end. `now` in seconds of any clock that does not go back."""
        found = []
        for key in self._moved.keys() - places.keys():  # taken away
            self._moved.pop(key, None)
            self._healed.pop(key, None)
        self.lag = {key: max(0, end - position) for key, (position, end) in places.items()}
        for key, (position, end) in places.items():
            old = self._moved.get(key)
            if old is None or old[0] != position or position >= end:
                self._moved[key] = (position, now)
                self._healed.pop(key, None)
                continue
            still = now - old[1]
            if still > self.limit_s:
                found.append(Still(key, position, end - position, still, True))
            elif now - self._healed.get(key, old[1]) > self.limit_s / 3:
                self._healed[key] = now
                found.append(Still(key, position, end - position, still, False))
        return found

    def blind(self) -> None:
        """The broker does not answer: nobody can make progress, so nobody stands still."""
        self._moved.clear()
        self._healed.clear()

    def due(self, now: float) -> bool:
        """Whether lag is to be told again; True once in `TELL_S`."""
        if now - self._told < TELL_S:
            return False
        self._told = now
        return True
