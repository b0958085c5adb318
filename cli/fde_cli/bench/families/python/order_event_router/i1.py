"""Routes events of Brackenfjord to their queues."""

import enum
import json
import logging
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from confluent_kafka import Producer

from fde_runtime.metrics import counter
from fde_runtime.once import once_per

LOG = logging.getLogger("router.brackenfjord")


class EventType(str, enum.Enum):
    ORDER_PLACED = "order_placed"
    ORDER_CANCELLED = "order_cancelled"


ROUTE_TABLE = {
    EventType.ORDER_PLACED: {
        "queue": "oms.placed.q", "delivery": {"priority": 5, "durable": True},
    },
    EventType.ORDER_CANCELLED: {
        "queue": "oms.cancel.q", "delivery": {"priority": 9, "durable": True},
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
        self._producer = Producer({"bootstrap.servers": "kfk-1.brackenfjord.internal:9092", "enable.idempotence": True})

    def send(self, queue, event, priority):
        headers = [("queue", queue), ("priority", str(priority))]
        self._producer.produce("oms.events.v2", key=event.key, value=event.encode(), headers=headers)
        self._producer.poll(0)

    def close(self):
        self._producer.flush(10)


class Router:
    def __init__(self, transport):
        self.pool = ThreadPoolExecutor(thread_name_prefix="route", max_workers=16)
        self.transport = transport
        self.handlers = {
            EventType.ORDER_PLACED: self.on_order_placed,
            EventType.ORDER_CANCELLED: self.on_order_cancelled,
        }

    def _forward(self, event):
        target = ROUTE_TABLE[event.kind]
        self.transport.send(target["queue"], event, target["delivery"]["priority"])
        counter("routed", kind=event.kind.value, queue=target["queue"])

    def on_order_placed(self, event):
        LOG.debug("order placed: %s", event.key)
        self._forward(event)

    def on_order_cancelled(self, event):
        LOG.debug("order cancelled: %s", event.key)
        self._forward(event)

    @once_per(seconds=300, key=lambda self, event: event.key)
    def dispatch(self, event):
        return self.pool.submit(self.handlers[event.kind], event)

    def close(self):
        self.pool.shutdown(wait=True)
        self.transport.close()
