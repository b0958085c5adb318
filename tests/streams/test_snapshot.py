"""Snapshots: a state rebuilt from one and from later deltas is the state rebuilt from all deltas."""

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fde_events.order import Erase, Ignore, Merge, Pin, Split, named
from fde_events.signed import Signature, SignedBatch, SignedEvent
from fde_events.topics import MAX_RECORD_BYTES
from fde_streams import seen
from fde_streams.fold import apply, fold
from fde_streams.group import State
from fde_streams.identity import group_id
from fde_streams.ingest import encode_signed
from fde_streams.settle import settle
from fde_streams.snapshot import Restored, chunks
from fde_streams.standing import raised_of
from fde_streams.state import (
    Part,
    StateRecord,
    compact,
    decode_state,
    encode_state,
    fold_and_keep,
    publish_dirty,
    settle_and_keep,
)
from fde_streams.state_sqlite import SqliteStateLog, read_parts

WHEN = "2026-10-01T00:00:00Z"
TEXTS = (
    "connection to the orders database was refused",
    "connection to the orders database was refused by the server",
    "quota of the tenant is used up",
    "token has expired",
)


def digest_of(text):
    return f"{TEXTS.index(text):032x}"


def an_event(place, sequence, index, text, hour=0, count=1):
    return SignedEvent(
        id=f"epoch-{place}/{sequence}/{index}",
        kind="error",
        customer=f"c{place // 2}",
        deployment=f"d{place}",
        time=f"2026-10-{1 + hour // 24:02d}T{hour % 24:02d}:00:00.000Z",
        signature=Signature(
            digest=digest_of(text), rules="r", block="error/x", title=f"title: {text}", parts=(("text", text),)
        ),
        sample=f"text of {place}/{sequence}/{index}",
        count=count,
    )


def an_order(kind, text, other):
    one, two = group_id(digest_of(text)), group_id(digest_of(other))
    told = {"author": "kim", "time": WHEN, "reason": "seen by eye"}
    if kind == "merge":
        return named(Merge(groups=(one, two), **told))
    if kind == "split":
        return named(Split(group=one, signatures=(digest_of(other),), **told))
    if kind == "pin":
        return named(Pin(signature=digest_of(text), group=two, **told))
    return named(Ignore(group=one, **told))


events = st.builds(
    an_event,
    st.integers(0, 5),
    st.integers(0, 6),
    st.integers(0, 3),
    st.sampled_from(TEXTS),
    st.integers(0, 300),
    st.integers(1, 3),
)
orders = st.builds(
    an_order,
    st.sampled_from(["merge", "split", "pin", "ignore"]),
    st.sampled_from(TEXTS),
    st.sampled_from(TEXTS),
).filter(lambda order: not isinstance(order, Merge) or len(set(order.groups)) == 2)
steps = st.lists(st.one_of(st.lists(events, min_size=1, max_size=5), orders), max_size=25)


def deltas_of(whole, step):
    batch = SignedBatch(block="error/x", events=tuple(step)) if isinstance(step, list) else None
    delta = fold(whole, [batch or SignedBatch(block="error/x", orders=(step,))])
    apply(whole, delta)
    yield delta
    while (delta := settle(whole, 3)) is not None:
        apply(whole, delta)
        yield delta


def through_a_snapshot(whole):
    restored = Restored()
    found = [
        restored.add(decode_state(encode_state(StateRecord("o", 0, 0, 0, snapshot=one))).snapshot)
        for one in chunks(whole, "n")
    ]
    assert found == [False] * (len(found) - 1) + [True]
    return restored.state


@settings(max_examples=150)
@given(steps, st.integers(0, 40))
def test_a_snapshot_and_later_deltas_give_the_state_that_all_deltas_give(made, at):
    whole, other, number = State(), None, 0
    for step in made:
        for delta in deltas_of(whole, step):
            number += 1
            if other is not None:
                apply(other, delta)
            elif number > at:
                other = through_a_snapshot(whole)
    other = other if other is not None else through_a_snapshot(whole)
    assert other == whole
    assert [list(mine) for mine in other.own.values()] == [list(mine) for mine in whole.own.values()]
    assert list(other.waiting) == list(whole.waiting)
    assert raised_of(other) == raised_of(whole)
    again = SignedBatch(block="error/x", events=(an_event(9, 9, 9, TEXTS[1]),))
    assert fold(other, [again]) == fold(whole, [again])


def a_value(number, deployments=4):
    made = [
        an_event(number % deployments, number // deployments, index, TEXTS[index % 4], number % 400)
        for index in range(8)
    ]
    return encode_signed(SignedBatch(block="error/x", events=tuple(made)))


def run(log, part, start, stop, *, threshold=2):
    for number in range(start, stop):
        fold_and_keep(log, 0, part, [(number, a_value(number))], threshold=threshold)
        publish_dirty(part, lambda found: None)
        compact(log, 0, part, above=SOON)


SOON = 20_000


def test_a_log_stays_bounded_and_rebuilds_what_is_in_memory(tmp_path):
    log = SqliteStateLog(tmp_path / "s", "b:1")
    part = log.rebuild([0])[0]
    most = 0
    for start in range(0, 400, 20):
        run(log, part, start, start + 20)
        (kept,) = log._connection.execute("SELECT sum(length(body)) FROM record").fetchone()
        most = max(most, kept)
        rebuilt = read_parts(tmp_path / "s")[0]
        assert (rebuilt.state, rebuilt.covered) == (part.state, part.covered)
        assert rebuilt.grown == part.grown
    assert part.size > 0
    assert most < 3 * max(SOON, part.size)


def test_a_reader_of_an_incomplete_snapshot_goes_on_with_the_deltas():
    kept = []

    class Log:
        def append(self, partition, record):
            kept.append(record)
            return len(encode_state(record))

    part = Part()
    for number in range(30):
        fold_and_keep(Log(), 0, part, [(number, a_value(number))])
    whole = [StateRecord("o", -1, part.covered, part.covered, snapshot=one) for one in parted(part.state)]
    assert len(whole) > 2
    for broken in ([], whole[:-1], whole[1:], whole[:1] + whole[2:]):
        reader = Part()
        for record in [*kept[:20], *broken, *kept[20:]]:
            reader.apply(record)
        assert (reader.state, reader.covered) == (part.state, part.covered)
    reader = Part()
    for record in [*whole[:2], *whole]:
        reader.apply(record)
    assert (reader.state, reader.covered) == (part.state, part.covered)


def parted(whole):
    """A snapshot in chunks of few pieces."""
    (one,) = chunks(whole, "n")
    size = 7
    pieces = [one.pieces[start : start + size] for start in range(0, len(one.pieces), size)]
    return [
        msgspec.structs.replace(one, index=index, last=index == len(pieces) - 1, pieces=some)
        for index, some in enumerate(pieces)
    ]


@pytest.mark.seconds
def test_chunks_fit_a_record_whatever_was_seen_by_how_many():
    whole = State()
    for place in range(1_500):
        made = [an_event(place, 0, index, TEXTS[index % 4], index * 7 % 700) for index in range(60)]
        apply(whole, fold(whole, [SignedBatch(block="error/x", events=tuple(made))]))
    found = [StateRecord("o", 0, 0, 0, snapshot=one) for one in chunks(whole, "n")]
    assert len(found) > 1
    assert max(len(encode_state(record)) for record in found) <= MAX_RECORD_BYTES
    assert through_a_snapshot(whole) == whole


def test_a_snapshot_waits_until_all_was_published():
    class Log:
        def append(self, partition, record):
            return 50_000

        def replace(self, partition, snapshot):
            return sum(len(encode_state(record)) for record in snapshot)

    part = Part()
    for number in range(4):
        fold_and_keep(Log(), 0, part, [(number, a_value(number))], threshold=2)
    assert part.wants_snapshot(SOON)
    assert not compact(Log(), 0, part, above=SOON)
    publish_dirty(part, lambda found: None)
    assert compact(Log(), 0, part, above=SOON)
    assert not part.wants_snapshot(SOON)


def test_what_was_not_published_is_known_to_whoever_rebuilds():
    kept = []

    class Log:
        def append(self, partition, record):
            kept.append(record)
            return 1

    part, told = Part(), []
    for number in range(6):
        fold_and_keep(Log(), 0, part, [(number, a_value(number))], threshold=2)
        if number == 3:
            publish_dirty(part, told.extend)
    reader = Part()
    for record in kept:
        reader.apply(record)
    assert reader.dirty == part.dirty != {}
    assert told


def test_an_erased_customer_is_not_left_in_the_log(tmp_path):
    log = SqliteStateLog(tmp_path / "s", "b:1")
    part = log.rebuild([0])[0]
    run(log, part, 0, 8)
    order = named(Erase(customer="c0", author="kim", time=WHEN, reason="asked to"))
    fold_and_keep(log, 0, part, [(8, encode_signed(SignedBatch(block="error/x", orders=(order,))))])
    settle_and_keep(log, 0, part)
    publish_dirty(part, lambda found: None)
    assert compact(log, 0, part, above=SOON)
    bodies = b"".join(body for (body,) in log._connection.execute("SELECT body FROM record"))
    assert b"c1:" in bodies
    assert b"c0:" not in bodies
    assert read_parts(tmp_path / "s")[0].state == part.state


def test_one_customers_epochs_are_bounded(monkeypatch):
    monkeypatch.setattr(seen, "MAX_EPOCHS", 3)
    known = seen.Seen()
    for number in range(9):
        known.add(f"acme/e{number}", ((0, 5),), f"2026-10-01T00:00:0{number}.000Z")
        known.add("other/e", ((number, number),), "2026-01-01T00:00:00.000Z")
    assert sorted(known.epochs) == ["acme/e6", "acme/e7", "acme/e8", "other/e"]
    assert known.has("other/e", 8)


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(0, 6)), max_size=40))
def test_spans_are_a_set(added):
    spans, model = seen.Spans(), set()
    for start, length in added:
        spans.add(start, start + length)
        model.update(range(start, start + length + 1))
        assert {number for number in range(70) if number in spans} == model
        assert all(a < b for a, b in zip(spans.ends, spans.starts[1:], strict=False))
        assert all(end + 1 < start for end, start in zip(spans.ends, spans.starts[1:], strict=False))
        assert spans.last == max(model)
