"""SQL as tokens, in no dialect: what every dialect and dbt's Jinja share at the level of words, strings and brackets.

No grammar takes all SQL that engineers leave behind (T-SQL, BigQuery scripting, dbt), but its tokens are the same
everywhere. Lossless: the tokens and the white space between them are the text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

# Order matters: what opens a region comes before the punctuation it starts with.
_TOKEN: Final = re.compile(
    r"""
    (?P<jinja_comment>\{\#.*?\#\})
  | (?P<jinja_open>\{\{[-+]?|\{%[-+]?)
  | (?P<jinja_close>[-+]?\}\}|[-+]?%\})
  | (?P<block_comment>/\*.*?\*/)
  | (?P<line_comment>--[^\n\r]*|\#(?=[\s!-])[^\n\r]*)
  | (?P<dollar>\$(?P<tag>\w*)\$.*?\$(?P=tag)\$)
  | (?P<string>[rRbBnNeE]{0,2}'(?:[^'\\]|''|\\.)*')
  | (?P<quoted>"(?:[^"]|"")*")
  | (?P<backtick>`[^`]*`)
  | (?P<bracket>\[[A-Za-z_][^\]\n\[,'"()]*\])
  | (?P<number>\d+(?:\.\d+)?(?:[eE][-+]?\d+)?(?![\w])|\.\d+(?![\w.]))
  | (?P<word>(?:[@\#$]{1,2}|:(?!:))?[^\W\d][\w$]*|\d\w*)
  | (?P<punctuation><=>|<>|!=|<=|>=|\|\||::|:=|->>|->|=>|=~|.)
    """,
    re.VERBOSE | re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class SqlToken:
    """`kind` is a group of the lexer; `start` and `end` are character offsets. White space is not a token."""

    kind: str
    text: str
    start: int
    end: int


def tokens(text: str) -> Iterator[SqlToken]:
    """The tokens of `text`. Inside Jinja brackets double quotes are strings, not identifiers."""
    at, inside = 0, 0
    while at < len(text):
        if text[at].isspace():
            at += 1
            continue
        found = _TOKEN.match(text, at)
        assert found is not None  # the last alternative takes any character
        kind = str(found.lastgroup)
        kind = "dollar" if kind == "tag" else kind
        if kind == "jinja_open":
            inside += 1
        elif kind == "jinja_close" and inside:
            inside -= 1
        elif kind == "quoted" and inside:
            kind = "string"
        yield SqlToken(kind, found.group(), at, found.end())
        at = found.end()
