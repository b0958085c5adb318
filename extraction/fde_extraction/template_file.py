"""Template files: drafted parts and the values that fill them, as segments and holes.

SourceFile's parts, values with names -> templates() -> TemplateFile; uses() -> where each parameter stands
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fde_api.primitive import Hole, Parameter, Segment, TemplateFile
from fde_extraction.slot import Slot
from fde_extraction.source_file import SourceFile
from fde_extraction.unify import Value
from fde_template.encoding import newline_of
from fde_template.place import is_source
from fde_template.shape import shape_of


@dataclass(frozen=True, slots=True)
class Use:
    """One hole of a parameter, for explanation: file, line in the first sibling, place, filters."""

    path: str
    line: int
    place: str
    filters: tuple[str, ...]


def templates(files: Sequence[SourceFile], values: Sequence[Value], names: Sequence[str]) -> list[TemplateFile]:
    """The template's files; `names` are those of `values`, in order."""
    owner = {
        index: (name, chain) for name, value in zip(names, values, strict=True) for index, chain in value.uses.items()
    }
    found, index = [], 0
    for file in files:
        segments: list[Segment] = []
        spans: list[list[tuple[int, int]]] = [[] for _ in file.texts]
        ends = [0] * len(file.texts)
        for part in file.parts:
            if isinstance(part, str):
                segments.append(Segment(text=part))
                ends = [end + len(part) for end in ends]
                continue
            name, chain = owner[index]
            index += 1
            segments.append(Segment(hole=Hole(parameter=name, place=part.place, filters=chain)))
            for k, text in enumerate(part.texts):
                if is_source(part.place):
                    spans[k].append((ends[k], ends[k] + len(text)))
                ends[k] += len(text)
        shapes = {
            shape_of(file.language, file.path, text, blocks) for text, blocks in zip(file.texts, spans, strict=True)
        }
        found.append(
            TemplateFile(
                path=file.path, language=file.language, segments=tuple(segments), encoding=file.encoding,  # type: ignore[arg-type]
                newline=newline_of(file.texts[0]) if len({newline_of(t) for t in file.texts}) == 1 else "mixed",
                shape=shapes.pop() if len(shapes) == 1 else None,
            )
        )  # fmt: skip
    return found


def uses(
    files: Sequence[SourceFile], values: Sequence[Value], parameters: Sequence[Parameter]
) -> dict[str, tuple[Use, ...]]:
    """Where each parameter stands, in order of the text."""
    where: list[tuple[str, int]] = []
    for file in files:
        line = 1
        for part in file.parts:
            if isinstance(part, Slot):
                where.append((file.path, line))
            line += (part if isinstance(part, str) else part.texts[0]).count("\n")
    slots = [part for file in files for part in file.parts if isinstance(part, Slot)]
    return {
        parameter.name: tuple(
            Use(*where[index], slots[index].place, chain) for index, chain in sorted(value.uses.items())
        )
        for parameter, value in zip(parameters, values, strict=True)
    }
