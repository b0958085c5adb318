"""Layer: a Cluster over another one. What stands between the core and the API server overrides its part, or what all pass.

a call -> its own method -> _passed() -> the inner cluster's
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from fde_operator.cluster import Cluster, Manifest
from fde_operator.key import Key

Answer = TypeVar("Answer")


class Layer:
    """A :class:`fde_operator.cluster.Cluster`: each call is the one of `inner`."""

    def __init__(self, inner: Cluster) -> None:
        self._inner = inner

    async def _passed(self, verb: str, kind: str, call: Callable[[], Awaitable[Answer]]) -> Answer:
        """What every call passes on its way to `inner`; `verb`: the method's name."""
        return await call()

    async def get(self, key: Key) -> Manifest | None:
        """See :class:`Cluster`, as all below."""
        return await self._passed("get", key.kind, lambda: self._inner.get(key))

    async def list(
        self,
        kind: str,
        *,
        namespace: str = "",
        labels: dict[str, str] | None = None,
        fields: dict[str, str] | None = None,
    ) -> list[Manifest]:
        """Handed on."""
        return await self._passed(
            "list", kind, lambda: self._inner.list(kind, namespace=namespace, labels=labels, fields=fields)
        )

    async def create(self, manifest: Manifest) -> Manifest:
        """Handed on."""
        return await self._passed("create", manifest["kind"], lambda: self._inner.create(manifest))

    async def rehearse(self, manifest: Manifest) -> None:
        """Handed on."""
        await self._passed("rehearse", manifest["kind"], lambda: self._inner.rehearse(manifest))

    async def apply(self, manifest: Manifest) -> Manifest:
        """Handed on."""
        return await self._passed("apply", manifest["kind"], lambda: self._inner.apply(manifest))

    async def apply_status(self, manifest: Manifest) -> Manifest:
        """Handed on."""
        return await self._passed("apply_status", manifest["kind"], lambda: self._inner.apply_status(manifest))

    async def stands(self, manifest: Manifest) -> str | None:
        """Handed on."""
        return await self._passed("stands", manifest["kind"], lambda: self._inner.stands(manifest))

    async def put(self, manifest: Manifest) -> str:
        """Handed on."""
        return await self._passed("put", manifest["kind"], lambda: self._inner.put(manifest))

    async def delete(self, key: Key, *, uid: str) -> None:
        """Handed on."""
        await self._passed("delete", key.kind, lambda: self._inner.delete(key, uid=uid))
