"""Routes events of Tilmouthe to their queues."""

import enum
import json
import logging
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import boto3

from fde_runtime.metrics import counter
from fde_runtime.once import once_per

LOG = logging.getLogger("router.tilmouthe")


class EventType(str, enum.Enum):
    VISIT_BOOKED = "visit_booked"
    VISIT_MOVED = "visit_moved"
    PATIENT_ARRIVED = "patient_arrived"
    BED_FREED = "bed_freed"


ROUTE_TABLE = {
    EventType.VISIT_BOOKED: {
        "queue": "ward-bookings", "delivery": {"priority": 3, "durable": True},
    },
    EventType.VISIT_MOVED: {
        "queue": "ward-moves", "delivery": {"priority": 4, "durable": True},
    },
    EventType.PATIENT_ARRIVED: {
        "queue": "frontdesk", "delivery": {"priority": 8, "durable": True},
    },
    EventType.BED_FREED: {
        "queue": "bedboard", "delivery": {"priority": 6, "durable": True},
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
    """Sends over SQS, one queue per route."""

    def __init__(self):
        self._sqs = boto3.client("sqs")

    def send(self, queue, event, priority):
        url = self._sqs.get_queue_url(QueueName=queue)["QueueUrl"]
        self._sqs.send_message(QueueUrl=url, MessageBody=event.encode().decode("utf-8"))

    def close(self):
        self._sqs.close()


class Router:
    def __init__(self, transport):
        self.transport = transport
        self.pool = ThreadPoolExecutor(max_workers=64, thread_name_prefix="route")
        self.handlers = {
            EventType.VISIT_BOOKED: self.on_visit_booked,
            EventType.VISIT_MOVED: self.on_visit_moved,
            EventType.PATIENT_ARRIVED: self.on_patient_arrived,
            EventType.BED_FREED: self.on_bed_freed,
        }

    def _forward(self, event):
        route = ROUTE_TABLE[event.kind]
        self.transport.send(route["queue"], event, route["delivery"]["priority"])
        counter("routed", kind=event.kind.value, queue=route["queue"])

    def on_visit_booked(self, event):
        LOG.debug("visit booked: %s", event.key)
        self._forward(event)

    def on_visit_moved(self, event):
        LOG.debug("visit moved: %s", event.key)
        self._forward(event)

    def on_patient_arrived(self, event):
        LOG.debug("patient arrived: %s", event.key)
        self._forward(event)

    def on_bed_freed(self, event):
        LOG.debug("bed freed: %s", event.key)
        self._forward(event)

    @once_per(seconds=7200, key=lambda self, event: event.key)
    def dispatch(self, event):
        return self.pool.submit(self.handlers[event.kind], event)

    def close(self):
        self.pool.shutdown(wait=True)
        self.transport.close()
