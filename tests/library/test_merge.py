from __future__ import annotations

import subprocess
from pathlib import Path

from hypothesis import example, given
from hypothesis import strategies as st

from fde_library.merge import is_marked, merge

NAME = "sync.v2.0.0"
LINES = st.lists(st.sampled_from([b"a", b"b", b"c", b"", b"}"]), max_size=8)
ENDING = st.sampled_from([b"\n", b"\r\n", b"\r"])


@st.composite
def files(draw: st.DrawFn) -> bytes:
    """Lines with any ending, the last one ended or not."""
    body = b"".join(line + draw(ENDING) for line in draw(LINES))
    return body + draw(st.sampled_from([b"", b"end"]))


@given(files(), files())
def test_a_side_that_did_not_change_takes_the_other(base: bytes, changed: bytes) -> None:
    assert merge(base, base, changed, name=NAME).conflicts == 0
    assert merge(base, changed, base, name=NAME).data == changed
    assert merge(base, changed, changed, name=NAME).data == changed


@example(b"", b"a\ra\n", b"\n")
@given(files(), files(), files())
def test_no_line_that_a_side_added_is_lost(base: bytes, local: bytes, other: bytes) -> None:
    merged = merge(base, local, other, name=NAME)
    kept = {line.rstrip(b"\r\n") for line in merged.data.splitlines(keepends=True)}
    was = {line.rstrip(b"\r\n") for line in base.splitlines(keepends=True)}
    for side in (local, other):
        assert {line.rstrip(b"\r\n") for line in side.splitlines(keepends=True)} - was <= kept


@given(files(), files(), files())
def test_marks_are_there_exactly_when_there_are_conflicts(base: bytes, local: bytes, other: bytes) -> None:
    merged = merge(base, local, other, name=NAME)
    assert is_marked(merged.data, "sync") == (merged.conflicts > 0)
    assert not is_marked(merged.data, "other")


def test_edits_apart_are_merged_with_their_endings() -> None:
    base = b"one\r\ntwo\nthree\r\nfour\nfive"
    merged = merge(base, b"ONE\r\ntwo\nthree\r\nfour\nfive", b"one\r\ntwo\nthree\r\nfour\nFIVE\n", name=NAME)
    assert merged.data == b"ONE\r\ntwo\nthree\r\nfour\nFIVE\n"
    assert merged.conflicts == 0


def test_a_conflict_shows_both_sides_and_shared_lines_once() -> None:
    merged = merge(b"a\r\nx\r\nb\r\n", b"a\r\nhead\r\nmine\r\nb\r\n", b"a\r\nhead\r\ntheirs\r\nb\r\n", name=NAME)
    assert merged.data == (b"a\r\nhead\r\n<<<<<<< local\r\nmine\r\n=======\r\ntheirs\r\n>>>>>>> sync.v2.0.0\r\nb\r\n")


def test_a_conflict_at_an_unended_last_line_keeps_marks_on_lines_of_their_own() -> None:
    merged = merge(b"a\nx", b"a\nmine", b"a\ntheirs", name=NAME)
    assert merged.data == b"a\n<<<<<<< local\nmine\n=======\ntheirs\n>>>>>>> sync.v2.0.0\n"


def test_a_checkout_with_crlf_is_no_conflict() -> None:
    merged = merge(b"a\nb\nc\nd\n", b"a\r\nB\r\nc\r\nd\r\n", b"a\nb\nc\nD\n", name=NAME)
    assert (merged.data, merged.conflicts) == (b"a\r\nB\r\nc\r\nD\r\n", 0)


def test_what_git_merges_cleanly_is_merged_to_the_same_bytes(tmp_path: Path) -> None:
    base = [f"line {n}\n" for n in range(40)]
    local = [*base[:5], "inserted\n", *base[5:20], *base[22:]]
    other = [*base[:12], "changed\n", *base[13:30], "more\n", *base[30:], "last"]
    for name, lines in (("local", local), ("base", base), ("other", other)):
        (tmp_path / name).write_text("".join(lines))
    told = subprocess.run(
        ["git", "merge-file", "-p", "local", "base", "other"], cwd=tmp_path, capture_output=True, timeout=20
    )
    assert told.returncode == 0
    ours = merge("".join(base).encode(), "".join(local).encode(), "".join(other).encode(), name=NAME)
    assert (ours.data, ours.conflicts) == (told.stdout, 0)
