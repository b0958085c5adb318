"""What NetworkPolicies let through, judged from the objects alone: the local Kubernetes stores them, and nothing enforces them.

policies, namespaces, pods -> Network.leaves(), enters(), reaches()

As networking.k8s.io/v1 says it (the API's reference): policies add up, a pod that none selects is open in that direction, an
empty list of peers or ports is all of them. Whether an ipBlock speaks of pods too is the plugin's choice: `strict` is the worst
case for whoever has to be kept out (it does), and not strict the worst for whoever has to get through (it does not).
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Manifest = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Pod:
    """A pod. `ports`: container ports by name."""

    namespace: str
    labels: Mapping[str, str]
    ip: str
    ports: Mapping[str, int] = field(default_factory=dict)


class Network:
    """`namespaces`: labels by name; the one with the name itself is added, as the API server does."""

    def __init__(self, policies: Iterable[Manifest], namespaces: Mapping[str, Mapping[str, str]] | None = None) -> None:
        self._policies = [one for one in policies if one["kind"] == "NetworkPolicy"]
        self._namespaces = dict(namespaces or {})

    def reaches(self, one: Pod, other: Pod, port: int, protocol: str = "TCP", *, strict: bool = True) -> bool:
        """Whether `one` may open a connection to `other`: it has to be let out, and in."""
        out = self.leaves(one, other, port, protocol, strict=strict)
        return out and self.enters(other, one, port, protocol, strict=strict)

    def leaves(self, pod: Pod, to: Pod | str, port: int, protocol: str = "TCP", *, strict: bool = True) -> bool:
        """Whether `pod` may send there: to a pod, or to an address outside the cluster."""
        target = to if isinstance(to, Pod) else None
        return self._passes("Egress", pod, to, target, port, protocol, strict)

    def enters(self, pod: Pod, source: Pod | str, port: int, protocol: str = "TCP", *, strict: bool = True) -> bool:
        """Whether `pod` may be sent to."""
        return self._passes("Ingress", pod, source, pod, port, protocol, strict)

    def _passes(
        self, way: str, pod: Pod, peer: Pod | str, target: Pod | None, port: int, protocol: str, strict: bool
    ) -> bool:
        """`target`: who has the port, where it is known."""
        mine = [one for one in self._policies if self._selects(one, pod, way)]
        if not mine:
            return True
        key = "to" if way == "Egress" else "from"
        return any(
            self._peers(policy, rule.get(key), peer, strict) and _ports(rule.get("ports"), target, port, protocol)
            for policy in mine
            for rule in policy["spec"].get(way.lower()) or ()
        )

    @staticmethod
    def _selects(policy: Manifest, pod: Pod, way: str) -> bool:
        spec = policy["spec"]
        # Without policyTypes every policy is of ingress, and of egress too if it has such rules.
        types = spec.get("policyTypes") or ["Ingress", *(["Egress"] if "egress" in spec else [])]
        same = policy["metadata"].get("namespace", "default") == pod.namespace
        return way in types and same and matches(spec.get("podSelector") or {}, pod.labels)

    def _peers(self, policy: Manifest, peers: Sequence[Manifest] | None, peer: Pod | str, strict: bool) -> bool:
        if not peers:
            return True
        home = policy["metadata"].get("namespace", "default")
        return any(self._peer(home, one, peer, strict) for one in peers)

    def _peer(self, home: str, wanted: Manifest, peer: Pod | str, strict: bool) -> bool:
        if block := wanted.get("ipBlock"):
            if isinstance(peer, Pod) and not strict:
                return False
            return _inside(block, peer.ip if isinstance(peer, Pod) else peer)
        if not isinstance(peer, Pod):
            return False
        spaces = wanted.get("namespaceSelector")
        here = peer.namespace == home if spaces is None else matches(spaces, self._labels(peer.namespace))
        return here and matches(wanted.get("podSelector") or {}, peer.labels)

    def _labels(self, namespace: str) -> Mapping[str, str]:
        return {**self._namespaces.get(namespace, {}), "kubernetes.io/metadata.name": namespace}


def matches(selector: Manifest, labels: Mapping[str, str]) -> bool:
    """A LabelSelector; an empty one is everybody's."""
    if any(labels.get(name) != value for name, value in (selector.get("matchLabels") or {}).items()):
        return False
    for one in selector.get("matchExpressions") or ():
        value, wanted = labels.get(one["key"]), one.get("values") or ()
        held = {
            "In": value is not None and value in wanted,
            "NotIn": value is None or value not in wanted,
            "Exists": value is not None,
            "DoesNotExist": value is None,
        }[one["operator"]]
        if not held:
            return False
    return True


def _inside(block: Manifest, address: str) -> bool:
    ip = ipaddress.ip_address(address)
    return ip in ipaddress.ip_network(block["cidr"]) and not any(
        ip in ipaddress.ip_network(one) for one in block.get("except") or ()
    )


def _ports(ports: Sequence[Manifest] | None, target: Pod | None, port: int, protocol: str) -> bool:
    if not ports:
        return True
    for one in ports:
        if one.get("protocol", "TCP") != protocol:
            continue
        wanted = one.get("port")
        if isinstance(wanted, str):
            wanted = target.ports.get(wanted, -1) if target else -1
        if wanted is None or wanted <= port <= one.get("endPort", wanted):
            return True
    return False
