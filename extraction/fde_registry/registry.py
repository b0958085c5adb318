"""The seam between the loop and where its resources live. One test suite runs against both implementations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from fde_api.candidate import PatternCandidate, Proof, Review
from fde_api.primitive import DeploymentPrimitive, PrimitiveSpec


class Registry(Protocol):
    """Candidates, primitives, decisions.

    Errors: :class:`fde_events.errors.Refused` (not there, not allowed, changed meanwhile: the message says which and what
    to do), :class:`fde_events.errors.Unavailable` (the API server or the disk did not answer).
    """

    def whoami(self) -> str:
        """The identity under which decisions are recorded. Never taken from an argument of a command."""
        ...

    def candidates(self) -> Sequence[PatternCandidate]:
        """All candidates this identity may see, by name."""
        ...

    def candidate(self, name: str) -> PatternCandidate:
        """One candidate."""
        ...

    def propose(self, candidate: PatternCandidate) -> PatternCandidate:
        """Create the candidate, or renew its proposal and signal while it is undecided. Idempotent.

        A decided candidate is left as it is; the newer evidence then belongs to a new candidate name. One that a person
        has edited keeps that person's proposal: only its signal and contributors are renewed.
        """
        ...

    def edit(
        self, name: str, proposal: PrimitiveSpec, *, proof: Proof | None = None, generation: int | None = None
    ) -> PatternCandidate:
        """Replace the proposal of an undecided candidate: its generation rises, so a decision on the old one is stale.

        `proof` is what was checked about the new proposal; None drops the old one, and nothing unproven is approved.
        Whoever changes more than `runtime` becomes a contributor. `generation`: the one the edit was made from; refused if it
        is another one now.
        """
        ...

    def decide(self, name: str, review: Review) -> PatternCandidate:
        """Record a person's decision. Refused for the author, a contributor, a stale generation, or a decided candidate.

        In a directory an approval publishes at once; in a cluster the operator does.
        """
        ...

    def primitives(self) -> Sequence[DeploymentPrimitive]:
        """All published primitives this identity may see, by object name."""
        ...

    def primitive(self, name: str, version: str) -> DeploymentPrimitive:
        """Exactly this version; never another one in its place."""
        ...
