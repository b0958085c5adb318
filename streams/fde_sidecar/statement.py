"""Statement: secrets in SQL, written out or bound beside it; the columns' names say which they are.

`INSERT INTO t (a, secret) VALUES ('x', 'value')`, `UPDATE t SET secret = ? ... ["value", 1]`, `IDENTIFIED BY 'value'` -> :data:`RULES`
"""

from __future__ import annotations

import re
from typing import Final

from fde_sidecar.names import named
from fde_sidecar.rule import Marks, Rule, instead
from fde_sidecar.values import drawn, is_value

# --- INSERT INTO t (a, secret) VALUES ('x', 'value') --------------------------------------------------------------------
_INSERT: Final = re.compile(
    r"(?i)\b(?:insert|replace)\s{1,9}(?:\w{1,20}\s{1,9}){0,2}into\s{1,9}[^\s()]{1,200}\s{0,9}\((?P<columns>[^()]{1,4000})\)\s{0,9}values?\s{0,9}(?P<rows>\(.{1,20000})"
)
_CELL: Final = re.compile(
    r"(?P<open>\()|(?P<close>\))|(?P<comma>,)|\\{0,3}'(?P<text>(?:[^'\\]|\\.(?<!\\')|'')*)\\{0,3}'|[^\s(),']+|'"
)


def _inserted(found: re.Match[str], marks: Marks) -> str | None:
    columns = [named(one.strip().strip('\\"`[]')) for one in found["columns"].split(",")]
    if not any(columns):
        return None
    rows, parts, kept, depth, at = found["rows"], [], 0, 0, 0
    for cell in _CELL.finditer(rows):
        if cell["open"]:
            depth += 1
            at = 0 if depth == 1 else at
        elif cell["close"]:
            depth -= 1
        elif cell["comma"]:
            at += depth == 1
        elif depth == 1 and cell["text"] and at < len(columns) and (what := columns[at]) is not None:
            if is_value(cell["text"], quoted=True, assigned=True, kind=what.kind) and (
                what.sure or drawn(cell["text"])
            ):
                parts += [rows[kept : cell.start("text")], marks.plain(what.kind)]
                kept = cell.end("text")
    if not parts:
        return None
    return instead(found, "rows", "".join((*parts, rows[kept:])))


# --- `VALUES (?, ?) ["a", "value"]`, `SET secret = $1 ...` ----------------------------------------------------------------
_MARKER: Final = r"(?:\?|\$\d{1,3}|%s|:\d{1,3}|@p\d{1,3})"
_BOUND: Final = re.compile(
    rf"(?i)\b(?:(?:insert|replace)\s{{1,9}}(?:\w{{1,20}}\s{{1,9}}){{0,2}}into\s{{1,9}}[^\s()]{{1,200}}\s{{0,9}}\((?P<columns>[^()]{{1,4000}})\)\s{{0,9}}values?\s{{0,9}}\((?P<marks>\s{{0,3}}{_MARKER}(?:\s{{0,3}},\s{{0,3}}{_MARKER}){{0,60}})\s{{0,3}}\)"
    rf"|update\s{{1,9}}[^\s()]{{1,200}}\s{{1,9}}set\s{{1,9}}(?P<set>[^\s=]{{1,80}}\s{{0,3}}=\s{{0,3}}{_MARKER}(?:\s{{0,3}},\s{{0,3}}[^\s=]{{1,80}}\s{{0,3}}=\s{{0,3}}{_MARKER}){{0,60}}))"
    r"(?P<between>[^\[({]{0,400})(?P<values>[\[({].{1,20000})"
)
_SCALAR: Final = re.compile(
    r"(?P<key>\\{0,3}[\"']?\w{1,20}\\{0,3}[\"']?\s{0,2}(?::|=>|=)\s{0,3})?(?P<quote>\\{0,3}[\"'])(?P<text>.{0,4000}?)(?P=quote)|(?P<plain>[^\s,\[\](){}\"'=:>]{1,400})(?!\s{0,2}(?::|=))|(?P<end>[\])}]\s{0,3}(?![\])},\s]|$))"
)


def _bound(found: re.Match[str], marks: Marks) -> str | None:
    if found["columns"] is not None:
        names = found["columns"].split(",")
    else:
        names = [one.partition("=")[0] for one in found["set"].split(",")]
    columns = [named(one.strip().strip('\\"`[]').rpartition(".")[2]) for one in names]
    if not any(columns):
        return None
    values, parts, kept, at = found["values"], [], 0, 0
    for one in _SCALAR.finditer(values):
        if one["end"] is not None or at >= len(columns):
            break
        if one["key"] is None and re.match(r"\s{0,2}(?::|=>)", values[one.end() :]):
            continue  # the name or the number of what follows
        what, group = columns[at], "text" if one["text"] is not None else "plain"
        at += 1
        if (
            what is not None
            and is_value(one[group], quoted=group == "text", assigned=True, kind=what.kind)
            and (what.sure or drawn(one[group]))
        ):
            parts += [values[kept : one.start(group)], marks.plain(what.kind)]
            kept = one.end(group)
    return instead(found, "values", "".join((*parts, values[kept:]))) if parts else None


# --- in words ---
def _spoken_sql(found: re.Match[str], marks: Marks) -> str | None:
    value = found["value"]
    if not is_value(value, quoted=True, assigned=True, kind="password"):
        return None
    if found["sure"].lower() == "password" and value.isalpha() and value.islower():
        return None  # `password 'confirmation' does not match`: a field's name
    start, end = found.start("value") - found.start(), found.end("value") - found.start()
    return found[0][:start] + marks.plain("password") + found[0][end:]


RULES: Final = (
    Rule("inserted", "secret", ("into",), _INSERT, _inserted, "the columns name the values", trigger=r"(?i)into\s[^()]*\([^()]*\)\s*values?\s*\("),
    Rule("bound", "secret", ("insert", "replace", "update"), _BOUND, _bound, "the same, the values bound beside the statement",
         trigger=r"(?i)(?:into\s[^()]*\([^()]*\)\s*values?\s*\(|update\s.*set\s[^=]*=)\s*(?:\?|\$\d|%s|:\d|@p\d)"),
    Rule("spoken-sql", "password", ("identified", "password"),
         re.compile(r"(?i)\b(?P<sure>identified\s+(?:by|with\s+\w+\s+by)(?:\s+password)?|(?:with|set|encrypted)\s+password(?:\s*=|\s+for\s+\S{1,80}\s*=)?|password)\s{1,3}(?P<quote>\\{0,3}[\"'])(?P<value>[^\s\"'\\]{3,200})(?P=quote)"),
         _spoken_sql, "SQL names a password in words"),
)  # fmt: skip
