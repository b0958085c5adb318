"""Histograms of durations to calls: how many calls took about how long.

Item -> read_metric() -> Call(count=n) for each bucket that grew

A bucket's calls are taken to lie at its middle, and all of them moved together until their mean is the told one, each within
its bucket: the tail stays a tail, and a shift inside one wide bucket still shows. Cumulative points are read by what they add.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any, Final

from fde_events.otlp import attributes, integer, listed, mapping, nanos_to_time
from fde_sidecar.clock import now
from fde_sidecar.otlp.called import called
from fde_sidecar.otlp.logs import service_of
from fde_sidecar.otlp.told import Told, Undo
from fde_sidecar.otlp.wire import Broken, Item
from fde_sidecar.reading import Call

# Semantic conventions of today and of before; a missing unit is what the convention of that name says.
DURATIONS: Final[dict[str, tuple[str, str]]] = {
    "http.client.request.duration": ("client", "s"),
    "http.server.request.duration": ("server", "s"),
    "http.client.duration": ("client", "ms"),
    "http.server.duration": ("server", "ms"),
    "rpc.client.call.duration": ("client", "s"),
    "rpc.server.call.duration": ("server", "s"),
    "rpc.client.duration": ("client", "ms"),
    "rpc.server.duration": ("server", "ms"),
    "db.client.operation.duration": ("client", "s"),
    "messaging.client.operation.duration": ("client", "s"),
    "messaging.process.duration": ("server", "s"),
}
_MS: Final = {"s": 1e3, "ms": 1.0, "us": 1e-3, "ns": 1e-6, "min": 6e4}
_DELTA: Final = (1, "1", "AGGREGATION_TEMPORALITY_DELTA")
_MAX_BUCKETS: Final = 512


def read_metric(item: Item, told: Told, undo: Undo, since_ns: int, broken: Broken) -> Iterator[Call]:
    """The calls of one metric's data points; none for a metric of another kind. `since_ns`: when we began to listen."""
    name = item.record.get("name")
    if not isinstance(name, str) or name not in DURATIONS:
        return
    side, usual = DURATIONS[name]
    unit = item.record.get("unit")
    scale = _MS.get(unit if isinstance(unit, str) else "", _MS[usual])
    service = service_of(item.resource)
    who = tuple(sorted((key, str(value)) for key, value in item.resource.items()))
    for kind in ("histogram", "exponentialHistogram"):
        data = mapping(item.record.get(kind))
        delta = data.get("aggregationTemporality") in _DELTA
        for point in listed(data.get("dataPoints"), "dataPoints", broken):
            said = attributes(point.get("attributes"))
            call = called(said, incoming=side == "server")
            figures = _figures(point)
            if call is None or figures is None:
                broken("a data point without count, or that names no call")
                continue
            at = integer(point.get("timeUnixNano")) or 0
            new: tuple[int, float, tuple[int, ...]] | None = figures
            if not delta:
                start = integer(point.get("startTimeUnixNano")) or 0
                series = (who, item.scope, name, start, tuple(sorted((key, str(each)) for key, each in said.items())))
                new = told.since(hash(series), *figures, undo, fresh=start >= since_ns)
            if new is None or not new[0] or told.is_traced((service, side, call.family, call.address), at / 1e9):
                continue
            for count, value in spread(*new, _bounds(point)):
                yield Call(
                    time=nanos_to_time(at) or now(),
                    endpoint=call.endpoint,
                    duration_ms=None if value is None else value * scale,
                    status=call.status,
                    failed=call.error or (call.status or 0) >= 500,
                    server_address=call.address,
                    service=service,
                    scope=item.scope,
                    count=count,
                )


def spread(
    count: int, total: float, buckets: Sequence[int], bounds: Sequence[float]
) -> Iterator[tuple[int, float | None]]:
    """(calls, value) for every bucket with calls; one pair with the mean where there are no buckets. Counts sum to `count`."""
    mean = total / count if math.isfinite(total) and total >= 0 else None
    if len(buckets) != len(bounds) + 1 or sum(buckets) != count or not bounds:
        yield count, mean
        return
    edges = [0.0, *bounds, math.inf]
    told = [(number, low, high) for number, (low, high) in zip(buckets, pairwise(edges), strict=True) if number]
    middles = [low if math.isinf(high) else (low + high) / 2 for _, low, high in told]
    middle = sum(number * at for (number, _, _), at in zip(told, middles, strict=True)) / count
    factor = mean / middle if mean is not None and middle > 0 else 1.0
    for (number, low, high), at in zip(told, middles, strict=True):
        yield number, min(max(at * factor, low), high)


def _figures(point: Mapping[str, Any]) -> tuple[int, float, tuple[int, ...]] | None:
    count = integer(point.get("count"))
    if count is None or not 0 <= count < 2**53:
        return None
    listed_counts = point.get("bucketCounts")
    counts = listed_counts if isinstance(listed_counts, list) and len(listed_counts) <= _MAX_BUCKETS else []
    buckets = tuple(number if (number := integer(each)) is not None and number >= 0 else 0 for each in counts)
    total = point.get("sum")
    known = isinstance(total, (int, float)) and not isinstance(total, bool) and math.isfinite(total)
    return count, float(total) if known and total is not None else math.nan, buckets


def _bounds(point: Mapping[str, Any]) -> list[float]:
    """Ascending positive bounds; none where they are anything else."""
    told = point.get("explicitBounds")
    if not isinstance(told, list) or len(told) >= _MAX_BUCKETS:
        return []
    bounds = [float(each) for each in told if isinstance(each, (int, float)) and not isinstance(each, bool)]
    usable = len(bounds) == len(told) and all(low < high for low, high in pairwise([0.0, *bounds]))
    return bounds if usable and all(map(math.isfinite, bounds)) else []
