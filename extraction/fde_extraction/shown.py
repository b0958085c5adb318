"""What a template shows of its code: imports, tokens, string literals, names and SQL, with their lines; no sibling's value.

TemplateFile -> shown() -> Shown -> fde_extraction.inference

Holes become one letter that no catalogue knows. Comments and docstrings are left out: they are prose, and prose says what
somebody meant. So are the names of environment variables, which are each customer's own.
"""

from __future__ import annotations

import re
import sys
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from fde_api.primitive import TemplateFile
from fde_template import grammar
from fde_template.sqltoken import tokens

if TYPE_CHECKING:
    from tree_sitter import Node

HOLE: Final = "\u0298"  # a letter in both grammars, in no catalogue
_STRINGS: Final = frozenset({"string", "template_string"})
_CONTENT: Final = frozenset({"string_content", "string_fragment", "escape_sequence"})
_INTERPOLATED: Final = frozenset({"interpolation", "template_substitution"})
_IMPORTS: Final = frozenset({"import_statement", "import_from_statement", "export_statement"})
_CONTROL: Final = frozenset(
    "if_statement elif_clause for_statement for_in_statement while_statement do_statement try_statement except_clause "
    "catch_clause conditional_expression ternary_expression switch_case case_clause match_statement with_statement".split()
)
# What stands before the name of an environment variable; the name itself is a string or, after a dot, an identifier.
_ACCESS: Final = ("environ [", "environ . get (", "getenv (", "env [", "env . get (", "process . env .", "meta . env .")
_STATEMENT: Final = re.compile(
    r"\s*(?:select\b.*\bfrom\b|insert\s+(?:overwrite\s+)?into\b|merge\s+into\b|update\b.*\bset\b|delete\s+from\b|with\b.*\bas\s*\("
    r"|copy\s+into\b|copy\b.*\b(?:from|to|stdin|stdout)\b|put\s+file:|unload\s*\(|truncate\s+table\b|(?:create|alter)\s+(?:or\s+\w+\s+)?(?:\w+\s+){0,3}"
    r"(?:table|view|stage|stream|task|pipe|policy|publication|model|schema|index)\b)",
    re.IGNORECASE | re.DOTALL,
)
_SQL_CONTROL: Final = frozenset({"case", "if", "while", "loop", "when", "begin"})
_WORD: Final = re.compile(r"[^\W\d]\w*|\d+|[^\w\s]")


@dataclass(frozen=True, slots=True)
class Token:
    """`line` is 1-based in the template read with each hole as one line. `shared`: it stands in no optional block."""

    text: str
    line: int
    shared: bool


@dataclass(slots=True)
class Shown:
    """One file. `code` and each of `sql` are tokens in order; SQL is lower-case, its strings in single quotes.

    `control`: branches, loops and handlers.
    """

    path: str
    language: str
    imports: list[Token] = field(default_factory=list)
    code: list[Token] = field(default_factory=list)
    strings: list[Token] = field(default_factory=list)
    sql: list[list[Token]] = field(default_factory=list)
    control: int = 0


def shown(file: TemplateFile) -> Shown:
    """What `file` shows. Never raises for odd source: what no grammar takes is read as far as it goes."""
    text, spans = _text(file)
    result = Shown(file.path, file.language)
    if file.language == "sql":
        result.sql = list(_sql(text, 1, _Sharing(text, spans)))
        result.strings = [_bare(token) for statement in result.sql for token in statement if token.text[:1] == "'"]
        result.control = sum(token.text in _SQL_CONTROL for statement in result.sql for token in statement)
    elif file.language == "other":
        for number, line in enumerate(text.split("\n"), start=1):
            if not line.lstrip().startswith(("#", "//")):
                result.strings.append(Token(line, number, True))
                result.code += [Token(word, number, True) for word in _WORD.findall(line)]
    else:
        data = text.encode("utf-8", "surrogatepass")
        places = _in_bytes(text, spans)
        _walk(grammar.parse(file.language, file.path, data).root_node, places, result)
    return result


def _text(file: TemplateFile) -> tuple[str, list[tuple[int, int]]]:
    """The template's text with a letter a hole, and the spans of it that stand in optional blocks."""
    parts, spans, at = list[str](), list[tuple[int, int]](), 0
    opened = list[int | None]()
    for segment in file.segments:
        part = HOLE if segment.hole is not None else segment.text or ""
        parts.append(part)
        at += len(part)
        if segment.when is not None or segment.each is not None:
            opened.append(at if segment.when is not None else None)
        elif segment.mark == "end" and opened:
            start = opened.pop()
            if start is not None and not any(block is not None for block in opened):  # the outermost holds the others
                spans.append((start, at))
    return "".join(parts), spans


def _in_bytes(text: str, spans: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    found, at, size = list[tuple[int, int]](), 0, 0
    for start, end in spans:
        before = size + len(text[at:start].encode("utf-8", "surrogatepass"))
        at, size = end, before + len(text[start:end].encode("utf-8", "surrogatepass"))
        found.append((before, size))
    return found


def _within(at: int, spans: Sequence[tuple[int, int]]) -> bool:
    """Whether `at` lies in one of `spans`, which are in order and do not overlap."""
    index = bisect_right(spans, (at, sys.maxsize)) - 1
    return index >= 0 and at < spans[index][1]


class _Sharing:
    """Lines and sharing of places in `text`."""

    def __init__(self, text: str, spans: Sequence[tuple[int, int]]) -> None:
        self.starts = [0, *(found.end() for found in re.finditer("\n", text))]
        self.spans = spans

    def token(self, text: str, at: int, first: int = 1) -> Token:
        line = bisect_right(self.starts, at) - 1
        return Token(text, first + line, not _within(at, self.spans))


def _sql(text: str, first: int, sharing: _Sharing) -> Iterator[list[Token]]:
    statement = list[Token]()
    for found in tokens(text):
        if found.kind in ("line_comment", "block_comment", "jinja_comment"):
            continue
        if found.text == ";":
            if statement:
                yield statement
            statement = []
        elif found.kind == "dollar":
            inner = found.text.split("$", 2)[2].rsplit("$", 2)[0]
            if statement:
                yield statement
            statement = []
            line = sharing.token("", found.start, first).line
            yield from _sql(inner, line, _Sharing(inner, ()))
        elif found.kind == "string":
            inner = found.text.lstrip("rRbBnNeE")[1:-1]
            statement.append(sharing.token(f"'{inner}'", found.start, first))
        elif found.kind == "jinja_open" or found.kind == "jinja_close":
            statement.append(sharing.token(re.sub(r"[-+]", "", found.text), found.start, first))
        else:
            statement.append(sharing.token(found.text.lower(), found.start, first))
    if statement:
        yield statement


def _bare(token: Token) -> Token:
    return Token(token.text[1:-1], token.line, token.shared)


def _walk(root: Node, spans: Sequence[tuple[int, int]], result: Shown) -> None:
    stack = [root]
    while stack:
        node = stack.pop()
        kind = node.type
        if kind == "comment" or kind == "hash_bang_line" or kind == "regex" or kind == "jsx_text":
            continue
        shared = not _within(node.start_byte, spans)
        line = node.start_point[0] + 1
        result.control += kind in _CONTROL
        if kind in _IMPORTS:
            result.imports += [Token(name, line, shared) for name in _imported(node)]
        elif kind == "call_expression" and _said(node.child_by_field_name("function")) in ("require", "import"):
            result.imports += [
                Token(_content(n), line, shared) for n in _below(node.child_by_field_name("arguments"), "string")
            ]
        if kind == "concatenated_string" or kind in _STRINGS:
            if not _is_prose(node):
                _literal(node, line, shared, result)
                stack += [inner for inner in reversed(_interpolated(node))]
        elif node.children:
            stack += reversed(node.children)
        else:
            said = _said(node)
            code = result.code
            if _names_environment(code) and said.isidentifier():
                said = HOLE
            code.append(Token("." if said == "?." else said, line, shared))


def _literal(node: Node, line: int, shared: bool, result: Shown) -> None:
    content = _content(node)
    if _names_environment(result.code):
        content = HOLE
    result.code.append(Token(f"'{content}'", line, shared))
    result.strings.append(Token(content, line, shared))
    if _STATEMENT.match(content):
        for statement in _sql(content, line, _Sharing(content, ())):
            result.sql.append([Token(token.text, token.line, shared) for token in statement])


def _names_environment(before: Sequence[Token]) -> bool:
    return " ".join(token.text for token in before[-4:]).endswith(_ACCESS)


def _is_prose(node: Node) -> bool:
    """Whether a string is a statement of its own: a docstring."""
    return node.parent is not None and node.parent.type == "expression_statement" and node.parent.named_child_count == 1


def _content(node: Node) -> str:
    parts: list[str] = []
    stack = [node]
    while stack:
        part = stack.pop()
        if part.type in _INTERPOLATED:
            parts.append(HOLE)
        elif part.type in _CONTENT:
            parts.append(_said(part))
        else:
            stack += reversed(part.children)
    return "".join(parts)


def _interpolated(node: Node) -> list[Node]:
    found: list[Node] = []
    stack = [node]
    while stack:
        part = stack.pop()
        if part.type in _INTERPOLATED:
            found.append(part)
        else:
            stack += reversed(part.children)
    return found


def _imported(node: Node) -> Iterator[str]:
    source = node.child_by_field_name("source")
    if source is not None:
        yield _content(source)
        return
    module = node.child_by_field_name("module_name")
    base = _said(module)
    if module is not None:
        yield base
    for name in node.children_by_field_name("name"):
        called = name.child_by_field_name("name") if name.type == "aliased_import" else name
        yield f"{base}.{_said(called)}" if module is not None else _said(called)


def _below(node: Node | None, kind: str) -> Iterator[Node]:
    for child in node.children if node is not None else ():
        if child.type == kind:
            yield child


def _said(node: Node | None) -> str:
    return (node.text or b"").decode("utf-8", "replace") if node is not None else ""
