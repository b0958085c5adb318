"""Posture: what can be known of a deployment's secrets, isolation and feed: conditions SecretsReady, IsolationReady, FeedInUse.

parts, what there is -> posture() -> three conditions beside Ready

The operator reads no Secret and no pod. That a Secret is there it learns from a write that is never made (see
:meth:`fde_operator.cluster.Cluster.stands`); that its key is, from pods that run: the kubelet starts none without.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from fde_operator import external_secret, isolation
from fde_operator.cluster import Cluster, Manifest
from fde_operator.conditions import Condition, condition
from fde_operator.errors import Denied
from fde_operator.settings import OperatorSettings
from fde_operator.workload import Parts

_AWAITED: Final = frozenset({"SecretNotFound", "Waiting", "NotSynced"})
_LOOK_S: Final = 30.0
_PROBE: Final = "fde.io/probe"  # a type that no Secret has: what is there refuses to become it


async def posture(
    cluster: Cluster, parts: Parts, children: Iterable[Manifest], settings: OperatorSettings, *, running: bool
) -> tuple[Condition, ...]:
    """`children`: what there is of ours after the plan. `running`: the workload is ready. Raises Unavailable."""
    return (await _secrets(cluster, parts, children, running=running), _isolation(parts, settings), _feed(parts))


def next_look_s(conditions: Iterable[Condition]) -> float | None:
    """Seconds until the next look at what no event tells of: somebody's Secret, and External Secrets' progress."""
    return next((_LOOK_S for one in conditions if one["type"] == "SecretsReady" and one["reason"] in _AWAITED), None)


async def _secrets(cluster: Cluster, parts: Parts, children: Iterable[Manifest], *, running: bool) -> Condition:
    if not parts.values.hidden:
        return condition("SecretsReady", True, "NoSecrets", "the deployment refers to no secret")
    if parts.external:
        for one in children:
            if (one["kind"], one["metadata"]["name"]) == (external_secret.KIND, parts.external):
                return external_secret.ready(one)
        return condition("SecretsReady", None, "Waiting", f"ExternalSecret {parts.external} is being made")
    runs = parts.primitive.runtime.workload
    if running and runs is not None and runs.kind == "Deployment":
        return condition("SecretsReady", True, "InUse", "the pods that run have got them")
    if parts.injected:
        where = f"kubectl -n {parts.reach.namespace} logs -l fde.io/deployment={parts.deployment.metadata.name}"
        told = f"the pod's Vault Agent reads them when it starts; `{where} -c vault-agent-init` says what it lacks"
        return condition("SecretsReady", None, "ReadInThePod", told)
    return await _found(cluster, parts)


async def _found(cluster: Cluster, parts: Parts) -> Condition:
    """Whether every Secret that is referred to is there."""
    namespace = parts.reach.namespace
    missing = []
    for parameter, ref in sorted(parts.values.secrets.items()):
        probe = {
            "apiVersion": "v1",
            "kind": "Secret",
            "type": _PROBE,
            "metadata": {"name": ref.name, "namespace": namespace},
        }
        try:
            there = await cluster.stands(probe) is not None
        except Denied:
            there = True
        if not there:
            missing.append(
                f"parameter {parameter}: there is no Secret {ref.name} in this namespace; "
                f"`kubectl -n {namespace} create secret generic {ref.name} --from-file={ref.key}=FILE` makes it"
            )
    if missing:
        return condition("SecretsReady", False, "SecretNotFound", "; ".join(missing))
    return condition("SecretsReady", True, "Found", "the Secrets are there; that their keys are, a running pod proves")


def _isolation(parts: Parts, settings: OperatorSettings) -> Condition:
    amiss = isolation.unreachable(parts.reach, settings)
    if amiss is not None:
        return condition("IsolationReady", False, *amiss)
    told = "the NetworkPolicy is in place; the cluster's network plugin enforces it"
    return condition("IsolationReady", True, "PolicyInPlace", told)


def _feed(parts: Parts) -> Condition:
    if not parts.feed_taken:
        return condition("FeedInUse", True, "InUse", f"its sidecar reads TelemetryFeed {parts.feed.metadata.name}")
    told = (
        f"{parts.feed_taken}, and has the name of this deployment's own feed: its sidecar sends nothing. Make a TelemetryFeed "
        f"of another name with spec.deploymentRef.name {parts.deployment.metadata.name}, or rename that one"
    )
    return condition("FeedInUse", False, "FeedNameTaken", told)
