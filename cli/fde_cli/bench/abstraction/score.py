"""Scoring: one side on one family, as shares of what could be reached.

===================  ==================================================================================================
round_trip           learning siblings that their bindings give back byte for byte
heldout              siblings never shown that fit, and whose fitted values give them back
reject_agreement     a held-out sibling that fits, with one occurrence of a repeated value altered: must not fit
reject_constant      the same with a keyword outside of every value altered
reject_unrelated     held-out siblings of two other families of the language: must not fit
refuse_unrelated     three files of three families of a language: must be refused for sharing too little
precision, recall    parameters that are a true one / all; true ones found / all; f1 is their harmonic mean
structure            true flags and lists that are found
names, types         true parameters found under their name or an alias; with their type
secrets, planted     hardcoded secrets that became a secretRef without default; values equal in all siblings, lifted
exact                families with every parameter right, none too many, all siblings back and nothing leaked
leak_free            families with a template and nothing forbidden in it; `leaks` counts the strings
===================  ==================================================================================================
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from fde_cli.bench.abstraction import mutant
from fde_cli.bench.abstraction.forbidden import readable
from fde_cli.bench.abstraction.match import assign, is_named, is_typed
from fde_cli.bench.abstraction.side import Declared, Made, Refusal, Side
from fde_cli.bench.abstraction.truth import SUFFIXES, Family, Truth, Wanted

Shares = Mapping[str, tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Row:
    """One side on one family. `shares`: figure -> (reached, of how many). `seconds`: wall time of abstracting.

    `notes`: what is missing, too many, or was refused, for people.
    """

    label: str
    language: str
    shares: Shares
    leaks: int = 0
    seconds: float | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Found:
    """Parameters matched to the truth's. `carried`: flags that an absent value says."""

    pairs: Mapping[str, str]
    carried: frozenset[str]
    extra: tuple[str, ...]
    counted: int
    missing: tuple[str, ...] = field(default=())


def score(family: Family, side: Side, everyone: Sequence[Family]) -> Row:
    """`everyone`: all families of the corpus, among which are the unrelated ones."""
    truth = family.truth
    others = strangers(family, everyone)
    started = time.perf_counter()
    try:
        made = side.abstract(
            [(sibling, family.data(sibling)) for sibling in truth.learn],
            suffix=SUFFIXES[truth.language],
            name=truth.family.replace("_", "-"),
        )
    except Refusal as refusal:
        elapsed = time.perf_counter() - started
        return Row(family.label, family.language, _nothing(truth, len(others)), 0, elapsed, (f"refused: {refusal}",))
    elapsed = time.perf_counter() - started
    leaks = readable(made.published, made.document, truth.must_not_publish)
    rebuilt = sum(made.render(made.bindings[sibling]) == family.data(sibling) for sibling in truth.learn)
    found = found_in(made, truth)
    shares = dict(_nothing(truth, len(others))) | _fitting(made, family, others) | _parameters(made, truth, found)
    shares["round_trip"] = (rebuilt, len(truth.learn))
    shares["leak_free"] = (int(not leaks), 1)
    whole = rebuilt == len(truth.learn) and not (leaks or found.missing or found.extra)
    shares["exact"] = (int(whole), 1)
    notes = [f"missing: {', '.join(found.missing)}"] if found.missing else []
    notes += [f"too many: {', '.join(found.extra)}"] if found.extra else []
    notes += [f"{len(leaks)} leaked"] if leaks else []
    notes += [
        f"{figure} {reached}/{most}"
        for figure, (reached, most) in shares.items()
        if reached < most and figure not in ("precision", "recall", "exact", "leak_free")
    ]
    return Row(family.label, family.language, shares, len(leaks), elapsed, tuple(notes))


def refuses(side: Side, everyone: Sequence[Family], language: str) -> Row | None:
    """Whether three unrelated files are refused; None when the language has fewer families."""
    found = [family for family in everyone if family.language == language]
    if len(found) < 3:
        return None
    three = [found[0], found[len(found) // 2], found[-1]]
    files = [(f"i{number}", family.data(family.truth.learn[0])) for number, family in enumerate(three, 1)]
    try:
        side.abstract(files, suffix=SUFFIXES[three[0].truth.language], name="unrelated")
    except Refusal as refusal:
        return Row(f"{language}/unrelated", language, {"refuse_unrelated": (int(refusal.too_little), 1)})
    return Row(f"{language}/unrelated", language, {"refuse_unrelated": (0, 1)}, notes=("not refused",))


def strangers(family: Family, everyone: Sequence[Family]) -> list[Family]:
    """The next family of the language and the third after that, around the end."""
    row = [one for one in everyone if one.language == family.language]
    at = next(number for number, one in enumerate(row) if one.folder == family.folder)
    others = row[:at] + row[at + 1 :]
    return list({index: others[index] for step in (0, 3) if others for index in [(at + step) % len(others)]}.values())


def found_in(made: Made, truth: Truth) -> _Found:
    """Which true parameters a template has."""
    names = sorted({*made.declared, *(name for sibling in truth.learn for name in made.bindings[sibling])})
    columns = {
        name: [made.bindings[sibling].get(name, _default(made, name)) for sibling in truth.learn] for name in names
    }
    pairs = assign(truth.wanted, columns, truth.learn)
    carried = frozenset(
        wanted.name
        for wanted in truth.wanted
        if wanted.name not in pairs and _is_carried(wanted, pairs, columns, truth)
    )
    extra = [name for name in names if name not in pairs.values()]
    tolerated = _tolerated(truth, extra, columns)
    return _Found(
        pairs,
        carried,
        tuple(name for name in extra if name not in tolerated),
        len(names) - len(tolerated),
        tuple(wanted.name for wanted in truth.wanted if wanted.name not in pairs and wanted.name not in carried),
    )


def _default(made: Made, name: str) -> Any:
    return made.declared[name].default if name in made.declared else None


def _is_carried(wanted: Wanted, pairs: Mapping[str, str], columns: Mapping[str, list[Any]], truth: Truth) -> bool:
    if wanted.kind != "flag":
        return False
    present = [bool(wanted.values[sibling]) for sibling in truth.learn]
    carriers = [pairs[name] for name in wanted.carried_by if name in pairs]
    return any([value not in (None, "", [], {}) for value in columns[name]] == present for name in carriers)


def _tolerated(truth: Truth, extra: Sequence[str], columns: Mapping[str, list[Any]]) -> set[str]:
    """Parameters that only tell a layout: one value in all siblings but those of the partition, and another there."""
    found: set[str] = set()
    for rule in truth.tolerated:
        left = rule.max
        for name in extra:
            spelled = [json.dumps(value, sort_keys=True, default=str) for value in columns[name]]
            inside = {text for text, sibling in zip(spelled, truth.learn, strict=True) if sibling in rule.partition}
            outside = {
                text for text, sibling in zip(spelled, truth.learn, strict=True) if sibling not in rule.partition
            }
            if left and name not in found and len(outside) == 1 and not inside & outside:
                found.add(name)
                left -= 1
    return found


def _nothing(truth: Truth, others: int) -> Shares:
    """The shares of a side that makes no template."""
    wanted = truth.wanted
    return {
        "round_trip": (0, len(truth.learn)),
        "heldout": (0, len(truth.heldout)),
        "reject_agreement": (0, 0),  # of a template that fits nothing it says nothing
        "reject_constant": (0, 0),
        "reject_unrelated": (0, others),
        "precision": (0, 0),
        "recall": (0, len(wanted)),
        "structure": (0, sum(one.kind != "value" for one in wanted)),
        "names": (0, len(wanted)),
        "types": (0, len(wanted)),
        "secrets": (0, sum(one.secret for one in wanted)),
        "planted": (0, sum(one.planted for one in wanted)),
        "exact": (0, 1),
        "leak_free": (0, 1),
    }


def _fitting(made: Made, family: Family, others: Sequence[Family]) -> dict[str, tuple[int, int]]:
    truth, first = family.truth, family.truth.heldout[0]

    def back(sibling: str) -> bool:
        data = family.data(sibling)
        values = made.fit(data)
        return values is not None and made.render(values) == data

    given_back = {sibling for sibling in truth.heldout if back(sibling)}
    text = family.data(first).decode()
    shares = {"heldout": (len(given_back), len(truth.heldout))}
    for figure, mutants in (
        ("reject_agreement", mutant.disagreeing(truth, text, first)),
        ("reject_constant", mutant.reworded(truth, text, first)),
    ):
        tried = [changed.encode() for changed in mutants] if first in given_back else []
        shares[figure] = (sum(made.fit(data) is None for data in tried), len(tried))
    rejected = sum(made.fit(other.data(first)) is None for other in others)
    shares["reject_unrelated"] = (rejected, len(others))
    return shares


def _parameters(made: Made, truth: Truth, found: _Found) -> dict[str, tuple[int, int]]:
    matched = [(wanted, found.pairs[wanted.name]) for wanted in truth.wanted if wanted.name in found.pairs]
    carried, total = len(found.carried), len(truth.wanted)
    structures = [wanted for wanted in truth.wanted if wanted.kind != "value"]

    def declared(name: str) -> Declared:
        return made.declared.get(name, Declared(""))

    def typed(wanted: Wanted, name: str) -> bool:
        return is_typed(wanted, declared(name).type, closed=bool(declared(name).allowed))

    def hidden(name: str) -> bool:
        one = declared(name)
        return one.type == "secretRef" and one.default in (None, "") and not one.allowed

    return {
        "precision": (len(matched), found.counted),
        "recall": (len(matched) + carried, total),
        "structure": (sum(one.name in found.pairs or one.name in found.carried for one in structures), len(structures)),
        "names": (sum(is_named(wanted, name) for wanted, name in matched) + carried, total),
        "types": (sum(typed(wanted, name) for wanted, name in matched) + carried, total),
        "secrets": (
            sum(wanted.secret and hidden(name) for wanted, name in matched),
            sum(wanted.secret for wanted in truth.wanted),
        ),
        "planted": (
            sum(wanted.planted for wanted, _ in matched),
            sum(wanted.planted for wanted in truth.wanted),
        ),
    }
