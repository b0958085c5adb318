"""Pairing: which members of two child lists are counterparts.

two child lists -> match() -> pairs of positions, increasing in both (Needleman-Wunsch; equal ends first)
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from fde_extraction.tree import Node, similarity

SIMILAR: Final = 0.45  # children less alike than this are different things
WIDE: Final = 400  # child lists longer than this are matched by equal members only, to stay near linear


def _head(node: Node) -> int | None:
    """What tells a member of a set from the others: a keyword's or key's name, an import's module; None for the rest."""
    if node.kind in ("keyword_argument", "pair") and node.children:
        return node.children[0].digest
    if node.kind in ("import_statement", "import_from_statement") and len(node.children) > 1:
        return node.children[
            1 if node.children[0].text in ("import", "from") and node.kind != "import_statement" else -1
        ].digest
    return None


def _same_head(one: Node, other: Node) -> bool:
    return _head(one) == _head(other)


def moved(lists: Sequence[Sequence[Node]]) -> bool:
    """Whether some member of one list stands elsewhere in another: then positions do not pair members."""
    heads = [[_head(node) for node in children] for children in lists]
    for index, column in enumerate(zip(*heads, strict=True)):
        if len(set(column)) > 1 and any(
            head is not None and head in other[:index] + other[index + 1 :] for head in column for other in heads
        ):
            return True
    return False


def match(one: Sequence[Node], other: Sequence[Node]) -> list[tuple[int, int]]:
    """Pairs of positions, increasing in both: the most similar ones in sum. Equal ends are matched without a table."""
    head = 0
    while head < min(len(one), len(other)) and one[head].digest == other[head].digest:
        head += 1
    tail = 0
    while tail < min(len(one), len(other)) - head and one[-1 - tail].digest == other[-1 - tail].digest:
        tail += 1
    pairs = [(index, index) for index in range(head)]
    mine, theirs = one[head : len(one) - tail], other[head : len(other) - tail]
    pairs += [(head + first, head + second) for first, second in _table(mine, theirs)]
    pairs += [(len(one) - tail + index, len(other) - tail + index) for index in range(tail)]
    return pairs


def _table(one: Sequence[Node], other: Sequence[Node]) -> list[tuple[int, int]]:
    rows, width = len(one), len(other)
    if not rows or not width:
        return []
    exact = max(rows, width) > WIDE
    weight = [[_worth(a, b, exact) for b in other] for a in one]
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
    if alike < SIMILAR or not _same_head(one, other):
        return 0.0
    return alike
