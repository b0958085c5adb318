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
from fde_sidecar.drift.habit import GONE_BAR, SETTLED, Habit, likelihood_ratio
from fde_sidecar.drift.path import ANY, EACH
from fde_sidecar.drift.place import ABSENT, NULL, NUMBER, OBJECT, PRESENT, STRING, Place
from fde_sidecar.drift.profile import usual_format
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


class Known:
    """A shape of which everything is part of the baseline: what to count, and how often it is due."""

    __slots__ = ("counts", "due", "objects", "stays")

    def __init__(self, survey: Survey) -> None:
        self.due = 0
        self.counts: list[tuple[Habit, str]] = []
        self.objects: list[Place] = []
        self.stays: list[Place] = []
        self._of(survey)

    def _of(self, survey: Survey) -> None:
        for place, sight in survey.seen.values():
            for habit, facts in ((place.presence, sight.presence), (place.types, sight.types)):
                # The first count of a habit is its trial; a record with several facts counts one trial.
                self.counts += [(habit, fact) for fact in sorted(facts)]
            if OBJECT in sight.types:
                self.objects.append(place)
            if sight.presence:
                self.stays.append(place)

    def settle(self) -> None:
        """Bring what is due to the places."""
        due, self.due = self.due, 0
        last = None
        present = set()
        for habit, fact in self.counts:
            habit.known[fact] += due
            if fact == PRESENT:
                present.add(id(habit))
            if habit is not last:
                habit.trials += due
                last = habit
        for place in self.objects:
            place.objects += due
        for place in self.stays:
            place.stay.trials += due
            if id(place.presence) in present:
                place.stay.present += due


class Baseline:
    """One source. `digest` makes a value unreadable under the customer's key."""

    def __init__(self, digest: Callable[[str], str], learned: Learned | None = None) -> None:
        self.learned = learned or Learned()
        self._digest = digest
        self._tree = Tree(self.learned.root)
        self._shapes: dict[Any, Known] = {}
        self._due: list[Known] = []
        self._places: list[Place] | None = None

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
            if not known.due:
                self._due.append(known)
            known.due += 1
            found: list[Finding] = []
        else:
            found = self._look(payload, shape, sampled)
        if not records & ((_FEW if records < FULL else _MANY) - 1):
            self.settle()
            found += self._gone()
        return found

    def settle(self) -> None:
        """Bring every count that is due to its place."""
        for known in self._due:
            known.settle()
        self._due.clear()

    def _look(self, payload: Any, shape: Any, sampled: bool) -> list[Finding]:
        self.settle()
        learned, index = self.learned, self.learned.records - 1
        if learned.alert:
            learned.alert -= 1
        survey = Survey(self._tree).of(payload)
        if survey.grown:
            self._forget_shapes()
        moved: list[tuple[Place, list[str], list[str]]] = []
        values: list[tuple[Place, profile.Told]] = []
        plain, folded = True, False
        for place, sight in survey.seen.values():
            presence = types = []
            if sight.presence:
                place.stay.trials += 1
                place.stay.present += PRESENT in sight.presence
                presence = place.presence.observe(sight.presence, index)
            if place.types.trials < _FILLED and place.types.known.keys() == {NULL}:
                place.types.known.update(dict.fromkeys(sight.types - {NULL}, 0))  # it was only not filled in yet
            types = place.types.observe(sight.types, index)
            place.objects += OBJECT in sight.types
            if presence or types:
                moved.append((place, presence, types))
            if sampled and (sight.texts or sight.numbers):
                told = profile.observe(place, sight, index, self._digest)
                if told:
                    values.append((place, told))
            plain = plain and _is_plain(place, sight)
            if OBJECT in sight.types and place.objects in _FOLDS and self._tree.fold(place):
                folded = True
        if index >= FULL and not learned.alert and any(_is_fresh(place) for place, _ in survey.seen.values()):
            learned.alert = ALERT
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
                found.append(self._typed(place, types))
        for place, (change, before, after) in values:
            if id(place) not in done:
                done.add(id(place))
                found.append(Finding(change, place.path or "$", before, after))
                place.renew_values()
        if found:
            self._forget_shapes()
        return found

    def _presences(self, survey: Survey, changed: dict[int, list[str]], done: set[int]) -> list[Finding]:
        found: list[Finding] = []
        for parent, sight in list(survey.seen.values()):
            moving = [name for name, child in parent.children.items() if id(child) in changed]
            if not moving or (OBJECT not in sight.types):
                continue
            for old, new in list(rename.pairs(parent)):
                if old in moving or new in moving:
                    gone, came = parent.children[old], parent.children[new]
                    found.append(Finding("renamed", gone.path, gone.path, came.path))
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
                    rate = child.presence.news[PRESENT].hits / (
                        child.presence.trials - child.presence.news[PRESENT].before
                    )
                    if child.turns < _TURNS:
                        child.turns += 1
                        found.append(Finding("added", child.path, None, f"{_types(child)}, presence {rate:.2f}"))
                    self._take(child, done)
                    child.told_gone = False
                else:
                    found += self._removed(child, 1 - _share(child.presence, ABSENT))
                    self._take(child, done)
        return found

    @staticmethod
    def _removed(place: Place, rate: float) -> list[Finding]:
        if place.told_gone:
            return []
        place.told_gone = True
        place.turns += 1
        if place.turns > _TURNS:
            return []
        return [Finding("removed", place.path, _types(place), f"presence {rate:.2f}")]

    @staticmethod
    def _take(place: Place, done: set[int]) -> None:
        done.add(id(place))
        place.presence.renew()
        place.beside.clear()

    @staticmethod
    def _typed(place: Place, new: list[str]) -> Finding:
        before, after = _types(place), "|".join(new)
        old_format = usual_format(place.formats if STRING in place.types.known else place.numbers)
        new_format = usual_format(place.formats if STRING in new else place.numbers if NUMBER in new else Habit())
        place.types.renew()
        if new == [NULL]:
            return Finding("nullability", place.path or "$", before, f"{before}|null")
        place.renew_values()
        dates = old_format and new_format and is_date(old_format) and is_date(new_format)
        if dates and old_format and new_format and not same_moment(old_format, new_format):
            return Finding("format", place.path or "$", old_format, new_format)
        return Finding("type", place.path or "$", before, after)

    def _gone(self) -> list[Finding]:
        """Optional fields that stay away for longer than chance explains."""
        found: list[Finding] = []
        if self._places is None:
            self._places = list(places_of(self.learned.root))
        for place in self._places:
            stay = place.stay
            if not stay.trials:
                continue
            if stay.present:
                stay.longest = max(stay.longest, stay.away)
                if stay.present == stay.trials >= 8:
                    place.told_gone = False
                stay.away = 0
            else:
                stay.away += stay.trials
            stay.trials = stay.present = 0
            if stay.away <= 2 * stay.longest or place.told_gone or not place.presence.warm:
                continue
            met = place.presence.known.get(PRESENT, 0)
            before = place.presence.trials - stay.away
            if met >= 5 and before >= SETTLED and ABSENT in place.presence.known:
                if likelihood_ratio(stay.away, met, before) >= GONE_BAR:
                    found += self._removed(place, 0.0)
                    place.presence.renew()
        if found:
            self._forget_shapes()
        return found


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
