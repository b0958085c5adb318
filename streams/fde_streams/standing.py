"""Challenges as they stand: what readers of `fde-engine.challenges` get to know of raised groups.

State -> challenge_of() -> Challenge; a raised group that was merged leaves a tombstone that leads to the other.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from fde_events.challenge import Challenge, Sighting
from fde_streams.delta import Delta, Erased, Merged, Parted, Pinned
from fde_streams.fold import rank
from fde_streams.group import MAX_SAMPLES, Group, State, Tombstone, customers
from fde_streams.outside import public_title
from fde_streams.share import DAYS, customer_of, deployment_of, pairs
from fde_streams.trend import trend_of

_DAY_PAIRS: Final = 12_000  # of all sightings of a record together, so that it stays far below a record's size


def challenge_of(state: State, group: Group) -> Challenge:
    """The challenge of a raised group. ValueError if the threshold was not met yet."""
    if group.raised_at is None:
        raise ValueError(f"group {group.id} has not been raised")
    shares = sorted(state.shares(group).items(), key=lambda item: (deployment_of(item[0]), item[0]))
    founder = state.signatures[group.founder]
    hours = pairs(group.hours) if group.hours is not None else ()
    days = min(DAYS, max(1, _DAY_PAIRS // len(shares)))
    first = min(share.first for _, share in shares)
    return Challenge(
        id=group.id,
        title=founder.title,
        kind=founder.kind,
        block=founder.block,
        signatures=tuple(sorted(group.members)),
        deployments=len(shares),
        customers=customers(place for place, _ in shares),
        events=sum(share.count for _, share in shares),
        first_seen=first,
        last_seen=max(share.last for _, share in shares),
        raised_at=group.raised_at,
        sightings=tuple(
            Sighting(
                deployment=deployment_of(place),
                customer=customer_of(place),
                count=share.count,
                first_seen=share.first,
                last_seen=share.last,
                days=pairs(share.days)[-days:],
                alive=state.alive.get(place, share.last),
            )
            for place, share in shares
        ),
        samples=samples_of(state, group),
        redirects=group.redirects,
        revision=group.revision,
        ignored=group.ignored,
        trend=trend_of(dict(hours), first, state.clock.now),
        hours=hours,
        public_title=public_title(state, group),
    )


def challenges_of(state: State, delta: Delta) -> list[Challenge]:
    """The challenges that a delta raised or changed, as they stand after it; one record a group, in id order."""
    return standing_of(state, touched(state, delta))


def touched(state: State, delta: Delta) -> dict[str, bool]:
    """The ids of the groups that a delta changed or took away; True for a challenge whose absence is to be told."""
    names = {state.signatures[news.digest].group: False for news in delta.increments if news.digest in state.signatures}
    names.update((raised.group, False) for raised in delta.raised)
    for change in delta.changes:
        if isinstance(change, Merged):
            names.update({change.winner: False, change.loser: False})
        elif isinstance(change, Parted):
            names.update({change.group: False, change.part: False})
        elif isinstance(change, Pinned):
            names.update({change.group: False, change.source: False})
        elif isinstance(change, Erased):
            names.update(dict.fromkeys(change.challenges, True))
        else:
            names[change.group] = False
    return names


def standing_of(state: State, names: Mapping[str, bool]) -> list[Challenge]:
    """The challenges of these ids as they stand, merged and erased ones as tombstones, in id order; raised ones only."""
    found = []
    for name, told in sorted(names.items()):
        if (group := state.groups.get(name)) is not None:
            if group.raised_at is not None:
                found.append(challenge_of(state, group))
        elif (grave := state.tombstones.get(name)) is not None:
            if grave.raised_at is not None:
                found.append(_tombstone(grave))
        elif told:
            found.append(_erased(name))
    return found


def raised_of(state: State) -> list[Challenge]:
    """Every challenge of the state, in id order."""
    return [challenge_of(state, group) for _, group in sorted(state.groups.items()) if group.raised_at is not None]


def samples_of(state: State, group: Group) -> tuple[str, ...]:
    """At most three redacted texts, of distinct deployments."""
    found: dict[str, str] = {}
    for known in state.members(group):
        for place, text in (known.samples or {}).items():
            found[place] = min(found.get(place, text), text)
    block = state.signatures[group.founder].block
    best = sorted(found, key=lambda place: rank(block, place))[:MAX_SAMPLES]
    return tuple(found[place] for place in sorted(best))


def _tombstone(grave: Tombstone) -> Challenge:
    return Challenge(
        id=grave.id,
        title=grave.title,
        kind=grave.kind,
        block=grave.block,
        signatures=(),
        deployments=0,
        customers=0,
        events=0,
        first_seen="",
        last_seen="",
        raised_at=grave.raised_at or "",
        merged_into=grave.winner,
        revision=grave.revision,
    )


def _erased(name: str) -> Challenge:
    return Challenge(
        id=name,
        title="",
        kind="",
        block="",
        signatures=(),
        deployments=0,
        customers=0,
        events=0,
        first_seen="",
        last_seen="",
        raised_at="",
        erased=True,
    )
