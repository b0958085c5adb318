"""Reflector: one kind's watch. Lists, then follows; whatever breaks, it lists again.

list -> Mirror, prune -> watch from there -> Mirror, on_change -> (ended, refused, silent) -> list

kopf watches our own kinds. What belongs to deployments comes through here: kopf's worker for each object costs 1.6 ms and a
task, and a thousand deployments have six thousand children (docs/decisions/0018).
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncGenerator, Callable
from typing import Final, Protocol

from structlog import get_logger

from fde_events.errors import Unavailable
from fde_operator import routes
from fde_operator.cluster import Manifest, key_of
from fde_operator.errors import Conflicting, Denied
from fde_operator.labels import DEPLOYMENT
from fde_operator.mirror import Mirror
from fde_operator.queue import Backoff

log = get_logger()
_SILENT_S: Final = (
    90.0  # a connection may be open and dead: after this long without a word, a new one from the same place
)


class Watched(Protocol):
    """What a reflector needs of the API server."""

    async def snapshot(self, kind: str, labels: dict[str, str | None], take: Callable[[Manifest], None]) -> str:
        """Hands each object to `take`; the resource version of the list. Raises Unavailable, Denied and Conflicting."""
        ...

    def follow(
        self, kind: str, labels: dict[str, str | None], version: str
    ) -> AsyncGenerator[tuple[str, Manifest], None]:
        """ADDED, MODIFIED and DELETED after `version`, for ever; raises Unavailable, Denied, Conflicting (too old)."""
        ...


class Reflector:
    """One kind with one label selector into the mirror. `changed` gets each object that is news, or has gone.

    `turn`: held while it lists.
    """

    def __init__(
        self,
        source: Watched,
        mirror: Mirror,
        kind: str,
        labels: dict[str, str | None],
        changed: Callable[[Manifest], None],
        *,
        turn: asyncio.Lock | None = None,
    ) -> None:
        self._source, self._mirror, self.kind, self._labels, self._changed = source, mirror, kind, labels, changed
        self.synced = asyncio.Event()
        self._turn = turn or asyncio.Lock()
        self._backoff, self._failures = Backoff(0.5, 15.0), 0

    async def run(self) -> None:
        """For ever."""
        version = ""
        while True:
            try:
                version = await self._follow(version or await self.relist())
            except Forgotten:
                version = ""
            except (Unavailable, Denied, Conflicting) as error:
                version = ""
                await asyncio.sleep(self._again_s(error))

    def _again_s(self, error: Unavailable | Denied | Conflicting) -> float:
        """Seconds until it is tried again."""
        self._failures += 1
        delay_s = self._backoff.delay_s(self._failures, random.random())  # noqa: S311 - jitter, not a secret
        log.warning("watch_broken", kind=self.kind, why=str(error), retry_s=round(delay_s, 1))
        return delay_s

    async def relist(self) -> str:
        """The whole kind into the mirror, which is then `synced`; the list's resource version."""
        alive: dict[tuple[str, str], str] = {}

        def take(manifest: Manifest) -> None:
            metadata = manifest["metadata"]
            alive[metadata.get("namespace", ""), metadata["name"]] = str(metadata["uid"])
            self._take(manifest)

        async with self._turn:
            version = await self._source.snapshot(self.kind, self._labels, take)
        for ghost in self._mirror.prune(self.kind, alive, version=int(version)):
            self._changed(ghost)
        self.synced.set()
        self._failures = 0
        return version

    def _take(self, manifest: Manifest) -> None:
        """Into the mirror. What no longer says whose it is, is told as it was, too."""
        before = self._mirror.get(key_of(manifest)) if self.kind in routes.COMPARED or not _said(manifest) else None
        if self._mirror.put(manifest) and routes.matters(before, manifest):
            self._changed(manifest)
            if not _said(manifest) and before is not None and _said(before):
                self._changed(before)

    async def _follow(self, version: str) -> str:
        """The version to go on from, after silence or the end of the connection."""
        events = self._source.follow(self.kind, self._labels, version)
        try:
            while True:
                async with asyncio.timeout(_SILENT_S):
                    what, manifest = await anext(events)
                version = str(manifest["metadata"]["resourceVersion"])
                if what == "DELETED":
                    self._mirror.remove(key_of(manifest), uid=manifest["metadata"]["uid"], version=int(version))
                    self._changed(manifest)
                else:
                    self._take(manifest)
        except Conflicting as error:
            raise Forgotten(str(error)) from error
        except (TimeoutError, StopAsyncIteration):
            return version
        finally:
            await events.aclose()


class Forgotten(Exception):
    """The API server no longer knows what came after a version: list again, at once."""


def _said(manifest: Manifest) -> bool:
    return DEPLOYMENT in (manifest["metadata"].get("labels") or {})
