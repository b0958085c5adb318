"""An order: what a person says about groups, which every re-clustering and replay obeys.

`fde challenge merge|split|pin|ignore`, `fde erase` -> Order -> fde-engine.signatures (in a SignedBatch, keyed by the block) -> fold.

Orders travel in the log that the events travel in, so a replay meets both in one sequence. An order that names what is not
known yet waits in the fold; one that cannot be followed is refused there, with the reason. The same `id` twice is one order.
"""

from __future__ import annotations

import hashlib
from typing import Final, TypeVar

import msgspec

MAX_NAMES: Final = 1_000
MAX_REASON: Final = 1_000


class Merge(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="merge"):
    """These groups are one: they lead to the oldest of them from now on. Takes back a split between them."""

    groups: tuple[str, ...]
    author: str
    time: str
    reason: str
    id: str = ""


class Split(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="split"):
    """These signatures (digests) are not what the rest of the group is. No clustering joins the two parts again."""

    group: str
    signatures: tuple[str, ...]
    author: str
    time: str
    reason: str
    id: str = ""


class Pin(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="pin"):
    """This signature belongs to this group; if it has not been seen yet, from its first event on."""

    signature: str
    group: str
    author: str
    time: str
    reason: str
    id: str = ""


class Ignore(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="ignore"):
    """Nobody needs to solve this group: it is counted on, and no work is done for it."""

    group: str
    author: str
    time: str
    reason: str
    id: str = ""


class Unignore(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="unignore"):
    """Takes an `Ignore` back."""

    group: str
    author: str
    time: str
    reason: str
    id: str = ""


class Erase(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="erase"):
    """Nothing of this customer stays in the state. It goes to every partition, in a batch without events."""

    customer: str
    author: str
    time: str
    reason: str
    id: str = ""


Order = Merge | Split | Pin | Ignore | Unignore | Erase
_Order = TypeVar("_Order", bound=Order)


def named(order: _Order) -> _Order:
    """`order` under its own id: a digest of all it says, so that publishing it twice is one order."""
    plain = msgspec.structs.replace(order, id="")
    digest = hashlib.blake2b(msgspec.json.encode(plain), digest_size=10).hexdigest()
    return msgspec.structs.replace(order, id=f"or-{digest}")


def groups_of(order: Order) -> tuple[str, ...]:
    """The groups an order names."""
    if isinstance(order, Erase):
        return ()
    return order.groups if isinstance(order, Merge) else (order.group,)


def check_order(order: Order) -> None:
    """ValueError for an order that no fold can follow, whatever comes: nameless, empty or endless."""
    names = len(order.groups) if isinstance(order, Merge) else len(order.signatures) if isinstance(order, Split) else 1
    if not order.id:
        raise ValueError("an order has an id")
    if not 1 <= names <= MAX_NAMES or len(order.reason) > MAX_REASON:
        raise ValueError(
            f"an order names 1 to {MAX_NAMES} groups or signatures, for a reason of {MAX_REASON} characters"
        )
