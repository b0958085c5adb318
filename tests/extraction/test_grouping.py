"""Which sources belong together."""

from __future__ import annotations

import random
from pathlib import Path

from fde_extraction.similarity import group_similar, similarity

CASES = Path(__file__).parent / "cases"


def _sources() -> dict[str, list[bytes]]:
    found = {
        f"{why.parent.parent.name}/{why.parent.name}": [
            path.read_bytes() for path in sorted(why.parent.iterdir()) if path.suffix in (".py", ".ts", ".sql")
        ]
        for why in CASES.glob("*/*/why.md")
    }
    return {name: sources for name, sources in found.items() if sources}


def test_siblings_are_more_alike_than_strangers() -> None:
    families = list(_sources().values())
    for family in families:
        for other in families:
            if other is not family:
                assert similarity(family[0], family[1], "") > 0.3 > similarity(family[0], other[0], "")


def test_similarity_is_symmetric_and_one_for_equal_sources() -> None:
    one, other, *_ = next(iter(_sources().values()))
    assert similarity(one, other, "python") == similarity(other, one, "python")
    assert similarity(one, one, "python") == 1.0
    assert similarity(b"", one, "python") == 0.0


def test_a_mixed_pile_falls_into_its_families_in_any_order() -> None:
    pile = [(name, data) for name, sources in _sources().items() for data in sources]
    random.Random(7).shuffle(pile)
    groups = group_similar(pile, data=lambda item: item[1])
    assert sorted(len(group) for group in groups) == sorted(len(sources) for sources in _sources().values())
    assert all(len({name for name, _ in group}) == 1 for group in groups)


def test_nothing_is_grouped_from_nothing() -> None:
    assert group_similar([], data=lambda item: item) == []
