"""A candidate on disk, to be edited: checkout writes it, resubmit reads it back.

candidate.yaml      which candidate and generation this is; leave it
parameters.yaml     names, descriptions, types, defaults, allowed values      (`was` ties a renamed one, or its field, to its holes)
primitive.yaml      name, version, domain, complexity, tags, compliance
workload.yaml       how it runs
template/...        the files as a reading view: {{ name | filter }} stands for a hole, {% if %} and {% for %} for blocks
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Final

import msgspec
import yaml
from msgspec.structs import replace

from fde_api.candidate import PatternCandidate
from fde_api.primitive import (
    Field,
    Parameter,
    PrimitiveSpec,
    Runtime,
    TemplateFile,
    Workload,
)
from fde_events.errors import BadInput, Misuse
from fde_registry.shelf import dump
from fde_review import view
from fde_review.placing import Placing
from fde_template.structure import named

_CARD: Final = "candidate.yaml"
_PARAMETERS: Final = "parameters.yaml"
_PRIMITIVE: Final = "primitive.yaml"
_WORKLOAD: Final = "workload.yaml"
_TEMPLATE: Final = "template"
_TAKES: Final = "`workload:` with kind (Deployment, CronJob, Job), image (by digest) and command; or these alone"
_WORKLOAD_FIELDS: Final = frozenset(Workload.__struct_encode_fields__)
_RUNTIME_FIELDS: Final = frozenset(Runtime.__struct_encode_fields__)


class Card(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """`candidate.yaml`."""

    candidate: str
    generation: int


class EditedField(Field, frozen=True, kw_only=True):
    """One field of a list in `parameters.yaml`. `was`: the name in the candidate."""

    was: str | None = None


class EditedParameter(Parameter, frozen=True, kw_only=True):
    """One entry of `parameters.yaml`. `was`: the name in the candidate."""

    fields: tuple[EditedField, ...] = ()
    was: str | None = None


class EditedPrimitive(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """`primitive.yaml`: the fields of a proposal that a person may set."""

    primitive_name: str
    version: str
    domain: str
    complexity: str = "medium"
    tags: tuple[str, ...] = ()
    compliance: tuple[str, ...] = ()


def check_out(candidate: PatternCandidate, folder: Path) -> list[Path]:
    """Write the candidate into `folder` (made, or empty); the files written.

    :class:`Misuse` when something is there, :class:`BadInput` when it cannot be written.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise Misuse(f"{folder} is not empty; check out into a new folder.")
    proposal = candidate.spec.proposal
    card = Card(candidate=candidate.metadata.name, generation=candidate.metadata.generation or 1)
    primitive = {
        "primitiveName": proposal.primitive_name,
        "version": proposal.version,
        "domain": proposal.domain,
        "complexity": proposal.complexity,
        "tags": proposal.tags,
        "compliance": proposal.compliance,
    }
    parameters = [_listed(parameter) for parameter in proposal.parameters]
    texts = {
        _CARD: "# Which candidate this is. Leave it as it is.\n" + dump(msgspec.to_builtins(card)),
        _PRIMITIVE: dump(primitive),
        _PARAMETERS: "# To rename a parameter change `name` and leave `was`; its holes follow.\n"
        + dump({"parameters": parameters}),
        _WORKLOAD: _workload_text(proposal.runtime),
    }
    texts |= {f"{_TEMPLATE}/{file.path}": view.written(file) for file in proposal.template.files}
    made = []
    for name, text in texts.items():
        path = folder / name
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text.encode("utf-8", "surrogateescape"))
        except OSError as error:
            raise BadInput(str(path), f"cannot be written: {error.strerror or error}") from error
        made.append(path)
    return made


def card_of(folder: Path) -> Card:
    """Which candidate a folder holds. :class:`Misuse` when it holds none."""
    if not (folder / _CARD).exists():
        raise Misuse(f"{folder} holds no checked out candidate (no {_CARD}); run `fde review checkout ID {folder}`.")
    card: Card = _read(folder / _CARD, Card)
    return card


def check_in(candidate: PatternCandidate, folder: Path, *, placing: Placing | None = None) -> PrimitiveSpec:
    """The proposal that the folder says. :class:`BadInput` names the file, the line or field, and what is wrong.

    `placing` tells what a hole that is new is part of; without it new holes are refused.
    """
    proposal = candidate.spec.proposal
    edited: EditedPrimitive = _read(folder / _PRIMITIVE, EditedPrimitive)
    listed: _ParameterList = _read(folder / _PARAMETERS, _ParameterList)
    renamed = _renamed(proposal, listed.parameters, folder / _PARAMETERS)
    fields = {
        (entry.name, one.was): one.name for entry in listed.parameters for one in entry.fields if one.was is not None
    }
    parameters = tuple(_parameter(entry, renamed) for entry in listed.parameters)
    declared = {parameter.name: parameter for parameter in parameters}
    files = []
    for file in proposal.template.files:
        path = folder / _TEMPLATE / file.path
        try:
            after = view.taken_back(
                file, _text(path), renamed=renamed, fields=fields, declared=declared, placing=placing
            )
        except BadInput as error:
            raise BadInput(str(path), error.why, line=error.line) from error
        files.append(after)
    _all_used(proposal, files, parameters, renamed, folder / _PARAMETERS)
    document = msgspec.to_builtins(
        replace(proposal, template=replace(proposal.template, files=tuple(files)), parameters=parameters)
    )
    document |= msgspec.to_builtins(edited)
    document["runtime"] = msgspec.to_builtins(runtime_in(folder / _WORKLOAD))
    return _proposal(document, folder / _PRIMITIVE)


def runtime_in(path: Path) -> Runtime:
    """A runtime from a file: either the whole of it (`workload:` inside), or the workload alone."""
    document = _yaml(path)
    if document is None:
        return Runtime()
    if not isinstance(document, dict):
        raise BadInput(str(path), f"it is no mapping; it takes {_TAKES}")
    if _is_workload(document):
        document = {"workload": document}
    elif misplaced := sorted(set(document) & _WORKLOAD_FIELDS - _RUNTIME_FIELDS, key=str):
        raise BadInput(str(path), f"{misplaced[0]} is a field of a workload and stands under `workload:`")
    try:
        return msgspec.convert(document, Runtime)
    except msgspec.ValidationError as error:
        raise BadInput(str(path), f"{error}; it takes {_TAKES}") from error


def _is_workload(document: dict[Any, Any]) -> bool:
    """Whether it is a workload alone: something of one, and nothing that only the whole runtime has."""
    return bool(document.keys() & _WORKLOAD_FIELDS) and not document.keys() & (_RUNTIME_FIELDS - _WORKLOAD_FIELDS)


def _listed(parameter: Parameter) -> dict[str, Any]:
    """An entry of `parameters.yaml`."""
    entry: dict[str, Any] = {"was": parameter.name, **msgspec.to_builtins(parameter)}
    if parameter.fields:
        entry["fields"] = [
            {"was": one.name, **msgspec.to_builtins(one)} if one.name else msgspec.to_builtins(one)
            for one in parameter.fields
        ]
    return entry


def _all_used(
    proposal: PrimitiveSpec,
    files: list[TemplateFile],
    parameters: tuple[Parameter, ...],
    renamed: dict[str, str],
    path: Path,
) -> None:
    """:class:`BadInput` for a parameter that an edit left without a place; one that never had any stays."""
    used = {name for file in files for name in named(file)}
    before = {renamed.get(name, name) for file in proposal.template.files for name in named(file)}
    idle = {renamed.get(parameter.name, parameter.name) for parameter in proposal.parameters} - before
    workload = proposal.runtime.workload
    texts = [variable.value for variable in workload.env] if workload is not None else []
    for parameter in parameters:
        name = parameter.name
        if name not in used | idle and not any(re.search(r"\{\{\s*" + name + r"\s*\}\}", text) for text in texts):
            raise BadInput(
                str(path),
                f"parameter {name} stands nowhere in the template any more: take it out here, or use it there",
            )
        if parameter.when is not None and parameter.when.parameter not in {other.name for other in parameters}:
            raise BadInput(
                str(path), f"parameter {name} is needed when {parameter.when.parameter} is set, which is gone"
            )


class _ParameterList(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    parameters: tuple[EditedParameter, ...] = ()


def _renamed(proposal: PrimitiveSpec, entries: tuple[EditedParameter, ...], path: Path) -> dict[str, str]:
    known = {parameter.name for parameter in proposal.parameters}
    renamed: dict[str, str] = {}
    for entry in entries:
        if entry.was is not None and entry.was not in known:
            raise BadInput(str(path), f"`was: {entry.was}` names no parameter of the candidate")
        if entry.was is not None:
            renamed[entry.was] = entry.name
    names = [entry.name for entry in entries]
    if twice := {name for name in names if names.count(name) > 1}:
        raise BadInput(str(path), f"parameter {min(twice)} is declared twice")
    return renamed


def _parameter(entry: EditedParameter, renamed: dict[str, str]) -> Parameter:
    given = {name: getattr(entry, name) for name in Parameter.__struct_fields__}
    given["fields"] = tuple(
        Field(**{name: getattr(one, name) for name in Field.__struct_fields__}) for one in entry.fields
    )
    if entry.when is not None:
        given["when"] = replace(entry.when, parameter=renamed.get(entry.when.parameter, entry.when.parameter))
    return Parameter(**given)


def _proposal(document: dict[str, Any], path: Path) -> PrimitiveSpec:
    try:
        return msgspec.convert(document, PrimitiveSpec)
    except msgspec.ValidationError as error:
        raise BadInput(str(path), str(error)) from error


def _workload_text(runtime: Runtime) -> str:
    head = (
        "# How it runs: kind (Deployment, CronJob, Job), image by digest, command; or `deployable: false` for a primitive\n"
        "# that is for the library only.\n"
    )
    document = msgspec.to_builtins(runtime) or {"resourceProfile": runtime.resource_profile}
    return head + dump(document)


def _text(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8", "surrogateescape")
    except FileNotFoundError as error:
        raise BadInput(str(path), "this file of the template is gone; check out again") from error
    except OSError as error:
        raise BadInput(str(path), f"cannot be read: {error.strerror or error}") from error


def _yaml(path: Path) -> Any:
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise BadInput(str(path), "there is no such file") from error
    except OSError as error:
        raise BadInput(str(path), f"cannot be read: {error.strerror or error}") from error
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else None
        raise BadInput(str(path), f"not YAML: {error.problem}", line=line) from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise BadInput(str(path), f"not YAML: {error}") from error


def _read(path: Path, model: type[Any]) -> Any:
    try:
        return msgspec.convert(_yaml(path) or {}, model)
    except msgspec.ValidationError as error:
        raise BadInput(str(path), str(error)) from error
