"""kopf, in this file and no other: it watches our own kinds and hands on what it sees. It writes nothing, it decides nothing.

watch event -> seen(object, gone) -> Mirror, WorkQueue

Only ``on.event`` handlers: no finalizers, no annotations, no patches of kopf's own, no indexes (they dead-lock with a worker
limit, nolar/kopf#1243), no worker limit (a handler only hands on, so nothing is in flight). What belongs to deployments is
watched by :mod:`fde_operator.reflector`.
"""

from __future__ import annotations

import base64
import itertools
import logging
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import kopf
from structlog import get_logger

from fde_api.kinds import KINDS
from fde_api.meta import GROUP
from fde_operator.cluster import Manifest
from fde_operator.kubernetes import config_of
from fde_operator.routes import OURS

log = get_logger()


class _Backoffs:
    """Delays in seconds between attempts of kopf's own requests: without end, for a watch must outlive any outage."""

    def __iter__(self) -> Iterator[float]:
        return itertools.chain((0.5, 1.0, 2.0), itertools.repeat(5.0))


class _NothingCompared(kopf.AnnotationsDiffBaseStorage):
    """kopf copies each object deeply to see later what changed; nobody here asks it that."""

    def build(self, *, body: kopf.Body, extra_fields: Iterable[Any] | None = None) -> kopf.BodyEssence:
        """Nothing of `body`."""
        return kopf.BodyEssence({})


def configure(settings: kopf.OperatorSettings) -> None:
    """kopf's settings; the reasons are measured (docs: idle_timeout and worker_limit cap the throughput together)."""
    settings.posting.enabled = False
    settings.scanning.disabled = True  # the definitions are installed before; no right to watch CRDs is needed
    settings.queueing.idle_timeout = 0.2
    settings.queueing.worker_limit = None
    settings.watching.chunk_size = 100  # a page, and a task for each of its objects, are in memory at a time
    settings.networking.request_timeout = 10
    settings.networking.connect_timeout = 5
    settings.networking.error_backoffs = _Backoffs()
    settings.persistence.diffbase_storage = _NothingCompared()
    settings.persistence.finalizer = f"{GROUP}/finalizer"


def registry(seen: Callable[[Manifest, bool], None], login: Callable[[], kopf.ConnectionInfo]) -> kopf.OperatorRegistry:
    """All handlers; `seen` takes each object as an event showed it, and whether it has gone."""
    handlers = kopf.OperatorRegistry()

    async def hand_on(body: kopf.Body, event: kopf.RawEvent, **_: Any) -> None:
        # A coroutine, though it waits for nothing: other functions kopf runs in threads, and the queue is the loop's.
        try:
            seen(dict(body), event["type"] == "DELETED")
        except Exception:  # a defect of ours: kopf's log, which is silent, would be the only one that heard of it
            log.exception("event_lost", kind=body.get("kind"))
            raise

    def log_in(**_: Any) -> kopf.ConnectionInfo:
        return login()

    kopf.on.login(registry=handlers)(log_in)
    for kind in KINDS:
        if kind.name in OURS:
            kopf.on.event(GROUP, "v1", kind.plural, registry=handlers)(hand_on)
    return handlers


def connection(kubeconfig: str | None) -> kopf.ConnectionInfo:
    """kopf's credentials from the same kubeconfig (or service account) that lightkube reads."""
    config = config_of(kubeconfig)
    cluster, user = config.cluster, config.user
    return kopf.ConnectionInfo(
        server=str(cluster.server),
        ca_path=str(config.abs_file(cluster.certificate_auth)) if cluster.certificate_auth else None,
        ca_data=_decoded(cluster.certificate_auth_data),
        insecure=cluster.insecure,
        token=user.token if user else None,
        username=user.username if user else None,
        password=user.password if user else None,
        certificate_path=str(config.abs_file(user.client_cert)) if user and user.client_cert else None,
        certificate_data=_decoded(user.client_cert_data) if user else None,
        private_key_path=str(config.abs_file(user.client_key)) if user and user.client_key else None,
        private_key_data=_decoded(user.client_key_data) if user else None,
    )


def _decoded(data: str | None) -> bytes | None:
    return base64.b64decode(data) if data else None


def quiet(loggers: Iterable[str] = ("kopf", "kopf.objects")) -> None:
    """kopf's own log is for debugging kopf; the queue's log tells when the API server is away."""
    for name in loggers:
        logging.getLogger(name).setLevel(logging.CRITICAL)
