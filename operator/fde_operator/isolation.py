"""Isolation of one deployment: its own ServiceAccount without a token, and a NetworkPolicy.

zone        egress, besides DNS, the brokers and Vault where its secrets are there
dmz         443 to the internet; never to private ranges
internal    443 to private ranges
restricted  nothing
airgapped   nothing at all, not even DNS or brokers: the sidecar spools

The landscape may give a zone other networks. Whatever the zone: never a metadata service, never the cluster's own networks
(pods and Services), as far as the landscape tells them. Ingress is denied, but for a scraper of metrics where one is told.
`networkPolicy: open` of a primitive widens the zone's ports, not its addresses.

A NetworkPolicy knows no host names. A broker is let through by address, by namespace where its name is a Service's, by the
networks the operator is told; a name alone by its port, anywhere but there.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from fde_operator.broker import Broker, brokers
from fde_operator.cluster import Manifest
from fde_operator.labels import selector
from fde_operator.networks import ANYWHERE, METADATA, PRIVATE, SHARED, blocks, holds
from fde_operator.settings import OperatorSettings
from fde_operator.telemetry import PROBES_PORT

PULLING: Final = "fde.io/image-pull-secrets"  # an annotation: which of a ServiceAccount's are the landscape's
_NAMESPACE: Final = "kubernetes.io/metadata.name"  # a label that the API server itself sets
_ZONES: Final[Mapping[str, tuple[str, ...]]] = {"dmz": ANYWHERE, "internal": PRIVATE, "restricted": ()}
_NEVER: Final[Mapping[str, tuple[str, ...]]] = {"dmz": (*PRIVATE, *SHARED)}


@dataclass(frozen=True, slots=True)
class Reach:
    """What the pods of one deployment need to reach. `sink`: the feed's own bootstrap servers; `vault`: its secrets are there.

    `wide`: the primitive asks for any port of its zone.
    """

    namespace: str
    zone: str
    wide: bool = False
    sink: str | None = None
    vault: bool = False


def service_account(metadata: Mapping[str, Any], pull_secrets: Sequence[str] = ()) -> Manifest:
    """No token is mounted: the workload has no business with the API server.

    `pull_secrets`: the API server writes them into each new pod of this account; none is replaced for another list of them.
    """
    found: Manifest = {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": dict(metadata),
        "automountServiceAccountToken": False,
    }
    return _pulling(found, [{"name": name} for name in pull_secrets], pull_secrets) if pull_secrets else found


def beside(wanted: Manifest, found: Manifest | None) -> Manifest:
    """`wanted`, a ServiceAccount, with what others gave `found` to pull images with: the list has one owner, and a platform
    that adds its own registry's to each account would be fought.

    What is ours goes with the landscape's. The list stays ours for as long as others' names are in it, though none of ours
    is: an apply without it would take theirs away.
    """
    ours = [str(one["name"]) for one in wanted.get("imagePullSecrets", ())]
    put = None if found is None else (found["metadata"].get("annotations") or {}).get(PULLING)
    if found is None or not (ours or put is not None):
        return wanted
    there = found.get("imagePullSecrets") or ()
    gone = {*ours, *(put or "").split(",")}
    theirs = [one for one in there if one.get("name") not in gone]
    if ours or theirs:
        return _pulling(wanted, [*wanted.get("imagePullSecrets", ()), *theirs], ours)
    return {**wanted, "imagePullSecrets": []} if there else wanted


def _pulling(account: Manifest, secrets: Sequence[Manifest], ours: Sequence[str]) -> Manifest:
    """`account` with this list, and a note of which of it are ours."""
    metadata = account["metadata"]
    notes = {**(metadata.get("annotations") or {}), PULLING: ",".join(ours)}
    return {**account, "metadata": {**metadata, "annotations": notes}, "imagePullSecrets": list(secrets)}


def network_policy(deployment: str, reach: Reach, settings: OperatorSettings, metadata: Mapping[str, Any]) -> Manifest:
    """Default deny both ways for the pods of the deployment of this name, then what they need."""
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": dict(metadata),
        "spec": {
            "podSelector": {"matchLabels": selector(deployment)},
            "policyTypes": ["Ingress", "Egress"],
            "ingress": ingress(settings),
            "egress": egress(reach, settings),
        },
    }


def ingress(settings: OperatorSettings) -> list[Manifest]:
    """Scrapers, at the sidecar's port for metrics."""
    peers = [_pods(one.namespace, one.pod_labels) for one in settings.landscape.scrapers]
    return [{"from": peers, "ports": _tcp([PROBES_PORT])}] if peers else []


def egress(reach: Reach, settings: OperatorSettings) -> list[Manifest]:
    """The egress rules. Their order and form change with nothing but what they say."""
    if reach.zone == "airgapped":
        return []
    land = settings.landscape
    names = [_pods(land.dns.namespace, land.dns.pod_labels), *blocks(land.dns.networks, ())]
    both = [{"protocol": way, "port": port} for way in ("UDP", "TCP") for port in land.dns.ports]
    rules: list[Manifest] = [{"to": names, "ports": both}]
    if addresses := _addresses(reach.zone, settings):
        rules.append({"to": addresses} | ({} if reach.wide else {"ports": _tcp([443])}))
    rules += _by_peers((broker.port, _broker(broker, settings)) for broker in brokers(settings.brokers))
    rules += _by_peers((broker.port, _sink(broker, reach, settings)) for broker in brokers(reach.sink))
    if reach.vault and (servers := _vault(settings)):
        rules.append({"to": servers, "ports": _tcp([land.vault.port])})
    return rules


def unreachable(reach: Reach, settings: OperatorSettings) -> tuple[str, str] | None:
    """Reason and sentence for what the policy cannot keep or does not let through; None when nothing is amiss."""
    if reach.zone == "airgapped":
        return None
    for broker in brokers(reach.sink):
        if not _sink(broker, reach, settings):
            return (
                "SinkNotReachable",
                f"a server of the TelemetryFeed's own sink, port {broker.port}, is not in what zone {reach.zone} may reach: "
                "the sidecar spools. Take a server in the zone, or in this namespace",
            )
    if reach.vault and not _vault(settings):
        return (
            "VaultNotReachable",
            "the deployment's secrets come from Vault, and the operator's landscape does not say where that is: whoever runs "
            "the cluster gives vault.namespace or vault.networks",
        )
    if not settings.landscape.cluster_networks and (wide := _indistinct(reach, settings)):
        return (
            "ClusterNetworksUnknown",
            f"{wide}, and the operator is not told which addresses are pods' and Services', so another customer's may be among "
            "them; whoever runs the cluster lists clusterNetworks in the operator's landscape",
        )
    return None


def _indistinct(reach: Reach, settings: OperatorSettings) -> str | None:
    """What is let through by ranges that the cluster's own pods may lie in."""
    if reach.zone == "internal" and "internal" not in settings.landscape.zones:
        return "zone internal opens all private ranges"
    named = [] if settings.broker_networks else list(brokers(settings.brokers))
    # A sink's name leads into the zone: of the dmz that is no private address.
    named += brokers(reach.sink) if reach.zone != "dmz" else ()
    ports = sorted({one.port for one in named if one.address is None and one.namespace is None})
    if not ports:
        return None
    listed = ", ".join(map(str, ports))
    return f"a broker is known by its name alone, so port {listed} is open to any address"


def _addresses(zone: str, settings: OperatorSettings) -> list[Manifest]:
    """Where a zone leads to."""
    never = (*METADATA, *_NEVER.get(zone, ()), *settings.landscape.cluster_networks)
    return blocks(_networks(zone, settings), never)


def _networks(zone: str, settings: OperatorSettings) -> tuple[str, ...]:
    told = {str(name): networks for name, networks in settings.landscape.zones.items()}
    return told.get(zone, _ZONES[zone])


def _vault(settings: OperatorSettings) -> list[Manifest]:
    vault = settings.landscape.vault
    return [*([_pods(vault.namespace)] if vault.namespace else []), *blocks(vault.networks, METADATA)]


def _broker(broker: Broker, settings: OperatorSettings) -> list[Manifest]:
    """The operator's own broker: whoever set it may set any address but a metadata service's."""
    if settings.broker_networks:
        return blocks(settings.broker_networks, METADATA)
    if broker.namespace:
        return [_pods(broker.namespace)]
    if broker.address:
        return blocks([broker.address], METADATA)
    return blocks(ANYWHERE, (*METADATA, *settings.landscape.cluster_networks))


def _sink(broker: Broker, reach: Reach, settings: OperatorSettings) -> list[Manifest]:
    """A feed's own broker, which somebody of the customer names: not out of the zone, not into another's pods."""
    if broker.namespace:
        ours = {one.namespace for one in brokers(settings.brokers)} | {reach.namespace}
        return [_pods(broker.namespace)] if broker.namespace in ours else []
    land = settings.landscape
    never = (*METADATA, *_NEVER.get(reach.zone, ()), *land.cluster_networks)
    zone = _networks(reach.zone, settings) or ANYWHERE  # restricted has none, and a sink may be anywhere
    if broker.address is None:
        return blocks(zone, never)
    if not land.cluster_networks and zone == ANYWHERE:  # it may be the address of another's pod
        never += (*PRIVATE, *SHARED)
    return blocks([broker.address], never) if holds(zone, broker.address) else []


def _by_peers(found: Iterable[tuple[int, list[Manifest]]]) -> list[Manifest]:
    """One rule for each set of peers, with all its ports."""
    rules: list[tuple[list[Manifest], list[int]]] = []
    for port, peers in found:
        if not peers:  # a rule without peers would open the port to everybody
            continue
        for known, ports in rules:
            if known == peers:
                ports.append(port)
                break
        else:
            rules.append((peers, [port]))
    return [{"to": peers, "ports": _tcp(sorted(set(ports)))} for peers, ports in rules]


def _pods(namespace: str, labels: Mapping[str, str] | None = None) -> Manifest:
    peer: Manifest = {"namespaceSelector": {"matchLabels": {_NAMESPACE: namespace}}}
    return peer | ({"podSelector": {"matchLabels": dict(labels)}} if labels else {})


def _tcp(ports: Iterable[int]) -> list[Manifest]:
    return [{"protocol": "TCP", "port": port} for port in ports]
