"""The join of challenges and solutions, in whatever order they come.

challenge, solution -> Join.add_*() -> members of a challenge -> state (AwaitingSolutions n/3, Ready) -> pools -> groups

A solution joins by the challenge's id or by any signature that belongs to the challenge. What a deployment submitted last
counts. Pure: nothing here reads a clock, a file or a network; who asks gets the same answer for the same records.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from fde_events.challenge import Challenge
from fde_events.errors import BadInput
from fde_extraction.solutions import SourceFile, Submitted, open_files

MIN_SIBLINGS: Final = 3
ABSTRACTED: Final = frozenset({"python", "typescript", "sql"})

GroupAlike = Callable[[Sequence[SourceFile]], list[list[SourceFile]]]
Alike = Callable[[SourceFile, SourceFile], float]
Check = Callable[[SourceFile], None]


@dataclass(frozen=True, slots=True)
class Group:
    """Files of one language that look alike, one a deployment, each from another deployment.

    `owner` None: reuse is allowed to all of them. Otherwise the customer to which they must stay.
    """

    challenge: str
    language: str
    owner: str | None
    files: tuple[SourceFile, ...]

    @property
    def customers(self) -> frozenset[str]:
        """Distinct customers."""
        return frozenset(file.customer for file in self.files)

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
    raises :class:`BadInput` for a file that does not parse. The result does not depend on the order of `members`.
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
            if file.language not in ABSTRACTED:
                skipped.append(Skipped(file.customer, file.path, f"language {file.language} is not abstracted"))
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
        for language in sorted({file.language for file in pool}):
            same = sorted((f for f in pool if f.language == language), key=lambda f: (f.digest, f.place))
            for near in alike(same):
                kept, doubles = _one_a_deployment(near, similarity)
                if owner is not None and not any(is_private(file) for file in kept):
                    continue
                if len(kept) >= min_siblings:
                    found.append(Group(challenge, language, owner, tuple(kept)))
                    skipped += [
                        Skipped(f.customer, f.path, "another file of the same solution is the nearer sibling")
                        for f in doubles
                    ]
    return sorted(
        found, key=lambda g: (g.language, g.owner or "", g.anchor.time, g.anchor.solution, g.anchor.path)
    ), skipped


def _one_a_deployment(near: Sequence[SourceFile], similarity: Alike) -> tuple[list[SourceFile], list[SourceFile]]:
    """At most one file of each deployment: of several, the one most like the others' files."""
    by_deployment: defaultdict[tuple[str, str], list[SourceFile]] = defaultdict(list)
    for file in near:
        by_deployment[file.customer, file.deployment].append(file)
    kept, doubles = [], []
    for deployment, own in sorted(by_deployment.items()):
        others = [f for f in near if (f.customer, f.deployment) != deployment]

        def nearness(file: SourceFile, others: Sequence[SourceFile] = others) -> float:
            return sum(similarity(file, other) for other in others)

        best = own[0] if len(own) == 1 else max(sorted(own, key=lambda f: f.path), key=nearness)
        kept.append(best)
        doubles += [file for file in own if file is not best]
    return kept, doubles


def _extent(challenge: Challenge) -> tuple[int, int, int]:
    return challenge.events, challenge.deployments, len(challenge.signatures)


def _when(submitted: Submitted) -> tuple[str, str, str]:
    return submitted.solution.time, submitted.solution.id, submitted.customer
