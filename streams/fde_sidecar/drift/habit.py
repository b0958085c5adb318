"""A habit: which facts hold of one thing in a payload, how often, and when a new fact is a change and not a rarity.

facts of a record -> Habit.observe() -> the facts that just became a change

The test is a generalized likelihood ratio for one change point at the fact's first sight: a rate of 0 before it and k/m since,
against the constant rate k/N (Siegmund and Venkatraman 1995, for Bernoulli trials). It separates a field that came into being
from one that is rare and was not met before, also where only a share of the records has it: 3 of 3 after 0 of 20 is a
change, 2 of 40 after 0 of 40 is none. The bar is in nats; the number of hits asked for grows with what was seen before.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import log
from typing import Final

import msgspec

from fde_sidecar.drift.ratio import likelihood_ratio
from fde_sidecar.drift.trace import Trace

WARM_UP: Final = 8  # trials before which every fact is part of the baseline
SETTLED: Final = (
    20  # trials before which a change has to be clearer, and a fact met now and then is taken for a rare one
)
BAR: Final = 9.0  # nats in favour of a change
_EARLY: Final = 1.0  # and more of it where the change is among the first trials
VALUE_BAR: Final = 12.5  # of a new member of a vocabulary, or of a size: there are many of them
GONE_BAR: Final = 10.0  # nats against an optional field that merely stays away
MOST_FACTS: Final = 64  # more make a habit open: nothing new can be said of it
_STRAY: Final = 3.0  # nats more for a value that came up before
_CLOSED: Final = 0.12  # the most that the mass of unseen facts may be estimated at (Good 1953)


class News(msgspec.Struct, array_like=True):
    """A fact not in the baseline, and where a change is most likely if there is one.

    `before` trials before that point, `earlier` of them had the fact; `hits` since. `first` is the source's record at that
    point, `born` the trials before the fact was met for the first time.
    """

    before: int
    hits: int
    first: int
    born: int
    earlier: int = 0


class Habit(msgspec.Struct, array_like=True):
    """Facts of one kind about one place. Not frozen: it is learned from every record.

    `trials` records in which a fact of this kind could be met; `known` the baseline with its counts; `news` what is not
    (yet) part of it. `open`: so many different facts that a new one tells nothing. `renewed`: a change was told, and what comes
    right after one is mixed more than what a source begins with.
    """

    trials: int = 0
    known: dict[str, int] = {}
    news: dict[str, News] = {}
    open: bool = False
    grown: int = 0  # the trial that brought the last fact of the baseline
    renewed: bool = False
    traces: list[Trace] = []  # of findings that are not told yet

    def knows(self, fact: str) -> bool:
        """Whether meeting `fact` needs no thought."""
        return self.open or fact in self.known

    @property
    def warm(self) -> bool:
        """Whether there is a baseline to differ from."""
        return self.trials > self._begun

    @property
    def _begun(self) -> int:
        return SETTLED if self.renewed else WARM_UP

    def observe(self, facts: set[str], index: int, bar: float = BAR, shown: set[str] | None = None) -> list[str]:
        """Count one trial in which `facts` held; returns those that are now a change, in order. They stay until :meth:`renew`.

        `shown`: what the traces of findings are to see in place of `facts`, where those are relative to the baseline.
        """
        self.trials += 1
        for trace in self.traces:
            trace.note(facts if shown is None else shown)
        if self.open:
            return []
        changed = []
        for fact in facts if len(facts) == 1 else sorted(facts):
            if fact in self.known:
                self.known[fact] += 1
            elif self.trials <= self._begun or not (fact in self.news or self.closed()):
                self.known[fact] = 1
                self.grown = self.trials
                self._bound()
            elif self._met(fact, index, bar):
                changed.append(fact)
        return changed

    def _met(self, fact: str, index: int, bar: float) -> bool:
        news = self.news.get(fact)
        if news is None:
            if len(self.news) >= MOST_FACTS:
                self.give_up()
                return False
            self.news[fact] = News(self.trials - 1, 1, index, self.trials - 1)
            return False
        news.hits += 1
        nats = likelihood_ratio(news.before, news.hits, self.trials - news.before, news.earlier)
        if news.before < SETTLED:
            bar += _EARLY
        if news.earlier and bar > BAR + _EARLY:  # a value that was met before may only have its day
            bar += _STRAY
        if news.hits >= hits_asked(news.before) and nats >= bar:
            return True
        if (
            likelihood_ratio(self.trials - 1, 1, 1, news.earlier + news.hits - 1) > nats
        ):  # a few strays, and now perhaps the change
            news.earlier += news.hits - 1
            news.before, news.hits, news.first = self.trials - 1, 1, index
        if self._rare(news, bar):
            self.known[fact] = news.earlier + news.hits
            self.grown = max(self.grown, news.born)
            del self.news[fact]
            self._bound()
        return False

    def _rare(self, news: News, bar: float) -> bool:
        """Whether a fact was met all along since its first time: rare, and part of the baseline."""
        since = self.trials - news.born
        if since > 4 * news.born + 100:
            return True
        # Born early, and so seldom since that no more of the same would make it a change.
        met = (news.earlier + news.hits) / since
        return news.born < SETTLED < since and met < 0.5 and -news.born * log(1 - met) < 0.3 * bar

    def _bound(self) -> None:
        if len(self.known) > MOST_FACTS:
            self.give_up()

    def give_up(self) -> None:
        """Give up on this habit: too many facts to know."""
        self.open, self.known, self.news = True, {}, {}

    def closed(self) -> bool:
        """Whether the facts known look like all there are: the chance that the next is a new one is small (Good-Turing)."""
        once = sum(1 for count in self.known.values() if count == 1)
        return once <= max(1.0, _CLOSED * sum(self.known.values()))

    def renew(self) -> None:
        """Take the shape from here on as the baseline: what the next trials show is known."""
        self.trials, self.known, self.news, self.open, self.grown, self.renewed = 0, {}, {}, False, 0, True

    def admit(self, facts: Iterable[str]) -> None:
        """Make news part of the baseline, and leave the rest of it as it is."""
        for fact in facts:
            news = self.news.pop(fact, None)
            self.known[fact] = news.earlier + news.hits if news else 1
        self.grown = self.trials
        self._bound()

    def rate(self, fact: str) -> float:
        """The share of the trials that had `fact`, among those before any news of it; 0.0 without trials."""
        return self.known.get(fact, 0) / self.trials if self.trials else 0.0


def hits_asked(before: int) -> int:
    """How often a fact has to be met: 3 times, once more for each tenfold of 100 trials without it. Rare things come in bursts."""
    asked = 3
    while before >= 1000:
        asked, before = asked + 1, before // 10
    return asked
