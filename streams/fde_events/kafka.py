"""Client settings shared by every Kafka client of ours. The only module of fde_events that knows confluent-kafka."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient, NewTopic

from fde_events.errors import Unavailable
from fde_events.topics import MAX_RECORD_BYTES, PARTITIONER, Topic


def producer_settings(bootstrap: str, **more: Any) -> dict[str, Any]:
    """Idempotent, acks=all, murmur2, lz4: what every producer of ours uses."""
    return {
        "bootstrap.servers": bootstrap,
        "enable.idempotence": True,
        "acks": "all",
        "compression.type": "lz4",
        "partitioner": PARTITIONER,
        "message.max.bytes": MAX_RECORD_BYTES * 2,
        **more,
    }


def consumer_settings(bootstrap: str, group: str, **more: Any) -> dict[str, Any]:
    """From the earliest record, committed by hand, after the work is done."""
    return {
        "bootstrap.servers": bootstrap,
        "group.id": group,
        "enable.auto.commit": False,
        "auto.offset.reset": "earliest",
        "topic.metadata.refresh.interval.ms": 2000,  # a new customer's topic is seen within seconds
        **more,
    }


def create_topics(
    bootstrap: str, topics: Iterable[Topic], *, replication: int = 1, timeout_s: float = 20.0
) -> list[str]:
    """Create those of `topics` that are missing; returns their names. Idempotent. :class:`Unavailable` if Kafka is away."""
    wanted: Mapping[str, Topic] = {topic.name: topic for topic in topics}
    admin = AdminClient({"bootstrap.servers": bootstrap})  # kept until its futures are done, or they fail
    created = []
    try:
        present = set(admin.list_topics(timeout=timeout_s).topics)
        requests = [
            NewTopic(t.name, num_partitions=t.partitions, replication_factor=replication, config=t.config())
            for t in wanted.values()
            if t.name not in present
        ]
        futures = admin.create_topics(requests, request_timeout=timeout_s) if requests else {}
        for name, future in futures.items():
            try:
                future.result(timeout_s)
                created.append(name)
            except KafkaException as error:
                if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                    raise
    except KafkaException as error:
        raise Unavailable(f"Kafka at {bootstrap} did not create the topics: {error}.") from error
    return created
