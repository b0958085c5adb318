"""`batch`: decoding records that carry a batch, with a schema, against one JSON record an event with the standard library.

Both start from what a Kafka client hands over (headers and value) and end with events whose customer is known. Ours checks
every field against the contract; the peer checks nothing.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

from fde_cli.bench import material
from fde_cli.bench.figure import Figure, in_turns, rate
from fde_events.event import ErrorEvent, EventBatch
from fde_events.record import Record, decode, encode, header_map
from fde_events.topics import telemetry

PEER: Final = "stdlib json, one record an event"
BATCH: Final = 100  # events a record, as the sidecar fills them
BATCH_BYTES: Final = 200 * 1024
_TIME: Final = "2026-01-01T00:00:00Z"


def run(directory: Path, rounds: int, tell: Callable[[str], None]) -> list[Figure]:
    """Events a CPU second."""
    by_customer: dict[str, list[ErrorEvent]] = {}
    for customer, event in material.events(directory):
        by_customer.setdefault(customer, []).append(event)
    batched, single = _batched(by_customer), _single(by_customer)
    work = sum(len(events) for events in by_customer.values())

    def ours() -> int:
        return sum(len(decode(topic, header_map(r.headers), r.value).batch.events) for topic, r in batched)

    def peer() -> int:
        return sum(len(_decoded(topic, headers, value)) > 0 for topic, headers, value in single)

    assert ours() == peer() == work
    return [rate("batch", "decode records", "events/CPU-s", PEER, work, in_turns(ours, peer, rounds=rounds, tell=tell))]


def _decoded(topic: str, headers: Sequence[tuple[str, bytes]], value: bytes) -> dict[str, Any]:
    attributes = {name: raw.decode() for name, raw in headers}
    event: dict[str, Any] = json.loads(value)
    event["customer"] = topic.split(".")[1]
    event["id"] = attributes["ce_id"]
    return event


def _batched(by_customer: dict[str, list[ErrorEvent]]) -> list[tuple[str, Record]]:
    records: list[tuple[str, Record]] = []
    for customer, events in by_customer.items():
        topic, deployment = telemetry(customer).name, f"customer-{customer}/app"
        chosen: list[ErrorEvent] = []
        size = 0
        for event in [*events, None]:
            length = len(msgspec.json.encode(event)) if event is not None else 0
            if chosen and (event is None or len(chosen) == BATCH or size + length > BATCH_BYTES):
                batch = EventBatch(deployment=deployment, events=tuple(chosen))
                records.append((topic, encode(batch, epoch="bench", sequence=len(records), time=_TIME)))
                chosen, size = [], 0
            if event is not None:
                chosen.append(event)
                size += length
    return records


def _single(by_customer: dict[str, list[ErrorEvent]]) -> list[tuple[str, Sequence[tuple[str, bytes]], bytes]]:
    """The same attributes and fields, an event a record."""
    found: list[tuple[str, Sequence[tuple[str, bytes]], bytes]] = []
    for customer, events in by_customer.items():
        topic, deployment = telemetry(customer).name, f"customer-{customer}/app"
        for number, event in enumerate(events):
            headers = encode(
                EventBatch(deployment=deployment, events=()), epoch="bench", sequence=number, time=_TIME
            ).headers
            value = json.dumps({"deployment": deployment, **msgspec.to_builtins(event)}).encode()
            found.append((topic, headers, value))
    return found
