"""Deriving: the events that follow from what was read, still raw, as far as the feed lets them out.

Reading -> Derivation.of() -> the errors themselves, rate limits, performance shifts, schema drift

What the detectors have learned is saved beside the spool now and then. Losing it costs a warm-up, never an event.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Final, TypeVar

import structlog

from fde_events.event import ErrorEvent, Event
from fde_sidecar.drift.detector import Drift
from fde_sidecar.feed import Feed
from fde_sidecar.performance.baselines import Baselines
from fde_sidecar.ratelimit import Quotas
from fde_sidecar.reading import Reading

log = structlog.get_logger(__name__)

_SAVE_EVERY_S: Final = 60.0
_SHAPES: Final = "shapes"
_BASELINES: Final = "baselines"
_Seen = TypeVar("_Seen")


class Derivation:
    """One deployment's detectors. `directory` keeps what they learned; `digest` makes a value unreadable (keyed)."""

    def __init__(self, directory: Path, digest: Callable[[str], str]) -> None:
        self._directory = directory
        self._drift = Drift.restored(_read(directory / _SHAPES), digest)
        self._baselines = Baselines.restored(_read(directory / _BASELINES))
        self._quotas = Quotas()
        self._saved = time.monotonic()
        self._news = False

    def of(self, reading: Reading, feed: Feed) -> Iterator[Event]:
        """Every event of `reading` that the feed's signals allow, raw. What may not leave is not derived either."""
        signals = feed.signals
        for event in reading.events:
            if feed.lets_out(event):
                yield event
            if "rateLimit" in signals and isinstance(event, ErrorEvent):
                yield from _found(self._quotas.of_error, event)
        for call in reading.calls:
            if "rateLimit" in signals:
                yield from _found(self._quotas.of_call, call)
            if "performance" in signals and call.weighed:
                self._news = True
                yield from _found(self._baselines.observe, call)
        if "schemaDrift" in signals:
            for payload in reading.payloads:
                self._news = True
                yield from _found(self._drift.observe, payload)

    def save(self, *, now: bool = False) -> None:
        """Write down what was learned, once a minute or `now`. A disk that refuses is not a reason to stop."""
        moment = time.monotonic()
        if not self._news or (not now and moment - self._saved < _SAVE_EVERY_S):
            return
        self._saved, self._news = moment, False
        try:
            _write(self._directory / _SHAPES, self._drift.save())
            _write(self._directory / _BASELINES, self._baselines.save())
        except OSError as error:
            log.warning("learned_shapes_not_saved", reason=error.strerror, next_step="the next start warms up again")


def _found(observe: Callable[[_Seen], Iterable[Event]], seen: _Seen) -> Iterable[Event]:
    try:
        return list(observe(seen))
    except Exception as error:  # noqa: BLE001  what one detector cannot read loses its finding: neither the error nor the sidecar
        log.warning("detector_failed", detector=type(seen).__name__, error=type(error).__name__)
        return ()


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


def _write(path: Path, data: bytes) -> None:
    beside = path.with_name(f".{path.name}.new")
    try:
        beside.write_bytes(data)
        os.replace(beside, path)  # noqa: PTH105  the same call the spool makes
    finally:
        with contextlib.suppress(OSError):
            beside.unlink()
