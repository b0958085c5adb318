"""A person's own connection to Kubernetes: their kubeconfig, their namespace, their rights.

--kubeconfig, KUBECONFIG, ~/.kube/config -> Connection -> KubernetesCluster
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, TypeVar

import httpx2
from lightkube.config.client_adapter import ConnectionParams
from lightkube.config.kubeconfig import SingleConfig

from fde_cli.kube.kubeconfig import checked
from fde_events.errors import Misuse
from fde_operator.kubernetes import KubernetesCluster

T = TypeVar("T")
_WRITES: Final = ("POST", "PUT", "PATCH", "DELETE")


class DryRun(httpx2.AsyncBaseTransport):
    """Whatever goes out through it changes nothing: each write carries ``dryRun=All``, and a deletion does not go out."""

    def __init__(self, transport: httpx2.AsyncBaseTransport) -> None:
        self._transport = transport

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send it, if it asks or rehearses."""
        if request.method == "DELETE":  # says in its body what it means; nobody here needs the answer
            raise httpx2.UnsupportedProtocol("a dry run deletes nothing", request=request)
        if request.method in _WRITES:
            request.url = request.url.copy_merge_params({"dryRun": "All"})
        return await self._transport.handle_async_request(request)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._transport.aclose()


def dry_run(config: SingleConfig) -> DryRun:
    """The transport for a client of `config` that must not change anything."""
    verify = ConnectionParams(trust_env=False).httpx_params(config)["verify"]
    return DryRun(httpx2.AsyncHTTPTransport(verify=verify, trust_env=False))


@dataclass(frozen=True, slots=True)
class Connection:
    """Where a command asks, and as whom. `namespace`: the one given, else the current context's."""

    kubeconfig: str | None
    namespace: str

    @classmethod
    def of(cls, kubeconfig: str | None, namespace: str | None) -> Connection:
        """Misuse when nobody can connect with it, or there is no configuration at all."""
        if namespace and not re.fullmatch(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?", namespace):
            raise Misuse(f"{namespace!r} is no name of a namespace: lower-case letters, digits and '-'")
        found = checked(kubeconfig)
        return cls(found.file, namespace or found.namespace)

    def ask(self, question: Callable[[KubernetesCluster], Awaitable[T]], *, only_rehearse: bool = False) -> T:
        """Run `question` with a cluster, to its end. `only_rehearse`: nothing that it does changes anything."""

        async def run() -> T:
            cluster = KubernetesCluster(self.kubeconfig, transport=dry_run if only_rehearse else None)
            try:
                return await question(cluster)
            finally:
                await cluster.aclose()

        return asyncio.run(run())
