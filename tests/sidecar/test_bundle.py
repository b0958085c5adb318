"""Bundles: what the spool held is in sealed files, whole or named; the cursor moves after the seal alone."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec
import pytest
import structlog.testing
from hypothesis import given, settings
from hypothesis import strategies as st

from fde_events.errors import BadInput, Unavailable
from fde_events.event import ErrorEvent, EventBatch
from fde_events.ledger import EpochMark, Ledger
from fde_sidecar.bundle import BundledRecord, BundleWriter, Damage, Header, read_bundle, read_header
from fde_sidecar.bundle_sink import BundleSink
from fde_sidecar.departure import Departure
from fde_sidecar.egress import EgressLog
from fde_sidecar.history import FOLDER, Removed, read_log
from fde_sidecar.sink import Sink, silence_s
from fde_sidecar.spool import Entry, Spool

TIME = "2026-10-10T06:00:00.000Z"
DEPLOYMENT = "customer-acme/sync"


def a_value(body: str) -> bytes:
    return msgspec.json.encode(EventBatch(deployment=DEPLOYMENT, events=(ErrorEvent(time=TIME, body=body),)))


def spooled(directory: Path, epoch: str, bodies: Sequence[str], *, start: int = 0, **changes: int) -> Spool:
    spool = Spool(directory, **changes)
    return more(spool, epoch, bodies, start=start)


def more(spool: Spool, epoch: str, bodies: Sequence[str], *, start: int = 0) -> Spool:
    spool.append(Entry(epoch=epoch, sequence=-1, events=0, time=TIME, value=None))
    for number, body in enumerate(bodies, start=start):
        spool.append(Entry(epoch=epoch, sequence=number, events=1, time=TIME, value=a_value(body)))
    spool.commit()
    return spool


def a_sink(spool: Spool, directory: Path, **changes: object) -> BundleSink:
    return BundleSink(spool, directory, customer="acme", deployment=DEPLOYMENT, **changes)  # type: ignore[arg-type]


def carried(directory: Path) -> tuple[list[BundledRecord], Ledger]:
    records, ledger = [], Ledger()
    for path in sorted(directory.glob("*.fdeb")):
        for one in read_bundle(path):
            assert not isinstance(one, Damage), one
            if isinstance(one, EpochMark):
                ledger.mark(one)
            else:
                records.append(one)
                ledger.receive(one.epoch, one.sequence)
    return records, ledger


def test_it_is_a_sink(tmp_path: Path) -> None:
    sink: Sink = a_sink(Spool(tmp_path / "spool"), tmp_path / "out")
    sink.turn("e1")
    assert sink.idle
    assert not list((tmp_path / "out").glob("*"))


@settings(max_examples=40, deadline=None)  # files are written and synced
@given(st.lists(st.text(max_size=200), max_size=30), st.integers(min_value=300, max_value=20_000))
def test_every_record_comes_out_as_it_went_in_and_the_ledger_says_whole(
    tmp_path_factory: pytest.TempPathFactory, bodies: list[str], seal_bytes: int
) -> None:
    directory = tmp_path_factory.mktemp("bundles")
    spool = spooled(directory / "spool", "e1", bodies)
    sink = a_sink(spool, directory / "out", seal_bytes=seal_bytes)
    sink.turn("e1")
    assert sink.finish("e1", 5)
    records, ledger = carried(directory / "out")
    assert [(one.epoch, one.sequence, one.value) for one in sorted(records, key=lambda one: one.sequence)] == [
        ("e1", number, a_value(body)) for number, body in enumerate(bodies)
    ]
    assert ledger.epochs["e1"].verdict == "whole"
    assert sink.acknowledged == len(bodies)
    assert sink.idle and spool.unsent_bytes == 0
    spool.close()


def test_a_bundle_is_named_by_customer_epoch_and_what_it_holds(tmp_path: Path) -> None:
    spool = spooled(tmp_path / "spool", "e1", ["a", "b"])
    sink = a_sink(spool, tmp_path / "out", seal_after_s=0.0)
    sink.turn("e1")
    more(spool, "e1", ["c"], start=2)
    sink.finish("e1", 5)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["acme.e1.0-1.fdeb", "acme.e1.2-2.fdeb"]
    header = read_header(tmp_path / "out/acme.e1.0-1.fdeb")
    assert (header.customer, header.deployment, header.epoch) == ("acme", DEPLOYMENT, "e1")


def test_nothing_is_seen_and_the_cursor_stays_before_the_seal(tmp_path: Path) -> None:
    spool = spooled(tmp_path / "spool", "e1", ["a"])
    sink = a_sink(spool, tmp_path / "out")
    before = spool.cursor
    sink.turn("e1")
    assert not list((tmp_path / "out").glob("*.fdeb"))
    assert spool.cursor == before
    assert not sink.idle
    sink.close()
    assert not list((tmp_path / "out").iterdir())


def test_what_a_killed_process_left_is_carried_and_its_epoch_closed(tmp_path: Path) -> None:
    spool = spooled(tmp_path / "spool", "e1", ["a", "b"])
    a_sink(spool, tmp_path / "out").turn("e1")  # killed: a half bundle lies there
    assert list((tmp_path / "out").glob(".*.part"))
    spool.close()
    spool = Spool(tmp_path / "spool")
    sink = a_sink(spool, tmp_path / "out")
    more(spool, "e2", ["c"])
    sink.turn("e2")
    assert sink.finish("e2", 5)
    records, ledger = carried(tmp_path / "out")
    assert [(one.epoch, one.sequence) for one in records] == [("e1", 0), ("e1", 1), ("e2", 0)]
    assert {epoch: account.verdict for epoch, account in ledger.epochs.items()} == {"e1": "whole", "e2": "whole"}
    assert not list((tmp_path / "out").glob(".*"))
    spool.close()
    spool = Spool(tmp_path / "spool")
    assert not spool.state.epochs
    assert not [entry for _, _, entry in spool.read(spool.cursor, 10**6) if entry.value is not None]


def test_a_crash_after_the_seal_repeats_records_under_equal_ids(tmp_path: Path) -> None:
    spool = spooled(tmp_path / "spool", "e1", ["a", "b"])

    def died(_: Sequence[Entry], __: str) -> None:
        raise Unavailable("The egress log cannot be written.")

    sink = a_sink(spool, tmp_path / "out", seal_after_s=0.0, on_left=died)
    start = spool.cursor
    sink.turn("e1")
    assert (spool.cursor, sink.acknowledged, sink.idle) == (start, 0, False)
    spool.close()
    spool = Spool(tmp_path / "spool")
    sink = a_sink(spool, tmp_path / "out")
    more(spool, "e2", [])
    assert sink.finish("e2", 5)
    records, ledger = carried(tmp_path / "out")
    assert {(one.sequence, one.value) for one in records if one.epoch == "e1"} == {(0, a_value("a")), (1, a_value("b"))}
    assert ledger.epochs["e1"].verdict == "whole"


def test_what_the_egress_log_refused_is_noted_later_and_not_bundled_twice(tmp_path: Path) -> None:
    spool = spooled(tmp_path / "spool", "e1", ["a", "b"])
    noted: list[int] = []
    refusals = [Unavailable("The egress log cannot be written.")]

    def left(entries: Sequence[Entry], _: str) -> None:
        if refusals:
            raise refusals.pop()
        noted.extend(entry.sequence for entry in entries)

    sink = a_sink(spool, tmp_path / "out", seal_after_s=0.0, on_left=left)
    sink.turn("e1")
    assert sink.acknowledged == 0 and not noted
    more(spool, "e1", ["c"], start=2)
    assert sink.finish("e1", 5)
    assert noted == [0, 1, 2]
    assert sink.acknowledged == 3 and (silence_s(sink) or 0) < 60
    assert [one.sequence for one in carried(tmp_path / "out")[0]] == [0, 1, 2]


def test_what_left_is_told_before_the_cursor_moves(tmp_path: Path) -> None:
    spool = spooled(tmp_path / "spool", "e1", [str(number) for number in range(50)], segment_bytes=2_000)
    told: list[tuple[int, str, bool]] = []
    start = spool.cursor

    def left(entries: Sequence[Entry], destination: str) -> None:
        told.extend((entry.sequence, destination, spool.cursor == start) for entry in entries)

    a_sink(spool, tmp_path / "out", on_left=left, seal_after_s=0.0).turn("e1")
    assert [sequence for sequence, _, _ in told] == list(range(50))
    assert {destination for _, destination, _ in told} == {"acme.e1.0-49.fdeb"}
    assert all(before for *_, before in told)


def test_a_directory_that_cannot_be_written_is_trouble_and_no_loss(tmp_path: Path) -> None:
    spool = spooled(tmp_path / "spool", "e1", ["a"])
    (tmp_path / "out").write_text("a file")
    sink = a_sink(spool, tmp_path / "out")
    with structlog.testing.capture_logs() as told:
        sink.turn("e1")
        sink.turn("e1")
    assert [one["event"] for one in told] == ["bundles_cannot_be_written"]
    assert sink.trouble
    assert not sink.finish("e1", 0.2)
    (tmp_path / "out").unlink()
    assert sink.finish("e1", 5)
    assert [one.sequence for one in carried(tmp_path / "out")[0]] == [0]


def test_bundles_that_nobody_carries_away_stop_at_the_cap(tmp_path: Path) -> None:
    spool = spooled(tmp_path / "spool", "e1", ["a"])
    sink = a_sink(spool, tmp_path / "out", seal_after_s=0.0, cap_bytes=100)
    sink.turn("e1")
    more(spool, "e1", ["b"], start=1)
    sink.turn("e1")
    assert sink.trouble and "wait to be carried away" in sink.trouble
    for path in (tmp_path / "out").glob("*.fdeb"):
        path.unlink()
    assert sink.finish("e1", 5)
    assert [one.sequence for one in carried(tmp_path / "out")[0]] == [1]


def test_what_was_purged_is_in_no_bundle(tmp_path: Path) -> None:
    spool = spooled(tmp_path / "spool", "e1", ["planted"])
    sink = a_sink(spool, tmp_path / "out")
    sink.turn("e1")
    spool.purge()
    more(spool, "e1", ["after"], start=1)
    assert sink.finish("e1", 5)
    records, ledger = carried(tmp_path / "out")
    assert [one.sequence for one in records] == [1]
    assert ledger.epochs["e1"].received.gaps(1) == [(0, 0)]  # and not 0 lost


def a_bundle(directory: Path, count: int) -> Path:
    writer = BundleWriter(directory, Header(1, "acme", DEPLOYMENT, "e1", TIME))
    for number in range(count):
        body = "".join(chr(97 + (number * 7 + n * n) % 26) for n in range(60))
        writer.add(Entry(epoch="e1", sequence=number, events=1, time=TIME, value=a_value(body)))
    writer.mark(
        EpochMark(
            customer="acme", deployment=DEPLOYMENT, epoch="e1", highest=count - 1, closed=True, events=count, time=TIME
        )
    )
    return writer.seal()


@settings(max_examples=40, deadline=None)  # files are written and synced
@given(place=st.floats(min_value=0.0, max_value=0.999), change=st.integers(min_value=1, max_value=255))
def test_one_damaged_byte_is_named_and_costs_one_record_at_most(
    tmp_path_factory: pytest.TempPathFactory, place: float, change: int
) -> None:
    path = a_bundle(tmp_path_factory.mktemp("b"), 8)
    data = bytearray(path.read_bytes())
    data[int(place * len(data))] ^= change
    path.write_bytes(data)
    try:
        found = list(read_bundle(path))
    except BadInput:
        assert place < 0.1  # the header: nobody can tell whose it is
        return
    assert [one for one in found if isinstance(one, Damage)]
    good = [one for one in found if isinstance(one, BundledRecord)]
    assert len(good) >= 7
    whole = {one.sequence: one.value for one in read_bundle(a_bundle(path.parent, 8)) if isinstance(one, BundledRecord)}
    assert all(whole[one.sequence] == one.value for one in good)


@settings(max_examples=40, deadline=None)  # files are written and synced
@given(keep=st.floats(min_value=0.0, max_value=0.999))
def test_a_bundle_that_was_cut_short_says_so(tmp_path_factory: pytest.TempPathFactory, keep: float) -> None:
    path = a_bundle(tmp_path_factory.mktemp("b"), 5)
    data = path.read_bytes()
    path.write_bytes(data[: int(keep * len(data))])
    try:
        found = list(read_bundle(path))
    except BadInput:
        return
    damage = [one for one in found if isinstance(one, Damage)]
    assert "its end is missing" in damage[-1].why


def test_a_record_that_was_taken_out_or_changed_with_its_checksum_is_noticed(tmp_path: Path) -> None:
    path = a_bundle(tmp_path, 3)
    data = path.read_bytes()
    frames = data.split(b"FDE\x1e")
    path.write_bytes(b"FDE\x1e".join([*frames[:2], *frames[3:]]))
    why = [one.why for one in read_bundle(path) if isinstance(one, Damage)]
    assert why == ["it was sealed with 3 records and 1 marks, 2 and 1 are left"]
    path.write_bytes(b"FDE\x1e".join([*frames[:2], frames[3], frames[2], *frames[4:]]))
    assert [one.why for one in read_bundle(path) if isinstance(one, Damage)] == [
        "it is not what was sealed: its digest differs"
    ]


@pytest.mark.parametrize("content", [b"", b"FDE\x1e", b"PK\x03\x04" * 100, b"FDE\x1e\x00\x3f\xff\xff0000" * 40_000])
def test_what_is_no_bundle_is_said_to_be_none(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.fdeb").write_bytes(content)
    with pytest.raises(BadInput, match="no bundle of ours"):
        list(read_bundle(tmp_path / "x.fdeb"))


@pytest.mark.processes
def test_killed_at_any_moment_nothing_is_lost_and_what_was_sealed_is_in_the_egress_log(tmp_path: Path) -> None:
    promised: dict[str, int] = {}
    for cycle in range(4):
        epoch = f"epoch-{cycle}"
        command = [sys.executable, str(Path(__file__).with_name("bundling.py")), str(tmp_path), epoch]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        assert process.stdout is not None
        try:
            for line, _ in zip(process.stdout, range(1 + 25 * cycle), strict=False):
                promised[epoch] = int(line.split()[1])
        finally:
            process.kill()
            # What it had said before it died counts, too.
            for line in process.communicate()[0].splitlines(keepends=True):
                if line.endswith("\n"):
                    promised[epoch] = int(line.split()[1])
    spool = Spool(tmp_path / "spool")
    log = EgressLog(tmp_path / "spool")
    sink = a_sink(spool, tmp_path / "out", on_left=log.left)
    more(spool, "last", [])
    assert sink.finish("last", 20)
    records, ledger = carried(tmp_path / "out")
    values: dict[str, bytes] = {}
    for one in records:
        assert values.setdefault(f"{one.epoch}/{one.sequence}", one.value) == one.value, "one id, two contents"
    for epoch, highest in promised.items():
        assert {f"{epoch}/{number}" for number in range(highest + 1)} <= set(values)
        assert ledger.epochs[epoch].verdict == "whole"
    noted = [one for one in read_log(tmp_path / "spool" / FOLDER) if not isinstance(one, Removed)]
    assert all(isinstance(one, Departure) for one in noted)
    assert {one.id: one.value() for one in noted if isinstance(one, Departure)} == values
