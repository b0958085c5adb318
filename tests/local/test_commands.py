import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from fde_local.__main__ import app
from fde_local.component import COMPONENTS


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        app(arguments)
    assert isinstance(ended.value.code, int)
    return ended.value.code


def test_prepare_says_what_is_missing_and_fails(empty_cache: Path, no_tools: None, capsys: pytest.CaptureFixture[str]):
    assert run("prepare") == 1
    said = capsys.readouterr()
    assert said.out == ""
    for tool in ("Java 17", "Maven 3.6", "Go 1.25"):
        assert f"{tool} or newer was not found" in said.err


def test_prepare_may_leave_out_what_cannot_be_built(
    empty_cache: Path, no_tools: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.delenv("CI", raising=False)
    assert run("prepare", "--skip-missing") == 0
    assert "left out; the tests that need it are skipped" in capsys.readouterr().err


def test_with_ci_true_nothing_is_left_out(empty_cache: Path, no_tools: None, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("CI", "true")
    assert run("prepare", "--skip-missing") == 1


def test_status_shows_what_is_built_and_what_is_no_longer_used(
    empty_cache: Path, no_tools: None, capsys: pytest.CaptureFixture[str]
):
    for component in COMPONENTS[:2]:
        component.folder(empty_cache).mkdir(parents=True)
    (empty_cache / "kafka-3.9.0-000000000000").mkdir()
    assert run("status") == 1
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["tool"] * 3 + ["built"] * 2 + ["not"] * (len(COMPONENTS) - 2) + [
        "unused"
    ]


def start(command: str) -> "subprocess.Popen[str]":
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.Popen(
        [sys.executable, "-m", "fde_local", command], stdout=subprocess.PIPE, text=True, env=environment
    )


def pids_in(directory: Path) -> dict[str, int]:
    return {path.stem: int(path.read_text()) for path in directory.glob("*.pid")}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
def test_kafka_by_hand_prints_its_address_and_stops_when_told(kafka_toolchain: None, number: signal.Signals):
    with start("kafka") as command:
        assert command.stdout is not None
        assert command.stdout.readline().startswith("127.0.0.1:")
        command.send_signal(number)
        assert command.wait(30) == 0


@pytest.mark.skipif(sys.platform != "linux", reason="the tie to the parent exists on Linux only")
def test_no_part_of_kubernetes_outlives_a_killed_command(
    cluster_toolchain: None, running: Callable[..., list[int]], await_gone: Callable[..., None]
):
    with start("kubernetes") as command:
        assert command.stdout is not None
        kubeconfig = Path(command.stdout.readline().strip())
        pids = pids_in(kubeconfig.parent)
        assert set(pids) == {"etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kwok"}
        assert running(*pids.values()) == list(pids.values())
        command.kill()
    await_gone(*pids.values())
