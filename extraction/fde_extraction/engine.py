"""The abstraction engine as the desk uses it: groups of whole solutions in, a proven abstraction out.

Group -> Sibling(customer, path, data) -> abstract() -> Abstracted
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import replace as dataclass_replace
from pathlib import PurePosixPath
from typing import Final

from msgspec.structs import replace

from fde_api.primitive import PrimitiveSpec
from fde_events.errors import BadInput, FdeError
from fde_extraction import gate
from fde_extraction.abstract import Abstraction, Sibling, abstract
from fde_extraction.counterpart import CODE
from fde_extraction.explanation import Explained, sentence
from fde_extraction.join import Group, Skipped
from fde_extraction.members import members_of
from fde_extraction.proposal import Abstracted
from fde_extraction.region_abstraction import RegionAbstraction, abstract_or_regions
from fde_extraction.similarity import group_similar, similarity
from fde_extraction.solutions import SourceFile
from fde_extraction.unparsable import Leaking, NotAbstractable
from fde_template.words import words

_PATH: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_./-]*")  # as the resource's schema

Columns = tuple[tuple[SourceFile, ...], ...]


class AbstractionEngine:
    """The real one (see :class:`fde_extraction.desk.Engine`)."""

    def group(self, files: Sequence[SourceFile]) -> list[list[SourceFile]]:
        """Files that share enough of their structure."""
        return group_similar(files, data=lambda file: file.data)

    def similarity(self, one: SourceFile, other: SourceFile) -> float:
        """0..1."""
        return similarity(one.data, other.data, one.language)

    def check(self, file: SourceFile) -> None:
        """Raises :class:`BadInput` with the line for a file that cannot be used."""
        _, skipped = members_of([("", file.customer, file.path, file.data)])
        if skipped:
            raise BadInput(file.path, skipped[0].why, line=skipped[0].line)

    def abstract(self, group: Group, *, name: str, customers: Sequence[str]) -> Abstracted:
        """Siblings are named s1, s2, ... in the group's order: a binding's key says nobody's name.

        A file that cannot be abstracted with the others is left out and reported, as long as code is left.
        """
        try:
            return _abstracted(group.columns, name, customers)
        except (NotAbstractable, Leaking) as error:
            if len(group.columns) == 1:
                raise
            return _without_the_unfit(group.columns, name, customers, error)

    def leaks(self, spec: PrimitiveSpec, abstracted: Abstracted, *, customers: Sequence[str]) -> Sequence[str]:
        """Kinds and places of whatever the finished proposal, its explanation included, would tell."""
        files = [file for sibling in abstracted.files.values() for file in sibling.values()]
        found = gate.leaks(
            _with_reasons(spec, abstracted.explained),
            abstracted.bindings,
            [(file.path, file.data) for file in files],
            customers=customers,
            owners=[file.customer for file in files],
        )
        return [f"{item.kind} in {item.where}" for item in found]


def _abstracted(columns: Columns, name: str, customers: Sequence[str]) -> Abstracted:
    """All of `columns` as one primitive."""
    paths = _paths(columns, name)
    owned = {
        f"s{number}": dict(zip(paths, files, strict=True)) for number, files in enumerate(zip(*columns, strict=True), 1)
    }
    siblings = [
        Sibling(file.customer, path, file.data, member)
        for member, files in owned.items()
        for path, file in files.items()
    ]
    made = (abstract if len(paths) > 1 else abstract_or_regions)(siblings, name=name, customers=customers)
    in_template = [file.path for file in made.spec.template.files]
    if isinstance(made, RegionAbstraction):  # what is no region of a file is no evidence of anything
        owned = {
            member: _cut(made, member, files[paths[0]]) for member, files in owned.items() if member in made.bindings
        }
    elif len(paths) == 1:  # a solution of one file: the engine names it after the primitive
        owned = {member: {in_template[0]: files[paths[0]]} for member, files in owned.items()}
    return Abstracted(
        spec=made.spec,
        proof=made.proof,
        files={member: owned[member] for member in made.bindings},
        bindings=made.bindings,
        skipped=_skipped(made, owned),
        explained=made.report.explained,
    )


def _cut(made: RegionAbstraction, member: str, file: SourceFile) -> dict[str, SourceFile]:
    """The regions of a file, each as a file by its path in the template."""
    return {
        path: dataclass_replace(file, data=data, digest=f"sha256:{hashlib.sha256(data).hexdigest()}")
        for path, data in made.slices(member, file.data).items()
    }


def _skipped(made: Abstraction, owned: dict[str, dict[str, SourceFile]]) -> tuple[Skipped, ...]:
    found = []
    for item in made.report.skipped:
        files = owned.get(item.member or PurePosixPath(item.path).stem, {})
        file = files.get(item.path) or next(iter(files.values()), None)
        if file is not None:
            found.append(Skipped(file.customer, file.path, item.why, item.line))
    return tuple(found)


def _without_the_unfit(columns: Columns, name: str, customers: Sequence[str], error: FdeError) -> Abstracted:
    """The columns that can be abstracted by themselves, together; the code alone if even these do not go together."""
    why: dict[int, str] = {}
    for number, column in enumerate(columns):
        try:
            _abstracted((column,), name, customers)
        except (NotAbstractable, Leaking) as alone:
            why[number] = str(alone)
    fit = [number for number in range(len(columns)) if number not in why]
    code = [number for number in fit if columns[number][0].language in CODE]
    for kept in (fit, code):
        if not kept or not code or len(kept) == len(columns):
            continue
        try:
            made = _abstracted(tuple(columns[number] for number in kept), name, customers)
        except (NotAbstractable, Leaking):
            continue
        left = [
            Skipped(file.customer, file.path, f"left out: {why.get(number, str(error))}")
            for number in range(len(columns))
            if number not in kept
            for file in columns[number]
        ]
        return Abstracted(
            made.spec, made.proof, made.files, made.bindings, skipped=(*made.skipped, *left), explained=made.explained
        )
    raise error


def _paths(columns: Columns, name: str) -> list[str]:
    """One path a column: what its files' paths end in, or one after the primitive where that tells nothing or too much."""
    squeezed = {"".join(words(file.customer)) for file in columns[0]}
    stem = name.replace("-", "_")
    given: list[str] = []
    for number, column in enumerate(columns, 1):
        path = _shared_end([file.path for file in column])
        told = "".join(words(path))
        ending = PurePosixPath(column[0].path).suffix
        usable = (
            _PATH.fullmatch(path)
            and "//" not in path
            and path not in given
            and not any(owner and owner in told for owner in squeezed)
        )
        given.append(path if usable else f"{stem}_{number}{ending if _PATH.fullmatch('x' + ending) else ''}")
    return given


def _shared_end(paths: Sequence[str]) -> str:
    """The trailing parts that all paths have in common; empty when not even the file's name is."""
    parts = [PurePosixPath(path).parts[::-1] for path in paths]
    same = 0
    while same < min(map(len, parts)) and len({part[same] for part in parts}) == 1:
        same += 1
    return "/".join(parts[0][:same][::-1])


def _with_reasons(spec: PrimitiveSpec, explained: Sequence[Explained]) -> PrimitiveSpec:
    """`spec` with each parameter's reasons in its description, so that one scan sees all that a candidate says."""
    said = {
        item.parameter: "\n".join(
            {sentence(reason): None for reason in (item.type_reason, item.name_reason, *(h.reason for h in item.holes))}
        )
        for item in explained
    }
    parameters = tuple(
        replace(p, description=f"{p.description}\n{said[p.name]}") if p.name in said else p for p in spec.parameters
    )
    return replace(spec, parameters=parameters)
