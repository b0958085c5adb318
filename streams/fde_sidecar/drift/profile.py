"""Profiles: how the values of a place look. What is kept are names of formats, keyed digests and orders of magnitude.

Sight -> observe() -> the habits of values that just changed, as (change, before, after)
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from math import frexp, isfinite
from typing import Final, NamedTuple

from fde_sidecar.drift.format import EMPTY, TEXT, facts_of, format_of, format_of_number, is_date, other_order
from fde_sidecar.drift.habit import SETTLED, VALUE_BAR, Habit
from fde_sidecar.drift.place import Place
from fde_sidecar.drift.shape import Sight
from fde_sidecar.drift.trace import RESTARTS, Trace


class Told(NamedTuple):
    """A change of values: its kind, shapes before and after, and the facts of which habit show it."""

    change: str
    before: str | None
    after: str | None
    habit: Habit
    facts: list[str]


LONGEST_VALUE: Final = 64  # longer text is no member of a vocabulary
_LONGEST_NUMBER: Final = 1000  # bits; a double holds no more
_FACTOR: Final = 2  # octaves beyond what was seen that are still the same range
_WINDOW: Final = 256  # numbers after which the range is that of the last ones: counters and clocks grow
_MOST_VALUES: Final = 40  # in a vocabulary of words
_MOST_NUMBERS: Final = 6  # and in one of numbers
_FEW: Final = 5  # values, and nobody would call it anything but a vocabulary
_CLOSED_BAR, _EACH = 9.0, 0.75  # nats for a new value, and more for each one known: of many there are more
_DECIMAL: Final = re.compile(r"\d\.\d")  # versions roll on: no words
CODE: Final = "code"  # random letters and digits: each looks different
_LIKE_CODES: Final = frozenset({TEXT, "hex", "number:text", "number:unit"})  # as some of them come out by chance
_EMPTIES: Final = 8  # empty texts before that is how the field looks now: many a field is empty at times
_RECENT: Final = 16  # numbers that are recent
_DEEP: Final = 8  # octaves from the largest number down to the smallest, below 1: what comes as near to 0 may cross it
_WITHIN: Final = "within"
_RARELY: Final = 2  # times a value was met that may as well not have been
_STEPS: Final = 12  # upwards, after which it may be a counter


def observe(
    place: Place, sight: Sight, index: int, digest: Callable[[str], str], last: dict[int, float]
) -> Told | None:
    """Learn from one record; the one change it makes certain, if any. Formats come before vocabularies, those before ranges.

    `last`: the number that each place (by id) had last, to see whether the next is larger; never saved.
    """
    told = _texts(place, sight.texts, index, digest) if sight.texts else None
    if sight.numbers:
        _note_rise(place, sight.numbers, last)
        told = _numbers(place, sight.numbers, index, digest, last) or told
    return told


def _texts(place: Place, texts: list[str], index: int, digest: Callable[[str], str]) -> Told | None:
    named = [(text, format_of(text)) for text in texts]
    formats = {fact for _, name in named for fact in facts_of(name)}
    _take_order(place.formats, formats)
    values = set()
    if not place.values.open or place.values.traces:
        for text, name in named:
            if len(text) > LONGEST_VALUE:
                place.values.give_up()
                break
            if _weak(name) and not _DECIMAL.search(text):
                values.add(digest(text))
    usual = usual_format(place.formats)
    changed = place.formats.observe(formats, index)
    new = place.values.observe(values, index, _value_bar(place.values)) if values else []
    if usual == CODE:
        changed = [name for name in changed if name not in _LIKE_CODES and not name.startswith("code:")]
    strong = [name for name in changed if not _weak(name) or not _weak(usual or TEXT)]
    if strong and usual and not (new and is_vocabulary(place.values, _MOST_VALUES, new)):
        return Told("format", usual, strong[0], place.formats, strong)
    if new and is_vocabulary(place.values, _MOST_VALUES, new):
        return _vocabulary(place, new)
    if EMPTY in changed and place.formats.news[EMPTY].hits < _EMPTIES:
        changed.remove(EMPTY)
    if changed and usual and usual != EMPTY and not is_vocabulary(place.values, _MOST_VALUES):
        return Told("format", usual, changed[0], place.formats, changed)
    return None


def _take_order(habit: Habit, facts: set[str]) -> None:
    """The first day after the 12th shows an order of day and month that was there before: no change, but where the other was met."""
    for fact in facts:
        other = other_order(fact)
        if (
            other is not None
            and fact not in habit.known
            and other not in habit.known
            and facts_of(fact)[0] in habit.known
        ):
            habit.known[fact] = 0


def _value_bar(habit: Habit) -> float:
    """Nats for a new value: fewer where the few known ones were all met again and again, so that another would have been met."""
    known = habit.known
    return min(VALUE_BAR, _CLOSED_BAR + _EACH * len(known)) if known and min(known.values()) >= 4 else VALUE_BAR


def usual_format(habit: Habit) -> str | None:
    """The format that nine of ten have, not counting what is empty; the commonest of several where all are dates."""
    counts = {name: count for name, count in habit.known.items() if name != EMPTY}
    if not counts:
        return None
    total = sum(counts.values())
    dates = {name: count for name, count in counts.items() if is_date(name)}
    first = max(dates or counts, key=lambda name: (counts[name], name))
    if (sum(dates.values()) if dates else counts[first]) >= 0.9 * total:
        return CODE if first == "code:mixed" else first
    codes = sum(count for name, count in counts.items() if name in _LIKE_CODES or name.startswith("code:"))
    return CODE if codes >= 0.9 * total and any(name.startswith("code:") for name in counts) else None


def _weak(name: str) -> bool:
    """Whether words of a vocabulary are written so."""
    return name in (TEXT, EMPTY, "boolean:text", "number:text", "path") or name.startswith("code:")


def is_vocabulary(habit: Habit, most: int, new: Collection[str] = ()) -> bool:
    """Whether what is known is a small set whose members are met again and again, before the `new` ones came."""
    known = habit.known
    if habit.open or not 1 <= len(known) <= most or sum(known.values()) < 4 * len(known) or not habit.closed():
        return False
    before = min((habit.news[value].before for value in new), default=habit.trials)
    if grows(habit, new):
        return False
    if before < SETTLED:
        return len(known) > 1 and min(known.values()) >= 3
    # A vocabulary that still grew not long ago goes on growing: names of things, not states.
    return len(known) <= _FEW or before >= 2 * habit.grown


def grows(habit: Habit, new: Collection[str] = ()) -> bool:
    """Whether there are more values to come, besides the `new` ones: many were met but once or twice, or only since the baseline.

    The values met once estimate the share of those never met (Good 1953). Two may be rare ones of a set that is closed.
    """
    late = [one.hits + one.earlier for value, one in habit.news.items() if value not in new]
    rare = sum(1 for hits in late if hits <= _RARELY)
    rare += sum(1 for value, count in habit.known.items() if value not in new and 0 < count <= _RARELY)
    return rare > max(2, (len(habit.known) + len(late)) // 4) or len(late) > max(2, len(habit.known) // 2)


def _vocabulary(place: Place, new: list[str]) -> Told:
    known = len(place.values.known)
    return Told("enum", f"{known} values", f"{known + len(new)} values", place.values, new)


def _numbers(
    place: Place, numbers: list[float], index: int, digest: Callable[[str], str], last: dict[int, float]
) -> Told | None:
    usual = usual_format(place.numbers)
    finite = [number for number in numbers if _has_size(number)]
    if not finite:
        return None
    formats = {format_of_number(number) for number in finite}
    changed = place.numbers.observe(formats, index)
    if usual and is_date(usual) and changed:
        return Told("format", usual, changed[0], place.numbers, changed)
    if usual and is_date(usual) and formats == {usual}:
        return None
    sized = _sizes(place, finite, index, last)
    new: list[str] = []
    if not place.values.open:
        if all(type(number) is int and abs(number) < 1000 for number in finite):
            new = place.values.observe({digest(f"#{number}") for number in finite}, index, VALUE_BAR)
        else:
            place.values.give_up()
    if sized is None and new and is_vocabulary(place.values, _MOST_NUMBERS, new):
        return _vocabulary(place, new)
    return sized


def _has_size(number: float) -> bool:
    return number.bit_length() <= _LONGEST_NUMBER if type(number) is int else isfinite(number)


def _sizes(place: Place, numbers: list[float], index: int, last: dict[int, float]) -> Told | None:
    octaves = [frexp(number)[1] for number in numbers if number]
    low, high = place.low, place.high
    sinking = _sinking(place)
    facts = {_size(place, octave, sinking) for octave in octaves}
    if any(number < 0 for number in numbers):
        facts.add("negative")
        if (
            sinking
            or place.sizes.trials < SETTLED
            or (place.sizes.known and "negative" not in place.sizes.known and _crosses(place))
        ):
            place.sizes.known.setdefault("negative", 0)
    if not facts:
        return None
    if octaves and _WITHIN in facts:
        inside = [octave for octave in octaves if _size(place, octave, sinking) == _WITHIN]
        place.low_now = min(inside) if place.low_now is None else min(place.low_now, *inside)
        place.high_now = max(inside) if place.high_now is None else max(place.high_now, *inside)
    _note_peak(place, octaves)
    if ("above" in facts or "below" in facts) and not place.sizes.traces:
        _note_step(place, place, numbers[-1], last)
    changed = place.sizes.observe(facts, index, VALUE_BAR, _beyond(place, numbers, facts, last))
    if place.sizes.trials <= 2 * SETTLED or place.sizes.trials % _WINDOW == 0:
        first = place.sizes.trials <= 2 * SETTLED
        place.low, place.high = place.low_now, place.high_now
        if not first:
            place.low_now = place.high_now = None
    if changed and _counts_up(place):
        changed = [fact for fact in changed if fact == "negative"]
    if not changed:
        return None
    if "negative" in changed:
        return Told("range", "never negative", "negative", place.sizes, ["negative"])
    return Told("range", _span(low, high), _span(min(octaves), max(octaves)), place.sizes, changed)


def _beyond(place: Place, numbers: list[float], facts: set[str], last: dict[int, float]) -> set[str]:
    """`facts`, and for what waits to be told whether a number is beyond the range as it was then: "above:7", "below:-3"."""
    if not place.sizes.traces:
        return facts
    shown = set(facts)
    for trace in place.sizes.traces:
        for fact in trace.facts:
            side, _, bound = fact.partition(":")
            for number in numbers if bound else ():
                octave = frexp(number)[1]
                if number and (octave > int(bound) if side == "above" else octave < int(bound)):
                    shown.add(fact)
                    _note_step(place, trace, number, last)
    return shown


def _note_step(place: Place, beyond: Place | Trace, number: float, last: dict[int, float]) -> None:
    before, last[-id(place)] = last.get(-id(place)), number
    if before is not None:
        beyond.climbs += number > before
        beyond.drops += number < before


def shown_by(place: Place, told: Told) -> list[str]:
    """The facts that show a change, without a baseline that moves on: those of a range say where it ended."""
    if told.change != "range" or place.low is None or place.high is None:
        return told.facts
    ends = {"above": f"above:{place.high + _FACTOR}", "below": f"below:{place.low - _FACTOR}"}
    return [ends.get(fact, fact) for fact in told.facts]


def _note_rise(place: Place, numbers: list[float], last: dict[int, float]) -> None:
    if len(numbers) != 1 or not _has_size(numbers[0]):
        return
    before, last[id(place)] = last.get(id(place)), numbers[0]
    if before is not None and before != numbers[0]:
        if numbers[0] > before:
            place.rises += 1
        else:
            place.falls += 1


def _counts_up(place: Place) -> bool:
    """Whether each number is larger than the one before, but for starting anew: a sequence, a meter, an age.

    Its range says nothing, and that it begins again is no change. Of independent numbers, half are smaller than the one before.
    """
    return place.rises >= _STEPS and place.falls <= RESTARTS * place.rises


def _note_peak(place: Place, octaves: list[int]) -> None:
    if place.sizes.trials % _RECENT == 0:
        place.peak, place.peak_now = place.peak_now, None
    place.peak_now = max(octaves + ([] if place.peak_now is None else [place.peak_now]), default=None)


def _sinking(place: Place) -> bool:
    """Whether all recent numbers were small for this place: it goes up and down as a temperature does, and may pass through 0."""
    recent = [peak for peak in (place.peak, place.peak_now) if peak is not None]
    return place.peak is not None and place.high is not None and max(recent) < place.high


def _crosses(place: Place) -> bool:
    return place.low is not None and place.high is not None and place.low <= 0 and place.high - place.low >= _DEEP


def _size(place: Place, octave: int, sinking: bool) -> str:
    if place.low is None or place.high is None or place.sizes.trials < SETTLED:
        return _WITHIN
    if octave > place.high + _FACTOR:
        return "above"
    # Near 0 the octaves of what has both signs say nothing.
    return "below" if octave < place.low - _FACTOR and not sinking and "negative" not in place.sizes.known else _WITHIN


def _span(low: int | None, high: int | None) -> str:
    """Octaves as decades: ``1e1..1e4``."""
    if low is None or high is None:
        return "unknown"
    return f"1e{round((low - 1) * 0.30103)}..1e{round(high * 0.30103)}"
