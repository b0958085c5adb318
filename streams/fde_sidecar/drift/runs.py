"""Runs: how an optional field comes and goes. Records follow each other in batches, and so do the fields they have.

presence of a record -> Runs.step() -> how long it stays, how long it stays away, and whether that is more than chance

A field that half of the records have may be thrown for each of them, or be there in one import of two. The share is the same; what
differs is the chance that it comes back after a record without it. Presence is taken for a Markov chain of two states, of which
the independent trial is the special case, so a gap counts as one observation however long it is.
"""

from __future__ import annotations

from math import inf, log
from typing import Final

import msgspec

from fde_sidecar.drift.ratio import likelihood_ratio

_BY_CHANCE: Final = 4.6  # nats: one run in a hundred streams may be as long by chance
_ENOUGH: Final = 16  # trials outside of a run, and there is a share to compare it with
_BATCH: Final = 8  # trials, fewer are no pause between two batches
_NEARLY_ALWAYS: Final = 0.9  # of the records: that is a field which once was forgotten, and no batch


class Runs(msgspec.Struct, array_like=True):
    """Of one place: the run that goes on (`here`: of presence; `run` trials of it), and those that are over.

    `lead`: trials of the first run, the one the stream began in (`led`: of presence); it has no beginning and tells no length.
    Of the others, `gaps` were of absence, `absent` trials in all, `longest_gap` in one; `bursts`, `present` and `longest_burst`
    of presence.
    """

    here: bool = False
    run: int = 0
    lead: int = 0
    led: bool = False
    gaps: int = 0
    absent: int = 0
    longest_gap: int = 0
    bursts: int = 0
    present: int = 0
    longest_burst: int = 0

    def step(self, here: bool, trials: int) -> None:
        """`trials` records in a row that had the field, or had it not."""
        if here is self.here:
            self.run += trials
            return
        if not self.lead:
            self.lead, self.led = self.run, self.here
        elif self.here:
            self.bursts += 1
            self.present += self.run
            self.longest_burst = max(self.longest_burst, self.run)
        else:
            self.gaps += 1
            self.absent += self.run
            self.longest_gap = max(self.longest_gap, self.run)
        self.here, self.run = here, trials

    def gone(self) -> float:
        """Nats against the run of absence being one more gap like those before: 0 of `run` chances to come back were taken."""
        first = 0 if self.led else self.lead
        gaps, absent = self.gaps + (first > 0), self.absent + first
        present = self.present + self.lead - first
        if self.here or not gaps or present >= _NEARLY_ALWAYS * (present + absent):
            return inf
        longer = [gap for gap in (first, self.longest_gap) if gap and self._is_long(gap, gaps, absent)]
        if (
            longer
        ):  # it has short gaps within its bursts and long ones between them: this one is to be compared with those
            gaps, absent = len(longer), sum(longer)
        return likelihood_ratio(absent, 0, self.run, gaps)

    @staticmethod
    def _is_long(gap: int, gaps: int, absent: int) -> bool:
        back = gaps / (absent - gap + 2)  # the chance to come back after a record without it, in the other gaps
        return gap >= _BATCH and (back >= 1 or -gap * log(1 - back) > log(gaps) + _BY_CHANCE)

    def burst(self) -> int:
        """The length of the longest burst that was no chance, of a field that is away most of the time else; 0 without one."""
        return _beyond_chance(self.longest_burst, self.present, self.absent)

    def gap(self) -> int:
        """The length of the longest gap that was no chance, of a field that is there most of the time else; 0 without one."""
        return _beyond_chance(self.longest_gap, self.absent, self.present)


def _beyond_chance(longest: int, state: int, other: int) -> int:
    """`longest`, where independent trials of the share seen outside of it would hardly have such a run; else 0."""
    outside = state - longest + other
    if not longest or outside < _ENOUGH or 2 * (state - longest) > outside:
        return 0
    rate = (state - longest + 1) / (outside + 2)  # Laplace's rule: what was not met may be
    return longest if -longest * log(rate) > log(outside + longest) + _BY_CHANCE else 0
