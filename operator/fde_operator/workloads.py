"""Workloads that are not ours, at the rim: the sidecar brought to who opted in, and taken from who no longer does."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

import msgspec
from structlog import get_logger

from fde_operator import attach
from fde_operator.claim import Claim
from fde_operator.cluster import Cluster, Manifest
from fde_operator.conditions import Condition, condition
from fde_operator.errors import Denied, Held
from fde_operator.settings import OperatorSettings

log = get_logger()
LOOK_S: Final = attach.LOOK_S


def selector_of(feed: Manifest) -> dict[str, str] | None:
    """spec.workloadSelector.matchLabels; None for a feed of a deployment."""
    found: dict[str, str] | None = feed["spec"].get("workloadSelector", {}).get("matchLabels")
    return found or None


async def attach_to(
    cluster: Cluster,
    feed: Manifest,
    claim: Claim,
    settings: OperatorSettings,
    hold: Callable[[], Awaitable[None]],
    admitted: Callable[[], Awaitable[None]],
) -> Condition:
    """Condition Attached, after everything was done for it.

    `hold` is called before the first workload is changed; `admitted` before a sidecar is new or another one, and raises
    Held where it must not be.
    """
    namespace = str(feed["metadata"]["namespace"])
    try:
        if not claim.customer:
            await detach(cluster, feed)
            return condition("Attached", False, claim.reason, claim.message)
        selected = await cluster.list("Deployment", namespace=namespace, labels=selector_of(feed))
        found = attach.attachment(str(feed["metadata"]["uid"]), selected, await _attached(cluster, feed))
        await _detach(cluster, found.off)
        additions = [(one, attach.addition(one, feed, claim.customer, settings)) for one in found.on]
        lacking = [(target, added) for target, added in additions if not attach.stands(target, added)]
        if lacking:
            await admitted()
        if found.on:
            await hold()
            await _document(cluster, feed)
        for target, added in lacking:
            await cluster.apply(added)
            log.info("workload_attached", deployment=f"{namespace}/{target['metadata']['name']}")
    except Held as held:
        return condition("Attached", False, held.reason, str(held))
    except Denied as denied:
        return condition("Attached", False, "Denied", str(denied))
    except msgspec.ValidationError as error:
        return condition("Attached", False, "FeedInvalid", f"the stored feed is off schema: {error}")
    reason, told = attach.told(found, namespace)
    return condition("Attached", reason == "Attached", reason, told)


async def detach(cluster: Cluster, feed: Manifest) -> None:
    """Nobody carries the feed any more."""
    await _detach(cluster, await _attached(cluster, feed))


async def _document(cluster: Cluster, feed: Manifest) -> None:
    wanted = attach.document(feed)
    metadata = wanted["metadata"]
    there = await cluster.list("ConfigMap", namespace=metadata["namespace"], fields={"metadata.name": metadata["name"]})
    if not there or not attach.carries(there[0], wanted):
        await cluster.apply(wanted)


async def _attached(cluster: Cluster, feed: Manifest) -> list[Manifest]:
    uid = str(feed["metadata"]["uid"])
    return await cluster.list("Deployment", namespace=feed["metadata"]["namespace"], labels={attach.ATTACHED: uid})


async def _detach(cluster: Cluster, targets: tuple[Manifest, ...] | list[Manifest]) -> None:
    for target in targets:
        await cluster.apply(attach.removal(target))
        log.info("workload_detached", deployment=f"{target['metadata']['namespace']}/{target['metadata']['name']}")
