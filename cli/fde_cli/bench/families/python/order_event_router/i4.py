"""Routes events of Goldsmire to their queues."""

import enum
import json
import logging
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from confluent_kafka import Producer

from fde_runtime.metrics import counter
from fde_runtime.once import once_per

LOG = logging.getLogger("router.goldsmire")


class EventType(str, enum.Enum):
    TAG_SCANNED = "tag_scanned"


ROUTE_TABLE = {
    EventType.TAG_SCANNED: {
        "queue": "rfid/in", "delivery": {"priority": 12, "durable": True},
    },
}


@dataclass
class Event:
    kind: EventType
    key: str
    body: dict = field(default_factory=dict)

    def encode(self):
        return json.dumps({"kind": self.kind.value, "key": self.key, "body": self.body}).encode("utf-8")


class Transport:
    """Sends over Kafka, one topic for everything."""

    def __init__(self):
        self._producer = Producer({"bootstrap.servers": "mq0.goldsmire.internal:9094", "enable.idempotence": True})

    def send(self, queue, event, priority):
        headers = [("queue", queue), ("priority", str(priority))]
        self._producer.produce("rfid_stream", key=event.key, value=event.encode(), headers=headers)
        self._producer.poll(0)

    def close(self):
        self._producer.flush(10)


class Router:
    def __init__(self, transport):
        self.transport = transport
        self.pool = ThreadPoolExecutor(max_workers=100, thread_name_prefix="route")
        self.handlers = {
            EventType.TAG_SCANNED: self.on_tag_scanned,
        }

    def _forward(self, event):
        route = ROUTE_TABLE[event.kind]
        self.transport.send(route["queue"], event, route["delivery"]["priority"])
        counter("routed", kind=event.kind.value, queue=route["queue"])

    def on_tag_scanned(self, event):
        LOG.debug("tag scanned: %s", event.key)
        self._forward(event)

    @once_per(seconds=45, key=lambda self, event: event.key)
    def dispatch(self, event):
        return self.pool.submit(self.handlers[event.kind], event)

    def close(self):
        self.pool.shutdown(wait=True)
        self.transport.close()
