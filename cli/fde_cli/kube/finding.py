"""Finding: what one check of `fde doctor` saw, with the next step."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """One check. `state`: ok, wrong (exit 1), or unset (nothing to check, or not allowed to look: not wrong). `next_step` for
    the latter two."""

    what: str
    state: str
    saw: str
    next_step: str = ""
