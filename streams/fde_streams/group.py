"""Signatures and groups of one partition, and the state they make up.

The atom is the signature: it is known with its evidence, and a group is a set of signatures. So merges and splits move
signatures, and evidence follows by itself, exactly.

Bounds, in bytes of the objects kept (tests measure them): a signature `SIGNATURE_BYTES` without its samples (at most three of
`SAMPLE_LENGTH` characters) and `SHARE_BYTES` for every deployment that has seen it; a signature seen once takes about
`TYPICAL_BYTES`. Of one customer's signatures that nobody else has seen, `QUOTA` a partition are kept (`fold`).
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from fde_events.order import Order
from fde_events.signed import Signature
from fde_streams.clock import Clock
from fde_streams.delta import Ruling
from fde_streams.near import Near, Outline, outline
from fde_streams.seen import Seen
from fde_streams.share import HOURS, Share, customer_of, pairs, tally

TEXT_LENGTH: Final = 300  # of a title and of each part, in characters
MAX_PARTS: Final = 16
MAX_SAMPLES: Final = 3
SAMPLE_LENGTH: Final = 2_000
SIGNATURE_BYTES: Final = 30_000  # 17 texts of 300 characters of 4 bytes each, their names and objects
SHARE_BYTES: Final = 4_600
TYPICAL_BYTES: Final = 2_000


@dataclass(slots=True)
class Known:
    """A signature as the partition knows it. `shares` and `samples` by place.

    `near`, `score`: the founder it was joined to by likeness. `founder`: whether near signatures are compared with it.
    `owner`: the only customer that has seen it, None for several.
    """

    digest: str
    block: str
    kind: str
    title: str
    parts: tuple[tuple[str, str], ...]
    group: str
    founder: bool = False
    near: str = ""
    score: float = 0.0
    owner: str | None = None
    shares: dict[str, Share] = field(default_factory=dict)
    samples: dict[str, str] | None = None

    @property
    def outline(self) -> Outline:
        """What of it is compared."""
        return outline(self.digest, self.block, self.parts)


@dataclass(slots=True)
class Group:
    """Signatures that one fix would answer. `raised_at` None until the threshold was met.

    `founder` gives it its title. `revision` counts merges, splits, pins and ignores. `summed`: the members' shares, by place;
    None while there is one member, whose own they are. `hours`: all places' latest hours; None until it is raised.
    """

    id: str
    founder: str
    members: tuple[str, ...] = ()
    raised_at: str | None = None
    revision: int = 0
    ignored: bool = False
    redirects: tuple[str, ...] = ()
    summed: dict[str, Share] | None = None
    hours: array[int] | None = None


@dataclass(frozen=True, slots=True)
class Tombstone:
    """A group that is another one now. `raised_at` None if it never was a challenge: then nobody knows it."""

    id: str
    winner: str
    title: str
    kind: str
    block: str
    revision: int
    raised_at: str | None


@dataclass(slots=True)
class State:
    """One partition. Changed by `fold.apply` alone.

    `alive`: the latest event of each place. `own`: each customer's signatures that no other has seen, oldest first. `homes`:
    signature not seen yet -> the group a person sent it to. `walls`: group -> groups it may never be merged with by clustering.
    """

    signatures: dict[str, Known] = field(default_factory=dict)
    groups: dict[str, Group] = field(default_factory=dict)
    tombstones: dict[str, Tombstone] = field(default_factory=dict)
    homes: dict[str, str] = field(default_factory=dict)
    walls: dict[str, set[str]] = field(default_factory=dict)
    waiting: dict[str, Order] = field(default_factory=dict)
    rulings: dict[str, Ruling] = field(default_factory=dict)
    seen: Seen = field(default_factory=Seen)
    clock: Clock = field(default_factory=Clock)
    alive: dict[str, str] = field(default_factory=dict)
    own: dict[str, dict[str, None]] = field(default_factory=dict)
    forgotten: int = 0
    near: Near | None = field(default_factory=Near, compare=False)  # None: signatures join nothing by likeness

    def resolve(self, group: str) -> Group | None:
        """The group that an id leads to, through merges; None if no such id is known."""
        while (grave := self.tombstones.get(group)) is not None:
            group = grave.winner
        return self.groups.get(group)

    def group_of(self, digest: str) -> Group | None:
        """The group of a signature; None for one that is not known."""
        known = self.signatures.get(digest)
        return None if known is None else self.groups[known.group]

    def members(self, group: Group) -> Iterator[Known]:
        """The group's signatures."""
        return (self.signatures[digest] for digest in group.members)

    def shares(self, group: Group) -> dict[str, Share]:
        """Who has seen the group, by place. Not to be changed."""
        if group.summed is not None:
            return group.summed
        return self.signatures[group.members[0]].shares if group.members else {}


def summed(members: Iterable[Known]) -> dict[str, Share]:
    """The members' evidence, by place."""
    found: dict[str, Share] = {}
    for known in members:
        for place, share in known.shares.items():
            if (mine := found.get(place)) is None:
                found[place] = share.copy()
            else:
                mine.join(share)
    return found


def customers(shares: Iterable[str]) -> int:
    """Distinct customers of places; three deployments of one customer are one."""
    return len({customer_of(place) for place in shares})


def bounded(signature: Signature) -> Signature:
    """`signature` with no more text than is kept of it. The same object in almost every case."""
    parts = signature.parts
    if len(signature.title) <= TEXT_LENGTH and len(parts) <= MAX_PARTS:
        for _, value in parts:
            if len(value) > TEXT_LENGTH:
                break
        else:
            return signature
    return Signature(
        digest=signature.digest,
        rules=signature.rules,
        block=signature.block,
        title=signature.title[:TEXT_LENGTH],
        parts=tuple((name[:40], value[:TEXT_LENGTH]) for name, value in parts[:MAX_PARTS]),
    )


def hours_of(shares: Iterable[Share]) -> array[int]:
    """The latest hours of all of them together. Exact: an hour that is among the latest of all is so of each."""
    found: dict[int, int] = {}
    for share in shares:
        for hour, count in pairs(share.hours):
            found[hour] = found.get(hour, 0) + count
    counts = tally()
    for hour in sorted(found)[-HOURS:]:
        counts.extend((hour, found[hour]))
    return counts
