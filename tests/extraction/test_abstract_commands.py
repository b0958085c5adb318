"""`fde abstract`, `fde instantiate`, `fde fit`: the contract that a scorer drives, through files and exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from fde_api.kinds import parse
from fde_cli.main import run
from fde_extraction.document import dump

CASE = Path(__file__).parent / "cases" / "python" / "one_value_many_spellings"
FILES = [CASE / f"{letter}.py" for letter in "abc"]


@pytest.fixture
def made(tmp_path: Path) -> Path:
    assert run(["abstract", *map(str, FILES), "--name", "parcels", "--output", str(tmp_path / "primitive.yaml"), "--bindings", str(tmp_path / "bindings.yaml")]) == 0  # fmt: skip
    return tmp_path


def test_the_output_is_a_manifest_and_the_bindings_go_by_file_stem(made: Path) -> None:
    resource = parse(yaml.safe_load((made / "primitive.yaml").read_text()))
    assert resource.kind == "DeploymentPrimitive"
    assert sorted(yaml.safe_load((made / "bindings.yaml").read_text())) == ["a", "b", "c"]
    assert "alder" not in (made / "primitive.yaml").read_text().lower()


def test_every_sibling_comes_back_on_standard_output(made: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    for file in FILES:
        assert (
            run(
                [
                    "instantiate",
                    str(made / "primitive.yaml"),
                    "--bindings",
                    str(made / "bindings.yaml"),
                    "--instance",
                    file.stem,
                ]
            )
            == 0
        )
        assert capfdbinary.readouterr().out == file.read_bytes()


def test_a_file_never_seen_is_fitted_and_comes_back(made: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    other = made / "other.py"
    text = FILES[0].read_text()
    for old, new in (
        ("Alder Post", "Dune Mail"),
        ("alder-post", "dune-mail"),
        ("ALDER_POST", "DUNE_MAIL"),
        ("AlderPost", "DuneMail"),
        ("alder_post", "dune_mail"),
    ):
        text = text.replace(old, new)
    other.write_text(text)
    assert run(["fit", str(made / "primitive.yaml"), str(other), "--output", str(made / "values.yaml")]) == 0
    capfdbinary.readouterr()
    assert run(["instantiate", str(made / "primitive.yaml"), "--values", str(made / "values.yaml")]) == 0
    assert capfdbinary.readouterr().out == other.read_bytes()


def test_a_file_that_is_no_instance_exits_1_with_the_place(made: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = made / "other.py"
    other.write_text(FILES[0].read_text().replace("def poll", "def pull"))
    assert run(["fit", str(made / "primitive.yaml"), str(other), "--output", str(made / "values.yaml")]) == 1
    assert ":13:10: expected" in capsys.readouterr().err
    assert not (made / "values.yaml").exists()


def test_a_value_that_would_be_program_is_refused_by_name(made: Path, capsys: pytest.CaptureFixture[str]) -> None:
    values = yaml.safe_load((made / "bindings.yaml").read_text())["a"]
    name = next(name for name, value in values.items() if value == "alder-post")
    (made / "values.yaml").write_text(yaml.safe_dump(values | {name: "\"; os.system('x')#"}))
    assert run(["instantiate", str(made / "primitive.yaml"), "--values", str(made / "values.yaml")]) == 1
    shown = capsys.readouterr()
    assert name in shown.err and "os.system" not in shown.err and shown.out == ""


def test_files_that_share_too_little_exit_3_with_a_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    stranger = tmp_path / "stranger.py"
    stranger.write_text("import sys\n\nfor line in sys.stdin:\n    print(line.strip())\n")
    assert run(["abstract", str(FILES[0]), str(stranger), "--name", "x", "--output", str(tmp_path / "p.yaml"), "--bindings", str(tmp_path / "b.yaml")]) == 3  # fmt: skip
    assert "share too little" in capsys.readouterr().err
    assert not (tmp_path / "p.yaml").exists()


def test_a_missing_file_and_wrong_use_have_their_own_codes(tmp_path: Path, made: Path) -> None:
    options = ["--name", "x", "--output", str(tmp_path / "p.yaml"), "--bindings", str(tmp_path / "b.yaml")]
    assert run(["abstract", str(tmp_path / "none.py"), str(FILES[0]), *options]) == 3
    assert run(["abstract", *map(str, FILES), *options, "--customers", "a,b"]) == 2
    assert run(["instantiate", str(made / "primitive.yaml")]) == 2
    assert (
        run(["instantiate", str(made / "primitive.yaml"), "--bindings", str(made / "bindings.yaml"), "--instance", "z"])
        == 3
    )


def test_the_report_says_no_value(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["abstract", *map(str, FILES), "--name", "x", "--output", str(tmp_path / "p.yaml"), "--bindings", str(tmp_path / "b.yaml"), "--json"]) == 0  # fmt: skip
    shown = capsys.readouterr()
    assert json.loads(shown.out)["proof"]["rebuilt"] == 3
    assert "alder" not in (shown.out + shown.err).lower()


def test_directories_of_files_are_one_solution_each(tmp_path: Path) -> None:
    for file in FILES:
        folder = tmp_path / file.stem
        folder.mkdir()
        (folder / "client.py").write_bytes(file.read_bytes())
        (folder / "rows.sql").write_bytes(b"select id, total from raw.rows where day > current_date - 7;\n")
    assert run(["abstract", *(str(tmp_path / file.stem) for file in FILES), "--name", "x", "--output", str(tmp_path / "p.yaml"), "--bindings", str(tmp_path / "b.yaml")]) == 0  # fmt: skip
    assert run(["instantiate", str(tmp_path / "p.yaml"), "--bindings", str(tmp_path / "b.yaml"), "--instance", "b", "--output", str(tmp_path / "out")]) == 0  # fmt: skip
    assert (tmp_path / "out" / "client.py").read_bytes() == FILES[1].read_bytes()


@pytest.mark.parametrize(
    "text",
    ["a\r\nb", "a\rb\n", "\ufeffx\n", "x \n", "\n\n  y\n", "tab\there\n", "é\x85\u2028\n", "- a: b # c\n", "'", "\x7f"],
)
def test_documents_keep_text_exactly(text: str, tmp_path: Path) -> None:
    assert yaml.safe_load(dump({"text": text})) == {"text": text}
