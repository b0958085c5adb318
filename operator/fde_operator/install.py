"""What the operator needs in a cluster, and how it gets there: definitions, then policies, roles and namespaces.

models -> CRDs -> Established -> namespaces, accounts -> policies, roles -> in force. Idempotent: server-side apply throughout.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import yaml

from fde_api.crd import definitions
from fde_events.errors import Unavailable
from fde_operator.cluster import Cluster, Manifest
from fde_operator.enforcement import in_force
from fde_operator.key import Key

_HERE: Final = Path(__file__).resolve()
# In a wheel the manifests lie beside this module; in a checkout (editable install) they are the ones of deploy/.
_LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the same, ten times as fast where libyaml is there
_PLACES: Final = (_HERE.parent / "deploy", _HERE.parents[2] / "deploy")
_SYSTEM: Final = "fde-system"
# What an older version of this bound for everybody in a group, in every namespace.
_RETIRED: Final = (
    Key("ClusterRoleBinding", "", "fde-reviewers"),
    Key("ClusterRoleBinding", "", "fde-engineers"),
    Key("ClusterRoleBinding", "", "fde-deployers"),
    Key("ClusterRole", "", "fde-engineer"),
    Key("ClusterRole", "", "fde-deployer"),
)


def manifests(folder: str) -> list[Manifest]:
    """Every object in ``deploy/<folder>/*.yaml``, in file order. :class:`FileNotFoundError` if they were not packaged."""
    for place in _PLACES:
        files = sorted((place / folder).glob("*.yaml"))
        if files:
            return [document for file in files for document in yaml.load_all(file.read_text(), _LOADER) if document]
    raise FileNotFoundError(f"deploy/{folder}/*.yaml is neither beside {_HERE.name} nor in a checkout")


async def install(cluster: Cluster, *, tell: Callable[[str], None], timeout_s: float = 60.0) -> None:
    """Apply everything, and wait until it is in force.

    Raises Denied (not allowed to), Unavailable (away, or definitions not established, or policies not in force in time).
    """
    for crd in definitions():
        await cluster.apply(crd)
        tell(f"applied {crd['kind']} {crd['metadata']['name']}")
    await established(cluster, timeout_s=timeout_s)
    for folder in ("operator", "policies"):
        # Whatever file it stands in: a namespace comes before what is in it.
        for manifest in sorted(manifests(folder), key=lambda one: one["kind"] != "Namespace"):
            await cluster.apply(manifest)
            tell(f"applied {manifest['kind']} {manifest['metadata']['name']}")
    for key in _RETIRED:
        if (old := await cluster.get(key)) is not None:
            await cluster.delete(key, uid=old["metadata"]["uid"])
            tell(f"deleted {key}: its rights are given namespace by namespace now (deploy/policies/roles.yaml)")
    await in_force(cluster, namespace=_SYSTEM, timeout_s=timeout_s)
    tell("the admission policies are in force")


async def established(cluster: Cluster, *, timeout_s: float) -> None:
    """Wait until the API server serves every kind."""
    deadline = time.monotonic() + timeout_s
    for crd in definitions():
        key = Key(crd["kind"], "", crd["metadata"]["name"])
        while not _is_established(await cluster.get(key)):
            if time.monotonic() > deadline:
                raise Unavailable(f"{key} is not established after {timeout_s:g} s; `kubectl describe crd` says why.")
            await asyncio.sleep(0.1)


def _is_established(crd: Manifest | None) -> bool:
    conditions = ((crd or {}).get("status") or {}).get("conditions") or ()  # null until somebody says something
    return any(found["type"] == "Established" and found["status"] == "True" for found in conditions)
