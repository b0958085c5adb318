"""The journal: nothing that was written is lost or told twice, whenever the process is killed."""

from __future__ import annotations

import itertools
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fde_events.act import Act, Gap
from fde_events.errors import Misuse, Unavailable
from fde_operator.audit.journal import Journal

_FOLDERS = itertools.count()


def act(number: int, **changes: str) -> Act:
    given = Act(id=f"{number:032x}", at="2026-11-21T10:00:00.000Z", source="operator", who="o", verb="apply", kind="Job", outcome="unknown")  # fmt: skip
    return msgspec.structs.replace(given, **changes)


def ids(journal: Journal, limit: int = 500) -> list[str]:
    return [entry.id for entry in journal.batch(limit).entries]


def test_what_was_added_comes_in_order_until_it_is_done(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    for number in range(5):
        assert journal.add(act(number))
    assert ids(journal, 2) == [act(0).id, act(1).id]
    assert ids(journal, 2) == [act(0).id, act(1).id], "nothing was done yet"
    journal.done(journal.batch(2), 1)
    assert ids(journal) == [act(n).id for n in (2, 3, 4)]
    journal.done(journal.batch(), 4)
    assert journal.batch().entries == ()
    assert journal.waiting() == 0
    assert journal.seq == 4


def test_an_act_that_the_process_did_not_live_to_see_is_unknown_to_the_next(tmp_path: Path) -> None:
    first = Journal(tmp_path)
    first.begin(act(1))
    first.begin(act(2))
    first.begin(act(3))
    first.end(act(2, outcome="allowed"))
    first.forget(act(3))
    assert [one.outcome for one in first.batch().entries if isinstance(one, Act)] == ["allowed"], "it may still end"
    first.done(first.batch(), 0)
    first.close()
    second = Journal(tmp_path)
    (left,) = second.batch().entries
    assert isinstance(left, Act)
    assert (left.id, left.outcome) == (act(1).id, "unknown")
    second.done(second.batch(), 1)
    second.add(act(4, outcome="allowed"))
    assert ids(second) == [act(4).id]


def test_half_a_line_of_a_killed_process_harms_nothing(tmp_path: Path) -> None:
    first = Journal(tmp_path)
    first.add(act(1))
    first.close()
    (file,) = tmp_path.glob("*.jsonl")
    with file.open("ab") as torn:
        torn.write(b'{"entry": {"type": "act.v1", "id": "half')
    second = Journal(tmp_path)
    second.add(act(2))
    assert ids(second) == [act(1).id, act(2).id]


def test_a_spoilt_line_is_told(tmp_path: Path) -> None:
    first = Journal(tmp_path)
    first.add(act(1))
    first.close()
    (file,) = tmp_path.glob("*.jsonl")
    file.write_bytes(b"rubbish\n" + file.read_bytes())
    gap, kept = Journal(tmp_path).batch().entries
    assert isinstance(gap, Gap)
    assert (gap.lost, kept.id) == (1, act(1).id)


def test_over_the_cap_acts_are_counted_and_told_as_a_gap(tmp_path: Path) -> None:
    journal = Journal(tmp_path, cap_bytes=1000)
    kept = 0
    while journal.add(act(kept)):
        kept += 1
    assert not journal.add(act(99))
    batch = journal.batch()
    gap = batch.entries[0]
    assert isinstance(gap, Gap)
    assert (gap.lost, gap.reason) == (2, "the journal is full")
    assert len(batch.entries) == kept + 1
    journal.done(batch, kept)
    assert journal.batch().entries == ()
    assert journal.add(act(100)), "there is room again"
    assert journal.dropped == 2


def test_an_act_that_was_begun_below_the_cap_can_end(tmp_path: Path) -> None:
    journal = Journal(tmp_path, cap_bytes=1000)
    journal.begin(act(0))
    while journal.add(act(1)):
        pass
    assert journal.end(act(0, outcome="allowed"))


def test_files_behind_what_is_done_go(tmp_path: Path) -> None:
    journal = Journal(tmp_path, segment_bytes=400)
    for number in range(20):
        journal.add(act(number))
    assert len(list(tmp_path.glob("*.jsonl"))) > 5
    assert ids(journal) == [act(n).id for n in range(20)]
    journal.done(journal.batch(), 19)
    assert len(list(tmp_path.glob("*.jsonl"))) == 1


def test_one_process_at_a_time(tmp_path: Path) -> None:
    first = Journal(tmp_path)
    with pytest.raises(Misuse, match="another process writes the audit journal"):
        Journal(tmp_path)
    first.close()
    Journal(tmp_path)


def test_a_journal_that_was_closed_takes_nothing_more(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.close()
    journal.close()
    assert not journal.add(act(1))
    assert journal.dropped == 0


def test_a_folder_that_cannot_be_made_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Unavailable, match="cannot be used"):
        Journal(tmp_path / "file" / "journal")


steps = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(["begin", "end", "add", "forget"]), st.integers(0, 5)),
        st.tuples(st.just("batch"), st.integers(1, 4)),
        st.tuples(st.just("kill"), st.just(0)),
    ),
    max_size=40,
)


@settings(max_examples=60)
@given(steps)
def test_whatever_happens_every_act_is_told_at_least_once_and_once_where_done(tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, int]]) -> None:  # fmt: skip
    folder = tmp_path_factory.getbasetemp() / f"journal-{next(_FOLDERS)}"
    journal = Journal(folder, segment_bytes=600)
    begun: dict[int, Act] = {}
    owed: list[str] = []
    told: list[str] = []
    fresh = itertools.count(100)
    for what, number in steps:
        if what == "begin":
            begun[number] = act(next(fresh))
            journal.begin(begun[number])
        elif what == "end" and number in begun:
            done = begun.pop(number)
            journal.end(msgspec.structs.replace(done, outcome="allowed"))
            owed.append(done.id)
        elif what == "forget" and number in begun:
            journal.forget(begun.pop(number))
        elif what == "add":
            one = act(next(fresh))
            journal.add(one)
            owed.append(one.id)
        elif what == "batch":
            batch = journal.batch(number)
            journal.done(batch, len(told))
            told += [entry.id for entry in batch.entries]
        elif what == "kill":
            journal.close()
            journal = Journal(folder, segment_bytes=600)
            owed += [one.id for one in begun.values()]  # of unknown outcome
            begun.clear()
    while (batch := journal.batch(3)).entries:
        journal.done(batch, 0)
        told += [entry.id for entry in batch.entries]
    journal.close()
    replaced = set(told) - set(owed)
    assert set(owed) <= set(told)
    assert len(told) == len(set(told)), "nothing is told twice once it was done"
    assert replaced <= {one.id for one in begun.values()} | _overwritten(steps)


def _overwritten(steps: list[tuple[str, int]]) -> set[str]:
    """Acts that this test began anew under the same number: nobody ends them, so a later process tells them as unknown."""
    fresh, begun, lost = itertools.count(100), dict[int, str](), set[str]()
    for what, number in steps:
        if what == "begin":
            if number in begun:
                lost.add(begun[number])
            begun[number] = act(next(fresh)).id
        elif what == "add":
            next(fresh)
        elif what in ("end", "forget"):
            begun.pop(number, None)
        elif what == "kill":
            begun.clear()
    return lost
