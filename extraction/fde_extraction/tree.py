"""A lossless syntax tree: leaves with their spans, the white space before each, and what the code around calls them.

source text -> Language.parse() -> Node -> align()
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from fde_extraction.label import Labels, words_of

QUOTES: Final = frozenset({"string_open", "string_close"})


@dataclass(slots=True, eq=False)
class Node:
    """A node (with `children`) or a leaf (with `text`). Offsets in characters.

    `place`: where a leaf's text stands (fde_template.place), empty for keywords and punctuation; of a document in a string,
    which is a node, that of the string when all of it is text.
    `hints`: names the code around gives this leaf, strongest first; `labels`: the same with how the code says it, innermost
    first. `lead`: white space before a leaf.
    """

    kind: str
    start: int
    end: int
    children: list[Node] = field(default_factory=list)
    text: str = ""
    place: str = ""
    hints: tuple[str, ...] = ()
    labels: Labels = ()
    lead: str = ""
    digest: int = 0
    shape: int = 0
    size: int = 1
    _bags: tuple[Counter[int], Counter[str]] | None = None

    @property
    def is_leaf(self) -> bool:
        """Whether this is a leaf; an empty bracket is a node without children and without text."""
        return not self.children

    def leaves(self) -> Iterator[Node]:
        """Leaves in order of the text. Iterative: sources nest deeper than Python recurses."""
        stack = [self]
        while stack:
            node = stack.pop()
            if node.children:
                stack.extend(reversed(node.children))
            else:
                yield node

    @property
    def first(self) -> Node:
        """The first leaf."""
        node = self
        while node.children:
            node = node.children[0]
        return node

    def bags(self) -> tuple[Counter[int], Counter[str]]:
        """Leaves as two multisets: their shapes, and the words in them; without quotes, which are style."""
        if self._bags is None:
            leaves = [leaf for leaf in self.leaves() if leaf.text and leaf.kind not in QUOTES]
            said = (word for leaf in leaves for word in (words_of(leaf.text) if leaf.place else (leaf.text,)))
            self._bags = Counter(leaf.shape for leaf in leaves), Counter(said)
        return self._bags


def walked(root: Node) -> Iterator[Node]:
    """Every node, a node before its children, in order of the text."""
    stack = [root]
    while stack:
        node = stack.pop()
        yield node
        stack.extend(reversed(node.children))


def leaf(
    kind: str, start: int, end: int, text: str, place: str = "", hints: tuple[str, ...] = (), labels: Labels = ()
) -> Node:
    """A leaf."""
    return Node(kind, start, end, text=text[start:end], place=place, hints=hints, labels=labels)


def seal(root: Node, text: str) -> Node:
    """`root` with the white space before each leaf, an end leaf for what follows the last, digests and sizes."""
    root.children.append(Node("end", len(text), len(text)))
    at = 0
    for node in root.leaves():
        node.lead = text[at : node.start]
        at = node.end
    order: list[Node] = []
    stack = [root]
    while stack:
        node = stack.pop()
        order.append(node)
        stack.extend(node.children)
    for node in reversed(order):
        if node.children:
            first = node.children[0]
            rest = tuple((child.first.lead, child.digest) for child in node.children[1:])
            node.digest = hash((node.kind, first.digest, rest))
            node.shape = hash((node.kind, tuple(child.shape for child in node.children)))
            node.size = sum(child.size for child in node.children)
        else:
            node.digest = hash((node.kind, node.text))
            node.shape = hash((node.kind, "" if node.place or node.kind in QUOTES else node.text))
    return root


def flat(node: Node, text: str) -> Node:
    """A document in a string as the leaf of words that it is for whoever does not read it; `node` when it is none."""
    if not node.place or not node.children:
        return node
    made = leaf("string_text", node.first.start, _last(node).end, text, node.place, node.hints, node.labels)
    return _like(made, node.first.lead)


def flattened(node: Node, text: str) -> Node:
    """A string whose document is flat(), with the white space around it; `node` when it holds none."""
    if not any(child.place and child.children for child in node.children):
        return node
    children = list[Node]()
    for index, child in enumerate(node.children):
        start = node.children[index - 1].end if index else child.start
        if child.place and child.children:
            end = node.children[index + 1].start if index + 1 < len(node.children) else child.end
            whole = leaf("string_text", start, end, text, child.place, child.hints, child.labels)
            children.append(_like(whole, ""))
        else:
            made = leaf(child.kind, child.start, child.end, text, child.place, child.hints, child.labels)
            children.append(_like(made, child.lead if index == 0 else "") if not child.children else child)
    made = Node(node.kind.partition(":")[0], node.start, node.end, children)
    made.digest = hash((made.kind, *(child.digest for child in children)))
    made.shape = hash((made.kind, *(child.shape for child in children)))
    made.size = sum(child.size for child in children)
    return made


def _like(made: Node, lead: str) -> Node:
    made.lead = lead
    made.digest = hash((made.kind, made.text))
    made.shape = hash((made.kind, "" if made.place or made.kind in QUOTES else made.text))
    return made


def _last(node: Node) -> Node:
    while node.children:
        node = node.children[-1]
    return node


def similarity(one: Node, other: Node) -> float:
    """0..1: half for leaves of the same shape, half for equal leaves (Dice). Nodes of two kinds are never similar."""
    if one.kind != other.kind:
        return 0.0
    if one.digest == other.digest:
        return 1.0
    if one.is_leaf or other.is_leaf:
        return 0.5 if one.is_leaf and other.is_leaf else 0.0
    if max(one.size, other.size) > 4 * min(one.size, other.size) + 8:
        return 0.1
    (shapes, texts), (other_shapes, other_texts) = one.bags(), other.bags()
    return 0.5 * _dice(shapes, other_shapes) + 0.5 * _dice(texts, other_texts)


def resemblance(one: Node, other: Node) -> float:
    """0..1: leaves of the same shape (Dice), whatever their texts."""
    return _dice(one.bags()[0], other.bags()[0])


def _dice(one: Counter[Any], other: Counter[Any]) -> float:
    return 2 * (one & other).total() / max(1, one.total() + other.total())
