"""A scope: whose texts stand at a stretch of a template, one instance each.

siblings -> the siblings that have an optional block, the items of a repeat -> Piece, Slot
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar

T = TypeVar("T")


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
        return self.repeat() is not None

    def outer(self) -> list[Scope]:
        """The scopes around, nearest first."""
        return [] if self.parent is None else [self.parent, *self.parent.outer()]

    def repeat(self) -> Scope | None:
        """The repeat that this scope is of, or in."""
        return next((scope for scope in (self, *self.outer()) if scope.kind == "items"), None)

    def project(self, values: Sequence[T], of: Scope) -> tuple[T, ...]:
        """What `values`, one for each instance of the outer scope `of`, are for the instances of this one."""
        if of is self:
            return tuple(values)
        assert self.parent is not None, "not an outer scope"
        above = self.parent.project(values, of)
        return tuple(above[row] for row in self.rows)

    def collapse(self, values: Sequence[T]) -> tuple[T, ...] | None:
        """One value for each instance of the parent, when all its instances agree and each has one; else None."""
        assert self.parent is not None
        found: dict[int, T] = {}
        for row, value in zip(self.rows, values, strict=True):
            if found.setdefault(row, value) != value:
                return None
        size = len(self.parent.rows)
        return tuple(found[row] for row in range(size)) if len(found) == size else None

    def present(self, rows: Sequence[int]) -> Scope:
        """The instances `rows` of this scope, as a scope of their own."""
        return Scope("present", tuple(rows), self)

    def items(self, rows: Sequence[int]) -> Scope:
        """Items of a repeat; `rows` says whose each is, increasing."""
        return Scope("items", tuple(rows), self)


def root(siblings: int) -> Scope:
    """The scope of all siblings."""
    return Scope("siblings", tuple(range(siblings)))
