"""Trial: one deployment's attempts while it is looked at: what is begun, blamed or stopped, and how the newest one goes.

status.attempts, status.completedJob -> blame(), begin() -> seen() or left_standing() -> the same two fields

The rules are those of :mod:`fde_operator.attempts` and :mod:`fde_operator.job`, which are pure; here is what they are asked
about, and when.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fde_api.deployment import FDEDeployment
from fde_operator import attempts as tries
from fde_operator import job as jobs
from fde_operator.cluster import Cluster, Manifest
from fde_operator.desired import workloads
from fde_operator.errors import Held
from fde_operator.readiness import Readiness, readiness
from fde_operator.rollout import same
from fde_operator.surroundings import runs_of
from fde_operator.version import Published
from fde_operator.workload import paused


class Trial:
    """During one reconciliation. `status`: the fields that its outcome will have; `attempts` and `completedJob` are kept here.

    `now`: RFC 3339.
    """

    def __init__(self, cluster: Cluster, raw: Manifest, status: dict[str, Any], now: str) -> None:
        self._cluster, self._made, self._status, self._now = cluster, raw["metadata"], status, now
        self._attempts = tries.read(status["attempts"])
        self._was_done = self.completed  # also where what takes its place turns out to be refused
        self.blamed = False  # whether a version failed here just now, though nothing was made

    @property
    def completed(self) -> jobs.Completed | None:
        """The Job that has run to its end."""
        return jobs.read(self._status["completedJob"])

    @property
    def refused(self) -> frozenset[str]:
        """Versions that are not taken here by themselves."""
        return tries.refused(self._attempts)

    @property
    def under_way(self) -> bool:
        """Whether the newest attempt is being rolled out."""
        return tries.under_way(self._attempts)

    def blame(self, deployment: FDEDeployment, why: Held, version: Published | None) -> None:
        """Note what no edit of the deployment's would mend as a failure of the version."""
        if version is None or why.reason not in tries.FAULTS or paused(deployment):
            return
        asked = None if self._status["resolvedVersion"] else self._asked(version)
        before, generation = self._attempts, deployment.metadata.generation or 0
        found = tries.faulted(before, version.name, generation, why.reason, self._now, asked=asked)
        # No more than are kept: what is forgotten would be noted again.
        self.blamed = before != found and len(found) < tries.KEPT
        self._note(found)

    def begin(
        self,
        deployment: FDEDeployment,
        version: Published,
        *,
        runs: str | None,
        back: bool,
        done: bool,
        replaces: bool,
        again: bool,
    ) -> bool:
        """Note what is about to be rolled out; whether that is news.

        `runs`: the version that does; `back`: somebody went back from it. `done`: nothing runs that could begin or stop.
        `replaces`, `again`: as :func:`fde_operator.attempts.begins` takes them.
        """
        before, found = self._attempts, self._attempts
        generation = deployment.metadata.generation or 0
        if back:
            found = tries.rolled_back(found, runs or "")
        if not paused(deployment) and not done:
            self._status["completedJob"] = None  # what is begun now is another one: to go back to that runs it again
        if done:
            pass
        elif paused(deployment):
            found = tries.stopped(found, tries.SUSPENDED)
        elif tries.begins(found, version.name, generation, rolls_out=replaces, again=again):
            asked = None if runs else self._asked(version)
            found = tries.begun(found, version.name, generation, self._now, asked=asked)
        self._note(found)
        return before != found

    def carry(self, deployment: FDEDeployment) -> None:
        """It goes on with this spec; written with what the look will have seen."""
        self._attempts = tries.carried(self._attempts, deployment.metadata.generation or 0)

    def retire(self) -> None:
        """Nothing runs any more, for good."""
        self._note(tries.stopped(self._attempts, "Retired"))

    async def seen(
        self, deployment: FDEDeployment, workload: Manifest, version: str, children: Sequence[Manifest]
    ) -> Readiness:
        """How it goes. `workload`: as it should stand among `children`."""
        found = same(workload, children)
        self._status["completedJob"] = jobs.completion(workload, found, self.completed, self._now)
        if found is None and not paused(deployment) and (completed := self.completed):
            return self.judge(jobs.gone(completed))
        runs: list[Manifest] = []
        if found is not None and found["kind"] == "CronJob" and self._attempts and not paused(deployment):
            runs = await runs_of(self._cluster, found, version=version, since=self._attempts[0].started_at)
        return self.judge(readiness(found, suspended=paused(deployment), runs=runs))

    async def left_standing(self, deployment: FDEDeployment) -> float | None:
        """What ran goes on while an edit is held back, and is judged: no edit hides a failure, or that a Job is done. Seconds
        until time alone may change the verdict.

        Of an attempt that was not Ready yet nobody knows whether it is the one that stands there. Nothing is asked for here
        that might not be answered: what holds the deployment would not be told then.
        """
        found = await workloads(self._cluster, deployment)
        self._status["completedJob"] = jobs.left(found, self._was_done, self._now)
        last = self._attempts[0] if self._attempts else None
        if last is None or last.ready_at is None or last.failed_at is not None or last.reason is not None:
            return None
        workload, runs = next(iter(found), None), []
        if workload is not None and workload["kind"] == "CronJob":
            runs = await runs_of(self._cluster, workload, version=last.version, since=last.started_at)
        state = readiness(workload, suspended=False, runs=runs)
        self.judge(state)
        return self.due_s(state)

    def judge(self, state: Readiness) -> Readiness:
        """The newest attempt as `state` shows it; `state` as the attempt then shows it."""
        self._note(tries.judged(self._attempts, state, self._now))
        return tries.overdue(self._attempts, state)

    def due_s(self, state: Readiness) -> float | None:
        """Seconds until time alone may change the verdict."""
        return tries.due(self._attempts, state, self._now)

    def _note(self, attempts: tries.Attempts) -> None:
        self._attempts = attempts
        self._status["attempts"] = tries.written(attempts)

    def _asked(self, version: Published) -> str | None:
        """Since when both are there, the deployment and the version: somebody waits since then."""
        made = [one.get("creationTimestamp") for one in (self._made, version.manifest["metadata"])]
        return max((at for at in made if at), key=tries.moment, default=None)
