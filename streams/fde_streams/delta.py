"""A delta: all that one step changes, as the state log keeps it. Applied in the log's order from nothing it gives the state.

fold() -> Delta of events; settle() -> Delta of one order; unite() -> Delta of one merge that clustering proposes.
"""

from __future__ import annotations

import msgspec

from fde_events.order import Order
from fde_streams.share import Increment


class Seat(msgspec.Struct, frozen=True, array_like=True):
    """A signature's place: it belongs to group `group` from now on, which it founds if there is none.

    `near`: the founder it was joined to by likeness, and how like it is; empty when it founded the group itself or was sent
    there by a person.
    """

    group: str
    digest: str
    block: str
    kind: str
    title: str
    parts: tuple[tuple[str, str], ...] = ()
    near: str = ""
    score: float = 0.0


class Sample(msgspec.Struct, frozen=True, array_like=True):
    """One redacted text that a place has for a signature."""

    digest: str
    place: str
    text: str


class Folded(msgspec.Struct, frozen=True, array_like=True):
    """Ids folded in a step: inclusive spans of one producer epoch (customer/epoch), the newest event at `time`."""

    epoch: str
    time: str
    spans: tuple[tuple[int, int], ...]


class Raised(msgspec.Struct, frozen=True, array_like=True):
    """The group has met the threshold, at `at` (RFC 3339, event time). Once in a group's life."""

    group: str
    at: str


class Merged(msgspec.Struct, frozen=True, tag="merged", omit_defaults=True):
    """`loser` is `winner` from now on. `by`: a person, or ``cluster``; `why`: the reason or the explanation."""

    loser: str
    winner: str
    by: str
    why: str


class Parted(msgspec.Struct, frozen=True, tag="parted", omit_defaults=True):
    """`digests` leave `group` for the new group `part`. `awaited` are not known yet and belong to `home` when they come."""

    group: str
    part: str
    digests: tuple[str, ...]
    by: str
    why: str
    awaited: tuple[str, ...] = ()
    home: str = ""


class Pinned(msgspec.Struct, frozen=True, tag="pinned", omit_defaults=True):
    """`digest` leaves `source` for `group`; without a source it is not known yet, and belongs to `group` when it comes."""

    digest: str
    group: str
    by: str
    why: str
    source: str = ""


class Marked(msgspec.Struct, frozen=True, tag="marked", omit_defaults=True):
    """`group` is to be ignored, or not any more."""

    group: str
    ignored: bool
    by: str
    why: str


class Erased(msgspec.Struct, frozen=True, tag="erased", omit_defaults=True):
    """`customer` and all that only it brought in are gone. `challenges`: the raised groups that had evidence of it."""

    customer: str
    challenges: tuple[str, ...]
    by: str


Change = Merged | Parted | Pinned | Marked | Erased


class Ruling(msgspec.Struct, frozen=True, omit_defaults=True):
    """What became of an order: ``followed`` or ``refused``, and why."""

    order: str
    outcome: str
    why: str = ""


class Delta(msgspec.Struct, frozen=True, omit_defaults=True):
    """All that one step changes. `orders` came in and wait to be settled; `forgotten` leave their customer's quota."""

    seats: tuple[Seat, ...] = ()
    increments: tuple[Increment, ...] = ()
    samples: tuple[Sample, ...] = ()
    folded: tuple[Folded, ...] = ()
    changes: tuple[Change, ...] = ()
    raised: tuple[Raised, ...] = ()
    orders: tuple[Order, ...] = ()
    rulings: tuple[Ruling, ...] = ()
    forgotten: tuple[str, ...] = ()
