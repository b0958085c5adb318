"""Languages of other packages: found by entry points, told when broken, never in the way of ours."""

from __future__ import annotations

import importlib
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from fde_extraction import language as languages
from fde_extraction.abstract import Sibling, abstract
from fde_extraction.language import OURS, BrokenLanguage, kind_of, language, language_of
from fde_extraction.report import lines
from fde_extraction.unparsable import NotAbstractable
from fde_template.errors import RenderRefused
from fde_template.fit import fit
from fde_template.render import render

TOY = '''
import re

from fde_extraction.label import Label
from fde_extraction.tree import Node, leaf, seal
from fde_extraction.unparsable import UnparsableSource


class Toy:
    """`LET name BE value;`"""

    name = "toy"
    suffixes = (".toy",)

    def parse(self, text, path):
        found = []
        for number, line in enumerate(text.splitlines(), 1):
            if not re.fullmatch(r"LET \\w+ BE [^;]*;", line):
                raise UnparsableSource(path, "not valid toy", line=number)
        for m in re.finditer(r"(LET) (\\w+) (BE) ([^;]*)(;)", text):
            said = (Label("assigned", m[2]),)
            places = ("", "text.identifier", "", "text.string.line", "")
            parts = [leaf("value" if place else "keyword", *m.span(k), text, place, (), said if k == 4 else ())
                     for k, place in enumerate(places, 1)]
            found.append(Node("pair", m.start(), m.end(), parts))
        return seal(Node("file", 0, len(text), found), text)
'''

Install = Callable[..., None]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Put a distribution with one module and its entry points where importlib.metadata looks."""
    modules = []

    def put(source: str, points: str, *, package: str = "fde-toy", module: str = "fde_toy_language") -> None:
        root = tmp_path / package
        info = root / f"{package.replace('-', '_')}-1.0.dist-info"
        info.mkdir(parents=True)
        (root / f"{module}.py").write_text(source)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[fde.languages]\n{points}\n")
        modules.append(module)
        monkeypatch.syspath_prepend(str(root))
        importlib.invalidate_caches()
        languages._plugged.cache_clear()

    yield put
    for module in modules:
        sys.modules.pop(module, None)
    languages._plugged.cache_clear()


def siblings() -> list[Sibling]:
    rows = (("mill", "grain", 5), ("quill", "paper", 30), ("alder", "timber", 12))
    return [
        Sibling(c, f"{c}.toy", f"LET landing BE {what} sheets;\nLET archive BE {what};\nLET pause BE {n};\n".encode())
        for c, what, n in rows
    ]


def test_a_language_of_another_package_abstracts_and_fits(install: Install) -> None:
    install(TOY, "toy = fde_toy_language:Toy")
    assert (kind_of("a.toy"), language_of("a.toy")) == ("toy", "other")
    found = abstract(siblings(), name="feed")
    file = found.spec.template.files[0]
    assert (file.path, file.language) == ("feed.toy", "other")
    assert sorted(p.name for p in found.spec.parameters) == ["archive", "pause"]
    assert not [line for line in lines(found) if "by its tokens" in line]
    data = b"LET landing BE berths sheets;\nLET archive BE berths;\nLET pause BE 9;\n"
    values = fit(file, data, found.spec.parameters)
    assert render(file, values, found.spec.parameters) == data
    with pytest.raises(RenderRefused):
        render(file, {**values, "archive": "x\nLET evil BE 1"}, found.spec.parameters)


def test_without_the_package_its_files_are_read_by_their_tokens() -> None:
    languages._plugged.cache_clear()
    assert kind_of("a.toy") == "text"


def test_a_file_that_its_language_does_not_take_is_skipped_with_line(install: Install) -> None:
    install(TOY, "toy = fde_toy_language:Toy")
    found = abstract([*siblings(), Sibling("odd", "odd.toy", b"LET a BE b;\nLET;\n")], name="feed")
    assert [(item.path, item.line) for item in found.report.skipped] == [("odd.toy", 2)]


@pytest.mark.parametrize(
    ("source", "point", "why"),
    [
        ("raise RuntimeError('private text')", "toy = fde_toy_language:Toy", r"does not load \(RuntimeError\)"),
        ("", "toy = fde_toy_language:Toy", r"does not load \(AttributeError\)"),
        ("", "toy = fde_no_such_module:Toy", r"does not load \(ModuleNotFoundError\)"),
        ("class Toy:\n    name = 'toy'\n    suffixes = ('.toy',)\n", "toy = fde_toy_language:Toy", "is no language"),
        (TOY.replace('name = "toy"', 'name = "tin"'), "toy = fde_toy_language:Toy", "the name 'toy'"),
        (TOY.replace("suffixes =", "endings ="), "toy = fde_toy_language:Toy", "says no `suffixes`"),
        (TOY.replace('(".toy",)', '("toy",)'), "toy = fde_toy_language:Toy", "no ending such as"),
        (TOY.replace('(".toy",)', '(".sql",)'), "toy = fde_toy_language:Toy", r"takes \.sql, which is sql"),
        (TOY, "python = fde_toy_language:Toy", "named like a language of ours"),
    ],
)
def test_a_broken_package_is_named(install: Install, source: str, point: str, why: str) -> None:
    install(source, point)
    with pytest.raises(BrokenLanguage, match=why) as caught:
        kind_of("settings.yaml")
    assert caught.value.where.startswith("package fde-toy, entry point fde.languages: ")
    assert "private text" not in str(caught.value)
    assert caught.value.exit_code == 3
    assert kind_of("a.py") == "python"  # ours go on


def test_two_packages_cannot_take_one_ending(install: Install) -> None:
    install(TOY, "toy = fde_toy_language:Toy")
    install(TOY.replace('"toy"', '"tin"'), "tin = fde_tin_language:Toy", package="fde-tin", module="fde_tin_language")
    with pytest.raises(BrokenLanguage, match=r"fde-toy.*takes \.toy, which package fde-tin.* takes too"):
        kind_of("a.toy")


def test_a_tree_that_leaves_words_out_is_told(install: Install) -> None:
    install(
        TOY.replace("found.append(Node(", "parts.pop(0)\n            found.append(Node("), "toy = fde_toy_language:Toy"
    )
    with pytest.raises(BrokenLanguage, match="language toy: its tree is not the text"):
        language("other").parse("LET a BE b;\n", "a.toy")


def test_a_language_that_stops_on_a_file_skips_it(install: Install) -> None:
    install(TOY.replace("found = []", "raise ZeroDivisionError('private text')"), "toy = fde_toy_language:Toy")
    with pytest.raises(NotAbstractable, match="language toy stopped with ZeroDivisionError") as caught:
        abstract(siblings(), name="feed")
    assert "private text" not in str(caught.value)


def test_our_own_are_registered_as_they_stand_in_the_code() -> None:
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]
    assert project["entry-points"]["fde.languages"] == {name: value for name, (value, _) in OURS.items()}
    for name, (value, suffixes) in OURS.items():
        assert language(name).name == name  # type: ignore[arg-type]
        assert language_of("a" + suffixes[0]) == name
        assert value.endswith(type(language(name)).__name__)  # type: ignore[arg-type]
