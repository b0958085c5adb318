"""Places: what a hole's text is part of, and so which texts may stand there.

A place is written outside in, ``/`` between levels: ``python.string.double/url.host`` is a host in a URL in a
double-quoted Python string; a text must be right at every level. ``+raw`` after a string says that siblings had source
text with escapes or quotes there: then the text is checked as one token's content instead of as plain characters.

Nothing is escaped silently: a text that would leave its place is refused.
"""

from __future__ import annotations

import keyword
import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from fde_template.errors import TemplateError
from fde_template.plainplace import PLAIN


@dataclass(frozen=True, slots=True)
class Rule:
    """One level. `run` takes the longest text that may stand there (fit uses it); `whole` and `also` decide; `why` says it."""

    run: re.Pattern[str]
    whole: re.Pattern[str]
    why: str
    reserved: frozenset[str] = frozenset()
    also: Callable[[str], bool] | None = None  # what no pattern can say


# Words that are syntax: as an identifier they would change the program.
_TS_WORDS: Final = frozenset(
    "break case catch class const continue debugger default delete do else enum export extends false finally for function if "
    "import in instanceof new null return super switch this throw true try typeof var void while with yield let static await "
    "implements interface package private protected public".split()
)
SQL_WORDS: Final = frozenset(
    "select from where insert update delete merge into values set join on union all drop create alter table grant revoke and "
    "or not null case when then else end using having order group by limit truncate exec execute".split()
)


def _rule(
    run: str,
    why: str,
    whole: str | None = None,
    reserved: frozenset[str] = frozenset(),
    also: Callable[[str], bool] | None = None,
) -> Rule:
    return Rule(re.compile(run, re.DOTALL), re.compile(whole or run, re.DOTALL), why, reserved, also)


def _named(text: str) -> bool:
    """Whether the parts of a dotted text are identifiers by Unicode's rule, which ``\\w`` is wider than (``²``)."""
    return all(part.replace("$", "_").isidentifier() for part in text.split("."))


_QUOTES: Final = "'\"`\\\\"
_LINE: Final = "\\x00-\\x1f\\x7f\\x85\\u2028\\u2029"  # every character that some reader takes for a line break
_WORD: Final = r"[^\W\d]\w*"
_NUMBER: Final = r"[0-9A-Fa-fxXoObB_.]+(?:[eE][-+]?[0-9]+)?"
_PLAIN: Final = f"[^{_QUOTES}{_LINE}]*"

_TABLE: Final[dict[str, Rule]] = {
    # strings without escapes: no quote of any kind, no backslash, no control character
    "string": _rule(_PLAIN, "may not hold quotes, backslashes or control characters"),
    "fstring": _rule(f"[^{{}}{_QUOTES}{_LINE}]*", "may not hold quotes, backslashes, braces or control characters"),
    "template": _rule(
        f"(?:[^${_QUOTES}{_LINE}]|\\$(?!\\{{))*",
        "may not hold quotes, backticks, backslashes, ${ or control characters",
        f"(?:[^${_QUOTES}{_LINE}]|\\$(?!\\{{|$))*",
    ),
    "sqlstring": _rule(
        f"(?:[^{{{_QUOTES}{_LINE}]|\\{{(?![{{%#]))*",
        "may not hold quotes, backslashes, Jinja brackets or control characters, or end with {",
        f"(?:[^{{{_QUOTES}{_LINE}]|\\{{(?![{{%#]|$))*",
    ),
    # strings with escapes: the content of one token
    "string.single+raw": _rule(r"(?:[^'\\\n\r]|\\[^\n\r])*", "must be the inside of one '...' string"),
    "string.double+raw": _rule(r'(?:[^"\\\n\r]|\\[^\n\r])*', 'must be the inside of one "..." string'),
    "string.triple-single+raw": _rule(
        r"(?:[^'\\]|\\.|'(?!''))*", "must be the inside of one '''...''' string", r"(?:[^'\\]|\\.|'(?!''|$))*"
    ),
    "string.triple-double+raw": _rule(
        r'(?:[^"\\]|\\.|"(?!""))*', 'must be the inside of one """...""" string', r'(?:[^"\\]|\\.|"(?!""|$))*'
    ),
    "template+raw": _rule(
        r"(?:[^`\\$]|\\.|\$(?!\{))*", "must be the inside of one `...` template", r"(?:[^`\\$]|\\.|\$(?!\{|$))*"
    ),
    # Dialects disagree on what \' is, and on three quotes (BigQuery), so neither may stand: the rest ends early in none.
    "sqlstring+raw": _rule(
        r"(?:[^'{\\\n\r]|''(?!')|\\+(?!['\\])|\{(?![{%#]))*",
        "must be the inside of one '...' string in every SQL dialect: quotes doubled, no backslash before a quote or at "
        "the end, no Jinja bracket",
        r"(?:[^'{\\\n\r]|''(?!')|\\+(?!['\\]|$)|\{(?![{%#]|$))*",
    ),
    "braces": _rule(r"(?:[^{}]|\{\{|\}\})*", "may not open or close a {replacement field}"),
    "regex": _rule(
        r"(?:[^/\\\n\r\[]|\\[^\n\r]|\[(?:[^\]\\\n\r]|\\[^\n\r])*\])+",
        "must be the inside of one /.../ regular expression",
    ),
    "identifier.python": _rule(
        r"\w+", "must be one Python identifier", _WORD, frozenset({*keyword.kwlist, "__debug__"}), _named
    ),
    "identifier.typescript": _rule(r"[\w$]+", "must be one identifier", r"[^\W\d][\w$]*|\$[\w$]*", _TS_WORDS, _named),
    "identifier.part": _rule(
        r"\w*", "may hold letters, digits and _ only", also=lambda text: ("_" + text).isidentifier()
    ),
    "identifier.dotted": _rule(
        r"\w+(?:\.\w+)*",
        "must be identifiers with dots between",
        rf"{_WORD}(?:\.{_WORD})*",
        also=lambda text: _named(text) and not any(map(keyword.iskeyword, text.split("."))),
    ),
    "sql.identifier.bare": _rule(
        r"[\w$@#]+", "must be one SQL identifier, unquoted and no keyword", r"[@#]{0,2}[^\W\d][\w$#@]*", SQL_WORDS
    ),
    "sql.dollar": _rule(f"[^${_LINE}]*", "may not hold a dollar sign, which would end the body"),
    "sql.type": _rule(
        r"[\w ]*(?:\([\w ,]*\))?",
        "must be one SQL type, with its length or precision in brackets",
        r"(?:(?i:double precision|(?:character|char|bit) varying)|[A-Za-z_]\w*)(?: ?\( ?\w+(?: ?, ?\w+)? ?\))?",
        SQL_WORDS,
    ),
    "sql.identifier.dotted": _rule(
        r"[\w$@#]+(?: ?\. ?[\w$@#]+)*",
        "must be SQL identifiers with dots between, unquoted and no keyword",
        r"[@#]{0,2}[^\W\d][\w$#@]*(?: ?\. ?[\w$@#]+)*",
        SQL_WORDS,
        also=lambda text: not any(part.strip().lower() in SQL_WORDS for part in text.split(".")),
    ),
    "sql.identifier.dashed": _rule(
        r"[\w$-]+",
        "must be one account's name: SQL identifiers with single dashes between",
        r"[A-Za-z_][\w$]*(?:-[\w$]+)*",
        SQL_WORDS,
    ),
    "sql.identifier.part": _rule(r"[\w$]*", "may hold letters, digits, _ and $ only"),
    "sql.identifier.quoted": _rule(
        f"[^{_QUOTES}{_LINE}{{}};]+",
        "must be the inside of one quoted SQL identifier",
        f"(?!.*--)[^{_QUOTES}{_LINE}{{}};]+",
    ),
    "sql.identifier.bracket": _rule(
        f"[^\\]\\[{_QUOTES}{_LINE}{{}};]+",
        "must be the inside of one [bracketed] SQL identifier",
        f"(?!.*--)[^\\]\\[{_QUOTES}{_LINE}{{}};]+",
    ),
    "python.number": _rule(
        _NUMBER,
        "must be one number as Python spells it",
        r"(?=.{1,4000}$)(?:"
        r"(?:[0-9](?:_?[0-9])*\.(?:[0-9](?:_?[0-9])*)?|\.[0-9](?:_?[0-9])*)(?:[eE][-+]?[0-9](?:_?[0-9])*)?"
        r"|[0-9](?:_?[0-9])*[eE][-+]?[0-9](?:_?[0-9])*|[1-9](?:_?[0-9])*|0(?:_?0)*"
        r"|0[xX](?:_?[0-9A-Fa-f])+|0[oO](?:_?[0-7])+|0[bB](?:_?[01])+)",
    ),
    "typescript.number": _rule(
        _NUMBER,
        "must be one number as TypeScript spells it",
        r"(?:(?:0|[1-9](?:_?[0-9])*)(?:\.(?:[0-9](?:_?[0-9])*)?)?|\.[0-9](?:_?[0-9])*)(?:[eE][-+]?[0-9](?:_?[0-9])*)?"
        r"|0[xX][0-9A-Fa-f](?:_?[0-9A-Fa-f])*|0[oO][0-7](?:_?[0-7])*|0[bB][01](?:_?[01])*",
    ),
    "sql.number": _rule(
        _NUMBER,
        "must be one number",
        r"(?:[0-9][0-9_]*(?:\.[0-9_]*)?|\.[0-9][0-9_]*)(?:[eE][-+]?[0-9]+)?|0[xX][0-9A-Fa-f_]+|0[oO][0-7_]+|0[bB][01_]+",
    ),
    "python.bool": _rule(r"[A-Za-z]+", "must be True or False", r"True|False"),
    "typescript.bool": _rule(r"[A-Za-z]+", "must be true or false", r"true|false"),
    "sql.bool": _rule(r"[A-Za-z]+", "must be true or false", r"(?i:true|false)"),
    # What the escapes of a string say must exist, or the file is no program.
    "escapes.python": _rule(
        r".*",
        "may not hold an unfinished \\x, \\u, \\U escape, or \\N",
        r"(?:[^\\]|\\[^xuUN]|\\x[0-9A-Fa-f]{2}|\\u[0-9A-Fa-f]{4}|\\U00(?:0[0-9A-Fa-f]|10)[0-9A-Fa-f]{4})*",
    ),
    "escapes.bytes": _rule(r".*", "may not hold an unfinished \\x escape", r"(?:[^\\]|\\[^x]|\\x[0-9A-Fa-f]{2})*"),
    "escapes.typescript": _rule(
        r".*",
        "may not hold an unfinished \\x or \\u escape, or an octal one",
        r"(?:[^\\]|\\[^xu0-9]|\\0(?![0-9])|\\x[0-9A-Fa-f]{2}|\\u[0-9A-Fa-f]{4}|\\u\{(?:0{0,8}[0-9A-Fa-f]{1,5}|10[0-9A-Fa-f]{4})\})*",
    ),
    "ascii": _rule(r"[\x00-\x7f]*", "may hold ASCII characters only: it stands in bytes"),
    # dbt renders Jinja before SQL is read: in a comment it runs like anywhere else
    "nojinja": _rule(
        r"(?:[^{}%#]|\{(?![{%#])|[%#}](?!\}))*",
        "may not hold Jinja brackets, or end with {",
        r"(?:[^{}%#]|\{(?![{%#]|$)|[%#}](?!\}))*",
    ),
    "comment.line": _rule(f"[^{_LINE}]*", "must stay on its comment's line"),
    "comment.block": _rule(
        f"(?:[^*/{_LINE}]|\\*(?!/)|/(?!\\*))*",
        "may not end or open the comment, or hold a line break",
        f"(?:[^*/{_LINE}]|\\*(?!/|$)|/(?!\\*|$))*",
    ),
    "comment.jinja": _rule(
        f"(?:[^{{#{_LINE}]|#(?!\\}})|\\{{(?![#%{{]))*",
        "may not end the comment",
        f"(?:[^{{#{_LINE}]|#(?!\\}}|$)|\\{{(?![#%{{]|$))*",
    ),
    "text": _rule(f"[^<>{{}}{_QUOTES}{_LINE}]*", "may not hold markup, quotes or control characters"),
    "env.name": _rule(
        r"\w*", "must be part of an environment variable's name: letters, digits and _", r"[A-Za-z0-9_]+"
    ),
    "url": _rule(r"[^\s\"'`<>\\{}|^]*", "may not hold characters that no URL has"),
    "url.host": _rule(r"[\w.-]*", "must be a host name or address", r"[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_])?"),
    "url.part": _rule(r"[^\s\"'`<>\\{}|^?#/:@]*", "must be one part of a URL, without / ? # : @"),
    "url.path": _rule(r"[^\s\"'`<>\\{}|^?#]*", "must be the path of a URL, without ? and #"),
    "layout": _rule(r"[ \t\r\n\f]*", "must be white space"),
    "source": _rule(r"[^\x00-\x08\x0b\x0e-\x1f\x7f]*", "must be source text"),
    **{name: _rule(*row) for name, row in PLAIN.items()},
}

# Levels that are another level in one language, with its delimiter for the reader.
_ALIAS: Final[tuple[tuple[re.Pattern[str], str], ...]] = (
    (re.compile(r"(?:python|typescript)\.(?:raw|bytes|rawbytes)?string\.[a-z-]+|jinja\.string\.[a-z]+"), "string"),
    (re.compile(r"python\.(?:raw)?fstring\.[a-z-]+"), "fstring"),
    (re.compile(r"typescript\.template"), "template"),
    (re.compile(r"sql\.string\.[a-z]+"), "sqlstring"),
    (re.compile(r"(?:python|typescript)\.(?:raw|bytes|rawbytes|f|rawf)?string\.([a-z-]+)\+raw"), r"string.\1+raw"),
    (re.compile(r"typescript\.template\+raw"), "template+raw"),
    (re.compile(r"sql\.string\.single\+raw"), "sqlstring+raw"),
    (re.compile(r"jinja\.string\.([a-z]+)\+raw"), r"string.\1+raw"),
    (re.compile(r"sql\.identifier\.backtick"), "sql.identifier.quoted"),
    (re.compile(r"(?:python|typescript|sql)\.(layout|source|text|regex|comment\.[a-z]+)"), r"\1"),
    (re.compile(r"(python|typescript)\.identifier"), r"identifier.\1"),
    (re.compile(r"(?:python|typescript)\.identifier\.(part|dotted)"), r"identifier.\1"),
)

# Levels that have another rule beside their own.
_BESIDE: Final[tuple[tuple[re.Pattern[str], str], ...]] = (
    (re.compile(r"python\.(?:raw)?fstring\..*\+raw"), "braces"),
    (re.compile(r"python\.(?:raw)?bytesstring\..*"), "ascii"),
    (re.compile(r"python\.f?string\..*\+raw"), "escapes.python"),
    (re.compile(r"python\.bytesstring\..*\+raw"), "escapes.bytes"),
    (re.compile(r"typescript\.(?:string\..*|template)\+raw"), "escapes.typescript"),
    (re.compile(r"sql\.comment\.(?:line|block)"), "nojinja"),
)


@lru_cache(maxsize=1024)
def levels(place: str) -> tuple[Rule, ...]:
    """The rules of `place`, outermost first. :class:`TemplateError` for a place nobody knows."""
    found = []
    for level in place.split("/"):
        name = next((pattern.sub(to, level) for pattern, to in _ALIAS if pattern.fullmatch(level)), level)
        rule = _TABLE.get(name)
        if rule is None:
            raise TemplateError(f"place {place!r} is not known")
        found.append(rule)
        found.extend(_TABLE[beside] for pattern, beside in _BESIDE if pattern.fullmatch(level))
    return tuple(found)


def refusal(place: str, text: str) -> str | None:
    """Why `text` may not stand at `place`; None when it may. The sentence never quotes the text."""
    for rule in levels(place):
        if not rule.whole.fullmatch(text) or (rule.also is not None and not rule.also(text)):
            return rule.why
        if text in rule.reserved or (rule.reserved is SQL_WORDS and text.lower() in SQL_WORDS):
            return rule.why
    if "\0" in text:
        return "may not hold a NUL character"
    # Direction marks and other invisible characters make code read as something it is not (CVE-2021-42574).
    if not place.endswith("source") and any(unicodedata.category(char) in ("Cf", "Co", "Cs") for char in text):
        return "may not hold invisible characters"
    return None


def reach(place: str, text: str, start: int) -> int:
    """The furthest end of a text at `place` that begins at `start`: every level's run, the shortest of them."""
    end = len(text)
    for rule in levels(place):
        found = rule.run.match(text, start, end)
        end = found.end() if found else start
    return end


def is_source(place: str) -> bool:
    """Whether whole statements or clauses may stand at `place`."""
    return place.endswith("source")
