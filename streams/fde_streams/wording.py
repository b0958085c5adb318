"""Words of a masked text: which may vary from one customer to the next, and which are what the text says.

A text's way: template -> words_of() -> Word(norm, kind) -> core() -> what may not differ (`fde_streams.near`).

Kinds: ``hole`` (a placeholder, or a name that is one by its shape), ``stop`` (says nothing by itself), ``lead`` (a caller's
"... failed:" before the cause), ``number``, ``code``, ``field`` (discriminators), ``content`` (all else). Closed lists of
plain English and shapes; no vendor and no customer is named.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final, NamedTuple

HOLE: Final = "<*>"
MAX_WORDS: Final = 96  # of one text; the rest is not read
_TEXT_LENGTH: Final = 1_200

_WEIGHTS: Final = {
    "content": 1.0,
    "code": 2.0,
    "field": 1.0,
    "number": 1.0,
    "lead": 0.0625,
    "stop": 0.0625,
    "hole": 0.0625,
}
_CORE: Final = frozenset({"content", "number", "code", "field"})
_LEAD_LENGTH: Final = 12  # words of one link of a chain of callers
_CALLER_LENGTH: Final = 4  # words of a lead that only names the caller and the called
MIN_CONTENT: Final = 3  # content words that say something by themselves


class Word(NamedTuple):
    """One word: `norm` is compared, `kind` says how."""

    norm: str
    kind: str

    @property
    def weight(self) -> float:
        """How much it counts in likeness; multiples of 1/16, so that sums are exact."""
        return _WEIGHTS[self.kind]


# Say nothing by themselves. "not", "no", "from", "to", "before", "without" are no such words.
_STOP: Final = frozenset(
    "a an the this that these those is are was were be been being has have had do does did will would of for and it its "
    "please you your our we i there here so then which who whose as at just currently now also".split()
)
# Words that turn the meaning of a sentence when only one side says them.
OPPOSITE: Final = frozenset(
    "not no never none nothing without only except unless already still yet again before after until too over under above "
    "below more less most least min max minimum maximum large small long short high low big to from in out into on off up down "
    "enabled disabled enable disable active inactive allowed denied allow deny open opened closed close start started stop "
    "stopped paused resumed running connect connected disconnected read write upload download input output source target "
    "destination request response client server send sent receive received first last previous next new old create created "
    "update updated delete deleted insert add added remove removed valid invalid expired revoked success failed fail succeeded "
    "pass passed true false null empty full locked unlocked online offline inbound outbound public private internal external "
    "second minute hour day week month year daily hourly monthly weekly burst concurrent".split()
)
# A caller's words that announce a cause after the colon.
_FAILURE: Final = frozenset(
    "failed failure fail fatal error exception panic unable could cannot not attempt retry".split()
)
_HARMLESS: Final = _FAILURE | frozenset("to from in out into on at server client request response open".split())
# "Unable to create record:" - what a client calls any call of its own, whatever was asked for.
_CALLED: Final = _FAILURE | frozenset(
    "to the a an create update delete fetch get list post record resource object entity item document request response".split()
)
_LATE: Final = frozenset("timeout timed deadline elapsed late".split())  # whose time ran out is what the lead says
# Sentences of these alone are said of any failure: a code beside them is what tells.
GENERIC: Final = frozenset(
    "error occurred occur unexpected internal server failed failure fail bad invalid request response operation unknown "
    "validation value parameter argument data input processing process unable could not cannot something went wrong service "
    "api call message reason detail one or more while during with in your to by problem issue general".split()
)
_ERROR_NAME: Final = re.compile(r"(?:[A-Za-z]+\.)*[A-Z][A-Za-z]*(?:Error|Exception|Fault)")
# Nouns that are followed by somebody's name for the thing, never by a field of a schema.
NAMING: Final = frozenset(
    "table relation bucket queue topic database user host hostname server file directory folder customer tenant account project "
    "workspace organization organisation repository repo branch channel container volume node pod worker cluster namespace "
    "stream collection dataset warehouse domain device subscription".split()
)
_VOCABULARY: Final = re.compile(
    r"(?:utf|sha|base|md|http|ipv|u?int|float|latin|iso|cp|oauth|tlsv?|sslv?|python|py|sql|win|amd|arm|aes|x|v|api|ec|s|h|p|r|"
    r"route|log|windows|field|column|col|attr|param|arg|key|addr|address|option|opt|name|value|item|date|day|month|layer|level|web|tier|type|phase|stage|step|mode|rule|port|line|code|error|status|version)[-_]?\d{1,5}(?:[._-]\d{1,2})*",
    re.IGNORECASE,
)
_TOKEN: Final = re.compile(
    r"(?P<hole>(?:<\*>)+)|(?P<quote>'[\w.\[\]-]{1,80}'|\"[\w.\[\]-]{1,80}\"|`[\w.\[\]-]{1,80}`)"
    r"|(?P<number>(?<!\w)[-+]?\d+(?:[.,:/]\d+)*(?!\w))|(?P<word>[^\W\d_]+['’][^\W\d_]{1,2}(?!\w)|\w+(?:[.@+-]+\w+)*)"
    r"|(?P<end>[.;!?](?=\s|$)|\n)|(?P<colon>:(?=\s))"
)
_CODE: Final = re.compile(r"[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+|[A-Z]{1,5}-?\d{1,6}[A-Z]?|\d{1,5}[A-Z][0-9A-Z]{0,4}")
_NEGATED: Final = re.compile(r"(?:[a-z]+n['’]t|cannot)", re.IGNORECASE)
_HUMP: Final = re.compile(r"[a-z][A-Z]|[A-Z]{2}[a-z]")
_ADVICE: Final = re.compile(
    r"(?:please )?(?:(?:try|retry) (?:again|later|your request|the request|after|in)\b|wait (?:a|an|for|until|and|before|<\*>)"
    r"|contact (?:us|support|your|the|customer)\b|(?:see|visit|refer to|read|consult) (?:the|our|<\*>|docs?|documentation)\b"
    r"|learn more|for (?:more|further|additional) (?:information|details?|help)|if (?:this|the) (?:problem|error|issue) (?:persists|continues)"
    r"|you can (?:find|read|learn) more|more (?:information|details?) )",
    re.IGNORECASE,
)
_ID_TAIL: Final = re.compile(
    r"[\s,;|([{-]*\b(?:request|req|trace|correlation|event|support|incident|reference|transaction)[ _-]?id\b[\s:=#-]*(?:<\*>)?[\s)\]}.,;]*$",
    re.IGNORECASE,
)


def words_of(text: str, owner: str = "") -> tuple[Word, ...]:
    """The words of a masked text, in order, without advice and request ids. At most `MAX_WORDS`.

    `owner` is the vendor or library the text is about: a caller's lead that names it ("github repos:") says nothing else.
    """
    text = _ID_TAIL.sub("", text[:_TEXT_LENGTH])
    sentences = [part for part in re.split(r"(?<=[.!?;])\s+|\n", text) if part.strip()]
    kept = [part for part in sentences if not _ADVICE.match(part.lstrip())] or sentences
    words: list[Word] = []
    colons: list[int] = []
    for sentence in kept:
        before = ""
        for found in _TOKEN.finditer(sentence):
            kind = found.lastgroup
            if kind in ("end", "colon"):
                before = ""
                if kind == "colon" and sentence is kept[0]:
                    colons.append(len(words))
                continue
            word = _word(kind or "", found[kind or 0], before in NAMING)
            before = word.norm
            if word.kind == "hole" and words and words[-1].kind == "hole" and len(words) not in colons:
                continue  # a value of two words is one value
            words.append(word)
            if len(words) >= MAX_WORDS:
                break
    return _without_leads(words[:MAX_WORDS], colons, owner)


def _without_leads(words: list[Word], colons: list[int], owner: str) -> tuple[Word, ...]:
    """`words` with callers' "... failed:" marked as leads, where what follows says something by itself."""
    start = 0
    if any(word.norm in _LATE for word in words):
        return tuple(words)
    for at in colons:
        if not _is_lead(words[start:at], owner):
            break
        if sum(word.kind == "content" for word in words[at:]) < MIN_CONTENT:
            break
        start = at
    return (*(Word(word.norm, "lead") for word in words[:start]), *words[start:])


def _is_lead(words: list[Word], owner: str) -> bool:
    if not words or len(words) > _LEAD_LENGTH or any(word.kind in ("number", "code") for word in words):
        return False
    said = {word.norm for word in words if word.kind != "hole"}
    if said <= _CALLED and said & _FAILURE:
        return True
    if (said - _HARMLESS) & OPPOSITE:
        return False
    if owner and len(words) <= _CALLER_LENGTH and any(owner in re.split(r"[\W_]", word.lower()) for word in said):
        return True
    if any(word.kind == "field" and not _ERROR_NAME.fullmatch(word.norm) for word in words):
        return False
    return bool(said & _FAILURE) or any(_ERROR_NAME.fullmatch(word) for word in said)


def specific(words: tuple[Word, ...]) -> int:
    """How many words say more than that something failed."""
    return sum(word.kind in _CORE and word.norm not in GENERIC for word in words)


def core(words: tuple[Word, ...]) -> tuple[Word, ...]:
    """The words that may not differ, in order."""
    return tuple(word for word in words if word.kind in _CORE)


@lru_cache(maxsize=65_536)
def _word(form: str, text: str, named: bool) -> Word:
    """The word that a token of `_TOKEN` is; `named` says that a noun before it is followed by names."""
    if form == "hole":
        return Word(HOLE, "hole")
    if form == "quote":
        name = text[1:-1]
        return Word(name, "code" if _CODE.fullmatch(name) else "field")
    if form == "number":
        return Word(text, "number")
    if _NEGATED.fullmatch(text):
        return Word("not", "content")
    if _CODE.fullmatch(text):
        return Word(text, "code")
    plain = text.isalpha() or "'" in text or "’" in text
    if plain and not _HUMP.search(text):
        norm = text.lower()
        norm = norm if norm in _STOP else _singular(norm)
        return Word(norm, "stop" if norm in _STOP else "content")
    if _ERROR_NAME.fullmatch(text):
        return Word(text, "field")
    return Word(HOLE, "hole") if _is_name(text, named) else Word(text, "field")


def _is_name(text: str, named: bool) -> bool:
    """Whether a token that is no plain word is somebody's name or id, by its shape and by the noun before it."""
    if _VOCABULARY.fullmatch(text):
        return False
    if any(sign.isdigit() for sign in text):
        return len(text) >= 4 and any(sign.isalpha() for sign in text)
    if not named:
        return False
    pieces = [piece.lower() for piece in re.findall(r"[A-Z]?[a-z]+|[A-Z]+", text)]
    return not OPPOSITE.intersection(pieces)


def _singular(word: str) -> str:
    if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is")):
        return word[:-1]
    return word
