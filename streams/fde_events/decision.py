"""Decision: what a person decided about a candidate, as it stands on ``fde-engine.decisions``, keyed by candidate id."""

from __future__ import annotations

from typing import Literal

import msgspec


class Decision(msgspec.Struct, frozen=True, kw_only=True, tag="candidate.decision.v1"):
    """One decision. May be on the topic twice, byte for byte the same: readers keep one a candidate.

    `decided_at`: RFC 3339. `published_as`: the primitive's object name, None for a rejection.
    """

    candidate: str
    challenge: str
    decision: Literal["Approved", "Rejected"]
    reviewer: str
    reason: str
    reviewed_generation: int
    proposal_digest: str
    decided_at: str
    published_as: str | None = None
