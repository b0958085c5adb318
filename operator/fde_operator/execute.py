"""execute(): a plan's actions against the cluster, one after the other."""

from __future__ import annotations

from collections.abc import Iterable

from structlog import get_logger

from fde_operator.cluster import Cluster, Manifest, key_of
from fde_operator.errors import Conflicting, Denied
from fde_operator.key import Key
from fde_operator.plan import Action, Apply, Create, Delete

log = get_logger()


async def execute(cluster: Cluster, actions: Iterable[Action], observed: Iterable[Manifest]) -> list[Manifest]:
    """Do `actions` in order; returns `observed` as it is afterwards. Stops at the first that fails: the next
    reconciliation plans anew from what is then there, so a crash between two of them costs nothing."""
    present = {key_of(manifest): manifest for manifest in observed}
    for action in actions:
        if isinstance(action, Delete):
            await cluster.delete(action.key, uid=action.uid)
            present.pop(action.key, None)
            log.info("object_deleted", object=str(action.key))
            continue
        key = key_of(action.manifest)
        if isinstance(action, Apply):
            try:
                present[key] = await cluster.apply(action.manifest)
            except Denied as denied:
                raise denied if key in present else await _told(cluster, key, action.manifest, denied) from denied
            log.info("object_applied", object=str(key))
        elif isinstance(action, Create):
            try:
                present[key] = await cluster.create(action.manifest)
                log.info("object_created", object=str(key))
            except Conflicting:
                log.info("object_was_there", object=str(key))
    return list(present.values())


async def _told(cluster: Cluster, key: Key, wanted: Manifest, denied: Denied) -> Denied:
    """Why, in words of the person whose deployment it is: admission lets us take over no namesake of what we would make."""
    found = await cluster.list(key.kind, namespace=key.namespace, fields={"metadata.name": key.name})
    ours = {owner["uid"] for owner in wanted["metadata"].get("ownerReferences", ())}
    if not found or ours & {owner["uid"] for owner in found[0]["metadata"].get("ownerReferences", ())}:
        return denied
    return Denied(
        f"a {key.kind} {key.name} is there already and is not the operator's: rename the FDEDeployment, or remove that object"
    )
