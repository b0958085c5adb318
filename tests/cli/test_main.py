"""`fde` itself: exit codes, and sentences instead of tracebacks."""

from __future__ import annotations

from pathlib import Path

import pytest

from fde_cli.main import COMMANDS, run


def test_every_command_of_the_table_is_there(capsys: pytest.CaptureFixture[str]) -> None:
    for name in COMMANDS:
        assert run([name, "--help"]) == 0, name
    assert capsys.readouterr().out


@pytest.mark.parametrize(
    "arguments",
    [["no-such-command"], ["group"], ["review", "approve"], ["sidecar", "--nonsense"], ["worker", "fold"]],
)
def test_wrong_use_is_a_sentence_and_exit_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(arguments) == 2
    told = capsys.readouterr().err
    assert told.startswith("fde: ")
    assert "Traceback" not in told


def test_the_version_is_the_projects(capsys: pytest.CaptureFixture[str]) -> None:
    from importlib.metadata import version

    assert run(["--version"]) == 0
    assert capsys.readouterr().out.strip() == version("fde") != "0.0.0"


def test_help_shows_a_path_with_its_angle_brackets(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["up", "--help"]) == 0
    assert "<customer>/<deployment>/*.log" in capsys.readouterr().out


def test_input_that_cannot_be_used_is_named_and_exit_3(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    events = tmp_path / "events.jsonl"
    events.write_text('{"time": "2026-10-10T06:00:00Z"}\nthis is no JSON\n')
    assert run(["group", str(events), "--output", str(tmp_path / "out.jsonl")]) == 3
    assert f"{events}:2" in capsys.readouterr().err


def test_a_manifest_with_a_wrong_field_is_refused_with_the_field_that_was_meant(
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    manifest = tmp_path / "primitive.yaml"
    manifest.write_text(
        "apiVersion: fde.io/v1\nkind: DeploymentPrimitive\nmetadata: {name: a.v1.0.0}\n"
        "spec: {primitiveName: a, version: v1.0.0, domain: d, template: {files: []}, parametres: []}\n"
    )
    assert run(["instantiate", str(manifest), "--values", str(manifest)]) == 3
    told = capsys.readouterr().err
    assert "parametres" in told
    assert "parameters" in told


def test_an_empty_directory_is_no_sibling(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        (tmp_path / name).mkdir()
        if name != "b":
            (tmp_path / name / "x.py").write_text("HOST = 1\n")
    folders = [str(tmp_path / name) for name in ("a", "b", "c")]
    outputs = ["--name", "n", "--output", str(tmp_path / "p.yaml"), "--bindings", str(tmp_path / "v.yaml")]
    assert run(["abstract", *folders, *outputs]) == 3
    assert f"{tmp_path / 'b'}: an empty directory" in capsys.readouterr().err
