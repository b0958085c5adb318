"""The join of challenges and solutions, in whatever order they come.

challenge, solution -> Join.add_*() -> members of a challenge -> state (AwaitingSolutions n/3, Ready) -> pools -> groups

A solution joins by the challenge's id or by any signature that belongs to the challenge; one that names neither joins by what
followed it: the deployment's rate fell for good. What a deployment submitted last counts. Pure: nothing here reads a clock, a file or a network; who asks gets the same answer for the same records.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final

from fde_api.publish import MIN_CUSTOMERS
from fde_events.challenge import Challenge, newer
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
from fde_extraction.relief import Relief, relief
from fde_extraction.solutions import SourceFile, Submitted, open_files

MIN_SIBLINGS: Final = 3

Check = Callable[[SourceFile], None]
Place = tuple[str, str]


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
    """Everything received so far, indexed. Ids of challenges that were merged lead to the one they are now."""

    challenges: dict[str, Challenge] = field(default_factory=dict)
    solutions: dict[tuple[str, str], Submitted] = field(default_factory=dict)
    _redirects: dict[str, str] = field(default_factory=dict)
    _by_signature: defaultdict[str, set[tuple[str, str]]] = field(default_factory=lambda: defaultdict(set))
    _by_challenge: defaultdict[str, set[tuple[str, str]]] = field(default_factory=lambda: defaultdict(set))
    _challenges_of: defaultdict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    # By place (customer, deployment): solutions without a challenge's name, challenges seen there, the last sign of life.
    _unnamed: defaultdict[Place, set[tuple[str, str]]] = field(default_factory=lambda: defaultdict(set))
    _seen_at: defaultdict[Place, set[str]] = field(default_factory=lambda: defaultdict(set))
    _alive: dict[Place, str] = field(default_factory=dict)

    def resolve(self, challenge: str) -> str:
        """The id that `challenge` leads to through merges; itself if it was never merged."""
        passed = set()
        while challenge in self._redirects and challenge not in passed:
            passed.add(challenge)
            challenge = self._redirects[challenge]
        return challenge

    def add_challenge(self, challenge: Challenge) -> frozenset[str]:
        """Note a challenge as it stands now; the ids of challenges to look at again.

        A record that is older than what is known (`fde_events.challenge.newer`) comes late, and says nothing.
        """
        touched = self._note_life(challenge)
        old = self.challenges.get(challenge.id)
        late = challenge.id in self._redirects or (old is not None and old != challenge and newer(challenge, old))
        if challenge.erased:
            self._drop(challenge.id)
            for merged in [merged for merged, into in self._redirects.items() if into == challenge.id]:
                del self._redirects[merged]
        elif challenge.merged_into:
            touched |= self._lead(challenge.id, challenge.merged_into)
        elif not late and old != challenge:
            self._drop(challenge.id)
            self.challenges[challenge.id] = challenge
            for signature in challenge.signatures:
                self._challenges_of[signature].add(challenge.id)
            for sighting in challenge.sightings:
                self._seen_at[sighting.customer, sighting.deployment].add(challenge.id)
            for merged in challenge.redirects:
                self._lead(merged, challenge.id)
            touched.add(challenge.id)
        return frozenset(touched & self.challenges.keys())

    def add_solution(self, submitted: Submitted) -> frozenset[str]:
        """Note a solution; the ids of known challenges that it answers (none yet: it waits)."""
        old = self.solutions.get(submitted.key)
        if old == submitted:
            return frozenset()
        self.solutions[submitted.key] = submitted
        solution = submitted.solution
        touched: set[str] = set()
        if solution.challenge is not None:
            self._by_challenge[solution.challenge].add(submitted.key)
            touched.add(self.resolve(solution.challenge))
        else:
            place = (submitted.customer, solution.deployment)
            self._unnamed[place].add(submitted.key)
            touched |= self._seen_at.get(place, set())
        for signature in solution.signatures:
            self._by_signature[signature].add(submitted.key)
            touched |= self._challenges_of.get(signature, set())
        return frozenset(touched & self.challenges.keys())

    def members(self, challenge: str) -> tuple[Submitted, ...]:
        """What each deployment submitted last for the challenge, by (customer, deployment).

        A deployment that submitted nothing for it may have got rid of it all the same: the version after which its rate
        fell is its solution (`relieved`).
        """
        known = self.challenges[challenge]
        keys = {key for name, found in self._by_challenge.items() if self.resolve(name) == challenge for key in found}
        for signature in known.signatures:
            keys |= self._by_signature.get(signature, set())
        last = {
            (submitted.customer, submitted.solution.deployment): submitted for submitted, _ in self.relieved(challenge)
        }
        for submitted in sorted((self.solutions[key] for key in keys), key=_when):
            last[submitted.customer, submitted.solution.deployment] = submitted
        return tuple(last[key] for key in sorted(last))

    def relieved(self, challenge: str) -> tuple[tuple[Submitted, Relief], ...]:
        """Versions that name no challenge, and after which the deployment's rate of this one fell, with the evidence.

        Of several versions of a deployment the one with the strongest evidence; of two equal ones the later.
        """
        found = []
        for sighting in self.challenges[challenge].sightings:
            place = (sighting.customer, sighting.deployment)
            best: tuple[Submitted, Relief] | None = None
            for submitted in sorted((self.solutions[key] for key in self._unnamed.get(place, ())), key=_when):
                if any(self._challenges_of.get(signature) for signature in submitted.solution.signatures):
                    continue
                evidence = relief(
                    sighting.days,
                    submitted.solution.time,
                    self._alive.get(place, ""),
                    asked=len(self._seen_at[place]),
                )
                if evidence is not None and (best is None or evidence.p <= best[1].p):
                    best = (submitted, evidence)
            if best is not None:
                found.append(best)
        return tuple(found)

    def waiting(self) -> tuple[Submitted, ...]:
        """Solutions that name no challenge known so far, and answer none by signature."""
        return tuple(
            submitted
            for _, submitted in sorted(self.solutions.items())
            if self.resolve(submitted.solution.challenge or "") not in self.challenges
            and not any(self._challenges_of.get(signature) for signature in submitted.solution.signatures)
        )

    def _lead(self, merged: str, into: str) -> set[str]:
        """From now on `merged` is `into`; the ids to look at again."""
        self._drop(merged)
        if self.resolve(into) != merged:
            self._redirects[merged] = into
        return {self.resolve(into)}

    def _drop(self, challenge: str) -> None:
        old = self.challenges.pop(challenge, None)
        if old is None:
            return
        for signature in old.signatures:
            self._challenges_of[signature].discard(challenge)
        for sighting in old.sightings:
            self._seen_at[sighting.customer, sighting.deployment].discard(challenge)

    def _note_life(self, challenge: Challenge) -> set[str]:
        """Signs of life of the deployments; the challenges whose unnamed solutions may be told by them now."""
        touched: set[str] = set()
        for sighting in challenge.sightings:
            place = (sighting.customer, sighting.deployment)
            told, known = max(sighting.alive, sighting.last_seen), self._alive.get(place, "")
            if told > known:
                self._alive[place] = told
                if told[:10] > known[:10] and self._unnamed.get(place):
                    touched |= self._seen_at.get(place, set())
        return touched


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


def _when(submitted: Submitted) -> tuple[str, str, str]:
    return submitted.solution.time, submitted.solution.id, submitted.customer
