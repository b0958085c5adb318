"""tree-sitter trees to ours: spans, strings opened into parts, and names from the code around each leaf.

tree_sitter.Node -> Builder.node() -> Node

A language says, in tables, which of its nodes name others, which are strings and where leaves stand.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from fde_extraction.label import Label, Labels, Role, inner, within
from fde_extraction.languages.sql import embedded
from fde_extraction.tree import Node, leaf
from fde_template.words import words

if TYPE_CHECKING:
    from tree_sitter import Node as Raw

Hints = tuple[str, ...]
_NAME_TEXT = re.compile(r"[\w$@.'\"-]{1,80}")
SHORTEST = 8  # characters of a document in a string
MAX_DEPTH = 300  # levels of a syntax tree; source written by hand has fewer than 60


@dataclass(frozen=True, slots=True)
class Syntax:
    """Tables of one grammar.

    `names`: node type -> (field that names, field that is named). `calls`: node type -> (function field, arguments field).
    `pairs`: node types whose first named child names the others (``os.environ.get("X") or "y"``, ``a === 3``).
    `keyed`: those of `names` that are keywords or keys, with the role their name has. `scopes`: functions and classes.
    `chained`: node types that nest to the left (``a | b | c``), read as one list. `places`: leaf type -> place. `strings`, `content`, `comments`: types of strings, of their text, of comments.
    """

    name: str
    names: Mapping[str, tuple[str, str]]
    calls: Mapping[str, tuple[str, str]]
    pairs: frozenset[str]
    places: Mapping[str, str]
    strings: frozenset[str]
    content: frozenset[str]
    comments: frozenset[str]
    kinds: Mapping[str, str] = field(default_factory=dict)
    keyed: Mapping[str, Role] = field(default_factory=dict)
    scopes: frozenset[str] = frozenset()
    chained: frozenset[str] = frozenset()


class Builder:
    """One file."""

    def __init__(self, syntax: Syntax, text: str, data: bytes) -> None:
        self.syntax, self.text = syntax, text
        self.read: dict[tuple[int, int, bool], str] = {}  # hints and labels ask for the same names
        self.offsets: Sequence[int] | None = None if len(data) == len(text) else _char_offsets(text)

    def at(self, byte: int) -> int:
        """Character offset of a byte offset."""
        return byte if self.offsets is None else self.offsets[byte]

    def node(self, raw: Raw, hints: Hints, depth: int = 0, labels: Labels = ()) -> Node:
        """Our node for `raw`."""
        syntax = self.syntax
        start, end = self.at(raw.start_byte), self.at(raw.end_byte)
        kind = syntax.kinds.get(raw.type, raw.type)
        if raw.type in syntax.strings:
            return self._string(raw, kind, hints, depth, labels)
        if raw.type in syntax.comments:
            return self._comment(kind, start, end, labels)
        if raw.child_count == 0:
            place = syntax.places.get(raw.type, f"{syntax.name}.text" if raw.type == "ERROR" else "")
            return leaf(kind, start, end, self.text, place, hints, labels)
        children = [
            self.node(child, near, depth + 1, said)
            for (child, near), said in zip(self._named(raw, hints), self._labelled(raw, labels), strict=True)
        ]
        if syntax.keyed.get(raw.type) == "key" and children[0].kind == "string":
            for text in children[0].children:
                text.kind = "key_text" if text.kind == "string_text" else text.kind
        # A decorator is something its function has, not something around it.
        if any(child.kind == "decorated_definition" for child in children):
            children = [
                part
                for child in children
                for part in (child.children if child.kind == "decorated_definition" else [child])
            ]
        if syntax.chained and raw.type in syntax.chained:
            children = _flat(kind, children)
        return Node(kind, start, end, children)

    def _named(self, raw: Raw, hints: Hints) -> list[tuple[Raw, Hints]]:
        syntax = self.syntax
        rule, call = syntax.names.get(raw.type), syntax.calls.get(raw.type)
        if rule is not None:
            name, named = raw.child_by_field_name(rule[0]), raw.child_by_field_name(rule[1])
            label = self._label(name)
            return [(child, ((label, *hints) if label and child == named else hints)) for child in raw.children]
        if call is not None:
            function, arguments = raw.child_by_field_name(call[0]), raw.child_by_field_name(call[1])
            label = self._label(function, last=True)
            called = [label] if label else []
            # The first argument often says what the second is: get("API_TOKEN", "fallback"), header("X-Tenant", "acme").
            if arguments is not None and arguments.named_child_count > 1:
                first = self._label(arguments.named_children[0], literal=True)
                called = [first, *called] if first else called
            near = (
                (*hints, *called) if raw.parent is not None and hints and not _is_argument(raw) else (*called, *hints)
            )
            return [(child, near[:6] if child == arguments else hints) for child in raw.children]
        if raw.type in syntax.pairs and raw.named_child_count > 1:
            first_node = raw.named_children[0]
            label = self._label(first_node, last=True)
            return [
                (child, ((label, *hints)[:6] if label and child != first_node else hints)) for child in raw.children
            ]
        return [(child, hints) for child in raw.children]

    def _labelled(self, raw: Raw, labels: Labels) -> list[Labels]:
        """The labels of each child: as `_named`, with how the code says it."""
        syntax = self.syntax
        rule, call = syntax.names.get(raw.type), syntax.calls.get(raw.type)
        if raw.type in syntax.scopes:
            name = raw.child_by_field_name("name")
            # A function without a name is called by what it is assigned to.
            scope = (
                self._label(name)
                if name is not None
                else next((said.text for said in labels[:1] if said.role != "call"), "")
            )
            body = raw.child_by_field_name("body")
            return [within(labels, scope) if scope and child == body else labels for child in raw.children]
        if rule is not None:
            name, named = raw.child_by_field_name(rule[0]), raw.child_by_field_name(rule[1])
            text = self._target(name)
            own = Label(syntax.keyed.get(raw.type, "assigned"), text)
            return [inner(labels, own) if text and child == named else labels for child in raw.children]
        if call is not None:
            function, arguments = raw.child_by_field_name(call[0]), raw.child_by_field_name(call[1])
            text = self._label(function, last=True)
            text = "environ" if text == "get" and self._label(function).endswith("environ.get") else text
            called = [Label("call", text)] if text else []
            if arguments is not None and arguments.named_child_count > 1:
                first = self._label(arguments.named_children[0], literal=True)
                called = [Label("first", first), *called] if first else called
            # What a call's result is assigned to says more than the call; what an argument is passed to does not.
            owned = bool(labels) and labels[0].role in ("assigned", "keyword", "key") and not _is_argument(raw)
            said = inner((), labels[0], *called, *labels[1:]) if owned else inner(labels, *called)
            return [said if child == arguments else labels for child in raw.children]
        if raw.type in syntax.pairs and raw.named_child_count > 1:
            text = self._label(raw.named_children[0], last=True)
            return [
                inner(labels, Label("operand", text)) if text and child != raw.named_children[0] else labels
                for child in raw.children
            ]
        return [labels for _ in raw.children]

    def _target(self, raw: Raw | None) -> str:
        """What is assigned to: the last word of ``self.timeout`` and of ``headers["X-Tenant"]``."""
        if raw is None:
            return ""
        key = re.search(r"""\[['"]([\w.-]{1,80})['"]\]$""", self.text[self.at(raw.start_byte) : self.at(raw.end_byte)])
        literal = raw.type in self.syntax.strings
        return key.group(1) if key and words(key.group(1)) else self._label(raw, last=not literal)

    def _label(self, raw: Raw | None, *, last: bool = False, literal: bool = False) -> str:
        if raw is None or (literal and raw.type not in self.syntax.strings):
            return ""
        key = (raw.start_byte, raw.end_byte, last)
        if key not in self.read:
            self.read[key] = self._read(raw, last)
        return self.read[key]

    def _read(self, raw: Raw, last: bool) -> str:
        text = self.text[self.at(raw.start_byte) : self.at(raw.end_byte)]
        inner = re.findall(r"""\[?['"]([\w.-]+)['"]\]?""", text)
        if (inner and not text[:1].isalnum()) or (inner and ("environ" in text or "env" in text)):
            text = inner[0]
        elif last:
            text = text.split("(")[0].rsplit(".", 1)[-1]
        text = text.strip("'\"` ")
        return text if _NAME_TEXT.fullmatch(text) and words(text) else ""

    def _comment(self, kind: str, start: int, end: int, labels: Labels) -> Node:
        text = self.text[start:end]
        block = text.startswith("/*")
        head = 2 if text.startswith(("//", "/*")) else 1
        tail = end - 2 if block and text.endswith("*/") and len(text) >= 4 else end
        place = f"{self.syntax.name}.comment.{'block' if block else 'line'}"
        body = leaf("comment_text", start + head, tail, self.text, place, (), labels)
        opening = leaf("comment_open", start, start + head, self.text, labels=labels)
        closing = [leaf("comment_close", tail, end, self.text)] if tail < end else []
        return Node(kind, start, end, [opening, body, *closing])

    def _string(self, raw: Raw, kind: str, hints: Hints, depth: int, labels: Labels) -> Node:
        start, end = self.at(raw.start_byte), self.at(raw.end_byte)
        text = self.text[start:end]
        opening = re.match(r"""[A-Za-z]*('''|\"""|'|"|`)""", text)
        if opening is None or end - start < opening.end() + len(opening.group(1)):
            return leaf(kind, start, end, self.text, f"{self.syntax.name}.text", hints, labels)
        quote = opening.group(1)
        place = self.string_place(opening.group(0)[: -len(quote)].lower(), quote)
        first, last = start + opening.end(), end - len(quote)
        holes = [child for child in raw.named_children if child.type not in self.syntax.content]
        parts = [leaf("string_open", start, first, self.text, labels=labels)]
        at = first
        inside: list[Node] = []
        for child in holes:
            here = self.at(child.start_byte)
            inside.append(leaf("string_text", at, here, self.text, place, hints, labels))
            inside.append(self.node(child, hints, depth + 1, labels))
            at = self.at(child.end_byte)
        inside.append(leaf("string_text", at, last, self.text, place, hints, labels))
        if embedded("".join(part.text for part in inside if part.kind == "string_text")):
            from fde_extraction.languages.sql import embed

            inside = [embed(part, self.text) if part.kind == "string_text" else part for part in inside]
            kind += ":sql"
        elif last - first >= SHORTEST:
            from fde_extraction.languages.document import document

            held = document(inside, self.text, doubled="fstring" in place)
            inside = inside if held is None else [held]
        return Node(kind, start, end, [*parts, *inside, leaf("string_close", last, end, self.text)])

    def string_place(self, prefix: str, quote: str) -> str:
        """The place inside a string with that prefix and opening quote."""
        name = self.syntax.name
        if quote == "`":
            return f"{name}.template"
        style = {"'": "single", '"': "double", "'''": "triple-single", '"""': "triple-double"}[quote]
        raw, fmt = "raw" if "r" in prefix else "", "f" if "f" in prefix or "t" in prefix else ""
        byte = "bytes" if "b" in prefix else ""
        return f"{name}.{raw}{fmt or byte}string.{style}"


def _flat(kind: str, children: list[Node]) -> list[Node]:
    """``(a | b) | c`` as ``a | b | c``: one list, whatever its length."""
    first = children[0]
    if first.kind != kind or len(children) < 3:
        return children
    # A union may open with its operator: `| a | b`.
    operator = next((child.text for child in first.children[:2] if child.is_leaf and not child.place), "")
    return [*first.children, *children[1:]] if operator == children[1].text else children


def _is_argument(raw: Raw) -> bool:
    return raw.parent is not None and raw.parent.type in ("argument_list", "arguments")


def _char_offsets(text: str) -> list[int]:
    offsets = []
    for index, char in enumerate(text):
        offsets.extend([index] * len(char.encode("utf-8", "surrogatepass")))
    return [*offsets, len(text)]


def deeper_than(raw: Raw, levels: int) -> bool:
    """Whether the tree has more than so many levels. Iterative: it is asked before anything may recurse."""
    cursor, depth = raw.walk(), 0
    while True:
        if cursor.goto_first_child():
            depth += 1
            if depth > levels:
                return True
            continue
        while not cursor.goto_next_sibling():
            if not cursor.goto_parent():
                return False
            depth -= 1


def first_error(raw: Raw) -> int:
    """1-based line of the first node that the grammar could not take."""
    node = raw
    while True:
        broken = [child for child in node.children if child.has_error or child.is_missing or child.type == "ERROR"]
        if node.type == "ERROR" or node.is_missing or not broken:
            return int(node.start_point[0]) + 1
        node = broken[0]
