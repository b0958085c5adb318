"""A signed event: what ingest publishes to `fde-engine.signatures`, keyed by block.

The signature is a pure function of (event, rule version); it never depends on what else was seen.

On the wire the events of one signature from one received record are a :class:`Run`: what they share is said once, so a
record of 100 events has 4 KB and not 80, and decoding it no longer costs more than folding it. `packed` and `events_of` lead there and
back.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from fde_events.order import Order


class Signature(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """What stays the same when an error happens again, in any deployment.

    `block` is kind x vendor or library (``error/salesforce``); only signatures of one block may share a group.
    `parts` are the (name, value) pairs that took part; `masked` the mask names that replaced something; both explain.
    `digest` is 128 bits hex over (rules, block, parts).
    """

    digest: str
    rules: str
    block: str
    title: str
    parts: tuple[tuple[str, str], ...]
    masked: tuple[str, ...] = ()


class SignedEvent(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """One event with its signature. `sample` is redacted text, at most 2 000 characters."""

    id: str
    kind: str
    customer: str
    deployment: str
    time: str
    signature: Signature
    sample: str = ""
    count: int = 1


class Run(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Events of one signature from one received record. `sample` is the smallest of theirs, as text compares.

    `indexes` are their places in the record, ascending; `times` stand beside them; `counts` too, empty when each is 1.
    """

    epoch: str
    sequence: int
    kind: str
    customer: str
    deployment: str
    signature: Signature
    sample: str
    indexes: tuple[int, ...]
    times: tuple[str, ...]
    counts: tuple[int, ...] = ()


class SignedBatch(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One record of the signatures topic: signed events of one block, and orders of people about its groups.

    Events stand in `events`, one by one, or in `runs`, as they travel; readers take :func:`events_of`.
    """

    block: str
    events: tuple[SignedEvent, ...] = ()
    orders: tuple[Order, ...] = ()
    runs: tuple[Run, ...] = ()


def packed(events: Iterable[SignedEvent]) -> tuple[Run, ...]:
    """`events` as runs, in order of each run's first event. ValueError for an id that is not ``epoch/sequence/index``."""
    found: dict[tuple[str, str, str, str, str, str], list[tuple[int, SignedEvent]]] = {}
    for event in events:
        epoch, sequence, index = event.id.rsplit("/", 2)
        key = (epoch, sequence, event.signature.digest, event.customer, event.deployment, event.kind)
        found.setdefault(key, []).append((int(index), event))
    return tuple(
        Run(
            epoch=key[0],
            sequence=int(key[1]),
            kind=key[5],
            customer=key[3],
            deployment=key[4],
            signature=mine[0][1].signature,
            sample=min((event.sample for _, event in mine if event.sample), default=""),
            indexes=tuple(index for index, _ in mine),
            times=tuple(event.time for _, event in mine),
            counts=() if all(event.count == 1 for _, event in mine) else tuple(event.count for _, event in mine),
        )
        for key, mine in ((key, sorted(mine, key=_index)) for key, mine in found.items())
    )


def events_of(batch: SignedBatch) -> Iterator[SignedEvent]:
    """The events of a batch one by one, whichever way they stand in it. Those of a run share its sample."""
    yield from batch.events
    for run in batch.runs:
        for place, (index, time) in enumerate(zip(run.indexes, run.times, strict=True)):
            yield SignedEvent(
                id=f"{run.epoch}/{run.sequence}/{index}",
                kind=run.kind,
                customer=run.customer,
                deployment=run.deployment,
                time=time,
                signature=run.signature,
                sample=run.sample,
                count=run.counts[place] if run.counts else 1,
            )


def _index(pair: tuple[int, SignedEvent]) -> int:
    return pair[0]
