"""A family and its truth: siblings of one solution, and what a person would parameterise in them.

folder <language>/<family>/{truth.json, i1.py ...} -> families() -> Family
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any, Final, Literal

import msgspec

from fde_events.errors import BadInput, Misuse

SUFFIXES: Final = {"python": "py", "typescript": "ts", "sql": "sql"}


class Wanted(msgspec.Struct, frozen=True):
    """A parameter that a person would make. `values`: by sibling, None where the block that holds it is absent.

    `forms`: other spellings of the value in the files, by sibling. `carried_by`: values whose absence says the flag.
    `key`: of a list of records, the field that tells items apart.
    """

    name: str
    kind: Literal["value", "flag", "list"]
    type: str
    values: dict[str, Any]
    aliases: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    forms: tuple[dict[str, Any], ...] = ()
    secret: bool = False
    planted: bool = False
    varies_in_learning: bool = True
    optional: bool | str | None = None
    carried_by: tuple[str, ...] = ()
    key: str | None = None

    @property
    def counts(self) -> bool:
        """Whether it can be found from the learning siblings at all."""
        return self.kind != "value" or self.planted or self.varies_in_learning


class Tolerated(msgspec.Struct, frozen=True):
    """Up to `max` parameters that only tell the siblings of `partition` from the others are not wrong: a layout's."""

    partition: tuple[str, ...]
    max: int = 1


class Truth(msgspec.Struct, frozen=True):
    """truth.json. `spans`: by sibling, where values stand: first and end character, parameter, hole."""

    family: str
    language: Literal["python", "typescript", "sql"]
    learn: tuple[str, ...]
    heldout: tuple[str, ...]
    params: tuple[Wanted, ...]
    must_not_publish: tuple[str, ...] = ()
    tolerated: tuple[Tolerated, ...] = ()
    spans: dict[str, tuple[tuple[int, int, str, Any], ...]] = {}

    @property
    def wanted(self) -> tuple[Wanted, ...]:
        """The parameters that count."""
        return tuple(wanted for wanted in self.params if wanted.counts)


@dataclass(frozen=True, slots=True)
class Family:
    """A folder with its truth."""

    folder: Path
    truth: Truth

    @property
    def label(self) -> str:
        """`<language>/<family>`."""
        return f"{self.folder.parent.name}/{self.folder.name}"

    @property
    def language(self) -> str:
        """The folder's."""
        return self.folder.parent.name

    def data(self, sibling: str) -> bytes:
        """A sibling's bytes."""
        path = self.folder / f"{sibling}.{SUFFIXES[self.truth.language]}"
        try:
            return path.read_bytes()
        except OSError as error:
            raise BadInput(str(path), error.strerror or "cannot be read") from error


def shipped() -> Path:
    """The families that ship with the program."""
    return Path(str(files("fde_cli") / "bench" / "families"))


def families(corpus: Path) -> list[Family]:
    """Every family below `corpus`, by language and name. :class:`BadInput` when there is none or a truth cannot be read."""
    found = []
    for path in sorted(corpus.glob("*/*/truth.json")):
        try:
            found.append(Family(path.parent, msgspec.json.decode(path.read_bytes(), type=Truth)))
        except (msgspec.DecodeError, OSError) as error:
            raise BadInput(str(path), f"is no truth of a family: {error}") from error
    if not found:
        raise BadInput(str(corpus), "holds no <language>/<family>/truth.json to measure on")
    return found


def chosen(found: Sequence[Family], only: str) -> list[Family]:
    """Those whose label `only`, a regular expression, is found in."""
    try:
        pattern = re.compile(only)
    except re.error as error:
        raise Misuse(f"--only {only!r} is no regular expression: {error}") from error
    kept = [family for family in found if pattern.search(family.label)]
    if not kept:
        raise Misuse(f"--only {only!r} leaves none of {', '.join(family.label for family in found)}")
    return kept
