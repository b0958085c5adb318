"""What abstraction can say no to.

BadInput (exit 3)
├── UnparsableSource   one file does not parse           -> the member is skipped, the others go on
└── NotAbstractable    members share too little          -> back to the group, no primitive
Refused (exit 1)
└── Leaking            the finished proposal would publish what belongs to one customer
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from fde_events.errors import BadInput, Refused

if TYPE_CHECKING:
    from fde_extraction.leak import Leak


class UnparsableSource(BadInput):
    """A file that its language's parser does not take; `line` is the first place."""


class NotAbstractable(BadInput):
    """Members that share too little, or too few of them."""


class Leaking(Refused):
    """The leak gate held the proposal back. `leaks` say kinds and places, never the texts."""

    def __init__(self, leaks: Sequence[Leak]) -> None:
        shown = "; ".join(f"{leak.kind} in {leak.where}" for leak in leaks[:5])
        super().__init__(f"the leak gate found {len(leaks)} leaks, nothing is proposed: {shown}.")
        self.leaks = tuple(leaks)
