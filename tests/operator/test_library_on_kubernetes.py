"""From attempts to maturity on the real API server, with the operator's own token: what the server fills in, drops or refuses.

Marker `cluster`. The first tests are the queue themselves; the last has an operator process.
"""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from fde_operator import library, usage
from fde_operator.key import Key
from fde_operator.kubernetes import KubernetesCluster

NOW = datetime(2026, 11, 10, 12, tzinfo=UTC)


def at(hours: float) -> str:
    return (NOW + timedelta(hours=hours)).strftime("%Y-%m-%dT%H:%M:%SZ")


@pytest.fixture
def customers(api: Any, given: Any) -> Iterator[list[str]]:
    names = [f"customer-{uuid.uuid4().hex[:8]}" for _ in range(3)]
    for name in names:
        api.create(given.namespace(name, {"fde.io/customer": name.removeprefix("customer-")}))
    yield names
    for name in names:
        api.delete("Namespace", name)


@pytest.fixture
def graded(api: Any, given: Any, unique: str) -> Iterator[str]:
    """A library for one primitive alone, and that primitive; both gone afterwards."""
    api.create(given.primitive(given.spec(primitiveName=unique, tags=[unique])))
    body = {"apiVersion": "fde.io/v1", "kind": "PatternLibrary", "metadata": {"name": unique}}
    api.create({**body, "spec": {"selector": {"tags": [unique]}}})
    yield unique
    api.delete("PatternLibrary", unique)
    api.delete("DeploymentPrimitive", f"{unique}.v1.0.0")


def reconciled(control_plane: Any, primitive: str, hours: float = 0) -> float | None:
    """As the queue would, until nothing of this library is due; returns when to look at the version again."""

    async def run() -> float | None:
        cluster = KubernetesCluster(str(control_plane.kubeconfig("operator")))
        version = Key("DeploymentPrimitive", "", f"{primitive}.v1.0.0")
        try:
            again = await usage.reconcile(cluster, version, now=at(hours))
            await library.reconcile(cluster, Key("PatternLibrary", "", primitive), now=at(hours))
            if version in await library.due(cluster):
                again = await usage.reconcile(cluster, version, now=at(hours))
                await library.reconcile(cluster, Key("PatternLibrary", "", primitive), now=at(hours))
            assert version not in await library.due(cluster)
            return again
        finally:
            await cluster.aclose()

    return asyncio.run(run())


def runs(api: Any, given: Any, namespace: str, primitive: str, **attempt: str) -> None:
    """A deployment of `primitive` whose only attempt went as said."""
    body = given.deployment(namespace=namespace, primitiveRef={"name": primitive, "version": "v1.0.0"})
    body["metadata"]["annotations"]["fde.io/owning-fde"] = "admin"
    api.create(body)
    status = {"resolvedVersion": "v1.0.0", "attempts": [{"version": "v1.0.0", "generation": 1, **attempt}]}
    api.patch("FDEDeployment", "sync", {"status": status}, namespace, sub="status")


def test_attempts_become_maturity_and_stay_counted_and_idle_reconciling_writes_nothing(
    api: Any, control_plane: Any, given: Any, customers: list[str], graded: str
) -> None:
    def version() -> Any:
        return api.get("DeploymentPrimitive", f"{graded}.v1.0.0")

    def entry() -> Any:
        (found,) = api.get("PatternLibrary", graded)["status"]["entries"]
        return found

    for namespace in customers[:2]:
        runs(api, given, namespace, graded, startedAt=at(-40), readyAt=at(-39.5))
    runs(api, given, customers[2], graded, startedAt=at(-20), readyAt=at(-19.9))
    again = reconciled(control_plane, graded)
    assert again == pytest.approx(4.35 * 3600, abs=1)  # 24 hours and 15 minutes after Ready
    assert version()["status"]["maturity"] == "experimental"
    counted = {"deployments": 3, "ready": 0, "attempts": 2, "pending": 1, "customers": 2}
    assert version()["status"]["usage"] == {**counted, "successRate": 1, "p50DeploySeconds": 1800}
    assert entry()["lacks"] == ["it succeeded for 2 customers; beta needs 3"]

    assert reconciled(control_plane, graded, 4.5) is None
    assert version()["status"]["maturity"] == "beta"
    assert (entry()["maturity"], entry()["since"]) == ("beta", at(4.5))
    assert api.get("PatternLibrary", graded)["status"]["counts"]["beta"] == 1

    before = [version(), api.get("PatternLibrary", graded)]
    reconciled(control_plane, graded, 500)
    after = [version(), api.get("PatternLibrary", graded)]
    assert [one["metadata"]["resourceVersion"] for one in before] == [
        one["metadata"]["resourceVersion"] for one in after
    ]
    shown = json.dumps([{**one, "metadata": {**one["metadata"], "managedFields": []}} for one in after])
    assert not [name for name in customers if name.removeprefix("customer-") in shown]

    for namespace in customers:
        api.delete("FDEDeployment", "sync", namespace)
    reconciled(control_plane, graded, 501)
    assert (
        version()["status"]["usage"] | {"deployments": 0, "attempts": 3, "customers": 3} == version()["status"]["usage"]
    )
    assert version()["status"]["maturity"] == "beta"


def test_a_deprecation_is_seen_in_the_version_and_in_its_library(
    api: Any, control_plane: Any, given: Any, graded: str
) -> None:
    notes = {"fde.io/deprecated": "loses rows", "fde.io/superseded-by": f"{graded}.v1.0.0"}
    api.patch("DeploymentPrimitive", f"{graded}.v1.0.0", {"metadata": {"annotations": notes}})
    reconciled(control_plane, graded)
    status = api.get("DeploymentPrimitive", f"{graded}.v1.0.0")["status"]
    assert (status["maturity"], status["supersededBy"]) == ("deprecated", f"{graded}.v1.0.0")
    (entry,) = api.get("PatternLibrary", graded)["status"]["entries"]
    assert (entry["maturity"], entry["reason"]) == ("deprecated", "deprecated: loses rows")
    api.patch("DeploymentPrimitive", f"{graded}.v1.0.0", {"metadata": {"annotations": dict.fromkeys(notes)}})
    reconciled(control_plane, graded, 1)
    status = api.get("DeploymentPrimitive", f"{graded}.v1.0.0")["status"]
    assert status["maturity"] == "experimental"
    assert "supersededBy" not in status


def test_the_operator_grades_by_itself(
    api: Any, control_plane: Any, given: Any, customers: list[str], graded: str, tmp_path: Path
) -> None:
    operator = given.operator(control_plane.kubeconfig("operator"), tmp_path / "operator.log")
    operator.start()
    try:
        for namespace in customers:
            body = given.deployment(namespace=namespace, primitiveRef={"name": graded, "version": "v1.0.0"})
            body["metadata"]["annotations"]["fde.io/owning-fde"] = "admin"
            api.create(body)

        def usage_of() -> Any:
            return api.get("DeploymentPrimitive", f"{graded}.v1.0.0").get("status", {}).get("usage", {})

        given.eventually(lambda: usage_of().get("pending") == 3, 120)
        for namespace in customers:  # as if it had been two days ago
            (attempt,) = api.get("FDEDeployment", "sync", namespace)["status"]["attempts"]
            ago = (datetime.now(UTC) - timedelta(hours=48)).strftime("%Y-%m-%dT%H:%M:%SZ")
            attempts = [{**attempt, "startedAt": ago, "readyAt": ago}]
            api.patch("FDEDeployment", "sync", {"status": {"attempts": attempts}}, namespace, sub="status")
        given.eventually(
            lambda: api.get("DeploymentPrimitive", f"{graded}.v1.0.0")["status"]["maturity"] == "beta", 120
        )
        (entry,) = api.get("PatternLibrary", graded)["status"]["entries"]
        assert (entry["maturity"], entry["usageCount"]) == ("beta", 3)
        api.delete("PatternLibrary", graded)
        given.eventually(
            lambda: api.get("DeploymentPrimitive", f"{graded}.v1.0.0")["status"]["maturity"] == "experimental", 120
        )
        api.create({"apiVersion": "fde.io/v1", "kind": "PatternLibrary", "metadata": {"name": graded}, "spec": {}})
    finally:
        operator.kill()
