"""The kill switch: one word has the last say, and what is no word lets nothing out."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import structlog.testing
from hypothesis import given, settings
from hypothesis import strategies as st

from fde_sidecar.switch import State, Switch, strictest


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
    assert (switch.state(), switch.purges) == (state, purges)


def test_it_may_be_thrown_at_any_moment(tmp_path: Path) -> None:
    file = tmp_path / "switch"
    switch = Switch(file)
    for word in ("on", "off", "on", "hold", "on", "off purge", "on"):
        file.write_text(word)  # within one tick of the clock, some of them of one size
        assert switch.state() == word.split()[0]
    assert not switch.purges


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


@settings(max_examples=40, deadline=None)  # files are written
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
