"""Unification: slots that hold one value, in whatever spelling, are one parameter.

slots -> grouped by their words -> a root spelling from which filters give the others, in every instance -> values

A derivation that fails in one sibling is not accepted: that spelling is then a value of its own. A slot in a block or a
repeat is a use of an outer value where it spells that in every instance.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from fde_extraction.frame import Frame
from fde_extraction.slot import Key, Slot, key_of
from fde_template.filters import CHAINS, apply

_CHAINS: Final = tuple((*head, *chain) for head in ((), ("plural",), ("add-s",)) for chain in CHAINS)
_LETTERS: Final = 3  # of a text that says which outer value it is by itself; of numbers the code must say it


@dataclass(slots=True)
class Value:
    """One value: `texts` is its root spelling per instance of `frame`; `uses` are its slots (by index) with the filters of
    each."""

    texts: tuple[str, ...]
    frame: Frame
    uses: dict[int, tuple[str, ...]] = field(default_factory=dict)


def unify(slots: Sequence[Slot], chosen: Collection[Frame] = ()) -> list[Value]:
    """The values of `slots`, in order of first use; every slot is a use of exactly one.

    `chosen`: repeats whose items choose between alternatives. Items of the others need a value of their own.
    """
    values = _unified(slots, frozenset())
    lists = {repeat for slot in slots if (repeat := slot.frame.repeat()) is not None}
    empty = lists - {value.frame.repeat() for value in values} - set(chosen)
    # `text, text` in one sibling and `int, int, int` in another: items say nothing of their own, but count what they are.
    return _unified(slots, frozenset(empty)) if empty else values


def _unified(slots: Sequence[Slot], kept: Collection[Frame]) -> list[Value]:
    """As unify(); what stands in the repeats `kept` is its items', whatever it is outside."""
    settled = [slot if slot.frame.repeat() in kept else _collapsed(slot) for slot in slots]
    frames = sorted(dict.fromkeys(slot.frame for slot in settled), key=lambda frame: len(frame.outer()))
    values: list[Value] = []
    for frame in frames:
        outer = _Outer(values, frame)
        groups: dict[object, list[int]] = defaultdict(list)
        for index, slot in enumerate(settled):
            if slot.frame is frame and (frame.repeat() in kept or not outer.takes(settled, index)):
                groups[_group(slot)].append(index)
        values += [value for members in groups.values() for value in _rooted(settled, members, frame)]
    return sorted(values, key=lambda value: min(value.uses))


def _collapsed(slot: Slot) -> Slot:
    """A slot that is the same for all items of each instance is one of the instances, and not of the items."""
    while slot.frame.kind == "items" and slot.frame.parent is not None:
        texts = slot.frame.collapse(slot.texts)
        if texts is None or len(slot.texts) == len(texts):
            break
        slot = replace(slot, texts=texts, frame=slot.frame.parent)
    return slot


class _Outer:
    """Values of the frames around one frame, by what they are there."""

    def __init__(self, values: Sequence[Value], frame: Frame) -> None:
        self.index: dict[Key | tuple[str, ...], list[tuple[Value, tuple[str, ...]]]] = defaultdict(list)
        for outer in frame.outer():
            for value in values:
                if value.frame is outer:
                    texts = frame.project(value.texts, outer)
                    self.index[key_of(texts) or texts].append((value, texts))

    def takes(self, slots: Sequence[Slot], index: int) -> bool:
        """Whether the slot is a use of an outer value; it is made one."""
        slot = slots[index]
        if slot.kind == "source" or not self.index:
            return False
        for value, texts in self.index.get(key_of(slot.texts) or slot.texts, ()):
            chain = _chain(texts, slot.texts)
            if chain is not None and _same_thing(slots, value, slot):
                value.uses[index] = chain
                return True
        return False


def _same_thing(slots: Sequence[Slot], value: Value, slot: Slot) -> bool:
    """Whether equal texts are no coincidence: words are none; numbers only where the code calls both the same."""
    used = [slots[index] for index in value.uses]
    if slot.kind != used[0].kind:
        return False
    if slot.kind == "layout" or all(sum(map(str.isalpha, text)) >= _LETTERS for text in slot.texts):
        return slot.leaf != "bool"
    return any(slot.hints[:1] == other.hints[:1] != () for other in used)


def _group(slot: Slot) -> object:
    if slot.kind != "value":
        return slot.kind, slot.texts
    if slot.leaf == "bool":
        # true, false, true is a coincidence more often than not: only the same name makes it one value.
        return "bool", slot.texts, slot.hints[:1]
    return key_of(slot.texts) or slot.texts


def _rooted(slots: Sequence[Slot], members: Sequence[int], frame: Frame) -> list[Value]:
    """The fewest values that spell all `members`."""
    left, values = list(members), []
    while left:
        spellings = {slots[index].texts for index in left}
        ranked = []
        for root in spellings:
            chains = {other: _chain(root, other) for other in spellings}
            reached = sum(chains[slots[index].texts] is not None for index in left)
            plain = sum(slots[index].texts == root for index in left)
            ranked.append((-reached, -_informative(root), -plain, root, chains))
        *_, root, chains = min(ranked, key=lambda entry: entry[:4])
        value = Value(root, frame)
        for index in left:
            chain = chains[slots[index].texts]
            if chain is not None:
                value.uses[index] = chain
        values.append(value)
        left = [index for index in left if index not in value.uses]
    return values


def _informative(texts: tuple[str, ...]) -> int:
    """Roots that show where words end serve unseen values: ``work-order`` before ``WorkOrder`` before ``workorder``."""
    joined = "".join(texts)
    return 2 * any(mark in joined for mark in "-_ ") + (joined.lower() == joined)


def _chain(root: tuple[str, ...], texts: tuple[str, ...]) -> tuple[str, ...] | None:
    return next(
        (chain for chain in _CHAINS if all(apply(chain, a) == b for a, b in zip(root, texts, strict=True))), None
    )
