"""A finding: one change of a source's shape, in words that hold no value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from fde_events.event import SchemaDriftEvent
from fde_sidecar.drift.format import is_date

_KINDS: Final = {
    "added": "field-added",
    "removed": "field-removed",
    "renamed": "field-renamed",
    "type": "type-changed",
    "nullability": "null-in-required",
    "enum": "new-enum-value",
    "format": "format-changed",
    "range": "range-changed",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """`change` as in :class:`SchemaDriftEvent`; `field` a path (``$`` is the whole payload); before and after are shapes."""

    change: str
    field: str
    before: str | None = None
    after: str | None = None


def kind_of(event: SchemaDriftEvent) -> str:
    """The finding's name on the command line: ``field-added``, ..., ``date-format-changed`` where both formats are dates."""
    if event.change == "format" and is_date(event.before or "") and is_date(event.after or ""):
        return "date-format-changed"
    return _KINDS[event.change]
