"""Layer: a Cluster over another one that hands every call on. What stands between the core and the API server overrides its part."""

from __future__ import annotations

from fde_operator.cluster import Cluster, Manifest
from fde_operator.key import Key


class Layer:
    """A :class:`fde_operator.cluster.Cluster`: each call is the one of `inner`."""

    def __init__(self, inner: Cluster) -> None:
        self._inner = inner

    async def get(self, key: Key) -> Manifest | None:
        """See :class:`Cluster`, as all below."""
        return await self._inner.get(key)

    async def list(
        self,
        kind: str,
        *,
        namespace: str = "",
        labels: dict[str, str] | None = None,
        fields: dict[str, str] | None = None,
    ) -> list[Manifest]:
        """Handed on."""
        return await self._inner.list(kind, namespace=namespace, labels=labels, fields=fields)

    async def create(self, manifest: Manifest) -> Manifest:
        """Handed on."""
        return await self._inner.create(manifest)

    async def rehearse(self, manifest: Manifest) -> None:
        """Handed on."""
        await self._inner.rehearse(manifest)

    async def apply(self, manifest: Manifest) -> Manifest:
        """Handed on."""
        return await self._inner.apply(manifest)

    async def apply_status(self, manifest: Manifest) -> Manifest:
        """Handed on."""
        return await self._inner.apply_status(manifest)

    async def stands(self, manifest: Manifest) -> str | None:
        """Handed on."""
        return await self._inner.stands(manifest)

    async def put(self, manifest: Manifest) -> str:
        """Handed on."""
        return await self._inner.put(manifest)

    async def delete(self, key: Key, *, uid: str) -> None:
        """Handed on."""
        await self._inner.delete(key, uid=uid)
