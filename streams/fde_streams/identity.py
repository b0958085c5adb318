"""Identity: ids that are minted once, merges that redirect, splits that keep the id, and what may never be merged.

A merge's older group keeps its id (raised first; of two that were not, the smaller id) and the other becomes a tombstone. A
split leaves the id with the part that more places have seen (of two equal ones, the one with the founder). Everything here is
a function of the state and the change, so that replay gives the same ids; doing a change twice does nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from itertools import combinations

from fde_streams.delta import Change, Delta, Marked, Merged, Parted, Pinned, Raised
from fde_streams.group import Group, Known, State, Tombstone, customers, hours_of, summed


def group_id(digest: str, attempt: int = 1) -> str:
    """The permanent id of the group that this signature founds; `attempt` > 1 where that one is in use already."""
    salt = "" if attempt == 1 else f"/{attempt}"
    return "ch-" + hashlib.blake2b(f"group/1/{digest}{salt}".encode(), digest_size=10).hexdigest()


def oldest(groups: Iterable[Group]) -> Group:
    """The group whose id the others lead to."""
    return min(groups, key=lambda group: (group.raised_at is None, group.raised_at or "", group.id))


def raised_at(firsts: Iterable[str], threshold: int) -> str | None:
    """When the threshold was met, given when each place saw the group first; None if it was not."""
    times = sorted(firsts)
    return times[threshold - 1] if len(times) >= threshold else None


def block_of(state: State, group: Group) -> str:
    """The block of a group: that of all its signatures."""
    return state.signatures[group.founder].block


def parted_by(state: State, digests: Sequence[str], group: Group) -> tuple[str, tuple[str, ...]]:
    """If `digests` and the rest of `group` part: the new part's id and its signatures. Both are not empty."""
    chosen = set(digests)
    sides = [tuple(d for d in group.members if (d in chosen) is inside) for inside in (True, False)]
    places = [len({place for digest in side for place in state.signatures[digest].shares}) for side in sides]
    keeps = 0 if (places[0], group.founder in chosen) > (places[1], group.founder not in chosen) else 1
    leaves = sides[1 - keeps]
    attempt = 1
    while True:
        for digest in sorted(leaves):
            name = group_id(digest, attempt)
            if name not in state.groups and name not in state.tombstones:
                return name, leaves
        attempt += 1


def refusal(state: State, groups: Sequence[str]) -> str | None:
    """Why clustering may not merge these groups, as a sentence; None if nothing speaks against it."""
    found = [state.resolve(name) for name in groups]
    known = {group.id: group for group in found if group is not None}
    if None in found:
        return "one of the groups is not known"
    if len(known) < 2:
        return "they are one group already"
    if len({block_of(state, group) for group in known.values()}) > 1:
        return "they are of different blocks"
    if len({group.ignored for group in known.values()}) > 1:
        return "a person said that one of them is to be ignored"
    if any(b in state.walls.get(a, ()) for a, b in combinations(known, 2)):
        return "a person parted them"
    return None


def united(state: State, groups: Sequence[str], *, by: str, why: str, threshold: int) -> Delta:
    """The delta that merges these groups, each known and not all one. Whether they may is the caller's question."""
    found = {group.id: group for name in groups if (group := state.resolve(name)) is not None}
    winner = oldest(found.values())
    firsts: dict[str, str] = {}
    for group in found.values():
        for place, share in state.shares(group).items():
            firsts[place] = min(firsts.get(place, share.first), share.first)
    at = raised_at(firsts.values(), threshold) if winner.raised_at is None else None
    return Delta(
        changes=tuple(Merged(name, winner.id, by, why) for name in sorted(found) if name != winner.id),
        raised=(Raised(winner.id, at),) if at is not None else (),
    )


def enact(state: State, change: Change) -> None:
    """Make `change` part of `state`."""
    if isinstance(change, Merged):
        _merge(state, change)
    elif isinstance(change, Parted):
        _part(state, change)
    elif isinstance(change, Pinned):
        _pin(state, change)
    elif isinstance(change, Marked):
        group = state.resolve(change.group)
        if group is not None and group.ignored is not change.ignored:
            group.ignored = change.ignored
            group.revision += 1


def seat(state: State, known: Known) -> None:
    """Put a signature that is in no group into the one it names, or found that."""
    group = state.groups.get(known.group)
    state.signatures[known.digest] = known
    if group is None:
        state.groups[known.group] = Group(known.group, known.digest, (known.digest,))
        _represent(state, known)
        return
    if group.summed is None:
        group.summed = summed(state.members(group))
    group.members += (known.digest,)


def forget(state: State, digest: str) -> None:
    """A signature leaves its customer's quota: forgotten with its whole group if nobody else knows that; else kept."""
    known = state.signatures.get(digest)
    if known is None:
        return
    disown(state, known)
    group = state.groups[known.group]
    if group.raised_at is not None or group.revision or customers(state.shares(group)) > 1:
        return
    for member in list(state.members(group)):
        disown(state, member)
        if member.founder and state.near is not None:
            state.near.discard(member.digest)
        del state.signatures[member.digest]
        state.forgotten += 1
    del state.groups[group.id]


def disown(state: State, known: Known) -> None:
    """Let it count against nobody's quota any more: another customer has seen it too, or it was kept for good."""
    if known.owner is None:
        return
    mine = state.own[known.owner]
    mine.pop(known.digest, None)
    if not mine:
        del state.own[known.owner]
    known.owner = None


def _represent(state: State, known: Known) -> None:
    known.founder = True
    if state.near is not None:
        state.near.add(known.outline)


def _merge(state: State, change: Merged) -> None:
    loser, winner = state.groups.get(change.loser), state.resolve(change.winner)
    if loser is None or winner is None or loser is winner:
        return
    whole = winner.summed if winner.summed is not None else summed(state.members(winner))
    for place, share in state.shares(loser).items():
        if (mine := whole.get(place)) is None:
            whole[place] = share.copy()
        else:
            mine.join(share)
    for known in state.members(loser):
        known.group = winner.id
    title = state.signatures[loser.founder]
    # The loser's founders stay findable: what is near to them belongs to the winner, because it was told so.
    winner.members += loser.members
    winner.summed = whole
    winner.ignored = winner.ignored and loser.ignored
    winner.raised_at = min((at for at in (winner.raised_at, loser.raised_at) if at is not None), default=None)
    winner.hours = hours_of(whole.values()) if winner.raised_at is not None else None
    winner.revision = max(winner.revision, loser.revision) + 1
    winner.redirects = tuple(sorted({*winner.redirects, loser.id, *loser.redirects}))
    del state.groups[loser.id]
    state.tombstones[loser.id] = Tombstone(
        loser.id, winner.id, title.title, title.kind, title.block, loser.revision + 1, loser.raised_at
    )
    for other in sorted(state.walls.pop(loser.id, ())):
        state.walls[other].discard(loser.id)
        if other != winner.id:
            _wall(state, other, winner.id)


def _part(state: State, change: Parted) -> None:
    group = state.resolve(change.group)
    if group is None or change.part in state.groups or change.part in state.tombstones:
        return
    leaving = set(change.digests)
    leaves = tuple(digest for digest in group.members if digest in leaving)
    if not leaves or len(leaves) == len(group.members):
        return
    group.revision += 1
    part = Group(change.part, min(leaves), leaves, revision=group.revision, ignored=group.ignored)
    state.groups[part.id] = part
    group.members = tuple(digest for digest in group.members if digest not in leaving)
    for digest in leaves:
        state.signatures[digest].group = part.id
    for one in (group, part):
        recompute(state, one)
    for other in sorted(state.walls.get(group.id, ())):
        _wall(state, other, part.id)
    _wall(state, group.id, part.id)
    for digest in change.awaited:
        state.homes[digest] = change.home


def _pin(state: State, change: Pinned) -> None:
    target, known = state.resolve(change.group), state.signatures.get(change.digest)
    if target is None:
        return
    if known is None:
        if state.homes.get(change.digest) != target.id:
            state.homes[change.digest] = target.id
            target.revision += 1
        return
    source = state.groups[known.group]
    if source is target or len(source.members) == 1:
        return
    source.members = tuple(digest for digest in source.members if digest != known.digest)
    target.members += (known.digest,)
    known.group = target.id
    for group in (source, target):
        group.revision += 1
        recompute(state, group)


def recompute(state: State, group: Group) -> None:
    """Evidence and founder from the members, after some have left."""
    group.summed = summed(state.members(group)) if len(group.members) > 1 else None
    group.hours = hours_of(state.shares(group).values()) if group.raised_at is not None else None
    founders = [known.digest for known in state.members(group) if known.founder]
    if group.founder not in group.members:
        group.founder = min(founders or group.members)
    if not founders:
        _represent(state, state.signatures[group.founder])


def _wall(state: State, one: str, other: str) -> None:
    state.walls.setdefault(one, set()).add(other)
    state.walls.setdefault(other, set()).add(one)
