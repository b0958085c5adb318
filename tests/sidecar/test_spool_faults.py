"""The spool when the disk or the process fails: at every system call, at every byte, and by a real kill -9."""

from __future__ import annotations

import contextlib
import errno
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from fde_events.errors import Unavailable
from fde_sidecar.spool import Disk, Entry, Position, Spool, Withheld

pytestmark = pytest.mark.seconds

SEGMENT = 330  # so that a few entries make a segment
COUNT = 14


def an_entry(sequence: int, **changes: object) -> Entry:
    values: dict[str, object] = {
        "epoch": "e1",
        "sequence": sequence,
        "events": 2,
        "time": "2026-10-10T00:00:00.000Z",
        "value": b"value %04d " % sequence + b"x" * 60,
        "positions": [Position("app.log", 1, 2, "abcd", 4, sequence * 10, sequence)],
        "withheld": [Withheld("shape", 1, b"{}")],
    }
    return Entry(**{**values, **changes})  # type: ignore[arg-type]


class Crash(BaseException):
    """The process is gone in the middle of this call."""


class BrittleDisk(Disk):
    """Fails at the call with number `at`: by ending everything, or by an error that lasts for `lasting` calls.

    What was written and not synced is known, so that a power failure can take it away.
    """

    def __init__(self, at: int, error: int | None = None, lasting: int = 1) -> None:
        self.calls = 0
        self.at, self.error, self.lasting = at, error, lasting
        self.synced: dict[Path, int] = {}
        self._paths: dict[int, Path] = {}

    def _call(self) -> bool:
        """Whether this call fails; ends everything where it should."""
        self.calls += 1
        if not self.at <= self.calls < self.at + self.lasting:
            return False
        if self.error is None:
            raise Crash
        return True

    def _refuse(self) -> None:
        if self._call():
            assert self.error is not None
            raise OSError(self.error, os.strerror(self.error))

    def open(self, path: Path) -> int:
        self._refuse()
        descriptor = super().open(path)
        self._paths[descriptor] = path
        self.synced.setdefault(path, path.stat().st_size)
        return descriptor

    def write(self, descriptor: int, data: memoryview) -> int:
        half = max(1, len(data) // 2)
        try:
            fails = self._call()
        except Crash:
            super().write(descriptor, data[:half])
            raise
        if fails:
            assert self.error is not None
            super().write(descriptor, data[:half])  # a full disk takes what still fits
            raise OSError(self.error, os.strerror(self.error))
        return super().write(descriptor, data)

    def sync(self, descriptor: int) -> None:
        path = self._paths[descriptor]
        if self._call():
            # As Linux does it: the pages that could not be written are forgotten, and the next fsync finds nothing to do.
            assert self.error is not None
            kept, size = self.synced[path], path.stat().st_size
            with path.open("r+b") as file:
                file.seek(kept)
                file.write(b"\0" * (size - kept))
            raise OSError(self.error, os.strerror(self.error))
        super().sync(descriptor)
        self.synced[path] = path.stat().st_size

    def truncate(self, descriptor: int, size: int) -> None:
        self._refuse()
        super().truncate(descriptor, size)
        path = self._paths[descriptor]
        self.synced[path] = min(self.synced[path], size)

    def write_new(self, path: Path, data: bytes) -> None:
        try:
            fails = self._call()
        except Crash:
            super().write_new(path, data[: len(data) // 2])
            raise
        if fails:
            assert self.error is not None
            super().write_new(path, data[: len(data) // 2])
            raise OSError(self.error, os.strerror(self.error))
        super().write_new(path, data)

    def rename(self, old: Path, new: Path) -> None:
        self._refuse()
        super().rename(old, new)

    def unlink(self, path: Path) -> None:
        self._refuse()
        super().unlink(path)
        self.synced.pop(path, None)

    def sync_directory(self, directory: Path) -> None:
        self._refuse()
        super().sync_directory(directory)


class Life:
    """What a process believes: what it has appended, what was committed, what was acknowledged."""

    def __init__(self, disk: Disk) -> None:
        self.disk = disk
        self.spool: Spool | None = None
        self.committed = self.acknowledged = -1
        self.refused = 0

    def live(self, directory: Path) -> None:
        """Append in batches of two, commit, acknowledge what is old; a disk that refuses is asked again."""
        self.spool = spool = self._patiently(lambda: Spool(directory, segment_bytes=SEGMENT, disk=self.disk))
        for sequence in range(COUNT):
            self._once(lambda sequence=sequence: spool.append(an_entry(sequence)))  # type: ignore[misc]
            if sequence % 2:
                self._patiently(spool.commit)
                self.committed = sequence
            if sequence % 4 == 3:
                for _, after, entry in list(spool.read(spool.cursor, 10**9)):
                    if entry.value is not None and entry.sequence <= sequence - 3:
                        self.acknowledged = entry.sequence  # the broker has it, whatever becomes of us
                        spool.acknowledge(after)

    def _once(self, call) -> None:  # type: ignore[no-untyped-def]
        try:
            call()
        except Unavailable:  # an append that committed on its way; the entry is pending all the same
            self.refused += 1

    def _patiently(self, call):  # type: ignore[no-untyped-def]
        for _ in range(50):
            try:
                return call()
            except Unavailable:
                self.refused += 1
        raise AssertionError("refused for ever")


def check(directory: Path, life: Life) -> None:
    """Nothing that was committed is missing, nothing is there twice, nothing that was never appended."""
    again = Spool(directory, segment_bytes=SEGMENT)
    try:
        assert again.damaged_bytes == 0
        entries = [entry for _, _, entry in again.read(again.cursor, 10**9) if entry.value is not None]
        found = [entry.sequence for entry in entries]
        assert found == sorted(set(found))
        assert set(range(life.acknowledged + 1, life.committed + 1)) <= set(found) <= set(range(COUNT))
        assert all(entry.value == an_entry(entry.sequence).value for entry in entries)
        last = again.state.epochs["e1"].highest if "e1" in again.state.epochs else -1
        assert life.committed <= last < COUNT
        if last >= 0:
            assert again.state.positions[(1, 2)].offset == last * 10
            assert again.state.epochs["e1"].events == 2 * (last + 1)
            assert again.state.withheld["shape"].count == last + 1
        # And it goes on from there.
        again.append(an_entry(last + 1))
        again.commit()
        assert [e.sequence for _, _, e in again.read(again.cursor, 10**9) if e.value is not None][-1] == last + 1
    finally:
        again.close()


def calls_of_a_life(directory: Path) -> int:
    disk = BrittleDisk(at=1 << 40)
    life = Life(disk)
    life.live(directory)
    assert life.spool is not None
    life.spool.close()
    assert life.committed == COUNT - 1
    return disk.calls


def abandon(life: Life) -> None:
    """What the kernel does for a process that is gone."""
    if life.spool is not None:
        os.close(life.spool._lock)
        if life.spool._file is not None:
            os.close(life.spool._file)


def lives(tmp_path: Path) -> Iterator[tuple[int, Path]]:
    calls = calls_of_a_life(tmp_path / "whole")
    assert calls > 60, calls
    for at in range(1, calls + 1):
        yield at, tmp_path / f"at-{at}"


@pytest.mark.seconds
def test_a_process_that_ends_at_any_system_call_loses_nothing_committed(tmp_path: Path) -> None:
    for at, directory in lives(tmp_path):
        life = Life(BrittleDisk(at))
        with contextlib.suppress(Crash):
            life.live(directory)
        abandon(life)
        check(directory, life)


@pytest.mark.seconds
def test_a_power_failure_at_any_system_call_loses_nothing_committed(tmp_path: Path) -> None:
    """What was not synced is gone, or half of it is."""
    for at, directory in lives(tmp_path):
        disk = BrittleDisk(at)
        life = Life(disk)
        with contextlib.suppress(Crash):
            life.live(directory)
        abandon(life)
        for path, size in disk.synced.items():
            if path.exists() and path.stat().st_size > size:
                os.truncate(path, size + (path.stat().st_size - size) // 2 * (at % 2))
        check(directory, life)


@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EIO])
@pytest.mark.seconds
@pytest.mark.parametrize("lasting", [1, 2, 7])
def test_a_disk_that_refuses_for_a_while_at_any_call_costs_nothing(tmp_path: Path, error: int, lasting: int) -> None:
    refused = 0
    for at, directory in lives(tmp_path):
        life = Life(BrittleDisk(at, error, lasting))
        life.live(directory)
        assert life.committed == COUNT - 1
        refused += life.refused
        assert life.spool is not None
        found = [e.sequence for _, _, e in life.spool.read(life.spool.cursor, 10**9) if e.value is not None]
        assert found == list(range(life.acknowledged + 1, COUNT))
        with contextlib.suppress(Unavailable):
            life.spool.close()
        check(directory, life)
    assert refused > 20


def test_a_spool_cut_at_any_byte_keeps_every_entry_before_the_cut(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "s")
    ends = []
    for sequence in range(4):
        spool.append(an_entry(sequence))
        spool.commit()
        ends.append(spool.end.offset)
    spool.close()
    (segment,) = (tmp_path / "s").glob("segment-*.wal")
    whole = segment.read_bytes()
    for size in range(len(whole)):
        segment.write_bytes(whole[:size])
        again = Spool(tmp_path / "s")
        assert [e.sequence for _, _, e in again.read(again.cursor, 10**9) if e.value] == [
            sequence for sequence, end in enumerate(ends) if end <= size
        ]
        assert again.damaged_bytes == 0
        again.close()
        for path in (tmp_path / "s").glob("segment-*.wal"):
            path.unlink()


@pytest.mark.seconds
def test_any_damaged_byte_costs_one_entry_and_is_counted(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "s", segment_bytes=SEGMENT)
    for sequence in range(10):
        spool.append(an_entry(sequence))
        spool.commit()
    spool.close()
    first, *others = sorted((tmp_path / "s").glob("segment-*.wal"))
    assert len(others) >= 2
    whole = first.read_bytes()
    for at in range(len(whole)):
        shutil.copytree(tmp_path / "s", tmp_path / "d")
        damaged = bytearray(whole)
        damaged[at] ^= 0x55
        (tmp_path / "d" / first.name).write_bytes(damaged)
        again = Spool(tmp_path / "d", segment_bytes=SEGMENT)
        found = [e.sequence for _, _, e in again.read(again.cursor, 10**9) if e.value is not None]
        assert len(found) >= 9 and found == sorted(set(found))
        assert again.damaged_bytes > 0 and again.torn_bytes == 0
        # The next epoch's count carries it, once, whatever happens afterwards.
        again.append(Entry("e2", -1, 0, "", None))
        again.commit()
        assert again.state.epochs["e2"].dropped == {"spool-damaged-bytes": again.damaged_bytes}
        again.close()
        third = Spool(tmp_path / "d", segment_bytes=SEGMENT)
        third.append(Entry("e3", -1, 0, "", None))
        third.commit()
        assert third.state.epochs["e3"].dropped == {}
        third.close()
        shutil.rmtree(tmp_path / "d")


def test_damage_that_comes_while_it_runs_is_skipped_and_counted(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "s")
    for sequence in range(5):
        spool.append(an_entry(sequence))
    spool.commit()
    (segment,) = (tmp_path / "s").glob("segment-*.wal")
    raw = bytearray(segment.read_bytes())
    raw[len(raw) // 2] ^= 0x55
    with segment.open("r+b") as file:
        file.write(raw)
    found = [e.sequence for _, _, e in spool.read(spool.cursor, 10**9) if e.value is not None]
    assert len(found) == 4 and spool.damaged_bytes > 0
    spool.append(Entry("e2", -1, 0, "", None))
    spool.commit()
    assert spool.state.epochs["e2"].dropped == {"spool-damaged-bytes": spool.damaged_bytes}
    assert [e.sequence for _, _, e in spool.read(spool.cursor, 10**9) if e.value is not None] == found
    spool.close()


def test_nothing_is_read_before_it_is_committed(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "s")
    spool.append(an_entry(0))
    assert not [e for _, _, e in spool.read(spool.cursor, 10**9) if e.value] and "e1" not in spool.state.epochs
    spool.commit()
    assert [e for _, _, e in spool.read(spool.cursor, 10**9) if e.value] and "e1" in spool.state.epochs
    spool.close()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 256 KiB, where we may make one."""
    directory = tmp_path / "disk"
    directory.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(directory)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("a file system of its own needs root")
    yield directory
    subprocess.run(["umount", str(directory)], check=True)


def test_a_really_full_disk_refuses_and_goes_on_when_there_is_room(small_disk: Path) -> None:
    spool = Spool(small_disk / "s", segment_bytes=40_000)
    other = small_disk / "other"
    other.write_bytes(b"o" * 100_000)
    committed, refused = -1, 0
    for sequence in range(60):
        with contextlib.suppress(Unavailable):
            spool.append(an_entry(sequence, value=b"v" * 5000))
        try:
            spool.commit()
        except Unavailable as error:
            assert "No space left" in str(error)
            refused += 1
        else:
            committed = sequence
    assert committed < 40 and refused > 10
    assert [e.sequence for _, _, e in spool.read(spool.cursor, 10**9) if e.value] == list(range(committed + 1))
    # The broker takes some on a full disk: its segments go, and there is room for what waited.
    _, after, _ = list(spool.read(spool.cursor, 10**9))[-1]
    spool.acknowledge(after)
    other.unlink()
    spool.commit()
    assert [e.sequence for _, _, e in spool.read(spool.cursor, 10**9) if e.value] == list(range(committed + 1, 60))
    spool.close()
    again = Spool(small_disk / "s", segment_bytes=40_000)
    assert again.state.epochs["e1"].highest == 59 and again.damaged_bytes == 0
    again.close()


def test_a_directory_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(Unavailable, match="cannot be used: Not a directory"):
        Spool(tmp_path / "file" / "s")


def test_a_full_spool_stays_bounded_while_only_positions_move(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "s", cap_bytes=3000, segment_bytes=SEGMENT)
    sequence = 0
    while spool.admits("error"):
        spool.append(an_entry(sequence))
        spool.commit()
        sequence += 1
    full = spool.bytes
    for offset in range(1000):
        spool.append(an_entry(-1, value=None, events=0, positions=[Position("app.log", 1, 2, "abcd", 4, offset, 0)]))
        spool.commit()
    assert spool.bytes < full + 3 * SEGMENT
    assert [e.sequence for _, _, e in spool.read(spool.cursor, 10**9) if e.value] == list(range(sequence))
    spool.close()
    again = Spool(tmp_path / "s")
    assert again.state.positions[(1, 2)].offset == 999
    again.close()


def test_each_kind_has_its_share_of_the_cap(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "s", cap_bytes=10_000)
    refused: list[str] = []
    while spool.admits("error"):
        spool.append(an_entry(0))
        refused += [
            kind
            for kind in ("performance", "rate_limit", "schema_drift")
            if not (kind in refused or spool.admits(kind))
        ]
    assert refused == ["performance", "rate_limit", "schema_drift"]
    spool.close()


def test_purging_forgets_what_waits_and_says_how_much(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "s", segment_bytes=SEGMENT)
    for sequence in range(9):
        spool.append(an_entry(sequence, value=b"planted " * 9))
    spool.commit()
    assert spool.purge() == {"purged": 9 * 2 + 9}
    assert not any(b"planted" in path.read_bytes() for path in (tmp_path / "s").iterdir())
    assert spool.purge() == {}
    spool.close()
    again = Spool(tmp_path / "s")
    assert again.state.positions[(1, 2)].offset == 80 and again.state.epochs["e1"].highest == 8
    assert not again.state.withheld
    again.close()


WORKER = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from test_spool_faults import an_entry
from fde_sidecar.spool import Spool
spool = Spool(Path(sys.argv[1]), segment_bytes=4000)
sequence = spool.state.epochs["e1"].highest + 1 if "e1" in spool.state.epochs else 0
while True:
    for _ in range(3):
        spool.append(an_entry(sequence))
        sequence += 1
    spool.commit()
    print("C", sequence - 1, flush=True)
    if sequence % 7 == 0:
        for _, after, entry in list(spool.read(spool.cursor, 3000)):
            if entry.value is not None:
                print("A", entry.sequence, flush=True)
            spool.acknowledge(after)
"""


@pytest.mark.processes
def test_kill_9_at_random_moments_loses_nothing_and_invents_nothing(tmp_path: Path) -> None:
    chance = random.Random(6)
    committed = acknowledged = -1
    for _ in range(8):
        process = subprocess.Popen(
            [sys.executable, "-c", WORKER, str(tmp_path / "s"), str(Path(__file__).parent)], stdout=subprocess.PIPE
        )
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(chance.uniform(0.0, 0.06))
        process.send_signal(signal.SIGKILL)
        said = process.stdout.read().decode().split("\n")[:-1]  # a line cut off by the kill is none
        process.wait(10)
        committed = max([committed, *(int(line[2:]) for line in said if line[0] == "C")])
        acknowledged = max([acknowledged, *(int(line[2:]) for line in said if line[0] == "A")])
        again = Spool(tmp_path / "s", segment_bytes=4000)
        last = again.state.epochs["e1"].highest
        found = [e.sequence for _, _, e in again.read(again.cursor, 10**9) if e.value is not None]
        assert last >= committed and again.damaged_bytes == 0
        assert found == list(range(found[0], last + 1)) and found[0] <= acknowledged + 1
        assert again.state.epochs["e1"].events == 2 * (last + 1) == 2 * again.state.withheld["shape"].count
        again.close()
    assert committed > 10
