"""A known shape: what one more record of it counts, kept until the counts are brought to the places."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby
from typing import Final

from fde_sidecar.drift.habit import Habit
from fde_sidecar.drift.place import OBJECT, PRESENT, Place
from fde_sidecar.drift.runs import Runs
from fde_sidecar.drift.shape import Survey

_NONE: Final[frozenset[str]] = frozenset()


class Known:
    """A shape of which everything is part of the baseline."""

    __slots__ = ("counts", "objects", "stays")

    def __init__(self, survey: Survey) -> None:
        self.counts: list[tuple[Habit, tuple[str, ...]]] = []
        self.objects: list[Place] = []
        self.stays: list[tuple[Runs, bool]] = []
        for place, sight in survey.seen.values():
            for habit, facts in ((place.presence, sight.presence), (place.types, sight.types)):
                if facts:
                    self.counts.append((habit, tuple(sorted(facts))))
            if OBJECT in sight.types:
                self.objects.append(place)
            if sight.presence and place.runs is not None:
                self.stays.append((place.runs, PRESENT in sight.presence))

    def count(self, records: int) -> None:
        """Bring so many records to the habits and places; their order is of no consequence there."""
        for habit, facts in self.counts:
            habit.trials += records
            for fact in facts:
                habit.known[fact] += records
            for trace in habit.traces:
                trace.count(records, 0 if _NONE.union(trace.facts).isdisjoint(facts) else records)
        for place in self.objects:
            place.objects += records


def settle(due: Iterable[Known]) -> None:
    """Count records of known shapes, given in the order they came."""
    sums: dict[Known, int] = {}
    for known, group in groupby(due):
        records = sum(1 for _ in group)
        sums[known] = sums.get(known, 0) + records
        for runs, here in known.stays:
            runs.step(here, records)
    for known, records in sums.items():
        known.count(records)
