"""Languages: the plug point of the abstraction engine. A new language is one file and one folder of cases.

bytes -> Language.parse() -> tree
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Final, Protocol

from fde_api.primitive import Language as LanguageName
from fde_extraction.tree import Node


class Language(Protocol):
    """What the engine asks of a language. Text that is the tree's leaves and leads, in order, is the source again."""

    name: LanguageName

    def parse(self, text: str, path: str) -> Node:
        """The sealed tree of `text`. :class:`UnparsableSource` with the line when it cannot be used."""
        ...


SUFFIXES: Final[Mapping[str, LanguageName]] = {
    ".py": "python",
    ".pyi": "python",
    ".ts": "typescript",
    ".tsx": "typescript",
    ".mts": "typescript",
    ".cts": "typescript",
    ".js": "typescript",
    ".jsx": "typescript",
    ".mjs": "typescript",
    ".sql": "sql",
}


def language_of(path: str) -> LanguageName:
    """The language a path's ending says; ``other`` when nobody knows it."""
    return next((name for suffix, name in SUFFIXES.items() if path.lower().endswith(suffix)), "other")


@cache
def language(name: LanguageName) -> Language:
    """The language called `name`. Imported when used: each brings a parser."""
    if name == "python":
        from fde_extraction.languages.python import Python

        return Python()
    if name == "typescript":
        from fde_extraction.languages.typescript import TypeScript

        return TypeScript()
    if name == "sql":
        from fde_extraction.languages.sql import Sql

        return Sql()
    raise KeyError(name)
