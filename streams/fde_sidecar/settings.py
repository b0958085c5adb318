"""What one sidecar needs to know, and what it says it did."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from fde_sidecar.feed import Feed
from fde_sidecar.redact import Withhold
from fde_sidecar.spool import DEFAULT_CAP_BYTES


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything one sidecar needs. `brokers` None: it spools. `until_idle` seconds: leave when nothing is new for so long.

    `kafka` are more client settings (security.protocol, sasl.*), `kafka_file` a file of them: while that cannot be used,
    nothing is sent. `pace_group`: the reader to stay close to on the embedded broker. `spool` is this feed's own directory;
    `key_file` the customer's pseudonym key. `withhold` is strict mode's: see :mod:`fde_sidecar.redact`. `feed_file` is read
    again when it changes; `switch` is the kill switch's file. `otlp` is host and port of the OTLP receiver, `stdin` whether
    standard input is read. `bundles`: write sealed files there instead of sending to Kafka.
    """

    feed: Feed
    customer: str
    logs: tuple[str, ...]
    spool: Path
    brokers: str | None = None
    kafka: Mapping[str, Any] = field(default_factory=dict)
    kafka_file: Path | None = None
    key_file: Path | None = None
    cap_bytes: int = DEFAULT_CAP_BYTES
    pace_group: str | None = None
    until_idle: float | None = None
    finish_s: float = 10.0
    withhold: Withhold | None = None
    feed_file: Path | None = None
    switch: Path | None = None
    otlp: tuple[str, int] | None = None
    stdin: bool = False
    bundles: Path | None = None

    def __post_init__(self) -> None:
        if self.feed.mode == "strict" and self.withhold is None:
            raise ValueError("a feed in strict mode needs `withhold`")


class Summary(msgspec.Struct, kw_only=True):
    """What one run did. `acknowledged` counts records the broker has; `dropped` events by reason."""

    read_bytes: int = 0
    lines: int = 0
    events: int = 0
    records: int = 0
    acknowledged: int = 0
    dropped: dict[str, int] = {}

    def add(self, other: Summary) -> None:
        """Sum of two runs."""
        self.read_bytes += other.read_bytes
        self.lines += other.lines
        self.events += other.events
        self.records += other.records
        self.acknowledged += other.acknowledged
        for reason, count in other.dropped.items():
            self.dropped[reason] = self.dropped.get(reason, 0) + count
