"""Rehearsal: whether people's acts arrive in the record, by an act that changes nothing.

a replacement of a candidate that there is not (dry run) -> audit log -> collector -> `fde-engine.audit` -> seen here
"""

from __future__ import annotations

import asyncio
import secrets
import time
from typing import Final

from fde_events.chain import Stored, stored
from fde_events.topics import AUDIT
from fde_operator.audit.event import REHEARSAL
from fde_operator.audit.topic import between, ends
from fde_operator.cluster import Cluster
from fde_operator.errors import Denied

_POLL_S: Final = 0.3


async def rehearse(cluster: Cluster, brokers: str, *, limit_s: float, topic: str = AUDIT) -> float | None:
    """Seconds until the act was in the record; None when it was not within `limit_s`.

    Whether the one who asks may do it does not matter: a refusal is recorded as well. Raises Unavailable.
    """
    name = REHEARSAL + secrets.token_hex(8)
    _, begin = await asyncio.to_thread(ends, brokers, topic, limit_s)
    asked = time.monotonic()
    manifest = {
        "apiVersion": "fde.io/v1",
        "kind": "PatternCandidate",
        "metadata": {"name": name, "namespace": "fde-library"},
        "spec": {},
    }
    try:
        await cluster.stands(manifest)
    except Denied:
        pass
    while time.monotonic() - asked < limit_s:
        if await asyncio.to_thread(_is_there, brokers, topic, begin, name):
            return time.monotonic() - asked
        await asyncio.sleep(_POLL_S)
    return None


def _is_there(brokers: str, topic: str, begin: int, name: str) -> bool:
    _, high = ends(brokers, topic, 20.0)
    raws = between(brokers, topic, begin, high, time.monotonic() + 20.0)
    return any(_is_it(one, name) for raw in raws if (one := stored(raw)) is not None)


def _is_it(one: Stored, name: str) -> bool:
    return one.body.get("source") == "kubernetes" and one.body.get("name") == name
