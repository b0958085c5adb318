"""The state log: chain, contiguity, fence, rebuild. In memory and on SQLite; on Kafka see test_kafka."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fde_events.errors import BadInput
from fde_events.order import Ignore, named
from fde_events.signed import Signature, SignedBatch, SignedEvent
from fde_events.topics import MAX_RECORD_BYTES
from fde_streams.identity import group_id
from fde_streams.state import Fenced, Part, StateRecord, covers, encode_state, fold_and_keep
from fde_streams.state_sqlite import SqliteStateLog, covered_offsets


def a_value(offset, *, sample="text", events=1, kinds=5):
    return msgspec.json.encode(
        SignedBatch(
            block="error/x",
            events=tuple(
                SignedEvent(
                    id=f"e{offset % 3}/{offset}/{index}",
                    kind="error",
                    customer="c",
                    deployment=f"d{offset % 3}",
                    time="2026-10-01T00:00:00.000Z",
                    signature=Signature(
                        digest=f"{(offset * events + index) % kinds:032x}",
                        rules="r",
                        block="error/x",
                        title="t",
                        parts=(),
                    ),
                    sample=sample,
                )
                for index in range(events)
            ),
        )
    )


def records(*offsets):
    return [(offset, a_value(offset)) for offset in offsets]


class Memory:
    """A state log as a list."""

    def __init__(self):
        self.kept = []

    def append(self, partition, record):
        self.kept.append(record)
        return len(encode_state(record))


@given(st.lists(st.integers(0, 12), max_size=60))
def test_whatever_is_delivered_each_offset_is_folded_once_and_none_is_passed_over(delivered):
    part, log = Part(), Memory()
    expected = 0
    for offset in delivered:
        before = part.covered
        _, gap = fold_and_keep(log, 0, part, records(offset))
        assert gap is (offset > before + 1)
        expected = expected + 1 if offset == expected else expected
        assert part.covered == expected - 1
    assert sum(len(entry.delta.folded[0].spans) for entry in log.kept) == expected
    assert [entry.prev for entry in log.kept] == [-1, *[entry.last for entry in log.kept]][: len(log.kept)]


def test_a_gap_inside_a_delivery_stops_the_step_before_it():
    record, gap = covers(Part(), records(0, 1, 3, 4))
    assert gap
    assert (record.prev, record.last) == (-1, 1)


def test_a_delta_applies_to_exactly_one_state():
    part, log = Part(), Memory()
    fold_and_keep(log, 0, part, records(0, 1))
    fold_and_keep(log, 0, part, records(2))
    again = Part()
    for entry in (log.kept[1], log.kept[0], log.kept[0], log.kept[1], log.kept[1]):
        again.apply(entry)
    assert (again.covered, again.ignored) == (2, 3)
    assert again.state == part.state


def test_a_state_of_another_form_is_refused_with_what_to_do():
    record, _ = covers(Part(), records(0))
    with pytest.raises(BadInput, match=r"another version of fde \(form 1.*Move it away"):
        Part().apply(msgspec.structs.replace(record, form=1))


def test_what_is_not_of_known_form_inside_a_batch_is_told_and_the_rest_is_folded():
    told = []
    odd = msgspec.json.decode(a_value(1))
    odd["events"][0]["time"] = "yesterday"
    values = [(0, a_value(0)), (1, msgspec.json.encode(odd)), (2, a_value(2))]
    record, _ = covers(Part(), values, undecodable=lambda *seen: told.append(seen[0]))
    assert (record.last, told, len(record.delta.increments)) == (2, [1], 2)


def test_a_step_ends_with_an_order_and_what_follows_meets_it():
    part, log = Part(), Memory()
    told = named(Ignore(group="ch-x", author="kim", time="2026-10-01T00:00:00Z", reason="never mind"))
    order = msgspec.json.encode(SignedBatch(block="error/x", events=(), orders=(told,)))
    fold_and_keep(log, 0, part, [(0, a_value(0)), (1, order), (2, a_value(2))])
    assert [(entry.prev, entry.last) for entry in log.kept] == [(-1, 1), (1, 2)]
    assert set(part.state.waiting) == {told.id}


def test_each_step_is_published_as_soon_as_it_is_kept():
    part, log, published = Part(), Memory(), []
    values = [(offset, a_value(offset)) for offset in range(3)]
    group = group_id(f"{2:032x}")
    told = named(Ignore(group=group, author="kim", time="2026-10-01T00:00:00Z", reason="never mind"))
    order = msgspec.json.encode(SignedBatch(block="error/x", events=(), orders=(told,)))
    more = [(3, a_value(2, events=1)), (4, order)]
    fold_and_keep(log, 0, part, values + more, threshold=1, publish=lambda found: published.append(len(log.kept)))
    assert published == [1, 2]
    assert part.state.groups[group].ignored


def test_an_older_generations_record_is_passed_over():
    part = Part()
    part.apply(StateRecord("new", 2, -1, -1))
    record, _ = covers(Part(), records(0))
    assert not part.apply(msgspec.structs.replace(record, generation=1))
    assert part.covered == -1


def test_a_record_that_is_no_signed_batch_is_told_and_passed_over():
    told = []
    odd = msgspec.json.encode({"block": "b", "events": [{"id": "nonsense"}]})
    record, gap = covers(Part(), [(0, b"\xff"), (1, odd), *records(2)], undecodable=lambda *seen: told.append(seen[0]))
    assert not gap
    assert (record.last, told) == (2, [0, 1])


def test_a_step_is_shortened_until_it_fits_a_record():
    part, log = Part(), Memory()
    big = [(offset, a_value(offset, sample="x" * 2_000, events=150, kinds=100_000)) for offset in range(0, 6)]
    fold_and_keep(log, 0, part, big)
    assert part.covered == 5
    assert len(log.kept) > 1
    assert all(len(encode_state(entry)) <= MAX_RECORD_BYTES for entry in log.kept)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "state.db"


def test_sqlite_rebuilds_what_was_folded(path):
    log = SqliteStateLog(path, "b:1")
    parts = log.rebuild([0, 1])
    fold_and_keep(log, 0, parts[0], records(0, 1, 2))
    fold_and_keep(log, 0, parts[0], records(3))
    fold_and_keep(log, 1, parts[1], records(0))
    log.close()
    rebuilt = SqliteStateLog(path, "b:1").rebuild([0, 1, 2])
    assert {partition: part.covered for partition, part in rebuilt.items()} == {0: 3, 1: 0, 2: -1}
    assert rebuilt[0].state == parts[0].state
    assert rebuilt[0].dirty == parts[0].dirty != {}
    assert covered_offsets(path, "b:1") == {0: 3, 1: 0}


def test_sqlite_shuts_out_the_older_writer_of_a_partition_only(path):
    old, new = SqliteStateLog(path, "b:1"), SqliteStateLog(path, "b:1")
    parts = old.rebuild([0, 1])
    fold_and_keep(old, 0, parts[0], records(0))
    taken = new.rebuild([0])
    with pytest.raises(Fenced):
        fold_and_keep(old, 0, parts[0], records(1))
    assert parts[0].covered == 0
    fold_and_keep(old, 1, parts[1], records(0))
    fold_and_keep(new, 0, taken[0], records(1))
    assert SqliteStateLog(path, "b:1").rebuild([0])[0].covered == 1


def test_another_embedded_broker_starts_its_offsets_anew_and_keeps_the_groups(path):
    log = SqliteStateLog(path, "b:1")
    parts = log.rebuild([0])
    fold_and_keep(log, 0, parts[0], records(0, 1, 2))
    log.close()
    log = SqliteStateLog(path, "b:2")
    part = log.rebuild([0])[0]
    assert part.covered == -1
    assert set(part.state.groups) == set(parts[0].state.groups)
    assert covered_offsets(path, "b:1") == {}
    fold_and_keep(log, 0, part, records(0))
    assert SqliteStateLog(path, "b:2").rebuild([0])[0].covered == 0


def test_nothing_is_covered_before_there_is_a_state_file(path):
    assert covered_offsets(path, "b:1") == {}
