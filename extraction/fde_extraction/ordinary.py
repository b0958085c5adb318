"""Ordinary words: what anybody writes in programs and their comments, whoever the customer is.

ordinary.txt (a catalogue; its head says how it was made) -> takes(text): may stay in a block that two customers share
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from fde_extraction.slot import singular
from fde_template.words import words


@cache
def ordinary() -> frozenset[str]:
    """The words, lower case."""
    text = (files("fde_extraction") / "ordinary.txt").read_text("utf-8")
    return frozenset(line for line in text.splitlines() if line and not line.startswith("#"))


def takes(text: str, own: frozenset[str]) -> bool:
    """Whether all words of `text` are ordinary, or the code's `own`; numbers have three digits at most."""
    known = ordinary()
    return all(
        len(word) < 3
        or word in known
        or singular(word) in known
        or word in own
        or singular(word) in own
        or (word.isdigit() and len(word) <= 3)
        for word in words(text)
    )
