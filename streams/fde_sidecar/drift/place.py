"""A place in a payload, with what is habitual there. Places form a tree: the baseline of one source.

Everything is conditional on the place above: a field's presence is counted where its object is, a format where the value is
text. So a change is told once, where it happened, and not again for everything below it.
"""

from __future__ import annotations

from typing import Final

import msgspec

from fde_sidecar.drift.habit import Habit
from fde_sidecar.drift.runs import Runs

PRESENT: Final = "present"
ABSENT: Final = "absent"
OBJECT: Final = "object"
ARRAY: Final = "array"
STRING: Final = "string"
NUMBER: Final = "number"
NULL: Final = "null"


class Place(msgspec.Struct, array_like=True):
    """One path's habits. `objects`: records that had an object here. `values` are keyed digests, `sizes` orders of magnitude.

    `low` and `high`: the octaves of the numbers seen, and those of the window being filled (`low_now`, `high_now`).
    `turns`: how often it was told to have come or gone.
    `peak` and `peak_now`: the octave of the largest number of the last 16 trials, and of those being counted.
    `is_back`: its removal waited to be told when it came back. `rises`, `falls`: numbers larger or smaller than the one before;
    `climbs`, `drops`: numbers beyond the range, larger or smaller than the one beyond it before.
    `beside`: of a field that is new, how often each sibling was in the same object. `told_gone`: its removal was told.
    """

    path: str
    presence: Habit = msgspec.field(default_factory=Habit)
    runs: Runs | None = None  # None while every object had it
    types: Habit = msgspec.field(default_factory=Habit)
    formats: Habit = msgspec.field(default_factory=Habit)
    numbers: Habit = msgspec.field(default_factory=Habit)
    values: Habit = msgspec.field(default_factory=Habit)
    sizes: Habit = msgspec.field(default_factory=Habit)
    low: int | None = None
    high: int | None = None
    low_now: int | None = None
    high_now: int | None = None
    objects: int = 0
    told_gone: bool = False
    beside: dict[str, int] = {}
    children: dict[str, Place] = {}
    mapped: bool = False  # its keys are data: those that are no child already share one
    crowded: int = 0  # objects here that had far too many names
    turns: int = 0
    peak: int | None = None
    peak_now: int | None = None
    is_back: bool = False
    rises: int = 0
    falls: int = 0
    climbs: int = 0
    drops: int = 0

    def habits(self) -> tuple[Habit, ...]:
        """All of them."""
        return (self.presence, self.types, *self.value_habits())

    def value_habits(self) -> tuple[Habit, ...]:
        """The habits that are learned from values, not from the shape."""
        return (self.formats, self.numbers, self.values, self.sizes)

    def renew_values(self) -> None:
        """After a change of what stands here: learn anew how values look."""
        for habit in self.value_habits():
            habit.renew()
        self.low = self.high = self.low_now = self.high_now = self.peak = self.peak_now = None
        self.climbs = self.drops = 0
