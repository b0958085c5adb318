"""Profiles: how the values of a place look. What is kept are names of formats, keyed digests and orders of magnitude.

Sight -> observe() -> the habits of values that just changed, as (change, before, after)
"""

from __future__ import annotations

from collections.abc import Callable
from math import frexp, isfinite
from typing import Final

from fde_sidecar.drift.format import AMBIGUOUS, EMPTY, TEXT, format_of, format_of_number, is_date
from fde_sidecar.drift.habit import VALUE_BAR, WARM_UP, Habit
from fde_sidecar.drift.place import Place
from fde_sidecar.drift.shape import Sight

Told = tuple[str, str | None, str | None]

LONGEST_VALUE: Final = 64  # longer text is no member of a vocabulary
_LONGEST_NUMBER: Final = 1000  # bits; a double holds no more
_FACTOR: Final = 2  # octaves beyond what was seen that are still the same range
_WINDOW: Final = 256  # numbers after which the range is that of the last ones: counters and clocks grow
_MOST_VALUES: Final = 40  # in a vocabulary of words
_MOST_NUMBERS: Final = 6  # and in one of numbers
CODE: Final = "code"  # random letters and digits: each looks different
_LIKE_CODES: Final = frozenset({TEXT, "hex", "number:text", "number:unit"})  # as some of them come out by chance
_WITHIN: Final = "within"


def observe(place: Place, sight: Sight, index: int, digest: Callable[[str], str]) -> Told | None:
    """Learn from one record; the one change it makes certain, if any. Formats come before vocabularies, those before ranges."""
    told = _texts(place, sight.texts, index, digest) if sight.texts else None
    if sight.numbers:
        told = _numbers(place, sight.numbers, index, digest) or told
    return told


def _texts(place: Place, texts: list[str], index: int, digest: Callable[[str], str]) -> Told | None:
    named = [(text, format_of(text)) for text in texts]
    formats = {name for _, name in named if name != AMBIGUOUS}
    values = set()
    if not place.values.open:
        for text, name in named:
            if len(text) > LONGEST_VALUE:
                place.values.give_up()
                break
            if _weak(name):
                values.add(digest(text))
    usual = usual_format(place.formats)
    changed = place.formats.observe(formats, index)  # an ambiguous one is a trial without a fact
    new = place.values.observe(values, index, VALUE_BAR) if values and not place.values.open else []
    if usual == CODE:
        changed = [name for name in changed if name not in _LIKE_CODES and not name.startswith("code:")]
    strong = [name for name in changed if not _weak(name) or not _weak(usual or TEXT)]
    if strong and usual and not (new and is_vocabulary(place.values, _MOST_VALUES)):
        return ("format", usual, strong[0])
    if new and is_vocabulary(place.values, _MOST_VALUES):
        return _vocabulary(place, len(new))
    if changed and usual and usual != EMPTY and not is_vocabulary(place.values, _MOST_VALUES):
        return ("format", usual, changed[0])
    return None


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


def is_vocabulary(habit: Habit, most: int) -> bool:
    """Whether what is known is a small set whose members are met again and again."""
    known = habit.known
    return not habit.open and 1 <= len(known) <= most and sum(known.values()) >= 4 * len(known) and habit.closed()


def _vocabulary(place: Place, new: int) -> Told:
    known = len(place.values.known)
    return ("enum", f"{known} values", f"{known + new} values")


def _numbers(place: Place, numbers: list[float], index: int, digest: Callable[[str], str]) -> Told | None:
    usual = usual_format(place.numbers)
    finite = [number for number in numbers if _has_size(number)]
    if not finite:
        return None
    formats = {format_of_number(number) for number in finite}
    changed = place.numbers.observe(formats, index)
    if usual and is_date(usual) and changed:
        return ("format", usual, changed[0])
    if usual and is_date(usual) and formats == {usual}:
        return None
    sized = _sizes(place, finite, index)
    new: list[str] = []
    if not place.values.open:
        if all(type(number) is int and abs(number) < 1000 for number in finite):
            new = place.values.observe({digest(f"#{number}") for number in finite}, index, VALUE_BAR)
        else:
            place.values.give_up()
    if sized is None and new and is_vocabulary(place.values, _MOST_NUMBERS):
        return _vocabulary(place, len(new))
    return sized


def _has_size(number: float) -> bool:
    return number.bit_length() <= _LONGEST_NUMBER if type(number) is int else isfinite(number)


def _sizes(place: Place, numbers: list[float], index: int) -> Told | None:
    octaves = [frexp(number)[1] for number in numbers if number]
    facts = {_size(place, octave) for octave in octaves}
    if any(number < 0 for number in numbers):
        facts.add("negative")
    if not facts:
        return None
    low, high = place.low, place.high
    if octaves and _WITHIN in facts:
        inside = [octave for octave in octaves if _size(place, octave) == _WITHIN]
        place.low_now = min(inside) if place.low_now is None else min(place.low_now, *inside)
        place.high_now = max(inside) if place.high_now is None else max(place.high_now, *inside)
    changed = place.sizes.observe(facts, index, VALUE_BAR)
    if place.sizes.trials <= 2 * WARM_UP or place.sizes.trials % _WINDOW == 0:
        first = place.sizes.trials <= 2 * WARM_UP
        place.low, place.high = place.low_now, place.high_now
        if not first:
            place.low_now = place.high_now = None
    if not changed:
        return None
    if "negative" in changed:
        return ("range", "never negative", "negative")
    return ("range", _span(low, high), _span(min(octaves), max(octaves)))


def _size(place: Place, octave: int) -> str:
    if place.low is None or place.high is None or place.sizes.trials < WARM_UP:
        return _WITHIN
    return "above" if octave > place.high + _FACTOR else "below" if octave < place.low - _FACTOR else _WITHIN


def _span(low: int | None, high: int | None) -> str:
    """Octaves as decades: ``1e1..1e4``."""
    if low is None or high is None:
        return "unknown"
    return f"1e{round((low - 1) * 0.30103)}..1e{round(high * 0.30103)}"
