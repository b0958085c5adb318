"""Recognising: which signs of the catalogue a template's code shows, and where first.

Shown files -> Code -> Code.found(signs) -> one Sighting a distinct recogniser
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from fde_extraction.catalogue import Signs
from fde_extraction.shown import Shown, Token
from fde_template.words import words

FAR: Final = 250  # tokens of one statement of SQL; to look further would cost their square
SKIPPED: Final = 40  # tokens of a program that one `...` may skip; in SQL it may skip to the statement's end
_SAID: Final = {
    "imports.python": "imports {}", "imports.typescript": "imports {}", "hosts": "a host below {}", "code": "code: {}",
    "strings": "a string has {}", "names": "a name has the word {}", "words": "a name has the word {}", "sql": "SQL: {}",
    "dialect": "SQL dialect: {}",
}  # fmt: skip
NEAR: Final = 8  # tokens that a `..` may skip
_PIECE: Final = re.compile(r"'[^']*'|\.{2,3}|[^\s.]+|\.")


@dataclass(frozen=True, slots=True)
class Sighting:
    """A recogniser of the catalogue and where it matched first, in shared code if it does. `line` 1-based."""

    kind: str
    sign: str
    path: str
    line: int
    shared: bool

    @property
    def why(self) -> str:
        """In words; all of them are the catalogue's."""
        return _SAID[self.kind].format(self.sign) + ("" if self.shared else " (in an optional block)")


Place = tuple[str, Token]
Stream = tuple[str, Sequence[Token], bool]  # path, tokens, whether it is embedded in a program


class Code:
    """All files of one template, indexed by what signs begin with."""

    def __init__(self, files: Sequence[Shown]) -> None:
        self.files = files
        self._imports = [(file.language, file.path, token) for file in files for token in file.imports]
        self._strings = [(token.text.lower(), file.path, token) for file in files for token in file.strings]
        code: list[Stream] = [(file.path, file.code, False) for file in files]
        sql: list[Stream] = [(file.path, one, file.language != "sql") for file in files for one in file.sql]
        self._code, self._sql = _index(code), _index(sql)
        self._words = dict[str, list[Place]]()
        self._near = defaultdict[tuple[str, int], set[str]](set)
        for path, stream, _ in (*code, *sql):
            for token in stream:
                said = words(token.text)
                self._near[path, token.line].update(said)
                if token.text[:1] != "'":
                    for word in said:
                        self._words.setdefault(word, []).append((path, token))

    def found(self, signs: Signs) -> tuple[Sighting, ...]:
        """One sighting for each recogniser that matches, in the order of `signs`."""
        seen = list[Sighting]()
        for kind, sign in signs.each():
            places = [place for place in self._places(kind, sign) if not self._denied(place, signs.unless)]
            if places:
                path, token = next((place for place in places if place[1].shared), places[0])
                seen.append(Sighting(kind, sign, path, token.line, token.shared))
        return tuple(seen)

    def _denied(self, place: Place, unless: Sequence[str]) -> bool:
        path, token = place
        return any(word in self._near.get((path, token.line + ahead), ()) for word in unless for ahead in range(3))

    def _places(self, kind: str, sign: str) -> Iterator[Place]:
        if kind.startswith("imports."):
            wanted = kind.partition(".")[2]
            joint = "." if wanted == "python" else "/"
            for language, path, token in self._imports:
                if language == wanted and (token.text == sign or token.text.startswith(sign + joint)):
                    yield path, token
        elif kind in ("hosts", "strings"):
            pattern = _text_pattern(kind, sign.lower())
            bare = sign.lower()
            for text, path, token in self._strings:
                if bare in text and pattern.search(text):
                    yield path, token
        elif kind in ("names", "words"):
            yield from self._words.get(sign, ())
        else:
            yield from _sequences(self._code if kind == "code" else self._sql, sign, code=kind == "code")


_Index = dict[str, list[tuple[Stream, int]]]


def _index(streams: Sequence[Stream]) -> _Index:
    index: _Index = {}
    for stream in streams:
        for at, token in enumerate(stream[1]):
            index.setdefault(token.text, []).append((stream, at))
    return index


def _sequences(index: _Index, sign: str, *, code: bool) -> Iterator[Place]:
    begins, parts = _parts(sign, code)
    first = parts[0][0][0]
    found = (
        index.get(first, ())
        if not _open(first)
        else [at for text, all_ in index.items() if _is(text, first) for at in all_]
    )
    for (path, stream, embedded), start in found:
        if begins and embedded and start:
            continue
        at = start
        for number, (part, near) in enumerate(parts):
            after = _follows(stream, at, part, (NEAR if near else SKIPPED if code else FAR) if number else 0)
            if after is None:
                break
            at = after
        else:
            yield path, stream[start]


def _follows(stream: Sequence[Token], at: int, part: Sequence[str], skip: int) -> int | None:
    """Where `part` ends that begins at `at` or at most `skip` tokens later; None if nowhere."""
    for start in range(at, min(at + skip, len(stream) - len(part)) + 1):
        if len(part) <= len(stream) - start and all(_is(stream[start + k].text, want) for k, want in enumerate(part)):
            return start + len(part)
    return None


def _is(text: str, want: str) -> bool:
    if want == "'":
        return text[:1] == "'"
    return text.startswith(want[:-1]) if _open(want) else text == want


def _open(want: str) -> bool:
    return len(want) > 1 and want[-1] == "*" and want != "**"


@lru_cache(maxsize=4096)
def _parts(sign: str, code: bool) -> tuple[bool, tuple[tuple[tuple[str, ...], bool], ...]]:
    """Whether `sign` begins a statement, and its runs of tokens, each with whether it must be near the one before."""
    parts: list[tuple[list[str], bool]] = [([], False)]
    pieces = _PIECE.findall(sign if code else sign.lower())
    for piece in pieces[1:] if pieces[0] == "^" else pieces:
        if piece in ("..", "..."):
            parts.append(([], piece == ".."))
        else:
            parts[-1][0].append(piece)
    return pieces[0] == "^", tuple((tuple(part), near) for part, near in parts if part)


@lru_cache(maxsize=4096)
def _text_pattern(kind: str, text: str) -> re.Pattern[str]:
    """A host suffix stands after a dot, a slash, an at sign or nothing; another text between characters of no word."""
    if kind == "hosts":
        return re.compile(rf"(?:^|[./@]){re.escape(text)}(?![\w.-]*\w)")
    before = r"(?<![^\W_])" if text[0].isalnum() else ""
    after = r"(?![^\W_])" if text[-1].isalnum() else ""
    return re.compile(before + re.escape(text) + after)
