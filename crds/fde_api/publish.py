"""An approved candidate becomes a primitive: one pure function, used by the operator and by the directory registry.

PatternCandidate (approved) -> publish() -> DeploymentPrimitive
"""

from __future__ import annotations

from typing import Final

import msgspec

from fde_api.candidate import PatternCandidate
from fde_api.errors import NotPublishable
from fde_api.meta import Metadata, digest_of
from fde_api.primitive import CandidateRef, DeploymentPrimitive

MIN_CUSTOMERS: Final = 3


def refusals(candidate: PatternCandidate) -> list[str]:
    """Every rule that holds the candidate back from publication, as sentences; empty when it may be published."""
    spec, why = candidate.spec, []
    review, proof = spec.review, spec.proof
    if review is None or review.decision != "Approved":
        why.append("it has no approval by a person")
    elif review.reviewer == spec.author.username or review.reviewer in spec.contributors:
        why.append(f"{review.reviewer} is its author or a contributor: another person must review it")
    if proof is None:
        why.append("it carries no proof (siblings rebuilt, leak gate)")
    else:
        if proof.proposal_digest is None:
            why.append("its proof does not say which proposal it is of: run the checks again (fde review resubmit)")
        elif not proof.proves(spec.proposal):
            why.append("its proof is of another proposal: run the checks again (fde review resubmit)")
        if proof.acknowledge and review is not None and not review.acknowledged:
            count = len(proof.acknowledge)
            why.append(
                f"{count} {'entry is' if count == 1 else 'entries are'} listed for the reviewer to acknowledge, and the "
                "decision does not say that they were (--acknowledge)"
            )
        if proof.rebuilt != proof.siblings:
            why.append(f"only {proof.rebuilt} of {proof.siblings} siblings are rebuilt byte for byte")
        if proof.leaks:
            why.append(f"the leak gate found {proof.leaks} leaks")
        if proof.sibling_customers < MIN_CUSTOMERS and not spec.proposal.provenance.visible_to:
            why.append(
                f"its siblings come from {proof.sibling_customers} customers; publication to everyone needs {MIN_CUSTOMERS}"
            )
    runtime = spec.proposal.runtime
    if runtime.deployable and runtime.workload is None:
        why.append(
            "runtime.workload is not filled (kind, image by digest, command); fill it, or publish it for the library only"
        )
    return why


def publish(candidate: PatternCandidate, *, at: str) -> DeploymentPrimitive:
    """The primitive that `candidate` becomes. `at`: RFC 3339. Raises :class:`NotPublishable` with every reason."""
    why = refusals(candidate)
    if why:
        raise NotPublishable(f"candidate {candidate.metadata.name} is not published: " + "; ".join(why) + ".")
    spec = candidate.spec
    assert spec.review is not None
    proposal = spec.proposal
    provenance = msgspec.structs.replace(
        proposal.provenance,
        candidate_ref=CandidateRef(
            namespace=candidate.metadata.namespace or "", name=candidate.metadata.name, uid=candidate.metadata.uid or ""
        ),
        challenge=spec.signal.challenge,
        approved_by=spec.review.reviewer,
        proposal_digest=digest_of(proposal),
        contributors=spec.contributors,
        first_seen=spec.signal.first_seen,
        threshold_met=spec.signal.threshold_met,
        published_at=at,
    )
    return DeploymentPrimitive(
        metadata=Metadata(
            name=proposal.object_name,
            annotations={"fde.io/extracted-by": "pattern-engine-v1.0", "fde.io/abstraction-level": "parameterized"},
        ),
        spec=msgspec.structs.replace(proposal, provenance=provenance),
    )
