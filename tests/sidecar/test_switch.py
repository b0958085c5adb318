"""The kill switch: one word has the last say, what is no word lets nothing out, and what was held can be destroyed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import structlog.testing
from hypothesis import given
from hypothesis import strategies as st

from fde_sidecar.spool import Entry, Position, Spool, Withheld
from fde_sidecar.switch import State, Switch, purge, strictest


def test_without_a_switch_everything_is_on(tmp_path: Path) -> None:
    assert Switch(None).state() == "on"
    assert Switch(tmp_path / "none").state() == "on"
    assert Switch(tmp_path / "none", absent="hold").state() == "hold"


@pytest.mark.parametrize(
    ("word", "state", "purges"),
    [("on", "on", False), (" Hold\n", "hold", False), ("off\n", "off", False), ("off  purge\n", "off", True)],
)
def test_one_word_says_it(tmp_path: Path, word: str, state: str, purges: bool) -> None:
    (tmp_path / "switch").write_text(word)
    switch = Switch(tmp_path / "switch")
    assert (switch.state(), switch.purge) == (state, purges)


def test_it_may_be_thrown_at_any_moment(tmp_path: Path) -> None:
    file = tmp_path / "switch"
    switch = Switch(file)
    for word in ("on", "off", "on", "hold", "on", "off purge", "on"):
        file.write_text(word)  # within one tick of the clock, some of them of one size
        assert switch.state() == word.split()[0]
    assert not switch.purge


def test_a_mounted_key_is_another_file_behind_the_same_name(tmp_path: Path) -> None:
    for word in ("on", "no"):
        (tmp_path / word).mkdir()
        (tmp_path / word / "egress").write_text("on" if word == "on" else "hold")
        os.utime(tmp_path / word / "egress", (1, 1))
    (tmp_path / "data").symlink_to("on")
    switch = Switch(tmp_path / "data/egress")
    assert switch.state() == "on"
    (tmp_path / "new").symlink_to("no")
    (tmp_path / "new").replace(tmp_path / "data")
    assert switch.state() == "hold"


@given(st.binary(max_size=300))
def test_what_is_no_word_lets_nothing_out(tmp_path_factory: pytest.TempPathFactory, said: bytes) -> None:
    file = tmp_path_factory.mktemp("s") / "switch"
    file.write_bytes(said)
    known = b" ".join(said.lower().split()) in (b"on", b"hold", b"off", b"off purge")
    assert known or Switch(file).state() == "hold"


def test_a_switch_that_cannot_be_read_or_is_taken_away_is_hold_and_told_once(tmp_path: Path) -> None:
    file = tmp_path / "switch"
    file.write_text("on")
    switch = Switch(file)
    assert switch.state() == "on"
    file.unlink()
    with structlog.testing.capture_logs() as told:
        assert [switch.state() for _ in range(3)] == ["hold"] * 3
        file.mkdir()
        assert [switch.state() for _ in range(3)] == ["hold"] * 3
    assert [one["event"] for one in told] == ["switch_unusable"] * 2
    file.rmdir()
    file.write_text("on")
    assert switch.state() == "on"


@given(st.lists(st.sampled_from(["on", "hold", "off"])))
def test_neither_opens_what_the_other_closed(states: list[State]) -> None:
    found = strictest(*states)
    assert found == ("off" if "off" in states else "hold" if "hold" in states else "on")


def an_entry(epoch: str, sequence: int, value: bytes | None, **more: object) -> Entry:
    return Entry(epoch=epoch, sequence=sequence, events=3 if value else 0, time="t", value=value, **more)  # type: ignore[arg-type]


def test_purging_leaves_nothing_of_what_was_spooled_and_counts_it(tmp_path: Path) -> None:
    position = Position("app.log", 1, 2, "", 0, 77, 9)
    spool = Spool(tmp_path)
    spool.append(an_entry("e1", -1, None))
    spool.append(an_entry("e1", 0, b"planted-one"))
    spool.append(an_entry("e2", -1, None))
    withheld = Withheld("shape", 5, b"planted-two")
    spool.append(an_entry("e2", 0, b"planted-three", positions=[position], withheld=[withheld]))
    spool.append(an_entry("e2", 1, b"planted-four"))
    spool.commit()
    spool.acknowledge(next(after for _, after, entry in spool.read(spool.cursor, 10**6) if entry.value))
    spool.close()

    assert purge(tmp_path) == {"e2": 6 + 5}  # e1's record had left

    for path in tmp_path.rglob("*"):
        assert b"planted" not in path.read_bytes(), path
    spool = Spool(tmp_path)
    assert not [entry for _, _, entry in spool.read(spool.cursor, 10**6) if entry.value is not None]
    assert spool.state.positions == {(1, 2): position}  # nothing of it is read again
    assert not spool.state.withheld
    assert spool.state.epochs["e2"].dropped == {"purged": 11}
    assert (spool.state.epochs["e1"].highest, spool.state.epochs["e2"].highest) == (0, 1)
    spool.close()
    assert purge(tmp_path) == {}


def test_a_spool_that_was_purged_goes_on(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    spool.append(an_entry("e1", 0, b"gone"))
    spool.close()
    purge(tmp_path)
    spool = Spool(tmp_path)
    spool.append(an_entry("e3", 0, b"new"))
    spool.commit()
    assert [entry.value for _, _, entry in spool.read(spool.cursor, 10**6) if entry.value] == [b"new"]
    spool.close()
