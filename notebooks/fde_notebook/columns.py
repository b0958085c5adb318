"""The columns of every frame, and how rows become one. An empty frame has the same columns and types as a full one.

A name means the same wherever it stands, so that frames join by it: `event`, `group`, `challenge` (a raised group's id is
its challenge's), `candidate`, `primitive`. Times are UTC in milliseconds, null when not known.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

import polars as pl

Schema = Mapping[str, pl.DataType]

TEXT: Final = pl.String()
COUNT: Final = pl.Int64()
FLAG: Final = pl.Boolean()
TEXTS: Final = pl.List(pl.String())
TIME: Final = pl.Datetime("ms", "UTC")
SPAN: Final = pl.Duration("ms")

EVENTS: Final[Schema] = {
    "event": TEXT, "time": TIME, "customer": TEXT, "deployment": TEXT, "kind": TEXT, "severity": TEXT, "service": TEXT,
    "scope": TEXT, "exception_type": TEXT, "message": TEXT, "http_status": COUNT, "server_address": TEXT, "count": COUNT,
    "group": TEXT, "signature": TEXT, "block": TEXT, "title": TEXT,
}  # fmt: skip
GROUPS: Final[Schema] = {
    "group": TEXT, "title": TEXT, "kind": TEXT, "block": TEXT, "signatures": COUNT, "deployments": COUNT,
    "customers": COUNT, "events": COUNT, "first_seen": TIME, "last_seen": TIME, "raised_at": TIME,
}  # fmt: skip
CHALLENGES: Final[Schema] = {
    "challenge": TEXT, "title": TEXT, "kind": TEXT, "block": TEXT, "signatures": TEXTS, "deployments": COUNT,
    "customers": COUNT, "events": COUNT, "first_seen": TIME, "last_seen": TIME, "raised_at": TIME, "samples": TEXTS,
}  # fmt: skip
SIGHTINGS: Final[Schema] = {
    "challenge": TEXT, "deployment": TEXT, "customer": TEXT, "events": COUNT, "first_seen": TIME, "last_seen": TIME,
}  # fmt: skip
CANDIDATES: Final[Schema] = {
    "candidate": TEXT, "challenge": TEXT, "title": TEXT, "state": TEXT, "primitive": TEXT, "version": TEXT,
    "languages": TEXTS, "parameters": COUNT, "siblings": COUNT, "rebuilt": COUNT, "customers": COUNT, "leaks": COUNT,
    "proof": TEXT, "everyone": FLAG, "first_seen": TIME, "threshold_met": TIME, "proposed_at": TIME, "reviewer": TEXT,
    "reason": TEXT, "decided_at": TIME, "published_as": TEXT,
}  # fmt: skip
PARAMETERS: Final[Schema] = {
    "candidate": TEXT, "primitive": TEXT, "parameter": TEXT, "type": TEXT, "required": FLAG, "default": TEXT,
    "allowed_values": TEXTS, "places": COUNT, "description": TEXT,
}  # fmt: skip
LATENCY: Final[Schema] = {
    "primitive": TEXT, "version": TEXT, "challenge": TEXT, "first_seen": TIME, "threshold_met": TIME,
    "published_at": TIME, "to_threshold": SPAN, "to_publication": SPAN, "full_loop": SPAN,
}  # fmt: skip


def frame(schema: Schema, rows: Iterable[tuple[Any, ...]]) -> pl.DataFrame:
    """Rows, each in the schema's order, as a frame of exactly these types."""
    return pl.DataFrame(list(rows), schema=dict(schema), orient="row", strict=True)


def moment(text: str | None) -> datetime | None:
    """RFC 3339 as a moment in UTC; None for what is empty or no time (a resource may carry an empty one)."""
    if not text:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
