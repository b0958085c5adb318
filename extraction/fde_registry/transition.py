"""What may happen to a candidate, as pure functions over values; both registries follow them.

renewed (the engine) · edited (a person) · decided (another person). A decided candidate never changes again.
"""

from __future__ import annotations

from typing import Final

from msgspec.structs import replace

from fde_api.candidate import PatternCandidate, Proof, Review
from fde_api.primitive import PrimitiveSpec
from fde_api.publish import refusals
from fde_events.errors import Refused

EDITED_BY: Final = "fde.io/edited-by"
MIN_REASON: Final = 10


def is_decided(candidate: PatternCandidate) -> bool:
    """Whether a person has approved or rejected it."""
    return candidate.spec.review is not None


def renewed(current: PatternCandidate, fresh: PatternCandidate) -> PatternCandidate:
    """`current` with what the engine found anew: `current` itself once decided.

    The author stays, contributors are only ever added, and a proposal that a person has edited is kept.
    """
    if is_decided(current):
        return current
    old, new = current.spec, fresh.spec
    contributors = (*old.contributors, *(name for name in new.contributors if name not in old.contributors))
    if EDITED_BY in current.metadata.annotations:
        return replace(current, spec=replace(old, signal=new.signal, contributors=contributors))
    spec = replace(
        old,
        signal=new.signal,
        proposal=new.proposal,
        proof=new.proof,
        evidence_digest=new.evidence_digest,
        explained=new.explained,
        contributors=contributors,
    )
    return replace(current, spec=spec)


def edited(
    current: PatternCandidate,
    proposal: PrimitiveSpec,
    proof: Proof | None,
    *,
    editor: str,
    generation: int | None = None,
) -> PatternCandidate:
    """`current` with a person's proposal. More than `runtime` changed: the editor is a contributor from now on.

    Filling in how it runs is part of reviewing; changing what it is, is not. Refused once decided.
    """
    name, spec = current.metadata.name, current.spec
    if spec.review is not None:
        raise Refused(f"candidate {name} is {spec.review.decision.lower()} and does not change any more.")
    if generation is not None and generation != (current.metadata.generation or 1):
        raise Refused(
            f"candidate {name} changed since generation {generation} (it is {current.metadata.generation} now): look again."
        )
    if proposal.provenance != spec.proposal.provenance:
        raise Refused(f"candidate {name}: provenance is written by the engine and cannot be edited.")
    only_runtime = replace(proposal, runtime=spec.proposal.runtime) == spec.proposal
    contributors = spec.contributors
    if not only_runtime and editor not in contributors:
        contributors = (*contributors, editor)
    annotations = {**current.metadata.annotations, EDITED_BY: editor}
    return replace(
        current,
        metadata=replace(current.metadata, annotations=annotations),
        spec=replace(spec, proposal=proposal, proof=proof, contributors=contributors),
    )


def decided(current: PatternCandidate, review: Review, *, reviewer: str) -> PatternCandidate:
    """`current` with a person's decision. Refused, with the rule and the next step, for whatever may not be.

    `reviewer` is who asks, as the registry knows it; a review that claims somebody else is refused.
    """
    name, spec = current.metadata.name, current.spec
    if spec.review is not None:
        raise Refused(f"candidate {name} was {spec.review.decision.lower()} by {spec.review.reviewer} already.")
    if review.reviewer != reviewer:
        raise Refused(f"candidate {name}: the review names {review.reviewer}, but you are {reviewer}.")
    if reviewer.startswith("system:"):
        raise Refused(f"candidate {name}: {reviewer} is not a person; a decision needs one.")
    if reviewer == spec.author.username or reviewer in spec.contributors:
        raise Refused(
            f"candidate {name}: {reviewer} is its author or a contributor; another person must decide (separation of duty)."
        )
    if review.reviewed_generation != (current.metadata.generation or 1):
        raise Refused(
            f"candidate {name} changed since you looked: you reviewed generation {review.reviewed_generation}, "
            f"it is {current.metadata.generation} now. Look again (fde review show {name}), then decide."
        )
    if review.decision == "Rejected" and len(review.reason.strip()) < MIN_REASON:
        raise Refused(
            f"candidate {name}: a rejection needs a reason of at least {MIN_REASON} characters; its contributors read it."
        )
    after = replace(current, spec=replace(spec, review=review))
    if review.decision == "Approved" and (why := refusals(after)):
        raise Refused(f"candidate {name} cannot be approved: " + "; ".join(why) + ".")
    return after
