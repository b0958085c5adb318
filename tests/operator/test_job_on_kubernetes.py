"""Jobs on the real API server, which refuses another pod for one that is there; what pods pull images with. Marker `cluster`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from msgspec.structs import replace

from fde_operator import clock, deployment
from fde_operator.key import Key
from fde_operator.kubernetes import KubernetesCluster
from fde_operator.landscape import Landscape
from fde_operator.settings import OperatorSettings

pytestmark = [pytest.mark.cluster, pytest.mark.seconds]
SETTINGS = OperatorSettings(brokers="kafka.example:9092", sidecar_image="fde/sidecar@sha256:1")
OTHER = replace(SETTINGS, sidecar_image="fde/sidecar@sha256:2", brokers="kafka.example:9093")

Look = Callable[..., Any]


@pytest.fixture
def run(api: Any, control_plane: Any, customer: str, given: Any, unique: str) -> Callable[..., Look]:
    """A new deployment; returns what looks at it once as the operator does, and gives it as it is then."""

    def new(workload: dict[str, Any], **spec: Any) -> Look:
        primitive = given.spec(primitiveName=unique)
        primitive["runtime"]["workload"] |= workload
        api.create(given.primitive(primitive), user="operator")
        reference = {"name": unique, "version": "v1.0.0"}
        api.create(given.deployment(namespace=customer, primitiveRef=reference, **spec), user="ben")

        async def once(settings: OperatorSettings) -> None:
            cluster = KubernetesCluster(str(control_plane.kubeconfig("operator")))
            try:
                await deployment.reconcile(cluster, Key("FDEDeployment", customer, "sync"), settings, now=clock.now())
            finally:
                await cluster.aclose()

        def look(settings: OperatorSettings = SETTINGS) -> Any:
            asyncio.run(once(settings))
            return api.get("FDEDeployment", "sync", customer)

        return look

    return new


def ready(found: Any) -> tuple[str, str]:
    said = next(one for one in found["status"]["conditions"] if one["type"] == "Ready")
    return said["status"], said["reason"]


def test_a_job_keeps_its_pod_when_what_is_around_it_changes_and_goes_on_when_it_is_resumed(
    api: Any, customer: str, given: Any, run: Callable[..., Look]
) -> None:
    look = run({"kind": "Job"}, suspend=True)
    look()
    (before,) = api.list("Job", customer)
    for _ in range(2):
        assert ready(look(OTHER)) == ("True", "Suspended")
    api.patch("FDEDeployment", "sync", {"spec": {"suspend": False}}, customer, "ben")
    look(OTHER)
    (after,) = api.list("Job", customer)
    assert after["spec"]["suspend"] is False
    assert after["metadata"]["uid"] == before["metadata"]["uid"]
    assert after["spec"]["template"] == before["spec"]["template"]
    given.eventually(lambda: ready(look(OTHER)) == ("True", "Succeeded"), 60)
    version = api.list("Job", customer)[0]["metadata"]["resourceVersion"]
    look(OTHER)
    assert api.list("Job", customer)[0]["metadata"]["resourceVersion"] == version  # nothing to be done


def test_a_job_that_is_done_is_not_run_again_when_a_janitor_took_it(
    api: Any, customer: str, given: Any, run: Callable[..., Look]
) -> None:
    look = run({"kind": "Job"})
    given.eventually(lambda: ready(look()) == ("True", "Succeeded"), 60)
    (job,) = api.list("Job", customer)
    noted = look()["status"]["completedJob"]
    assert noted["name"] == job["metadata"]["name"]
    assert noted["at"] == job["status"]["completionTime"]
    api.delete("Job", job["metadata"]["name"], customer)
    given.eventually(lambda: api.list("Job", customer) == [])
    for settings in (SETTINGS, OTHER):
        assert ready(look(settings)) == ("True", "Succeeded")
        assert api.list("Job", customer) == []


def test_a_job_whose_pod_finds_no_node_is_not_ready_though_the_server_counts_it_as_active(
    api: Any, customer: str, given: Any, run: Callable[..., Look]
) -> None:
    look = run({"kind": "Job"}, environment={"networkZone": "dmz", "dataResidency": "elsewhere"})
    look()
    given.eventually(lambda: api.list("Job", customer)[0].get("status", {}).get("active"))
    assert ready(look()) == ("False", "Progressing")
    assert "readyAt" not in look()["status"]["attempts"][0]


def test_a_cron_job_s_attempt_is_judged_when_its_first_run_has_ended(
    api: Any, customer: str, given: Any, run: Callable[..., Look]
) -> None:
    look = run({"kind": "CronJob", "schedule": "0 0 1 1 *"})
    look()
    found = look()
    assert ready(found) == ("True", "Scheduled")
    (attempt,) = found["status"]["attempts"]
    assert attempt["reason"] == "Scheduled" and "readyAt" not in attempt
    assert attempt["startedAt"] == found["metadata"]["creationTimestamp"]
    (cron,) = api.list("CronJob", customer)
    owner = {"apiVersion": "batch/v1", "kind": "CronJob", "name": "sync", "uid": cron["metadata"]["uid"]}
    body = cron["spec"]["jobTemplate"]
    metadata = {"name": "sync-1", "namespace": customer, "ownerReferences": [{**owner, "controller": True}]}
    metadata |= {"labels": body["metadata"]["labels"]}  # as `kubectl create job --from=cronjob/sync` has it
    api.create({"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": body["spec"]})
    made = given.eventually(lambda: api.get("Job", "sync-1", customer)["status"].get("completionTime"), 60)
    assert api.get("Job", "sync-1", customer)["spec"]["activeDeadlineSeconds"] == 4 * 3600
    (attempt,) = look()["status"]["attempts"]
    assert attempt["readyAt"] == made
    assert attempt["runAt"] <= made
    assert "reason" not in attempt


def test_pods_have_the_landscape_s_pull_secrets_and_a_platform_s_are_left_to_it(
    api: Any, customer: str, given: Any, run: Callable[..., Look]
) -> None:
    land = replace(SETTINGS, landscape=Landscape(image_pull_secrets=("registry",)))
    look = run({"kind": "Deployment"})
    look()
    assert "imagePullSecrets" not in api.get("ServiceAccount", "sync", customer)
    template = api.get("Deployment", "sync", customer)["spec"]["template"]
    look(land)
    assert api.get("ServiceAccount", "sync", customer)["imagePullSecrets"] == [{"name": "registry"}]
    assert api.get("Deployment", "sync", customer)["spec"]["template"] == template  # no rollout of everybody for it
    for pod in api.list("Pod", customer):
        api.delete("Pod", pod["metadata"]["name"], customer)
    registry = [{"name": "registry"}]
    given.eventually(lambda: any(pod["spec"].get("imagePullSecrets") == registry for pod in api.list("Pod", customer)))
    both = [*registry, {"name": "sync-dockercfg"}]
    api.patch("ServiceAccount", "sync", {"imagePullSecrets": both}, customer)
    for _ in range(2):
        look(land)
        account = api.get("ServiceAccount", "sync", customer)
        assert account["imagePullSecrets"] == both
    look(land)
    assert (
        api.get("ServiceAccount", "sync", customer)["metadata"]["resourceVersion"]
        == (account["metadata"]["resourceVersion"])
    )
    api.patch("ServiceAccount", "sync", {"imagePullSecrets": both[1:]}, customer)
    look(land)
    assert api.get("ServiceAccount", "sync", customer)["imagePullSecrets"] == both
    for _ in range(2):  # the landscape names none any more
        look()
        account = api.get("ServiceAccount", "sync", customer)
        assert account["imagePullSecrets"] == both[1:]
    look()
    assert (
        api.get("ServiceAccount", "sync", customer)["metadata"]["resourceVersion"]
        == (account["metadata"]["resourceVersion"])
    )
    look(land)
    api.patch("ServiceAccount", "sync", {"imagePullSecrets": [registry[0]]}, customer)
    for _ in range(2):
        look()
        account = api.get("ServiceAccount", "sync", customer)
        assert not account.get("imagePullSecrets")
        assert "fde.io/image-pull-secrets" not in account["metadata"].get("annotations", {})
