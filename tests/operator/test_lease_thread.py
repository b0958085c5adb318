"""The Lease is renewed while the operator's own loop stands still, and everything else is as if there were one loop."""

from __future__ import annotations

import asyncio
import copy
import threading
import time
from typing import Any

import pytest

from fde_operator.errors import Conflicting, Fenced
from fde_operator.lease import Lease
from fde_operator.lease_thread import LeaseThread
from fde_operator.tenure import Terms

TERMS = Terms(lease_s=3.0, renew_s=2.0, retry_s=0.05, again_s=0.02)


class Leases:
    """A Lease on a server in memory, for one thread: it notes which one asked."""

    name, namespace = "fde-operator", "fde-system"

    def __init__(self, holder: str = "") -> None:
        spec = {"holderIdentity": holder, "leaseDurationSeconds": 10 if holder else 1}
        self.lease: dict[str, Any] = {"metadata": {"resourceVersion": "0"}, "spec": spec}
        self.renewals, self.closed = 0, False
        self.threads: set[str] = set()

    async def read(self) -> dict[str, Any]:
        self.threads.add(threading.current_thread().name)
        return copy.deepcopy(self.lease)

    async def make(self, lease: dict[str, Any]) -> dict[str, Any]:
        raise Conflicting("there")

    async def replace(self, lease: dict[str, Any]) -> dict[str, Any]:
        if lease["metadata"]["resourceVersion"] != self.lease["metadata"]["resourceVersion"]:
            raise Conflicting("another version")
        self.renewals += 1
        self.lease = copy.deepcopy({**lease, "metadata": {"resourceVersion": str(self.renewals)}})
        return copy.deepcopy(self.lease)

    async def close(self) -> None:
        self.closed = True


def of(leases: Leases) -> LeaseThread:
    return LeaseThread(Lease(leases, "a", terms=TERMS), leases.close)


@pytest.mark.seconds
def test_a_loop_that_stands_still_longer_than_the_deadline_loses_nothing() -> None:
    leases, ended = Leases(), []

    async def story() -> None:
        lease = of(leases)
        await lease.hold(lost=ended.append)
        before = leases.renewals
        time.sleep(TERMS.renew_s + 0.5)  # the loop is blocked on purpose
        lease.fence()
        assert leases.renewals > before + 3
        await lease.release()
        with pytest.raises(Fenced, match="gave the Lease back"):
            lease.fence()
        await lease.aclose()

    asyncio.run(story())
    assert not ended and leases.closed and leases.threads == {"lease"}
    assert leases.lease["spec"]["holderIdentity"] == ""
    assert not any(thread.name == "lease" for thread in threading.enumerate())


def test_the_loss_is_told_on_the_lease_s_thread_at_once() -> None:
    leases, told = Leases(), threading.Event()
    ended: list[tuple[str, str]] = []

    def lost(why: str) -> None:
        ended.append((threading.current_thread().name, why))
        told.set()

    async def story() -> None:
        lease = of(leases)
        await lease.hold(lost=lost)
        leases.lease = {"metadata": {"resourceVersion": "x"}, "spec": {"holderIdentity": "b"}}
        assert told.wait(60)  # the operator's own loop stands still all the while
        assert not lease.leads
        await lease.aclose()

    asyncio.run(story())
    assert ended == [("lease", "b holds the Lease now")]


def test_a_standby_that_is_told_to_stop_stops_and_never_leads() -> None:
    leases = Leases(holder="b")

    async def story() -> None:
        lease = of(leases)
        holding = asyncio.create_task(lease.hold(lost=lambda _: None))
        deadline = time.monotonic() + 60
        while not leases.threads:
            await asyncio.sleep(0.01)
            assert time.monotonic() < deadline
        holding.cancel()
        await asyncio.gather(holding, return_exceptions=True)
        await lease.release()
        await lease.aclose()
        await lease.aclose()

    asyncio.run(story())
    assert leases.renewals == 0 and leases.closed
