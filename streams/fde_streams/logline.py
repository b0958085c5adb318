"""The template of a log line: what the statement that printed it says, without what it was told to print.

A line's way: raw text -> template_of() -> "Failed password for <*> from <*> port <*>" -> signature of an application's words.

An application's own line is no vendor's sentence. What it holds beside its words is data: whatever has a digit in it, the
values of ``key=value`` dumps, lists, printed objects, names of users, machines and classes. So more is masked here than in
`mask`, whose table runs in the middle (`fde_streams.linemask`): `BEFORE`, typed masks, `AFTER`; then kinds are forgotten and
neighbours become one. Rules read one line only, never its neighbours. Discriminators stay as in `mask`.

A template is itself a line with this template: ``template_of(template_of(x)) == template_of(x)``.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from fde_streams.linemask import AFTER, BEFORE, METHODS
from fde_streams.mask import UPPER_SNAKE, VENDOR_CODE, Masked
from fde_streams.masking import ANY_TOKEN, Held, apply_all, plain
from fde_streams.typed import MASKS_V2

LENGTH: Final = 4_096  # characters of a line that are read: two lines that differ after them are one
_ROUNDS: Final = 8

# A status alone in a line may be any number: it is one before its reason phrase only, or after a word that says so.
_REASONS: Final = (
    "Bad Request|Unauthorized|Payment Required|Forbidden|Not Found|Method Not Allowed|Not Acceptable|Request Timeout|Conflict|Gone|"
    "Precondition Failed|Payload Too Large|Content Too Large|Unsupported Media|Unprocessable|Locked|Too Many Requests|Internal Server Error|"
    "Not Implemented|Bad Gateway|Service (?:Temporarily )?Unavailable|Gateway Time-?out|(?:Client|Server) Error"
)
_STATUS_OF_LINE: Final = (
    r"(?<![\w.])(?:(?:HTTP(?:/\d(?:\.\d)?)?|status(?: ?code)?|error ?code|code)[ :=]{1,3}[\"']?)[1-5]\d\d(?![\w.])"
    rf"|(?<![\w.,:#-])[45]\d\d(?=\)? (?i:{_REASONS})\b)"
    rf"|\b(?:{METHODS}) <(?:request|any)>,? [1-5]\d\d(?![\w.])"
)
_CODES: Final = re.compile(f"{_STATUS_OF_LINE}|{VENDOR_CODE}")
# A name whose last part is a number alone is one of many: `NODE_17`.
_CODE_NAMES: Final = re.compile(rf"(?<![\w-])(?=[A-Z])(?![A-Z0-9_]*_\d+(?![A-Z0-9])){UPPER_SNAKE}")

_GLUED: Final = re.compile(
    r"(?<![\w$@#~+%.<>*-])(?:[\w$@#~+%.-]*[-_.@#$~+%])?<\*>(?:[-_.@#$~+%]*(?:<\*>|\w+))*(?:%|\+)?"
)
_GLUE: Final = re.compile(r"[-_.@#$~+%]<\*>|<\*>[\w.@#$~+%<-]")
_ENCLOSED: Final = re.compile(
    r"\(\s*<\*>\s*\)|\[\s*<\*>\s*\]|\{\s*<\*>\s*\}|<\s*<\*>\s*>|(?<=<\*>)\s?(?:\(\s*\)|\[\s*\]|\{\s*\})"
)
_BESIDE: Final = re.compile(r"<\*>(?:[\s,;:/=&.|+#!*-]*<\*>)+")


def template_of(text: str) -> str:
    """The template of a line. Pure; memoised up to 4 096 characters, which is what is read of a longer one."""
    return read(text).text


def read(text: str) -> Masked:
    """The template of a line, and the names of the masks that took part."""
    return _read(text[:LENGTH])


@lru_cache(maxsize=16_384)
def _read(text: str) -> Masked:
    names: set[str] = set()
    after = _once(" ".join(text.split()), names)
    for _ in range(_ROUNDS):  # what was too long, or stood apart, before its neighbours were joined
        before, after = after, _once(after, names)
        if after == before:
            break
    return Masked(after, tuple(sorted(names - {"any"})))


def _once(text: str, names: set[str]) -> str:
    text = plain(text.replace("<*>", "<any>"), names)
    held = Held(_CODES, _CODE_NAMES)
    text = held.out(apply_all(BEFORE, text, names))
    for _ in range(_ROUNDS):
        before = text
        text = apply_all(_TABLE, text, names)
        if text == before:
            break
    return _joined(held.back(text))


_TABLE: Final = (BEFORE[-1], *(mask for mask in MASKS_V2 if mask.name != "value"), *AFTER)  # values are read wider here


def _joined(text: str) -> str:
    """Kinds forgotten; what is glued to a token, encloses nothing else or stands beside another is one with it."""
    text = ANY_TOKEN.sub("<*>", text)
    for _ in range(_ROUNDS):
        before = text
        if _GLUE.search(text):
            text = _GLUED.sub("<*>", text)
        text = _BESIDE.sub("<*>", _ENCLOSED.sub(lambda found: "<*>" if "<*>" in found.group() else "", text))
        if text == before:
            break
    return " ".join(text.split())
