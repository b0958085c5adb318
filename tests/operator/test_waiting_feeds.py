"""Feeds that wait for another object: they cost nothing until it comes, and its coming wakes them."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from fde_operator.cluster import key_of
from fde_operator.health import Health
from fde_operator.key import Key
from fde_operator.metrics import Metrics
from fde_operator.mirror import Mirror
from fde_operator.mirrored import MirroredCluster
from fde_operator.reconciler import Reconciler
from fde_operator.settings import OperatorSettings
from fde_operator.watches import MIRRORED

NAMESPACE = "customer-northgate"
Scene = Callable[["World"], Awaitable[None]]


class Nowhere:
    async def record(self, decision: Any) -> None:
        """Nothing."""


class Hurried(asyncio.SelectorEventLoop):
    """Nobody waits: where nothing is to be done until a timer, its time has come."""

    def __init__(self) -> None:
        self.ahead_s = 0.0
        super().__init__(Impatient(self))

    def time(self) -> float:
        return super().time() + self.ahead_s


class Impatient(selectors.DefaultSelector):
    def __init__(self, loop: Hurried) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> Any:
        self._loop.ahead_s += timeout or 0.0
        return super().select(0)


class World:
    """A server in memory, and over it the operator's memory, queues and workers. `looks`: the keys of feeds, as they come."""

    def __init__(self, server: Any) -> None:
        self.server, self.mirror, self.looks, self.version = server, Mirror(MIRRORED), [], 0
        server.apply_status = self._apply_status
        server.delete = self._delete
        metrics = Metrics()
        cluster = MirroredCluster(
            server,
            self.mirror,
            wrote=lambda manifest: self.reconciler.wrote(manifest),
            said=lambda before, after: self.reconciler.said(before, after),
            changed=lambda manifest: self.reconciler.changed(manifest),
        )
        self.reconciler = Reconciler(cluster, OperatorSettings(), Nowhere(), metrics=metrics, health=Health(metrics))
        self.before: Callable[[Key], None] = lambda _: None  # a feed says what it found
        inner = self.reconciler.reconcile

        async def counted(key: Key) -> float | None:
            if key.kind == "TelemetryFeed":
                self.looks.append(key.name)
            if key.kind == "FDEDeployment":  # of these no matter here
                return None
            return await inner(key)

        self.reconciler.reconcile = counted  # type: ignore[method-assign]
        for one in list(server.objects.values()):
            if self.mirror.holds(one["kind"]):
                self.mirror.put(self._versioned(one))

    def comes(self, manifest: dict[str, Any]) -> None:
        """Somebody makes it, and the watch tells."""
        stored = self._versioned(self.server.store(manifest))
        assert self.mirror.put(stored)
        self.reconciler.changed(stored)

    def goes(self, kind: str, name: str) -> None:
        """It has gone, and the watch tells."""
        gone = self.server.objects.pop(Key(kind, NAMESPACE, name))
        assert self.mirror.remove(key_of(gone), uid=gone["metadata"]["uid"])
        self.reconciler.changed(gone)

    def said(self, name: str) -> str:
        found = self.server.objects[Key("TelemetryFeed", NAMESPACE, name)]["status"]["conditions"]
        return next(str(one["reason"]) for one in found if one["type"] == "Attached")

    def _versioned(self, manifest: dict[str, Any]) -> dict[str, Any]:
        self.version += 1
        manifest["metadata"]["resourceVersion"] = str(self.version)
        return manifest

    async def _apply_status(self, manifest: dict[str, Any]) -> dict[str, Any]:
        key = key_of(manifest)
        self.before(key)
        await asyncio.sleep(0.01)  # others have their turn
        await type(self.server).apply_status(self.server, manifest)
        return dict(self._versioned(self.server.objects[key]))

    async def _delete(self, key: Key, *, uid: str) -> None:
        await type(self.server).delete(self.server, key, uid=uid)


def feed(name: str, of: str) -> dict[str, Any]:
    metadata = {"name": name, "namespace": NAMESPACE}
    spec = {"deploymentRef": {"name": of}, "signals": ["errors"]}
    return {"apiVersion": "fde.io/v1", "kind": "TelemetryFeed", "metadata": metadata, "spec": spec}


@pytest.fixture
def deployment(given: Any) -> Callable[[str], dict[str, Any]]:
    def made(name: str) -> dict[str, Any]:
        found = given.deployment()
        return {**found, "metadata": {**found["metadata"], "name": name}}

    return made


@pytest.fixture
def played(cluster: Any) -> Callable[[Scene], World]:
    """A scene, with workers at work; the world at its end."""

    def play(scene: Scene) -> World:
        world = World(cluster)

        async def whole() -> None:
            working = [
                asyncio.create_task(world.reconciler.work("main")),
                asyncio.create_task(world.reconciler.work("feeds", feeds=True)),
            ]
            await scene(world)
            world.reconciler.close()
            await asyncio.gather(*working)

        with asyncio.Runner(loop_factory=Hurried) as runner:
            runner.run(whole())
        return world

    return play


async def an_hour() -> None:
    await asyncio.sleep(3600)


def test_a_thousand_feeds_without_their_deployments_cost_no_look_while_nothing_changes(
    played: Callable[[Scene], World], deployment: Callable[[str], dict[str, Any]]
) -> None:
    looks: list[int] = []

    async def scene(world: World) -> None:
        for number in range(1000):
            world.comes(feed(f"f{number}", of=f"d{number}"))
        await an_hour()
        looks.append(len(world.looks))
        assert {world.said(f"f{number}") for number in range(1000)} == {"DeploymentNotFound"}
        await an_hour()
        looks.append(len(world.looks))
        written = len(world.server.writes)
        world.comes(deployment("elsewhere"))  # nobody's
        await asyncio.sleep(60)
        looks.append(len(world.looks))
        assert len(world.server.writes) == written
        world.comes(deployment("d7"))
        await asyncio.sleep(1)
        assert world.said("f7") == "Attached"
        looks.append(len(world.looks))

    world = played(scene)
    assert looks == [1000, 1000, 1000, 1001]
    assert world.looks[-1] == "f7"


def test_a_feed_behind_another_one_waits_for_free_until_that_goes(
    played: Callable[[Scene], World], deployment: Callable[[str], dict[str, Any]]
) -> None:
    async def scene(world: World) -> None:
        world.comes(deployment("d"))
        world.comes(feed("a", of="d"))
        world.comes(feed("b", of="d"))
        world.comes(feed("c", of="d"))
        await an_hour()
        assert [world.said(name) for name in "abc"] == ["Attached", "Superseded", "Superseded"]
        seen = len(world.looks)
        await an_hour()
        assert len(world.looks) == seen
        world.goes("TelemetryFeed", "a")
        await asyncio.sleep(1)
        assert [world.said(name) for name in "bc"] == ["Attached", "Superseded"]

    played(scene)


def test_what_is_read_no_more_says_so_when_a_feed_before_it_comes_or_its_deployment_goes(
    played: Callable[[Scene], World], deployment: Callable[[str], dict[str, Any]]
) -> None:
    async def scene(world: World) -> None:
        world.comes(deployment("d"))
        world.comes(feed("b", of="d"))
        await an_hour()
        assert world.said("b") == "Attached"
        world.comes(feed("a", of="d"))
        await asyncio.sleep(1)
        assert [world.said(name) for name in "ab"] == ["Attached", "Superseded"]
        world.goes("FDEDeployment", "d")
        await asyncio.sleep(1)
        assert [world.said(name) for name in "ab"] == ["DeploymentNotFound"] * 2

    played(scene)


@pytest.mark.parametrize("there", [False, True])
def test_what_comes_or_goes_while_a_feed_looks_is_seen_all_the_same(
    there: bool, played: Callable[[Scene], World], deployment: Callable[[str], dict[str, Any]]
) -> None:
    """It says what it found when the world is another one already, and says something else than before."""

    async def scene(world: World) -> None:
        if there:
            world.comes(deployment("d"))
        world.comes(feed("f", of="d"))
        await an_hour()
        world.looks.clear()

        def meanwhile(key: Key) -> None:
            world.before = lambda _: None
            if there:
                world.comes(deployment("d"))
            else:
                world.goes("FDEDeployment", "d")

        world.before = meanwhile
        if there:
            world.goes("FDEDeployment", "d")
        else:
            world.comes(deployment("d"))
        await asyncio.sleep(1)
        assert world.said("f") == ("Attached" if there else "DeploymentNotFound")
        assert len(world.looks) == 2

    played(scene)
