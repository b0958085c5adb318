"""Events: what turned, once, without a value; and no reconciliation ever waits for one."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fde_events.errors import Unavailable
from fde_operator.conditions import condition, status_patch
from fde_operator.events import Events, News, news
from fde_operator.metrics import Metrics

ABOUT = {
    "apiVersion": "fde.io/v1",
    "kind": "FDEDeployment",
    "metadata": {"name": "sync", "namespace": "customer-northgate", "uid": "u-1"},
}
STALLED = News("Warning", "PrimitiveMissing", "Stalled is True: PrimitiveMissing. The condition's message says more.")


class Sink:
    """Takes what is applied. `away`: it fails; `hangs`: it never answers."""

    def __init__(self) -> None:
        self.stored: dict[str, dict[str, Any]] = {}
        self.writes = 0
        self.away = self.hangs = False

    async def create(self, manifest: dict[str, Any]) -> dict[str, Any]:
        assert manifest["metadata"]["name"] not in self.stored
        return await self.apply(manifest)

    async def apply(self, manifest: dict[str, Any]) -> dict[str, Any]:
        if self.hangs:
            await asyncio.Event().wait()
        if self.away:
            raise Unavailable("away")
        self.writes += 1
        self.stored[manifest["metadata"]["name"]] = manifest
        return manifest


class World:
    def __init__(self) -> None:
        self.now_s = 0.0
        self.sink, self.metrics = Sink(), Metrics()
        self.events = Events(
            self.sink,  # type: ignore[arg-type]
            self.metrics,
            instance="pod-1",
            clock=lambda: self.now_s,
            wall=lambda: datetime(2026, 11, 21, tzinfo=UTC) + timedelta(seconds=self.now_s),
        )

    def run(self, story: Any, limit_s: float = 30.0) -> None:
        async def told() -> None:
            worker = asyncio.create_task(self.events.work())
            await story()
            await self.events.drain(limit_s)
            worker.cancel()
            await asyncio.gather(worker, return_exceptions=True)

        asyncio.run(told())

    def count(self, outcome: str) -> float:
        return self.metrics.registry.get_sample_value("fde_operator_events_total", {"outcome": outcome}) or 0.0


def patched(before: list[dict[str, Any]], after: list[dict[str, Any]]) -> tuple[News, ...]:
    observed = {**ABOUT, "metadata": {**ABOUT["metadata"], "generation": 1}, "status": {"conditions": before}}
    return news(observed, status_patch(observed, after, {}, now="2026-11-21T10:00:00Z"))


def test_the_same_news_is_one_event_and_counted_every_ten_minutes() -> None:
    world = World()

    async def story() -> None:
        for step in range(61):  # an hour, once a minute
            world.now_s = step * 60.0
            world.events.tell(ABOUT, STALLED)
            await asyncio.sleep(0)

    world.run(story)
    (event,) = world.sink.stored.values()
    assert world.sink.writes == 7
    assert event["series"] == {"count": 61, "lastObservedTime": "2026-11-21T01:00:00.000000Z"}
    assert event["eventTime"] == "2026-11-21T00:00:00.000000Z"
    assert event["regarding"] == {
        "apiVersion": "fde.io/v1",
        "kind": "FDEDeployment",
        "namespace": "customer-northgate",
        "name": "sync",
        "uid": "u-1",
    }
    assert (event["reportingController"], event["reportingInstance"]) == ("fde.io/operator", "pod-1")
    assert world.count("written") == 7 and world.count("counted") == 54


def test_an_object_that_always_has_other_news_is_throttled_and_keeps_nobody_else_quiet() -> None:
    world = World()
    other = {**ABOUT, "metadata": {**ABOUT["metadata"], "name": "other", "uid": "u-2"}}

    async def story() -> None:
        for number in range(100):
            world.events.tell(ABOUT, News("Warning", f"R{number}", "Ready is False."))
        world.events.tell(other, STALLED)

    world.run(story)
    assert world.sink.writes == 26
    assert world.count("throttled") == 75


def test_no_call_waits_or_fails_when_the_api_server_is_away_or_hangs_and_memory_is_bounded() -> None:
    world = World()

    async def story() -> None:
        world.sink.hangs = True
        for number in range(1000):
            world.events.tell({**ABOUT, "metadata": {"name": f"d{number}", "uid": str(number)}}, STALLED)

    world.run(story, limit_s=0.05)
    assert world.count("dropped") == 1000  # 744 at once, the others at the end
    world = World()

    async def another() -> None:
        world.sink.away = True
        world.events.tell(ABOUT, STALLED)

    world.run(another)
    assert world.count("failed") == 1 and world.sink.writes == 0


def test_nothing_told_nothing_written() -> None:
    world = World()

    async def story() -> None:
        await asyncio.sleep(0.01)

    world.run(story)
    assert world.sink.writes == 0


def test_an_event_about_an_object_without_a_namespace_goes_to_default() -> None:
    world = World()
    about = {"apiVersion": "fde.io/v1", "kind": "DeploymentPrimitive", "metadata": {"name": "a.v1.0.0", "uid": "u"}}

    async def story() -> None:
        world.events.tell(about, STALLED)

    world.run(story)
    (event,) = world.sink.stored.values()
    assert event["metadata"]["namespace"] == "default"
    assert "namespace" not in event["regarding"]


def test_becoming_ready_is_normal_stalling_and_losing_it_are_warnings() -> None:
    ready, lost = condition("Ready", True, "Ready"), condition("Ready", False, "PodsMissing")
    begun = condition("Ready", False, "Progressing")
    stalled = condition("Stalled", True, "ParameterInvalid", "parameter x is 'secret'")
    assert [(one.kind, one.reason) for one in patched([], [ready])] == [("Normal", "Ready")]
    assert patched([], [begun, condition("Reconciling", True, "Progressing")]) == ()
    assert [(one.kind, one.reason) for one in patched([ready], [lost])] == [("Warning", "PodsMissing")]
    assert [(one.kind, one.reason) for one in patched([ready], [lost, stalled])] == [
        ("Warning", "PodsMissing"),
        ("Warning", "ParameterInvalid"),
    ]
    assert patched([stalled], [condition("Stalled", False, "NotStalled")]) == ()


def test_a_status_that_is_not_written_is_no_news() -> None:
    assert news(ABOUT, None) == ()


@given(st.text(min_size=1), st.sampled_from(["Ready", "Stalled", "Published", "Attached"]), st.booleans())
def test_no_message_gets_into_an_event(message: str, kind: str, status: bool) -> None:
    for one in patched([condition(kind, not status, "Before")], [condition(kind, status, "After", message)]):
        assert one.note == f"{kind} is {status}: After. The condition's message says more."
        assert one.reason == "After"


def test_what_was_told_is_still_written_when_the_process_ends() -> None:
    world = World()

    async def story() -> None:
        for number in range(20):
            world.events.tell(ABOUT, News("Normal", f"R{number}", "Ready is True."))

    world.run(story)
    assert world.sink.writes == 20


@pytest.mark.parametrize("name", ["a" * 253, "a"])
def test_an_event_s_name_is_a_name(name: str) -> None:
    world = World()

    async def story() -> None:
        world.events.tell({**ABOUT, "metadata": {"name": name, "namespace": "n", "uid": "u"}}, STALLED)

    world.run(story)
    (stored,) = world.sink.stored
    assert len(stored) <= 253
