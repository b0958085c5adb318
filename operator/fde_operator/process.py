"""The operator process: one event loop, the watches, our workers, one resync timer.

run() -> answer probes -> wait for the API server -> wait for the Lease -> fill the mirror -> watches and workers
      -> SIGTERM: begin nothing more, end what is at work, give the Lease back
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import Callable, Coroutine, Iterable
from json import JSONDecodeError
from typing import Any, Final

import kopf
import msgspec
from structlog import get_logger

from fde_events.errors import Unavailable
from fde_operator import alarm, handlers, kafka, links, routes, tracing
from fde_operator.breaker import Breaker
from fde_operator.bucket import Bucket
from fde_operator.calls import BURST, RATE, CalledCluster, CalledWatch, Calls
from fde_operator.cluster import Cluster, Manifest
from fde_operator.errors import Conflicting, Denied
from fde_operator.events import Events, news
from fde_operator.fence import Fence, FencedCluster, fenced_transport
from fde_operator.health import Health
from fde_operator.kubernetes import KubernetesCluster
from fde_operator.lease import KubernetesLeases, Lease, new_identity
from fde_operator.lease_thread import LeaseThread
from fde_operator.metrics import Metrics
from fde_operator.mirror import Mirror
from fde_operator.mirrored import MirroredCluster
from fde_operator.policies import Guard
from fde_operator.queue import Backoff
from fde_operator.reconciler import Reconciler, why
from fde_operator.settings import OperatorSettings
from fde_operator.watches import MIRRORED, Watches

log = get_logger()
Tell = Callable[[str], None]
_LAST_WORK_S: Final = 15.0  # for what is at work at the stop; a pod has 30 s
_CALM_S: Final = 60.0  # watches that lasted as long were well
_LEASE: Final = "fde-operator"


async def run(kubeconfig: str | None, settings: OperatorSettings, *, tell: Tell) -> None:
    """Run until SIGTERM or SIGINT. `tell` gets lines for the operator's human: start, waiting, ready.

    Ends the process at once when it no longer leads.
    """
    _end_by_signal()
    alarm.ready()
    metrics = Metrics()
    health = Health(metrics)
    stop_tracing = tracing.configure()
    leases = KubernetesLeases(kubeconfig, namespace=settings.namespace, name=_LEASE)
    lease = LeaseThread(Lease(leases, new_identity(), alarm=alarm.alarm), leases.aclose)
    try:
        async with contextlib.AsyncExitStack() as stack:
            if settings.health is not None:
                server = await health.serve(settings.health)
                stack.push_async_callback(server.aclose)
                tell(f"fde operator: probes and metrics at port {server.port}")
            fence: Fence = lease.fence if settings.leader_election else _always
            # Each request looks through the whole pool for a connection: no more of them than there are who write.
            room = settings.workers + 4
            client = KubernetesCluster(
                kubeconfig, transport=lambda config: fenced_transport(config, fence, connections=room)
            )
            stack.push_async_callback(client.aclose)
            await wait_for_api(client, tell=tell)
            if settings.leader_election:
                standing_by = True
                health.ready_when("lease", lambda: lease.leads or standing_by)
                tell(f"fde operator: waiting for the Lease {settings.namespace}/{_LEASE} as {lease.identity}")
                await lease.hold(lost=_end_at_once(tell))
                stack.push_async_callback(lease.release)
                standing_by = False
            metrics.leader.set(1)
            await _lead(kubeconfig, settings, client, fence, lease.identity, metrics, health, tell)
    except asyncio.CancelledError:
        tell("fde operator: stopped")
    finally:
        with contextlib.suppress(asyncio.CancelledError):  # asked a second time to stop
            await lease.aclose()
        stop_tracing()


async def _lead(
    kubeconfig: str | None,
    settings: OperatorSettings,
    client: KubernetesCluster,
    fence: Fence,
    identity: str,
    metrics: Metrics,
    health: Health,
    tell: Tell,
) -> None:
    """The work itself, from an empty memory to the last write."""
    calls = Calls("kubernetes", metrics, bucket=Bucket(RATE, BURST), breaker=Breaker())
    called = CalledCluster(client, calls)
    mirror = Mirror(MIRRORED)
    metrics.mirror_objects.set_function(lambda: float(len(mirror)))
    metrics.mirror_bytes.set_function(lambda: float(mirror.size_bytes))
    events = Events(FencedCluster(called, fence), metrics, instance=identity)
    recording = links.recording(settings, called, mirror, tell)
    if recording:
        recording.tell(metrics)
    written: Cluster = recording.recorded(called) if recording else called

    def said(before: Manifest, after: Manifest) -> None:
        reconciler.said(before, after)
        for one in news(before, after):
            events.tell(after, one)

    fenced = FencedCluster(written, fence)
    cluster = MirroredCluster(
        fenced,
        mirror,
        wrote=lambda manifest: reconciler.wrote(manifest),
        said=said,
        changed=lambda manifest: reconciler.changed(manifest),
    )
    settings = msgspec.structs.replace(settings, kafka_users=kafka.administered(settings))
    reconciler = Reconciler(
        cluster,
        settings,
        links.decisions(settings, metrics, fence),
        links.administration(settings, metrics, fence),
        metrics=metrics,
        health=health,
        guard=Guard(cluster, fenced),
    )
    watching = KubernetesCluster(kubeconfig)  # connections that stay open, apart from those of the writers
    watches = Watches(CalledWatch(watching, calls), mirror, reconciler.changed)
    health.ready_when("watches", watches.are_filled)
    tasks: list[asyncio.Task[None]] = []

    def start(name: str, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work, name=name)
        health.lives(name, task)
        tasks.append(task)
        return task

    for one in watches.reflectors:
        start(f"watch {one.kind}", one.run())
    workers = []
    try:
        await _while_all_run(tasks, watches.filled())
        await reconciler.everything()
        for number in range(settings.workers):
            workers.append(start(f"worker {number}", reconciler.work(f"worker {number}")))
        workers.append(start("feed worker", reconciler.work("feed worker", feeds=True)))
        start("resync", _resync(watches, reconciler, settings.resync_s))
        start("events", events.work())
        if recording:
            start("audit", recording.run())
        tell(f"fde operator: ready, watching {client.url}")
        await _while_all_run(tasks, _kopf(kubeconfig, watches))
        tell("fde operator: stopping: what is at work is ended")
    finally:
        health.stopping()
        reconciler.close()
        if workers:
            await asyncio.wait(workers, timeout=_LAST_WORK_S)
        await events.drain(1.0)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await watching.aclose()
        if recording:
            await recording.stop()


async def _kopf(kubeconfig: str | None, watches: Watches) -> None:
    """kopf's watches until it is told to stop."""
    handlers.quiet()
    settings = kopf.OperatorSettings()
    handlers.configure(settings)
    backoff, failures = Backoff(0.5, 15.0), 0
    while True:
        began = time.monotonic()
        try:
            if failures:  # what went while nobody watched: kopf lists anew, and tells of no end that it did not see
                await watches.refill()
            await kopf.operator(
                registry=handlers.registry(watches.seen, lambda: handlers.connection(kubeconfig)),
                settings=settings,
                standalone=True,
                clusterwide=True,
            )
            return
        except (JSONDecodeError, UnicodeDecodeError, Unavailable, Denied, Conflicting) as error:
            _end_by_signal()  # kopf took the signals, and is no more
            # kopf ends when an answer is no JSON: something between here and the API server answered.
            failures = 1 if time.monotonic() - began > _CALM_S else failures + 1
            delay_s = backoff.delay_s(failures, 0.5)
            log.warning("watches_broken", why=str(error), retry_s=round(delay_s, 1))
            await asyncio.sleep(delay_s)


async def _while_all_run(tasks: Iterable[asyncio.Task[None]], work: Coroutine[Any, Any, None]) -> None:
    """Do `work`. `tasks` run for ever: one that ends takes the process with it, which is started anew."""
    working = asyncio.create_task(work)
    try:
        await asyncio.wait((working, *tasks), return_when=asyncio.FIRST_COMPLETED)
        for ended in (working, *tasks):
            if ended.done():
                ended.result()
        if not working.done():
            raise RuntimeError(f"{', '.join(task.get_name() for task in tasks if task.done())} ended by itself")
    finally:
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)


async def _resync(watches: Watches, reconciler: Reconciler, every_s: float) -> None:
    """Everything again, every `every_s` seconds: what a lost event would have told."""
    while True:
        await asyncio.sleep(every_s)
        try:
            await watches.refill()
        except (Unavailable, Denied, Conflicting) as error:
            log.warning("resync_postponed", why=why(error))
            continue
        await reconciler.everything()


async def wait_for_api(cluster: Cluster, *, tell: Tell) -> None:
    """Return when the API server answers and serves our kinds to us; say once what is waited for."""
    backoff, failures, said = Backoff(0.5, 10.0), 0, ""
    while True:
        try:
            for kind in routes.OURS:  # a list of nothing: it needs no right that the work itself does not need
                await cluster.list(kind, fields={"metadata.name": "none"})
            return
        except (Unavailable, Denied, Conflicting) as error:
            failures += 1
            sentence = why(error).rstrip(".")
            hint = "" if isinstance(error, Unavailable) else " Run `fde operator install`."
            if sentence != said:
                tell(f"fde operator: waiting: {sentence}.{hint}")
                said = sentence
            await asyncio.sleep(backoff.delay_s(failures, 0.5))


def _end_by_signal() -> None:
    """SIGTERM and SIGINT cancel what runs this, until kopf takes them over."""
    task = asyncio.current_task()
    assert task is not None
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)


def _always() -> None:
    """No Lease: this process may always write."""


def _end_at_once(tell: Tell) -> Callable[[str], None]:
    def end(sentence: str) -> None:
        try:
            tell(f"fde operator: it no longer leads and ends at once: {sentence}")
        finally:
            os._exit(1)  # nothing of this process may go on, whatever it waits for, or whoever hung up

    return end
