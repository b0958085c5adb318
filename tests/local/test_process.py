import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from fde_local.process import LocalProcess

Running = Callable[..., list[int]]
AwaitGone = Callable[..., None]

PARENT = """
import sys, threading, time
from pathlib import Path
from fde_local.process import LocalProcess
def start(name):
    print(LocalProcess.start(name, ("sleep", "600"), Path(sys.argv[1])).pid, flush=True)
start("one")
thread = threading.Thread(target=start, args=("two",)); thread.start(); thread.join()
time.sleep(600)
"""


linux_only = pytest.mark.skipif(sys.platform != "linux", reason="the tie to the parent exists on Linux only")


@linux_only
def test_children_are_gone_when_their_parent_is_killed(tmp_path: Path, running: Running, await_gone: AwaitGone):
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, str(tmp_path)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    with parent:
        assert parent.stdout is not None
        children = [int(parent.stdout.readline()) for _ in range(2)]
        assert running(*children) == children, "the thread that asked for the second has ended; the child has not"
        parent.kill()
    await_gone(*children)


@linux_only
def test_a_child_outlives_the_thread_that_asked_for_it(tmp_path: Path):
    started: list[LocalProcess] = []
    asker = threading.Thread(target=lambda: started.append(LocalProcess.start("sleeper", ("sleep", "60"), tmp_path)))
    asker.start()
    asker.join()
    [child] = started
    assert child.wait(0.3) is None
    child.kill()


def await_words(child: LocalProcess, words: str) -> None:
    deadline = time.monotonic() + 10
    while words not in child.log.read_text():
        assert time.monotonic() < deadline, child.last_words()
        time.sleep(0.01)


def test_stop_ends_a_child_and_twice_is_fine(tmp_path: Path):
    child = LocalProcess.start("sleeper", ("sleep", "60"), tmp_path)
    assert int((tmp_path / "sleeper.pid").read_text()) == child.pid
    child.stop()
    child.stop()
    assert child.exit_code == -signal.SIGTERM


def test_stop_kills_a_child_that_will_not_end(tmp_path: Path):
    stubborn = "trap '' TERM; echo ready; while :; do sleep 0.05; done"
    child = LocalProcess.start("stubborn", ("sh", "-c", stubborn), tmp_path)
    await_words(child, "ready")
    child.stop(limit_s=0.2)
    assert child.exit_code == -signal.SIGKILL


def test_kill_ends_the_children_of_the_child(tmp_path: Path, await_gone: AwaitGone):
    child = LocalProcess.start("shell", ("sh", "-c", "sleep 60 & echo $!; wait"), tmp_path)
    await_words(child, "\n")
    child.kill()
    await_gone(int(child.log.read_text()))


def test_the_last_words_name_the_log_and_quote_its_end(tmp_path: Path):
    child = LocalProcess.start("talker", ("sh", "-c", "echo first; echo last; exit 7"), tmp_path)
    assert child.wait(10) == 7
    assert child.last_words(lines=1) == f"Its log is {tmp_path / 'talker.log'} and ends:\nlast"


def test_a_free_port_is_outside_the_range_of_outgoing_connections(free_port: int):
    assert 15000 <= free_port < 32768
