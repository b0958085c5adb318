"""`latency`: from an error that is printed to evidence that is updated, over real Kafka and through a real sidecar process.

log file -> `fde sidecar` -> telemetry -> `fde worker ingest` -> signatures -> `fde worker fold` -> state log and challenges

Printing, looking and the three processes share this machine and its clock. An increment of the state log says when its oldest
event was printed: each of its events is taken to be as old as that one, so figures are upper bounds. Of a challenge, what a record
adds is taken to be as old as the newest event of the record before.
"""

from __future__ import annotations

import math
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import msgspec
from confluent_kafka import Consumer, TopicPartition

from fde_events.challenge import Challenge
from fde_events.kafka import client_settings, create_topics
from fde_events.topics import CHALLENGES, ENGINE, STATE, telemetry
from fde_streams.state import decode_state

CUSTOMER: Final = "bench"
DEPLOYMENTS: Final = 4
_WARM_S: Final = 60.0  # for three processes to start and to catch up, at most
_STEADY_S: Final = 3.0  # after that, before it is measured
_FEED: Final = """apiVersion: fde.io/v1
kind: TelemetryFeed
metadata: {{name: {name}, namespace: customer-bench}}
spec: {{deploymentRef: {{name: {name}}}, signals: [errors], sampling: {{full: 100000000}}}}
"""
_ERRORS: Final = (
    "redis.exceptions.ConnectionError: max number of clients reached (request {n})",
    "redis.exceptions.AuthenticationError: NOAUTH Authentication required. (request {n})",
    "psycopg2.errors.DeadlockDetected: deadlock detected in job {n}",
    "stripe.error.RateLimitError: Too many requests created too quickly (charge {n})",
    "botocore.exceptions.EndpointConnectionError: Could not connect to the endpoint URL (call {n})",
)
_decode_challenge = msgspec.json.Decoder(Challenge).decode


class Latency(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds from printed until `where` (``state`` or ``challenge``) said so; of `events` at `rate` a second."""

    where: str
    rate: float
    events: int
    p50: float
    p99: float
    longest: float


class _Printer(threading.Thread):
    def __init__(self, logs: Sequence[Path], rate: float) -> None:
        super().__init__(daemon=True)
        self._logs, self._rate = logs, rate
        self.stop = threading.Event()
        self.printed = 0

    def run(self) -> None:
        files = [log.open("a", buffering=1) for log in self._logs]
        started = time.monotonic()
        while not self.stop.wait(0.005):
            due = int((time.monotonic() - started) * self._rate)
            while self.printed < due:
                error = _ERRORS[self.printed // len(files) % len(_ERRORS)].format(n=self.printed)
                moment = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
                files[self.printed % len(files)].write(f"{moment} ERROR app.jobs: {error}\n")
                self.printed += 1
        for file in files:
            file.close()


def measure(bootstrap: str, rate: float, seconds: float, tell: Callable[[str], None]) -> list[Latency]:
    """Print `rate` errors a second for `seconds`, once the processes have caught up with what was printed while they started, and see when they are in the state and in challenges.

    The broker must be fresh: its topics are made here. AssertionError if not every error was counted in the end.
    """
    create_topics(bootstrap, [*ENGINE, telemetry(CUSTOMER)])
    with tempfile.TemporaryDirectory(prefix="fde-bench-") as scratch, _running(bootstrap, Path(scratch)) as logs:
        state, challenges = _Tail(bootstrap, STATE), _Tail(bootstrap, CHALLENGES)
        printer = _Printer(logs, rate)
        printer.start()
        found: dict[str, list[tuple[float, int]]] = {"state": [], "challenge": []}
        last: dict[str, tuple[str, int]] = {}
        counted = 0
        begins = time.monotonic() + _WARM_S
        ends, caught_up = begins + seconds, False
        while time.monotonic() < ends + 20 and (counted < printer.printed or not printer.stop.is_set()):
            if time.monotonic() > ends:
                printer.stop.set()
            elif not caught_up and counted and counted > printer.printed - rate:
                caught_up, begins = True, time.monotonic() + _STEADY_S
                ends = begins + seconds
            for value in state.values():
                now, delta = time.time(), decode_state(value).delta
                for news in delta.increments if delta is not None else ():
                    counted += news.count
                    if begins < time.monotonic() < ends:
                        found["state"].append((now - _unix(news.first), news.count))
            for value in challenges.values():
                now, one = time.time(), _decode_challenge(value)
                before = last.get(one.id)
                last[one.id] = (one.last_seen, one.events)
                if before is not None and one.events > before[1] and begins < time.monotonic() < ends:
                    found["challenge"].append((now - _unix(before[0]), one.events - before[1]))
        printed = printer.printed
        state.close()
        challenges.close()
    assert counted == printed, f"{printed} errors were printed, {counted} counted"
    told = [_summed(where, rate, seen) for where, seen in found.items()]
    for each in told:
        figures = f"p50 {each.p50:.2f} s, p99 {each.p99:.2f} s, longest {each.longest:.2f} s"
        tell(f"until {each.where}: {figures}, {each.events} events")
    return told


class _Tail:
    """The newest records of a topic, as they come."""

    def __init__(self, bootstrap: str, topic: str) -> None:
        more = {"group.id": "fde-bench", "isolation.level": "read_committed", "auto.offset.reset": "earliest"}
        self._consumer = Consumer(client_settings(bootstrap, **more, **{"fetch.wait.max.ms": 20}))
        partitions = self._consumer.list_topics(topic, timeout=20).topics[topic].partitions
        self._consumer.assign([TopicPartition(topic, partition, 0) for partition in partitions])

    def values(self) -> Iterator[bytes]:
        for message in self._consumer.consume(1000, 0.01):
            if message.error() is None:
                yield message.value()

    def close(self) -> None:
        self._consumer.close()


@contextmanager
def _running(bootstrap: str, directory: Path) -> Iterator[list[Path]]:
    """The three processes; gives the log files. They are stopped whatever happens."""
    feeds: list[str] = []
    logs = []
    for number in range(DEPLOYMENTS):
        name = f"jobs-{number}"
        (directory / f"{name}.yaml").write_text(_FEED.format(name=name))
        feeds += ["--feed", str(directory / f"{name}.yaml")]
        logs.append(directory / f"{name}.log")
        logs[-1].touch()
    options = ["--logs", f"{directory}/{{name}}.log", "--customer", CUSTOMER, "--spool", str(directory / "spool")]
    commands = (["sidecar", *feeds, *options], ["worker", "ingest"], ["worker", "fold", "--cluster", "0"])
    running: list[subprocess.Popen[bytes]] = []
    try:
        for command in commands:
            with (directory / f"{command[-1]}.out").open("wb") as said:
                whole = [sys.executable, "-m", "fde_cli.main", *command, "--brokers", bootstrap]
                running.append(subprocess.Popen(whole, stdout=said, stderr=said))
        yield logs
    finally:
        for process in running:
            process.terminate()
        for process in running:
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _summed(where: str, rate: float, seen: list[tuple[float, int]]) -> Latency:
    whole = sum(count for _, count in seen)
    assert whole, f"nothing came to {where} while it was measured"

    def share(part: float) -> float:
        left = math.ceil(whole * part)
        for seconds, count in sorted(seen):
            left -= count
            if left <= 0:
                return round(seconds, 3)
        raise AssertionError("no share is more than the whole")

    return Latency(where=where, rate=rate, events=whole, p50=share(0.5), p99=share(0.99), longest=share(1.0))


def _unix(time_of: str) -> float:
    return datetime.fromisoformat(time_of).timestamp()


def main() -> int:
    """`python -m fde_cli.bench.latency BROKERS [RATE [SECONDS]]`."""
    given = [float(value) for value in sys.argv[2:4]]
    rate, seconds = (*given, *(1000.0, 30.0)[len(given) :])
    for one in measure(sys.argv[1], rate, seconds, lambda said: print(f"fde bench: {said}", file=sys.stderr)):
        print(msgspec.json.encode(one).decode())
    return 0


if __name__ == "__main__":
    sys.exit(main())
