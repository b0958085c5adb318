"""Surroundings: what a deployment is reconciled with that is not its own: its customer, the versions there are, its feeds.

Cluster -> customer_of(), versions_of(), feeds_of() -> fde_operator.deployment; what is amiss is Held, with the next step
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import msgspec

from fde_api.deployment import FDEDeployment, TelemetryFeed
from fde_api.primitive import DeploymentPrimitive
from fde_events.errors import Misuse
from fde_events.topics import check_customer
from fde_operator import labels
from fde_operator.cluster import Cluster, Manifest
from fde_operator.compliance import Applied, applied
from fde_operator.errors import Held
from fde_operator.key import Key
from fde_operator.version import Published, published

WORKLOADS: Final = ("Deployment", "CronJob", "Job")
_VERSION: Final = "fde.io/version"  # a label where it can be one, and an annotation


async def customer_of(cluster: Cluster, deployment: FDEDeployment) -> tuple[str, str]:
    """The customer and its pseudonym, from the namespace's labels: the boundary that admission holds."""
    namespace = await cluster.get(Key("Namespace", "", deployment.metadata.namespace or ""))
    customer = labels.whose(namespace)
    if namespace is None or not customer:
        raise Held(
            "NoCustomer", f"the namespace has no label {labels.CUSTOMER}; only customers' namespaces run primitives"
        )
    try:
        return check_customer(customer), namespace["metadata"]["labels"].get(labels.PSEUDONYM, "")
    except Misuse as error:
        raise Held("NoCustomer", f"the namespace's label {labels.CUSTOMER}: {error}") from error


async def versions_of(cluster: Cluster, deployment: FDEDeployment, pseudonym: str) -> dict[str, Published]:
    """Every version of the primitive that this customer may use. Their templates, megabytes at worst, are not looked at."""
    name = deployment.spec.primitive_ref.name
    return published(await cluster.list("DeploymentPrimitive", fields={"spec.primitiveName": name}), pseudonym)


def primitive_of(versions: dict[str, Published], version: str | None, deployment: FDEDeployment) -> DeploymentPrimitive:
    """The one version that is run, as a value. :class:`Held` when there is none.

    What this customer may not see is said as if it did not exist: who a primitive came from is not its business.
    """
    reference = deployment.spec.primitive_ref
    name = DeploymentPrimitive.object_name(reference.name, version or reference.version)
    if version not in versions:
        runs = deployment.status.resolved_version if deployment.status else None
        gone = runs is not None and runs not in versions and runs != (version or reference.version)
        also = f"; {DeploymentPrimitive.object_name(reference.name, runs or '')}, which runs, is not published any more either"
        raise Held(
            "PrimitiveNotFound",
            f"there is no published DeploymentPrimitive {name} that this customer may use{also if gone else ''}; "
            "`kubectl get dprim` lists what there is. It runs as soon as the version is published.",
        )
    try:
        return msgspec.convert(versions[version].manifest, DeploymentPrimitive)
    except msgspec.ValidationError as error:
        raise Held("PrimitiveInvalid", f"DeploymentPrimitive {name} is off schema: {error}") from error


async def feeds_of(cluster: Cluster, deployment: FDEDeployment) -> list[TelemetryFeed]:
    """The feeds of this deployment, by name; those on their way out are left out."""
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


async def tags_of(cluster: Cluster, feed: Manifest) -> dict[str, str]:
    """Labels of the compliance that goes for a feed: its deployment's, of the version that runs or is named; else its own."""
    name = feed["spec"].get("deploymentRef", {}).get("name")
    found = await cluster.get(Key("FDEDeployment", feed["metadata"]["namespace"], name)) if name else None
    if found is None:
        return labels.tagged(feed)
    spec = found["spec"]
    version = (found.get("status") or {}).get("resolvedVersion") or spec["primitiveRef"]["version"]
    primitive = DeploymentPrimitive.object_name(spec["primitiveRef"]["name"], version)
    runs = await cluster.get(Key("DeploymentPrimitive", "", primitive))
    carried = ((runs or {}).get("spec") or {}).get("compliance") or ()
    required = spec["environment"].get("complianceRequirements") or ()
    try:
        return labels.tags(applied(carried, required))
    except Held:  # nothing new runs with what is not carried; what is asked for goes for the feed all the same
        return labels.tags(Applied(tuple(required), frozenset(required)))


async def namesake_of(cluster: Cluster, deployment: FDEDeployment) -> Manifest | None:
    """The TelemetryFeed that has the name of this deployment's default feed, whosever it is."""
    return await cluster.get(Key("TelemetryFeed", deployment.metadata.namespace or "", deployment.metadata.name))


def version_of(children: Iterable[Manifest]) -> str | None:
    """Which version's workload stands there: what runs, when a status that said so was lost (a restored backup)."""
    for child in children:
        if child["kind"] in WORKLOADS:
            return (child["metadata"].get("annotations") or {}).get(_VERSION)
    return None


async def runs_of(cluster: Cluster, workload: Manifest, *, version: str, since: str) -> list[Manifest]:
    """The Jobs that a CronJob has started with this version since then (RFC 3339, as the API server writes it)."""
    metadata = workload["metadata"]
    marks = labels.selector(str(metadata["labels"][labels.DEPLOYMENT]))
    listed = await cluster.list("Job", namespace=metadata["namespace"], labels=marks)
    return [job for job in _of_owner(listed, metadata["uid"]) if _runs(job, version) and _made(job) >= since]


def _of_owner(found: Iterable[Manifest], uid: str) -> list[Manifest]:
    return [one for one in found if any(owner["uid"] == uid for owner in one["metadata"].get("ownerReferences", ()))]


def _runs(job: Manifest, version: str) -> bool:
    return bool((job["metadata"].get("labels") or {}).get(_VERSION, version) == version)


def _made(job: Manifest) -> str:
    return str(job["metadata"].get("creationTimestamp", ""))
