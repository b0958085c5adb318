from __future__ import annotations

import pytest

from fde_cli.bench.grouping_scale import By, Shape, measure, messages

SHAPES: tuple[Shape, ...] = ("blocks", "one block", "one tenant")


@pytest.mark.parametrize("shape", SHAPES)
def test_messages_are_the_same_every_time_and_causes_have_several(shape: Shape) -> None:
    first = list(messages(500, shape))
    assert first == list(messages(500, shape))
    assert len({text for _, text, _, _ in first}) > 400
    causes = len({cause for *_, cause in first})
    assert causes == len(first) if shape == "one tenant" else causes < 0.6 * len(first)


def test_a_cause_of_ten_reads_almost_like_another_of_its_vendor() -> None:
    found = list(messages(2_000, "blocks"))
    assert len({block for block, *_ in found}) > 300
    edited = {cause for _, text, _, cause in found if " HTTP " in text or " field " in text}
    assert len(edited) > 0.1 * len({cause for *_, cause in found})


@pytest.mark.seconds
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("by", ["near", "fold"])
def test_what_a_signature_costs_does_not_grow_and_no_wrong_ones_meet(shape: Shape, by: By) -> None:
    told: list[str] = []
    scale = measure(5_000, shape, by, told.append)
    assert scale.signatures == scale.kept == 5_000
    assert scale.precision == 1.0
    assert scale.recall > 0.95
    assert len(told) == 10
    if scale.tail_us >= 4 * scale.head_us:  # CPU time, and other programs' caches disturb it: what grows does so again
        scale = measure(5_000, shape, by, told.append)
    assert scale.tail_us < 4 * scale.head_us
