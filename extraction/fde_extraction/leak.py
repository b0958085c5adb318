"""The leak gate: nothing of one customer in anything that would be published. Fails closed.

(serialised proposal, bindings, customers' names) -> scan() -> leaks: kinds and places, never the texts

Looked for: every sibling's value and every customer's name, in any case, with other separators between its words,
URL-encoded, as hex and as base64; secrets' formats; sensitive classes. A word that all siblings' *code* shares is
vocabulary and may stand, even where it is also some sibling's value.
"""

from __future__ import annotations

import base64
import re
import urllib.parse
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from fde_api.primitive import PrimitiveSpec, Scalar
from fde_extraction import secrets, sensitive
from fde_template.words import words

GATE: Final = "leak-gate-v1"
SHORTEST: Final = 4  # letters and digits; shorter texts are in every source
# Words of the engine's own sentences and defaults: they are in every proposal and tell of no customer.
OURS: Final = frozenset(
    "integration stands in one place places white space as the siblings lay it out a source block whole statements or clauses "
    "python typescript sql string template identifier number comment line double single triple raw bytes text url host part path "
    "layout regex bool jinja quoted backtick bracket low medium high small restricted kubernetes value argument key column part of "
    "for that rows are keyed by filter keeps orders least greatest used with name environment variable span time back from now "
    "spelling keyword after longest sibling lines secret duration whole true false milliseconds seconds minutes hours days weeks "
    "entity customer table schema database server lookback interval pattern flag note block timezone email enum int float "
    "identifier secretref top level".split()
)
_NAMES: Final = re.compile(r"^parameters\[\d+\]\.(?:name|description)$|\.hole\.parameter$")
_PLAIN_TYPES: Final = frozenset({"int", "float", "bool", "duration", "enum"})


# (kind, parameter, whether it is a plain word, lower-case spellings, exact encodings)
Needle = tuple[str, str, bool, frozenset[str], frozenset[str]]


@dataclass(frozen=True, slots=True)
class Leak:
    """`kind`: value, customer, secret or a sensitive class. `where`: the path of the field, ``template.files[0].segments[3]``."""

    kind: str
    where: str
    parameter: str = ""


def scan(
    spec: PrimitiveSpec,
    bindings: Mapping[str, Mapping[str, Scalar]],
    *,
    customers: Sequence[str] = (),
    vocabulary: frozenset[str] = frozenset(),
    shown: frozenset[str] = frozenset(),
    owned: frozenset[str] = frozenset(),
    shared: bool = False,
) -> list[Leak]:
    """Every leak in `spec`.

    `vocabulary`: lower-case words that all siblings share as code. `shared`: siblings are of three customers or more, so a
    constant is shared by as many; a plain word in it (``orders``) is then no leak, although it is one sibling's value too.
    `shown`: words of the template's constant text, which is looked through itself: they may stand in names and descriptions.
    `owned`: parameters that hold a customer's or person's name, whose words are never plain.
    """
    texts = list(_texts(msgspec.to_builtins(spec), ""))
    # Most needles stand nowhere: one look through everything spares a look through every field.
    everything = "\0".join(dict.fromkeys(text for _, text in texts))
    lowered = everything.lower()

    def present(words_of_code: frozenset[str]) -> list[Needle]:
        return [
            needle
            for needle in _needles(spec, bindings, customers, words_of_code, owned)
            if any(loose in lowered for loose in needle[3]) or any(exact in everything for exact in needle[4])
        ]

    code, prose, named = present(vocabulary), present(vocabulary | OURS), present(vocabulary | OURS | shown)
    found = []
    for where, text in texts:
        low, needles = text.lower(), code if where.endswith(".text") else named if _NAMES.search(where) else prose
        for kind, parameter, plain, loose, exact in needles:
            if shared and plain and low.strip() not in loose:
                continue
            if any(_stands(needle, low) for needle in loose) or any(needle in text for needle in exact):
                found.append(Leak(kind, where, parameter))
        found += [Leak(item.kind, where) for item in sensitive.find(text, (), customers)]
        found += [Leak("secret", where) for _ in secrets.formats(text)]
    return list(dict.fromkeys(found))


def _needles(
    spec: PrimitiveSpec,
    bindings: Mapping[str, Mapping[str, Scalar]],
    customers: Sequence[str],
    vocabulary: frozenset[str],
    owned: frozenset[str],
) -> Iterator[Needle]:
    types = {parameter.name: parameter.type for parameter in spec.parameters}
    source = {
        segment.hole.parameter
        for file in spec.template.files
        for segment in file.segments
        if segment.hole is not None and segment.hole.place.endswith(("source", "layout"))
    }
    seen = set()
    for values in bindings.values():
        for name, value in values.items():
            text = str(value)
            if (
                (name, text) in seen
                or name in source
                or types.get(name) in _PLAIN_TYPES
                or not _tells(text, vocabulary)
            ):
                continue
            seen.add((name, text))
            yield "value", name, text.isalpha() and len(words(text)) == 1 and name not in owned, *variants(text)
    for customer in customers:
        if _tells(customer, vocabulary):
            yield "customer", "", False, *variants(customer)


def _tells(text: str, vocabulary: frozenset[str]) -> bool:
    """Whether finding `text` would tell something: long enough, no number, not made of shared code words only."""
    parts = words(text)
    if sum(map(len, parts)) < SHORTEST or "\n" in text:
        return False
    if all(part.isdigit() for part in parts):
        return len("".join(parts)) >= 8
    return not all(part in vocabulary or len(part) < 2 for part in parts)


def variants(text: str) -> tuple[frozenset[str], frozenset[str]]:
    """(lower-case spellings that must stand as words, exact encodings) of `text`."""
    parts = words(text)
    loose = {text.lower().strip(), urllib.parse.quote(text, safe="").lower(), text.encode().hex()}
    if len(parts) > 1:
        loose |= {mark.join(parts) for mark in ("", "-", "_", ".", " ", "/", "+", "%20", "%2d", "%2f")}
    exact = set()
    if len(text) >= 6:
        for spelled in {text, text.lower(), text.upper()}:
            raw = spelled.encode()
            for pad in range(3):  # the three ways a text falls into base64's groups of three bytes
                coded = base64.b64encode(b"\0" * pad + raw).decode()
                piece = coded[(pad * 8 + 5) // 6 : (pad + len(raw)) * 8 // 6]
                if len(piece) >= 8:
                    exact |= {piece, piece.replace("+", "-").replace("/", "_")}
    return frozenset(item for item in loose if len(item) >= SHORTEST), frozenset(exact)


def _stands(needle: str, low: str) -> bool:
    at = low.find(needle)
    while at >= 0:
        end = at + len(needle)
        before = at > 0 and low[at - 1].isalnum() and needle[0].isalnum()
        after = end < len(low) and low[end].isalnum() and needle[-1].isalnum()
        if not before and not after:
            return True
        at = low.find(needle, at + 1)
    return False


def _texts(node: object, where: str) -> Iterator[tuple[str, str]]:
    if isinstance(node, Mapping):
        for key, value in node.items():
            yield from _texts(value, f"{where}.{key}" if where else str(key))
    elif isinstance(node, (list, tuple)):
        for index, value in enumerate(node):
            yield from _texts(value, f"{where}[{index}]")
    elif isinstance(node, str) and not re.fullmatch(r"sha256:[0-9a-f]{64}", node):
        yield where, node


def vocabulary_of(codes: Sequence[Iterable[str]]) -> frozenset[str]:
    """Words that stand in the code (not in strings or comments) of every sibling."""
    sets = [{part for text in code for part in words(text)} for code in codes]
    return frozenset(set.intersection(*sets)) if sets else frozenset()
