"""The seam between what a sidecar reads and what it does with it.

Input.poll() -> Reading (what was read at once, raw) -> the session: derive, redact, sample, spool -> Reading.settled(True)

Everything in a reading goes into the spool together with where the input stands after it, or none of it does. Nothing here
is redacted yet: a reading lives in memory only and never goes beyond the session.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol

from fde_events.event import Event
from fde_sidecar.spool import Position

Direction = Literal["request", "response"]
FileKey = tuple[int, int]  # device and inode


@dataclass(frozen=True, slots=True)
class Call:
    """One call of the application to another system, or of another to it, as a log line, a span or a metric told it.

    `endpoint`: what calls are compared under, without ids (``GET api.example.com/v1/orders/{id}``). `time` RFC 3339 UTC.
    `duration_ms` and `status` None where they were not told. `headers`: lower-case names, those that speak of quotas only.
    `count` calls with these figures (a metric's data point stands for many). `weighed` False: read for what it says of a
    quota alone, and not to be compared with a baseline.
    """

    time: str
    endpoint: str
    duration_ms: float | None = None
    status: int | None = None
    failed: bool = False
    server_address: str | None = None
    service: str | None = None
    scope: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    count: int = 1
    weighed: bool = True


@dataclass(frozen=True, slots=True)
class Payload:
    """One body whose shape is watched: JSON bytes. Its values never leave the process; `time` RFC 3339 UTC."""

    time: str
    source: str
    operation: str
    direction: Direction
    body: bytes
    status_class: int | None = None  # 2 for 200..299; None where there is no status
    service: str | None = None


@dataclass(frozen=True, slots=True)
class Reading:
    """What one input read at once. `settled` is called once: True when it is on disk, False when it could not be taken.

    `position` is where a file stands after it; `forgotten` are files that are done with. `dropped`: what the input had to
    leave out, by reason (bytes of an endless line, a datagram that was cut), in the units the reason names.
    """

    events: tuple[Event, ...] = ()
    calls: tuple[Call, ...] = ()
    payloads: tuple[Payload, ...] = ()
    position: Position | None = None
    forgotten: tuple[FileKey, ...] = ()
    dropped: Mapping[str, int] = field(default_factory=dict)
    settled: Callable[[bool], None] | None = None


class Input(Protocol):
    """Where readings come from. Called from the session's thread only; an input with threads of its own queues."""

    name: str

    def poll(self, *, final: bool) -> Iterator[Reading]:
        """What is new since the last call, a bounded amount of it; `final`: give out what is still open, nothing follows."""
        ...

    @property
    def pending(self) -> bool:
        """Whether something was read and not given out yet."""
        ...

    @property
    def read_bytes(self) -> int:
        """Bytes read so far."""
        ...

    @property
    def lag(self) -> tuple[int, float]:
        """What waits to be read: bytes, and the seconds since the oldest of it could have been read (0.0 when none)."""
        ...

    def close(self) -> None:
        """Let go of files, sockets and threads; readings not given out are lost to nobody: their senders were not told."""
        ...
