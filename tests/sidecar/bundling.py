"""A process that spools and bundles until it is killed; prints each sequence once the spool has it for good."""

from __future__ import annotations

import sys
from pathlib import Path

import msgspec
import structlog

from fde_events.event import ErrorEvent, EventBatch
from fde_sidecar.bundle_sink import BundleSink
from fde_sidecar.egress import EgressLog
from fde_sidecar.spool import Entry, Spool

TIME = "2026-10-10T06:00:00.000Z"
DEPLOYMENT = "customer-acme/sync"


def main(directory: Path, epoch: str) -> None:
    spool = Spool(directory / "spool", segment_bytes=20_000)
    log = EgressLog(directory / "spool", segment_bytes=20_000)
    sink = BundleSink(
        spool, directory / "out", customer="acme", deployment=DEPLOYMENT, seal_bytes=3_000, on_left=log.left
    )
    sequence = 0
    while True:
        for _ in range(5):
            body = "".join(chr(97 + (sequence * 7 + n * n) % 26) for n in range(200))
            value = msgspec.json.encode(
                EventBatch(deployment=DEPLOYMENT, events=(ErrorEvent(time=TIME, body=f"{sequence} {body}"),))
            )
            spool.append(Entry(epoch=epoch, sequence=sequence, events=1, time=TIME, value=value))
            sequence += 1
        spool.commit()
        print(epoch, sequence - 1, flush=True)
        sink.turn(epoch)


if __name__ == "__main__":
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    main(Path(sys.argv[1]), sys.argv[2])
