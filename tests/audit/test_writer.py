"""From the journal into the chain: on a chain in memory, on the embedded broker, on a real Kafka with kills."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
from confluent_kafka import Producer

from fde_events.act import Act, Entry
from fde_events.chain import Anchor, Head, Verifier, link, stored
from fde_events.errors import Unavailable
from fde_operator.audit.journal import Journal
from fde_operator.audit.topic import ChainTaken, KafkaChain, Tail, between, ends, read_recent
from fde_operator.audit.writer import ChainWriter
from fde_operator.queue import Backoff

AT = "2026-11-21T10:00:00.000Z"


def act(number: int) -> Act:
    return Act(id=f"{number:032x}", at=AT, source="operator", who="o", verb="apply", kind="Job", outcome="allowed")


class MemoryChain:
    """A chain without Kafka. `away`: calls that fail; `swallowed`: appends that happen although they fail."""

    def __init__(self) -> None:
        self.chain = "operator"
        self.raws: list[bytes] = []
        self.away = self.swallowed = self.opens = 0

    def head(self) -> Head:
        found = stored(self.raws[-1]) if self.raws else None
        return found.head if found else Head("operator")

    def open(self, since: int | None = None) -> Tail:
        self._answer()
        self.opens += 1
        found = [one for raw in self.raws if (one := stored(raw)) and since is not None and one.seq > since]
        return Tail(self.head(), frozenset(str(one.body["id"]) for one in found))

    def append(self, entries: Sequence[Entry]) -> Head:
        self._answer()
        head, raws = self.head(), []
        for entry in entries:
            raw, head = link(head, entry)
            raws.append(raw)
        self.raws += raws
        if self.swallowed:
            self.swallowed -= 1
            raise Unavailable("no answer.")
        return head

    def _answer(self) -> None:
        if self.away:
            self.away -= 1
            raise Unavailable("away.")


class MemoryAnchors:
    def __init__(self) -> None:
        self.kept: list[Anchor] = []

    async def keep(self, anchor: Anchor) -> None:
        self.kept.append(anchor)


async def until(what: Callable[[], Any], limit_s: float = 60.0) -> None:
    deadline = time.monotonic() + limit_s
    while not what():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)


def numbers(raws: Sequence[bytes]) -> list[int]:
    return [int(str(one.body["id"]), 16) for raw in raws if (one := stored(raw))]


def test_acts_are_chained_once_although_kafka_was_away_and_swallowed_its_answer(tmp_path: Path) -> None:
    async def scene() -> None:
        journal, chain, anchors = Journal(tmp_path), MemoryChain(), MemoryAnchors()
        chain.away, chain.swallowed = 3, 2
        for number in range(1200):
            journal.add(act(number))
        writer = ChainWriter(journal, chain, [anchors], anchor_s=3600, backoff=Backoff(0.01, 0.02))
        running = asyncio.create_task(writer.run())
        await until(lambda: journal.waiting() == 0)
        assert numbers(chain.raws) == list(range(1200))
        await until(lambda: anchors.kept)
        journal.add(act(5000))
        await until(lambda: journal.waiting() == 0)
        running.cancel()
        await writer.stop()
        assert [anchor.seq for anchor in anchors.kept] == [1199, 1200], "the second one was due only at the stop"
        await writer.stop()
        assert len(anchors.kept) == 2, "nothing new, nothing written"
        assert numbers(chain.raws)[-1] == 5000

    asyncio.run(scene())


def test_an_act_told_twice_is_chained_once(tmp_path: Path) -> None:
    async def scene() -> None:
        journal, chain = Journal(tmp_path), MemoryChain()
        writer = ChainWriter(journal, chain)
        journal.add(act(1))
        await writer.stop()
        journal.add(act(1))
        journal.add(act(2))
        journal.add(act(2))
        await writer.stop()
        assert numbers(chain.raws) == [1, 2]

    asyncio.run(scene())


def test_a_stop_while_kafka_is_away_leaves_the_rest_to_the_next_process(tmp_path: Path) -> None:
    async def scene() -> None:
        journal, chain = Journal(tmp_path), MemoryChain()
        chain.away = 1
        journal.add(act(1))
        assert not await ChainWriter(journal, chain).stop()
        journal.close()
        again = Journal(tmp_path)
        assert await ChainWriter(again, chain).stop()
        assert numbers(chain.raws) == [1]

    asyncio.run(scene())


def test_what_was_written_but_not_acknowledged_before_the_kill_is_not_written_again(tmp_path: Path) -> None:
    async def scene() -> None:
        journal, chain = Journal(tmp_path), MemoryChain()
        journal.add(act(1))
        await ChainWriter(journal, chain).stop()
        journal.add(act(2))
        chain.append([act(2)])  # and killed before journal.done
        journal.close()
        again = Journal(tmp_path)
        again.add(act(3))
        await ChainWriter(again, chain).stop()
        assert numbers(chain.raws) == [1, 2, 3]

    asyncio.run(scene())


@pytest.fixture
def embedded() -> Any:
    producer = Producer({"bootstrap.servers": "", "test.mock.num.brokers": 1})
    metadata = producer.list_topics(timeout=10)
    yield ",".join(f"{one.host}:{one.port}" for one in metadata.brokers.values())
    del producer


def read(brokers: str, topic: str) -> list[bytes]:
    _, high = ends(brokers, topic, 20)
    return list(between(brokers, topic, 0, high, time.monotonic() + 60))


def whole(raws: Sequence[bytes], *anchors: Anchor) -> bool:
    verifier = Verifier(anchors)
    for number, raw in enumerate(raws):
        verifier.take(raw, str(number))
    assert verifier.breaks() == []
    return True


@pytest.mark.seconds
def test_on_the_embedded_broker_a_chain_goes_on_where_it_ended(embedded: str) -> None:
    chain = KafkaChain(embedded, "operator")
    assert chain.open() == Tail(Head("operator"), frozenset())
    first = chain.append([act(n) for n in range(3)])
    other = KafkaChain(embedded, "people")
    other.open()
    other.append([act(50)])
    again = KafkaChain(embedded, "operator")
    tail = again.open(0)
    assert tail == Tail(first, frozenset({act(1).id, act(2).id}))
    again.append([act(3)])
    assert whole(read(embedded, "fde-engine.audit"))
    assert read_recent(embedded, "people") == {act(50).id}


@pytest.mark.seconds
def test_a_forged_link_beside_the_chain_does_not_carry_it_away_and_is_named(embedded: str) -> None:
    chain = KafkaChain(embedded, "operator")
    chain.open()
    chain.append([act(1), act(2)])
    producer = Producer({"bootstrap.servers": embedded})
    forged, _ = link(Head("operator", 4000, "f" * 64), act(9))
    producer.produce("fde-engine.audit", forged, partition=0)
    producer.flush(20)
    again = KafkaChain(embedded, "operator")
    assert again.open().head.seq == 1
    assert again.append([act(3)]).seq == 2
    verifier = Verifier()
    for number, raw in enumerate(read(embedded, "fde-engine.audit")):
        verifier.take(raw, str(number))
    (broken,) = verifier.breaks()
    assert "should stand before link 4001" in broken.why


def test_without_kafka_it_says_so() -> None:
    with pytest.raises(Unavailable, match="took no audit records"):
        KafkaChain("127.0.0.1:1", "operator", timeout_s=0.5).open()


@pytest.fixture
def topic(kafka: Any) -> str:
    name = f"audit-{uuid.uuid4().hex[:8]}"
    kafka.create_topic(name)
    return name


def test_the_older_of_two_leaders_cannot_fork_the_chain(kafka: Any, topic: str) -> None:
    brokers = kafka.bootstrap_servers
    older, newer = KafkaChain(brokers, "operator", topic=topic), KafkaChain(brokers, "operator", topic=topic)
    older.open()
    older.append([act(1)])
    assert newer.open().head.seq == 0
    with pytest.raises(ChainTaken, match="another process writes the audit chain operator"):
        older.append([act(2)])
    newer.append([act(3)])
    raws = read(brokers, topic)
    assert numbers(raws) == [1, 3]
    assert whole(raws)


def test_an_open_transaction_of_another_chain_is_waited_for_and_not_read_over(kafka: Any, topic: str) -> None:
    """Behind it records are hidden: a head read now would be an old one, and the chain would fork."""
    brokers = kafka.bootstrap_servers
    ours = KafkaChain(brokers, "operator", topic=topic)
    ours.open()
    stuck = Producer(
        {"bootstrap.servers": brokers, "transactional.id": f"stuck-{topic}", "transaction.timeout.ms": 15_000}
    )
    stuck.init_transactions(20)
    stuck.begin_transaction()
    stuck.produce(topic, b"never committed", partition=0)
    stuck.flush(20)
    ours.append([act(1)])
    with pytest.raises(Unavailable, match="a transaction of another writer is open"):
        KafkaChain(brokers, "operator", topic=topic, timeout_s=4.0).open()
    deadline = time.monotonic() + 150
    while True:
        again = KafkaChain(brokers, "operator", topic=topic, timeout_s=5.0)
        try:
            tail = again.open()
            break
        except Unavailable:
            assert time.monotonic() < deadline
    assert tail.head.seq == 0


def test_a_long_topic_of_others_hides_no_head(kafka: Any, topic: str) -> None:
    brokers = kafka.bootstrap_servers
    ours, others = KafkaChain(brokers, "operator", topic=topic), KafkaChain(brokers, "people", topic=topic)
    ours.open()
    head = ours.append([act(n) for n in range(4)])
    others.open()
    for begin in range(0, 3000, 500):
        others.append([act(begin + n) for n in range(500)])
    assert KafkaChain(brokers, "operator", topic=topic).open(1) == Tail(head, frozenset({act(2).id, act(3).id}))


_WRITES_UNTIL_KILLED = """
import asyncio, sys
from pathlib import Path
sys.path.insert(0, sys.argv[4])
from fde_operator.audit.journal import Journal
from fde_operator.audit.topic import KafkaChain
from fde_operator.audit.writer import ChainWriter
from fde_events.act import Act

async def main():
    journal = Journal(Path(sys.argv[3]))
    writer = ChainWriter(journal, KafkaChain(sys.argv[1], "operator", topic=sys.argv[2]))
    asyncio.create_task(writer.run())
    number = int(sys.argv[5])
    while True:
        one = Act(id=f"{number:032x}", at="2026-11-21T10:00:00.000Z", source="operator", who="o", verb="apply", kind="Job", outcome="allowed")
        journal.begin(one)
        journal.end(one)
        print(number, flush=True)
        number += 1
        if number % 20 == 0:
            await asyncio.sleep(0.002)

asyncio.run(main())
"""


def printed(out: Path) -> list[int]:
    """The numbers it printed in whole lines; log lines are none."""
    return [int(line) for line in out.read_text().split("\n")[:-1] if line.isdecimal()]


@pytest.mark.seconds
def test_killed_again_and_again_between_producing_and_hearing_of_it_no_act_is_lost_and_none_is_double(
    kafka: Any, topic: str, tmp_path: Path
) -> None:
    brokers, done = kafka.bootstrap_servers, 0
    for round_ in range(6):
        command = [
            sys.executable,
            "-c",
            _WRITES_UNTIL_KILLED,
            brokers,
            topic,
            str(tmp_path / "journal"),
            "operator",
            str(done),
        ]
        out = tmp_path / f"out-{round_}"
        with out.open("wb") as file:
            process = subprocess.Popen(command, stdout=file, stderr=subprocess.DEVNULL)
            deadline = time.monotonic() + 60
            # Killed at another moment each time, some while transactions are under way.
            while len(out.read_bytes().splitlines()) < 300 + 170 * round_:
                assert time.monotonic() < deadline and process.poll() is None
                time.sleep(0.003)
            os.kill(process.pid, signal.SIGKILL)
            process.wait(20)
        done = printed(out)[-1] + 2  # one more may have been journaled before the kill and not printed

    async def rest() -> None:
        assert await ChainWriter(Journal(tmp_path / "journal"), KafkaChain(brokers, "operator", topic=topic)).stop(60)

    asyncio.run(rest())
    raws = read(brokers, topic)
    assert whole(raws)
    found = numbers(raws)
    assert len(found) == len(set(found)), "none is double"
    assert {number for out in tmp_path.glob("out-*") for number in printed(out)} <= set(found), "none is lost"
    assert len(found) > 1500


def test_an_act_survives_encoding_in_every_field() -> None:
    full = Act(
        id="i", at=AT, source="kubernetes", who="w", verb="v", kind="k", outcome="denied", acting_as="a", group="g",
        customer="c", namespace="n", name="m", uid="u", generation=3, reconcile="r", cause="x", policy="p", why="y",
        decided={"a": "b"}, digest="d", dry_run=True,
    )  # fmt: skip
    raw, _ = link(Head("operator"), full)
    found = stored(raw)
    assert found is not None
    assert msgspec.convert(found.body, Act) == full
