"""Regions: what unrelated files share, found, abstracted and rebuilt inside each file. Golden cases are folders a person reads."""

from __future__ import annotations

import time
from itertools import permutations
from pathlib import Path

import pytest
import yaml

from fde_api.primitive import TemplateFile
from fde_extraction.abstract import Sibling
from fde_extraction.language import language, language_of
from fde_extraction.region import Code, regions_of
from fde_extraction.region_abstraction import RegionAbstraction, abstract_or_regions, abstract_regions
from fde_extraction.unparsable import NotAbstractable
from fde_template.errors import DoesNotFit
from fde_template.region import cut, fit_regions, indented, placed
from fde_template.render import render

CASES = sorted(path.parent for path in (Path(__file__).parent / "region_cases").glob("*/why.md"))
IDIOMS = sorted(path for path in (Path(__file__).parent / "region_idioms").iterdir() if path.is_dir())


def siblings_of(case: Path) -> list[Sibling]:
    return [
        Sibling(path.stem, path.name, path.read_bytes())
        for path in sorted(case.iterdir())
        if path.suffix in (".py", ".ts", ".sql")
    ]


def code_of(path: str, text: str) -> Code:
    kind = language_of(path)
    return Code(text, language(kind).parse(text, path), kind)


def regions_in(siblings: list[Sibling]) -> list[list[tuple[int, int]]]:
    found = regions_of([code_of(s.path, s.data.decode()) for s in siblings])
    return [[(span.first, span.last) for span in region.spans] for region in found.regions] if found else []


def rendered(file: TemplateFile, made: RegionAbstraction, bound: dict[str, object]) -> str:
    secret = {parameter.name for parameter in made.spec.parameters if parameter.type == "secretRef"}
    values = {name: value for name, value in bound.items() if name not in secret}
    secrets = {name: str(bound[name]) for name in secret if name in bound}
    return render(file, values, made.spec.parameters, secrets=secrets).decode(file.encoding)  # type: ignore[arg-type]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_case_gives_the_regions_its_why_explains(case: Path) -> None:
    made = abstract_regions(siblings_of(case), name="case")
    expected = yaml.safe_load((case / "expected.yaml").read_text())
    assert [
        {
            "kinds": list(found.kinds),
            "lines": {member: [place.first, place.last] for member, (_, place) in found.places.items()},
            "indent": {member: place.indent for member, (_, place) in found.places.items()},
        }
        for found in made.found
    ] == expected["regions"]
    assert sorted({line for file in made.spec.template.files for line in file.imports}) == expected["imports"]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_whole_files_share_too_little_and_the_regions_come_in_their_place(case: Path) -> None:
    made = abstract_or_regions(siblings_of(case), name="case")
    assert isinstance(made, RegionAbstraction)
    assert made.proof.rebuilt == made.proof.siblings == 3
    assert not made.spec.runtime.deployable
    assert made.report.source_share == 0


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_regions_can_be_forbidden(case: Path) -> None:
    try:
        assert not isinstance(abstract_or_regions(siblings_of(case), regions=False, name="case"), RegionAbstraction)
    except NotAbstractable as refused:
        assert "too little" in str(refused)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_every_file_comes_back_byte_for_byte_around_its_region(case: Path) -> None:
    siblings = siblings_of(case)
    made = abstract_regions(siblings, name="case")
    for sibling in siblings:
        bound = made.bindings[Path(sibling.path).stem]
        for file, found in zip(made.spec.template.files, made.found, strict=True):
            _, place = found.places[Path(sibling.path).stem]
            assert placed(sibling.data.decode(), place, rendered(file, made, bound)).encode() == sibling.data  # type: ignore[arg-type]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_fit_finds_the_region_and_its_values_in_the_file(case: Path) -> None:
    siblings = siblings_of(case)
    made = abstract_regions(siblings, name="case")
    for sibling in siblings:
        member = Path(sibling.path).stem
        values, places = fit_regions(made.spec.template, sibling.path, sibling.data, made.spec.parameters)
        assert values == made.bindings[member]
        assert [place[0] for place in places] == [found.places[member][1] for found in made.found]


def test_a_region_that_differs_in_one_place_does_not_fit_and_says_the_line() -> None:
    case = CASES[0]
    siblings = siblings_of(case)
    made = abstract_regions(siblings, name="case")
    broken = siblings[0].data.replace(b"response.raise_for_status()", b"response.raise_for_state()")
    with pytest.raises(DoesNotFit) as error:
        fit_regions(made.spec.template, "a.py", broken, made.spec.parameters)
    assert broken.decode().split("\n")[error.value.line - 1].strip() == "response.raise_for_state()"


@pytest.mark.parametrize("idiom", IDIOMS, ids=lambda idiom: idiom.name)
def test_what_every_program_has_is_no_region(idiom: Path) -> None:
    assert regions_in(siblings_of(idiom)) == []
    with pytest.raises(NotAbstractable):
        abstract_regions(siblings_of(idiom), name="idiom")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_order_of_siblings_does_not_matter(case: Path) -> None:
    siblings = siblings_of(case)
    there = [dict(zip([s.path for s in siblings], lines, strict=True)) for lines in regions_in(siblings)]
    for order in permutations(siblings):
        found = regions_in(list(order))
        assert [dict(zip([s.path for s in order], lines, strict=True)) for lines in found] == there


def test_a_file_without_the_region_leaves_none() -> None:
    siblings = [*siblings_of(CASES[0]), *siblings_of(IDIOMS[0])[:1]]
    assert regions_in(siblings) == []


def test_files_of_two_languages_have_no_region() -> None:
    one, other = siblings_of(CASES[0])[0], siblings_of(CASES[-1])[0]
    assert regions_in([one, other]) == []


@pytest.mark.parametrize("text", ["def f():\n    x\n\n    y\n", "a\r\n\r\nb\r\n", "x", "", "f(\n  '''\nleft\n''')"])
@pytest.mark.parametrize("indent", ["", "  ", "\t", "        "])
def test_cutting_is_the_inverse_of_indenting(text: str, indent: str) -> None:
    whole = f"before\n{indent}{indented(text, indent)}"
    start = len("before\n") + len(indent)
    assert cut(whole, start, len(whole)) == (text, indent)


def test_text_left_of_the_region_keeps_it_as_it_stands() -> None:
    whole = "class A:\n    def f(self):\n        return '''\nleft\n'''\n"
    start = whole.index("def")
    assert cut(whole, start, len(whole)) == (whole[start:], "")


@pytest.mark.seconds
def test_time_grows_with_the_number_of_files_and_not_with_its_square() -> None:
    region = next(s for s in siblings_of(CASES[0]) if s.path == "a.py").data.decode().split("\n")[14:33]
    body = "\n".join(region)

    def files(count: int) -> list[Code]:
        found = []
        for k in range(count):
            own = "\n\n".join(
                f"def own_{k}_{n}(a, b):\n    total = a.first_{k}_{n} + b.second_{n}_{k}\n    return [total, {n}]"
                for n in range(100)
            )
            found.append(code_of("f.py", f"{own}\n\n\n{body}\n"))
        return found

    few, many = files(10), files(50)
    took = []
    for given in (few, many):
        begun = time.process_time()  # beside other tests the wall says nothing
        assert regions_of(given) is not None
        took.append(time.process_time() - begun)
    assert took[1] < 12 * took[0] + 0.5
