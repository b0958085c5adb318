"""`abstract`: the abstraction engine against a token diff of every sibling to a pivot, with the standard library's difflib.

A *held value* is one that must stay with a customer: its own name, an e-mail address, an internal host, and a URL that not
all siblings have. It is leaked when it can be read in what would be published. Both sides are searched by the same rule,
which is neither side's own. The peer can leak only what all siblings share: all else is a hole to it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from pathlib import Path
from typing import Final

from fde_api.errors import ApiError
from fde_api.meta import canonical
from fde_cli.bench import material
from fde_cli.bench.figure import Figure, counted, in_turns, seconds
from fde_cli.bench.material import Family, Solution
from fde_events.errors import FdeError
from fde_extraction.abstract import Abstraction, Sibling, abstract
from fde_template.render import render_all

PEER: Final = "token difflib to a pivot"
_TOKENS: Final = re.compile(r"\w+|\s+|[^\w\s]")
_OWN: Final = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+|\b[\w-]+(?:\.[\w-]+)*\.(?:internal|corp|local|lan|intranet)\b")
_URL: Final = re.compile(r"\b[a-z][a-z0-9+]*://[^\s\"'`<>)]+")


@dataclass(frozen=True, slots=True)
class Made:
    """What one side made of one family. `published`: all text that others would see."""

    parameters: int
    rebuilt: int
    published: str


def run(directory: Path, rounds: int, tell: Callable[[str], None]) -> list[Figure]:
    """CPU seconds a family, parameters a family, share of siblings rebuilt, held values leaked."""
    families = material.families(directory)
    timed = in_turns(
        lambda: [_abstracted(family) for family in families],
        lambda: [Pivot.of(_texts(family)) for family in families],
        rounds=rounds,
        tell=tell,
    )
    ours, peer = [_ours(family, tell) for family in families], [_peer(family) for family in families]
    siblings, number = sum(len(family.solutions) for family in families), len(families)

    def share(made: Sequence[Made]) -> float:
        return sum(one.rebuilt for one in made) / siblings

    def leaked(made: Sequence[Made]) -> int:
        return sum(
            value in one.published.lower() for family, one in zip(families, made, strict=True) for value in held(family)
        )

    def parameters(made: Sequence[Made]) -> float:
        return sum(one.parameters for one in made) / number

    return [
        seconds("abstract", "abstract a family", "CPU-s/family", PEER, number, timed),
        counted("abstract", "parameters", "parameters/family", "lower", PEER, parameters(ours), parameters(peer)),
        counted("abstract", "siblings rebuilt", "share", "higher", PEER, share(ours), share(peer)),
        counted("abstract", "held values leaked", "values", "lower", PEER, leaked(ours), leaked(peer)),
    ]


def held(family: Family) -> set[str]:
    """The held values of a family's siblings, in lower case."""
    texts = [text.lower() for text in _texts(family)]
    names = {solution.customer.lower() for solution in family.solutions}
    own = {value for text in texts for value in _OWN.findall(text)}
    urls = {value for text in texts for value in _URL.findall(text)}
    return names | own | {url for url in urls if not all(url in text for text in texts)}


@dataclass(frozen=True, slots=True)
class Pivot:
    """The peer's template: the first sibling's tokens, and the spans of them, first and end, at which any sibling differs.

    `values`: a sibling's text for each span, in order.
    """

    tokens: tuple[str, ...]
    spans: tuple[tuple[int, int], ...]
    values: tuple[tuple[str, ...], ...]

    @classmethod
    def of(cls, texts: Sequence[str]) -> Pivot:
        """Diff every text to the first."""
        split = [_TOKENS.findall(text) for text in texts]
        pivot = split[0]
        matched = [
            [block for block in SequenceMatcher(None, pivot, other, autojunk=False).get_matching_blocks() if block.size]
            for other in split
        ]
        # A token is constant if it is matched in every sibling; a cut before a token where some sibling has more.
        constant = [True] * len(pivot)
        cut = [False] * (len(pivot) + 1)
        places: list[list[int | None]] = []
        for other, blocks in zip(split, matched, strict=True):
            place: list[int | None] = [None] * len(pivot)
            for block in blocks:
                place[block.a : block.a + block.size] = range(block.b, block.b + block.size)
            before = -1
            for index, at in enumerate(place):
                constant[index] &= at is not None
                if at is not None:
                    cut[index] |= at != before + 1 and (index == 0 or place[index - 1] is not None)
                    before = at
            cut[-1] |= before != len(other) - 1
            places.append(place)
        spans = _spans(constant, cut)
        values = tuple(
            tuple("".join(other[_start(place, first) : _end(place, end, len(other))]) for first, end in spans)
            for other, place in zip(split, places, strict=True)
        )
        return cls(tuple(pivot), spans, values)

    def constants(self) -> list[str]:
        """The text that stands before, between and after the spans."""
        edges = [0, *(edge for span in self.spans for edge in span), len(self.tokens)]
        return ["".join(self.tokens[start:end]) for start, end in zip(edges[::2], edges[1::2], strict=True)]

    def rebuilt(self, sibling: int) -> str:
        """A sibling from the template and its values."""
        constants = self.constants()
        return constants[0] + "".join(
            value + after for value, after in zip(self.values[sibling], constants[1:], strict=True)
        )


def _spans(constant: Sequence[bool], cut: Sequence[bool]) -> tuple[tuple[int, int], ...]:
    spans: list[tuple[int, int]] = []
    for index in range(len(constant) + 1):
        differs = index < len(constant) and not constant[index]
        if differs or cut[index]:
            end = index + differs
            if spans and spans[-1][1] >= index:
                spans[-1] = (spans[-1][0], end)
            else:
                spans.append((index, end))
    return tuple(spans)


def _start(place: Sequence[int | None], first: int) -> int:
    """Where a sibling's text for a span begins: after the constant before it."""
    return 0 if first == 0 else (place[first - 1] or 0) + 1


def _end(place: Sequence[int | None], end: int, length: int) -> int:
    return length if end == len(place) else (place[end] or 0)


def _texts(family: Family) -> list[str]:
    return [solution.data.decode("utf-8", "surrogateescape") for solution in family.solutions]


def _peer(family: Family) -> Made:
    texts = _texts(family)
    pivot = Pivot.of(texts)
    rebuilt = sum(pivot.rebuilt(number) == text for number, text in enumerate(texts))
    return Made(len(pivot.spans), rebuilt, "\n".join(pivot.constants()))


def _abstracted(family: Family) -> Abstraction | str:
    """The abstraction, or why there is none."""
    siblings = [Sibling(one.customer, one.path, one.data, one.name) for one in family.solutions]
    try:
        return abstract(siblings, name=family.name.replace("_", "-"))
    except (FdeError, ApiError) as error:
        return str(error)


def _ours(family: Family, tell: Callable[[str], None]) -> Made:
    made = _abstracted(family)
    if isinstance(made, str):
        tell(f"{family.name} was not abstracted: {made}")
        return Made(0, 0, "")
    rebuilt = sum(_gives_back(made, solution) for solution in family.solutions if solution.name in made.bindings)
    return Made(len(made.spec.parameters), rebuilt, canonical(made.spec).decode())


def _gives_back(made: Abstraction, solution: Solution) -> bool:
    """Rendered anew from what would be published and the sibling's binding: the engine's own proof is not believed here."""
    secret = {parameter.name for parameter in made.spec.parameters if parameter.type == "secretRef"}
    binding = made.bindings[solution.name]
    rendered = render_all(
        made.spec.template,
        {name: value for name, value in binding.items() if name not in secret},
        made.spec.parameters,
        secrets={name: str(value) for name, value in binding.items() if name in secret},
    )
    return list(rendered.values()) == [solution.data]
