"""What SQL's own words say of each leaf: clauses, relations, objects, the purpose of a column, spans of time.

SQL tree -> label() -> the same tree, its leaves labelled
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

from fde_extraction.label import Label, Labels, Role, inner, within
from fde_extraction.tree import Node

# After these words stands a relation, and its dotted parts have their places by the standard.
_RELATION: Final = frozenset("from into join update using table view".split())
ROLES: Final = ("table", "schema", "database", "server")
BIGQUERY: Final = ("table", "dataset", "project")  # dotted names in backticks
# Kinds of things that DDL and session statements of the common dialects name right after the word.
_OBJECTS: Final = frozenset(
    "database schema role warehouse stage column index function procedure policy user integration server task stream sequence "
    "secret share tag pipe trigger group tablespace extension catalog connection storage_integration format".split()
)
_KEYS: Final = frozenset("partition by|group by|cluster by|distribute by|primary key|unique|on|unique_key".split("|"))
_CONDITIONS: Final = frozenset("where and or on when having if filter qualify".split())
_FILTERS: Final = frozenset("where having".split())
_COMPARED: Final = frozenset({"=", "<>", "!=", "<", ">", "<=", ">="})
# Words before a bracket that do not call anything.
_NO_CALL: Final = frozenset(
    "in values using and or on as over by exists not set from insert into select when then where table".split()
)
_WAYS: Final = {"from": "source path", "to": "target path", "location": "location"}
_TIMES: Final = frozenset(
    "now current_date current_timestamp getdate sysdate sysutcdatetime getutcdate interval date_trunc timestamp_trunc dateadd datediff "
    "date_sub date_add timestamp_sub timestamp_add datetime_sub dateadd localtimestamp date_diff timestampdiff".split()
)
_OPTIONS: Final = frozenset("region role format compression encoding delimiter comment location".split())
_UNITS: Final = frozenset("second minute hour day week month quarter year".split())
_BACK: Final = frozenset("date_sub timestamp_sub datetime_sub time_sub subdate".split())
_SHIFTS: Final = _BACK | frozenset("dateadd date_add timestampadd timestamp_add datetime_add timeadd adddate".split())


def label(nodes: Sequence[Node], outer: Labels) -> None:
    """Labels for every leaf under `nodes`; `outer` is what stands around them."""
    stack: list[tuple[Sequence[Node], Labels]] = [(nodes, outer)]
    while stack:
        siblings, labels = stack.pop()
        columns = _columns(siblings)
        for index, node in enumerate(siblings):
            if not node.children and not node.place:
                node.labels = labels  # punctuation says nothing, and is half of all leaves
                continue
            said = inner(labels, *_said(siblings, index, labels))
            if columns and node.kind in ("clause:keyword:values", "clause:keyword:select"):
                _positional(node, columns)
            if node.kind == "name":
                _relation(node, said)
            elif node.children:
                scope = _scope(siblings, index)
                if node.kind in ("clause:keyword:and", "clause:keyword:or"):
                    said = inner(said, Label("clause", _condition(siblings, index) or _outer(labels)))
                stack.append((node.children, within(said, scope) if scope else said))
            else:
                node.labels = inner(said, *node.labels)  # an insert's column, said before


def _columns(siblings: Sequence[Node]) -> list[str]:
    """The column list of the insert among `siblings`."""
    for node in siblings:
        if node.kind in ("clause:keyword:into", "clause:keyword:insert"):
            group = next((child for child in reversed(list(_flat(node))) if child.kind == "group"), None)
            return [leaf.text for leaf in group.leaves() if leaf.kind == "word"] if group is not None else []
    return []


def _flat(node: Node) -> Iterator[Node]:
    for child in node.children:
        yield child
        if child.kind == "item":
            yield from child.children


def _positional(clause: Node, columns: Sequence[str]) -> None:
    """A constant among the values of an insert is for the column at its position."""
    group = next((child for child in clause.children if child.kind == "group"), None)
    if clause.kind.endswith("values") and group is not None:
        clause = group
    items = [
        child for child in clause.children if child.kind != "," and child.text not in ("(", ")", "select", "values")
    ]
    items = [item for item in items if not item.kind.startswith("keyword:select")]
    if len(items) == len(columns):
        for item, column in zip(items, columns, strict=True):
            for leaf in item.leaves():
                if leaf.kind in ("string_text", "number"):
                    leaf.labels = (Label("alias", column),)


def _said(siblings: Sequence[Node], index: int, labels: Labels) -> list[Label]:
    """What the siblings of one node say of it, nearest first."""
    node, found = siblings[index], list[Label]()
    operator = siblings[index - 1].text.lower() if index else ""
    left = _spelled(siblings, index - 2)
    if operator == "=" and index == 1 and "_" in _outer(labels):
        left = _outer(labels)  # STORAGE_INTEGRATION = x is a clause of its own
    clause = _clause(siblings, index)
    clause = _outer(labels) if index == 0 or (clause in ("and", "or") and _outer(labels)) else clause
    condition = _outer(labels).split(" ")[-1] in _CONDITIONS or clause.split(" ")[-1] in _CONDITIONS
    after = siblings[index + 1] if index + 1 < len(siblings) else None
    if operator in ("=", "=>", ":=") and left:
        found.append(Label("operand" if condition else "assigned", left))
    elif operator == ":" and left:
        found.append(Label("key", left))
    elif operator in _COMPARED and left:
        found.append(Label(_bound(operator, labels), left))
    elif operator in ("in", "like", "ilike", "rlike") and left:
        found.append(Label("operand", left))
    before = siblings[index - 1] if index else None
    if (
        before is not None
        and node.kind in ("string", "number")
        and (before.kind == "word" or (before.kind.startswith("keyword:") and before.text.lower() in _OPTIONS))
    ):
        found.append(Label("assigned", before.text))  # REGION 'x', MAXERROR 10
    if before is not None and node.kind == "string" and "://" in _spelled([node], 0) and before.text.lower() in _WAYS:
        found.append(Label("assigned", _WAYS[before.text.lower()]))  # COPY ... FROM 's3://', UNLOAD ... TO 's3://'
    if index and siblings[0].kind.startswith("keyword:"):
        # A row of constants is named by the first of them: select 'row_volume', n, 1000.
        head = next((item for item in siblings[1:3] if item.kind == "string"), None)
        if head is not None and head is not node and re.fullmatch(r"[A-Za-z][\w.-]{1,39}", _spelled([head], 0)):
            found.append(Label("first", _spelled([head], 0)))
    called = ""
    if node.kind == "group" and index and siblings[index - 1].end == node.start:
        called = _spelled(siblings, index - 1) or siblings[index - 1].text
        called = "" if called.lower() in _NO_CALL or not called[:1].isalpha() else called
    if called:
        found.append(Label("call", called))
        if called.lower() in _SHIFTS:
            units = (leaf.text.lower() for leaf in node.leaves() if leaf.text.lower() in _UNITS)
            found += [Label("interval", unit) for unit in list(units)[:1]]
    if after is not None and after.text.lower() == "as" and index + 2 < len(siblings):
        alias = siblings[index + 2]
        found += [Label("alias", alias.text)] if alias.kind == "word" else []
    if node.kind.startswith("keyword:"):
        found.append(Label("keyword case", node.text.lower()))
    if node.kind == "number":
        found += _interval(siblings, index, labels)
    if node.kind in ("word", "name", "quoted", "bracket", "backtick") and (after is None or after.kind != "group"):
        found += _purpose(
            clause, index, operator, labels, timed=index < 3 and len(siblings) < 12 and _is_timed(siblings)
        )
    elif after is not None and node.kind == "word" and clause.split(" ")[-1] in _OBJECTS | _RELATION:
        found += _purpose(clause, index, operator, labels)
    if clause and index:
        found.append(Label("clause", clause))
    return found


def _is_timed(siblings: Sequence[Node]) -> bool:
    """Whether a condition compares with a point in time."""
    return any(leaf.text.lower() in _TIMES for node in siblings for leaf in node.leaves())


def _purpose(clause: str, index: int, operator: str, labels: Labels, *, timed: bool = False) -> list[Label]:
    """What a name is for by the words before it."""
    last = clause.split(" ")[-1]
    compared = operator in _COMPARED
    if last in _OBJECTS and not compared:
        words = clause.split(" ")
        return [Label("object", " ".join(words[-2:]) if last in ("format", "policy") and len(words) > 1 else last)]
    if last in _RELATION and not compared:
        return [Label("relation", "table")]
    around = clause or _outer(labels)
    if any(around == key or around.endswith(" " + key) for key in _KEYS):
        return [Label("column", "key")]
    if around.endswith("order by"):
        return [Label("column", "order")]
    if around.split(" ")[-1] in _FILTERS or last in ("where", "and"):
        return [Label("column", "timestamp" if timed else "filter")]
    return [Label("column", "")]


def _relation(node: Node, said: Labels) -> None:
    """Parts of a dotted name, from the last: of a relation table, schema, database, server; else the column alone."""
    near = next((item for item in said if item.role in ("relation", "object", "column")), None)
    rest = [item for item in said if item is not near]
    roles: Sequence[str] = (
        ROLES if near is not None and near.role == "relation" else ("", "schema", "database", "server")
    )
    for part, role in zip(reversed(node.children[::2]), roles, strict=False):
        own = Label("relation", role) if role and (near is None or near.role != "column") else near
        for leaf in part.leaves():
            leaf.labels = inner((), *([own] if own is not None else []), *rest)


def _bound(operator: str, labels: Labels) -> Role:
    """Filters keep what reaches a bound; elsewhere a comparison says nothing of which side is wanted."""
    if _outer(labels).split(" ")[-1] not in _FILTERS:
        return "operand"
    return "least" if operator[0] == ">" else "most" if operator in ("<", "<=") else "operand"


def _interval(siblings: Sequence[Node], index: int, labels: Labels) -> list[Label]:
    """A number of time units: `interval 3 day`, `dateadd(hour, -6, x)`."""
    before = [node.text.lower() for node in siblings[max(0, index - 3) : index]]
    called = next((item.text.lower() for item in labels if item.role == "call"), "")
    after = siblings[index + 1].text.lower() if index + 1 < len(siblings) else ""
    unit = next((item.text for item in labels if item.role == "interval"), "")
    if before[-1:] == ["interval"]:
        return [Label("interval", f"{'back ' if called in _BACK or '-' in before else ''}{after.rstrip('s')}".strip())]
    if called in _SHIFTS and unit:
        return [Label("interval", f"{'back ' if called in _BACK or before[-1:] == ['-'] else ''}{unit}")]
    return []


def _condition(siblings: Sequence[Node], index: int) -> str:
    """The clause that ``and`` and ``or`` go on with."""
    for node in reversed(siblings[:index]):
        if node.kind.startswith("clause:keyword:") and node.kind.rsplit(":", 1)[1] not in ("and", "or"):
            return node.kind.rsplit(":", 1)[1]
    return ""


def _scope(siblings: Sequence[Node], index: int) -> str:
    """The name of the query in brackets: ``name as (...)``."""
    if siblings[index].kind != "group" or index < 2 or siblings[index - 1].text.lower() != "as":
        return ""
    return siblings[index - 2].text if siblings[index - 2].kind == "word" else ""


def _clause(siblings: Sequence[Node], index: int) -> str:
    """The run of keywords right before a node, three at most."""
    found: list[str] = []
    for node in reversed(siblings[max(0, index - 3) : index]):
        if not node.kind.startswith("keyword:") and not (node.kind == "word" and node.text.lower() in _OBJECTS):
            break
        found.append(node.text.lower())
    return " ".join(reversed(found))


def _outer(labels: Labels) -> str:
    return next((item.text for item in labels if item.role == "clause"), "")


def _spelled(siblings: Sequence[Node], index: int) -> str:
    """What a word, a dotted name, a string or a call is called."""
    if index < 0:
        return ""
    node = siblings[index]
    if node.kind == "group" and index and siblings[index - 1].kind in ("word", "name"):
        node = siblings[index - 1]
    if node.kind == "name":
        node = node.children[-1]
    if node.kind in ("string", "quoted", "bracket", "backtick") and len(node.children) > 1:
        return node.children[1].text
    named = node.kind.startswith("keyword:") and "_" in node.text  # STORAGE_INTEGRATION = x
    return node.text if node.kind == "word" or named else ""
