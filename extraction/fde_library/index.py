"""Search over published primitives: SQLite FTS5 in memory, three weighted fields, deterministic, no model.

DeploymentPrimitive -> Document (what it is called, what it says, its text) -> bm25 over 10 : 5 : 1 -> Hit
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from fde_api.primitive import DeploymentPrimitive

# Measured on CoSQA in research: names and prose before code; splitting identifiers matters most where there is no prose.
_WEIGHTS: Final = (10.0, 5.0, 1.0)
_FIELDS: Final = ("called", "says", "text")
_FIELD_NAMES: Final = {"called": "name", "says": "parameters", "text": "template"}
_WORD: Final = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|\d+|[^\W\d_]+")
_VERSION: Final = re.compile(r"v(\d+)\.(\d+)\.(\d+)(-?)")


@dataclass(frozen=True, slots=True)
class Hit:
    """One primitive, in its newest version. `score`: higher is nearer; `matched`: which fields hold a word of the query."""

    primitive: DeploymentPrimitive
    score: float
    matched: tuple[str, ...]
    versions: tuple[str, ...]


class Index:
    """An index over primitives. Several versions of one name are one entry: the newest, with the others listed."""

    def __init__(self, primitives: Iterable[DeploymentPrimitive]) -> None:
        versions: dict[str, list[DeploymentPrimitive]] = {}
        for primitive in primitives:
            versions.setdefault(primitive.spec.primitive_name, []).append(primitive)
        self._entries = [sorted(found, key=_age) for _, found in sorted(versions.items())]
        self._database = sqlite3.connect(":memory:", check_same_thread=False)
        self._database.execute(
            f"CREATE VIRTUAL TABLE entry USING fts5({', '.join(_FIELDS)}, tokenize='porter unicode61')"
        )
        self._database.executemany(
            "INSERT INTO entry(rowid, called, says, text) VALUES (?, ?, ?, ?)",
            ((row, *_document(found[-1])) for row, found in enumerate(self._entries)),
        )

    def search(self, words: str, *, limit: int = 10) -> list[Hit]:
        """The nearest primitives, nearest first; none when no word matches."""
        terms = split(words)
        if not terms:
            return []
        query = " OR ".join(f'"{term}"' for term in dict.fromkeys(terms))
        rows = self._database.execute(
            "SELECT rowid, bm25(entry, ?, ?, ?) AS rank FROM entry WHERE entry MATCH ? ORDER BY rank, rowid LIMIT ?",
            (*_WEIGHTS, query, limit),
        ).fetchall()
        return [self._hit(int(row), -float(rank), query) for row, rank in rows]

    def _hit(self, row: int, score: float, query: str) -> Hit:
        found = self._entries[row]
        matched = tuple(
            _FIELD_NAMES[field]
            for field in _FIELDS
            if self._database.execute(
                "SELECT 1 FROM entry WHERE rowid = ? AND entry MATCH ?", (row, f"{field} : ({query})")
            ).fetchone()
        )
        return Hit(found[-1], score, matched, tuple(primitive.spec.version for primitive in found))


def split(text: str) -> list[str]:
    """Lower-case words, identifiers taken apart: ``retryAfter_ms`` is ``retry``, ``after``, ``ms``."""
    return [word.lower() for word in _WORD.findall(text)]


def _document(primitive: DeploymentPrimitive) -> tuple[str, str, str]:
    spec = primitive.spec
    pattern = spec.pattern
    called = [spec.primitive_name, spec.domain, *spec.tags, pattern.source.type, pattern.destination.type]
    says = [text for parameter in spec.parameters for text in (parameter.name, parameter.type, parameter.description)]
    text = [segment.text or "" for file in spec.template.files for segment in file.segments]
    return _prose(called), _prose(says), _prose([*(file.path for file in spec.template.files), *text])


def _prose(texts: Sequence[str]) -> str:
    return " ".join(word for text in texts for word in split(text))


def _age(primitive: DeploymentPrimitive) -> tuple[int, ...]:
    match = _VERSION.match(primitive.spec.version)
    if match is None:
        return (0, 0, 0, 0)
    # a pre-release comes before its release
    return (*(int(number) for number in match.groups()[:3]), 0 if match[4] else 1)
