"""Standard streams that are full or closed, and paths that cannot be written: a sentence, never a traceback."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

import pytest

from fde_cli.main import run

FULL = pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")


def shell(line: str, given: bytes = b"one\n") -> subprocess.CompletedProcess[bytes]:
    """`line` with `fde` standing for this project's command."""
    fde = f"fde() {{ '{sys.executable}' -m fde_cli.main \"$@\"; }}; "
    return subprocess.run(["sh", "-c", fde + line], input=given, capture_output=True, timeout=60)


@FULL
@pytest.mark.parametrize("arguments", ["--version", "redact", "up --help"])
def test_a_full_output_is_a_sentence_and_exit_1(arguments: str) -> None:
    done = shell(f"fde {arguments} > /dev/full")
    assert done.returncode == 1
    assert done.stderr.decode() == "fde: standard output: No space left on device\n"


@FULL
def test_so_is_one_that_fills_up_in_the_middle() -> None:
    done = shell("fde redact > /dev/full", given=b"line\n" * 100_000)
    assert (done.returncode, done.stderr) == (1, b"fde: standard output: No space left on device\n")


@pytest.mark.parametrize("arguments", ["--version", "redact"])
def test_a_closed_output_is_a_sentence_and_exit_1(arguments: str) -> None:
    done = shell(f"fde {arguments} >&-")
    assert (done.returncode, done.stderr) == (1, b"fde: standard output: it is closed\n")


def test_a_closed_input_is_a_sentence_and_exit_1() -> None:
    done = shell("fde redact <&-")
    assert (done.returncode, done.stderr) == (1, b"fde: standard input: it is closed\n")


def test_talk_does_not_become_data_when_standard_error_is_closed() -> None:
    assert shell("fde no-such-command 2>&-").stdout == b""


def test_a_reader_that_leaves_early_is_told_nothing() -> None:
    done = shell("(fde redact; echo $? >&2) | head -1", given=b"line\n" * 100_000)
    assert (done.stdout, done.stderr) == (b"line\n", b"1\n")


@pytest.mark.parametrize("path", ["no-such/report", ".", "file/report"])
def test_a_report_that_cannot_be_written_is_named(path: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = shell(f"cd '{tmp_path}'; fde redact --report {path}")
    assert done.returncode == 3
    assert done.stderr.decode().startswith(f"fde: {path}: cannot be written: ")


@pytest.mark.parametrize("command", ["up", "demo"])
@pytest.mark.parametrize("home", ["file", "file/below"])
def test_a_home_that_is_a_file_is_named(
    command: str, home: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "fleet" / "north" / "sync").mkdir(parents=True)
    more = ["--fleet", str(tmp_path / "fleet")] if command == "up" else []
    assert run([command, "--home", str(tmp_path / home), *more]) == 3
    assert "cannot be a directory" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["up", "demo"])
def test_a_port_that_is_taken_is_told_before_anything_is_made(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "fleet" / "north" / "sync").mkdir(parents=True)
    more = ["--fleet", str(tmp_path / "fleet")] if command == "up" else []
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = str(other.getsockname()[1])
        assert run([command, "--home", str(tmp_path / "home"), "--port", port, *more]) == 1
    assert "--port" in capsys.readouterr().err
    assert not (tmp_path / "home").exists()
