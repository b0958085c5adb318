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
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from fde_template.errors import TemplateError


@dataclass(frozen=True, slots=True)
class Rule:
    """One level. `run` takes the longest text that may stand there (fit uses it); `whole` decides; `why` is the sentence."""

    run: re.Pattern[str]
    whole: re.Pattern[str]
    why: str
    reserved: frozenset[str] = frozenset()


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


def _rule(run: str, why: str, whole: str | None = None, reserved: frozenset[str] = frozenset()) -> Rule:
    return Rule(re.compile(run, re.DOTALL), re.compile(whole or run, re.DOTALL), why, reserved)


_QUOTES: Final = "'\"`\\\\"
_LINE: Final = "\\x00-\\x1f\\x7f\\x85\\u2028\\u2029"  # every character that some reader takes for a line break
_WORD: Final = r"[^\W\d]\w*"
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
        "may not hold quotes, backslashes, Jinja brackets or control characters",
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
    "sqlstring+raw": _rule(r"(?:[^'\\{\n\r]|''|\\[^\n\r]|\{(?![{%#]))*", "must be the inside of one '...' string"),
    "braces": _rule(r"(?:[^{}]|\{\{|\}\})*", "may not open or close a {replacement field}"),
    "regex": _rule(
        r"(?:[^/\\\n\r\[]|\\[^\n\r]|\[(?:[^\]\\\n\r]|\\[^\n\r])*\])+",
        "must be the inside of one /.../ regular expression",
    ),
    "identifier.python": _rule(r"\w+", "must be one Python identifier", _WORD, frozenset(keyword.kwlist)),
    "identifier.typescript": _rule(r"[\w$]+", "must be one identifier", r"[^\W\d][\w$]*|\$[\w$]*", _TS_WORDS),
    "identifier.part": _rule(r"\w*", "may hold letters, digits and _ only"),
    "identifier.dotted": _rule(r"\w+(?:\.\w+)*", "must be identifiers with dots between", rf"{_WORD}(?:\.{_WORD})*"),
    "sql.identifier.bare": _rule(
        r"[\w$@#]+", "must be one SQL identifier, unquoted and no keyword", r"[@#]{0,2}[^\W\d][\w$#@]*", SQL_WORDS
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
    "number": _rule(
        r"[0-9A-Fa-fxXoObB_.]+(?:[eE][-+]?\d+)?",
        "must be one number",
        r"(?:\d[\d_]*(?:\.[\d_]*)?|\.\d[\d_]*)(?:[eE][-+]?\d+)?|0[xX][0-9A-Fa-f_]+|0[oO][0-7_]+|0[bB][01_]+",
    ),
    "bool": _rule(r"[A-Za-z]+", "must be true or false", r"(?i:true|false)"),
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
    (re.compile(r"(?:python|typescript|sql)\.(number|bool|layout|source|text|regex|comment\.[a-z]+)"), r"\1"),
    (re.compile(r"(python|typescript)\.identifier"), r"identifier.\1"),
    (re.compile(r"(?:python|typescript)\.identifier\.(part|dotted)"), r"identifier.\1"),
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
        if "fstring" in level and level.endswith("+raw"):
            found.append(_TABLE["braces"])
    return tuple(found)


def refusal(place: str, text: str) -> str | None:
    """Why `text` may not stand at `place`; None when it may. The sentence never quotes the text."""
    for rule in levels(place):
        if not rule.whole.fullmatch(text):
            return rule.why
        if text.lower() in rule.reserved and (text in rule.reserved or rule.reserved is SQL_WORDS):
            return rule.why
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
