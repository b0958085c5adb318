"""Reconciler: which reconciliation a key means, and what its errors mean for the queue.

key -> reconcile (level-triggered: reads what is) -> done, later, or later and later
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterable
from typing import Final

from structlog import get_logger

from fde_events.errors import FdeError, Unavailable
from fde_operator import (
    clock,
    deployment,
    deployment_feed,
    feed,
    kafka,
    left_behind,
    library,
    primitive,
    proposal,
    routes,
    tracing,
    usage,
)
from fde_operator.cluster import Cluster, Manifest
from fde_operator.errors import Conflicting, Throttled, Tripped, nature_of
from fde_operator.health import Health
from fde_operator.key import Key
from fde_operator.metrics import Metrics
from fde_operator.object_breaker import ObjectBreaker
from fde_operator.policies import Guard
from fde_operator.primitive import Decisions
from fde_operator.queue import Backoff, Closed, WorkQueue
from fde_operator.reconciliation import begin, current
from fde_operator.settings import OperatorSettings

log = get_logger()
_GUARDED: Final = (
    "FDEDeployment",
    "TelemetryFeed",
    "PatternCandidate",
)  # not what counts many objects


class Reconciler:
    """Two queues: what waits for Kafka, seconds at a time, keeps no deployment waiting, so feeds have a queue of their own."""

    def __init__(
        self,
        cluster: Cluster,
        settings: OperatorSettings,
        decisions: Decisions,
        administration: kafka.Kafka | None = None,
        *,
        metrics: Metrics,
        health: Health,
        guard: Guard | None = None,
    ) -> None:
        self._cluster, self._settings, self._decisions, self._kafka = cluster, settings, decisions, administration
        self._guard = guard or Guard(cluster)
        self._metrics, self._health = metrics, health
        backoff = Backoff(settings.backoff_base_s, settings.backoff_cap_s)
        self.queue, self.feeds = self._measured("main", backoff), self._measured("feeds", backoff)
        self._fought_over = ObjectBreaker()
        metrics.watch_objects(self._fought_over)

    def _measured(self, name: str, backoff: Backoff) -> WorkQueue:
        queue = WorkQueue(backoff, began=self._metrics.queue_latency.labels(name).observe)
        self._metrics.queue_depth.labels(name).set_function(lambda: float(len(queue)))
        return queue

    def add(self, key: Key, *, idly: bool = False) -> None:
        """Due now; `idly`: when nothing else is."""
        self._queue_of(key).add(key, idly=idly)

    def changed(self, manifest: Manifest) -> None:
        """Somebody else changed an object, or it has gone."""
        for key in routes.now(manifest):
            self.add(key)
        self._count(manifest)

    def wrote(self, manifest: Manifest) -> None:
        """This process made or applied it: due is what depends on it, but for whoever is at it."""
        attempt = current()
        for key in routes.now(manifest):
            if attempt is None or key != attempt.key:
                self.add(key)
        self._count(manifest)

    def said(self, before: Manifest, after: Manifest) -> None:
        """This process applied a status."""
        for key in routes.after_status(before, after):
            self.add(key)
        self._count(after)

    def _count(self, manifest: Manifest) -> None:
        for key in routes.soon(manifest):
            self._queue_of(key).add_after(key, routes.SOON_S)

    def _queue_of(self, key: Key) -> WorkQueue:
        return self.feeds if key.kind in ("TelemetryFeed", routes.LEFT_BEHIND) else self.queue

    async def work(self, name: str, *, feeds: bool = False) -> None:
        """One worker, until :meth:`close`; what it is at then, it ends."""
        queue = self.feeds if feeds else self.queue
        while True:
            try:
                key = await queue.get()
            except Closed:
                return
            try:
                with self._health.working(name):
                    await self._turn(key, queue)
            finally:
                queue.done(key)

    def close(self) -> None:
        """Begin nothing more."""
        self.queue.close()
        self.feeds.close()

    async def _turn(self, key: Key, queue: WorkQueue) -> None:
        slow_s = self._fought_over.admit(key, time.monotonic()) if key.kind in _GUARDED else 0.0
        if slow_s:
            queue.add_after(key, slow_s)
            return
        contended = self._fought_over.tripped(key)
        with begin(key, contended=contended) as attempt, tracing.reconciling(attempt):
            await self._once(key, queue)
        if contended:
            queue.add_after(key, self._fought_over.slow_s)

    async def _once(self, key: Key, queue: WorkQueue) -> None:
        began = time.monotonic()
        try:
            with self._metrics.reconciling(key.kind):
                again_s = await self.reconcile(key)
        except Conflicting as conflict:
            delay_s = queue.race(key)
            log.info("reconciliation_raced", key=str(key), why=str(conflict), retry_s=round(delay_s, 1))
            return
        except (Throttled, Tripped) as error:  # no failure of this object: it is due when asking may help
            delay_s = error.retry_after_s * random.uniform(1.0, 1.5)  # noqa: S311 - jitter, not a secret
            queue.add_after(key, delay_s)
            log.info("reconciliation_postponed", key=str(key), why=why(error), retry_s=round(delay_s, 1))
            return
        except FdeError as error:
            # Permanent ones too: nobody tells when a right was given or a policy was mended.
            delay_s = queue.fail(key)
            nature = nature_of(error)
            log.warning(
                "reconciliation_postponed", key=str(key), why=why(error), nature=nature, retry_s=round(delay_s, 1)
            )
            return
        except Exception:
            # One object's defect must not stop the others: it is logged whole and retried.
            delay_s = queue.fail(key)
            log.exception("reconciliation_failed", key=str(key), retry_s=round(delay_s, 1))
            return
        queue.forget(key)
        if again_s is not None:
            queue.add_after(key, again_s)
        log.debug("reconciled", key=str(key), seconds=round(time.monotonic() - began, 3))

    async def reconcile(self, key: Key) -> float | None:
        """Level-triggered: reads what is, whatever the event was. Returns seconds until the next look."""
        now = clock.now()
        match key.kind:
            case "FDEDeployment":
                return await deployment.reconcile(self._cluster, key, self._settings, now=now, guard=self._guard)
            case "PatternCandidate":
                return await primitive.reconcile(self._cluster, key, self._decisions, now=now, guard=self._guard)
            case "DeploymentPrimitive":
                return await usage.reconcile(self._cluster, key, now=now)
            case "PatternLibrary":
                return await library.reconcile(self._cluster, key, now=now)
            case "TelemetryFeed":
                return await feed.reconcile(self._cluster, key, self._settings, self._kafka, now=now, guard=self._guard)
            case "PatternProposal":
                await proposal.reconcile(self._cluster, key, now=now)
            case routes.PROPOSALS_OF:
                for found in await self._cluster.list("PatternProposal", fields={"spec.challenge": key.name}):
                    self.add(Key("PatternProposal", found["metadata"]["namespace"], found["metadata"]["name"]))
            case routes.LEFT_BEHIND:
                return await left_behind.reconcile(self._cluster, self._kafka) if self._kafka else None
            case routes.PRIMITIVE_CHANGED:
                await self._primitive_changed(key.name)
            case routes.GRADES_CHANGED:
                for one in await library.due(self._cluster):
                    self.add(one)
            case routes.POLICY_CHANGED:
                await self._all(("PatternCandidate", "FDEDeployment", "TelemetryFeed"))
            case routes.FEEDS:
                of = {"spec.deploymentRef.name": key.name}
                for found in await self._cluster.list("TelemetryFeed", namespace=key.namespace, fields=of):
                    self.add(Key("TelemetryFeed", key.namespace, found["metadata"]["name"]))
            case routes.ATTACHED:
                for one in await deployment_feed.astray(self._cluster, key.namespace, key.name):
                    self.add(one)
            case routes.CUSTOMER_CHANGED:
                await self._all(("FDEDeployment", "TelemetryFeed"), namespace=key.namespace)
        return None

    async def _primitive_changed(self, name: str) -> None:
        """A version came, or its maturity or deprecation changed: the numbers of all, and deployments that wait or follow."""
        for version in await self._cluster.list("DeploymentPrimitive", fields={"spec.primitiveName": name}):
            self.add(Key("DeploymentPrimitive", "", version["metadata"]["name"]))
        for one in await self._cluster.list("FDEDeployment", fields={"spec.primitiveRef.name": name}):
            # Also one that runs, and was edited to a version that is published only now.
            waits = one.get("status", {}).get("resolvedVersion") != one["spec"]["primitiveRef"].get("version")
            follows = one["spec"].get("lifecycle", {}).get("autoUpdatePolicy", "none") != "none"
            if waits or follows:
                self.add(Key("FDEDeployment", one["metadata"]["namespace"], one["metadata"]["name"]))

    async def _all(self, kinds: Iterable[str], *, namespace: str = "", idly: bool = False) -> None:
        for kind in kinds:
            for one in await self._cluster.list(kind, namespace=namespace):
                self.add(Key(kind, one["metadata"].get("namespace", ""), one["metadata"]["name"]), idly=idly)

    async def everything(self) -> None:
        """All objects of ours, when nothing else is due."""
        await self._all(routes.OURS, idly=True)
        self.add(Key(routes.LEFT_BEHIND, "", "all"), idly=True)


def why(error: FdeError) -> str:
    """The sentence without the error's own advice on when to retry: the queue decides that."""
    return error.what if isinstance(error, Unavailable) else str(error)
