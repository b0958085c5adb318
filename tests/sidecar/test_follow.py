"""Following files through both kinds of rotation, also while the sidecar was down."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import pytest

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


def test_reading_is_quick_enough_for_a_busy_log(tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    append(log, *range(1000))
    reader = Reader(log)
    start = time.process_time()
    reader.poll(final=True)
    assert len(reader.numbers) == 1000
    assert time.process_time() - start < 2.0
