"""Counterparts: which file of one solution answers to which of another, and which solutions answer in the same way.

files of a pool -> columns(): alike, one a deployment -> alliances(): the deployments that have the same columns

A deployment's files belong together: it is in one alliance, with every file that all of its allies have, whatever the
language. Pure; the outcome depends on no order of arrival.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import sqrt
from pathlib import PurePosixPath
from statistics import median
from typing import Final

from fde_extraction.solutions import SourceFile
from fde_template.words import words

CODE: Final = frozenset({"python", "typescript", "sql"})
# What package managers write: nobody's solution, and large.
LOCK_FILES: Final = frozenset(
    "package-lock.json npm-shrinkwrap.json pnpm-lock.yaml yarn.lock bun.lock poetry.lock pdm.lock uv.lock pipfile.lock "
    "cargo.lock go.sum composer.lock gemfile.lock flake.lock deno.lock .terraform.lock.hcl".split()
)
_BESIDE: Final = 0.5  # a file of configuration counts half a file of code, when what to give up is weighed

Deployment = tuple[str, str]
GroupAlike = Callable[[Sequence[SourceFile]], list[list[SourceFile]]]
Alike = Callable[[SourceFile, SourceFile], float]


@dataclass(frozen=True, slots=True)
class Column:
    """Files that answer to each other, one a deployment, in order of the deployments."""

    files: tuple[SourceFile, ...]

    @property
    def deployments(self) -> frozenset[Deployment]:
        """Whose they are: (customer, deployment)."""
        return frozenset(map(deployment_of, self.files))

    @property
    def is_code(self) -> bool:
        """Whether it is in a language that has a syntax here; else configuration or other text that rides along."""
        return self.files[0].language in CODE

    def of(self, deployments: frozenset[Deployment]) -> Column:
        """The files of these deployments alone."""
        return Column(tuple(file for file in self.files if deployment_of(file) in deployments))


def deployment_of(file: SourceFile) -> Deployment:
    """(customer, deployment)."""
    return file.customer, file.deployment


def is_lock_file(path: str) -> bool:
    """Whether a package manager wrote it."""
    return PurePosixPath(path).name.lower() in LOCK_FILES


def columns(
    files: Iterable[SourceFile], *, alike: GroupAlike, similarity: Alike, least: int
) -> tuple[list[Column], list[SourceFile]]:
    """The columns of at least `least` deployments, and the files that another file of their solution keeps out of one.

    Code is matched by what it says; of several alike files in one solution each answers to the one most like it, path
    included. Other text, where values are most of what it says, is matched by its file's name too.
    """
    kinds: defaultdict[tuple[str, str], list[SourceFile]] = defaultdict(list)
    for file in files:
        ending = "" if file.language in CODE else PurePosixPath(file.path).suffix.lower()
        kinds[file.language, ending].append(file)
    found: list[Column] = []
    doubles: list[SourceFile] = []
    for (language, _), same in sorted(kinds.items()):
        alone: list[SourceFile] = []
        for near in alike(sorted(same, key=lambda f: (f.digest, f.place))):
            apart = _apart(near, similarity)
            whole = [column for column in apart if len(column.files) >= least]
            rest = [file for column in apart if len(column.files) < least for file in column.files]
            found += whole
            if language not in CODE:
                alone += rest
            elif whole:
                doubles += rest
        named: defaultdict[str, list[SourceFile]] = defaultdict(list)
        for file in alone:
            named[PurePosixPath(file.path).name.lower()].append(file)
        for _, near in sorted(named.items()):
            found += [column for column in _apart(near, similarity) if len(column.files) >= least]
    return sorted(found, key=_place), doubles


def alliances(
    found: Sequence[Column], *, coded: frozenset[Deployment], least: int, public: int
) -> list[tuple[Column, ...]]:
    """Columns with all and only the files of deployments that answered in the same way; each deployment in one at most.

    More deployments with fewer files, or fewer with more: twice as much of each solution weighs as much as four times the
    deployments, a file by its size against the largest. First come those of `public` distinct customers. Configuration alone
    is worth nothing to `coded` deployments, which handed in code.
    """
    left = frozenset[Deployment]().union(*(column.deployments for column in found))
    made: list[tuple[Column, ...]] = []
    while True:
        sets = {column: column.deployments & left for column in found}
        choices = {one & other for one, other in combinations(set(sets.values()), 2)} | set(sets.values())
        ranked = []
        for allies in choices:
            if len(allies) < least:
                continue
            kept = tuple(column.of(allies) for column, those in sets.items() if allies <= those)
            if not any(column.is_code for column in kept) and allies & coded:
                continue
            customers = len({customer for customer, _ in allies})
            ranked.append((customers < public, -_worth(kept), len(allies), sorted(allies), kept))
        if not ranked:
            return made
        *_, kept = min(ranked, key=lambda entry: entry[:4])
        made.append(kept)
        left -= kept[0].deployments


def _worth(kept: Sequence[Column]) -> float:
    sizes = [median(len(file.data) for file in column.files) for column in kept]
    largest = max((size for size, column in zip(sizes, kept, strict=True) if column.is_code), default=max(sizes))
    weights = [
        min(1.0, size / max(1, largest)) * (1 if column.is_code else _BESIDE)
        for size, column in zip(sizes, kept, strict=True)
    ]
    return sqrt(len(kept[0].files)) * sum(weights)


def _apart(near: Sequence[SourceFile], similarity: Alike) -> list[Column]:
    """Files that are all alike, with at most one of each deployment in a column."""
    own: defaultdict[Deployment, list[SourceFile]] = defaultdict(list)
    for file in sorted(near, key=lambda f: (f.path, f.digest)):
        own[deployment_of(file)].append(file)
    first = min(own, key=lambda who: (-len(own[who]), own[who][0].time, who))
    seats: list[list[SourceFile]] = [[seed] for seed in own.pop(first)]
    for _, files in sorted(own.items()):
        pairs = sorted(
            ((-similarity(file, seat[0]) - _named_alike(file.path, seat[0].path), k, file.path, n)
            for n, file in enumerate(files) for k, seat in enumerate(seats))
        )  # fmt: skip
        taken, seated = set[int](), set[int]()
        for _, seat, _, number in pairs:
            if seat not in taken and number not in seated:
                taken.add(seat)
                seated.add(number)
                seats[seat].append(files[number])
    return [Column(tuple(sorted(seat, key=deployment_of))) for seat in seats]


def _named_alike(one: str, other: str) -> float:
    """0..1: the share of trailing parts that two paths have in common; a file's name in part, by its words."""
    mine, theirs = PurePosixPath(one).parts[::-1], PurePosixPath(other).parts[::-1]
    same = 0
    while same < min(len(mine), len(theirs)) and mine[same].lower() == theirs[same].lower():
        same += 1
    if same:
        return 0.5 + 0.5 * same / max(len(mine), len(theirs))
    a, b = set(words(mine[0])), set(words(theirs[0]))
    return 0.5 * len(a & b) / max(1, len(a | b))


def _place(column: Column) -> tuple[bool, str, str, str, str]:
    first = min(column.files, key=lambda f: (f.time, f.solution, f.path))
    return not column.is_code, first.language, first.path, first.solution, first.digest
