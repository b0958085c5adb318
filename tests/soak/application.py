"""Applications that fail: log files with known truth. Every error has a marker of its own and a family with a known signature.

print -> app.log (one deployment), rotated by rename or by copy-and-truncate when told; `printed` is what must be counted.
"""

from __future__ import annotations

import os
import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

# What failed, as a logging module prints it. {n} is the marker: a number, so it is no part of a signature.
FAMILIES: tuple[tuple[str, str], ...] = (
    ("redis-clients", "{t} ERROR app.cache: redis.exceptions.ConnectionError: max number of clients reached (request {n})\n"),
    ("redis-auth", "{t} ERROR app.cache: redis.exceptions.AuthenticationError: NOAUTH Authentication required. (request {n})\n"),
    (
        "kafka-timeout",
        "{t} ERROR app.queue: delivery of message {n} failed\n"
        "Traceback (most recent call last):\n"
        '  File "/srv/app/queue.py", line 88, in deliver\n'
        "    producer.send(topic, value).get(timeout=10)\n"
        '  File "/usr/lib/python3/site-packages/kafka/producer/future.py", line 65, in get\n'
        "    raise self.exception\n"
        "kafka.errors.KafkaTimeoutError: KafkaTimeoutError: Failed to update metadata after 60.0 secs.\n",
    ),
    (
        "stripe-rate",
        "{t} ERROR app.billing: charge {n} failed\n"
        "Traceback (most recent call last):\n"
        '  File "/srv/app/billing.py", line 31, in charge\n'
        "    stripe.Charge.create(amount=amount)\n"
        "stripe.error.RateLimitError: Too many requests created too quickly\n",
    ),
    ("postgres-deadlock", "{t} ERROR app.store: psycopg2.errors.DeadlockDetected: deadlock detected in job {n}\n"),
)  # fmt: skip


@dataclass(slots=True)
class Application:
    """One deployment's program. `printed`: marker -> family."""

    name: str
    customer: str
    directory: Path
    pattern: str  # the glob that its sidecar follows
    printed: dict[int, str] = field(default_factory=dict)
    rotated: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def deployment(self) -> str:
        return f"customer-{self.customer}/{self.name}"

    @property
    def log(self) -> Path:
        return self.directory / "app.log"

    def fail(self, marker: int) -> None:
        """Print one error."""
        family, text = FAMILIES[marker % len(FAMILIES)]
        moment = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        with self.lock:
            with self.log.open("a") as file:
                file.write(text.format(t=moment, n=marker))
            self.printed[marker] = family

    def rotate(self, how: str) -> None:
        """The log's file becomes another: ``rename``, or ``copytruncate`` (nothing is printed meanwhile)."""
        with self.lock:
            self.rotated += 1
            old = self.directory / f"app.log.{self.rotated}"
            if how == "rename":
                self.log.rename(old)
                self.log.touch()
            else:
                old.write_bytes(self.log.read_bytes())
                os.truncate(self.log, 0)

    def text(self) -> str:
        """Everything that was printed, in order."""
        files = [self.directory / f"app.log.{number}" for number in range(1, self.rotated + 1)]
        return "".join(path.read_text() for path in [*files, self.log])


class Load:
    """Applications that fail `rate` times a second together, until stopped."""

    def __init__(self, applications: list[Application], rate: float) -> None:
        self._applications, self._rate = applications, rate
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.printed = 0

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        started = time.monotonic()
        while not self._stop.is_set():
            due = int((time.monotonic() - started) * self._rate)
            while self.printed < due:
                # Every application has every family: marker by marker, shifted a round.
                turn, place = divmod(self.printed, len(self._applications))
                self._applications[(place + turn // len(FAMILIES)) % len(self._applications)].fail(self.printed)
                self.printed += 1
            self._stop.wait(0.02)
