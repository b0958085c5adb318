"""Configuration and text that no grammar of ours takes: pairs, items, brackets and indented bodies over tokens.

text -> fde_template.plaintoken -> brackets or tags -> entries (by comma and line) -> bodies (by indentation) -> pairs -> labels

Nothing is refused: what is no pair is a line of values, what is no known format is prose, line by line.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Final

from fde_api.primitive import Language as LanguageName
from fde_extraction.languages.plainlabel import label
from fde_extraction.languages.sql import embed, embedded
from fde_extraction.tree import Node, leaf, seal
from fde_extraction.unparsable import UnparsableSource
from fde_template.dialect import Dialect, dialect_of
from fde_template.plaintoken import Token, tokens

_OPEN: Final = {"(": ")", "[": "]", "{": "}"}
_INSIDE: Final = re.compile(r"\{\{.*?\}\}|\{%.*?%\}|\$\{[^{}\n]*\}|\$\([^()\n]*\)|\$\w+", re.DOTALL)
_NAMED: Final = re.compile(r"\$(?:\{(?=[\w.]+\}))?([^\W\d][\w.]*)\}?")
_DEFINES: Final = frozenset(
    "query mutation subscription fragment type interface enum input union scalar schema extend directive".split()
)
_JINJA: Final = re.compile(r"\{\{.*?\}\}|\{%.*?%\}", re.DOTALL)


class Plain:
    """Any text; the path's ending says the dialect."""

    name: LanguageName = "other"

    def parse(self, text: str, path: str) -> Node:
        """The sealed tree. Only an empty file, or one that nests too deeply, cannot be used."""
        children = read(text, dialect_of(path))
        if not children:
            raise UnparsableSource(path, "holds no statement")
        root = Node("file", 0, len(text), children)
        if not label(root, dialect_of(path)):
            raise UnparsableSource(path, "is nested too deeply to be read")
        return seal(root, text)


def read(text: str, dialect: Dialect) -> list[Node]:
    """The statements of `text`, without labels."""
    found = _Reader(text, dialect).read()
    return _defined(found) if dialect.name == "graphql" else found


def _defined(statements: list[Node]) -> list[Node]:
    """GraphQL's definitions: the word that each begins with is grammar, and what stands in braces are fields, no settings.

    Fields are told apart by what they are, not by their names alone: two types' keys are counterparts.
    """
    for statement in statements:
        first = statement.first
        if first.kind == "value" and first.text in _DEFINES:
            first.place = ""
    stack = [(node, True) for node in statements]
    while stack:
        node, fields = stack.pop()
        for child in node.children:
            if fields and node.kind == "group{" and child.kind == "pair":
                child.kind = "field"
            stack.append((child, fields and child.kind != "group("))
    return statements


@dataclass(slots=True)
class _Entry:
    """One line, or YAML's part of it: where it begins, its nodes, and the nodes of what is indented below."""

    column: int
    nodes: list[Node]
    body: list[Node] = field(default_factory=list)

    @property
    def dashed(self) -> bool:
        """Whether it opens an item of a YAML list."""
        return len(self.nodes) == 1 and self.nodes[0].text == "-" and not self.nodes[0].place


class _Reader:
    """Tokens to tree."""

    def __init__(self, text: str, dialect: Dialect) -> None:
        self.text, self.dialect = text, dialect
        self.lines = [0, *(match.end() for match in re.finditer(r"\r\n|\n|\r", text))]

    def read(self) -> list[Node]:
        """The file's statements."""
        leaves = (self._leaf(token) for token in tokens(self.text, self.dialect))
        if self.dialect.values == "markup":
            return self._elements(list(leaves))
        if self.dialect.values == "cell":
            rows = groupby(leaves, key=lambda node: bisect_right(self.lines, node.start))
            return [_node("row", list(row)) for _, row in rows]
        top = self._groups(leaves)
        entries = [_Entry(self._column(nodes[0]), nodes) for nodes in self._split(top)]
        if self.dialect.indented:
            return self._nested(entries)
        return [self._made(entry) for entry in entries]

    # -- leaves ------------------------------------------------------------------------------------------------------

    def _leaf(self, token: Token) -> Node:
        start, end = token.start, token.end
        if token.kind in ("string", "comment"):
            return self._enclosed(token)
        if token.kind in ("punctuation", "tag"):
            return Node(token.text, start, end, text=token.text)
        if token.kind == "expansion":
            return self._expansion(start, end)
        if token.kind == "jinja":
            return Node(token.kind, start, end, text=token.text)
        if token.kind in ("key", "number", "bool", "name"):
            named = self.dialect.values == "name"
            place = f"{'graphql' if named else 'text'}.{'identifier' if token.kind in ('key', 'name') else token.kind}"
            kind = "value" if token.kind == "name" else token.kind
            return Node(kind, start, end, text=token.text, place=place)
        expands = self.dialect.expands and not self.dialect.brackets
        kind = "flow" if token.kind == "word" and not expands else token.kind
        return Node("value", start, end, text=token.text, place=f"text.string.{kind}")

    def _enclosed(self, token: Token) -> Node:
        first, last = token.start + token.head, token.end - token.tail
        opening = leaf(token.kind + "_open", token.start, first, self.text)
        closing = [leaf(token.kind + "_close", last, token.end, self.text)] if token.tail else []
        if token.kind == "comment":
            place = "text.comment.block" if token.tail else "text.comment.line"
            return Node(
                "comment",
                token.start,
                token.end,
                [opening, leaf("comment_text", first, last, self.text, place), *closing],
            )
        place = self._string_place(token.text[0])
        inside, at = list[Node](), first
        for match in (_INSIDE if self.dialect.expands and token.text[0] == '"' else _JINJA).finditer(
            self.text, first, last
        ):
            inside.append(leaf("string_text", at, match.start(), self.text, place))
            inside.append(self._expansion(*match.span()))
            at = match.end()
        inside.append(leaf("string_text", at, last, self.text, place))
        kind = "string"
        if embedded(self.text[first:last]):
            inside = [embed(part, self.text) if part.kind == "string_text" else part for part in inside]
            kind = "string:sql"
        return Node(kind, token.start, token.end, [opening, *inside, *closing])

    def _expansion(self, start: int, end: int) -> Node:
        """``$NAME`` and ``${NAME}`` with the name as a value of its own: it may be a customer's. Others are one leaf."""
        named = _NAMED.fullmatch(self.text, start, end)
        if named is None:
            return leaf("expansion", start, end, self.text)
        first, last = named.span(1)
        closing = [leaf("expansion_close", last, end, self.text)] if last < end else []
        opening = leaf("expansion_open", start, first, self.text)
        return Node(
            "expansion", start, end, [opening, leaf("key", first, last, self.text, "text.identifier"), *closing]
        )

    def _string_place(self, quote: str) -> str:
        if self.dialect.values == "cell":
            return "text.string.cell"
        if self.dialect.values == "markup":
            return "text.string.attribute"
        if quote == "'":
            return "text.string.single"
        return "text.string.expanded" if self.dialect.expands else "text.string.double"

    # -- brackets and tags -------------------------------------------------------------------------------------------

    def _groups(self, leaves: Iterator[Node]) -> list[Node]:
        """Nodes with what stands in brackets as one; brackets that nothing closes are plain."""
        stack: list[tuple[Node | None, list[Node]]] = [(None, [])]
        for node in leaves:
            opening = stack[-1][0]
            if self.dialect.brackets and node.is_leaf and not node.place and node.text in _OPEN:
                stack.append((node, []))
            elif opening is not None and not node.place and node.text == _OPEN[opening.text]:
                inside = stack.pop()[1]
                made = [self._made(_Entry(0, nodes)) for nodes in self._split(inside)]
                stack[-1][1].append(Node("group" + opening.text, opening.start, node.end, [opening, *made, node]))
            else:
                stack[-1][1].append(node)
        while len(stack) > 1:
            unclosed, inside = stack.pop()
            assert unclosed is not None
            stack[-1][1].extend([unclosed, *inside])
        return stack[0][1]

    def _elements(self, leaves: Sequence[Node]) -> list[Node]:
        """Elements of XML or HTML; a tag that nothing closes, as HTML has them, is an element without content."""
        stack: list[tuple[str, list[Node]]] = [("", [])]
        opened = Counter[str]()
        index = 0
        while index < len(leaves):
            node = leaves[index]
            if not (node.is_leaf and node.text.startswith("<") and not node.text.startswith(("<?", "<!"))):
                stack[-1][1].append(node)
                index += 1
                continue
            end = next((k for k in range(index + 1, len(leaves)) if leaves[k].text in (">", "/>")), len(leaves) - 1)
            tag = leaves[index : end + 1]
            index = end + 1
            name = node.text.strip("</")
            children = [tag[0], *self._pairs(tag[1:])]
            if not node.text.startswith("</"):
                begun = Node("tag:" + name, node.start, children[-1].end, children)
                if tag[-1].text == "/>":
                    stack[-1][1].append(Node("element:" + name, node.start, children[-1].end, [begun]))
                else:
                    stack.append((name, [begun]))
                    opened[name] += 1
                continue
            closing = Node("close", node.start, children[-1].end, children)
            if opened[name]:
                while stack[-1][0] != name:
                    opened[stack[-1][0]] -= 1
                    self._flatten(stack)
                opened[name] -= 1
                inside = [*stack.pop()[1], closing]
                stack[-1][1].append(Node("element:" + name, inside[0].start, inside[-1].end, inside))
            else:
                stack[-1][1].append(closing)
        while len(stack) > 1:
            self._flatten(stack)
        return stack[0][1]

    def _flatten(self, stack: list[tuple[str, list[Node]]]) -> None:
        name, inside = stack.pop()
        stack[-1][1].extend([Node("element:" + name, inside[0].start, inside[0].end, inside[:1]), *inside[1:]])

    # -- entries -----------------------------------------------------------------------------------------------------

    def _column(self, node: Node) -> int:
        return node.first.start - self.lines[bisect_right(self.lines, node.first.start) - 1]

    def _split(self, nodes: Sequence[Node]) -> Iterator[list[Node]]:
        """Stretches between commas and lines; a comma is a stretch of its own. A pair may go on in the next line."""
        part: list[Node] = []
        row = -1
        for node in nodes:
            here = bisect_right(self.lines, node.first.start)
            joined = bool(part) and (
                self._separates(node)
                or (self._separates(part[-1]) and self.dialect.brackets and not self.dialect.indented)
            )
            if part and here != row and not joined:
                yield part
                part = []
            if node.text == "," and not node.place and self.dialect.brackets:
                if part:
                    yield part
                yield [node]
                part = []
            else:
                part.append(node)
            row = bisect_right(self.lines, max(node.first.start, _end(node) - 1))
        if part:
            yield part

    def _separates(self, node: Node) -> bool:
        return bool(node.text) and not node.place and node.text in self.dialect.separators

    def _nested(self, entries: Sequence[_Entry]) -> list[Node]:
        """Entries with those that are indented deeper as their body. Bottom up: no recursion."""
        root = _Entry(-1, [])
        stack = [root]
        for entry in self._leveled(entries):
            while len(stack) > 1 and (
                stack[-1].column > entry.column
                or (stack[-1].column == entry.column and (stack[-1].dashed or not entry.dashed))
            ):
                self._fold(stack)
            stack.append(entry)
        while len(stack) > 1:
            self._fold(stack)
        return root.body

    def _leveled(self, entries: Sequence[_Entry]) -> Iterator[_Entry]:
        """YAML's dashes as entries of their own; a comment stands where what follows it stands."""
        found = [part for entry in entries for part in self._undashed(entry)]
        column = 0
        for entry in reversed(found):
            if entry.nodes[0].kind == "comment":
                entry.column = column
            column = entry.column
        yield from found

    def _undashed(self, entry: _Entry) -> Iterator[_Entry]:
        nodes = entry.nodes
        while self.dialect.name == "yaml" and len(nodes) > 1 and nodes[0].text == "-" and not nodes[0].place:
            yield _Entry(self._column(nodes[0]), nodes[:1])
            nodes = nodes[1:]
        yield _Entry(self._column(nodes[0]), list(nodes))

    def _fold(self, stack: list[_Entry]) -> None:
        entry = stack.pop()
        stack[-1].body.append(self._made(entry))

    def _made(self, entry: _Entry) -> Node:
        """The node of an entry and its body."""
        body = entry.body
        if entry.dashed:
            return _node("item", [*entry.nodes, *body])
        nodes = self._pairs(entry.nodes)
        if not body:
            return nodes[0] if len(nodes) == 1 else _node("line", nodes)
        if len(nodes) == 1 and nodes[0].kind == "pair":
            nodes[0].children.append(_node("body", body))
            nodes[0].end = _end(body[-1])
            return nodes[0]
        return _node("block", [*nodes, _node("body", body)])

    def _pairs(self, nodes: Sequence[Node]) -> list[Node]:
        """Nodes with each key, its separator and its value as one."""
        near = self.dialect.values == "markup" or (self.dialect.expands and not self.dialect.brackets)
        found, at = list[Node](), 0
        while at < len(nodes):
            node = nodes[at]
            keyed = node.kind == "key" or (
                at == 0 and not near and (node.kind in ("value", "number", "bool", "string"))
            )
            if not (keyed and at + 1 < len(nodes) and self._separates(nodes[at + 1])):
                found.append(node)
                at += 1
                continue
            end = len(nodes)
            if near:
                end = at + 2
                while (
                    end < len(nodes)
                    and nodes[end].first.start == _end(nodes[end - 1])
                    and not nodes[end].text.endswith(">")
                ):
                    end += 1
            if node.is_leaf:
                node.kind, node.place = (
                    "key",
                    "graphql.identifier" if self.dialect.values == "name" else "text.identifier",
                )
            for part in node.children:
                part.kind = "key_text" if part.kind == "string_text" else part.kind
            found.append(_node("pair", list(nodes[at:end])))
            at = end
        return found


def _node(kind: str, children: list[Node]) -> Node:
    return Node(kind, children[0].start, _end(children[-1]), children)


def _end(node: Node) -> int:
    while node.children:
        node = node.children[-1]
    return node.end
