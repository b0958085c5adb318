"""The baseline of one source: what its payloads have looked like so far, and what just changed.

payload -> Baseline.observe() -> findings

A shape met before, of which everything is known, is one look into a dictionary and a count; counts go to the places every
few records, and that changes no result. Values are looked at in every one of the first records and in one of 64
later, in each of the next ones again when something new was seen.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import msgspec

from fde_sidecar.drift import profile, rename
from fde_sidecar.drift.finding import Finding
from fde_sidecar.drift.format import is_date, same_moment
from fde_sidecar.drift.habit import GONE_BAR, SETTLED, Habit
from fde_sidecar.drift.held import LEFT, Evidence, Held, of_news
from fde_sidecar.drift.known import Known, settle
from fde_sidecar.drift.path import ANY, EACH
from fde_sidecar.drift.place import ABSENT, NULL, NUMBER, OBJECT, PRESENT, STRING, Place
from fde_sidecar.drift.profile import usual_format
from fde_sidecar.drift.ratio import likelihood_ratio
from fde_sidecar.drift.runs import Runs
from fde_sidecar.drift.shape import Sight, Survey, Tree, looks_mapped, places_of, shape_of

FULL: Final = 1024  # records at first whose values are all looked at
ONE_IN: Final = 64  # of the later ones
ALERT: Final = 48  # and all of so many after something new
_FRESH: Final = 8  # times it was met
MOST_SHAPES: Final = 2048  # remembered at once; they are found out again when forgotten
_FOLDS: Final = (10, 24, 64)  # objects after which names are looked at: are they data?
_FILLED: Final = 40  # trials until which null says nothing of the type
_TURNS: Final = 2  # findings that a field came or went; one that goes on so is optional in bursts
_FEW, _MANY = 16, 64  # records between two looks at what stays away: at first, and later


class Learned(msgspec.Struct, array_like=True):
    """All there is to save of a source. `dice` chooses the records whose values are looked at; it is no secret."""

    root: Place = msgspec.field(default_factory=lambda: Place(""))
    records: int = 0
    alert: int = 0
    dice: int = 20_260_101


class Baseline:
    """One source. `digest` makes a value unreadable under the customer's key."""

    def __init__(
        self, digest: Callable[[str], str], learned: Learned | None = None, *, to_the_end: bool = False
    ) -> None:
        self.learned = learned or Learned()
        self._digest = digest
        self._tree = Tree(self.learned.root)
        self._shapes: dict[Any, Known] = {}
        self._due: list[Known] = []
        self._places: list[Place] | None = None
        self._last: dict[int, float] = {}
        self._held = Held(self._all_places, to_the_end=to_the_end)

    @property
    def refused(self) -> int:
        """Fields that had no room."""
        return self._tree.refused

    def observe(self, payload: Any) -> list[Finding]:
        """Learn from one payload (as a JSON reader gives it); what it makes certain to have changed, each change once."""
        learned = self.learned
        records = learned.records = learned.records + 1
        dice = learned.dice = (learned.dice * 1_103_515_245 + 12_345) & 0x7FFF_FFFF
        sampled = records <= FULL or learned.alert > 0 or not (dice >> 16) % ONE_IN
        shape = shape_of(payload)
        known = self._shapes.get(shape)
        if known is not None and not sampled:
            self._due.append(known)
            found: list[Finding] = []
        else:
            found = self._look(payload, shape, sampled)
        if not records & ((_FEW if records < FULL else _MANY) - 1):
            self.settle()
            found += self._gone()
            found += self._held.due()
        return found

    def lasting(self) -> list[tuple[int, Finding]]:
        """At the end of the stream: 0-based record and finding of every change that lasted (where findings wait for it)."""
        self.settle()
        return self._held.lasting()

    def settle(self) -> None:
        """Bring every count that is due to its place."""
        if self._due:
            settle(self._due)
            self._due.clear()

    def _all_places(self) -> list[Place]:
        if self._places is None:
            self._places = list(places_of(self.learned.root))
        return self._places

    def _look(self, payload: Any, shape: Any, sampled: bool) -> list[Finding]:
        self.settle()
        learned, index = self.learned, self.learned.records - 1
        if learned.alert:
            learned.alert -= 1
        survey = Survey(self._tree).of(payload)
        moved: list[tuple[Place, list[str], list[str]]] = []
        values: list[tuple[Place, profile.Told]] = []
        plain, folded, fitful = True, False, False
        for place, sight in survey.seen.values():
            presence = types = []
            if sight.presence:
                fitful = self._run(place, PRESENT in sight.presence) or fitful
                presence = place.presence.observe(sight.presence, index)
            if place.types.trials < _FILLED and place.types.known.keys() == {NULL}:
                place.types.known.update(dict.fromkeys(sight.types - {NULL}, 0))  # it was only not filled in yet
            types = place.types.observe(sight.types, index)
            place.objects += OBJECT in sight.types
            if presence or types:
                moved.append((place, presence, types))
            if sampled and (sight.texts or sight.numbers):
                told = profile.observe(place, sight, index, self._digest, self._last)
                if told:
                    values.append((place, told))
            plain = plain and _is_plain(place, sight)
            if OBJECT in sight.types and place.objects in _FOLDS and self._tree.fold(place):
                folded = True
        if index >= FULL and not learned.alert and any(_is_fresh(place) for place, _ in survey.seen.values()):
            learned.alert = ALERT
        if survey.grown or fitful:
            self._forget_shapes()
        if folded:  # what was counted is no longer there
            self._forget_shapes()
            return []
        self._stand_beside(survey)
        found = self._changes(survey, moved, values)
        if plain and not found and not survey.grown and shape not in self._shapes:
            if len(self._shapes) >= MOST_SHAPES:
                self._forget_shapes()
            self._shapes[shape] = Known(survey)
        return found

    @staticmethod
    def _run(place: Place, here: bool) -> bool:
        """Note that the field is here or not; whether that is the first time that it is not."""
        if place.runs is not None:
            place.runs.step(here, 1)
            return False
        if here and ABSENT not in place.presence.known:
            return False
        place.runs = Runs(not here, place.presence.trials)
        place.runs.step(here, 1)
        return True

    def _forget_shapes(self) -> None:
        self.settle()
        self._shapes.clear()
        self._places = None

    @staticmethod
    def _stand_beside(survey: Survey) -> None:
        """Note which siblings stood in the same record as a field that is new."""
        for place, sight in list(survey.seen.values()):
            if OBJECT not in sight.types:
                continue
            there: list[str] | None = None
            for child in place.children.values():
                if PRESENT in child.presence.news and _present(survey, child):
                    if there is None:
                        there = [name for name, one in place.children.items() if _present(survey, one)]
                    for name in there:
                        child.beside[name] = child.beside.get(name, 0) + 1

    def _changes(
        self,
        survey: Survey,
        moved: list[tuple[Place, list[str], list[str]]],
        values: list[tuple[Place, profile.Told]],
    ) -> list[Finding]:
        found: list[Finding] = []
        done: set[int] = set()
        if any(presence for _, presence, _ in moved):
            found += self._presences(survey, {id(place): presence for place, presence, _ in moved if presence}, done)
        for place, _, types in moved:
            if types and id(place) not in done:
                done.add(id(place))
                found += self._typed(place, types)
        for place, told in values:
            if id(place) not in done:
                done.add(id(place))
                evidence = of_news(told.habit, told.facts)._replace(facts=profile.shown_by(place, told))
                found += self._tell(place, Finding(told.change, place.path or "$", told.before, told.after), evidence)
                if told.change == "enum":
                    place.values.admit(told.facts)
                    place.formats.renew()
                else:
                    place.renew_values()
        if done:
            self._forget_shapes()
        return found

    def _tell(self, place: Place, finding: Finding, evidence: Evidence, partner: str = "") -> list[Finding]:
        return self._held.take(place, finding, evidence, self.learned.records - 1, partner)

    def _presences(self, survey: Survey, changed: dict[int, list[str]], done: set[int]) -> list[Finding]:
        found: list[Finding] = []
        for parent, sight in list(survey.seen.values()):
            moving = [name for name, child in parent.children.items() if id(child) in changed]
            if not moving or (OBJECT not in sight.types):
                continue
            for old, new in list(rename.pairs(parent)):
                if old in moving or new in moving:
                    gone, came = parent.children[old], parent.children[new]
                    finding = Finding("renamed", gone.path, gone.path, came.path)
                    found += self._tell(came, finding, of_news(came.presence, [PRESENT]), gone.path)
                    self._tell(gone, Finding(LEFT, gone.path), _away(gone))
                    self._take(gone, done)
                    self._take(came, done)
                    gone.told_gone = True
            for name in moving:
                child = parent.children[name]
                if id(child) in done:
                    continue
                if PRESENT in changed[id(child)]:
                    if name in (ANY, EACH) or rename.hoped_for(parent, name):
                        continue
                    if looks_mapped(parent, rate=0.5) or _all_come_and_go(parent):
                        self._tree.collapse(parent)
                        self._forget_shapes()
                        survey.grown = True
                        break
                    found += self._added(child)
                    self._take(child, done)
                    child.told_gone = False
                else:
                    found += self._removed(child, 1 - _share(child.presence, ABSENT), of_news(child.presence, [ABSENT]))
                    self._take(child, done)
        return found

    def _added(self, place: Place) -> list[Finding]:
        if place.is_back or self._held.is_return(place, PRESENT):
            place.is_back = False
            return []
        if place.turns >= _TURNS:
            return []
        evidence = of_news(place.presence, [PRESENT])
        finding = Finding("added", place.path, None, f"{_types(place)}, presence {evidence.hits / evidence.since:.2f}")
        told = self._tell(place, finding, evidence)
        place.turns += len(told)
        return told

    def _removed(self, place: Place, rate: float, evidence: Evidence) -> list[Finding]:
        if place.told_gone:
            return []
        place.told_gone, place.is_back = True, False
        if place.turns >= _TURNS or self._held.is_return(place, ABSENT):
            return []
        told = self._tell(place, Finding("removed", place.path, _types(place), f"presence {rate:.2f}"), evidence)
        place.turns += len(told)
        return told

    @staticmethod
    def _take(place: Place, done: set[int]) -> None:
        done.add(id(place))
        place.presence.renew()
        place.beside.clear()

    def _typed(self, place: Place, new: list[str]) -> list[Finding]:
        before, after = _types(place), "|".join(new)
        old_format = usual_format(place.formats if STRING in place.types.known else place.numbers)
        new_format = usual_format(place.formats if STRING in new else place.numbers if NUMBER in new else Habit())
        evidence = of_news(place.types, new)
        if new == [NULL]:
            place.types.admit(new)  # that it is filled in again will be no change
            return self._tell(place, Finding("nullability", place.path or "$", before, f"{before}|null"), evidence)
        place.types.renew()
        place.renew_values()
        dates = old_format and new_format and is_date(old_format) and is_date(new_format)
        if dates and old_format and new_format and not same_moment(old_format, new_format):
            return self._tell(place, Finding("format", place.path or "$", old_format, new_format), evidence)
        return self._tell(place, Finding("type", place.path or "$", before, after), evidence)

    def _gone(self) -> list[Finding]:
        """Optional fields that stay away for longer than chance explains."""
        found: list[Finding] = []
        changed = False
        for place in self._all_places():
            runs = place.runs
            if runs is None:
                continue
            if runs.here:
                if runs.run >= 8:
                    place.told_gone = False
                continue
            if place.told_gone or not place.presence.warm or runs.run <= 2 * runs.longest_gap:
                continue
            met = place.presence.known.get(PRESENT, 0)
            before = place.presence.trials - runs.run
            if met >= 5 and before >= SETTLED and ABSENT in place.presence.known:
                if min(likelihood_ratio(runs.run, met, before), runs.gone()) >= GONE_BAR:
                    if not self._has_twin(place):
                        found += self._removed(place, 0.0, _away(place))
                    place.presence.renew()
                    changed = True
        if changed:
            self._forget_shapes()
        return found

    def _has_twin(self, place: Place) -> bool:
        """Whether an optional field always came and went with another: the two are of one kind of record that is not sent now."""
        return any(other.runs == place.runs for other in self._all_places() if other is not place)


def _away(place: Place) -> Evidence:
    """That a field is not there: since the change where that is new, else in the run of absence that goes on."""
    habit = place.presence
    if ABSENT in habit.news or place.runs is None:
        return of_news(habit, [ABSENT])
    run = max(1, place.runs.run)
    return Evidence(habit, [ABSENT], run, run, max(0, habit.trials - run), max(0, habit.known.get(ABSENT, 0) - run))


def _present(survey: Survey, place: Place) -> bool:
    seen = survey.seen.get(id(place))
    return seen is not None and PRESENT in seen[1].presence


def _all_come_and_go(parent: Place) -> bool:
    """Whether at least three names here are new, each from another record on, and most of the others optional: keys of a map."""
    names = [child.presence for name, child in parent.children.items() if name not in (ANY, EACH)]
    born = {habit.news[PRESENT].born for habit in names if PRESENT in habit.news}
    return len(born) >= 3 and sum(ABSENT in habit.known for habit in names) >= 0.7 * len(names)


def _is_plain(place: Place, sight: Sight) -> bool:
    """Whether meeting this again needs no thought."""
    if sight.presence and not (place.presence.warm and all(place.presence.knows(fact) for fact in sight.presence)):
        return False
    return place.types.warm and all(place.types.knows(fact) for fact in sight.types)


def _is_fresh(place: Place) -> bool:
    """Whether something was seen here that is new, and not yet so often that it is clear what it is."""
    habits = (place.presence, place.types, *place.value_habits())
    return any(news.hits + news.earlier <= _FRESH for habit in habits if habit.news for news in habit.news.values())


def _types(place: Place) -> str:
    return "|".join(sorted(kind for kind in place.types.known if kind != NULL)) or NULL


def _share(habit: Habit, fact: str) -> float:
    news = habit.news.get(fact)
    return news.hits / (habit.trials - news.before) if news else 0.0
