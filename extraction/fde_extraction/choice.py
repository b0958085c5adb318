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
    """`classes`: for each instance of `frame`, which alternative it has, the one that most have first. `family`: what is
    chosen: structure, or a style. `words`: of the code that stands in each alternative, for a name. `yes`: the class of a
    flag's true. `number`: counts the choices."""

    frame: Frame
    classes: tuple[int, ...]
    family: Hashable
    yes: int
    number: int
    words: Counter[str] = field(default_factory=Counter)
    labels: Labels = ()

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
        first: dict[Hashable, int] = {}
        for item in which:
            first.setdefault(item, len(first))
        parted = tuple(first[item] for item in which)
        for known in self.all:
            # What only some instances have is spelled in the style that all have theirs in.
            inner = frame.kind == "present" and known.family == family != STRUCTURE and known.frame in frame.outer()
            if (known.frame is frame and known.family == family) or inner:
                classes = frame.project(known.classes, known.frame) if inner else known.classes
                if len(set(zip(classes, parted, strict=True))) == len(set(classes)) == len(first):
                    return known, {item: classes[parted.index(number)] for item, number in first.items()}
        # Numbered by how many have it, then by its text: what siblings are called changes nothing.
        ranked = sorted(first, key=lambda item: (-parted.count(first[item]), str(item)))
        numbers = {item: number for number, item in enumerate(ranked)}
        classes = tuple(numbers[item] for item in which)
        chosen = len(ranked) - 1 if yes is None else numbers.get(yes, 0)
        made = Choice(frame, classes, family, chosen, len(self.all), labels=labels)
        self.all.append(made)
        return made, numbers
