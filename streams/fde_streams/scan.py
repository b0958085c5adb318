"""Read a topic from its beginning to its end: how compacted topics become tables."""

from __future__ import annotations

import time
from collections.abc import Iterator

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from fde_events.errors import Unavailable
from fde_events.kafka import Complaints, client_settings, listed


def scan(bootstrap: str, topic: str, *, timeout_s: float = 60.0) -> Iterator[Message]:
    """Every record of `topic` up to the end it had when this began, per partition in order. Nothing if there is no such topic.

    :class:`Unavailable` if the broker does not answer, or the end is not reached in `timeout_s`;
    :class:`Refused` at once for a wrong password or certificate.
    """
    heard = Complaints()
    settings = client_settings(bootstrap, error_cb=heard) | {
        "group.id": "fde-scan",
        "enable.auto.commit": False,
        "enable.partition.eof": True,
        "auto.offset.reset": "earliest",
        "isolation.level": "read_committed",
    }
    consumer = Consumer(settings)
    try:
        found = listed(consumer, heard, bootstrap, timeout_s=min(timeout_s, 20.0)).topics.get(topic)
        if found is None or not found.partitions:
            return
        until = time.monotonic() + timeout_s
        marks = {
            partition: consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=min(timeout_s, 20.0))
            for partition in found.partitions
        }
        left = {partition for partition, (low, high) in marks.items() if low < high}
        consumer.assign([TopicPartition(topic, partition, marks[partition][0]) for partition in left])
        while left:
            if time.monotonic() > until:
                raise Unavailable(f"{topic} could not be read to its end in {timeout_s:g} s.")
            for message in consumer.consume(500, 0.2):
                error = message.error()
                if error is None:
                    yield message
                    # A client tells the end of a partition only when nothing comes for a while: of a busy one, never.
                    if message.offset() + 1 >= marks[message.partition()][1]:
                        left.discard(message.partition())
                elif error.code() == KafkaError._PARTITION_EOF:
                    left.discard(message.partition())
                elif error.fatal() or not error.retriable():
                    raise KafkaException(error)
    except KafkaException as error:
        raise Unavailable(f"Kafka at {bootstrap} did not let {topic} be read: {error.args[0].str()}.") from error
    finally:
        consumer.close()
