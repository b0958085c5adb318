"""Schema drift on generated streams: what is found, what is said that is not so, how late, and how fast.

streams of payloads with truth -> run() -> Figures
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from hashlib import blake2b
from statistics import median
from typing import Final

import msgspec

from fde_cli.bench.payloads import Planted, Stream, stream
from fde_sidecar.drift.detector import Drift
from fde_sidecar.drift.finding import kind_of
from fde_sidecar.reading import Payload

STREAMS: Final = 500
BATCHED: Final = 300  # and so many whose records come in batches
RECORDS: Final = 100_000  # for the figure of speed
_TIME: Final = "2026-11-01T00:00:00Z"


class Score(msgspec.Struct, frozen=True, kw_only=True):
    """Scored as the public scorer does: of a stream's findings the true ones count once. Delay in records, median."""

    streams: int
    drifting: int
    records: int
    precision: float
    recall: float
    right_kind: float
    delay: float
    missed: tuple[str, ...]
    false: tuple[str, ...]


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """`plain` and `batched` streams as `fde drift` judges them at their end; `live`: the batched ones as a sidecar tells them."""

    plain: Score
    batched: Score
    live: Score
    known_per_cpu_s: float
    stream_per_cpu_s: float


def digest(value: str) -> str:
    """A keyed digest as the sidecar's; the key is no secret here."""
    return blake2b(value.encode(), key=b"bench", digest_size=8).hexdigest()


Found = tuple[int, str, str, str]
"""Index, kind, field and detail."""


def lasting(lines: Sequence[bytes]) -> Iterator[Found]:
    """What a new detector finds and the stream does not take back."""
    drift = Drift(digest, to_the_end=True)
    for line in lines:
        drift.observe(_payload(line))
    for index, event in drift.lasting(_payload(b"")):
        yield index, kind_of(event), event.field, f"{event.before} -> {event.after}"


def told(lines: Sequence[bytes]) -> Iterator[Found]:
    """What a new detector tells while the stream goes on, what is over later with it."""
    drift = Drift(digest)
    for index, line in enumerate(lines):
        for event in drift.observe(_payload(line)):
            yield index, kind_of(event), event.field, f"{event.before} -> {event.after}"


def _payload(line: bytes) -> Payload:
    return Payload(_TIME, "source", "operation", "response", line)


def run(tell: Callable[[str], None], streams: int = STREAMS, batched: int = BATCHED) -> Figures:
    """Measure. Every seed gives the same stream on every machine."""
    tell("streams")
    started = time.process_time()
    plain = score(lasting, map(stream, range(streams)))
    spent = time.process_time() - started
    tell("streams in batches")
    in_batches = [stream(seed, batched=True) for seed in range(batched)]
    ended, live = score(lasting, in_batches), score(told, in_batches)
    tell("speed")
    return Figures(
        plain=plain, batched=ended, live=live,
        known_per_cpu_s=known_per_second(), stream_per_cpu_s=plain.records / spent,
    )  # fmt: skip


def score(find: Callable[[Sequence[bytes]], Iterator[Found]], streams: Iterable[Stream]) -> Score:
    """What `find` makes of the streams."""
    count = true = drifting = right = records = 0
    false: list[str] = []
    missed: list[str] = []
    delays: list[int] = []
    for one in streams:
        count += 1
        found = list(find(one.lines))
        records += len(one.lines)
        hits = [finding for finding in found if one.drift and _hits(finding, one.drift)]
        false += [f"{one.seed} {one.domain}: {finding}" for finding in found if finding not in hits]
        if one.drift is None:
            continue
        drifting += 1
        if not hits:
            missed.append(f"{one.seed} {one.domain}: {one.drift} of {len(one.lines)}; {', '.join(one.traps)}")
            continue
        true += 1
        right += one.drift.kind in {kind for _, kind, _, _ in hits}
        delays.append(min(index for index, *_ in hits) - one.drift.first)
        if one.drift.kind not in {kind for _, kind, _, _ in hits}:
            missed.append(f"{one.seed} {one.domain}: kind of {one.drift}: {hits}")
    return Score(
        streams=count, drifting=drifting, records=records, precision=true / max(1, true + len(false)),
        recall=true / max(1, drifting), right_kind=right / max(1, true), delay=median(delays or [0]),
        missed=tuple(missed), false=tuple(false),
    )  # fmt: skip


def _hits(finding: Found, drift: Planted) -> bool:
    index, _, field, _ = finding
    return index >= drift.first and field in (drift.field, drift.renamed)


def known_per_second(records: int = RECORDS) -> float:
    """Records of one known shape, about 360 bytes and nested, that the detector takes a CPU second, reading JSON included."""
    lines = [_nested(number) for number in range(1000)]
    payloads = [_payload(line) for line in lines]
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
    plain = figures.plain
    return [
        f"drift     {plain.streams} streams, {plain.drifting} with a change, {plain.records:,} records",
        _row("to the end", plain),
        f"          {figures.batched.streams} streams whose records come in batches, {figures.batched.drifting} with a change",
        _row("to the end", figures.batched),
        _row("as it goes", figures.live),
        f"          {figures.known_per_cpu_s:,.0f} records/CPU-s of known shapes, {figures.stream_per_cpu_s:,.0f} while learning",
        *(f"          missed {one}" for score in (plain, figures.batched) for one in score.missed[:10]),
        *(f"          false  {one}" for score in (plain, figures.batched) for one in score.false[:10]),
    ]


def _row(name: str, score: Score) -> str:
    return (
        f"          {name}: precision {score.precision:.3f}  recall {score.recall:.3f}"
        f"  right kind {score.right_kind:.3f}  median delay {score.delay:g} records"
    )
