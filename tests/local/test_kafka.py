import uuid
from pathlib import Path

import pytest
from confluent_kafka import Consumer, KafkaException, Producer
from confluent_kafka.admin import AdminClient, ConfigResource, ResourceType

from fde_local.kafka import KafkaBroker

pytestmark = pytest.mark.kafka


def produce(broker: KafkaBroker, topic: str, *values: bytes) -> None:
    failures: list[object] = []
    producer = Producer({"bootstrap.servers": broker.bootstrap_servers, "acks": "all"})
    for value in values:
        producer.produce(topic, value, on_delivery=lambda error, _: failures.append(error) if error else None)
    assert producer.flush(30) == 0
    assert not failures


def consume(broker: KafkaBroker, topic: str, count: int) -> list[bytes]:
    consumer = Consumer(
        {
            "bootstrap.servers": broker.bootstrap_servers,
            "group.id": f"test-{uuid.uuid4()}",
            "auto.offset.reset": "earliest",
        }
    )
    try:
        consumer.subscribe([topic])
        messages = consumer.consume(count, timeout=30)
        return [message.value() for message in messages]
    finally:
        consumer.close()


def test_what_is_produced_is_consumed(kafka: KafkaBroker):
    kafka.create_topic("test.local.round-trip", partitions=1)
    produce(kafka, "test.local.round-trip", b"one", b"two")
    assert consume(kafka, "test.local.round-trip", 2) == [b"one", b"two"]


def test_a_topic_has_the_partitions_it_was_created_with(kafka: KafkaBroker):
    kafka.create_topic("test.local.partitions", partitions=3, config={"cleanup.policy": "compact"})
    topics = AdminClient({"bootstrap.servers": kafka.bootstrap_servers}).list_topics(timeout=10).topics
    assert len(topics["test.local.partitions"].partitions) == 3


def test_a_topic_that_exists_is_not_created_again(kafka: KafkaBroker):
    kafka.create_topic("test.local.twice")
    with pytest.raises(KafkaException, match="already exists"):
        kafka.create_topic("test.local.twice")


def test_asking_for_a_topic_does_not_create_it(kafka: KafkaBroker):
    client = AdminClient({"bootstrap.servers": kafka.bootstrap_servers, "allow.auto.create.topics": True})
    client.list_topics("test.local.nobody-made-it", timeout=10)
    assert "test.local.nobody-made-it" not in client.list_topics(timeout=10).topics


def test_data_and_address_survive_a_restart_and_a_crash(kafka_toolchain: None, tmp_path: Path):
    with KafkaBroker.start(tmp_path / "broker") as broker:
        address = broker.bootstrap_servers
        broker.create_topic("kept")
        produce(broker, "kept", b"before the restart")
        broker.restart()
        produce(broker, "kept", b"before the crash")
        broker.kill()
        assert broker.pid is None
        broker.restart()
        produce(broker, "kept", b"after")
        assert broker.bootstrap_servers == address
        assert consume(broker, "kept", 3) == [b"before the restart", b"before the crash", b"after"]


def test_events_of_long_ago_are_not_deleted(kafka: KafkaBroker):
    """Fixed times in tests: the broker's retention is set to keep them."""
    client = AdminClient({"bootstrap.servers": kafka.bootstrap_servers})
    resource = ConfigResource(ResourceType.BROKER, "1")
    settings = client.describe_configs([resource])[resource].result(timeout=10)
    assert settings["log.retention.ms"].value == "-1"
