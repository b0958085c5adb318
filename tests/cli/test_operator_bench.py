"""The operator's benchmark: what it watches for, and the floor's objects, which must be the operator's own."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import msgspec
import pytest

from fde_cli.bench import peers_operator
from fde_cli.bench.operator import _PRIMITIVE
from fde_cli.bench.operator_site import Status
from fde_operator.resources import RESOURCES


@pytest.mark.parametrize(
    ("conditions", "ready"),
    [
        ([], False),
        ([{"type": "Ready", "status": "False"}, {"type": "Stalled", "status": "True"}], False),
        ([{"type": "Reconciling", "status": "False"}, {"type": "Ready", "status": "True"}], True),
        ([{"type": "Progressing", "status": "True"}, {"type": "Available", "status": "True"}], True),
    ],
)
def test_ready_is_what_ours_and_what_a_workload_says(conditions: list[dict[str, str]], ready: bool) -> None:
    assert msgspec.convert({"conditions": conditions, "replicas": 1}, Status).ready is ready


def test_the_path_of_each_kind_is_the_one_the_operator_uses() -> None:
    for kind in ("ServiceAccount", "NetworkPolicy", "ConfigMap", "PodDisruptionBudget", "Deployment"):
        group, version, plural, _ = RESOURCES[kind]
        root = f"apis/{group}/{version}" if group else f"api/{version}"
        manifest = {"apiVersion": f"{group}/{version}" if group else version, "kind": kind}
        assert peers_operator._path(manifest) == f"{root}/namespaces/{{}}/{plural}"


class Server:
    """What the API server has of one deployment that runs."""

    def __init__(self) -> None:
        head = {"name": "d0", "namespace": "customer-bench0", "uid": "u-1", "generation": 1}
        spec = {
            "primitiveRef": {"name": "bench-sync", "version": "v1.0.0"},
            "parameters": {"instanceHost": "h0.example"},
            "environment": {"networkZone": "dmz"},
            "lifecycle": {"phase": "development"},
        }
        feed = {"deploymentRef": {"name": "d0"}, "signals": ["errors"], "sink": {}}
        kind = {"apiVersion": "fde.io/v1"}
        self.objects: dict[str, Any] = {
            "fdedeployments/d0": {**kind, "kind": "FDEDeployment", "metadata": head, "spec": spec},
            "telemetryfeeds/d0": {**kind, "kind": "TelemetryFeed", "metadata": head, "spec": feed},
            "deploymentprimitives/bench-sync.v1.0.0": _PRIMITIVE,
            "namespaces/customer-bench0": {"metadata": {"labels": {"fde.io/customer": "bench0"}}},
        }

    async def get(self, path: str) -> Any:
        return self.objects["/".join(path.split("/")[-2:])]


def test_the_floor_puts_in_place_what_the_operator_would_without_whose_it_is() -> None:
    site: Any = Server()
    found = asyncio.run(peers_operator._children(site, "bench-sync.v1.0.0", "customer-bench0", "d0"))
    manifests = [json.loads(text) for _, text in found]
    assert [one["kind"] for one in manifests] == [
        "ServiceAccount",
        "NetworkPolicy",
        "ConfigMap",
        "ConfigMap",
        "PodDisruptionBudget",
        "Deployment",
    ]
    for one in manifests:
        assert "ownerReferences" not in one["metadata"]
        assert one["metadata"]["labels"]["app.kubernetes.io/managed-by"] == "fde-bench"
