"""Regions: the functions, classes, statements and queries that files otherwise unrelated have in common.

texts, trees -> units_of() each -> counterparts of every unit in every file -> runs of neighbours -> Regions

Windows over leaves, as in winnowing (Schleimer, Wilkerson, Aiken 2003), are what is compared; one file, chosen by its content,
is the anchor that all others are matched to, so that the cost is linear in their number and their order does not matter.
Names are a hint between equals only: customers name things their own way.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from fde_api.primitive import Language
from fde_extraction.region_unit import Unit, units_of
from fde_extraction.tree import Node

ALIKE: Final = 0.35  # Jaccard of windows with the anchor's unit, in every file
EVIDENCE: Final = 15.0  # windows in common x Jaccard; what three files share by chance stays far below
PAIR_EVIDENCE: Final = 20.0  # of two files: unrelated code of 110 packages stays below 18
RUN_EVIDENCE: Final = 30.0  # of units too small to count alone, together
SMALL_LEAVES: Final = 40  # a unit below is no region by itself: such pieces are in every code base
SMALL_LINES: Final = 6
MARGIN: Final = 0.02  # by which a counterpart must beat the second best
_NAME_HINT: Final = 0.1
_COMPANION: Final = 0.5  # Jaccard of small units that stand beside a region or are used by it
_INSIDE: Final = 0.25  # by which what a class or statement holds must be more alike than the whole to be taken instead
_COMMON: Final = 8  # a window in more units of one file than this says nothing


@dataclass(frozen=True, slots=True)
class Code:
    """One file, read: `text` and its tree."""

    text: str
    tree: Node
    language: Language


@dataclass(frozen=True, slots=True)
class Span:
    """Characters [start, end) of a file; `first`, `last`: lines, from 1."""

    start: int
    end: int
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Region:
    """One stretch of code with its counterpart in every file, in the order of the files given.

    `kinds`: of its units, in order. `names`: what each file calls them, private. `used`: identifiers in it, of each file.
    `inner`: what to try instead when a class or statement as a whole is too different.
    """

    kinds: tuple[str, ...]
    names: tuple[tuple[str, ...], ...]
    spans: tuple[Span, ...]
    used: tuple[frozenset[str], ...]
    inner: tuple[Region, ...] = ()


@dataclass(frozen=True, slots=True)
class Regions:
    """What the files share, in the anchor's order; never empty."""

    regions: tuple[Region, ...]


Group = tuple[int, ...]  # the index of a unit in each file


def regions_of(files: Sequence[Code]) -> Regions | None:
    """The regions that every file has; None when there are none worth a template. Spans are in the order of `files`."""
    if len(files) < 2 or len({file.language for file in files}) > 1:
        return None
    order = sorted(range(len(files)), key=lambda k: _content(files[k].text))
    matching = _Matching([files[k] for k in order])
    found = matching.regions()
    if not found:
        return None
    back = [order.index(k) for k in range(len(files))]
    return Regions(tuple(_ordered(region, back) for region in found))


def _ordered(region: Region, back: Sequence[int]) -> Region:
    return Region(
        region.kinds,
        tuple(region.names[k] for k in back),
        tuple(region.spans[k] for k in back),
        tuple(region.used[k] for k in back),
        tuple(_ordered(inner, back) for inner in region.inner),
    )


def _content(text: str) -> tuple[int, str]:
    return len(text), hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


class _Matching:
    """Files in an order of their content."""

    def __init__(self, files: Sequence[Code]) -> None:
        self.files = files
        self.units = [units_of(file.text, file.tree, file.language) for file in files]
        # The file with the fewest units: whatever is shared is in it, and least else.
        self.anchor = min(range(len(files)), key=lambda k: (len(self.units[k]), k))
        self.others = [k for k in range(len(files)) if k != self.anchor]
        self.indexed = [_index(units) for units in self.units]
        self.enough = EVIDENCE if len(files) > 2 else PAIR_EVIDENCE
        self.taken: list[set[int]] = [set() for _ in files]

    def regions(self) -> list[Region]:
        """Outermost first: what a class holds is looked at where the class itself is not shared."""
        pairs = {
            number: group for number in range(len(self.units[self.anchor])) if (group := self._counterparts(number))
        }
        groups: list[Group] = []
        for group in pairs.values():
            if self._counts(group) and self._free(group) and not self._hides(group, pairs):
                self._take(group)
                groups.append(group)
        loose = [group for group in pairs.values() if self._free(group)]
        for run in self._runs(loose):
            if len(run) > 1 and sum(self._evidence(group) for group in run) >= RUN_EVIDENCE:
                groups += run
                for group in run:
                    self._take(group)
        while companions := self._companions(groups):
            groups += companions
        return [self._region(run) for run in self._runs(groups)]

    def _counterparts(self, number: int) -> Group | None:
        """The unit's best match in every other file, if each is the best one by a margin and takes it for its own best."""
        chosen = {self.anchor: number}
        for k in self.others:
            best = self._best(self.anchor, number, k)
            if best is None or self._best(k, best, self.anchor) != number:
                return None
            chosen[k] = best
        return tuple(chosen[k] for k in range(len(self.files)))

    def _best(self, source: int, number: int, target: int) -> int | None:
        unit = self.units[source][number]
        shared = Counter[int]()
        for window in unit.windows:
            shared.update(self.indexed[target].get(window, ()))
        scored = []
        for other, count in shared.items():
            candidate = self.units[target][other]
            alike = count / (len(unit.windows) + len(candidate.windows) - count)
            if candidate.kind == unit.kind and alike >= ALIKE:
                scored.append((alike + _NAME_HINT * _dice(unit.names, candidate.names), -other))
        scored.sort(reverse=True)
        if not scored or (len(scored) > 1 and scored[0][0] - scored[1][0] < MARGIN):
            return None
        return -scored[0][1]

    def _windows(self, group: Group) -> tuple[frozenset[int], float]:
        """Windows of the anchor's unit that two thirds of the others have, and the least Jaccard."""
        mine = self.units[self.anchor][group[self.anchor]].windows
        counts = Counter[int]()
        least = 1.0
        for k in self.others:
            theirs = self.units[k][group[k]].windows
            both = mine & theirs
            counts.update(both)
            least = min(least, len(both) / max(1, len(mine | theirs)))
        needed = -(-2 * len(self.others) // 3)
        return frozenset(window for window, count in counts.items() if count >= needed), least

    def _evidence(self, group: Group) -> float:
        core, least = self._windows(group)
        return len(core) * least

    def _counts(self, group: Group) -> bool:
        """Whether it is a region by itself."""
        return not self._small(group) and self._evidence(group) >= self.enough

    def _hides(self, group: Group, pairs: Mapping[int, Group]) -> bool:
        """Whether what it holds is so much more alike that the rest of it is another matter."""
        least = self._windows(group)[1]
        return any(
            self._windows(inner)[1] >= least + _INSIDE and self._counts(inner)
            for inner in pairs.values()
            if all(self.units[k][at].parent == owner for k, (at, owner) in enumerate(zip(inner, group, strict=True)))
        )

    def _small(self, group: Group) -> bool:
        units = [self.units[k][number] for k, number in enumerate(group)]
        return any(
            unit.leaves < SMALL_LEAVES or (unit.lines < SMALL_LINES and unit.leaves < 2 * SMALL_LEAVES)
            for unit in units
        )

    def _free(self, group: Group) -> bool:
        """Whether nothing of it, around it or in it is part of a region yet."""
        for k, number in enumerate(group):
            if number in self.taken[k]:
                return False
            if any(unit.parent == number and at in self.taken[k] for at, unit in enumerate(self.units[k])):
                return False
        return True

    def _take(self, group: Group) -> None:
        for k, number in enumerate(group):
            self.taken[k].add(number)
            # A class comes before its methods, so one pass finds all that is in it.
            for at, unit in enumerate(self.units[k]):
                if unit.parent in self.taken[k]:
                    self.taken[k].add(at)

    def _companions(self, groups: Sequence[Group]) -> list[Group]:
        """Small units beside a region in every file, or used by it in every file."""
        for group in groups:
            for step in (-1, 1):
                beside = [self._beside(k, number, step) for k, number in enumerate(group)]
                if None not in beside and self._alike(tuple(b for b in beside if b is not None)):
                    found = tuple(b for b in beside if b is not None)
                    self._take(found)
                    return [found]
        for group in groups:
            used = [self._used(k, number) for k, number in enumerate(group)]
            for number in used[self.anchor]:
                counterpart = [self._same(number, used[k], k) for k in range(len(self.files))]
                found = tuple(c for c in counterpart if c is not None)
                if len(found) == len(self.files) and self._alike(found):
                    self._take(found)
                    return [found]
        return []

    def _beside(self, k: int, number: int, step: int) -> int | None:
        unit = self.units[k][number]
        for at, other in enumerate(self.units[k]):
            if (other.block, other.ordinal) == (unit.block, unit.ordinal + step) and at not in self.taken[k]:
                return at
        return None

    def _used(self, k: int, number: int) -> list[int]:
        """Free units of the file's outermost block whose name stands in the unit."""
        names = self.units[k][number].names
        return [
            at
            for at, unit in enumerate(self.units[k])
            if unit.parent < 0
            and at not in self.taken[k]
            and unit.name in names
            and unit.kind not in ("statement", "call")
        ]

    def _same(self, number: int, used: Sequence[int], k: int) -> int | None:
        """What plays the part of the anchor's unit in file `k`: the same name, else the only one of the same structure."""
        unit = self.units[self.anchor][number]
        named = [at for at in used if self.units[k][at].name == unit.name]
        alike = [at for at in used if self.units[k][at].windows == unit.windows]
        return named[0] if len(named) == 1 else alike[0] if len(alike) == 1 else None

    def _alike(self, group: Group) -> bool:
        kinds = {self.units[k][number].kind for k, number in enumerate(group)}
        return len(kinds) == 1 and self._free(group) and self._windows(group)[1] >= _COMPANION

    def _runs(self, groups: Sequence[Group]) -> list[list[Group]]:
        """Groups in the anchor's order, those together that are neighbours in the same order in every file."""
        runs: list[list[Group]] = []
        for group in sorted(groups, key=lambda group: self.units[self.anchor][group[self.anchor]].start):
            if runs and self._follows(runs[-1][-1], group):
                runs[-1].append(group)
            else:
                runs.append([group])
        return runs

    def _follows(self, one: Group, other: Group) -> bool:
        return all(
            self.units[k][a].block == self.units[k][b].block
            and self.units[k][a].ordinal + 1 == self.units[k][b].ordinal
            for k, (a, b) in enumerate(zip(one, other, strict=True))
        )

    def _region(self, run: Sequence[Group], *, whole: bool = True) -> Region:
        units = [[self.units[k][group[k]] for group in run] for k in range(len(self.files))]
        heads = _headed([file.text for file in self.files], [mine[0] for mine in units])
        inner = list(self._inner(run)) if whole else []
        return Region(
            kinds=tuple(unit.kind for unit in units[0]),
            names=tuple(tuple(unit.name for unit in mine) for mine in units),
            spans=tuple(_span(files, mine, heads) for files, mine in zip(self.files, units, strict=True)),
            used=tuple(frozenset().union(*(unit.names for unit in mine)) for mine in units),
            inner=tuple(inner),
        )

    def _inner(self, run: Sequence[Group]) -> Iterator[Region]:
        """The shared units of a run one by one, or of its only unit what is shared inside."""
        if len(run) > 1:
            yield from (self._region([group], whole=True) for group in run if not self._small(group))
            return
        (owner,) = run
        inside = []
        for number, unit in enumerate(self.units[self.anchor]):
            group = self._counterparts(number) if unit.parent == owner[self.anchor] else None
            if group and all(self.units[k][at].parent == owner[k] for k, at in enumerate(group)):
                inside.append(group)
        strong = [group for group in inside if self._counts(group)]
        yield from (self._region(part, whole=False) for part in self._runs(strong))


def _index(units: Sequence[Unit]) -> dict[int, list[int]]:
    index: dict[int, list[int]] = defaultdict(list)
    for number, unit in enumerate(units):
        for window in unit.windows:
            index[window].append(number)
    return {window: numbers for window, numbers in index.items() if len(numbers) <= _COMMON}


def _dice(one: frozenset[str], other: frozenset[str]) -> float:
    return 2 * len(one & other) / max(1, len(one) + len(other))


def _headed(texts: Sequence[str], units: Sequence[Unit]) -> bool:
    """Whether the comment lines above belong to the region: every file has as many of them."""
    lines = {text.count("\n", unit.head, unit.start) for text, unit in zip(texts, units, strict=True)}
    return len(lines) == 1


def _span(file: Code, units: Sequence[Unit], headed: bool) -> Span:
    start = units[0].head if headed else units[0].start
    end = units[-1].end
    line_end = file.text.find("\n", end)
    # The line break belongs to the region, so that a rendered one ends as a file does; a query ends inside its statement.
    if units[-1].kind not in ("query",) and line_end >= 0 and not file.text[end:line_end].strip():
        end = line_end + 1
    first = file.text.count("\n", 0, start) + 1
    return Span(start, end, first, first + file.text.count("\n", start, max(start, end - 1)))
