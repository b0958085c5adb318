"""Drafted parts: what a file's template is made of, in order, before values have names.

draft() -> parts -> template_file.templates(); spelled() gives one sibling's text back, part by part
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from fde_extraction.choice import Choice
from fde_extraction.frame import Frame
from fde_extraction.label import Labels
from fde_extraction.slot import Slot


@dataclass(frozen=True, slots=True)
class Open:
    """What follows, up to its END, stands where `choice` has the class `number`. `frame`: where it is asked."""

    choice: Choice
    number: int
    frame: Frame


@dataclass(frozen=True, slots=True)
class Loop:
    """What follows, up to its END, stands once for each instance of `frame`. `labels`: what the code says of its items."""

    frame: Frame
    labels: Labels = ()


Mark = Literal["between", "end"]


@dataclass(frozen=True, slots=True)
class Edge:
    """An inner edge of a loop, or the end of a block."""

    mark: Mark


BETWEEN: Final = Edge("between")
END: Final = Edge("end")
Part = str | Slot | Open | Loop | Edge


@dataclass(frozen=True, slots=True)
class _Opened:
    """An open loop: where it begins, the instances still to come, and which instances stand around it."""

    body: int
    frame: Frame
    left: tuple[int, ...]
    outer: dict[Frame, int]


def spelled(parts: Sequence[Part], sibling: int) -> Iterator[tuple[str | Slot, str]]:
    """Constants and slots of one sibling, with the text that stands there."""
    ends = _ends(parts)
    at = 0
    here: dict[Frame, int] = {}
    loops: list[_Opened] = []
    while at < len(parts):
        part = parts[at]
        if isinstance(part, str):
            yield part, part
        elif isinstance(part, Slot):
            yield part, part.texts[_instance(part.frame, sibling, here)]
        elif isinstance(part, Open):
            if part.choice.classes[_instance(part.choice.frame, sibling, here)] != part.number:
                at = ends[at][-1]
        elif isinstance(part, Loop):
            items = _items(part.frame, sibling, here)
            if not items:
                at = ends[at][-1]
            else:
                loops.append(_Opened(at, part.frame, tuple(items[1:]), here))
                here = here | {part.frame: items[0]}
        elif loops and at in ends[loops[-1].body]:
            loop = loops[-1]
            if part is BETWEEN and not loop.left:
                at = ends[loop.body][-1]
                here = loops.pop().outer
            elif part is BETWEEN:
                here = loop.outer
            elif loop.left:
                loops[-1] = _Opened(loop.body, loop.frame, loop.left[1:], loop.outer)
                here = loop.outer | {loop.frame: loop.left[0]}
                at = loop.body
            else:
                here = loops.pop().outer
        at += 1


def _ends(parts: Sequence[Part]) -> dict[int, list[int]]:
    """For each opening, where its BETWEEN (if any) and its END stand."""
    found: dict[int, list[int]] = {}
    stack: list[int] = []
    for index, part in enumerate(parts):
        if isinstance(part, (Open, Loop)):
            stack.append(index)
            found[index] = []
        elif isinstance(part, Edge):
            found[stack[-1]].append(index)
            if part.mark == "end":
                stack.pop()
    return found


def _instance(frame: Frame, sibling: int, here: dict[Frame, int]) -> int:
    """Which instance of `frame` stands here: the loop's, or the one of the outer frame's instance."""
    if frame in here:
        return here[frame]
    if frame.parent is None:
        return frame.rows.index(sibling)
    return frame.rows.index(_instance(frame.parent, sibling, here))


def _items(frame: Frame, sibling: int, here: dict[Frame, int]) -> list[int]:
    assert frame.parent is not None
    outer = _instance(frame.parent, sibling, here)
    return [index for index, row in enumerate(frame.rows) if row == outer]
