"""The state of a partition and the log it is rebuilt from.

Each fold step appends one `StateRecord`: the delta and the source offsets ``(prev, last]`` that it covers, atomically. A step
that follows a person's order, or a merge that clustering proposes, covers none: ``prev == last``. Three
rules make a crash, a repeat or a zombie harmless (tested prototype: 92 kills and stops, no hole, no double):

* **chain**: a delta applies only if its `prev` is what is covered, so to exactly one state;
* **contiguity**: a step never folds past a missing source offset; it stops before it and seeks back;
* **fence first**: whoever is given a partition fences the older writer, then reads the log to its end, then seeks to
  covered + 1. Memory changes only after the log has acknowledged.

A log does not grow for ever: when the deltas since the last snapshot outweigh it, `compact` writes another and the log deletes
what lies before it, so a rebuild reads one snapshot and at most as much again.

Challenges are published after the step that changed them was kept. What was not published yet (`Part.dirty`) is known to the log
as well: a record says whether all was published when it was written, so whoever rebuilds publishes the rest.

The rules need contiguous source offsets: the signatures topic is neither compacted nor written in transactions.
"""

from __future__ import annotations

import time
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
from fde_streams.delta import Delta, Erased
from fde_streams.fold import THRESHOLD, apply, check_run, fold
from fde_streams.group import State
from fde_streams.identity import refusal, united
from fde_streams.seen import number_of
from fde_streams.settle import settle
from fde_streams.share import hour_of
from fde_streams.snapshot import FORM as SNAPSHOT_FORM
from fde_streams.snapshot import Chunk, Restored, chunks
from fde_streams.standing import standing_of, touched

events = get_logger(__name__)

OWNER: Final = uuid.uuid4().hex[:12]
FORM: Final = 2
SNAPSHOT_FROM: Final = (
    4 * 1024 * 1024
)  # bytes of deltas that make a snapshot worth while, or as many as it has, if those are more
SNAPSHOT_STEPS: Final = 20_000

Undecodable = Callable[[int, bytes, Exception], None]
Publish = Callable[[Sequence[Challenge]], None]


class Fenced(FdeError):
    """Another worker owns this partition now. Its state is the truth; ours is dropped."""


class StateRecord(msgspec.Struct, frozen=True, omit_defaults=True):
    """One step of one partition. A claim has no delta. `rewound` says that the source was emptied and starts anew.

    `prev` and `last` are source offsets: ``(prev, last]`` is covered. `form` is that of the delta: a state of another form cannot
    be read, and is refused. `published`: what all earlier records changed was published when this one was written. A chunk of a
    snapshot covers nothing by itself; the last one says what the snapshot covers.
    """

    owner: str
    generation: int
    prev: int
    last: int
    delta: Delta | None = None
    rewound: bool = False
    form: int = 1
    published: bool = False
    snapshot: Chunk | None = None


def _step(part: Part, last: int, delta: Delta) -> StateRecord:
    return StateRecord(OWNER, part.generation, part.covered, last, delta, form=FORM, published=not part.unpublished)


def claim(part: Part) -> StateRecord:
    """A record that changes nothing: whoever may write it owns the partition, and `part` is what the log amounts to."""
    return StateRecord(OWNER, part.generation, part.covered, part.covered, form=FORM)


encode_state = msgspec.json.Encoder().encode
decode_state = msgspec.json.Decoder(StateRecord).decode
_decode_batch = msgspec.json.Decoder(SignedBatch).decode


@dataclass(slots=True)
class Part:
    """What one partition's log amounts to. `covered` -1: nothing yet. `dirty`: groups changed and not published.

    `flying`: groups that are being published. `grown`, `steps`: bytes and records since the last snapshot, `size` that one's
    bytes. `stride`: records of the source that fitted into a step. `erased`: older records hold what must not be there any more.
    """

    covered: int = -1
    generation: int = -1
    ignored: int = 0
    state: State = field(default_factory=State)
    dirty: dict[str, bool] = field(default_factory=dict)
    flying: dict[str, bool] = field(default_factory=dict)
    grown: int = 0
    steps: int = 0
    size: int = 0
    stride: int = 1 << 20
    erased: bool = False
    _restored: Restored = field(default_factory=Restored, compare=False)

    @property
    def unpublished(self) -> bool:
        """Whether readers of challenges do not know all of the state yet."""
        return bool(self.dirty or self.flying)

    def apply(self, record: StateRecord, size: int = 0) -> bool:
        """Apply the next record of the log, of `size` bytes; False if it is a claim, a zombie's or out of chain."""
        if record.generation < self.generation:
            self.ignored += 1
            return False
        self.generation = record.generation
        if record.snapshot is not None:
            return self._load(record, record.snapshot, size)
        if record.rewound:
            self.covered = record.last
            return True
        if record.delta is None:
            return False
        if record.prev != self.covered:
            self.ignored += 1
            return False
        if record.form != FORM:
            raise _refused(record.form)
        if record.published:
            self.dirty.clear()
        apply(self.state, record.delta)
        self.dirty |= touched(self.state, record.delta)
        self.erased = self.erased or any(isinstance(change, Erased) for change in record.delta.changes)
        self.covered = record.last
        self.grown += size
        self.steps += 1
        return True

    def snapshot_kept(self, size: int) -> None:
        """A snapshot of `size` bytes of this very state is in the log."""
        self.size, self.grown, self.steps, self.erased = size, 0, 0, False

    def wants_snapshot(self, above: int = SNAPSHOT_FROM) -> bool:
        """Whether rebuilding from the deltas has become dearer than from a snapshot, or a customer was erased."""
        if self.erased:
            return True
        return self.steps > 0 and (self.grown > max(above, self.size) or self.steps >= SNAPSHOT_STEPS)

    def _load(self, record: StateRecord, chunk: Chunk, size: int) -> bool:
        if chunk.form != SNAPSHOT_FORM:
            raise _refused(chunk.form)
        if chunk.index == 0:
            self.size = 0
        self.size += size
        if not self._restored.add(chunk):
            return False
        self.state, self.covered = self._restored.state, record.last
        self._restored = Restored()
        self.dirty = {}  # it is taken when all was published
        self.snapshot_kept(self.size)
        return True


def _refused(form: int) -> BadInput:
    return BadInput(
        "the state log",
        f"it was written by another version of fde (form {form}, this one reads {FORM}). Move it away: challenges "
        "keep their ids when they are found again, counts start anew",
    )


class StateLog(Protocol):
    """Where state records are kept. Blocking; one caller at a time."""

    def rebuild(self, partitions: Iterable[int]) -> dict[int, Part]:
        """Fence every older writer of `partitions`, then read their logs to the end. Unavailable if that cannot be done."""

    def append(self, partition: int, record: StateRecord) -> int:
        """Write one record and wait until it is kept; its bytes. :class:`Fenced` if the partition has another owner."""

    def replace(self, partition: int, snapshot: Iterable[StateRecord]) -> int:
        """Write a snapshot's records, all or none, wait until they are kept, and delete what lies before; its bytes.

        :class:`Fenced` if the partition has another owner. What cannot be deleted now is deleted with the next.
        """

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
    not stop the partition. Pure on `part`, but for how far it dares to go at once. The step is shortened until it fits a record, and ends with a batch that holds
    orders, so that what follows meets them; the rest follows in the next step.
    """
    batches: list[tuple[int, SignedBatch]] = []
    last, gap = part.covered, False
    stride = part.covered + part.stride
    for offset, value in records:
        if offset <= last:
            continue  # delivered again
        if last >= stride:
            break  # the rest follows in the next step, which is not folded for nothing
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
        size, taken = len(encode_state(record)), last - part.covered
        if taken == 1 or size <= MAX_RECORD_BYTES:
            part.stride = max(1, taken * 2 if size * 2 < MAX_RECORD_BYTES else min(part.stride, taken))
            return record, gap
        last = part.covered + max(1, taken * MAX_RECORD_BYTES // (size + size // 4))


def fold_and_keep(
    log: StateLog,
    partition: int,
    part: Part,
    records: Sequence[tuple[int, bytes]],
    *,
    threshold: int = THRESHOLD,
    undecodable: Undecodable | None = None,
    publish: Publish | None = None,
) -> tuple[int, bool]:
    """Fold `records`, keep the steps, apply them; how many steps, and whether there is a gap to seek back to.

    `publish` gets the challenges of each step as soon as it is kept; without it they stay in `part.dirty` for the caller. The log
    is compacted when it has grown enough.
    """
    steps = 0
    while True:
        steps += settle_and_keep(log, partition, part, threshold=threshold, publish=publish)
        record, gap = covers(part, records, threshold=threshold, undecodable=undecodable)
        if record is None:
            return steps, gap
        _keep(log, partition, part, record, publish)
        steps += 1


def compact(log: StateLog, partition: int, part: Part, *, above: int = SNAPSHOT_FROM) -> bool:
    """Write a snapshot and delete what lies before it, if the log has grown by more than `above` and all was published."""
    if not part.wants_snapshot(above) or part.unpublished:
        return False
    started = time.monotonic()
    name = uuid.uuid4().hex[:12]
    size = log.replace(
        partition,
        (
            StateRecord(OWNER, part.generation, part.covered, part.covered, form=FORM, snapshot=chunk)
            for chunk in chunks(part.state, name)
        ),
    )
    events.info(
        "snapshot_written",
        partition=partition,
        covered=part.covered,
        bytes=size,
        deltas=part.steps,
        delta_bytes=part.grown,
        seconds=round(time.monotonic() - started, 2),
    )
    part.snapshot_kept(size)
    return True


def publish_dirty(part: Part, publish: Publish) -> int:
    """Publish what changed and was not published; how many challenges. What fails stays to be done."""
    part.flying |= part.dirty
    part.dirty = {}
    found = standing_of(part.state, part.flying)
    if found:
        publish(found)
    part.flying = {}
    return len(found)


def settle_and_keep(
    log: StateLog, partition: int, part: Part, *, threshold: int = THRESHOLD, publish: Publish | None = None
) -> int:
    """Follow every waiting order that can be followed, each in a step of its own; how many."""
    steps = 0
    while part.state.waiting and (delta := settle(part.state, threshold)) is not None:
        _keep(log, partition, part, _step(part, part.covered, delta), publish)
        steps += 1
        for ruling in delta.rulings:
            events.info("order_settled", order=ruling.order, outcome=ruling.outcome, why=ruling.why)
    return steps


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


def _keep(log: StateLog, partition: int, part: Part, record: StateRecord, publish: Publish | None) -> None:
    size = log.append(partition, record)
    if not part.apply(record, size or 0) or record.delta is None:
        raise Fenced(f"partition {partition}: the log kept a step that does not follow the state in memory")
    if publish is not None:
        publish_dirty(part, publish)


def _whole(offset: int, batch: SignedBatch, undecodable: Undecodable | None) -> bool:
    try:
        for event in batch.events:
            number_of(event.id)
            hour_of(event.time[:13])
        for run in batch.runs:
            check_run(run)
            for moment in run.times:
                hour_of(moment[:13])
    except ValueError as error:
        if undecodable is not None:
            undecodable(offset, b"", error)
        return False
    return True
