"""Pieces: what align() finds, a tree of stretches that all instances of a scope have.

sealed trees -> align() -> pieces -> draft() -> constants, slots and blocks
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

from fde_extraction.label import Labels
from fde_extraction.scope import Scope
from fde_extraction.tree import Node


@dataclass(slots=True, eq=False)
class Piece:
    """A stretch without inner structure; `texts` has one text for each instance of `scope`.

    `kind`: same; leaf (values differ); space (layout differs); block (structure differs); variant (the same thing spelled
    with other keywords, quotes or separators). `labels`: of layout and blocks, what all siblings' code says of them.
    `group`: variants and layouts that change together by nature have the same.
    """

    kind: Literal["same", "leaf", "space", "block", "variant"]
    texts: tuple[str, ...]
    scope: Scope
    place: str = ""
    leaves: tuple[Node, ...] = ()
    labels: Labels = ()
    group: object = None


@dataclass(slots=True, eq=False)
class Present:
    """`body` stands only in the instances `scope.rows` of `scope.parent`. Its pieces may be of a wider scope (moved ones)."""

    scope: Scope
    body: list[Part] = field(default_factory=list)
    labels: Labels = ()
    moved: object = None
    """Set for something that stands elsewhere in the other instances: those of one list have the same."""


@dataclass(slots=True, eq=False)
class Items:
    """`body` once an item (`scope`), `between` (of `scope.parent`) between two."""

    scope: Scope
    body: list[Part] = field(default_factory=list)
    between: list[Part] = field(default_factory=list)
    labels: Labels = ()


Part = Piece | Present | Items


def walk(parts: Sequence[Part]) -> Iterator[Part]:
    """Every part, in order of the text, a block or repeat before what stands in it. A moved one comes once for each place."""
    stack = [iter(parts)]
    while stack:
        part = next(stack[-1], None)
        if part is None:
            stack.pop()
            continue
        yield part
        if isinstance(part, Present):
            stack.append(iter(part.body))
        elif isinstance(part, Items):
            stack.append(iter([*part.body, *part.between]))


def pieces(parts: Sequence[Part]) -> Iterator[Piece]:
    """Every piece, in order of the text, whatever it stands in."""
    return (part for part in walk(parts) if isinstance(part, Piece))
