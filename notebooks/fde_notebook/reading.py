"""What one reading of the loop found: batches, signed and folded by the engine's code, each event once.

ReceivedBatch -> sign() -> fold() -> Reading. Pure but for the batches' own reading.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from structlog import get_logger

from fde_events.errors import InvalidEvent
from fde_events.event import Event
from fde_events.record import ReceivedBatch
from fde_events.signed import SignedBatch, SignedEvent
from fde_streams.fold import apply, fold
from fde_streams.group import State
from fde_streams.ingest import sign

log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Reading:
    """`events`: (event, its signature), each id once. `state`: their groups, as the fold makes them."""

    events: tuple[tuple[Event, SignedEvent], ...]
    state: State

    def group_of(self, digest: str) -> str:
        """The id of the group that a signature of these events belongs to."""
        return self.state.signatures[digest].group


def read(batches: Iterable[ReceivedBatch]) -> Reading:
    """Sign and fold `batches` in one step, so that a challenge is raised at the event time at which it would be first.

    A batch whose times are no times is passed over and logged, as ingest sends it to the dead-letter topic.
    """
    events: dict[tuple[str, str], tuple[Event, SignedEvent]] = {}
    signed: list[SignedBatch] = []
    for received in batches:
        try:
            made = sign(received)
        except InvalidEvent as error:
            log.warning("batch_passed_over", deployment=received.batch.deployment, error=type(error).__name__)
            continue
        signed += made
        by_id = {event.id: event for batch in made for event in batch.events}
        for index, event in enumerate(received.batch.events):
            identity = received.event_id(index)
            events.setdefault((received.customer, identity), (event, by_id[identity]))
    state = State()
    apply(state, fold(state, signed))
    return Reading(tuple(events.values()), state)
