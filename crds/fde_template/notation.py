"""Jinja's notation of a template: exactly one way to write each node, and Jinja with :data:`ENVIRONMENT` renders the same.

TemplateFile -> structure() -> written() -> text with ``{{ hole }}``, ``{% if %}``, ``{% for %}``

A tag on a line of its own takes that line's break and indentation with it (Jinja's ``trim_blocks`` and ``lstrip_blocks``).
Where text has a break or blanks there, the writer keeps them: with a break more behind the tag, or with ``{%+``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from fde_api.primitive import Hole, TemplateFile, When
from fde_template.structure import Literal, Node, Optional, Repeat, named, structure

ENVIRONMENT: Final[Mapping[str, bool]] = {"trim_blocks": True, "lstrip_blocks": True, "keep_trailing_newline": True}
BRACKET: Final = "{{ '{' }}"
BETWEEN: Final = "not loop.last"
_BREAKS: Final = ("\n", "\r")
_BLANK: Final = re.compile(r"\s+")
# A bracket that something may follow which makes it Jinja: the last one of a text too, and one before what is spelled.
_BRACKETS: Final = re.compile(r"\{(?=[{%#\r\ufeff]|\Z)")


class Spelling:
    """How names, holes and conditions are written; this one is the reading view's."""

    reserved: frozenset[str] = frozenset({"loop"})

    def name(self, parameter: str) -> str:
        """A parameter."""
        return parameter

    def field(self, parameter: str, item: str, field: str) -> str:
        """A field of the item of list `parameter` that is called `item` here; the item itself without a field."""
        return f"{item}.{field}" if field else item

    def hole(self, name: str, filters: Sequence[str]) -> str:
        """What stands between the brackets of a hole."""
        return " | ".join((name, *filters))

    def condition(self, name: str, equals: str) -> str:
        """What stands behind ``if``."""
        if equals in ("true", "false"):
            return name if equals == "true" else f"not {name}"
        return f"{name} == {quoted(equals)}"

    def literal(self, text: str) -> Iterator[str]:
        """`text` in pieces; a piece that begins with ``{{`` is an expression."""
        at = 0
        for found in _BRACKETS.finditer(text):
            yield text[at : found.start()]
            yield BRACKET
            at = found.end()
        yield text[at:]


VIEW: Final = Spelling()


def written(file: TemplateFile, spelling: Spelling = VIEW) -> str:
    """`file` in Jinja's notation. Line endings are the template's own."""
    writer = _Writer(spelling, named(file), "\r\n" if file.newline == "crlf" else "\n")
    writer.nodes(structure(file), "", "")
    return "".join(writer.parts)


def quoted(text: str) -> str:
    """`text` as a string that Jinja, Python and JSON read alike."""
    return json.dumps(text, ensure_ascii=not text.isprintable())


def item_of(name: str, taken: frozenset[str]) -> str:
    """What one item of the list `name` is called: its singular, or a name that nothing else has."""
    one = name[:-3] + "y" if name.endswith("ies") else name[:-1] if name.endswith("s") else name + "Item"
    if len(one) > 1 and not one.endswith("s") and one not in taken:
        return one
    return next(name for name in ("item", *(f"item{n}" for n in range(2, len(taken) + 3))) if name not in taken)


class _Writer:
    """Text written so far, and what the line it ends in looks like."""

    def __init__(self, spelling: Spelling, names: frozenset[str], newline: str) -> None:
        self.spelling, self.names, self.newline = spelling, names, newline
        self.parts: list[str] = []
        self.line = ""  # of the line being written
        self.after_tag = False

    def nodes(self, nodes: Sequence[Node], of: str, item: str) -> None:
        """`of`, `item`: the list that is repeated over here, and what its item is called."""
        at = 0
        while at < len(nodes):
            node = nodes[at]
            at += 1
            match node:
                case Literal(text):
                    for piece in self.spelling.literal(text):
                        self._text(piece)
                case Hole():
                    self._text("{{ " + self.spelling.hole(self._name(node, of, item), node.filters) + " }}")
                case Optional():
                    chain = [node]
                    while at < len(nodes) and _goes_on(chain, nodes[at]):
                        chain.append(nodes[at])  # type: ignore[arg-type]
                        at += 1
                    self._chain(chain, of, item)
                case Repeat():
                    self._repeat(node)

    def _chain(self, chain: Sequence[Optional], of: str, item: str) -> None:
        for number, node in enumerate(chain):
            condition = self.spelling.condition(self._name(node.when, of, item), node.when.equals)
            if number == 0:
                tag = f"if {condition}"
            elif len(chain) == 2 and {one.when.equals for one in chain} == {"true", "false"}:
                tag = "else"
            else:
                tag = f"elif {condition}"
            self._tag(tag, own=_ends_line(node.body))
            self.nodes(node.body, of, item)
        self._tag("endif", own=True)

    def _repeat(self, node: Repeat) -> None:
        name = node.each.parameter
        called = item_of(name, self.names | self.spelling.reserved)
        self._tag(f"for {called} in {self.spelling.name(name)}", own=_ends_line(node.body) or _ends_line(node.between))
        self.nodes(node.body, name, called)
        if node.between:
            self._tag(f"if {BETWEEN}", own=False)
            self.nodes(node.between, name, called)
            self._tag("endif", own=False)
        self._tag("endfor", own=True)

    def _name(self, part: Hole | When, of: str, item: str) -> str:
        if of and part.parameter == of:
            return self.spelling.field(of, item, part.field)
        return self.spelling.name(part.parameter)

    def _text(self, text: str) -> None:
        if not text:
            return
        if self.after_tag and text.startswith(_BREAKS):
            self._put(self.newline)
        self._put(text)
        self.after_tag = False

    def _tag(self, body: str, *, own: bool) -> None:
        alone = not self.line
        self._put(("{%+ " if _BLANK.fullmatch(self.line) else "{% ") + body + " %}")
        self.after_tag = True
        if own and alone:
            self._put(self.newline)
            self.after_tag = False

    def _put(self, text: str) -> None:
        self.parts.append(text)
        last = max(text.rfind(mark) for mark in _BREAKS)
        self.line = self.line + text if last < 0 else text[last + 1 :]


def _goes_on(chain: Sequence[Optional], node: Node) -> bool:
    """Whether `node` is one more alternative of the same parameter."""
    if not isinstance(node, Optional):
        return False
    equals = [one.when.equals for one in chain]
    same = (node.when.parameter, node.when.field) == (chain[0].when.parameter, chain[0].when.field)
    return same and node.when.equals not in equals and set(equals) != {"true", "false"}


def _ends_line(nodes: Sequence[Node]) -> bool:
    """Whether the text of `nodes` ends with a line break."""
    if not nodes:
        return False
    match nodes[-1]:
        case Literal(text):
            return text.endswith(_BREAKS)
        case Optional(_, body):
            return _ends_line(body)
        case Repeat(_, body, between):
            return _ends_line(body) and (not between or _ends_line(between))
        case _:
            return False
