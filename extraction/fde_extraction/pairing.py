"""Pairing: which members of two child lists are counterparts.

two lists of nodes -> match() -> pairs of positions, increasing in both (unique equal members first, as in patience diff;
between them Needleman-Wunsch by similarity)
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Hashable, Sequence
from typing import Final

from fde_extraction.tree import Node, similarity

SIMILAR: Final = 0.45  # children less alike than this are different things
ROLES: Final = 8  # members of a list that may be the parts of one thing rather than statements or items
WIDE: Final = 250  # stretches longer than this are matched by equal members only, to stay near linear
_NAMED: Final = {"keyword_argument": 0, "pair": 0, "jsx_attribute": 0, "property_signature": 0}
_DEFINED: Final = frozenset(
    "function_definition class_definition function_declaration class_declaration method_definition interface_declaration "
    "type_alias_declaration enum_declaration".split()
)
_WRAPS: Final = frozenset({"expression_statement", "lexical_declaration", "variable_declaration"})
_ASSIGNS: Final = frozenset({"assignment", "variable_declarator", "assignment_expression"})
_MEMBERS: Final = frozenset({"attribute", "member_expression"})
_IMPORTS: Final = frozenset({"import_statement", "import_from_statement"})
_NAMES: Final = frozenset({"identifier", "type_identifier", "property_identifier"})


def head(node: Node) -> Hashable:
    """What tells a member of a set from the others: a keyword's or key's name, an import's module; None for the rest."""
    if node.kind == "shorthand_property_identifier":
        return "pair", node.digest
    if node.kind in _NAMED and node.children:
        return node.kind, node.children[0].digest
    if node.kind == "setting":
        return node.kind, node.first.text.lower()
    if node.kind in _IMPORTS and len(node.children) > 1:
        first = node.children[0].text
        child = node.children[1 if node.kind == "import_from_statement" else -1]
        child = node.children[-2] if child.text == ";" and len(node.children) > 2 else child
        return node.kind, first, _said(child)
    return None


def _said(node: Node) -> Hashable:
    """A module's name however it is quoted."""
    return "".join(leaf.text for leaf in node.leaves() if not leaf.kind.startswith("string_") or leaf.place)


def defined(node: Node) -> str:
    """The name of the function, class, type, constant or variable that `node` defines; empty for anything else."""
    while node.kind in _WRAPS and node.children:
        node = next((child for child in node.children if child.kind in _ASSIGNS | _WRAPS), node.children[0])
    if node.kind in _ASSIGNS:
        left = node.children[0] if node.children else node
        if left.kind in _NAMES:
            return left.text
        return "".join(leaf.text for leaf in left.leaves()) if left.kind in _MEMBERS and left.size < 4 else ""
    if node.kind in ("decorated_definition", "export_statement"):
        node = next((child for child in node.children if child.kind in _DEFINED), node)
    if node.kind not in _DEFINED:
        return ""
    return next((child.text for child in node.children if child.kind in _NAMES), "")


def moved(lists: Sequence[Sequence[Node]]) -> bool:
    """Whether some member of one list stands elsewhere in another: then positions do not pair members."""
    heads = [[head(node) for node in children] for children in lists]
    sets = [frozenset(item for item in row if item is not None) for row in heads]
    for column in zip(*heads, strict=True):
        if len(set(column)) > 1 and any(
            item is not None and sum(item in known for known in sets) > 1 for item in column
        ):
            return True
    return False


def match(one: Sequence[Node], other: Sequence[Node]) -> list[tuple[int, int]]:
    """Pairs of positions, increasing in both: the most similar ones in sum. Equal ends are matched without a table."""
    start = 0
    while start < min(len(one), len(other)) and one[start].digest == other[start].digest:
        start += 1
    tail = 0
    while tail < min(len(one), len(other)) - start and one[-1 - tail].digest == other[-1 - tail].digest:
        tail += 1
    pairs = [(index, index) for index in range(start)]
    stops = (len(one) - tail, len(other) - tail)
    at = (start, start)
    roles = _roles(one, other)
    for anchor in [*_anchors(one, other, start, stops), stops]:
        inner = _table(one[at[0] : anchor[0]], other[at[1] : anchor[1]], roles)
        pairs += [(at[0] + first, at[1] + second) for first, second in inner]
        if anchor != stops:
            pairs.append(anchor)
        at = (anchor[0] + 1, anchor[1] + 1)
    pairs += [(len(one) - tail + index, len(other) - tail + index) for index in range(tail)]
    return pairs


def _anchors(one: Sequence[Node], other: Sequence[Node], start: int, stops: tuple[int, int]) -> list[tuple[int, int]]:
    """Members of some size that are equal and unique in both lists, as many as stand in the same order."""
    counts = [Counter(node.digest for node in nodes) for nodes in (one, other)]
    place = {node.digest: index for index, node in enumerate(other) if counts[1][node.digest] == 1}
    both = [
        (index, place[one[index].digest])
        for index in range(start, stops[0])
        if one[index].size > 3 and counts[0][one[index].digest] == 1 and one[index].digest in place
    ]
    both = [pair for pair in both if start <= pair[1] < stops[1]]
    # Longest increasing subsequence of the second positions (patience sorting).
    ends: list[int] = []
    last: list[int] = []
    before: list[int] = []
    for index, (_, second) in enumerate(both):
        at = bisect_left(ends, second)
        before.append(last[at - 1] if at else -1)
        ends[at : at + 1] = [second]
        last[at : at + 1] = [index]
    found, index = [], last[-1] if last else -1
    while index >= 0:
        found.append(both[index])
        index = before[index]
    return found[::-1]


def _roles(one: Sequence[Node], other: Sequence[Node]) -> frozenset[str]:
    """Kinds of which both short lists have one member: a class's body, a call's arguments. They correspond, however unlike."""
    if max(len(one), len(other)) > ROLES:
        return frozenset()
    counts = [Counter(node.kind for node in nodes) for nodes in (one, other)]
    return frozenset(kind for kind, times in counts[0].items() if times == 1 and counts[1][kind] == 1)


def _table(one: Sequence[Node], other: Sequence[Node], roles: frozenset[str]) -> list[tuple[int, int]]:
    rows, width = len(one), len(other)
    if not rows or not width:
        return []
    exact = max(rows, width) > WIDE
    weight = [
        [_worth(a, b, exact) or (0.2 if a.kind == b.kind and a.kind in roles else 0.0) for b in other] for a in one
    ]
    best = [[0.0] * (width + 1) for _ in range(rows + 1)]
    for row in range(rows - 1, -1, -1):
        below, line, worth = best[row + 1], best[row], weight[row]
        for column in range(width - 1, -1, -1):
            score = below[column + 1] + worth[column] if worth[column] > 0 else 0.0
            line[column] = max(score, below[column], line[column + 1])
    pairs, row, column = [], 0, 0
    while row < rows and column < width:
        worth_here = weight[row][column]
        if worth_here > 0 and best[row][column] == best[row + 1][column + 1] + worth_here:
            pairs.append((row, column))
            row, column = row + 1, column + 1
        elif best[row][column] == best[row + 1][column]:
            row += 1
        else:
            column += 1
    return pairs


def _worth(one: Node, other: Node, exact: bool) -> float:
    if one.kind != other.kind:
        return 0.0
    if one.digest == other.digest:
        return 1.0 + min(one.size, 50) * 0.1
    if exact:
        return 0.0
    if one.is_leaf and other.is_leaf:
        return 0.3
    alike = similarity(one, other)
    if alike < SIMILAR or head(one) != head(other):
        return 0.0
    # Names are a hint, never a reason: customers rename, but what kept its name is the same thing.
    named = defined(one)
    return alike + (0.5 if named and named == defined(other) else 0.0)
