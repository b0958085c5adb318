"""A candidate as the extraction worker left it, for those who count and watch: analysts, dashboards, `fde up`."""

from __future__ import annotations

import msgspec


class CandidateRecord(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="candidate.v1"):
    """On `fde-engine.candidates`, keyed by `id`. The resource in the registry is the truth; this tells that it is there.

    `state`: Proposed, Approved or Rejected. `visible_to`: pseudonyms, empty for everyone. `rebuilt` of `siblings` were given
    back byte for byte. Times are RFC 3339: `first_seen` and `threshold_met` event time, `proposed_at` the worker's clock.
    """

    id: str
    challenge: str
    state: str
    language: str
    primitive: str
    version: str
    parameters: tuple[str, ...]
    siblings: int
    rebuilt: int
    customers: int
    leaks: int
    evidence_digest: str
    first_seen: str
    threshold_met: str
    proposed_at: str
    visible_to: tuple[str, ...] = ()
