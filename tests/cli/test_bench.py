from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fde_cli.bench.abstraction.tokendiff import Pivot
from fde_cli.bench.figure import Pair, counted, in_turns, rate, seconds
from fde_cli.bench.redact import alternation
from fde_cli.bench.sign import baseline
from fde_cli.main import run
from fde_events.event import ErrorEvent
from fde_sidecar.rules import RULES

CUSTOMERS = ("north", "south", "west")
TIMED = ("batch", "redact", "sign")


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three customers' logs."""
    directory = tmp_path_factory.mktemp("sample")
    for customer in CUSTOMERS:
        log = directory / "fleet" / customer / "loader" / "app.log"
        log.parent.mkdir(parents=True)
        log.write_text(
            f"2026-10-03T08:11:00+00:00 ERROR {customer}.jobs: load of ann@{customer}.example failed\n"
            "Traceback (most recent call last):\n"
            '  File "/usr/lib/python3.11/site-packages/psycopg/cursor.py", line 117, in execute\n'
            "    raise ex.with_traceback(None)\n"
            "psycopg.errors.NumericValueOutOfRange: numeric field overflow\n"
        )
    return directory


@pytest.mark.seconds
@pytest.mark.parametrize("name", TIMED)
def test_a_benchmark_gives_figures_against_a_named_peer(
    name: str, sample: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["bench", name, "--json", "--rounds", "2", "--sample", str(sample)]) == 0
    said = capsys.readouterr()
    figures = [json.loads(line) for line in said.out.splitlines()]
    assert {figure["bench"] for figure in figures} == {name}
    for figure in figures:
        assert figure["peer_name"] and figure["unit"]
        assert figure["ours"] >= 0 and figure["peer"] >= 0
        if figure["ratio"] is not None:
            assert figure["ratio_min"] <= figure["ratio"] <= figure["ratio_max"]
    assert any(figure["rounds"] == 2 for figure in figures)
    assert f"fde bench: {name}: " in said.err


@pytest.mark.seconds
def test_without_a_name_all_are_run_and_shown_as_tables(
    sample: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[tuple[object, ...]] = []
    monkeypatch.setattr("fde_cli.bench.abstraction.run.run", lambda *given: asked.append(given) or [])
    monkeypatch.setattr("fde_cli.bench.abstraction.figure.table", lambda figures: ["the table of abstraction"])
    monkeypatch.setattr("fde_cli.bench.drift.run", lambda *given: None)
    monkeypatch.setattr("fde_cli.bench.drift.table", lambda figures: ["the table of drift"])
    monkeypatch.setattr("fde_cli.bench.grouping.run.run", lambda *given: [])
    monkeypatch.setattr("fde_cli.bench.grouping.run.table", lambda figures: ["the table of grouping"])
    assert run(["bench", "--rounds", "1", "--sample", str(sample), "--only", "sql/"]) == 0
    *timed, last, drift, grouping = capsys.readouterr().out.splitlines()
    assert "ratio" in timed[0]
    assert list(dict.fromkeys(line.split()[0] for line in timed[1:])) == list(TIMED)
    assert (last, drift, grouping) == ("the table of abstraction", "the table of drift", "the table of grouping")
    assert [given[:2] for given in asked] == [(None, "sql/")]


def test_an_unknown_name_is_wrong_use_and_the_choices_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["bench", "speed"]) == 2
    said = capsys.readouterr()
    assert all(name in said.err for name in (*TIMED, "abstraction", "grouping"))
    assert said.out == ""


def test_no_rounds_are_wrong_use_and_no_logs_are_unusable_input(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["bench", "sign", "--rounds", "0"]) == 2
    assert run(["bench", "sign", "--sample", str(tmp_path)]) == 3
    assert "app.log" in capsys.readouterr().err


@pytest.mark.seconds
def test_both_sides_run_in_turns_and_who_is_first_changes() -> None:
    order: list[str] = []
    pairs = in_turns(
        lambda: order.append("ours"),
        lambda: order.append("peer"),
        rounds=2,
        tell=lambda said: order.append(said.split()[0]),
        before=lambda: order.append("before"),
    )
    assert len(pairs) == 2
    timed = [entry for entry in order if entry != "before"]
    assert timed == ["warming", "peer", "ours", "round", "ours", "peer", "round", "peer", "ours"]
    assert all(order[order.index(side) - 1] == "before" for side in ("ours", "peer"))


def test_a_ratio_is_ours_to_the_peers_and_its_range_is_of_the_rounds() -> None:
    pairs = [Pair(1.0, 2.0), Pair(1.0, 4.0), Pair(2.0, 6.0)]
    fast = rate("b", "w", "events/CPU-s", "p", 12, pairs)
    assert (fast.ours, fast.peer, fast.ratio, fast.ratio_min, fast.ratio_max) == (12, 3, 3, 2, 4)
    slow = seconds("b", "w", "CPU-s/family", "p", 2, pairs)
    assert (slow.ours, slow.peer, slow.ratio, slow.rounds) == (0.5, 2, 0.3333, 3)
    assert counted("b", "w", "values", "lower", "p", 3, 0).ratio is None


# ---------------------------------------------------------------- the peers do what they are said to do

words = st.lists(st.sampled_from(["host", " ", "=", '"', "a.b", "\n", "x1", "7"]), max_size=25).map("".join)


@given(st.lists(words, min_size=2, max_size=4))
def test_the_pivots_template_gives_every_sibling_back(texts: list[str]) -> None:
    pivot = Pivot.of(texts)
    assert [pivot.rebuilt(number) for number in range(len(texts))] == texts


@given(words)
def test_equal_siblings_leave_no_holes(text: str) -> None:
    assert Pivot.of([text, text]).spans == ()


def test_the_alternation_holds_every_standard_rule() -> None:
    pattern, kinds = alternation()
    standard = [rule for rule in RULES if not rule.strict]
    assert sorted(kinds.values()) == sorted(rule.kind for rule in standard)
    found = pattern.search("write to ann@own.example now")
    assert found is not None and kinds[found.lastgroup or ""] == "email"
    assert pattern.search("Password: x9k2m4p8q1") is not None


def test_the_baseline_reads_the_root_cause_and_masks_what_varies() -> None:
    def failed(number: int, wrapper: str) -> ErrorEvent:
        stack = (
            f"Traceback (most recent call last):\n  File \"a.py\", line {number}, in f\nKeyError: 'c{number}'\n\n"
            "The above exception was the direct cause of the following exception:\n\n"
            f'Traceback (most recent call last):\n  File "b.py", line 1, in g\n{wrapper}: step failed'
        )
        return ErrorEvent(time="2026-10-01T00:00:00Z", exception_type=wrapper, exception_stacktrace=stack)

    assert baseline(failed(1, "north.Failed")) == baseline(failed(2, "south.Broken"))
    node = "Wrapped: step failed\n    at f (a.js:1:1)\n  [cause]: TypeError: x is undefined\n    at g"
    plain = ErrorEvent(time="", exception_type="TypeError", exception_message="x is undefined")
    assert baseline(ErrorEvent(time="", exception_type="Wrapped", exception_stacktrace=node)) == baseline(plain)
