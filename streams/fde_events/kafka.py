"""Client settings shared by every Kafka client of ours, and what a client says when it is refused.

With `tenancy.broker`, the only module of fde_events that knows confluent-kafka.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer
from confluent_kafka.admin import AdminClient, ClusterMetadata, NewTopic
from structlog import get_logger

from fde_events.connection import ALLOW_INSECURE, Connection, check_secure, connection, settings_of
from fde_events.errors import Refused, Unavailable
from fde_events.topics import MAX_RECORD_BYTES, PARTITIONER, Topic

__all__ = [
    "Complaints",
    "Connection",
    "TopicPlan",
    "client_settings",
    "connection",
    "consumer_settings",
    "create_topics",
    "listed",
    "metadata",
    "plan_topics",
    "producer_settings",
]

log = get_logger()
_SLICE_S: Final = 1.0
_NOT_LET_IN: Final = frozenset({KafkaError._AUTHENTICATION, KafkaError.SASL_AUTHENTICATION_FAILED})
_NOT_TRUSTED: Final = frozenset({KafkaError._SSL})
_told: set[str] = set()  # insecure connections are told once a process


def client_settings(bootstrap: str, **more: Any) -> dict[str, Any]:
    """What every client of ours has, with what `bootstrap` carries when it is a :class:`Connection`.

    librdkafka's own lines on stderr are off: what is wrong is told by whoever waits.
    :class:`InsecureConnection` for a broker that is not on this machine and not encrypted and verified.
    """
    return _secured({"bootstrap.servers": str(bootstrap), "log_level": 0, **settings_of(bootstrap), **more})


def producer_settings(bootstrap: str, **more: Any) -> dict[str, Any]:
    """Idempotent, acks=all, murmur2, lz4: what every producer of ours uses."""
    ours = {
        "enable.idempotence": True,
        "acks": "all",
        "compression.type": "lz4",
        "partitioner": PARTITIONER,
        "message.max.bytes": MAX_RECORD_BYTES * 2,
    }
    return client_settings(bootstrap, **(ours | more))


def consumer_settings(bootstrap: str, group: str, **more: Any) -> dict[str, Any]:
    """From the earliest record, committed by hand, after the work is done."""
    ours = {
        "group.id": group,
        "enable.auto.commit": False,
        "auto.offset.reset": "earliest",
        "topic.metadata.refresh.interval.ms": 2000,  # a new customer's topic is seen within seconds
    }
    return client_settings(bootstrap, **(ours | more))


def _secured(settings: dict[str, Any]) -> dict[str, Any]:
    reason = check_secure(settings)
    settings.pop(ALLOW_INSECURE, None)  # ours, and unknown to librdkafka
    if reason is not None and (where := settings["bootstrap.servers"]) not in _told:
        _told.add(where)
        log.warning("connection_was_insecure", brokers=where, reason=reason)
    return settings


@dataclass(slots=True)
class Complaints:
    """What a client says beside its calls: give it as `error_cb`, poll the client, then ask.

    A wrong password or authority is told here alone; the call itself only times out.
    """

    refusal: str | None = None
    last: str | None = None

    def __call__(self, error: KafkaError) -> None:
        """librdkafka's callback."""
        if error.code() in _NOT_LET_IN:
            self.refusal = (
                f"it does not know this user or password ({_short(error)}). Check sasl.username and sasl.password"
            )
        elif error.code() in _NOT_TRUSTED:
            self.refusal = (
                f"its certificate is not trusted ({_short(error)}). Check ssl.ca.location and the broker's name"
            )
        elif error.code() != KafkaError._ALL_BROKERS_DOWN:  # it comes last, and says least
            self.last = _short(error)

    def about(self, error: KafkaException) -> str:
        """Why a call failed, in words."""
        return self.refusal or self.last or str(error.args[0].str())


def metadata(bootstrap: str, *, timeout_s: float = 20.0) -> ClusterMetadata:
    """The brokers, and the topics that may be seen.

    :class:`Refused` as soon as Kafka refuses the user or we refuse its certificate; :class:`Unavailable` if nobody answers.
    """
    heard = Complaints()
    return listed(AdminClient(client_settings(bootstrap, error_cb=heard)), heard, bootstrap, timeout_s=timeout_s)


def listed(
    client: AdminClient | Consumer | Producer, heard: Complaints, bootstrap: str, *, timeout_s: float = 20.0
) -> ClusterMetadata:
    """The same, asked through a client that is there; `heard` is its `error_cb`.

    Not of a consumer that has partitions: it is polled, and a record that came would be lost.
    """
    until = time.monotonic() + timeout_s
    while True:
        try:
            return client.list_topics(timeout=max(0.05, min(_SLICE_S, until - time.monotonic())))
        except KafkaException as error:
            client.poll(0)
            if heard.refusal:
                raise Refused(f"Kafka at {bootstrap}: {heard.refusal}.") from error
            if time.monotonic() >= until:
                raise Unavailable(f"Kafka at {bootstrap} does not answer: {heard.about(error)}.") from error


def _short(error: KafkaError) -> str:
    """librdkafka's sentence without the address before it and the state after it."""
    whole = str(error.str())
    text = whole.partition("://")[2].partition(": ")[2] or whole
    return text.partition(" (after ")[0][:300]


@dataclass(frozen=True, slots=True)
class TopicPlan:
    """What is to do about one topic: ``create``, ``keep``, or ``differs`` (another partition count: never changed by us)."""

    topic: Topic
    verdict: str
    partitions: int


def plan_topics(bootstrap: str, topics: Iterable[Topic], *, timeout_s: float = 20.0) -> list[TopicPlan]:
    """What `create_topics` would do, topic by topic. :class:`Unavailable` if Kafka is away."""
    present = metadata(bootstrap, timeout_s=timeout_s).topics
    plans = []
    for topic in topics:
        found = len(present[topic.name].partitions) if topic.name in present else 0
        verdict = "create" if not found else "keep" if found == topic.partitions else "differs"
        plans.append(TopicPlan(topic, verdict, found))
    return plans


def create_topics(
    bootstrap: str, topics: Iterable[Topic], *, replication: int = 1, timeout_s: float = 20.0
) -> list[str]:
    """Create those of `topics` that are missing; returns their names. Idempotent. :class:`Unavailable` if Kafka is away."""
    missing = [plan.topic for plan in plan_topics(bootstrap, topics, timeout_s=timeout_s) if plan.verdict == "create"]
    if not missing:
        return []
    admin = AdminClient(client_settings(bootstrap))  # kept until its futures are done, or they fail
    requests = [
        NewTopic(t.name, num_partitions=t.partitions, replication_factor=replication, config=t.config())
        for t in missing
    ]
    created = []
    for name, future in admin.create_topics(requests, request_timeout=timeout_s).items():
        try:
            future.result(timeout_s)
            created.append(name)
        except KafkaException as error:
            if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                raise Unavailable(f"Kafka at {bootstrap} did not create {name}: {error.args[0].str()}.") from error
    return created
