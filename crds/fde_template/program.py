"""A template as steps of a matcher: one flat list for all its files, blocks and repeats being jumps in it.

TemplateFile.segments -> structure -> compiled() -> steps -> fit
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from fde_api.primitive import Field, Hole, Parameter, TemplateFile, When
from fde_template.structure import Literal, Node, Optional, structure

Kind = Parameter | Field
_CHOICES: Final = 32  # texts that may follow a hole; with more of them every end is tried
_HEAD: Final = 64  # characters of a text that are looked for; the whole of it is matched where they are found


@dataclass(frozen=True, slots=True)
class Text:
    """This text stands here."""

    text: str


@dataclass(frozen=True)
class Follow:
    """What may come after a hole. `texts` None: anything, a hole for one. `end`: the end of the file."""

    texts: tuple[str, ...] | None
    end: bool

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """Where one of the texts begins."""
        return re.compile(f"(?={'|'.join(re.escape(text) for text in self.texts or ())})")


@dataclass(frozen=True, slots=True)
class Take:
    """A hole's text stands here. `own`: the value is the item's, not the parameter's. `kind` None: not in the schema."""

    hole: Hole
    own: bool
    kind: Kind | None
    follow: Follow


@dataclass(frozen=True, slots=True)
class Ask:
    """The next step when the flag says so, else step `skip`."""

    when: When
    own: bool
    kind: Kind | None
    skip: int


@dataclass(frozen=True, slots=True)
class Begin:
    """A repeat: the next step with the first item, step `leave` when there is none."""

    parameter: str
    leave: int


@dataclass(frozen=True, slots=True)
class Next:
    """An item's end: the next step when another one comes, else step `leave`."""

    parameter: str
    leave: int


@dataclass(frozen=True, slots=True)
class Again:
    """Between two items: on to step `body` with the following one."""

    body: int


@dataclass(frozen=True, slots=True)
class Close:
    """The file ends here."""


Step = Text | Take | Ask | Begin | Next | Again | Close


def compiled(files: Sequence[TemplateFile], declared: Mapping[str, Parameter]) -> tuple[Step, ...]:
    """The steps of `files`, one after the other."""
    steps: list[Step] = []
    for file in files:
        _add(steps, structure(file), declared, "")
        steps.append(Close())
    follows = _Follows(steps)
    for index, step in enumerate(steps):
        if isinstance(step, Take):
            steps[index] = Take(step.hole, step.own, step.kind, follows.after(index))
    return tuple(steps)


_UNKNOWN: Final = Follow(None, end=False)


def _add(steps: list[Step], nodes: Sequence[Node], declared: Mapping[str, Parameter], of: str) -> None:
    for node in nodes:
        match node:
            case Literal(text):
                if text:
                    steps.append(Text(text))
            case Hole(parameter=name, field=field):
                steps.append(Take(node, name == of, _kind(declared, name, field, own=name == of), _UNKNOWN))
            case Optional(when, body):
                own = when.parameter == of
                kind = _kind(declared, when.parameter, when.field, own=own)
                at = len(steps)
                steps.append(Close())  # taken out again below, when it is known where the block ends
                _add(steps, body, declared, of)
                steps[at] = Ask(when, own, kind, len(steps))
            case _:
                name = node.each.parameter
                at = len(steps)
                steps.append(Close())
                _add(steps, node.body, declared, name)
                last = len(steps)
                steps.append(Close())
                _add(steps, node.between, declared, name)
                steps.append(Again(at + 1))
                steps[at], steps[last] = Begin(name, len(steps)), Next(name, len(steps))


def _kind(declared: Mapping[str, Parameter], name: str, field: str, *, own: bool) -> Kind | None:
    parameter = declared.get(name)
    if parameter is None or own != (parameter.type == "list") or (field and not own):
        return None
    return next((kind for kind in parameter.fields if kind.name == field), None) if own else parameter


class _Follows:
    """What may come after each hole of the steps."""

    def __init__(self, steps: Sequence[Step]) -> None:
        self._steps = steps

    def after(self, index: int) -> Follow:
        texts: dict[str, None] = {}
        end = False
        seen: set[int] = set()
        ways = [index + 1]
        while ways:
            at = ways.pop()
            if at in seen:
                continue
            seen.add(at)
            match self._steps[at]:
                case Text(text):
                    texts[text[:_HEAD]] = None
                case Take():
                    return _UNKNOWN
                case Ask(skip=other) | Begin(leave=other) | Next(leave=other):
                    ways += (other, at + 1)
                case Again(body=body):
                    ways.append(body)
                case Close():
                    end = True
            if len(texts) > _CHOICES:
                return _UNKNOWN
        return Follow(tuple(texts), end)
