"""TelemetryFeed.status: whether some deployment carries the feed."""

from __future__ import annotations

from fde_operator.cluster import Cluster
from fde_operator.conditions import condition, status_patch
from fde_operator.key import Key


async def reconcile(cluster: Cluster, key: Key, *, now: str) -> float | None:
    """Write the feed's conditions."""
    raw = await cluster.get(key)
    if raw is None or raw["metadata"].get("deletionTimestamp"):
        return None
    name = raw["spec"]["deploymentRef"]["name"]
    target = await cluster.get(Key("FDEDeployment", key.namespace, name))
    rivals = await cluster.list("TelemetryFeed", namespace=key.namespace, fields={"spec.deploymentRef.name": name})
    first = min((str(one["metadata"]["name"]) for one in rivals), default=key.name)
    if target is None:
        state = condition("Ready", False, "DeploymentNotFound", f"there is no FDEDeployment {name} in this namespace")
    elif first != key.name:
        state = condition(
            "Ready", False, "Superseded", f"the sidecar of {name} reads {first}, the first by name; delete one"
        )
    else:
        state = condition("Ready", True, "Attached", f"the sidecar of {name} reads it")
    patch = status_patch(raw, [state], {}, now=now)
    if patch is not None:
        await cluster.apply_status(patch)
    return None
