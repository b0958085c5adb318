"""A start on a disk that refuses: it is tried again, nothing half is left behind, and nothing that was printed is lost."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import pytest
import structlog.testing

from fde_events.errors import BadInput, Unavailable
from fde_sidecar import sidecar
from fde_sidecar.feed import Feed
from fde_sidecar.pseudonym import file_beside, read_key
from fde_sidecar.settings import Settings
from fde_sidecar.sidecar import Sidecar

FEED = Feed("customer-acme", "sync", "sync", frozenset({"errors"}))


def settings(tmp_path: Path, **changes: object) -> Settings:
    usual: dict[str, object] = {"feed": FEED, "customer": "acme", "logs": (str(tmp_path / "app.log"),)}
    usual |= {"spool": tmp_path / "spool" / "sync", "finish_s": 0.0}
    return Settings(**{**usual, **changes})  # type: ignore[arg-type]


def test_a_key_that_a_full_disk_cut_short_is_not_there_and_is_made_by_the_next_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(28, os.strerror(28))

    with monkeypatch.context() as disk:
        disk.setattr(os, "fsync", full)
        with pytest.raises(Unavailable, match="No space left"):
            file_beside(tmp_path, "acme")
    assert list(tmp_path.iterdir()) == []
    key = read_key(file_beside(tmp_path, "acme"))
    assert read_key(file_beside(tmp_path, "acme")) == key and len(key) >= 32
    (path,) = tmp_path.iterdir()
    assert path.stat().st_mode & 0o777 == 0o600


def test_two_that_start_at_once_have_one_key(tmp_path: Path) -> None:
    threads = [threading.Thread(target=file_beside, args=(tmp_path, "acme")) for _ in range(8)]
    keys: list[bytes] = []
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
        keys.append(read_key(file_beside(tmp_path, "acme")))
    assert len(set(keys)) == len(list(tmp_path.iterdir())) == 1


def test_a_spool_that_refuses_at_the_start_is_tried_again_until_it_does_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sidecar, "_DISK_RETRY_S", 0.05)
    (tmp_path / "app.log").write_text(
        "2026-10-10 06:00:00,000 ERROR [a] it failed\n2026-10-10 06:00:01,000 INFO [a] x\n"
    )
    (tmp_path / "spool").write_text("in its way")  # as good as a read-only disk, and holds for root too
    one, stop = Sidecar(settings(tmp_path)), threading.Event()
    with structlog.testing.capture_logs() as said:
        thread = threading.Thread(target=one.run, args=(stop,))
        thread.start()
        try:
            deadline = time.monotonic() + 10
            while not said:
                assert time.monotonic() < deadline
                time.sleep(0.01)
            assert not one.vitals.open and one.status().events == {}
            (tmp_path / "spool").unlink()
            while not one.status().events.get("error"):
                assert time.monotonic() < deadline
                time.sleep(0.01)
        finally:
            stop.set()
            thread.join(10)
    assert said[0]["event"] == "spool_unavailable" and one.summary.events == 1


def test_a_key_that_was_given_and_is_not_there_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="cannot be read"):
        Sidecar(settings(tmp_path, key_file=tmp_path / "absent"))
