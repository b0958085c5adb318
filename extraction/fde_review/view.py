"""A template as people read and edit it: Jinja's notation, exactly one way to write each node, and the way back.

TemplateFile -> written() -> text with ``{{ name | filter }}``, ``{% if %}``, ``{% for %}`` -> taken_back() -> TemplateFile

The canonical form stays the segments: this is a view, and only what it can say is taken back.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TypeVar

from msgspec.structs import replace

from fde_api.primitive import Each, Hole, Parameter, Scalar, Segment, TemplateFile, When
from fde_events.errors import BadInput
from fde_review.placing import Placing, placed
from fde_review.reading import Reading, read
from fde_template import notation
from fde_template.errors import TemplateError
from fde_template.structure import Literal, Node, Optional, Repeat, flat, structure

FieldNames = Mapping[tuple[str, str], str]
P = TypeVar("P", Hole, When, Each)


def written(file: TemplateFile) -> str:
    """The view of `file`. Line endings are the template's own."""
    return notation.written(file)


def spelled(hole: Hole) -> str:
    """``{{ name | filter | filter }}``."""
    return "{{ " + " | ".join((hole.parameter, *hole.filters)) + " }}"


def taken_back(
    file: TemplateFile,
    text: str,
    *,
    renamed: Mapping[str, str] | None = None,
    fields: FieldNames | None = None,
    declared: Mapping[str, Parameter] | None = None,
    placing: Placing | None = None,
) -> TemplateFile:
    """`file` with the segments that an edited view says.

    `renamed`: old parameter names to new ones; `fields`: (parameter, old field) to the new one; old and new are understood.
    `declared`: the parameters; what the text names is checked against them. `placing` tells what a new hole is part of.
    :class:`BadInput` with the line for what cannot be taken back.
    """
    names, of = dict(renamed or {}), dict(fields or {})
    reading = _renamed(read(file.path, text), names, of)
    if declared is not None:
        _declared(file.path, reading, declared)
    old = [_segment(segment, names, of) for segment in file.segments]
    found = placed(file, old, reading, declared or {}, placing)
    segments = tuple(_with_places(flat(reading.nodes), iter(found.places)))
    after = replace(file, segments=segments, shape=found.shape)
    try:
        structure(after)
    except TemplateError as error:
        raise BadInput(file.path, str(error).removeprefix(f"{file.path}: ")) from error
    return after


def _with_places(segments: Iterator[Segment], places: Iterator[str]) -> Iterator[Segment]:
    for segment in segments:
        yield segment if segment.hole is None else Segment(hole=replace(segment.hole, place=next(places)))


def _renamed(reading: Reading, names: Mapping[str, str], of: FieldNames) -> Reading:
    return Reading(
        tuple(_node(node, names, of) for node in reading.nodes),
        reading.lines,
        tuple((line, _any(part, names, of), is_item) for line, part, is_item in reading.named),
    )


def _node(node: Node, names: Mapping[str, str], of: FieldNames) -> Node:
    match node:
        case Hole():
            return _part(node, names, of)
        case Optional(when, body):
            return Optional(_part(when, names, of), tuple(_node(inner, names, of) for inner in body))
        case Repeat(each, body, between):
            inner = tuple(tuple(_node(one, names, of) for one in part) for part in (body, between))
            return Repeat(_part(each, names, of), *inner)
        case Literal():
            return node


def _segment(segment: Segment, names: Mapping[str, str], of: FieldNames) -> Segment:
    part = segment.hole or segment.when or segment.each
    if part is None:
        return segment
    part = _any(part, names, of)
    if isinstance(part, Hole):
        return Segment(hole=part)
    return Segment(when=part) if isinstance(part, When) else Segment(each=part)


def _any(part: Hole | When | Each, names: Mapping[str, str], of: FieldNames) -> Hole | When | Each:
    match part:  # one by one, because each stays what it is
        case Hole():
            return _part(part, names, of)
        case When():
            return _part(part, names, of)
        case Each():
            return _part(part, names, of)


def _part(part: P, names: Mapping[str, str], of: FieldNames) -> P:
    name = names.get(part.parameter, part.parameter)
    if isinstance(part, Each) or not part.field:
        return replace(part, parameter=name)
    return replace(part, parameter=name, field=of.get((name, part.field), part.field))


def _declared(path: str, reading: Reading, declared: Mapping[str, Parameter]) -> None:
    """:class:`BadInput` with the line of a name that parameters.yaml does not have, or that is of another kind there."""
    for line, part, is_item in reading.named:
        why = _wrong(part, declared.get(part.parameter), is_item)
        if why is not None:
            raise BadInput(path, why, line=line)


def _wrong(part: Hole | When | Each, parameter: Parameter | None, is_item: bool) -> str | None:
    name = part.parameter
    if parameter is None:
        return f"parameter {name} is not declared in parameters.yaml: add it there, with a type"
    if isinstance(part, Each):
        return None if parameter.type == "list" else f"{name} is a {parameter.type}; a for takes a list"
    if is_item:
        field = next((one for one in parameter.fields if one.name == part.field), None)
        if field is None:
            known = ", ".join(one.name for one in parameter.fields if one.name) or "none: the item itself stands there"
            return f"the items of {name} have no field {part.field or 'without a name'}; their fields: {known}"
        name = f"{name}.{field.name}" if field.name else f"an item of {name}"
        return None if isinstance(part, Hole) else _choice(part.equals, field.type, field.allowed_values, name)
    if parameter.type == "list":
        return f"{name} is a list; it stands in {{% for item in {name} %}} only"
    return None if isinstance(part, Hole) else _choice(part.equals, parameter.type, parameter.allowed_values, name)


def _choice(equals: str, kind: str, values: Sequence[Scalar], name: str) -> str | None:
    allowed = [str(value) for value in values]
    if kind == "bool":
        return (
            None if equals in ("true", "false") else f"{name} is a bool: say {{% if {name} %}} or {{% if not {name} %}}"
        )
    if kind == "enum":
        return None if equals in allowed else f"{name} is one of {', '.join(allowed)}, never {equals!r}"
    return f"{name} is a {kind}; a block stands with a bool or an enum"
