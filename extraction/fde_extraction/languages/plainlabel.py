"""What configuration says of its values: keys, flags, first words, tags, a table's head.

tree -> label() -> each leaf with a place has its labels and hints
"""

from __future__ import annotations

from typing import Final

from fde_extraction.label import Label, Labels, inner
from fde_extraction.tree import Node
from fde_template.dialect import Dialect
from fde_template.words import words

MAX_DEPTH: Final = 300  # as for syntax trees
_NAMING: Final = ("name", "key", "id")  # in a record {name: X, value: Y}, what says what Y is
_HINTS: Final = 6


def label(root: Node, dialect: Dialect) -> bool:
    """Give each leaf with a place its labels and hints; False when the tree is deeper than :data:`MAX_DEPTH`."""
    stack: list[tuple[Node, Labels, int]] = [(root, (), 0)]
    if dialect.values == "cell":
        _columned(root)
        return True
    while stack:
        node, labels, depth = stack.pop()
        if depth > MAX_DEPTH:
            return False
        if not node.children:
            # A script inside YAML is not called by its key: what differs in it is one word of a line.
            if node.place and node.place != "text.string.prose":
                node.labels = labels
                node.hints = tuple(label.text for label in labels)[:_HINTS]
            continue
        said = _said(node.children[0]) if node.kind == "pair" else ""
        if said:
            role = Label("key" if node.children[1].text == ":" else "assigned", said)
            stack.append((node.children[0], labels, depth + 1))
            stack.extend((child, inner(labels, role), depth + 1) for child in node.children[1:])
            continue
        named = _record_name(node)
        before = ""
        for child in node.children:
            near = labels
            if named and child.kind == "pair" and _said(child.children[0]).lower() == "value":
                near = inner(labels, Label("first", named))
            elif before and not child.text.startswith("-"):
                near = inner(labels, _from(before))
            stack.append((child, near, depth + 1))
            before = _before(node, child, before)
    return True


def _from(text: str) -> Label:
    """``--flag x`` names x as a keyword does; a line's first word as a call does."""
    return Label("keyword", text.lstrip("-")) if text.startswith("-") else Label("call", text)


def _before(node: Node, child: Node, before: str) -> str:
    """What names the next child of a line or element."""
    if node.kind.startswith("element:"):
        return node.kind[8:]
    if node.kind not in ("line", "block"):
        return ""
    if child.text.startswith("-") and words(child.text):
        return child.text.partition("=")[0]
    if child is node.children[0] and child.kind == "value" and words(child.text):
        return child.text
    return "" if before.startswith("-") else before


def _record_name(node: Node) -> str:
    """What a record {name: X, value: Y} is about."""
    if node.kind not in ("item", "group{"):
        return ""
    pairs = {_said(child.children[0]).lower(): child for child in node.children if child.kind == "pair"}
    if "value" not in pairs:
        return ""
    found = next((pairs[key] for key in _NAMING if key in pairs), None)
    return _said(found.children[2]) if found is not None and len(found.children) > 2 else ""


def _said(node: Node) -> str:
    """A key as it is read, without quotes; empty when it has no word."""
    if node.is_leaf:
        text = node.text
    elif node.kind == "string" and len(node.children) == 3:
        text = node.children[1].text
    else:
        return ""
    return text if len(text) <= 80 and words(text) else ""


def _columned(root: Node) -> None:
    """A cell is called by the first row's cell above it."""
    head: list[str] = []
    for row in root.children:
        column = 0
        for child in row.children:
            if child.is_leaf and not child.place:
                column += child.text in (",", ";")
                continue
            if row is root.children[0]:
                head.extend([""] * (column - len(head)) + [_said(child)])
            elif column < len(head) and head[column]:
                for cell in child.leaves():
                    cell.labels, cell.hints = (Label("key", head[column]),), (head[column],)
            column += not any(other.text in (",", ";") and not other.place for other in row.children)
