"""The ledger as it is kept on `fde-engine.ledger`: one compacted record a producer epoch.

Ingest notes what it received and what producers say they published; whoever owns the source partition next reads the
topic to its end first and goes on from there.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import msgspec

from fde_events.errors import InvalidEvent
from fde_events.ledger import EpochAccount, EpochMark, Ledger, Ranges


class AccountRecord(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="ledger.account.v1"):
    """One epoch's two sides. `spans`: inclusive ranges of sequences received; `events` in them; `duplicates` in records."""

    customer: str
    deployment: str
    epoch: str
    spans: tuple[tuple[int, int], ...] = ()
    events: int = 0
    duplicates: int = 0
    mark: EpochMark | None = None

    @property
    def key(self) -> str:
        """The record's key: an epoch is its customer's."""
        return f"{self.customer}/{self.epoch}"


encode_account = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(AccountRecord).decode


@dataclass(slots=True)
class Book:
    """The accounts this worker knows, and which of them changed since they were last written."""

    ledger: Ledger = field(default_factory=Ledger)
    who: dict[str, tuple[str, str, str]] = field(default_factory=dict)  # key -> customer, deployment, epoch
    events: dict[str, int] = field(default_factory=dict)
    changed: set[str] = field(default_factory=set)

    def receive(self, customer: str, deployment: str, epoch: str, sequence: int, events: int) -> bool:
        """Note one received record of `events` events; False if it had been received before."""
        key = f"{customer}/{epoch}"
        self.who[key] = (customer, deployment, epoch)
        self.changed.add(key)
        fresh = self.ledger.receive(key, sequence)
        if fresh:
            self.events[key] = self.events.get(key, 0) + events
        return fresh

    def mark(self, mark: EpochMark) -> None:
        """Note a producer's own count."""
        key = f"{mark.customer}/{mark.epoch}"
        self.who[key] = (mark.customer, mark.deployment, mark.epoch)
        self.changed.add(key)
        self.ledger.mark(msgspec.structs.replace(mark, epoch=key))

    def restore(self, value: bytes) -> None:
        """Take over one record of the topic; a later record of a key replaces the earlier."""
        record = decode_account(value)
        account = EpochAccount(record.mark, Ranges(list(record.spans)), record.duplicates)
        self.ledger.epochs[record.key] = account
        self.who[record.key] = (record.customer, record.deployment, record.epoch)
        self.events[record.key] = record.events

    def records(self, keys: set[str] | None = None) -> Iterator[AccountRecord]:
        """The accounts of `keys` (all by default), in key order."""
        for key in sorted(self.who if keys is None else keys):
            customer, deployment, epoch = self.who[key]
            account = self.ledger.epochs[key]
            yield AccountRecord(
                customer=customer,
                deployment=deployment,
                epoch=epoch,
                spans=tuple(account.received.spans),
                events=self.events.get(key, 0),
                duplicates=account.duplicates,
                mark=account.mark,
            )


class DeploymentAccount(msgspec.Struct, frozen=True, kw_only=True):
    """`fde ledger`'s line: all epochs of one deployment. Counts are records; `gaps` inclusive ranges by epoch.

    `verdict`: whole, gaps, or unproven (an epoch that never closed, with nothing known to be missing).
    """

    customer: str
    deployment: str
    published: int
    received: int
    events: int
    duplicates: int
    dropped: dict[str, int]
    gaps: dict[str, tuple[tuple[int, int], ...]]
    unproven: tuple[str, ...]
    verdict: str


def decode_account(value: bytes) -> AccountRecord:
    """One record of the ledger topic; :class:`InvalidEvent` off contract."""
    try:
        return _decode(value)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InvalidEvent("fde-engine.ledger", f"not an account: {error}") from error


def by_deployment(records: list[AccountRecord]) -> list[DeploymentAccount]:
    """The accounts summed by (customer, deployment), in that order. Epochs stay apart where something is missing."""
    grouped: dict[tuple[str, str], list[AccountRecord]] = {}
    for record in records:
        grouped.setdefault((record.customer, record.deployment), []).append(record)
    return [_summed(*where, epochs) for where, epochs in sorted(grouped.items())]


def _summed(customer: str, deployment: str, epochs: list[AccountRecord]) -> DeploymentAccount:
    gaps, unproven, dropped = {}, [], dict[str, int]()
    published = received = 0
    for record in epochs:
        ranges = Ranges(list(record.spans))
        account = EpochAccount(record.mark, ranges, record.duplicates)
        received += len(ranges)
        published += len(ranges) if record.mark is None else record.mark.highest + 1
        for reason, count in (record.mark.dropped if record.mark else {}).items():
            dropped[reason] = dropped.get(reason, 0) + count
        highest = record.mark.highest if record.mark else (ranges.spans[-1][1] if ranges.spans else -1)
        missing = tuple(ranges.gaps(highest))
        if missing:
            gaps[record.epoch] = missing
        elif account.verdict == "unproven":
            unproven.append(record.epoch)
    return DeploymentAccount(
        customer=customer,
        deployment=deployment,
        published=published,
        received=received,
        events=sum(record.events for record in epochs),
        duplicates=sum(record.duplicates for record in epochs),
        dropped=dropped,
        gaps=gaps,
        unproven=tuple(sorted(unproven)),
        verdict="gaps" if gaps else "unproven" if unproven else "whole",
    )
