"""The life of an FDEDeployment on the real control plane, reconciled with no more rights than the operator's role has."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from fde_operator import deployment
from fde_operator.cluster import Manifest
from fde_operator.key import Key
from fde_operator.kubernetes import KubernetesCluster
from fde_operator.settings import OperatorSettings

pytestmark = [pytest.mark.cluster, pytest.mark.seconds]
SETTINGS = OperatorSettings()
LIMIT_S = 90


def window(*, opens_in: timedelta) -> dict[str, str]:
    """A lifecycle that takes patches in a daily window of two hours."""
    opens = datetime.now(UTC) + opens_in
    closes = opens + timedelta(hours=2)
    return {
        "phase": "staging",
        "autoUpdatePolicy": "patch-only",
        "maintenanceWindow": f"daily {opens:%H:%M}-{closes:%H:%M}",
        "timeZone": "UTC",
    }


CLOSED, OPEN = timedelta(hours=3), -timedelta(hours=1)


class Site:
    """One customer's deployment `sync`, and our hands on it."""

    def __init__(self, api: Any, given: Any, kubeconfig: str, namespace: str, primitive: str) -> None:
        self.api, self.given, self.namespace, self.primitive = api, given, namespace, primitive
        self._kubeconfig, self.key = kubeconfig, Key("FDEDeployment", namespace, "sync")

    def _with_cluster(self, act: Callable[[KubernetesCluster], Any]) -> Any:
        async def once() -> Any:
            cluster = KubernetesCluster(self._kubeconfig)
            try:
                return await act(cluster)
            finally:
                await cluster.aclose()

        return asyncio.run(once())

    def look(self, wrapped: Callable[[KubernetesCluster], Any] = lambda cluster: cluster) -> float | None:
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        found: float | None = self._with_cluster(
            lambda cluster: deployment.reconcile(wrapped(cluster), self.key, SETTINGS, now=now)
        )
        return found

    def publish(self, version: str) -> None:
        spec = self.given.spec(primitiveName=self.primitive, version=version, compliance=["soc2", "gdpr"])
        self._with_cluster(lambda cluster: cluster.create(self.given.primitive(spec)))

    def run(self, **spec: Any) -> None:
        reference = {"name": self.primitive, "version": "v1.0.0"}
        body = self.given.deployment(namespace=self.namespace, **{"primitiveRef": reference, **spec})
        self.api.create(body, user="ben")

    def edit(self, **spec: Any) -> None:
        self.api.patch("FDEDeployment", "sync", {"spec": spec}, self.namespace, "ben")

    def raw(self) -> Manifest:
        found: Manifest = self.api.get("FDEDeployment", "sync", self.namespace)
        return found

    def told(self, kind: str) -> tuple[str, str]:
        found = self.raw()
        for one in found.get("status", {}).get("conditions", ()):
            if one["type"] == kind and one["observedGeneration"] == found["metadata"]["generation"]:
                return one["status"], one["reason"]
        return "", ""

    def workload(self) -> Manifest | None:
        found: Manifest | None = self.api.get("Deployment", "sync", self.namespace)
        return found

    def until_ready(self, reason: str = "Available") -> None:
        def ready() -> bool:
            self.look()
            return self.told("Ready") == ("True", reason)

        self.given.eventually(ready, LIMIT_S)


@pytest.fixture
def site(api: Any, given: Any, control_plane: Any, customer: str, unique: str) -> Site:
    found = Site(api, given, str(control_plane.kubeconfig("operator")), customer, unique)
    found.publish("v1.0.0")
    return found


def test_an_update_waits_for_its_window_is_taken_in_it_and_what_is_settled_is_not_written(site: Site) -> None:
    site.run(lifecycle=window(opens_in=CLOSED))
    site.until_ready()
    site.publish("v1.0.7")
    again_s = site.look()
    assert again_s is not None
    assert 2 * 3600 < again_s <= 3 * 3600
    assert site.told("UpdatePending") == ("True", "OutsideWindow")
    status = site.raw()["status"]
    assert (status["resolvedVersion"], status["availableVersion"]) == ("v1.0.0", "v1.0.7")
    assert datetime.fromisoformat(status["nextWindow"]) > datetime.now(UTC)
    before = site.raw()["metadata"]["resourceVersion"], (site.workload() or {})["metadata"]["resourceVersion"]
    for _ in range(3):
        site.look()
    assert before == (site.raw()["metadata"]["resourceVersion"], (site.workload() or {})["metadata"]["resourceVersion"])
    site.edit(lifecycle=window(opens_in=OPEN))
    site.look()
    assert site.raw()["status"]["resolvedVersion"] == "v1.0.7"
    assert site.told("Reconciling")[0] == "True"
    site.until_ready()
    status = site.raw()["status"]
    assert [(one["version"], one["reason"]) for one in status["history"]] == [
        ("v1.0.7", "AutoUpdate"),
        ("v1.0.0", "FirstDeployment"),
    ]
    assert [one["version"] for one in status["attempts"] if one["readyAt"] >= one["startedAt"]] == ["v1.0.7", "v1.0.0"]
    assert "nextWindow" not in status
    assert (site.workload() or {})["metadata"]["labels"]["fde.io/version"] == "v1.0.7"
    assert site.raw()["spec"]["primitiveRef"]["version"] == "v1.0.0"


def test_suspended_the_pods_go_resumed_they_come_back_as_a_new_attempt(site: Site) -> None:
    site.run(lifecycle={"phase": "staging"})
    site.until_ready()
    site.edit(suspend=True)
    site.until_ready("Suspended")
    site.given.eventually(lambda: site.api.list("Pod", site.namespace) == [], LIMIT_S)
    assert site.told("Stalled")[0] == site.told("Reconciling")[0] == "False"
    site.edit(suspend=False)
    site.until_ready()
    assert [one.get("reason") for one in site.raw()["status"]["attempts"]] == [None, "Suspended"]


def test_retired_nothing_is_left_and_there_is_no_way_back(site: Site) -> None:
    site.run(lifecycle={"phase": "production"})
    site.until_ready()
    assert site.told("MaturityFits") == ("False", "NotProductionGrade")
    site.edit(lifecycle={"phase": "retired"})
    site.until_ready("Retired")
    for kind in ("Deployment", "ConfigMap", "NetworkPolicy", "ServiceAccount", "Pod"):

        def ours(kind: str = kind) -> list[Manifest]:
            marks = "app.kubernetes.io/managed-by=fde-operator"
            found: list[Manifest] = site.api.list(kind, site.namespace, labelSelector=marks)
            return found

        site.given.eventually(lambda: ours() == [], LIMIT_S)
    with pytest.raises(site.given.refused, match="retired is terminal"):
        site.edit(lifecycle={"phase": "production"})


def test_an_engineer_lets_one_update_through_and_goes_back_by_an_edit(site: Site) -> None:
    site.run(lifecycle=window(opens_in=CLOSED))
    site.until_ready()
    site.publish("v1.0.7")
    annotation = {"metadata": {"annotations": {"fde.io/update-now": "v1.0.7"}}}
    site.api.patch("FDEDeployment", "sync", annotation, site.namespace, "ben")
    site.look()
    site.until_ready()
    status = site.raw()["status"]
    assert (status["resolvedVersion"], status["handledUpdateNow"]) == ("v1.0.7", "v1.0.7")
    site.publish("v1.0.3")
    older = {"name": site.primitive, "version": "v1.0.3"}
    site.edit(primitiveRef=older, lifecycle={**window(opens_in=CLOSED), "autoUpdatePolicy": "none"})
    site.look()
    site.until_ready()
    assert site.raw()["status"]["resolvedVersion"] == "v1.0.3"
    site.edit(lifecycle=window(opens_in=OPEN))
    site.look()
    site.until_ready()
    assert site.raw()["status"]["resolvedVersion"] == "v1.0.3"
    assert site.told("UpdatePending") == ("False", "NotTaken")  # the window is open, and v1.0.7 was gone back from


def test_deleted_in_the_middle_of_a_look_nothing_more_is_made_and_nothing_is_left(site: Site) -> None:
    class Deleting:
        """The operator's cluster, where somebody deletes the deployment after the third write."""

        def __init__(self, inner: KubernetesCluster) -> None:
            self._inner, self.made = inner, 0

        def __getattr__(self, name: str) -> Any:
            return getattr(self._inner, name)

        async def apply(self, manifest: Manifest) -> Manifest:
            self.made += 1
            found = await self._inner.apply(manifest)
            if self.made == 3:
                site.api.delete("FDEDeployment", "sync", site.namespace, "ben")
            return found

    site.run(lifecycle={"phase": "staging"})
    seen: list[Deleting] = []

    def wrapped(cluster: KubernetesCluster) -> Deleting:
        seen.append(Deleting(cluster))
        return seen[-1]

    assert site.look(wrapped) is None
    assert seen[0].made == 3
    assert site.workload() is None

    def left() -> list[str]:
        kinds = ("ConfigMap", "NetworkPolicy", "ServiceAccount")
        names = [str(one["metadata"]["name"]) for kind in kinds for one in site.api.list(kind, site.namespace)]
        return [name for name in names if name.startswith("sync")]

    site.given.eventually(lambda: not left(), LIMIT_S)
