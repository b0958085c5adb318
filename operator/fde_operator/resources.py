"""Resources: under which names the API server has each kind that we use. It knows others; nobody here asks for them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from fde_api.kinds import KINDS
from fde_api.meta import GROUP


class Resource(NamedTuple):
    """A kind's place. `group` is empty for the core's."""

    group: str
    version: str
    plural: str
    namespaced: bool

    @property
    def api_version(self) -> str:
        """As manifests have it."""
        return f"{self.group}/{self.version}" if self.group else self.version


_FOREIGN: Final[Mapping[str, Resource]] = {
    "Namespace": Resource("", "v1", "namespaces", False),
    "ConfigMap": Resource("", "v1", "configmaps", True),
    "Secret": Resource(
        "", "v1", "secrets", True
    ),  # written, never read: no verb of ours returns what somebody else put in
    "ServiceAccount": Resource("", "v1", "serviceaccounts", True),
    "Deployment": Resource("apps", "v1", "deployments", True),
    "CronJob": Resource("batch", "v1", "cronjobs", True),
    "Job": Resource("batch", "v1", "jobs", True),
    "NetworkPolicy": Resource("networking.k8s.io", "v1", "networkpolicies", True),
    "ExternalSecret": Resource("external-secrets.io", "v1", "externalsecrets", True),  # not every cluster has it
    "PodDisruptionBudget": Resource("policy", "v1", "poddisruptionbudgets", True),
    "CustomResourceDefinition": Resource("apiextensions.k8s.io", "v1", "customresourcedefinitions", False),
    "Role": Resource("rbac.authorization.k8s.io", "v1", "roles", True),
    "RoleBinding": Resource("rbac.authorization.k8s.io", "v1", "rolebindings", True),
    "Lease": Resource("coordination.k8s.io", "v1", "leases", True),  # made by install; lease.py renews it
    "Event": Resource("events.k8s.io", "v1", "events", True),
    "ValidatingAdmissionPolicy": Resource("admissionregistration.k8s.io", "v1", "validatingadmissionpolicies", False),
    "ValidatingAdmissionPolicyBinding": Resource(
        "admissionregistration.k8s.io",
        "v1",
        "validatingadmissionpolicybindings",
        False,
    ),
    "ClusterRole": Resource("rbac.authorization.k8s.io", "v1", "clusterroles", False),
    "ClusterRoleBinding": Resource("rbac.authorization.k8s.io", "v1", "clusterrolebindings", False),
}
RESOURCES: Final[Mapping[str, Resource]] = {
    **_FOREIGN,
    **{kind.name: Resource(GROUP, "v1", kind.plural, kind.namespaced) for kind in KINDS},
}
