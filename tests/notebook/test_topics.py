"""A running loop read by an analyst, on the embedded broker."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from confluent_kafka import Producer

from fde_events.ledger import EpochMark
from fde_events.record import encode, encode_mark
from fde_events.topics import CHALLENGES, telemetry
from fde_notebook import Loop
from fde_notebook.fleet import Fleet
from fde_streams.standing import challenge_of

pytestmark = pytest.mark.processes


@pytest.fixture(scope="module")
def broker() -> Iterator[str]:
    host = Producer({"test.mock.num.brokers": 1, "log_level": 3})
    addresses = host.list_topics(timeout=10).brokers.values()
    yield ",".join(f"{one.host}:{one.port}" for one in addresses)
    host.flush(1)


def test_a_running_loop_gives_the_frames_that_its_logs_give_offline(broker: str, fleet: Path) -> None:
    offline = Loop.of_fleet(fleet)
    producer = Producer({"bootstrap.servers": broker})
    for received in Fleet(fleet).batches():
        topic = telemetry(received.customer).name
        record = encode(received.batch, epoch=received.epoch, sequence=0, time="2026-10-04T08:00:00Z")
        for _ in range(2):  # a sidecar that crashed publishes again
            producer.produce(topic, record.value, key=record.key, headers=list(record.headers))
        mark = encode_mark(
            EpochMark(
                customer=received.customer,
                deployment=received.batch.deployment,
                epoch=received.epoch,
                highest=0,
                closed=True,
                events=1,
                time="2026-10-04T08:00:00Z",
            )
        )
        producer.produce(topic, mark.value, key=mark.key, headers=list(mark.headers))
    producer.produce(telemetry("north").name, b"\xff not a record")
    state = offline._reading.state
    (group,) = state.groups.values()
    engine = msgspec.structs.replace(
        challenge_of(state, group), events=400
    )  # it has seen what the topics have forgotten
    producer.produce(CHALLENGES, msgspec.json.encode(engine), key=engine.id)
    assert producer.flush(20) == 0

    live = Loop.at(brokers=broker)
    assert live.events().drop("message").equals(offline.events().drop("message"))
    assert live.groups().equals(offline.groups())
    assert live.challenges()["events"].to_list() == [400]
    assert live.sightings().equals(offline.sightings())
