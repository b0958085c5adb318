"""Choices: which instances have a block, and which of several spellings, as one flag (or enum) each.

Present and variant pieces -> Choices.of() -> Choice; blocks that the same siblings have are one choice
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field

from fde_extraction.frame import Frame
from fde_extraction.label import Labels

STRUCTURE = "structure"


@dataclass(slots=True, eq=False)
class Choice:
    """`classes`: for each instance of `frame`, which alternative it has, numbered by first appearance. `family`: what is
    chosen: structure, or a style. `words`: of the code that stands in each alternative, for a name. `yes`: the class of a
    flag's true. `number`: counts the choices."""

    frame: Frame
    classes: tuple[int, ...]
    family: Hashable
    yes: int
    number: int
    words: Counter[str] = field(default_factory=Counter)
    labels: Labels = ()
    texts: tuple[str, ...] = ()

    @property
    def is_flag(self) -> bool:
        """Whether there are two alternatives."""
        return max(self.classes) == 1

    def value(self, number: int) -> str:
        """What the parameter is for the alternative `number`."""
        return ("true" if number == self.yes else "false") if self.is_flag else f"variant{number + 1}"


class Choices:
    """All choices of a primitive, in order of first use. `blocks`: which alternative of which choice a frame is."""

    def __init__(self) -> None:
        self.all: list[Choice] = []
        self.blocks: dict[Frame, tuple[Choice, int]] = {}

    def of(
        self, frame: Frame, which: Sequence[Hashable], family: Hashable, *, yes: Hashable = None, labels: Labels = ()
    ) -> tuple[Choice, dict[Hashable, int]]:
        """The choice where the instances of `frame` have `which`, and its class for each of these.

        A choice that is the same for all items of each instance is one of the instances, and not of the items.
        """
        while frame.kind == "items" and (outer := frame.collapse(which)) is not None and frame.parent is not None:
            frame, which = frame.parent, outer
        numbers: dict[Hashable, int] = {}
        for item in which:
            numbers.setdefault(item, len(numbers))
        classes = tuple(numbers[item] for item in which)
        for known in self.all:
            # What only some instances have is spelled in the style that all have theirs in.
            if known.family == family != STRUCTURE and frame.kind == "present" and known.frame in frame.outer():
                outer = frame.project(known.classes, known.frame)
                if len(set(zip(outer, classes, strict=True))) == len(set(outer)) == len(set(classes)):
                    return known, {item: outer[classes.index(number)] for item, number in numbers.items()}
            if known.frame is frame and known.classes == classes and known.family == family:
                return known, numbers
        rare = min(numbers, key=lambda item: (classes.count(numbers[item]), -numbers[item]))
        chosen = numbers[rare] if yes is None else numbers.get(yes, 0)
        made = Choice(frame, classes, family, chosen, len(self.all), labels=labels)
        self.all.append(made)
        return made, numbers
