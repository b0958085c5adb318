"""The judge of network policies, against what the API's reference says of each form."""

from __future__ import annotations

from typing import Any

import pytest

from fde_local.network import Network, Pod, matches

WEB = Pod("shop", {"app": "web"}, "10.1.0.1", {"http": 8080})
DB = Pod("shop", {"app": "db"}, "10.1.0.2", {"sql": 5432})
OTHER = Pod("bank", {"app": "web"}, "10.1.0.3")


def policy(**spec: Any) -> dict[str, Any]:
    return {
        "kind": "NetworkPolicy",
        "metadata": {"name": "p", "namespace": "shop"},
        "spec": {"podSelector": {}, **spec},
    }


def test_a_pod_that_no_policy_selects_is_open() -> None:
    network = Network([policy(podSelector={"matchLabels": {"app": "db"}}, policyTypes=["Egress"])])
    assert network.leaves(WEB, "1.1.1.1", 443)
    assert not network.leaves(DB, "1.1.1.1", 443)
    assert network.enters(DB, OTHER, 1)  # only its egress is restricted


def test_a_policy_is_of_its_own_namespace_alone() -> None:
    network = Network([policy(policyTypes=["Ingress", "Egress"])])
    assert not network.enters(WEB, OTHER, 80)
    assert network.enters(OTHER, WEB, 80) and not network.reaches(WEB, OTHER, 80)


def test_without_types_it_is_of_ingress_and_of_egress_if_it_has_such_rules() -> None:
    assert Network([policy()]).leaves(WEB, DB, 1)
    assert not Network([policy()]).enters(WEB, DB, 1)
    assert not Network([policy(egress=[])]).leaves(WEB, DB, 1)


def test_an_empty_rule_lets_everything_through_and_rules_add_up() -> None:
    assert Network([policy(egress=[{}])]).leaves(WEB, "1.1.1.1", 1, "SCTP")
    tight, wide = policy(egress=[]), policy(egress=[{"ports": [{"port": 53, "protocol": "UDP"}]}])
    assert Network([tight, wide]).leaves(WEB, "1.1.1.1", 53, "UDP")
    assert not Network([tight, wide]).leaves(WEB, "1.1.1.1", 53, "TCP")


@pytest.mark.parametrize(
    ("peer", "who"),
    [
        ({"podSelector": {}}, {"WEB", "DB"}),  # of the policy's own namespace
        ({"namespaceSelector": {}}, {"WEB", "DB", "OTHER"}),
        ({"namespaceSelector": {"matchLabels": {"team": "b"}}}, {"OTHER"}),
        ({"namespaceSelector": {}, "podSelector": {"matchLabels": {"app": "web"}}}, {"WEB", "OTHER"}),
        ({"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "shop"}}}, {"WEB", "DB"}),
    ],
)
def test_peers_are_pods_by_their_labels_and_their_namespace_s(peer: dict[str, Any], who: set[str]) -> None:
    network = Network([policy(ingress=[{"from": [peer]}])], {"bank": {"team": "b"}})
    pods = {"WEB": WEB, "DB": DB, "OTHER": OTHER}
    assert {name for name, pod in pods.items() if network.enters(DB, pod, 5432)} == who
    assert not network.enters(DB, "10.9.9.9", 5432)


def test_a_block_speaks_of_addresses_and_of_pods_only_at_the_worst() -> None:
    block = {"ipBlock": {"cidr": "10.0.0.0/8", "except": ["10.1.0.0/30"]}}
    network = Network([policy(egress=[{"to": [block]}])])
    assert network.leaves(WEB, "10.2.0.1", 443) and not network.leaves(WEB, "10.1.0.1", 443)
    assert not network.leaves(WEB, "2001:db8::1", 443)
    far = Pod("bank", {}, "10.4.0.9")
    assert network.leaves(WEB, far, 443) and not network.leaves(WEB, far, 443, strict=False)


def test_ports_have_names_of_the_one_who_is_sent_to_and_ranges() -> None:
    network = Network([policy(egress=[{"ports": [{"port": "sql"}, {"port": 8000, "endPort": 8010}]}])])
    assert network.leaves(WEB, DB, 5432) and not network.leaves(DB, WEB, 5432)
    assert network.leaves(WEB, DB, 8010) and not network.leaves(WEB, DB, 8011)
    assert Network([policy(ingress=[{"ports": [{"port": "sql"}]}])]).enters(DB, WEB, 5432)


@pytest.mark.parametrize(
    ("expression", "held"),
    [
        ({"operator": "In", "values": ["web", "db"]}, True),
        ({"operator": "In", "values": ["db"]}, False),
        ({"operator": "NotIn", "values": ["db"]}, True),
        ({"operator": "Exists"}, True),
        ({"operator": "DoesNotExist"}, False),
    ],
)
def test_expressions_of_selectors(expression: dict[str, Any], held: bool) -> None:
    assert matches({"matchExpressions": [{"key": "app", **expression}]}, WEB.labels) is held
