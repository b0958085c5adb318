"""FDEDeployment: from what an engineer asked for to a running workload, and back to conditions that say how it went.

observe (deployment, namespace, versions, feeds) -> choose() -> desired() -> (status: what is begun) -> plan() -> execute
-> Trial.seen() -> status

A rollout that replaces one that runs is written down before it is begun: a process that dies in between, and a window that
closes meanwhile, change nothing about which version it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import msgspec

from fde_api.deployment import FDEDeployment
from fde_operator import isolation
from fde_operator import job as jobs
from fde_operator.attempts import moment
from fde_operator.cluster import Cluster, Manifest, key_of
from fde_operator.conditions import status_patch
from fde_operator.desired import KEPT_KINDS, desired, inventory, owned
from fde_operator.errors import Denied, Held
from fde_operator.execute import execute
from fde_operator.key import Key
from fde_operator.outcome import Outcome, held, history, kept, opens_s, retired, running, soonest, updating
from fde_operator.phase import fitting
from fde_operator.phase import retired as is_retired
from fde_operator.plan import Action, Desired, plan
from fde_operator.policies import Guard, refusal
from fde_operator.posture import next_look_s, posture
from fde_operator.readiness import Readiness
from fde_operator.reconciliation import current
from fde_operator.rollout import digest, is_begun, replaces, same
from fde_operator.settings import OperatorSettings
from fde_operator.surroundings import (
    WORKLOADS,
    customer_of,
    feeds_of,
    namesake_of,
    primitive_of,
    version_of,
    versions_of,
)
from fde_operator.trial import Trial
from fde_operator.undone import undone
from fde_operator.update import (
    AUTOMATIC,
    EDITED,
    OVERRIDDEN,
    TURNED_OFF,
    UNDER_WAY,
    UPDATE_NOW,
    Choice,
    Pending,
    Standing,
    choose,
    held_back,
)
from fde_operator.version import Published, below
from fde_operator.window import Window, window_of
from fde_operator.workload import Parts, paused

_RETRY_DENIED_S: Final = 60.0


class _Gone(Exception):
    """The deployment was deleted, or replaced by a namesake, while it was being reconciled."""


@dataclass(frozen=True, slots=True)
class _Target:
    """What is to stand there now."""

    choice: Choice
    objects: Sequence[Desired]
    parts: Parts

    @property
    def version(self) -> str:
        return self.parts.primitive.version

    @property
    def workload(self) -> Manifest:
        return next(one.manifest for one in self.objects if one.manifest["kind"] in WORKLOADS)


async def reconcile(
    cluster: Cluster, key: Key, settings: OperatorSettings, *, now: str, guard: Guard | None = None
) -> float | None:
    """Bring one FDEDeployment nearer to its spec. Returns seconds until the next look, or None: the next event.

    `now`: RFC 3339. `guard`: while it finds a gap, nothing new is rolled out; None: nobody looks. Raises Unavailable and
    Conflicting; everything else becomes a condition. Nothing is made for one that is on its way out: its children have
    owner references, the garbage collector removes them.
    """
    raw = await cluster.get(key)
    if raw is None or raw["metadata"].get("deletionTimestamp"):
        return None
    look = _Look(cluster, raw, settings, now, guard)
    try:
        outcome = await look.outcome()
        patch = status_patch(look.raw, outcome.conditions, outcome.status, now=now)
        if patch is not None:
            await look.still_there()
            await cluster.apply_status(patch)
    except _Gone:
        return None
    return 0.0 if look.trial.blamed else outcome.requeue_after_s  # another version may be chosen


class _Look:
    """One reconciliation. `raw` is the deployment as it stands, with the status that was written last."""

    def __init__(
        self, cluster: Cluster, raw: Manifest, settings: OperatorSettings, now: str, guard: Guard | None
    ) -> None:
        self._cluster, self.raw, self._settings, self._now, self._guard = cluster, raw, settings, now, guard
        self._key, self._uid = key_of(raw), raw["metadata"].get("uid")
        self._status: dict[str, Any] = kept(raw.get("status", {}))
        self.trial = Trial(cluster, raw, self._status, now)
        self._valid: bool | None = None  # whether the parameters are; None: nobody has looked yet

    async def outcome(self) -> Outcome:
        try:
            deployment = _converted(self.raw)
        except msgspec.ValidationError as error:
            return Outcome(held(Held("SpecInvalid", f"the stored spec is off schema: {error}")), self._status)
        pending: Pending | None = None
        try:
            if is_retired(deployment.spec):
                return await self._retired(deployment)
            window = window_of(deployment.spec.lifecycle)
            customer, pseudonym = await customer_of(self._cluster, deployment)
            versions = await versions_of(self._cluster, deployment, pseudonym)
            standing = await self._standing(deployment)
            choice = self._choice(deployment, versions, standing, window)
            pending = choice.pending
            target, observed = await self._target(deployment, versions, standing, choice, customer)
            pending = target.choice.pending
            await self._begin(deployment, versions, target, standing, observed)
            objects = jobs.standing(target.objects, observed, self.trial.completed)
            children = await self._execute(plan(observed, objects, keep=KEPT_KINDS), observed)
            return await self._seen(deployment, target, versions, children)
        except Held as why:
            self._status["nextWindow"] = pending.next_window if pending else None
            due_s = await self.trial.left_standing(deployment)
            again_s = soonest(why.retry_after_s, opens_s(pending, self._now), due_s)
            return Outcome(held(why, valid=self._valid, pending=pending), self._status, again_s)
        except Denied as denied:
            await self.trial.left_standing(deployment)
            return self._denied(denied, pending)

    async def still_there(self) -> None:
        """Nothing is written for a deployment that has gone meanwhile."""
        found = await self._cluster.get(self._key)
        if found is None or found["metadata"].get("deletionTimestamp") or found["metadata"].get("uid") != self._uid:
            raise _Gone

    async def _execute(self, actions: Sequence[Action], observed: list[Manifest]) -> list[Manifest]:
        if (attempt := current()) is not None and attempt.contended:
            attempt.undone.extend(undone(actions, observed))
        for action in actions:
            await self.still_there()
            observed = await execute(self._cluster, [action], observed)
        return observed

    async def _guarded(self, deployment: FDEDeployment, target: _Target, observed: Sequence[Manifest]) -> None:
        """Held while admission does not stand as shipped and pods would be other ones. What ran is put back all the same.

        Other ones than were begun, and not than stand there. A Job that was begun gets no other ones.
        """
        if self._guard is None or paused(deployment) or jobs.done(target.workload, self.trial.completed):
            return
        if jobs.begun(same(target.workload, observed)):
            return
        if is_begun(target.workload, observed, begun=self._status["templateDigest"]):
            return
        if refused := refusal("rollout", await self._guard.gaps()):
            raise refused

    async def _standing(self, deployment: FDEDeployment) -> Standing:
        runs = self._status["resolvedVersion"]
        if runs is None:
            runs = version_of(await owned(self._cluster, deployment, ()))
        return Standing(
            running=runs,
            requested=self._status["requestedVersion"],
            refused=self.trial.refused,
            under_way=self.trial.under_way,
            asked=deployment.metadata.annotations.get(UPDATE_NOW),
            handled=self._status["handledUpdateNow"],
        )

    def _choice(
        self, deployment: FDEDeployment, versions: dict[str, Published], standing: Standing, window: Window | None
    ) -> Choice:
        at = moment(self._now)
        opening = window.opening(at) if window else None
        return choose(deployment.spec, versions, standing, at=at, opening=opening)

    async def _target(
        self,
        deployment: FDEDeployment,
        versions: dict[str, Published],
        standing: Standing,
        choice: Choice,
        customer: str,
    ) -> tuple[_Target, list[Manifest]]:
        """What is to stand there, and what does. An update that cannot be taken now is put off: what runs is looked after."""
        feeds = await feeds_of(self._cluster, deployment)
        namesake = None if feeds else await namesake_of(self._cluster, deployment)

        async def checked(choice: Choice) -> tuple[_Target, list[Manifest]]:
            try:
                primitive = primitive_of(versions, choice.version, deployment)
                target = _Target(
                    choice, *desired(deployment, primitive, feeds, customer, self._settings, namesake=namesake)
                )
            except Held as why:
                self.trial.blame(deployment, why, versions.get(choice.version or ""))
                raise
            self._valid = True
            observed = await owned(self._cluster, deployment, target.objects, self.trial.completed)
            target = replace(target, objects=[_beside(one, observed) for one in target.objects])
            await self._guarded(deployment, target, observed)
            return target, observed

        try:
            return await checked(choice)
        except Held as why:
            if choice.reason not in (AUTOMATIC, OVERRIDDEN, TURNED_OFF):
                raise
            choice, self._valid = held_back(choice, why, standing, versions), None
        return await checked(choice)

    async def _begin(
        self,
        deployment: FDEDeployment,
        versions: dict[str, Published],
        target: _Target,
        standing: Standing,
        observed: Sequence[Manifest],
    ) -> None:
        """Note what is about to be rolled out; where something runs already, in the status before it is touched."""
        choice, version = target.choice, target.version
        was, begun = self._status["resolvedVersion"], self._status["templateDigest"]
        done = jobs.done(target.workload, self.trial.completed)
        news = self.trial.begin(
            deployment,
            versions[version],
            runs=standing.running,
            back=choice.reason == EDITED and below(version, standing.running),
            done=done,
            replaces=replaces(target.workload, observed, begun=begun),
            again=self._again(target.workload, observed),
        )
        self._status |= {
            "resolvedVersion": version,
            "requestedVersion": deployment.spec.primitive_ref.version,
            "availableVersion": choice.available,
            "nextWindow": choice.pending.next_window,
            "handledUpdateNow": choice.handled,
            "filesDigest": target.parts.files.digest,
            "templateDigest": begun if paused(deployment) else digest(target.workload),
            "appliedCompliance": list(target.parts.compliance.tags),
            "history": history(self._status["history"] or (), version, at=self._now, reason=choice.reason),
            "inventory": inventory(
                jobs.standing(target.objects, observed, self.trial.completed), target.parts, observed
            ),
        }
        if was is not None and (was != version or news):
            await self._announce()
        if not paused(deployment) and not done:
            self.trial.carry(deployment)

    def _again(self, workload: Manifest, observed: Sequence[Manifest]) -> bool:
        """Whether it is a Job that was taken away; one that the API server refuses, and will again, never was there."""
        seen = self.raw.get("status", {}).get("conditions", ())
        refused = any(one["type"] == "Ready" and one["reason"] == "Denied" for one in seen)
        return workload["kind"] == jobs.KIND and same(workload, observed) is None and not refused

    async def _announce(self) -> None:
        """Write what is about to happen. Conditions and observedGeneration stay: nobody has seen how it goes."""
        told = {**self.raw.get("status", {}), **self._status}
        told = {name: value for name, value in told.items() if value is not None}
        metadata = {name: self.raw["metadata"][name] for name in ("name", "namespace")}
        head = {"apiVersion": self.raw["apiVersion"], "kind": self.raw["kind"], "metadata": metadata}
        await self.still_there()
        await self._cluster.apply_status({**head, "status": told})
        self.raw = {**self.raw, "status": told}

    async def _seen(
        self, deployment: FDEDeployment, target: _Target, versions: dict[str, Published], children: list[Manifest]
    ) -> Outcome:
        """How it goes, and when to look again."""
        state = await self.trial.seen(deployment, target.workload, target.version, children)
        if state.ready:  # the new pods run, or none: nobody mounts the old files any more
            objects = jobs.standing(target.objects, children, self.trial.completed)
            keep = KEPT_KINDS if jobs.mounts_others(target.workload, children, self.trial.completed) else ()
            children = await self._execute(plan(children, objects, keep=keep), children)
        pending = target.choice.pending
        more = await posture(
            self._cluster, target.parts, children, self._settings, running=state.ready and not state.idle
        )
        fits = fitting(deployment.spec, versions[target.version].manifest)
        ended = pending.reason == UNDER_WAY and not self.trial.under_way
        due_s = self.trial.due_s(state)
        again_s = 0.0 if ended else soonest(due_s, opens_s(pending, self._now), next_look_s(more))
        return Outcome((*running(state), updating(pending), fits, *more), self._status, again_s)

    def _denied(self, denied: Denied, pending: Pending | None) -> Outcome:
        """The API server refuses an object. That is told, and ends an attempt in time as anything else does."""
        self.trial.judge(Readiness(False, "Denied", str(denied)))
        return Outcome(
            held(Held("Denied", str(denied)), valid=self._valid, pending=pending),
            self._status,
            requeue_after_s=_RETRY_DENIED_S,
        )

    async def _retired(self, deployment: FDEDeployment) -> Outcome:
        """Everything of it is deleted, whatever became of its primitive or its namespace; what it did is kept."""
        observed = await owned(self._cluster, deployment, ())
        await self._execute(plan(observed, []), observed)
        self.trial.retire()
        lasting = ("attempts", "history")
        return Outcome(retired(), {name: self._status[name] if name in lasting else None for name in self._status})


def _beside(one: Desired, observed: Sequence[Manifest]) -> Desired:
    if one.manifest["kind"] != "ServiceAccount":
        return one
    return replace(one, manifest=isolation.beside(one.manifest, same(one.manifest, observed)))


def _converted(raw: Manifest) -> FDEDeployment:
    """The deployment; its status only if it reads: what a person wrote there by hand must not hold it for ever."""
    try:
        return msgspec.convert(raw, FDEDeployment)
    except msgspec.ValidationError:
        return msgspec.convert({name: value for name, value in raw.items() if name != "status"}, FDEDeployment)
