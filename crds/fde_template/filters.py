"""Filters: how one parameter is spelled in one place.

Parameter value -> filters, left to right -> the text of a hole

A filter is a function of the value alone, so fit() needs no inverse: every parameter has a hole that takes its value as
it is, and the other holes are checked against that.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from fde_template.errors import TemplateError
from fde_template.words import pieces, words


def _capital(word: str) -> str:
    return word[:1].upper() + word[1:]


def _camel(text: str) -> str:
    first, *rest = words(text) or ("",)
    return first + "".join(map(_capital, rest))


def _plural(text: str) -> str:
    """English plural of the last word, by ending; the case of the text is kept."""
    if not text:
        return text
    low, upper = text.lower(), text.isupper() and len(text) > 1
    if low.endswith("y") and low[-2:-1] not in ("", "a", "e", "i", "o", "u"):
        stem, end = text[:-1], "ies"
    elif low.endswith(("s", "x", "z", "ch", "sh")):
        stem, end = text, "es"
    else:
        stem, end = text, "s"
    return stem + (end.upper() if upper else end)


FILTERS: Final[Mapping[str, Callable[[str], str]]] = {
    "snake": lambda text: "_".join(words(text)),
    "kebab": lambda text: "-".join(words(text)),
    "dotted": lambda text: ".".join(words(text)),
    "words": lambda text: " ".join(words(text)),
    "flat": lambda text: "".join(words(text)),
    "camel": _camel,
    "pascal": lambda text: "".join(_capital(word) for word in words(text)),
    "title": lambda text: " ".join(_capital(word) for word in words(text)),
    "train": lambda text: "-".join(_capital(word) for word in words(text)),
    "spaced": lambda text: " ".join(pieces(text)),
    "upper": str.upper,
    "lower": str.lower,
    "capital": _capital,
    "plural": _plural,
    "add-s": lambda text: text + ("S" if text.isupper() and len(text) > 1 else "s"),
}

# Spellings looked for, simplest first: the first one that gives every sibling's text is taken.
CHAINS: Final[tuple[tuple[str, ...], ...]] = (
    (),
    ("snake",),
    ("kebab",),
    ("camel",),
    ("pascal",),
    ("snake", "upper"),
    ("title",),
    ("lower",),
    ("upper",),
    ("words",),
    ("flat",),
    ("kebab", "upper"),
    ("words", "upper"),
    ("flat", "upper"),
    ("dotted",),
    ("train",),
    ("words", "capital"),
    ("spaced",),
)


def apply(filters: Sequence[str], text: str) -> str:
    """`text` through `filters`. :class:`TemplateError` for a filter nobody knows."""
    for name in filters:
        known = FILTERS.get(name)
        if known is None:
            raise TemplateError(f"filter {name!r} is not known; known are {', '.join(FILTERS)}")
        text = known(text)
    return text
