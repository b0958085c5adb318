"""The ledger as it is kept on `fde-engine.ledger`: one compacted record a producer epoch.

Ingest notes what it received and what producers say they published; whoever owns the source partition next reads the
topic to its end first and goes on from there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

import msgspec

from fde_events.errors import InvalidEvent
from fde_events.ledger import EpochAccount, EpochMark, Ledger, Ranges

_MOST_OTHERS: Final = 16  # deployments noted of one epoch


class AccountRecord(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="ledger.account.v1"):
    """One epoch's two sides. `spans`: inclusive ranges of sequences received; `events` in them; `duplicates` in records.

    `buried`: received records that went to the dead letters. `others`: deployments of the same customer that used this epoch
    too: their sequences cannot be told apart, so nothing is proven of any of them.
    """

    customer: str
    deployment: str
    epoch: str
    spans: tuple[tuple[int, int], ...] = ()
    events: int = 0
    duplicates: int = 0
    mark: EpochMark | None = None
    buried: int = 0
    others: tuple[str, ...] = ()

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
    buried: dict[str, int] = field(default_factory=dict)
    others: dict[str, set[str]] = field(default_factory=dict)
    changed: set[str] = field(default_factory=set)

    def receive(self, customer: str, deployment: str, epoch: str, sequence: int, events: int) -> bool:
        """Note one received record of `events` events; False if it had been received before."""
        key = self._known(customer, deployment, epoch)
        fresh = self.ledger.receive(key, sequence)
        if fresh:
            self.events[key] = self.events.get(key, 0) + events
        return fresh

    def bury(self, customer: str, deployment: str, epoch: str, sequence: int) -> None:
        """Note a received record that is off contract: it is not missing, it lies among the dead letters."""
        key = self._known(customer, deployment, epoch)
        if self.ledger.receive(key, sequence):
            self.buried[key] = self.buried.get(key, 0) + 1

    def mark(self, mark: EpochMark) -> str:
        """Note a producer's own count; the key of its account."""
        key = self._known(mark.customer, mark.deployment, mark.epoch)
        self.ledger.mark(msgspec.structs.replace(mark, epoch=key))
        return key

    def keep(self, other: Book, keys: Iterable[str]) -> None:
        """Take over the accounts of `keys` from `other`, to be written again."""
        for key in keys:
            if key not in other.who:
                continue
            self.who[key], self.ledger.epochs[key] = other.who[key], other.ledger.epochs[key]
            self.events[key], self.buried[key] = other.events.get(key, 0), other.buried.get(key, 0)
            self.others[key] = other.others.get(key, set())
            self.changed.add(key)

    def _known(self, customer: str, deployment: str, epoch: str) -> str:
        """The epoch's key. Who used it first has it; another deployment that uses it as well is noted."""
        key = f"{customer}/{epoch}"
        first = self.who.setdefault(key, (customer, deployment, epoch))
        if first[1] != deployment and len(self.others.setdefault(key, set())) < _MOST_OTHERS:
            self.others[key].add(deployment)
        self.changed.add(key)
        return key

    def restore(self, value: bytes) -> None:
        """Take over one record of the topic; a later record of a key replaces the earlier."""
        record = decode_account(value)
        account = EpochAccount(record.mark, Ranges(list(record.spans)), record.duplicates)
        self.ledger.epochs[record.key] = account
        self.who[record.key] = (record.customer, record.deployment, record.epoch)
        self.events[record.key] = record.events
        if record.buried:
            self.buried[record.key] = record.buried
        if record.others:
            self.others[record.key] = set(record.others)

    def forget(self, key: str) -> None:
        """An account that was erased: it is not written again."""
        self.ledger.epochs.pop(key, None)
        for kept in (self.who, self.events, self.buried, self.others):
            kept.pop(key, None)
        self.changed.discard(key)

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
                buried=self.buried.get(key, 0),
                others=tuple(sorted(self.others.get(key, ()))),
            )


class DeploymentAccount(msgspec.Struct, frozen=True, kw_only=True):
    """`fde ledger`'s line: all epochs of one deployment. Counts are records; `gaps` inclusive ranges by epoch.

    `published_events` is the producers' own count, of epochs that said one; `events` were received; `dropped` never left the producer.
    `buried`: received and off contract. `shared`: epochs that another customer or deployment used as well.
    `verdict`: whole; gaps; miscounted (nothing is missing, and yet a closed epoch had another number of events); shared; or
    unproven (an epoch that never closed, with nothing known to be missing).
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
    epochs: int = 0
    published_events: int = 0
    buried: int = 0
    shared: tuple[str, ...] = ()


def decode_account(value: bytes) -> AccountRecord:
    """One record of the ledger topic; :class:`InvalidEvent` off contract."""
    try:
        return _decode(value)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InvalidEvent("fde-engine.ledger", f"not an account: {error}") from error


def by_deployment(records: list[AccountRecord]) -> list[DeploymentAccount]:
    """The accounts summed by (customer, deployment), in that order. Epochs stay apart where something is missing."""
    grouped: dict[tuple[str, str], list[AccountRecord]] = {}
    users: dict[str, set[str]] = {}
    for record in records:
        grouped.setdefault((record.customer, record.deployment), []).append(record)
        users.setdefault(record.epoch, set()).add(record.customer)
    shared = {epoch for epoch, customers in users.items() if len(customers) > 1}
    shared |= {record.epoch for record in records if record.others}
    return [_summed(*where, epochs, shared) for where, epochs in sorted(grouped.items())]


def _summed(customer: str, deployment: str, epochs: list[AccountRecord], claimed: set[str]) -> DeploymentAccount:
    gaps, unproven, dropped = {}, [], dict[str, int]()
    published = received = events = 0
    miscounted = False
    for record in epochs:
        ranges, mark = Ranges(list(record.spans)), record.mark
        account = EpochAccount(mark, ranges, record.duplicates)
        received += len(ranges)
        published += len(ranges) if mark is None else mark.highest + 1
        events += record.events if mark is None else mark.events
        for reason, count in (mark.dropped if mark else {}).items():
            dropped[reason] = dropped.get(reason, 0) + count
        highest = mark.highest if mark else (ranges.spans[-1][1] if ranges.spans else -1)
        missing = tuple(ranges.gaps(highest))
        if missing:
            gaps[record.epoch] = missing
        elif account.verdict == "unproven":
            unproven.append(record.epoch)
        elif mark is not None and not record.buried and mark.events != record.events:
            miscounted = True
    shared = tuple(sorted(record.epoch for record in epochs if record.epoch in claimed))
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
        verdict="gaps"
        if gaps
        else "shared"
        if shared
        else "miscounted"
        if miscounted
        else "unproven"
        if unproven
        else "whole",
        epochs=len(epochs),
        published_events=events,
        buried=sum(record.buried for record in epochs),
        shared=shared,
    )
