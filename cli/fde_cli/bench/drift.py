"""Schema drift on generated streams: what is found, what is said that is not so, how late, and how fast.

streams of payloads with truth -> run() -> Figures
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from hashlib import blake2b
from statistics import median
from typing import Final

import msgspec

from fde_cli.bench.payloads import Planted, stream
from fde_sidecar.drift.detector import Drift
from fde_sidecar.drift.finding import kind_of
from fde_sidecar.reading import Payload

STREAMS: Final = 500
RECORDS: Final = 100_000  # for the figure of speed
_TIME: Final = "2026-11-01T00:00:00Z"


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """Scored as the public scorer does: of a stream's findings the true ones count once. Delay in records, median."""

    streams: int
    drifting: int
    records: int
    precision: float
    recall: float
    right_kind: float
    delay: float
    known_per_cpu_s: float
    stream_per_cpu_s: float
    missed: tuple[str, ...]
    false: tuple[str, ...]


def digest(value: str) -> str:
    """A keyed digest as the sidecar's; the key is no secret here."""
    return blake2b(value.encode(), key=b"bench", digest_size=8).hexdigest()


def findings(lines: Sequence[bytes]) -> Iterator[tuple[int, str, str, str]]:
    """Index, kind, field and detail of what a new detector finds."""
    drift = Drift(digest)
    for index, line in enumerate(lines):
        for event in drift.observe(Payload(_TIME, "source", "operation", "response", line)):
            yield index, kind_of(event), event.field, f"{event.before} -> {event.after}"


def run(tell: Callable[[str], None], streams: int = STREAMS) -> Figures:
    """Measure. Every seed gives the same stream on every machine."""
    true = drifting = right = records = 0
    false: list[str] = []
    missed: list[str] = []
    delays: list[int] = []
    spent = 0.0
    for seed in range(streams):
        if seed % 100 == 0:
            tell(f"stream {seed} of {streams}")
        one = stream(seed)
        started = time.process_time()
        found = list(findings(one.lines))
        spent += time.process_time() - started
        records += len(one.lines)
        hits = [finding for finding in found if one.drift and _hits(finding, one.drift)]
        false += [f"{seed} {one.domain}: {finding}" for finding in found if finding not in hits]
        if one.drift is None:
            continue
        drifting += 1
        if not hits:
            missed.append(f"{seed} {one.domain}: {one.drift} of {len(one.lines)}; {', '.join(one.traps)}")
            continue
        true += 1
        right += one.drift.kind in {kind for _, kind, _, _ in hits}
        delays.append(min(index for index, *_ in hits) - one.drift.first)
        if one.drift.kind not in {kind for _, kind, _, _ in hits}:
            missed.append(f"{seed} {one.domain}: kind of {one.drift}: {hits}")
    tell("speed")
    return Figures(
        streams=streams, drifting=drifting, records=records,
        precision=true / max(1, true + len(false)), recall=true / drifting, right_kind=right / true, delay=median(delays),
        known_per_cpu_s=known_per_second(), stream_per_cpu_s=records / spent, missed=tuple(missed), false=tuple(false),
    )  # fmt: skip


def _hits(finding: tuple[int, str, str, str], drift: Planted) -> bool:
    index, _, field, _ = finding
    return index >= drift.first and field in (drift.field, drift.renamed)


def known_per_second(records: int = RECORDS) -> float:
    """Records of one known shape, about 360 bytes and nested, that the detector takes a CPU second, reading JSON included."""
    lines = [_nested(number) for number in range(1000)]
    payloads = [Payload(_TIME, "source", "operation", "response", line) for line in lines]
    drift = Drift(digest)
    for payload in payloads * 3:
        drift.observe(payload)
    best = float("inf")
    for _ in range(3):
        started = time.process_time()
        for _ in range(records // 3 // len(payloads)):
            for payload in payloads:
                drift.observe(payload)
        best = min(best, time.process_time() - started)
    return records // 3 // len(payloads) * len(payloads) / best


def _nested(number: int) -> bytes:
    made = {
        "id": f"ord_{number:08d}", "created_at": f"2026-03-{number % 28 + 1:02d}T10:{number % 60:02d}:00Z",
        "status": ("open", "paid", "shipped")[number % 3], "total": number * 1.25, "currency": "EUR", "paid": number % 2 == 0,
        "customer": {"id": number * 7, "email": f"user{number}@example.com", "address": {"city": "Lyon", "postcode": str(10_000 + number), "country": "FR"}},
        "lines": [{"sku": f"S{number % 97:05d}", "quantity": number % 9 + 1, "price": 9.5}, {"sku": "S00001", "quantity": 2, "price": 1.25}],
    }  # fmt: skip
    return json.dumps(made).encode()


def table(figures: Figures) -> list[str]:
    """Lines for people."""
    return [
        f"drift     {figures.streams} streams, {figures.drifting} with a change, {figures.records:,} records",
        f"          precision {figures.precision:.3f}  recall {figures.recall:.3f}  right kind {figures.right_kind:.3f}"
        f"  median delay {figures.delay:g} records",
        f"          {figures.known_per_cpu_s:,.0f} records/CPU-s of known shapes, {figures.stream_per_cpu_s:,.0f} while learning",
        *(f"          missed {one}" for one in figures.missed[:10]),
        *(f"          false  {one}" for one in figures.false[:10]),
    ]
