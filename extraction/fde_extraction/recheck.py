"""The checks again, on a proposal that a person edited: every sibling of the evidence rebuilt, and the leak gate.

(candidate, edited proposal) -> evidence (the read is audited) -> fit and render each sibling -> leak gate -> Proof
"""

from __future__ import annotations

from fde_api.candidate import PatternCandidate, Proof
from fde_api.primitive import PrimitiveSpec, Scalar
from fde_events.errors import Refused
from fde_extraction import leak
from fde_extraction.engine import code_of
from fde_extraction.evidence import Evidence, EvidenceStore, SiblingEvidence
from fde_template.errors import DoesNotFit, TemplateError
from fde_template.fit import fit_all


class EvidenceChecker:
    """Implements :class:`fde_review.decision.Checker`. `store` None: nothing is reachable here."""

    def __init__(self, store: EvidenceStore | None) -> None:
        self._store = store

    def reaches(self, candidate: PatternCandidate) -> bool:
        """Whether the candidate's evidence is in the store."""
        digest = candidate.spec.evidence_digest
        return self._store is not None and digest is not None and self._store.has(digest)

    def leaks(self, proposal: PrimitiveSpec) -> list[str]:
        """Secrets and sensitive classes in the proposal; what belongs to one customer is not known here."""
        return [f"{found.kind} in {found.where}" for found in leak.scan(proposal, {})]

    def recheck(self, candidate: PatternCandidate, proposal: PrimitiveSpec, *, who: str) -> Proof:
        """The proof of `proposal`. :class:`Refused` with the place when it does not hold."""
        name = candidate.metadata.name
        if self._store is None or candidate.spec.evidence_digest is None:
            raise Refused(f"candidate {name}: its evidence is not reachable here.")
        evidence = self._store.read(candidate.spec.evidence_digest, who=who, why=f"recheck of {name}")
        bindings = {sibling.name: _values(proposal, sibling) for sibling in evidence.siblings}
        words = leak.vocabulary_of([code_of(sibling.path, sibling.content) for sibling in evidence.siblings])
        found = leak.scan(proposal, bindings, customers=evidence.customers, vocabulary=words)
        if found:
            places = "; ".join(f"{item.kind} in {item.where}" for item in found[:5])
            raise Refused(f"candidate {name}: the leak gate found {len(found)} leaks: {places}.")
        return _proof(evidence)


def _values(proposal: PrimitiveSpec, sibling: SiblingEvidence) -> dict[str, Scalar]:
    """The sibling's values under the edited template; fitting proves that they render its bytes."""
    if len(proposal.template.files) != 1:
        raise Refused(
            f"a template of {len(proposal.template.files)} files cannot be checked against siblings of one file."
        )
    try:
        return fit_all(proposal.template, {proposal.template.files[0].path: sibling.content}, proposal.parameters)
    except DoesNotFit as misfit:
        raise Refused(f"sibling {sibling.name} is not rebuilt byte for byte any more: {misfit}") from misfit
    except TemplateError as error:
        raise Refused(f"sibling {sibling.name} cannot be checked: {error}") from error


def _proof(evidence: Evidence) -> Proof:
    count = len(evidence.siblings)
    return Proof(siblings=count, rebuilt=count, sibling_customers=len(evidence.customers), leaks=0, gate=leak.GATE)
