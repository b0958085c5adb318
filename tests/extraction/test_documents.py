"""Documents and paths that a person gives: text stays as written, nothing is overwritten, private files are private."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from fde_cli.main import run
from fde_events.errors import BadInput
from fde_extraction import path as paths
from fde_extraction.document import dump, read_mapping, read_primitive

CASE = Path(__file__).parent / "cases" / "python" / "one_value_many_spellings"
FILES = [CASE / f"{letter}.py" for letter in "abc"]


def _mapping(tmp_path: Path, text: str) -> dict[str, object]:
    file = tmp_path / "values.yaml"
    file.write_text(text, "utf-8")
    return read_mapping(file)


def _abstract(output: Path, bindings: Path, *more: str, files: list[Path] | None = None, name: str = "parcels") -> int:
    return run(["abstract", *map(str, files or FILES), "--name", name, "--output", str(output), "--bindings", str(bindings), *more])  # fmt: skip


@pytest.fixture
def made(tmp_path: Path) -> Path:
    assert _abstract(tmp_path / "p.yaml", tmp_path / "b.yaml") == 0
    return tmp_path


@pytest.mark.parametrize(
    "text",
    [
        "12:30",
        "0777",
        "0010",
        "1.10",
        "0x1F",
        "1_000",
        ".5",
        "+5",
        "1e3",
        ".inf",
        "2024-01-01",
        "no",
        "on",
        "=",
        "0b11",
    ],
)
def test_a_value_is_the_text_that_was_written(text: str, tmp_path: Path) -> None:
    assert _mapping(tmp_path, f"a: {text}\nb: 5\nc: true\n0010: x\n") == {"a": text, "b": 5, "c": True, "0010": "x"}


@given(st.text("0123456789:._+-exo", min_size=1, max_size=8))
@example("190:20:30")
def test_no_number_that_is_read_is_spelled_otherwise_than_it_was_written(text: str) -> None:
    from fde_extraction.document import _Values  # the file is left out of the law

    try:
        value = yaml.load(f"a: {text}", Loader=_Values)["a"]
    except (yaml.YAMLError, TypeError, KeyError):
        return
    if isinstance(value, (int, float)):
        assert repr(value) == text


@given(st.dictionaries(st.text("ab0", min_size=1), st.text(max_size=5) | st.integers() | st.booleans(), max_size=4))
def test_what_is_written_is_read_back(values: dict[str, object]) -> None:
    from fde_extraction.document import _Values

    assert (yaml.load(dump(values), Loader=_Values) or {}) == values


@pytest.mark.parametrize("reader", [read_mapping, read_primitive])
def test_a_key_given_twice_is_refused_with_its_line(reader: object, tmp_path: Path) -> None:
    file = tmp_path / "twice.yaml"
    file.write_text("a: 1\nb: 2\na: 3\n")
    with pytest.raises(BadInput, match=r"twice\.yaml:3: .*'a' is given twice"):
        reader(file)  # type: ignore[operator]


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"a: !secret x\n", "tag '!secret'"),
        (b"a: \xff\n", "is not UTF-8"),
        (b"b: 1\na: [\n", "yaml:3"),
        (b"a: *x\n", "alias"),
        (b"a: \x01\n", "character"),
        (b"[" * 5000, "deeply|YAML"),
        (b"? [x]\n: 1\n", "key"),
    ],
)
def test_what_is_wrong_with_a_document_is_said(data: bytes, why: str, tmp_path: Path) -> None:
    file = tmp_path / "v.yaml"
    file.write_bytes(data)
    with pytest.raises(BadInput, match=why):
        read_mapping(file)


def test_private_values_are_for_their_owner_alone(made: Path) -> None:
    assert stat.S_IMODE((made / "b.yaml").stat().st_mode) == 0o600
    (made / "v.yaml").write_text("old and longer than what follows: " + "x" * 10_000)
    (made / "v.yaml").chmod(0o644)
    assert run(["fit", str(made / "p.yaml"), str(FILES[0]), "--output", str(made / "v.yaml")]) == 0
    assert stat.S_IMODE((made / "v.yaml").stat().st_mode) == 0o600
    assert "old" not in read_mapping(made / "v.yaml")


def test_outputs_are_apart_from_each_other_and_from_what_is_read(
    made: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = tmp_path / "a.py"
    source.write_bytes(FILES[0].read_bytes())
    (tmp_path / "link.yaml").symlink_to(source)
    inputs = [source, *FILES[1:]]
    assert _abstract(tmp_path / "x.yaml", tmp_path / "." / "x.yaml", files=inputs) == 2
    assert "same file" in capsys.readouterr().err
    assert _abstract(source, tmp_path / "y.yaml", files=inputs) == 2
    assert _abstract(tmp_path / "x.yaml", tmp_path / "link.yaml", files=inputs) == 2
    assert run(["fit", str(made / "p.yaml"), str(source), "--output", str(source)]) == 2
    assert run(["fit", str(made / "p.yaml"), str(source), "--output", str(made / "p.yaml")]) == 2
    assert source.read_bytes() == FILES[0].read_bytes()
    assert not (tmp_path / "x.yaml").exists()


def test_a_file_inside_a_directory_that_is_read_is_not_overwritten(tmp_path: Path) -> None:
    for file in FILES:
        (tmp_path / file.stem).mkdir()
        (tmp_path / file.stem / "client.py").write_bytes(file.read_bytes())
    folders = [tmp_path / file.stem for file in FILES]
    assert _abstract(tmp_path / "b" / "client.py", tmp_path / "b.yaml", files=folders) == 2


def test_instantiate_does_not_overwrite_what_it_reads(made: Path, tmp_path: Path) -> None:
    values = tmp_path / "out" / "parcels.py"
    values.parent.mkdir()
    values.write_text(dump(read_mapping(made / "b.yaml")["a"]))
    before = values.read_bytes()
    assert run(["instantiate", str(made / "p.yaml"), "--values", str(values), "--output", str(tmp_path / "out")]) == 2
    assert values.read_bytes() == before


def test_only_regular_files_are_read(tmp_path: Path, capsys: pytest.CaptureFixture[str], made: Path) -> None:
    os.mkfifo(tmp_path / "pipe.py")
    assert _abstract(tmp_path / "x.yaml", tmp_path / "y.yaml", files=[tmp_path / "pipe.py", *FILES]) == 3
    assert "pipe.py: is not a regular file" in capsys.readouterr().err
    assert run(["fit", str(made / "p.yaml"), str(tmp_path / "pipe.py"), "--output", str(tmp_path / "v.yaml")]) == 3
    with pytest.raises(BadInput, match="is a directory"):
        paths.read(tmp_path)


@pytest.mark.parametrize("name", ["Bad Name!", "", "x" * 300, "-x", "x\n"])
def test_a_name_that_no_resource_may_have_is_misuse(name: str, tmp_path: Path) -> None:
    assert run(["abstract", *map(str, FILES), f"--name={name}", "--output", str(tmp_path / "x.yaml"), "--bindings", str(tmp_path / "y.yaml")]) == 2  # fmt: skip
    assert not (tmp_path / "x.yaml").exists()


@pytest.mark.parametrize("customers", ["a,,b", ",,", "a,b", "a,b,"])
def test_every_file_has_a_named_customer(customers: str, tmp_path: Path) -> None:
    assert _abstract(tmp_path / "x.yaml", tmp_path / "y.yaml", "--customers", customers) == 2


@pytest.mark.parametrize("text", ["null", "", "[a]", "true", "{a: b}"])
def test_a_secret_that_is_no_text_is_refused_by_name(
    text: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "p.yaml").write_text(
        "apiVersion: fde.io/v1\nkind: DeploymentPrimitive\nmetadata: {name: x.v0.1.0}\nspec:\n  primitiveName: x\n  version: v0.1.0\n"
        "  domain: d\n  parameters: [{name: token, type: secretRef}]\n"
        "  template: {files: [{path: x.sql, language: sql, segments: [{hole: {parameter: token, place: sql.source}}]}]}\n"
    )
    (tmp_path / "v.yaml").write_text(f"token: {text}\n")
    assert run(["instantiate", str(tmp_path / "p.yaml"), "--values", str(tmp_path / "v.yaml")]) == 1
    shown = capfd.readouterr()
    assert "parameter token" in shown.err and shown.out == ""
    (tmp_path / "v.yaml").write_text("token: 0777\n")
    assert run(["instantiate", str(tmp_path / "p.yaml"), "--values", str(tmp_path / "v.yaml")]) == 0
    assert capfd.readouterr().out == "0777"


def test_fit_says_which_directory_is_missing_or_lacks_a_file(
    tmp_path: Path, made: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for file in FILES:
        (tmp_path / file.stem).mkdir()
        (tmp_path / file.stem / "client.py").write_bytes(file.read_bytes())
        (tmp_path / file.stem / "rows.sql").write_bytes(b"select id from raw.rows;\n")
    assert _abstract(tmp_path / "multi.yaml", tmp_path / "mb.yaml", files=[tmp_path / f.stem for f in FILES]) == 0
    empty = tmp_path / "empty"
    empty.mkdir()
    for primitive, given_path, said in (
        ("multi.yaml", tmp_path / "none", "none: no such directory"),
        ("multi.yaml", FILES[0], "is not a directory"),
        ("p.yaml", empty, f"{empty}: the directory has no parcels.py"),
        ("p.yaml", tmp_path / "none.py", "none.py: cannot be read: No such file"),
    ):
        capsys.readouterr()
        assert run(["fit", str(tmp_path / primitive), str(given_path), "--output", str(tmp_path / "v.yaml")]) == 3
        assert said in capsys.readouterr().err
