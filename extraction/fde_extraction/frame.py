"""Frames: scopes that count the same instances, so that their values can be one.

parts -> frames() -> each scope's Frame; values of an outer frame are known in the inner ones

Two optional blocks that the same siblings have are one frame. Two repeats are one (a linked list: SELECT, INSERT, VALUES)
when they have the same number of items in every sibling and at least one value in common.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from fde_extraction.differing import Differing
from fde_extraction.piece import Items, Part, Present
from fde_extraction.scope import Scope
from fde_extraction.slot import Key, key_of

# The one scope that stands for all scopes that count the same.
Frame = Scope


def frames(
    roots: Sequence[Scope], files: Sequence[Sequence[Part]], literals: Iterable[Differing]
) -> dict[Scope, Frame]:
    """The frame of every scope; `roots` are the files' scopes of all siblings."""
    whole = Frame("siblings", roots[0].rows)
    found: dict[Scope, Frame] = dict.fromkeys(roots, whole)
    keys: dict[Scope, set[Key]] = defaultdict(set)
    for literal in literals:
        for texts in [literal.piece.texts, *(gap.texts for gap in literal.gaps)]:
            key = key_of(texts)
            if key is not None:
                keys[literal.piece.scope].add(key)
    level = [list(parts) for parts in files]
    while level:
        scopes, below = [], []
        for parts in level:
            for part in parts:
                if isinstance(part, Present):
                    scopes.append(part.scope)
                    below.append(part.body)
                elif isinstance(part, Items):
                    scopes.append(part.scope)
                    below.append([*part.body, *part.between])
        _framed(scopes, keys, found)
        level = below
    return found


def _framed(scopes: Sequence[Scope], keys: Mapping[Scope, set[Key]], found: dict[Scope, Frame]) -> None:
    """Frames for `scopes`, whose parents have theirs."""
    groups: dict[tuple[Frame, str, tuple[int, ...]], list[Scope]] = defaultdict(list)
    for scope in scopes:
        if scope not in found and scope.parent is not None:
            groups[found[scope.parent], scope.kind, scope.rows].append(scope)
    for (parent, kind, rows), members in groups.items():
        if kind == "present":
            frame = next(
                (f for f in found.values() if f.kind == "present" and f.parent is parent and f.rows == rows),
                Frame("present", rows, parent),
            )
            found |= dict.fromkeys(members, frame)
            continue
        for linked in _linked(members, keys, parent, rows):
            found |= dict.fromkeys(linked, Frame("items", rows, parent))


def _linked(
    members: Sequence[Scope], keys: Mapping[Scope, set[Key]], parent: Frame, rows: tuple[int, ...]
) -> list[list[Scope]]:
    """`members` in groups that have a value in common which is the items' own."""
    probe = Frame("items", rows, parent)
    groups: list[tuple[set[Key], list[Scope]]] = []
    for scope in members:
        own = {key for key in keys[scope] if probe.collapse(key) is None or len(set(rows)) == len(rows)}
        joined = [group for group in groups if group[0] & own]
        groups = [group for group in groups if group not in joined]
        groups.append((own.union(*(group[0] for group in joined)), [*(s for group in joined for s in group[1]), scope]))
    return [group for _, group in groups]
