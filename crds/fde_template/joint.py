"""Joints: what a value and its neighbours make together that neither is alone.

pieces of a rendered file (literal or hole) -> refusal() -> None, or the parameter and why

A place judges a value by itself. Here the text around it is judged too: ``{`` before a value that begins with ``%``, a
backslash before it, a comment's ``coding:`` in the two lines where Python reads it (PEP 263).
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from fde_api.primitive import Hole, TemplateFile
from fde_template import place
from fde_template.errors import RenderRefused
from fde_template.values import label


@dataclass(frozen=True, slots=True)
class Filled:
    """A hole and where its text stands in the rendered file, in characters. `item`: of which item of a list, from 0."""

    hole: Hole
    start: int
    end: int
    item: int | None = None


_JINJA: Final = ("{{", "{%", "{#")
# Level of a place -> texts that may not come about at the edge of a hole.
_MARKS: Final[tuple[tuple[re.Pattern[str], tuple[str, ...]], ...]] = (
    (re.compile(r"sql\.string\..*"), (*_JINJA, "'''")),
    (re.compile(r"sql\.comment\.line"), (*_JINJA, "}}", "%}", "#}")),
    # `/*!` is run by MySQL, `/*+` read by optimizers.
    (re.compile(r"sql\.comment\.block"), (*_JINJA, "}}", "%}", "#}", "*/", "/*", "/*!", "/*+")),
    (re.compile(r"comment\.jinja"), ("#}", *_JINJA)),
    (re.compile(r"typescript\.comment\.block"), ("*/", "/*")),
    (re.compile(r"typescript\.template.*"), ("${",)),
    (re.compile(r"text\..*"), (*_JINJA, "}}", "%}", "#}", "${", "$(")),
    (re.compile(r".*triple-double.*"), ('"""',)),
    (re.compile(r".*triple-single.*"), ("'''",)),
)
_WIDEST: Final = 3
_STRING: Final = re.compile(r".*string\.[a-z-]+(?:\+raw)?|typescript\.template(?:\+raw)?")
_BACKSLASHES: Final = re.compile(r"(?<!\\)(?:\\\\)*\\\Z")
_COOKIE: Final = re.compile(r"[ \t\f]*#.*?(coding[:=][ \t]*([-\w.]+))", re.ASCII)
_BLANK: Final = re.compile(r"[ \t\f]*(?:#.*)?")
_CODECS: Final = {"utf-8": "utf-8", "utf-8-sig": "utf-8", "latin-1": "iso8859-1"}


def check(file: TemplateFile, text: str, holes: Sequence[Filled]) -> None:
    """:class:`RenderRefused` naming the parameter whose value makes something with what stands around it."""
    for filled in holes:
        why = _edges(text, filled)
        if why is not None:
            raise _refused(file, filled, why)
    if file.language == "python":
        for start, end, name in _cookies(text):
            for filled in holes:
                if filled.start < end and start < filled.end and not _is_own(name, file.encoding):
                    raise _refused(
                        file, filled, "may not say how the file is encoded: Python would read another program"
                    )
        for filled in holes:
            if filled.start == 1 and text.startswith("#!") and "comment" in filled.hole.place:
                raise _refused(file, filled, "may not make the first line name an interpreter")


def _refused(file: TemplateFile, filled: Filled, why: str) -> RenderRefused:
    name = filled.hole.parameter
    called = label(name, filled.item, filled.hole.field)
    return RenderRefused(f"{file.path}: {called}: {why} (place {filled.hole.place})", name)


def _edges(text: str, filled: Filled) -> str | None:
    start, end = filled.start, filled.end
    first = max(0, start - _WIDEST)
    around = text[first : end + _WIDEST]
    value = text[start:end]
    escaped = _BACKSLASHES.search(text, max(0, start - 64), start) is not None
    for level in filled.hole.place.split("/"):
        for mark in next((marks for pattern, marks in _MARKS if pattern.fullmatch(level)), ()):
            for at in _found(around, mark):
                if any(first + at < edge < first + at + len(mark) for edge in (start, end)):
                    return f"makes {mark} with what stands beside it"
        if escaped and _STRING.fullmatch(level):
            raw = level if level.endswith("+raw") else level + "+raw"
            if place.refusal(raw, "\\" + value) is not None if value else text[end : end + 1] in ("'", '"', "`"):
                return "makes another escape with the backslash before it"
    return None


def _found(text: str, mark: str) -> Iterator[int]:
    at = text.find(mark)
    while at >= 0:
        yield at
        at = text.find(mark, at + 1)


def _cookies(text: str) -> Iterator[tuple[int, int, str]]:
    """Where Python reads an encoding: span and the name. The second line counts only after an empty one or a comment."""
    at = 0
    for line in re.split(r"(?<=\n)|(?<=\r)(?!\n)", text, maxsplit=2)[:2]:
        found = _COOKIE.match(line)
        if found is not None:
            yield at + found.start(1), at + found.end(1), found.group(2)
            return
        if not _BLANK.fullmatch(line.rstrip("\r\n")):
            return
        at += len(line)


def _is_own(name: str, encoding: str) -> bool:
    try:
        return codecs.lookup(name).name == _CODECS[encoding]
    except LookupError:
        return False
