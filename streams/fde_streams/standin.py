"""Stand-ins: what certainly varies in an event's text, replaced by one fixed example of its kind before anything is read.

The event's way: ErrorEvent -> plainest() -> diagnosis_of() -> Signature.

The same failure comes again with another request id, another time, another machine. With stand-ins its text is the same each
time, so that what was made of it once can be remembered. It is no mask: a stand-in is a value of the same kind (a UUID for a
UUID), so every later rule reads it as it would have read the value. What the catalogue names is never replaced.

Should a stand-in take part in a signature all the same (`shows`), the event is read as it was printed: no two values that
tell failures apart become one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from itertools import islice
from typing import Final

import msgspec

from fde_events.event import ErrorEvent
from fde_events.vendors import GENERAL, VENDORS, vendor_of_word

LENGTH: Final = 65_536  # a longer text is read as it is
_REMEMBERED: Final = 32_768  # lines, and words, in which nothing varies
_LONGEST: Final = 1_024  # characters: of longer ones nothing is remembered

_UUID: Final = "90909090-9090-4a90-9a90-909090909090"
_DATE: Final = "1909-09-09"
_CLOCK: Final = "09:09:09"
_PART: Final = ".909"
_ADDRESS: Final = "90.90.90.90"
_HEX: Final = "90a90a90"
_ID: Final = "q90q90q90q90"
# As long as a year, which it may be; as long as a SQLSTATE, which it may be; longer than any code.
_NUMBERS: Final = {4: "9090", 5: "90909"}
_LONG: Final = "90909090"
_AMOUNT: Final = "90.90"
_SHOWS: Final = re.compile(r"9090|09-09|09:09:09|90\.90|90a90a|q90q")

_DIGIT: Final = re.compile(r"\d")
_ALTERNATES: Final = re.compile(r"(?:[A-Za-z]+\d+){2}|(?:\d+[A-Za-z]+){2}")
_ALL_HEX: Final = re.compile(r"[0-9a-fA-F]+")
_FRAME: Final = ('  File "', "    at ")  # lines that are the same whenever this code fails
_VARIES: Final = re.compile(
    r"(?<![A-Za-z0-9])(?=[A-Za-z]*\d)(?:"
    r"(?P<uuid>[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}(?![0-9A-Za-z]))"
    r"|(?<![_-])(?P<date>\d{4}-\d\d-\d\d)(?P<at>T\d\d:\d\d(?::\d\d(?P<part>[.,]\d{1,9})?)?)?(?![\d-])"
    r"|(?<![_.:])(?P<clock>\d\d:\d\d:\d\d)(?P<split>[.,]\d{1,9})?(?![\w:])"
    r"|(?<![_.-])(?P<address>\d{1,3}(?:\.\d{1,3}){3})(?![\w.-])"
    r"|(?<!_)0x(?P<pointer>[0-9a-fA-F]{4,})(?!\w)"
    r"|(?P<word>(?=\d*[A-Za-z])[A-Za-z0-9]{8,})"
    r"|(?<![_.])(?P<amount>\d{2,12}\.\d{1,2}|\d{1,12}\.\d{3,20})(?![\w.])"
    r"|(?<![A-Z0-9]_)(?P<number>\d{4,20})(?=(?:ms|s|kb|mb|gb|KB|MB|GB)?(?!\w))"
    r")"
)
# Numbers that are codes: before a text, as a driver prints its arguments; after a word that says so; SQLSTATEs.
_BEFORE_TEXT: Final = re.compile(r", b?['\"]")
_BEFORE_CODE: Final = re.compile(
    r"(?:(?i:code|(?<![a-z])(?:error|errno|sqlstate|status|state|type|reason|number))|(?<![A-Za-z])(?:ORA|PLS|TNS|SQL|DB2|MSG|CPF))\W{0,4}$"
)
_PRIVATE: Final = re.compile(
    r"(?<![\w.@/\\-])(?P<first>[A-Za-z0-9-]{1,63})(?P<rest>(?:\.[A-Za-z0-9-]{1,63}){0,8})"
    r"(?P<top>\.(?:example|internal|invalid|test|local|lan|corp|intranet|private))(?![\w(-]|\.\w)"
)
_LABEL: Final = re.compile(r"[a-z]+(?=\d*(?:-|$))", re.IGNORECASE)
_TOP: Final = re.compile(r"\.(?:example|internal|invalid|test|local|lan|corp|intranet|private)\b")
_PARTS: Final = re.compile(r"[^A-Za-z0-9]+")


def _catalogued() -> tuple[frozenset[str], frozenset[str]]:
    """Words with a digit that the catalogue reads: all of them, and those of its sentences."""
    meanings = (*GENERAL, *(meaning for vendor in VENDORS for meaning in vendor.meanings))
    said = {text.lower() for meaning in meanings for text in (*meaning.tells, *meaning.says)}
    coded = {text.lower() for meaning in meanings for text in (*meaning.codes, *meaning.types)}
    return _with_digit(said | coded), _with_digit(said)


def _with_digit(texts: Iterable[str]) -> frozenset[str]:
    words = (word for text in texts for word in re.findall(r"[a-z0-9]+", text))
    return frozenset(word for word in words if _DIGIT.search(word))


_CATALOGUED, _SAID = _catalogued()


Texts = tuple[str | None, str | None, str | None, str | None, str | None]


def texts_of(event: ErrorEvent) -> Texts:
    """The event's texts with stand-ins: stack, message, body, host, path."""
    texts = event.exception_stacktrace, event.exception_message, event.body, event.server_address, event.url_path
    stack, message, body, host, path = texts
    return (
        stack and text_of(stack),
        message and text_of(message),
        body and text_of(body),
        host and text_of(host),
        path and text_of(path),
    )


def plainest(event: ErrorEvent) -> ErrorEvent:
    """`event` with stand-ins for what varies in its texts. Pure."""
    stack, message, body, host, path = texts_of(event)
    return msgspec.structs.replace(
        event, exception_stacktrace=stack, exception_message=message, body=body, server_address=host, url_path=path
    )


def shows(texts: Iterable[str]) -> bool:
    """Whether one of `texts` may hold a stand-in."""
    return any(_SHOWS.search(text) is not None for text in texts)


def text_of(text: str) -> str:
    """`text` with stand-ins, line by line. Idempotent; a text longer than `LENGTH` is left as it is."""
    if "\n" not in text:
        return text if text in _lines or len(text) > LENGTH else _lined(text)
    if len(text) > LENGTH:
        return text
    lines = text.split("\n")
    unknown = set(lines).difference(_lines)
    if not unknown:
        return text
    for place, line in enumerate(lines):
        if line in unknown:
            lines[place] = _lined(line)
    return "\n".join(lines)


def _lined(line: str) -> str:
    if line.startswith(_FRAME):
        _remember(_lines, line)
        return line
    return _known_line(line) if len(line) <= _LONGEST else _line(line)


_lines: dict[str, None] = {}  # in which nothing varies
_words: dict[str, None] = {}


def _remember(known: dict[str, None], text: str) -> None:
    if len(text) <= _LONGEST:
        if len(known) >= _REMEMBERED:
            for oldest in list(islice(known, _REMEMBERED // 8)):
                known.pop(oldest, None)
        known[text] = None


@lru_cache(maxsize=16_384)  # what an event says of itself several times, and an event that comes again as it was
def _known_line(line: str) -> str:
    return _line(line)


def _line(line: str) -> str:
    words = line.split(" ")
    unknown = set(words).difference(_words)
    if unknown:
        for place, word in enumerate(words):
            if word in unknown:
                before, after = words[place - 1] if place else "", words[place + 1] if place + 1 < len(words) else ""
                made = _known_word if len(word) <= _LONGEST else _word
                words[place] = made(word, before[-24:], after[:2])
        plain = " ".join(words)
        if plain != line:
            return plain
    _remember(_lines, line)
    return line


@lru_cache(maxsize=2_048)
def _known_word(word: str, before: str, after: str) -> str:
    return _word(word, before, after)


def _word(word: str, before: str, after: str) -> str:
    """One word with stand-ins; remembered if nothing in it can vary whatever stands beside it."""
    plain = _PRIVATE.sub(_host, word) if "." in word and _TOP.search(word) is not None else word
    found = list(_VARIES.finditer(plain))
    if not found:
        if plain == word:
            _remember(_words, word)
        return plain
    end, pieces = 0, list[str]()
    for each in found:
        pieces += (plain[end : each.start()], _replaced(each, before, after))
        end = each.end()
    return "".join((*pieces, plain[end:]))


def _replaced(found: re.Match[str], before: str, after: str) -> str:
    kind, text = found.lastgroup, found.group()
    if kind == "number" or kind == "amount":
        if (
            len(text) >= 8
            and found.string[found.end() : found.end() + 1] == ">"
            and found.string[: found.start()].endswith(":")
        ):
            return _HEX  # redaction's hash, by chance of digits alone
        return (
            text if _is_code(found, before, after) else _NUMBERS.get(len(text), _LONG) if kind == "number" else _AMOUNT
        )
    if kind == "word":
        if text.lower() in _CATALOGUED:
            return text
        return _HEX if _ALL_HEX.fullmatch(text) else _ID if _ALTERNATES.search(text) else text
    if kind == "date" or kind == "at":
        at = found["at"]
        return _DATE if at is None else f"{_DATE}T{_CLOCK}{_PART if found['part'] else ''}"
    if kind == "clock" or kind == "split":
        return f"{_CLOCK}{_PART if found['split'] else ''}"
    return _UUID if kind == "uuid" else _ADDRESS if kind == "address" else f"0x{_HEX}"


def _is_code(found: re.Match[str], before: str, after: str) -> bool:
    """Whether a number may tell failures apart: the catalogue names it, or it stands where codes do."""
    word, start, end = found.string, found.start(), found.end()
    if found.group() in _SAID:
        return True
    if end - start == 5 and word[end : end + 1] in (":", "]", ")"):
        return True
    if end - start <= 6 and word[start - 1 : start] in ("", "("):
        following = word[end:] if end < len(word) - 1 else f"{word[end:]} {after}"
        if _BEFORE_TEXT.match(following) is not None:
            return True
    return _BEFORE_CODE.search(f"{before} {word[:start]}"[-24:]) is not None


def _host(found: re.Match[str]) -> str:
    """A private host with its class and its top alone; one that has a catalogued word in it stays."""
    first, rest, top = found["first"], found["rest"], found["top"]
    if not rest:
        return found.group()
    if any(vendor_of_word(part) is not None for part in _PARTS.split(rest) if part):
        return found.group()
    label = _LABEL.match(first)
    kept = label.group() if label is not None else ""
    return f"{kept}{'' if kept == first else f'-{_ID}' if kept else _ID}.{_ID}{top}"
