from __future__ import annotations

from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def quiet_structlog() -> Iterator[None]:
    """Commands configure logging for their process; here the process goes on."""
    import structlog

    structlog.reset_defaults()
    yield
    structlog.reset_defaults()
