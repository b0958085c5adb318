"""Stores that are no topics: how long each keeps what it holds, and how much, in one table. Topics are in `topics`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

_MIB: Final = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Store:
    """One kind of store on disk. `days` None: until what `ends` says; `cap_bytes` a store of this kind, oldest go first
    where `days` is set, nothing more is taken in where it is not."""

    name: str
    days: float | None
    cap_bytes: int
    where: str
    holds: str
    ends: str


SPOOL: Final = Store("spool", None, 256 * _MIB, "the customer's", "redacted records that did not leave yet", "it left")
EGRESS_LOG: Final = Store("egress log", 30, 32 * _MIB, "the customer's", "redacted records that left", "it is too old")
BUNDLES: Final = Store(
    "bundles", None, 1024 * _MIB, "the customer's", "records to be carried", "somebody carried it away"
)

STORES: Final = (SPOOL, EGRESS_LOG, BUNDLES)
