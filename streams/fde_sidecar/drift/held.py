"""Findings that wait: told when they have lasted, dropped when the source takes them back before.

finding -> Held.take() -> told now, or a trace at its place -> Held.due(), Held.lasting()

Where the whole stream is at hand (a file), every finding waits for its end: what came and went within is no change. Where it
goes on for ever, a finding waits only where the source is known to send in batches: for twice the longest burst (or gap) that was
no chance (see :mod:`runs`), of any field, because batches are of the source and not of the field. The first burst of a source is
told as it looks at the time; when it is over, that is told too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Final, NamedTuple

from fde_sidecar.drift.finding import Finding
from fde_sidecar.drift.habit import Habit
from fde_sidecar.drift.place import ABSENT, PRESENT, Place
from fde_sidecar.drift.profile import grows
from fde_sidecar.drift.trace import Trace

LEFT: Final = "left"  # the other half of a rename: never told by itself
_LONGEST: Final = 1024  # records that anything waits for in a stream that goes on
_ONE_MORE: Final = 24  # records that a new value waits for: the name of a customer who sends a batch is one as well
_RESTARTED: Final = 24  # records that a range waits for: a counter which began anew shows by then
_MOST: Final = 256  # that wait at once in one source; what is beyond is told


class Evidence(NamedTuple):
    """What a finding rests on: the habit and its facts that are new, records since the change and those that have one of
    them, and the same before."""

    habit: Habit
    facts: list[str]
    since: int
    hits: int
    before: int
    hits_before: int = 0


def of_news(habit: Habit, facts: list[str]) -> Evidence:
    """The evidence of news, before the habit is renewed."""
    news = [habit.news[fact] for fact in facts if fact in habit.news]
    before = min((one.before for one in news), default=habit.trials)
    since = max(1, habit.trials - before)
    return Evidence(
        habit, facts, since, min(since, sum(one.hits for one in news)), before, sum(one.earlier for one in news)
    )


class Held:
    """The findings of one source that wait. `to_the_end`: until :meth:`lasting` is asked, for the stream has one."""

    def __init__(self, places: Callable[[], Iterable[Place]], *, to_the_end: bool) -> None:
        self._places, self._to_the_end = places, to_the_end
        self._count = sum(1 for _ in self._traces())

    def take(self, place: Place, finding: Finding, evidence: Evidence, record: int, partner: str = "") -> list[Finding]:
        """The finding where it can be told now, or nothing: then it waits, and :meth:`due` or :meth:`lasting` has it."""
        patience = self._patience(place, finding.change, evidence)
        if patience <= evidence.since or self._count >= _MOST:
            return [finding] if finding.change != LEFT else []
        evidence.habit.traces.append(
            Trace(finding.change, finding.field, finding.before, finding.after, record, list(evidence.facts), evidence.before, evidence.hits_before, partner, patience, len(place.values.known) + len(place.values.news), place.climbs, place.drops, blocks=[(evidence.since, evidence.hits)])
        )  # fmt: skip
        self._count += 1
        return []

    def _patience(self, place: Place, change: str, evidence: Evidence) -> int:
        if self._to_the_end:
            return 1 << 62
        if change == "range":
            return _RESTARTED
        if change == "enum":
            return _ONE_MORE
        if place.turns or change not in ("added", "removed", "renamed"):
            return 0
        runs = [one.runs for one in self._places() if one.runs is not None]
        bursts = max((one.burst() for one in runs), default=0) if change != "removed" else 0
        gaps = max((one.gap() for one in runs), default=0) if change != "added" else 0
        return min(_LONGEST, 2 * max(bursts, gaps))

    @staticmethod
    def is_return(place: Place, fact: str) -> bool:
        """Whether presence (or absence) now is the end of what is waiting to be told: the field is back, or away again."""
        return any(fact not in trace.facts and trace.taken_back() for trace in place.presence.traces)

    def due(self) -> list[Finding]:
        """In a stream that goes on: what has lasted long enough."""
        if self._to_the_end or not self._count:
            return []
        told = []
        for place, habit, trace in list(self._traces()):
            if not _lasts(place, trace):
                if habit is place.presence:
                    place.told_gone, place.is_back = PRESENT in trace.facts, ABSENT in trace.facts
            elif trace.trials >= trace.patience:
                told += _finding(trace)
            else:
                continue
            habit.traces.remove(trace)
            self._count -= 1
        return told

    def lasting(self) -> list[tuple[int, Finding]]:
        """At the end of the stream: the record and the finding of everything that was not taken back, in order."""
        found: list[tuple[int, Finding]] = []
        left: dict[str, bool] = {}  # path of a field that went as one half of a rename -> whether it stayed away
        for place in self._places():
            left.update((place.path, trace.stands()) for trace in place.presence.traces if trace.change == LEFT)
        for place in self._places():
            for habit in place.habits():
                went_back = False
                for trace in sorted(habit.traces, key=lambda one: one.record):
                    back = not _lasts(place, trace)
                    if not back and not (went_back and habit is not place.values):
                        found += [(trace.record, one) for one in _finding(trace, left.get(trace.partner, True))]
                    elif back and trace.change == "renamed" and left.get(trace.partner):
                        found.append((trace.record, Finding("removed", trace.partner, None, "presence 0.00")))
                    went_back = back
        return sorted(found, key=lambda one: (one[0], one[1].field))

    def _traces(self) -> Iterator[tuple[Place, Habit, Trace]]:
        for place in self._places():
            for habit in place.habits():
                for trace in habit.traces:
                    yield place, habit, trace


def _lasts(place: Place, trace: Trace) -> bool:
    return trace.stands() and not (trace.change == "enum" and _grows(place, trace))


def _grows(place: Place, trace: Trace) -> bool:
    """Whether many other values came after a new one, or are met but once: the vocabulary is no closed set, and never was."""
    values = place.values
    later = len(values.known) + len(values.news) - trace.size
    return values.open or later > max(2, trace.size // 2) or grows(values, trace.facts)


def _finding(trace: Trace, whole: bool = True) -> list[Finding]:
    if trace.change == LEFT:
        return []
    if trace.change == "renamed" and not whole:  # the old name is back beside the new one
        return [Finding("added", trace.after or "", None, "presence beside the other")]
    return [Finding(trace.change, trace.field, trace.before, trace.after)]
