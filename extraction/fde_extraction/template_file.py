"""Template files: drafted parts and the parameters that fill them, as segments.

SourceFile's parts, Declaration -> templates() -> TemplateFile; uses() -> where each parameter stands
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from fde_api.primitive import Segment, TemplateFile
from fde_extraction.declaration import Declaration
from fde_extraction.drafted import Edge, Loop, Open, spelled
from fde_extraction.slot import Slot
from fde_extraction.source_file import SourceFile
from fde_template.encoding import newline_of
from fde_template.place import is_source
from fde_template.shape import shape_of


@dataclass(frozen=True, slots=True)
class Use:
    """One hole of a parameter, for explanation: file, line in the template, place, filters. `field` of a list's records."""

    path: str
    line: int
    place: str
    filters: tuple[str, ...]
    field: str = ""


def templates(files: Sequence[SourceFile], declaration: Declaration) -> list[TemplateFile]:
    """The template's files."""
    found, index = [], 0
    for file in files:
        segments: list[Segment] = []
        for part in file.parts:
            if isinstance(part, str):
                segments.append(Segment(text=part))
            elif isinstance(part, Slot):
                segments.append(Segment(hole=declaration.hole(index, part)))
                index += 1
            elif isinstance(part, Open):
                segments.append(Segment(when=declaration.when(part)))
            elif isinstance(part, Loop):
                segments.append(Segment(each=declaration.each(part)))
            else:
                segments.append(Segment(mark=part.mark))
        newlines = {newline_of(text) for text in file.texts}
        found.append(
            TemplateFile(
                path=file.path, language=file.language, segments=tuple(segments), encoding=file.encoding,  # type: ignore[arg-type]
                newline=newlines.pop() if len(newlines) == 1 else "mixed", shape=_shape(file),
            )
        )  # fmt: skip
    return found


def _shape(file: SourceFile) -> str | None:
    """The digest that all siblings share; with blocks or repeats trees differ, and rendering makes its own reference."""
    if any(isinstance(part, (Open, Loop, Edge)) for part in file.parts):
        return None
    shapes = set[str | None]()
    for k, text in enumerate(file.texts):
        spans, at = [], 0
        for part, said in spelled(file.parts, k):
            if isinstance(part, Slot) and is_source(part.place):
                spans.append((at, at + len(said)))
            at += len(said)
        shapes.add(shape_of(file.language, file.path, text, spans))
    return shapes.pop() if len(shapes) == 1 else None


def placed(files: Sequence[SourceFile], declaration: Declaration) -> Iterator[tuple[str, Use, Slot | None]]:
    """Every place of every parameter, in order of the text, with its slot; blocks and repeats have none."""
    index = 0
    for file in files:
        line = 1
        for part in file.parts:
            if isinstance(part, str):
                line += part.count("\n")
            elif isinstance(part, Slot):
                hole = declaration.hole(index, part)
                index += 1
                yield hole.parameter, Use(file.path, line, part.place, hole.filters, hole.field), part
            elif isinstance(part, Open):
                when = declaration.when(part)
                yield when.parameter, Use(file.path, line, "when", (), when.field), None
            elif isinstance(part, Loop):
                yield declaration.each(part).parameter, Use(file.path, line, "each", ()), None


def uses(files: Sequence[SourceFile], declaration: Declaration) -> dict[str, tuple[Use, ...]]:
    """Where each parameter stands, in order of the text."""
    found: dict[str, list[Use]] = {parameter.name: [] for parameter in declaration.parameters}
    for name, use, _ in placed(files, declaration):
        found[name].append(use)
    return {name: tuple(items) for name, items in found.items()}
