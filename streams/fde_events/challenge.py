"""A challenge: a group of signatures that one fix would answer, seen in enough deployments."""

from __future__ import annotations

import msgspec


class Sighting(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One deployment's share of a challenge. Times are RFC 3339, event time.

    `days`: (day since 1970-01-01, events) of the latest days with events, ascending, at most 60 (fewer when a challenge has
    hundreds of deployments). `alive`: the latest event of that deployment that the engine had seen in this partition, of
    whatever challenge: a deployment that is quiet here and alive has got rid of it.
    """

    deployment: str
    customer: str
    count: int
    first_seen: str
    last_seen: str
    days: tuple[tuple[int, int], ...] = ()
    alive: str = ""


class Challenge(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="challenge.v1"):
    """On `fde-engine.challenges`, keyed by `id`: the challenge as it stands.

    Of two records of one id the newer is the one that :func:`newer` says: `revision` grows with every merge, split, pin and
    ignore, between those evidence only grows. A record with `merged_into` is a tombstone: the challenge is another one now,
    whose `redirects` name all ids that lead to it. One that is `erased` says nothing but its id: the only customers that had it
    are gone, and whoever kept it forgets it.

    `id` is permanent. `raised_at` is the event time at which the threshold was met, and never changes after.
    `signatures` are the digests that belong to it; `samples` at most three redacted texts of distinct deployments.
    `public_title`: the title with every word that fewer than three customers said replaced by ``<word>``: for readers outside.
    `hours`: (hour since 1970-01-01T00, events), ascending, the latest 168 with events. `trend`: rising, steady, falling, new
    or quiet, as of the last record.
    """

    id: str
    title: str
    kind: str
    block: str
    signatures: tuple[str, ...]
    deployments: int
    customers: int
    events: int
    first_seen: str
    last_seen: str
    raised_at: str
    sightings: tuple[Sighting, ...] = ()
    samples: tuple[str, ...] = ()
    merged_into: str = ""
    redirects: tuple[str, ...] = ()
    revision: int = 0
    ignored: bool = False
    trend: str = ""
    hours: tuple[tuple[int, int], ...] = ()
    public_title: str = ""
    erased: bool = False


def newer(known: Challenge | None, found: Challenge) -> bool:
    """Whether `found` says more than `known` of the same challenge. Between two revisions evidence only grows.

    An erased one is newer than all before it; raised again, its count starts anew, so all after it are newer too.
    """
    return known is None or known.erased or found.erased or _extent(found) > _extent(known)


def _extent(challenge: Challenge) -> tuple[int, int, int, int]:
    return challenge.revision, challenge.events, challenge.deployments, len(challenge.signatures)
