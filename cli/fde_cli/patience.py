"""The end of a worker's patience. A worker retries inside; what comes out is final and does not promise another try."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def giving_up() -> Iterator[None]:
    """Within, :class:`Unavailable` becomes :class:`Refused` with the next step."""
    from fde_events.errors import Refused, Unavailable

    try:
        yield
    except Unavailable as error:
        raise Refused(f"{error.what} What was taken in is kept; start the worker again when Kafka is back.") from error
