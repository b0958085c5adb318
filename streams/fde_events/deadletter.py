"""A record off contract on its way to `fde-engine.dead-letter`: whole, with why and where it came from in headers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

_PREFIX: Final = "fde_dead_"
_MAX_REASON: Final = 500

RawHeaders = list[tuple[str, bytes | None]]


def reason_of(why: str) -> str:
    """`why`, short enough for a header and a log line."""
    return why[:_MAX_REASON]


def coordinate(topic: str | None, partition: int | None, offset: int | None) -> str:
    """``topic/partition/offset``: the dead letter's key, so that the same record has one."""
    return f"{topic}/{partition}/{offset}"


def burial(
    topic: str | None,
    partition: int | None,
    offset: int | None,
    headers: Sequence[tuple[str, bytes | None]] | None,
    why: str,
) -> RawHeaders:
    """The record's own headers and ours; ours of an earlier burial are replaced."""
    kept: RawHeaders = [(name, value) for name, value in headers or () if not name.startswith(_PREFIX)]
    ours = {"reason": reason_of(why), "topic": str(topic), "partition": str(partition), "offset": str(offset)}
    return kept + [(_PREFIX + name, text.encode()) for name, text in ours.items()]
