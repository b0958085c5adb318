"""Endpoints: which entries of the catalogue a template's code is recognised as, and which is its source, its destination.

Code -> recognised() -> Known -> endpoints() -> fde_extraction.inference
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeVar

from fde_extraction.catalogue import Entry, catalogue
from fde_extraction.recogniser import Code, Sighting

# What a recogniser counts. A shared dialect word or an ambiguous name is half of a recognition.
_COUNTS: Final[Mapping[str, int]] = {"words": 1, "dialect": 1}
_SURE: Final = 2
_BY_SQL: Final = frozenset({"sql", "dialect", "words"})
_HTTP: Final = frozenset({"rest", "http-endpoint", "webhook", "graphql", "soap"})  # what carries headers and statuses

Side = Literal["source", "destination"]
SIDES: Final[tuple[Side, Side]] = ("source", "destination")
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Known:
    """An entry that was recognised. `own` and `inherited` say which side it is, by its own role words and its transport's."""

    entry: Entry
    seen: tuple[Sighting, ...]
    own: Mapping[Side, tuple[Sighting, ...]]
    inherited: Mapping[Side, tuple[Sighting, ...]]

    @property
    def points(self) -> int:
        """How surely it is recognised: two a recogniser, one for a word that others share."""
        return _points(self.seen)

    def strength(self, side: Side) -> int:
        """How much says that it is this side; 0: nothing. Its own role words count twice its transport's."""
        return 2 * len(self.own[side]) + len(self.inherited[side])


def recognised(code: Code) -> dict[str, Known]:
    """Every entry that `code` shows surely enough, by name. Of databases that only SQL tells, at most one."""
    entries = catalogue()
    seen = {name: code.found(entry.recognise) for name, entry in entries.items()}
    seen = {name: found for name, found in seen.items() if _points(found) >= _SURE}
    # Dialects share words: of those that SQL alone tells, the one with the most stays, and none beside a named client.
    by_sql = {
        name for name, found in seen.items() if "sql" in entries[name].via and all(s.kind in _BY_SQL for s in found)
    }
    named = {name for name in seen if "sql" in entries[name].via and name not in by_sql}
    best = most([(name, _points(seen[name])) for name in sorted(by_sql)]) if not named else None
    for name in by_sql - {best}:
        del seen[name]
    known = dict[str, Known]()
    for name, found in seen.items():
        entry = entries[name]
        vias = [entries[via] for via in entry.via if via in seen]
        known[name] = Known(
            entry, found,
            {"source": code.found(entry.reads), "destination": code.found(entry.writes)},
            {"source": tuple(s for via in vias for s in code.found(via.reads)),
             "destination": tuple(s for via in vias for s in code.found(via.writes))},
        )  # fmt: skip
    return known


def endpoints(known: Mapping[str, Known]) -> dict[Side, Known | None]:
    """Source and destination. A transport gives way to the system that is reached over it."""
    ends: dict[Side, list[Known]] = {
        side: [k for k in known.values() if side in k.entry.kinds and k.strength(side)] for side in SIDES
    }
    carried = {via for side in SIDES for k in ends[side] for via in k.entry.via}
    # A client of an HTTP API looks up before it writes, and posts to read: it is the side it does more of. Others may be both.
    for api in [k for k in known.values() if over_http(k.entry) and "transport" not in k.entry.kinds]:
        reads, writes = api.strength("source"), api.strength("destination")
        for side in SIDES:
            if api.strength(side) <= min(reads, writes):
                ends[side] = [k for k in ends[side] if k is not api]
    ends = {side: [k for k in ends[side] if k.entry.name not in carried] for side in SIDES}
    chosen = {side: _best(ends[side], side) for side in SIDES}
    first, last = chosen["source"], chosen["destination"]
    if first is not None and first is last:  # between two systems is likelier than within one, where both are seen
        others = {side: _best([k for k in ends[side] if k is not first and k.own[side]], side) for side in SIDES}
        weak: Side = "source" if first.strength("source") <= first.strength("destination") else "destination"
        for side in (weak, *(s for s in SIDES if s != weak)):
            if others[side] is not None:
                chosen[side] = others[side]
                break
    return chosen


def _best(candidates: Sequence[Known], side: Side) -> Known | None:
    return most([(k, (k.strength(side), "transport" not in k.entry.kinds, k.points)) for k in candidates])


def over_http(entry: Entry) -> bool:
    """Whether it is reached over HTTP, so that headers and status codes in the code may be of it."""
    return not _HTTP.isdisjoint((entry.name, *entry.via))


def _points(seen: Sequence[Sighting]) -> int:
    return sum(_COUNTS.get(one.kind, _SURE) for one in seen)


def most(scored: Sequence[tuple[_T, object]]) -> _T | None:
    """The one with the highest score; None when two share it, or there is none."""
    if not scored:
        return None
    highest = max(score for _, score in scored)  # type: ignore[type-var]
    best = [value for value, score in scored if score == highest]
    return best[0] if len(best) == 1 else None
