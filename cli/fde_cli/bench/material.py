"""What the benchmarks work on: logs and solutions in a directory laid out like the shipped sample."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import yaml

from fde_events.errors import BadInput
from fde_events.event import ErrorEvent
from fde_sidecar.parse import parse_lines

_NO_DATE = "1970-01-01T00:00:00Z"


@dataclass(frozen=True, slots=True)
class Solution:
    """One customer's file of a family; one whose reuse is not allowed to everyone is not here."""

    customer: str
    name: str
    path: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Family:
    """Files that solved the same thing, as the sample groups them."""

    name: str
    solutions: tuple[Solution, ...]


def shipped() -> Path:
    """The sample fleet."""
    return Path(str(files("fde_cli") / "sample"))


def logs(directory: Path) -> list[tuple[str, Path]]:
    """(customer, log), in name order. :class:`BadInput` when there is none."""
    found = sorted(directory.glob("fleet/*/*/app.log"))
    if not found:
        raise BadInput(str(directory), "holds no fleet/<customer>/<deployment>/app.log to measure on")
    return [(path.parent.parent.name, path) for path in found]


def events(directory: Path) -> list[tuple[str, ErrorEvent]]:
    """(customer, error event) of every log, as the sidecar parses them."""
    found = []
    for customer, path in logs(directory):
        with path.open("rb") as lines:
            found += [(customer, parsed.event) for parsed in parse_lines(lines, default_time=_NO_DATE)]
    return found


def families(directory: Path) -> Sequence[Family]:
    """Families of at least two files that may be reused, one file a solution, by name."""
    found = []
    for folder in sorted(directory.glob("solutions/*")):
        solutions = []
        for note in sorted(folder.glob("*/solution.yaml")):
            said = yaml.safe_load(note.read_text())
            if said.get("reuse") == "allowed":
                path = note.parent / said["paths"][0]
                solutions.append(Solution(said["customer"], note.parent.name, path.name, path.read_bytes()))
        if len(solutions) >= 2:
            found.append(Family(folder.name, tuple(solutions)))
    if not found:
        raise BadInput(str(directory), "holds no solutions/<family>/<n>/solution.yaml to measure on")
    return found
