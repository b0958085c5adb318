"""Whether a workload runs, read from its own status. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from fde_operator.cluster import Manifest


@dataclass(frozen=True, slots=True)
class Readiness:
    """`stalled`: waiting will not help, an edit will. `idle`: nothing runs, and nothing is meant to.

    `since`, `lost_at`: since when it runs, or does not any more, where the workload's own status knows it (RFC 3339).
    `untried`: it is as it was asked for, and has not run yet. `run_at`: when the run began that `since` is the end of.
    """

    ready: bool
    reason: str
    message: str
    stalled: bool = False
    idle: bool = False
    since: str | None = None
    lost_at: str | None = None
    untried: bool = False
    run_at: str | None = None


def readiness(workload: Manifest | None, *, suspended: bool, runs: Iterable[Manifest] = ()) -> Readiness:
    """Deployment: available. CronJob: accepted, and its last run of `runs` did not fail. Job: its pod is Ready, or succeeded.

    Suspended is ready: the state that was asked for is reached, and whoever waits for it (kstatus, GitOps) may go on.
    """
    if suspended:
        return Readiness(True, "Suspended", "nothing runs: spec.suspend is true", idle=True)
    if workload is None or "uid" not in workload["metadata"]:
        return Readiness(False, "Progressing", "the workload is being made")
    if workload["kind"] == "CronJob":
        return _cron_job(workload, runs)
    return {"Deployment": _deployment, "Job": _job}[workload["kind"]](workload)


def _conditions(workload: Manifest) -> dict[str, Manifest]:
    return {found["type"]: found for found in workload.get("status", {}).get("conditions", ())}


def _deployment(workload: Manifest) -> Readiness:
    status, wanted = workload.get("status", {}), workload["spec"].get("replicas", 1)
    updated, available = status.get("updatedReplicas", 0), status.get("availableReplicas", 0)
    said = f"{available} of {wanted} pods are available, {updated} are of this version"
    if status.get("observedGeneration", 0) < workload["metadata"].get("generation", 0):
        return Readiness(False, "Progressing", said)  # what else it says is about the spec before
    seen = _conditions(workload)
    progressing, failure = seen.get("Progressing", {}), seen.get("ReplicaFailure", {})
    lost_at = _lost_at(seen, available < wanted)
    if progressing.get("reason") == "ProgressDeadlineExceeded":
        why = str(progressing.get("message", ""))
        return Readiness(False, "ProgressDeadlineExceeded", why, stalled=True, lost_at=lost_at)
    if failure.get("status") == "True":  # pods are refused: quota, pod security, ...
        why = str(failure.get("message", ""))
        return Readiness(False, str(failure.get("reason", "ReplicaFailure")), why, lost_at=lost_at)
    if updated >= wanted and available >= wanted and status.get("replicas", 0) == updated:
        whole = progressing.get("lastUpdateTime") if progressing.get("reason") == "NewReplicaSetAvailable" else None
        return Readiness(True, "Available", f"{available} of {wanted} pods are available", since=whole)
    return Readiness(False, "Progressing", said, lost_at=lost_at)


def _lost_at(seen: dict[str, Manifest], lacking: bool) -> str | None:
    """When too few pods were left; None while enough of them serve, be they of the version before."""
    available = seen.get("Available", {})
    return available.get("lastTransitionTime") if lacking and available.get("status") == "False" else None


def _cron_job(workload: Manifest, runs: Iterable[Manifest]) -> Readiness:
    said = f"schedule {workload['spec']['schedule']}"
    ended = sorted((run for run in runs if _ended(run)), key=_begun)
    if not ended:
        return Readiness(True, "Scheduled", f"{said}; no run has ended yet", untried=True)
    last = ended[-1]
    if (failed := _conditions(last).get("Failed", {})).get("status") == "True":
        name, when, why = last["metadata"]["name"], failed.get("lastTransitionTime"), failed.get("message", "")
        return Readiness(False, "RunFailed", f"the last run, Job {name}, failed: {why}", stalled=True, lost_at=when)
    # No time of the last run: a status that moved with every run would be written with every run.
    good = next(run for run in ended if not _is(run, "Failed"))
    return Readiness(
        True, "Scheduled", said, since=good["status"].get("completionTime"), run_at=_begun(good)[0] or None
    )


def _begun(run: Manifest) -> tuple[str, str]:
    """When, and a name for those of one second."""
    began = run.get("status", {}).get("startTime") or run["metadata"].get("creationTimestamp", "")
    return str(began), str(run["metadata"]["name"])


def _is(run: Manifest, kind: str) -> bool:
    return bool(_conditions(run).get(kind, {}).get("status") == "True")


def _ended(run: Manifest) -> bool:
    return _is(run, "Complete") or _is(run, "Failed")


def _job(workload: Manifest) -> Readiness:
    status, seen = workload.get("status", {}), _conditions(workload)
    if seen.get("Failed", {}).get("status") == "True":
        when = seen["Failed"].get("lastTransitionTime")
        return Readiness(False, "JobFailed", str(seen["Failed"].get("message", "")), stalled=True, lost_at=when)
    if seen.get("Complete", {}).get("status") == "True" or status.get("succeeded"):
        return Readiness(True, "Succeeded", "the job is done")
    if status.get("ready"):
        return Readiness(True, "Running", "the job is running")
    if status.get("active"):  # which counts pods that nothing can start, too
        return Readiness(False, "Progressing", "the job's pod is not Ready yet")
    return Readiness(False, "Progressing", "the job has not started yet")
