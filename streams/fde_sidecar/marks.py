"""Marks: an epoch's own count, sent beside its records so that a gap can be proven.

Spool.state.epochs -> mark_of() -> EpochMark -> Kafka -> ledger
"""

from __future__ import annotations

from fde_events.ledger import EpochMark
from fde_sidecar.clock import now
from fde_sidecar.entry import Entry, EpochState


def mark_of(customer: str, deployment: str, epoch: str, state: EpochState, *, closed: bool) -> EpochMark:
    """What an epoch says of itself now. `dropped` goes with it: what never left is counted where what left is."""
    return EpochMark(
        customer=customer,
        deployment=deployment,
        epoch=epoch,
        highest=state.highest,
        closed=closed,
        events=state.events,
        time=now(),
        dropped=dict(state.dropped),
    )


def closing(epoch: str) -> Entry:
    """What a spool notes once the closing mark has arrived, so that no later process closes it again."""
    return Entry(epoch="", sequence=-1, events=0, time="", value=None, closed=epoch)
