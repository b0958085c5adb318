"""Languages: the plug point of the abstraction engine. A new language is one file and one folder of cases.

bytes -> Language.parse() -> tree

Ours stand in :data:`OURS`; another package adds one by an entry point of group ``fde.languages``, ``name = "module:Class"``.
A template records a language of another package as ``other``: the path's ending says which it was, and pods, which have no
such package, judge what they render by its tokens (docs/decisions/0008).
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Mapping
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Final, Protocol, get_args

from fde_api.primitive import Language as LanguageName
from fde_events.errors import BadInput
from fde_extraction.tree import Node
from fde_extraction.unparsable import UnparsableSource
from fde_template.dialect import dialect_of

GROUP: Final = "fde.languages"
_SUFFIX: Final = re.compile(r"\.[a-z0-9][a-z0-9._-]{0,30}")


class Language(Protocol):
    """What the engine asks of a language. Text that is the tree's leaves and leads, in order, is the source again.

    A class of another package also has `suffixes`, the endings of its files in lower case, with the dot. It is made without
    arguments; its leaves' places are those that fde_template.place knows.
    """

    @property
    def name(self) -> str:
        """What templates and reports call it."""
        ...

    def parse(self, text: str, path: str) -> Node:
        """The sealed tree of `text`. :class:`UnparsableSource` with the line when it cannot be used."""
        ...


class BrokenLanguage(BadInput):
    """A package that says it brings a language and does not. `where` names the package and the entry point."""


# Told apart here, so that asking for a path's language imports no parser.
OURS: Final[Mapping[str, tuple[str, tuple[str, ...]]]] = {
    "python": ("fde_extraction.languages.python:Python", (".py", ".pyi")),
    "typescript": (
        "fde_extraction.languages.typescript:TypeScript",
        (".ts", ".tsx", ".mts", ".cts", ".js", ".jsx", ".mjs"),
    ),
    "sql": ("fde_extraction.languages.sql:Sql", (".sql",)),
}
SUFFIXES: Final[Mapping[str, LanguageName]] = {
    suffix: name  # type: ignore[misc]
    for name, (_, suffixes) in OURS.items()
    for suffix in suffixes
}


def language_of(path: str) -> LanguageName:
    """The language that a template records for a path; ``other`` for other packages' languages, configuration and text."""
    return next((name for suffix, name in SUFFIXES.items() if path.lower().endswith(suffix)), "other")


def kind_of(path: str) -> str:
    """What siblings must have in common: the language, or of configuration and text the dialect.

    :class:`BrokenLanguage` for a package that brings a language wrongly, even if this path is not of it: it is installed.
    """
    name = language_of(path)
    if name != "other":
        return name
    found = plugged(path)
    return found.name if found is not None else dialect_of(path).name


def plugged(path: str) -> Language | None:
    """Another package's language for `path`, the longest ending first; None when none takes it."""
    found = [suffix for suffix in _plugged() if path.lower().endswith(suffix)]
    return _plugged()[max(found, key=len)] if found else None


@cache
def language(name: LanguageName) -> Language:
    """The language called `name`. Imported when used: each brings a parser."""
    if name not in get_args(LanguageName):
        raise KeyError(name)
    if name == "other":
        return Other()
    module, _, attribute = OURS[name][0].partition(":")
    made: Language = getattr(importlib.import_module(module), attribute)()
    return made


class Other:
    """What is none of ours: by the path another package's language, else configuration and text by their tokens."""

    name = "other"

    def parse(self, text: str, path: str) -> Node:
        """As that language does. :class:`BrokenLanguage` when what it gives back is not the text."""
        found = plugged(path)
        if found is None:
            from fde_extraction.languages.plain import Plain

            return Plain().parse(text, path)
        try:
            root = found.parse(text, path)
        except BadInput:
            raise
        except Exception as error:  # foreign code: the member is skipped, like one that does not parse
            raise UnparsableSource(path, f"language {found.name} stopped with {type(error).__name__}") from error
        leaves = list(root.leaves())
        # What stands between leaves is taken for layout: a word left out there would be nobody's.
        if "".join(leaf.lead + leaf.text for leaf in leaves) != text or any(leaf.lead.strip() for leaf in leaves):
            raise BrokenLanguage(
                f"language {found.name}", "its tree is not the text: leaves, and white space between, must be"
            )
        return root


@cache
def _plugged() -> Mapping[str, Language]:
    """Other packages' languages by ending. Read once a process."""
    found: dict[str, tuple[Language, str]] = {}
    for point in sorted(entry_points(group=GROUP), key=lambda point: (_package(point), point.name)):
        if point.name in OURS and point.value == OURS[point.name][0]:
            continue
        where = f"package {_package(point)}, entry point {GROUP}: {point.name}"
        made = _made(point, where)
        for suffix in _suffixes(made, where):
            if suffix in SUFFIXES:
                raise BrokenLanguage(
                    where, f"takes {suffix}, which is {SUFFIXES[suffix]}. Uninstall it, or ask its author."
                )
            if suffix in found:
                raise BrokenLanguage(
                    where, f"takes {suffix}, which {found[suffix][1]} takes too. Uninstall one of them."
                )
            found[suffix] = made, where
    return {suffix: made for suffix, (made, _) in found.items()}


def _made(point: EntryPoint, where: str) -> Language:
    if point.name in (*OURS, "other"):
        raise BrokenLanguage(where, "is named like a language of ours. Uninstall it, or ask its author.")
    try:
        made = point.load()()
    except Exception as error:  # whatever foreign code raises when it is imported, its package is named
        raise BrokenLanguage(
            where, f"does not load ({type(error).__name__}). Repair or uninstall the package."
        ) from error
    if not callable(getattr(made, "parse", None)) or getattr(made, "name", None) != point.name:
        raise BrokenLanguage(where, f"is no language: it needs `parse(text, path)` and the name {point.name!r}.")
    language: Language = made
    return language


def _suffixes(made: Language, where: str) -> tuple[str, ...]:
    suffixes = getattr(made, "suffixes", ())
    if not isinstance(suffixes, (tuple, list, frozenset)) or not suffixes:
        raise BrokenLanguage(where, "says no `suffixes`, the endings of its files.")
    for suffix in suffixes:
        if not isinstance(suffix, str) or not _SUFFIX.fullmatch(suffix):
            raise BrokenLanguage(where, "has a suffix that is no ending such as '.toy', in lower case.")
    return tuple(sorted(suffixes))


def _package(point: EntryPoint) -> str:
    return point.dist.name if point.dist is not None else "of unknown name"
