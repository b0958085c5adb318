"""A scope: whose texts stand at a stretch of a template, one instance each.

siblings -> the siblings that have an optional block, the items of a repeat -> Piece, Slot
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True, eq=False)
class Scope:
    """`rows`: for each instance, which instance of `parent` it is of (of the root: which sibling)."""

    kind: Literal["siblings", "present", "items"]
    rows: tuple[int, ...]
    parent: Scope | None = None

    @property
    def siblings(self) -> tuple[int, ...]:
        """Which sibling each instance is of."""
        if self.parent is None:
            return self.rows
        above = self.parent.siblings
        return tuple(above[row] for row in self.rows)

    @property
    def within_items(self) -> bool:
        """Whether these are items of a repeat, or of what some of them have: repeats do not nest."""
        return self.kind == "items" or (self.parent is not None and self.parent.within_items)

    def present(self, rows: Sequence[int]) -> Scope:
        """The instances `rows` of this scope, as a scope of their own."""
        return Scope("present", tuple(rows), self)

    def items(self, rows: Sequence[int]) -> Scope:
        """Items of a repeat; `rows` says whose each is, increasing."""
        return Scope("items", tuple(rows), self)


def root(siblings: int) -> Scope:
    """The scope of all siblings."""
    return Scope("siblings", tuple(range(siblings)))
