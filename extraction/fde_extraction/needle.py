"""Needles: what the leak gate looks for, and when it stands in a text.

(bindings, customers' names) -> needles() -> Texts, those that may hold one -> stands() in a text

Texts are compared as their letters and digits alone (:func:`canonical`), so that case, accents and separators do not matter.
"""

from __future__ import annotations

import binascii
import re
import unicodedata
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from fde_api.primitive import PrimitiveSpec, Value
from fde_template.words import words

SHORTEST: Final = 4  # letters and digits; shorter texts are in every source
ALONE: Final = 6  # shorter ones must stand as words
ANYHOW: Final = 10  # longer ones are found through whatever punctuation
_DIGITS: Final = 8  # a number as short as that is in many sources
CODED: Final = 8  # letters of base64; fewer are found by chance
_GROUPS: Final = 4  # numbers in an address
_PLAIN_TYPES: Final = frozenset({"int", "float", "bool", "duration", "enum"})
_BASE64: Final = re.compile(r"[A-Za-z0-9+/]{8,}")
_URLSAFE: Final = str.maketrans("-_", "+/")
_NO_WORDS: Final = frozenset[str]()


@dataclass(frozen=True, slots=True)
class Needle:
    """`text` may not be told. `plain`: one word of letters, which several customers' code may share."""

    kind: str
    parameter: str
    text: str
    plain: bool

    @property
    def canonical(self) -> str:
        """Its letters and digits."""
        return canonical(self.text)


def needles(
    spec: PrimitiveSpec,
    bindings: Mapping[str, Mapping[str, Value]],
    customers: Sequence[str],
    owned: Collection[str] = (),
) -> list[Needle]:
    """Every sibling's values, in lists and records too, and customers' names; each once."""
    found = dict[Needle, None]()
    types = {parameter.name: parameter.type for parameter in spec.parameters}
    fields = {(parameter.name, field.name): field.type for parameter in spec.parameters for field in parameter.fields}
    blocks = _blocks(spec)
    for values in bindings.values():
        for name, value in values.items():
            if name in blocks:
                continue
            for field, scalar in scalars(value):
                kind = fields.get((name, field), types.get(name))
                if kind not in _PLAIN_TYPES:
                    text = str(scalar)
                    plain = text.isalpha() and len(words(text)) == 1 and name not in owned and kind != "secretRef"
                    found[Needle("value", name, text, plain)] = None
    for customer in customers:
        found[Needle("customer", "", customer, False)] = None
    return list(found)


def scalars(value: Value | None) -> Iterator[tuple[str, object]]:
    """(field, scalar) of a value: empty for what is in no record."""
    if isinstance(value, list):
        for item in value:
            yield from item.items() if isinstance(item, dict) else [("", item)]
    elif value is not None:
        yield "", value


def _blocks(spec: PrimitiveSpec) -> frozenset[str]:
    """Parameters that stand for source or layout: their texts are code, not values."""
    return frozenset(
        segment.hole.parameter
        for file in spec.template.files
        for segment in file.segments
        if segment.hole is not None and segment.hole.place.endswith(("source", "layout"))
    )


def tells(text: str, vocabulary: Collection[str]) -> bool:
    """Whether finding `text` would tell something: long enough, no number, not made of shared code words only."""
    parts = words(text)
    if sum(map(len, parts)) < SHORTEST or "\n" in text:
        return False
    if all(part.isdigit() for part in parts):
        return len(parts) >= _GROUPS or len("".join(parts)) >= _DIGITS
    return not all(part in vocabulary or len(part) < 2 for part in parts)


@lru_cache(maxsize=65536)
def canonical(text: str) -> str:
    """Its letters and digits, in one case, without accents."""
    return "".join(filter(str.isalnum, _folded(text).casefold()))


def _folded(text: str) -> str:
    """Without accents, wide letters as others."""
    if text.isascii():
        return text
    return "".join(char for char in unicodedata.normalize("NFKD", text) if not unicodedata.combining(char))


class Texts:
    """Texts by their runs of letters: most needles are in none, the others are looked for where they may be."""

    def __init__(self, texts: Sequence[str], canonicals: Sequence[str]) -> None:
        """`texts` as they are and their canonical forms; answers are their numbers."""
        self._raw, self._texts = texts, canonicals
        self._where: dict[str, list[int]] = {}
        self._coded: dict[str, list[int]] = {}
        for number, (raw, text) in enumerate(zip(texts, canonicals, strict=True)):
            for run in _runs(text, SHORTEST):
                self._where.setdefault(run, []).append(number)
            for run in {run for token in _BASE64.findall(raw.translate(_URLSAFE)) for run in _runs(token, CODED)}:
                self._coded.setdefault(run, []).append(number)

    def with_(self, needle: Needle) -> list[int]:
        """The numbers of the texts that hold the needle's letters, in order."""
        wanted = needle.canonical
        places = [self._where.get(run, []) for run in _runs(wanted, SHORTEST)]
        return [number for number in min(places, key=len, default=[]) if wanted in self._texts[number]]

    def coding(self, needle: Needle) -> list[int]:
        """The numbers of the texts that hold what the needle, in small or large letters or as it is, is in base64."""
        return sorted(
            {
                number
                for text in {needle.text, needle.text.lower(), needle.text.upper()}
                for piece in _coded(text)
                for number in self._coded.get(piece[:CODED], ())
                if piece in self._raw[number] or piece in self._raw[number].translate(_URLSAFE)
            }
        )


def _runs(text: str, size: int) -> set[str]:
    return {text[at : at + size] for at in range(len(text) - size + 1)}


def _coded(text: str) -> Iterator[str]:
    """What of `text` stands in base64 whatever stands around it, at each of the three ways it falls into groups of bytes."""
    raw = text.encode("utf-8", "surrogatepass")
    for pad in range(3):
        coded = binascii.b2a_base64(b"\0" * pad + raw, newline=False).decode()
        piece = coded[(pad * 8 + 5) // 6 : (pad + len(raw)) * 8 // 6]
        if len(piece) >= CODED and len(raw) >= ALONE:
            yield piece


def stands(needle: Needle, text: str, vocabulary: Collection[str] = _NO_WORDS) -> bool:
    """Whether `text`, in whose canonical form `needle` is, says it.

    From ten letters however it is broken up; from six anywhere, broken between its words only, except inside a word of
    `vocabulary`; below as whole words (``orderId`` holds ``order``).
    """
    size = len(needle.canonical)
    if size >= ANYHOW and not needle.plain:
        return True
    folded = _folded(text)
    for match in _pattern(needle.text).finditer(folded):
        start, end = match.span()
        if _edge(folded, start) and _edge(folded, end):
            return True
        if size >= ALONE and not all(word in vocabulary for word in words(_around(folded, start, end))):
            return True
    return False


@lru_cache(maxsize=4096)
def _pattern(text: str) -> re.Pattern[str]:
    folded = _folded(text)
    parts = [part for word in words(folded) for part in re.findall(r"\d+|\D+", word)]
    return re.compile(r"[\W_]*".join(map(re.escape, parts or (folded,))), re.IGNORECASE)


def _edge(text: str, at: int) -> bool:
    """Whether a word ends or begins at `at`: nothing on one side, or a small letter before a capital."""
    if at in (0, len(text)):
        return True
    before, after = text[at - 1], text[at]
    if not before.isalnum() or not after.isalnum():
        return True
    return (
        (before.islower() and after.isupper())
        or (before.isalpha() and after.isdigit())
        or (before.isupper() and after.isupper() and text[at + 1 : at + 2].islower())
        or (before.isdigit() and after.isalpha())
    )


def _around(text: str, start: int, end: int) -> str:
    """The run of letters and digits that a stretch stands in."""
    while start and text[start - 1].isalnum():
        start -= 1
    while end < len(text) and text[end].isalnum():
        end += 1
    return text[start:end]
