"""Following files through both kinds of rotation, also while the sidecar was down."""

from __future__ import annotations

import gzip
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import structlog.testing

from fde_sidecar import follow
from fde_sidecar.follow import FileKey, Follower
from fde_sidecar.spool import Position


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(follow, "_DRAIN_S", 0.0)


def line(number: int) -> str:
    return f"2026-10-10 06:00:{number % 60:02d},{number:03d} ERROR [app.jobs] step number {number} failed for reasons\n"


def append(path: Path, *numbers: int) -> None:
    with path.open("a") as file:
        file.writelines(line(number) for number in numbers)


class Reader:
    """Polls a follower and keeps what a spool would: texts in order, positions by file."""

    def __init__(self, pattern: Path, saved: dict[FileKey, Position] | None = None) -> None:
        self.follower = Follower([str(pattern)], saved or {})
        self.saved: dict[FileKey, Position] = dict(saved or {})
        self.numbers: list[int] = []

    def poll(self, *, final: bool = False) -> list[int]:
        self.follower._scanned = float("-inf")  # look for new files at every poll
        got = []
        for file, record in self.follower.poll(final=final):
            got.append(int(record.text.split("number ")[1].split()[0]))
            self.saved[file.key] = file.position(record)
        for position in self.follower.begun():
            self.saved.setdefault((position.device, position.inode), position)
        for key in self.follower.forgotten():
            self.saved.pop(key, None)
        self.numbers += got
        return got


def test_new_lines_are_read_once_and_the_last_record_after_a_pause(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = tmp_path / "app.log"
    append(log, 1, 2)
    reader = Reader(log)
    assert reader.poll() == [1]  # 2 may go on
    append(log, 3)
    assert reader.poll() == [2]
    monkeypatch.setattr(follow, "IDLE_S", 0.0)
    assert reader.poll() == [3]
    assert reader.poll() == []


def test_a_restart_goes_on_where_the_spool_says(tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    append(log, 1, 2, 3)
    first = Reader(log)
    first.poll()
    append(log, 4)
    second = Reader(log, first.saved)
    assert first.numbers + second.poll(final=True) == [1, 2, 3, 4]


def test_a_renamed_file_is_read_to_its_end_before_it_is_let_go(tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    append(log, 1, 2)
    reader = Reader(log)
    reader.poll()
    append(log, 3)
    log.rename(tmp_path / "app.log.1")
    append(log, 4)
    append(tmp_path / "app.log.1", 5)  # a writer that still holds the old file
    reader.poll()
    reader.poll(final=True)
    assert sorted(reader.numbers) == [1, 2, 3, 4, 5]
    assert reader.numbers.index(3) < reader.numbers.index(5)
    reader.poll()
    assert len(reader.saved) == 1


def test_a_renamed_file_that_the_pattern_covers_too_is_not_read_twice(tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    append(log, 1, 2)
    reader = Reader(tmp_path / "app.log*")
    reader.poll()
    log.rename(tmp_path / "app.log.1")
    append(log, 3)
    reader.poll()
    reader.poll(final=True)
    assert sorted(reader.numbers) == [1, 2, 3]


@pytest.mark.parametrize("pattern", ["app.log", "app.log*"])
def test_copy_and_truncate_loses_nothing_and_repeats_nothing(tmp_path: Path, pattern: str) -> None:
    log = tmp_path / "app.log"
    append(log, 1, 2)
    reader = Reader(tmp_path / pattern)
    reader.poll()
    append(log, 3, 4)
    shutil.copy(log, tmp_path / "app.log.1")
    with log.open("r+") as file:
        file.truncate(0)
    append(log, 5)
    for _ in range(3):
        reader.poll()
    reader.poll(final=True)
    assert sorted(reader.numbers) == [1, 2, 3, 4, 5]


def test_a_truncated_file_that_grew_beyond_our_place_again_is_noticed(tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    append(log, 1)
    reader = Reader(log)
    reader.poll()
    with log.open("r+") as file:
        file.truncate(0)
    append(log, 11, 12, 13)
    reader.poll(final=True)
    assert reader.numbers == [1, 11, 12, 13]


@pytest.mark.parametrize("how", ["rename", "copytruncate"])
def test_a_rotation_while_the_sidecar_was_down_loses_nothing(tmp_path: Path, how: str) -> None:
    log = tmp_path / "app.log"
    append(log, 1, 2, 3)
    before = Reader(log)
    before.poll()
    before.follower.close()
    append(log, 4)
    if how == "rename":
        log.rename(tmp_path / "app.log.1")
    else:
        shutil.copy(log, tmp_path / "app.log.1")
        with log.open("r+") as file:
            file.truncate(0)
    append(log, 5)
    after = Reader(log, before.saved)
    after.poll(final=True)
    assert before.numbers + after.numbers == [1, 2, 3, 4, 5]


def test_a_file_that_is_gone_for_good_is_forgotten_and_others_are_read(tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    append(log, 1, 2)
    before = Reader(log)
    before.poll()
    before.follower.close()
    log.unlink()
    append(tmp_path / "app.log", 7)
    after = Reader(log, before.saved)
    assert after.poll(final=True) == [7]


def rotate(log: Path, keep: int = 6) -> None:
    """As logrotate does it by renaming."""
    for number in range(keep, 0, -1):
        old = log.with_name(f"{log.name}.{number}")
        if old.exists():
            old.rename(log.with_name(f"{log.name}.{number + 1}"))
    log.rename(log.with_name(f"{log.name}.1"))


def copy_and_truncate(log: Path, keep: int = 6) -> None:
    for number in range(keep, 0, -1):
        old = log.with_name(f"{log.name}.{number}")
        if old.exists():
            old.rename(log.with_name(f"{log.name}.{number + 1}"))
    shutil.copy(log, log.with_name(f"{log.name}.1"))
    time.sleep(0.01)  # a copy is older than what is written after it
    with log.open("r+") as file:
        file.truncate(0)


@pytest.mark.parametrize("pattern", ["app.log", "app.log*"])
@pytest.mark.parametrize("how", [rotate, copy_and_truncate])
@pytest.mark.parametrize("times", [1, 2, 4])
def test_several_rotations_between_two_looks_lose_and_repeat_nothing(
    tmp_path: Path, pattern: str, how: Callable[[Path], None], times: int
) -> None:
    log = tmp_path / "app.log"
    append(log, 1, 2)
    rotate(log)
    append(log, 3)
    reader = Reader(tmp_path / pattern)
    reader.poll()
    number, before = 3, len(reader.numbers)
    for _ in range(3):
        for _ in range(times):
            number += 1
            append(log, number)
            how(log)
        number += 1
        append(log, number)
        reader.poll()
    for _ in range(3):
        reader.poll()
    reader.poll(final=True)
    wanted = list(range(1 if pattern == "app.log*" else 3, number + 1))
    assert sorted(reader.numbers) == wanted and before <= len(wanted)


@pytest.mark.parametrize("how", [rotate, copy_and_truncate])
@pytest.mark.parametrize("compressed", [False, True])
def test_several_rotations_while_down_are_read_also_from_archives(
    tmp_path: Path, how: Callable[[Path], None], compressed: bool
) -> None:
    log = tmp_path / "app.log"
    append(log, 1, 2)
    rotate(log)
    append(log, 3, 4)
    before = Reader(log)
    before.poll()
    before.follower.close()
    time.sleep(0.02)
    for number in (5, 6, 7):
        append(log, number)
        how(log)
        time.sleep(0.02)
    append(log, 8)
    if compressed:
        for path in list(tmp_path.glob("app.log.*")):
            archive = path.with_name(path.name + ".gz")
            with gzip.open(archive, "wb") as file:
                file.write(path.read_bytes())
            os.utime(archive, ns=(path.stat().st_mtime_ns, path.stat().st_mtime_ns))  # as gzip does
            path.unlink()
    after = Reader(log, before.saved)
    after.poll()
    third = Reader(log, after.saved)  # and once more: an archive's position is a position too
    for _ in range(3):
        third.poll()
    third.poll(final=True)
    assert sorted(before.numbers + after.numbers + third.numbers) == [3, 4, 5, 6, 7, 8]


def test_a_link_that_is_pointed_at_another_file_is_followed_and_the_old_one_read_to_its_end(tmp_path: Path) -> None:
    """As the kubelet does it: containers/x.log -> pods/uid/0.log, which is rotated beside itself."""
    pods, containers = tmp_path / "pods", tmp_path / "containers"
    pods.mkdir()
    containers.mkdir()
    log = pods / "0.log"
    append(log, 1, 2)
    link = containers / "x.log"
    link.symlink_to(log)
    reader = Reader(containers / "*.log")
    reader.poll()
    append(log, 3)
    log.rename(pods / "0.log.20261010-060000")
    append(log, 4)
    reader.poll()
    append(pods / "1.log", 5)
    new = containers / "new"
    new.symlink_to(pods / "1.log")
    append(log, 6)
    new.rename(link)
    for _ in range(3):
        reader.poll()
    reader.poll(final=True)
    assert sorted(reader.numbers) == [1, 2, 3, 4, 5, 6]


def test_two_logs_that_begin_alike_are_both_read(tmp_path: Path) -> None:
    banner = (
        "2026-10-10 06:00:00,000 INFO [app] the same banner stands at the head of every replica's log " + "=" * 1000
    )
    for number, name in enumerate(("app.log", "app.log.1", "other.log"), 1):
        (tmp_path / name).write_text(banner + "\n" + line(number))
    reader = Reader(tmp_path / "*")
    got = []
    for final in (False, True):
        for _, record in reader.follower.poll(final=final):
            if "number" in record.text:
                got.append(record.text.split("number ")[1][0])
    assert sorted(got) == ["1", "2", "3"]


def test_a_file_that_may_not_be_read_is_told_once_and_read_when_it_may(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = tmp_path / "app.log"
    append(log, 1)
    really, refuse = os.open, [True]

    def refusing(path: object, *more: object, **and_more: object) -> int:
        if refuse[0] and str(path) == str(log):
            raise PermissionError(13, "Permission denied")
        return really(path, *more, **and_more)  # type: ignore[arg-type]

    monkeypatch.setattr(os, "open", refusing)
    reader = Reader(log)
    with structlog.testing.capture_logs() as said:
        for _ in range(5):
            assert reader.poll() == []
        refuse[0] = False
        reader.poll()
        assert reader.poll(final=True) == [1]
    assert [entry["event"] for entry in said] == ["log_not_readable"]


def test_what_waits_to_be_read_is_told_in_bytes_and_seconds(tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    log.write_text("x" * 100 + "\n")
    follower = Follower([str(log)], {})
    list(follower.poll())
    assert follower.lag == (0, 0.0)
    with log.open("a") as file:
        file.write(("y" * 99 + "\n") * 6000)
    list(follower.poll())
    time.sleep(0.02)
    size, seconds = follower.lag
    assert size == 600_000 - 256 * 1024 and 0.01 < seconds < 5
    while follower.lag[0]:
        list(follower.poll())
    follower.close()


def test_a_line_of_fifty_megabytes_is_cut_and_the_next_one_is_read(tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    with log.open("w") as file:
        file.write(line(1).rstrip() + " ")
        for _ in range(50):
            file.write("z" * 1_000_000)
        file.write("\n" + line(2))
    follower = Follower([str(log)], {})
    texts = []
    peak = 0
    while follower.read_bytes < log.stat().st_size:
        texts += [record.text for _, record in follower.poll()]
        peak = max(peak, len(follower._files[next(iter(follower._files))].framer._tail))
    texts += [record.text for _, record in follower.poll(final=True)]
    assert [text[:60] for text in texts] == [line(1)[:60], line(2)[:60]]
    assert follower.cut > 49_000_000 and peak < 1 << 20
    follower.close()


@pytest.mark.seconds
def test_thousands_of_files_are_read_and_cost_next_to_nothing_when_they_rest(tmp_path: Path) -> None:
    for number in range(1_200):
        (tmp_path / f"{number}.log").write_text(line(number))
    follower = Follower([str(tmp_path / "*.log")], {})
    seen: set[str] = set()
    deadline = time.monotonic() + 60
    monkey, follow.IDLE_S = follow.IDLE_S, 0.0  # type: ignore[misc]
    try:
        while len(seen) < 1_200:
            assert time.monotonic() < deadline, len(seen)
            seen.update(file.name for file, _ in follower.poll())
            assert len(follower._files) <= follow.MAX_OPEN
    finally:
        follow.IDLE_S = monkey  # type: ignore[misc]
    for number in range(5):
        append(tmp_path / f"{number}.log", 20_000 + number)
    got = []
    cpu, start = time.thread_time(), time.monotonic()
    while len(got) < 5:
        assert time.monotonic() - start < 60
        got += [record.text for _, record in follower.poll()]
        time.sleep(0.1)
    spent, took = time.thread_time() - cpu, time.monotonic() - start
    assert spent / took < 0.2  # a loaded machine; ten thousand files cost 1 to 2 % at rest
    follower.close()


def test_reading_is_quick_enough_for_a_busy_log(tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    append(log, *range(1000))
    reader = Reader(log)
    start = time.process_time()
    reader.poll(final=True)
    assert len(reader.numbers) == 1000
    assert time.process_time() - start < 2.0
