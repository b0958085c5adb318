"""Headers: the common layout is read at once, and as the long way reads it."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from fde_sidecar import header as module
from fde_sidecar.header import WARN, Header, read_header

DATA = Path(__file__).parent / "data"
PIECES = st.sampled_from(
    "2026-10-10 12:00:00 2026-10-10T12:00:00 .123 ,123456 Z UTC  +02:00 Oct 10 12:00 - | : , – [ ] ( ) INFO info Error: ERROR WARN "
    "warning debug/ panic hub.sync.client [hub.sync] {x} 4711 ValueError: E1010 worker--- message".split(" ")
)


def check(line: str) -> None:
    header = read_header(line)
    if header is not None and module._PLAIN.match(line) is not None:
        assert header == module._read_prefix(line)
    brief = read_header(line, brief=True)
    if header is None or header.level is None or header.level >= WARN:
        assert brief == header
    else:
        assert brief is not None
        assert (brief.level, brief.time, brief.strong) == (header.level, header.time, header.strong)


@given(st.lists(st.one_of(PIECES, st.sampled_from((" ", "  ", "\t")), st.text(max_size=3)), max_size=14).map("".join))
def test_at_once_and_the_long_way_give_the_same_header(line: str) -> None:
    check(line)


@given(st.lists(st.tuples(PIECES, st.sampled_from((" ", "", " - ", "\t"))), max_size=9))
def test_so_they_do_for_lines_like_those_of_logs(pieces: list[tuple[str, str]]) -> None:
    check("2026-10-10 12:00:00" + "".join(part + gap for part, gap in pieces))


def test_so_they_do_for_real_logs() -> None:
    for path in sorted(DATA.glob("*.log")):
        for line in path.read_text(errors="replace").split("\n"):
            check(line)


def test_a_time_and_a_level_are_enough_below_warn() -> None:
    line = "2026-10-10 12:00:00,123 INFO [hub.sync] pulled 7 rows"
    assert read_header(line) == Header(20, "2026-10-10 12:00:00,123", "hub.sync", "pulled 7 rows")
    assert read_header(line, brief=True) == Header(20, "2026-10-10 12:00:00,123", None, "")
    grave = line.replace("INFO", "WARN")
    assert read_header(grave, brief=True) == read_header(grave)
