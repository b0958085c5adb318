"""Ordinary words: what anybody writes in programs and their comments, whoever the customer is.

ordinary.txt (a catalogue; its head says how it was made) -> takes(text): may stay in a block that two customers share
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Final

from fde_extraction.slot import singular
from fde_template.words import words

_ENDINGS: Final = (
    ("ing", ""), ("ing", "e"), ("ings", ""), ("ed", ""), ("ed", "e"), ("er", ""), ("er", "e"), ("ers", ""), ("ly", ""), ("es", ""), ("s", ""), ("d", ""),
)  # fmt: skip
# What buttons, titles and messages of any program say; the modules that ordinary.txt was counted in have no such.
_SHOWN: Final = frozenset(
    "approve reject cancel confirm submit save discard edit close back next previous preview download upload refresh retry continue finish "
    "skip apply clear settings help welcome loading parked dropped skipped pending approval rejected cancelled".split()
)
_FACTORS: Final = frozenset({1000, 3600, 60000, 86400, 1000000, 3600000, 86400000, 1000000000})
_BEGINNINGS: Final = ("re", "un", "non", "pre")


@cache
def ordinary() -> frozenset[str]:
    """The words, lower case."""
    text = (files("fde_extraction") / "ordinary.txt").read_text("utf-8")
    return frozenset(line for line in text.splitlines() if line and not line.startswith("#"))


def is_known_number(text: str) -> bool:
    """Whether a number in one customer's code is nobody's choice: two digits, an HTTP status, a unit's factor, a power of two."""
    if len(text) < 3:
        return True
    return text.isdigit() and (100 <= int(text) < 600 or int(text) in _FACTORS or int(text) & (int(text) - 1) == 0)


def is_phrase(text: str) -> bool:
    """Whether `text` is several words with blanks between: something said, and no name or value."""
    return len(text.split()) > 1 and len(words(text)) > 1


def takes(text: str, own: frozenset[str]) -> bool:
    """Whether all words of `text` are ordinary, or the code's `own`; numbers have three digits at most."""
    return all(
        len(word) < 3
        or word in own
        or singular(word) in own
        or is_ordinary(word)
        or (word.isdigit() and len(word) <= 3)
        for word in words(text)
    )


def is_ordinary(word: str) -> bool:
    """Whether a lower-case word is ordinary, or an English form of one: ``readings``, ``reopened``."""
    known = ordinary()
    if word in known or singular(word) in known or word in _SHOWN:
        return True
    stems = {word[: -len(end)] + put for end, put in _ENDINGS if word.endswith(end) and len(word) - len(end) > 2}
    stems |= {stem[len(start) :] for stem in (word, *stems) for start in _BEGINNINGS if stem.startswith(start)}
    return any(len(stem) > 2 and stem in known for stem in stems)
