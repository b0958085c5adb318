"""Scores of a grouping against the truth: pairs, BCubed, patterns, and agreement of two groupings.

Pairs across deployments: of all pairs of events of different deployments that a grouping puts together, the share that truth
puts together (precision), and the reverse (recall). BCubed: Bagga and Baldwin 1998. A pattern is a challenge of three
deployments or more; it is found by a group that holds three of them and is nine tenths pure. Adjusted Rand index: Hubert and
Arabie 1985.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

PATTERN: Final = 3  # deployments
PURE: Final = 0.9
_NEVER: Final = ("oneoff.", "benign")  # of one customer by definition


@dataclass(frozen=True, slots=True)
class Score:
    """Shares from 0 to 1. None where there was nothing to share."""

    pair_precision: float | None
    pair_recall: float | None
    bcubed: float
    pattern_recall: float | None
    pattern_precision: float | None


def _pairs(counts: Iterable[int]) -> int:
    return sum(count * (count - 1) // 2 for count in counts)


def _share(part: float, whole: float) -> float | None:
    return part / whole if whole else None


def score(groups: Sequence[Hashable], truth: Sequence[str], deployments: Sequence[str]) -> Score:
    """`groups`, `truth` and `deployments` of the same events in the same order."""
    rows = list(zip(groups, truth, deployments, strict=True))
    both = Counter((group, challenge) for group, challenge, _ in rows)
    all_three = Counter(rows)
    of_group = Counter(groups)
    of_truth = Counter(truth)
    right = _pairs(both.values()) - _pairs(all_three.values())
    made = _pairs(of_group.values()) - _pairs(Counter((group, place) for group, _, place in rows).values())
    wanted = _pairs(of_truth.values()) - _pairs(Counter((challenge, place) for _, challenge, place in rows).values())
    precision = sum(count**2 / of_group[group] for (group, _), count in both.items()) / len(rows)
    recall = sum(count**2 / of_truth[challenge] for (_, challenge), count in both.items()) / len(rows)
    found, good, produced = _patterns(rows, both, of_group)
    patterns = _wide(((challenge, place) for _, challenge, place in rows))
    patterns = {challenge for challenge in patterns if not str(challenge).startswith(_NEVER)}
    return Score(
        pair_precision=_share(right, made),
        pair_recall=_share(right, wanted),
        bcubed=2 * precision * recall / (precision + recall),
        pattern_recall=_share(len(found & patterns), len(patterns)),
        pattern_precision=_share(good, produced),
    )


def _wide(rows: Iterable[tuple[Hashable, str]]) -> set[Hashable]:
    places: dict[Hashable, set[str]] = defaultdict(set)
    for name, place in rows:
        places[name].add(place)
    return {name for name, seen in places.items() if len(seen) >= PATTERN}


def _patterns(
    rows: Sequence[tuple[Hashable, str, str]], both: Counter[tuple[Hashable, str]], of_group: Counter[Hashable]
) -> tuple[set[str], int, int]:
    """The challenges that a pure group of three deployments holds; how many such groups are right, and how many there are."""
    wide = _wide(((group, challenge), place) for group, challenge, place in rows)
    produced = _wide((group, place) for group, _, place in rows)
    found: set[str] = set()
    right: set[Hashable] = set()
    for (group, challenge), count in both.items():
        if (group, challenge) in wide and count / of_group[group] >= PURE:
            found.add(challenge)
            if not challenge.startswith(_NEVER):
                right.add(group)
    return found, len(right), len(produced)


def rand(one: Sequence[Hashable], other: Sequence[Hashable]) -> float:
    """Adjusted Rand index of two groupings of the same events: 1 when they are the same, 0 when no better than chance."""
    together = _pairs(Counter(zip(one, other, strict=True)).values())
    of_one, of_other = _pairs(Counter(one).values()), _pairs(Counter(other).values())
    expected = of_one * of_other / max(_pairs([len(one)]), 1)
    most = (of_one + of_other) / 2
    return 1.0 if most == expected else (together - expected) / (most - expected)
