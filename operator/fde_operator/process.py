"""The operator process: one event loop, kopf's watches, our workers, one resync timer.

run() -> wait for the API server and its definitions -> watches and workers -> until SIGTERM
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import kopf
import msgspec
from structlog import get_logger

from fde_events.connection import connection as kafka_connection
from fde_events.errors import FdeError, Unavailable
from fde_operator import deployment, feed, handlers, kafka, primitive, usage
from fde_operator.cluster import Cluster
from fde_operator.decisions import KafkaDecisions, NoDecisions
from fde_operator.errors import Conflicting, Denied, Postponed
from fde_operator.key import Key
from fde_operator.kubernetes import KubernetesCluster
from fde_operator.primitive import Decisions
from fde_operator.queue import Backoff, WorkQueue
from fde_operator.settings import OperatorSettings

log = get_logger()
_LISTED = ("PatternCandidate", "DeploymentPrimitive", "FDEDeployment", "TelemetryFeed")
_CONFLICT_S = 0.1
_KAFKA_CAP_S = 60.0  # between two questions to a Kafka that is away


class Reconciler:
    """Which reconciliation a key means; and what its errors mean for the queue.

    Feeds have a queue and a worker of their own: what waits for Kafka, seconds at a time, keeps no deployment waiting.
    """

    def __init__(
        self,
        cluster: Cluster,
        settings: OperatorSettings,
        decisions: Decisions,
        administration: kafka.Kafka | None = None,
    ) -> None:
        self._cluster, self._settings, self._decisions, self._kafka = cluster, settings, decisions, administration
        backoff = Backoff(settings.backoff_base_s, settings.backoff_cap_s)
        self._queue, self._feeds = WorkQueue(backoff), WorkQueue(backoff)

    def add(self, key: Key) -> None:
        """Due now."""
        self._queue_of(key).add(key)

    def _queue_of(self, key: Key) -> WorkQueue:
        return self._feeds if key.kind == "TelemetryFeed" else self._queue

    async def work(self, *, feeds: bool = False) -> None:
        """One worker: for ever."""
        queue = self._feeds if feeds else self._queue
        while True:
            key = await queue.get()
            try:
                await self._once(key, queue)
            finally:
                queue.done(key)

    async def _once(self, key: Key, queue: WorkQueue) -> None:
        began = time.monotonic()
        try:
            again_s = await self.reconcile(key)
        except Conflicting as conflict:
            log.info("reconciliation_raced", key=str(key), why=str(conflict))
            queue.add_after(key, _CONFLICT_S)
            return
        except (Unavailable, Denied, Postponed) as error:
            delay_s = queue.fail(key)
            log.warning("reconciliation_postponed", key=str(key), why=_why(error), retry_s=round(delay_s, 1))
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
        """Level-triggered: reads what is, whatever the event was."""
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        if key.kind == "FDEDeployment":
            return await deployment.reconcile(self._cluster, key, self._settings, now=now)
        if key.kind == "PatternCandidate":
            return await primitive.reconcile(self._cluster, key, self._decisions, now=now)
        if key.kind == "DeploymentPrimitive":
            return await usage.reconcile(self._cluster, key, now=now)
        if key.kind == "TelemetryFeed":
            return await feed.reconcile(self._cluster, key, self._settings, self._kafka, now=now)
        await self._fan_out(key.name)
        return None

    async def _fan_out(self, primitive_name: str) -> None:
        """A primitive or one of its deployments changed: its versions' usage, and deployments that wait for a version."""
        for version in await self._cluster.list("DeploymentPrimitive", fields={"spec.primitiveName": primitive_name}):
            self._queue.add(Key("DeploymentPrimitive", "", version["metadata"]["name"]))
        for one in await self._cluster.list("FDEDeployment", fields={"spec.primitiveRef.name": primitive_name}):
            waits = not one.get("status", {}).get("resolvedVersion")
            follows = one["spec"].get("lifecycle", {}).get("autoUpdatePolicy", "none") != "none"
            if waits or follows:
                self._queue.add(Key("FDEDeployment", one["metadata"]["namespace"], one["metadata"]["name"]))

    async def resync(self, every_s: float) -> None:
        """Everything again, every `every_s` seconds: what a lost event would have told."""
        while True:
            await asyncio.sleep(every_s)
            for kind in _LISTED:
                try:
                    found = await self._cluster.list(kind)
                except (Unavailable, Denied) as error:
                    log.warning("resync_postponed", kind=kind, why=_why(error))
                    continue
                for one in found:
                    metadata = one["metadata"]
                    self.add(Key(kind, metadata.get("namespace", ""), metadata["name"]))


async def run(kubeconfig: str | None, settings: OperatorSettings, *, tell: Callable[[str], None]) -> None:
    """Run until SIGTERM or SIGINT. `tell` gets lines for the operator's human: start, waiting, ready."""
    cluster = KubernetesCluster(kubeconfig)
    decisions: Decisions = NoDecisions()
    if settings.brokers:
        file = Path(settings.kafka_config) if settings.kafka_config else None
        decisions = KafkaDecisions(kafka_connection(settings.brokers, file))
    settings = msgspec.structs.replace(settings, kafka_users=kafka.administered(settings))
    administration = None
    if settings.kafka_users:
        backoff = Backoff(settings.backoff_base_s, min(_KAFKA_CAP_S, settings.backoff_cap_s))
        administration = kafka.Kafka(lambda: kafka.opened(settings), str(settings.brokers), backoff)
    reconciler = Reconciler(cluster, settings, decisions, administration)
    await wait_for_api(cluster, tell=tell)
    handlers.quiet()
    kopf_settings = kopf.OperatorSettings()
    handlers.configure(kopf_settings)
    handlers.select_owned(kopf_settings)
    ready = asyncio.Event()
    helpers = [asyncio.create_task(reconciler.work(), name=f"worker {n}") for n in range(settings.workers)]
    helpers.append(asyncio.create_task(reconciler.work(feeds=True), name="feed worker"))
    helpers.append(asyncio.create_task(reconciler.resync(settings.resync_s), name="resync"))
    helpers.append(asyncio.create_task(_announce(ready, cluster.url, tell), name="announce"))
    try:
        await kopf.operator(
            registry=handlers.registry(reconciler.add, lambda: handlers.connection(kubeconfig)),
            settings=kopf_settings,
            standalone=True,
            clusterwide=True,
            ready_flag=ready,
        )
    finally:
        for task in helpers:
            task.cancel()
        await asyncio.gather(*helpers, return_exceptions=True)
        await cluster.aclose()


async def wait_for_api(cluster: Cluster, *, tell: Callable[[str], None]) -> None:
    """Return when the API server answers and serves our kinds to us; say once what is waited for."""
    backoff, failures, said = Backoff(0.5, 10.0), 0, ""
    while True:
        try:
            for kind in _LISTED:  # a list of nothing: it needs no right that the work itself does not need
                await cluster.list(kind, fields={"metadata.name": "none"})
            return
        except (Unavailable, Denied, Conflicting) as error:
            failures += 1
            why = _why(error)
            hint = "" if isinstance(error, Unavailable) else " Run `fde operator install`."
            if why != said:
                tell(f"fde operator: waiting: {why}{hint}")
                said = why
            await asyncio.sleep(backoff.delay_s(failures, 0.5))


def _why(error: FdeError) -> str:
    """The sentence without the error's own advice on when to retry: the queue decides that."""
    return error.what if isinstance(error, Unavailable) else str(error)


async def _announce(ready: asyncio.Event, url: str, tell: Callable[[str], None]) -> None:
    await ready.wait()
    tell(f"fde operator: ready, watching {url}")
