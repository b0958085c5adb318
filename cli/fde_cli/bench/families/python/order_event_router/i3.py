"""Routes events of Esparvane to their queues."""

import enum
import json
import logging
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from confluent_kafka import Producer

from fde_runtime.metrics import counter

LOG = logging.getLogger("router.esparvane")


class EventType(str, enum.Enum):
    CRATE_SEALED = "crate_sealed"
    CRATE_LOADED = "crate_loaded"
    TRUCK_DEPARTED = "truck_departed"


ROUTE_TABLE = {
    EventType.CRATE_SEALED: {
        "queue": "Dock.Sealed", "delivery": {"priority": 2, "durable": True},
    },
    EventType.CRATE_LOADED: {
        "queue": "Dock.Loaded", "delivery": {"priority": 7, "durable": True},
    },
    EventType.TRUCK_DEPARTED: {
        "queue": "Yard.Out", "delivery": {"priority": 1, "durable": True},
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
        self._producer = Producer({"bootstrap.servers": "stream.esparvane.internal:19092", "enable.idempotence": True})

    def send(self, queue, event, priority):
        headers = [("queue", queue), ("priority", str(priority))]
        self._producer.produce("esp-yard-feed", key=event.key, value=event.encode(), headers=headers)
        self._producer.poll(0)

    def close(self):
        self._producer.flush(10)


class Router:
    def __init__(self, transport):
        self.transport = transport
        self.pool = ThreadPoolExecutor(max_workers=24, thread_name_prefix="route")
        self.handlers = {
            EventType.CRATE_SEALED: self.on_crate_sealed,
            EventType.CRATE_LOADED: self.on_crate_loaded,
            EventType.TRUCK_DEPARTED: self.on_truck_departed,
        }

    def _forward(self, event):
        route = ROUTE_TABLE[event.kind]
        self.transport.send(route["queue"], event, route["delivery"]["priority"])
        counter("routed", kind=event.kind.value, queue=route["queue"])

    def on_crate_sealed(self, event):
        LOG.debug("crate sealed: %s", event.key)
        self._forward(event)

    def on_crate_loaded(self, event):
        LOG.debug("crate loaded: %s", event.key)
        self._forward(event)

    def on_truck_departed(self, event):
        LOG.debug("truck departed: %s", event.key)
        self._forward(event)

    def dispatch(self, event):
        return self.pool.submit(self.handlers[event.kind], event)

    def close(self):
        self.pool.shutdown(wait=True)
        self.transport.close()
