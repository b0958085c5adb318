"""One leads, on a clock of our own: outages, strangers, deletions, a stopped process; and a write's bytes are held back."""

from __future__ import annotations

import asyncio
import contextlib
import copy
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

import httpx2
import pytest

from fde_events.errors import Unavailable
from fde_operator.errors import Conflicting, Denied, Fenced, nature_of
from fde_operator.fence import FencedAdministration, FencedCluster, FencedDecisions, FencedTransport
from fde_operator.key import Key
from fde_operator.lease import Lease


@dataclass
class MemoryLeases:
    """A Lease on a server in memory. `away`: nobody answers; `deaf`: it does what is asked, and the answer is lost."""

    lease: dict[str, Any] | None = None
    away: bool = False
    deaf: bool = False
    forbidden: bool = False
    name: str = "fde-operator"
    namespace: str = "fde-system"
    writes: list[str] = field(default_factory=list)
    versions: int = 0

    async def read(self) -> dict[str, Any] | None:
        await self._reached()
        return copy.deepcopy(self.lease)

    async def make(self, lease: dict[str, Any]) -> dict[str, Any]:
        await self._reached()
        if self.lease is not None:
            raise Conflicting("it is there")
        assert "resourceVersion" not in lease["metadata"], "the server refuses to make an object of a version"
        return self._store(lease)

    async def replace(self, lease: dict[str, Any]) -> dict[str, Any]:
        await self._reached()
        if self.lease is None or lease["metadata"]["resourceVersion"] != self.lease["metadata"]["resourceVersion"]:
            raise Conflicting("another version, or none")
        return self._store(lease)

    def edit(self, **spec: Any) -> None:
        assert self.lease is not None
        self._store({**self.lease, "spec": {**self.lease["spec"], **spec}})

    def _store(self, lease: dict[str, Any]) -> dict[str, Any]:
        self.versions += 1
        self.lease = copy.deepcopy({**lease, "metadata": {**lease["metadata"], "resourceVersion": str(self.versions)}})
        self.writes.append(lease["spec"].get("holderIdentity", ""))
        if self.deaf:
            raise Unavailable("the answer was lost")
        return copy.deepcopy(self.lease)

    async def _reached(self) -> None:
        await asyncio.sleep(0)
        if self.forbidden:
            raise Denied("forbidden")
        if self.away:
            raise Unavailable("away")


class World:
    """A clock that moves when everybody sleeps. `offset`: how much a process's own clock is ahead."""

    def __init__(self) -> None:
        self.now_s = 1000.0
        self._sleepers: list[tuple[float, asyncio.Future[None]]] = []

    def clock(self, offset: float = 0.0) -> Callable[[], float]:
        return lambda: self.now_s + offset

    async def sleep(self, delay_s: float) -> None:
        waiter = asyncio.get_running_loop().create_future()
        self._sleepers.append((self.now_s + delay_s, waiter))
        await waiter

    async def run(self, seconds: float) -> None:
        """Let `seconds` go by."""
        end = self.now_s + seconds
        while True:
            for _ in range(20):
                await asyncio.sleep(0)
            self._sleepers = [one for one in self._sleepers if not one[1].done()]
            due = min((one for one in self._sleepers), key=lambda one: one[0], default=(end + 1, None))
            if due[1] is None or due[0] > end:
                self.now_s = end
                return
            self.now_s = max(self.now_s, due[0])
            due[1].set_result(None)


@dataclass
class Process:
    lease: Lease
    holding: asyncio.Task[None]
    ended: list[str]
    alarms: list[float]  # when the kernel would end it, by the world's clock; 0: never

    @property
    def holds(self) -> bool:
        return self.holding.done() and self.lease.leads


def started(world: World, leases: MemoryLeases, name: str, offset: float = 0.0) -> Process:
    ended: list[str] = []
    alarms: list[float] = []

    def alarm(in_s: float) -> None:
        alarms.append(world.now_s + in_s if in_s else 0.0)

    lease = Lease(leases, name, clock=world.clock(offset), sleep=world.sleep, alarm=alarm)
    return Process(lease, asyncio.create_task(lease.hold(lost=ended.append)), ended, alarms)


def story(tell: Callable[[World, MemoryLeases], Coroutine[Any, Any, None]]) -> Callable[[], None]:
    """A test that runs on the world's clock, beginning with a Lease that was given back."""

    def test() -> None:
        async def told() -> None:
            metadata = {"name": "fde-operator", "namespace": "fde-system", "resourceVersion": "0"}
            free = {"metadata": metadata, "spec": {"holderIdentity": "", "leaseDurationSeconds": 1}}
            await tell(World(), MemoryLeases(free))
            others = asyncio.all_tasks() - {asyncio.current_task()}
            for task in others:
                task.cancel()
            await asyncio.gather(*others, return_exceptions=True)

        asyncio.run(told())

    test.__name__ = tell.__name__
    return test


@story
async def test_the_second_waits_until_the_first_gives_it_back_and_then_leads_within_three_seconds(
    world: World, leases: MemoryLeases
) -> None:
    first = started(world, leases, "a")
    await world.run(0.1)
    second = started(world, leases, "b")
    await world.run(60)
    assert first.holds and not second.holding.done()
    await first.lease.release()
    with pytest.raises(Fenced, match="gave the Lease back"):
        first.lease.fence()
    await world.run(3)
    assert second.holds and not first.ended
    assert leases.lease is not None and leases.lease["spec"]["leaseTransitions"] == 2


@story
async def test_a_leader_whose_clock_is_an_hour_ahead_or_behind_leads_as_any_other(
    world: World, leases: MemoryLeases
) -> None:
    first = started(world, leases, "a", offset=3600.0)
    await world.run(0.1)
    second = started(world, leases, "b", offset=-500.0)
    await world.run(120)
    assert first.holds and not second.holding.done()


@story
async def test_an_api_server_away_for_five_seconds_changes_nothing(world: World, leases: MemoryLeases) -> None:
    first = started(world, leases, "a")
    second = started(world, leases, "b")
    await world.run(10.01)
    leader = first if first.holds else second
    for wait_s in (0.0, 0.3, 0.5, 0.7, 0.9):  # at any moment between two renewals
        await world.run(wait_s)
        leases.away = True
        await world.run(5)
        assert leader.lease.leads
        leases.away = False
        await world.run(2)
        assert leader.holds and not leader.ended


@story
async def test_an_api_server_away_for_twenty_seconds_ends_the_leader_and_one_leads_afterwards(
    world: World, leases: MemoryLeases
) -> None:
    first = started(world, leases, "a")
    await world.run(1)
    second = started(world, leases, "b")
    await world.run(1)
    leases.away = True
    await world.run(6)
    assert not first.ended
    await world.run(1.5)
    assert len(first.ended) == 1 and "not renewed for" in first.ended[0]
    await world.run(12.5)
    assert not second.holding.done()
    leases.away = False
    await world.run(13)  # it may see only now that the first had renewed once more
    assert second.holds
    with pytest.raises(Fenced):
        first.lease.fence()


@story
async def test_a_process_that_was_stopped_writes_nothing_when_it_goes_on_not_even_before_its_timers_run(
    world: World, leases: MemoryLeases
) -> None:
    first = started(world, leases, "a")
    await world.run(5)
    world.now_s += 30  # every timer of it is late; another may lead
    with pytest.raises(Fenced, match="not renewed for 3"):
        first.lease.fence()
    leases.edit(holderIdentity="b")
    await world.run(0.5)
    assert first.ended and leases.writes[-1] == "b"


@story
async def test_a_leader_that_was_stopped_does_not_renew_even_if_nobody_took_over(
    world: World, leases: MemoryLeases
) -> None:
    first = started(world, leases, "a")
    await world.run(5)
    world.now_s += 30
    before = len(leases.writes)
    await world.run(5)
    assert len(first.ended) == 1 and len(leases.writes) == before


@story
async def test_the_kernel_ends_a_leader_behind_its_deadline_and_before_another_may_begin(
    world: World, leases: MemoryLeases
) -> None:
    process = started(world, leases, "a", offset=3600.0)
    await world.run(5)
    assert len(process.alarms) >= 5, "each renewal sets it anew"
    renewed_s = world.now_s
    leases.away = True
    await world.run(6)
    asked = process.alarms[-1]
    assert renewed_s - 1 + 7 < asked < renewed_s + 10
    leases.away = False
    await world.run(3)
    assert process.holds and process.alarms[-1] > asked
    await process.lease.release()
    assert process.alarms[-1] == 0.0, "who gave it back ends in its own time"
    other = started(world, leases, "b")
    await world.run(5)
    leases.edit(holderIdentity="mallory")
    await world.run(2)
    assert other.ended and other.alarms[-1] > world.now_s, "who lost it does not put off its end"


@story
async def test_a_renewal_counts_from_when_it_was_sent(world: World, leases: MemoryLeases) -> None:
    first = started(world, leases, "a")
    await world.run(3.1)
    replace = leases.replace

    async def slow(lease: dict[str, Any]) -> dict[str, Any]:
        done = await replace(lease)
        world.now_s += 8
        return done

    leases.replace = slow  # type: ignore[method-assign]
    await world.run(1.5)
    assert len(first.ended) == 1


@story
async def test_a_lost_answer_is_no_lost_lease(world: World, leases: MemoryLeases) -> None:
    first = started(world, leases, "a")
    await world.run(2)
    leases.deaf = True
    await world.run(3)
    leases.deaf = False
    await world.run(30)
    assert first.holds and not first.ended


@story
async def test_a_lost_answer_to_the_first_claim_is_no_lost_lease_either(world: World, leases: MemoryLeases) -> None:
    leases.deaf = True
    first = started(world, leases, "a")
    await world.run(2)
    assert not first.holding.done()
    leases.deaf = False
    await world.run(2)
    assert first.holds


@story
async def test_it_is_given_back_though_the_last_renewal_s_answer_was_lost(world: World, leases: MemoryLeases) -> None:
    first = started(world, leases, "a")
    await world.run(1.5)
    leases.deaf = True
    await world.run(1)
    leases.deaf = False
    await first.lease.release()
    assert leases.lease is not None and leases.lease["spec"]["holderIdentity"] == ""


@story
async def test_what_another_one_holds_is_not_given_back(world: World, leases: MemoryLeases) -> None:
    first = started(world, leases, "a")
    await world.run(1)
    leases.edit(holderIdentity="b")
    await first.lease.release()
    assert leases.lease is not None and leases.lease["spec"]["holderIdentity"] == "b"


@story
async def test_a_lease_deleted_by_hand_is_made_again_by_its_holder(world: World, leases: MemoryLeases) -> None:
    first = started(world, leases, "a")
    await world.run(3)
    second = started(world, leases, "b")
    await world.run(5)
    leases.lease = None
    await world.run(30)
    assert first.holds and not first.ended and not second.holding.done()
    assert leases.lease["spec"]["holderIdentity"] == "a"


@story
async def test_a_lease_given_to_a_stranger_ends_the_holder_and_is_taken_when_the_stranger_does_not_renew(
    world: World, leases: MemoryLeases
) -> None:
    first = started(world, leases, "a")
    await world.run(3)
    second = started(world, leases, "b")
    await world.run(3)
    leases.edit(holderIdentity="mallory", leaseDurationSeconds=2_000_000_000, renewTime="2099-01-01T00:00:00.000000Z")
    await world.run(2)
    assert first.ended == ["mallory holds the Lease now"]
    await world.run(57)
    assert not second.holding.done()
    await world.run(4)
    assert second.holds


@story
async def test_an_emptied_lease_is_not_taken_while_its_holder_may_write(world: World, leases: MemoryLeases) -> None:
    first = started(world, leases, "a")
    await world.run(3)
    second = started(world, leases, "b")
    await world.run(3)
    leases.edit(holderIdentity="")
    for _ in range(80):
        await world.run(0.1)
        assert not (first.lease.leads and second.lease.leads)
    await world.run(4)
    assert first.ended and second.holds


@story
async def test_a_label_put_on_the_lease_stays_and_ends_nobody(world: World, leases: MemoryLeases) -> None:
    first = started(world, leases, "a")
    await world.run(3)
    assert leases.lease is not None
    leases._store({**leases.lease, "metadata": {**leases.lease["metadata"], "labels": {"team": "fde"}}})
    await world.run(20)
    assert first.holds and leases.lease["metadata"]["labels"] == {"team": "fde"}


@story
async def test_without_rights_it_waits_and_does_not_lead(world: World, leases: MemoryLeases) -> None:
    leases.forbidden = True
    first = started(world, leases, "a")
    await world.run(20)
    assert not first.holding.done() and not first.lease.leads
    leases.forbidden = False
    await world.run(3)
    assert first.holds


@story
async def test_an_error_that_nobody_thought_of_is_one_more_failure_and_no_silent_end(
    world: World, leases: MemoryLeases
) -> None:
    read, replace, broken = leases.read, leases.replace, True

    async def sometimes(call: Any, *arguments: Any) -> Any:
        if broken:
            raise ValueError("no JSON")
        return await call(*arguments)

    leases.read = lambda: sometimes(read)  # type: ignore[method-assign]
    leases.replace = lambda lease: sometimes(replace, lease)  # type: ignore[method-assign]
    first = started(world, leases, "a")
    await world.run(5)
    assert not first.holding.done()
    broken = False
    await world.run(2)
    assert first.holds
    broken = True
    await world.run(4)
    broken = False
    await world.run(1)
    assert first.holds and not first.ended
    broken = True
    await world.run(8.1)
    assert len(first.ended) == 1


@story
async def test_five_processes_that_fail_at_random_never_lead_two_at_a_time(world: World, leases: MemoryLeases) -> None:
    import random

    draw = random.Random(7)
    processes = [started(world, leases, f"p{n}", offset=draw.uniform(-100, 100)) for n in range(5)]
    terms = 0
    for step in range(400):
        await world.run(draw.uniform(0.05, 1.0))
        leases.away = draw.random() < 0.3
        if draw.random() < 0.02 and leases.lease is not None:
            leases.lease = None
        if draw.random() < 0.02:
            world.now_s += draw.uniform(0, 15)  # everybody was stopped
        leading = [one for one in processes if one.lease.leads]
        assert len(leading) <= 1, step
        for number, one in enumerate(processes):
            if one.ended:
                terms += 1
                processes[number] = started(world, leases, f"p{number}-{step}")
    assert terms >= 3


async def _writes(cluster: Any) -> list[str]:
    key = Key("Secret", "n", "a")
    manifest = {"kind": "Secret", "type": "Opaque", "metadata": {"name": "a", "namespace": "n"}}
    done = []
    for name, call in {
        "create": lambda: cluster.create(manifest),
        "apply": lambda: cluster.apply(manifest),
        "apply_status": lambda: cluster.apply_status({**manifest, "status": {}}),
        "put": lambda: cluster.put(manifest),
        "delete": lambda: cluster.delete(key, uid="u"),
    }.items():
        try:
            await call()
            done.append(name)
        except Fenced:
            pass
    return done


def test_a_fenced_cluster_reads_and_refuses_every_write(cluster: Any) -> None:
    def fallen() -> None:
        raise Fenced("no longer")

    fenced = FencedCluster(cluster, fallen)
    assert asyncio.run(_writes(fenced)) == []
    assert cluster.writes == []
    assert asyncio.run(fenced.get(Key("Namespace", "", "customer-northgate"))) is not None
    assert asyncio.run(fenced.list("Namespace"))
    with pytest.raises(Fenced) as caught:
        asyncio.run(fenced.put({"kind": "Secret", "metadata": {"name": "s", "namespace": "n"}}))
    assert nature_of(caught.value) == "fenced"


def test_a_fenced_cluster_writes_while_the_fence_stands(cluster: Any) -> None:
    assert asyncio.run(_writes(FencedCluster(cluster, lambda: None))) == [
        "create",
        "apply",
        "apply_status",
        "put",
        "delete",
    ]


def test_kafka_is_read_and_not_changed_by_who_does_not_lead() -> None:
    made: list[str] = []

    class Administration:
        def observe(self) -> Any:
            return "observed"

        def execute(self, action: Any) -> object:
            made.append("execute")
            return None

        def upsert(self, credential: Any) -> None:
            made.append("upsert")

    class Decisions:
        async def record(self, decision: Any) -> None:
            made.append("record")

    def fallen() -> None:
        raise Fenced("no longer")

    nothing: Any = None
    for fence, expected in ((fallen, []), (lambda: None, ["execute", "upsert", "record"])):
        administration = FencedAdministration(Administration(), fence)
        decisions = FencedDecisions(Decisions(), fence)
        assert administration.observe() == "observed"
        for change in (
            lambda it=administration: it.execute(nothing),
            lambda it=administration: it.upsert(nothing),
            lambda it=decisions: asyncio.run(it.record(nothing)),
        ):
            with contextlib.suppress(Fenced):
                change()
        assert made == expected


@pytest.mark.parametrize("falls_at", [1, 2])
def test_a_request_whose_fence_falls_before_its_last_byte_never_arrives_whole(falls_at: int) -> None:
    """The process is stopped after the write was asked for: before its header, or between header and body."""
    received = bytearray()
    looks = 0

    def fence() -> None:
        nonlocal looks
        looks += 1
        if looks >= falls_at:
            raise Fenced("no longer")

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        received.extend(await reader.read())
        writer.close()

    async def send() -> None:
        async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            transport = FencedTransport(httpx2.AsyncHTTPTransport(trust_env=False), fence)
            async with httpx2.AsyncClient(transport=transport, trust_env=False) as client:
                with pytest.raises(Fenced):
                    await client.patch(f"http://127.0.0.1:{port}/a", content=b"the body")
            for _ in range(100):
                await asyncio.sleep(0.01)
                if falls_at == 1 or received:
                    break

    asyncio.run(send())
    assert b"the body" not in received
    assert (b"PATCH /a" in received) == (falls_at == 2)


def test_a_read_and_a_dry_run_pass_a_fallen_fence() -> None:
    def fence() -> None:
        raise Fenced("no longer")

    class Server(httpx2.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
            assert "trace" not in request.extensions
            return httpx2.Response(200)

    async def ask() -> None:
        async with httpx2.AsyncClient(transport=FencedTransport(Server(), fence)) as client:
            assert (await client.get("http://x/a")).status_code == 200
            assert (await client.post("http://x/a", params={"dryRun": "All"})).status_code == 200

    asyncio.run(ask())
