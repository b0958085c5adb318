"""The join of challenges and solutions, in whatever order they come.

challenge, solution -> Join.add_*() -> members of a challenge -> state (AwaitingSolutions n/3, Ready) -> pools -> groups

A solution joins by the challenge's id or by any signature that belongs to the challenge. What a deployment submitted last
counts. Pure: nothing here reads a clock, a file or a network; who asks gets the same answer for the same records.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final

from fde_api.publish import MIN_CUSTOMERS
from fde_events.challenge import Challenge
from fde_events.errors import BadInput
from fde_extraction.counterpart import (
    CODE,
    Alike,
    Column,
    GroupAlike,
    alliances,
    columns,
    deployment_of,
    is_lock_file,
)
from fde_extraction.solutions import SourceFile, Submitted, open_files

MIN_SIBLINGS: Final = 3

Check = Callable[[SourceFile], None]


@dataclass(frozen=True, slots=True)
class Group:
    """Whole solutions that answer in the same way, each of another deployment: siblings to abstract together.

    `columns`: one a file of the solution, each with that file of every sibling, siblings always in the same order.
    `language`: the one most of the code is in. `owner` None: reuse is allowed to all of them. Otherwise the customer to
    which they must stay.
    """

    challenge: str
    language: str
    owner: str | None
    columns: tuple[tuple[SourceFile, ...], ...]

    @property
    def siblings(self) -> tuple[tuple[SourceFile, ...], ...]:
        """Each sibling's files, in the order of the columns."""
        return tuple(zip(*self.columns, strict=True))

    @property
    def files(self) -> tuple[SourceFile, ...]:
        """All of them."""
        return tuple(file for column in self.columns for file in column)

    @property
    def customers(self) -> frozenset[str]:
        """Distinct customers."""
        return frozenset(file.customer for file in self.columns[0])

    @property
    def anchor(self) -> SourceFile:
        """Its earliest file: what the group is named after, so that one more sibling does not rename it."""
        return min(self.files, key=lambda file: (file.time, file.solution, file.path))


@dataclass(frozen=True, slots=True)
class Skipped:
    """A file that takes no part, and why. `line` 1-based where there is one."""

    customer: str
    path: str
    why: str
    line: int | None = None


@dataclass(slots=True)
class Join:
    """Everything received so far, indexed."""

    challenges: dict[str, Challenge] = field(default_factory=dict)
    solutions: dict[tuple[str, str], Submitted] = field(default_factory=dict)
    _by_signature: defaultdict[str, set[tuple[str, str]]] = field(default_factory=lambda: defaultdict(set))
    _by_challenge: defaultdict[str, set[tuple[str, str]]] = field(default_factory=lambda: defaultdict(set))
    _challenges_of: defaultdict[str, set[str]] = field(default_factory=lambda: defaultdict(set))

    def add_challenge(self, challenge: Challenge) -> frozenset[str]:
        """Note a challenge as it stands now; the ids of challenges to look at again.

        Evidence only ever grows: a record that knows less than what is known comes late, and says nothing.
        """
        old = self.challenges.get(challenge.id)
        if old is not None and (old == challenge or _extent(challenge) < _extent(old)):
            return frozenset()
        for signature in old.signatures if old else ():
            self._challenges_of[signature].discard(challenge.id)
        self.challenges[challenge.id] = challenge
        for signature in challenge.signatures:
            self._challenges_of[signature].add(challenge.id)
        return frozenset({challenge.id})

    def add_solution(self, submitted: Submitted) -> frozenset[str]:
        """Note a solution; the ids of known challenges that it answers (none yet: it waits)."""
        old = self.solutions.get(submitted.key)
        if old == submitted:
            return frozenset()
        self.solutions[submitted.key] = submitted
        solution = submitted.solution
        if solution.challenge is not None:
            self._by_challenge[solution.challenge].add(submitted.key)
        touched = {solution.challenge} & self.challenges.keys()
        for signature in solution.signatures:
            self._by_signature[signature].add(submitted.key)
            touched |= self._challenges_of.get(signature, set())
        return frozenset(challenge for challenge in touched if challenge is not None)

    def members(self, challenge: str) -> tuple[Submitted, ...]:
        """What each deployment submitted last for the challenge, by (customer, deployment)."""
        known = self.challenges[challenge]
        keys = set(self._by_challenge.get(challenge, ()))
        for signature in known.signatures:
            keys |= self._by_signature.get(signature, set())
        last: dict[tuple[str, str], Submitted] = {}
        for submitted in sorted((self.solutions[key] for key in keys), key=_when):
            last[submitted.customer, submitted.solution.deployment] = submitted
        return tuple(last[key] for key in sorted(last))

    def waiting(self) -> tuple[Submitted, ...]:
        """Solutions that answer no challenge known so far."""
        return tuple(
            submitted
            for _, submitted in sorted(self.solutions.items())
            if submitted.solution.challenge not in self.challenges
            and not any(self._challenges_of.get(signature) for signature in submitted.solution.signatures)
        )


def groups_of(
    challenge: str,
    members: Iterable[Submitted],
    *,
    alike: GroupAlike,
    similarity: Alike,
    check: Check,
    min_siblings: int = MIN_SIBLINGS,
) -> tuple[list[Group], list[Skipped]]:
    """The groups to abstract, and the files that take no part.

    Allowed solutions are pooled together. An own-customer solution is pooled with its customer's alone, and a group of such a
    pool counts only if it holds one (otherwise the common pool has it already). Forbidden ones are never opened. `check`
    raises :class:`BadInput` for a file that does not parse. A file that not every sibling has is left out and reported.
    The result does not depend on the order of `members`.
    """
    files: list[SourceFile] = []
    skipped: list[Skipped] = []
    private: set[tuple[str, str]] = set()
    for submitted in sorted(members, key=_when):
        if submitted.solution.reuse == "forbidden":
            continue
        if submitted.solution.reuse == "own-customer":
            private.add(submitted.key)
        opened, wrong = open_files(submitted)
        skipped += [Skipped(submitted.customer, error.where, error.why, error.line) for error in wrong]
        for file in opened:
            if is_lock_file(file.path):
                skipped.append(Skipped(file.customer, file.path, "a package manager wrote it"))
                continue
            try:
                check(file)
            except BadInput as error:
                skipped.append(Skipped(file.customer, file.path, error.why, error.line))
                continue
            files.append(file)

    def is_private(file: SourceFile) -> bool:
        return (file.customer, file.solution) in private

    found: list[Group] = []
    owners: list[str | None] = [None, *sorted({customer for customer, _ in private})]
    for owner in owners:
        pool = [f for f in files if (f.customer == owner if owner is not None else not is_private(f))]
        matched, doubles = columns(pool, alike=alike, similarity=similarity, least=min_siblings)
        coded = frozenset(deployment_of(file) for file in pool if file.language in CODE)
        for kept in alliances(matched, coded=coded, least=min_siblings, public=MIN_CUSTOMERS):
            if owner is not None and not any(is_private(file) for file in kept[0].files):
                continue
            group = Group(challenge, _language(kept), owner, tuple(column.files for column in kept))
            found.append(group)
            skipped += _left_out(group, pool, doubles)
    return sorted(
        found, key=lambda g: (g.language, g.owner or "", g.anchor.time, g.anchor.solution, g.anchor.path)
    ), skipped


def _language(kept: Iterable[Column]) -> str:
    """The language that most of the code is in."""
    sizes: defaultdict[str, int] = defaultdict(int)
    for column in kept:
        for file in column.files:
            sizes[file.language] += len(file.data) if column.is_code else 0
    return max(sorted(sizes), key=lambda language: sizes[language])


def _left_out(group: Group, pool: Iterable[SourceFile], doubles: Iterable[SourceFile]) -> list[Skipped]:
    """The files of the group's siblings that are not in it."""
    inside = {file.place for file in group.files}
    solutions = {(file.customer, file.solution) for file in group.files}
    beside = {file.place for file in doubles}
    return [
        Skipped(
            file.customer,
            file.path,
            "another file of the same solution is the nearer sibling"
            if file.place in beside
            else f"not every one of the {len(group.siblings)} siblings has a counterpart of it, so it is left out",
        )
        for file in pool
        if (file.customer, file.solution) in solutions and file.place not in inside
    ]


def _extent(challenge: Challenge) -> tuple[int, int, int]:
    return challenge.events, challenge.deployments, len(challenge.signatures)


def _when(submitted: Submitted) -> tuple[str, str, str]:
    return submitted.solution.time, submitted.solution.id, submitted.customer
