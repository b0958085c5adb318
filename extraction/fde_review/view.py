"""A template as people read and edit it: Jinja's notation, exactly one way to write each segment.

TemplateFile -> written() -> text with ``{{ name | filter }}`` -> taken_back() -> TemplateFile

Text that itself holds ``{{``, ``{%`` or ``{#`` is written as ``{{ '{{' }}``. The canonical form stays the segments: this is a
view, and only what it can say is taken back.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

from msgspec.structs import replace

from fde_api.primitive import Hole, Segment, TemplateFile
from fde_events.errors import BadInput

_OPENERS: Final = re.compile(r"\{(?=[{%#])")
_ESCAPED: Final = re.compile(r"\{(?=[{%#]|\Z)")  # the last of a segment too: a hole may follow
_QUOTED: Final = "{{ '{' }}"
_MARK: Final = re.compile(
    r"\{\{\s*(?:'(?P<text>\{)'|(?P<name>[A-Za-z][A-Za-z0-9]*)(?P<filters>(?:\s*\|\s*[a-z_]+)*))\s*\}\}"
)


def written(file: TemplateFile) -> str:
    """The view of `file`. Line endings are the template's own."""
    return "".join(
        _escaped(segment.text or "") if segment.hole is None else spelled(segment.hole) for segment in file.segments
    )


def spelled(hole: Hole) -> str:
    """``{{ name | filter | filter }}``."""
    return "{{ " + " | ".join((hole.parameter, *hole.filters)) + " }}"


def taken_back(file: TemplateFile, text: str, *, renamed: Mapping[str, str] | None = None) -> TemplateFile:
    """`file` with the segments that an edited view says. `renamed`: old parameter names to new ones; both are understood.

    A hole keeps its place (what it is part of, so how values are checked there). A hole that was not there before, or moved
    past another, has none: :class:`BadInput` with its line, because the engine decides places, not a person.
    """
    names = dict(renamed or {})
    known = [segment.hole for segment in file.segments if segment.hole is not None]
    found = _segments(file.path, text)
    holes = [(line, segment.hole) for line, segment in found if segment.hole is not None]
    places = iter(_places(file.path, known, holes, names))
    segments: list[Segment] = []
    for _, segment in found:
        if segment.hole is not None:
            segments.append(Segment(hole=next(places)))
        elif segment.text:
            segments.append(segment)
    return replace(file, segments=tuple(segments))


def _places(
    path: str, known: Sequence[Hole], found: Sequence[tuple[int, Hole]], names: Mapping[str, str]
) -> list[Hole]:
    at, placed = 0, []
    for line, hole in found:
        wanted = (names.get(hole.parameter, hole.parameter), hole.filters)
        while at < len(known) and (names.get(known[at].parameter, known[at].parameter), known[at].filters) != wanted:
            at += 1
        if at == len(known):
            raise BadInput(
                path,
                f"{spelled(hole)} does not stand here in the candidate, and a place for it cannot be made up: leave holes "
                "where they are, rename them in parameters.yaml",
                line=line,
            )
        placed.append(replace(known[at], parameter=wanted[0]))
        at += 1
    return placed


def _segments(path: str, text: str) -> list[tuple[int, Segment]]:
    found: list[tuple[int, Segment]] = []
    literal: list[str] = []
    at, line = 0, 1

    def close() -> None:
        if literal:
            joined = "".join(literal)
            found.append((line - joined.count("\n"), Segment(text=joined)))
            literal.clear()

    while at < len(text):
        opener = _OPENERS.search(text, at)
        stop = opener.start() if opener else len(text)
        literal.append(text[at:stop])
        line += text.count("\n", at, stop)
        if opener is None:
            break
        mark = _MARK.match(text, stop)
        if mark is None:
            raise BadInput(
                path,
                "this is neither a hole ({{ name | filter }}) nor an escaped bracket ({{ '{' }})",
                line=line,
            )
        if mark["text"]:
            literal.append(mark["text"])
        else:
            close()
            filters = tuple(part.strip() for part in mark["filters"].split("|") if part.strip())
            found.append((line, Segment(hole=Hole(parameter=mark["name"], place="", filters=filters))))
        line += text.count("\n", stop, mark.end())
        at = mark.end()
    close()
    return found


def _escaped(text: str) -> str:
    return _ESCAPED.sub(_QUOTED, text)
