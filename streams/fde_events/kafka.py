"""Client settings shared by every Kafka client of ours. The only module of fde_events that knows confluent-kafka."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient, NewTopic

from fde_events.errors import Unavailable
from fde_events.topics import MAX_RECORD_BYTES, PARTITIONER, Topic


def client_settings(bootstrap: str, **more: Any) -> dict[str, Any]:
    """What every client of ours has. librdkafka's own lines on stderr are off: what is wrong is told by whoever waits."""
    return {"bootstrap.servers": bootstrap, "log_level": 0, **more}


def producer_settings(bootstrap: str, **more: Any) -> dict[str, Any]:
    """Idempotent, acks=all, murmur2, lz4: what every producer of ours uses."""
    return client_settings(bootstrap) | {
        "enable.idempotence": True,
        "acks": "all",
        "compression.type": "lz4",
        "partitioner": PARTITIONER,
        "message.max.bytes": MAX_RECORD_BYTES * 2,
        **more,
    }


def consumer_settings(bootstrap: str, group: str, **more: Any) -> dict[str, Any]:
    """From the earliest record, committed by hand, after the work is done."""
    return client_settings(bootstrap) | {
        "group.id": group,
        "enable.auto.commit": False,
        "auto.offset.reset": "earliest",
        "topic.metadata.refresh.interval.ms": 2000,  # a new customer's topic is seen within seconds
        **more,
    }


@dataclass(frozen=True, slots=True)
class TopicPlan:
    """What is to do about one topic: ``create``, ``keep``, or ``differs`` (another partition count: never changed by us)."""

    topic: Topic
    verdict: str
    partitions: int


def plan_topics(bootstrap: str, topics: Iterable[Topic], *, timeout_s: float = 20.0) -> list[TopicPlan]:
    """What `create_topics` would do, topic by topic. :class:`Unavailable` if Kafka is away."""
    try:
        present = AdminClient(client_settings(bootstrap)).list_topics(timeout=timeout_s).topics
    except KafkaException as error:
        raise Unavailable(f"Kafka at {bootstrap} did not answer: {error.args[0].str()}.") from error
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
