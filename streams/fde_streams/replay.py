"""Dead letters: listed, and given back to the topics they came from, each once.

fde-engine.dead-letter -> letters() -> Letter;  replay() -> its own topic and partition, with its own headers

What was given back is remembered by the consumer group: the offset below which all was, and in its metadata the ranges above.
A crash between giving back and remembering repeats a record; it has its epoch and sequence, so the repeat has no effect.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer, TopicPartition
from structlog import get_logger

from fde_events.deadletter import Letter, letter_of
from fde_events.errors import InvalidEvent, Refused, Unavailable
from fde_events.kafka import Complaints, client_settings, listed, producer_settings
from fde_events.ledger import Ranges
from fde_events.topics import DEAD_LETTER
from fde_streams.scan import scan

log = get_logger()

GROUP: Final = "fde-dead-letter"
_ROUND: Final = 100  # letters between two commits
_FLUSH_S: Final = 30.0
_COORDINATOR_S: Final = 15.0
_NOT_YET: Final = frozenset(
    {
        KafkaError.NOT_COORDINATOR,
        KafkaError.COORDINATOR_NOT_AVAILABLE,
        KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
    }
)
_MAX_METADATA: Final = 4000  # offset.metadata.max.bytes is 4096 unless somebody changed it

Wanted = Callable[[Letter], bool]


def letters(bootstrap: str, *, timeout_s: float = 60.0) -> Iterator[Letter]:
    """Every dead letter there is, in order. One that nobody of ours buried is logged and passed over."""
    for message in scan(bootstrap, DEAD_LETTER, timeout_s=timeout_s):
        place = (message.partition(), message.offset())
        try:
            yield letter_of(message.headers(), message.value(), buried_ms=message.timestamp()[1], place=place)
        except InvalidEvent as error:
            log.warning("dead_letter_unreadable", place=f"{place[0]}/{place[1]}", why=error.why)


@dataclass(slots=True)
class Replayed:
    """Which letters were given back, by partition of the dead letters: all below `base`, and `above`."""

    base: dict[int, int] = field(default_factory=dict)
    above: dict[int, Ranges] = field(default_factory=dict)

    def __contains__(self, place: tuple[int, int]) -> bool:
        partition, offset = place
        return offset < self.base.get(partition, 0) or offset in self.above.get(partition, Ranges())

    def add(self, place: tuple[int, int]) -> None:
        """Note one; a run that begins at the base moves it."""
        partition, offset = place
        ranges = self.above.setdefault(partition, Ranges())
        ranges.add(offset)
        self.advance(partition, self.base.get(partition, 0))

    def advance(self, partition: int, low: int) -> None:
        """What is below `low` is gone from the topic, or was given back."""
        base, ranges = max(low, self.base.get(partition, 0)), self.above.setdefault(partition, Ranges())
        while ranges.spans and ranges.spans[0][0] <= base:
            base = max(base, ranges.spans.pop(0)[1] + 1)
        self.base[partition] = base


def told(ranges: Ranges) -> str:
    """Ranges as the commit's metadata: ``5-9 12``. :class:`Refused` when they are too many to be remembered."""
    text = " ".join(f"{a}-{b}" if a != b else str(a) for a, b in ranges.spans)
    if len(text) > _MAX_METADATA:
        raise Refused(
            f"{len(ranges.spans)} separate runs of dead letters were given back, more than can be remembered. Replay without "
            "--reason and --since once, so that they become one."
        )
    return text


def read(text: str | None) -> Ranges:
    """What :func:`told` wrote; nothing for anything else."""
    spans = []
    for one in (text or "").split():
        start, _, end = one.partition("-")
        if not start.isdecimal() or not (end or start).isdecimal():
            return Ranges()
        spans.append((int(start), int(end or start)))
    return Ranges(sorted(spans))


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one letter. `error` None: it was given back (or would be)."""

    letter: Letter
    error: str | None = None


class Replay:
    """Gives letters back. A context manager."""

    def __init__(self, bootstrap: str) -> None:
        self._bootstrap = bootstrap
        self._heard = Complaints()
        settings = client_settings(bootstrap, error_cb=self._heard)
        self._consumer = Consumer(settings | {"group.id": GROUP, "enable.auto.commit": False})
        self.replayed = self._remembered()

    def __enter__(self) -> Replay:
        return self

    def __exit__(self, *_: object) -> None:
        self._consumer.close()

    def all(self, wanted: Wanted) -> Iterator[tuple[Letter, bool]]:
        """Every letter that is wanted, and whether it was given back."""
        return ((letter, letter.place in self.replayed) for letter in letters(self._bootstrap) if wanted(letter))

    def waiting(self, wanted: Wanted) -> Iterator[Letter]:
        """The letters that are wanted and were not given back, as far as there are any now."""
        return (letter for letter in letters(self._bootstrap) if letter.place not in self.replayed and wanted(letter))

    def give_back(self, wanted: Wanted) -> Iterator[Outcome]:
        """Give back each; those given back are remembered a hundred at a time, and when this ends."""
        producer = Producer(producer_settings(self._bootstrap, **{"linger.ms": 5, "message.timeout.ms": 20_000}))
        batch: list[Letter] = []
        for letter in self.waiting(wanted):
            if letter.obstacle is not None:
                yield Outcome(letter, letter.obstacle)
                continue
            batch.append(letter)
            if len(batch) >= _ROUND:
                yield from self._round(producer, batch)
                batch = []
        yield from self._round(producer, batch)

    def _round(self, producer: Producer, batch: list[Letter]) -> list[Outcome]:
        came: dict[tuple[int, int], str | None] = {}

        def landing(place: tuple[int, int]) -> Callable[[KafkaError | None, Message], None]:
            return lambda error, _: came.__setitem__(place, None if error is None else error.str())

        for letter in batch:
            try:
                producer.produce(
                    letter.topic,
                    letter.value,
                    key=letter.key,
                    partition=letter.partition,  # where it was: an order that a key promises is not lost
                    headers=letter.again(),
                    on_delivery=landing(letter.place),
                )
            except KafkaException as error:
                came[letter.place] = error.args[0].str()
            except BufferError:
                producer.flush(_FLUSH_S)
                came[letter.place] = "the client's queue was full"
        producer.flush(_FLUSH_S)
        outcomes = [Outcome(letter, came.get(letter.place, f"no answer in {_FLUSH_S:g} s")) for letter in batch]
        done = [outcome.letter.place for outcome in outcomes if outcome.error is None]
        for place in done:
            self.replayed.add(place)
        if done:
            self._remember({partition for partition, _ in done})
        return outcomes

    def _partitions(self) -> list[int]:
        found = listed(self._consumer, self._heard, self._bootstrap).topics.get(DEAD_LETTER)
        return [] if found is None else sorted(found.partitions)

    def _remembered(self) -> Replayed:
        known = Replayed()
        try:
            asked = [TopicPartition(DEAD_LETTER, partition) for partition in self._partitions()]
            if not asked:
                self._consumer.close()
                raise Refused(
                    f"Kafka at {self._bootstrap} has no topic {DEAD_LETTER}, or this user may not see it: create it with "
                    "`fde kafka apply`, or come as fde-engine.keeper."
                )
            for at in self._committed(asked):
                if at.error is not None:
                    raise KafkaException(at.error)
                low, _ = self._consumer.get_watermark_offsets(TopicPartition(DEAD_LETTER, at.partition), timeout=20)
                known.above[at.partition] = read(at.metadata)
                known.base[at.partition] = max(at.offset, 0)
                known.advance(at.partition, low)
        except KafkaException as error:
            self._consumer.close()
            why = error.args[0].str()
            raise Unavailable(
                f"Kafka at {self._bootstrap} did not tell what was given back of {DEAD_LETTER}: {why}."
            ) from error
        return known

    def _committed(self, asked: list[TopicPartition]) -> list[TopicPartition]:
        """A broker that was never asked about a group makes its place for groups first, and says meanwhile that it has none."""
        until = time.monotonic() + _COORDINATOR_S
        while True:
            try:
                return list(self._consumer.committed(asked, timeout=20))
            except KafkaException as error:
                if error.args[0].code() not in _NOT_YET or time.monotonic() > until:
                    raise
                time.sleep(0.2)

    def _remember(self, partitions: set[int]) -> None:
        commits = [
            TopicPartition(
                DEAD_LETTER,
                partition,
                self.replayed.base.get(partition, 0),
                metadata=told(self.replayed.above.get(partition, Ranges())),
            )
            for partition in sorted(partitions)
        ]
        try:
            self._consumer.commit(offsets=commits, asynchronous=False)
        except KafkaException as error:
            why = error.args[0].str()
            raise Unavailable(f"Kafka did not remember what was given back: {why}. A repeat has no effect.") from error
