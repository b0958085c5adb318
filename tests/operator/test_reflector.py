"""A reflector against a server that forgets, hangs up and refuses; and a cluster that reads from the mirror."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable
from typing import Any

import pytest

from fde_events.errors import Unavailable
from fde_operator.cluster import Manifest
from fde_operator.errors import Conflicting
from fde_operator.key import Key
from fde_operator.labels import DEPLOYMENT
from fde_operator.mirror import Mirror
from fde_operator.mirrored import MirroredCluster
from fde_operator.optional import OptionalReflector
from fde_operator.reflector import Reflector
from fde_operator.watches import MIRRORED, Watches

OURS = {"app.kubernetes.io/managed-by": "fde-operator"}


def config(name: str, version: int, labels: dict[str, str] | None = None) -> Manifest:
    marks = OURS if labels is None else labels
    metadata = {"name": name, "namespace": "n", "uid": f"uid-{name}", "resourceVersion": str(version), "labels": marks}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"v": str(version)}}


class Script:
    """A server that answers as told: each snapshot and each watch is the next of its list; then it is silent."""

    def __init__(self, snapshots: list[Any], watches: list[list[Any]]) -> None:
        self.snapshots, self.watches = snapshots, watches
        self.followed: list[str] = []

    async def snapshot(self, kind: str, labels: dict[str, str | None], take: Callable[[Manifest], None]) -> str:
        found = self.snapshots.pop(0)
        if isinstance(found, Exception):
            raise found
        for one in found[0]:
            take(one)
        return str(found[1])

    async def follow(
        self, kind: str, labels: dict[str, str | None], version: str
    ) -> AsyncGenerator[tuple[str, Manifest], None]:
        self.followed.append(version)
        for step in self.watches.pop(0) if self.watches else ():
            if isinstance(step, Exception):
                raise step
            yield step
        if not self.watches:
            await asyncio.Event().wait()


def reflected(script: Script, until: Callable[[], bool]) -> tuple[Mirror, list[str]]:
    mirror, seen = Mirror({"ConfigMap"}), []

    async def scene() -> None:
        reflector = Reflector(
            script,
            mirror,
            "ConfigMap",
            {},
            lambda one: seen.append(one["metadata"]["name"] + one["metadata"]["resourceVersion"]),
        )
        task = asyncio.create_task(reflector.run())
        async with asyncio.timeout(10):
            while not until():
                await asyncio.sleep(0.01)
        assert reflector.synced.is_set()
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task

    asyncio.run(scene())
    return mirror, seen


def test_it_lists_and_follows_and_goes_on_from_where_a_connection_ended() -> None:
    events = [
        [("MODIFIED", config("a", 6)), ("ADDED", config("b", 7))],
        [("DELETED", config("a", 8))],
    ]
    script = Script([([config("a", 3)], "5")], events)
    mirror, seen = reflected(script, lambda: len(script.followed) == 2 and mirror_is(script))
    assert script.followed == ["5", "7"]
    assert seen == ["a3", "a6", "b7", "a8"]
    assert [key.name for key in mirror.keys("ConfigMap")] == ["b"]


def mirror_is(script: Script) -> bool:
    return not script.watches


def test_what_the_server_has_forgotten_is_listed_again_and_what_went_meanwhile_is_told() -> None:
    script = Script(
        [([config("a", 3), config("b", 4)], "5"), ([config("b", 4), config("c", 9)], "9")],
        [[Conflicting("too old")], []],
    )
    mirror, seen = reflected(script, lambda: script.followed == ["5", "9"])
    assert seen == ["a3", "b4", "c9", "a3"]
    assert sorted(key.name for key in mirror.keys("ConfigMap")) == ["b", "c"]


def test_a_server_that_is_away_is_asked_again() -> None:
    script = Script([Unavailable("away"), ([config("a", 3)], "5")], [])
    mirror, _ = reflected(script, lambda: script.followed == ["5"])
    assert len(mirror) == 1


def test_a_reconciliation_sees_its_own_writes_and_what_is_not_ours_is_read_from_the_server(cluster: Any) -> None:
    mirror, wrote = Mirror({"ConfigMap", "Namespace"}), []
    over = MirroredCluster(cluster, mirror, wrote=wrote.append)

    async def scene() -> None:
        cluster.store(config("foreign", 1, {"theirs": "yes"}))
        made = await over.create(config("ours", 2))
        assert wrote == [made]
        assert [one["metadata"]["name"] for one in await over.list("ConfigMap", labels=OURS)] == ["ours"]
        assert [one["metadata"]["name"] for one in await over.list("ConfigMap", labels={"theirs": "yes"})] == [
            "foreign"
        ]
        assert await over.get(Key("Namespace", "", "customer-northgate")) is None  # the mirror is not filled
        await over.delete(Key("ConfigMap", "n", "ours"), uid=made["metadata"]["uid"])
        (doomed,) = await over.list("ConfigMap", labels=OURS)
        assert "deletionTimestamp" in doomed["metadata"]

    asyncio.run(scene())


def test_a_status_is_told_with_what_was_there_before(cluster: Any) -> None:
    mirror, said, wrote = Mirror({"FDEDeployment"}), [], []
    over = MirroredCluster(cluster, mirror, wrote=wrote.append, said=lambda before, after: said.append((before, after)))
    deployment = {
        "apiVersion": "fde.io/v1",
        "kind": "FDEDeployment",
        "metadata": {"name": "a", "namespace": "n", "uid": "u", "resourceVersion": "1"},
        "spec": {},
    }
    mirror.put(cluster.store(deployment))
    asyncio.run(over.apply_status({**deployment, "status": {"resolvedVersion": "v1.0.0"}}))
    ((before, after),) = said
    assert "status" not in before
    assert after["status"] == {"resolvedVersion": "v1.0.0"}
    assert wrote == []


def test_after_a_conflict_memory_is_as_the_server_is(cluster: Any) -> None:
    mirror = Mirror({"ConfigMap"})
    over = MirroredCluster(cluster, mirror)
    cluster.store(config("a", 4))

    async def scene() -> None:
        with pytest.raises(Conflicting):
            await over.create(config("a", 5))
        (found,) = mirror.list("ConfigMap", labels=OURS)
        assert found["data"] == {"v": "4"}

    asyncio.run(scene())


def test_what_somebody_else_changed_before_our_write_is_told_though_its_event_comes_too_late(cluster: Any) -> None:
    """Measured on the API server: an approval between two writes of ours waited for the resync, ten minutes."""
    mirror, changed = Mirror({"PatternCandidate"}), []
    over = MirroredCluster(cluster, mirror, changed=changed.append)

    def at(version: int, **spec: Any) -> dict[str, Any]:
        metadata = {"name": "c", "namespace": "n", "uid": "u", "resourceVersion": str(version), "generation": 1}
        return {"apiVersion": "fde.io/v1", "kind": "PatternCandidate", "metadata": metadata, "spec": spec}

    mirror.put(cluster.store(at(1)))
    answers = [{**at(3, review="yes"), "status": {"x": 1}}, {**at(4, review="yes"), "status": {"x": 2}}]

    async def answer(_: Any) -> Any:
        return answers.pop(0)

    cluster.apply_status = answer
    asyncio.run(over.apply_status({**at(1), "status": {"x": 1}}))
    assert not mirror.put(at(2, review="yes"))  # the event of the approval
    assert [one["spec"] for one in changed] == [{"review": "yes"}]
    asyncio.run(over.apply_status({**at(1), "status": {"x": 2}}))
    assert len(changed) == 1  # our own status is no news


def test_an_object_that_says_no_more_whose_it_is_is_told_as_it_was_too() -> None:
    mine = config("a", 3, {DEPLOYMENT: "d"})
    events = [[("MODIFIED", config("a", 6, {})), ("MODIFIED", config("a", 7, {}))], []]
    script = Script([([mine], "5")], events)
    _, seen = reflected(script, lambda: script.followed == ["5", "7"])
    assert seen == ["a3", "a6", "a3", "a7"]


def test_a_start_is_told_of_what_changes_after_it_and_not_of_each_thing_that_is_there() -> None:
    """Whoever starts looks at everything once: a namespace that is told would make all that is in it due a second time."""
    seen: list[str] = []
    later = asyncio.Event()

    class Server:
        async def snapshot(self, kind: str, labels: dict[str, str | None], take: Callable[[Manifest], None]) -> str:
            take({**config(kind.lower(), 5), "kind": kind})
            return "9"

        async def follow(
            self, kind: str, labels: dict[str, str | None], version: str
        ) -> AsyncGenerator[tuple[str, Manifest], None]:
            await later.wait()
            if kind == "ConfigMap":
                yield "MODIFIED", config("configmap", 10)
            await asyncio.Event().wait()

    async def scene() -> None:
        mirror = Mirror(MIRRORED)
        watches = Watches(Server(), mirror, lambda one: seen.append(one["kind"]))
        tasks = [asyncio.create_task(one.run()) for one in watches.reflectors]
        await watches.filled()
        assert len(mirror) == len(MIRRORED)
        assert seen == []
        later.set()
        async with asyncio.timeout(10):
            while not seen:
                await asyncio.sleep(0.01)
        watches.seen({**config("sync", 11), "kind": "FDEDeployment"}, False)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    asyncio.run(scene())
    assert seen == ["ConfigMap", "FDEDeployment"]


def test_a_kind_that_is_not_there_keeps_nobody_waiting_and_is_watched_once_it_is() -> None:
    absent = Conflicting("listing ConfigMap: the server could not find the requested resource")
    went = [("DELETED", config("a", 8))]
    script = Script([absent, absent, ([config("a", 3)], "5"), absent, ([], "9")], [went, [Conflicting("too old")], []])
    seen: list[str] = []

    async def scene() -> None:
        def changed(one: Manifest) -> None:
            seen.append(one["metadata"]["name"] + one["metadata"]["resourceVersion"])

        reflector = OptionalReflector(script, "ConfigMap", {}, changed, absent_s=0.01)
        assert reflector.synced.is_set()
        task = asyncio.create_task(reflector.run())
        async with asyncio.timeout(10):
            while script.followed != ["5", "8", "9"]:
                await asyncio.sleep(0.01)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(scene())
    assert seen == ["a3", "a8"]


def test_what_is_asked_of_external_secrets_is_watched_and_read_from_the_server() -> None:
    watched = {one.kind for one in Watches(Script([], []), Mirror(MIRRORED), lambda _: None).reflectors}
    assert watched - MIRRORED == {"ExternalSecret"}
