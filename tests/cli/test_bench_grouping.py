"""`fde bench grouping`: what is scored, and how a corpus of one's own is read."""

import json
from pathlib import Path

import pytest

from fde_cli.bench.grouping.corpus import corpora
from fde_cli.bench.grouping.run import across_versions
from fde_cli.bench.grouping.score import rand, score
from fde_cli.main import run
from fde_events.errors import BadInput


def test_perfect_groups_score_one_and_strangers_together_cost_precision() -> None:
    truth = ["a", "a", "a", "b", "b", "b"]
    places = ["x", "y", "z", "x", "y", "z"]
    perfect = score([1, 1, 1, 2, 2, 2], truth, places)
    assert (perfect.pair_precision, perfect.pair_recall, perfect.bcubed) == (1.0, 1.0, 1.0)
    assert (perfect.pattern_recall, perfect.pattern_precision) == (1.0, 1.0)
    heap = score([1] * 6, truth, places)
    assert heap.pair_recall == 1.0
    assert heap.pair_precision == pytest.approx(6 / 12)
    assert (heap.pattern_recall, heap.pattern_precision) == (0.0, 0.0)
    alone = score([1, 2, 3, 4, 5, 6], truth, places)
    assert (alone.pair_precision, alone.pair_recall, alone.pattern_precision) == (None, 0.0, None)


def test_a_one_off_is_no_pattern_even_at_three_deployments() -> None:
    found = score([1, 1, 1], ["oneoff.x"] * 3, ["x", "y", "z"])
    assert (found.pattern_recall, found.pattern_precision) == (None, 0.0)


def test_the_rand_index_is_one_for_renamed_groups_and_falls_for_others() -> None:
    assert rand([1, 1, 2, 2], ["b", "b", "a", "a"]) == 1.0
    assert rand([1, 1, 2, 2], [1, 2, 1, 2]) < 0.1


def test_shipped_corpora_are_read_and_hold_versions_where_there_are_some() -> None:
    shipped = corpora()
    assert set(shipped) == {"services", "clients", "libraries"}
    assert {one.version for one in shipped["libraries"]} == {"old", "new"}
    assert {one.version for one in shipped["services"]} == {""}
    assert len({one.deployment for events in shipped.values() for one in events}) > 40


def test_recall_across_versions_counts_pairs_of_two_versions_at_two_deployments() -> None:
    events = corpora()["libraries"]
    assert across_versions([one.challenge for one in events], events) == 1.0
    assert across_versions(list(range(len(events))), events) == 0.0


def test_a_corpus_of_ones_own_is_read_and_its_faults_are_named(tmp_path: Path) -> None:
    (tmp_path / "events.jsonl").write_text(json.dumps({"id": "1", "deployment": "a/b", "body": "x"}) + "\n")
    (tmp_path / "labels.jsonl").write_text(json.dumps({"id": "1", "challenge": "c"}) + "\n")
    ((name, (one,)),) = corpora(tmp_path).items()
    assert (name, one.challenge, one.deployment) == (tmp_path.name, "c", "a/b")
    (tmp_path / "labels.jsonl").write_text(json.dumps({"id": "2", "challenge": "c"}) + "\n")
    with pytest.raises(BadInput, match=r"events.jsonl:1: no labelled event"):
        corpora(tmp_path)


def test_a_directory_without_events_is_unusable_input(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["bench", "grouping", "--corpus", str(tmp_path)]) == 3
    assert "labels.jsonl" in capsys.readouterr().err
    assert run(["bench", "--corpus", str(tmp_path)]) == 2
