"""The tee wrapper: the program's output, signals and exit code are what they would be without it."""

from __future__ import annotations

import ast
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import fde_sidecar.tee as tee_module

SCRIPT = Path(tee_module.__file__)


def tee(log: Path, *command: str, more: tuple[str, ...] = ()) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, str(SCRIPT), "--log", str(log), *more, "--", *command], capture_output=True, timeout=30
    )


def test_output_goes_on_and_to_the_log_and_the_exit_code_is_the_programs(tmp_path: Path) -> None:
    log = tmp_path / "new" / "app.log"
    run = tee(log, "sh", "-c", "echo out; echo err >&2; exit 7")
    assert (run.returncode, run.stdout, run.stderr) == (7, b"out\n", b"err\n")
    assert sorted(log.read_bytes().split(b"\n")) == [b"", b"err", b"out"]


def test_a_program_ended_by_a_signal_is_reported_as_the_shell_does(tmp_path: Path) -> None:
    assert tee(tmp_path / "app.log", "sh", "-c", "kill -KILL $$").returncode == 128 + signal.SIGKILL


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGUSR1])
def test_signals_reach_the_program(tmp_path: Path, number: signal.Signals) -> None:
    program = (
        "import signal,sys,time\n"
        f"signal.signal({int(number)}, lambda *_: (print('caught', flush=True), sys.exit(42)))\n"
        "print('ready', flush=True)\n"
        "time.sleep(20)\n"
    )
    process = subprocess.Popen(
        [sys.executable, str(SCRIPT), "--log", str(tmp_path / "app.log"), "--", sys.executable, "-c", program],
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    process.send_signal(number)
    assert process.stdout.read() == b"caught\n"
    assert process.wait(10) == 42
    assert (tmp_path / "app.log").read_bytes() == b"ready\ncaught\n"


def test_a_log_that_cannot_be_written_never_disturbs_the_program(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    run = tee(tmp_path / "file" / "app.log", "sh", "-c", "echo still here; exit 3")
    assert (run.returncode, run.stdout) == (3, b"still here\n")


@pytest.mark.parametrize("log", [".", "file/app.log"])
def test_a_log_that_cannot_be_written_is_told_once_on_standard_error(tmp_path: Path, log: str) -> None:
    (tmp_path / "file").write_text("in the way")
    run = tee(tmp_path / log, "sh", "-c", "echo one; sleep 0.1; echo two; echo three >&2")
    assert (run.returncode, run.stdout) == (0, b"one\ntwo\n")
    told = run.stderr.decode().splitlines()
    assert [line for line in told if line != "three"] == [line for line in told if "is not logged" in line]
    assert sum("cannot be written" in line for line in told) == 1


@pytest.mark.parametrize("more", [("--max-bytes", "-1"), ("--keep", "-1"), ("--keep", "0")])
def test_numbers_that_make_no_sense_are_wrong_use(tmp_path: Path, more: tuple[str, ...]) -> None:
    assert tee(tmp_path / "app.log", "true", more=more).returncode == 2


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_never_disturbs_the_program(tmp_path: Path) -> None:
    run = tee(Path("/dev/full"), "sh", "-c", "for i in 1 2 3; do echo line $i; done")
    assert (run.returncode, run.stdout) == (0, b"line 1\nline 2\nline 3\n")


def test_the_log_is_rotated_at_its_cap_between_lines_and_old_ones_go(tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    run = tee(
        log,
        "sh",
        "-c",
        "for i in $(seq 1 60); do echo 0123456789; sleep 0.002; done",
        more=("--max-bytes", "100", "--keep", "2"),
    )
    assert run.stdout == b"0123456789\n" * 60
    files = sorted(path.name for path in tmp_path.iterdir())
    assert "app.log.1" in files and "app.log.3" not in files
    for path in tmp_path.iterdir():
        assert set(path.read_bytes().split(b"\n")) <= {b"0123456789", b""}


def test_a_reader_that_goes_away_does_not_end_the_program(tmp_path: Path) -> None:
    mark = tmp_path / "done"
    command = f"'{sys.executable}' '{SCRIPT}' --log '{tmp_path / 'app.log'}' -- sh -c 'seq 1 20000; echo x > {mark}' | head -n 1"
    subprocess.run(["sh", "-c", command], timeout=30, capture_output=True)
    deadline = time.monotonic() + 10
    while not mark.exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert mark.exists()


def test_a_program_that_is_not_there_is_127(tmp_path: Path) -> None:
    assert tee(tmp_path / "app.log", "no-such-program-here").returncode == 127


def test_standard_input_reaches_the_program(tmp_path: Path) -> None:
    run = subprocess.run(
        [sys.executable, str(SCRIPT), "--log", str(tmp_path / "a.log"), "--", "cat"],
        input=b"typed",
        capture_output=True,
        timeout=30,
    )
    assert run.stdout == b"typed"


def test_the_file_runs_alone_with_the_standard_library_only(tmp_path: Path) -> None:
    imported = {
        (node.module or "").split(".")[0] if isinstance(node, ast.ImportFrom) else alias.name.split(".")[0]
        for node in ast.walk(ast.parse(SCRIPT.read_text("utf-8")))
        if isinstance(node, (ast.Import, ast.ImportFrom))
        for alias in node.names
    }
    assert imported <= sys.stdlib_module_names
    alone = tmp_path / "tee-script"
    shutil.copy(SCRIPT, alone)
    run = subprocess.run(
        [sys.executable, "-I", "-S", str(alone), "--log", str(tmp_path / "app.log"), "--", "sh", "-c", "echo hi"],
        capture_output=True,
        timeout=30,
        env={"PATH": os.environ["PATH"]},
    )
    assert run.stdout == b"hi\n"
