"""Places in configuration and text, ``text.*``: a value stays on its line, inside its quotes, and one word where it is one.

GraphQL's names and numbers, which are stricter, are ``graphql.*``.

Who reads such a file is not known (a shell may source it, Jinja or Helm may render it first), so what any usual reader takes
for a mark of its own is refused, not escaped.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

_LINE: Final = "\\x00-\\x1f\\x7f\\x85\\u2028\\u2029"
_NO_JINJA: Final = r"(?!.*(?:\{[{%#]|[}%#]\}))"
_EDGES: Final = r"(?!\{)(?!.*\{\Z)"  # a brace at an edge makes a mark with what stands beside it

# name -> (run, why, whole); as the rows of fde_template.place.
_ROWS: Final[dict[str, tuple[str, str, str]]] = {
    "text.identifier": (
        r"[\w./-]+",
        "must be one key: letters, digits, and _ . / - inside",
        r"(?!.*//)[^\W\d](?:[\w./-]*\w)?",
    ),
    "text.identifier.part": (r"[\w.-]*", "may hold letters, digits, _ . and - only", r"(?!.*\.\.)[\w.-]*"),
    "text.number": (r"[-+\w.]+", "must be one number", r"[-+]?(?:[0-9][0-9_]*(?:\.[0-9]+)?|\.[0-9]+)(?:[eE][-+]?[0-9]+)?"),
    "text.bool": (r"[A-Za-z]+", "must be true or false, yes or no, on or off", r"(?i:true|false|yes|no|on|off)"),
    "graphql.identifier": (r"\w+", "must be one GraphQL name: ASCII letters, digits and _", r"[A-Za-z_][A-Za-z0-9_]*"),
    "graphql.identifier.part": (r"\w*", "may hold ASCII letters, digits and _ only", r"[A-Za-z0-9_]*"),
    "graphql.number": (r"[-+\w.]+", "must be one number", r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?"),
    "graphql.bool": (r"[A-Za-z]+", "must be true or false", r"true|false"),
    "text.string.word": (
        r"[\w.@%+/:=,-]+",
        "must be one word: letters, digits and . @ % + / : = , - _, not beginning with - or =",
        r"[\w./@+%][\w.@%+/:=,-]*(?<!:)",
    ),
    "text.string.flow": (
        r"[\w.@%+/=-]+(?::[\w.@%+/=-]+)*",
        "must be one word: letters, digits and . % + / = - _, with : and @ inside",
        r"[\w./+][\w.@%+/=-]*(?::[\w.@%+/=-]+)*",
    ),
    "text.string.line": (
        r"[\w ./@+,=%~:?&*()!;-]+",
        "must be the rest of one line: no quotes, brackets, comment marks, or ': '",
        r"(?!.*(?::(?:\s|\Z)|\s;))[\w./+](?:[\w ./@+,=%~:?&*()!;-]*[\w./@+,=%~?*()!-])?",
    ),
    "text.string.prose": (
        r"[\w ./@+,=%:-]+",
        "may hold letters, digits, blanks and . / @ + , = % : - _ only, beginning with a letter or digit",
        r"(?!\d+[.)]\s)\w(?:[\w ./@+,=%:-]*[\w./@+,=%:-])?",
    ),
    "text.string.cell": (
        r"[\w ./:@%+-]+",
        "must be one cell: letters, digits, blanks and . / : @ % + - _, not a formula",
        r"[\w./](?:[\w ./:@%+-]*[\w./:%+-])?",
    ),
    "text.string.markup": (
        f"[^<>&{{}}{_LINE}]+",
        "may not hold markup, entities or braces",
        f"[^<>&{{}}{_LINE}\\s](?:[^<>&{{}}{_LINE}]*[^<>&{{}}{_LINE}\\s])?",
    ),
    "text.string.attribute": (f"[^<>&{{}}'\"`{_LINE}]*", "may not hold quotes, markup, entities or braces",
                              f"[^<>&{{}}'\"`{_LINE}]*"),
    "text.string.expanded": (
        f"[^'\"`\\\\${{}}();|&<>%{_LINE}]*",
        "may not hold what a string with expressions reads: quotes, \\ $ ` { } ( ) ; | & < > %",
        f"[^'\"`\\\\${{}}();|&<>%{_LINE}]*",
    ),
    "text.string.double": (
        f"[^'\"`\\\\${{}}{_LINE}]*",
        "may not hold quotes, backslashes, braces, $ or control characters",
        f"[^'\"`\\\\${{}}{_LINE}]*",
    ),
    "text.string.single": (
        f"[^'\"`\\\\{{}}{_LINE}]*",
        "may not hold quotes, backslashes, braces or control characters",
        f"[^'\"`\\\\{{}}{_LINE}]*",
    ),
    "text.string.double+raw": (
        r'(?:[^"\\\x00-\x1f\x7f]|\\[^\x00-\x1f\x7f])*',
        'must be the inside of one "..." string, without Jinja brackets',
        _NO_JINJA + _EDGES + r'(?:[^"\\\x00-\x1f\x7f]|\\[^\x00-\x1f\x7f])*',
    ),
    "text.string.single+raw": (
        r"(?:[^'\\\x00-\x1f\x7f]|\\+(?!['\\]))*",
        "must be the inside of one '...' string, without Jinja brackets",
        _NO_JINJA + _EDGES + r"(?:[^'\\\x00-\x1f\x7f]|\\+(?!['\\]|\Z))*",
    ),
    "text.comment.line": (f"[^{{}}{_LINE}]*", "must stay on its comment's line, without braces", f"[^{{}}{_LINE}]*"),
    "text.comment.block": (
        f"[^*{{}}<>{_LINE}]*",
        "may not hold what ends or opens a comment, braces, or a line break",
        f"(?![-/])(?!.*--)[^*{{}}<>{_LINE}]*(?<![/-])",
    ),
}  # fmt: skip
# Source text with escapes stands in quotes only; elsewhere it is held to the same rule as a value without any.
PLAIN: Final[Mapping[str, tuple[str, str, str]]] = {
    **{f"{name}+raw": row for name, row in _ROWS.items() if name.startswith("text.string.")},
    **_ROWS,
}
