"""Unification: slots that hold one value, in whatever spelling, are one parameter.

slots -> grouped by their words -> a root spelling from which filters give the others, in every sibling -> values

A derivation that fails in one sibling is not accepted: that spelling is then a value of its own.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from fde_extraction.slot import Slot, key_of
from fde_template.filters import CHAINS, apply

_CHAINS: Final = tuple((*head, *chain) for head in ((), ("plural",), ("add-s",)) for chain in CHAINS)


@dataclass(slots=True)
class Value:
    """One value: `texts` is its root spelling per sibling; `uses` are its slots (by index) with the filters of each."""

    texts: tuple[str, ...]
    uses: dict[int, tuple[str, ...]] = field(default_factory=dict)


def unify(slots: Sequence[Slot]) -> list[Value]:
    """The values of `slots`, in order of first use; every slot is a use of exactly one."""
    groups: dict[object, list[int]] = defaultdict(list)
    for index, slot in enumerate(slots):
        groups[_group(slot)].append(index)
    values = [value for members in groups.values() for value in _rooted(slots, members)]
    return sorted(values, key=lambda value: min(value.uses))


def _group(slot: Slot) -> object:
    if slot.kind != "value":
        return slot.kind, slot.texts
    if slot.leaf == "bool":
        # true, false, true is a coincidence more often than not: only the same name makes it one value.
        return "bool", slot.texts, slot.hints[:1]
    return key_of(slot.texts) or slot.texts


def _rooted(slots: Sequence[Slot], members: Sequence[int]) -> list[Value]:
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
        value = Value(root)
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
