"""The detector: payloads of many sources in, schema drift out.

Payload -> Drift.observe() -> SchemaDriftEvent, one for each change, once

Bounded: so many sources, the one longest unheard of forgotten first; so many places a source, so much body a payload. No
payload raises: what cannot be read is counted by reason. Values are neither saved nor told, nor kept: but for the last number
of a place, in memory and until the next one.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Final

import msgspec
import structlog

from fde_events.event import SchemaDriftEvent
from fde_sidecar.drift.baseline import Baseline, Learned
from fde_sidecar.drift.finding import Finding
from fde_sidecar.reading import Payload

log = structlog.get_logger(__name__)

MOST_SOURCES: Final = 256
MOST_BYTES: Final = 1 << 20  # of one body
_VERSION: Final = "fde-drift/2"
_CACHED: Final = 4096  # digests kept in memory

Key = tuple[str, str, str, int | None]


class Unreadable(Exception):
    """A body that is no JSON; the message is the reason, one of a few words, and holds nothing of it."""


class Saved(msgspec.Struct, array_like=True):
    """What :meth:`Drift.save` writes: the sources, the one unheard of for longest first."""

    version: str
    sources: list[tuple[Key, Learned]]
    counted: dict[str, int]


class Drift:
    """All sources of one deployment. `digest` is keyed: its results are kept in place of values.

    `to_the_end`: payloads that have an end, as a file's; nothing is told before :meth:`lasting` is asked.

    Not safe for several threads. Time is the payloads' own.
    """

    def __init__(
        self,
        digest: Callable[[str], str],
        *,
        most_sources: int = MOST_SOURCES,
        most_bytes: int = MOST_BYTES,
        to_the_end: bool = False,
    ) -> None:
        self._plain_digest = digest
        self._to_the_end = to_the_end
        self._most_sources, self._most_bytes = most_sources, most_bytes
        self._sources: dict[Key, Baseline] = {}
        self._digests: dict[str, str] = {}
        self._last: tuple[Key, Baseline] | None = None
        self.refused: str | None = None
        """Why the last payload could not be used: not-json, too-large or too-deep; None where it was."""
        self.counted: dict[str, int] = {}
        """Payloads that could not be used and sources that were forgotten, by reason."""

    @classmethod
    def restored(
        cls,
        saved: bytes,
        digest: Callable[[str], str],
        *,
        most_sources: int = MOST_SOURCES,
        most_bytes: int = MOST_BYTES,
    ) -> Drift:
        """The detector as it was at :meth:`save`. Nothing saved, damaged or of another version: a new one, and the log says so."""
        drift = cls(digest, most_sources=most_sources, most_bytes=most_bytes)
        if not saved:
            return drift
        try:
            kept = msgspec.msgpack.decode(saved, type=Saved)
            if kept.version != _VERSION:
                raise ValueError(kept.version)
        except (msgspec.DecodeError, ValueError, RecursionError) as error:
            log.warning("drift_state_not_restored", reason=type(error).__name__, next_step="every source warms up anew")
            drift._count("state-not-restored")
            return drift
        for key, learned in kept.sources[-most_sources:]:
            drift._sources[key] = Baseline(drift._digest, learned)
        drift.counted = dict(kept.counted)
        return drift

    def save(self) -> bytes:
        """Everything learned, as bytes for :meth:`restored`. Field names, formats, counts and keyed digests; no value."""
        for baseline in self._sources.values():
            baseline.settle()
        sources = [(key, baseline.learned) for key, baseline in self._sources.items()]
        return msgspec.msgpack.encode(Saved(_VERSION, sources, self.counted))

    def observe(self, payload: Payload) -> tuple[SchemaDriftEvent, ...]:
        """What this payload makes certain to have changed at its source. Never raises for what the payload holds."""
        self.refused = None
        try:
            body = self._read(payload.body)
        except Unreadable as reason:
            self.refused = str(reason)
            self._count(self.refused)
            return ()
        key = (payload.source, payload.operation, payload.direction, payload.status_class)
        found = (self._last[1] if self._last and self._last[0] == key else self._source(key)).observe(body)
        return tuple(_event(payload, one) for one in found) if found else ()

    def lasting(self, payload: Payload) -> list[tuple[int, SchemaDriftEvent]]:
        """What changed at the source of `payload` and was not taken back by its end, each with the 0-based number of the
        source's usable payload at which it was found. For a detector `to_the_end`."""
        baseline = self._sources.get((payload.source, payload.operation, payload.direction, payload.status_class))
        return [(record, _event(payload, one)) for record, one in baseline.lasting()] if baseline else []

    def _source(self, key: Key) -> Baseline:
        baseline = self._sources.pop(key, None)
        if baseline is None:
            baseline = Baseline(self._digest, to_the_end=self._to_the_end)
            if len(self._sources) >= self._most_sources:
                del self._sources[next(iter(self._sources))]
                self._count("source-forgotten")
        self._sources[key] = baseline  # the last one heard of stands last
        self._last = (key, baseline)
        return baseline

    def _read(self, body: bytes) -> Any:
        if len(body) > self._most_bytes:
            raise Unreadable("too-large")
        try:
            return msgspec.json.decode(body)
        except RecursionError:
            raise Unreadable("too-deep") from None
        except (msgspec.DecodeError, UnicodeDecodeError):
            return self._read_leniently(body)

    def _read_leniently(self, body: bytes) -> Any:
        """NaN, numbers beyond a double's range and bytes that are no UTF-8: counted, and read as most readers do."""
        try:
            value = json.loads(body.decode(errors="replace"))
        except RecursionError:
            raise Unreadable("too-deep") from None
        except ValueError:
            raise Unreadable("not-json") from None
        self._count("irregular-json")
        return value

    def _digest(self, value: str) -> str:
        found = self._digests.get(value)
        if found is None:
            if len(self._digests) >= _CACHED:
                self._digests.clear()
            found = self._digests[value] = self._plain_digest(
                value.encode(errors="replace").decode()  # a lone surrogate is no reason to raise
            )
        return found

    def _count(self, reason: str) -> None:
        self.counted[reason] = self.counted.get(reason, 0) + 1


def _event(payload: Payload, one: Finding) -> SchemaDriftEvent:
    return SchemaDriftEvent(
        time=payload.time, source=payload.source, operation=payload.operation, service=payload.service,
        field=one.field, change=one.change, before=one.before, after=one.after,
    )  # fmt: skip
