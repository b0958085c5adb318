"""Events: what `kubectl describe` shows of what the operator found. Never in the way, never many, never with a value.

a status that changes -> news() -> Events.tell() -> (same again? too many?) -> a queue -> work() -> events.k8s.io/v1

An Event says which condition turned, and its reason; the sentence stays in the condition, where only those read it who may
read the object: it may name a value. So nothing that a person or a server wrote is in an Event, by construction.

The same news of the same object is written once, and then counted in its series at most every ten minutes, when it comes up
again. An object has 25 at once and one more in five minutes. What cannot be written is dropped and counted in a metric.

A status that was applied is news, and only that: a restart repeats nothing. Events go out through the fence and beside the
audit: they are no acts.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Hashable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final, Generic, Literal, TypeVar

from structlog import get_logger

from fde_events.errors import FdeError
from fde_operator.bucket import Bucket
from fde_operator.cluster import Cluster, Manifest
from fde_operator.metrics import Metrics

log = get_logger()
CONTROLLER: Final = "fde.io/operator"
_AGAIN_S: Final = 600.0
_BURST: Final = 25.0  # and the rate: as client-go's spam filter
_RATE: Final = 1 / 300.0
_REMEMBERED: Final = 1024
_WAITING: Final = 256
_BAD: Final = ("Stalled", "Error", "Contended")  # conditions that are good when they are False
_TOLD_WELL: Final = ("Ready", "Published", "Attached")  # good news of the others goes without saying
_PASSING: Final = ("Reconciling", "UpdatePending")  # they come and go with every change
_NoteKind = Literal["Normal", "Warning"]


@dataclass(frozen=True, slots=True)
class News:
    """What is told. `note` is made of condition types, statuses and reasons alone."""

    kind: _NoteKind
    reason: str
    note: str
    action: str = "Reconcile"


def news(observed: Mapping[str, Any], patch: Mapping[str, Any] | None) -> tuple[News, ...]:
    """What a status apply tells that the object did not say before: it stalled, it is ready, it no longer is."""
    if patch is None:
        return ()
    before = {old["type"]: old for old in (observed.get("status") or {}).get("conditions") or ()}
    after = (patch.get("status") or {}).get("conditions") or ()
    return tuple(_news(before, after))


def _news(before: Mapping[str, Mapping[str, Any]], after: Any) -> Iterator[News]:
    for new in after:
        name, status, reason = new["type"], new["status"], new.get("reason") or new["type"]
        old = before.get(name, {})
        turned = old.get("status") != status
        if name in _PASSING:
            continue
        if name in _BAD:
            if status == "True" and (turned or old.get("reason") != reason):
                yield _told("Warning", name, status, reason)
        elif status == "True" and turned and name in _TOLD_WELL:
            yield _told("Normal", name, status, reason)
        elif name == "Ready" and status == "False" and old.get("status") == "True":
            yield _told("Warning", name, status, reason)


def _told(kind: _NoteKind, condition: str, status: str, reason: str) -> News:
    return News(kind, reason[:128], f"{condition} is {status}: {reason}. The condition's message says more."[:1024])


@dataclass(slots=True)
class _Series:
    manifest: Manifest
    count: int = 1
    written_s: float = 0.0


What = TypeVar("What")


@dataclass(slots=True)
class _Recent(Generic[What]):
    """The things asked for last, so many of them."""

    size: int
    _found: OrderedDict[Hashable, What] = field(default_factory=OrderedDict)

    def get(self, key: Hashable, make: Callable[[], What]) -> tuple[What, bool]:
        """The one of `key`, and whether it is new."""
        new = key not in self._found
        if new:
            self._found[key] = make()
        self._found.move_to_end(key)
        while len(self._found) > self.size:
            self._found.popitem(last=False)
        return self._found[key], new


class Events:
    """The recorder of one process, on one event loop."""

    def __init__(
        self,
        cluster: Cluster,
        metrics: Metrics,
        *,
        instance: str,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._cluster, self._metrics, self._instance = cluster, metrics, instance[:128]
        self._clock, self._wall = clock, wall
        self._series: _Recent[_Series] = _Recent(_REMEMBERED)
        self._buckets: _Recent[Bucket] = _Recent(_REMEMBERED)
        self._waiting: deque[Manifest] = deque()
        self._wake, self._empty = asyncio.Event(), asyncio.Event()
        self._empty.set()

    def tell(self, about: Mapping[str, Any], what: News) -> None:
        """Have it written soon, or count it, or drop it. Returns at once and raises nothing."""
        now_s, metadata = self._clock(), about["metadata"]
        who = metadata.get("uid") or (about["kind"], metadata.get("namespace", ""), metadata["name"])
        series, new = self._series.get(
            (who, what.kind, what.reason, what.note), lambda: _Series(self._manifest(about, what), written_s=now_s)
        )
        if not new:
            series.count += 1
            if now_s - series.written_s < _AGAIN_S:
                self._counted("counted")
                return
            said = {"count": series.count, "lastObservedTime": self._now()}
            series.manifest = {**series.manifest, "series": said}
            series.written_s = now_s
        bucket, _ = self._buckets.get(who, lambda: Bucket(_RATE, _BURST))
        if not bucket.take(now_s):
            self._counted("throttled")
        elif len(self._waiting) >= _WAITING:
            self._counted("dropped")
        else:
            self._waiting.append(series.manifest)
            self._empty.clear()
            self._wake.set()

    async def work(self) -> None:
        """Write what was told: for ever."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._waiting:
                await self._write(self._waiting[0])
                self._waiting.popleft()
            self._empty.set()

    async def drain(self, limit_s: float) -> None:
        """Wait until everything told was written, or for so many seconds."""
        try:
            await asyncio.wait_for(self._empty.wait(), limit_s)
        except TimeoutError:
            self._metrics.events.labels("dropped").inc(len(self._waiting))

    async def _write(self, manifest: Manifest) -> None:
        try:
            if "series" in manifest:
                await self._cluster.apply(manifest)  # made anew if the server has forgotten it meanwhile
            else:
                await self._cluster.create(manifest)
            self._counted("written")
        except FdeError as error:
            # An Event is a courtesy: the condition says the same, and nothing waits for this.
            self._counted("failed")
            log.debug("event_not_written", reason=manifest["reason"], why=type(error).__name__)

    def _manifest(self, about: Mapping[str, Any], what: News) -> Manifest:
        metadata = about["metadata"]
        regarding = {"apiVersion": about["apiVersion"], "kind": about["kind"]}
        regarding |= {name: metadata[name] for name in ("namespace", "name", "uid") if metadata.get(name)}
        return {
            "apiVersion": "events.k8s.io/v1",
            "kind": "Event",
            "metadata": {
                "name": f"{metadata['name'][:200]}.{secrets.token_hex(8)}",
                "namespace": metadata.get("namespace") or "default",  # where Events of objects without one go
            },
            "type": what.kind,
            "reason": what.reason,
            "action": what.action,
            "note": what.note,
            "eventTime": self._now(),
            "reportingController": CONTROLLER,
            "reportingInstance": self._instance,
            "regarding": regarding,
        }

    def _now(self) -> str:
        return self._wall().strftime("%Y-%m-%dT%H:%M:%S.%fZ")

    def _counted(self, outcome: str) -> None:
        self._metrics.events.labels(outcome).inc()
