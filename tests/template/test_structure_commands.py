"""`fde instantiate` and `fde fit` with lists, records and flags in their documents."""

from __future__ import annotations

from pathlib import Path

import pytest

from fde_cli.main import run
from fde_extraction.document import read_mapping

PRIMITIVE = """\
apiVersion: fde.io/v1
kind: DeploymentPrimitive
metadata: {name: load.v1.0.0}
spec:
  primitiveName: load
  version: v1.0.0
  domain: integration
  template:
    files:
    - path: load.sql
      language: sql
      segments:
      - text: "select "
      - each: {parameter: columns}
      - hole: {parameter: columns, field: name, place: sql.identifier.bare}
      - text: " as '"
      - hole: {parameter: columns, field: code, place: sql.string.single}
      - text: "'"
      - mark: between
      - text: ", "
      - mark: end
      - when: {parameter: audit}
      - text: " -- audited"
      - mark: end
      - text: "\\n-- "
      - each: {parameter: zones}
      - hole: {parameter: zones, place: sql.comment.line}
      - text: ";"
      - mark: end
  parameters:
  - name: columns
    type: list
    fields: [{name: name, type: identifier}, {name: code, type: string}]
  - {name: audit, type: bool}
  - {name: zones, type: list, fields: [{type: string}]}
"""
VALUES = """\
columns:
- {name: no, code: 0777}
- {name: at, code: 12:30}
audit: yes
zones: [no, 1.10, on, 2020-01-01]
"""
TEXT = b"select no as '0777', at as '12:30' -- audited\n-- no;1.10;on;2020-01-01;"


@pytest.fixture
def primitive(tmp_path: Path) -> Path:
    (tmp_path / "p.yaml").write_text(PRIMITIVE)
    return tmp_path / "p.yaml"


def _instantiated(primitive: Path, values: str, capfdbinary: pytest.CaptureFixture[bytes]) -> tuple[int, bytes, bytes]:
    (primitive.parent / "v.yaml").write_text(values)
    code = run(["instantiate", str(primitive), "--values", str(primitive.parent / "v.yaml")])
    out, err = capfdbinary.readouterr()
    return code, out, err


def test_texts_in_lists_and_records_stay_as_written(primitive: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    assert _instantiated(primitive, VALUES.replace("yes", "true"), capfdbinary)[:2] == (0, TEXT)


def test_what_fit_writes_instantiate_takes(primitive: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    file, values = primitive.parent / "load.sql", primitive.parent / "found.yaml"
    file.write_bytes(TEXT)
    assert run(["fit", str(primitive), str(file), "--output", str(values)]) == 0
    assert read_mapping(values) == {
        "columns": [{"name": "no", "code": "0777"}, {"name": "at", "code": "12:30"}],
        "audit": True,
        "zones": ["no", "1.10", "on", "2020-01-01"],
    }
    capfdbinary.readouterr()
    assert _instantiated(primitive, values.read_text(), capfdbinary)[:2] == (0, TEXT)


def test_a_file_that_does_not_fit_says_where(primitive: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    file = primitive.parent / "load.sql"
    file.write_bytes(TEXT.replace(b"-- no", b"# no"))
    assert run(["fit", str(primitive), str(file), "--output", str(primitive.parent / "x.yaml")]) == 1
    assert b"load.sql:2:1: expected" in capfdbinary.readouterr().err


def test_a_refusal_names_the_item(primitive: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    code, out, err = _instantiated(primitive, VALUES.replace("yes", "false").replace("12:30", "it's"), capfdbinary)
    assert (code, out) == (1, b"")
    assert b"parameter columns, item 2, field code" in err and b"it's" not in err


def test_a_null_and_a_list_in_a_list_are_refused(primitive: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    for zones in ("[null]", "[[a]]", "[{a: b}]"):
        code, _, err = _instantiated(primitive, f"columns: []\naudit: false\nzones: {zones}\n", capfdbinary)
        assert code == 1 and b"parameter zones, item 1: takes one string" in err
