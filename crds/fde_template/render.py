"""Rendering: values into the holes of a template, as bytes.

(TemplateFile, values) -> each hole: value -> filters -> place -> text -> joints, shape -> bytes
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from fde_api.primitive import Hole, Parameter, Scalar, Template, TemplateFile
from fde_template import joint, shape
from fde_template.encoding import encode
from fde_template.errors import RenderRefused, TemplateError
from fde_template.filters import apply
from fde_template.place import is_source, refusal
from fde_template.values import text_of


def render_all(
    template: Template,
    values: Mapping[str, Scalar],
    parameters: Sequence[Parameter],
    *,
    secrets: Mapping[str, str] | None = None,
) -> dict[str, bytes]:
    """Every file of `template`, by path. As :func:`render`."""
    return {file.path: render(file, values, parameters, secrets=secrets) for file in template.files}


def render(
    file: TemplateFile,
    values: Mapping[str, Scalar],
    parameters: Sequence[Parameter],
    *,
    secrets: Mapping[str, str] | None = None,
) -> bytes:
    """The bytes of `file` for `values`.

    The text of secretRef parameters comes from `secrets` only, so that whoever renders without them cannot leak them.
    :class:`RenderRefused` names the parameter that is missing, unknown, of another type, or would leave its place.
    """
    texts = texts_of(values, parameters, secrets=secrets, needed=names(file))
    pieces, blocks, holes = [], [], []
    at = 0
    for segment in file.segments:
        piece = segment.text if segment.hole is None else _filled(file, segment.hole, texts)
        if piece is None:
            raise TemplateError(f"{file.path}: a segment has neither text nor a hole")
        if segment.hole is not None and is_source(segment.hole.place):
            blocks.append((at, at + len(piece)))
        if segment.hole is not None:
            holes.append(joint.Filled(segment.hole, at, at + len(piece)))
        pieces.append(piece)
        at += len(piece)
    text = "".join(pieces)
    joint.check(file, text, holes)
    shape.check(file, text, blocks)
    return encode(text, file.encoding)


def names(file: TemplateFile) -> frozenset[str]:
    """The parameters that `file` uses."""
    return frozenset(segment.hole.parameter for segment in file.segments if segment.hole is not None)


def texts_of(
    values: Mapping[str, Scalar],
    parameters: Sequence[Parameter],
    *,
    secrets: Mapping[str, str] | None = None,
    needed: frozenset[str] | None = None,
) -> dict[str, str]:
    """The text of every parameter, defaults applied. `needed` None: all of them are."""
    declared = {parameter.name: parameter for parameter in parameters}
    for name in [*values, *(secrets or {})]:
        if name not in declared:
            raise RenderRefused(f"parameter {name} is not known; known are {', '.join(sorted(declared))}", name)
    texts = {}
    for name, parameter in declared.items():
        if parameter.type == "secretRef":
            given: Scalar | None = (secrets or {}).get(name)
        else:
            given = values.get(name, parameter.default)
        if given is not None:
            texts[name] = text_of(parameter, given)
        elif needed is None or name in needed:
            where = "a secret's text, given apart from the values" if parameter.type == "secretRef" else "a value"
            raise RenderRefused(f"parameter {name}: needs {where} ({parameter.type})", name)
    return texts


def _filled(file: TemplateFile, hole: Hole, texts: Mapping[str, str]) -> str:
    if hole.parameter not in texts:
        raise RenderRefused(f"{file.path}: parameter {hole.parameter} is not declared", hole.parameter)
    text = apply(hole.filters, texts[hole.parameter])
    why = refusal(hole.place, text)
    if why is not None:
        raise RenderRefused(f"{file.path}: parameter {hole.parameter}: {why} (place {hole.place})", hole.parameter)
    try:
        encode(text, file.encoding)
    except TemplateError as error:
        raise RenderRefused(f"{file.path}: parameter {hole.parameter}: {error}", hole.parameter) from error
    return text
