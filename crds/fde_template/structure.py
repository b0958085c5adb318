"""Structure: a template's flat segments read as a tree of literals, holes, optional blocks and repeats.

TemplateFile.segments -> structure() -> nodes -> render, fit, views; flat() is the exact inverse
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from fde_api.primitive import Each, Hole, Segment, TemplateFile, When
from fde_template.errors import TemplateError

MAX_DEPTH: Final = 8  # blocks in blocks; extraction makes fewer, and whoever reads a template by recursion stays safe


@dataclass(frozen=True, slots=True)
class Literal:
    """Text as it is."""

    text: str


@dataclass(frozen=True, slots=True)
class Optional:
    """`body` stands there when the parameter has the text that `when` says."""

    when: When
    body: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Repeat:
    """`body` once an item of the list, `between` between two of them."""

    each: Each
    body: tuple[Node, ...]
    between: tuple[Node, ...] = ()


Node = Literal | Hole | Optional | Repeat


def structure(file: TemplateFile) -> tuple[Node, ...]:
    """The nodes of `file`. :class:`TemplateError` for blocks that do not close, nest too deeply, or a mark out of place."""
    done: list[tuple[Segment | None, list[Node], list[Node] | None]] = [(None, [], None)]  # opening, body, between
    for number, segment in enumerate(file.segments):
        opening, body, between = done[-1]
        inside = body if between is None else between
        if segment.text is not None:
            inside.append(Literal(segment.text))
        elif segment.hole is not None:
            inside.append(segment.hole)
        elif segment.when is not None or segment.each is not None:
            if len(done) > MAX_DEPTH:
                raise _wrong(file, number, f"blocks nest deeper than {MAX_DEPTH}")
            if segment.each is not None and any(outer is not None and outer.each for outer, _, _ in done):
                raise _wrong(file, number, "a repeat stands inside a repeat")
            done.append((segment, [], None))
        elif segment.mark == "between":
            if opening is None or opening.each is None or between is not None:
                raise _wrong(file, number, "'between' stands outside a repeat, or twice in one")
            done[-1] = (opening, body, [])
        elif opening is None:
            raise _wrong(file, number, "'end' closes nothing")
        else:
            done.pop()
            outer = done[-1][1] if done[-1][2] is None else done[-1][2]
            if opening.each is not None:
                outer.append(Repeat(opening.each, tuple(body), tuple(between or ())))
            elif opening.when is not None:
                outer.append(Optional(opening.when, tuple(body)))
    if len(done) > 1:
        raise _wrong(file, len(file.segments), "a block is not closed")
    return tuple(done[0][1])


def flat(nodes: Sequence[Node]) -> Iterator[Segment]:
    """The segments of `nodes`."""
    for node in nodes:
        match node:
            case Literal(text):
                yield Segment(text=text)
            case Hole():
                yield Segment(hole=node)
            case Optional(when, body):
                yield Segment(when=when)
                yield from flat(body)
                yield Segment(mark="end")
            case Repeat(each, body, between):
                yield Segment(each=each)
                yield from flat(body)
                if between:
                    yield Segment(mark="between")
                    yield from flat(between)
                yield Segment(mark="end")


def holes(nodes: Sequence[Node]) -> Iterator[Hole]:
    """Every hole, in order of the text, whatever block it stands in."""
    for node in nodes:
        match node:
            case Hole():
                yield node
            case Optional(_, body):
                yield from holes(body)
            case Repeat(_, body, between):
                yield from holes(body)
                yield from holes(between)
            case Literal():
                pass


def named(file: TemplateFile) -> frozenset[str]:
    """The parameters that `file` names: in holes, as flags and as lists."""
    found = set[str]()
    for segment in file.segments:
        for part in (segment.hole, segment.when, segment.each):
            if part is not None:
                found.add(part.parameter)
    return frozenset(found)


def _wrong(file: TemplateFile, number: int, why: str) -> TemplateError:
    return TemplateError(f"{file.path}: segment {number}: {why}")
