"""Whether a workload runs, read from its own status. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from fde_operator.cluster import Manifest


@dataclass(frozen=True, slots=True)
class Readiness:
    """`stalled`: waiting will not help, an edit will."""

    ready: bool
    reason: str
    message: str
    stalled: bool = False


def readiness(workload: Manifest | None, *, paused: bool, retired: bool) -> Readiness:
    """Deployment: available. CronJob: accepted. Job: running or succeeded. Paused: not ready, and meant to be so."""
    if paused:
        word = "Retired" if retired else "Suspended"
        return Readiness(False, word, f"nothing runs: the deployment is {word.lower()}")
    if workload is None or "uid" not in workload["metadata"]:
        return Readiness(False, "Progressing", "the workload is being made")
    return {"Deployment": _deployment, "CronJob": _cron_job, "Job": _job}[workload["kind"]](workload)


def _conditions(workload: Manifest) -> dict[str, Manifest]:
    return {found["type"]: found for found in workload.get("status", {}).get("conditions", ())}


def _deployment(workload: Manifest) -> Readiness:
    status, wanted = workload.get("status", {}), workload["spec"].get("replicas", 1)
    seen = _conditions(workload)
    progressing = seen.get("Progressing", {})
    if progressing.get("reason") == "ProgressDeadlineExceeded":
        return Readiness(False, "ProgressDeadlineExceeded", str(progressing.get("message", "")), stalled=True)
    failure = seen.get("ReplicaFailure", {})
    if failure.get("status") == "True":  # pods are refused: quota, pod security, ...
        return Readiness(False, str(failure.get("reason", "ReplicaFailure")), str(failure.get("message", "")))
    current = status.get("observedGeneration", 0) >= workload["metadata"].get("generation", 0)
    updated, available = status.get("updatedReplicas", 0), status.get("availableReplicas", 0)
    if current and updated >= wanted and available >= wanted and status.get("replicas", 0) == updated:
        return Readiness(True, "Available", f"{available} of {wanted} pods are available")
    return Readiness(False, "Progressing", f"{available} of {wanted} pods are available, {updated} are of this version")


def _cron_job(workload: Manifest) -> Readiness:
    last = workload.get("status", {}).get("lastScheduleTime")
    return Readiness(True, "Scheduled", f"schedule {workload['spec']['schedule']}, last run {last or 'none yet'}")


def _job(workload: Manifest) -> Readiness:
    status, seen = workload.get("status", {}), _conditions(workload)
    if seen.get("Failed", {}).get("status") == "True":
        return Readiness(False, "JobFailed", str(seen["Failed"].get("message", "")), stalled=True)
    if seen.get("Complete", {}).get("status") == "True" or status.get("succeeded"):
        return Readiness(True, "Succeeded", "the job is done")
    if status.get("active"):
        return Readiness(True, "Running", "the job is running")
    return Readiness(False, "Progressing", "the job has not started yet")
