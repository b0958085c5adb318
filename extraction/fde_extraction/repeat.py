"""Repeats: runs of columns that are items of one list, and not n things that each have a counterpart.

columns of a child list -> runs() -> [first, last) positions; the units of a run are the list's items

Items of one list are instances of one template themselves (self anti-unification): alike in structure, and different in the
same places as siblings differ.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from fde_extraction.column import Column
from fde_extraction.pairing import defined, head
from fde_extraction.tree import Node, similarity
from fde_extraction.unit import COMMENTS

_DISPLAYS: Final = frozenset({"list", "tuple", "set", "dictionary", "array", "object"})
ALIKE: Final = 0.6  # of items that no separator sets apart: statements, methods, classes
LISTED: Final = 0.2  # of small items between separators
ITEM: Final = 24  # leaves of a small item


def runs(columns: Sequence[Column], container: str, *, listed: bool) -> list[tuple[int, int]]:
    """Disjoint runs, in order. `container`: the node's kind; `listed`: separators stand between its members."""
    found: list[tuple[int, int]] = []
    at = 0
    while at < len(columns):
        seed = columns[at]
        loose = _loose(seed, listed=listed)
        run = _around(columns, at, found[-1][1] if found else 0, listed=listed) if loose else None
        if run is not None and _is_list(columns[run[0] : run[1]]) and not _told_apart(columns[run[0] : run[1]]):
            found.append(run)
            at = run[1]
        else:
            at += 1
    if not found and container in _DISPLAYS and listed:
        found = _display(columns)
    return found


def _loose(column: Column, *, listed: bool) -> bool:
    """Whether a column may be what is left over of lists of different lengths."""
    if column.full or column.twin or _is_named(column) or column.nodes[0].kind in COMMENTS:
        return False
    # A statement that two siblings share word by word is something optional, and no item that each has of its own.
    return listed or len(column.rows) == 1 or not column.equal


def _is_named(column: Column) -> bool:
    """Whether its members say that they are one thing: one keyword, one key, in two instances or more."""
    heads = [head(node) or defined(node) or None for node in column.nodes]
    return len(heads) > 1 and None not in heads and len(set(heads)) == 1


def _around(columns: Sequence[Column], at: int, least: int, *, listed: bool) -> tuple[int, int] | None:
    """The run around the partial column `at`: on to both sides while members are alike; equal ones only between others."""
    seed = columns[at].nodes[0]
    ends = [at, at]
    for side, step in ((0, -1), (1, 1)):
        here = at + step
        while least <= here < len(columns) and _joins(columns[here], seed, listed=listed):
            if not (columns[here].full and columns[here].equal):
                ends[side] = here
            here += step
    return ends[0], ends[1] + 1


def _joins(column: Column, seed: Node, *, listed: bool) -> bool:
    if column.twin or _is_named(column):
        return False
    return all(item_alike(seed, node, listed=listed) for node in column.nodes)


def item_alike(one: Node, other: Node, *, listed: bool) -> bool:
    """Whether two members can be items of one list."""
    if one.kind != other.kind or one.is_leaf != other.is_leaf:
        return False
    if one.is_leaf:
        return bool(one.place and other.place)
    if (head(one) is None) != (head(other) is None):
        return False
    small = listed and max(one.size, other.size) <= ITEM
    if one.shape == other.shape:
        return small or similarity(one, other) >= ALIKE
    return similarity(one, other) >= (LISTED if small else ALIKE + 0.15)


def _is_list(run: Sequence[Column]) -> bool:
    rows = [
        [unit.node.digest for column in run if (unit := column.units[row]) is not None]
        for row in range(len(run[0].units))
    ]
    counts = [len(row) for row in rows]
    # The same member again and again is no list of values.
    return sum(count > 0 for count in counts) > 1 and len(set(counts)) > 1 and any(len(set(row)) > 1 for row in rows)


def _told_apart(run: Sequence[Column]) -> bool:
    """Whether every column says which one it is: by a leaf that all its members have, and no other column has there."""
    marked = []
    for column in run:
        nodes = column.nodes
        if len(nodes) < 2:
            continue
        if len({node.shape for node in nodes}) > 1:
            return False
        marked.append(
            {
                (place, group[0].text)
                for place, group in enumerate(zip(*(node.leaves() for node in nodes), strict=True))
                if ("string" in group[0].place or "number" in group[0].place)
                and len({leaf.text for leaf in group}) == 1
            }
        )
    everywhere = set.intersection(*marked) if marked else set()
    return (
        len(marked) > 1
        and all(marks - everywhere for marks in marked)
        and all(
            not (one - everywhere) & (other - everywhere) for at, one in enumerate(marked) for other in marked[at + 1 :]
        )
    )


def _display(columns: Sequence[Column]) -> list[tuple[int, int]]:
    """Members of a list display that all differ although there are as many in every sibling."""
    at = next((index for index, column in enumerate(columns) if _differs(column)), None)
    if at is None:
        return []
    end = at
    seed = columns[at].nodes[0]
    while end < len(columns) and _differs(columns[end]) and _joins(columns[end], seed, listed=True):
        end += 1
    named = any(_has_constant(column) for column in columns[at:end])
    return [(at, end)] if end - at > 1 and not named else []


def _has_constant(column: Column) -> bool:
    """Whether a literal in it is the same everywhere: then it says which one of them it is."""
    nodes = column.nodes
    if len({node.shape for node in nodes}) > 1:
        return True
    return any(
        ("string" in group[0].place or "number" in group[0].place)
        and group[0].kind != "key_text"
        and len({leaf.text for leaf in group}) == 1
        for group in zip(*(node.leaves() for node in nodes), strict=True)
    )


def _differs(column: Column) -> bool:
    kinds = {node.kind for node in column.nodes}
    return column.full and not column.equal and not _is_named(column) and kinds.isdisjoint(COMMENTS)
