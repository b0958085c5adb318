"""Alignment of n trees: what all siblings share, and the leaves, gaps and blocks where they differ.

n sealed trees -> align() -> pieces, in order; for every sibling the pieces' texts, one after the other, are its source

Top down (GumTree, Falleri et al. 2014, for two trees; here n at once): equal subtrees first, then children by similarity
(Needleman-Wunsch against a pivot), leaves last. Nodes of two kinds never match. Where a child list has members that some
siblings lack, the run of differing members becomes one block.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from fde_extraction.label import Labels, common
from fde_extraction.pairing import SIMILAR, match, moved
from fde_extraction.tree import Node, similarity

ITEM: Final = 16  # leaves; a list's item is small, a statement or a function is not
# Members that say which one they are: matched by their name, so one more of them makes nothing of the others doubtful.
_NAMED: Final = frozenset({"keyword_argument", "pair", "statement", "property_signature"})


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of all siblings. `kind`: same, leaf (values differ), space (layout differs), block (structure differs).

    `labels`: of layout and blocks, what all siblings' code says of them."""

    kind: Literal["same", "leaf", "space", "block"]
    texts: tuple[str, ...]
    place: str = ""
    leaves: tuple[Node, ...] = ()
    labels: Labels = ()


@dataclass(slots=True)
class _Region:
    """Child slices, one per sibling, that have no counterpart everywhere."""

    slices: Sequence[Sequence[Node]]


def align(trees: Sequence[Node], texts: Sequence[str]) -> list[Piece]:
    """The pieces of `trees`, whose sources are `texts`. Deterministic; the order of siblings only orders the texts."""
    return _Alignment(texts).run(trees)


class _Alignment:
    def __init__(self, texts: Sequence[str]) -> None:
        self.texts = texts
        self.pieces: list[Piece] = []
        self.ends = [0] * len(texts)

    def run(self, trees: Sequence[Node]) -> list[Piece]:
        stack: list[Sequence[Node] | _Region] = [trees]
        while stack:
            item = stack.pop()
            if isinstance(item, _Region):
                self._block(item)
            elif len({node.digest for node in item}) == 1:
                self._same(item)
            elif all(node.is_leaf for node in item):
                self._leaf(item)
            elif any(node.is_leaf for node in item):
                self._block(_Region([[node] for node in item]))
            else:
                stack.extend(reversed(list(_children(item))))
        return self.pieces

    def _lead(self, firsts: Sequence[Node]) -> None:
        leads = tuple(node.lead for node in firsts)
        if len(set(leads)) == 1:
            self.pieces.append(Piece("same", leads))
        else:
            self.pieces.append(Piece("space", leads, labels=common([node.labels for node in firsts])))

    def _same(self, nodes: Sequence[Node]) -> None:
        self._lead([node.first for node in nodes])
        for group in zip(*(node.leaves() for node in nodes), strict=True):
            if group[0].start != nodes[0].first.start or group[0] is not nodes[0].first:
                self.pieces.append(Piece("same", tuple(node.lead for node in group)))
            self.pieces.append(Piece("same", tuple(node.text for node in group), group[0].place, group))

    def _leaf(self, nodes: Sequence[Node]) -> None:
        self._lead(nodes)
        texts = tuple(node.text for node in nodes)
        if all(node.place for node in nodes):
            self.pieces.append(Piece("leaf", texts, nodes[0].place, tuple(nodes)))
        else:
            self.pieces.append(Piece("block", texts, labels=common([node.labels for node in nodes])))

    def _block(self, region: _Region) -> None:
        """Source slices with the white space before them: where a member is absent, so is its space."""
        texts = []
        for text, nodes in zip(self.texts, region.slices, strict=True):
            if nodes:
                start = nodes[0].first.start - len(nodes[0].first.lead)
                texts.append(text[start : _last_end(nodes[-1])])
            else:
                texts.append("")
        if len(set(texts)) == 1:
            self.pieces.append(Piece("same", tuple(texts)))
        else:
            said = [nodes[0].first.labels for nodes in region.slices if nodes]
            self.pieces.append(Piece("block", tuple(texts), labels=common(said)))


def _last_end(node: Node) -> int:
    while node.children:
        node = node.children[-1]
    return node.end


def _children(nodes: Sequence[Node]) -> Iterator[Sequence[Node] | _Region]:
    """What to align below `nodes`, in order of the text."""
    lists = [node.children for node in nodes]
    if len({len(children) for children in lists}) == 1:
        columns = list(zip(*lists, strict=True))
        if all(_alike(column) for column in columns) and not moved(lists):
            yield from columns
            return
    matched = _columns(lists)
    share = sum(column[0].size for column in matched) / max(1, max(node.size for node in nodes))
    if not matched or (share < 0.2 and nodes[0].size > 3 and not any(_alike_digest(column) for column in matched)):
        yield _Region([[node] for node in nodes])
        return
    yield from _regions(lists, matched)


def _alike(column: Sequence[Node]) -> bool:
    if len({node.kind for node in column}) > 1:
        return False
    if len({node.digest for node in column}) == 1 or all(node.is_leaf for node in column):
        return True
    if any(node.is_leaf for node in column):
        return False
    return all(similarity(column[0], node) >= SIMILAR for node in column[1:])


def _alike_digest(column: Sequence[Node]) -> bool:
    return len({node.digest for node in column}) == 1


def _columns(lists: Sequence[Sequence[Node]]) -> list[tuple[Node, ...]]:
    """Members with a counterpart in every list, in order: each list against a pivot, then what all have in common."""
    pivot = max(range(len(lists)), key=lambda index: (-len(lists[index]), -index))
    counterpart: list[dict[int, int]] = []
    for index, children in enumerate(lists):
        counterpart.append({} if index == pivot else dict(match(lists[pivot], children)))
    columns = []
    for position, node in enumerate(lists[pivot]):
        found = [
            node if index == pivot else lists[index][counterpart[index][position]]
            for index in range(len(lists))
            if index == pivot or position in counterpart[index]
        ]
        if len(found) == len(lists):
            columns.append(tuple(found))
    return columns


def _regions(
    lists: Sequence[Sequence[Node]], matched: Sequence[tuple[Node, ...]]
) -> Iterator[Sequence[Node] | _Region]:
    """Matched columns and, between them, what is left over; a run of differing list items joins its left-overs."""
    where = [{id(node): index for index, node in enumerate(children)} for children in lists]
    rows = [tuple(where[k][id(node)] for k, node in enumerate(column)) for column in matched]
    starts = [(-1,) * len(lists), *rows]
    stops = [*rows, tuple(len(children) for children in lists)]
    loose = [any(stop[k] - start[k] > 1 for k in range(len(lists))) for start, stop in zip(starts, stops, strict=True)]
    swallowed = _swallowed(lists, matched, starts, stops, loose)
    pending = [list[Node]() for _ in lists]
    for index, stop in enumerate(stops):
        for k, children in enumerate(lists):
            pending[k].extend(children[starts[index][k] + 1 : stop[k]])
        if index == len(matched):
            break
        if index in swallowed:
            for k, node in enumerate(matched[index]):
                pending[k].append(node)
            continue
        if any(pending):
            yield _Region(pending)
            pending = [list[Node]() for _ in lists]
        yield matched[index]
    if any(pending):
        yield _Region(pending)


def _swallowed(
    lists: Sequence[Sequence[Node]],
    matched: Sequence[tuple[Node, ...]],
    starts: Sequence[tuple[int, ...]],
    stops: Sequence[tuple[int, ...]],
    loose: Sequence[bool],
) -> set[int]:
    """Matched but differing items of the kind that is left over beside them: one list of another length, not n values."""
    swallowed: set[int] = set()
    if not any(node.text == "," for children in lists for node in children):
        return swallowed
    for index, is_loose in enumerate(loose):
        if not is_loose:
            continue
        kinds = {
            node.kind
            for k, children in enumerate(lists)
            for node in children[starts[index][k] + 1 : stops[index][k]]
            if node.text not in (",", ";")
        }
        kinds -= _NAMED
        for step in (-1, 1):
            at = index - 1 if step < 0 else index
            separators: list[int] = []
            while 0 <= at < len(matched):
                column = matched[at]
                if column[0].text in (",", ";"):
                    separators.append(at)
                elif column[0].kind in kinds and column[0].size <= ITEM and not _alike_digest(column):
                    swallowed.update([at, *separators])
                    separators = []
                else:
                    break
                at += step
    return swallowed
