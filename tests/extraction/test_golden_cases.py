"""Golden cases: folders a person reads. Siblings a, b, c, files or directories; expected.yaml; why.md says why it is right."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from fde_extraction.abstract import Sibling, abstract
from fde_template.render import render_all

CASES = sorted(path.parent for path in (Path(__file__).parent / "cases").glob("*/*/why.md"))


def _siblings(case: Path) -> list[Sibling]:
    """Each file, or each directory of files, is one sibling."""
    found = []
    for path in sorted(case.iterdir()):
        if path.is_dir():
            files = sorted(file for file in path.rglob("*") if file.is_file())
            found += [Sibling(path.name, f.relative_to(path).as_posix(), f.read_bytes(), path.name) for f in files]
        elif path.name not in ("why.md", "expected.yaml"):
            found.append(Sibling(path.stem, path.name, path.read_bytes()))
    return found


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.parent.name}-{case.name}")
def test_a_case_gives_the_parameters_its_why_explains(case: Path) -> None:
    found = abstract(_siblings(case), name="case")
    shown = {
        parameter.name: {
            "type": parameter.type,
            "values": {member: found.bindings[member].get(parameter.name) for member in sorted(found.bindings)},
            "spellings": sorted({" ".join(use.filters) or "as is" for use in found.report.uses[parameter.name]}),
            "holes": len(found.report.uses[parameter.name]),
        }
        for parameter in found.spec.parameters
    }
    assert shown == yaml.safe_load((case / "expected.yaml").read_text())


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.parent.name}-{case.name}")
def test_a_case_gives_every_sibling_back_byte_for_byte(case: Path) -> None:
    siblings = _siblings(case)
    found = abstract(siblings, name="case")
    secret = {parameter.name for parameter in found.spec.parameters if parameter.type == "secretRef"}
    several = len(found.spec.template.files) > 1
    for sibling in siblings:
        bound = found.bindings[sibling.member or Path(sibling.path).stem]
        values = {name: value for name, value in bound.items() if name not in secret}
        secrets = {name: str(bound[name]) for name in secret}
        again = render_all(found.spec.template, values, found.spec.parameters, secrets=secrets)
        assert again[sibling.path if several else next(iter(again))] == sibling.data
