"""How alike two sources are, and which of many belong together. Used to group solutions before they are abstracted.

bytes -> shingles of token kinds and texts -> Jaccard -> groups by single linkage to a medoid
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Final, TypeVar

Item = TypeVar("Item")

THRESHOLD: Final = 0.3
_TOKEN: Final = re.compile(r"[^\W\d]\w*|\d[\w.]*|[^\w\s]")
_STRING: Final = re.compile(r"'[^'\n]*'|\"[^\"\n]*\"|`[^`]*`")


def similarity(one: bytes, other: bytes, language: str) -> float:
    """0..1: Jaccard of 4-token shingles, strings and numbers counted as one word each; of ``other`` files of their words.

    Configuration has a value every third token, so that hardly four in a row are alike; its keys are.
    """
    width = _width(language)
    mine, theirs = shingles(one, width), shingles(other, width)
    if not mine or not theirs:
        return 1.0 if one == other else 0.0
    return len(mine & theirs) / len(mine | theirs)


def mean_similarity(sources: Sequence[bytes], language: str) -> float:
    """0..1: the mean over all pairs, as :func:`similarity` has it; 1 for a single one."""
    sets = [shingles(data, _width(language)) for data in sources]
    pairs = [(one, other) for index, one in enumerate(sets) for other in sets[index + 1 :]]
    return sum(_jaccard(one, other) for one, other in pairs) / len(pairs) if pairs else 1.0


def shingles(data: bytes, width: int = 4) -> frozenset[int]:
    """Hashes of every `width` tokens in a row. Values are left out, so that customers do not make sources differ."""
    text = _STRING.sub(" S ", data.decode("utf-8", "replace"))
    words = ["0" if token[0].isdigit() else token.lower() for token in _TOKEN.findall(text)]
    return frozenset(
        hash(tuple(words[index : index + width])) for index in range(max(1, len(words) - width + 1)) if words
    )


def group_similar(
    items: Sequence[Item], *, data: Callable[[Item], bytes], threshold: float = THRESHOLD
) -> list[list[Item]]:
    """`items` in groups of sources that are alike (average linkage, Jaccard >= `threshold`); each item in exactly one.

    Groups are in order of their first item, items in the order given; the grouping itself depends on no order.
    """
    sets = [shingles(data(item)) for item in items]
    pair = [[_jaccard(a, b) for b in sets] for a in sets]
    groups = [[index] for index in range(len(items))]
    while True:
        best, join = threshold, None
        for left in range(len(groups)):
            for right in range(left + 1, len(groups)):
                links = [pair[a][b] for a in groups[left] for b in groups[right]]
                mean = sum(links) / len(links)
                if mean > best or (mean == best and join is None):
                    best, join = mean, (left, right)
        if join is None:
            return [[items[index] for index in sorted(group)] for group in sorted(groups, key=min)]
        left, right = join
        groups[left] += groups.pop(right)


def _width(language: str) -> int:
    return 1 if language == "other" else 4


def _jaccard(one: frozenset[int], other: frozenset[int]) -> float:
    return len(one & other) / len(one | other) if one or other else 1.0
