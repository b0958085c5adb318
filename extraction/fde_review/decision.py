"""The decision service: the one way to approve, reject, edit. Command line, page and `kubectl fde` call nothing else.

It says beforehand what is missing; the registry is the authority and says it again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from msgspec.structs import replace

from fde_api.candidate import PatternCandidate, Proof, Review
from fde_api.primitive import Language, PrimitiveSpec, Runtime
from fde_api.publish import refusals
from fde_events.errors import Refused
from fde_registry.registry import Registry
from fde_review import workbench
from fde_review.exhibit import Fact, Standing
from fde_review.renaming import is_only_renamed


class Checker(Protocol):
    """The engine's checks on an edited proposal, over the evidence where it is reachable."""

    def recheck(self, candidate: PatternCandidate, proposal: PrimitiveSpec, *, who: str) -> Proof:
        """The proof of `proposal` against the candidate's siblings, and the leak gate over all of it.

        Raises Refused, with the place, when a sibling is not rebuilt or the gate finds something; Refused too when the
        evidence is not reachable (:attr:`reaches` says so beforehand).
        """
        ...

    def reaches(self, candidate: PatternCandidate) -> bool:
        """Whether the candidate's evidence can be read here."""
        ...

    def places_at(
        self, language: Language, path: str, text: str, spans: Sequence[tuple[int, int]]
    ) -> list[tuple[str, str] | None]:
        """What each of `spans` is part of, for holes that a person made (:class:`fde_review.placing.Placing`)."""
        ...

    def leaks(self, proposal: PrimitiveSpec) -> list[str]:
        """What the gate finds without evidence: secrets and sensitive classes, by place."""
        ...

    def inferred(self, proposal: PrimitiveSpec) -> tuple[Sequence[Fact], Sequence[Fact]]:
        """What the template says of itself, and the compliance tags proposed to the reviewer, each with why."""
        ...

    def attributed(self, candidate: PatternCandidate, *, who: str) -> Sequence[Standing]:
        """Where each parameter stands in each sibling. The read is audited; Refused when the evidence is not reachable."""
        ...

    def carried(self, proposal: PrimitiveSpec, proof: Proof) -> Proof:
        """`proof` for a proposal of the same template text, with what is to acknowledge listed anew."""
        ...


def now() -> str:
    """RFC 3339, UTC, seconds."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def missing(candidate: PatternCandidate, *, reviewer: str, acknowledged: bool = False) -> list[str]:
    """What stands between `reviewer` and an approval, as sentences; empty when nothing does.

    `acknowledged`: the reviewer has seen all that the proof lists.
    """
    spec = candidate.spec
    if spec.review is not None:
        return [f"it was {spec.review.decision.lower()} by {spec.review.reviewer} already"]
    review = Review(
        decision="Approved",
        reviewer=reviewer,
        reviewed_generation=candidate.metadata.generation or 1,
        acknowledged=acknowledged,
    )
    return refusals(replace(candidate, spec=replace(spec, review=review)))


def _is_bound(candidate: PatternCandidate) -> bool:
    """Whether its proof is of its proposal."""
    return candidate.spec.proof is not None and candidate.spec.proof.proves(candidate.spec.proposal)


def _filled(candidate: PatternCandidate, runtime: Runtime) -> PatternCandidate:
    """As if it ran so, and had been checked so: only to ask what else stands in the way."""
    proposal = replace(candidate.spec.proposal, runtime=runtime)
    proof = candidate.spec.proof
    if proof is not None and _is_bound(candidate):
        proof = proof.of(proposal)
    return replace(candidate, spec=replace(candidate.spec, proposal=proposal, proof=proof))


def _added(before: Proof | None, after: Proof) -> list[str]:
    """What `after` lists to acknowledge and `before` did not."""
    return [str(item) for item in after.acknowledge if before is None or item not in before.acknowledge]


@dataclass(frozen=True, slots=True)
class Decisions:
    """Decisions and edits of one person, on one registry."""

    registry: Registry
    checker: Checker
    clock: Callable[[], str] = now

    def approve(
        self,
        name: str,
        *,
        reason: str = "",
        generation: int | None = None,
        runtime: Runtime | None = None,
        library_only: bool = False,
        acknowledged: bool = False,
    ) -> PatternCandidate:
        """Approve what was looked at. `generation` None: the candidate as it is now.

        `acknowledged`: the reviewer has seen all that the proof lists; needed when it lists anything, and recorded.

        `runtime` or `library_only` fill in how it runs first, which is part of reviewing; everything else is an edit, and
        needs somebody else's approval.
        """
        current = self.registry.candidate(name)
        looked_at = current.metadata.generation or 1
        if generation is not None and generation != looked_at:
            raise Refused(
                f"candidate {name} changed since you looked: you reviewed generation {generation}, it is {looked_at} now. "
                f"Look again (fde review show {name}), then decide."
            )
        listed = current.spec.proof is not None and bool(current.spec.proof.acknowledge)
        wanted = current.spec.proposal.runtime
        if library_only:
            wanted = replace(wanted, deployable=False, workload=None)
        elif runtime is not None:
            wanted = runtime
        if wanted != current.spec.proposal.runtime:
            filled = _filled(current, wanted)
            # Refuse before anything is written: a refused approval must not leave an edit behind.
            if why := missing(filled, reviewer=self.registry.whoami(), acknowledged=acknowledged):
                raise Refused(f"candidate {name} cannot be approved: " + "; ".join(why) + ".")
            proof = self._proof(current, filled.spec.proposal)
            if added := _added(current.spec.proof, proof):
                raise Refused(
                    f"candidate {name} cannot be approved: how it runs adds to what is to acknowledge, and nobody has looked at "
                    f"that: {'; '.join(added[:5])}. Check it out and resubmit it with that workload; then somebody decides."
                )
            current = self.registry.edit(name, filled.spec.proposal, proof=proof, generation=looked_at)
        return self._decide(current, "Approved", reason, acknowledged=acknowledged and listed)

    def reject(self, name: str, *, reason: str, generation: int | None = None) -> PatternCandidate:
        """Reject, with a reason that its contributors will read."""
        current = self.registry.candidate(name)
        if generation is not None:
            current = replace(current, metadata=replace(current.metadata, generation=generation))
        return self._decide(current, "Rejected", reason)

    def reopen(self, name: str) -> PatternCandidate:
        """A rejected candidate again, as a new one: the old decision stays as it was made. Who reopens is its author."""
        old = self.registry.candidate(name)
        if old.spec.review is None or old.spec.review.decision != "Rejected":
            raise Refused(f"candidate {name} is not rejected; there is nothing to reopen.")
        stem, _, count = name.partition("-again-")
        metadata = replace(
            old.metadata,
            name=f"{stem}-again-{int(count or 1) + 1}",
            uid=None,
            generation=None,
            resource_version=None,
            creation_timestamp=None,
            annotations={"fde.io/reopens": name},
        )
        author = replace(old.spec.author, username=self.registry.whoami())
        return self.registry.propose(
            replace(old, metadata=metadata, spec=replace(old.spec, author=author, review=None), status=None)
        )

    def resubmit(self, folder: Path) -> PatternCandidate:
        """Take a checked out candidate back: the checks run again, the generation rises, a fresh decision is needed."""
        card = workbench.card_of(folder)
        current = self.registry.candidate(card.candidate)
        generation = current.metadata.generation or 1
        if card.generation != generation:
            raise Refused(
                f"candidate {card.candidate} changed since it was checked out (generation {card.generation}, now {generation}): "
                "check it out again and repeat your changes."
            )
        proposal = workbench.check_in(current, folder, placing=self.checker.places_at)
        if proposal == current.spec.proposal:
            raise Refused(f"{folder} says what candidate {card.candidate} says already; nothing was changed.")
        return self.registry.edit(
            card.candidate, proposal, proof=self._proof(current, proposal), generation=card.generation
        )

    def _proof(self, current: PatternCandidate, proposal: PrimitiveSpec) -> Proof:
        """The proof of an edited proposal.

        Without the evidence, the old proof of rebuilding holds as long as no text of the template changed, and the gate
        looks for what it can know without the siblings; a change of the text cannot be proven there.
        """
        if self.checker.reaches(current):
            return self.checker.recheck(current, proposal, who=self.registry.whoami())
        name = current.metadata.name
        if current.spec.proof is None or not is_only_renamed(current.spec.proposal, proposal):
            raise Refused(
                f"candidate {name}: the template's text or a type changed, and the evidence to prove it against is not reachable "
                "here. Resubmit where the evidence store is (--evidence DIR)."
            )
        if found := self.checker.leaks(proposal):
            raise Refused(f"candidate {name}: the leak gate found {len(found)} leaks: {'; '.join(found[:5])}.")
        if not _is_bound(current):
            raise Refused(f"candidate {name}: its proof is of another proposal; run the checks where the evidence is.")
        return self.checker.carried(proposal, current.spec.proof)

    def _decide(
        self, current: PatternCandidate, decision: str, reason: str, *, acknowledged: bool = False
    ) -> PatternCandidate:
        review = Review(
            decision="Approved" if decision == "Approved" else "Rejected",
            reviewer=self.registry.whoami(),
            reviewed_generation=current.metadata.generation or 1,
            acknowledged=acknowledged,
            reason=reason.strip(),
            at=self.clock(),
        )
        return self.registry.decide(current.metadata.name, review)
