"""The automaton of triggers: made once a machine, and never read where somebody else could have written it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from fde_sidecar import automaton as module
from fde_sidecar.automaton import automaton, cache

WORDS = ((3, "pass(?:word)?="), (5, "(?i)token"))


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("FDE_CACHE", str(tmp_path / "cache"))
    automaton.cache_clear()
    yield tmp_path / "cache" / "automata"
    automaton.cache_clear()


@pytest.fixture(name="compiled")
def _compiled(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """What was compiled, and not taken from a file."""
    told: list[object] = []
    honest = module._compiled
    monkeypatch.setattr(module, "_compiled", lambda expressions: told.append(expressions) or honest(expressions))
    return told


def found(text: str) -> list[int]:
    database, ids = automaton(WORDS), list[int]()
    scratch = module.hyperscan.Scratch(database)
    database.scan(text.encode(), match_event_handler=lambda n, *_: ids.append(n) and None, scratch=scratch)
    automaton.cache_clear()  # the next one is another process
    return sorted(ids)


def test_what_was_made_once_is_taken_from_the_file_and_finds_the_same(place: Path, compiled: list[object]) -> None:
    assert found("the TOKEN and password=x") == [3, 5]
    assert found("the TOKEN and password=x") == [3, 5]
    assert found("nothing") == []
    assert len(compiled) == 1
    assert [path.stat().st_mode & 0o777 for path in place.iterdir()] == [0o644]


@pytest.mark.parametrize("harm", ["cut", "flipped", "empty", "foreign", "another's", "writable", "link", "directory"])
def test_a_file_that_is_not_as_we_wrote_it_is_made_anew(place: Path, compiled: list[object], harm: str) -> None:
    assert found("token") == [5]
    (path,) = place.iterdir()
    content = path.read_bytes()
    if harm == "cut":
        path.write_bytes(content[:-9])
    elif harm == "flipped":
        path.write_bytes(content[:50] + bytes([content[50] ^ 1]) + content[51:])
    elif harm == "empty":
        path.write_bytes(b"")
    elif harm == "foreign":  # whole by its digest, and no automaton
        path.write_bytes(module._digest(path.name, b"hello") + b"hello")
    elif harm == "another's":  # whole, ours, and made of other expressions
        automaton(((3, "never"),))
        (other,) = set(place.iterdir()) - {path}
        other.replace(path)
        compiled.clear()
        compiled.append(WORDS)
    elif harm == "writable":
        path.chmod(0o666)
    else:
        path.unlink()
        if harm == "directory":
            path.mkdir()
        else:
            (place.parent / "elsewhere").write_bytes(content)
            path.symlink_to(place.parent / "elsewhere")
    assert found("password=") == [3]
    assert len(compiled) == 2


def test_where_nothing_can_be_kept_it_is_compiled_each_time(place: Path, compiled: list[object]) -> None:
    place.parent.write_text("a file where the directory should be")
    assert found("token") == found("token") == [5]
    assert len(compiled) == 2


def test_only_a_few_are_kept(place: Path) -> None:
    for number in range(12):
        automaton(((0, f"word{number}"),))
    assert len(list(place.iterdir())) == 8


def test_the_place_is_the_users_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FDE_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache() == tmp_path / "xdg" / "fde" / "automata"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert cache() == tmp_path / "home" / ".cache" / "fde" / "automata"


def test_without_expressions_there_is_none() -> None:
    assert automaton(()) is None
