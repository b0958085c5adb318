"""The chain: whatever is done to what is stored, or to an export, is found and named."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from fde_events.act import Act, Gap
from fde_events.audit import Audit
from fde_events.chain import SKIP, Anchor, Head, Verifier, body_digest, canonical, link, link_hash, longest_run, stored

AT = "2026-11-21T10:00:00Z"


def act(number: int = 1, **changes: Any) -> Act:
    fields: dict[str, Any] = {
        "id": f"{number:032x}",
        "at": AT,
        "source": "operator",
        "who": "ana@company.example",
        "verb": "apply",
        "kind": "Deployment",
        "outcome": "allowed",
        "name": f"sync-{number}",
        **changes,
    }
    return Act(**fields)


def chained(entries: Sequence[Any], chain: str = "operator") -> tuple[list[bytes], Head]:
    head, raws = Head(chain), []
    for entry in entries:
        raw, head = link(head, entry)
        raws.append(raw)
    return raws, head


def checked(raws: Sequence[bytes], *anchors: Anchor) -> Verifier:
    verifier = Verifier(anchors)
    for number, raw in enumerate(raws):
        verifier.take(raw, f"offset {number}")
    return verifier


acts = st.builds(
    act,
    st.integers(0, 2**64),
    who=st.text(max_size=20),
    why=st.text(max_size=20),
    generation=st.integers(0, 2**40),
    decided=st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=3),
)


@settings(max_examples=40)
@given(st.lists(acts, max_size=6))
def test_what_was_written_is_whole(entries: list[Act]) -> None:
    raws, head = chained(entries)
    verifier = checked(raws, *([head.anchor(AT)] if entries else []))
    assert verifier.breaks() == []
    assert verifier.links == len(entries)
    if entries:
        assert verifier.heads["operator"] == head


@given(st.lists(acts, min_size=1, max_size=5), st.data())
def test_any_changed_byte_is_found(entries: list[Act], data: st.DataObject) -> None:
    raws, head = chained(entries)
    at = data.draw(st.integers(0, len(raws) - 1))
    place = data.draw(st.integers(0, len(raws[at]) - 1))
    byte = data.draw(st.integers(0, 255))
    assume(raws[at][place] != byte)
    raws[at] = raws[at][:place] + bytes([byte]) + raws[at][place + 1 :]
    (broken, *_) = checked(raws, head.anchor(AT)).breaks()
    assert broken.seq <= at + 1 or broken.chain != "operator"


@settings(max_examples=40)
@given(st.lists(acts, min_size=1, max_size=6), st.data())
def test_any_removed_record_is_found(entries: list[Act], data: st.DataObject) -> None:
    raws, head = chained(entries)
    at = data.draw(st.integers(0, len(raws) - 1))
    (broken,) = checked(raws[:at] + raws[at + 1 :], head.anchor(AT)).breaks()
    assert broken.seq == at


@settings(max_examples=40)
@given(st.lists(acts, min_size=1, max_size=6), st.integers(1, 6))
def test_a_cut_tail_is_found_by_an_anchor_kept_elsewhere(entries: list[Act], cut: int) -> None:
    raws, head = chained(entries)
    kept = raws[: max(0, len(raws) - cut)]
    assert checked(kept).breaks() == [], "without the anchor nobody can tell"
    (broken,) = checked(kept, head.anchor(AT)).breaks()
    assert broken.where == "anchors"
    assert "tail was cut" in broken.why
    assert broken.seq == len(kept)


@settings(max_examples=40)
@given(st.lists(acts, min_size=2, max_size=6, unique_by=lambda one: one.id), st.data())
def test_any_two_records_that_changed_places_are_found(entries: list[Act], data: st.DataObject) -> None:
    raws, head = chained(entries)
    a, b = sorted(data.draw(st.lists(st.integers(0, len(raws) - 1), min_size=2, max_size=2, unique=True)))
    raws[a], raws[b] = raws[b], raws[a]
    (broken,) = checked(raws, head.anchor(AT)).breaks()
    assert broken.seq == a


@settings(max_examples=40)
@given(st.lists(acts, min_size=1, max_size=6), acts, st.data())
def test_any_inserted_or_doubled_record_is_found(entries: list[Act], other: Act, data: st.DataObject) -> None:
    raws, head = chained(entries)
    at = data.draw(st.integers(0, len(raws) - 1))
    forged, _ = link(data.draw(st.sampled_from([Head("operator", at - 1, "0" * 64), stored(raws[at]).head])), other)  # type: ignore[union-attr]
    inserted = data.draw(st.sampled_from([forged, raws[at]]))
    where = data.draw(st.integers(0, len(raws)))
    # A link that truly follows the last one is what the writer itself adds: who may write to the topic can do that.
    assume(not (where == len(raws) and (found := stored(inserted)) is not None and found.previous == head.hash))
    assert checked([*raws[:where], inserted, *raws[where:]], head.anchor(AT)).breaks() != []


@settings(max_examples=40)
@given(st.lists(acts, min_size=2, max_size=6), acts, st.data())
def test_a_history_that_was_written_anew_with_all_its_hashes_is_found_by_an_anchor(
    entries: list[Act], other: Act, data: st.DataObject
) -> None:
    _, head = chained(entries)
    at = data.draw(st.integers(0, len(entries) - 1))
    assume(canonical(entries[at]) != canonical(other))
    rewritten, _ = chained([*entries[:at], other, *entries[at + 1 :]])
    (broken,) = checked(rewritten, head.anchor(AT)).breaks()
    assert "rewritten" in broken.why


def test_a_break_is_named_with_its_place_and_reason() -> None:
    raws, _ = chained([act(n) for n in range(4)])
    (changed,) = checked([raws[0], raws[1].replace(b"ana@", b"eve@"), *raws[2:]]).breaks()
    assert str(changed).startswith("offset 1: chain operator, link 1: changed: it says hash ")
    (removed,) = checked([raws[0], raws[3]]).breaks()
    assert str(removed) == "offset 1: chain operator, link 1: removed: links 1 to 2 should stand before link 3"
    (doubled,) = checked([raws[0], raws[0]]).breaks()
    assert "inserted or moved" in doubled.why


def test_chains_of_several_writers_and_records_that_are_no_links_stand_in_one_topic() -> None:
    ours, _ = chained([act(1), act(2)])
    theirs, _ = chained([act(3), Gap(id="f" * 32, lost=2, reason="disk full", since=AT, until=AT)], "people")
    other = msgspec.json.encode(Audit(at=AT, who="dana@company.example", what="evidence.read", of="c-1"))
    verifier = checked([ours[0], theirs[0], other, theirs[1], b"not json", ours[1]])
    assert verifier.breaks() == []
    assert verifier.others == 2
    assert {chain: head.seq for chain, head in verifier.heads.items()} == {"operator": 1, "people": 1}


def test_one_broken_chain_does_not_hide_another() -> None:
    ours, _ = chained([act(1), act(2), act(3)])
    theirs, _ = chained([act(4), act(5), act(6)], "people")
    broken = checked([ours[1], theirs[0], theirs[2]]).breaks()
    assert [(one.chain, one.seq) for one in broken] == [("operator", 0), ("people", 1)]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda found: {**found, "seq": "1"},
        lambda found: {**found, "seq": True},
        lambda found: {**found, "seq": 1.0},
        lambda found: {**found, "body": []},
        lambda found: {**found, "chain": None},
        lambda found: {**found, "more": 1},
        lambda found: {name: value for name, value in found.items() if name != "hash"},
    ],
)
def test_a_link_of_another_shape_is_a_changed_one(spoil: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    raws, _ = chained([act(1), act(2), act(3)])
    raws[1] = canonical(spoil(json.loads(raws[1])))
    assert "changed" in checked(raws).breaks()[0].why


def test_a_record_nested_without_end_stops_nobody() -> None:
    raws, _ = chained([act(1)])
    assert checked([b"[" * 100_000, *raws]).breaks() == []


def test_links_left_out_of_an_export_are_checked_by_their_digests() -> None:
    entries = [act(n) for n in range(6)]
    raws, head = chained(entries)
    left_out = {"type": SKIP, "chain": "operator", "seq": 2, "bodies": [body_digest(msgspec.to_builtins(entries[n])) for n in (2, 3, 4)]}  # fmt: skip
    lines = [canonical(head.anchor(AT)), raws[0], raws[1], canonical(left_out), raws[5], canonical(head.anchor(AT))]

    def exported(lines: Sequence[bytes]) -> Verifier:
        verifier = Verifier()
        for number, line in enumerate(lines, 1):
            verifier.take_export(line, f"line {number}")
        return verifier

    whole = exported(lines)
    assert whole.breaks() == []
    assert (whole.links, whole.skipped) == (3, 3)
    assert whole.open_ends() == []
    assert exported(lines[:-1]).open_ends() != []
    assert exported(lines[1:-2]).open_ends() != []
    assert exported(lines[:-2]).breaks() != []
    assert exported([*lines[:3], *lines[4:]]).breaks() != []
    for at in range(1, len(lines)):
        unproven = lines[at].index(b'"chain"') if at == 5 else 0  # when a head was seen: no link depends on it
        for place in range(unproven, len(lines[at]), 7):
            spoilt = bytearray(lines[at])
            spoilt[place] ^= 1
            found = exported([*lines[:at], bytes(spoilt), *lines[at + 1 :]])
            assert found.breaks() or found.open_ends(), (at, place)


@settings(max_examples=40)
@given(st.lists(acts, min_size=2, max_size=6), acts, st.integers(0, 10**9), st.data())
def test_a_writer_finds_its_chains_end_beside_links_that_follow_nothing(
    entries: list[Act], other: Act, far: int, data: st.DataObject
) -> None:
    raws, head = chained(entries)
    forged, _ = link(Head("operator", far, "0" * 64), other)
    raws.insert(data.draw(st.integers(0, len(raws))), forged)
    changed = raws[0].replace(b'"seq":0', b'"seq":900000')
    raws.insert(data.draw(st.integers(0, len(raws))), changed)
    run = longest_run([one for raw in raws if (one := stored(raw))])
    assert run[-1].head == head
    assert len(run) == len(entries)


def test_of_no_links_there_is_no_run() -> None:
    assert longest_run([]) == []


def test_leaf_and_link_hashes_are_told_apart() -> None:
    body = {"body": "b", "chain": "c", "previous": "p", "seq": 0}
    assert body_digest(body) != link_hash("c", 0, "p", "b")
