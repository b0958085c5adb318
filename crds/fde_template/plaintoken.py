"""Configuration and text as tokens: keys, separators, values, strings, comments and brackets, by dialect.

text, Dialect -> tokens() -> the tree of fde_extraction.languages.plain, and the shape of fde_template.plainshape

Lossless: the tokens and the white space between them are the text. No parser's opinion is asked: what is no part of a key, a
string or a value is punctuation, one character each.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from fde_template.dialect import Dialect


@dataclass(frozen=True, slots=True)
class Token:
    """`head` and `tail`: characters of the delimiters of a string or comment. Offsets in characters.

    `kind`: comment, string, jinja, key, number, bool, word, name, line, prose, cell, markup, expansion, tag, punctuation.
    """

    kind: str
    text: str
    start: int
    end: int
    head: int = 0
    tail: int = 0


# Bounded, so that many openings that nothing closes cost no square of the file.
_JINJA: Final = re.compile(r"\{\{.{0,1000}?\}\}|\{%.{0,1000}?%\}|\{#.{0,1000}?#\}", re.DOTALL)
_TRIPLE: Final = re.compile(r"'''.*?'''|\"\"\".*?\"\"\"", re.DOTALL)
_STRINGS: Final = {
    '"': re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL),
    "'": re.compile(r"'[^']*'", re.DOTALL),
}
# What a shell runs inside a string may hold strings of its own: "$(dirname "$0")".
_EXPANDED: Final = re.compile(
    r"""\"(?:[^"\\$]|\\.|\$\((?:[^()"']|"[^"]*"|'[^']*'|\((?:[^()"']|"[^"]*"|'[^']*')*\))*\)|\$)*\"""", re.DOTALL
)
_YAML_SINGLE: Final = re.compile(r"'(?:[^']|'')*'")
_CELL_STRING: Final = re.compile(r'"(?:[^"]|"")*"')
NUMBER: Final = re.compile(r"[-+]?(?:\d[\d_]*(?:\.\d+)?|\.\d+)(?:[eE][-+]?\d+)?")
BOOL: Final = re.compile(r"true|false|yes|no|on|off", re.IGNORECASE)
_SPACE: Final = re.compile(r"\s+")
_REST: Final = re.compile(r"[^\n\r]*")
# Ends of a value that goes to the end of its line: a comment mark after white space, or the line.
_YAML_VALUE: Final = re.compile(r"[^\n\r]*?(?=[ \t]+#|[ \t]*(?:[\n\r]|\Z))")
_YAML_KEY: Final = re.compile(
    r"[^\s#'\"\[\]{},&*!|>%@`?-](?:[^\n\r#'\"{}\[\],]|(?<!\s)#)*?(?=[ \t]*:(?:\s|\Z))|-(?=[\w-])[^\s:]+(?=:(?:\s|\Z))"
)
_YAML_BLOCK: Final = re.compile(r"[|>][-+\d]{0,2}(?=[ \t]*(?:#[^\n\r]*)?(?:[\n\r]|\Z))")
_YAML_MARK: Final = re.compile(r"(?:---|\.\.\.)(?=\s|\Z)|<<(?=\s*:)|[&*!][^\s,\[\]{}]*")
_FLOW_WORD: Final = re.compile(r"[^\s,\[\]{}\"'#:&*!|>@`]+(?::(?![\s,\[\]{}])[^\s,\[\]{}\"'#:]*)*")
_INI_KEY: Final = re.compile(r"[^\s=:\[#;][^\n\r=:]*?(?=[ \t]*[=:])")
_INI_VALUE: Final = re.compile(r"[^\n\r]*?(?=[ \t]+[;#]|[ \t]*(?:[\n\r]|\Z))")
_ENV_KEY: Final = re.compile(r"[A-Za-z_][\w.]*(?=\+?=)")
_NAME: Final = re.compile(r"[^\W\d]\w*")
_WORD: Final = re.compile(r"[\w.@%+/:=,~^-]+")
_ATOM: Final = re.compile(r"[\w.+-]+(?:[/@:][\w.+-]+)*|[\w.+-]+")
_EXPANSION: Final = re.compile(r"\$\{[^{}\n]*\}|\$\w+|\$[?#@*!$-]|\$'(?:[^'\\]|\\.)*'|\\.", re.DOTALL)
_HERE: Final = re.compile(r"<<[-~]?[ \t]*(['\"]?)(\w+)\1(?!<)")
_TAG: Final = re.compile(r"<[?!][^>]{0,4000}>|</?[A-Za-z_][\w:.-]*|/?>|\?>")
_ATTRIBUTE: Final = re.compile(r"[A-Za-z_:@][\w:.-]*")
_MARKUP_TEXT: Final = re.compile(r"[^<\s](?:[^<\n\r]*[^<\s])?")
_CELL: Final = re.compile(r"[^,;\t\n\r\"]+")
_PROSE_MARK: Final = re.compile(
    r"#{1,6}(?=\s)|[-*+>](?=\s)|\d+[.)](?=\s)|```\w*|~~~\w*|[=-]{3,}(?=[ \t]*$)", re.MULTILINE
)
_OPEN: Final = "([{"
_CLOSE: Final = ")]}"


def tokens(text: str, dialect: Dialect) -> Iterator[Token]:
    """The tokens of `text`, in order. Linear: no token is looked for twice at one place."""
    return _Scanner(text, dialect).run()


class _Scanner:
    """One file. `entry`: a key may stand here; `value`: a separator was just read; `depth`: of open brackets."""

    def __init__(self, text: str, dialect: Dialect) -> None:
        self.text, self.dialect = text, dialect
        self.at, self.depth, self.line = 0, 0, 0  # `line`: where the current line, or YAML's key in it, begins
        self.entry, self.value, self.tagged = True, False, False
        self.column = 0  # of the last YAML key
        self.margin: int | None = None  # of a YAML block scalar's key, while the scalar goes on
        self.here = ""  # the word that ends a here-document, while it goes on
        self.unclosed = -1

    def run(self) -> Iterator[Token]:
        text, size = self.text, len(self.text)
        while self.at < size:
            space = _SPACE.match(text, self.at)
            if space is not None:
                self._passed(space)
                if self.at >= size:
                    return
            yield self._next()

    def _passed(self, space: re.Match[str]) -> None:
        at = max(space.group().rfind("\n"), space.group().rfind("\r"))
        self.at = space.end()
        if at >= 0:
            self.line = space.start() + at + 1
            self.entry, self.value = True, False

    def _token(self, kind: str, end: int, head: int = 0, tail: int = 0) -> Token:
        start, self.at = self.at, max(end, self.at + 1)
        return Token(kind, self.text[start : self.at], start, self.at, head, tail)

    def _next(self) -> Token:
        if self.margin is not None:
            if self.at - self.line > self.margin:
                return self._prose()
            self.margin = None
        if self.here and self.entry:
            if self._rest().strip() != self.here:
                return self._prose()
            self.here = ""
        found = self._jinja() or self._comment() or self._string()
        if found is not None:
            if found.kind != "comment":
                self.value = False
                self.entry = False
            return found
        scan = {
            "word": self._word,
            "name": self._name,
            "line": self._line,
            "cell": self._cell,
            "markup": self._markup,
            "prose": self._prose,
        }
        return scan[self.dialect.values]()

    def _rest(self) -> str:
        found = _REST.match(self.text, self.at)
        assert found is not None  # it matches nothing, too
        return found.group()

    def _jinja(self) -> Token | None:
        if not self.text.startswith(("{{", "{%", "{#"), self.at):
            return None
        found = _JINJA.match(self.text, self.at)
        return None if found is None else self._token("jinja", found.end())

    def _comment(self) -> Token | None:
        for opening, closing in self.dialect.blocks:
            if self.text.startswith(opening, self.at) and self.at > self.unclosed:
                end = self.text.find(closing, self.at + len(opening))
                if end < 0:
                    self.unclosed = len(self.text)
                else:
                    return self._token("comment", end + len(closing), len(opening), len(closing))
        before = self.text[self.at - 1] if self.at else "\n"
        for mark in self.dialect.marks:
            alone = before.isspace() or (before in ",;)]}{[(" and self.dialect.brackets)
            if alone and self.text.startswith(mark, self.at):
                return self._token("comment", self.at + len(self._rest()), len(mark))
        return None

    def _string(self) -> Token | None:
        quote = self.text[self.at]
        if quote not in self.dialect.quotes or (self.dialect.values == "markup" and not self.tagged):
            return None
        if self.dialect.name in ("toml", "hcl", "graphql"):
            found = _TRIPLE.match(self.text, self.at)
            if found is not None:
                return self._token("string", found.end(), 3, 3)
        pattern = _EXPANDED if quote == '"' and self.dialect.expands else _STRINGS[quote]
        if self.dialect.name == "yaml" and quote == "'":
            pattern = _YAML_SINGLE
        elif self.dialect.values == "cell":
            pattern = _CELL_STRING
        found = pattern.match(self.text, self.at)
        if found is None or (self.dialect.name in ("json", "ini", "graphql") and "\n" in found.group()):
            return None
        return self._token("string", found.end(), 1, 1)

    def _bare(self, kind: str, end: int) -> Token:
        """A bare value; a number or truth value when it is one."""
        said = self.text[self.at : end]
        self.value = self.entry = False
        return self._token("number" if NUMBER.fullmatch(said) else "bool" if BOOL.fullmatch(said) else kind, end)

    def _mark(self) -> Token:
        """One character that is no part of anything."""
        char = self.text[self.at]
        if self.dialect.brackets and char in _OPEN:
            self.depth += 1
        elif self.dialect.brackets and char in _CLOSE:
            self.depth = max(0, self.depth - 1)
        self.value = char in self.dialect.separators
        return self._token("punctuation", self.at + 1)

    # -- by what a value is ------------------------------------------------------------------------------------------

    def _word(self) -> Token:
        text = self.text
        shell = self.dialect.expands and not self.dialect.brackets
        here = _HERE.match(text, self.at) if self.dialect.expands else None
        if here is not None:
            self.here, self.entry = here.group(2), False
            return self._token("punctuation", here.end())
        if shell:
            key = _ENV_KEY.match(text, self.at)
            if key is not None and (self.at == 0 or text[self.at - 1].isspace() or text[self.at - 1] in ";(|&"):
                return self._token("key", key.end())
            if text[self.at] == "=":
                return self._token("punctuation", self.at + 1)
        expansion = _EXPANSION.match(text, self.at) if self.dialect.expands else None
        if expansion is not None:
            return self._token("expansion", expansion.end())
        if not shell and text[self.at] in self.dialect.separators:
            return self._mark()
        found = (_WORD if shell else _ATOM).match(text, self.at)
        return self._mark() if found is None else self._bare("word", found.end())

    def _name(self) -> Token:
        """GraphQL: names, numbers, and marks; no other bare value."""
        found = _NAME.match(self.text, self.at)
        if found is not None:
            return self._token("bool" if found.group() in ("true", "false") else "name", found.end())
        number = NUMBER.match(self.text, self.at)
        return self._mark() if number is None else self._token("number", number.end())

    def _line(self) -> Token:
        return self._ini() if self.dialect.name == "ini" else self._yaml()

    def _ini(self) -> Token:
        text = self.text
        if self.entry and (key := _INI_KEY.match(text, self.at)) is not None:
            self.entry = False
            return self._token("key", key.end())
        if not self.value and text[self.at] in "=:[]":
            self.value, self.entry = text[self.at] in "=:", False
            return self._token("punctuation", self.at + 1)
        if (
            text.rfind("[", self.line, self.at) >= 0
            and not self.value
            and (end := text.find("]", self.at)) >= 0
            and "\n" not in text[self.at : end]
        ):
            return self._bare("line", end)
        found = _INI_VALUE.match(text, self.at)
        assert found is not None
        return self._bare("line", found.end()) if found.end() > self.at else self._mark()

    def _yaml(self) -> Token:
        text = self.text
        mark = _YAML_MARK.match(text, self.at)
        if mark is not None:
            return self._token("punctuation", mark.end())
        if self.depth or text[self.at] in "[{" or (text[self.at] in "]}," and self.depth):
            if text[self.at] in "[]{},:":
                return self._mark()
            found = _FLOW_WORD.match(text, self.at)
            return self._mark() if found is None else self._bare("word", found.end())
        if self.entry:
            if text[self.at] in "-?" and text[self.at + 1 : self.at + 2] in ("", " ", "\t", "\n", "\r"):
                return self._token("punctuation", self.at + 1)
            key = _YAML_KEY.match(text, self.at)
            if key is not None:
                self.entry, self.column = False, self.at - self.line
                return self._token("key", key.end())
        if text[self.at] == ":" and not self.value:
            return self._mark()
        block = _YAML_BLOCK.match(text, self.at)
        if block is not None:
            self.margin = self.column
            return self._token("punctuation", block.end())
        found = _YAML_VALUE.match(text, self.at)
        return self._bare("line", found.end()) if found is not None and found.end() > self.at else self._mark()

    def _cell(self) -> Token:
        found = _CELL.match(self.text, self.at)
        if found is None:
            return self._mark()
        return self._bare("cell", self.at + len(found.group().rstrip()))

    def _markup(self) -> Token:
        text = self.text
        tag = _TAG.match(text, self.at)
        if tag is not None and (text[self.at] == "<" or self.tagged):
            self.tagged = text[self.at] == "<" and not tag.group().endswith(">")
            return self._token("tag", tag.end())
        if self.tagged:
            found = _ATTRIBUTE.match(text, self.at)
            return self._mark() if found is None else self._token("key", found.end())
        found = _MARKUP_TEXT.match(text, self.at)
        return self._mark() if found is None else self._bare("markup", found.end())

    def _prose(self) -> Token:
        mark = _PROSE_MARK.match(self.text, self.at) if self.margin is None and self.entry else None
        if mark is not None:
            return self._token("punctuation", mark.end())
        if not (self.here or self.margin is not None):
            self.entry = False
        return self._token("prose", self.at + len(self._rest().rstrip()))
