"""The desk: where challenges and solutions meet and candidates go out.

challenge, solution -> Join -> groups -> engine -> leak gate -> evidence kept -> Registry.propose() -> CandidateRecord

Level-triggered: `work()` looks again at every challenge something happened to, and does for it what is still to do; doing it
twice changes nothing. What the registry could not take now stays to be done.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Callable, Sequence, Set
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from structlog import get_logger

from fde_api.candidate import PatternCandidate, Proof
from fde_api.errors import ApiError
from fde_api.primitive import DeploymentPrimitive, PrimitiveSpec
from fde_api.publish import MIN_CUSTOMERS
from fde_events.candidate import CandidateRecord
from fde_events.challenge import Challenge
from fde_events.errors import FdeError, Refused, Unavailable
from fde_extraction.assignment import Assignment, Assignments
from fde_extraction.evidence import EvidenceStore, evidence_of
from fde_extraction.join import MIN_SIBLINGS, Group, Join, Skipped, groups_of
from fde_extraction.proposal import (
    Abstracted,
    Pseudonymous,
    candidate_of,
    next_version,
    proposed_spec,
    successor_name,
)
from fde_extraction.solutions import SourceFile, Submitted
from fde_extraction.status import CandidateStatus, JoinStatus

_CACHE: Final = 256
_GROWN: Final = 2  # a rejected pattern is proposed again when its evidence has grown this many times

log = get_logger(__name__)


class Proposing(Protocol):
    """The part of a Registry the desk uses."""

    def whoami(self) -> str:
        """The engine's own identity."""
        ...

    def propose(self, candidate: PatternCandidate) -> PatternCandidate:
        """Create or renew; a decided one comes back as it is."""
        ...

    def candidates(self) -> Sequence[PatternCandidate]:
        """What was proposed, decided or not."""
        ...

    def primitives(self) -> Sequence[DeploymentPrimitive]:
        """What is published."""
        ...


class Engine(Protocol):
    """The abstraction engine. Errors are :class:`FdeError` or :class:`ApiError` with a sentence."""

    def group(self, files: Sequence[SourceFile]) -> list[list[SourceFile]]:
        """Which of these files, all of one language or of other text with one ending, answer to each other."""
        ...

    def similarity(self, one: SourceFile, other: SourceFile) -> float:
        """0..1."""
        ...

    def check(self, file: SourceFile) -> None:
        """Raises BadInput, with the line, for a file that does not parse."""
        ...

    def abstract(self, group: Group, *, name: str, customers: Sequence[str]) -> Abstracted:
        """One primitive that gives every sibling's files back, but for what it reports as skipped.

        `customers`: names to keep out.
        """
        ...

    def leaks(self, spec: PrimitiveSpec, abstracted: Abstracted, *, customers: Sequence[str]) -> Sequence[str]:
        """What the whole proposal would publish that belongs to one customer: kinds and places, never the texts."""
        ...


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Solutions alike that make a proposal; distinct customers that make it everyone's (never below 2)."""

    min_siblings: int = MIN_SIBLINGS
    min_customers: int = MIN_CUSTOMERS


@dataclass(slots=True)
class Desk:
    """Holds the join, remembers which group is which candidate, and keeps the statuses."""

    registry: Proposing
    evidence: EvidenceStore
    engine: Engine
    pseudonyms: Pseudonymous
    assignments: Assignments
    now: Callable[[], str]
    thresholds: Thresholds = field(default_factory=Thresholds)
    join: Join = field(default_factory=Join)
    statuses: dict[str, JoinStatus] = field(default_factory=dict)
    _dirty: set[str] = field(default_factory=set)
    _made: OrderedDict[Any, Abstracted | str] = field(default_factory=OrderedDict)
    _told: dict[str, CandidateRecord] = field(default_factory=dict)

    def take_challenge(self, challenge: Challenge) -> None:
        """A challenge as it stands now."""
        self._dirty |= self.join.add_challenge(challenge)
        for merged in {challenge.id, *challenge.redirects} - self.join.challenges.keys():
            self._dirty.discard(merged)
            self.statuses.pop(merged, None)

    def take_solution(self, submitted: Submitted) -> None:
        """A submitted solution."""
        self._dirty |= self.join.add_solution(submitted)

    @property
    def has_work(self) -> bool:
        """Whether something happened that `work` has not looked at."""
        return bool(self._dirty)

    def work(self) -> list[CandidateRecord]:
        """Do what is to do; the candidates that are new or changed.

        Raises :class:`Unavailable` when the registry does not answer; what is left stays to be done.
        """
        records: list[CandidateRecord] = []
        for challenge in sorted(self._dirty):
            made = self._look(self.join.challenges[challenge])
            self._dirty.discard(challenge)
            for record in made:
                told = self._told.get(record.id)
                if told is None or _without_time(told) != _without_time(record):
                    self._told[record.id] = record
                    records.append(record)
        return records

    def _look(self, challenge: Challenge) -> list[CandidateRecord]:
        members = self.join.members(challenge.id)
        forbidden = sum(member.solution.reuse == "forbidden" for member in members)
        needed = self.thresholds.min_siblings
        if challenge.ignored:
            self._say(challenge, "Ignored", len(members), forbidden)
            return []
        if len(members) < needed:
            self._say(challenge, "AwaitingSolutions", len(members), forbidden)
            return []
        groups, skipped = groups_of(
            challenge.id,
            members,
            alike=self.engine.group,
            similarity=self.engine.similarity,
            check=self.engine.check,
            min_siblings=needed,
        )
        records, candidates, held = [], [], []
        published = self.registry.primitives() if groups else ()
        taken: set[str] = set()
        for group in groups:
            assignment = self._assign(challenge, group, published, taken)
            taken.add(assignment.candidate)
            try:
                candidate, evidence, used = self._propose(challenge, group, assignment, published)
            except Unavailable:
                raise
            except (FdeError, ApiError) as error:
                held.append(f"{len(group.siblings)} {group.language} solutions: {error}")
                log.warning(
                    "group_held_back", challenge=challenge.id, language=group.language, error=type(error).__name__
                )
                continue
            records.append(_record(candidate, group, evidence, self.now()))
            candidates.append(_status(candidate, group))
            skipped += used.skipped
        if not groups:
            may = len(members) - forbidden
            held.append(
                f"{len(members)} solutions, {may} of them may be reused; no {needed} of those, of one right of reuse, hold files "
                "that are alike"
            )
        state = "Proposed" if candidates else "HeldBack"
        self._say(challenge, state, len(members), forbidden, candidates=candidates, held=held, skipped=skipped)
        return records

    def _propose(
        self,
        challenge: Challenge,
        group: Group,
        assignment: Assignment,
        published: Sequence[DeploymentPrimitive],
    ) -> tuple[PatternCandidate, str, Abstracted]:
        customers = sorted(group.customers | {sighting.customer for sighting in challenge.sightings})
        abstracted = self._abstract(group, assignment.primitive, customers)
        group = abstracted.within(group)
        proof = abstracted.proof
        if len(group.siblings) < self.thresholds.min_siblings:
            raise Refused(
                f"only {len(group.siblings)} of the siblings can be used; {self.thresholds.min_siblings} are needed."
            )
        if proof.rebuilt != proof.siblings or proof.siblings != len(group.siblings) or proof.leaks:
            raise Refused(f"the proof does not hold ({proof.line()}), nothing is proposed.")
        spec = proposed_spec(
            challenge,
            group,
            abstracted,
            name=assignment.primitive,
            version=next_version(published, assignment.primitive),
            pseudonyms=self.pseudonyms,
            min_customers=self.thresholds.min_customers,
        )
        if leaks := self.engine.leaks(spec, abstracted, customers=customers):
            raise Refused(f"the leak gate found {len(leaks)} leaks, nothing is proposed: {'; '.join(leaks[:5])}.")
        evidence = self.evidence.put(
            evidence_of(
                challenge.id, group.language, abstracted.files, abstracted.bindings, explained=abstracted.explained
            )
        )
        name, judged = assignment.candidate, self._judged(challenge, group, assignment)
        while True:
            fresh = candidate_of(
                challenge, group, abstracted, spec, name=name, author=self.registry.whoami(), evidence=evidence
            )
            stored = self.registry.propose(fresh)
            if not _needs_successor(stored, fresh, judged):
                return stored, evidence, abstracted
            name = successor_name(name, stored.spec.evidence_digest or "")

    def _judged(self, challenge: Challenge, group: Group, assignment: Assignment) -> int:
        """Siblings of rejected patterns that came to this one when challenges were merged: they are no new evidence."""
        if not challenge.redirects:
            return 0
        names = self.assignments.others(challenge, group, assignment)
        rejected = (c for c in self.registry.candidates() if c.metadata.name in names and c.state == "Rejected")
        return sum(_siblings(candidate.spec.proof) for candidate in rejected)

    def _abstract(self, group: Group, name: str, customers: Sequence[str]) -> Abstracted:
        key = (name, group.owner, tuple((file.place, file.digest) for file in group.files))
        made = self._made.get(key)
        if made is None:
            try:
                made = self.engine.abstract(group, name=name, customers=customers)
            except (FdeError, ApiError) as error:
                made = str(error)
            # A bug in the engine, met on one stranger's code, holds back one group and not the worker. The message may
            # quote that code, so only the type is told.
            except Exception as error:  # noqa: BLE001
                log.error("abstraction_failed", challenge=group.challenge, error=type(error).__name__)
                made = f"the abstraction engine failed ({type(error).__name__}); this is a bug of the engine"
            self._made[key] = made
            while len(self._made) > _CACHE:
                self._made.popitem(last=False)
        if isinstance(made, str):
            raise Refused(made)
        return made

    def _assign(
        self, challenge: Challenge, group: Group, published: Sequence[DeploymentPrimitive], taken: Set[str]
    ) -> Assignment:
        owner = self.pseudonyms.all_of([group.owner])[0] if group.owner is not None else ""
        ids = {challenge.id, *challenge.redirects}
        foreign = {p.spec.primitive_name for p in published if p.spec.provenance.challenge not in ids}
        return self.assignments.of(challenge, group, owner, taken=taken, foreign=foreign)

    def _say(
        self,
        challenge: Challenge,
        state: Any,
        solutions: int,
        forbidden: int,
        *,
        candidates: Sequence[CandidateStatus] = (),
        held: Sequence[str] = (),
        skipped: Sequence[Skipped] = (),
    ) -> None:
        status = JoinStatus(
            challenge=challenge.id,
            title=challenge.title,
            state=state,
            solutions=solutions,
            needed=self.thresholds.min_siblings,
            forbidden=forbidden,
            candidates=tuple(candidates),
            held_back=tuple(held),
            skipped=tuple(sorted({self._sentence(item) for item in skipped})),
            relieved=tuple(
                f"{self.pseudonyms.all_of([version.customer])[0]} {version.solution.time}: {evidence.sentence}"
                for version, evidence in self.join.relieved(challenge.id)
            ),
        )
        if self.statuses.get(challenge.id) != status:
            self.statuses[challenge.id] = status
            log.info("challenge_joined", challenge=challenge.id, state=state, solutions=solutions, skipped=len(skipped))

    def _sentence(self, skipped: Skipped) -> str:
        place = skipped.path if skipped.line is None else f"{skipped.path}:{skipped.line}"
        return f"{self.pseudonyms.all_of([skipped.customer])[0]} {place}: {skipped.why}"

    def summary(self) -> Counter[str]:
        """How many challenges are in which state."""
        return Counter(status.state for status in self.statuses.values())


def _needs_successor(stored: PatternCandidate, fresh: PatternCandidate, judged: int) -> bool:
    """Whether a person decided this candidate on older evidence, and the newer deserves a candidate of its own.

    `judged`: siblings that were rejected under other names.
    """
    review = stored.spec.review
    if review is None or stored.spec.evidence_digest == fresh.spec.evidence_digest:
        return False
    if review.decision == "Approved":
        old, new = stored.spec.proposal, fresh.spec.proposal
        return (old.template, old.parameters) != (new.template, new.parameters)
    return _siblings(fresh.spec.proof) >= _GROWN * max(1, _siblings(stored.spec.proof) + judged)


def _siblings(proof: Proof | None) -> int:
    return proof.siblings if proof is not None else 0


def _status(candidate: PatternCandidate, group: Group) -> CandidateStatus:
    spec = candidate.spec
    return CandidateStatus(
        name=candidate.metadata.name,
        state=candidate.state,
        language=group.language,
        primitive=spec.proposal.object_name,
        proof=spec.proof.line() if spec.proof is not None else "no proof",
    )


def _record(candidate: PatternCandidate, group: Group, evidence: str, now: str) -> CandidateRecord:
    spec = candidate.spec
    proof = spec.proof
    return CandidateRecord(
        id=candidate.metadata.name,
        challenge=spec.signal.challenge,
        state=candidate.state,
        language=group.language,
        primitive=spec.proposal.primitive_name,
        version=spec.proposal.version,
        parameters=tuple(parameter.name for parameter in spec.proposal.parameters),
        siblings=proof.siblings if proof else 0,
        rebuilt=proof.rebuilt if proof else 0,
        customers=proof.sibling_customers if proof else 0,
        leaks=proof.leaks if proof else 0,
        evidence_digest=spec.evidence_digest or evidence,
        first_seen=spec.signal.first_seen,
        threshold_met=spec.signal.threshold_met,
        proposed_at=now,
        visible_to=spec.proposal.provenance.visible_to,
    )


def _without_time(record: CandidateRecord) -> tuple[Any, ...]:
    return tuple(getattr(record, name) for name in record.__struct_fields__ if name != "proposed_at")
