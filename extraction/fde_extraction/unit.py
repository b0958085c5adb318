"""Units: the members of a child list that are aligned, with the comments above each; separators are joints between them.

children of a node -> units() -> column.columns()
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from fde_extraction.tree import Node

SEPARATORS: Final = frozenset({",", ";", "|", "&", "&&", "||", "and", "or"})
LISTS: Final = frozenset({"union_type", "intersection_type", "boolean_operator"})  # of one member they are that member
COMMENTS: Final = frozenset({"comment", "line_comment", "block_comment", "jinja_comment"})
_HEADS: Final = COMMENTS | {"decorator"}
_BLANK_LINE: Final = re.compile(r"\n[ \t\r]*\n")


@dataclass(frozen=True, slots=True, eq=False)
class Unit:
    """A member. `head`: the comments and decorators on the lines right above it. Offsets in characters."""

    node: Node
    head: tuple[Node, ...] = ()

    @property
    def start(self) -> int:
        """Where its first leaf stands."""
        return (self.head[0] if self.head else self.node).first.start

    @property
    def end(self) -> int:
        """Where its last leaf ends."""
        return last_end(self.node)


def units(children: Sequence[Node], *, grouped: bool = True) -> list[Unit]:
    """The members of a child list; separators between two are left out, they are joints."""
    found: list[Unit] = []
    above: list[Node] = []
    for index, node in enumerate(children):
        if node.is_leaf and node.text in SEPARATORS and not node.place and 0 < index < len(children) - 1:
            found.extend(Unit(comment) for comment in above)
            above = []
            continue
        own_line = index == 0 or "\n" in node.first.lead
        if grouped and node.kind in _HEADS and own_line:
            if above and _BLANK_LINE.search(node.first.lead):
                found.extend(Unit(comment) for comment in above)
                above = []
            above.append(node)
            continue
        if above and (_BLANK_LINE.search(node.first.lead) or node.is_leaf or node.kind in _HEADS):
            found.extend(Unit(comment) for comment in above)
            above = []
        found.append(Unit(node, tuple(above)))
        above = []
    found.extend(Unit(comment) for comment in above)
    return found


def last_end(node: Node) -> int:
    """Where the last leaf of `node` ends."""
    while node.children:
        node = node.children[-1]
    return node.end
