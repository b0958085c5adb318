"""A feed on workloads that are not ours: a sidecar beside their containers, by server-side apply, after they opted in.

Deployments that the selector finds -> attachment() -> addition() to each that carries the annotation; the rest are told

Whoever owns a Deployment says ``fde.io/telemetry: "true"`` on it; nobody of ours may. What is added is ours in the field manager's
sense: an apply without it takes exactly that away again, and every other field stays whoever's it is. The tee wrapper is not
added, since it would change the app's command: these apps send OTLP, or write to the file in FDE_LOG.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from fde_api.deployment import TelemetryFeed
from fde_api.meta import API_VERSION
from fde_operator import telemetry
from fde_operator.cluster import Manifest
from fde_operator.files import config_map
from fde_operator.labels import OWNED, tagged
from fde_operator.plan import holds
from fde_operator.settings import MANAGED_BY, OperatorSettings

CONTAINERS: Final = "fde.io/telemetry-containers"  # an annotation of theirs, "none": the sidecar alone
FINALIZER: Final = "fde.io/workloads"
OPT_IN: Final = "fde.io/telemetry"
ATTACHED: Final = "fde.io/telemetryfeed-uid"  # a label of the Deployment: which feed added to it
LOOK_S: Final = 30.0  # they are not watched: neither RBAC nor a watch can select by annotation
_USER: Final = 65532
_LOGS: Final = "fde-logs"  # a volume


@dataclass(frozen=True, slots=True)
class Attachment:
    """Who gets a sidecar, who keeps none, and who is waited for. Each a Deployment as it stands."""

    on: tuple[Manifest, ...] = ()
    off: tuple[Manifest, ...] = ()
    waiting: tuple[Manifest, ...] = ()
    taken: tuple[Manifest, ...] = ()


def attachment(uid: str, selected: Iterable[Manifest], attached: Iterable[Manifest]) -> Attachment:
    """`selected`: what the selector finds; `attached`: what carries this feed's label. Our own workloads have a sidecar."""
    live = [one for one in selected if not _is_ours(one) and not one["metadata"].get("deletionTimestamp")]
    opted = [one for one in live if (one["metadata"].get("annotations") or {}).get(OPT_IN) == "true"]
    free = [one for one in opted if _labels(one).get(ATTACHED, uid) == uid]
    kept = {one["metadata"]["uid"] for one in free}
    return Attachment(
        on=tuple(free),
        off=tuple(one for one in attached if one["metadata"]["uid"] not in kept),
        waiting=tuple(one for one in live if one not in opted),
        taken=tuple(one for one in opted if one not in free),
    )


def addition(target: Manifest, raw: Manifest, customer: str, settings: OperatorSettings) -> Manifest:
    """What is applied to one Deployment: the sidecar, its volumes, and for each container where to send and to log."""
    feed = msgspec.convert(raw, TelemetryFeed)
    side = telemetry.sidecar(settings, customer=customer, feed=feed)
    # The pod's security context is its owner's: the sidecar brings its own user, and may read its files in any group.
    side["securityContext"] = {**telemetry.CONTAINER_SECURITY, "runAsUser": _USER, "runAsGroup": _USER}
    found = telemetry.volumes(config_name(feed.metadata.name), feed, settings, identity_mode=0o444)
    name = config_name(feed.metadata.name)
    theirs = {  # in place of ours; the pod of somebody else starts though our feed has gone
        "fde-feed": [{"name": "fde-feed", "configMap": {"name": name, "optional": True}}],
        "fde-bin": [{"name": "fde-sidecar-tmp", "emptyDir": {"sizeLimit": "32Mi"}}],
    }
    volumes = [volume for one in found for volume in theirs.get(one["name"], [one])]
    pod: Manifest = {"initContainers": [side], "volumes": volumes}
    if not _alone(target):
        pod["containers"] = [_container(one) for one in target["spec"]["template"]["spec"]["containers"]]
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {**_named(target), "labels": {ATTACHED: raw["metadata"]["uid"]}},
        "spec": {"template": {"spec": pod}},
    }


def removal(target: Manifest) -> Manifest:
    """What is applied to take all of it away."""
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": _named(target)}


def document(raw: Manifest) -> Manifest:
    """The ConfigMap that the sidecars read the feed from; the feed owns it."""
    feed = msgspec.convert(raw, TelemetryFeed)
    metadata = raw["metadata"]
    owner = {
        "apiVersion": API_VERSION,
        "kind": "TelemetryFeed",
        "name": metadata["name"],
        "uid": metadata["uid"],
        "controller": True,
        "blockOwnerDeletion": False,
    }
    about = {
        "namespace": metadata["namespace"],
        "labels": {OWNED: MANAGED_BY, **tagged(raw)},
        "ownerReferences": [owner],
    }
    return config_map(
        config_name(metadata["name"]), {"feed.yaml": telemetry.feed_document(feed)}, about, immutable=False
    )


def config_name(feed: str) -> str:
    """The ConfigMap of the feed of this name."""
    return f"fde-feed.{feed}"


def stands(target: Manifest, added: Manifest) -> bool:
    """Whether there is nothing to apply: `added` is there, and nothing of it beyond, where containers are to be left alone."""
    theirs = target["spec"]["template"]["spec"]["containers"]
    mounts = (mount["name"] for one in theirs for mount in one.get("volumeMounts") or ())
    return carries(target, added) and not (_alone(target) and _LOGS in mounts)


def carries(target: Any, added: Any) -> bool:
    """Whether everything of `added` stands in `target`. Lists of named things are compared by name or mount path."""
    if isinstance(added, Mapping):
        return isinstance(target, Mapping) and all(carries(target.get(key), value) for key, value in added.items())
    if isinstance(added, list) and added and isinstance(added[0], Mapping):
        key = next((one for one in ("mountPath", "name") if one in added[0]), None)
        if key is None:
            return holds(target, added)
        there = {one.get(key): one for one in target or ()}
        return all(carries(there.get(one[key]), one) for one in added)
    return holds(target, added)


def told(found: Attachment, namespace: str) -> tuple[str, str]:
    """Reason and sentence of condition Attached, with what to run where somebody has to."""
    names = ", ".join(sorted(str(one["metadata"]["name"]) for one in found.on))
    if found.waiting:
        patch = f'{{"metadata":{{"annotations":{{"{OPT_IN}":"true"}}}}}}'
        commands = "; ".join(
            f"kubectl -n {namespace} patch deployment {one['metadata']['name']} --type merge -p '{patch}'"
            for one in found.waiting[:10]
        )
        beside = f" (attached: {names})" if names else ""
        return "NotOptedIn", f"{len(found.waiting)} Deployments are not opted in{beside}. Their owner runs: {commands}"
    if found.taken:
        others = ", ".join(sorted(str(one["metadata"]["name"]) for one in found.taken))
        return "Taken", f"another TelemetryFeed is attached to {others}"
    if not found.on:
        return "NoWorkload", "the selector finds no Deployment in this namespace that is not ours"
    return (
        "Attached",
        f"beside {names}: their containers send OTLP to {telemetry.RECEIVER}, or write to the file in FDE_LOG. Whoever renames or "
        "removes a container by server-side apply hears `image: Required value`, since our variables are in it: annotate the "
        f'Deployment {CONTAINERS}: "none" before, and its containers are left alone within {LOOK_S:g} s',
    )


def _container(theirs: Manifest) -> Manifest:
    """Our fields of one of their containers. What it sets itself is not touched, unless we set it before."""
    ours = {"FDE_LOG": f"{telemetry.LOGS}/{theirs['name']}.log", **telemetry.OTEL}
    env = {one["name"]: one.get("value") for one in theirs.get("env", ())}
    own = {name for name in env if name in ours and env[name] != ours[name]}
    if own & telemetry.OTEL.keys():
        own |= telemetry.OTEL.keys()
    return {
        "name": theirs["name"],
        "env": [{"name": name, "value": value} for name, value in ours.items() if name not in own],
        "volumeMounts": [{"name": _LOGS, "mountPath": telemetry.LOGS}],
    }


def _named(target: Manifest) -> dict[str, Any]:
    """With its uid: an apply never makes a Deployment that has gone."""
    return {name: target["metadata"][name] for name in ("name", "namespace", "uid")}


def _alone(target: Manifest) -> bool:
    return bool((target["metadata"].get("annotations") or {}).get(CONTAINERS) == "none")


def _labels(target: Manifest) -> dict[str, str]:
    return target["metadata"].get("labels") or {}


def _is_ours(target: Manifest) -> bool:
    return _labels(target).get(OWNED) == MANAGED_BY
