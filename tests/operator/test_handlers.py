from __future__ import annotations

import asyncio
import itertools
from typing import Any

import kopf

from fde_api.kinds import KINDS
from fde_operator import handlers
from fde_operator.routes import OURS


def test_kopf_writes_nothing_and_gives_up_never() -> None:
    settings = kopf.OperatorSettings()
    handlers.configure(settings)
    assert settings.posting.enabled is False
    assert settings.queueing.worker_limit is None
    assert settings.queueing.idle_timeout < 1
    backoffs: Any = settings.networking.error_backoffs
    for _ in range(2):  # anew for each request
        assert list(itertools.islice(backoffs, 1000))[-1] <= 10


def test_what_kopf_saw_is_handed_on_in_the_event_loop_and_in_no_thread() -> None:
    registry = handlers.registry(lambda *_: None, lambda: kopf.ConnectionInfo(server="https://127.0.0.1"))
    watching: Any = registry._watching
    found = [handler.fn for handler in watching._handlers]
    assert len(found) == len(OURS) == len(KINDS)
    assert all(asyncio.iscoroutinefunction(one) for one in found)
