"""Labels, annotations and owner references of everything made for one deployment."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from fde_api.deployment import FDEDeployment
from fde_api.meta import API_VERSION
from fde_operator.cluster import Manifest
from fde_operator.compliance import Applied
from fde_operator.settings import MANAGED_BY

OWNED: Final = "app.kubernetes.io/managed-by"
DEPLOYMENT: Final = "fde.io/deployment"
CUSTOMER: Final = "fde.io/customer"
COMPLIANCE: Final = "compliance.fde.io/"  # and a tag: required by the deployment, or carried by its primitive
PSEUDONYM: Final = "fde.io/customer-pseudonym"  # of a namespace: as whom a primitive's visibleTo knows this customer
_NONE: Final = Applied()
_LABEL: Final = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?")


def selector(deployment: str) -> dict[str, str]:
    """What finds every object and pod of one deployment, in its namespace."""
    return {OWNED: MANAGED_BY, DEPLOYMENT: deployment}


def whose(namespace: Mapping[str, Any] | None) -> str:
    """The customer that a namespace is labelled with; empty: nobody's, or there is no such namespace."""
    return str((((namespace or {}).get("metadata") or {}).get("labels") or {}).get(CUSTOMER) or "")


def is_label(text: str) -> bool:
    """Whether `text` may be a label's value."""
    return _LABEL.fullmatch(text) is not None


def labels(deployment: FDEDeployment, *, customer: str, version: str, compliance: Applied) -> dict[str, str]:
    """Labels of objects and pods. A compliance tag becomes a label where it can be one; the annotation has them all."""
    return {
        **selector(deployment.metadata.name),
        "app.kubernetes.io/name": deployment.spec.primitive_ref.name,
        "app.kubernetes.io/instance": deployment.metadata.name,
        "app.kubernetes.io/part-of": "fde",
        "fde.io/primitive": deployment.spec.primitive_ref.name,
        **({"fde.io/version": version} if is_label(version) else {}),  # v1.0.0-rc. is a version, and no label
        CUSTOMER: customer,
        **tags(compliance),
    }


def tags(compliance: Applied) -> dict[str, str]:
    """The labels of the compliance tags that apply."""
    return {
        f"{COMPLIANCE}{tag}": "required" if tag in compliance.required else "carried"
        for tag in compliance.tags
        if is_label(tag)
    }


def lasting(metadata: dict[str, Any]) -> dict[str, Any]:
    """ObjectMeta of a child that is made once: without what the next version, or an edit, makes another one."""
    found = {name: mark for name, mark in metadata["labels"].items() if not name.startswith(COMPLIANCE)}
    found.pop("fde.io/version", None)
    return {**{name: value for name, value in metadata.items() if name != "annotations"}, "labels": found}


def tagged(manifest: Manifest) -> dict[str, str]:
    """Those that an object has."""
    found = manifest["metadata"].get("labels") or {}
    return {name: mark for name, mark in found.items() if name.startswith(COMPLIANCE)}


def notes(deployment: FDEDeployment, *, version: str, compliance: Applied) -> dict[str, str]:
    """Annotations of objects and pods."""
    environment = deployment.spec.environment
    found: dict[str, str] = {"fde.io/network-zone": environment.network_zone, "fde.io/version": version}
    if compliance.tags:
        found["fde.io/compliance"] = ",".join(compliance.tags)
    if environment.data_residency:
        found["fde.io/data-residency"] = environment.data_residency
    return found


def metadata(
    deployment: FDEDeployment, name: str, *, customer: str, version: str, compliance: Applied = _NONE
) -> dict[str, Any]:
    """ObjectMeta of a child: deleted with its owner, by the cluster's own garbage collector."""
    return {
        "name": name,
        "namespace": deployment.metadata.namespace,
        "labels": labels(deployment, customer=customer, version=version, compliance=compliance),
        "annotations": notes(deployment, version=version, compliance=compliance),
        "ownerReferences": [
            {
                "apiVersion": API_VERSION,
                "kind": deployment.kind,
                "name": deployment.metadata.name,
                "uid": deployment.metadata.uid,
                "controller": True,
                "blockOwnerDeletion": True,
            }
        ],
    }
