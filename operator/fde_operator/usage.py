"""DeploymentPrimitive.status: how often each version runs, counted from the FDEDeployments there are."""

from __future__ import annotations

from fde_operator.cluster import Cluster, Manifest
from fde_operator.conditions import condition, status_patch
from fde_operator.key import Key


async def reconcile(cluster: Cluster, key: Key, *, now: str) -> float | None:
    """Write conditions and usage of one primitive version. Maturity is the library's to grant; it is kept."""
    raw = await cluster.get(key)
    if raw is None or raw["metadata"].get("deletionTimestamp"):
        return None
    name, version = raw["spec"]["primitiveName"], raw["spec"]["version"]
    running = await cluster.list("FDEDeployment", fields={"spec.primitiveRef.name": name})
    of_version = [one for one in running if one.get("status", {}).get("resolvedVersion") == version]
    status = {
        "maturity": raw.get("status", {}).get("maturity", "experimental"),
        "usage": {"deployments": len(of_version), "ready": sum(map(is_ready, of_version))},
    }
    patch = status_patch(raw, [condition("Ready", True, "Published")], status, now=now)
    if patch is not None:
        await cluster.apply_status(patch)
    return None


def is_ready(deployment: Manifest) -> bool:
    """Whether its Ready condition is True, and something runs: a suspended deployment is ready, and runs nothing."""
    seen = deployment.get("status", {}).get("conditions", ())
    return any(one["type"] == "Ready" and one["status"] == "True" and one["reason"] != "Suspended" for one in seen)
