"""Our side: the groups of events, as the workers make them: signature, near signatures, and what clustering proposes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Sequence

from fde_cli.bench.grouping.corpus import Labelled
from fde_events.event import kind_of
from fde_events.signed import SignedBatch, SignedEvent
from fde_streams.cluster import propose
from fde_streams.delta import Delta
from fde_streams.fold import THRESHOLD, apply, fold
from fde_streams.group import State
from fde_streams.identity import refusal, united
from fde_streams.merging import snapshot_of, standings
from fde_streams.signature import signature_of

_STEP = 200  # events a step, as the worker takes them


class Worker:
    """One partition that all blocks are on. Events get ids of one epoch a deployment, in the order they come."""

    def __init__(self) -> None:
        self.state = State()
        self._sequence: dict[str, int] = defaultdict(int)

    def take(self, events: Iterable[Labelled]) -> None:
        """Fold `events`, then merge what clustering proposes."""
        signed = [self._signed(one) for one in events]
        for start in range(0, len(signed), _STEP):
            blocks: dict[str, list[SignedEvent]] = defaultdict(list)
            for one in signed[start : start + _STEP]:
                blocks[one.signature.block].append(one)
            batches = [SignedBatch(block=block, events=tuple(mine)) for block, mine in blocks.items()]
            apply(self.state, fold(self.state, batches))
        for proposal in propose(snapshot_of(self.state, standings(self.state).keys())):
            if refusal(self.state, proposal.groups) is None:
                change: Delta = united(self.state, proposal.groups, by="cluster", why=proposal.why, threshold=THRESHOLD)
                apply(self.state, change)

    def groups(self, events: Sequence[Labelled]) -> list[Hashable]:
        """The group of each event, merges followed; its signature where the group is not known."""
        found: list[Hashable] = []
        for one in events:
            digest = signature_of(one.event).digest
            group = self.state.group_of(digest)
            found.append(digest if group is None else group.id)
        return found

    def _signed(self, one: Labelled) -> SignedEvent:
        self._sequence[one.deployment] += 1
        return SignedEvent(
            id=f"{one.deployment}/{self._sequence[one.deployment]}/0",
            kind=kind_of(one.event),
            customer=one.deployment.split("/", 1)[0],
            deployment=one.deployment,
            time=one.event.time or "2026-01-01T00:00:00.000Z",
            signature=signature_of(one.event),
        )


def grouped(events: Sequence[Labelled]) -> list[Hashable]:
    """The group of each event when they come in this order."""
    worker = Worker()
    worker.take(events)
    return worker.groups(events)
