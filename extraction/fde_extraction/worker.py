"""The extraction worker: the desk on Kafka. The only module of fde_extraction that knows confluent-kafka.

fde-engine.challenges, fde.<customer>.solutions (by regular expression)
    -> Desk -> Registry, evidence store
    -> fde-engine.candidates, fde-engine.audit; off contract -> fde-engine.dead-letter

Both inputs are kept by their topics, so the worker commits nothing: it reads them from the start whenever it starts, and is
then where it was. Its outputs are idempotent by name. It joins no consumer group: it needs the whole of both inputs, so it
looks for topics itself, every two seconds, and takes all their partitions.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, Message, Producer, TopicPartition
from structlog import get_logger

from fde_events.audit import Audit
from fde_events.challenge import Challenge
from fde_events.deadletter import burial, coordinate, reason_of
from fde_events.errors import InvalidEvent, Unavailable
from fde_events.kafka import consumer_settings, producer_settings
from fde_events.topics import AUDIT, CANDIDATES, CHALLENGES, DEAD_LETTER, SOLUTIONS_PATTERN
from fde_extraction import status
from fde_extraction.desk import Desk
from fde_extraction.proposal import about_of, told_of
from fde_extraction.solutions import received

_decode_challenge: Final = msgspec.json.Decoder(Challenge).decode
_SOLUTIONS: Final = re.compile(SOLUTIONS_PATTERN)
_LOOK_S: Final = 2.0
_LONGEST_WAIT_S: Final = 60.0

log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class WorkerSettings:
    """How the worker runs. Times in seconds; `once_idle_s` ends it after that long without input or work.

    `patience_s`: how long Kafka may be away before it gives up.

    `export`: where to keep the challenges for the library (`fde search --error`): counts and signatures, nobody's name.
    """

    bootstrap: str
    folder: Path
    once_idle_s: float | None = None
    patience_s: float = 120.0
    settle_s: float = 2.0  # work is done this long after input began at the latest, or as soon as there is no more
    batch: int = 500
    export: Path | None = None


class ExtractionWorker:
    """One process. `folder`: extraction's own directory, for `status.jsonl` and what was buried."""

    def __init__(self, settings: WorkerSettings, desk: Desk, *, producer: Producer | None = None) -> None:
        self.settings, self.desk = settings, desk
        self._producer = producer or Producer(producer_settings(settings.bootstrap, **{"linger.ms": 5}))
        self._consumer = Consumer(
            consumer_settings(settings.bootstrap, "fde-extraction")
        )  # the name is for the broker's logs
        self._reading: set[tuple[str, int]] = set()
        self._buried = _Buried(settings.folder / "buried.jsonl")
        self._away_since: float | None = None
        self._wait_s = 0.0
        self._not_before = 0.0

    def run(self, stop: Callable[[], bool] = lambda: False) -> None:
        """Work until `stop()`, or until idle for `once_idle_s`. :class:`Unavailable` when the disk is away, or Kafka beyond patience."""
        last_input, dirty_since, look_at = time.monotonic(), None, 0.0
        try:
            while not stop():
                if time.monotonic() >= look_at:
                    if self._discover():
                        last_input = time.monotonic()
                    look_at = time.monotonic() + _LOOK_S
                messages = self._good(self._consumer.consume(self.settings.batch, 0.2))
                now = time.monotonic()
                for message in messages:
                    self._take(message)
                if messages:
                    last_input = now
                if self.desk.has_work:
                    dirty_since = dirty_since or now
                    if (not messages or now - dirty_since > self.settings.settle_s) and now >= self._not_before:
                        self._work()
                        dirty_since = None
                        last_input = time.monotonic()
                self._producer.poll(0)
                idle = self.settings.once_idle_s
                quiet = self._away_since is None and not self.desk.has_work  # nothing from nobody is not nothing new
                if idle is not None and quiet and time.monotonic() - last_input > idle:
                    return
        finally:
            self._consumer.close()
            self._producer.flush(10 if self._away_since is None else 0.5)

    def _discover(self) -> bool:
        """Read every partition of the inputs that is not read yet, from its start. Whether there was one."""
        try:
            topics = self._consumer.list_topics(timeout=min(5.0, max(0.5, self.settings.patience_s))).topics
        except KafkaException as error:
            self._note_away(error.args[0].str())
            return True
        self._away_since = None
        new = [
            TopicPartition(name, partition, OFFSET_BEGINNING)
            for name, topic in sorted(topics.items())
            if name == CHALLENGES or _SOLUTIONS.match(name)
            for partition in topic.partitions
            if (name, partition) not in self._reading
        ]
        if new:
            self._consumer.incremental_assign(new)
            self._reading |= {(place.topic, place.partition) for place in new}
            log.info("inputs_found", partitions=len(new), topics=len({place.topic for place in new}))
        return bool(new)

    def _note_away(self, why: str) -> None:
        log.warning("kafka_was_away", reason=why)
        self._away_since = self._away_since or time.monotonic()
        if time.monotonic() - self._away_since >= self.settings.patience_s:
            raise Unavailable(
                f"Kafka at {self.settings.bootstrap} does not answer: {why}. Gave up after {self.settings.patience_s:g} s."
            )

    def _work(self) -> None:
        try:
            records = self.desk.work()
        except Unavailable as away:
            self._wait_s = min(_LONGEST_WAIT_S, max(away.retry_after_s, 2 * self._wait_s))
            self._not_before = time.monotonic() + self._wait_s
            log.warning("registry_was_away", what=away.what, retry_in_s=self._wait_s)
            records = []
        else:
            self._wait_s = 0.0
        for record in records:
            self._produce(CANDIDATES, record.id, msgspec.json.encode(record))
            log.info("candidate_proposed", candidate=record.id, challenge=record.challenge, state=record.state)
        if self.settings.export is not None:
            _export(self.settings.export, self.desk.join.challenges.values())
        status.write(
            self.settings.folder / "status.jsonl", [self.desk.statuses[key] for key in sorted(self.desk.statuses)]
        )

    def _take(self, message: Message) -> None:
        topic = str(message.topic())
        try:
            if topic != CHALLENGES:
                self.desk.take_solution(received(topic, message.value()))
            elif message.value() is not None:  # a challenge is never taken back; a deletion says nothing
                self.desk.take_challenge(_challenge(topic, message.value()))
        except InvalidEvent as error:
            self._bury(message, error)

    def _bury(self, message: Message, error: InvalidEvent) -> None:
        where = coordinate(message.topic(), message.partition(), message.offset())
        if not self._buried.add(where):  # read again at every start, told once
            return
        log.warning("record_was_buried", source=where, reason=reason_of(error.why))
        source = message.topic(), message.partition(), message.offset()
        headers = burial(*source, message.headers(), error.why, key=message.key())
        self._produce(DEAD_LETTER, where, message.value(), headers=headers)

    def _produce(self, topic: str, key: str, value: bytes | None, *, headers: Any = None) -> None:
        produce(self._producer, topic, key, value, headers=headers)

    def _good(self, messages: Sequence[Message]) -> list[Message]:
        good = []
        for message in messages:
            error = message.error()
            if error is None:
                good.append(message)
            elif error.fatal():
                raise Unavailable(f"Kafka at {self.settings.bootstrap} ended the session: {error.str()}.")
            elif error.code() != KafkaError.UNKNOWN_TOPIC_OR_PART:  # a topic that will be there soon
                log.warning("kafka_was_away", reason=error.str())
        return good


def produce(producer: Producer, topic: str, key: str, value: bytes | None, *, headers: Any = None) -> None:
    """Hand a record to the producer, waiting for room in its queue. :class:`Unavailable` when it takes none for 30 s."""
    deadline = time.monotonic() + 30
    while True:
        try:
            producer.produce(topic, value, key=key, headers=headers or [])
            return
        except BufferError:
            if time.monotonic() > deadline:
                raise Unavailable(f"Kafka took no record of {topic} for 30 s.") from None
            producer.poll(0.5)
        except KafkaException as error:
            raise Unavailable(f"Kafka took no record of {topic}: {error}.") from error


def audit_to(producer: Producer) -> Callable[[Audit], None]:
    """What an evidence store publishes its reads with."""

    def publish(record: Audit) -> None:
        produce(producer, AUDIT, record.who, msgspec.json.encode(record))

    return publish


def _export(path: Path, challenges: Iterable[Challenge]) -> None:
    lines = [
        msgspec.json.encode(
            msgspec.structs.replace(
                challenge,
                title=told_of(challenge),
                block=f"{challenge.kind}/{about_of(challenge)}",
                sightings=(),
                samples=(),
                hours=(),
            )
        )
        + b"\n"
        for challenge in sorted(challenges, key=lambda challenge: challenge.id)
    ]
    temporary = path.with_name(f".{path.name}.tmp")
    temporary.write_bytes(b"".join(lines))
    temporary.replace(path)


class _Buried:
    """Coordinates of records that went to the dead-letter topic already."""

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._known = set(path.read_text().split())
        except FileNotFoundError:
            self._known = set()

    def add(self, where: str) -> bool:
        """Whether it is new; noted then."""
        if where in self._known:
            return False
        self._known.add(where)
        with self._path.open("a") as file:
            file.write(where + "\n")
        return True


def _challenge(topic: str, value: bytes | None) -> Challenge:
    try:
        return _decode_challenge(value or b"")
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InvalidEvent(topic, f"the value is not a challenge: {error}") from error
