"""kopf, in this file and no other: it watches and hands keys to the queue. It writes nothing, it decides nothing.

watch event -> keys_of(object) -> WorkQueue.add

Only ``on.event`` handlers: no finalizers, no annotations, no patches of kopf's own, no indexes (they dead-lock with a worker
limit, nolar/kopf#1243), no worker limit (a handler only enqueues, so nothing is in flight).
"""

from __future__ import annotations

import base64
import itertools
import logging
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

import kopf

from fde_api.meta import GROUP
from fde_operator.cluster import Manifest
from fde_operator.key import Key
from fde_operator.kubernetes import config_of
from fde_operator.labels import DEPLOYMENT, OWNED
from fde_operator.settings import MANAGED_BY

OURS: Final = ("patterncandidates", "deploymentprimitives", "fdedeployments", "telemetryfeeds")
OWNED_RESOURCES: Final = (
    ("apps", "v1", "deployments"),
    ("batch", "v1", "cronjobs"),
    ("batch", "v1", "jobs"),
    ("networking.k8s.io", "v1", "networkpolicies"),
)
PRIMITIVE_CHANGED: Final = "PrimitiveChanged"  # a key of the queue's own: fan out to the deployments of one primitive


def keys_of(manifest: Manifest) -> tuple[Key, ...]:
    """The keys that a change of this object makes due."""
    metadata, kind = manifest["metadata"], manifest.get("kind", "")
    namespace, name = metadata.get("namespace", ""), metadata["name"]
    spec = manifest.get("spec", {})
    if kind == "FDEDeployment":
        reference = spec.get("primitiveRef", {}).get("name", "")
        return (Key(kind, namespace, name), Key(PRIMITIVE_CHANGED, "", reference))
    if kind == "TelemetryFeed":
        own = Key(kind, namespace, name)
        owner = spec.get("deploymentRef", {}).get("name")
        return (own, Key("FDEDeployment", namespace, owner)) if owner else (own,)
    if kind == "DeploymentPrimitive":
        return (Key(kind, "", name), Key(PRIMITIVE_CHANGED, "", spec.get("primitiveName", "")))
    if kind == "PatternCandidate":
        return (Key(kind, namespace, name),)
    owner = (metadata.get("labels") or {}).get(DEPLOYMENT)
    return (Key("FDEDeployment", namespace, owner),) if owner else ()


class _Backoffs:
    """Delays in seconds between attempts of kopf's own requests: without end, for a watch must outlive any outage."""

    def __iter__(self) -> Iterator[float]:
        return itertools.chain((0.5, 1.0, 2.0), itertools.repeat(5.0))


def configure(settings: kopf.OperatorSettings) -> None:
    """kopf's settings; the reasons are measured (docs: idle_timeout and worker_limit cap the throughput together)."""
    settings.posting.enabled = False
    settings.scanning.disabled = True  # the definitions are installed before; no right to watch CRDs is needed
    settings.queueing.idle_timeout = 0.2
    settings.queueing.worker_limit = None
    settings.watching.chunk_size = 500
    settings.networking.request_timeout = 10
    settings.networking.connect_timeout = 5
    settings.networking.error_backoffs = _Backoffs()
    settings.persistence.finalizer = f"{GROUP}/finalizer"


def registry(add: Callable[[Key], None], login: Callable[[], kopf.ConnectionInfo]) -> kopf.OperatorRegistry:
    """All handlers; `add` takes each key that became due."""
    handlers = kopf.OperatorRegistry()

    def enqueue(body: kopf.Body, **_: Any) -> None:
        for key in keys_of(dict(body)):
            add(key)

    def log_in(**_: Any) -> kopf.ConnectionInfo:
        return login()

    kopf.on.login(registry=handlers)(log_in)
    for plural in OURS:
        kopf.on.event(GROUP, "v1", plural, registry=handlers)(enqueue)
    for group, version, plural in OWNED_RESOURCES:
        kopf.on.event(group, version, plural, labels={OWNED: MANAGED_BY}, registry=handlers)(enqueue)
    return handlers


def select_owned(settings: kopf.OperatorSettings) -> None:
    """The API server filters: other people's Deployments never reach this process."""
    for group, version, plural in OWNED_RESOURCES:
        settings.watching.label_selectors[group, version, plural] = f"{OWNED}={MANAGED_BY}"


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
