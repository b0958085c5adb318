"""PatternProposal and PatternCandidate: what is handed in, and what a person decides on."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from fde_api.meta import Condition, Digest, Metadata, Part, Text, Time, digest_of
from fde_api.primitive import Language, PrimitiveSpec


class Identity(Part, frozen=True, kw_only=True):
    """A user as admission saw it."""

    username: Text


class Signal(Part, frozen=True, kw_only=True):
    """Why there is a candidate: the challenge and its evidence, counted. Times are RFC 3339, event time."""

    challenge: Text
    title: Annotated[str, msgspec.Meta(max_length=512)] = ""
    kind: Text = ""
    deployments: Annotated[int, msgspec.Meta(ge=1)]
    customers: Annotated[int, msgspec.Meta(ge=1)]
    events: int = 0
    first_seen: Time = ""
    last_seen: Time = ""
    threshold_met: Time = ""


class Acknowledgement(Part, frozen=True, kw_only=True):
    """One thing in a proposal that no check can decide, so a person must have seen it.

    `kind`: ``word`` (vocabulary that fewer than three customers share), ``shell``, ``eval``, ``host``, ``import`` and the
    other kinds of fde_extraction.hazard. `what` as the template spells it; `line` 1-based in the template's text, 0 for the file as a whole.
    """

    kind: Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z -]*$", max_length=32)]
    what: Text
    path: Text = ""
    line: Annotated[int, msgspec.Meta(ge=0)] = 0

    def __str__(self) -> str:
        """``shell subprocess.run at sync.py:12``."""
        place = f"{self.path}:{self.line}" if self.line else self.path
        return f"{self.kind} {self.what}" + (f" at {place}" if place else "")


class Proof(Part, frozen=True, kw_only=True):
    """What was checked before anything was proposed: siblings rebuilt byte for byte, leaks found in the whole proposal.

    `proposal_digest`: the proposal it was checked on; it proves no other one. `acknowledge`: what the checks leave to the
    reviewer; an approval says that it was seen.
    """

    siblings: Annotated[int, msgspec.Meta(ge=1)]
    rebuilt: Annotated[int, msgspec.Meta(ge=0)]
    sibling_customers: Annotated[int, msgspec.Meta(ge=1)]
    leaks: Annotated[int, msgspec.Meta(ge=0)]
    gate: Text = ""
    proposal_digest: Digest | None = None
    acknowledge: Annotated[tuple[Acknowledgement, ...], msgspec.Meta(max_length=1024)] = ()

    def line(self) -> str:
        """``5/5 byte-exact, 0 leaks``: siblings rebuilt of siblings."""
        return f"{self.rebuilt}/{self.siblings} byte-exact, {self.leaks} leaks"

    def of(self, proposal: PrimitiveSpec) -> Proof:
        """The same findings, said of `proposal`. Only for whoever has just checked that one."""
        return msgspec.structs.replace(self, proposal_digest=digest_of(proposal))

    def proves(self, proposal: PrimitiveSpec) -> bool:
        """Whether it was made for exactly this proposal."""
        return self.proposal_digest == digest_of(proposal)


class Review(Part, frozen=True, kw_only=True):
    """A person's decision on one generation of the candidate. `acknowledged`: all that the proof lists was seen."""

    decision: Literal["Approved", "Rejected"]
    reviewer: Text
    reviewed_generation: Annotated[int, msgspec.Meta(ge=1)]
    acknowledged: bool = False
    reason: Annotated[str, msgspec.Meta(max_length=4096)] = ""
    at: Time = ""


class HoleReason(Part, frozen=True, kw_only=True):
    """Why one hole belongs to its parameter. `line` 1-based in the template's text."""

    path: Text
    line: Annotated[int, msgspec.Meta(ge=1)]
    reason: Text


class Explanation(Part, frozen=True, kw_only=True):
    """Why a parameter is one, has this type and this name, as the engine decided it; no sibling's value is in it.

    A large template's `holes` are left out here; the evidence has them all.
    """

    parameter: Text
    type_reason: Text = ""
    name_reason: Text = ""
    holes: Annotated[tuple[HoleReason, ...], msgspec.Meta(max_length=64)] = ()


class PatternCandidateSpec(Part, frozen=True, kw_only=True):
    """Digests, template and value classes; siblings and bindings never enter a resource."""

    author: Identity
    signal: Signal
    proposal: PrimitiveSpec
    contributors: Annotated[tuple[Text, ...], msgspec.Meta(max_length=64)] = ()
    evidence_digest: Digest | None = None
    explained: Annotated[tuple[Explanation, ...], msgspec.Meta(max_length=256)] = ()
    proof: Proof | None = None
    review: Review | None = None


class PatternCandidateStatus(Part, frozen=True, kw_only=True):
    """Written by the operator, or by a directory registry."""

    observed_generation: int = 0
    conditions: tuple[Condition, ...] = ()
    published_as: str | None = None


class PatternCandidate(Part, frozen=True, kw_only=True):
    """Namespaced, in the closed library namespace."""

    metadata: Metadata
    spec: PatternCandidateSpec
    api_version: Literal["fde.io/v1"] = "fde.io/v1"
    kind: Literal["PatternCandidate"] = "PatternCandidate"
    status: PatternCandidateStatus | None = None

    @property
    def state(self) -> str:
        """``Proposed`` until a person decided, then that decision."""
        return self.spec.review.decision if self.spec.review is not None else "Proposed"


class ProposedFile(Part, frozen=True, kw_only=True):
    """One submitted file, by digest."""

    path: Annotated[str, msgspec.Meta(max_length=253)]
    language: Language
    digest: Digest


class PatternProposalSpec(Part, frozen=True, kw_only=True):
    """What a field engineer submits in a cluster: digests, the challenge they answer, the reuse right."""

    author: Identity
    files: Annotated[tuple[ProposedFile, ...], msgspec.Meta(min_length=1, max_length=64)]
    challenge: Text | None = None
    signatures: Annotated[tuple[Text, ...], msgspec.Meta(max_length=16)] = ()
    reuse: Literal["allowed", "own-customer", "forbidden"] = "forbidden"


class PatternProposalStatus(Part, frozen=True, kw_only=True):
    """Written by the operator or the extraction worker."""

    observed_generation: int = 0
    conditions: tuple[Condition, ...] = ()
    joined_to: str | None = None


class PatternProposal(Part, frozen=True, kw_only=True):
    """Namespaced, in the customer's namespace."""

    metadata: Metadata
    spec: PatternProposalSpec
    api_version: Literal["fde.io/v1"] = "fde.io/v1"
    kind: Literal["PatternProposal"] = "PatternProposal"
    status: PatternProposalStatus | None = None
