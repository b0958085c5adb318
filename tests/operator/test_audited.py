"""The operator's writes leave acts: what, in which attempt, with which outcome; and no value."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from fde_events.act import Act
from fde_events.errors import Unavailable
from fde_events.seal import opened
from fde_operator import reconciliation
from fde_operator.audit.anchors import ConfigMapAnchors
from fde_operator.audit.audited import OPERATOR, AuditedCluster
from fde_operator.audit.journal import Journal
from fde_operator.audit.keys import DirectoryKeys, SecretKeys
from fde_operator.audit.names import Names, by_label
from fde_operator.cluster import Cluster, Manifest
from fde_operator.errors import Conflicting, Denied, Fenced, Throttled, Tripped
from fde_operator.key import Key

CONFIG_MAP = {
    "apiVersion": "v1",
    "kind": "ConfigMap",
    "metadata": {"name": "sync-files", "namespace": "customer-northgate"},
    "data": {"sync.py": "HOST = 'db.northgate.example'"},
}


class Faulty:
    """A cluster whose every write raises `error`."""

    def __init__(self, inner: Cluster, error: BaseException) -> None:
        self._inner, self._error = inner, error

    def __getattr__(self, name: str) -> Any:
        if name in ("get", "list"):
            return getattr(self._inner, name)

        async def write(*_: Any, **__: Any) -> None:
            raise self._error

        return write


class Scene:
    def __init__(self, inner: Any, folder: Path) -> None:
        self.folder, self.inner = folder, inner
        self.journal = Journal(folder / "journal")
        self.keys = DirectoryKeys(folder / "keys")
        self.cluster = AuditedCluster(inner, self.journal, Names(self.keys, by_label(inner)))

    def after(self, *steps: Callable[[], Awaitable[Any]]) -> list[Act]:
        async def do() -> None:
            for step in steps:
                await step()

        asyncio.run(do())
        return self.acts()

    def acts(self) -> list[Act]:
        batch = self.journal.batch()
        self.journal.done(batch, 0)
        return [entry for entry in batch.entries if isinstance(entry, Act)]

    def read(self, field: str, text: str) -> str | None:
        return opened(asyncio.run(self.keys.of("northgate", made=False)), field, text)


@pytest.fixture
def scene(cluster: Any, tmp_path: Path) -> Scene:
    return Scene(cluster, tmp_path)


def test_a_write_says_who_what_which_object_and_in_which_attempt(scene: Scene) -> None:
    key = Key("FDEDeployment", "customer-northgate", "sync")

    async def within() -> None:
        with reconciliation.begin(key) as attempt:
            ids.append(attempt.id)
            await scene.cluster.apply(CONFIG_MAP)

    ids: list[str] = []
    (act,) = scene.after(within)
    assert (act.who, act.source, act.verb, act.kind, act.outcome) == (
        OPERATOR,
        "operator",
        "apply",
        "ConfigMap",
        "allowed",
    )
    assert act.reconcile == ids[0]
    assert act.uid.startswith("uid-")
    assert act.generation == 1
    assert scene.read("name", act.name) == "sync-files"
    assert scene.read("customer", act.customer) == "northgate"
    assert scene.read("cause", act.cause) == "FDEDeployment customer-northgate/sync"
    written = msgspec.json.encode(act).decode()
    assert "northgate" not in written
    assert "db." not in written


def test_all_kinds_of_writes_are_recorded_and_no_read(scene: Scene, given: Any) -> None:
    secret = {"apiVersion": "v1", "kind": "Secret", "type": "Opaque", "metadata": {"name": "feed", "namespace": "customer-northgate"}, "data": {"password": "aHVudGVyMg=="}}  # fmt: skip
    key = Key("ConfigMap", "customer-northgate", "sync-files")
    acts = scene.after(
        lambda: scene.cluster.get(key),
        lambda: scene.cluster.list("ConfigMap"),
        lambda: scene.cluster.create(CONFIG_MAP),
        lambda: scene.cluster.put(secret),
        lambda: scene.cluster.stands(secret),
        lambda: scene.cluster.apply(CONFIG_MAP),
        lambda: scene.cluster.delete(key, uid="uid-1"),
        lambda: scene.cluster.create(given.primitive(given.spec())),
    )
    assert [(act.verb, act.kind) for act in acts] == [
        ("create", "ConfigMap"),
        ("put", "Secret"),
        ("apply", "ConfigMap"),
        ("delete", "ConfigMap"),
        ("create", "DeploymentPrimitive"),
    ]
    assert acts[-1].name == "incident-sync.v1.0.0"
    assert acts[-1].group == "fde.io"


def test_a_digest_tells_whether_two_were_the_same_and_of_a_secret_nothing_that_is_secret(scene: Scene) -> None:
    def secret(password: str, **labels: str) -> Manifest:
        metadata = {"name": "feed", "namespace": "customer-northgate", "labels": labels}
        return {"apiVersion": "v1", "kind": "Secret", "type": "Opaque", "metadata": metadata, "data": {"p": password}}

    other = {**CONFIG_MAP, "data": {"sync.py": "changed"}}
    puts = [secret("a"), secret("b"), secret("b", more="1")]
    acts = scene.after(
        *[lambda one=one: scene.cluster.put(one) for one in puts],  # type: ignore[misc]
        *[lambda one=one: scene.cluster.apply(one) for one in (CONFIG_MAP, CONFIG_MAP, other)],  # type: ignore[misc]
    )
    digests = [act.digest for act in acts]
    assert digests[0] == digests[1] != digests[2]
    assert digests[3] == digests[4] != digests[5]


def test_status_is_recorded_where_others_rely_on_it(scene: Scene, given: Any) -> None:
    primitive = given.primitive(given.spec())
    scene.inner.store(primitive)
    acts = scene.after(
        lambda: scene.cluster.apply_status({**primitive, "status": {"usage": {"deployments": 3}}}),
        lambda: scene.cluster.apply_status({**primitive, "status": {"maturity": "beta", "usage": {"deployments": 4}}}),
    )
    assert [(act.kind, act.decided) for act in acts] == [("DeploymentPrimitive/status", {"maturity": "beta"})]


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (
            Denied(
                "ConfigMap \"x\" is forbidden: ValidatingAdmissionPolicy 'a.fde.io' with binding 'a' denied request: no"
            ),
            "denied",
        ),
        (Conflicting("gone"), "conflict"),
        (Unavailable("no answer."), "unknown"),
        (RuntimeError("a defect"), "unknown"),
        (asyncio.CancelledError(), "unknown"),
    ],
)
def test_what_became_of_it(scene: Scene, error: BaseException, outcome: str) -> None:
    faulty = AuditedCluster(Faulty(scene.inner, error), scene.journal, Names(scene.keys, by_label(scene.inner)))

    async def attempt() -> None:
        with pytest.raises(type(error)):
            await faulty.apply(CONFIG_MAP)

    (act,) = scene.after(attempt)
    assert act.outcome == outcome
    if outcome == "denied":
        assert act.policy == "a.fde.io"
        assert "denied request: no" in (scene.read("why", act.why) or "")


@pytest.mark.parametrize("error", [Fenced("not the leader"), Tripped("left alone"), Throttled("too many")])
def test_what_the_server_was_not_asked_for_is_no_act(scene: Scene, error: Exception) -> None:
    faulty = AuditedCluster(Faulty(scene.inner, error), scene.journal, Names(scene.keys, by_label(scene.inner)))

    async def attempt() -> None:
        with pytest.raises(type(error)):
            await faulty.apply(CONFIG_MAP)

    assert scene.after(attempt) == []
    scene.journal.close()
    again = Journal(scene.folder / "journal")
    assert again.batch().entries == (), "not to the next process either"


def test_a_process_that_dies_at_the_write_leaves_an_act_of_unknown_outcome(scene: Scene, given: Any) -> None:
    class Dead(BaseException):
        pass

    async def die(*_: Any) -> None:
        scene.journal.end = lambda act: True  # type: ignore[method-assign] - a dead process writes nothing more
        raise Dead

    scene.inner.apply = die

    async def attempt() -> None:
        with pytest.raises(Dead):
            await scene.cluster.apply(CONFIG_MAP)

    assert scene.after(attempt) == []
    scene.journal.close()
    (act,) = Journal(scene.folder / "journal").batch().entries
    assert isinstance(act, Act)
    assert (act.verb, act.outcome) == ("apply", "unknown")


def test_without_a_key_the_act_is_recorded_and_its_names_are_lost(scene: Scene, tmp_path: Path) -> None:
    names = Names(SecretKeys(scene.inner), by_label(scene.inner))
    (act,) = scene.after(lambda: AuditedCluster(scene.inner, scene.journal, names).apply(CONFIG_MAP))
    assert act.outcome == "allowed"
    assert act.name.startswith("s1.")
    assert scene.read("name", act.name) is None
    assert names.unkeyed == 1


def test_keys_in_a_secret_are_made_once_and_destroyed_for_good(scene: Scene) -> None:
    scene.inner.store({"apiVersion": "v1", "kind": "Secret", "type": "Opaque", "metadata": {"name": "fde-audit-keys", "namespace": "fde-system"}})  # fmt: skip

    async def do() -> None:
        keys, others = SecretKeys(scene.inner), SecretKeys(scene.inner)
        assert await keys.of("northgate", made=False) == ()
        made = await keys.of("northgate")
        assert len(made) == 1
        assert await others.of("northgate") == made
        second = await others.of("southgate")
        assert second != made
        assert await SecretKeys(scene.inner).of("northgate") == made, "the second did not take the first away"
        assert await keys.destroy("northgate") == 1
        assert await SecretKeys(scene.inner).of("northgate") == ()
        assert await SecretKeys(scene.inner).of("southgate") == second

    asyncio.run(do())


def test_anchors_keep_the_last_of_each_chain(scene: Scene) -> None:
    from fde_events.chain import Anchor

    scene.inner.store({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "fde-audit-anchor", "namespace": "fde-system"}})  # fmt: skip

    async def stands(manifest: Manifest) -> bool:
        return True  # the one in memory knows Secrets alone

    scene.inner.stands = stands
    at = Key("ConfigMap", "fde-system", "fde-audit-anchor")
    scene.inner.objects[at]["metadata"]["annotations"] = {"meta.helm.sh/release-name": "fde"}
    store = ConfigMapAnchors(scene.inner)

    async def do() -> list[Anchor]:
        for seq in range(70):
            await store.keep(Anchor(chain="operator", seq=seq, hash=f"{seq:064x}", at="2026-11-21T10:00:00.000Z"))
        await store.keep(Anchor(chain="people", seq=0, hash="0" * 64, at="2026-11-21T10:00:00.000Z"))
        return await store.read()

    found = asyncio.run(do())
    assert [one.seq for one in found if one.chain == "operator"] == list(range(6, 70))
    assert [one.chain for one in found][-1] == "people"
    metadata = scene.inner.objects[Key("ConfigMap", "fde-system", "fde-audit-anchor")]["metadata"]
    assert metadata["annotations"] == {"meta.helm.sh/release-name": "fde"}, "helm knows its own by it"
    assert json.loads(scene.inner.objects[Key("ConfigMap", "fde-system", "fde-audit-anchor")]["data"]["people.jsonl"])["type"] == "audit.anchor.v1"  # fmt: skip
