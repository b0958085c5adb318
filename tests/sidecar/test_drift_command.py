"""`fde drift`: findings as lines, exit codes, and lines that cannot be used."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from fde_cli.main import run


def a_file(tmp_path: Path, *lines: str) -> str:
    path = tmp_path / "payloads.jsonl"
    path.write_text("\n".join(lines) + "\n")
    return str(path)


STEADY = [json.dumps({"id": f"A-{n}", "total": n * 3}) for n in range(1000, 1060)]
CHANGED = [json.dumps({"id": f"A-{n}", "sum_total": n * 3}) for n in range(1000, 1020)]


def test_findings_are_lines_with_index_kind_field_and_detail(tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    assert run(["drift", a_file(tmp_path, *STEADY, *CHANGED), "--output", str(out)]) == 0
    (finding,) = [json.loads(line) for line in out.read_text().splitlines()]
    assert finding == {"index": 62, "kind": "field-renamed", "field": "total", "detail": "total -> sum_total"}


def test_nothing_changed_is_exit_1_and_an_empty_file(tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    assert run(["drift", a_file(tmp_path, *STEADY), "--output", str(out)]) == 1
    assert out.read_bytes() == b""


def test_without_output_the_findings_go_to_standard_output(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert run(["drift", a_file(tmp_path, *STEADY, *CHANGED), "--json"]) == 0
    said = capfd.readouterr()
    assert json.loads(said.out)["kind"] == "field-renamed"
    assert "80 payloads, 1 changes" in said.err


def test_a_bad_line_is_named_and_the_rest_goes_on(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = a_file(tmp_path, *STEADY[:30], "{oops secret-value", "", *STEADY[30:], *CHANGED)
    assert run(["drift", path]) == 0
    said = capfd.readouterr()
    assert f"{path}:31: it is not JSON. The line is left out" in said.err
    assert "secret-value" not in said.err + said.out
    assert json.loads(said.out)["index"] == 63


def test_nothing_usable_is_exit_3_with_the_line(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = a_file(tmp_path, "", "no", "json")
    assert run(["drift", path]) == 3
    assert f"{path}:2: holds no payload" in capfd.readouterr().err
    assert run(["drift", str(tmp_path / "absent.jsonl")]) == 3


def test_called_wrongly_is_exit_2() -> None:
    assert run(["drift"]) == 2
    assert run(["drift", "x", "--no-such-option"]) == 2
