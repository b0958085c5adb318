"""Merging: what clustering gets to see of a partition, and which of its blocks are worth another look.

State -> changed blocks -> snapshot_of() -> cluster.propose (in a process of its own) -> state.unite_and_keep()
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final

from fde_streams.cluster import Known, Snapshot
from fde_streams.group import State
from fde_streams.share import customer_of

Standing = tuple[int, int]
MOST: Final = 20_000  # groups of a snapshot: clustering them took 7 CPU-s


def standings(state: State) -> dict[str, Standing]:
    """By block: how many groups it has, and how many places have seen their founders. Grows whenever a proposal could."""
    found: dict[str, Standing] = {}
    for group in state.groups.values():
        founder = state.signatures[group.founder]
        groups, places = found.get(founder.block, (0, 0))
        found[founder.block] = (groups + 1, places + len(founder.shares))
    return found


def changed(before: Mapping[str, Standing], now: Mapping[str, Standing]) -> set[str]:
    """The blocks that stand otherwise than before and have something to merge."""
    return {block for block, standing in now.items() if standing[0] > 1 and before.get(block) != standing}


def snapshot_of(state: State, blocks: Collection[str]) -> Snapshot:
    """The groups of `blocks` as clustering sees them. What is ignored is left out: a person has dealt with it.

    At most `MOST` of them, those that most customers have seen: a snapshot is sent to another process whole.
    """
    groups = []
    for group in state.groups.values():
        founder = state.signatures[group.founder]
        if founder.block in blocks and not group.ignored:
            customers = frozenset(customer_of(place) for place in founder.shares)
            groups.append(Known(group.id, founder.outline, customers))
    if len(groups) > MOST:
        groups = sorted(groups, key=lambda known: (-len(known.customers), known.group))[:MOST]
    apart = tuple(
        (one, other) for one, others in sorted(state.walls.items()) for other in sorted(others) if one < other
    )
    return Snapshot(groups=tuple(groups), cannot=apart)
