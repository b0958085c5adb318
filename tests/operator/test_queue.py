from __future__ import annotations

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from fde_operator.key import Key
from fde_operator.queue import Backoff, WorkQueue

A, B = Key("FDEDeployment", "n", "a"), Key("FDEDeployment", "n", "b")


async def taken(queue: WorkQueue) -> Key:
    return await asyncio.wait_for(queue.get(), 1)


def test_a_key_added_often_is_worked_on_once() -> None:
    async def scene() -> None:
        queue = WorkQueue()
        for key in (A, A, B, A):
            queue.add(key)
        assert [await taken(queue), await taken(queue)] == [A, B]
        assert len(queue) == 0

    asyncio.run(scene())


def test_a_key_added_while_it_is_worked_on_is_worked_on_again_afterwards_and_never_twice_at_a_time() -> None:
    async def scene() -> None:
        queue = WorkQueue()
        queue.add(A)
        key = await taken(queue)
        queue.add(A)
        queue.add(A)
        assert len(queue) == 0  # nobody else may take it now
        queue.done(key)
        assert await taken(queue) == A
        queue.done(A)
        assert len(queue) == 0

    asyncio.run(scene())


def test_what_a_resync_adds_waits_for_what_is_due() -> None:
    async def scene() -> None:
        queue = WorkQueue()
        c = Key("FDEDeployment", "n", "c")
        for key in (A, B, c):
            queue.add(key, idly=True)
        queue.add(c)  # it changed meanwhile: first, and once
        queue.add(A, idly=True)
        assert len(queue) == 3
        assert [await taken(queue) for _ in range(3)] == [c, A, B]
        assert len(queue) == 0
        for key in (A, B, c):
            queue.done(key)
        assert len(queue) == 0

    asyncio.run(scene())


def test_a_failed_key_comes_back_by_itself() -> None:
    async def scene() -> None:
        queue = WorkQueue(Backoff(base_s=0.001, cap_s=0.01))
        queue.add(A)
        queue.done(await taken(queue))
        queue.fail(A)
        assert await taken(queue) == A

    asyncio.run(scene())


def test_an_event_does_not_wait_for_a_backoff() -> None:
    async def scene() -> None:
        queue = WorkQueue(Backoff(base_s=1000, cap_s=1000))
        assert queue.fail(A) >= 500
        queue.add(A)
        assert await taken(queue) == A

    asyncio.run(scene())


def test_the_earlier_of_two_delays_counts() -> None:
    async def scene() -> None:
        queue = WorkQueue()
        queue.add_after(A, 0.001)
        queue.add_after(A, 1000)
        assert await taken(queue) == A
        queue.done(A)
        queue.add_after(B, 1000)
        queue.add_after(B, 0.001)
        assert await taken(queue) == B

    asyncio.run(scene())


@given(st.integers(1, 200), st.floats(0, 1, exclude_max=True))
def test_a_backoff_grows_to_its_cap_and_is_never_less_than_half_of_its_step(failures: int, draw: float) -> None:
    backoff = Backoff(base_s=1.0, cap_s=300.0)
    step = min(300.0, 2.0 ** (failures - 1))
    assert step / 2 <= backoff.delay_s(failures, draw) <= step
    assert backoff.delay_s(failures + 1, 0.0) >= backoff.delay_s(failures, 0.0)


def test_a_race_is_looked_at_again_at_once_and_one_that_never_ends_later_and_later() -> None:
    async def scene() -> None:
        queue = WorkQueue(Backoff(1.0, 5.0))
        delays = [queue.race(A) for _ in range(9)]
        assert delays[:3] == [0.1, 0.2, 0.4]
        assert delays[-1] == 5.0
        queue.forget(A)
        assert queue.race(A) == 0.1

    asyncio.run(scene())
