"""Jobs: their work is done once, whatever the platform changes around it, and whoever takes away what is done."""

from __future__ import annotations

import asyncio
import copy
from typing import Any

import pytest
from msgspec.structs import replace

from fde_operator import deployment
from fde_operator.errors import Denied
from fde_operator.key import Key
from fde_operator.landscape import ExternalSecrets, Landscape
from fde_operator.settings import OperatorSettings

KEY = Key("FDEDeployment", "customer-northgate", "sync")
SETTINGS = OperatorSettings(brokers="kafka.example:9092", sidecar_image="fde/sidecar@sha256:1")
AT, LATER = "2026-11-21T12:00:00Z", "2026-11-21T13:00:00Z"
SECRET = {"secretRef": {"name": "servicenow", "key": "client-secret"}}
AROUND = [
    replace(SETTINGS, sidecar_image="fde/sidecar@sha256:2"),
    replace(SETTINGS, runtime_image="fde/runtime@sha256:2"),
    replace(SETTINGS, brokers="kafka-1.example:9092,kafka-2.example:9092"),
    replace(SETTINGS, landscape=Landscape(regions={"eu-west": ("dub-1", "dub-2")}, zoned_nodes=True)),
    replace(SETTINGS, telemetry_secret="fde-telemetry"),
]


def look(cluster: Any, settings: OperatorSettings = SETTINGS, now: str = LATER) -> None:
    asyncio.run(deployment.reconcile(cluster, KEY, settings, now=now))


def jobs(cluster: Any) -> dict[str, Any]:
    return {key.name: one for key, one in cluster.objects.items() if key.kind == "Job"}


def ready(cluster: Any) -> tuple[str, str, str]:
    found = next(c for c in cluster.objects[KEY]["status"]["conditions"] if c["type"] == "Ready")
    return found["status"], found["reason"], found["message"]


def attempts(cluster: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = cluster.objects[KEY]["status"]["attempts"]
    return found


def edit(cluster: Any, **spec: Any) -> None:
    raw = cluster.objects[KEY]
    raw["spec"] |= spec
    raw["metadata"]["generation"] += 1


def ends(cluster: Any) -> None:
    (job,) = jobs(cluster).values()
    job["status"] = {
        "succeeded": 1,
        "completionTime": AT,
        "conditions": [{"type": "Complete", "status": "True", "lastTransitionTime": AT}],
    }


def taken_away(cluster: Any) -> None:
    for name in jobs(cluster):
        del cluster.objects[Key("Job", KEY.namespace, name)]


@pytest.fixture
def working(cluster: Any, given: Any) -> Any:
    """A Job that has begun."""
    spec = given.with_secret(given.spec())
    spec["runtime"]["workload"] |= {"kind": "Job"}
    cluster.store(given.primitive(spec))
    cluster.store(given.deployment(parameters={"instanceHost": "a.example", "clientSecret": SECRET}))
    look(cluster, now=AT)
    (job,) = jobs(cluster).values()
    job["status"] = {"active": 1, "ready": 1}
    look(cluster, now=AT)
    assert ready(cluster)[:2] == ("True", "Running")
    return cluster


@pytest.mark.parametrize("settings", AROUND)
@pytest.mark.parametrize("is_done", [False, True])
def test_what_the_platform_puts_around_a_job_neither_replaces_it_nor_runs_it_again(
    working: Any, settings: OperatorSettings, is_done: bool
) -> None:
    if is_done:
        ends(working)
        look(working)
    before, tried = {name: one["metadata"]["uid"] for name, one in jobs(working).items()}, attempts(working)
    template = next(iter(jobs(working).values()))["spec"]["template"]
    look(working, settings)
    look(working, settings)
    assert {name: one["metadata"]["uid"] for name, one in jobs(working).items()} == before
    assert next(iter(jobs(working).values()))["spec"]["template"] == template  # the server would refuse another one
    assert attempts(working) == tried


def test_a_compliance_requirement_or_a_feed_s_image_is_no_other_job(working: Any, given: Any) -> None:
    before = set(jobs(working))
    environment = working.objects[KEY]["spec"]["environment"]
    edit(working, environment={**environment, "complianceRequirements": ["soc2"]})
    feed = working.objects[Key("TelemetryFeed", KEY.namespace, "sync")]
    feed["spec"] |= {"sidecar": {"image": "fde/sidecar@sha256:3"}, "sink": {"bootstrapServers": "b.example:9092"}}
    look(working)
    assert set(jobs(working)) == before
    assert len(attempts(working)) == 1


@pytest.mark.parametrize(
    "parameters",
    [
        {"instanceHost": "b.example", "clientSecret": SECRET},
        {"instanceHost": "a.example", "clientSecret": {"secretRef": {"name": "servicenow", "key": "other"}}},
        {"instanceHost": "a.example", "clientSecret": SECRET, "ratio": 0.25},
    ],
)
def test_another_value_or_secret_is_another_job(working: Any, parameters: dict[str, Any]) -> None:
    ends(working)
    look(working)
    before = set(jobs(working))
    edit(working, parameters=parameters)
    look(working)
    assert len(set(jobs(working)) | before) == 2
    assert len(attempts(working)) == 2
    assert ready(working)[0] == "False"


def test_a_job_that_is_done_is_not_made_again_when_it_was_taken_away(working: Any) -> None:
    ends(working)
    look(working)
    assert ready(working)[:2] == ("True", "Succeeded")
    assert working.objects[KEY]["status"]["completedJob"]["at"] == AT
    tried = attempts(working)
    taken_away(working)
    for change in ({}, {"lifecycle": {"phase": "staging"}}, {"suspend": True}, {"suspend": False}):
        edit(working, **change)
        look(working)
        look(working, AROUND[0])
        assert jobs(working) == {}
        assert attempts(working) == tried
    state = ready(working)
    assert state[:2] == ("True", "Succeeded")
    assert "was done at 2026-11-21T12:00:00Z" in state[2]
    assert not any(one["kind"] == "Job" for one in working.objects[KEY]["status"]["inventory"])
    writes = len(working.writes)
    look(working, AROUND[0])
    assert len(working.writes) == writes


@pytest.mark.parametrize("is_done", [False, True])
def test_a_job_that_lost_its_label_gets_it_back_and_keeps_its_pod(working: Any, is_done: bool) -> None:
    if is_done:
        ends(working)
        look(working)
    (job,) = jobs(working).values()
    template, uid = job["spec"]["template"], job["metadata"]["uid"]
    del job["metadata"]["labels"]["fde.io/deployment"]
    look(working, AROUND[0])
    (job,) = jobs(working).values()
    assert job["metadata"]["labels"]["fde.io/deployment"] == "sync"
    assert (job["spec"]["template"], job["metadata"]["uid"]) == (template, uid)


def test_a_job_that_is_not_done_is_made_again_when_it_was_taken_away(working: Any) -> None:
    before = set(jobs(working))
    taken_away(working)
    look(working)
    assert set(jobs(working)) == before


def test_to_go_back_to_what_was_done_before_runs_it_again(working: Any) -> None:
    ends(working)
    look(working)
    first, spec = set(jobs(working)), dict(working.objects[KEY]["spec"])
    edit(working, parameters={"instanceHost": "b.example", "clientSecret": SECRET})
    look(working)
    look(working)
    edit(working, **spec)
    look(working)
    assert set(jobs(working)) == first
    assert ready(working)[0] == "False"
    assert [one["generation"] for one in attempts(working)] == [3, 2, 1]


def test_what_somebody_wrote_into_the_status_by_hand_does_not_hold(working: Any) -> None:
    for nonsense in ("done", {"digest": 1}, {"digest": "sha256:0"}):
        working.objects[KEY]["status"]["completedJob"] = nonsense
        look(working)
        assert len(jobs(working)) == 1


def test_the_digest_of_a_job_does_not_move(working: Any) -> None:
    """Pinned: with another one, every Job that is done does its work again at the next upgrade of the operator."""
    (name,) = jobs(working)
    assert name == "sync-5d18b8de"


@pytest.mark.parametrize("refused", [{"primitiveRef": {"name": "incident-sync", "version": "v9.9.9"}}, "denied"])
def test_what_is_done_while_an_edit_is_held_back_is_not_run_again_when_that_is_taken_back(
    working: Any, monkeypatch: Any, refused: Any
) -> None:
    before = dict(working.objects[KEY]["spec"])
    if refused == "denied":
        monkeypatch.setattr(working, "apply", refuses)
        edit(working, parameters={"instanceHost": "b.example", "clientSecret": SECRET})
    else:
        edit(working, **refused)
    look(working)
    assert ready(working)[0] == "False"
    ends(working)
    look(working)
    assert working.objects[KEY]["status"]["completedJob"]["at"] == AT
    taken_away(working)
    look(working)
    look(working)
    monkeypatch.undo()
    edit(working, **before)
    look(working)
    assert jobs(working) == {}
    assert ready(working)[:2] == ("True", "Succeeded")


async def refuses(manifest: Any) -> Any:
    raise Denied("no")


def test_a_job_that_lost_its_note_holds_nothing(working: Any) -> None:
    (job,) = jobs(working).values()
    del job["metadata"]["annotations"]
    ends(working)
    edit(working, primitiveRef={"name": "incident-sync", "version": "v9.9.9"})
    look(working)
    assert ready(working)[1] == "PrimitiveNotFound"
    assert working.objects[KEY]["status"].get("completedJob") is None


@pytest.fixture
def waiting(working: Any) -> Any:
    """A Job that was made suspended, and never began."""
    edit(working, parameters={"instanceHost": "b.example", "clientSecret": SECRET}, suspend=True)
    look(working)
    (job,) = jobs(working).values()
    assert job["spec"]["suspend"] is True and "status" not in job
    job["spec"]["template"]["metadata"]["labels"]["batch.kubernetes.io/job-name"] = job["metadata"]["name"]
    return working


def somebody_changes(template: Any) -> None:
    """All that the API server lets be changed then."""
    del template["metadata"]["labels"]["fde.io/deployment"]
    template["metadata"]["annotations"]["fde.io/files-digest"] = "another"
    template["spec"]["affinity"]["nodeAffinity"] = {}
    template["spec"] |= {"nodeSelector": {"a": "b"}, "schedulingGates": [{"name": "a.example/gate"}]}


@pytest.mark.parametrize("suspended", [True, False])
def test_what_somebody_changed_in_a_job_that_never_began_is_put_back_at_the_latest_when_it_begins(
    waiting: Any, suspended: bool
) -> None:
    (job,) = jobs(waiting).values()
    template = copy.deepcopy(job["spec"]["template"])
    somebody_changes(job["spec"]["template"])
    edit(waiting, suspend=suspended)
    look(waiting)
    (job,) = jobs(waiting).values()
    assert job["spec"]["suspend"] is suspended
    assert job["spec"]["template"]["metadata"] == template["metadata"]
    assert job["spec"]["template"]["spec"]["affinity"] == template["spec"]["affinity"]


def test_such_a_job_gets_the_places_of_now_and_none_of_what_cannot_be_changed(waiting: Any) -> None:
    for settings in AROUND:
        look(waiting, settings)
    (job,) = jobs(waiting).values()
    image = replace(SETTINGS, sidecar_image="fde/sidecar@sha256:7", landscape=AROUND[3].landscape)
    containers = copy.deepcopy(job["spec"]["template"]["spec"]["initContainers"])
    look(waiting, image)
    (job,) = jobs(waiting).values()
    assert job["spec"]["template"]["spec"]["initContainers"] == containers
    assert "dub-1" in str(job["spec"]["template"]["spec"]["affinity"])
    writes = len(waiting.writes)
    look(waiting, image)
    assert len(waiting.writes) == writes


def test_of_a_job_that_began_nothing_is_asked_for_that_the_server_refuses(working: Any) -> None:
    (job,) = jobs(working).values()
    job["status"]["startTime"] = AT
    edit(working, suspend=True)
    look(working)
    (job,) = jobs(working).values()
    assert job["spec"]["suspend"] is True
    template = copy.deepcopy(job["spec"]["template"])
    for value in (True, False):
        edit(working, suspend=value)
        look(working, AROUND[3])
        (job,) = jobs(working).values()
        assert (job["spec"]["suspend"], job["spec"]["template"]) == (value, template)


def test_a_job_that_is_done_and_gone_is_not_asked_for_at_every_look(working: Any, monkeypatch: Any) -> None:
    """By its name it is asked of the API server itself: once more after it has gone, for it may have lost its label alone."""
    ends(working)
    look(working)
    taken_away(working)
    listed, asked = working.list, []

    async def counted(kind: str, **by: Any) -> Any:
        if kind == "Job" and "fields" in by:
            asked.append(by)
        return await listed(kind, **by)

    monkeypatch.setattr(working, "list", counted)
    for _ in range(4):
        look(working)
    assert len(asked) == 1
    assert jobs(working) == {}


@pytest.mark.parametrize("suspended", [False, True])
def test_what_a_job_mounts_stays_until_it_is_done_when_the_landscape_names_another_store(
    cluster: Any, given: Any, suspended: bool
) -> None:
    spec = given.with_secret(given.spec())
    spec["runtime"] |= {"securityContext": {"secretsStore": "external-secrets"}}
    spec["runtime"]["workload"] |= {"kind": "Job"}
    secret = {"vaultRef": {"path": f"tenants/{KEY.namespace}/servicenow", "key": "client-secret"}}
    cluster.store(given.primitive(spec))
    cluster.store(given.deployment(parameters={"instanceHost": "a.example", "clientSecret": secret}))
    look(cluster)
    (job,) = jobs(cluster).values()
    job["status"] = {"startTime": AT, "active": 1, "ready": 1}
    look(cluster)

    def names() -> set[str]:
        return {key.name for key in cluster.objects if key.kind == "ExternalSecret"}

    (mounted,) = names()
    assert mounted in str(job["spec"]["template"])
    renamed = replace(SETTINGS, landscape=Landscape(external_secrets=ExternalSecrets(store="vault")))
    edit(cluster, suspend=suspended)
    for _ in range(2):
        look(cluster, renamed)
        assert len(names()) == 2 and mounted in names()
        assert mounted in str(jobs(cluster))
    edit(cluster, suspend=False)
    ends(cluster)
    look(cluster, renamed)
    assert len(names()) == 1 and mounted not in names()
