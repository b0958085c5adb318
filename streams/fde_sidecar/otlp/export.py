"""One export request, from its bytes to what the session takes.

body -> read() -> Export(events, calls, payloads, dropped, rejected), or Garbage / Overfull when it cannot be walked at all
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

import structlog

from fde_events.event import ErrorEvent
from fde_events.otlp import OffContract
from fde_sidecar.otlp.logs import Dropped, read_log
from fde_sidecar.otlp.metrics import read_metric
from fde_sidecar.otlp.told import Told, Undo
from fde_sidecar.otlp.traces import read_span
from fde_sidecar.otlp.wire import Encoding, Garbage, Item, Overfull, Signal, items
from fde_sidecar.reading import Call, Payload

log = structlog.get_logger(__name__)

MAX_FOUND: Final = 8_192  # things of one request; a collector's batch has so many records, and few of them are errors
Found = ErrorEvent | Call | Payload | Dropped


@dataclass(slots=True)
class Export:
    """What a request holds for us. `rejected` records could not be used; `why` says so of the first."""

    events: list[ErrorEvent] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    payloads: list[Payload] = field(default_factory=list)
    dropped: dict[str, int] = field(default_factory=dict)
    rejected: int = 0
    why: str = ""
    undo: Undo = field(default_factory=list)

    @property
    def empty(self) -> bool:
        """Whether nothing in it concerns us: it need not wait for a disk."""
        return not (self.events or self.calls or self.payloads or self.dropped)

    def reject(self, why: str) -> None:
        """Count one record that could not be used."""
        self.rejected += 1
        self.why = self.why or why

    def take(self, found: Found) -> None:
        """One more thing that a record told; what is too many is counted as dropped, and the sender is told."""
        if len(self.events) + len(self.calls) + len(self.payloads) >= MAX_FOUND:
            self.dropped["otlp-too-many"] = self.dropped.get("otlp-too-many", 0) + 1
            self.reject(f"more than {MAX_FOUND} errors and calls in one request")
            return
        match found:
            case ErrorEvent():
                self.events.append(found)
            case Call():
                self.calls.append(found)
            case Payload():
                self.payloads.append(found)
            case Dropped():
                for reason, count in found.counts.items():
                    self.dropped[reason] = self.dropped.get(reason, 0) + count

    def forget(self) -> None:
        """It was not taken and comes again: what was remembered of it is as before."""
        while self.undo:
            self.undo.pop()()


class Reader:
    """Reads request after request, in one thread."""

    def __init__(self) -> None:
        self._told = Told()
        self._since_ns = time.time_ns()

    def read(self, body: bytes, signal: Signal, encoding: Encoding, *, local: bool) -> Export:
        """What `body` holds. :class:`Garbage` or :class:`Overfull` when nothing of it is taken."""
        export = Export()
        try:
            for item in items(body, signal, encoding, export.reject):
                try:
                    for found in self._of(item, signal, export, local):
                        export.take(found)
                except OffContract as error:
                    export.reject(str(error))
                except Exception as error:  # noqa: BLE001  one record that we read wrongly must not lose the others
                    log.warning("otlp_record_not_read", signal=signal, error=type(error).__name__)
                    export.reject("a record that could not be read")
        except (Garbage, Overfull):
            export.forget()
            raise
        return export

    def _of(self, item: Item, signal: Signal, export: Export, local: bool) -> Iterator[Found]:
        match signal:
            case "logs":
                return read_log(item, self._told, export.undo, local=local)
            case "traces":
                return read_span(item, self._told, export.undo)
            case "metrics":
                return read_metric(item, self._told, export.undo, self._since_ns, export.reject)
