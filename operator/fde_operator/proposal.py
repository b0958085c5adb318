"""PatternProposal: what became of it. A candidate says of which challenge it is and who contributed, and no more.

proposal, candidates of its challenge -> joined? -> conditions, joinedTo

That somebody's solution was taken up is told to whoever handed it in; which others were, or how many, to nobody. Once it is
joined the server keeps it as it is (crds/fde_api/rules_of_patterns.py).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import msgspec

from fde_api.candidate import PatternProposal
from fde_operator.cluster import Cluster, Manifest
from fde_operator.conditions import Condition, condition, status_patch
from fde_operator.key import Key

CHALLENGE: Final = "spec.signal.challenge"  # of a candidate
_AWAITED: Final = (
    "a candidate is proposed when solutions to this challenge that may be reused are alike for three customers, or for one "
    "where its challenge is met again and again; nothing has to be done"
)
_UNNAMED: Final = (
    "it names no challenge: the engine finds one by its signatures, and no candidate says that it came of it"
)


async def reconcile(cluster: Cluster, key: Key, *, now: str) -> None:
    """Say what became of one proposal. Raises Unavailable, Denied and Conflicting."""
    raw = await cluster.get(key)
    if raw is None or raw["metadata"].get("deletionTimestamp"):
        return
    joined: str | None = raw.get("status", {}).get("joinedTo")
    try:
        # Its spec alone: whatever stands in the status is written anew.
        proposal = msgspec.convert({name: value for name, value in raw.items() if name != "status"}, PatternProposal)
    except msgspec.ValidationError as error:
        conditions = _conditions("SpecInvalid", f"the stored spec is off schema: {error}", "Stalled")
    else:
        joined = joined or await _candidate(cluster, proposal, str(raw["metadata"].get("creationTimestamp", "")))
        conditions = _of(proposal, joined)
    patch = status_patch(raw, conditions, {"joinedTo": joined}, now=now)
    if patch is not None:
        await cluster.apply_status(patch)


async def _candidate(cluster: Cluster, proposal: PatternProposal, since: str) -> str | None:
    spec = proposal.spec
    if spec.challenge is None or spec.reuse == "forbidden":
        return None
    found = await cluster.list("PatternCandidate", fields={CHALLENGE: spec.challenge})
    return first(found, spec.author.username, since=since)


def first(candidates: Iterable[Manifest], author: str, *, since: str) -> str | None:
    """The oldest of `candidates` that `author` contributed to and that the engine wrote at `since` (RFC 3339, UTC) or later.

    One of before has what its author handed in earlier. Which files it was made of no candidate says.
    """
    theirs = [
        one["metadata"]
        for one in candidates
        if author in (one["spec"].get("contributors") or ()) and _proposed_at(one) >= since
    ]
    oldest = min(theirs, key=lambda one: (one.get("creationTimestamp", ""), one["name"]), default=None)
    return None if oldest is None else str(oldest["name"])


def _proposed_at(candidate: Manifest) -> str:
    """When the engine made it, or renewed it since: with its signal, which nobody else writes."""
    metadata = candidate["metadata"]
    renewed = [
        str(entry.get("time", ""))
        for entry in metadata.get("managedFields") or ()
        if "f:signal" in (entry.get("fieldsV1") or {}).get("f:spec", {})
    ]
    return max([str(metadata.get("creationTimestamp", "")), *renewed])


def _of(proposal: PatternProposal, joined: str | None) -> tuple[Condition, ...]:
    if joined:
        return _conditions("Joined", f"candidate {joined} was proposed with it; submit again to hand in another one")
    if proposal.spec.reuse == "forbidden":
        return _conditions("CountedOnly", "its reuse is forbidden: it is counted, and nothing is made of it")
    if proposal.spec.challenge is None:
        return _conditions("HandedIn", _UNNAMED)
    return _conditions("AwaitingCandidate", _AWAITED, "Reconciling")


def _conditions(reason: str, message: str, stage: str = "") -> tuple[Condition, ...]:
    """`stage`: which of Reconciling and Stalled is True while it is not Ready."""
    return (
        condition("Ready", not stage, reason, message),
        *(
            condition(kind, kind == stage, reason, message if kind == stage else "")
            for kind in ("Reconciling", "Stalled")
        ),
    )
