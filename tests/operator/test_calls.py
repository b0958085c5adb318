"""Each call is counted by what came of it, kept to a rate, and not made while its system does not answer."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from fde_events.errors import Refused, Unavailable
from fde_events.tenancy.plan import Observed
from fde_operator.breaker import Breaker
from fde_operator.bucket import Bucket
from fde_operator.calls import CalledAdministration, CalledCluster, CalledDecisions, CalledWatch, Calls, outcome_of
from fde_operator.errors import Conflicting, Denied, Fenced, Throttled, Tripped
from fde_operator.key import Key
from fde_operator.metrics import Metrics

KEY = Key("FDEDeployment", "customer-northgate", "sync")
SECRET = {"kind": "Secret", "type": "Opaque", "metadata": {"name": "s", "namespace": "customer-northgate"}}


class Clock:
    """Moves when somebody sleeps."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now_s

    async def sleep(self, delay_s: float) -> None:
        self.slept.append(delay_s)
        self.now_s += delay_s


def calls(clock: Clock, metrics: Metrics | None = None, **parts: Any) -> Calls:
    return Calls("kubernetes", metrics or Metrics(), clock=clock, sleep=clock.sleep, **parts)


def counted(metrics: Metrics, **labels: str) -> float:
    return metrics.registry.get_sample_value("fde_operator_api_calls_total", labels) or 0.0


def raising(error: BaseException) -> Callable[[], Awaitable[None]]:
    async def call() -> None:
        raise error

    return call


async def answering() -> str:
    return "answer"


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (Conflicting("c"), "conflict"),
        (Denied("d"), "denied"),
        (Unavailable("u"), "unavailable"),
        (TimeoutError(), "unavailable"),
        (Throttled("t"), "throttled"),
        (Fenced("f"), "fenced"),
        (asyncio.CancelledError(), "cancelled"),
        (KeyError("k"), "error"),
    ],
)
def test_what_came_of_a_call_is_counted_and_its_error_passes_through(error: BaseException, outcome: str) -> None:
    metrics = Metrics()
    with pytest.raises(type(error)):
        asyncio.run(calls(Clock(), metrics).made("apply", "Secret", raising(error)))
    assert counted(metrics, system="kubernetes", verb="apply", kind="Secret", outcome=outcome) == 1
    assert metrics.registry.get_sample_value("fde_operator_throttled_total", {"system": "kubernetes"}) == (
        1 if outcome == "throttled" else None
    )
    assert outcome_of(error) == outcome


def test_a_call_that_goes_well_is_counted_and_timed() -> None:
    metrics, clock = Metrics(), Clock()

    async def slow() -> str:
        clock.now_s += 0.3
        return "answer"

    assert asyncio.run(calls(clock, metrics).made("get", "Namespace", slow)) == "answer"
    assert counted(metrics, system="kubernetes", verb="get", kind="Namespace", outcome="ok") == 1
    labels = {"system": "kubernetes", "verb": "get"}
    total = metrics.registry.get_sample_value("fde_operator_api_call_duration_seconds_sum", labels)
    assert total == pytest.approx(0.3)


def test_calls_above_the_rate_wait_their_turn() -> None:
    clock, metrics = Clock(), Metrics()
    through = calls(clock, metrics, bucket=Bucket(2.0, 1))

    async def four() -> None:
        for _ in range(4):
            await through.made("get", "Namespace", answering)

    asyncio.run(four())
    assert clock.slept == [0.5, 0.5, 0.5]
    assert metrics.registry.get_sample_value(
        "fde_operator_api_waited_seconds_total", {"system": "kubernetes"}
    ) == pytest.approx(1.5)


def test_a_429_makes_everybody_wait_as_long_as_the_server_said_and_opens_no_breaker() -> None:
    clock, breaker = Clock(), Breaker(failures=1)
    through = calls(clock, bucket=Bucket(100.0, 100), breaker=breaker)

    async def story() -> None:
        with pytest.raises(Throttled):
            await through.made("get", "Namespace", raising(Throttled("slow down", retry_after_s=7)))
        await through.made("get", "Namespace", answering)

    asyncio.run(story())
    assert sum(clock.slept) == pytest.approx(7, abs=0.1)
    assert breaker.opened == 0


def test_a_system_that_does_not_answer_is_left_alone_and_probed_by_one() -> None:
    clock, metrics, breaker = Clock(), Metrics(), Breaker(failures=3, base_s=2.0)
    through = calls(clock, metrics, breaker=breaker)
    made: list[str] = []

    async def away() -> None:
        made.append("asked")
        raise Unavailable("away")

    async def story() -> None:
        for _ in range(3):
            with pytest.raises(Unavailable):
                await through.made("get", "Namespace", away)
        for _ in range(10):
            with pytest.raises(Tripped) as caught:
                await through.made("get", "Namespace", away)
            assert caught.value.retry_after_s == 2.0
        assert len(made) == 3
        assert metrics.registry.get_sample_value("fde_operator_breaker_state", {"system": "kubernetes"}) == 2
        clock.now_s += 2.0
        probing = asyncio.Event()

        async def probe() -> str:
            probing.set()
            await asyncio.sleep(0.01)
            return "back"

        first = asyncio.create_task(through.made("get", "Namespace", probe))
        await probing.wait()
        with pytest.raises(Tripped):
            await through.made("get", "Namespace", away)
        assert await first == "back"
        assert await through.made("get", "Namespace", answering) == "answer"

    asyncio.run(story())
    assert counted(metrics, system="kubernetes", verb="get", kind="Namespace", outcome="tripped") == 11
    assert metrics.registry.get_sample_value("fde_operator_breaker_state", {"system": "kubernetes"}) == 0


@pytest.mark.parametrize("error", [Denied("no"), Conflicting("raced"), KeyError("ours")])
def test_an_api_server_that_refuses_is_there(error: Exception) -> None:
    breaker = Breaker(failures=1)
    with pytest.raises(type(error)):
        asyncio.run(calls(Clock(), breaker=breaker).made("apply", "Secret", raising(error)))
    assert breaker.opened == 0


def test_every_call_of_a_cluster_is_counted_under_its_verb_and_kind(cluster: Any) -> None:
    metrics = Metrics()

    async def rehearse(manifest: Any) -> None:
        pass

    cluster.rehearse = rehearse
    called = CalledCluster(cluster, calls(Clock(), metrics))

    async def all_of_them() -> None:
        assert await called.get(KEY) is None
        await called.list("Namespace", labels={"fde.io/customer": "northgate"})
        made = await called.create(SECRET)
        await called.rehearse(SECRET)
        await called.apply(SECRET)
        await called.apply_status({**SECRET, "status": {}})
        assert await called.stands(SECRET)
        assert await called.put(SECRET) == "4"
        await called.delete(Key("Secret", "customer-northgate", "s"), uid=made["metadata"]["uid"])

    asyncio.run(all_of_them())
    found = {
        (sample.labels["verb"], sample.labels["kind"])
        for family in metrics.registry.collect()
        for sample in family.samples
        if sample.name == "fde_operator_api_calls_total"
    }
    verbs = {"create", "rehearse", "apply", "apply_status", "stands", "put", "delete"}
    assert found == {("get", "FDEDeployment"), ("list", "Namespace")} | {(verb, "Secret") for verb in verbs}


class Source:
    """Two events, then an end, silence, or an error."""

    def __init__(self, then: str) -> None:
        self.then, self.closed = then, False

    async def snapshot(self, kind: str, labels: Any, take: Any) -> str:
        return "1"

    async def follow(self, kind: str, labels: Any, version: str) -> Any:
        try:
            yield "ADDED", {}
            yield "MODIFIED", {}
            if self.then == "silence":
                await asyncio.Event().wait()
            if self.then == "error":
                raise Unavailable("cut")
        finally:
            self.closed = True


@pytest.mark.parametrize(("then", "outcome"), [("end", "ok"), ("silence", "ok"), ("error", "unavailable")])
def test_a_watch_is_counted_once_when_it_ends_and_is_closed(then: str, outcome: str) -> None:
    metrics, source = Metrics(), Source(then)
    watch = CalledWatch(source, calls(Clock(), metrics))

    async def read() -> list[str]:
        assert await watch.snapshot("Job", {}, lambda _: None) == "1"
        events, found = watch.follow("Job", {}, "1"), []
        try:
            async with asyncio.timeout(0.05 if then == "silence" else 60):
                async for what, _ in events:
                    found.append(what)
                    assert counted(metrics, system="kubernetes", verb="watch", kind="Job", outcome=outcome) == 0
        except (TimeoutError, Unavailable):
            pass
        finally:
            await events.aclose()
        return found

    assert asyncio.run(read()) == ["ADDED", "MODIFIED"]
    assert source.closed
    assert counted(metrics, system="kubernetes", verb="watch", kind="Job", outcome=outcome) == 1
    assert counted(metrics, system="kubernetes", verb="list", kind="Job", outcome="ok") == 1


def test_no_name_and_no_namespace_is_a_label(cluster: Any) -> None:
    metrics = Metrics()
    asyncio.run(CalledCluster(cluster, calls(Clock(), metrics)).get(KEY))
    assert b"northgate" not in metrics.text()


def test_kafka_s_administration_and_decisions_are_counted_too() -> None:
    metrics = Metrics()

    class Administration:
        def observe(self) -> Observed:
            raise Refused("no")

        def execute(self, action: Any) -> object: ...

        def upsert(self, credential: Any) -> None: ...

    class Decisions:
        async def record(self, decision: Any) -> None:
            raise Unavailable("away")

    kafka = CalledAdministration(Administration(), Calls("kafka", metrics))
    with pytest.raises(Refused):
        kafka.observe()
    kafka.upsert(None)  # type: ignore[arg-type]
    with pytest.raises(Unavailable):
        asyncio.run(CalledDecisions(Decisions(), Calls("decisions", metrics)).record(None))  # type: ignore[arg-type]
    assert counted(metrics, system="kafka", verb="observe", kind="", outcome="error") == 1
    assert counted(metrics, system="kafka", verb="upsert", kind="user", outcome="ok") == 1
    assert counted(metrics, system="decisions", verb="record", kind="Decision", outcome="unavailable") == 1
