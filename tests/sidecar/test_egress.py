"""The egress log: what left stands there, before the cursor moves, and nobody has to believe it unchecked."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec
import pytest
from confluent_kafka import Producer
from hypothesis import given, settings
from hypothesis import strategies as st

from fde_events.errors import BadInput, Unavailable
from fde_events.event import ErrorEvent, EventBatch, RateLimitEvent
from fde_sidecar import egress
from fde_sidecar.bundle_sink import BundleSink
from fde_sidecar.departure import Departure, departure
from fde_sidecar.egress import EgressLog
from fde_sidecar.history import FOLDER, Damage, Removed, logs_below, read_log, segments
from fde_sidecar.publish import Publisher
from fde_sidecar.spool import Entry, Spool

TIME = "2026-10-10T06:00:00.000Z"


def an_entry(sequence: int = 0, *, epoch: str = "e1", body: str = "failed", limits: int = 0) -> Entry:
    events = (ErrorEvent(time=TIME, body=body), *(RateLimitEvent(time=TIME, vendor="stripe") for _ in range(limits)))
    value = msgspec.json.encode(EventBatch(deployment="customer-acme/sync", events=events))
    return Entry(epoch=epoch, sequence=sequence, events=len(events), time=TIME, value=value)


def departures(directory: Path) -> list[Departure]:
    return [one for one in read_log(directory / FOLDER) if isinstance(one, Departure)]


def test_what_left_is_there_with_place_kinds_digest_and_the_very_bytes(tmp_path: Path) -> None:
    log = EgressLog(tmp_path, destination="fde.acme.telemetry")
    entry = an_entry(4, limits=2)
    log.left([entry, Entry(epoch="e1", sequence=-1, events=0, time=TIME, value=None)])
    (one,) = departures(tmp_path)
    assert (one.id, one.destination, one.kinds) == ("e1/4", "fde.acme.telemetry", {"error": 1, "rate_limit": 2})
    assert one.value() == entry.value
    assert one.size == len(entry.value or b"")


def test_a_reader_sees_it_before_the_writer_lets_go(tmp_path: Path) -> None:
    log = EgressLog(tmp_path)
    log.left([an_entry()], "a.fdeb")
    assert [one.destination for one in departures(tmp_path)] == ["a.fdeb"]
    log.close()


def test_a_record_that_left_twice_stands_there_twice_under_one_id(tmp_path: Path) -> None:
    for _ in range(2):  # a crash between the broker's word and the cursor's move
        log = EgressLog(tmp_path)
        log.left([an_entry(7)])
        log.close()
    assert [one.id for one in departures(tmp_path)] == ["e1/7", "e1/7"]


@settings(max_examples=40, deadline=None)  # files are written and synced
@given(cut=st.integers(min_value=1, max_value=400))
def test_a_tail_that_was_cut_short_costs_the_last_departure_alone(
    tmp_path_factory: pytest.TempPathFactory, cut: int
) -> None:
    directory = tmp_path_factory.mktemp("log")
    log = EgressLog(directory)
    log.left([an_entry(0)])
    (path,) = segments(directory / FOLDER)
    whole = path.stat().st_size
    log.left([an_entry(1, body="".join(chr(97 + n % 26) for n in range(90)))])
    log.close()
    size = path.stat().st_size
    os.truncate(path, max(whole, size - cut))
    log = EgressLog(directory)
    log.left([an_entry(2)])
    log.close()
    assert [one.sequence for one in departures(directory)] == [0, 2]
    assert not [one for one in read_log(directory / FOLDER) if isinstance(one, Damage)]


def test_a_tail_of_zeros_is_cut_as_well(tmp_path: Path) -> None:
    log = EgressLog(tmp_path)
    log.left([an_entry(0)])
    log.close()
    (path,) = segments(tmp_path / FOLDER)
    with path.open("ab") as file:
        file.write(bytes(4096))  # what some file systems leave of a block after power is lost
    log = EgressLog(tmp_path)
    log.left([an_entry(1)])
    assert [one.sequence for one in departures(tmp_path)] == [0, 1]


def test_damage_in_the_middle_is_named_and_left_for_whoever_looks_into_it(tmp_path: Path) -> None:
    log = EgressLog(tmp_path)
    for sequence in range(3):
        log.left([an_entry(sequence)])
    log.close()
    (path,) = segments(tmp_path / FOLDER)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0xFF
    path.write_bytes(data)
    log = EgressLog(tmp_path)  # it goes on in a segment of its own
    log.left([an_entry(9)])
    log.close()
    found = list(read_log(tmp_path / FOLDER))
    assert [one for one in found if isinstance(one, Damage)]
    assert [one.sequence for one in found if isinstance(one, Departure)][-1] == 9
    assert path.read_bytes() == bytes(data)


def test_a_changed_value_is_not_what_its_digest_says() -> None:
    entry = an_entry()
    one = departure(entry, "t", TIME)
    other = departure(an_entry(body="something else"), "t", TIME)
    assert msgspec.structs.replace(one, packed=other.packed).value() is None
    assert msgspec.structs.replace(one, packed=b"no zlib").value() is None
    assert one.value() == entry.value


def test_the_oldest_go_at_the_cap_and_their_number_stays(tmp_path: Path) -> None:
    log = EgressLog(tmp_path, cap_bytes=8_000)
    for sequence in range(200):
        log.left([an_entry(sequence, body=os.urandom(64).hex())])
        assert log.bytes < 8_000 + 2_500
    log.close()
    found = list(read_log(tmp_path / FOLDER))
    kept = [one.sequence for one in found if isinstance(one, Departure)]
    assert kept == list(range(kept[0], 200))
    (removed,) = [one.count for one in found if isinstance(one, Removed)]
    assert removed == kept[0]
    assert EgressLog(tmp_path, cap_bytes=8_000).bytes == log.bytes


def test_what_is_older_than_its_retention_goes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    days = iter(["2026-10-01", "2026-10-02", "2026-10-20", "2026-11-15"])
    for sequence in range(4):
        moment = f"{next(days)}T00:00:00.000Z"
        monkeypatch.setattr(egress, "now", lambda moment=moment: moment)
        log = EgressLog(tmp_path, retention_days=30)
        log.left([an_entry(sequence)])
        log.close()
    assert [one.sequence for one in departures(tmp_path)] == [2, 3]
    log = EgressLog(tmp_path, retention_days=30)
    monkeypatch.setattr(egress, "now", lambda: "2027-01-01T00:00:00.000Z")
    log.expire()  # nothing has left for a long time
    assert list(read_log(tmp_path / FOLDER)) == [Removed(4)]
    log.left([an_entry(4)])
    assert [one.sequence for one in departures(tmp_path)] == [4]


def test_a_full_disk_costs_the_oldest_first_and_is_said_when_that_does_not_help(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = EgressLog(tmp_path, segment_bytes=1)
    log.left([an_entry(0)])
    log.left([an_entry(1)])
    refused = [OSError(28, "No space left on device")] * 2  # the first segment holds nothing

    def fsync(descriptor: int) -> None:
        if refused:
            raise refused.pop()

    monkeypatch.setattr(egress.os, "fsync", fsync)
    log.left([an_entry(2)])
    assert [one.sequence for one in departures(tmp_path)] == [1, 2]
    refused += [OSError(28, "No space left on device")] * 20
    with pytest.raises(Unavailable, match="No space left"):
        log.left([an_entry(3)])
    assert not (tmp_path / FOLDER / "reserve").exists()
    refused.clear()
    log.left([an_entry(3)])
    assert (tmp_path / FOLDER / "reserve").exists()
    assert [one.sequence for one in departures(tmp_path)][-1] == 3
    assert not [one for one in read_log(tmp_path / FOLDER) if isinstance(one, Damage)]


def test_the_reserve_is_real_bytes(tmp_path: Path) -> None:
    EgressLog(tmp_path).close()
    assert (tmp_path / FOLDER / "reserve").stat().st_blocks * 512 >= 2 * 1024 * 1024
    assert logs_below(tmp_path)


def test_a_log_is_found_from_the_spool_from_above_and_from_inside(tmp_path: Path) -> None:
    EgressLog(tmp_path / "a").left([an_entry()])
    EgressLog(tmp_path / "b").left([an_entry()])
    assert logs_below(tmp_path) == [tmp_path / "a/egress", tmp_path / "b/egress"]
    assert logs_below(tmp_path / "a") == logs_below(tmp_path / "a/egress") == [tmp_path / "a/egress"]
    (tmp_path / "c").mkdir()
    with pytest.raises(BadInput, match="no egress log"):
        logs_below(tmp_path / "c")
    with pytest.raises(BadInput, match="no directory"):
        logs_below(tmp_path / "d")


def test_what_the_broker_has_is_in_the_log_and_nothing_else(tmp_path: Path) -> None:
    broker = Producer({"test.mock.num.brokers": 1, "log_level": 0})
    brokers = broker.list_topics(timeout=10).brokers.values()
    spool = Spool(tmp_path)
    entries = [an_entry(number, body=f"failed {number}") for number in range(40)]
    for entry in entries:
        spool.append(entry)
    spool.commit()
    log = EgressLog(tmp_path)
    sink = Publisher(
        spool,
        topic="fde.acme.telemetry",
        customer="acme",
        deployment="customer-acme/sync",
        bootstrap=",".join(f"{one.host}:{one.port}" for one in brokers),
        on_left=log.left,
    )
    assert not departures(tmp_path)
    assert sink.finish("e1", 20)
    sink.close()
    assert [(one.sequence, one.value()) for one in departures(tmp_path)] == [
        (entry.sequence, entry.value) for entry in entries
    ]
    assert sink.acknowledged == log.departures == 40


def test_what_is_bundled_is_in_the_log_with_its_bundle(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    for number in range(10):
        spool.append(an_entry(number))
    spool.commit()
    sink = BundleSink(
        spool, tmp_path / "out", customer="acme", deployment="customer-acme/sync", on_left=EgressLog(tmp_path).left
    )
    assert sink.finish("e1", 5)
    assert [(one.sequence, one.destination) for one in departures(tmp_path)] == [
        (number, "acme.e1.0-9.fdeb") for number in range(10)
    ]


def test_what_somebody_put_beside_the_segments_is_none_of_them(tmp_path: Path) -> None:
    (tmp_path / FOLDER).mkdir()
    (tmp_path / FOLDER / "segment-abc.log").write_bytes(b"not ours")
    EgressLog(tmp_path).close()
    assert list(read_log(tmp_path / FOLDER)) == []
