"""What an init container renders from its job: lists and flags as the deployment gave them, secrets from their mounts."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from fde_api.primitive import Each, Field, Hole, Parameter, Segment, Template, TemplateFile, When
from fde_template.pod import main

PARAMETERS = (
    Parameter(
        name="tables", type="list", fields=(Field(name="name", type="identifier"), Field(name="rate", type="float"))
    ),
    Parameter(name="signed", type="bool"),
    Parameter(name="key", type="secretRef", required=True, when=When(parameter="signed")),
)
FILE = TemplateFile(
    path="conf/load.sql",
    language="sql",
    segments=(
        Segment(each=Each(parameter="tables")),
        Segment(hole=Hole(parameter="tables", field="name", place="sql.identifier.bare")), Segment(text=" "),
        Segment(hole=Hole(parameter="tables", field="rate", place="sql.number")), Segment(text=";\n"), Segment(mark="end"),
        Segment(when=When(parameter="signed")),
        Segment(text="-- "), Segment(hole=Hole(parameter="key", place="sql.comment.line")), Segment(text="\n"), Segment(mark="end"),
    ),
)  # fmt: skip


def _job(tmp_path: Path, values: object) -> list[str]:
    (tmp_path / "job").mkdir()
    (tmp_path / "secrets").mkdir()
    for name, document in (("template", Template(files=(FILE,))), ("parameters", PARAMETERS), ("values", values)):
        (tmp_path / "job" / f"{name}.json").write_bytes(msgspec.json.encode(document))
    return [f"--{name}={tmp_path / name}" for name in ("job", "secrets", "output")]


@pytest.mark.parametrize(("signed", "last"), [(True, b"-- abc\n"), (False, b"")])
def test_lists_flags_and_secrets_become_a_file(tmp_path: Path, signed: bool, last: bytes) -> None:
    # The API server gives 1.0 back as 1: the field is a float, and is spelled as one.
    arguments = _job(tmp_path, {"tables": [{"name": "a", "rate": 1}, {"name": "b", "rate": 0.5}], "signed": signed})
    if signed:
        (tmp_path / "secrets" / "key").write_text("abc")
    assert main(arguments) == 0
    assert (tmp_path / "output" / "conf" / "load.sql").read_bytes() == b"a 1.0;\nb 0.5;\n" + last


def test_a_refusal_names_item_and_field(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = _job(tmp_path, {"tables": [{"name": "a", "rate": 1}, {"name": "a b;", "rate": 1}], "signed": False})
    assert main(arguments) == 1
    assert "parameter tables, item 2, field name" in capsys.readouterr().err
    assert not (tmp_path / "output").exists()
