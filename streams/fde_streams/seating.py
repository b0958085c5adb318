"""Seating: where an unknown signature belongs.

It goes where a person sent it, else to the group of the founder it is near to, else it founds a group of its own. A group
holds `MAX_MEMBERS` signatures; what is near to a full one counts under the founder it is near to.
"""

from __future__ import annotations

from typing import Final

from fde_events.signed import Run, Signature, SignedEvent
from fde_streams.delta import Seat
from fde_streams.group import State, bounded
from fde_streams.identity import block_of, group_id
from fde_streams.near import Near, outline_of

MAX_MEMBERS: Final = 2_000


class Seating:
    """The seats that one step gives to unknown signatures, the later ones knowing of the earlier. Changes no state.

    `seats`: by digest, in order of arrival.
    """

    __slots__ = ("_instead", "_joined", "_near", "_state", "seats")

    def __init__(self, state: State) -> None:
        self._state = state
        self.seats: dict[str, Seat] = {}
        self._instead: dict[str, str] = {}
        self._joined: dict[str, int] = {}
        self._near: Near | None = None

    def digest_of(self, event: SignedEvent | Run) -> str:
        """Under which signature the event counts: its own, if there is room for it."""
        digest = event.signature.digest
        if digest in self._state.signatures or digest in self.seats:
            return digest
        if (instead := self._instead.get(digest)) is not None:
            return instead
        seat = self.seat(event.signature, event.kind)
        if seat.near:
            group = self._state.groups.get(seat.group)
            joined = self._joined.get(seat.group, 0)
            if joined + (len(group.members) if group is not None else 1) >= MAX_MEMBERS:
                self._instead[digest] = seat.near
                return seat.near
            self._joined[seat.group] = joined + 1
        self.seats[digest] = seat
        return digest

    def seat(self, signature: Signature, kind: str) -> Seat:
        """Where an unknown signature belongs: where a person sent it, with what it is near to, or in a group of its own."""
        state, signature = self._state, bounded(signature)
        group, near, score = "", "", 0.0
        if (home := state.homes.get(signature.digest)) is not None:
            target = state.resolve(home)
            if target is not None and block_of(state, target) == signature.block:
                group = target.id
        if not group and state.near is not None:
            outline = outline_of(signature)
            found = [state.near.nearest(outline), self._near.nearest(outline) if self._near is not None else None]
            hits = [hit for hit in found if hit is not None]
            if hits:
                near, score = min(hits, key=lambda hit: (-hit[1], hit[0]))
                known = state.signatures.get(near)
                group = known.group if known is not None else self.seats[near].group
            else:
                if self._near is None:
                    self._near = Near()
                self._near.add(outline)
        if not group:
            own = group_id(signature.digest)
            led = state.resolve(own)
            group = led.id if led is not None else own
        return Seat(
            group, signature.digest, signature.block, kind, signature.title, signature.parts, near, round(score, 4)
        )


def seat_of(state: State, signature: Signature, kind: str) -> Seat:
    """The seat of a signature, as it is known or as `fold` would give it one."""
    known = state.signatures.get(signature.digest)
    if known is None:
        return Seating(state).seat(signature, kind)
    return Seat(known.group, known.digest, known.block, known.kind, known.title, known.parts, known.near, known.score)
