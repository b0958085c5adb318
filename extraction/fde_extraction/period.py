"""Periods: several statements that repeat together are one item of a repeat.

units of n child lists -> grouped() -> the same, each run of a period as one unit

``counts.a = ...; log(a); sleep(); counts.b = ...; log(b); sleep()`` is a list of two items of three statements.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from fde_extraction.tree import Node
from fde_extraction.unit import Unit

LONGEST: Final = 6  # statements of one item
LEAST: Final = 12  # leaves of one item: less is met again by chance


def grouped(lists: Sequence[Sequence[Unit]]) -> list[list[Unit]]:
    """`lists` with what repeats a different number of times in them as one unit each; unchanged when nothing does."""
    plain = [list(units) for units in lists]
    found = _period(max(plain, key=len))
    if found is None:
        return plain
    made = [_folded(units, found) for units in plain]
    counts = {sum(unit.node.kind == "period" for unit in units) for units in made}
    return made if len(counts) > 1 and 0 not in counts else plain


def _period(units: Sequence[Unit]) -> tuple[int, ...] | None:
    """The shapes that come again right after themselves, the longest such stretch; more than one kind of statement."""
    shapes = [unit.node.shape for unit in units]
    best: tuple[int, int, tuple[int, ...]] | None = None
    for size in range(2, LONGEST + 1):
        for start in range(len(shapes) - 2 * size + 1):
            part = tuple(shapes[start : start + size])
            if tuple(shapes[start + size : start + 2 * size]) != part or len(set(part)) == 1:
                continue
            if sum(unit.node.size for unit in units[start : start + size]) < LEAST:
                continue
            times = 2
            while tuple(shapes[start + times * size : start + (times + 1) * size]) == part:
                times += 1
            if best is None or (times * size, -size) > best[:2]:
                best = (times * size, -size, part)
    return None if best is None else best[2]


def _folded(units: Sequence[Unit], part: tuple[int, ...]) -> list[Unit]:
    found: list[Unit] = []
    at = 0
    while at < len(units):
        run = units[at : at + len(part)]
        if tuple(unit.node.shape for unit in run) == part:
            found.append(_together(run))
            at += len(part)
        else:
            found.append(units[at])
            at += 1
    return found


def _together(run: Sequence[Unit]) -> Unit:
    nodes = [node for unit in run for node in (*unit.head, unit.node)]
    made = Node("period", nodes[0].start, nodes[-1].end, nodes)
    rest = tuple((child.first.lead, child.digest) for child in nodes[1:])
    made.digest = hash((made.kind, nodes[0].digest, rest))
    made.shape = hash((made.kind, tuple(child.shape for child in nodes)))
    made.size = sum(child.size for child in nodes)
    return Unit(made)
