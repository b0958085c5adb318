"""FDEDeployment: from what an engineer asked for to a running workload, and back to conditions that say how it went.

observe (deployment, namespace, primitives, feeds, children) -> desired() -> plan() -> execute -> status
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import msgspec

from fde_api.deployment import FDEDeployment, TelemetryFeed
from fde_api.primitive import DeploymentPrimitive
from fde_events.errors import Misuse
from fde_events.topics import check_customer
from fde_operator import labels
from fde_operator.cluster import Cluster, Manifest
from fde_operator.conditions import Condition, condition, status_patch
from fde_operator.desired import KEPT_KINDS, desired, inventory, owned
from fde_operator.errors import Denied, Held
from fde_operator.execute import execute
from fde_operator.key import Key
from fde_operator.parameters import REASON as PARAMETERS
from fde_operator.plan import plan
from fde_operator.posture import posture
from fde_operator.readiness import Readiness, readiness
from fde_operator.settings import OperatorSettings
from fde_operator.version import newest, resolve
from fde_operator.workload import paused

_WORKLOADS: Final = ("Deployment", "CronJob", "Job")
_HISTORY: Final = 10
_RETRY_DENIED_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a reconciliation found, for the status."""

    conditions: tuple[Condition, ...]
    status: dict[str, Any]
    requeue_after_s: float | None = None


async def reconcile(cluster: Cluster, key: Key, settings: OperatorSettings, *, now: str) -> float | None:
    """Bring one FDEDeployment nearer to its spec. Returns seconds until the next look, or None: the next event.

    `now`: RFC 3339. Raises Unavailable and Conflicting; everything else becomes a condition.
    """
    raw = await cluster.get(key)
    if raw is None or raw["metadata"].get("deletionTimestamp"):
        return None  # its children have owner references: the garbage collector removes them
    outcome = await _outcome(cluster, raw, settings, now)
    patch = status_patch(raw, outcome.conditions, outcome.status, now=now)
    if patch is not None:
        await cluster.apply_status(patch)
    return outcome.requeue_after_s


async def _outcome(cluster: Cluster, raw: Manifest, settings: OperatorSettings, now: str) -> Outcome:
    status = {name: raw.get("status", {}).get(name) for name in _KEPT}
    try:
        deployment = msgspec.convert(raw, FDEDeployment)
    except msgspec.ValidationError as error:
        return _held(Held("SpecInvalid", f"the stored spec is off schema: {error}"), status, None)
    valid: bool | None = None
    try:
        customer, pseudonym = await _customer(cluster, deployment)
        primitive, available = await _primitive(cluster, deployment, pseudonym)
        status["availableVersion"] = available
        feeds = await _feeds(cluster, deployment)
        objects, parts = desired(deployment, primitive, feeds, customer, settings)
        valid = True
        version = primitive.spec.version
        observed = await owned(cluster, deployment, objects)
        actions = plan(observed, objects, keep=KEPT_KINDS)
        children = await execute(cluster, actions, observed)
    except Held as held:
        return _held(held, status, False if held.reason == PARAMETERS else valid)
    except Denied as denied:
        return _held(Held("Denied", str(denied)), status, valid, requeue_after_s=_RETRY_DENIED_S)
    runs = next(o.manifest for o in objects if o.manifest["kind"] in _WORKLOADS)
    found = next(
        (c for c in children if (c["kind"], c["metadata"]["name"]) == (runs["kind"], runs["metadata"]["name"])), None
    )
    retired = deployment.spec.lifecycle.phase == "retired"
    state = readiness(found, paused=paused(deployment), retired=retired)
    if state.ready or paused(deployment):  # the new pods run, or none: nobody mounts the old files any more
        await execute(cluster, plan(observed, objects), children)
    history = list(status["history"] or ())
    if not history or history[0]["version"] != version:
        history.insert(0, {"version": version, "at": now, "reason": "SpecEdited" if history else "FirstDeployment"})
    status |= {
        "resolvedVersion": version,
        "filesDigest": parts.files.digest,
        "appliedCompliance": list(parts.compliance.tags),
        "history": history[:_HISTORY],
        "inventory": inventory(objects, parts),
    }
    more = await posture(cluster, parts, children, settings, running=state.ready)
    return Outcome((*_running(state), *more), status)


_KEPT: Final = ("resolvedVersion", "availableVersion", "filesDigest", "appliedCompliance", "history", "inventory")


async def _customer(cluster: Cluster, deployment: FDEDeployment) -> tuple[str, str]:
    """The customer and its pseudonym, from the namespace's labels: the boundary that admission holds."""
    namespace = await cluster.get(Key("Namespace", "", deployment.metadata.namespace or ""))
    marks = ((namespace or {}).get("metadata") or {}).get("labels") or {}
    customer = marks.get(labels.CUSTOMER)
    if not customer:
        raise Held(
            "NoCustomer", f"the namespace has no label {labels.CUSTOMER}; only customers' namespaces run primitives"
        )
    try:
        return check_customer(customer), marks.get(labels.PSEUDONYM, "")
    except Misuse as error:
        raise Held("NoCustomer", f"the namespace's label {labels.CUSTOMER}: {error}") from error


async def _primitive(
    cluster: Cluster, deployment: FDEDeployment, pseudonym: str
) -> tuple[DeploymentPrimitive, str | None]:
    """The primitive to run, and the newest version there is (only looked up under an update policy)."""
    reference = deployment.spec.primitive_ref
    follows = deployment.spec.lifecycle.auto_update_policy != "none"
    name = DeploymentPrimitive.object_name(reference.name, reference.version)
    if follows:
        found = await cluster.list("DeploymentPrimitive", fields={"spec.primitiveName": reference.name})
    else:
        one = await cluster.get(Key("DeploymentPrimitive", "", name))
        found = [one] if one else []
    versions = {raw["spec"]["version"]: raw for raw in found}
    chosen = resolve(deployment.spec, versions)
    if chosen is None:
        raise Held(
            "PrimitiveNotFound",
            f"there is no published DeploymentPrimitive {name}; `kubectl get dprim` lists what there is. "
            "It runs as soon as the version is published.",
        )
    try:
        primitive = msgspec.convert(versions[chosen], DeploymentPrimitive)
    except msgspec.ValidationError as error:
        raise Held("PrimitiveInvalid", f"DeploymentPrimitive {name} is off schema: {error}") from error
    visible_to = primitive.spec.provenance.visible_to
    if visible_to and pseudonym not in visible_to:
        # Said as if it did not exist: who a primitive came from is not this customer's business.
        raise Held("PrimitiveNotFound", f"there is no DeploymentPrimitive {name} that this customer may use")
    return primitive, newest(versions) if follows else None


async def _feeds(cluster: Cluster, deployment: FDEDeployment) -> list[TelemetryFeed]:
    found = await cluster.list(
        "TelemetryFeed",
        namespace=deployment.metadata.namespace or "",
        fields={"spec.deploymentRef.name": deployment.metadata.name},
    )
    live = [raw for raw in found if not raw["metadata"].get("deletionTimestamp")]
    try:
        return [
            msgspec.convert(raw, TelemetryFeed) for raw in sorted(live, key=lambda raw: str(raw["metadata"]["name"]))
        ]
    except msgspec.ValidationError as error:
        raise Held("FeedInvalid", f"a TelemetryFeed of this deployment is off schema: {error}") from error


def _held(held: Held, status: dict[str, Any], valid: bool | None, requeue_after_s: float | None = None) -> Outcome:
    message = str(held)
    parameters = {
        True: condition("ParametersValid", True, "Valid"),
        False: condition("ParametersValid", False, held.reason, message),
        None: condition("ParametersValid", None, "NotChecked", "something before it holds the deployment back"),
    }[valid]
    return Outcome(
        (
            condition("Ready", False, held.reason, message),
            condition("Reconciling", False, held.reason),
            condition("Stalled", True, held.reason, message),
            parameters,
        ),
        status,
        requeue_after_s,
    )


def _running(state: Readiness) -> tuple[Condition, ...]:
    settled = state.ready or state.stalled or state.reason in ("Suspended", "Retired")
    return (
        condition("Ready", state.ready, state.reason, state.message),
        condition("Reconciling", not settled, state.reason, "" if settled else state.message),
        condition("Stalled", state.stalled, state.reason, state.message if state.stalled else ""),
        condition("ParametersValid", True, "Valid"),
    )
