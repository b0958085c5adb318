"""Erasure: one customer leaves a partition's state, and nothing that only it brought in stays.

Erase (an order in every partition) -> settle() -> Delta with an `Erased` -> erase(state, change)

What others have seen too stays with their evidence; a signature that nobody else has seen goes, and a group with its last
signature. A challenge that goes is told as erased under its id. The ids of events go as well: no topic holds them any more.
"""

from __future__ import annotations

from fde_streams.delta import Erased
from fde_streams.group import Group, Known, State
from fde_streams.identity import disown, recompute
from fde_streams.share import customer_of


def challenges_with(state: State, customer: str) -> tuple[str, ...]:
    """The raised groups that have evidence of `customer`, in id order."""
    return tuple(
        sorted(
            group.id
            for group in state.groups.values()
            if group.raised_at is not None and any(customer_of(place) == customer for place in state.shares(group))
        )
    )


def erase(state: State, change: Erased) -> None:
    """Take everything of the customer out of `state`. Doing it twice does nothing."""
    customer = change.customer
    touched: dict[str, Group] = {}
    for known in list(state.signatures.values()):
        if _leave(state, known, customer):
            group = state.groups[known.group]
            touched[group.id] = group
            if not known.shares:
                _drop(state, known, group)
    for group in touched.values():
        if not group.members:
            _close(state, group)
        else:
            group.revision += 1
            recompute(state, group)
    for name in [name for name in state.seen.epochs.keys() | state.seen.latest.keys() if _epoch_of(name, customer)]:
        state.seen.epochs.pop(name, None)
        state.seen.floors.pop(name, None)
        state.seen.latest.pop(name, None)
    for place in [place for place in state.alive if customer_of(place) == customer]:
        del state.alive[place]
    state.clock.latest.pop(customer, None)


def _leave(state: State, known: Known, customer: str) -> bool:
    """Whether `known` had anything of the customer; it is without it then."""
    places = [place for place in known.shares if customer_of(place) == customer]
    if not places:
        return False
    for place in places:
        del known.shares[place]
        (known.samples or {}).pop(place, None)
    if known.owner == customer:
        disown(state, known)
    left = {customer_of(place) for place in known.shares}
    if len(left) == 1 and known.owner is None:
        known.owner = left.pop()
        state.own.setdefault(known.owner, {})[known.digest] = None
    return True


def _drop(state: State, known: Known, group: Group) -> None:
    """A signature that nobody else has seen."""
    disown(state, known)
    if known.founder and state.near is not None:
        state.near.discard(known.digest)
    del state.signatures[known.digest]
    group.members = tuple(digest for digest in group.members if digest != known.digest)


def _close(state: State, group: Group) -> None:
    """A group without a signature, and every name that led to it."""
    del state.groups[group.id]
    for name in (group.id, *group.redirects):
        state.tombstones.pop(name, None)
    for other in state.walls.pop(group.id, ()):
        state.walls[other].discard(group.id)
    for digest in [digest for digest, home in state.homes.items() if home == group.id]:
        del state.homes[digest]


def _epoch_of(name: str, customer: str) -> bool:
    return name.partition("/")[0] == customer
