import time
from collections.abc import Callable
from pathlib import Path

import pytest


def is_running(pid: int) -> bool:
    """No for a process that ended and only waits for whoever reaps orphans."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.fixture
def running() -> Callable[..., list[int]]:
    """Which of these process ids are running."""
    return lambda *pids: [pid for pid in pids if is_running(pid)]


@pytest.fixture
def await_gone(running: Callable[..., list[int]]) -> Callable[..., None]:
    """Returns when none of these process ids is running; fails after 10 s."""

    def wait(*pids: int) -> None:
        deadline = time.monotonic() + 10
        while left := running(*pids):
            assert time.monotonic() < deadline, f"still there: {left}"
            time.sleep(0.02)

    return wait


@pytest.fixture
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of built components with nothing in it, for this test only."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "fde"


@pytest.fixture
def no_tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine with neither Java nor Maven nor Go."""
    nowhere = tmp_path / "nowhere"
    nowhere.mkdir()
    monkeypatch.setenv("PATH", str(nowhere))
    monkeypatch.delenv("JAVA_HOME", raising=False)
