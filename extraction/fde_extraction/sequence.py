"""Sequences: the cells of an aligned child list, and where the joints between them belong.

columns, runs -> cells() -> plan() -> steps: each cell with its joint before it, or after it

A joint is what stands between two members: separator and white space. An optional member takes one of its two joints with
it: the one before it, unless only the one after it leaves the rest the same in all instances (an optional first argument).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from fde_extraction.column import Column
from fde_extraction.unit import Unit

Side = Literal["before", "after", "none"]


@dataclass(slots=True, eq=False)
class Cell:
    """A stretch of a child list. `kind`: full (one column that all have), some (columns that the same instances have),
    items (a repeat), block (columns of instances that have nothing in common). `units`: of items, all instances' members."""

    kind: Literal["full", "some", "items", "block"]
    columns: list[Column]

    @property
    def rows(self) -> tuple[int, ...]:
        """The instances that have something of it."""
        return tuple(sorted({row for column in self.columns for row in column.rows}))

    def units(self, row: int) -> list[Unit]:
        """What instance `row` has of it, in order."""
        return [unit for column in self.columns if (unit := column.units[row]) is not None]


@dataclass(frozen=True, slots=True, eq=False)
class Step:
    """A cell and its joint; without a cell, the joint alone that follows the full cell `after`."""

    cell: Cell | None
    joint: Side
    after: Cell | None = None


def cells(columns: Sequence[Column], runs: Sequence[tuple[int, int]]) -> list[Cell]:
    """The cells of `columns`; `runs` are repeats."""
    starts = dict(runs)
    found: list[Cell] = []
    at = 0
    while at < len(columns):
        column = columns[at]
        if at in starts:
            found.append(Cell("items", list(columns[at : starts[at]])))
            at = starts[at]
            continue
        last = found[-1] if found else None
        if column.full:
            found.append(Cell("full", [column]))
        elif last is not None and last.kind == "some" and last.rows == column.rows and not column.twin:
            if any(other.twin for other in last.columns):
                found.append(Cell("some", [column]))
            else:
                last.columns.append(column)
        else:
            found.append(Cell("some", [column]))
        at += 1
    return _blocks(_ordered(found))


def _ordered(row: Sequence[Cell]) -> list[Cell]:
    """Neighbours that no instance has both of, the one that more have first: their order hangs on nobody's name."""
    found: list[Cell] = []
    for cell in row:
        at = len(found)
        while (
            at
            and cell.kind == found[at - 1].kind == "some"
            and not set(cell.rows) & set(found[at - 1].rows)
            and _rank(cell) < _rank(found[at - 1])
        ):
            at -= 1
        found.insert(at, cell)
    return found


def _rank(cell: Cell) -> tuple[int, str]:
    nodes = [unit.node for column in cell.columns for unit in column.units if unit is not None]
    return -len(cell.rows), " ".join(leaf.text or leaf.kind for leaf in nodes[0].leaves() if not leaf.place)


def _blocks(row: Sequence[Cell]) -> list[Cell]:
    """Neighbours that one instance each has and no other: they are n different things, not n options."""
    found: list[Cell] = []
    alone = False
    for cell in row:
        single = cell.kind == "some" and len(cell.rows) == 1 and not cell.columns[0].twin
        if single and alone:
            found[-1] = Cell("block", [*found[-1].columns, *cell.columns])
        else:
            found.append(cell)
        alone = single
    return found


class Joints:
    """The texts between the members of every instance's child list."""

    def __init__(self, texts: Sequence[str], members: Sequence[Sequence[Unit]]) -> None:
        self._before: dict[Unit, str] = {}
        self._after: dict[Unit, str] = {}
        for text, units in zip(texts, members, strict=True):
            for index, unit in enumerate(units):
                self._before[unit] = text[units[index - 1].end : unit.start] if index else ""
                self._after[unit] = text[unit.end : units[index + 1].start] if index + 1 < len(units) else ""

    def before(self, unit: Unit) -> str:
        """What stands between `unit` and the member before it; nothing at the list's head."""
        return self._before[unit]

    def after(self, unit: Unit) -> str:
        """What stands between `unit` and the member after it; nothing at the list's end."""
        return self._after[unit]


def plan(row: Sequence[Cell], joints: Joints) -> list[Step]:
    """The steps of `row`, in order."""
    found: list[Step] = []
    at = 0
    before: Cell | None = None
    while at < len(row):
        if row[at].kind == "full":
            found.append(Step(row[at], "before"))
            before = row[at]
            at += 1
            continue
        end = at
        while end < len(row) and row[end].kind != "full":
            end += 1
        gap, after = row[at:end], row[end] if end < len(row) else None
        if _follows(gap, before, after, joints):
            if before is not None:
                found.append(Step(None, "after", before))
            found.extend(Step(cell, "after") for cell in gap)
            if after is not None:
                found.append(Step(after, "none"))
                before = after
                end += 1
        else:
            found.extend(Step(cell, "before") for cell in gap)
        at = end
    return found


def _follows(gap: Sequence[Cell], before: Cell | None, after: Cell | None, joints: Joints) -> bool:
    """Whether the joints after the cells of a gap leave fewer differences than those before them."""
    precede = _distinct(after, joints.before) + sum(_spread(cell, joints.before, 0) for cell in gap)
    follow = _distinct(before, joints.after) + sum(_spread(cell, joints.after, -1) for cell in gap)
    return follow < precede


def _distinct(cell: Cell | None, joint: Callable[[Unit], str]) -> int:
    if cell is None:
        return 0
    return len({joint(unit) for row in cell.rows for unit in cell.units(row)})


def _spread(cell: Cell, joint: Callable[[Unit], str], end: int) -> int:
    if cell.kind == "items":
        return _distinct(cell, joint)
    return len({joint(cell.units(row)[end]) for row in cell.rows})
