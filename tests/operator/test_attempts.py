"""Attempts and readiness: when a rollout is a new try, when it is a success, and when it was given up."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fde_api.deployment import Attempt
from fde_operator import attempts as tries
from fde_operator import deployment
from fde_operator.attempts import (
    SCHEDULED,
    SUSPENDED,
    Attempts,
    begins,
    begun,
    due,
    faulted,
    judged,
    moment,
    overdue,
    read,
    refused,
    rolled_back,
    stopped,
    took_s,
    under_way,
    written,
)
from fde_operator.clock import rfc3339
from fde_operator.errors import Denied
from fde_operator.key import Key
from fde_operator.readiness import Readiness, readiness
from fde_operator.settings import OperatorSettings

START = "2026-11-21T12:00:00Z"
READY = Readiness(True, "Available", "1 of 1 pods are available")
WAITING = Readiness(False, "Progressing", "0 of 1 pods are available")
STALLED = Readiness(False, "JobFailed", "it failed", stalled=True)
IDLE = Readiness(True, "Suspended", "nothing runs", idle=True)


def later(**more: float) -> str:
    return rfc3339(moment(START) + timedelta(**more))


def lost(at: str) -> Readiness:
    return Readiness(False, "Progressing", "0 of 1 pods are available", lost_at=at)


def an_attempt(version: str = "v1.0.0", **changes: Any) -> Attempt:
    return msgspec.structs.replace(Attempt(version=version, generation=1, started_at=START), **changes)


def one(found: Attempts) -> Attempt:
    return found[0]


def test_an_attempt_begins_with_a_version_with_a_spec_that_replaces_pods_and_with_a_resumption() -> None:
    same = (an_attempt(ready_at=START),)
    assert begins((), "v1.0.0", 1, rolls_out=False)
    assert begins(same, "v1.0.1", 1, rolls_out=True)
    assert begins(same, "v1.0.0", 2, rolls_out=True)
    assert begins(stopped(same, tries.SUSPENDED), "v1.0.0", 3, rolls_out=False)
    assert not begins(same, "v1.0.0", 2, rolls_out=False)  # an edit of the window, say
    assert not begins(same, "v1.0.0", 1, rolls_out=True)  # a repair, or new images of the operator's own


def test_a_job_that_is_made_anew_tries_again_what_failed_and_nothing_else() -> None:
    failed = (an_attempt(failed_at=START, reason="JobFailed"),)
    assert begins(failed, "v1.0.0", 1, rolls_out=True, again=True)
    assert not begins(failed, "v1.0.0", 1, rolls_out=True)
    assert not begins((an_attempt(),), "v1.0.0", 1, rolls_out=True, again=True)
    assert not begins((an_attempt(ready_at=START),), "v1.0.0", 1, rolls_out=True, again=True)


def test_one_that_is_overtaken_is_no_failure() -> None:
    found = begun((an_attempt(),), "v1.0.1", 2, later(minutes=1))
    assert (found[0].version, found[1].reason, found[1].failed_at) == ("v1.0.1", "Superseded", None)
    assert refused(found) == frozenset()


def test_twenty_are_kept_newest_first() -> None:
    found: Attempts = ()
    for n in range(30):
        found = begun(found, f"v1.0.{n}", n, START)
    assert (len(found), found[0].version, found[-1].version) == (20, "v1.0.29", "v1.0.10")


def test_ready_is_the_first_time_as_the_workload_says_it() -> None:
    said = Readiness(True, "Available", "", since=later(seconds=42))
    found = judged((an_attempt(),), said, later(minutes=3))
    assert one(found).ready_at == later(seconds=42)
    assert judged(found, READY, later(minutes=9)) == found
    of_before = Readiness(True, "Available", "", since="2026-11-20T00:00:00Z")
    assert one(judged((an_attempt(),), of_before, later(minutes=3))).ready_at == later(minutes=3)


def test_not_ready_in_time_is_a_failure_and_the_look_comes_then() -> None:
    assert due((an_attempt(),), WAITING, later(minutes=5)) == 600
    assert one(judged((an_attempt(),), WAITING, later(minutes=14, seconds=59))).failed_at is None
    found = judged((an_attempt(),), WAITING, later(minutes=15))
    assert (one(found).failed_at, one(found).reason) == (later(minutes=15), "ProgressDeadlineExceeded")
    state = overdue(found, WAITING)
    assert (state.stalled, state.reason) == (True, "ProgressDeadlineExceeded")
    assert "0 of 1 pods are available" in state.message
    assert due(found, state, later(minutes=15)) is None
    assert refused(found) == {"v1.0.0"}


def test_what_waiting_does_not_mend_is_a_failure_at_once() -> None:
    found = judged((an_attempt(),), STALLED, later(minutes=1))
    assert (one(found).failed_at, one(found).reason) == (later(minutes=1), "JobFailed")


def test_a_failure_that_comes_good_stays_a_failure_and_the_deployment_is_ready() -> None:
    failed = (an_attempt(failed_at=later(minutes=15), reason="ProgressDeadlineExceeded"),)
    assert judged(failed, READY, later(minutes=20)) == failed
    assert overdue(failed, READY) == READY


def test_ready_lost_for_three_minutes_within_a_day_is_a_failure_from_when_it_was_lost() -> None:
    ready = (an_attempt(ready_at=later(minutes=1)),)
    gone = lost(later(hours=5))
    assert judged(ready, gone, later(hours=5, minutes=2)) == ready
    assert due(ready, gone, later(hours=5, minutes=2)) == 60
    found = judged(ready, gone, later(hours=5, minutes=3))
    assert (one(found).failed_at, one(found).reason) == (later(hours=5), "ReadyLost")
    assert one(found).ready_at == later(minutes=1)
    assert due(found, gone, later(hours=5, minutes=3)) is None
    assert refused(found) == {"v1.0.0"}


@pytest.mark.parametrize("hours", [24.1, 100])
def test_what_is_lost_after_a_day_is_no_failure_of_the_version(hours: float) -> None:
    ready, gone = (an_attempt(ready_at=START),), lost(later(hours=hours))
    assert judged(ready, gone, later(hours=hours + 1)) == ready
    assert due(ready, gone, later(hours=hours)) is None


def test_lost_within_the_day_counts_though_it_is_seen_after_it() -> None:
    ready = (an_attempt(ready_at=START),)
    found = judged(ready, lost(later(hours=23, minutes=59)), later(hours=30))
    assert one(found).failed_at == later(hours=23, minutes=59)


def test_while_pods_of_before_serve_nothing_is_lost() -> None:
    ready = (an_attempt(ready_at=START),)
    assert judged(ready, WAITING, later(hours=1)) == ready


def test_nothing_is_judged_while_nothing_runs() -> None:
    assert judged((an_attempt(),), IDLE, later(days=9)) == (an_attempt(),)
    assert due((an_attempt(),), IDLE, START) is None
    assert one(stopped((an_attempt(failed_at=START, reason="JobFailed"),), "Retired")).reason == "JobFailed"


def test_a_version_gone_back_from_is_refused_until_a_try_of_a_person_s_succeeds() -> None:
    found = rolled_back((an_attempt("v1.0.7", ready_at=START), an_attempt()), "v1.0.7")
    assert (found[0].reason, found[0].ready_at, found[0].failed_at) == ("RolledBack", START, None)
    assert refused(found) == {"v1.0.7"}
    again = begun(found, "v1.0.7", 4, later(hours=1))
    assert refused(again) == {"v1.0.7"}
    assert refused(judged(again, READY, later(hours=1, minutes=1))) == frozenset()


states = st.sampled_from([READY, WAITING, STALLED, IDLE, lost(later(minutes=30)), lost(later(hours=25))])


@given(st.lists(st.tuples(st.integers(0, 3 * 24 * 60), states), max_size=12))
def test_a_verdict_once_given_stays_and_times_are_in_order(looks: list[tuple[int, Readiness]]) -> None:
    found: Attempts = (an_attempt(),)
    for minutes, state in sorted(looks, key=lambda look: look[0]):
        before, found = one(found), judged(found, state, later(minutes=minutes))
        after = one(found)
        assert before.ready_at in (None, after.ready_at)
        assert before.failed_at in (None, after.failed_at)
        for at in (after.ready_at, after.failed_at):
            assert at is None or START <= at <= later(minutes=minutes)
        if after.ready_at and after.failed_at:
            assert after.ready_at <= after.failed_at
            assert moment(after.failed_at) < moment(after.ready_at) + timedelta(hours=24)
        wait = due(found, state, later(minutes=minutes))
        assert wait is None or wait > 0


def a_workload(kind: str = "Deployment", generation: int = 1, **status: Any) -> dict[str, Any]:
    spec = {"replicas": 1} if kind == "Deployment" else {"schedule": "0 * * * *"}
    return {
        "kind": kind,
        "metadata": {"name": "sync", "namespace": "n", "uid": "u", "generation": generation},
        "spec": spec,
        "status": status,
    }


def says(kind: str, status: str, **more: str) -> dict[str, str]:
    return {"type": kind, "status": status, **more}


def seen(workload: Any, *runs: Any) -> Readiness:
    return readiness(workload, suspended=False, runs=runs)


SERVING = {"replicas": 1, "updatedReplicas": 1, "availableReplicas": 1, "observedGeneration": 1}


def test_a_deployment_is_ready_since_its_rollout_was_whole() -> None:
    progress = says("Progressing", "True", reason="NewReplicaSetAvailable", lastUpdateTime=START)
    state = seen(a_workload(**SERVING, conditions=[progress]))
    assert (state.ready, state.since) == (True, START)


def test_a_verdict_on_the_spec_before_is_none_on_this_one() -> None:
    gave_up = says("Progressing", "False", reason="ProgressDeadlineExceeded", message="too slow")
    assert seen(a_workload(observedGeneration=1, conditions=[gave_up])).stalled
    assert not seen(a_workload(generation=2, observedGeneration=1, conditions=[gave_up])).stalled


def test_ready_is_lost_when_too_few_pods_serve_and_not_while_old_ones_do() -> None:
    gone = says("Available", "False", lastTransitionTime=START)
    assert seen(a_workload(observedGeneration=1, replicas=1, updatedReplicas=1, conditions=[gone])).lost_at == START
    rolling = {"replicas": 2, "updatedReplicas": 1, "availableReplicas": 1, "observedGeneration": 1}
    assert seen(a_workload(**rolling, conditions=[says("Available", "True", lastTransitionTime=START)])).lost_at is None


def a_run(name: str, made: str, *conditions: dict[str, str]) -> dict[str, Any]:
    return {"metadata": {"name": name, "creationTimestamp": made}, "status": {"conditions": list(conditions)}}


def test_a_cron_job_is_ready_until_its_last_ended_run_failed() -> None:
    good = a_run("sync-1", "2026-11-21T10:00:00Z", says("Complete", "True"))
    bad = a_run(
        "sync-2",
        "2026-11-21T11:00:00Z",
        says("Failed", "True", message="BackoffLimitExceeded", lastTransitionTime=START),
    )
    under_way = a_run("sync-3", "2026-11-21T12:00:00Z")
    assert seen(a_workload("CronJob"), good, under_way).ready
    state = seen(a_workload("CronJob"), bad, good, under_way)
    assert (state.ready, state.stalled, state.reason, state.lost_at) == (False, True, "RunFailed", START)
    assert "sync-2" in state.message
    assert seen(a_workload("CronJob"), bad, a_run("sync-4", "2026-11-21T13:00:00Z", says("Complete", "True"))).ready


def test_a_cron_job_s_message_does_not_move_with_its_runs() -> None:
    before = seen(a_workload("CronJob", lastScheduleTime="2026-11-21T10:00:00Z"))
    assert before == seen(a_workload("CronJob", lastScheduleTime="2026-11-21T11:00:00Z"))


def test_a_cron_job_that_has_not_run_yet_is_ready_and_its_attempt_is_neither_good_nor_bad() -> None:
    state = seen(a_workload("CronJob"), a_run("sync-1", START))
    assert (state.ready, state.untried) == (True, True)
    assert "no run has ended yet" in state.message
    found = judged((an_attempt(),), state, later(minutes=1))
    assert (one(found).ready_at, one(found).reason) == (None, SCHEDULED)
    assert not under_way(found)  # an update need not wait for a run at the end of the month
    assert due(found, state, later(minutes=1)) is None
    assert judged(found, state, later(hours=300)) == found


def test_a_cron_job_s_attempt_is_judged_by_its_first_run_and_took_no_longer_for_waiting() -> None:
    waiting = judged((an_attempt(),), seen(a_workload("CronJob")), later(minutes=1))
    good = a_run("sync-1", later(hours=7), says("Complete", "True"))
    good["status"] |= {"startTime": later(hours=7), "completionTime": later(hours=7, minutes=20)}
    found = judged(waiting, seen(a_workload("CronJob"), good), later(hours=9))
    assert (one(found).ready_at, one(found).run_at, one(found).reason) == (
        later(hours=7, minutes=20),
        later(hours=7),
        None,
    )
    assert took_s(one(found)) == 20 * 60
    bad = a_run("sync-1", later(hours=7), says("Failed", "True", lastTransitionTime=later(hours=8)))
    found = judged(waiting, seen(a_workload("CronJob"), bad), later(hours=9))
    assert (one(found).ready_at, one(found).reason) == (None, "RunFailed")


def test_a_cron_job_s_attempt_that_waits_is_left_like_any_other() -> None:
    waiting = judged((an_attempt(),), seen(a_workload("CronJob")), later(minutes=1))
    assert one(stopped(waiting, SUSPENDED)).reason == SUSPENDED
    assert begun(waiting, "v1.1.0", 2, later(hours=1))[1].reason == "Superseded"


@pytest.mark.parametrize(
    ("status", "ready", "reason"),
    [
        (
            {"active": 1, "ready": 0},
            False,
            "Progressing",
        ),  # ImagePullBackOff, no such Secret, no node: it counts as active
        ({"active": 1}, False, "Progressing"),
        ({"active": 1, "ready": 1}, True, "Running"),
        ({"succeeded": 1}, True, "Succeeded"),
        ({}, False, "Progressing"),
    ],
)
def test_a_job_is_ready_when_its_pod_is(status: dict[str, Any], ready: bool, reason: str) -> None:
    state = seen(a_workload("Job", **status))
    assert (state.ready, state.stalled, state.reason) == (ready, False, reason)


def test_a_job_s_pod_that_never_starts_fails_the_attempt_in_time() -> None:
    pending = seen(a_workload("Job", active=1, ready=0))
    assert one(judged((an_attempt(),), pending, later(minutes=15))).reason == "ProgressDeadlineExceeded"


def test_the_first_attempt_starts_when_somebody_asked_and_has_its_time_from_the_rollout() -> None:
    first = one(begun((), "v1.0.0", 1, later(hours=2), asked=START))
    assert (first.started_at, first.rollout_at) == (START, later(hours=2))
    coming = Readiness(False, "Progressing", "")
    assert due((first,), coming, later(hours=2)) == 900
    assert one(judged((first,), coming, later(hours=2, minutes=14))).failed_at is None
    assert one(judged((first,), coming, later(hours=2, minutes=15))).failed_at is not None
    ready = one(judged((first,), Readiness(True, "Available", ""), later(hours=2, minutes=5)))
    assert took_s(ready) == (2 * 60 + 5) * 60
    assert begun((ready,), "v1.1.0", 2, later(hours=9), asked=START)[0].started_at == later(hours=9)
    assert begun((), "v1.0.0", 1, START, asked=START)[0].rollout_at is None


def test_a_version_that_nothing_can_be_made_of_has_failed_once_and_below_what_runs() -> None:
    alone = faulted((), "v1.0.0", 1, "TemplateInvalid", later(hours=1), asked=START)
    assert (one(alone).started_at, one(alone).failed_at) == (START, later(hours=1))
    assert faulted(alone, "v1.0.0", 2, "TemplateInvalid", later(hours=2)) == alone
    assert begins(alone, "v1.0.0", 1, rolls_out=True)  # whatever mended it
    runs = (an_attempt("v0.9.0", ready_at=START),)
    found = faulted(runs, "v1.0.0", 2, "TemplateInvalid", later(hours=1))
    assert [attempt.version for attempt in found] == ["v0.9.0", "v1.0.0"]
    assert not begins(found, "v0.9.0", 3, rolls_out=False)
    assert refused(found) == {"v1.0.0"}


def test_suspended_is_ready_for_nobody_waits_for_more() -> None:
    state = readiness(None, suspended=True)
    assert (state.ready, state.stalled, state.idle, state.reason) == (True, False, True, "Suspended")


def test_times_are_read_whatever_their_offset() -> None:
    assert moment("2026-11-21T13:00:00+01:00") == moment(START) == datetime.fromisoformat(START)


@pytest.mark.parametrize(
    "at", ["yesterday", "", "2026-13-01T00:00:00Z", "9999-12-31T23:59:59Z", "0001-01-01T00:00:00+23:59", 7]
)
@pytest.mark.parametrize("name", ["startedAt", "rolloutAt", "runAt", "readyAt", "failedAt"])
def test_a_time_that_somebody_wrote_by_hand_and_that_is_none_leaves_no_attempts(name: str, at: Any) -> None:
    found = written(
        (an_attempt(), an_attempt("v0.9.0", rollout_at=START, run_at=START, ready_at=START, failed_at=START))
    )
    assert len(read(found)) == 2
    assert found is not None
    assert read([found[0], found[1] | {name: at}]) == ()


KEY = Key("FDEDeployment", "customer-northgate", "sync")


def look(cluster: Any, now: str, sidecar: str = "1") -> float | None:
    settings = OperatorSettings(brokers="kafka.example:9092", sidecar_image=f"fde/sidecar@sha256:{sidecar}")
    return asyncio.run(deployment.reconcile(cluster, KEY, settings, now=now))


def attempted(cluster: Any) -> Attempts:
    return read(cluster.objects[KEY]["status"]["attempts"])


def edit(cluster: Any, **spec: Any) -> None:
    cluster.objects[KEY]["spec"] |= spec
    cluster.objects[KEY]["metadata"]["generation"] += 1


def ready_reason(cluster: Any) -> str:
    conditions = cluster.objects[KEY]["status"]["conditions"]
    return str(next(one["reason"] for one in conditions if one["type"] == "Ready"))


def the(cluster: Any, kind: str) -> Any:
    (found,) = [one for key, one in cluster.objects.items() if key.kind == kind]
    return found


def take_away(cluster: Any, kind: str) -> None:
    for key in [key for key in cluster.objects if key.kind == kind]:
        del cluster.objects[key]


def deployed(cluster: Any, given: Any, **workload: Any) -> Any:
    spec = given.spec()
    spec["runtime"]["workload"] |= workload
    cluster.store(given.primitive(spec))
    cluster.store(given.deployment())
    return cluster


def test_a_failed_job_that_a_person_deletes_is_tried_again(cluster: Any, given: Any) -> None:
    deployed(cluster, given, kind="Job")
    look(cluster, START)
    the(cluster, "Job")["status"] = {"conditions": [says("Failed", "True", lastTransitionTime=START)]}
    look(cluster, later(minutes=1))
    assert [one.reason for one in attempted(cluster)] == ["JobFailed"]
    take_away(cluster, "Job")
    look(cluster, later(minutes=20))
    assert ready_reason(cluster) == "Progressing"
    look(cluster, later(minutes=21))
    assert [one.reason for one in attempted(cluster)] == [None, "JobFailed"]
    the(cluster, "Job")["status"] = {"succeeded": 1, "conditions": [says("Complete", "True")]}
    look(cluster, later(minutes=22))
    assert [bool(one.ready_at) for one in attempted(cluster)] == [True, False]
    assert refused(attempted(cluster)) == frozenset()


def test_a_job_that_the_api_server_refuses_fails_once(
    cluster: Any, given: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    deployed(cluster, given, kind="Job")
    apply = cluster.apply

    async def refusing(manifest: Any) -> Any:
        if manifest["kind"] == "Job":
            raise Denied("no more of these")
        return await apply(manifest)

    monkeypatch.setattr(cluster, "apply", refusing)
    for minutes in range(0, 60, 5):
        look(cluster, later(minutes=minutes))
    assert [one.reason for one in attempted(cluster)] == [tries.EXCEEDED]


WINDOW = {"lifecycle": {"phase": "development", "autoUpdatePolicy": "none", "maintenanceWindow": "sun 02:00-04:00"}}


def serving(cluster: Any, given: Any) -> Any:
    deployed(cluster, given)
    look(cluster, START)
    the(cluster, "Deployment")["status"] = SERVING
    look(cluster, later(minutes=1))
    assert [bool(one.ready_at) for one in attempted(cluster)] == [True]
    return cluster


def test_new_images_of_the_operator_s_own_after_an_edit_of_the_window_are_no_attempt(cluster: Any, given: Any) -> None:
    serving(cluster, given)
    edit(cluster, **WINDOW)
    writes = len(cluster.writes)
    look(cluster, later(minutes=2))
    assert len(cluster.writes) == writes + 1  # the status, which says which spec was seen
    look(cluster, later(minutes=3), sidecar="2")
    assert len(attempted(cluster)) == 1
    edit(cluster, parameters={"instanceHost": "b.example"})
    look(cluster, later(minutes=4), sidecar="2")
    assert [one.generation for one in attempted(cluster)] == [3, 2]


@pytest.mark.parametrize("seen_before", [True, False])
def test_what_somebody_deleted_is_repaired_after_an_edit_of_the_window_too(
    cluster: Any, given: Any, seen_before: bool
) -> None:
    serving(cluster, given)
    edit(cluster, **WINDOW)
    if seen_before:
        look(cluster, later(minutes=2))
    take_away(cluster, "Deployment")
    look(cluster, later(minutes=3))
    assert the(cluster, "Deployment")
    assert len(attempted(cluster)) == 1
    take_away(cluster, "Deployment")
    edit(cluster, parameters={"instanceHost": "b.example"})
    look(cluster, later(minutes=4))
    assert len(attempted(cluster)) == 2


def test_a_first_deployment_does_not_wait_for_a_version_that_nothing_can_be_made_of(cluster: Any, given: Any) -> None:
    broken = [{"path": "sync.py", "language": "python", "segments": [{"text": "a"}, {"mark": "end"}]}]
    cluster.store(given.primitive(given.spec()))
    cluster.store(given.primitive(given.spec(version="v1.0.3", template={"files": broken})))
    cluster.store(given.deployment(lifecycle={"phase": "development", "autoUpdatePolicy": "patch-only"}))
    assert look(cluster, START) == 0
    assert ready_reason(cluster) == "TemplateInvalid"
    look(cluster, later(seconds=1))
    assert cluster.objects[KEY]["status"]["resolvedVersion"] == "v1.0.0"
    assert ready_reason(cluster) == "Progressing"
    assert [one.version for one in attempted(cluster)] == ["v1.0.0", "v1.0.3"]
    take_away(cluster, "DeploymentPrimitive")
    cluster.store(given.primitive(given.spec(version="v1.0.3", template={"files": broken})))
    assert look(cluster, later(seconds=2)) != 0  # it is noted already
