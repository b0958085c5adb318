"""A slot: a stretch where siblings differ, or that may not be published, with everything known about it.

pieces -> draft() -> slots and constants, in order -> unify() -> parameters
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from fde_extraction.label import Labels
from fde_template.words import words

if TYPE_CHECKING:
    from fde_extraction.frame import Frame

Key = tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Slot:
    """`texts`: one per instance of `frame`. `hints`: names that all siblings' code gives it. `whole`: it is all of its literal.
    `labels`: the same with how the code says it, innermost first. `head`: nothing of the literal stands before it.

    `kind`: value, layout (white space) or source (statements). `sensitive`: class that forced it, or the kind of secret
    with `secret` true. `context`: the constant words beside it in the same literal.
    """

    texts: tuple[str, ...]
    place: str
    frame: Frame
    kind: Literal["value", "layout", "source"] = "value"
    hints: tuple[str, ...] = ()
    whole: bool = True
    leaf: str = ""
    secret: bool = False
    sensitive: str = ""
    context: tuple[str, ...] = ()
    labels: Labels = ()
    head: bool = False


def singular(word: str) -> str:
    """A word without its English plural ending; only for comparing, never for showing."""
    if len(word) > 3 and word.endswith("ies"):
        return word[:-3] + "y"
    if len(word) > 4 and word.endswith(("ses", "xes", "zes", "ches", "shes")):
        return word[:-2]
    if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is")):
        return word[:-1]
    return word


def key_of(texts: Sequence[str]) -> Key | None:
    """What makes two slots one value: every sibling's words, the last one singular. None when a sibling has no word."""
    key = tuple(spelling(text) for text in texts)
    return key if all(key) else None


def spelling(text: str) -> tuple[str, ...]:
    """The words of a text, the last one singular: equal for all spellings of one value."""
    parts = words(text)
    return (*parts[:-1], singular(parts[-1])) if parts else ()
