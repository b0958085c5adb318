"""What broke the commands once: siblings that are ordinary in their own trade and odd to the engine."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
import yaml

from fde_cli.main import run

CUSTOMERS = ("norrvik", "tamsin", "grenholm")


def come_back(folder: Path, files: Sequence[str], capfdbinary: pytest.CaptureFixture[bytes], suffix: str = "py") -> str:
    """Abstract, instantiate and fit every sibling; what `fde abstract` said."""
    paths = [folder / f"i{number}.{suffix}" for number in range(len(files))]
    for path, text in zip(paths, files, strict=True):
        path.write_bytes(text.encode())
    primitive, bindings, values = (folder / name for name in ("primitive.yaml", "bindings.yaml", "values.yaml"))
    where = ["--output", str(primitive), "--bindings", str(bindings)]
    assert run(["abstract", *map(str, paths), "--name", "feed", *where]) == 0
    said = capfdbinary.readouterr().err.decode()
    assert set(yaml.safe_load(bindings.read_text())) == {path.stem for path in paths}
    for path in paths:
        assert run(["instantiate", str(primitive), "--bindings", str(bindings), "--instance", path.stem]) == 0
        assert capfdbinary.readouterr().out == path.read_bytes()
        assert run(["fit", str(primitive), str(path), "--output", str(values)]) == 0
        assert run(["instantiate", str(primitive), "--values", str(values)]) == 0
        assert capfdbinary.readouterr().out == path.read_bytes()
    return said


@pytest.mark.parametrize("kinds", [("quota", "stock", "price"), CUSTOMERS], ids=["a word of its own", "the customer"])
def test_items_that_are_the_same_within_each_sibling_are_a_list(
    kinds: Sequence[str], tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    files = [
        f"create table {customer}_rows (id int);\nalter function {customer}_same("
        f"{', '.join([customer + '_rows', *[kind] * count])}) parallel safe;\n"
        f"grant select on {customer}_rows to reader;\n"
        for customer, kind, count in zip(CUSTOMERS, kinds, (1, 3, 2), strict=True)
    ]
    come_back(tmp_path, files, capfdbinary, "sql")
    parameters = yaml.safe_load((tmp_path / "primitive.yaml").read_text())["spec"]["parameters"]
    assert [len(p["fields"]) for p in parameters if p["type"] == "list"] == [1]


def test_a_value_that_a_catalogue_of_choices_lists_too_is_no_leak(
    tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    """`second` is what one sibling keeps; that `hour` and `second` may be given elsewhere is the calendar's."""
    files = [
        f'export function every(client: Client) {{\n  const rows = client.rows("{keep}", {{ unit: "{unit}" }});\n'
        f"  return rows.filter((row) => row.open).map((row) => row.{keep}Total);\n}}\n"
        for keep, unit in (("second", "minute"), ("quarter", "hour"), ("ledger", "day"))
    ]
    come_back(tmp_path, files, capfdbinary, "ts")
    parameters = yaml.safe_load((tmp_path / "primitive.yaml").read_text())["spec"]["parameters"]
    assert [{"second", "quarter"} <= set(p["allowedValues"]) for p in parameters if p["type"] == "enum"] == [True]


def test_records_of_more_fields_than_the_schema_takes_are_refused_and_nothing_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for customer, count in zip(CUSTOMERS, (1, 3, 2), strict=True):
        fields = [[f'a{at}="{customer}{row}x{at}"' for at in range(40)] for row in range(count)]
        rows = [f"    Row({', '.join(texts)}),\n" for texts in fields]
        text = (
            f"import feed\n\n\nROWS = [\n{''.join(rows)}]\n\n\ndef run(client):\n    return feed.read(client, ROWS)\n"
        )
        (tmp_path / f"{customer}.py").write_text(text)
    files = [str(tmp_path / f"{customer}.py") for customer in CUSTOMERS]
    where = ["--output", str(tmp_path / "p.yaml"), "--bindings", str(tmp_path / "b.yaml")]
    assert run(["abstract", *files, "--name", "feed", *where]) == 3
    assert "40 fields (32 at most)" in capsys.readouterr().err
    assert not (tmp_path / "p.yaml").exists() and not (tmp_path / "b.yaml").exists()


def test_a_line_break_parts_a_value_from_the_dashes_above_it(
    tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    files = [f'"""---\n{customer}: x\n..."""\nfeeds = ["yes", "{customer}"]\n' for customer in CUSTOMERS]
    come_back(tmp_path, files, capfdbinary)


@pytest.mark.parametrize(
    ("suffix", "model"),
    [("yaml", "name: {0}\nport: {1}\n"), ("md", "# {0}\n\nHow the feed is run\n"), ("csv", "name,port\n{0},{1}\n")],
)
def test_short_configuration_is_compared_by_its_words(
    suffix: str, model: str, tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    """A value every third token leaves hardly four in a row alike, although all the keys are."""
    come_back(tmp_path, [model.format(customer, 4000 + len(customer)) for customer in CUSTOMERS], capfdbinary, suffix)


def test_of_several_files_the_one_that_shares_too_little_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    notes = ("alpha beta gamma", "10 20 30 40", "[x]\ny\n")
    for customer, note in zip(CUSTOMERS, notes, strict=True):
        (tmp_path / customer).mkdir()
        (tmp_path / customer / "feed.sql").write_text(f"select id from {customer}.rows where id > 3;\n")
        (tmp_path / customer / "notes.txt").write_text(note)
    folders = [str(tmp_path / customer) for customer in CUSTOMERS]
    where = ["--output", str(tmp_path / "p.yaml"), "--bindings", str(tmp_path / "b.yaml")]
    assert run(["abstract", *folders, "--name", "feed", "--no-regions", *where]) == 3
    assert "notes.txt: share too little" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("suffix", "model"),
    [
        ("sh", 'export {0}_TOKEN="$1"\ncurl -H "Authorization: ${0}_TOKEN" "https://api.example.com/${{{0}_TOKEN}}/rows"\n'),
        ("tf", 'resource "feed" "rows" {{\n  token = "${{var.{0}_token}}"\n  count = 3\n}}\n'),
    ],
)  # fmt: skip
def test_the_name_in_an_expansion_is_a_value_and_stands_in_no_template(
    suffix: str, model: str, tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    come_back(tmp_path, [model.format(customer.upper()) for customer in CUSTOMERS], capfdbinary, suffix)
    published = (tmp_path / "primitive.yaml").read_text().lower()
    assert not [customer for customer in CUSTOMERS if customer in published]
