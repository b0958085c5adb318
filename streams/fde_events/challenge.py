"""A challenge: a group of signatures that one fix would answer, seen in enough deployments."""

from __future__ import annotations

import msgspec


class Sighting(msgspec.Struct, frozen=True, kw_only=True):
    """One deployment's share of a challenge. Times are RFC 3339, event time."""

    deployment: str
    customer: str
    count: int
    first_seen: str
    last_seen: str


class Challenge(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="challenge.v1"):
    """On `fde-engine.challenges`, keyed by `id`: the challenge as it stands.

    `id` is permanent. `raised_at` is the event time at which the threshold was met, and never changes after.
    `signatures` are the digests that belong to it; `samples` at most three redacted texts of distinct deployments.
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
