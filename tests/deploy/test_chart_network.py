"""Who of the system may speak to whom, judged over the rendered chart. That a plugin enforces it cannot be measured here."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from fde_local.network import Network, Pod

pytestmark = pytest.mark.cluster  # the chart is rendered by the real Helm
CHART = Path(__file__).parents[2] / "deploy/chart/fde"
EVERYTHING = Path(__file__).parent / "data/everything.yaml"
SYSTEM = ["fde-operator", "fde-worker-ingest", "fde-worker-fold", "fde-worker-extraction", "fde-review", "fde-audit"]
ASKS_THE_API_SERVER = {"fde-operator", "fde-worker-extraction", "fde-review", "fde-audit"}
SPEAKS_KAFKA = {"fde-operator", "fde-worker-ingest", "fde-worker-fold", "fde-worker-extraction", "fde-audit"}
DNS = Pod("kube-system", {"k8s-app": "kube-dns"}, "10.96.0.10", {"dns": 53})
PROMETHEUS = Pod("monitoring", {"app": "prometheus"}, "10.30.0.1")
CUSTOMER = Pod("customer-northgate", {"fde.io/deployment": "sync"}, "10.30.0.2")
BROKER, API_SERVER, ELSEWHERE = "10.20.4.4", "192.0.2.10", "198.51.100.7"


@pytest.fixture(scope="module")
def objects(rendered: str) -> list[Any]:
    return [one for one in yaml.safe_load_all(rendered) if one]


@pytest.fixture(scope="module")
def network(objects: list[Any]) -> Network:
    return Network(objects)


@pytest.fixture(scope="module")
def pods(objects: list[Any]) -> dict[str, Pod]:
    """One pod of each Deployment, with the labels and ports that it would have."""
    found = {}
    for number, one in enumerate(one for one in objects if one["kind"] == "Deployment"):
        template = one["spec"]["template"]
        ports = {p["name"]: p["containerPort"] for c in template["spec"]["containers"] for p in c.get("ports", ())}
        labels = template["metadata"]["labels"]
        found[one["metadata"]["name"]] = Pod("fde-system", labels, f"10.40.0.{number}", ports)
    assert sorted(found) == sorted(SYSTEM)
    return found


@pytest.mark.parametrize("name", SYSTEM)
def test_a_part_reaches_what_it_works_with_and_nothing_else(network: Network, pods: dict[str, Pod], name: str) -> None:
    pod = pods[name]
    assert network.leaves(pod, DNS, 53, "UDP", strict=False)
    assert network.leaves(pod, API_SERVER, 6443, strict=False) == (name in ASKS_THE_API_SERVER)
    for port in (9092, 9093):
        assert network.leaves(pod, BROKER, port, strict=False) == (name in SPEAKS_KAFKA)
    assert not network.leaves(pod, ELSEWHERE, 9092), "brokers are at the networks that were given"
    assert not network.leaves(pod, ELSEWHERE, 80)
    assert not network.leaves(pod, "169.254.169.254", 80), "the node's metadata"
    assert not network.leaves(pod, CUSTOMER, 8080)
    for other in pods.values():
        assert not network.reaches(pod, other, 8080)


def test_the_workers_have_no_business_with_the_api_server_and_nobody_with_the_workers(
    network: Network, pods: dict[str, Pod]
) -> None:
    for name in ("fde-worker-ingest", "fde-worker-fold"):
        assert not network.leaves(pods[name], API_SERVER, 443)
        for source in (PROMETHEUS, CUSTOMER, ELSEWHERE, *pods.values()):
            assert not any(network.enters(pods[name], source, port) for port in (80, 443, 8321, 8443, 9465))


def test_metrics_are_read_by_monitoring_alone(network: Network, pods: dict[str, Pod]) -> None:
    operator = pods["fde-operator"]
    assert network.enters(operator, PROMETHEUS, 9465)
    assert not network.enters(operator, PROMETHEUS, 22)
    for source in (CUSTOMER, ELSEWHERE, pods["fde-review"]):
        assert not network.enters(operator, source, 9465)


def test_nobody_connects_to_the_review_page(network: Network, pods: dict[str, Pod]) -> None:
    for source in (PROMETHEUS, CUSTOMER, ELSEWHERE, *pods.values()):
        assert not network.enters(pods["fde-review"], source, 8321)


def test_what_else_somebody_starts_in_the_namespace_speaks_to_nobody(network: Network, pods: dict[str, Pod]) -> None:
    stranger = Pod("fde-system", {"app": "stranger"}, "10.40.0.99", {"http": 80})
    assert not network.leaves(stranger, DNS, 53, "UDP")
    assert not network.leaves(stranger, BROKER, 9092)
    assert not network.enters(stranger, pods["fde-operator"], 80)


def test_the_audit_log_is_posted_to_its_one_port(network: Network, pods: dict[str, Pod]) -> None:
    assert network.enters(pods["fde-audit"], API_SERVER, 8443)
    assert not network.enters(pods["fde-audit"], API_SERVER, 443)


NODE_CACHE = "169.254.20.10"
OPENSHIFT = Pod("openshift-dns", {"dns.operator.openshift.io/daemonset-dns": "default"}, "10.96.0.10", {"dns": 5353})
RESOLVERS: list[tuple[dict[str, Any], Pod | str, int]] = [
    ({"networks": [f"{NODE_CACHE}/32"]}, NODE_CACHE, 53),
    ({"networks": [f"{NODE_CACHE}/32"]}, DNS, 53),
    (
        {"namespace": "openshift-dns", "podLabels": {"k8s-app": None, **OPENSHIFT.labels}, "ports": [5353]},
        OPENSHIFT,
        5353,
    ),
    ({"ports": [53, 8053]}, DNS, 8053),
]


@pytest.mark.parametrize(("dns", "resolver", "port"), RESOLVERS)
def test_names_are_resolved_where_the_cluster_resolves_them(
    helm: Any, tmp_path: Path, dns: dict[str, Any], resolver: Pod | str, port: int
) -> None:
    (file := tmp_path / "values.yaml").write_text(json.dumps({"dns": dns}))
    text = helm.said("template", "fde", str(CHART), "-n", "fde-system", "-f", str(EVERYTHING), "-f", str(file))
    objects = [one for one in yaml.safe_load_all(text) if one]
    network = Network(objects)
    deployments = [one for one in objects if one["kind"] == "Deployment"]
    assert len(deployments) == len(SYSTEM)
    for one in deployments:
        pod = Pod("fde-system", one["spec"]["template"]["metadata"]["labels"], "10.40.0.1")
        for way in ("UDP", "TCP"):
            assert network.leaves(pod, resolver, port, way, strict=False)
        assert not network.leaves(pod, ELSEWHERE, port)
        if 53 not in dns.get("ports", [53]):
            assert not network.leaves(pod, resolver, 53, "UDP")


@pytest.mark.parametrize("wrong", ["dns.ports={}", "dns.ports={0}", "dns.networks={nowhere}", "dns.port=53"])
def test_a_resolver_that_cannot_be_meant_is_refused(helm: Any, wrong: str) -> None:
    done = helm("template", "fde", str(CHART), "-n", "fde-system", "-f", str(EVERYTHING), "--set", wrong)
    assert done.returncode != 0
    assert "dns" in done.stderr
