"""Marks: what the operator writes of a feed beside its status: its two finalizers, and on its own feeds labels of compliance.

feed, tags -> hold(), tag() -> one apply of all of them, and of nothing else
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from fde_operator import attach
from fde_operator.cluster import Cluster, Manifest
from fde_operator.labels import OWNED, tagged
from fde_operator.provision import FINALIZER
from fde_operator.settings import MANAGED_BY

_FINALIZERS: Final = (FINALIZER, attach.FINALIZER)


class Marks:
    """Those of one feed during one reconciliation. `tags`: the labels that go for its deployment now."""

    def __init__(self, cluster: Cluster, feed: Manifest, tags: Mapping[str, str]) -> None:
        self._cluster, self._feed, self._tags = cluster, feed, tags
        self._metadata = feed["metadata"]
        self._finalizers = {one for one in self._metadata.get("finalizers", ()) if one in _FINALIZERS}
        self._there, self._applied = tagged(feed), False

    def holds(self, finalizer: str) -> bool:
        """Whether the feed waits for us when it is deleted."""
        return finalizer in self._finalizers

    async def hold(self, finalizer: str, held: bool) -> None:
        """Our finalizers, and nothing else of the feed. With its uid: an apply never makes an object that has gone."""
        if (finalizer in self._finalizers) == held:
            return
        self._finalizers = self._finalizers | {finalizer} if held else self._finalizers - {finalizer}
        await self._apply()

    async def tag(self) -> None:
        """The operator's own feed says what goes for its deployment now; the labels of somebody else's are theirs."""
        if self._is_ours and not self._applied and self._there != self._tags:
            await self._apply()
        if self._is_ours and (strange := {name: self._there[name] for name in self._there.keys() - self._tags}):
            # Of another manager (a POST of before, somebody's hand): an apply that gives another value has it alone, and the
            # next one can leave it out.
            await self._apply({name: "ours" if mark != "ours" else "left" for name, mark in strange.items()})
            await self._apply()

    @property
    def _is_ours(self) -> bool:
        return (self._metadata.get("labels") or {}).get(OWNED) == MANAGED_BY

    async def _apply(self, also: Mapping[str, str] = MappingProxyType({})) -> None:
        """All of ours at once: what an apply of ours names no more goes. `also`: labels."""
        metadata = {name: self._metadata[name] for name in ("name", "namespace", "uid")}
        if self._finalizers:
            metadata["finalizers"] = sorted(self._finalizers)
        if self._is_ours and (self._tags or also):
            metadata["labels"] = {**self._tags, **also}
        head = {"apiVersion": self._feed["apiVersion"], "kind": self._feed["kind"]}
        after = await self._cluster.apply({**head, "metadata": metadata})
        self._there, self._applied = tagged(after), True
