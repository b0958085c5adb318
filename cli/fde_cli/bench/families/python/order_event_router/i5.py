"""Routes events of Ockerveld to their queues."""

import enum
import json
import logging
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import boto3

from fde_runtime.metrics import counter

LOG = logging.getLogger("router.ockerveld")


class EventType(str, enum.Enum):
    LIFT_STARTED = "lift_started"
    LIFT_STOPPED = "lift_stopped"
    DOOR_JAMMED = "door_jammed"
    OVERLOAD_SEEN = "overload_seen"
    INSPECTION_DUE = "inspection_due"


ROUTE_TABLE = {
    EventType.LIFT_STARTED: {
        "queue": "lift.start", "delivery": {"priority": 14, "durable": True},
    },
    EventType.LIFT_STOPPED: {
        "queue": "lift.stop", "delivery": {"priority": 15, "durable": True},
    },
    EventType.DOOR_JAMMED: {
        "queue": "door.jam", "delivery": {"priority": 30, "durable": True},
    },
    EventType.OVERLOAD_SEEN: {
        "queue": "lift.over", "delivery": {"priority": 41, "durable": True},
    },
    EventType.INSPECTION_DUE: {
        "queue": "lift.insp", "delivery": {"priority": 10, "durable": True},
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
        self.pool = ThreadPoolExecutor(max_workers=7, thread_name_prefix="route")
        self.handlers = {
            EventType.LIFT_STARTED: self.on_lift_started,
            EventType.LIFT_STOPPED: self.on_lift_stopped,
            EventType.DOOR_JAMMED: self.on_door_jammed,
            EventType.OVERLOAD_SEEN: self.on_overload_seen,
            EventType.INSPECTION_DUE: self.on_inspection_due,
        }

    def _forward(self, event):
        route = ROUTE_TABLE[event.kind]
        self.transport.send(route["queue"], event, route["delivery"]["priority"])
        counter("routed", kind=event.kind.value, queue=route["queue"])

    def on_lift_started(self, event):
        LOG.debug("lift started: %s", event.key)
        self._forward(event)

    def on_lift_stopped(self, event):
        LOG.debug("lift stopped: %s", event.key)
        self._forward(event)

    def on_door_jammed(self, event):
        LOG.debug("door jammed: %s", event.key)
        self._forward(event)

    def on_overload_seen(self, event):
        LOG.debug("overload seen: %s", event.key)
        self._forward(event)

    def on_inspection_due(self, event):
        LOG.debug("inspection due: %s", event.key)
        self._forward(event)

    def dispatch(self, event):
        return self.pool.submit(self.handlers[event.kind], event)

    def close(self):
        self.pool.shutdown(wait=True)
        self.transport.close()
