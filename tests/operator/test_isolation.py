"""Network policies of deployments, judged: who may be reached, who never, in every zone and landscape."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st

from fde_events.errors import BadInput
from fde_local.network import Network, Pod
from fde_operator import isolation, landscape
from fde_operator.broker import Broker, brokers
from fde_operator.isolation import Reach
from fde_operator.labels import selector
from fde_operator.landscape import Landscape
from fde_operator.networks import METADATA, blocks
from fde_operator.plan import holds
from fde_operator.settings import OperatorSettings

HOME = "customer-northgate"
APP = Pod(HOME, {**selector("sync"), "extra": "label"}, "10.244.1.7")
DNS = Pod("kube-system", {"k8s-app": "kube-dns"}, "10.244.0.3")
KAFKA = Pod("kafka", {"app": "kafka"}, "10.244.2.2")
RIVAL = Pod("customer-rival", selector("sync"), "10.244.3.3")  # the same names, another customer
NEIGHBOUR = Pod(HOME, selector("other"), "10.244.1.8")
VAULT = Pod("vault", {"app": "vault"}, "10.244.4.4")
PROMETHEUS = Pod("monitoring", {"app": "prometheus"}, "10.244.5.5")
ZONES = ("dmz", "internal", "restricted", "airgapped")
OPEN = ("dmz", "internal", "restricted")
TOLD = Landscape(cluster_networks=("10.244.0.0/16", "10.96.0.0/12"))
IN_CLUSTER = OperatorSettings(brokers="kafka-0.kafka.kafka.svc.cluster.local:9093", landscape=TOLD)


def network(settings: OperatorSettings, **reach: Any) -> Network:
    wanted = Reach(**{"namespace": HOME, "zone": "dmz", **reach})
    policy = isolation.network_policy("sync", wanted, settings, {"name": "sync", "namespace": HOME})
    # The rival's own deployment has its policy too; the worst case is a pod of the rival's without one, as RIVAL is here.
    return Network([policy])


@pytest.mark.parametrize("zone", OPEN)
def test_names_are_resolved_and_brokers_reached_in_every_zone_but_the_airgapped(zone: str) -> None:
    judged = network(IN_CLUSTER, zone=zone)
    assert judged.leaves(APP, DNS, 53, "UDP", strict=False) and judged.leaves(APP, DNS, 53, "TCP", strict=False)
    assert judged.leaves(APP, KAFKA, 9093, strict=False)
    assert not judged.leaves(APP, KAFKA, 9092)
    assert not judged.leaves(APP, DNS, 9153)


def test_the_airgapped_zone_lets_nothing_out_at_all() -> None:
    settings = OperatorSettings(brokers="10.0.0.9:9092,kafka.kafka.svc:9092")
    judged = network(settings, zone="airgapped", wide=True, sink="203.0.113.5:443", vault=True)
    for target in (DNS, KAFKA, RIVAL, NEIGHBOUR, VAULT, "10.0.0.9", "203.0.113.5", "169.254.169.254"):
        assert not any(
            judged.leaves(APP, target, port, way) for port in (53, 443, 8200, 9092) for way in ("TCP", "UDP")
        )


# Every broker list and sink that could open a way, in one product.
LISTS = (
    None,
    "kafka.kafka.svc:9092",
    "broker.example:443",
    "10.9.9.9:9092",
    "169.254.169.254:80",
    "[fd00:ec2::254]:80",
)


@pytest.mark.parametrize(("zone", "wide"), list(itertools.product(ZONES, (False, True))))
def test_a_metadata_service_is_reached_by_nobody_whatever_is_asked_for(zone: str, wide: bool) -> None:
    addresses = (
        "169.254.169.254",
        "169.254.170.2",
        "fd00:ec2::254",
        "fd20:ce::254",
        "168.63.129.16",
        "100.100.100.200",
    )
    for ours, sink, land in itertools.product(LISTS, LISTS, (Landscape(), TOLD)):
        settings = OperatorSettings(brokers=ours, landscape=land)
        judged = network(settings, zone=zone, wide=wide, sink=sink, vault=True)
        for address, port in itertools.product(addresses, (80, 443, 9092)):
            assert not judged.leaves(APP, address, port), (address, port, ours, sink)


def test_networks_that_are_told_never_hold_a_metadata_service_either() -> None:
    land = Landscape(zones={"restricted": ("0.0.0.0/0", "::/0")}, vault=landscape.Vault(networks=("169.254.0.0/16",)))
    settings = OperatorSettings(brokers="b:80", broker_networks=("169.254.169.254/32", "0.0.0.0/0"), landscape=land)
    judged = network(settings, zone="restricted", wide=True, vault=True)
    assert judged.leaves(APP, "192.0.2.7", 443)
    for address in ("169.254.169.254", "fd00:ec2::254", "168.63.129.16"):
        assert not any(judged.leaves(APP, address, port) for port in (80, 443, 8200))


@pytest.mark.parametrize(("zone", "wide"), list(itertools.product(ZONES, (False, True))))
def test_another_customer_s_pods_are_reached_by_nobody_where_the_cluster_s_networks_are_told(
    zone: str, wide: bool
) -> None:
    for ours, sink in itertools.product(LISTS, (*LISTS, "kafka.customer-rival.svc:9092", f"{RIVAL.ip}:443")):
        judged = network(OperatorSettings(brokers=ours, landscape=TOLD), zone=zone, wide=wide, sink=sink, vault=True)
        assert not any(judged.leaves(APP, RIVAL, port) for port in (80, 443, 8200, 9092)), (ours, sink)


@pytest.mark.parametrize("zone", ["dmz", "restricted", "airgapped"])
def test_another_customer_s_pods_are_not_reached_in_these_zones_though_nothing_is_told(zone: str) -> None:
    settings = OperatorSettings(brokers="kafka.kafka.svc:9092")
    judged = network(settings, zone=zone, wide=True, sink="kafka.customer-rival.svc:443")
    assert not any(judged.leaves(APP, RIVAL, port) for port in (443, 9092))


def test_zone_internal_says_that_it_cannot_tell_pods_from_private_machines_until_it_is_told() -> None:
    reach = Reach(HOME, "internal")
    assert network(OperatorSettings(), zone="internal").leaves(APP, RIVAL, 443)  # what the condition is about
    amiss = isolation.unreachable(reach, OperatorSettings())
    assert amiss is not None and amiss[0] == "ClusterNetworksUnknown" and "clusterNetworks" in amiss[1]
    assert isolation.unreachable(reach, OperatorSettings(landscape=TOLD)) is None
    assert isolation.unreachable(Reach(HOME, "dmz"), OperatorSettings()) is None


@pytest.mark.parametrize("wide", [False, True])
def test_private_ranges_are_never_reached_from_the_dmz(wide: bool) -> None:
    judged = network(IN_CLUSTER, wide=wide, sink="10.0.0.7:9092,kafka.internal:443")
    assert judged.leaves(APP, "93.184.216.34", 443) and judged.leaves(APP, "2606:2800::1", 443)
    assert judged.leaves(APP, "93.184.216.34", 8443) is wide
    for address in ("10.0.0.7", "172.16.3.3", "172.31.255.255", "192.168.1.1", "100.64.1.1", "fc00::1", "fd12::9"):
        assert not any(judged.leaves(APP, address, port) for port in (443, 8443, 9092)), address


def test_zone_internal_leads_to_private_ranges_and_restricted_nowhere() -> None:
    inside, nowhere = network(IN_CLUSTER, zone="internal"), network(IN_CLUSTER, zone="restricted", wide=True)
    assert inside.leaves(APP, "10.1.2.3", 443) and not inside.leaves(APP, "93.184.216.34", 443)
    assert not inside.leaves(APP, "10.1.2.3", 22)
    assert not any(nowhere.leaves(APP, address, 443) for address in ("10.1.2.3", "93.184.216.34"))


@pytest.mark.parametrize("zone", OPEN)
def test_a_broker_that_is_only_named_may_be_anybody_s_pod_until_the_cluster_s_networks_are_told(zone: str) -> None:
    named = OperatorSettings(brokers="b.example:9092,10.1.1.1:9093")
    assert network(named, zone=zone).leaves(APP, RIVAL, 9092)  # what the condition is about
    amiss = isolation.unreachable(Reach(HOME, zone), named)
    assert amiss is not None and amiss[0] == "ClusterNetworksUnknown"
    assert zone == "internal" or "port 9092 is open" in amiss[1]
    for told in (
        msgspec.structs.replace(named, landscape=TOLD),
        msgspec.structs.replace(
            named, broker_networks=("10.5.0.0/16",), landscape=Landscape(zones={"internal": ("10.5.0.0/16",)})
        ),
    ):
        assert isolation.unreachable(Reach(HOME, zone), told) is None
        assert not network(told, zone=zone).leaves(APP, RIVAL, 9092)


@pytest.mark.parametrize(("zone", "wide"), list(itertools.product(OPEN, (False, True))))
def test_where_isolation_is_said_to_be_ready_no_other_customer_s_pod_is_reached(zone: str, wide: bool) -> None:
    sinks = (*LISTS, "kafka.customer-rival.svc:9092", f"{RIVAL.ip}:443")
    lands = (Landscape(), TOLD, Landscape(zones={"internal": ("10.20.0.0/16",)}))
    said = 0
    for ours, sink, land in itertools.product(LISTS, sinks, lands):
        settings = OperatorSettings(brokers=ours, landscape=land)
        if isolation.unreachable(Reach(HOME, zone, wide, sink, vault=True), settings) is None:
            said += 1
            judged = network(settings, zone=zone, wide=wide, sink=sink, vault=True)
            assert not any(judged.leaves(APP, RIVAL, port) for port in (443, 8200, 9092)), (ours, sink, land)
    assert said > 10


def test_a_landscape_gives_a_zone_its_own_networks() -> None:
    land = Landscape(
        zones={"internal": ("10.20.0.0/16",), "dmz": ("203.0.113.0/24",)}, cluster_networks=("10.20.9.0/24",)
    )
    inside = network(OperatorSettings(landscape=land), zone="internal")
    assert inside.leaves(APP, "10.20.1.1", 443)
    assert not inside.leaves(APP, "10.21.1.1", 443) and not inside.leaves(APP, "10.20.9.9", 443)
    assert isolation.unreachable(Reach(HOME, "internal"), OperatorSettings(landscape=land)) is None
    dmz = network(OperatorSettings(landscape=land), zone="dmz")
    assert dmz.leaves(APP, "203.0.113.9", 443) and not dmz.leaves(APP, "198.51.100.1", 443)


def test_nobody_gets_in_but_a_scraper_of_metrics_where_one_is_told() -> None:
    for source in (RIVAL, NEIGHBOUR, PROMETHEUS, DNS, "10.0.0.1"):
        assert not any(network(IN_CLUSTER).enters(APP, source, port) for port in (80, 443, 4318, 9464))
    told = Landscape(scrapers=(landscape.Scraper(namespace="monitoring", pod_labels={"app": "prometheus"}),))
    judged = network(OperatorSettings(landscape=told))
    assert judged.enters(APP, PROMETHEUS, 9464)
    assert not judged.enters(APP, PROMETHEUS, 4318)
    assert not judged.enters(APP, Pod("monitoring", {"app": "grafana"}, "10.244.5.6"), 9464)
    assert not judged.enters(APP, Pod(HOME, {"app": "prometheus"}, "10.244.1.9"), 9464)


def test_two_deployments_of_one_customer_do_not_reach_each_other() -> None:
    judged = network(IN_CLUSTER, zone="internal", wide=True)
    assert not any(judged.leaves(APP, NEIGHBOUR, port) for port in (80, 443, 9092))


def test_a_feed_s_own_sink_is_reached_and_its_port_alone() -> None:
    judged = network(IN_CLUSTER, sink="198.51.100.4:19092,events.example:29092")
    assert judged.leaves(APP, "198.51.100.4", 19092)
    assert not judged.leaves(APP, "198.51.100.5", 19092)
    assert judged.leaves(APP, "203.0.113.1", 29092)  # a name: any address of the zone
    own = network(IN_CLUSTER, zone="restricted", sink=f"kafka.{HOME}.svc:9092")
    assert own.leaves(APP, Pod(HOME, {"app": "kafka"}, "10.244.1.20"), 9092, strict=False)


@pytest.mark.parametrize(
    ("zone", "sink"),
    [("dmz", "10.0.0.5:9092"), ("internal", "kafka.customer-rival.svc:9092"), ("restricted", "10.244.3.3:9092")],
)
def test_a_sink_that_the_zone_does_not_lead_to_stays_closed_and_is_told(zone: str, sink: str) -> None:
    amiss = isolation.unreachable(Reach(HOME, zone, sink=sink), IN_CLUSTER)
    assert amiss is not None and amiss[0] == "SinkNotReachable" and zone in amiss[1]


def test_vault_is_reached_by_those_whose_secrets_are_there() -> None:
    assert network(IN_CLUSTER, zone="restricted", vault=True).leaves(APP, VAULT, 8200, strict=False)
    assert not network(IN_CLUSTER, zone="restricted").leaves(APP, VAULT, 8200)
    outside = Landscape(vault=landscape.Vault(namespace="", networks=("10.7.0.0/24",), port=443))
    judged = network(OperatorSettings(landscape=outside), zone="restricted", vault=True)
    assert judged.leaves(APP, "10.7.0.4", 443) and not judged.leaves(APP, VAULT, 8200)
    nowhere = Landscape(vault=landscape.Vault(namespace=""), cluster_networks=TOLD.cluster_networks)
    amiss = isolation.unreachable(Reach(HOME, "restricted", vault=True), OperatorSettings(landscape=nowhere))
    assert amiss is not None and amiss[0] == "VaultNotReachable"
    assert not network(OperatorSettings(landscape=nowhere), zone="restricted", vault=True).leaves(APP, VAULT, 8200)


def test_names_are_resolved_where_the_landscape_says() -> None:
    dns = landscape.Dns(
        namespace="openshift-dns", pod_labels={"dns": "default"}, networks=("169.254.20.10/32",), ports=(5353, 53)
    )
    judged = network(OperatorSettings(landscape=Landscape(dns=dns)))
    assert judged.leaves(APP, "169.254.20.10", 53, "UDP")  # a node's cache: told by address, and only for names
    assert not judged.leaves(APP, "169.254.20.10", 80) and not judged.leaves(APP, "169.254.169.254", 53, "UDP")
    assert judged.leaves(APP, Pod("openshift-dns", {"dns": "default"}, "10.128.0.2"), 5353, "UDP", strict=False)
    assert not judged.leaves(APP, DNS, 53, "UDP")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (None, ()),
        ("b:1", (Broker(1),)),
        ("b , b:9092", (Broker(9092),)),
        ("SASL_SSL://b.example:9094", (Broker(9094),)),
        ("10.0.0.1:9092", (Broker(9092, address="10.0.0.1/32"),)),
        (
            "[2001:db8::1]:9093,2001:db8::2",
            (Broker(9093, address="2001:db8::1/128"), Broker(9092, address="2001:db8::2/128")),
        ),
        ("kafka-0.kafka.streams.svc.cluster.local.:9093", (Broker(9093, namespace="streams"),)),
        ("kafka.streams.svc", (Broker(9092, namespace="streams"),)),
        ("svc.example:1", (Broker(1),)),
        ("b:99999", (Broker(9092),)),
    ],
)
def test_a_broker_is_an_address_a_namespace_or_a_name(text: str | None, found: tuple[Broker, ...]) -> None:
    assert brokers(text) == found


def test_brokers_that_are_only_named_are_reached_by_their_ports_and_those_told_by_their_networks() -> None:
    named = OperatorSettings(brokers="b-1.example:9092,b-2.example:9094")
    judged = network(named, zone="restricted")
    assert judged.leaves(APP, "10.5.5.5", 9094) and judged.leaves(APP, "93.184.216.34", 9092)
    told = msgspec.structs.replace(named, broker_networks=("10.5.0.0/16",))
    judged = network(told, zone="restricted")
    assert judged.leaves(APP, "10.5.5.5", 9094) and not judged.leaves(APP, "93.184.216.34", 9092)


_V4 = st.tuples(st.integers(0, 2**32 - 1), st.integers(0, 32))


@for_all(allowed=st.lists(_V4, max_size=3), never=st.lists(_V4, max_size=3), address=st.integers(0, 2**32 - 1))
def test_a_block_is_what_is_allowed_without_what_never_is(
    allowed: list[tuple[int, int]], never: list[tuple[int, int]], address: int
) -> None:
    import ipaddress

    def networks(found: list[tuple[int, int]]) -> list[Any]:
        return [
            ipaddress.ip_network((value >> (32 - bits) << (32 - bits) if bits else 0, bits)) for value, bits in found
        ]

    ins, outs, at = networks(allowed), networks(never), ipaddress.ip_address(address)
    made = blocks(map(str, ins), map(str, outs))
    policy = {
        "kind": "NetworkPolicy",
        "metadata": {"namespace": HOME},
        "spec": {"podSelector": {}, "policyTypes": ["Egress"], "egress": [{"to": made}] if made else []},
    }
    wanted = any(at in one for one in ins) and not any(at in one for one in outs)
    assert Network([policy]).leaves(APP, str(at), 443) is wanted
    for one in made:  # as the API server demands it
        inner = [ipaddress.ip_network(text) for text in one["ipBlock"].get("except", ())]
        outer = ipaddress.ip_network(one["ipBlock"]["cidr"])
        assert all(network != outer and network.subnet_of(outer) for network in inner)


def test_a_landscape_is_read_from_a_file_and_what_is_wrong_with_it_is_named(tmp_path: Path) -> None:
    file = tmp_path / "landscape.yaml"
    file.write_text(
        "regions: {eu: [eu-central-1, eu-west-1]}\nzonedNodes: true\nclusterNetworks: [10.244.0.0/16]\n"
        "zones: {internal: [10.0.0.0/8]}\nscrapers: [{namespace: monitoring}]\nvault: {role: 'fde-{namespace}', version: 1}\n"
        "externalSecrets: {store: vault, refresh: 15m}\n"
    )
    found = landscape.read(file)
    assert found.regions["eu"] == ("eu-central-1", "eu-west-1") and found.vault.version == 1
    wrong = {
        "clusterNetworks: [10.0.0.1/8]": "clusterNetworks: 10.0.0.1/8 is not a network",
        "zones: {dmz: [10.1.0.0/16]}": "10.1.0.0/16 is private",
        "zones: {airgapped: [0.0.0.0/0]}": "airgapped",
        "regions: {eu: []}": "regions.eu",
        "region: {}": "region",
        "imagePullSecrets: [Registry]": "imagePullSecrets: 'Registry' is not the name of a Secret",
        "vault: {annotations: {vault.hashicorp.com/role: admin}}": "vault.hashicorp.com/role",
        "vault: {annotations: {iam.amazonaws.com/role: admin}}": "iam.amazonaws.com/role",
        "[": "not a landscape",
    }
    for text, sentence in wrong.items():
        file.write_text(text)
        with pytest.raises(BadInput) as refused:
            landscape.read(file)
        assert sentence in str(refused.value) and str(file) in str(refused.value)
    with pytest.raises(BadInput, match="No such file"):
        landscape.read(tmp_path / "none.yaml")


def test_images_are_pulled_with_the_landscape_s_secrets_and_those_that_others_gave_stay() -> None:
    metadata = {"name": "sync", "namespace": HOME}
    assert "imagePullSecrets" not in isolation.service_account(metadata)
    wanted = isolation.service_account(metadata, ("registry", "mirror.example"))
    assert wanted["imagePullSecrets"] == [{"name": "registry"}, {"name": "mirror.example"}]
    assert isolation.beside(wanted, None) == wanted
    found = {**wanted, "imagePullSecrets": [{"name": "sync-dockercfg-x2k"}, {"name": "registry"}]}
    told = isolation.beside(wanted, found)
    assert told["imagePullSecrets"] == [*wanted["imagePullSecrets"], {"name": "sync-dockercfg-x2k"}]
    assert isolation.beside(wanted, told) == told  # and so nothing is written again
    none, unnoted = isolation.service_account(metadata), {**found, "metadata": metadata}
    assert isolation.beside(none, unnoted) == none


def test_pull_secrets_that_a_landscape_names_no_more_are_taken_away_and_those_of_others_stay() -> None:
    def served(applied: dict[str, Any]) -> dict[str, Any]:
        """As the server has it after our apply: what we apply no more, and nobody else did, is gone; so is an empty list."""
        return {name: value for name, value in applied.items() if value != []}

    metadata = {"name": "sync", "namespace": HOME, "annotations": {"fde.io/network-zone": "dmz"}}
    none, old, new = (isolation.service_account(metadata, names) for names in ((), ("old", "kept"), ("new", "kept")))
    for others in ([], [{"name": "sync-dockercfg-x2k"}]):
        stands = served(isolation.beside(old, {**old, "imagePullSecrets": [*old["imagePullSecrets"], *others]}))
        moved = isolation.beside(new, stands)
        assert moved["imagePullSecrets"] == [{"name": "new"}, {"name": "kept"}, *others]
        assert moved["metadata"]["annotations"]["fde.io/network-zone"] == "dmz"
        without = isolation.beside(none, served(moved))
        assert without["imagePullSecrets"] == others
        assert not holds(served(moved), without)
        assert holds(served(without), isolation.beside(none, served(without)))  # and nothing is written again
        assert (
            isolation.beside(none, served(without)).get("imagePullSecrets", []) == others
        )  # nor taken by a later apply
        assert isolation.beside(old, served(without))["imagePullSecrets"] == [*old["imagePullSecrets"], *others]
    assert isolation.beside(none, served(isolation.beside(none, old))) == none


def test_the_catalogue_of_metadata_services_is_of_networks() -> None:
    assert len(blocks(METADATA, ())) == len(METADATA)


def test_the_example_of_the_manual_is_a_landscape(tmp_path: Path) -> None:
    manual = (Path(__file__).parents[2] / "docs/landscape.md").read_text()
    file = tmp_path / "landscape.yaml"
    file.write_text(manual.split("```yaml\n")[1].split("```")[0])
    found = landscape.read(file)
    named = {field.encode_name for field in msgspec.structs.fields(Landscape)}
    assert named == set(msgspec.yaml.decode(file.read_bytes()))  # every field there is
    assert found.vault.role == "fde-{namespace}"
    assert isolation.unreachable(Reach(HOME, "internal"), OperatorSettings(landscape=found)) is None
