"""Frames: scopes that count the same instances, so that their values can be one.

parts -> frames() -> each scope's Frame; values of an outer frame are known in the inner ones

Two optional blocks that the same siblings have are one frame. Two repeats are one (a linked list: SELECT, INSERT, VALUES)
when they have the same number of items in every sibling and at least one value in common.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar

from fde_extraction.differing import Differing
from fde_extraction.piece import Items, Part, Present
from fde_extraction.scope import Scope
from fde_extraction.slot import Key, key_of

T = TypeVar("T")


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """As a scope, for all scopes that count the same. `rows`: for each instance, the instance of `parent` it is of."""

    kind: Literal["siblings", "present", "items"]
    rows: tuple[int, ...]
    parent: Frame | None = None

    @property
    def siblings(self) -> tuple[int, ...]:
        """Which sibling each instance is of."""
        if self.parent is None:
            return self.rows
        above = self.parent.siblings
        return tuple(above[row] for row in self.rows)

    def outer(self) -> list[Frame]:
        """The frames around, nearest first."""
        return [] if self.parent is None else [self.parent, *self.parent.outer()]

    def repeat(self) -> Frame | None:
        """The repeat that this frame is of, or in."""
        return next((frame for frame in (self, *self.outer()) if frame.kind == "items"), None)

    def project(self, values: Sequence[T], of: Frame) -> tuple[T, ...]:
        """What `values`, one for each instance of the outer frame `of`, are for the instances of this one."""
        if of is self:
            return tuple(values)
        assert self.parent is not None, "not an outer frame"
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


def frames(
    roots: Sequence[Scope], files: Sequence[Sequence[Part]], literals: Iterable[Differing]
) -> dict[Scope, Frame]:
    """The frame of every scope; `roots` are the files' scopes of all siblings."""
    whole = Frame("siblings", roots[0].rows)
    found: dict[Scope, Frame] = dict.fromkeys(roots, whole)
    keys: dict[Scope, set[Key]] = defaultdict(set)
    for literal in literals:
        for texts in [literal.piece.texts, *(gap.texts for gap in literal.gaps)]:
            key = key_of(texts)
            if key is not None:
                keys[literal.piece.scope].add(key)
    level = [list(parts) for parts in files]
    while level:
        scopes, below = [], []
        for parts in level:
            for part in parts:
                if isinstance(part, Present):
                    scopes.append(part.scope)
                    below.append(part.body)
                elif isinstance(part, Items):
                    scopes.append(part.scope)
                    below.append([*part.body, *part.between])
        _framed(scopes, keys, found)
        level = below
    return found


def _framed(scopes: Sequence[Scope], keys: Mapping[Scope, set[Key]], found: dict[Scope, Frame]) -> None:
    """Frames for `scopes`, whose parents have theirs."""
    groups: dict[tuple[Frame, str, tuple[int, ...]], list[Scope]] = defaultdict(list)
    for scope in scopes:
        if scope not in found and scope.parent is not None:
            groups[found[scope.parent], scope.kind, scope.rows].append(scope)
    for (parent, kind, rows), members in groups.items():
        if kind == "present":
            frame = next(
                (f for f in found.values() if f.kind == "present" and f.parent is parent and f.rows == rows),
                Frame("present", rows, parent),
            )
            found |= dict.fromkeys(members, frame)
            continue
        for linked in _linked(members, keys, parent, rows):
            found |= dict.fromkeys(linked, Frame("items", rows, parent))


def _linked(
    members: Sequence[Scope], keys: Mapping[Scope, set[Key]], parent: Frame, rows: tuple[int, ...]
) -> list[list[Scope]]:
    """`members` in groups that have a value in common which is the items' own."""
    probe = Frame("items", rows, parent)
    groups: list[tuple[set[Key], list[Scope]]] = []
    for scope in members:
        own = {key for key in keys[scope] if probe.collapse(key) is None or len(set(rows)) == len(rows)}
        joined = [group for group in groups if group[0] & own]
        groups = [group for group in groups if group not in joined]
        groups.append((own.union(*(group[0] for group in joined)), [*(s for group in joined for s in group[1]), scope]))
    return [group for _, group in groups]
