"""A trace: whether what a finding says goes on to be so, or the source takes it back.

finding -> Trace, count() for every record since -> stands()

A field that came for the orders of one campaign and went with them was never part of the shape, and one that an import left out
for a while never left it. At its first records neither can be told from a change: what decides is how it goes on. So what
happened since is kept as counts of blocks of records, at most `_MOST` of them (two neighbours become one when there are more),
and a finding stands where all of this holds:

- What made it certain still does with all records since counted: the generalized likelihood ratio of two rates, before the change
  and since (:mod:`habit`). Evidence for a change grows with the records; that for three rare ones in a row goes.
- No later point splits what came since into two rates (Siegmund and Venkatraman 1995, the same statistic) of which the later is
  back near the one from before. A rollout in a share of the records has one rate throughout, and one that grows moves on.
- Numbers beyond the range seen before do not climb one by one: that is a counter which began anew.
- A field that was told to be gone, and was in none of many records, has not come back even now and then.
"""

from __future__ import annotations

from typing import Final

import msgspec

from fde_sidecar.drift.ratio import likelihood_ratio

BAR: Final = 6.0  # nats in favour of a return; splits are searched, so what one split alone would ask is not enough
_BACK: Final = 0.25  # of the way from the usual rate to that of the finding: what is within is back
_USED: Final = 0.1  # of the rate that a new value had: one that is still used so often is one value more
_FADED: Final = 6.5  # nats that a finding keeps; fewer than it took to make it, so that it does not waver
_WITHOUT: Final = 16  # records in a row without a field, and it is gone where only some of them were to lack it
_STRAYS: Final = 1  # records with it after those that may be late ones
_MOST: Final = 64  # blocks
_CLIMBS: Final = 3  # steps upwards in a row are one of 24 orders
RESTARTS: Final = 0.06  # of a counter for each step upwards


class Trace(msgspec.Struct, array_like=True):
    """One finding that is not told yet, and what the source did since.

    `record` is the source's 0-based record at which it was found; `facts` are those of the habit that show the change;
    `trials_before` the records before it, of which `hits_before` had one of them; `partner` is the path of the other half of a
    rename, `patience` the records since the change that it waits for, `size` the values met until it was found.
    Of numbers beyond a range, `climbs` were larger than the one beyond it before, `drops` smaller.
    """

    change: str
    field: str
    before: str | None
    after: str | None
    record: int
    facts: list[str]
    trials_before: int
    hits_before: int = 0
    partner: str = ""
    patience: int = 0
    size: int = 0
    climbs: int = 0
    drops: int = 0
    width: int = 1
    blocks: list[tuple[int, int]] = []

    def note(self, facts: set[str]) -> None:
        """Count one record in which `facts` held."""
        self.count(1, int(any(fact in facts for fact in self.facts)))

    def count(self, trials: int, hits: int) -> None:
        """Count records in which there could be a fact, and those of them that had one of the change's."""
        blocks = self.blocks
        if len(blocks) > 1 and blocks[-1][0] + trials <= self.width:  # the first block is the finding's own evidence
            blocks[-1] = (blocks[-1][0] + trials, blocks[-1][1] + hits)
            return
        blocks.append((trials, hits))
        if len(blocks) > _MOST:
            self.width *= 2
            self.blocks = [_joined(blocks[at : at + 2]) for at in range(0, len(blocks), 2)]

    @property
    def trials(self) -> int:
        """Records since the change began."""
        return sum(trials for trials, _ in self.blocks)

    def stands(self) -> bool:
        """Whether it still looks like a change."""
        trials, hits = _joined(self.blocks)
        if self.trials_before and likelihood_ratio(self.trials_before, hits, trials, self.hits_before) < _FADED:
            return False
        if self.climbs >= _CLIMBS and self.drops <= RESTARTS * self.climbs:
            return False
        return not self.taken_back()

    def taken_back(self) -> bool:
        """Whether the source returned to what it was like before the finding."""
        trials, hits = _joined(self.blocks)
        usual = self.hits_before / self.trials_before if self.trials_before else 0.0
        back = _USED if self.change == "enum" else _BACK
        early_trials = early_hits = 0
        for block_trials, block_hits in self.blocks[:-1]:
            early_trials += block_trials
            early_hits += block_hits
            late_trials, late_hits = trials - early_trials, hits - early_hits
            early, late = early_hits / early_trials, late_hits / late_trials
            if (
                self.change == "removed"
                and early == 1.0
                and early_trials >= _WITHOUT
                and late_trials - late_hits > _STRAYS
            ):
                return True
            if early <= usual or late - usual > back * (early - usual):
                continue
            if likelihood_ratio(early_trials, late_hits, late_trials, early_hits) >= BAR:
                return True
        return False


def _joined(blocks: list[tuple[int, int]]) -> tuple[int, int]:
    return sum(trials for trials, _ in blocks), sum(hits for _, hits in blocks)
