"""The life of an FDEDeployment against a cluster in memory: updates, windows, suspension, retirement, and what is told."""

from __future__ import annotations

import asyncio
import copy
from typing import Any

import pytest

from fde_operator import deployment
from fde_operator.cluster import Manifest
from fde_operator.desired import OWNED_KINDS
from fde_operator.errors import Denied, Unavailable
from fde_operator.key import Key
from fde_operator.policies import Guard
from fde_operator.settings import OperatorSettings

KEY = Key("FDEDeployment", "customer-northgate", "sync")
WORKLOAD = Key("Deployment", KEY.namespace, "sync")
SETTINGS = OperatorSettings(brokers="kafka.example:9092")
WINDOW = {"maintenanceWindow": "sun 02:00-04:00", "timeZone": "Europe/Berlin"}
PATCHES = {"phase": "development", "autoUpdatePolicy": "patch-only", **WINDOW}
FRIDAY, SATURDAY, SUNDAY, MONDAY = (
    f"2026-11-{day}T{at}:00Z" for day, at in ((20, "12:00"), (21, "12:00"), (22, "01:30"), (23, "12:00"))
)


def look(cluster: Any, now: str = SATURDAY) -> float | None:
    return asyncio.run(deployment.reconcile(cluster, KEY, SETTINGS, now=now))


def status(cluster: Any) -> dict[str, Any]:
    found: dict[str, Any] = cluster.objects[KEY]["status"]
    return found


def told(cluster: Any, kind: str) -> tuple[str, str, str]:
    found = next(c for c in status(cluster)["conditions"] if c["type"] == kind)
    assert found["observedGeneration"] == cluster.objects[KEY]["metadata"]["generation"]
    return found["status"], found["reason"], found["message"]


def kstatus(cluster: Any) -> str:
    """What kubectl, Flux and Argo CD make of it: the generic rules of sigs.k8s.io/cli-utils, kstatus."""
    raw = cluster.objects[KEY]
    seen = {one["type"]: one["status"] for one in raw["status"]["conditions"]}
    if raw["status"]["observedGeneration"] != raw["metadata"]["generation"] or seen.get("Reconciling") == "True":
        return "InProgress"
    if seen.get("Stalled") == "True":
        return "Failed"
    return "Current" if seen.get("Ready", "True") == "True" else "InProgress"


def runs(cluster: Any) -> str:
    """The version of the pods that stand there."""
    return str(cluster.objects[WORKLOAD]["spec"]["template"]["metadata"]["labels"]["fde.io/version"])


def edit(cluster: Any, **spec: Any) -> None:
    raw = cluster.objects[KEY]
    raw["spec"] |= spec
    raw["metadata"]["generation"] += 1


def annotate(cluster: Any, value: str | None) -> None:
    cluster.objects[KEY]["metadata"]["annotations"]["fde.io/update-now"] = value
    if value is None:
        del cluster.objects[KEY]["metadata"]["annotations"]["fde.io/update-now"]


def name_version(cluster: Any, version: str) -> None:
    edit(cluster, primitiveRef={"name": "incident-sync", "version": version})


def come_up(cluster: Any) -> None:
    cluster.objects[WORKLOAD]["status"] = {
        "replicas": 1,
        "updatedReplicas": 1,
        "availableReplicas": 1,
        "observedGeneration": 1,
    }


def come_down(cluster: Any, at: str | None = None) -> None:
    gone = [{"type": "Available", "status": "False", "lastTransitionTime": at}] if at else []
    cluster.objects[WORKLOAD]["status"] = {
        "replicas": 1,
        "updatedReplicas": 1,
        "observedGeneration": 1,
        "conditions": gone,
    }


def publish(cluster: Any, given: Any, version: str, maturity: str = "experimental", **changes: Any) -> None:
    found = cluster.store(given.primitive(given.spec(version=version, **changes)))
    found["status"] = {"maturity": maturity}


@pytest.fixture
def running(cluster: Any, given: Any) -> Any:
    """v1.0.0 under patch-only, Ready since Friday."""
    publish(cluster, given, "v1.0.0")
    cluster.store(given.deployment(lifecycle=PATCHES))
    look(cluster, FRIDAY)
    come_up(cluster)
    look(cluster, FRIDAY)
    assert told(cluster, "Ready")[0] == "True"
    return cluster


def test_an_update_waits_for_the_window_and_is_taken_in_it(running: Any, given: Any) -> None:
    publish(running, given, "v1.0.7")
    publish(running, given, "v1.1.0")
    again_s = look(running, SATURDAY)
    assert runs(running) == status(running)["resolvedVersion"] == "v1.0.0"
    assert told(running, "Ready")[0] == "True"
    state, reason, message = told(running, "UpdatePending")
    assert (state, reason) == ("True", "OutsideWindow")
    assert "at 2026-11-22T02:00:00+01:00" in message
    assert status(running)["nextWindow"] == "2026-11-22T02:00:00+01:00"
    assert status(running)["availableVersion"] == "v1.1.0"
    assert again_s == 13 * 3600
    look(running, SUNDAY)
    assert runs(running) == status(running)["resolvedVersion"] == "v1.0.7"
    assert running.objects[KEY]["spec"]["primitiveRef"]["version"] == "v1.0.0"
    assert "nextWindow" not in status(running)
    come_up(running)
    look(running, SUNDAY)
    assert told(running, "UpdatePending")[:2] == ("False", "UpToDate")
    assert [(one["version"], one["reason"]) for one in status(running)["history"]] == [
        ("v1.0.7", "AutoUpdate"),
        ("v1.0.0", "FirstDeployment"),
    ]
    assert [(one["version"], one["readyAt"]) for one in status(running)["attempts"]] == [
        ("v1.0.7", SUNDAY),
        ("v1.0.0", FRIDAY),
    ]


def test_a_pending_update_is_written_once_and_again_only_when_a_window_has_passed(running: Any, given: Any) -> None:
    publish(running, given, "v1.0.7")
    edit(running, suspend=False, lifecycle={**PATCHES, "maintenanceWindow": "sun 02:00-02:30"})
    look(running, SATURDAY)
    before = len(running.writes)
    for minute in range(0, 60, 5):
        look(running, f"2026-11-21T13:{minute:02}:00Z")
    assert running.writes[before:] == []
    look(running, "2026-11-22T01:30:00Z")  # the operator was away at 02:00: the window has just closed
    assert running.writes[before:] == [f"status {KEY}"]
    assert status(running)["nextWindow"] == "2026-11-29T02:00:00+01:00"


def test_without_anything_pending_no_window_is_told_and_no_look_is_asked_for(running: Any) -> None:
    assert look(running, MONDAY) is None
    assert "nextWindow" not in status(running)


def test_an_edit_is_followed_outside_the_window_and_what_was_left_is_not_taken_again(running: Any, given: Any) -> None:
    publish(running, given, "v1.0.7")
    look(running, SUNDAY)
    come_up(running)
    look(running, SUNDAY)
    older = {"name": "incident-sync", "version": "v1.0.1"}
    edit(running, primitiveRef=older, lifecycle={**PATCHES, "autoUpdatePolicy": "none"})
    look(running, MONDAY)
    assert told(running, "Ready")[1] == "PrimitiveNotFound"
    assert runs(running) == "v1.0.7"  # what runs goes on running
    publish(running, given, "v1.0.1")
    look(running, MONDAY)
    come_up(running)
    look(running, MONDAY)
    assert runs(running) == status(running)["resolvedVersion"] == "v1.0.1"
    assert status(running)["history"][0] == {"version": "v1.0.1", "at": MONDAY, "reason": "SpecEdited"}
    edit(running, lifecycle=PATCHES)
    look(running, "2026-11-29T01:30:00Z")
    assert runs(running) == "v1.0.1"
    assert told(running, "UpdatePending")[1] == "NotTaken"
    publish(running, given, "v1.0.8")
    look(running, "2026-11-29T01:30:00Z")
    assert runs(running) == "v1.0.8"


def test_the_annotation_lets_one_update_through(running: Any, given: Any) -> None:
    publish(running, given, "v1.0.7")
    annotate(running, "true")
    look(running, SATURDAY)
    assert runs(running) == "v1.0.7"
    assert status(running)["history"][0]["reason"] == "UpdateNow"
    come_up(running)
    look(running, SATURDAY)
    publish(running, given, "v1.0.8")
    look(running, SATURDAY)
    assert runs(running) == "v1.0.7"
    assert told(running, "UpdatePending")[1] == "OutsideWindow"
    annotate(running, None)
    look(running, SATURDAY)
    assert "handledUpdateNow" not in status(running)
    annotate(running, "v1.0.8")
    look(running, SATURDAY)
    assert runs(running) == "v1.0.8"


def test_the_next_update_follows_when_the_rollout_before_it_has_ended(running: Any, given: Any) -> None:
    publish(running, given, "v1.0.7")
    come_down(running)
    look(running, SUNDAY)
    publish(running, given, "v1.0.8")
    look(running, SUNDAY)
    assert (runs(running), told(running, "UpdatePending")[1]) == ("v1.0.7", "RolloutUnderWay")
    come_up(running)
    assert look(running, SUNDAY) == 0
    look(running, SUNDAY)
    assert runs(running) == "v1.0.8"


def test_an_update_that_never_came_up_is_told_and_not_taken_again(running: Any, given: Any) -> None:
    publish(running, given, "v1.0.7")
    come_down(running)
    assert look(running, SUNDAY) == 900
    assert look(running, "2026-11-22T01:35:00Z") == 600
    assert told(running, "Reconciling")[0] == "True"
    assert kstatus(running) == "InProgress"
    look(running, "2026-11-22T01:45:00Z")
    assert kstatus(running) == "Failed"
    assert told(running, "Stalled")[:2] == ("True", "ProgressDeadlineExceeded")
    assert told(running, "Ready")[:2] == ("False", "ProgressDeadlineExceeded")
    failed = status(running)["attempts"][0]
    assert (failed["failedAt"], failed["reason"]) == ("2026-11-22T01:45:00Z", "ProgressDeadlineExceeded")
    name_version(running, "v1.0.1")
    publish(running, given, "v1.0.1")
    look(running, MONDAY)
    come_up(running)
    look(running, MONDAY)
    look(running, "2026-11-29T01:30:00Z")
    assert runs(running) == "v1.0.1"


def test_ready_lost_within_a_day_fails_the_attempt(running: Any) -> None:
    come_down(running, "2026-11-20T18:00:00Z")
    assert look(running, "2026-11-20T18:01:00Z") == 120
    assert told(running, "Ready")[0] == "False"
    look(running, "2026-11-20T18:03:00Z")
    (attempt,) = status(running)["attempts"]
    assert (attempt["failedAt"], attempt["reason"]) == ("2026-11-20T18:00:00Z", "ReadyLost")


BROKEN: dict[str, dict[str, Any]] = {
    "a parameter taken away": {"parameters": {}},
    "a zone that nobody knows": {"lifecycle": {**PATCHES, "timeZone": "Mars/Olympus"}},
    "a version that is not there": {"primitiveRef": {"name": "incident-sync", "version": "v7.0.0"}},
    "the same, and suspended": {"primitiveRef": {"name": "incident-sync", "version": "v7.0.0"}, "suspend": True},
}


@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN)
def test_an_edit_that_is_held_back_hides_no_failure_of_what_runs(running: Any, broken: dict[str, Any]) -> None:
    before = copy.deepcopy(running.objects[KEY]["spec"])
    edit(running, **broken)
    look(running, "2026-11-20T17:00:00Z")
    assert told(running, "Stalled")[0] == "True"
    come_down(running, "2026-11-20T18:00:00Z")
    assert look(running, "2026-11-20T18:01:00Z") == 120
    look(running, "2026-11-20T18:03:00Z")
    (attempt,) = status(running)["attempts"]
    assert (attempt["failedAt"], attempt["reason"]) == ("2026-11-20T18:00:00Z", "ReadyLost")
    come_up(running)
    edit(running, **before)
    look(running, "2026-11-20T19:00:00Z")
    (attempt,) = status(running)["attempts"]
    assert attempt["failedAt"] == "2026-11-20T18:00:00Z"


def test_what_was_not_ready_before_the_edit_is_not_taken_for_ready_by_what_stands_there(running: Any) -> None:
    """The pods may be those of the attempt before: nobody knows how far it came."""
    come_down(running)
    edit(running, parameters={"instanceHost": "second.example"})
    look(running, "2026-11-20T17:00:00Z")
    come_up(running)
    edit(running, parameters={})
    look(running, "2026-11-20T17:01:00Z")
    assert "readyAt" not in status(running)["attempts"][0]


def test_a_changed_parameter_is_an_attempt_and_a_changed_window_is_none(running: Any) -> None:
    edit(running, lifecycle={**PATCHES, "maintenanceWindow": "daily 03:00-04:00"})
    look(running)
    assert len(status(running)["attempts"]) == 1
    edit(running, parameters={"instanceHost": "second.example"})
    look(running)
    assert [one["generation"] for one in status(running)["attempts"]] == [3, 2]


def test_a_version_that_asks_for_more_is_held_back_and_what_runs_is_looked_after(running: Any, given: Any) -> None:
    spec = given.spec(version="v1.0.7")
    spec["parameters"].append({"name": "region", "type": "string", "required": True})
    running.store(given.primitive(spec))
    look(running, SUNDAY)
    state, reason, message = told(running, "UpdatePending")
    assert (state, reason) == ("True", "ParametersInvalid")
    assert "v1.0.7 is not taken: parameter region needs a value (string)" in message
    assert told(running, "Ready")[0] == told(running, "ParametersValid")[0] == "True"
    running.objects[WORKLOAD]["spec"]["replicas"] = 7
    look(running, SUNDAY)
    assert running.objects[WORKLOAD]["spec"]["replicas"] == 1
    edit(running, parameters={"instanceHost": "northgate.example", "region": "eu"})
    look(running, SUNDAY)
    # The running version does not know the new parameter: the edit is for the next one, which takes it in the window.
    assert runs(running) == "v1.0.7"


def test_an_update_that_the_spec_is_right_for_already_is_waited_for_while_what_runs_is_held(
    running: Any, given: Any
) -> None:
    spec = given.spec(version="v1.0.7")
    spec["parameters"].append({"name": "region", "type": "string", "required": True})
    running.store(given.primitive(spec))
    edit(running, parameters={"instanceHost": "northgate.example", "region": "eu"})
    assert look(running, SATURDAY) == 13 * 3600
    assert told(running, "ParametersValid")[0] == "False"
    assert told(running, "UpdatePending")[1] == "OutsideWindow"
    assert status(running)["nextWindow"] == "2026-11-22T02:00:00+01:00"
    look(running, SUNDAY)
    assert runs(running) == "v1.0.7"
    assert told(running, "ParametersValid")[0] == "True"
    edit(running, lifecycle={**PATCHES, "timeZone": "Mars/Olympus"})
    look(running, SUNDAY)
    assert "nextWindow" not in status(running)


def test_an_update_while_the_policies_have_a_gap_is_put_off_and_what_runs_is_looked_after(
    running: Any, given: Any
) -> None:
    guard = Guard(running)
    publish(running, given, "v1.0.7")
    gone = next(key for key in running.objects if key.kind == "ValidatingAdmissionPolicyBinding")
    binding = running.objects.pop(gone)

    def guarded_look() -> None:
        asyncio.run(deployment.reconcile(running, KEY, SETTINGS, now=SUNDAY, guard=guard))

    running.objects[WORKLOAD]["spec"]["replicas"] = 7
    guarded_look()
    assert (runs(running), running.objects[WORKLOAD]["spec"]["replicas"]) == ("v1.0.0", 1)
    assert told(running, "Ready")[0] == "True"
    assert told(running, "UpdatePending")[0] == "True"
    assert gone.name in told(running, "UpdatePending")[2]
    running.objects[gone] = binding
    guarded_look()
    assert runs(running) == "v1.0.7"


def test_what_holds_a_deployment_leaves_no_condition_out(running: Any) -> None:
    before = {one["type"] for one in status(running)["conditions"]}
    edit(running, lifecycle={**PATCHES, "timeZone": "Mars/Olympus"})
    look(running)
    assert {one["type"] for one in status(running)["conditions"]} == before


def test_a_version_of_other_customers_is_neither_taken_nor_named(running: Any, given: Any) -> None:
    publish(running, given, "v1.0.7", provenance={"visibleTo": ["src-7f3a91"]})
    look(running, SUNDAY)
    assert runs(running) == "v1.0.0"
    assert "v1.0.7" not in str(status(running))


def test_only_the_template_that_is_run_is_read(running: Any, given: Any) -> None:
    running.store(given.primitive(given.spec(version="v1.0.0-rc.1", template={"files": "no list at all"})))
    running.store(given.primitive(given.spec(version="v0.9.0", template=7)))
    look(running, SUNDAY)
    assert told(running, "Ready")[0] == "True"


def test_maturity_bars_the_way_outside_development(running: Any, given: Any) -> None:
    running.objects[Key("DeploymentPrimitive", "", "incident-sync.v1.0.0")]["status"] = {"maturity": "production"}
    publish(running, given, "v1.0.7", "beta")
    edit(running, lifecycle={**PATCHES, "phase": "staging"})
    look(running, SUNDAY)
    assert (runs(running), told(running, "UpdatePending")[1]) == ("v1.0.0", "NotTaken")
    edit(running, lifecycle={**PATCHES, "phase": "development"})
    look(running, SUNDAY)
    assert runs(running) == "v1.0.7"


@pytest.mark.parametrize(
    ("phase", "maturity", "fits"),
    [
        ("development", "experimental", ("True", "Fits")),
        ("staging", "experimental", ("True", "Fits")),
        ("production", "experimental", ("False", "NotProductionGrade")),
        ("production", "beta", ("False", "NotProductionGrade")),
        ("production", "production", ("True", "Fits")),
        ("development", "deprecated", ("False", "Deprecated")),
    ],
)
def test_what_is_less_mature_than_its_phase_runs_and_is_told(
    cluster: Any, given: Any, phase: str, maturity: str, fits: tuple[str, str]
) -> None:
    publish(cluster, given, "v1.0.0", maturity)
    cluster.store(given.deployment(lifecycle={"phase": phase}))
    look(cluster)
    assert told(cluster, "MaturityFits")[:2] == fits
    assert WORKLOAD in cluster.objects


def test_an_unknown_zone_holds_and_names_the_near_ones(running: Any) -> None:
    edit(running, lifecycle={**PATCHES, "timeZone": "Europe/Berln"})
    look(running)
    state, reason, message = told(running, "Stalled")
    assert (state, reason) == ("True", "TimeZoneUnknown")
    assert "Did you mean Europe/Berlin" in message
    assert told(running, "UpdatePending")[0] == "Unknown"
    assert kstatus(running) == "Failed"
    assert WORKLOAD in running.objects  # what runs goes on running
    edit(running, lifecycle=PATCHES)
    look(running)
    assert told(running, "Stalled")[0] == "False"


def test_suspended_nothing_runs_and_whoever_waits_for_it_may_go_on(running: Any, given: Any) -> None:
    publish(running, given, "v1.0.7")
    edit(running, suspend=True)
    look(running, SUNDAY)
    assert running.objects[WORKLOAD]["spec"]["replicas"] == 0
    assert told(running, "Ready")[:2] == ("True", "Suspended")
    assert told(running, "Stalled")[0] == told(running, "Reconciling")[0] == "False"
    assert kstatus(running) == "Current"
    assert (runs(running), told(running, "UpdatePending")[1]) == ("v1.0.0", "Suspended")
    assert "nextWindow" not in status(running)
    look(running, "2026-12-21T12:00:00Z")  # no attempt is judged meanwhile
    edit(running, suspend=False)
    look(running, "2026-12-21T12:00:00Z")
    assert running.objects[WORKLOAD]["spec"]["replicas"] == 1
    newest, before = status(running)["attempts"]
    assert (newest["startedAt"], before["reason"]) == ("2026-12-21T12:00:00Z", "Suspended")
    assert "failedAt" not in before


def test_a_suspended_deployment_follows_its_spec_and_waits_with_what_is_newer(cluster: Any, given: Any) -> None:
    for version in ("v1.0.0", "v1.0.2", "v1.0.7"):
        publish(cluster, given, version)
    cluster.store(given.deployment(suspend=True, lifecycle={"phase": "staging"}))
    look(cluster)
    edit(cluster, lifecycle=PATCHES, primitiveRef={"name": "incident-sync", "version": "v1.0.2"})
    assert look(cluster, SUNDAY) == 0
    look(cluster, SUNDAY)
    assert (runs(cluster), told(cluster, "UpdatePending")[1]) == ("v1.0.2", "Suspended")
    assert "attempts" not in status(cluster)


def test_suspended_from_the_start_nothing_is_attempted(cluster: Any, given: Any) -> None:
    publish(cluster, given, "v1.0.0")
    cluster.store(given.deployment(suspend=True))
    assert look(cluster) is None
    assert cluster.objects[WORKLOAD]["spec"]["replicas"] == 0
    assert "attempts" not in status(cluster)
    edit(cluster, suspend=False)
    look(cluster)
    assert status(cluster)["attempts"][0]["version"] == "v1.0.0"


def test_retired_nothing_is_left_whatever_became_of_its_primitive_and_namespace(running: Any, given: Any) -> None:
    feed = Key("TelemetryFeed", KEY.namespace, "sync")
    del running.objects[Key("DeploymentPrimitive", "", "incident-sync.v1.0.0")]
    running.store(given.namespace(labels={}))
    edit(running, lifecycle={"phase": "retired"})
    look(running, SUNDAY)
    assert [key for key in running.objects if key.kind in OWNED_KINDS] == []
    assert feed in running.objects
    assert told(running, "Ready")[:2] == ("True", "Retired")
    assert told(running, "Reconciling")[0] == told(running, "Stalled")[0] == "False"
    assert kstatus(running) == "Current"
    kept = status(running)
    assert {"resolvedVersion", "nextWindow", "inventory", "availableVersion"} & kept.keys() == set()
    assert kept["history"][0]["version"] == "v1.0.0"
    assert kept["attempts"][0]["reason"] == "Retired"
    before = len(running.writes)
    look(running, MONDAY)
    assert running.writes[before:] == []


def test_a_status_that_was_lost_moves_nothing(running: Any, given: Any) -> None:
    publish(running, given, "v1.0.7")
    del running.objects[KEY]["status"]
    look(running, SATURDAY)
    assert runs(running) == status(running)["resolvedVersion"] == "v1.0.0"
    assert told(running, "UpdatePending")[1] == "OutsideWindow"


def test_a_status_that_somebody_spoiled_does_not_hold(running: Any) -> None:
    running.objects[KEY]["status"] |= {"attempts": [{"version": 7}], "history": None, "inventory": "nothing"}
    look(running)
    assert told(running, "Ready")[0] == "True"


def test_what_the_api_server_refuses_ends_the_attempt_in_time(cluster: Any, given: Any) -> None:
    class Refusing(type(cluster)):  # type: ignore[misc]
        async def apply(self, manifest: Manifest) -> Manifest:
            if manifest["kind"] == "Deployment":
                raise Denied("applying Deployment: exceeded quota")
            found: Manifest = await super().apply(manifest)
            return found

    full = Refusing(objects=cluster.objects)
    publish(full, given, "v1.0.0")
    full.store(given.deployment())
    assert look(full, "2026-11-21T12:00:00Z") == 60
    assert told(full, "Ready")[:2] == ("False", "Denied")
    look(full, "2026-11-21T12:15:00Z")
    assert status(full)["attempts"][0]["failedAt"] == "2026-11-21T12:15:00Z"


def test_a_run_of_a_cron_job_that_failed_fails_the_attempt(cluster: Any, given: Any) -> None:
    spec = given.spec()
    spec["runtime"]["workload"] |= {"kind": "CronJob", "schedule": "0 * * * *"}
    cluster.store(given.primitive(spec))
    cluster.store(given.deployment())
    look(cluster, SATURDAY)
    look(cluster, SATURDAY)
    assert told(cluster, "Ready")[:2] == ("True", "Scheduled")
    cron = cluster.objects[Key("CronJob", KEY.namespace, "sync")]
    failed = {"type": "Failed", "status": "True", "message": "BackoffLimitExceeded", "lastTransitionTime": SUNDAY}
    job = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": "sync-29",
            "namespace": KEY.namespace,
            "labels": cron["spec"]["jobTemplate"]["metadata"]["labels"],
            "creationTimestamp": SUNDAY,
            "ownerReferences": [
                {"kind": "CronJob", "name": "sync", "uid": cron["metadata"]["uid"], "controller": True}
            ],
        },
        "spec": {},
        "status": {"conditions": [failed]},
    }
    cluster.store(job)
    look(cluster, SUNDAY)
    assert told(cluster, "Ready")[:2] == ("False", "RunFailed")
    assert status(cluster)["attempts"][0]["failedAt"] == SUNDAY
    assert Key("Job", KEY.namespace, "sync-29") in cluster.objects


def _run_of(cron: Manifest, name: str, at: str, **status: Any) -> Manifest:
    owner = {"kind": "CronJob", "name": "sync", "uid": cron["metadata"]["uid"], "controller": True}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": name,
            "namespace": KEY.namespace,
            "labels": cron["spec"]["jobTemplate"]["metadata"]["labels"],
            "creationTimestamp": at,
            "ownerReferences": [owner],
        },
        "spec": {},
        "status": {"startTime": at, **status},
    }


def test_a_cron_job_s_attempt_waits_for_its_first_run_and_updates_do_not_wait_for_it(cluster: Any, given: Any) -> None:
    runs = {**given.spec()["runtime"]}
    runs["workload"] |= {"kind": "CronJob", "schedule": "0 3 * * 1"}
    publish(cluster, given, "v1.0.0", runtime=runs)
    cluster.store(given.deployment(lifecycle=PATCHES))
    for _ in range(3):
        look(cluster, FRIDAY)
    assert told(cluster, "Ready")[:2] == ("True", "Scheduled")
    assert status(cluster)["attempts"] == [
        {"version": "v1.0.0", "generation": 1, "startedAt": FRIDAY, "reason": "Scheduled"}
    ]
    publish(cluster, given, "v1.0.1", runtime=runs)
    look(cluster, SUNDAY)
    look(cluster, SUNDAY)
    assert [one["reason"] for one in status(cluster)["attempts"]] == ["Scheduled", "Superseded"]
    cron = cluster.objects[Key("CronJob", KEY.namespace, "sync")]
    cluster.store(
        _run_of(
            cron,
            "sync-1",
            "2026-11-23T03:00:00Z",
            completionTime="2026-11-23T03:10:00Z",
            conditions=[{"type": "Complete", "status": "True"}],
        )
    )
    look(cluster, MONDAY)
    newest = status(cluster)["attempts"][0]
    assert (newest["version"], newest["runAt"], newest["readyAt"]) == (
        "v1.0.1",
        "2026-11-23T03:00:00Z",
        "2026-11-23T03:10:00Z",
    )
    assert "reason" not in newest


BROKEN = {
    "template": {"files": [{"path": "sync.py", "language": "python", "segments": [{"text": "a"}, {"mark": "end"}]}]}
}


def test_a_template_that_nothing_can_be_made_of_is_a_failed_attempt(cluster: Any, given: Any) -> None:
    publish(cluster, given, "v1.0.0", **BROKEN)
    made = cluster.store(given.deployment())
    made["metadata"]["creationTimestamp"] = FRIDAY
    for _ in range(2):
        look(cluster, SATURDAY)
    assert told(cluster, "Ready")[1] == "TemplateInvalid"
    failed = {
        "version": "v1.0.0",
        "generation": 1,
        "startedAt": FRIDAY,
        "failedAt": SATURDAY,
        "reason": "TemplateInvalid",
    }
    assert status(cluster)["attempts"] == [failed]
    publish(cluster, given, "v1.0.1")
    name_version(cluster, "v1.0.1")
    look(cluster, SUNDAY)
    assert [one["version"] for one in status(cluster)["attempts"]] == ["v1.0.1", "v1.0.0"]


def test_an_update_that_nothing_can_be_made_of_failed_and_what_runs_goes_on(running: Any, given: Any) -> None:
    before = status(running)["attempts"]
    publish(running, given, "v1.0.1", **BROKEN)
    for _ in range(2):
        look(running, SUNDAY)
    assert runs(running) == "v1.0.0"
    assert told(running, "Ready")[0] == "True"
    assert status(running)["attempts"][:1] == before
    (fault,) = status(running)["attempts"][1:]
    assert (fault["version"], fault["failedAt"], fault["reason"]) == ("v1.0.1", SUNDAY, "TemplateInvalid")


def test_the_deploy_time_runs_since_the_deployment_was_created(cluster: Any, given: Any) -> None:
    """Also while a parameter was missing; not while it was suspended."""
    publish(cluster, given, "v1.0.0")
    for suspended, started in ((False, FRIDAY), (True, SUNDAY)):
        made = cluster.store(
            given.deployment(suspend=suspended, parameters={} if not suspended else {"instanceHost": "a.example"})
        )
        made["metadata"]["creationTimestamp"] = FRIDAY
        look(cluster, SATURDAY)
        edit(cluster, suspend=False, parameters={"instanceHost": "a.example"})
        look(cluster, SUNDAY)
        (attempt,) = status(cluster)["attempts"]
        assert attempt["startedAt"] == started
        assert attempt.get("rolloutAt", started) == SUNDAY
        del cluster.objects[WORKLOAD]


def _watched(cluster: Any, reads: int) -> Any:
    """`cluster`, where somebody deletes the deployment at the read of that number."""

    class Deleting(type(cluster)):  # type: ignore[misc]
        seen = 0

        def _read(self) -> None:
            self.seen += 1
            if self.seen == reads and KEY in self.objects:
                self.objects[KEY]["metadata"]["deletionTimestamp"] = SATURDAY
                self.writes.append("deleted")

        async def get(self, key: Key) -> Any:
            self._read()
            return await super().get(key)

        async def list(self, kind: str, **how: Any) -> Any:
            self._read()
            return await super().list(kind, **how)

    return Deleting(objects=copy.deepcopy(cluster.objects))


def test_deleted_while_it_is_reconciled_nothing_more_is_made(cluster: Any, given: Any) -> None:
    publish(cluster, given, "v1.0.0")
    cluster.store(given.deployment())
    done = set()
    for reads in range(1, 40):
        found = _watched(cluster, reads)
        look(found)
        if "deleted" in found.writes:
            assert found.writes[-1] == "deleted", f"deleted at read {reads}"
            done.add(len(found.writes))
    assert len(done) > 5  # it was deleted between any two writes


@pytest.mark.parametrize("after", [SUNDAY, MONDAY])
def test_killed_between_any_two_writes_of_an_update_it_is_finished_or_not_begun(
    running: Any, given: Any, after: str
) -> None:
    """Also when the window has closed before the operator is back."""
    publish(running, given, "v1.0.7")

    def end_state(die_after: int | None) -> tuple[Any, int]:
        fresh = type(running)(objects=copy.deepcopy(running.objects), die_after=die_after)
        try:
            look(fresh, SUNDAY)
        except given.killed:
            fresh.die_after = None
            look(fresh, after)
        come_up(fresh)
        look(fresh, after)
        assert status(fresh)["resolvedVersion"] == runs(fresh)
        versions = [one["version"] for one in status(fresh)["attempts"]]
        assert versions in (["v1.0.7", "v1.0.0"], ["v1.0.0"])
        return runs(fresh), len(fresh.writes)

    version, writes = end_state(None)
    assert version == "v1.0.7"
    assert writes >= 4
    for survived in range(1, writes - 1):
        assert end_state(survived)[0] == "v1.0.7", f"killed after {survived} writes"
    assert end_state(0)[0] == ("v1.0.7" if after == SUNDAY else "v1.0.0")


def updated(running: Any, given: Any) -> None:
    """v1.0.7, by auto-update, Ready since Sunday."""
    publish(running, given, "v1.0.3")
    publish(running, given, "v1.0.7")
    look(running, SUNDAY)
    come_up(running)
    look(running, SUNDAY)
    assert (runs(running), told(running, "Ready")[0]) == ("v1.0.7", "True")


def test_a_raised_floor_below_what_runs_touches_nothing_and_is_no_failure_of_it(running: Any, given: Any) -> None:
    updated(running, given)
    pods = copy.deepcopy(running.objects[WORKLOAD]["spec"])
    name_version(running, "v1.0.3")
    look(running, MONDAY)
    assert running.objects[WORKLOAD]["spec"] == pods
    assert (status(running)["resolvedVersion"], status(running)["requestedVersion"]) == ("v1.0.7", "v1.0.3")
    assert [one.get("reason") for one in status(running)["attempts"]] == [None, None]


def test_auto_update_turned_off_goes_back_in_the_window_and_is_no_failure_of_what_ran(running: Any, given: Any) -> None:
    updated(running, given)
    edit(running, lifecycle={**PATCHES, "autoUpdatePolicy": "none"})
    look(running, MONDAY)
    assert runs(running) == "v1.0.7"
    assert told(running, "UpdatePending")[:2] == ("True", "OutsideWindow")
    look(running, "2026-11-29T01:30:00Z")
    assert runs(running) == status(running)["resolvedVersion"] == "v1.0.0"
    assert status(running)["history"][0]["reason"] == "AutoUpdateOff"
    assert "reason" not in status(running)["attempts"][1]


def withdraw(cluster: Any, version: str) -> None:
    del cluster.objects[Key("DeploymentPrimitive", "", f"incident-sync.{version}")]


def test_a_bad_version_that_is_withdrawn_is_left_at_once_and_what_is_there_still_runs(running: Any, given: Any) -> None:
    updated(running, given)
    withdraw(running, "v1.0.7")
    look(running, MONDAY)
    assert runs(running) == status(running)["resolvedVersion"] == "v1.0.3"
    assert status(running)["history"][0]["reason"] == "Withdrawn"
    assert told(running, "UpdatePending")[2].startswith("v1.0.7 is not published for this customer any more")
    assert "reason" not in status(running)["attempts"][1]


def test_with_nothing_left_to_run_it_is_told_what_is_missing(running: Any, given: Any) -> None:
    updated(running, given)
    pods = copy.deepcopy(running.objects[WORKLOAD]["spec"])
    for version in ("v1.0.0", "v1.0.3", "v1.0.7"):
        withdraw(running, version)
    look(running, MONDAY)
    state, reason, message = told(running, "Ready")
    assert (state, reason) == ("False", "PrimitiveNotFound")
    assert "no published DeploymentPrimitive incident-sync.v1.0.0 that" in message
    assert "incident-sync.v1.0.7, which runs, is not published any more either" in message
    assert running.objects[WORKLOAD]["spec"] == pods


def test_what_holds_it_is_told_though_a_kind_it_has_is_not_answered_for(running: Any, monkeypatch: Any) -> None:
    """And what runs is judged: whatever is asked of the API server itself may fail."""
    status(running)["inventory"].append({"kind": "ExternalSecret", "name": "sync-secrets"})
    listed = running.list

    async def silent(kind: str, **asked: Any) -> Any:
        if kind == "ExternalSecret":
            raise Unavailable("away")
        return await listed(kind, **asked)

    monkeypatch.setattr(running, "list", silent)
    come_down(running, FRIDAY)
    name_version(running, "v9.9.9")
    look(running, SATURDAY)
    assert told(running, "Ready")[:2] == ("False", "PrimitiveNotFound")
    assert status(running)["attempts"][0]["failedAt"] == FRIDAY
