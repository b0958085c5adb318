"""Placeholders: a harmless text for each place, so that a file can be parsed as it should come out.

place, rendered text -> placeholder() -> what the reference rendering holds there

With optional blocks and repeats a file has as many shapes as it has flags and counts. The reference has the same flags and
counts, and in every hole a text that is certainly only what its place says.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from fde_template.place import refusal

# In this order: a name that is no keyword of any language alone or behind a letter, a number, a truth value.
_TEXTS: Final = ("xq", "1", "True", "true", "")
_WORD: Final = re.compile(r"\w+")
_DIGITS: Final = re.compile(r"[0-9]+")


def placeholder(place: str, text: str) -> str:
    """What stands for `text` at `place`.

    White space, whole statements and markup text are their own: the first is no node, the second are judged by parsing the
    file, the third cannot hold markup; a SQL type is told by its place. A dotted name keeps its dots and a SQL number its form, which are nodes or tokens.
    """
    last = place.rsplit("/", 1)[-1]
    kind = last.rsplit(".", 1)[-1]
    if kind in ("layout", "source", "text") or last == "sql.type":
        return text
    if last.endswith("identifier.dotted"):
        return _WORD.sub("xq", text)
    if last == "sql.number":
        formed = text if text[:2].lower() in ("0x", "0o", "0b") else _DIGITS.sub("1", text)
        return formed if refusal(place, formed) is None else text
    return _of(place) or text


@lru_cache(maxsize=1024)
def _of(place: str) -> str:
    return next((text for text in _TEXTS if refusal(place, text) is None), "")
