"""The fence: a process that no longer leads writes nothing, whatever it was about to do when it was stopped.

worker -> FencedCluster (before a write begins) -> ... -> FencedTransport (before its bytes go out) -> the API server

Between looking and writing a process can be stopped for half a minute, at any instruction. So it is looked twice: when the
write is asked for, and once more when its header, and then its body, are handed to the socket: a request without its whole
body is none. Between that second look and the system call lie some microseconds of one turn of the event loop. What was
handed over arrives at once, or not at all: its connection is closed when the process ends. Measured with leaders that write
three at a time and are stopped at any moment: late writes after 1 of some 60 stops, therefore the `alarm`; without the second
look, after 4 of 6.

Wiring: ``FencedCluster(cluster, lease.fence)`` outermost but for the mirror; at the other end ``KubernetesCluster(kubeconfig,
transport=lambda config: fenced_transport(config, lease.fence))``, which also bounds the number of connections; for Kafka
``FencedAdministration`` directly around Tenancy (its calls block in threads; one that began before goes on for up to its
time-out, and is one that the next leader makes again) and ``FencedDecisions``.
"""

from __future__ import annotations

import ssl
from collections.abc import Awaitable, Callable
from typing import Any, Final

import httpx2
from lightkube.config.client_adapter import ConnectionParams
from lightkube.config.kubeconfig import SingleConfig

from fde_events.decision import Decision
from fde_events.tenancy.credential import Credential
from fde_events.tenancy.plan import Action, Observed
from fde_operator.cluster import Cluster
from fde_operator.kafka import Administration
from fde_operator.layer import Answer, Layer
from fde_operator.primitive import Decisions

Fence = Callable[[], None]
_ASKS: Final = (
    "get",
    "list",
    "rehearse",
    "stands",
)  # of a Cluster's methods those that change nothing; all else writes
_READS: Final = ("GET", "HEAD", "OPTIONS")
_GOES_OUT: Final = (".send_request_headers.started", ".send_request_body.started")


class FencedCluster(Layer):
    """A :class:`fde_operator.cluster.Cluster` that reads always and writes while `fence` lets it; else it raises Fenced."""

    def __init__(self, cluster: Cluster, fence: Fence) -> None:
        super().__init__(cluster)
        self._fence = fence

    async def _passed(self, verb: str, kind: str, call: Callable[[], Awaitable[Answer]]) -> Answer:
        if verb not in _ASKS:
            self._fence()
        return await call()


class FencedAdministration:
    """Kafka's administration, whose changes ask `fence` first. From any thread."""

    def __init__(self, administration: Administration, fence: Fence) -> None:
        self._administration, self._fence = administration, fence

    def observe(self) -> Observed:
        """Reads."""
        return self._administration.observe()

    def execute(self, action: Action) -> object:
        """Writes."""
        self._fence()
        return self._administration.execute(action)

    def upsert(self, credential: Credential) -> None:
        """Writes."""
        self._fence()
        self._administration.upsert(credential)


class FencedDecisions:
    """Decision records, which ask `fence` first."""

    def __init__(self, decisions: Decisions, fence: Fence) -> None:
        self._decisions, self._fence = decisions, fence

    async def record(self, decision: Decision) -> None:
        """Writes."""
        self._fence()
        await self._decisions.record(decision)


class FencedTransport(httpx2.AsyncBaseTransport):
    """An HTTP transport that asks `fence` whenever a part of a writing request is about to go out."""

    def __init__(self, transport: httpx2.AsyncBaseTransport, fence: Fence) -> None:
        self._transport, self._fence = transport, fence

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send it; Fenced, and the connection closed, if the fence fell before the last byte."""
        if request.method not in _READS and "dryRun" not in request.url.params:
            request.extensions = {**request.extensions, "trace": self._look}
        return await self._transport.handle_async_request(request)

    async def _look(self, step: str, _: dict[str, Any]) -> None:
        if step.endswith(_GOES_OUT):
            self._fence()

    async def aclose(self) -> None:
        """Close the connections."""
        await self._transport.aclose()


def fenced_transport(config: SingleConfig, fence: Fence, *, connections: int = 32) -> FencedTransport:
    """The transport for a lightkube client of `config`. At most `connections` at a time; others wait their turn."""
    verify: ssl.SSLContext = ConnectionParams(trust_env=False).httpx_params(config)["verify"]
    limits = httpx2.Limits(max_connections=connections, max_keepalive_connections=connections)
    return FencedTransport(httpx2.AsyncHTTPTransport(verify=verify, trust_env=False, limits=limits), fence)
