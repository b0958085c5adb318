"""The operator process: one event loop, the watches, our workers, one resync timer.

run() -> wait for the API server -> fill the mirror -> watches and workers -> until SIGTERM
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from pathlib import Path
from typing import Any, Final

import kopf
import msgspec
from structlog import get_logger

from fde_events.connection import connection as kafka_connection
from fde_events.errors import Unavailable
from fde_operator import handlers, kafka
from fde_operator.cluster import Cluster
from fde_operator.decisions import KafkaDecisions, NoDecisions
from fde_operator.errors import Conflicting, Denied
from fde_operator.kubernetes import KubernetesCluster
from fde_operator.mirror import Mirror
from fde_operator.mirrored import MirroredCluster
from fde_operator.primitive import Decisions
from fde_operator.queue import Backoff
from fde_operator.reconciler import OURS, Reconciler, why
from fde_operator.settings import OperatorSettings
from fde_operator.watches import MIRRORED, Watches

log = get_logger()
_KAFKA_CAP_S: Final = 60.0  # between two questions to a Kafka that is away


async def run(kubeconfig: str | None, settings: OperatorSettings, *, tell: Callable[[str], None]) -> None:
    """Run until SIGTERM or SIGINT. `tell` gets lines for the operator's human: start, waiting, ready."""
    server = KubernetesCluster(kubeconfig)
    decisions: Decisions = NoDecisions()
    if settings.brokers:
        file = Path(settings.kafka_config) if settings.kafka_config else None
        decisions = KafkaDecisions(kafka_connection(settings.brokers, file))
    settings = msgspec.structs.replace(settings, kafka_users=kafka.administered(settings))
    administration = None
    if settings.kafka_users:
        backoff = Backoff(settings.backoff_base_s, min(_KAFKA_CAP_S, settings.backoff_cap_s))
        administration = kafka.Kafka(lambda: kafka.opened(settings), str(settings.brokers), backoff)
    await wait_for_api(server, tell=tell)
    mirror = Mirror(MIRRORED)
    cluster = MirroredCluster(server, mirror, lambda manifest: reconciler.wrote(manifest))
    reconciler = Reconciler(cluster, settings, decisions, administration)
    watches = Watches(server, mirror, reconciler.changed)
    handlers.quiet()
    kopf_settings = kopf.OperatorSettings()
    handlers.configure(kopf_settings)
    tasks = [asyncio.create_task(one.run(), name=f"watch {one.kind}") for one in watches.reflectors]
    try:
        await _while_all_run(tasks, watches.filled())
        await reconciler.everything()
        tasks += [asyncio.create_task(reconciler.work(), name=f"worker {n}") for n in range(settings.workers)]
        tasks.append(asyncio.create_task(reconciler.work(feeds=True), name="feed worker"))
        tasks.append(asyncio.create_task(_resync(watches, reconciler, settings.resync_s), name="resync"))
        tell(f"fde operator: ready, watching {server.url}")
        watching = kopf.operator(
            registry=handlers.registry(watches.seen, lambda: handlers.connection(kubeconfig)),
            settings=kopf_settings,
            standalone=True,
            clusterwide=True,
        )
        await _while_all_run(tasks, watching)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await server.aclose()


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


async def wait_for_api(cluster: Cluster, *, tell: Callable[[str], None]) -> None:
    """Return when the API server answers and serves our kinds to us; say once what is waited for."""
    backoff, failures, said = Backoff(0.5, 10.0), 0, ""
    while True:
        try:
            for kind in OURS:  # a list of nothing: it needs no right that the work itself does not need
                await cluster.list(kind, fields={"metadata.name": "none"})
            return
        except (Unavailable, Denied, Conflicting) as error:
            failures += 1
            sentence = why(error)
            hint = "" if isinstance(error, Unavailable) else " Run `fde operator install`."
            if sentence != said:
                tell(f"fde operator: waiting: {sentence}{hint}")
                said = sentence
            await asyncio.sleep(backoff.delay_s(failures, 0.5))
