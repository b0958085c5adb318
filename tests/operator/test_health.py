"""A process that is stuck is restarted, one that is not ready gets nothing to do, and both say why."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

import httpx2
import pytest

from fde_events.errors import Misuse
from fde_operator.health import Health, address
from fde_operator.metrics import Metrics


class Clock:
    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def asked(health: Health, story: Callable[[Callable[[str], Awaitable[tuple[int, str]]]], Awaitable[None]]) -> None:
    """Serve on a free port while `story` asks."""

    async def run() -> None:
        server = await health.serve("127.0.0.1:0")
        try:
            async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{server.port}", trust_env=False) as client:

                async def get(path: str) -> tuple[int, str]:
                    answer = await client.get(path, timeout=30)
                    return answer.status_code, answer.text

                await story(get)
        finally:
            await server.aclose()

    asyncio.run(run())


def test_a_healthy_process_that_is_not_ready_says_what_it_waits_for() -> None:
    health = Health(Metrics())
    synced = False

    async def story(get: Any) -> None:
        nonlocal synced
        assert await get("/healthz") == (200, "ok\n")
        assert await get("/readyz") == (503, "it is starting\n")
        health.ready_when("watches", lambda: synced)
        assert await get("/readyz") == (503, "watches: not yet\n")
        synced = True
        assert await get("/readyz") == (200, "ok\n")
        health.stopping()
        assert await get("/readyz") == (503, "it is stopping\n")
        assert await get("/healthz") == (200, "ok\n")

    asked(health, story)


def test_a_worker_at_one_thing_for_too_long_and_a_task_that_ended_are_ailments() -> None:
    clock = Clock()
    health = Health(Metrics(), stuck_s=300.0, clock=clock)

    async def story(get: Any) -> None:
        task = asyncio.create_task(asyncio.sleep(60))
        health.lives("resync", task)
        with health.working("worker 1"):
            clock.now_s = 299.0
            assert await get("/healthz") == (200, "ok\n")
            clock.now_s = 301.0
            assert await get("/healthz") == (503, "worker 1 is at one reconciliation for 301 s\n")
        assert await get("/healthz") == (200, "ok\n")  # waiting for work is no work
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert await get("/healthz") == (503, "resync has ended\n")

    asked(health, story)


def test_metrics_are_served_as_prometheus_wants_them_and_nothing_else_is() -> None:
    metrics = Metrics()
    metrics.leader.set(1)

    async def story(get: Any) -> None:
        status, text = await get("/metrics")
        assert status == 200 and "fde_operator_leader 1.0" in text
        assert (await get("/"))[0] == 404

    asked(Health(metrics), story)


@pytest.mark.seconds
def test_a_late_event_loop_is_measured() -> None:
    metrics = Metrics()

    async def story(get: Any) -> None:
        deadline = time.monotonic() + 60
        while (metrics.registry.get_sample_value("fde_operator_event_loop_lag_seconds") or 0) < 0.2:
            time.sleep(1.3)  # the loop is blocked on purpose
            await asyncio.sleep(0.01)
            assert time.monotonic() < deadline

    asked(Health(metrics), story)


def test_an_address_in_use_is_told_as_a_setting_to_change() -> None:
    async def story() -> None:
        first = await Health(Metrics()).serve("127.0.0.1:0")
        with pytest.raises(Misuse, match="nobody can listen at the health address"):
            await Health(Metrics()).serve(f"127.0.0.1:{first.port}")
        await first.aclose()

    asyncio.run(story())


@pytest.mark.parametrize(
    ("text", "parts"),
    [("127.0.0.1:8080", ("127.0.0.1", 8080)), (":8080", (None, 8080)), ("[::1]:0", ("::1", 0))],
)
def test_addresses(text: str, parts: tuple[str | None, int]) -> None:
    assert address(text) == parts


@pytest.mark.parametrize("text", ["", "8080", "host:", "host:x", "host:70000", "host:-1", "host:٣"])
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(Misuse, match="is not host:port"):
        address(text)
