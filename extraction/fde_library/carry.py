"""Values carried from one version of a primitive to the next.

(old, new, locked values, given values) -> Carried: what the new version is rendered with, and what became of each name

A parameter that is gone, and one that stands in exactly its holes in the new template, is taken for renamed.
"""

from __future__ import annotations

import difflib
from collections.abc import Hashable, Mapping
from dataclasses import dataclass

from fde_api.primitive import PrimitiveSpec, Segment, Value
from fde_events.errors import Refused

Token = tuple[Hashable, ...]


@dataclass(frozen=True, slots=True)
class Carried:
    """`values` by the new names; `renamed` old names to new ones; `removed`: names whose value is not needed any more."""

    values: dict[str, Value]
    renamed: dict[str, str]
    removed: tuple[str, ...]
    added: tuple[str, ...]


def carried(old: PrimitiveSpec, new: PrimitiveSpec, locked: Mapping[str, Value], given: Mapping[str, Value]) -> Carried:
    """What `new` is rendered with. :class:`Refused` names every parameter that is new, required and not given."""
    before, after = {p.name: p for p in old.parameters}, {p.name: p for p in new.parameters}
    added = [name for name in after if name not in before]
    renamed = {
        gone: name
        for gone, name in _renamed(old, new, set(before) - set(after), set(added)).items()
        if before[gone].type == after[name].type
    }
    values = {renamed.get(name, name): value for name, value in locked.items() if renamed.get(name, name) in after}
    values |= given
    if unknown := sorted(set(given) - set(after)):
        raise Refused(f"{new.object_name} has no parameter {unknown[0]}; it has {', '.join(sorted(after))}.")
    missing = [
        p.name
        for p in new.parameters
        if p.required and p.when is None and p.name not in values and p.type != "secretRef"
    ]
    if missing:
        raise Refused(
            f"{new.object_name} needs a value for {', '.join(missing)}, which {old.object_name} did not need: "
            "give it in a file with --values."
        )
    removed = tuple(name for name in before if name not in after and name not in renamed)
    return Carried(values, renamed, removed, tuple(name for name in added if name not in renamed.values()))


def _renamed(old: PrimitiveSpec, new: PrimitiveSpec, gone: set[str], added: set[str]) -> dict[str, str]:
    """Names that stand, all of them, where another one stands now; a name met twice is none."""
    pairs: dict[str, set[str]] = {name: set() for name in gone}
    counts = dict.fromkeys(gone, 0)
    matched = dict.fromkeys(gone, 0)
    files = {file.path: file.segments for file in new.template.files}
    for file in old.template.files:
        one, two = list(file.segments), list(files.get(file.path, ()))
        for segment in one:
            if _name(segment) in gone:
                counts[_name(segment)] += 1
        mine_all, theirs_all = [_token(segment, gone) for segment in one], [_token(segment, added) for segment in two]
        for a, b, size in difflib.SequenceMatcher(None, mine_all, theirs_all, autojunk=False).get_matching_blocks():
            for mine, theirs in zip(one[a : a + size], two[b : b + size], strict=True):
                if _name(mine) in gone and _name(theirs) in added:
                    pairs[_name(mine)].add(_name(theirs))
                    matched[_name(mine)] += 1
    certain = {
        name: next(iter(found)) for name, found in pairs.items() if len(found) == 1 and matched[name] == counts[name]
    }
    targets = list(certain.values())
    return {name: to for name, to in certain.items() if targets.count(to) == 1}


def _name(segment: Segment) -> str:
    part = segment.hole or segment.when or segment.each
    return part.parameter if part is not None else ""


def _token(segment: Segment, names: set[str]) -> Token:
    """What a segment is, the names in question left out."""
    name = "" if _name(segment) in names else _name(segment)
    if segment.hole is not None:
        return "hole", name, segment.hole.field, segment.hole.place, segment.hole.filters
    if segment.when is not None:
        return "when", name, segment.when.field, segment.when.equals
    if segment.each is not None:
        return "each", name
    return "text", segment.text, segment.mark
