"""A finding: one change of a source's shape, in words that hold no value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from fde_events.event import SchemaDriftEvent
from fde_sidecar.drift.format import TEXT, is_date

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


def _may_be_date(name: str) -> bool:
    """Whether a date may be written in this format: what was a date and is now a text with figures is one by a custom of its own."""
    return is_date(name) or name in (TEXT, "time", "number:text") or name.startswith("code:")


def kind_of(event: SchemaDriftEvent) -> str:
    """The finding's name on the command line: ``field-added``, ..., ``date-format-changed`` where a date is written otherwise."""
    if event.change == "format" and is_date(event.before or "") and _may_be_date(event.after or ""):
        return "date-format-changed"
    return _KINDS[event.change]
