"""Keys of pseudonyms: rotated between batches, destroyed for good, and never shown."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest
import structlog.testing
from hypothesis import given, settings
from hypothesis import strategies as st

from fde_events.errors import BadInput, Misuse, Refused
from fde_events.token import TOKEN
from fde_sidecar import pseudonym
from fde_sidecar.pseudonym import KeyFile, KeyRing, a_key, destroy, label, read_key, read_ring, rotate
from fde_sidecar.redact import Redactor


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "pseudonym.key"
    path.write_text("0123456789abcdef" * 2 + "\n")
    return path


def test_a_plain_file_is_a_ring_of_one_key(file: Path) -> None:
    (key,) = read_ring(file).keys
    assert (read_key(file), key.not_before) == (b"0123456789abcdef" * 2, "")
    assert key.id not in file.read_text()
    assert "0123" not in repr(read_ring(file))


def test_after_a_rotation_equal_values_no_longer_match_earlier_ones_and_tokens_keep_their_form(file: Path) -> None:
    before = Redactor(read_key(file)).redact("mail to ann@acme.example failed")
    assert Redactor(read_key(file)).redact("mail to ann@acme.example failed") == before
    rotate(file)
    after = Redactor(read_key(file)).redact("mail to ann@acme.example failed")
    assert after != before
    assert TOKEN.sub("", after) == TOKEN.sub("", before)
    old, new = read_ring(file).keys
    assert Redactor(old.secret).redact("mail to ann@acme.example failed") == before  # the customer can still tell
    assert label("standard/2", new) == f"standard/2/key-{new.id}"


def test_a_key_takes_effect_when_it_says(file: Path) -> None:
    new = rotate(file, not_before="2999-01-01T00:00:00Z")
    ring = read_ring(file)
    assert ring.at("2998-12-31T23:59:59.999Z").secret == b"0123456789abcdef" * 2
    assert ring.at("2999-01-01T00:00:00.000Z") == new
    with pytest.raises(Refused, match="only take effect after it"):
        rotate(file)
    with pytest.raises(Misuse, match="2026-01-31T00:00:00Z"):
        rotate(file, not_before="tomorrow")


def test_a_running_sidecar_takes_the_new_key_at_the_next_question(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keys = KeyFile(file)
    first = keys.current()
    assert keys.current() is first
    second = rotate(file)
    assert keys.current() == second
    third = rotate(file, not_before="2999-01-01T00:00:00Z")
    assert keys.current() == second
    monkeypatch.setattr(pseudonym, "now", lambda: "2999-01-01T00:00:01.000Z")
    monkeypatch.setattr(pseudonym.time, "time", lambda: 40_000_000_000.0)
    assert keys.current() == third


@pytest.mark.parametrize("content", ["", "short", '{"keys": []}', '{"keys": [{"key": "short"}]}', '{"keys": 3}'])
def test_a_file_without_a_usable_key_is_refused_and_never_quoted(tmp_path: Path, content: str) -> None:
    (tmp_path / "key").write_text(content)
    with pytest.raises(BadInput) as refused:
        read_ring(tmp_path / "key")
    assert "short" not in refused.value.why


def test_a_key_that_goes_away_leaves_the_running_sidecar_its_last_and_is_told_once(file: Path) -> None:
    keys = KeyFile(file)
    first = keys.current()
    file.unlink()
    with structlog.testing.capture_logs() as told:
        assert [keys.current() for _ in range(3)] == [first] * 3
    assert [one["event"] for one in told] == ["pseudonym_key_unusable"]
    assert "0123" not in str(told)


def test_a_destroyed_key_is_gone_and_the_others_stay(file: Path) -> None:
    old = read_ring(file).keys[0]
    new = rotate(file)
    assert destroy(file, frozenset({old.id})) == [old.id]
    assert read_ring(file).keys == (new,)
    assert b"0123456789abcdef" not in b"".join(path.read_bytes() for path in file.parent.iterdir())
    with pytest.raises(Refused, match="holds no key"):
        destroy(file, frozenset({old.id}))


def test_when_all_are_destroyed_nothing_is_left_until_the_next_rotation(file: Path) -> None:
    assert len(destroy(file)) == 1
    with pytest.raises(BadInput, match="were destroyed"):
        read_ring(file)
    key = rotate(file)
    assert read_ring(file).keys == (key,)


def test_a_ring_is_readable_by_its_owner_alone_and_made_where_there_was_none(tmp_path: Path) -> None:
    rotate(tmp_path / "new.key")
    assert stat.S_IMODE((tmp_path / "new.key").stat().st_mode) == 0o600
    assert list(json.loads((tmp_path / "new.key").read_text())) == ["keys"]


@settings(max_examples=40, deadline=None)  # files are written and synced
@given(
    st.lists(
        st.tuples(
            st.binary(min_size=16, max_size=40).map(bytes.strip).filter(lambda key: len(key) >= 16),
            st.integers(2000, 2900),
        ),
        min_size=1,
        max_size=5,
        unique_by=lambda one: one[1],
    )
)
def test_a_ring_comes_back_as_it_was_written(
    tmp_path_factory: pytest.TempPathFactory, made: list[tuple[bytes, int]]
) -> None:
    ring = KeyRing(())
    for secret, year in made:
        ring = ring.with_key(a_key(secret, f"{year}-01-01T00:00:00.000Z"))
    path = tmp_path_factory.mktemp("ring") / "key"
    path.write_bytes(ring.encode())
    assert read_ring(path) == ring
    for key in ring.keys:
        assert ring.at(key.not_before) == key


def test_a_binary_key_survives_its_first_rotation(tmp_path: Path) -> None:
    secret = b"{" + bytes(range(128, 159))
    (tmp_path / "key").write_bytes(secret)
    rotate(tmp_path / "key")
    assert read_ring(tmp_path / "key").keys[0].secret == secret
