"""The plan of one deployment: the operator's own reconciliation, rehearsed with a person's rights.

FDEDeployment (as it stands, or as a file says) -> Rehearsal -> reconcile() -> steps, and what its status would say
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from fde_api.kinds import parse
from fde_cli.kube.rehearsal import Rehearsal, Step, why
from fde_cli.kube.target import found
from fde_events.errors import BadInput, Refused
from fde_operator import deployment
from fde_operator.cluster import Cluster, Manifest
from fde_operator.errors import Denied
from fde_operator.key import Key
from fde_operator.landscape import Landscape
from fde_operator.settings import OperatorSettings

# Where the chart writes what the operator is told; nothing of it is secret.
SETTINGS: Final = Key("ConfigMap", "fde-system", "fde-operator-settings")
LANDSCAPE: Final = Key("ConfigMap", "fde-system", "fde-operator-landscape")
_FIELDS: Final = {
    "FDE_BROKERS": "brokers",
    "FDE_SIDECAR_IMAGE": "sidecar_image",
    "FDE_RUNTIME_IMAGE": "runtime_image",
    "FDE_TELEMETRY_SECRET": "telemetry_secret",
}


@dataclass(frozen=True, slots=True)
class Planned:
    """`steps` in the operator's order; `status`: what it would write, or None: nothing. `notes`: what could not be known."""

    steps: tuple[Step, ...]
    status: Manifest | None
    notes: tuple[str, ...]

    @property
    def held(self) -> str:
        """Why the operator would not go on, or empty."""
        for one in (self.status or {}).get("status", {}).get("conditions", ()):
            if one["type"] == "Stalled" and one["status"] == "True":
                return f"{one['reason']}: {one.get('message', '')}"
        return ""


async def planned(cluster: Cluster, key: Key, *, file: Manifest | None, at: datetime | None = None) -> Planned:
    """`cluster` must be one that only rehearses. Refused when there is no such deployment, or the file is refused."""
    notes: list[str] = []
    given = {key: await _as_filed(cluster, key, file)} if file is not None else {key: await found(cluster, key)}
    settings = await _settings(cluster, given[key], notes)
    await _readable(cluster, key.namespace)
    rehearsal = Rehearsal(cluster, given)
    now = (at or datetime.now(UTC)).strftime("%Y-%m-%dT%H:%M:%SZ")
    await deployment.reconcile(rehearsal, key, settings, now=now)
    notes += [f"{said}: what stands of kind {kind} is not known" for kind, said in sorted(rehearsal.hidden.items())]
    return Planned(tuple(rehearsal.steps), rehearsal.status, tuple(notes))


def filed(document: Any, *, where: str, namespace: str) -> Manifest:
    """The FDEDeployment in a decoded file, with a namespace. BadInput for anything else."""
    if not isinstance(document, dict) or document.get("kind") != "FDEDeployment":
        raise BadInput(where, "it holds no FDEDeployment")
    if not isinstance(document.get("metadata") or {}, dict):
        raise BadInput(where, "its metadata is no mapping")
    metadata = {"namespace": namespace, **(document.get("metadata") or {})}
    manifest: Manifest = {**document, "metadata": metadata}
    parse(manifest, where=where)
    return manifest


async def _as_filed(cluster: Cluster, key: Key, file: Manifest) -> Manifest:
    """What would stand there if the file was applied; asked of the server first, by a dry run."""
    current = await cluster.get(key)
    marks = {name: file["metadata"].get(name, {}) for name in ("labels", "annotations")}
    try:
        if current is None:
            await cluster.rehearse(file)
            return {**file, "metadata": {"uid": "not-made-yet", "generation": 1, **file["metadata"]}}
        metadata = current["metadata"]
        merged = {name: {**metadata.get(name, {}), **given} for name, given in marks.items()}
        edited = file["spec"] != current["spec"]
        made = {**current, "spec": file["spec"], "metadata": {**metadata, **merged}}
        await cluster.stands(made)
        return {**made, "metadata": {**made["metadata"], "generation": metadata.get("generation", 0) + edited}}
    except Denied as denied:
        raise Refused(f"The file would be refused: {denied}") from denied


async def _readable(cluster: Cluster, namespace: str) -> None:
    try:
        await cluster.get(Key("Namespace", "", namespace))
    except Denied as denied:
        raise Refused(
            f"A plan needs to read namespace {namespace} and what runs in it: {why(denied)}. Ask for the cluster's own role "
            f"`view` there: `kubectl -n {namespace} create rolebinding NAME --clusterrole=view --user=YOU`."
        ) from denied


async def _settings(cluster: Cluster, manifest: Manifest, notes: list[str]) -> OperatorSettings:
    """What the operator is told, as far as this person may know."""
    told = await _data(cluster, SETTINGS, notes)
    if not told:
        notes.append(f"{SETTINGS} was not read: images of sidecars and addresses of brokers are the defaults")
    found: dict[str, Any] = {field: told[name] for name, field in _FIELDS.items() if told.get(name)}
    if told.get("FDE_LANDSCAPE"):
        for text in (await _data(cluster, LANDSCAPE, notes)).values():
            try:
                found["landscape"] = msgspec.yaml.decode(text, type=Landscape)
            except (msgspec.ValidationError, msgspec.DecodeError) as error:
                notes.append(f"{LANDSCAPE} cannot be read: {error}; the landscape is the default")
    networks = tuple(one.strip() for one in told.get("FDE_BROKER_NETWORKS", "").split(",") if one.strip())
    return OperatorSettings(**found, broker_networks=networks, kafka_users=await _has_user(cluster, manifest))


async def _data(cluster: Cluster, key: Key, notes: list[str]) -> dict[str, str]:
    try:
        found = await cluster.get(key)
    except Denied as denied:
        notes.append(f"{key}: {why(denied)}")
        return {}
    data: dict[str, str] = (found or {}).get("data", {})
    return data


async def _has_user(cluster: Cluster, manifest: Manifest) -> bool:
    """Whether feeds get users of their own on Kafka: told by one of this deployment that has one."""
    metadata = manifest["metadata"]
    feeds = await cluster.list("TelemetryFeed", namespace=metadata["namespace"])
    return any(feed.get("status", {}).get("kafka") for feed in feeds)
