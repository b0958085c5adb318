"""A process that was stopped past its alarm does nothing more, as process 1 or another; one that sets it anew lives on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

# Counts in shared memory as fast as it can, from two threads: one instruction after the deadline would be seen.
COUNTING = """
import mmap, signal, sys, threading, time
from fde_operator import alarm
if sys.argv[2] == "deaf":
    signal.signal(signal.SIGALRM, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGALRM})
alarm.ready(first=sys.argv[2] == "first")
with open(sys.argv[1], "r+b") as file:
    shared = mmap.mmap(file.fileno(), 16)
def count(place):
    number = 0
    while True:
        number += 1
        shared[place:place + 8] = number.to_bytes(8, "little")
        time.sleep(0)
threading.Thread(target=count, args=(8,), daemon=True).start()
for left in range(int(sys.argv[3]), 0, -1):  # renewals, each long enough for a busy machine but the last
    alarm.alarm(0.6 if left == 1 else 30.0)
    time.sleep(0.05)
if sys.argv[4] == "off":
    alarm.alarm(0.0)
print("set", flush=True)
count(0)
"""


def start(file: Path, how: str = "", renewals: int = 1, off: str = "") -> subprocess.Popen[bytes]:
    file.write_bytes(bytes(16))
    command = [sys.executable, "-c", COUNTING, str(file), how, str(renewals), off]
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    assert process.stdout is not None
    with process.stdout as said:
        assert said.readline() == b"set\n"
    return process


@pytest.mark.seconds
@pytest.mark.parametrize(("how", "status"), [("", -signal.SIGALRM), ("deaf", -signal.SIGALRM), ("first", 14)])
def test_a_process_stopped_past_its_alarm_ends_when_it_is_continued(tmp_path: Path, how: str, status: int) -> None:
    file = tmp_path / "counts"
    process = start(file, how)
    os.kill(process.pid, signal.SIGSTOP)
    time.sleep(0.1)  # stopping takes a moment
    stopped = file.read_bytes()
    time.sleep(0.8)
    if process.poll() is None:  # with the default action it ends where it stands
        os.kill(process.pid, signal.SIGCONT)
    assert process.wait(5) == status
    if how != "first":  # its other threads end by a system call of one of them, some microseconds later
        assert file.read_bytes() == stopped
    assert int.from_bytes(stopped[8:], "little") > 0


@pytest.mark.seconds
def test_a_process_that_sets_its_alarm_anew_or_off_lives_on(tmp_path: Path) -> None:
    off, renewing = start(tmp_path / "b", off="off"), start(tmp_path / "a", renewals=12)
    try:
        assert renewing.wait(30) == -signal.SIGALRM  # its last one; `set` was said, so the eleven before it did not
        assert off.poll() is None  # though its own went by before
    finally:
        off.kill()
        off.wait(30)
