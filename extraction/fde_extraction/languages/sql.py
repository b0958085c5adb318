"""SQL of any dialect, with or without Jinja: a tree of statements, clauses, items and brackets over tokens.

text -> fde_template.sqltoken -> brackets -> statements -> clauses -> items

The grammars that exist take about half of what engineers leave behind (BigQuery scripting, T-SQL, dbt); brackets,
commas, semicolons and clause words are in all of it, and are enough structure to align siblings on.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import Final

from fde_api.primitive import Language as LanguageName
from fde_extraction.label import within
from fde_extraction.languages.sqllabel import label
from fde_extraction.tree import Node, seal
from fde_extraction.unparsable import UnparsableSource
from fde_template.sqltoken import SqlToken, tokens

_CLAUSES: Final = frozenset(
    "select from where group having order qualify limit join left right inner outer cross full on using when set values insert "
    "update delete merge with union create alter drop grant revoke and or window partition returns begin end use comment "
    "output declare exec execute copy file_format storage_integration cluster options then else".split()
)
# Words of the language itself: never a name, whatever the dialect.
KEYWORDS: Final = _CLAUSES | frozenset(
    "by asc desc distinct all not null is in like between exists case into table view schema database role if replace primary key "
    "default interval cast over row rows true false nulls first last temporary temp unique references constraint index to "
    "as language function procedure returns matched source target add column modify policy masking access usage row_number "
    "varchar nvarchar int integer bigint numeric decimal float boolean date timestamp timestamp_ntz datetime datetime2 string "
    "number variant bit char text bool int64 float64 time timestamptz smallint double".split()
)
# Clauses that define something by options; in the others `a = b` is a condition.
_DEFINING: Final = frozenset({"keyword:create", "keyword:alter", "keyword:or"})  # CREATE OR REPLACE
# Types of columns in the common dialects; with the brackets after it a type is one value.
_TYPES: Final = frozenset(
    "varchar nvarchar varchar2 char nchar character character text ntext string clob int int2 int4 int8 int64 integer bigint smallint tinyint "
    "mediumint byteint number numeric decimal dec bignumeric float float4 float8 float64 double real money smallmoney bool boolean bit date "
    "datetime datetime2 datetimeoffset smalldatetime time timestamp timestamptz timestamp_ntz timestamp_ltz timestamp_tz interval uuid "
    "uniqueidentifier json jsonb variant object array super bytes binary varbinary bytea blob geography geometry xml".split()
)
# After these words stands a relation, and its dotted parts have their places by the standard.
_TWO_WORDS: Final = frozenset(
    {("double", "precision"), ("character", "varying"), ("char", "varying"), ("bit", "varying")}
)
_CONVERTS: Final = frozenset({"convert", "try_convert"})  # T-SQL: the type is the first argument
_ACCOUNT: Final = frozenset({"account", "accounts"})
_RELATION: Final = frozenset("from into table join update view using on exists".split())
_ROLES: Final = ("table", "schema", "database", "server")
_EMBEDDED: Final = re.compile(
    r"\s*(?:--[^\n]*\n\s*)*(?:SELECT\b.*\bFROM|INSERT\s+INTO|MERGE\s+INTO|UPDATE\s+[\w.]+\s+SET|DELETE\s+FROM|CREATE\s+(?:OR|TABLE|TEMP|VIEW)|"
    r"ALTER\s+(?:TABLE|SESSION|WAREHOUSE)|TRUNCATE\s+TABLE|WITH\s+\w+\s+AS|COPY\s+INTO|DROP\s+TABLE|USE\s+(?:ROLE|WAREHOUSE|SCHEMA|DATABASE))\b",
    re.DOTALL,
)
_ASIDE: Final = frozenset({"line_comment", "block_comment", "jinja_comment"})
_OPEN: Final = {"(": ")", "[": "]", "{": "}"}


def embedded(content: str) -> bool:
    """Whether a string's content is a SQL statement. Upper or lower case, never prose in sentence case."""
    head = content.lstrip()[:6]
    return (head.isupper() and _EMBEDDED.match(content) is not None) or (
        head.islower() and _EMBEDDED.match(content.upper()) is not None and " " in content.strip()
    )


def embed(part: Node, text: str) -> Node:
    """A string's text leaf as a SQL tree; each leaf's place is inside the string's."""
    children = _Reader(text[part.start : part.end], part.start, part.place + "/").read()
    if not children:
        return part
    named = next((item.text for item in part.labels if item.role in ("assigned", "keyword", "key")), "")
    label(children, within(part.labels, named) if named else part.labels)
    return Node("sql", part.start, part.end, children, place=part.place, hints=part.hints, labels=part.labels)


class Sql:
    """SQL."""

    name: LanguageName = "sql"

    def parse(self, text: str, path: str) -> Node:
        """The sealed tree. Only an empty file cannot be used."""
        children = _Reader(text, 0, "").read()
        if not children:
            raise UnparsableSource(path, "holds no statement")
        label(children, ())
        return seal(Node("file", 0, len(text), children), text)


class _Reader:
    """Tokens to tree; `offset` and `prefix` place it inside another language's string."""

    def __init__(self, text: str, offset: int, prefix: str) -> None:
        self.text, self.offset, self.prefix = text, offset, prefix
        self.tokens = list(tokens(text))

    def read(self) -> list[Node]:
        """Statements."""
        stack: list[tuple[Node | None, str, list[Node]]] = [(None, "", [])]
        jinja = 0
        for token in self.tokens:
            if token.text in _OPEN or token.kind == "jinja_open":
                jinja += token.kind == "jinja_open"
                closer = "jinja" if token.kind == "jinja_open" else _OPEN[token.text]
                stack.append((self._leaf(token, False), closer, []))
            elif token.kind == "word" and token.text.lower() == "case" and not jinja:
                stack.append((self._node(token, False), "case", []))
            elif stack[-1][1] == "case" and token.text.lower() == "end":
                opening, _, inside = stack.pop()
                assert opening is not None
                children = [opening, *_structured(inside), self._node(token, False)]
                stack[-1][2].append(Node("case", opening.start, children[-1].end, children))
            elif len(stack) > 1 and (
                token.text == stack[-1][1] or (token.kind == "jinja_close" and stack[-1][1] == "jinja")
            ):
                opening, closer, inside = stack.pop()
                jinja -= closer == "jinja"
                assert opening is not None
                kind = "jinja" if closer == "jinja" else "group"
                children = [opening, *_structured(inside), self._leaf(token, False)]
                stack[-1][2].append(Node(kind, opening.start, children[-1].end, children))
            else:
                stack[-1][2].append(self._node(token, jinja > 0))
        while len(stack) > 1:  # brackets that nothing closes: plain tokens
            opening, _, inside = stack.pop()
            assert opening is not None
            stack[-1][2].extend([opening, *inside])
        found = _structured(stack[0][2], statements=True)
        _name(found, ())
        return found

    def _leaf(self, token: SqlToken, named: bool, place: str = "") -> Node:
        kind = "word" if named else token.text.lower() if token.kind in ("word", "punctuation") else token.kind
        return Node(
            kind,
            token.start + self.offset,
            token.end + self.offset,
            text=token.text,
            place=self.prefix + place if place else "",
        )

    def _node(self, token: SqlToken, jinja: bool) -> Node:
        kind = token.kind
        if kind == "word":
            if not jinja and token.text.lower() in KEYWORDS:
                node = self._leaf(token, False, "sql.identifier.part")
                node.kind = "keyword:" + token.text.lower()
                return node
            return self._leaf(token, True, "sql.identifier.bare")
        if kind == "number":
            return self._leaf(token, False, "sql.number")
        if kind == "string":
            quote = "'" if "'" in token.text and not token.text.startswith('"') else '"'
            place = f"jinja.string.{'single' if quote == chr(39) else 'double'}" if jinja else "sql.string.single"
            return self._enclosed(token, "string", token.text.index(quote) + 1, 1, place)
        if kind == "quoted":
            return self._enclosed(token, kind, 1, 1, "sql.identifier.quoted")
        if kind == "backtick":
            return self._enclosed(token, kind, 1, 1, "sql.identifier.backtick")
        if kind == "bracket":
            return self._enclosed(token, kind, 1, 1, "sql.identifier.bracket")
        if kind == "line_comment":
            return self._enclosed(token, kind, 1 if token.text[0] == "#" else 2, 0, "sql.comment.line")
        if kind == "block_comment":
            return self._enclosed(token, kind, 2, 2, "sql.comment.block")
        if kind == "jinja_comment":
            return self._enclosed(
                token, kind, 3 if token.text[2:3] == "-" else 2, 3 if token.text[-3:-2] == "-" else 2, "comment.jinja"
            )
        if kind == "dollar":
            size = token.text.index("$", 1) + 1
            return self._body(token, size)
        return self._leaf(token, False)

    def _body(self, token: SqlToken, size: int) -> Node:
        """A procedure's body between dollar signs: SQL itself."""
        first, last = token.start + size, max(token.start + size, token.end - size)
        start, end = first + self.offset, last + self.offset
        inner = _Reader(self.text[first:last], start, self.prefix + "sql.dollar/").read()
        return Node(
            "dollar",
            token.start + self.offset,
            token.end + self.offset,
            [
                Node("dollar_open", token.start + self.offset, start, text=self.text[token.start : first]),
                *inner,
                Node("dollar_close", end, token.end + self.offset, text=self.text[last : token.end]),
            ],
        )

    def _enclosed(self, token: SqlToken, kind: str, head: int, tail: int, place: str) -> Node:
        start, end = token.start + self.offset, token.end + self.offset
        whole = self.text
        first, last = token.start + head, max(token.start + head, token.end - tail)
        parts = [Node(kind + "_open", start, first + self.offset, text=whole[token.start : first])]
        if kind == "string" and "{{" in token.text and place.startswith("sql."):
            return Node(
                kind, start, end, [*parts, *self._with_jinja(first, last, place), *self._tail(kind, last, token)]
            )
        body = Node(
            kind + "_text", first + self.offset, last + self.offset, text=whole[first:last], place=self.prefix + place
        )
        return Node(kind, start, end, [*parts, body, *self._tail(kind, last, token)])

    def _tail(self, kind: str, last: int, token: SqlToken) -> list[Node]:
        if last >= token.end:
            return []
        return [Node(kind + "_close", last + self.offset, token.end + self.offset, text=self.text[last : token.end])]

    def _with_jinja(self, first: int, last: int, place: str) -> list[Node]:
        """A string's content with its Jinja expressions read as such."""
        found, at = [], first
        for match in re.finditer(r"\{\{.*?\}\}", self.text[first:last], re.DOTALL):
            start, end = first + match.start(), first + match.end()
            found.append(self._stretch(at, start, place))
            found.extend(_Reader(match.group(), start + self.offset, self.prefix).read())
            at = end
        return [*found, self._stretch(at, last, place)]

    def _stretch(self, first: int, last: int, place: str) -> Node:
        return Node(
            "string_text",
            first + self.offset,
            last + self.offset,
            text=self.text[first:last],
            place=self.prefix + place,
        )


def _structured(nodes: Sequence[Node], *, statements: bool = False) -> list[Node]:
    """Nodes of one bracket, grouped into statements, clauses and items."""
    if statements:
        return _split(nodes, lambda node: node.text == ";", "statement", lambda part: _structured(part))
    clauses: list[list[Node]] = [[]]
    defines = next((node.kind for node in nodes if node.kind not in _ASIDE), "") in ("keyword:create", "keyword:alter")
    for node in nodes:
        if node.kind.startswith("keyword:") and node.kind[8:] in _CLAUSES and clauses[-1]:
            clauses.append([])
        clauses[-1].append(node)
    found: list[Node] = []
    for clause in _untrailed(clauses):
        # The clause's own words stand apart from its first item, so that items are alike.
        head = next((index for index, node in enumerate(clause) if not node.kind.startswith("keyword:")), len(clause))
        inner = _settings if defines and clause and clause[0].kind in _DEFINING else _dotted
        items = [*clause[:head], *_split(clause[head:], lambda node: node.text == ",", "item", inner)]
        if len(clauses) == 1 or len(items) == 1 or clause[0].kind in _ASIDE:
            found.extend(items)
        elif items:
            kind = items[0].kind if items[0].kind.startswith("keyword:") else ""
            found.append(Node("clause:" + kind, items[0].start, items[-1].end, items))
    return found


def _settings(nodes: Sequence[Node]) -> list[Node]:
    """As _dotted, and options of a definition (``WAREHOUSE = x SCHEDULE = '5 MINUTE'``) as one node each, which may move."""
    plain = _dotted(nodes)
    starts = [at for at in range(len(plain) - 2) if _is_setting(plain, at)]
    runs = {at for at in starts if at + 3 in starts or at - 3 in starts}
    found: list[Node] = []
    at = 0
    while at < len(plain):
        if at in runs:
            found.append(Node("setting", plain[at].start, plain[at + 2].end, plain[at : at + 3]))
            at += 3
        else:
            found.append(plain[at])
            at += 1
    return found


def _is_setting(nodes: Sequence[Node], at: int) -> bool:
    name, mark, value = nodes[at : at + 3]
    named = name.kind == "word" or name.kind.startswith("keyword:")
    return named and mark.text == "=" and bool(value.children or value.place)


def _untrailed(clauses: Sequence[list[Node]]) -> Iterator[list[Node]]:
    """Clauses without the comments and Jinja statements at their ends, which say something of what follows."""
    for clause in clauses:
        end = len(clause)
        while end > 1 and (clause[end - 1].kind in _ASIDE or clause[end - 1].first.text.startswith("{%")):
            end -= 1
        yield clause[:end]
        for node in clause[end:]:
            yield [node]


def _split(
    nodes: Sequence[Node], ends: Callable[[Node], bool], kind: str, inner: Callable[[Sequence[Node]], list[Node]]
) -> list[Node]:
    found: list[Node] = []
    part: list[Node] = []
    for node in [*nodes, None]:
        if node is None or ends(node):
            if part:
                inside = inner(part)
                found.append(inside[0] if len(inside) == 1 else Node(kind, inside[0].start, inside[-1].end, inside))
            part = []
            if node is not None:
                found.append(node)
        else:
            part.append(node)
    return found


def _dotted(nodes: Sequence[Node]) -> list[Node]:
    """Names with dots between (``a.b.c``) as one node, so that they are matched as one."""
    found: list[Node] = []
    for node in _accounts(list(_typed(nodes))):
        joins = found and (node.text == "." or (found[-1].kind == "name" and found[-1].children[-1].text == "."))
        if (
            joins
            and found[-1].end == node.start
            and found[-1].kind in ("word", "name", "bracket", "quoted", "backtick")
        ):
            last = found[-1]
            if last.kind == "name":
                last.children.append(node)
                last.end = node.end
            else:
                found[-1] = Node("name", last.start, node.end, [last, node])
        else:
            found.append(node)
    return found


def _accounts(nodes: Sequence[Node]) -> Iterator[Node]:
    """``ACCOUNT = ORG-NAME``: an account's name with its organisation's, which nothing quotes, as one leaf."""
    at = 0
    while at < len(nodes):
        end = at + 1
        if at > 1 and nodes[at - 1].text == "=" and nodes[at - 2].text.lower() in _ACCOUNT and nodes[at].kind == "word":
            while (
                end + 1 < len(nodes)
                and nodes[end].text == "-"
                and nodes[end + 1].kind in ("word", "number")
                and nodes[end - 1].end == nodes[end].start
                and nodes[end].end == nodes[end + 1].start
            ):
                end += 2
        if end == at + 1:
            yield nodes[at]
        else:
            place = nodes[at].place.removesuffix("bare") + "dashed"
            text = "".join(node.text for node in nodes[at:end])
            yield Node("word", nodes[at].start, nodes[end - 1].end, text=text, place=place)
        at = end


def _typed(nodes: Sequence[Node]) -> Iterator[Node]:
    """A type as one leaf, with its second word and its brackets: after a column's name, in a cast, first in CONVERT()."""
    at = 0
    while at < len(nodes):
        node = nodes[at]
        if _may_be_type(nodes, at):
            made, at = _type(nodes, at)
            yield made
            continue
        if node.kind == "group" and at and nodes[at - 1].text.lower() in _CONVERTS and len(node.children) > 3:
            inside = node.children
            if inside[1].is_leaf and inside[1].place and inside[1].text.lower() in _TYPES:
                made, end = _type(inside, 1)
                node.children = [inside[0], made, *inside[end:]]
        yield node
        at += 1


def _type(nodes: Sequence[Node], at: int) -> tuple[Node, int]:
    """The type that begins at `at`, and where it ends."""
    node = nodes[at]
    prefix = node.place.removesuffix("sql.identifier.part").removesuffix("sql.identifier.bare")
    parts, end = [node], at + 1
    second = nodes[end] if end < len(nodes) else None
    if second is not None and (node.text.lower(), second.text.lower()) in _TWO_WORDS:
        parts.append(second)
        end += 1
    after = nodes[end] if end < len(nodes) else None
    if after is not None and after.kind == "group" and after.start == parts[-1].end and after.children[0].text == "(":
        leaves = list(after.leaves())
        if all(leaf.kind in ("(", ")", ",", "number", "keyword:max", "word") for leaf in leaves):
            parts += leaves
            end += 1
    text = parts[0].text + "".join(" " * (b.start - a.end) + b.text for a, b in pairwise(parts))
    return Node("type", node.start, parts[-1].end, text=text, place=prefix + "sql.type"), end


def _may_be_type(nodes: Sequence[Node], index: int) -> bool:
    """Whether a type stands there: after a column's name, after ``::``, after AS in a cast."""
    node = nodes[index]
    if not node.is_leaf or not node.place or not index or node.text.lower() not in _TYPES:
        return False
    before = nodes[index - 1].text.lower()
    return index == 1 or before in ("::", ":", "as")


def _name(nodes: Sequence[Node], hints: tuple[str, ...]) -> None:
    """Hints: ``NAME = x``, ``NAME => x``, ``x AS NAME``, ``NAME(x)``, ``WORDS x``."""
    stack = [(list(nodes), hints)]
    while stack:
        siblings, outer = stack.pop()
        before: list[str] = []
        for index, node in enumerate(siblings):
            operator = siblings[index - 1].text if index else ""
            named = [siblings[index - 2].text] if operator in ("=", "=>", ":=", "::") and index > 1 else []
            alias = (
                siblings[index + 2] if index + 2 < len(siblings) and siblings[index + 1].text.lower() == "as" else None
            )
            if alias is not None and alias.kind == "word":
                named.append(alias.text)
            inner = tuple(name for name in (*named, *reversed(before[-2:]), *outer) if name)[:6]
            if node.kind == "name" and before and before[-1].lower() in _RELATION:
                for part, role in zip(reversed(node.children[::2]), _ROLES, strict=False):
                    for leaf in part.leaves():
                        leaf.hints = (role, *inner) if leaf.place else ()
            elif node.children:
                stack.append((node.children, inner))
            elif node.place:
                node.hints = inner
            if node.kind == "word" or node.kind.startswith("keyword:"):
                before.append(node.text)
            elif node.kind == "string":
                before.append(node.children[1].text if len(node.children) > 1 else "")
