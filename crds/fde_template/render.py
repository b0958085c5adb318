"""Rendering: values into a template's holes, optional blocks and repeats, as bytes.

(TemplateFile, values) -> Given -> blocks chosen, items counted -> each hole: value -> filters -> place -> text
-> joints, shape -> bytes

A bool or an enum chooses its blocks by its text. Inside a repeat a hole or a flag that names the list is the item's; any
other is the parameter's one value. What stands between two items is filled from the item before it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from fde_api.primitive import Hole, Parameter, Template, TemplateFile, Value
from fde_template import joint, shape
from fde_template.encoding import encode
from fde_template.errors import RenderRefused, TemplateError
from fde_template.filters import apply
from fde_template.given import Given, given
from fde_template.place import is_source, refusal
from fde_template.placeholder import placeholder
from fde_template.structure import Literal, Node, Optional, Repeat, structure
from fde_template.values import label


@dataclass(frozen=True, slots=True)
class _Piece:
    """Text as it goes into the file; of a hole also the hole and the item it is of."""

    text: str
    hole: Hole | None = None
    item: int | None = None


def render_all(
    template: Template,
    values: Mapping[str, Value],
    parameters: Sequence[Parameter],
    *,
    secrets: Mapping[str, str] | None = None,
) -> dict[str, bytes]:
    """Every file of `template`, by path. As :func:`render`."""
    return {file.path: render(file, values, parameters, secrets=secrets) for file in template.files}


def render(
    file: TemplateFile,
    values: Mapping[str, Value],
    parameters: Sequence[Parameter],
    *,
    secrets: Mapping[str, str] | None = None,
) -> bytes:
    """The bytes of `file` for `values`.

    The text of secretRef parameters comes from `secrets` only, so that whoever renders without them cannot leak them.
    :class:`RenderRefused` names the parameter (item and field of a list) that is missing where it is reached, unknown, of
    another type, or would leave its place.
    """
    have = given(values, parameters, secrets=secrets)
    nodes = structure(file)
    pieces = list(_pieces(file, nodes, have, None, ""))
    text, holes = _joined(pieces)
    joint.check(file, text, holes)
    blocks = _blocks(holes)
    if all(isinstance(node, Literal | Hole) for node in nodes):
        shape.check(file, text, blocks, holes)
    else:
        like = [
            piece if piece.hole is None else _Piece(placeholder(piece.hole.place, piece.text), piece.hole, piece.item)
            for piece in pieces
        ]
        reference, places = _joined(like)
        shape.compare(file, text, blocks, reference, _blocks(places), holes)
    return encode(text, file.encoding)


def refusals(
    file: TemplateFile,
    values: Mapping[str, Value],
    parameters: Sequence[Parameter],
    *,
    secrets: Mapping[str, str] | None = None,
) -> tuple[TemplateError, ...]:
    """All that :func:`render` would refuse, one after the other; none when it renders."""
    try:
        render(file, values, parameters, secrets=secrets)
    except TemplateError as first:
        try:
            nodes, have = structure(file), given(values, parameters, secrets=secrets)
        except TemplateError:
            return (first,)
        found = {str(error): error for error in _refused(file, nodes, have, None, "")}
        return tuple(found.values()) or (first,)
    return ()


def _refused(
    file: TemplateFile, nodes: Sequence[Node], have: Given, item: int | None, of: str
) -> Iterator[TemplateError]:
    """As :func:`_pieces`, going on after what is refused."""
    for node in nodes:
        try:
            match node:
                case Hole():
                    _filled(file, node, have, item, of)
                case Optional(when, body) if have.holds(when, item, of):
                    yield from _refused(file, body, have, item, of)
                case Repeat(each, body, between):
                    for number in range(have.count(each)):
                        yield from _refused(file, body, have, number, each.parameter)
                        if number:
                            yield from _refused(file, between, have, number - 1, each.parameter)
        except TemplateError as error:
            yield error


def _pieces(file: TemplateFile, nodes: Sequence[Node], have: Given, item: int | None, of: str) -> Iterator[_Piece]:
    """The file's text, piece by piece. Recursion ends at the depth that :mod:`fde_template.structure` allows."""
    for node in nodes:
        match node:
            case Literal(text):
                yield _Piece(text)
            case Hole():
                yield _Piece(_filled(file, node, have, item, of), node, item if node.parameter == of else None)
            case Optional(when, body):
                if have.holds(when, item, of):
                    yield from _pieces(file, body, have, item, of)
            case Repeat(each, body, between):
                count = have.count(each)
                for number in range(count):
                    yield from _pieces(file, body, have, number, each.parameter)
                    if number + 1 < count:
                        yield from _pieces(file, between, have, number, each.parameter)


def _filled(file: TemplateFile, hole: Hole, have: Given, item: int | None, of: str) -> str:
    text = apply(hole.filters, have.text(hole, item, of))
    called = label(hole.parameter, item if hole.parameter == of else None, hole.field)
    why = refusal(hole.place, text)
    if why is not None:
        raise RenderRefused(f"{file.path}: {called}: {why} (place {hole.place})", hole.parameter)
    try:
        encode(text, file.encoding)
    except TemplateError as error:
        raise RenderRefused(f"{file.path}: {called}: {error}", hole.parameter) from error
    return text


def _joined(pieces: Sequence[_Piece]) -> tuple[str, list[joint.Filled]]:
    """The whole text, and where in it the holes stand."""
    holes = []
    at = 0
    for piece in pieces:
        if piece.hole is not None:
            holes.append(joint.Filled(piece.hole, at, at + len(piece.text), piece.item))
        at += len(piece.text)
    return "".join(piece.text for piece in pieces), holes


def _blocks(holes: Sequence[joint.Filled]) -> list[shape.Span]:
    return [(filled.start, filled.end) for filled in holes if is_source(filled.hole.place)]
