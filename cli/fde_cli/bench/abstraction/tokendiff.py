"""The peer: every sibling diffed to the first, token by token, with the standard library's difflib.

siblings -> tokens -> Pivot (spans where any sibling differs) -> equal value tuples are one parameter -> TokenDiffMade

What a careful engineer writes in an afternoon. It is refused where fewer than :data:`ENOUGH` of the words stand in all.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from typing import Any, Final

from fde_cli.bench.abstraction.side import Declared, Refusal

ENOUGH: Final = 0.35  # of the pivot's words must stand in every sibling
STEPS: Final = 200_000  # places tried for one file, then it is said not to fit
_TOKENS: Final = re.compile(r"\w+|\s+|[^\w\s]")


@dataclass(frozen=True, slots=True)
class Pivot:
    """The first sibling's tokens, and the spans of them, first and end, at which any sibling differs.

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

    def shared(self) -> float:
        """Share of the pivot's words that stand in every sibling, 0..1."""
        held = {index for first, end in self.spans for index in range(first, end)}
        words = [index for index, token in enumerate(self.tokens) if token[0].isalnum()]
        return sum(index not in held for index in words) / len(words) if words else 0.0


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


@dataclass(frozen=True, slots=True)
class TokenDiffMade:
    """`constants` around `holes`, each of which names a parameter."""

    constants: tuple[str, ...]
    holes: tuple[str, ...]
    declared: Mapping[str, Declared]
    bindings: Mapping[str, Mapping[str, Any]]
    document: Mapping[str, Any]
    published: str

    def render(self, values: Mapping[str, Any]) -> bytes | None:
        """The constants with the values between them."""
        filled = [str(values[name]) + after for name, after in zip(self.holes, self.constants[1:], strict=True)]
        return (self.constants[0] + "".join(filled)).encode()

    def fit(self, data: bytes) -> Mapping[str, Any] | None:
        """The first values that give `data` back, shortest first from the left; None after :data:`STEPS` places too."""
        try:
            text = data.decode()
        except UnicodeDecodeError:
            return None
        if not text.startswith(self.constants[0]):
            return None
        return _Search(self, text).run()


@dataclass(slots=True)
class _Search:
    """Backtracking over where each hole ends; a stack of its own, since a file has hundreds of holes."""

    made: TokenDiffMade
    text: str
    met: dict[str, str] = field(default_factory=dict)

    def run(self) -> dict[str, str] | None:
        holes, constants, text = self.made.holes, self.made.constants, self.text
        starts, tried, first_met = [len(constants[0])], [0], [False]
        if not holes:
            return {} if text == constants[0] else None
        for _ in range(STEPS):
            if not tried:
                return None
            level = len(tried) - 1
            name, after, start = holes[level], constants[level + 1], starts[-1]
            if first_met[-1]:
                del self.met[name]
                first_met[-1] = False
            end = self._end(name, after, start, tried[-1], last=level + 1 == len(holes))
            if end is None:
                for stack in (starts, tried, first_met):
                    stack.pop()
                continue
            tried[-1] = end - start + 1
            if name not in self.met:
                self.met[name], first_met[-1] = text[start:end], True
            if level + 1 == len(holes):
                return dict(self.met)
            starts.append(end + len(after))
            tried.append(0)
            first_met.append(False)
        return None

    def _end(self, name: str, after: str, start: int, least: int, *, last: bool) -> int | None:
        """Where the next way to fill this hole ends, at least `least` characters on."""
        if (value := self.met.get(name)) is not None:
            end = start + len(value)
            fits = not least and self.text.startswith(value + after, start)
            return end if fits and (not last or end + len(after) == len(self.text)) else None
        if last:
            end = len(self.text) - len(after)
            return end if end >= start + least and self.text.endswith(after) else None
        found = self.text.find(after, start + least)
        return None if found < 0 else found


class TokenDiff:
    """Token difflib to a pivot."""

    name = "token difflib to a pivot"

    def abstract(self, siblings: Sequence[tuple[str, bytes]], *, suffix: str, name: str) -> TokenDiffMade:
        """One hole a differing run; holes with equal values in every sibling are one parameter."""
        try:
            texts = [data.decode() for _, data in siblings]
        except UnicodeDecodeError as error:
            raise Refusal(f"not UTF-8: {error.reason}", too_little=False) from error
        pivot = Pivot.of(texts)
        if (shared := pivot.shared()) < ENOUGH:
            raise Refusal(f"{shared:.0%} of the words stand in all, {ENOUGH:.0%} are needed", too_little=True)
        columns = list(zip(*pivot.values, strict=True))
        names = {column: f"p{number}" for number, column in enumerate(dict.fromkeys(columns), 1)}
        declared = {name: Declared("int" if all(map(_is_int, column)) else "string") for column, name in names.items()}
        bindings = {
            stem: {name: column[row] for column, name in names.items()} for row, (stem, _) in enumerate(siblings)
        }
        constants, holes = tuple(pivot.constants()), tuple(names[column] for column in columns)
        document = {
            "name": name,
            "parameters": [{"name": one, "type": declared[one].type} for one in declared],
            "template": [{"text": constants[0]}]
            + [part for hole, text in zip(holes, constants[1:], strict=True) for part in ({"hole": hole}, {"text": text})],
        }  # fmt: skip
        published = json.dumps(document, ensure_ascii=False, indent=1)
        return TokenDiffMade(constants, holes, declared, bindings, document, published)


def _is_int(text: str) -> bool:
    return re.fullmatch(r"[0-9]{1,18}", text) is not None
