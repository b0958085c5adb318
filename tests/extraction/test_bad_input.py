"""Bad input: each kind is used, or refused with the place, the reason and exit code 3, soon and without a traceback."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

import pytest
import yaml

from fde_cli.main import run

CUSTOMERS = ("norrvik", "tamsin", "grenholm", "sandvale", "quennel")


def source(customer: str) -> bytes:
    return (
        f'"""Feed of {customer.capitalize()}."""\n\nimport logging\n\nLOG = logging.getLogger("feed.{customer}")\n\n\n'
        f'def read(client, since):\n    reply = client.get("/{customer}/rows", timeout={len(customer)})\n'
        '    if reply.status_code == 429:\n        raise RuntimeError("too many requests")\n'
        '    return [row for row in reply.json()["rows"] if row["id"] > since]\n'
    ).encode()


def abstracted(folder: Path, files: Sequence[bytes], suffix: str = "py") -> int:
    """The exit code of `fde abstract` of the files i0, i1, ...; manifest and bindings are left in `folder`."""
    paths = [folder / f"i{number}.{suffix}" for number in range(len(files))]
    for path, data in zip(paths, files, strict=True):
        path.write_bytes(data)
    where = ["--output", str(folder / "primitive.yaml"), "--bindings", str(folder / "bindings.yaml")]
    return run(["abstract", *map(str, paths), "--name", "feed", *where])


def given_back(folder: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> dict[str, bytes]:
    """Every sibling that has bindings, rendered."""
    bindings = folder / "bindings.yaml"
    found = {}
    capfdbinary.readouterr()
    for stem in yaml.safe_load(bindings.read_text()):
        where = ["--bindings", str(bindings), "--instance", stem]
        assert run(["instantiate", str(folder / "primitive.yaml"), *where]) == 0
        found[stem] = capfdbinary.readouterr().out
    return found


THREE = tuple(map(source, CUSTOMERS[:3]))


@pytest.mark.parametrize(
    "change",
    [
        lambda data: data.replace(b"too many", b"zu h\xe4ufig"),  # Latin-1
        lambda data: data.replace(b"\n", b"\r\n"),
        lambda data: b"\xef\xbb\xbf" + data,
        lambda data: b"\xef\xbb\xbf" + data.replace(b"\n", b"\r\n").rstrip(),
        lambda data: data.replace(b"too many", b'{{ reply }} {% raw %} too many').replace(b"rows", b"{{rows}}"),
    ],
    ids=["not UTF-8", "CRLF", "BOM", "BOM, CRLF, no line break at the end", "Jinja in strings"],
)  # fmt: skip
def test_odd_bytes_come_back(change, tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:  # type: ignore[no-untyped-def]
    files = [change(data) for data in THREE]
    assert abstracted(tmp_path, files) == 0
    assert given_back(tmp_path, capfdbinary) == {f"i{number}": data for number, data in enumerate(files)}


def test_a_file_that_is_a_jinja_template_itself_comes_back(
    tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    model = (
        "{{{{ config(materialized='incremental', tags=['{0}']) }}}}\n{{#- rows of {0} -#}}\n"
        "select id, {{{{ cents('total') }}}} as total\nfrom {{{{ source('{0}', 'rows') }}}}\n"
        "{{% if is_incremental() %}}\nwhere day > (select max(day) from {{{{ this }}}})\n{{% endif %}}\n"
        "{{% raw %}}-- {{{{ not a value }}}}{{% endraw %}}\n"
    )
    files = [model.format(customer).encode() for customer in CUSTOMERS[:3]]
    assert abstracted(tmp_path, files, "sql") == 0
    assert given_back(tmp_path, capfdbinary) == {f"i{number}": data for number, data in enumerate(files)}


@pytest.mark.parametrize("where", [0, 2, 4])
def test_one_of_five_with_a_syntax_error_is_left_out_with_its_line(
    where: int, tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    files = [source(customer) for customer in CUSTOMERS]
    files[where] = files[where].replace(b"if reply.status_code", b"if reply.status_code ==")
    assert abstracted(tmp_path, files) == 0
    said = capfdbinary.readouterr().err.decode()
    assert f"i{where}.py:10" in said and "Traceback" not in said
    back = given_back(tmp_path, capfdbinary)
    assert back == {f"i{number}": data for number, data in enumerate(files) if number != where}


@pytest.mark.parametrize(
    ("files", "why"),
    [
        ([], "2"),
        (THREE[:1], "1 can be used"),
        ((THREE[0], b""), "empty"),
        ((b"", b" \n", b"\n\t\n"), "empty"),
        ((THREE[0], THREE[1].replace(b"import", b"\x00import")), "NUL"),
        ((THREE[0], THREE[1].decode().encode("utf-16")), "NUL"),
    ],
    ids=["none", "one", "an empty one of two", "blank ones", "a NUL byte", "UTF-16"],
)
def test_too_few_that_can_be_used_are_refused_with_the_reason(
    files: Sequence[bytes], why: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert abstracted(tmp_path, files) == 3
    said = capsys.readouterr().err
    assert why in said and "Traceback" not in said
    assert not (tmp_path / "primitive.yaml").exists()


def test_an_empty_one_of_three_is_left_out(tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    assert abstracted(tmp_path, (*THREE[:2], b"")) == 0
    assert b"i2.py: is empty" in capfdbinary.readouterr().err
    assert set(given_back(tmp_path, capfdbinary)) == {"i0", "i1"}


def test_siblings_in_different_languages_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    paths = [tmp_path / name for name in ("a.py", "b.ts", "c.sql")]
    for path, data in zip(paths, (THREE[0], b"export const LIMIT = 3;\n", b"select id from rows;\n"), strict=True):
        path.write_bytes(data)
    where = ["--output", str(tmp_path / "p.yaml"), "--bindings", str(tmp_path / "b.yaml")]
    assert run(["abstract", *map(str, paths), "--name", "feed", *where]) == 3
    said = capsys.readouterr().err
    assert "different languages" in said and all(language in said for language in ("python", "typescript", "sql"))


def test_ten_megabytes_on_one_line_are_refused_at_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    minified = b"var a=1;" + b"function f(a){return a+1};" * 400_000
    started = time.process_time()
    assert abstracted(tmp_path, (minified, minified + b"f()", minified + b"f(2)"), "ts") == 3
    assert time.process_time() - started < 5
    said = capsys.readouterr().err
    assert "i0.ts" in said and "256 KiB" in said and "minified" in said and len(said) < 1000


@pytest.mark.seconds
@pytest.mark.parametrize(
    ("suffix", "line"),
    [
        ("py", b"x = " + b"(" * 3000 + b"1" + b")" * 3000 + b"\n"),
        ("py", b"x = " + b"-" * 20_000 + b"1\n"),
        ("py", b"".join(b"    " * depth + b"if x:\n" for depth in range(95)) + b"    " * 95 + b"pass\n"),
        ("ts", b"const x = " + b"[" * 8000 + b"]" * 8000 + b";\n"),
        ("ts", b"const x = " + b"a?b:" * 8000 + b"c;\n"),
        ("sql", b"select " + b"(" * 8000 + b"1" + b")" * 8000 + b";\n"),
        ("sql", b"select 1" + b" union all select 1" * 1000 + b";\n"),
    ],
    ids=["brackets", "signs", "blocks", "arrays", "choices", "sql brackets", "unions"],
)
def test_deeply_nested_source_is_no_crash_and_takes_no_minute(
    suffix: str, line: bytes, tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    own = {"py": b"HOST = '%b'\n", "ts": b"const HOST = '%b';\n", "sql": b"set host = '%b';\n"}[suffix]
    files = [own % customer.encode() + line for customer in CUSTOMERS[:3]]
    started = time.process_time()
    code = abstracted(tmp_path, files, suffix)
    assert time.process_time() - started < 20
    assert code in (0, 3)
    said = capfdbinary.readouterr().err
    assert b"Traceback" not in said and b"Recursion" not in said and said
    if code == 0:
        assert given_back(tmp_path, capfdbinary) == {f"i{number}": data for number, data in enumerate(files)}
