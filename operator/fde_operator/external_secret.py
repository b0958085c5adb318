"""ExternalSecret: secrets of an outside store as a Secret beside the deployment, without the operator ever seeing them.

vaultRef of each parameter -> manifest() -> External Secrets reads the store -> a Secret of the same name, mounted as any other
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, Final

from fde_api.deployment import FDEDeployment, VaultKeyRef
from fde_api.meta import canonical
from fde_operator.cluster import Cluster, Manifest
from fde_operator.conditions import Condition, condition
from fde_operator.errors import Conflicting, Held
from fde_operator.labels import selector
from fde_operator.landscape import ExternalSecrets

KIND: Final = "ExternalSecret"
NOT_INSTALLED: Final = "ExternalSecretsMissing"
_LOOK_S: Final = 60.0


def name_of(deployment: str, references: Mapping[str, VaultKeyRef], settings: ExternalSecrets) -> str:
    """By what it refers to: a pod of new references never starts with values of the old ones."""
    digest = hashlib.sha256(canonical({"store": settings.store, "of": dict(references)})).hexdigest()[:10]
    return f"{deployment}-secrets-{digest}"


def manifest(references: Mapping[str, VaultKeyRef], settings: ExternalSecrets, metadata: Mapping[str, Any]) -> Manifest:
    """One key a parameter. The Secret goes with the ExternalSecret, and carries the same labels."""
    marks = {name: dict(metadata[name]) for name in ("labels", "annotations")}
    return {
        "apiVersion": "external-secrets.io/v1",
        "kind": KIND,
        "metadata": dict(metadata),
        "spec": {
            "refreshInterval": settings.refresh,
            # A store of the customer's own namespace: a ClusterSecretStore may read any customer's part.
            "secretStoreRef": {"name": settings.store, "kind": "SecretStore"},
            "target": {
                "name": metadata["name"],
                "creationPolicy": "Owner",
                "deletionPolicy": "Retain",
                "template": {"engineVersion": "v2", "mergePolicy": "Merge", "metadata": marks},
            },
            "data": [
                {"secretKey": parameter, "remoteRef": {"key": ref.path, "property": ref.key}}
                for parameter, ref in sorted(references.items())
            ],
        },
    }


async def listed(cluster: Cluster, deployment: FDEDeployment) -> list[Manifest]:
    """Those of one deployment. :class:`Held` when the cluster has no such kind."""
    metadata = deployment.metadata
    try:
        return await cluster.list(KIND, namespace=metadata.namespace or "", labels=selector(metadata.name))
    except Conflicting as missing:  # the only 404 that a list can give
        raise Held(
            NOT_INSTALLED,
            "the primitive's secrets come from External Secrets, and this cluster has no kind ExternalSecret "
            "(external-secrets.io/v1): whoever runs the cluster installs the External Secrets operator",
            retry_after_s=_LOOK_S,
        ) from missing


def ready(observed: Manifest) -> Condition:
    """Condition SecretsReady, from the ExternalSecret's own."""
    said = next((one for one in observed.get("status", {}).get("conditions", ()) if one["type"] == "Ready"), None)
    name = observed["metadata"]["name"]
    if said is None:
        store = observed["spec"]["secretStoreRef"]["name"]
        told = (
            f"External Secrets has not taken up ExternalSecret {name} yet: does it run, is SecretStore {store} there?"
        )
        return condition("SecretsReady", None, "Waiting", told)
    if said["status"] == "True":
        return condition("SecretsReady", True, "Synced", f"External Secrets made Secret {name}")
    # Its message may name a request that is another one each time: told again and again, our status would never rest.
    why = str(said.get("reason") or "it gives no reason")[:128]
    where = f"kubectl -n {observed['metadata'].get('namespace', '')} describe externalsecret {name}"
    return condition(
        "SecretsReady", False, "NotSynced", f"ExternalSecret {name} is not ready: {why}; `{where}` says more"
    )
