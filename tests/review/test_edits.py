"""Edits of structure by hand: checked out, changed in the reading view, taken back, proven against every sibling."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from fde_api.primitive import Hole, When
from fde_registry.directory import DirectoryRegistry
from fde_template.structure import Optional, holes, structure


class Work:
    """A checked out candidate."""

    def __init__(self, folder: Path, fde: Any) -> None:
        self.folder, self.fde = folder, fde
        code, _, err = fde("checkout", "c-0000aaaa", str(folder))
        assert code == 0, err
        self.file = next(path for path in (folder / "template").rglob("*") if path.is_file())

    def edit(self, old: str, new: str) -> None:
        text = self.file.read_text()
        assert old in text
        self.file.write_text(text.replace(old, new))

    def parameters(self, change: Callable[[list[dict[str, Any]]], None]) -> None:
        path = self.folder / "parameters.yaml"
        document = yaml.safe_load(path.read_text())
        change(document["parameters"])
        path.write_text(yaml.safe_dump(document))

    def resubmit(self) -> tuple[int, str, str]:
        code, out, err = self.fde("resubmit", str(self.folder))
        return code, out, err


@pytest.fixture
def work(fde: Any, tmp_path: Path) -> Work:
    return Work(tmp_path / "work", fde)


def file_of(registry: DirectoryRegistry) -> Any:
    return registry.candidate("c-0000aaaa").spec.proposal.template.files[0]


REGION = {"name": "region", "type": "string", "description": "The region it asks for.", "required": True}
PAGED = {"name": "paged", "type": "bool", "description": "Whether it says so.", "required": True}


def test_text_becomes_a_hole_of_a_new_parameter(work: Work, dana: DirectoryRegistry) -> None:
    work.edit('REGION = "EU"', 'REGION = "{{ region }}"')
    work.parameters(lambda entries: entries.append(REGION))
    code, out, err = work.resubmit()
    assert code == 0 and "generation 2" in out, err
    found = [hole for hole in holes(structure(file_of(dana))) if hole.parameter == "region"]
    assert found == [Hole(parameter="region", place="python.string.double")]
    assert file_of(dana).shape is not None


def test_lines_become_optional_and_plain_again(work: Work, dana: DirectoryRegistry, fde: Any, tmp_path: Path) -> None:
    was = file_of(dana)
    work.edit('REGION = "EU"\n', '{% if paged %}\nREGION = "EU"\n{% endif %}\n')
    work.parameters(lambda entries: entries.append(PAGED))
    code, _, err = work.resubmit()
    assert code == 0, err
    block = next(node for node in structure(file_of(dana)) if isinstance(node, Optional))
    assert block.when == When(parameter="paged")
    again = Work(tmp_path / "again", fde)
    again.edit("{% if paged %}\n", "")
    again.edit("{% endif %}\n", "")
    code, _, err = again.resubmit()
    assert code == 3 and "parameter paged stands nowhere" in err
    again.parameters(lambda entries: entries.remove(next(e for e in entries if e["name"] == "paged")))
    code, _, err = again.resubmit()
    assert code == 0, err
    assert file_of(dana).segments == was.segments and file_of(dana).shape == was.shape


def test_what_the_siblings_do_not_bear_is_refused(work: Work, dana: DirectoryRegistry) -> None:
    """A hole where siblings differ cannot become one text: two of them would not come back."""
    text = work.file.read_text()
    first = next(holes(structure(file_of(dana))))
    work.edit("{{ " + " | ".join((first.parameter, *first.filters)) + " }}", "api.northgate.example")
    assert work.file.read_text() != text
    work.parameters(lambda entries: entries.remove(next(e for e in entries if e["name"] == first.parameter)))
    code, _, err = work.resubmit()
    assert code == 1 and "not rebuilt" in err


@pytest.mark.parametrize(
    ("old", "new", "line", "why"),
    [
        ('"EU"', '"{{ region }}"', 7, "region is not declared"),
        ('REGION = "EU"', 'REGION = "EU"\n{% set x = 1 %}', 8, "is not known here"),
        (
            "def fetch",
            "{{ pageSize }} fetch",
            10,
            "parameter pageSize is not declared|does not parse|no part of one name",
        ),
    ],
)
def test_what_cannot_be_taken_back_names_file_and_line(work: Work, old: str, new: str, line: int, why: str) -> None:
    work.edit(old, new)
    code, _, err = work.resubmit()
    assert code == 3 and f"{work.file}:{line}: " in err
    assert any(part in err for part in why.split("|")), err
