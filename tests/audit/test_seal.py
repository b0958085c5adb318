"""Sealed names: read with the key, by nobody without it."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from fde_events.seal import SEALED, key_id, keyed_digest, keys_of, opened, seal

keys = st.binary(min_size=32, max_size=64)
names = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=300)


@settings(max_examples=40)
@given(keys, names, names)
def test_the_key_gives_the_name_back(key: bytes, field: str, name: str) -> None:
    sealed = seal(key, field, name)
    assert SEALED.fullmatch(sealed)
    assert opened([b"x" * 32, key], field, sealed) == name


@settings(max_examples=40)
@given(keys, keys, names)
def test_no_other_key_field_or_text_does(key: bytes, other: bytes, name: str) -> None:
    sealed = seal(key, "name", name)
    if key != other:
        assert opened([other], "name", sealed) is None
    assert opened([], "name", sealed) is None
    assert opened([key], "namespace", sealed) is None


@settings(max_examples=40)
@given(keys, names, st.data())
def test_a_changed_seal_does_not_open(key: bytes, name: str, data: st.DataObject) -> None:
    sealed = seal(key, "name", name)
    begin = len("s1.00000000.")
    place = data.draw(st.integers(begin, len(sealed) - 2))  # the last character has bits that mean nothing
    letter = data.draw(st.sampled_from("ABCDxyz019_-"))
    changed = sealed[:place] + letter + sealed[place + 1 :]
    assert opened([key], "name", changed) == (name if changed == sealed else None)


@settings(max_examples=40)
@given(keys, names)
def test_one_name_is_one_text_and_its_length_is_hidden(key: bytes, name: str) -> None:
    assert seal(key, "name", name) == seal(key, "name", name)
    assert len(seal(key, "name", "a")) == len(seal(key, "name", "northgate-gmbh"))


def test_plain_text_stays_as_it_is() -> None:
    assert opened([], "name", "incident-sync.v1.0.0") == "incident-sync.v1.0.0"
    assert seal(b"k" * 32, "name", "") == ""


def test_keys_are_read_as_fde_key_writes_them() -> None:
    plain = b"ab" * 32
    ring = (
        b'{"keys": [{"key": "'
        + b"cd" * 32
        + b'", "notBefore": "2026-01-01T00:00:00Z"}, {"key": "hex:'
        + b"00" * 32
        + b'"}]}'
    )
    assert keys_of(plain + b"\n") == (plain,)
    assert keys_of(ring) == (b"\0" * 32, b"cd" * 32)
    assert keys_of(b'{"keys": []}') == ()
    assert keys_of(b"") is None
    assert keys_of(b"{}") is None
    assert len(key_id(plain)) == 8


def test_a_digest_is_keyed() -> None:
    assert keyed_digest(b"a" * 32, b"x") != keyed_digest(b"b" * 32, b"x")
