"""Inside a literal: which stretches siblings share, and which differ.

n texts of one leaf -> words in common (n-way, by longest common subsequence) -> fragments

A gap between shared words is never split at ``-``, ``_`` or ``.``: a host, a slug or a dotted name stays whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fde_template.words import spans


@dataclass(frozen=True, slots=True)
class Fragment:
    """A stretch of every sibling's text: shared (all equal) or a gap."""

    texts: tuple[str, ...]

    @property
    def shared(self) -> bool:
        """Whether all siblings have the same text here."""
        return len(set(self.texts)) == 1


def fragments(texts: Sequence[str]) -> list[Fragment]:
    """`texts` as shared stretches and gaps. Joined, the fragments are the texts."""
    found: list[Fragment] = []
    for fragment in _anchored(texts):
        found.extend([fragment] if fragment.shared else _trimmed(fragment.texts))
    return _without_absent(merged(found, gaps=True))


def _without_absent(found: list[Fragment]) -> list[Fragment]:
    """Where a gap is empty in some sibling, the word beside it is part of the value: ``north-mill`` and ``mill`` share none."""
    for _ in range(len(found)):
        at = next((k for k, f in enumerate(found) if not f.shared and not all(f.texts) and _neighbour(found, k)), None)
        if at is None:
            break
        side = _neighbour(found, at)
        beside = found[at + side].texts[0]
        places = spans(beside)
        cut = (places[-1][0] if side < 0 else places[0][1]) if places else 0
        taken, left = (beside[cut:], beside[:cut]) if side < 0 else (beside[:cut], beside[cut:])
        found[at] = Fragment(tuple(taken + text if side < 0 else text + taken for text in found[at].texts))
        found[at + side] = Fragment((left,) * len(found[at].texts))
        found = merged(found, gaps=True)
    return found


def _neighbour(found: Sequence[Fragment], at: int) -> int:
    """-1 or 1: the shared fragment whose word is joined to the gap at `at`, rather one that also ends another gap; or 0."""
    sides = [side for side in (-1, 1) if 0 <= at + side < len(found) and _joins(found[at + side].texts[0], side)]
    between = [side for side in sides if 0 <= at + 2 * side < len(found) and len(spans(found[at + side].texts[0])) == 1]
    return next(iter([*between, *sides]), 0)


def _joins(text: str, side: int) -> bool:
    places = spans(text)
    if not places:
        return False
    mark = text[places[-1][1] :] if side < 0 else text[: places[0][0]]
    return len(mark) < 2 and mark in ("", "-", "_", ".")


def merged(found: Sequence[Fragment], *, gaps: bool = False) -> list[Fragment]:
    """Neighbouring shared fragments as one, and neighbouring `gaps` too; empty ones left out."""
    out: list[Fragment] = []
    for fragment in found:
        if not any(fragment.texts):
            continue
        if out and out[-1].shared == fragment.shared and (gaps or fragment.shared):
            out[-1] = Fragment(tuple(a + b for a, b in zip(out[-1].texts, fragment.texts, strict=True)))
        else:
            out.append(fragment)
    return out


def anchors(found: Sequence[Fragment]) -> int:
    """How many words all siblings share."""
    return sum(_is_anchor(word) for fragment in found if fragment.shared for word in _words(fragment.texts[0]))


def _words(text: str) -> list[str]:
    return [text[start:end] for start, end in spans(text)]


def _is_anchor(word: str) -> bool:
    return len(word) > 1 and word.isalpha()


def _anchored(texts: Sequence[str]) -> list[Fragment]:
    placed = [[(text[start:end], start, end) for start, end in spans(text)] for text in texts]
    listed = [[item for item in items if _is_anchor(item[0])] for items in placed]
    common = [word for word, _, _ in listed[0]]
    for items in listed[1:]:
        common = [common[index] for index, _ in _subsequence(common, [word for word, _, _ in items])]
    chosen = [[items[index] for _, index in _subsequence(common, [word for word, _, _ in items])] for items in listed]
    found, at = [], [0] * len(texts)
    for column in zip(*chosen, strict=True):
        found.append(Fragment(tuple(text[here : item[1]] for text, here, item in zip(texts, at, column, strict=True))))
        found.append(Fragment(tuple(item[0] for item in column)))
        at = [item[2] for item in column]
    found.append(Fragment(tuple(text[here:] for text, here in zip(texts, at, strict=True))))
    return found


def _trimmed(texts: tuple[str, ...]) -> list[Fragment]:
    """A gap without the separators at its ends."""
    head = 0
    while (
        all(len(text) > head for text in texts)
        and len({text[head] for text in texts}) == 1
        and not texts[0][head].isalnum()
    ):
        head += 1
    tail = 0
    while (
        all(len(text) - head > tail for text in texts)
        and len({text[-1 - tail] for text in texts}) == 1
        and not texts[0][-1 - tail].isalnum()
    ):
        tail += 1
    cut = [(text[:head], text[head : len(text) - tail], text[len(text) - tail :]) for text in texts]
    return [Fragment(tuple(column)) for column in zip(*cut, strict=True)]


def _subsequence(one: Sequence[str], other: Sequence[str]) -> list[tuple[int, int]]:
    """Positions of a longest common subsequence, increasing in both."""
    if list(one) == list(other):
        return [(index, index) for index in range(len(one))]
    rows, width = len(one), len(other)
    if rows * width > 1_000_000:  # prose of a thousand words: equal lines only would be next; nobody parameterizes it
        return []
    best = [[0] * (width + 1) for _ in range(rows + 1)]
    for row in range(rows - 1, -1, -1):
        for column in range(width - 1, -1, -1):
            best[row][column] = (
                best[row + 1][column + 1] + 1
                if one[row] == other[column]
                else max(best[row + 1][column], best[row][column + 1])
            )
    pairs, row, column = [], 0, 0
    while row < rows and column < width:
        if one[row] == other[column]:
            pairs.append((row, column))
            row, column = row + 1, column + 1
        elif best[row + 1][column] >= best[row][column + 1]:
            row += 1
        else:
            column += 1
    return pairs
