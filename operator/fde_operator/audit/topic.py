"""The chain on `fde-engine.audit`: one writer, fenced; its head read back from the topic's tail.

open() fences an older writer of this chain -> reads the head, and the ids since a link -> append() in one transaction

The transactional id is the chain's: two leaders never fork it, for the older one's commit fails. A process that dies
between producing and hearing of it leaves a transaction that the next open() aborts, or links that it finds by their ids.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer, TopicPartition
from structlog import get_logger

from fde_events.act import Entry
from fde_events.chain import Head, Stored, link, longest_run, stored
from fde_events.errors import FdeError, Unavailable
from fde_events.kafka import client_settings, producer_settings
from fde_events.topics import AUDIT

log = get_logger()
_PARTITION: Final = 0  # the topic has one; the embedded broker gives it more
_FIRST_STEP: Final = 500
_FENCED: Final = frozenset(
    {
        KafkaError._FENCED,
        KafkaError.INVALID_PRODUCER_EPOCH,
        KafkaError.PRODUCER_FENCED,
        KafkaError.INVALID_PRODUCER_ID_MAPPING,
    }
)

_NO_TOPIC: Final = frozenset(
    {KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError._UNKNOWN_TOPIC, KafkaError._UNKNOWN_PARTITION}
)


class ChainTaken(FdeError):
    """Another process writes this chain by now. This one must not go on."""


@dataclass(frozen=True, slots=True)
class Tail:
    """The end of a chain: its head, and the ids of what it holds since the link that was asked for."""

    head: Head
    ids: frozenset[str]


class KafkaChain:
    """One chain on the topic. Calls block; :class:`Unavailable` means that :meth:`open` comes next, :class:`ChainTaken` the end."""

    def __init__(self, brokers: str, chain: str, *, topic: str = AUDIT, timeout_s: float = 15.0) -> None:
        self._brokers, self._topic, self._timeout_s = brokers, topic, timeout_s
        self.chain = chain
        self._producer: Producer | None = None
        self._head = Head(chain)
        self._turn = threading.Lock()  # a cancelled caller's thread runs on

    def open(self, since: int | None = None) -> Tail:
        """Become the chain's one writer. The tail holds the ids of links after `since`; None asks for the head alone."""
        with self._turn:
            return self._open(since)

    def append(self, entries: Iterable[Entry]) -> Head:
        """Write `entries` as the next links, all or none; the new head."""
        with self._turn:
            return self._append(entries)

    def _open(self, since: int | None) -> Tail:
        self._producer = None
        settings = producer_settings(
            self._brokers,
            **{
                "transactional.id": f"fde-audit-{self.chain}",
                # A dead writer's open transaction hides what other chains wrote after it for so long.
                "transaction.timeout.ms": int(self._timeout_s * 1000),
                "message.timeout.ms": int(self._timeout_s * 1000),
                "linger.ms": 0,
            },
        )
        try:
            producer = Producer(settings)
            producer.init_transactions(self._timeout_s)
            producer.list_topics(
                self._topic, timeout=self._timeout_s
            )  # the embedded broker makes a topic that is asked for
            tail = read_tail(self._brokers, self.chain, since, topic=self._topic, timeout_s=2 * self._timeout_s)
        except KafkaException as error:
            raise self._told(error) from error
        self._producer, self._head = producer, tail.head
        return tail

    def _append(self, entries: Iterable[Entry]) -> Head:
        if self._producer is None:
            raise Unavailable("The audit chain is not open.")
        head, failed = self._head, list[str]()

        def landed(error: KafkaError | None, _: Message) -> None:
            if error is not None:
                failed.append(str(error.str()))

        producer = self._producer
        try:
            producer.begin_transaction()
            for entry in entries:
                raw, head = link(head, entry)
                producer.produce(self._topic, raw, key=self.chain.encode(), partition=_PARTITION, on_delivery=landed)
            producer.commit_transaction(2 * self._timeout_s)
        except (KafkaException, BufferError) as error:
            # Whether it is there is found out by reading: open() does.
            self._producer = None
            raise self._told(error) from error
        if failed:
            self._producer = None
            raise Unavailable(f"Kafka at {self._brokers} did not keep audit records: {failed[0]}.")
        self._head = head
        return head

    def close(self) -> None:
        """Let go of the connection."""
        self._producer = None

    def _told(self, error: BaseException) -> FdeError:
        cause = error.args[0] if error.args else None
        if isinstance(cause, KafkaError) and cause.code() in _FENCED:
            return ChainTaken(f"another process writes the audit chain {self.chain} by now; this one stops writing it")
        said = cause.str() if isinstance(cause, KafkaError) else str(error)
        return Unavailable(f"Kafka at {self._brokers} took no audit records: {said}.")


def read_tail(brokers: str, chain: str, since: int | None, *, topic: str = AUDIT, timeout_s: float = 30.0) -> Tail:
    """The tail of `chain`, searched backwards from the topic's end, in steps that grow tenfold.

    :class:`Unavailable` when the end cannot be read: an open transaction of another writer hides it for seconds.
    """
    until = time.monotonic() + timeout_s
    low, high = ends(brokers, topic, timeout_s)
    step = _FIRST_STEP
    while True:
        begin = max(low, high - step)
        found = [
            one for raw in between(brokers, topic, begin, high, until) if (one := stored(raw)) and one.chain == chain
        ]
        links = longest_run(found)
        if begin == low or (links and (since is None or links[0].seq <= since + 1)):
            break
        step *= 10
    if len(links) < len(found):
        log.error("audit_chain_has_others", chain=chain, links=len(found) - len(links))
    head = links[-1].head if links else Head(chain)
    if since is not None and head.seq < since:
        log.error("audit_tail_missing", chain=chain, seen=since, found=head.seq)
    return Tail(head, frozenset(_ids(links, head.seq if since is None else since)))


def read_recent(
    brokers: str, chain: str, *, records: int = 20_000, topic: str = AUDIT, timeout_s: float = 30.0
) -> frozenset[str]:
    """The ids of `chain` among the topic's last `records`."""
    until = time.monotonic() + timeout_s
    low, high = ends(brokers, topic, timeout_s)
    raws = between(brokers, topic, max(low, high - records), high, until)
    return frozenset(_ids([one for raw in raws if (one := stored(raw)) and one.chain == chain], -1))


def _ids(links: Sequence[Stored], since: int) -> Iterator[str]:
    for one in links:
        identity = one.body.get("id")
        if one.seq > since and isinstance(identity, str):
            yield identity


def ends(brokers: str, topic: str, timeout_s: float) -> tuple[int, int]:
    """The first offset and the one after the last, open transactions included."""
    consumer = Consumer(reading(brokers, committed=False))
    try:
        low, high = consumer.get_watermark_offsets(TopicPartition(topic, _PARTITION), timeout=timeout_s)
    except KafkaException as error:
        if error.args[0].code() in _NO_TOPIC:
            raise Unavailable(f"Kafka at {brokers} has no topic {topic}; `fde kafka apply` makes it.") from error
        raise Unavailable(f"Kafka at {brokers} did not tell where {topic} ends: {error.args[0].str()}.") from error
    finally:
        consumer.close()
    return int(low), int(high)


def between(brokers: str, topic: str, begin: int, high: int, until: float) -> Iterator[bytes]:
    """Committed records from `begin` up to `high`. :class:`Unavailable` when they are not readable until `until` (monotonic)."""
    if begin >= high:
        return
    consumer = Consumer(reading(brokers, committed=True))
    try:
        consumer.assign([TopicPartition(topic, _PARTITION, begin)])
        while True:
            if time.monotonic() > until:
                raise Unavailable(f"The end of {topic} is not readable yet: a transaction of another writer is open.")
            for message in consumer.consume(500, 0.2):
                error = message.error()
                if error is None:
                    value = message.value()
                    if value is not None and message.offset() < high:
                        yield value
                    if message.offset() + 1 >= high:
                        return
                elif error.code() == KafkaError._PARTITION_EOF:
                    # Before `high` it is not the end: what stands behind an open transaction is not shown yet.
                    if message.offset() >= high:
                        return
                elif error.fatal() or not error.retriable():
                    raise Unavailable(f"Kafka at {brokers} did not let {topic} be read: {error.str()}.")
    finally:
        consumer.close()


def reading(brokers: str, *, committed: bool) -> dict[str, Any]:
    """Settings of a consumer that joins no group and commits nothing."""
    return client_settings(
        brokers,
        **{
            "group.id": "fde-audit-tail",
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "auto.offset.reset": "earliest",
            "isolation.level": "read_committed" if committed else "read_uncommitted",
        },
    )
