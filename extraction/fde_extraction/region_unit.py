"""Units of regions: the functions, classes, statements and WITH queries of one file, with what tells each by structure.

(text, tree) -> units_of() -> Unit: its span, its place among its neighbours, windows over its leaves
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from fde_api.primitive import Language
from fde_extraction.tree import Node

WINDOW: Final = (
    7  # leaves in a row: about half a line of code; shorter ones are in every file, longer break at each change
)

_PYTHON: Final = {"function_definition": "function", "class_definition": "class", "assignment": "value"}
_TYPESCRIPT: Final = {
    "function_declaration": "function",
    "generator_function_declaration": "function",
    "class_declaration": "class",
    "abstract_class_declaration": "class",
    "interface_declaration": "type",
    "type_alias_declaration": "type",
    "enum_declaration": "type",
    "lexical_declaration": "value",
    "variable_declaration": "value",
    "method_definition": "method",
}
_WRAPPERS: Final = frozenset({"decorated_definition", "export_statement", "expression_statement"})
_BODIES: Final = frozenset({"block", "class_body"})
_BESIDE: Final = frozenset({"comment", ";", "{", "}", "end"})
_NAMES: Final = frozenset({"identifier", "type_identifier", "property_identifier", "word"})
_MEMBER: Final = frozenset({".", "?."})
_LINE_COMMENT: Final = {"python": "#", "typescript": "//", "sql": "--"}


@dataclass(frozen=True, slots=True, eq=False)
class Unit:
    """One piece of code that can stand in another file. Offsets in characters of the file's text.

    `head`: where the comment lines directly above it begin (`start` when there are none). `end`: with the comment that
    follows it on its last line, without the line break. `block`, `ordinal`: units of one block with ordinals in a row are
    neighbours. `parent`: the index of the class or statement it stands in, or -1. `leaves`: how many. `windows`: what is
    compared, see :func:`windows_of`. `names`: identifiers in it.
    """

    kind: str
    name: str
    head: int
    start: int
    end: int
    block: int
    ordinal: int
    parent: int
    lines: int
    leaves: int
    windows: frozenset[int] = field(repr=False)
    names: frozenset[str] = field(repr=False)


def units_of(text: str, tree: Node, language: Language) -> list[Unit]:
    """The units of a file; what holds others comes before them."""
    if language == "sql":
        return _queries(text, tree)
    kinds = _PYTHON if language == "python" else _TYPESCRIPT
    found: list[Unit] = []
    blocks = [(tree, -1)]
    for block, (holder, parent) in enumerate(blocks):
        ordinal = 0
        decorator: Node | None = None  # a TypeScript method's decorators are nodes of their own before it
        for node in holder.children:
            if node.kind in _BESIDE:
                continue
            if node.kind == "decorator":
                decorator = decorator or node
                continue
            ordinal += 1
            core = _core(node)
            kind = kinds.get(core.kind)
            if parent >= 0 and kind == "value":
                kind = None
            elif parent < 0 and core.kind == "call_expression":
                kind = "call"
            if kind is not None:
                start = node.start if decorator is None else decorator.start
                if kind == "class":
                    blocks.extend((body, len(found)) for body in core.children if body.kind in _BODIES)
                found.append(_unit(text, language, kind, node, (start, node.end), (block, ordinal, parent)))
            decorator = None
    return found


def _core(node: Node) -> Node:
    """What is decorated, exported or stated."""
    while node.kind in _WRAPPERS:
        inner = [
            child
            for child in node.children
            if child.kind in _PYTHON
            or child.kind in _TYPESCRIPT
            or child.kind in _WRAPPERS
            or child.kind == "call_expression"
        ]
        if not inner:
            break
        node = inner[-1]
    return node


def _queries(text: str, tree: Node) -> list[Unit]:
    """Statements, and the queries of a WITH list wherever in them it stands."""
    found: list[Unit] = []
    children = tree.children
    blocks = 1
    for index, node in enumerate(children):
        if node.text == ";" or node.kind == "end" or not any(_code(node)):
            continue
        ends = children[index + 1] if index + 1 < len(children) and children[index + 1].text == ";" else node
        owner = len(found)
        found.append(_unit(text, "sql", "statement", node, (next(_code(node)).start, ends.end), (0, index, -1)))
        stack = [node]
        while stack:
            here = stack.pop()
            queries = [child for child in here.children if _is_query(child)]
            for number, query in enumerate(queries):
                span = (next(_code(query)).start, query.end)
                found.append(_unit(text, "sql", "query", query, span, (blocks, number, owner)))
            blocks += bool(queries)
            stack.extend(child for child in reversed(here.children) if child.children and child not in queries)
    return found


def _is_query(node: Node) -> bool:
    """``name AS (SELECT ...)``."""
    parts = [child for child in node.children if "comment" not in child.kind]
    if len(parts) < 3 or parts[-1].kind != "group" or parts[0].kind not in ("word", "quoted", "backtick", "bracket"):
        return False
    if not any(part.kind == "keyword:as" for part in parts[1:-1]):
        return False
    inner = list(_code(parts[-1]))[1:2]
    return bool(inner) and inner[0].text.lower() in ("select", "with")


def _unit(
    text: str, language: Language, kind: str, node: Node, span: tuple[int, int], where: tuple[int, int, int]
) -> Unit:
    start, end = span
    leaves = list(_code(node))
    mark = _LINE_COMMENT[language]
    if kind != "query":
        line_end = text.find("\n", end)
        rest = text[end : len(text) if line_end < 0 else line_end]
        end += len(rest.rstrip()) if rest.strip().startswith(mark) else 0
    return Unit(
        kind=kind,
        name=_name(node, leaves),
        head=_head(text, start, mark),
        start=start,
        end=end,
        block=where[0],
        ordinal=where[1],
        parent=where[2],
        lines=text.count("\n", start, end) + 1,
        leaves=len(leaves),
        windows=windows_of(leaves),
        names=frozenset(leaf.text for leaf in leaves if leaf.kind in _NAMES),
    )


def _code(node: Node) -> Iterator[Node]:
    """The leaves that are code: no comments."""
    return (leaf for leaf in node.leaves() if leaf.text and "comment" not in leaf.kind and "comment" not in leaf.place)


def _name(node: Node, leaves: Sequence[Node]) -> str:
    own = next((child for child in _core(node).children if child.kind in _NAMES), None)
    own = own or next((leaf for leaf in leaves if leaf.kind in _NAMES), None)
    return own.text if own is not None else ""


def _head(text: str, start: int, mark: str) -> int:
    """Where the comment lines directly above `start` begin; `start` when there are none, or when code is before it."""
    line = text.rfind("\n", 0, start) + 1
    if text[line:start].strip():
        return start
    head, inside = start, False
    while line > 0:
        above = text.rfind("\n", 0, line - 1) + 1
        said = text[above : line - 1].strip()
        closes = mark == "//" and said.endswith("*/")
        if not (inside or said.startswith(mark) or closes) or said.startswith("#!"):
            break
        inside = (inside or closes) and not said.startswith("/*")
        if inside and above == 0:
            break
        line = above
        if not inside:
            head = above + len(text[above:start]) - len(text[above:start].lstrip())
    return head


def windows_of(leaves: Sequence[Node]) -> frozenset[int]:
    """Hashes of every :data:`WINDOW` leaves in a row, as a set.

    Words of the grammar and of an API (members, keyword arguments, called SQL functions) count as written; other names count
    by where they stood before in the same window, so that a renamed local changes nothing; values count by kind. A set: a
    table of a hundred alike rows says no more than two of them.
    """
    said = [_said(leaves, index) for index in range(len(leaves))]
    found: set[int] = set()
    for at in range(max(1, len(said) - WINDOW + 1)):
        seen: dict[str, int] = {}
        found.add(
            hash(tuple(word if kept else seen.setdefault(word, len(seen)) for kept, word in said[at : at + WINDOW]))
        )
    return frozenset(found)


def _said(leaves: Sequence[Node], index: int) -> tuple[bool, str]:
    """(as written?, the word) that a leaf counts as."""
    leaf = leaves[index]
    if not leaf.place or leaf.kind.startswith("keyword:"):
        return True, leaf.text.lower()
    if leaf.kind not in _NAMES:
        return True, re.sub(r"[^a-z].*", "", leaf.kind) + "*"
    before = leaves[index - 1].text if index else ""
    after = leaves[index + 1].text if index + 1 < len(leaves) else ""
    sql = "sql." in leaf.place
    member = before in _MEMBER and not sql
    keyword = after == "=" and before in ("(", ",")
    return member or keyword or (sql and after == "("), leaf.text
