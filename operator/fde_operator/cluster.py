"""The seam between reconciling and the Kubernetes API: the calls we make, and what they raise.

Every call may raise :class:`fde_events.errors.Unavailable` (away, overloaded: try again), :class:`Denied` (forbidden or
invalid) and, for writes, :class:`Conflicting`. Manifests are plain mappings, as JSON has them.
"""

from __future__ import annotations

from typing import Any, Protocol

from fde_operator.key import Key

Manifest = dict[str, Any]


class Cluster(Protocol):
    """What the core needs of Kubernetes."""

    async def get(self, key: Key) -> Manifest | None:
        """The object as it is now; None when it is not there."""
        ...

    async def list(
        self,
        kind: str,
        *,
        namespace: str = "",
        labels: dict[str, str] | None = None,
        fields: dict[str, str] | None = None,
    ) -> list[Manifest]:
        """All objects of a kind that carry `labels` and `fields`; namespace empty: in all namespaces."""
        ...

    async def create(self, manifest: Manifest) -> Manifest:
        """Make it; Conflicting when it is there already."""
        ...

    async def rehearse(self, manifest: Manifest) -> None:
        """Ask whether it could be made, and make nothing (dryRun=All); Denied with admission's sentence when not."""
        ...

    async def apply(self, manifest: Manifest) -> Manifest:
        """Server-side apply as field manager ``fde-operator``, taking over contested fields."""
        ...

    async def apply_status(self, manifest: Manifest) -> Manifest:
        """Server-side apply of the status sub-resource."""
        ...

    async def stands(self, manifest: Manifest) -> str | None:
        """Its resource version, if it is there and may be overwritten by `manifest`; nothing is read (a PUT with dryRun=All).

        Denied when it is somebody else's. With a resource version: Conflicting when it is another one by now.
        """
        ...

    async def put(self, manifest: Manifest) -> str:
        """The whole object as given, made when it is missing. Nothing is read; its resource version comes back."""
        ...

    async def delete(self, key: Key, *, uid: str) -> None:
        """Delete this very object (by uid) and, in the background, what it owns. Gone already is fine."""
        ...


def key_of(manifest: Manifest) -> Key:
    """Which object `manifest` is."""
    metadata = manifest["metadata"]
    return Key(manifest["kind"], metadata.get("namespace", ""), metadata["name"])
