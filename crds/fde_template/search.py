"""Searching: which texts of holes, which blocks and how many items make up the files.

steps, texts -> Search.run() -> found(), count(); Misfit with the furthest place else

Depth first, the shortest text of a hole first. One state and a trail of what was learned: going back undoes, nothing is
copied, so the ordinary case costs what the files' length costs. Iterative, whatever the template's length.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final, Literal, NamedTuple

from fde_api.primitive import Parameter
from fde_template.filters import apply
from fde_template.place import is_source, reach, refusal
from fde_template.program import Again, Ask, Begin, Close, Kind, Next, Step, Take, Text
from fde_template.values import allowed, label, takes, text_of

STEPS: Final = 50_000  # tries, and one more a character of the files, before files are called ambiguous

_GLOBAL: Final = -1
# A parameter, or of an item (counted from 0) its field.
Slot = tuple[str, int, str]
Filters = tuple[str, ...]


class Misfit(Exception):
    """`place`: line and column in file number `file`."""

    def __init__(self, file: int, place: tuple[int, int], expected: str) -> None:
        super().__init__(expected)
        self.file, self.place, self.expected = file, place, expected


class _State(NamedTuple):
    """Where the search stands: step, file, character; within a repeat which item, and where the one before it ended."""

    step: int = 0
    file: int = 0
    at: int = 0
    item: int = _GLOBAL
    begun: int = 0


class _Choice(NamedTuple):
    """What else could be done at `state`; `learned` is how long the trail was then. An iterator gives a hole's further ends."""

    state: _State
    learned: int
    other: Iterator[int] | Literal["skip", "none", "finish"]


class Search:
    """One search. After :meth:`run` came back, :meth:`found` and :meth:`count` say what makes up the files."""

    def __init__(self, steps: Sequence[Step], texts: Sequence[str]) -> None:
        self._steps, self._texts = steps, texts
        self._left = STEPS + sum(map(len, texts))
        self._known: dict[tuple[Slot, Filters], str] = {}  # what stands at a parameter's holes with these filters
        self._spelled: dict[Slot, tuple[Filters, ...]] = {}  # those holes met before the value was known
        self._excluded: dict[Slot, tuple[str, ...]] = {}  # texts that a flag does not have: those blocks are absent
        self._counts: dict[str, int] = {}
        self._kinds: dict[Slot, Kind] = {}
        self._trail: list[tuple[dict[Any, Any], Any, Any]] = []
        self._choices: list[_Choice] = []
        self._furthest = (0, 0)
        self._expected = "the template's first text"

    def run(self) -> None:
        """Find the first way through the steps. :class:`Misfit` when there is none, or it takes too many tries."""
        state: _State | None = _State()
        while True:
            if state is None:
                if not self._choices:
                    raise self.misfit(self._expected)
                if self._left < 0:
                    raise self.misfit(f"a text that fits in fewer tries; so far {self._expected}")
                state = self._back()
            elif state.step == len(self._steps):
                if self._settled():
                    return
                state = None
            else:
                state = self._forward(state)

    def found(self, parameter: str, item: int = _GLOBAL, field: str = "") -> str | None:
        """The text of a parameter, or of a field of one item; None when it stands nowhere."""
        return self._known.get(((parameter, item, field), ()))

    def count(self, parameter: str) -> int | None:
        """How many items a list has; None when no repeat over it was reached."""
        return self._counts.get(parameter)

    def misfit(self, expected: str) -> Misfit:
        """That `expected` does not stand at the furthest place."""
        file, _ = self._furthest
        return Misfit(file, self.place(file), expected)

    def place(self, file: int) -> tuple[int, int]:
        """Line and column, from 1, up to which file number `file` followed the template."""
        text = self._texts[file]
        at = self._furthest[1] if self._furthest[0] == file else len(text)
        return text.count("\n", 0, at) + 1, at - (text.rfind("\n", 0, at) + 1) + 1

    # ----- one step on, one choice back

    def _forward(self, state: _State) -> _State | None:
        step, file, at, item, _ = state
        match self._steps[step]:
            case Text(text):
                if self._texts[file].startswith(text, at):
                    return state._replace(step=step + 1, at=at + len(text))
                same = _same(self._texts[file], at, text)
                self._reached(file, at + same, text[same:])
                return None
            case Take() as take:
                return self._taken(state, take)
            case Ask() as ask:
                return self._asked(state, ask)
            case Begin(name, leave):
                if name not in self._counts:
                    self._choose(state, "none")
                elif not self._counts[name]:
                    return state._replace(step=leave)
                return state._replace(step=step + 1, item=0, begun=at)
            case Next(name, leave):
                if name in self._counts:
                    if item + 1 == self._counts[name]:
                        return state._replace(step=leave, item=_GLOBAL)
                elif item and at == state.begun:
                    return None  # items that take no text could come without end
                else:
                    self._choose(state, "finish")
                return state._replace(step=step + 1, begun=at)
            case Again(body):
                return state._replace(step=body, item=item + 1)
            case Close():
                if at != len(self._texts[file]):
                    self._reached(file, at, None, "the end of the file")
                    return None
                return state._replace(step=step + 1, file=file + 1, at=0)

    def _back(self) -> _State | None:
        """The state after the latest choice was made another way; None when that leads nowhere either."""
        state, learned, other = self._choices[-1]
        while len(self._trail) > learned:
            table, key, old = self._trail.pop()
            if old is None:
                del table[key]
            else:
                table[key] = old
        self._left -= 1
        step = self._steps[state.step]
        if isinstance(other, str):
            self._choices.pop()
            if isinstance(step, Ask):
                return self._skipped(state, step)
            assert isinstance(step, Begin | Next)
            if other == "finish" and state.item == 0 and state.at == state.begun:
                return None  # one item without any text is none
            self._learn(self._counts, step.parameter, 0 if other == "none" else state.item + 1)
            return state._replace(step=step.leave, item=_GLOBAL)
        assert isinstance(step, Take)
        end = next(other, None)
        if end is None:
            self._choices.pop()
            return None
        if self._admits(step, _slot(step.hole.parameter, step.hole.field, state, own=step.own), state, end):
            return state._replace(step=state.step + 1, at=end)
        return None

    def _choose(self, state: _State, other: Iterator[int] | Literal["skip", "none", "finish"]) -> None:
        self._choices.append(_Choice(state, len(self._trail), other))

    def _learn(self, table: dict[Any, Any], key: Any, value: Any) -> None:
        self._trail.append((table, key, table.get(key)))
        table[key] = value

    # ----- holes

    def _taken(self, state: _State, take: Take) -> _State | None:
        hole = take.hole
        if take.kind is None:
            self._reached(
                state.file, state.at, None, f"parameter {hole.parameter}, which the schema does not have there"
            )
            return None
        slot = _slot(hole.parameter, hole.field, state, own=take.own)
        self._kinds[slot] = take.kind
        expected = self._known.get((slot, hole.filters))
        if expected is None and (slot, ()) in self._known:
            expected = apply(hole.filters, self._known[slot, ()])
        if expected is None:
            self._choose(state, self._ends(state, take, slot))
            return None  # the choice is made on going back to it
        if self._texts[state.file].startswith(expected, state.at) and refusal(hole.place, expected) is None:
            return state._replace(step=state.step + 1, at=state.at + len(expected))
        self._reached(state.file, state.at, None, _again(slot, hole.filters))
        return None

    def _ends(self, state: _State, take: Take, slot: Slot) -> Iterator[int]:
        """Where the text of a hole may end, the nearest first."""
        file, at, text = state.file, state.at, self._texts[state.file]
        follow, limit = take.follow, reach(take.hole.place, text, state.at)
        if follow.texts is None:
            yield from range(at, limit + 1)
            return
        met = False
        if follow.texts:
            longest = max(map(len, follow.texts))
            found = follow.pattern.search(text, at, limit + longest)
            while found is not None and found.start() <= limit:
                met = True
                yield found.start()
                found = follow.pattern.search(text, found.start() + 1, limit + longest)
        if follow.end and limit == len(text):
            yield limit
        elif not met and follow.texts:
            following = follow.texts[0]
            stop = at if is_source(take.hole.place) else limit
            same = _same(text, stop, following)
            self._reached(file, stop + same, following[same:], f" after {_called(slot)}")
        elif not met:
            self._reached(file, limit, None, f"the end of {_called(slot)} (place {take.hole.place})")

    def _admits(self, take: Take, slot: Slot, state: _State, end: int) -> bool:
        """Whether the text up to `end` may stand at the hole; it is learned then."""
        text, hole = self._texts[state.file][state.at : end], take.hole
        assert take.kind is not None
        if refusal(hole.place, text) is None:
            if hole.filters:
                self._learn(self._known, (slot, hole.filters), text)
                self._learn(self._spelled, slot, (*self._spelled.get(slot, ()), hole.filters))
                return True
            if self._bind(slot, take.kind, text):
                return True
        self._reached(state.file, state.at, None, _again(slot, hole.filters))
        return False

    def _bind(self, slot: Slot, kind: Kind, text: str) -> bool:
        """Learn that `text` is the value, if it is one and every hole met before spells it."""
        if not takes(kind, text) or text in self._excluded.get(slot, ()) or not self._agrees(slot, text):
            return False
        self._learn(self._known, (slot, ()), text)
        return True

    def _agrees(self, slot: Slot, text: str) -> bool:
        return all(apply(filters, text) == self._known[slot, filters] for filters in self._spelled.get(slot, ()))

    # ----- flags

    def _asked(self, state: _State, ask: Ask) -> _State | None:
        when = ask.when
        if ask.kind is None:
            self._reached(state.file, state.at, None, f"flag {when.parameter}, which the schema does not have there")
            return None
        slot = _slot(when.parameter, when.field, state, own=ask.own)
        self._kinds[slot] = ask.kind
        value = self._known.get((slot, ()))
        if value is not None:
            return state._replace(step=state.step + 1 if value == when.equals else ask.skip)
        learned = len(self._trail)
        if not self._bind(slot, ask.kind, when.equals):
            return self._skipped(state, ask)
        self._choices.append(_Choice(state, learned, "skip"))
        return state._replace(step=state.step + 1)

    def _skipped(self, state: _State, ask: Ask) -> _State | None:
        """The flag has another text than the block's; which one is settled when only one is left."""
        assert ask.kind is not None
        slot = _slot(ask.when.parameter, ask.when.field, state, own=ask.own)
        self._learn(self._excluded, slot, (*self._excluded.get(slot, ()), ask.when.equals))
        rest = self._rest(slot, ask.kind)
        if allowed(ask.kind) and (not rest or (len(rest) == 1 and not self._bind(slot, ask.kind, rest[0]))):
            return None
        return state._replace(step=ask.skip)

    def _rest(self, slot: Slot, kind: Kind) -> list[str]:
        """The allowed texts that nothing met so far speaks against."""
        excluded = self._excluded.get(slot, ())
        return [text for text in allowed(kind) if text not in excluded and self._agrees(slot, text)]

    def _settled(self) -> bool:
        """Give what was only excluded or only spelled its value; False when nothing is left for it.

        Of the allowed values that are left the default, else the first; where any text is allowed the default, else the
        first spelling of it that gives all the others.
        """
        for slot in [*self._excluded, *self._spelled]:
            if (slot, ()) in self._known:
                continue
            kind = self._kinds[slot]
            own = [text_of(kind, kind.default)] if isinstance(kind, Parameter) and kind.default is not None else []
            spellings = [self._known[slot, filters] for filters in self._spelled.get(slot, ())]
            rest = self._rest(slot, kind) if allowed(kind) else [*own, *spellings]
            if not any(self._bind(slot, kind, text) for text in [*(text for text in own if text in rest), *rest]):
                self._reached(*self._furthest, None, f"another value of {_called(slot)}: it is seen nowhere as it is")
                return False
        return True

    # ----- what a person is told

    def _reached(self, file: int, at: int, text: str | None, said: str = "") -> None:
        if (file, at) >= self._furthest:
            self._furthest = file, at
            self._expected = ("" if text is None else _excerpt(text)) + said


def _slot(parameter: str, field: str, state: _State, *, own: bool) -> Slot:
    return (parameter, state.item, field) if own else (parameter, _GLOBAL, "")


def _called(slot: Slot) -> str:
    name, item, field = slot
    return label(name, None if item == _GLOBAL else item, field)


def _again(slot: Slot, filters: Filters) -> str:
    return f"the value of {_called(slot)} again, as {' '.join(filters) or 'it is'}"


def _same(text: str, at: int, expected: str) -> int:
    """How many characters of `expected` stand at `at`."""
    low, high = 0, min(len(expected), len(text) - at)
    while low < high:
        middle = (low + high + 1) // 2
        if text.startswith(expected[low:middle], at + low):
            low = middle
        else:
            high = middle - 1
    return low


def _excerpt(text: str) -> str:
    line = text.lstrip("\n").split("\n", 1)[0][:40]
    return repr(line) if line else "a line break"
