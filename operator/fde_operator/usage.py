"""DeploymentPrimitive.status: how a version did, what the libraries make of it, whether it is deprecated.

FDEDeployments (attempts) + what is recorded -> record -> usage; PatternLibraries (entries) -> the lowest maturity -> status

The record lives in this status, and only this reconciliation writes it: deleting a deployment takes nothing out of it. A
restore without statuses loses it, and every version begins anew as experimental.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from typing import Any, Final

import msgspec

from fde_api.library import Selector
from fde_api.primitive import DeploymentPrimitive, Outcome
from fde_operator.attempts import moment
from fde_operator.cluster import Cluster, Manifest
from fde_operator.conditions import Condition, condition, status_patch
from fde_operator.key import Key
from fde_operator.labels import whose
from fde_operator.maturity import DEPRECATED, EXPERIMENTAL, SUCCESSOR, deprecation, lowest
from fde_operator.record import ALIASES, CUSTOMERS, fresh, merged, recorded, sample, token, verdicts, written

_PUBLISHED: Final = "Published"
_IDLE: Final = ("Reconciling", "Stalled")


async def reconcile(cluster: Cluster, key: Key, *, now: str) -> float | None:
    """Write the status of one version. Returns seconds until the next pending attempt settles, or None: the next event.

    `now`: RFC 3339.
    """
    raw = await cluster.get(key)
    if raw is None or raw["metadata"].get("deletionTimestamp"):
        return None
    name, version = raw["spec"]["primitiveName"], raw["spec"]["version"]
    deployments = await cluster.list("FDEDeployment", fields={"spec.primitiveRef.name": name})
    seen = [(one, verdicts(one, key.name, version, now=now)) for one in deployments]
    before = recorded(raw)
    news = {one.id for one in fresh(before, (outcome for _, found in seen for outcome in found.outcomes))}
    outcomes = merged(before, [outcome for _, found in seen for outcome in found.outcomes if outcome.id in news])
    # Not of news alone: whose a namespace is may be known later than how it went there.
    good = {outcome.id for outcome in outcomes if outcome.ok}
    succeeded = {
        one["metadata"]["namespace"] for one, found in seen if any(outcome.id in good for outcome in found.outcomes)
    }
    counted = raw.get("status", {}).get("customerTokens") or ()
    tokens = await _with_customers(cluster, key.name, counted, succeeded)
    pending = [at for _, found in seen for at in found.pending]
    now_running = [one for one in deployments if one.get("status", {}).get("resolvedVersion") == version]
    superseded_by, conditions = await _deprecated(cluster, raw)
    status = {
        "maturity": await _maturity(cluster, raw),
        "supersededBy": superseded_by,
        "usage": _usage(now_running, outcomes, pending=len(pending), customers=len(tokens)),
        "outcomes": written(outcomes),
        "customerTokens": tokens or None,
    }
    patch = status_patch(raw, conditions, status, now=now)
    if patch is not None:
        await cluster.apply_status(patch)
    return max(1.0, (min(pending) - moment(now)).total_seconds()) if pending else None


def _usage(
    now_running: Sequence[Manifest], outcomes: Sequence[Outcome], *, pending: int, customers: int
) -> dict[str, Any]:
    """Every field that has a default is named: the server would fill it in, and the two would never be the same."""
    counted = sample(outcomes)
    usage: dict[str, Any] = {
        "deployments": len(now_running),
        "ready": sum(map(is_ready, now_running)),
        "attempts": counted.attempts,
        "pending": pending,
        "customers": customers,
    }
    if counted.rate is not None:
        usage["successRate"] = round(counted.rate, 4)
    if counted.deploy_s is not None:
        usage["p50DeploySeconds"] = counted.deploy_s
    return usage


async def _with_customers(
    cluster: Cluster, primitive: str, counted: Sequence[str], namespaces: Collection[str]
) -> list[str]:
    """`counted`, with one more for each customer of these namespaces that is not in it.

    A customer is the value of its namespaces' label, and is counted as the tokens of their uids, oldest first: with any of
    them counted it is. Those of a counted one follow its namespaces, so that neither a new one nor the end of the first
    makes a second customer of it.
    A namespace that is not there, or not labelled, is nobody's.
    """
    if not counted and not namespaces:
        return []
    owners: dict[str, list[tuple[str, str]]] = defaultdict(list)
    succeeded: set[str] = set()
    for namespace in await cluster.list("Namespace"):
        metadata = namespace["metadata"]
        if customer := whose(namespace):
            made = (str(metadata.get("creationTimestamp", "")), token(primitive, str(metadata.get("uid", ""))))
            owners[customer].append(made)
            if metadata["name"] in namespaces:
                succeeded.add(customer)
    found = [one.split() for one in counted]
    for customer in sorted(owners):
        theirs = [made for _, made in sorted(owners[customer])]
        known = next((one for one in found if not set(one).isdisjoint(theirs)), None)
        if known is not None:
            known[:] = list(dict.fromkeys((*theirs, *known)))[:ALIASES]
        elif customer in succeeded and len(found) < CUSTOMERS:
            found.append(theirs[:ALIASES])
    return sorted(" ".join(one) for one in found)


async def _maturity(cluster: Cluster, raw: Manifest) -> str:
    if deprecation(raw) is not None:
        return DEPRECATED
    return granted(raw, await cluster.list("PatternLibrary"))


def granted(primitive: Manifest, libraries: Iterable[Manifest]) -> str:
    """The lowest that the libraries selecting this version grant; one that has not looked at it yet grants the least."""
    name, version = primitive["spec"]["primitiveName"], primitive["spec"]["version"]
    levels = []
    for library in libraries:
        if library["metadata"].get("deletionTimestamp") or not selects(library, primitive):
            continue
        entries = library.get("status", {}).get("entries") or ()
        entry = next((one for one in entries if (one["name"], one["version"]) == (name, version)), None)
        levels.append(entry["maturity"] if entry and entry["maturity"] != DEPRECATED else EXPERIMENTAL)
    return lowest(levels)


def selects(library: Manifest, primitive: Manifest) -> bool:
    """Whether a library holds this version: of its domain, and with all of its tags."""
    selector = msgspec.convert(library["spec"].get("selector") or {}, Selector)
    spec = primitive["spec"]
    return selector.domain in (None, spec.get("domain")) and set(selector.tags) <= set(spec.get("tags") or ())


async def _deprecated(cluster: Cluster, raw: Manifest) -> tuple[str | None, tuple[Condition, ...]]:
    """status.supersededBy, and the conditions."""
    settled = (condition("Ready", True, _PUBLISHED), *(condition(kind, False, _PUBLISHED) for kind in _IDLE))
    why = deprecation(raw)
    if why is None:
        return None, (*settled, condition("Deprecated", False, "Current"))
    successor = _successor(raw)
    if successor is None:
        return None, (*settled, condition("Deprecated", True, "Deprecated", why))
    if await cluster.get(Key("DeploymentPrimitive", "", successor)) is None:
        told = f"{why}. Annotation {SUCCESSOR} names {successor}, and that is not published"
        return None, (*settled, condition("Deprecated", True, "SuccessorMissing", told))
    return successor, (*settled, condition("Deprecated", True, "Superseded", f"{why}. Take {successor} instead"))


def _successor(raw: Manifest) -> str | None:
    said = ((raw["metadata"].get("annotations") or {}).get(SUCCESSOR) or "").strip()
    if said.startswith("v") and "." in said and said[1:2].isdigit():  # a version alone: of this primitive
        said = DeploymentPrimitive.object_name(raw["spec"]["primitiveName"], said)
    return said or None


def is_ready(deployment: Manifest) -> bool:
    """Whether its Ready condition is True."""
    seen = deployment.get("status", {}).get("conditions", ())
    return any(found["type"] == "Ready" and found["status"] == "True" for found in seen)
