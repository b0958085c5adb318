"""PatternCandidate: an approved one becomes an immutable DeploymentPrimitive, exactly once.

candidate -> (policies stand?) -> publish() -> create -> decision record -> status
"""

from __future__ import annotations

import re
from typing import Any, Final, Protocol

import msgspec

from fde_api.candidate import PatternCandidate
from fde_api.errors import NotPublishable
from fde_api.meta import digest_of, manifest
from fde_api.primitive import DeploymentPrimitive
from fde_api.publish import publish
from fde_events.decision import Decision
from fde_operator.cluster import Cluster, Manifest
from fde_operator.conditions import Condition, condition, status_patch
from fde_operator.errors import Denied, Held
from fde_operator.key import Key
from fde_operator.policies import Guard, refusal

_RFC3339: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")
_RECHECK_S: Final = 30.0
_WAITING: Final = ("AwaitingReview", "no person has decided yet; `fde review list` shows it")


class Decisions(Protocol):
    """Where decision records go."""

    async def record(self, decision: Decision) -> None:
        """Returns when the record is safe; raises Unavailable. The same decision may be recorded twice."""
        ...


async def reconcile(
    cluster: Cluster, key: Key, decisions: Decisions, *, now: str, guard: Guard | None = None
) -> float | None:
    """Bring one candidate's decision into effect. Returns seconds until the next look, or None: the next event.

    `guard`: the process's own, which remembers since when the policies stand; without one they are looked at once.
    """
    raw = await cluster.get(key)
    if raw is None or raw["metadata"].get("deletionTimestamp"):
        return None
    requeue: float | None = None
    published: str | None = raw.get("status", {}).get("publishedAs")
    try:
        candidate = msgspec.convert(raw, PatternCandidate)
        conditions, published = await _decided(cluster, candidate, raw, decisions, guard or Guard(cluster))
    except msgspec.ValidationError as error:
        conditions = _unpublished("SpecInvalid", f"the stored spec is off schema: {error}", stalled=True)
    except NotPublishable as refused:
        conditions = _unpublished("NotPublishable", str(refused), stalled=True)
    except Held as held:
        conditions = _unpublished(held.reason, str(held), stalled=True)
        requeue = _RECHECK_S if held.reason == "PolicyMissing" else None
    except Denied as denied:
        conditions = _unpublished("Denied", str(denied), stalled=True)
        requeue = _RECHECK_S
    patch = status_patch(raw, conditions, {"publishedAs": published}, now=now)
    if patch is not None:
        await cluster.apply_status(patch)
    return requeue


async def _decided(
    cluster: Cluster, candidate: PatternCandidate, raw: Manifest, decisions: Decisions, guard: Guard
) -> tuple[tuple[Condition, ...], str | None]:
    review = candidate.spec.review
    if review is None:
        return _unpublished(*_WAITING, stalled=False), None
    at = decided_at(raw)
    if review.decision == "Rejected":
        if not _told(raw, "Rejected"):
            await decisions.record(_record(candidate, at, None))
        return _unpublished("Rejected", f"{review.reviewer} rejected it: {review.reason}", stalled=True), None
    primitive = publish(candidate, at=at)
    name = primitive.metadata.name
    existing = await cluster.get(Key("DeploymentPrimitive", "", name))
    if existing is None:
        if stopped := refusal("publish", await guard.gaps(fresh=True)):
            raise stopped
        if (seen := admitted_at(raw)) and seen <= (whole := await guard.whole_since()):
            raise Held(
                "DecidedUnguarded",
                f"it was decided at {seen}, and the policies that check who decides stand since {whole} only: nobody "
                f"checked this decision. Hand it in again (`fde review checkout {candidate.metadata.name}`, then resubmit), for a "
                "new decision.",
            )
        existing = await cluster.create(_labelled(primitive, candidate))
    if not same(existing, candidate):
        raise Held(
            "VersionTaken",
            f"{name} is published already, from another proposal. A published version never changes: propose this one "
            f"again as a higher version (`fde review checkout {candidate.metadata.name}`, then resubmit).",
        )
    if not _told(raw, "Published"):
        await decisions.record(_record(candidate, at, name))
    message = f"{name}, approved by {review.reviewer}"
    return (
        condition("Ready", True, "Published", message),
        condition("Published", True, "Published", message),
        condition("Reconciling", False, "Published"),
        condition("Stalled", False, "Published"),
    ), name


def same(existing: Manifest, candidate: PatternCandidate) -> bool:
    """Whether the primitive that is there came from this very proposal."""
    digest = existing["spec"].get("provenance", {}).get("proposalDigest")
    return bool(digest == digest_of(candidate.spec.proposal))


def decided_at(raw: Manifest) -> str:
    """When the decision was made, RFC 3339: as the review says it, else as the API server saw it. Stable across retries."""
    said = str(raw["spec"]["review"].get("at", ""))
    if _RFC3339.fullmatch(said):
        return said
    return admitted_at(raw)


def admitted_at(raw: Manifest) -> str:
    """When the API server took the decision in, RFC 3339, whatever the review says; empty when nothing tells."""
    times = [
        str(entry.get("time", ""))
        for entry in raw["metadata"].get("managedFields", ())
        if "f:review" in entry.get("fieldsV1", {}).get("f:spec", {})
    ]
    return min(times, default=str(raw["metadata"].get("creationTimestamp", "")))


def _labelled(primitive: DeploymentPrimitive, candidate: PatternCandidate) -> Manifest:
    body: dict[str, Any] = manifest(primitive)
    body["metadata"]["labels"] = {
        **body["metadata"].get("labels", {}),
        "app.kubernetes.io/managed-by": "fde-operator",
        "fde.io/primitive": primitive.spec.primitive_name,
    }
    return body


def _told(raw: Manifest, reason: str) -> bool:
    """Whether an earlier reconciliation got as far as writing this outcome, and so recorded the decision."""
    seen = raw.get("status", {}).get("conditions", ())
    return any(found["type"] == "Published" and found["reason"] == reason for found in seen)


def _record(candidate: PatternCandidate, at: str, published: str | None) -> Decision:
    review = candidate.spec.review
    assert review is not None
    return Decision(
        candidate=candidate.metadata.name,
        challenge=candidate.spec.signal.challenge,
        decision=review.decision,
        reviewer=review.reviewer,
        reason=review.reason,
        reviewed_generation=review.reviewed_generation,
        proposal_digest=digest_of(candidate.spec.proposal),
        decided_at=at,
        published_as=published,
    )


def _unpublished(reason: str, message: str, *, stalled: bool) -> tuple[Condition, ...]:
    """`stalled`: it stays as it is until somebody hands it in again, or mends what is told. Else it goes its usual way."""
    return (
        condition("Ready", False, reason, message),
        condition("Published", False, reason, message),
        condition("Reconciling", not stalled, reason, "" if stalled else message),
        condition("Stalled", stalled, reason, message if stalled else ""),
    )
