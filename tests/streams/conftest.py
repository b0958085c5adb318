"""What the tests of the running workers share: a fleet of producers, the workers as processes, and polling with a deadline."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from confluent_kafka import Producer

from fde_events.event import ErrorEvent, EventBatch
from fde_events.kafka import producer_settings
from fde_events.ledger import EpochMark
from fde_events.record import encode, encode_mark
from fde_events.topics import telemetry

CAUSES = (
    "max number of clients reached",
    "NOAUTH Authentication required.",
    "LOADING Redis is loading the dataset in memory",
)


class Fleet:
    """Producers of telemetry: one epoch a deployment, sequences from 0. `sent` counts events by cause."""

    def __init__(self, bootstrap: str, prefix: str) -> None:
        self._producer = Producer(producer_settings(bootstrap))
        self.prefix = prefix
        self.sequences: dict[tuple[str, str], int] = {}
        self.events: dict[tuple[str, str], int] = {}
        self.sent = dict.fromkeys(CAUSES, 0)

    def customer(self, number: int) -> str:
        return f"{self.prefix}{number}"

    def topic(self, number: int) -> str:
        return telemetry(self.customer(number)).name

    def send(
        self, number: int, name: str = "sync", *, records: int = 1, causes: tuple[str, ...] = CAUSES, pad: int = 0
    ) -> None:
        """`records` batches of one deployment, each with one event of each cause."""
        customer = self.customer(number)
        deployment = f"customer-{customer}/{name}"
        for _ in range(records):
            sequence = self.sequences.get((customer, name), 0)
            self.sequences[customer, name] = sequence + 1
            events = tuple(
                ErrorEvent(
                    time=f"2026-10-01T00:{sequence // 60 % 60:02d}:{sequence % 60:02d}Z",
                    exception_type="redis.exceptions.ResponseError",
                    exception_message=cause,
                    body="x" * pad or None,
                )
                for cause in causes
            )
            self.events[customer, name] = self.events.get((customer, name), 0) + len(events)
            for cause in causes:
                self.sent[cause] += 1
            batch = EventBatch(deployment=deployment, events=events)
            record = encode(batch, epoch=f"{customer}-{name}-epoch", sequence=sequence, time="2026-10-01T00:00:00Z")
            self._send(self.topic(number), record.key, record.value, list(record.headers))

    def close(self, number: int, name: str = "sync") -> None:
        """The deployment's last mark: so much was published."""
        customer = self.customer(number)
        mark = EpochMark(
            customer=customer,
            deployment=f"customer-{customer}/{name}",
            epoch=f"{customer}-{name}-epoch",
            highest=self.sequences[customer, name] - 1,
            closed=True,
            events=self.events[customer, name],
            time="2026-10-01T01:00:00Z",
        )
        record = encode_mark(mark)
        self._send(self.topic(number), record.key, record.value, list(record.headers))

    def send_raw(self, topic: str, value: bytes | None, headers: list[tuple[str, bytes]]) -> None:
        self._send(topic, b"odd", value, headers)

    def flush(self) -> None:
        assert self._producer.flush(20) == 0

    def _send(self, topic: str, key: bytes, value: bytes | None, headers: list[tuple[str, bytes]]) -> None:
        while True:
            try:
                self._producer.produce(topic, value, key=key, headers=headers)
                self._producer.poll(0)
                return
            except BufferError:
                self._producer.poll(0.1)


class Worker:
    """`fde worker NAME ...` as a process of its own."""

    def __init__(self, log: str, *arguments: str) -> None:
        self._log, self._arguments = log, arguments
        self.start()

    def start(self) -> None:
        with open(self._log, "ab") as log:
            command = [sys.executable, "-m", "fde_cli.main", "worker", *self._arguments]
            self.process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)

    def kill(self) -> None:
        os.kill(self.process.pid, signal.SIGKILL)
        self.process.wait(10)

    def stop(self) -> int:
        if self.process.poll() is None:
            self.process.terminate()
        try:
            return self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.kill()
            raise

    @property
    def said(self) -> str:
        with open(self._log) as log:
            return log.read()


@contextmanager
def running(*workers: Worker) -> Iterator[None]:
    """The workers, stopped at the end whatever happens."""
    try:
        yield
    except BaseException:
        for worker in workers:
            print(f"--- {worker._arguments}: {worker.process.poll()}\n{worker.said[-3000:]}")
        raise
    finally:
        for worker in workers:
            if worker.process.poll() is None:
                worker.kill()


def until(true: Callable[[], object], *, seconds: float = 60.0) -> None:
    """Return when `true()` holds; fail when it does not within `seconds`."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, f"not true within {seconds} s"
        time.sleep(0.1)


@pytest.fixture
def fleet_of():
    return Fleet


@pytest.fixture
def worker(tmp_path):
    started: list[Worker] = []

    def start(*arguments: str) -> Worker:
        started.append(Worker(str(tmp_path / f"{arguments[0]}-{len(started)}.log"), *arguments))
        return started[-1]

    with running():
        yield start
    for one in started:
        if one.process.poll() is None:
            one.kill()
        print(f"--- {one._arguments}: {one.process.returncode}\n{one.said[-2000:]}")


@pytest.fixture(name="until")
def _until():
    return until
