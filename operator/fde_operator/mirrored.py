"""MirroredCluster: reads come from the mirror, writes go to the API server and their answers into the mirror.

A reconciliation therefore sees its own writes, and others' as soon as their events arrive.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from fde_operator import clock
from fde_operator.cluster import Cluster, Manifest, key_of
from fde_operator.desired import OWNED_KINDS
from fde_operator.errors import Conflicting
from fde_operator.key import Key
from fde_operator.labels import OWNED
from fde_operator.layer import Layer
from fde_operator.mirror import Mirror
from fde_operator.settings import MANAGED_BY


class MirroredCluster(Layer):
    """A :class:`fde_operator.cluster.Cluster` over another one. What the mirror does not hold is read there.

    `wrote` gets each object that was made or applied, as the API server answered; `said` each object as it was before its
    status was applied, and as it is. `changed` gets what somebody else has changed meanwhile: an answer that shows it comes
    before its event, and the event is no news then.
    """

    def __init__(
        self,
        inner: Cluster,
        mirror: Mirror,
        *,
        wrote: Callable[[Manifest], None] = lambda _: None,
        said: Callable[[Manifest, Manifest], None] = lambda *_: None,
        changed: Callable[[Manifest], None] = lambda _: None,
    ) -> None:
        super().__init__(inner)
        self._mirror = mirror
        self._wrote, self._said, self._changed = wrote, said, changed

    def _covers(self, kind: str, labels: Mapping[str, str] | None = None) -> bool:
        # Of these the mirror holds what is ours alone: the API server selects by label, others' never reach this process.
        ours = kind not in OWNED_KINDS or (labels or {}).get(OWNED) == MANAGED_BY
        return ours and self._mirror.holds(kind)

    async def get(self, key: Key) -> Manifest | None:
        """From memory."""
        return self._mirror.get(key) if self._covers(key.kind) else await self._inner.get(key)

    async def list(
        self,
        kind: str,
        *,
        namespace: str = "",
        labels: dict[str, str] | None = None,
        fields: dict[str, str] | None = None,
    ) -> list[Manifest]:
        """From memory."""
        if self._covers(kind, labels):
            return self._mirror.list(kind, namespace=namespace, labels=labels, fields=fields)
        return await self._inner.list(kind, namespace=namespace, labels=labels, fields=fields)

    async def refresh(self, key: Key) -> None:
        """What the API server has now, into the mirror: after a conflict, when memory was behind."""
        if not self._mirror.holds(key.kind):
            return
        before = self._mirror.get(key)
        found = await self._inner.list(key.kind, namespace=key.namespace, fields={"metadata.name": key.name})
        if found and self._covers(key.kind, found[0]["metadata"].get("labels")):
            self._mirror.put(found[0])
        elif not found and before is not None:  # that very object: another one may have come meanwhile
            self._mirror.remove(key, uid=before["metadata"]["uid"])

    async def create(self, manifest: Manifest) -> Manifest:
        """And remember it."""
        try:
            return self._made(await self._inner.create(manifest))
        except Conflicting:
            await self.refresh(key_of(manifest))
            raise

    async def apply(self, manifest: Manifest) -> Manifest:
        """And remember it."""
        before = await self.get(key_of(manifest)) if self._covers(manifest["kind"]) else None
        try:
            after = self._made(await self._inner.apply(manifest))
            self._compare(before, after)
            return after
        except Conflicting:
            await self.refresh(key_of(manifest))
            raise

    async def apply_status(self, manifest: Manifest) -> Manifest:
        """And remember it."""
        before = await self.get(key_of(manifest))
        try:
            after = await self._inner.apply_status(manifest)
            self._remember(after)
            if before is not None:
                self._said(before, after)
            self._compare(before, after)
            return after
        except Conflicting:
            await self.refresh(key_of(manifest))
            raise

    async def delete(self, key: Key, *, uid: str) -> None:
        """And remember that it is on its way out."""
        await self._inner.delete(key, uid=uid)
        if self._mirror.holds(key.kind):
            self._mirror.doom(key, uid=uid, at=clock.now())

    def _made(self, manifest: Manifest) -> Manifest:
        if self._remember(manifest):
            self._wrote(manifest)
        return manifest

    def _compare(self, before: Manifest | None, after: Manifest) -> None:
        if before is not None and _asked(before) != _asked(after):
            self._changed(after)

    def _remember(self, manifest: Manifest) -> bool:
        covered = self._covers(manifest["kind"], manifest["metadata"].get("labels"))
        if covered:
            self._mirror.put(manifest)
        return covered


def _asked(manifest: Manifest) -> Manifest:
    """What people write of an object of our own kinds. We write its status, and of a feed its finalizers."""
    metadata = manifest["metadata"]
    marks = {name: metadata.get(name) for name in ("uid", "generation", "labels", "annotations", "deletionTimestamp")}
    return {**marks, "spec": manifest.get("spec")}
