"""The leak gate: nothing of one customer in anything that would be published. Fails closed.

(serialised proposal, bindings, customers' names) -> scan() -> leaks: kinds and places, never the texts

Looked for, in every text of the proposal and in what is hidden in it (fde_extraction.hidden): every sibling's value and
every customer's name (fde_extraction.needle), in any case, with other separators or without; secrets, by our own formats and
by a second net's; sensitive classes. A word that all siblings' *code* shares is vocabulary and may stand, even where it is
also some sibling's value. The work grows with the texts and with the values, not with their product: 256 parameters against
4096 segments take 0.3 s.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Final

import msgspec

from fde_api.primitive import PrimitiveSpec, Value
from fde_api.publish import MIN_CUSTOMERS
from fde_extraction import secrets, sensitive
from fde_extraction.hidden import revealed
from fde_extraction.needle import Texts, canonical, needles, stands, tells
from fde_extraction.ordinary import is_ordinary
from fde_extraction.schema import CLOSED_SETS
from fde_template.words import words

GATE: Final = "leak-gate-v2"
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
# Names and descriptions, which are made of the words that the template shows.
_NAMES: Final = re.compile(r"^parameters\[\d+\](?:\.fields\[\d+\])?\.(?:name|description)$|\.(?:parameter|field)$")
_DIGEST: Final = re.compile(r"sha256:[0-9a-f]{64}")
_APART: Final = "\n\0\n"


@dataclass(frozen=True, slots=True)
class Leak:
    """`kind`: value, customer, secret or a sensitive class. `where`: the path of the field, ``template.files[0].segments[3]``."""

    kind: str
    where: str
    parameter: str = ""


@dataclass(frozen=True, slots=True)
class _Text:
    where: str
    text: str
    hidden: tuple[str, ...]
    canonical: str


def scan(
    spec: PrimitiveSpec,
    bindings: Mapping[str, Mapping[str, Value]],
    *,
    customers: Sequence[str] = (),
    vocabulary: frozenset[str] = frozenset(),
    shown: frozenset[str] = frozenset(),
    owned: frozenset[str] = frozenset(),
    shared: bool = False,
) -> list[Leak]:
    """Every leak in `spec`.

    `bindings`: each sibling's values; a list's items and its records' fields are values, and a parameter may be absent.
    `vocabulary`: lower-case words that all siblings share as code. `shared`: siblings are of three customers or more, so a
    constant is shared by as many; a plain word in it (``orders``) is then no leak, although it is one sibling's value too.
    `shown`: words of the template's constant text, which is looked through itself: they may stand in names and descriptions.
    `owned`: parameters that hold a customer's or person's name, whose words are never plain.
    """
    texts = list(_texts(spec))
    rare = _rare(spec, bindings)
    within = Texts([item.text for item in texts], [item.canonical for item in texts])
    prose = vocabulary | OURS
    enumerated = _enumerated(spec)
    found = list[Leak]()
    for needle in needles(spec, bindings, customers, owned):
        if not tells(needle.text, vocabulary):
            continue
        in_prose, in_names = tells(needle.text, prose), tells(needle.text, prose | shown)
        coded = within.coding(needle)
        for number in sorted({*within.with_(needle), *coded}):
            item = texts[number]
            if needle.kind == "value" and item.where.startswith(enumerated):
                continue
            inside = item.where.endswith(".text")
            if not (inside or (in_names if _NAMES.search(item.where) else in_prose)):
                continue
            common = shared and needle.plain and canonical(item.text) != needle.canonical
            # What too few customers' blocks hold is not shared: there only ordinary words are no one's.
            common = common and (item.where not in rare or all(map(is_ordinary, words(needle.text))))
            if common and number not in coded:
                continue
            known = vocabulary if inside else prose
            if number in coded or any(stands(needle, text, known) for text in (item.text, *item.hidden)):
                found.append(Leak(needle.kind, item.where, needle.parameter))
    for item in texts:
        for text in (item.text, *item.hidden):
            found += [Leak(hit.kind, item.where) for hit in sensitive.find(text, (), customers)]
            found += [Leak("secret", item.where) for _ in secrets.formats(text)]
    return list(dict.fromkeys([*found, *_netted(texts)]))


def _enumerated(spec: PrimitiveSpec) -> tuple[str, ...]:
    """Where allowed values stand that are a whole closed set: they are the catalogue's, whichever of them siblings chose."""
    declared = [(f"parameters[{index}]", parameter.allowed_values) for index, parameter in enumerate(spec.parameters)]
    declared += [
        (f"parameters[{index}].fields[{number}]", item.allowed_values)
        for index, parameter in enumerate(spec.parameters)
        for number, item in enumerate(parameter.fields)
    ]
    known = set(CLOSED_SETS.values())
    return tuple(
        f"{where}.allowedValues["
        for where, allowed in declared
        if frozenset(str(value).lower() for value in allowed) in known
    )


def _netted(texts: Sequence[_Text]) -> Iterator[Leak]:
    """What only the second net finds, looked for once through everything."""
    pieces = [(item.where, text) for item in texts for text in (item.text, *item.hidden)]
    starts = list(accumulate((len(text) + len(_APART) for _, text in pieces), initial=0))
    for _, start, _ in secrets.netted(_APART.join(text for _, text in pieces)):
        yield Leak("secret", pieces[bisect_right(starts, start) - 1][0])


def _rare(spec: PrimitiveSpec, bindings: Mapping[str, Mapping[str, Value]]) -> frozenset[str]:
    """Where text stands in optional blocks that fewer siblings have than customers must share a constant."""
    found = set[str]()
    for number, file in enumerate(spec.template.files):
        blocks: list[bool] = []
        for at, segment in enumerate(file.segments):
            if segment.when is not None:
                when = segment.when
                having = sum(str(bound.get(when.parameter)).lower() == when.equals for bound in bindings.values())
                blocks.append(not when.field and having < MIN_CUSTOMERS)
            elif segment.each is not None:
                blocks.append(False)
            elif segment.mark == "end" and blocks:
                blocks.pop()
            elif segment.text is not None and any(blocks):
                found.add(f"template.files[{number}].segments[{at}].text")
    return frozenset(found)


def _texts(spec: PrimitiveSpec) -> Iterator[_Text]:
    for where, text in (*_strings(msgspec.to_builtins(spec), ""), *_joined(spec)):
        hidden = tuple(revealed(text))
        yield _Text(where, text, hidden, "\0".join(map(canonical, (text, *hidden))))


def _strings(node: object, where: str) -> Iterator[tuple[str, str]]:
    if isinstance(node, Mapping):
        for key, value in node.items():
            yield from _strings(value, f"{where}.{key}" if where else str(key))
    elif isinstance(node, (list, tuple)):
        for index, value in enumerate(node):
            yield from _strings(value, f"{where}[{index}]")
    elif isinstance(node, (int, float)) and not isinstance(node, bool):
        yield where, str(node)
    elif isinstance(node, str) and not _DIGEST.fullmatch(node):
        yield where, node


def _joined(spec: PrimitiveSpec) -> Iterator[tuple[str, str]]:
    """Constant text that stands together in a rendered file, although blocks or nothing at all part its segments."""
    for number, file in enumerate(spec.template.files):
        run = list[tuple[int, str]]()
        for index, segment in enumerate((*file.segments, None)):
            if segment is not None and segment.text is not None:
                run.append((index, segment.text))
            elif segment is None or segment.hole is not None:
                if len(run) > 1:
                    yield f"template.files[{number}].segments[{run[0][0]}].text", "".join(text for _, text in run)
                run = []


def vocabulary_of(codes: Sequence[Iterable[str]]) -> frozenset[str]:
    """Words that stand in the code (not in strings or comments) of every sibling."""
    sets = [{part for text in code for part in words(text)} for code in codes]
    return frozenset(set.intersection(*sets)) if sets else frozenset()
