"""Optional: the watch of a kind that not every cluster has. What changes is told; nothing is read from here.

list (404: not there yet, asked again in a minute) -> follow -> changed()
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from typing import Final

from structlog import get_logger

from fde_events.errors import Unavailable
from fde_operator.cluster import Manifest
from fde_operator.errors import Conflicting, Denied
from fde_operator.mirror import Mirror
from fde_operator.reflector import Reflector, Watched

log = get_logger()
_ABSENT_S: Final = 60.0
_AWAY_S: Final = 5.0


class OptionalReflector(Reflector):
    """As :class:`Reflector`, with a memory of its own, and nobody waits until it is filled: whoever asks for such an object
    asks the API server, and learns there whether the kind is known at all."""

    def __init__(
        self,
        source: Watched,
        kind: str,
        labels: dict[str, str | None],
        changed: Callable[[Manifest], None],
        *,
        turn: asyncio.Lock | None = None,
        absent_s: float = _ABSENT_S,
    ) -> None:
        super().__init__(source, Mirror({kind}), kind, labels, changed, turn=turn)
        self._absent_s = absent_s
        self.synced.set()

    def _again_s(self, error: Unavailable | Denied | Conflicting) -> float:
        """Later where the kind is not known: somebody has to bring it first."""
        longest_s = min(_AWAY_S, self._absent_s) if isinstance(error, Unavailable) else self._absent_s
        delay_s = longest_s * random.uniform(1.0, 1.5)  # noqa: S311 - jitter, not a secret
        log.debug("optional_kind_not_watched", kind=self.kind, why=str(error), retry_s=round(delay_s, 1))
        return delay_s
