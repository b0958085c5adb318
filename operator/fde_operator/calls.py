"""Calls: the way of every call to another system. Counted, timed, traced, kept to a rate, and not made when it is no use.

CalledCluster.apply() -> Calls.made(): breaker? -> rate limit -> span and clock -> the call -> outcome -> metrics, breaker

Wiring: ``CalledCluster(KubernetesCluster(...), Calls("kubernetes", metrics, bucket=Bucket(rate, burst), breaker=Breaker()))``
directly around the client, and ``CalledWatch(client, calls)`` for the reflectors. ``CalledDecisions(decisions, Calls("decisions", metrics))`` and, in kafka.opened,
``CalledAdministration(tenancy, Calls("kafka", metrics))``: kafka.Kafka leaves a broker that is away alone by itself.
Our rate of 400 a second is above what a thousand new deployments need: it is there for the day something runs in a circle.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Final

from fde_events.decision import Decision
from fde_events.errors import Unavailable
from fde_events.tenancy.credential import Credential
from fde_events.tenancy.plan import Action, Observed
from fde_operator import tracing
from fde_operator.breaker import Breaker
from fde_operator.bucket import Bucket
from fde_operator.cluster import Cluster, Manifest
from fde_operator.errors import Conflicting, Denied, Fenced, Throttled, Tripped
from fde_operator.kafka import Administration
from fde_operator.layer import Answer, Layer
from fde_operator.metrics import Metrics
from fde_operator.primitive import Decisions
from fde_operator.reflector import Watched

RATE: Final = 400.0  # calls a second to the API server
BURST: Final = 800.0


def outcome_of(error: BaseException | None) -> str:
    """One word for metrics: what came of a call."""
    match error:
        case None:
            return "ok"
        case Conflicting():
            return "conflict"
        case Denied():
            return "denied"
        case Fenced():
            return "fenced"
        case Throttled():
            return "throttled"
        case Tripped():
            return "tripped"
        case Unavailable() | TimeoutError():
            return "unavailable"
        case asyncio.CancelledError():
            return "cancelled"
        case _:
            return "error"


class Calls:
    """One external system. Without a bucket there is no rate limit, without a breaker no breaker."""

    def __init__(
        self,
        system: str,
        metrics: Metrics,
        *,
        bucket: Bucket | None = None,
        breaker: Breaker | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.system, self._metrics, self._bucket, self._breaker = system, metrics, bucket, breaker
        self._clock, self._sleep = clock, sleep
        if breaker is not None:
            metrics.watch_breaker(system, breaker)

    async def made(self, verb: str, kind: str, call: Callable[[], Awaitable[Answer]]) -> Answer:
        """What `call` answers, or its error. :class:`Tripped` if the breaker is open: then it was not made."""
        try:
            self._unless_open()
            await self._turn()
            admitted = self._admitted()
        except Tripped as error:
            self._count(verb, kind, error)
            raise
        began_s = self._clock()
        try:
            with tracing.calling(self.system, verb, kind):
                answer = await call()
        except BaseException as error:
            self._ended(verb, kind, error, admitted, began_s)
            raise
        self._ended(verb, kind, None, admitted, began_s)
        return answer

    def made_here(self, verb: str, kind: str, call: Callable[[], Answer]) -> Answer:
        """The same for a call that blocks, in a thread: it is counted, timed and traced."""
        began_s = self._clock()
        try:
            with tracing.calling(self.system, verb, kind):
                answer = call()
        except BaseException as error:
            self._ended(verb, kind, error, None, began_s)
            raise
        self._ended(verb, kind, None, None, began_s)
        return answer

    def ended(self, verb: str, kind: str, error: BaseException | None) -> None:
        """Count something that is no single question: a watch that was open for minutes."""
        self._count(verb, kind, error)

    def _unless_open(self) -> None:
        if self._breaker is not None and (wait_s := self._breaker.wait_s(self._clock())) > 0:
            raise Tripped(f"{self.system} failed too often lately and is left alone.", retry_after_s=wait_s)

    async def _turn(self) -> None:
        if self._bucket is not None and (wait_s := self._bucket.reserve(self._clock())) > 0:
            self._metrics.waited.labels(self.system).inc(wait_s)
            await self._sleep(wait_s)

    def _admitted(self) -> int | None:
        if self._breaker is None:
            return None
        admitted = self._breaker.admit(self._clock())
        if admitted is None:
            self._unless_open()
        return admitted

    def _ended(self, verb: str, kind: str, error: BaseException | None, admitted: int | None, began_s: float) -> None:
        now_s = self._clock()
        outcome = self._count(verb, kind, error)
        self._metrics.call_seconds.labels(self.system, verb).observe(now_s - began_s)
        if isinstance(error, Throttled):
            self._metrics.throttled.labels(self.system).inc()
            if self._bucket is not None:
                self._bucket.pause(now_s + error.retry_after_s)
        if self._breaker is None or admitted is None:
            return
        if outcome == "unavailable":
            self._breaker.failed(admitted, now_s)
        elif outcome in ("cancelled", "fenced", "error"):
            self._breaker.abandoned(admitted)
        else:
            self._breaker.succeeded(admitted)

    def _count(self, verb: str, kind: str, error: BaseException | None) -> str:
        outcome = outcome_of(error)
        self._metrics.calls.labels(self.system, verb, kind, outcome).inc()
        return outcome


class CalledCluster(Layer):
    """A :class:`fde_operator.cluster.Cluster` whose every call goes through `calls`."""

    def __init__(self, cluster: Cluster, calls: Calls) -> None:
        super().__init__(cluster)
        self._calls = calls

    async def _passed(self, verb: str, kind: str, call: Callable[[], Awaitable[Answer]]) -> Answer:
        return await self._calls.made(verb, kind, call)


class CalledWatch:
    """What reflectors read, through `calls`: a list is a call, a watch is counted when it ends."""

    def __init__(self, source: Watched, calls: Calls) -> None:
        self._source, self._calls = source, calls

    async def snapshot(self, kind: str, labels: dict[str, str | None], take: Callable[[Manifest], None]) -> str:
        """As the source's."""
        return await self._calls.made("list", kind, lambda: self._source.snapshot(kind, labels, take))

    async def follow(
        self, kind: str, labels: dict[str, str | None], version: str
    ) -> AsyncGenerator[tuple[str, Manifest], None]:
        """As the source's."""
        events = self._source.follow(kind, labels, version)
        try:
            async for event in events:
                yield event
        except (GeneratorExit, asyncio.CancelledError):  # the reader has enough: silence, or the end of the process
            self._calls.ended("watch", kind, None)
            raise
        except BaseException as error:
            self._calls.ended("watch", kind, error)
            raise
        else:
            self._calls.ended("watch", kind, None)
        finally:
            await events.aclose()


class CalledDecisions:
    """Decision records, through `calls`."""

    def __init__(self, decisions: Decisions, calls: Calls) -> None:
        self._decisions, self._calls = decisions, calls

    async def record(self, decision: Decision) -> None:
        """As the decisions'."""
        await self._calls.made("record", "Decision", lambda: self._decisions.record(decision))


class CalledAdministration:
    """Kafka's administration, through `calls`. Its calls block."""

    def __init__(self, administration: Administration, calls: Calls) -> None:
        self._administration, self._calls = administration, calls

    def observe(self) -> Observed:
        """As the administration's."""
        return self._calls.made_here("observe", "", self._administration.observe)

    def execute(self, action: Action) -> object:
        """As the administration's."""
        return self._calls.made_here("execute", str(action.kind), lambda: self._administration.execute(action))

    def upsert(self, credential: Credential) -> None:
        """As the administration's."""
        self._calls.made_here("upsert", "user", lambda: self._administration.upsert(credential))
