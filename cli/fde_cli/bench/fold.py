"""`fold`: batched signed events to kept evidence: decode, deduplicate, fold, write the state, apply. Events a CPU second.

Records are what ingest writes: `EVENTS` signed events of one deployment and one block. `kinds`: signatures that a record
mixes. A step takes `STEP` records, as the worker does. One event of `REPEATS` arrives twice, as after a crash of ingest.

The state goes to a SQLite file or, with `bootstrap`, to real Kafka: the producer's CPU counts, the broker's does not.
Anchors, on this machine and not run here: faust plain 6k, quixstreams 73 to 87k, bytewax 45k, each without deduplication.
"""

from __future__ import annotations

import gc
import random
import resource
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

import msgspec

from fde_events.challenge import Challenge
from fde_events.signed import Signature, SignedBatch, SignedEvent
from fde_streams.garbage import collect_seldom
from fde_streams.ingest import encode_signed
from fde_streams.state import Part, StateLog, compact, fold_and_keep, publish_dirty
from fde_streams.state_sqlite import SqliteStateLog

EVENTS: Final = 100  # of a record
STEP: Final = 200  # records of a step
REPEATS: Final = 50
PUBLISH: Final = 8  # steps between two rounds of challenges, which the worker spends a fifth of its time on at most
BLOCKS: Final = 16
SIGNATURES: Final = 40  # of a block
DEPLOYMENTS: Final = 120
_SAMPLE: Final = (
    "requests.exceptions.HTTPError: 429 Client Error: Too Many Requests for url: https://api.vendor.test/v2/orders"
)


class Throughput(msgspec.Struct, frozen=True, kw_only=True):
    """`kinds` signatures a record; `per_cpu_s` events that were new or repeated a CPU second of this process."""

    state: str
    kinds: int
    events: int
    counted: int
    per_cpu_s: float
    peak_mb: float


def values(records: int, kinds: int, seed: int = 1) -> Iterator[tuple[bytes, int]]:
    """`records` encoded records, and how many events of each are new."""
    rng = random.Random(seed)  # noqa: S311 - not for secrets
    signatures = [
        [
            Signature(
                digest=f"{rng.getrandbits(128):032x}",
                rules="r1",
                block=f"error/vendor-{block}",
                title=f"HTTPError: request {number} was refused by vendor-{block}",
                parts=(("type", "requests.exceptions.HTTPError"), ("code", f"E{block}-{number}"), ("status", "429")),
                masked=("number",),
            )
            for number in range(SIGNATURES)
        ]
        for block in range(BLOCKS)
    ]
    sequences = [0] * DEPLOYMENTS
    for number in range(records):
        who, block = rng.randrange(DEPLOYMENTS), rng.randrange(BLOCKS)
        customer = f"customer-{who // 3}"
        sequence, sequences[who] = sequences[who], sequences[who] + 1
        chosen = rng.sample(signatures[block], kinds)
        minute, second = divmod(number // 20, 60)
        events = tuple(
            SignedEvent(
                id=f"20261001T000000Z-{who:012x}/{sequence}/{index}",
                kind="error",
                customer=customer,
                deployment=f"{customer}/sync-{who}",
                time=f"2026-10-01T{minute // 60 % 24:02d}:{minute % 60:02d}:{second:02d}.{index:03d}Z",
                signature=chosen[index % kinds],
                sample=f"{_SAMPLE} ({chosen[index % kinds].digest[:6]})",
            )
            for index in range(EVENTS)
        )
        value = encode_signed(SignedBatch(block=f"error/vendor-{block}", events=events))
        yield value, EVENTS
        if number % REPEATS == 0:
            yield value, 0


def measure(state: str, log: StateLog, records: int, kinds: int) -> Throughput:
    """Fold `records` records onto partition 0 of `log`. AssertionError if an event was lost or counted twice."""
    made = list(values(records, kinds))
    part = log.rebuild([0]).get(0, Part())
    steps = [
        [(offset, value) for offset, (value, _) in enumerate(made[start : start + STEP], start)]
        for start in range(0, len(made), STEP)
    ]
    published: list[Challenge] = []
    gc.collect()
    started = time.process_time()
    for number, step in enumerate(steps):
        if number % PUBLISH == 0:
            publish_dirty(part, published.extend)
        fold_and_keep(log, 0, part, step)
        compact(log, 0, part)
    spent = time.process_time() - started
    wanted = sum(new for _, new in made)
    counted = sum(share.count for known in part.state.signatures.values() for share in known.shares.values())
    assert counted == wanted, f"{wanted} events came in, {counted} were counted"
    return Throughput(
        state=state,
        kinds=kinds,
        events=len(made) * EVENTS,
        counted=counted,
        per_cpu_s=round(len(made) * EVENTS / spent),
        peak_mb=round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    )


def run(records: int, tell: Callable[[str], None], kinds: Sequence[int] = (1, 5, 25)) -> list[Throughput]:
    """Every mix of signatures, with the state in a file."""
    collect_seldom()  # as the worker does
    found = []
    for mixed in kinds:
        with tempfile.TemporaryDirectory(prefix="fde-bench-") as directory:
            log = SqliteStateLog(Path(directory) / "state.sqlite", "bench")
            found.append(measure("sqlite", log, records, mixed))
            log.close()
        tell(f"{mixed} signatures a record: {found[-1].per_cpu_s:,.0f} events/CPU-s")
    return found
