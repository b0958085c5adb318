"""Isolation of one deployment: its own ServiceAccount without a token, and a NetworkPolicy.

zone        egress, besides DNS and the brokers
dmz         443 to the internet; never to private ranges or the node's metadata address
internal    443 to private ranges
restricted  nothing
airgapped   nothing at all, not even DNS or brokers: the sidecar spools

Ingress is denied in every zone. `networkPolicy: open` of a primitive widens the zone's ports, not its addresses.
Brokers are let through by port, and by network where the operator is told their CIDRs: a NetworkPolicy knows no host names.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from fde_api.deployment import FDEDeployment
from fde_api.primitive import SecurityContext
from fde_operator.cluster import Manifest
from fde_operator.labels import selector
from fde_operator.settings import OperatorSettings

_PRIVATE: Final = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")
_NEVER: Final = (*_PRIVATE, "100.64.0.0/10", "169.254.0.0/16")
_INTERNET: Final[list[Manifest]] = [
    {"ipBlock": {"cidr": "0.0.0.0/0", "except": list(_NEVER)}},
    {"ipBlock": {"cidr": "::/0", "except": ["fc00::/7", "fe80::/10"]}},
]
_INSIDE: Final[list[Manifest]] = [{"ipBlock": {"cidr": cidr}} for cidr in (*_PRIVATE, "fc00::/7")]
_DNS: Final[Manifest] = {
    "to": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "kube-system"}}}],
    "ports": [{"protocol": "UDP", "port": 53}, {"protocol": "TCP", "port": 53}],
}
_ADDRESSES: Final[Mapping[str, list[Manifest]]] = {"dmz": _INTERNET, "internal": _INSIDE}


def service_account(metadata: Mapping[str, Any]) -> Manifest:
    """No token is mounted: the workload has no business with the API server."""
    return {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": dict(metadata),
        "automountServiceAccountToken": False,
    }


def network_policy(
    deployment: FDEDeployment, security: SecurityContext, settings: OperatorSettings, metadata: Mapping[str, Any]
) -> Manifest:
    """Default deny both ways for this deployment's pods, then what the zone allows."""
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": dict(metadata),
        "spec": {
            "podSelector": {"matchLabels": selector(deployment.metadata.name)},
            "policyTypes": ["Ingress", "Egress"],
            "ingress": [],
            "egress": egress(deployment.spec.environment.network_zone, security, settings),
        },
    }


def egress(zone: str, security: SecurityContext, settings: OperatorSettings) -> list[Manifest]:
    """The egress rules of a zone."""
    if zone == "airgapped":
        return []
    rules = [_DNS]
    if addresses := _ADDRESSES.get(zone):
        rule: Manifest = {"to": addresses}
        if security.network_policy != "open":
            rule["ports"] = [{"protocol": "TCP", "port": 443}]
        rules.append(rule)
    if ports := broker_ports(settings.brokers):
        rule = {"ports": [{"protocol": "TCP", "port": port} for port in ports]}
        if settings.broker_networks:
            rule["to"] = [{"ipBlock": {"cidr": cidr}} for cidr in settings.broker_networks]
        rules.append(rule)
    return rules


def broker_ports(brokers: str | None) -> list[int]:
    """The distinct ports of ``host:port,host:port``; 9092 where none is given."""
    found = set()
    for broker in (brokers or "").split(","):
        if broker.strip():
            port = broker.strip().rpartition(":")[2]
            found.add(int(port) if port.isdecimal() else 9092)
    return sorted(found)
