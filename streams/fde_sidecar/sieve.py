"""The sieve: what of a reading leaves, and how. Nothing unredacted goes beyond it.

Reading -> derive -> [allowed?] -> redact -> [room?] -> sample -> Batch
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Final

import structlog

from fde_events.event import Event, kind_of
from fde_sidecar.batch import Batch
from fde_sidecar.derive import Derivation
from fde_sidecar.feed import Feed
from fde_sidecar.reading import Reading
from fde_sidecar.redact import Redactor
from fde_sidecar.sample import Sampler
from fde_sidecar.spool import Spool
from fde_sidecar.status import OTHER, REASONS

log = structlog.get_logger(__name__)

_SAY_EVERY_S: Final = 60.0


class Sieve:
    """One session's. `events` counts what was taken by kind, `dropped` what does not leave by reason."""

    def __init__(self, spool: Spool, derivation: Derivation, feed: Feed, redactor: Redactor, label: str) -> None:
        self._spool, self._derivation = spool, derivation
        self.feed, self.redactor, self.label = feed, redactor, label
        self._sampler = Sampler(feed.full, spool.state.withheld)
        self.batch = Batch()
        self.events: dict[str, int] = {}
        self.dropped: dict[str, int] = {}
        self._said = float("-inf")

    def take(self, reading: Reading) -> None:
        """One reading into the batch, whole; or back to its sender, who can wait, unlike a log that is rotated away."""
        if reading.settled is not None:
            if not self._spool.admits("error", waiting=self.batch.bytes):
                reading.settled(False)
                return
            self.batch.settles.append(reading.settled)
        for event in self._derivation.of(reading, self.feed):
            self._let_out(event)
        for reason, count in reading.dropped.items():
            self.drop(reason, count)
        self.batch.forgotten.extend(reading.forgotten)
        if (position := reading.position) is not None:
            self.batch.positions[(position.device, position.inode)] = position

    def turn_away(self, reading: Reading) -> None:
        """The switch says off. A sender is told to come again; what came by pipe cannot wait without harm, and is counted."""
        if reading.settled is not None:
            reading.settled(False)
            return
        count = sum(getattr(event, "count", 1) for event in reading.events if self.feed.lets_out(event))
        if count:
            self.drop("switched-off", count)

    def release(self) -> Iterator[None]:
        """The counts so far, one event a shape; after each the batch may be written, and after the last it must be."""
        for shape, event in self._sampler.due():
            self.batch.released.append(shape)
            clean = self._again(event)
            if clean is not None:
                self.batch.add(clean)
            yield

    def forget(self) -> None:
        """The counts so far are not to leave: the spool's purge has counted them."""
        for _ in self._sampler.due():
            pass

    def narrows(self, feed: Feed) -> bool:
        """Whether `feed` lets less out than the one that holds."""
        return not self.feed.signals <= feed.signals or (feed.mode == "strict") > (self.feed.mode == "strict")

    def adopt(self, feed: Feed, redactor: Redactor, label: str) -> None:
        """What is taken away holds for what waits in the batch as well."""
        narrower = self.narrows(feed)
        self.feed, self.redactor, self.label = feed, redactor, label
        if narrower:
            self.batch.events = [clean for event in self.batch.events if (clean := self._again(event)) is not None]

    def count_from(self, full: int) -> None:
        """The feed says another number of events in full. Counts were released before."""
        self._sampler = Sampler(full)

    def drop(self, reason: str, count: int) -> None:
        """Count what does not leave. It leaves itself, with the epoch's mark: only words of ours, whoever named the reason."""
        if reason.partition(":")[0] not in REASONS:
            reason = "sdk" if reason.startswith("sdk-") else OTHER
        self.batch.drop(reason, count)
        self.dropped[reason] = self.dropped.get(reason, 0) + count

    # --- inside ------------------------------------------------------------------------------------------------------
    def _let_out(self, raw: Event) -> None:
        kind, count = kind_of(raw), getattr(raw, "count", 1)
        self.events[kind] = self.events.get(kind, 0) + 1
        if not self._spool.admits(kind, waiting=self.batch.bytes):
            self.drop(f"spool-full:{kind}", count)
            return
        if (withheld := self._sampler.count(raw)) is not None:
            self.batch.withhold(withheld)
            return
        clean = self._redacted(raw)
        if clean is None:
            return
        withheld = self._sampler.take(clean, raw)
        if withheld is None:
            self.batch.add(clean)
        else:
            self.batch.withhold(withheld)

    def _again(self, event: Event) -> Event | None:
        """An event that was redacted under an earlier feed, or by an earlier process, as the feed of now lets it out."""
        if not self.feed.lets_out(event):
            self.drop("not-allowed", getattr(event, "count", 1))
            return None
        return self._redacted(event) if self.redactor.mode == "strict" else event

    def _redacted(self, raw: Event) -> Event | None:
        try:
            return self.redactor.event(raw)
        except Exception as error:  # noqa: BLE001  one text that our rules cannot read must neither leave nor stop the rest
            self.drop("not-redacted", getattr(raw, "count", 1))
            if time.monotonic() - self._said >= _SAY_EVERY_S:
                self._said = time.monotonic()
                log.error(
                    "event_not_redacted",
                    deployment=self.feed.deployment,
                    error=type(error).__name__,
                    next_step="it is dropped and counted as not-redacted; please report it",
                )
            return None
