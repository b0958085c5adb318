"""The state of a partition and the log it is rebuilt from.

Each fold step appends one `StateRecord`: the delta and the source offsets ``(prev, last]`` that it covers, atomically. A step
that follows a person's order, or a merge that clustering proposes, covers none: ``prev == last``. Three
rules make a crash, a repeat or a zombie harmless (tested prototype: 92 kills and stops, no hole, no double):

* **chain**: a delta applies only if its `prev` is what is covered, so to exactly one state;
* **contiguity**: a step never folds past a missing source offset; it stops before it and seeks back;
* **fence first**: whoever is given a partition fences the older writer, then reads the log to its end, then seeks to
  covered + 1. Memory changes only after the log has acknowledged.

The rules need contiguous source offsets: the signatures topic is neither compacted nor written in transactions.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

import msgspec
from structlog import get_logger

from fde_events.challenge import Challenge
from fde_events.errors import BadInput, FdeError
from fde_events.order import check_order
from fde_events.signed import SignedBatch
from fde_events.topics import MAX_RECORD_BYTES
from fde_streams.delta import Delta
from fde_streams.fold import THRESHOLD, apply, fold
from fde_streams.group import State
from fde_streams.identity import refusal, united
from fde_streams.seen import number_of
from fde_streams.settle import settle
from fde_streams.share import hour_of
from fde_streams.standing import challenges_of

events = get_logger(__name__)

OWNER: Final = uuid.uuid4().hex[:12]
FORM: Final = 2

Undecodable = Callable[[int, bytes, Exception], None]
Publish = Callable[[Sequence[Challenge]], None]


class Fenced(FdeError):
    """Another worker owns this partition now. Its state is the truth; ours is dropped."""


class StateRecord(msgspec.Struct, frozen=True, omit_defaults=True):
    """One step of one partition. A claim has no delta. `rewound` says that the source was emptied and starts anew.

    `prev` and `last` are source offsets: ``(prev, last]`` is covered. `form` is that of the delta: a state of another form cannot
    be read, and is refused.
    """

    owner: str
    generation: int
    prev: int
    last: int
    delta: Delta | None = None
    rewound: bool = False
    form: int = 1


def _step(part: Part, last: int, delta: Delta) -> StateRecord:
    return StateRecord(OWNER, part.generation, part.covered, last, delta, form=FORM)


encode_state = msgspec.json.Encoder().encode
decode_state = msgspec.json.Decoder(StateRecord).decode
_decode_batch = msgspec.json.Decoder(SignedBatch).decode


@dataclass(slots=True)
class Part:
    """What one partition's log amounts to. `covered` -1: nothing yet. `last_delta` may not have been published."""

    covered: int = -1
    generation: int = -1
    ignored: int = 0
    state: State = field(default_factory=State)
    last_delta: Delta | None = None

    def apply(self, record: StateRecord) -> bool:
        """Apply the next record of the log; False if it is a claim, a zombie's or out of chain."""
        if record.generation < self.generation:
            self.ignored += 1
            return False
        self.generation = record.generation
        if record.rewound:
            self.covered = record.last
            return True
        if record.delta is None:
            return False
        if record.prev != self.covered:
            self.ignored += 1
            return False
        if record.form != FORM:
            raise BadInput(
                "the state log",
                f"it was written by another version of fde (form {record.form}, this one reads {FORM}). Move it away: challenges "
                "keep their ids when they are found again, counts start anew",
            )
        apply(self.state, record.delta)
        self.covered, self.last_delta = record.last, record.delta
        return True


class StateLog(Protocol):
    """Where state records are kept. Blocking; one caller at a time."""

    def rebuild(self, partitions: Iterable[int]) -> dict[int, Part]:
        """Fence every older writer of `partitions`, then read their logs to the end. Unavailable if that cannot be done."""

    def append(self, partition: int, record: StateRecord) -> None:
        """Write one record and wait until it is kept. :class:`Fenced` if the partition has another owner."""

    def close(self) -> None:
        """Let go of files and connections."""


def covers(
    part: Part,
    records: Sequence[tuple[int, bytes]],
    *,
    threshold: int = THRESHOLD,
    undecodable: Undecodable | None = None,
) -> tuple[StateRecord | None, bool]:
    """The step that folds `records` (offset, value; ascending) onto `part`, and whether there is a gap before some of them.

    None when nothing new is in them. A record that is no signed batch is told to `undecodable` and passed over: it must
    not stop the partition. Pure on `part`. The step is shortened until it fits a record, and ends with a batch that holds
    orders, so that what follows meets them; the rest follows in the next step.
    """
    batches: list[tuple[int, SignedBatch]] = []
    last, gap = part.covered, False
    for offset, value in records:
        if offset <= last:
            continue  # delivered again
        if offset != last + 1:
            gap = True
            break
        try:
            batch = _decode_batch(value)
            for order in batch.orders:
                check_order(order)
            batches.append((offset, batch))
        except (msgspec.DecodeError, UnicodeDecodeError, ValueError) as error:
            if undecodable is not None:
                undecodable(offset, value, error)
        last = offset
        if batches and batches[-1][0] == offset and batches[-1][1].orders:
            gap = False  # what lies behind is asked for again
            break
    if last == part.covered:
        return None, gap
    while True:
        chosen = [(offset, batch) for offset, batch in batches if offset <= last]
        try:
            delta = fold(part.state, (batch for _, batch in chosen), threshold=threshold)
        except ValueError:  # an id or a time of no known form: looked for only now, for it costs every event
            batches = [pair for pair in chosen if _whole(*pair, undecodable)]
            continue
        record = _step(part, last, delta)
        if last == part.covered + 1 or len(encode_state(record)) <= MAX_RECORD_BYTES:
            return record, gap
        last = part.covered + (last - part.covered) // 2


def fold_and_keep(
    log: StateLog,
    partition: int,
    part: Part,
    records: Sequence[tuple[int, bytes]],
    *,
    threshold: int = THRESHOLD,
    undecodable: Undecodable | None = None,
    publish: Publish | None = None,
) -> tuple[list[Challenge], bool]:
    """Fold `records`, keep the steps, apply them; the challenges that changed, and whether there is a gap to seek back to.

    `publish` gets the challenges of each step as soon as it is kept: a crash leaves no more than the last step's unpublished,
    which is what the next owner publishes again.
    """
    changed: dict[str, Challenge] = {}
    while True:
        changed |= settle_and_keep(log, partition, part, threshold=threshold, publish=publish)
        record, gap = covers(part, records, threshold=threshold, undecodable=undecodable)
        if record is None:
            return list(changed.values()), gap
        changed |= _keep(log, partition, part, record, publish)


def settle_and_keep(
    log: StateLog, partition: int, part: Part, *, threshold: int = THRESHOLD, publish: Publish | None = None
) -> dict[str, Challenge]:
    """Follow every waiting order that can be followed, each in a step of its own; the challenges that changed, by id."""
    changed: dict[str, Challenge] = {}
    while part.state.waiting and (delta := settle(part.state, threshold)) is not None:
        changed |= _keep(log, partition, part, _step(part, part.covered, delta), publish)
        for ruling in delta.rulings:
            events.info("order_settled", order=ruling.order, outcome=ruling.outcome, why=ruling.why)
    return changed


def unite_and_keep(
    log: StateLog,
    partition: int,
    part: Part,
    groups: Sequence[str],
    *,
    why: str,
    by: str = "cluster",
    threshold: int = THRESHOLD,
    publish: Publish | None = None,
) -> str | None:
    """Merge `groups` because clustering found them one; None, or the reason why a person's word or the blocks forbid it."""
    if (reason := refusal(part.state, groups)) is not None:
        return reason
    delta = united(part.state, groups, by=by, why=why, threshold=threshold)
    _keep(log, partition, part, _step(part, part.covered, delta), publish)
    return None


def _keep(
    log: StateLog, partition: int, part: Part, record: StateRecord, publish: Publish | None
) -> dict[str, Challenge]:
    log.append(partition, record)
    if not part.apply(record) or record.delta is None:
        raise Fenced(f"partition {partition}: the log kept a step that does not follow the state in memory")
    found = challenges_of(part.state, record.delta)
    if publish is not None and found:
        publish(found)
    return {challenge.id: challenge for challenge in found}


def _whole(offset: int, batch: SignedBatch, undecodable: Undecodable | None) -> bool:
    try:
        for event in batch.events:
            number_of(event.id)
            hour_of(event.time[:13])
    except ValueError as error:
        if undecodable is not None:
            undecodable(offset, b"", error)
        return False
    return True
