from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fde_cli.main import run

Doctor = Callable[..., tuple[int, dict[str, Any]]]


@pytest.fixture
def doctor(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Doctor:
    for name in ("FDE_BROKERS", "FDE_REGISTRY", "FDE_CUSTOMER", "FDE_SOURCE_EGRESS", "KUBECONFIG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)

    def go(*arguments: str) -> tuple[int, dict[str, Any]]:
        capsys.readouterr()
        code = run(["doctor", *arguments, "--json"])
        lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        return code, {line["check"]: line for line in lines}

    return go


def test_nothing_set_is_nothing_wrong_and_each_has_a_next_step(doctor: Doctor) -> None:
    code, found = doctor()
    assert code == 0
    assert {line["state"] for line in found.values()} == {"unset"}
    assert all(line["next"] for line in found.values())


def test_a_broker_that_does_not_answer_is_wrong_with_the_next_step(doctor: Doctor, free_port: int) -> None:
    code, found = doctor("--brokers", f"127.0.0.1:{free_port}", "--timeout", "0.3")
    assert code == 1
    assert found["broker"]["state"] == "wrong"
    assert "start it" in found["broker"]["next"]


def test_a_broker_without_the_topics_names_them(doctor: Doctor) -> None:
    from fde_cli.embedded.broker import EmbeddedBroker
    from fde_events.topics import ENGINE

    with EmbeddedBroker() as broker:
        code, found = doctor("--brokers", broker.bootstrap_servers, "--customer", "north")
        assert code == 1
        assert found["broker"]["state"] == "ok"
        assert "fde.north.solutions" in found["topics"]["saw"]
        broker.create_topics([topic.name for topic in ENGINE] + ["fde.north.solutions", "fde.north.telemetry"])
        code, found = doctor("--brokers", broker.bootstrap_servers, "--customer", "north")
        assert (code, found["topics"]["state"]) == (0, "ok")


def test_a_library_says_who_you_are_and_what_you_may(doctor: Doctor, tmp_path: Path) -> None:
    from fde_registry.viewer import DirectorySettings, write_settings

    write_settings(tmp_path / "library", DirectorySettings(identity="dana@company.example"))
    code, found = doctor("--registry", f"directory:{tmp_path / 'library'}")
    assert code == 0
    assert found["identity"]["saw"] == "dana@company.example (from .fde/settings.yaml)"
    assert found["candidates"]["saw"] == "0 can be listed"


def test_a_registry_that_cannot_be_opened_is_wrong(doctor: Doctor, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    code, found = doctor("--registry", f"directory:{tmp_path / 'file'}")
    assert code == 1
    assert found["registry"]["state"] == "wrong"
    code, found = doctor("--registry", "cupboard")
    assert code == 1


@pytest.mark.parametrize(("arguments", "code"), [(["search", "x"], 3), (["review", "list"], 3), (["doctor"], 1)])
def test_a_library_that_is_mistyped_is_told_and_not_made(
    doctor: Doctor, tmp_path: Path, arguments: list[str], code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([*arguments, "--registry", f"directory:{tmp_path / 'librarry'}"]) == code
    told = capsys.readouterr()
    assert "no library there" in told.out + told.err
    assert list(tmp_path.iterdir()) == []


def test_egress_that_is_on_is_told(doctor: Doctor, monkeypatch: pytest.MonkeyPatch) -> None:
    assert doctor()[1]["egress"]["state"] == "unset"
    import subprocess

    subprocess.run(["git", "init", "-q"], check=True, timeout=30)
    monkeypatch.setenv("FDE_SOURCE_EGRESS", "on")
    assert doctor()[1]["egress"]["state"] == "ok"
