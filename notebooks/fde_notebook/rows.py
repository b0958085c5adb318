"""What the engine's values say, as rows in the order of their columns (:mod:`fde_notebook.columns`). Pure."""

from __future__ import annotations

from collections import Counter
from typing import Any

from fde_api.candidate import PatternCandidate
from fde_api.primitive import PrimitiveSpec
from fde_events.event import ErrorEvent, Event
from fde_events.signed import SignedEvent
from fde_notebook.columns import moment
from fde_streams.ingest import sample_of


def event_row(event: Event, signed: SignedEvent, group: str) -> tuple[Any, ...]:
    """`event` as `events` shows it; `group` is its group's id."""
    message = (event.exception_message or event.body) if isinstance(event, ErrorEvent) else sample_of(event)
    signature = signed.signature
    return (
        signed.id, moment(signed.time), signed.customer, signed.deployment, signed.kind,
        event.severity if isinstance(event, ErrorEvent) else None,
        event.service, getattr(event, "scope", None), event.exception_type if isinstance(event, ErrorEvent) else None,
        message, getattr(event, "http_status", None), getattr(event, "server_address", None), signed.count,
        group, signature.digest, signature.block, signature.title,
    )  # fmt: skip


def candidate_row(candidate: PatternCandidate) -> tuple[Any, ...]:
    """`candidate` as `candidates` shows it."""
    spec = candidate.spec
    proposal, proof, review = spec.proposal, spec.proof, spec.review
    status = candidate.status
    return (
        candidate.metadata.name, spec.signal.challenge, spec.signal.title, candidate.state,
        proposal.primitive_name, proposal.version, sorted({file.language for file in proposal.template.files}),
        len(proposal.parameters),
        proof.siblings if proof else None, proof.rebuilt if proof else None, proof.sibling_customers if proof else None,
        proof.leaks if proof else None, proof.line() if proof else None, not proposal.provenance.visible_to,
        moment(spec.signal.first_seen), moment(spec.signal.threshold_met), moment(candidate.metadata.creation_timestamp),
        review.reviewer if review else None, review.reason if review else None, moment(review.at) if review else None,
        status.published_as if status else None,
    )  # fmt: skip


def parameter_rows(candidate: PatternCandidate) -> list[tuple[Any, ...]]:
    """`candidate`'s parameters as `parameters` shows them, in its order."""
    proposal = candidate.spec.proposal
    places = _places(proposal)
    return [
        (
            candidate.metadata.name, proposal.primitive_name, p.name, p.type, p.required,
            None if p.default is None else str(p.default), [str(value) for value in p.allowed_values], places[p.name],
            p.description,
        )
        for p in proposal.parameters
    ]  # fmt: skip


def _places(proposal: PrimitiveSpec) -> Counter[str]:
    """How often the template names each parameter: in holes, as a flag, as a list."""
    return Counter(
        part.parameter
        for file in proposal.template.files
        for segment in file.segments
        for part in (segment.hole, segment.when, segment.each)
        if part is not None
    )
