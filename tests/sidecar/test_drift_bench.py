"""The generator of drifting streams says the truth, and what the detector makes of some of them stays good."""

from __future__ import annotations

import json

import pytest

from fde_cli.bench.drift import run
from fde_cli.bench.payloads import KINDS, stream


def test_a_seed_gives_the_same_stream_and_all_kinds_come_up() -> None:
    assert stream(17) == stream(17)
    kinds = {one.drift.kind if one.drift else None for one in map(stream, range(120))}
    assert kinds == {None, *KINDS}


@pytest.mark.seconds
def test_before_its_first_record_a_removed_field_is_there_and_then_it_is_not() -> None:
    removed = [
        (one, one.drift)
        for one in map(stream, range(300))
        if one.drift and one.drift.kind == "field-removed" and "." not in one.drift.field
    ]
    assert len(removed) > 3
    for one, drift in removed:
        has = [drift.field in json.loads(line) for line in one.lines]
        assert all(has[: drift.first])
        assert not has[drift.first]


@pytest.mark.seconds
def test_generated_streams_are_told_from_their_traps() -> None:
    figures = run(lambda _: None, streams=60, batched=60)
    for score in (figures.plain, figures.batched):
        assert score.precision >= 0.95
        assert score.recall >= 0.95
        assert score.right_kind >= 0.9
    assert figures.live.recall >= 0.9


def test_batches_are_added_to_a_stream_and_leave_the_one_without_them_as_it_was() -> None:
    batched = stream(17, batched=True)
    assert batched == stream(17, batched=True)
    assert batched.drift == stream(17).drift
    assert len(batched.traps) > len(stream(17).traps)
