"""Watches: everything the operator looks at, into one mirror; and word of each change to whoever reconciles.

our kinds: kopf -> seen(); what belongs to deployments, customers' namespaces, admission policies: reflectors
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from typing import Final

from structlog import get_logger

from fde_events.errors import Unavailable
from fde_operator import external_secret
from fde_operator.cluster import Manifest, key_of
from fde_operator.desired import OWNED_KINDS
from fde_operator.errors import Conflicting, Denied
from fde_operator.labels import CUSTOMER, OWNED
from fde_operator.mirror import Mirror
from fde_operator.optional import OptionalReflector
from fde_operator.queue import Backoff
from fde_operator.reflector import Reflector, Watched
from fde_operator.routes import OURS, POLICIES
from fde_operator.settings import MANAGED_BY

log = get_logger()
_AGAIN: Final = Backoff(0.5, 10.0)
_SELECTED: Final[dict[str, dict[str, str | None]]] = {
    **{kind: {OWNED: MANAGED_BY} for kind in sorted(OWNED_KINDS)},
    "Namespace": {CUSTOMER: None},  # one that loses the label has gone, for us
    **{kind: {"app.kubernetes.io/part-of": "fde"} for kind in POLICIES},
}
MIRRORED: Final = frozenset({*OURS, *_SELECTED})


class Watches:
    """`changed` gets every object that is news once everything :meth:`filled` the mirror: as it is, or as it was when it went."""

    def __init__(self, source: Watched, mirror: Mirror, changed: Callable[[Manifest], None]) -> None:
        self._mirror, self._changed = mirror, changed
        self._whole = False
        turn = asyncio.Lock()  # one list at a time: seven kinds at once are seven times the pages in memory
        self.reflectors = [
            Reflector(source, mirror, kind, labels, self._news, turn=turn) for kind, labels in _SELECTED.items()
        ]
        self.reflectors.append(
            OptionalReflector(source, external_secret.KIND, {OWNED: MANAGED_BY}, self._news, turn=turn)
        )
        # kopf follows these; they are listed here once before it starts, and again at each resync.
        self._ours = [Reflector(source, mirror, kind, {}, self._news, turn=turn) for kind in OURS]

    async def filled(self) -> None:
        """Return when the mirror holds everything there is. The reflectors must be running.

        What the first lists show is told to nobody: whoever starts looks at everything once, and not once more for each child,
        namespace and policy.
        """
        failures = 0
        while True:
            try:
                await self.refill()
                break
            except (Unavailable, Denied, Conflicting) as error:
                failures += 1
                log.warning("list_postponed", why=str(error))
                await asyncio.sleep(_AGAIN.delay_s(failures, random.random()))  # noqa: S311 - jitter, not a secret
        await asyncio.gather(*(one.synced.wait() for one in self.reflectors))
        self._whole = True

    def are_filled(self) -> bool:
        """Whether every kind was listed."""
        return all(one.synced.is_set() for one in (*self.reflectors, *self._ours))

    async def refill(self) -> None:
        """Our kinds once more, whole: what kopf's watches might have missed. Raises Unavailable and Denied."""
        for one in self._ours:
            await one.relist()

    def seen(self, manifest: Manifest, gone: bool) -> None:
        """What kopf saw."""
        if gone:
            metadata = manifest["metadata"]
            self._mirror.remove(key_of(manifest), uid=metadata["uid"], version=int(metadata["resourceVersion"]))
        elif not self._mirror.put(manifest):
            return
        self._news(manifest)

    def _news(self, manifest: Manifest) -> None:
        if self._whole:
            self._changed(manifest)
