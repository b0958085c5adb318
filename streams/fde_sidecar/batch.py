"""The batch: what goes into the next spool entry, all or nothing.

Reading -> events that leave, counts withheld, positions -> Batch -> entries() -> Spool.append
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final

import msgspec

from fde_events.event import ErrorEvent, Event, EventBatch
from fde_events.record import encode
from fde_sidecar.reading import FileKey
from fde_sidecar.spool import Entry, Position, Withheld

MAX_EVENTS: Final = 100
MAX_BYTES: Final = 200 * 1024
MAX_COUNTED: Final = 2_000  # shapes, positions and the like: a spool entry has a size that it cannot exceed
Settle = Callable[[bool], None]


@dataclass(slots=True)
class Batch:
    """Events of one deployment with all that must be on disk together with them."""

    events: list[Event] = field(default_factory=list)
    bytes: int = 0
    positions: dict[FileKey, Position] = field(default_factory=dict)
    withheld: dict[str, Withheld] = field(default_factory=dict)
    released: list[str] = field(default_factory=list)
    dropped: dict[str, int] = field(default_factory=dict)
    forgotten: list[FileKey] = field(default_factory=list)
    settles: list[Settle] = field(default_factory=list)
    unfit: int = 0  # events that fitted into no record, counted by `entries`

    @property
    def urgent(self) -> bool:
        """Whether somebody waits for it: an event, a count, or a sender that was not answered yet."""
        return bool(self.events or self.withheld or self.settles)

    @property
    def noteworthy(self) -> bool:
        """Whether there is anything to write down."""
        return bool(self.urgent or self.positions or self.released or self.dropped or self.forgotten)

    @property
    def full(self) -> bool:
        """Whether it should be written now."""
        counted = len(self.withheld) + len(self.released) + len(self.positions) + len(self.forgotten)
        return len(self.events) >= MAX_EVENTS or self.bytes >= MAX_BYTES or counted >= MAX_COUNTED

    def add(self, event: Event) -> None:
        """One more event that leaves in full."""
        self.events.append(event)
        self.bytes += 600 + len(getattr(event, "exception_stacktrace", None) or "")
        self.bytes += 2 * len(getattr(event, "body", None) or "")

    def withhold(self, one: Withheld) -> None:
        """Count one that does not leave yet. A storm of one shape takes the place of one."""
        before = self.withheld.get(one.shape)
        if before is not None:
            one = Withheld(one.shape, before.count + one.count, before.sample or one.sample)
        self.withheld[one.shape] = one
        self.bytes += len(one.sample) if before is None else 0

    def drop(self, reason: str, count: int) -> None:
        """Count what does not leave."""
        self.dropped[reason] = self.dropped.get(reason, 0) + count

    def entries(self, *, epoch: str, sequence: int, time: str, deployment: str, redaction: str) -> Iterator[Entry]:
        """The entries for it: one, or more where the events do not fit into one record. `sequence` is the first's.

        Where there are several, positions and counts stand in the last: a crash between two must read it all again.
        """
        rest = self.events
        while True:
            value, taken = None, 0
            if rest:
                value, taken = _encoded(rest, epoch, sequence, time, deployment, redaction)
                if value is None:
                    self.unfit += 1
                    self.drop("too-large", 1)
            last = taken == len(rest)
            yield Entry(
                epoch=epoch,
                sequence=-1 if value is None else sequence,
                events=0 if value is None else taken,
                time=time,
                value=value,
                positions=list(self.positions.values()) if last else [],
                withheld=list(self.withheld.values()) if last else [],
                released=self.released if last else [],
                dropped=self.dropped if last else {},
                forgotten=self.forgotten if last else [],
            )
            if last:
                return
            rest, sequence = rest[taken:], sequence + (value is not None)


def _encoded(
    events: list[Event], epoch: str, sequence: int, time: str, deployment: str, redaction: str
) -> tuple[bytes | None, int]:
    """As many of `events` as one record may hold, and how many that are; (None, 1) for one that fits into no record."""
    count = min(len(events), MAX_EVENTS)
    chosen = tuple(events[:count])
    while True:
        batch = EventBatch(deployment=deployment, events=chosen, redaction=redaction)
        try:
            return encode(batch, epoch=epoch, sequence=sequence, time=time).value, count
        except ValueError:
            if count > 1:
                count //= 2
                chosen = tuple(events[:count])
            elif isinstance(chosen[0], ErrorEvent) and chosen[0].exception_stacktrace:
                # The parser caps a body and a stack far below a record; escapes may still double them.
                chosen = (msgspec.structs.replace(chosen[0], exception_stacktrace=None),)
            else:
                return None, 1
