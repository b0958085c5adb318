"""Signatures and groups of a file, by the same code as the workers: what `fde group` prints.

A group offline is what the fold would make of the same events: `seat_of` decides.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import msgspec

from fde_events.event import Event, kind_of
from fde_events.signed import Signature
from fde_streams.delta import Delta, Seat
from fde_streams.fold import apply
from fde_streams.group import State
from fde_streams.seating import seat_of
from fde_streams.signature import signature_of


@dataclass(frozen=True, slots=True)
class Entry:
    """One event of the input. `index` is 0-based; lines are 1-based and inclusive, 0 where the input has none to tell."""

    index: int
    event: Event
    deployment: str = ""
    line_start: int = 0
    line_end: int = 0


class Assignment(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One input event's group and signature. `index` is the event's 0-based place in the input, broken records counted."""

    index: int
    cluster: str
    signature: str
    kind: str
    block: str
    title: str
    deployment: str = ""
    line_start: int = 0
    line_end: int = 0


class Grouping:
    """Gives each event its group, one after the other. Memory grows with the number of signatures, not of events."""

    __slots__ = ("_state",)

    def __init__(self) -> None:
        self._state = State()

    def seat(self, signature: Signature) -> Seat:
        """The signature's seat in its group; an unknown one gets it here."""
        known = signature.digest in self._state.signatures
        seat = seat_of(self._state, signature, signature.block.split("/", 1)[0])
        if not known:
            apply(self._state, Delta(seats=(seat,)))
        return seat

    def group(self, signature: Signature) -> str:
        """The id of the signature's group."""
        known = self._state.signatures.get(signature.digest)
        return known.group if known is not None else self.seat(signature).group

    def assign(self, entry: Entry) -> Assignment:
        """The line that `fde group` writes for one event."""
        signature = signature_of(entry.event)
        return Assignment(
            index=entry.index,
            cluster=self.group(signature),
            signature=signature.digest,
            kind=kind_of(entry.event),
            block=signature.block,
            title=signature.title,
            deployment=entry.deployment,
            line_start=entry.line_start if entry.line_end else 0,  # a line of the input file is told by the index
            line_end=entry.line_end,
        )


def assignments(entries: Iterable[Entry]) -> Iterator[Assignment]:
    """The group of each event, in order."""
    grouping = Grouping()
    return (grouping.assign(entry) for entry in entries)
