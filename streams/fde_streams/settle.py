"""Settling: what becomes of people's orders, one at a time, each against the state as it is.

Order (waiting in the state) -> settle() -> Delta of one order: its changes and the ruling | None while none can be followed

An order whose groups are not known yet waits for them. The latest word of a person counts: a merge takes back a split, a
split takes back a merge. What clustering wants never counts against a person's word (`identity.refusal`).
"""

from __future__ import annotations

from typing import Final

from fde_events.order import Erase, Ignore, Merge, Order, Pin, Split
from fde_streams.delta import Delta, Erased, Marked, Parted, Pinned, Raised, Ruling
from fde_streams.erasure import challenges_with
from fde_streams.group import Group, State
from fde_streams.identity import block_of, parted_by, raised_at, united

MAX_WAITING: Final = 1_000
FOLLOWED: Final = "followed"
REFUSED: Final = "refused"


def settle(state: State, threshold: int) -> Delta | None:
    """The delta of the first waiting order that can be followed or must be refused; None if all go on waiting."""
    for order in state.waiting.values():
        delta = _settled(state, order, threshold)
        if delta is not None:
            return delta
    return None


def _settled(state: State, order: Order, threshold: int) -> Delta | None:
    if isinstance(order, Merge):
        return _merge(state, order, threshold)
    if isinstance(order, Erase):
        erased = Erased(order.customer, challenges_with(state, order.customer), order.author)
        return Delta(changes=(erased,), rulings=(Ruling(order.id, FOLLOWED),))
    group = state.resolve(order.group)
    if group is None:
        return None
    if isinstance(order, Split):
        return _split(state, order, group, threshold)
    if isinstance(order, Pin):
        return _pin(state, order, group, threshold)
    ignored = isinstance(order, Ignore)
    if group.ignored is ignored:
        return _ruled(order, FOLLOWED, "it was so already")
    return Delta(
        changes=(Marked(group.id, ignored, order.author, order.reason),), rulings=(Ruling(order.id, FOLLOWED),)
    )


def _merge(state: State, order: Merge, threshold: int) -> Delta | None:
    found = [state.resolve(name) for name in order.groups]
    groups = {group.id: group for group in found if group is not None}
    if None in found:
        return None
    if len(groups) < 2:
        return _ruled(order, FOLLOWED, "they were one group already")
    if len({block_of(state, group) for group in groups.values()}) > 1:
        return _ruled(order, REFUSED, "the groups are of different blocks, and only groups of one block can be one")
    merged = united(state, list(groups), by=order.author, why=order.reason, threshold=threshold)
    return Delta(changes=merged.changes, raised=merged.raised, rulings=(Ruling(order.id, FOLLOWED),))


def _split(state: State, order: Split, group: Group, threshold: int) -> Delta | None:
    named = set(order.signatures)
    inside = [digest for digest in group.members if digest in named]
    unknown = tuple(sorted(digest for digest in named if digest not in state.signatures))
    if not inside:
        if unknown:
            return None
        return _ruled(order, REFUSED, "none of these signatures is in the group")
    if len(inside) == len(group.members):
        return _ruled(order, REFUSED, "the part would be the whole group")
    part, leaves = parted_by(state, inside, group)
    home = part if set(leaves) == set(inside) else group.id
    firsts: dict[str, str] = {}
    for digest in leaves:
        for place, share in state.signatures[digest].shares.items():
            firsts[place] = min(firsts.get(place, share.first), share.first)
    at = raised_at(firsts.values(), threshold)
    return Delta(
        changes=(Parted(group.id, part, tuple(sorted(leaves)), order.author, order.reason, unknown, home),),
        raised=(Raised(part, at),) if at is not None else (),
        rulings=(Ruling(order.id, FOLLOWED),),
    )


def _pin(state: State, order: Pin, group: Group, threshold: int) -> Delta:
    known = state.signatures.get(order.signature)
    done = (Ruling(order.id, FOLLOWED),)
    if known is None:
        awaited = Pinned(order.signature, group.id, order.author, order.reason)
        return Delta(changes=(awaited,), rulings=(Ruling(order.id, FOLLOWED, "it counts from its first event on"),))
    source = state.groups[known.group]
    if source is group:
        return _ruled(order, FOLLOWED, "it was there already")
    if known.block != block_of(state, group):
        return _ruled(order, REFUSED, "the signature and the group are of different blocks")
    if len(source.members) == 1:  # the last one leaves: what is left is a name, and it leads here
        merged = united(state, (source.id, group.id), by=order.author, why=order.reason, threshold=threshold)
        return Delta(changes=merged.changes, raised=merged.raised, rulings=done)
    firsts = {place: share.first for place, share in state.shares(group).items()}
    for place, share in known.shares.items():
        firsts[place] = min(firsts.get(place, share.first), share.first)
    at = raised_at(firsts.values(), threshold) if group.raised_at is None else None
    pinned = Pinned(order.signature, group.id, order.author, order.reason, source.id)
    return Delta(changes=(pinned,), raised=(Raised(group.id, at),) if at is not None else (), rulings=done)


def _ruled(order: Order, outcome: str, why: str) -> Delta:
    return Delta(rulings=(Ruling(order.id, outcome, why),))
