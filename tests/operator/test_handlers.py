from __future__ import annotations

import itertools
from typing import Any

import kopf

from fde_operator import handlers


def test_kopf_writes_nothing_and_gives_up_never() -> None:
    settings = kopf.OperatorSettings()
    handlers.configure(settings)
    assert settings.posting.enabled is False
    assert settings.queueing.worker_limit is None
    assert settings.queueing.idle_timeout < 1
    backoffs: Any = settings.networking.error_backoffs
    for _ in range(2):  # anew for each request
        assert list(itertools.islice(backoffs, 1000))[-1] <= 10
