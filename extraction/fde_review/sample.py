"""Sample renderings: a template's nodes with harmless values, so that a parser can say what each hole is part of.

nodes, places -> choices() of blocks -> Sample.fill() -> text and where each hole stands in it
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from fde_api.primitive import Hole, Parameter, When
from fde_template.filters import apply
from fde_template.place import refusal
from fde_template.structure import Literal, Node, Optional, Repeat

_SAMPLES: Final = ("xq", "1", "True", "true", "xq.example", "")
# Texts for what is no single value: white space, whole statements, and a hole nobody knows yet.
_LAYOUT: Final = (" ", "\n", "")
_SOURCE: Final = ("", "pass", "xq")
_NEW: Final = ("xq", "1", "xq.example")
VARIANTS: Final = len(_LAYOUT)

Choice = dict[tuple[str, str], str]


def choices(nodes: Sequence[Node]) -> list[tuple[Choice, list[int]]]:
    """Choices of alternatives such that each hole stands in one rendering: the first ones, then what each hole needs."""
    first: Choice = {}
    needs: list[Choice] = []

    def walk(inside: Sequence[Node], around: Choice) -> None:
        for node in inside:
            match node:
                case Hole():
                    needs.append(dict(around))
                case Optional(when, body):
                    first.setdefault(_key(when), when.equals)
                    walk(body, {**around, _key(when): when.equals})
                case Repeat(_, body, between):
                    walk(body, around)
                    walk(between, around)
                case Literal():
                    pass

    walk(nodes, {})
    groups: list[tuple[Choice, list[int]]] = [(first, [])]
    for number, need in enumerate(needs):
        group = next((g for g in groups if need.items() <= g[0].items()), None)
        if group is None:
            group = ({**first, **need}, [])
            groups.append(group)
        group[1].append(number)
    return groups


def _key(when: When) -> tuple[str, str]:
    return when.parameter, when.field


class Sample:
    """A rendering with sample values: its text in parts, and where the first text of each hole stands."""

    def __init__(
        self,
        found: Sequence[Hole],
        declared: Mapping[str, Parameter],
        places: Mapping[int, str],
        removed: Mapping[int, str],
        chosen: Choice,
        variant: int,
    ) -> None:
        self.texts = [
            _sample(hole, declared.get(hole.parameter), places.get(number), removed.get(number), variant)
            for number, hole in enumerate(found)
        ]
        self.chosen = chosen
        self.parts: list[str] = []
        self.spans: dict[int, tuple[int, int]] = {}
        self._at = 0

    def fill(self, nodes: Sequence[Node]) -> None:
        """Write `nodes`. A repeat has two items, so that what stands between them is there."""
        for node in nodes:
            match node:
                case Literal(text):
                    self._put(text)
                case Hole(place=place):
                    number = int(place.removeprefix("#"))
                    text = self.texts[number]
                    self.spans.setdefault(number, (self._at, self._at + len(text)))
                    self._put(text)
                case Optional(when, body):
                    if self.chosen.get(_key(when), when.equals) == when.equals:
                        self.fill(body)
                case Repeat(_, body, between):
                    for part in (body, between, body):
                        self.fill(part)

    def _put(self, text: str) -> None:
        self.parts.append(text)
        self._at += len(text)


def _sample(hole: Hole, parameter: Parameter | None, place: str | None, removed: str | None, variant: int) -> str:
    if place is None:
        first = "1" if parameter is not None and parameter.type in ("int", "float", "duration") else _NEW[0]
        return (removed or first, first, *_NEW[1:])[variant]
    kind = place.rsplit("/", 1)[-1].rsplit(".", 1)[-1]
    if kind in ("layout", "source"):
        return (_LAYOUT if kind == "layout" else _SOURCE)[variant]
    given: list[str] = []
    if parameter is not None and not hole.field:
        given = [str(value) for value in (parameter.default, *parameter.allowed_values) if value is not None]
    texts = [apply(hole.filters, text) for text in given]
    return next((text for text in (*texts, *_SAMPLES) if refusal(place, text) is None), "xq")
