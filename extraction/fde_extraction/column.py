"""Columns: the members of n child lists, each with its counterparts in the other lists; some lack some.

n lists of units -> columns() -> columns in an order that every list keeps, but for what moved

Progressive multiple alignment: the longest list is the profile, the others join it one after the other.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Final

from fde_extraction.pairing import SIMILAR, defined, head, match, moved
from fde_extraction.tree import Node, similarity
from fde_extraction.unit import LISTS, Unit

CROSSING: Final = 7  # leaves; smaller statements of one shape are met again by chance
SMALL: Final = 3  # leaves; equal members of such a size are met again by chance


@dataclass(slots=True, eq=False)
class Column:
    """`units`: one per instance, None where it has none. `twin`: the columns of one thing that stands elsewhere in some."""

    units: list[Unit | None]
    twin: tuple[Column, ...] = ()

    @property
    def rows(self) -> tuple[int, ...]:
        """The instances that have it."""
        return tuple(index for index, unit in enumerate(self.units) if unit is not None)

    @property
    def nodes(self) -> list[Node]:
        """The nodes of those that have it."""
        return [unit.node for unit in self.units if unit is not None]

    @property
    def full(self) -> bool:
        """Whether every instance has it."""
        return all(unit is not None for unit in self.units)

    @property
    def equal(self) -> bool:
        """Whether all that have it have the same."""
        return len({node.digest for node in self.nodes}) == 1


def columns(lists: Sequence[Sequence[Unit]]) -> list[Column]:
    """The columns of `lists`; members that stand elsewhere in some lists are twins."""
    if len({len(units) for units in lists}) == 1:
        straight = [Column(list(column)) for column in zip(*lists, strict=True)]
        nodes = [[unit.node for unit in row] for row in lists]
        if all(alike(column.nodes) for column in straight) and not moved(nodes) and not _shifted(nodes):
            return straight
    # The order that most lists have is the one that others differ from, whoever comes first.
    orders = [tuple(named for unit in units if (named := head(unit.node)) is not None) for units in lists]
    pivot = max(range(len(lists)), key=lambda index: (len(lists[index]), orders.count(orders[index]), -index))
    profile = [_only(len(lists), pivot, unit) for unit in lists[pivot]]
    for index, units in enumerate(lists):
        if index != pivot:
            profile = _joined(profile, index, units)
    profile = _worded(profile)
    _twin(profile)
    return profile


def _shifted(lists: Sequence[Sequence[Node]]) -> bool:
    """Whether something stands at another position in another list: then positions do not pair members."""
    seen: dict[int, int] = {}
    return any(
        seen.setdefault(node.digest, position) != position
        for nodes in lists
        for position, node in enumerate(nodes)
        if node.size > SMALL
    )


def alike(column: Sequence[Node]) -> bool:
    """Whether nodes can be counterparts: of one kind, and alike enough."""
    if len({node.kind for node in column}) > 1:
        return False
    if len({node.digest for node in column}) == 1 or all(node.is_leaf for node in column):
        return True
    if any(node.is_leaf for node in column):
        return False
    return all(similarity(column[0], node) >= SIMILAR for node in column[1:])


def _only(size: int, index: int, unit: Unit) -> Column:
    units: list[Unit | None] = [None] * size
    units[index] = unit
    return Column(units)


def _joined(profile: Sequence[Column], index: int, units: Sequence[Unit]) -> list[Column]:
    pairs = match([column.nodes[0] for column in profile], [unit.node for unit in units])
    found: list[Column] = []
    at = (0, 0)
    for first, second in [*pairs, (len(profile), len(units))]:
        found.extend(profile[at[0] : first])
        found.extend(_only(len(profile[0].units), index, unit) for unit in units[at[1] : second])
        if first < len(profile):
            profile[first].units[index] = units[second]
            found.append(profile[first])
        at = (first + 1, second + 1)
    return found


def _worded(profile: Sequence[Column]) -> list[Column]:
    """A name that happens to be a keyword (a table called CASE) is the counterpart of the names beside it."""
    found: list[Column] = []
    for column in profile:
        last = found[-1] if found else None
        if last is not None and not set(last.rows) & set(column.rows):
            kinds = {node.kind for node in (*last.nodes, *column.nodes)}
            worded = _is_word(last) and _is_word(column) and "word" in kinds
            complete = len(last.rows) + len(column.rows) == len(column.units)
            if complete and (worded or _is_single(last, column) or _is_single(column, last)):
                found[-1] = Column([a or b for a, b in zip(last.units, column.units, strict=True)])
                continue
        found.append(column)
    return found


def _is_single(many: Column, one: Column) -> bool:
    """Whether `one` are members of such lists as `many`, alone: a union of one type is that type."""
    if {node.kind for node in many.nodes} - LISTS:
        return False
    kinds = {child.kind for node in many.nodes for child in node.children if not (child.is_leaf and not child.place)}
    return {node.kind for node in one.nodes} <= kinds


def _is_word(column: Column) -> bool:
    return all(node.is_leaf and (node.kind == "word" or node.kind.startswith("keyword:")) for node in column.nodes)


def _twin(profile: Sequence[Column]) -> None:
    """Partial columns with one name (or one text) that together are full, no instance twice: one thing that moved."""
    named: dict[Hashable, list[Column]] = {}
    for column in profile:
        if not column.full:
            for key in _names(column):
                named.setdefault(key, []).append(column)
    for group in named.values():
        rows = [row for column in group for row in column.rows]
        if (
            len(group) > 1
            and sorted(rows) == list(range(len(group[0].units)))
            and not any(column.twin for column in group)
            and len({column.nodes[0].kind for column in group}) == 1
        ):
            for column in group:
                column.twin = tuple(group)
    _cross(profile)


def _cross(profile: Sequence[Column]) -> None:
    """Two columns without a name, of one shape, of which each instance has one: a statement with other values that moved."""
    left = [
        column
        for column in profile
        if not column.full and not column.twin and not any(head(node) or defined(node) for node in column.nodes)
    ]
    shaped: dict[int, list[Column]] = {}
    for column in left:
        if len({node.shape for node in column.nodes}) == 1 and column.nodes[0].size > CROSSING:
            shaped.setdefault(column.nodes[0].shape, []).append(column)
    for group in shaped.values():
        rows = sorted(row for column in group for row in column.rows)
        if len(group) == 2 and rows == list(range(len(group[0].units))):
            if similarity(group[0].nodes[0], group[1].nodes[0]) >= SIMILAR:
                for column in group:
                    column.twin = tuple(group)


def _names(column: Column) -> set[Hashable]:
    nodes = column.nodes
    heads = {head(node) for node in nodes}
    if len(heads) == 1 and None not in heads:
        return heads
    names = {defined(node) for node in nodes}
    if len(names) == 1 and "" not in names:
        return {("defined", nodes[0].kind, names.pop())}
    if column.equal and nodes[0].size > 3:
        return {("same", nodes[0].digest)}
    return set()
