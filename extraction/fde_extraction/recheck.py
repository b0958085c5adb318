"""The checks again, on a proposal that a person edited: every sibling of the evidence rebuilt, and the leak gate.

(candidate, edited proposal) -> evidence (the read is audited) -> fit and render each sibling -> leak gate -> Proof
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from fde_api.candidate import PatternCandidate, Proof
from fde_api.primitive import Language, PrimitiveSpec, Value
from fde_events.errors import Refused
from fde_extraction import gate, leak, standing
from fde_extraction.acknowledge import acknowledgements
from fde_extraction.attribution import Attributed, attributed
from fde_extraction.evidence import Evidence, EvidenceStore, SiblingEvidence
from fde_extraction.inference import Evidence as Inference
from fde_extraction.inference import infer
from fde_template.errors import DoesNotFit, TemplateError
from fde_template.fit import fit_all
from fde_template.region import fit_regions, is_regions


class EvidenceChecker:
    """Implements :class:`fde_review.decision.Checker`. `store` None: nothing is reachable here."""

    def __init__(self, store: EvidenceStore | None) -> None:
        self._store = store

    def reaches(self, candidate: PatternCandidate) -> bool:
        """Whether the candidate's evidence is in the store."""
        digest = candidate.spec.evidence_digest
        return self._store is not None and digest is not None and self._store.has(digest)

    def places_at(
        self, language: Language, path: str, text: str, spans: Sequence[tuple[int, int]]
    ) -> list[tuple[str, str] | None]:
        """What holes that a person made are part of, by the engine's parsers."""
        return standing.places_at(language, path, text, spans)

    def leaks(self, proposal: PrimitiveSpec) -> list[str]:
        """Secrets and sensitive classes in the proposal; what belongs to one customer is not known here."""
        return [f"{found.kind} in {found.where}" for found in leak.scan(proposal, {})]

    def recheck(self, candidate: PatternCandidate, proposal: PrimitiveSpec, *, who: str) -> Proof:
        """The proof of `proposal`. :class:`Refused` with the place when it does not hold."""
        name = candidate.metadata.name
        if self._store is None or candidate.spec.evidence_digest is None:
            raise Refused(f"candidate {name}: its evidence is not reachable here.")
        evidence = self._store.read(candidate.spec.evidence_digest, who=who, why=f"recheck of {name}")
        bindings = {sibling.name: _values(proposal, sibling)[0] for sibling in evidence.siblings}
        files = [(file.path, file.content) for sibling in evidence.siblings for file in sibling.files]
        found = gate.leaks(proposal, bindings, files, customers=evidence.customers, owners=evidence.customers)
        if found:
            places = "; ".join(f"{item.kind} in {item.where}" for item in found[:5])
            raise Refused(f"candidate {name}: the leak gate found {len(found)} leaks: {places}.")
        return _proof(evidence, proposal)

    def inferred(self, proposal: PrimitiveSpec) -> tuple[tuple[Inference, ...], tuple[Inference, ...]]:
        """What the template says of itself by the catalogue, and the compliance tags it proposes, each with why."""
        found = infer(proposal)
        return found.evidence, found.compliance

    def attributed(self, candidate: PatternCandidate, *, who: str) -> tuple[Attributed, ...]:
        """Where each parameter stands in each sibling, with what stands there; the read of the evidence is audited.

        :class:`Refused` when the evidence is not reachable, or no longer fits the proposal.
        """
        name, proposal = candidate.metadata.name, candidate.spec.proposal
        if self._store is None or candidate.spec.evidence_digest is None:
            raise Refused(f"candidate {name}: its evidence is not reachable here.")
        evidence = self._store.read(candidate.spec.evidence_digest, who=who, why=f"attribution of {name}")
        found: list[Attributed] = []
        for sibling in evidence.siblings:
            values, first = _values(proposal, sibling)
            found += attributed(proposal, sibling, values, first=first)
        return tuple(found)

    def carried(self, proposal: PrimitiveSpec, proof: Proof) -> Proof:
        """`proof` said of `proposal`, which differs from the proven one in no text: what is to acknowledge is listed anew."""
        listed = acknowledgements(proposal, customers=proof.sibling_customers)
        return replace(proof, acknowledge=listed).of(proposal)


def _values(proposal: PrimitiveSpec, sibling: SiblingEvidence) -> tuple[dict[str, Value], dict[str, int]]:
    """The sibling's values under the edited template, and the line in its file where each template file begins.

    Fitting proves that the values render the sibling's bytes.
    """
    files = {file.template: file.content for file in sibling.files}
    wanted = [file.path for file in proposal.template.files]
    try:
        if is_regions(proposal.template) and len(sibling.files) == 1:
            (file,) = sibling.files
            values, places = fit_regions(proposal.template, file.path, file.content, proposal.parameters)
            return values, {path: ways[0].first for path, ways in zip(wanted, places, strict=True)}
        if files.keys() != set(wanted):
            raise Refused(
                f"the template has the files {', '.join(wanted)}, the siblings have {', '.join(sorted(files))}: it cannot be "
                "checked against them."
            )
        return dict(fit_all(proposal.template, files, proposal.parameters)), {}
    except DoesNotFit as misfit:
        raise Refused(f"sibling {sibling.name} is not rebuilt byte for byte any more: {misfit}") from misfit
    except TemplateError as error:
        raise Refused(f"sibling {sibling.name} cannot be checked: {error}") from error


def _proof(evidence: Evidence, proposal: PrimitiveSpec) -> Proof:
    count, customers = len(evidence.siblings), len(evidence.customers)
    listed = acknowledgements(proposal, customers=customers)
    return Proof(
        siblings=count, rebuilt=count, sibling_customers=customers, leaks=0, gate=leak.GATE, acknowledge=listed
    ).of(proposal)
