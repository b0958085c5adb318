"""Which of a deployment's feeds its sidecar reads; and the default feed, which gives way to one that somebody makes.

feed, its rivals -> attached() -> condition Attached; a default feed that nobody touched is deleted
deployment or feed came or went -> astray() -> the feeds that are to look again

A deployment without a feed gets one at once. In a commit the engineer's own comes a moment later, and admission lets it in
beside the default one (policy telemetryfeed-second.fde.io): it cannot let out more than that does.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
from structlog import get_logger

from fde_api.deployment import FDEDeployment, TelemetryFeed
from fde_operator.cluster import Cluster, Manifest, key_of
from fde_operator.conditions import Condition, condition
from fde_operator.key import Key
from fde_operator.labels import OWNED
from fde_operator.settings import MANAGED_BY
from fde_operator.telemetry import default_feed

log = get_logger()


async def attached(cluster: Cluster, feed: Manifest) -> Condition:
    """Condition Attached of a feed of a deployment, after a default feed that it replaces was deleted."""
    metadata = feed["metadata"]
    target, live = await _around(
        cluster, str(metadata["namespace"]), feed["spec"].get("deploymentRef", {}).get("name", "")
    )
    for one in replaced(live, target) if target is not None else ():
        if one["metadata"]["uid"] != metadata["uid"]:  # the other one's look deletes this one
            await cluster.delete(key_of(one), uid=one["metadata"]["uid"])
            log.info("default_feed_gave_way", feed=str(key_of(one)), to=metadata["name"])
    return judged(feed, live, target)


def judged(feed: Manifest, live: Iterable[Manifest], deployment: Manifest | None) -> Condition:
    """What goes for a feed among all that are of its deployment and not on their way out."""
    metadata, name = feed["metadata"], feed["spec"].get("deploymentRef", {}).get("name", "")
    if deployment is None:
        told = f"there is no FDEDeployment {name} in this namespace"
        return condition("Attached", False, "DeploymentNotFound", told)
    several = list(live)
    going = [one["metadata"]["uid"] for one in replaced(several, deployment)]
    staying = (str(one["metadata"]["name"]) for one in several if one["metadata"]["uid"] not in going)
    first = min(staying, default=str(metadata["name"]))
    if first != metadata["name"]:
        told = f"the sidecar of {name} reads {first}, the first by name; delete one"
        return condition("Attached", False, "Superseded", told)
    return condition("Attached", True, "Attached", f"the sidecar of {name} reads it")


async def astray(cluster: Cluster, namespace: str, name: str) -> list[Key]:
    """The feeds of one deployment that say something else than what goes for them now: it, or another feed, came or went.

    One that says nothing yet is about to, and is compared then; one that was denied something is tried again anyway.
    """
    target, live = await _around(cluster, namespace, name)
    found = []
    for one in live:
        said = next((c for c in (one.get("status") or {}).get("conditions") or () if c["type"] == "Attached"), None)
        if said is None or said["reason"] == "Denied":
            continue
        now = judged(one, live, target)
        if (said["reason"], said.get("message", "")) != (now["reason"], now["message"]):
            found.append(key_of(one))
    return found


async def _around(cluster: Cluster, namespace: str, name: str) -> tuple[Manifest | None, list[Manifest]]:
    """A deployment, if it is there, and its feeds that are not on their way out."""
    target = await cluster.get(Key("FDEDeployment", namespace, name))
    feeds = await cluster.list("TelemetryFeed", namespace=namespace, fields={"spec.deploymentRef.name": name})
    return target, [one for one in feeds if not one["metadata"].get("deletionTimestamp")]


def replaced(feeds: Iterable[Manifest], deployment: Manifest) -> list[Manifest]:
    """The default feed among several, if the operator made it for this deployment and nobody has changed it since."""
    several = list(feeds)
    if len(several) < 2:
        return []
    return [one for one in several if _is_untouched(one, deployment)]


def _is_untouched(feed: Manifest, deployment: Manifest) -> bool:
    metadata = feed["metadata"]
    owners = {owner["uid"] for owner in metadata.get("ownerReferences") or ()}
    if (metadata.get("labels") or {}).get(OWNED) != MANAGED_BY or deployment["metadata"]["uid"] not in owners:
        return False
    try:
        made = msgspec.convert(default_feed(_converted(deployment)), TelemetryFeed)
        return metadata["name"] == made.metadata.name and msgspec.convert(feed, TelemetryFeed).spec == made.spec
    except msgspec.ValidationError:
        return False


def _converted(deployment: Manifest) -> FDEDeployment:
    """Its name and namespace are all that counts here: whatever its status says."""
    return msgspec.convert({name: value for name, value in deployment.items() if name != "status"}, FDEDeployment)
