"""A TelemetryFeed, reconciled against a cluster and a Kafka in memory."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import msgspec
import pytest
import structlog

from fde_api.crd import definitions
from fde_api.deployment import FDEDeployment
from fde_events.errors import Refused, Unavailable
from fde_events.tenancy.acl import Rule
from fde_events.tenancy.credential import Credential
from fde_events.tenancy.plan import MECHANISM, Action, Observed, Seen
from fde_operator import feed, left_behind
from fde_operator.errors import Denied, Postponed
from fde_operator.install import manifests
from fde_operator.kafka import Kafka, Site
from fde_operator.key import Key
from fde_operator.password import renewed
from fde_operator.policies import Guard, shipped
from fde_operator.provision import FINALIZER, FORCE
from fde_operator.queue import Backoff
from fde_operator.settings import OperatorSettings
from fde_operator.telemetry import default_feed

NOW = "2026-11-21T00:00:00Z"
KEY = Key("TelemetryFeed", "customer-northgate", "sync")
SECRET = Key("Secret", "customer-northgate", "fde-kafka.sync")
USER = "fde-feed.northgate.customer-northgate.sync"
LEFT = Key("ConfigMap", "fde-system", "fde-kafka-left-behind")
SETTINGS = OperatorSettings(brokers="kafka.example:9093", kafka_users=True)


@dataclass
class MemoryKafka:
    """A :class:`fde_operator.kafka.Administration`. `raises`: what the next calls of a kind end with."""

    cluster: Any
    topics: dict[str, Seen] = field(default_factory=dict)
    passwords: dict[str, str] = field(default_factory=dict, repr=False)
    rules: set[Rule] = field(default_factory=set)
    quotas: dict[str, dict[str, float]] = field(default_factory=dict)
    raises: dict[str, BaseException] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    refused: set[str] = field(default_factory=set)  # users that nobody may remove
    made: list[str] = field(default_factory=list, repr=False)  # every password that there ever was

    def observe(self) -> Observed:
        self._asked("observe")
        users = {user: frozenset({MECHANISM}) for user in self.passwords}
        return Observed(dict(self.topics), users, frozenset(self.rules), dict(self.quotas))

    def execute(self, action: Action) -> None:
        self._asked(action.kind)
        if action.verdict == "remove" and action.about in self.refused:
            raise Refused(f"{action.about} is kept.")
        self.cluster._write(f"kafka {action.verdict} {action.kind} {action.about}")
        if action.topic is not None:
            self.topics[action.about] = Seen(action.topic.partitions, action.topic.config())
        elif action.rule is not None:
            (self.rules.discard if action.verdict == "remove" else self.rules.add)(action.rule)
        elif action.kind == "quota":
            self.quotas.pop(action.about, None)
            if action.quota is not None:
                self.quotas[action.about] = action.quota.values()
        else:
            assert action.verdict == "remove", "passwords are made by the operator, which has to write them down"
            self.passwords.pop(action.about, None)

    def upsert(self, credential: Credential) -> None:
        self.made.append(credential.password)
        self._asked("upsert")
        self.cluster._write(f"kafka upsert {credential.user}")
        self.passwords[credential.user] = credential.password

    def _asked(self, what: str) -> None:
        self.asked.append(what)
        if (error := self.raises.get(what)) is not None:
            raise error


@dataclass
class Clock:
    """Seconds, moved by tests."""

    s: float = 0.0

    def __call__(self) -> float:
        return self.s


@dataclass
class World:
    cluster: Any
    broker: MemoryKafka
    clock: Clock = field(default_factory=Clock)

    def __post_init__(self) -> None:
        self.restart()

    def reconcile_though_killed(self, die_after: int | None, killed: type[BaseException]) -> None:
        """As many writes from now on the operator dies, and is started again; None: it lives."""
        if die_after is not None:
            self.cluster.die_after = len(self.cluster.writes) + die_after
            with pytest.raises(killed):
                self.reconcile()
            self.cluster.die_after = None
            self.restart()
        self.reconcile()

    def restart(self) -> None:
        """The operator forgets everything."""
        shared = {"security.protocol": "SASL_SSL", "sasl.password": "of-the-administrator", "ssl.ca.pem": "PEM"}
        self.kafka = Kafka(
            lambda: Site(self.broker, shared), "kafka.example:9093", Backoff(1.0, 60.0), clock=self.clock, fresh_s=0.0
        )

    def reconcile(
        self, settings: OperatorSettings = SETTINGS, key: Key = KEY, guard: Guard | None = None
    ) -> float | None:
        kafka = self.kafka if settings.kafka_users else None
        return asyncio.run(feed.reconcile(self.cluster, key, settings, kafka, now=NOW, guard=guard))

    def condition(self, kind: str, key: Key = KEY) -> tuple[str, str]:
        found = self.cluster.objects[key]["status"]["conditions"]
        return next((c["status"], c["reason"]) for c in found if c["type"] == kind)

    def stage(self) -> str:
        """As kstatus reads it: of a feed that is not ready one condition says whether waiting helps."""
        ready, reconciling, stalled = (self.condition(kind)[0] for kind in ("Ready", "Reconciling", "Stalled"))
        assert [ready, reconciling, stalled].count("True") == 1
        return "Current" if ready == "True" else "InProgress" if reconciling == "True" else "Failed"

    def message(self, kind: str) -> str:
        found = self.cluster.objects[KEY]["status"]["conditions"]
        return next(str(c["message"]) for c in found if c["type"] == kind)

    def secret(self) -> dict[str, Any]:
        """kafka.yaml as the sidecar reads it; empty when there is none."""
        data = self.cluster.objects.get(SECRET, {}).get("data", {})
        return json.loads(base64.b64decode(data["kafka.yaml"])) if data else {}

    def delete(self, key: Key = KEY) -> None:
        self.cluster.objects[key]["metadata"]["deletionTimestamp"] = NOW

    def agrees(self) -> bool:
        """The sidecar can log in, and the record is of the Secret that is there."""
        version = self.cluster.objects[SECRET]["metadata"]["resourceVersion"]
        assert self.cluster.objects[KEY]["status"]["kafka"].get("secretVersion") == version
        return bool(self.secret()) and self.broker.passwords.get(USER) == self.secret()["sasl.password"]


def manifest(name: str = "sync", **spec: Any) -> dict[str, Any]:
    metadata = {"name": name, "namespace": "customer-northgate"}
    spec = {"deploymentRef": {"name": "sync"}, "signals": ["errors"], **spec}
    return {"apiVersion": "fde.io/v1", "kind": "TelemetryFeed", "metadata": metadata, "spec": spec}


@pytest.fixture
def new(cluster: Any, given: Any) -> Callable[[], World]:
    def make() -> World:
        fresh = type(cluster)()
        fresh.store(given.namespace())
        fresh.store(given.deployment())
        fresh.store(manifest())
        for one in manifests("operator"):
            if one["kind"] == LEFT.kind:
                fresh.store(one)
        return World(fresh, MemoryKafka(fresh))

    return make


@pytest.fixture
def world(new: Callable[[], World]) -> World:
    return new()


@pytest.fixture
def provisioned(world: World) -> World:
    world.reconcile()
    assert world.agrees()
    return world


def test_a_feed_gets_topics_one_user_a_quota_rules_and_a_secret_of_its_own(provisioned: World) -> None:
    broker = provisioned.broker
    assert set(broker.topics) == {"fde.northgate.telemetry", "fde.northgate.solutions"}
    assert set(broker.passwords) == set(broker.quotas) == {USER}
    assert {(rule.user, rule.operation, rule.name) for rule in broker.rules} == {
        (USER, "write", "fde.northgate.telemetry"),
        (USER, "describe", "fde.northgate.telemetry"),
    }
    assert provisioned.secret()["sasl.username"] == USER
    assert provisioned.secret()["ssl.ca.pem"] == "PEM"
    secret = provisioned.cluster.objects[SECRET]
    assert secret["metadata"]["ownerReferences"][0]["uid"] == provisioned.cluster.objects[KEY]["metadata"]["uid"]
    assert FINALIZER in provisioned.cluster.objects[KEY]["metadata"]["finalizers"]
    assert provisioned.condition("Synced") == ("True", "Provisioned")
    assert provisioned.condition("Ready") == ("True", "Attached")
    assert provisioned.condition("Error") == ("False", "NoError")
    assert provisioned.cluster.objects[KEY]["status"]["kafka"] == {
        "user": USER,
        "secret": "fde-kafka.sync",
        "settled": True,
        "secretVersion": provisioned.cluster.objects[SECRET]["metadata"]["resourceVersion"],
    }


def test_a_settled_feed_costs_no_write(provisioned: World) -> None:
    before = len(provisioned.cluster.writes)
    assert provisioned.reconcile() is None
    assert provisioned.cluster.writes[before:] == []


def test_killed_before_any_write_of_either_side_it_comes_to_the_same_end(new: Callable[[], World], given: Any) -> None:
    def lived(die_after: int | None) -> tuple[Any, int]:
        world = new()
        world.cluster.die_after = die_after
        if die_after is not None:
            with pytest.raises(given.killed):
                world.reconcile()
            world.cluster.die_after = None
            world.restart()
            world.clock.s += 1000
        for _ in range(2):
            world.reconcile()
        assert world.agrees(), f"killed after {die_after} writes"
        del world.cluster.objects[KEY]["status"]["kafka"]["secretVersion"]  # it counts writes
        kept = {str(key): one for key, one in world.cluster.objects.items() if key.kind != "Secret"}
        state = (kept, world.broker.topics, set(world.broker.passwords), world.broker.rules, world.broker.quotas)
        return state, len(world.cluster.writes)

    whole, writes = lived(None)
    assert writes >= 10
    for survived in range(writes):
        assert lived(survived)[0] == whole, f"killed after {survived} writes"


@pytest.mark.parametrize("lost", ["secret", "user", "both", "record"])
def test_killed_before_any_write_of_a_rotation_the_sidecar_can_log_in_at_the_end(
    new: Callable[[], World], given: Any, lost: str
) -> None:
    def lived(die_after: int | None) -> int:
        world = new()
        world.reconcile()
        old = world.broker.passwords[USER]
        if lost in ("secret", "both"):
            del world.cluster.objects[SECRET]
        if lost in ("user", "both"):
            del world.broker.passwords[USER]
        if lost == "record":
            del world.cluster.objects[KEY]["status"]
        before = len(world.cluster.writes)
        world.reconcile_though_killed(die_after, given.killed)
        assert world.agrees(), f"killed after {die_after} writes"
        assert world.broker.passwords[USER] != old
        assert world.condition("Synced") == ("True", "Provisioned")
        return len(world.cluster.writes) - before

    for survived in range(lived(None)):
        lived(survived)


def test_a_secret_that_somebody_edited_gets_a_new_password_once(provisioned: World) -> None:
    old = provisioned.broker.passwords[USER]
    secret = provisioned.cluster.objects[SECRET]
    secret["data"] = {"kafka.yaml": base64.b64encode(b"{}").decode()}
    secret["metadata"]["resourceVersion"] = "of somebody else"
    provisioned.reconcile()
    assert provisioned.agrees()
    assert provisioned.broker.passwords[USER] != old
    written = len(provisioned.cluster.writes)
    provisioned.reconcile()
    assert provisioned.cluster.writes[written:] == []


@pytest.mark.parametrize("noted", [None, ""])
def test_a_secret_of_before_its_version_was_noted_is_left_as_it_is_and_known_from_then_on(
    provisioned: World, noted: str | None
) -> None:
    record = provisioned.cluster.objects[KEY]["status"]["kafka"]
    del record["secretVersion"]
    if noted is not None:
        record["secretVersion"] = noted
    old = provisioned.broker.passwords[USER]
    provisioned.reconcile()
    assert provisioned.broker.passwords[USER] == old
    assert provisioned.agrees()
    written = len(provisioned.cluster.writes)
    provisioned.reconcile()
    assert provisioned.cluster.writes[written:] == []
    provisioned.cluster.objects[SECRET]["metadata"]["resourceVersion"] = "of somebody else"
    provisioned.reconcile()
    assert provisioned.agrees()
    assert provisioned.broker.passwords[USER] != old
    assert provisioned.condition("Synced") == ("True", "Provisioned")


def test_a_deleted_feed_takes_its_user_away_before_it_goes_and_leaves_the_others(
    provisioned: World, given: Any
) -> None:
    provisioned.cluster.store(manifest("orders"))
    other = KEY._replace(name="orders")
    provisioned.reconcile(key=other)
    provisioned.delete()
    provisioned.reconcile()
    assert KEY not in provisioned.cluster.objects
    assert set(provisioned.broker.passwords) == {"fde-feed.northgate.customer-northgate.orders"}
    assert {rule.user for rule in provisioned.broker.rules} == set(provisioned.broker.quotas)
    assert set(provisioned.broker.quotas) == set(provisioned.broker.passwords)
    assert set(provisioned.broker.topics) == {"fde.northgate.telemetry", "fde.northgate.solutions"}


def test_killed_before_any_write_of_a_removal_nothing_of_the_user_is_left(new: Callable[[], World], given: Any) -> None:
    def lived(die_after: int | None) -> int:
        world = new()
        world.reconcile()
        world.delete()
        before = len(world.cluster.writes)
        if die_after is not None:
            world.cluster.die_after = before + die_after
            with pytest.raises(given.killed):
                world.reconcile()
            assert KEY in world.cluster.objects
            world.cluster.die_after = None
            world.restart()
            world.reconcile()
        else:
            world.reconcile()
        assert KEY not in world.cluster.objects
        assert not world.broker.passwords and not world.broker.rules and not world.broker.quotas
        return len(world.cluster.writes) - before

    for survived in range(lived(None)):
        lived(survived)


def test_while_kafka_is_away_it_is_asked_less_and_less_and_one_write_says_so(world: World) -> None:
    world.broker.raises["observe"] = Unavailable("Connection refused (after 3ms in state CONNECT).")
    waits = []
    for _ in range(8):
        wait_s = world.reconcile()
        assert wait_s is not None
        for _ in range(5):  # events meanwhile
            world.reconcile()
        waits.append(wait_s)
        world.clock.s += wait_s
    assert len(world.broker.asked) == 8
    assert 0 < waits[0] <= 1 and 30 <= waits[-1] <= 60
    assert world.cluster.writes == [f"status {KEY}"]
    assert world.condition("Synced") == ("False", "KafkaUnavailable")
    assert world.condition("Error") == ("False", "NoError")
    assert world.condition("Ready") == ("False", "KafkaUnavailable")
    del world.broker.raises["observe"]
    world.reconcile()
    assert world.agrees()


def test_what_is_settled_stays_ready_while_kafka_is_away(provisioned: World) -> None:
    provisioned.broker.raises["observe"] = Unavailable("gone")
    provisioned.reconcile()
    assert provisioned.condition("Synced") == ("False", "KafkaUnavailable")
    assert provisioned.condition("Ready") == ("True", "Attached")
    del provisioned.broker.raises["observe"]
    provisioned.clock.s += 100
    password = provisioned.broker.passwords[USER]
    provisioned.reconcile()
    assert provisioned.broker.passwords[USER] == password  # an outage rotates nothing


def test_a_feed_deleted_while_kafka_is_away_waits_and_says_for_what(provisioned: World) -> None:
    provisioned.broker.raises["observe"] = Unavailable("gone")
    provisioned.delete()
    assert provisioned.reconcile() is not None
    assert provisioned.condition("Synced") == ("False", "RemovalWaits")
    assert FORCE in provisioned.message("Synced")
    del provisioned.broker.raises["observe"]
    provisioned.clock.s += 100
    provisioned.reconcile()
    assert KEY not in provisioned.cluster.objects
    assert not provisioned.broker.passwords


def test_a_removal_may_be_forced_and_what_is_left_behind_is_logged(provisioned: World) -> None:
    provisioned.broker.raises["observe"] = Unavailable("gone")
    provisioned.delete()
    provisioned.cluster.objects[KEY]["metadata"]["annotations"] = {FORCE: "true"}
    with structlog.testing.capture_logs() as logs:
        provisioned.reconcile()
    assert KEY not in provisioned.cluster.objects
    assert [(one["event"], one["user"]) for one in logs if "left_behind" in one["event"]] == [
        ("kafka_user_was_left_behind", USER)
    ]
    assert USER in provisioned.broker.passwords


def remembered(world: World) -> list[str]:
    return [json.loads(one)["user"] for one in world.cluster.objects[LEFT].get("data", {}).values()]


def freed(world: World) -> float | None:
    return asyncio.run(left_behind.reconcile(world.cluster, world.kafka))


def forced(world: World) -> None:
    world.broker.raises["observe"] = Unavailable("gone")
    world.delete()
    world.cluster.objects[KEY]["metadata"]["annotations"] = {FORCE: "true"}


def test_who_was_left_behind_is_remembered_and_goes_when_kafka_is_back(provisioned: World, given: Any) -> None:
    forced(provisioned)
    provisioned.reconcile()
    assert remembered(provisioned) == [USER]
    provisioned.restart()
    wait_s = freed(provisioned)
    assert wait_s is not None and wait_s > 0
    del provisioned.broker.raises["observe"]
    provisioned.clock.s += 100
    assert freed(provisioned) is None
    assert not provisioned.broker.passwords and not provisioned.broker.rules and not provisioned.broker.quotas
    assert remembered(provisioned) == []
    written = len(provisioned.cluster.writes)
    assert freed(provisioned) is None
    assert provisioned.cluster.writes[written:] == []


def test_one_whom_kafka_refuses_to_remove_keeps_no_other_there_nor_is_it_told_of_every_feed_that_goes(
    provisioned: World,
) -> None:
    other = "fde-feed.northgate.customer-northgate.orders"
    places = {USER: "sync", other: "orders"}
    texts = [json.dumps({"user": user, "namespace": KEY.namespace, "name": name}) for user, name in places.items()]
    provisioned.cluster.objects[LEFT]["data"] = {"a": texts[0], "b": texts[1]}
    del provisioned.cluster.objects[KEY]
    provisioned.broker.passwords[other] = "of the other"
    provisioned.broker.refused.add(USER)
    with pytest.raises(Postponed, match="is kept"):
        freed(provisioned)
    assert set(provisioned.broker.passwords) == {USER}
    assert remembered(provisioned) == [USER]
    assert provisioned.reconcile() is None, "of the feed that went there is nothing to do"
    provisioned.broker.refused.clear()
    assert freed(provisioned) is None
    assert not provisioned.broker.passwords and remembered(provisioned) == []


def test_the_annotations_of_who_installed_the_memory_of_it_stay(provisioned: World) -> None:
    installed = {"meta.helm.sh/release-name": "fde"}
    provisioned.cluster.objects[LEFT]["metadata"]["annotations"] = dict(installed)
    forced(provisioned)
    provisioned.reconcile()
    assert remembered(provisioned) == [USER]
    assert provisioned.cluster.objects[LEFT]["metadata"]["annotations"] == installed


def test_killed_before_any_write_of_a_forced_removal_nobody_is_forgotten(new: Callable[[], World], given: Any) -> None:
    def lived(die_after: int | None) -> int:
        world = new()
        world.reconcile()
        forced(world)
        before = len(world.cluster.writes)
        world.reconcile_though_killed(die_after, given.killed)
        assert KEY not in world.cluster.objects
        assert remembered(world) == [USER]
        return len(world.cluster.writes) - before

    for survived in range(lived(None)):
        lived(survived)


def test_a_feed_that_is_there_again_keeps_the_user_it_took_over(provisioned: World) -> None:
    forced(provisioned)
    provisioned.reconcile()
    old = provisioned.broker.passwords[USER]
    del provisioned.broker.raises["observe"]
    provisioned.clock.s += 100
    provisioned.cluster.store(manifest())
    provisioned.reconcile()
    assert provisioned.broker.passwords[USER] != old
    asyncio.run(left_behind.reconcile(provisioned.cluster, provisioned.kafka))
    assert provisioned.agrees()
    assert remembered(provisioned) == []


def test_a_feed_of_which_memory_knows_no_more_than_that_it_goes_keeps_no_user(provisioned: World) -> None:
    """The watch tells of its end a moment after our own write let it go."""
    going = json.loads(json.dumps(provisioned.cluster.objects[KEY]))
    forced(provisioned)
    provisioned.reconcile()
    going["metadata"] = {**going["metadata"], "deletionTimestamp": NOW, "finalizers": []}
    provisioned.cluster.store(going)
    del provisioned.broker.raises["observe"]
    provisioned.clock.s += 100
    asyncio.run(left_behind.reconcile(provisioned.cluster, provisioned.kafka))
    assert not provisioned.broker.passwords
    assert remembered(provisioned) == []


def test_what_cannot_be_remembered_is_not_let_go(provisioned: World) -> None:
    forced(provisioned)
    del provisioned.cluster.objects[LEFT]
    assert provisioned.reconcile() is not None
    assert KEY in provisioned.cluster.objects
    assert "fde operator install" in provisioned.message("Synced")


def test_an_entry_of_somebody_else_s_user_removes_nobody(provisioned: World) -> None:
    text = json.dumps({"user": USER, "namespace": "customer-northgate", "name": "another"})
    provisioned.cluster.objects[LEFT]["data"] = {"a": text, "b": "nonsense", "c": "[]"}
    asyncio.run(left_behind.reconcile(provisioned.cluster, provisioned.kafka))
    assert USER in provisioned.broker.passwords
    assert remembered(provisioned) == []


@pytest.mark.parametrize("gap", [True, False])
def test_while_nobody_checks_who_gives_the_annotation_it_lets_nothing_go(provisioned: World, gap: bool) -> None:
    guard = Guard(provisioned.cluster)
    for one in (*manifests("policies"), *definitions()):
        provisioned.cluster.store(one)
    if gap:
        del provisioned.cluster.objects[Key("ValidatingAdmissionPolicy", "", "telemetryfeed-consent.fde.io")]
    forced(provisioned)
    asyncio.run(feed.reconcile(provisioned.cluster, KEY, SETTINGS, provisioned.kafka, now=NOW, guard=guard))
    assert (KEY in provisioned.cluster.objects) is gap


def test_a_feed_without_its_deployment_has_its_user_and_is_not_ready(world: World) -> None:
    del world.cluster.objects[Key("FDEDeployment", KEY.namespace, "sync")]
    world.reconcile()
    assert world.condition("Attached") == world.condition("Ready") == ("False", "DeploymentNotFound")
    assert world.condition("Synced") == ("True", "Provisioned")
    assert world.agrees()


def test_when_its_deployment_is_retired_the_user_goes_and_the_secret_is_emptied(provisioned: World) -> None:
    provisioned.cluster.objects[Key("FDEDeployment", KEY.namespace, "sync")]["spec"]["lifecycle"] = {"phase": "retired"}
    provisioned.reconcile()
    assert provisioned.broker.passwords == provisioned.broker.quotas == {}
    assert list(provisioned.broker.rules) == []
    assert not any("password" in name for name in provisioned.secret())
    assert provisioned.condition("Synced") == ("False", "Retired")
    assert provisioned.condition("Error")[0] == "False"
    before = len(provisioned.cluster.writes)
    provisioned.reconcile()
    assert provisioned.cluster.writes[before:] == []


def test_of_two_feeds_of_a_deployment_the_second_says_which_is_read(world: World) -> None:
    world.cluster.store(manifest("a-first"))
    world.reconcile()
    assert world.condition("Ready") == ("False", "Superseded")
    assert "a-first" in world.message("Attached")


def test_a_default_feed_that_may_not_be_deleted_is_told_by_the_one_that_replaces_it(world: World) -> None:
    deployment = world.cluster.objects[Key("FDEDeployment", KEY.namespace, "sync")]
    made = default_feed(msgspec.convert(deployment, FDEDeployment))
    owner = {"apiVersion": "fde.io/v1", "kind": "FDEDeployment", "name": "sync", "uid": deployment["metadata"]["uid"]}
    made["metadata"] |= {"labels": {"app.kubernetes.io/managed-by": "fde-operator"}, "ownerReferences": [owner]}
    world.cluster.store(made)
    world.cluster.store(manifest("mine"))

    async def delete(key: Key, *, uid: str) -> None:
        raise Denied(f"deleting {key}: a policy says no")

    world.cluster.delete = delete
    mine = KEY._replace(name="mine")
    with pytest.raises(Postponed):
        world.reconcile(key=mine)
    assert world.condition("Attached", mine) == world.condition("Ready", mine) == ("False", "Denied")
    assert world.condition("Stalled", mine) == ("True", "Denied")
    assert world.condition("Synced", mine) == ("True", "Provisioned")


@pytest.mark.parametrize("annotated", [True, False])
def test_a_feed_of_workloads_is_held_before_the_first_is_changed_and_looks_again(world: World, annotated: bool) -> None:
    plain = OperatorSettings(brokers="127.0.0.1:9092")
    del world.cluster.objects[KEY]["spec"]["deploymentRef"]
    world.cluster.objects[KEY]["spec"]["workloadSelector"] = {"matchLabels": {"app": "shop"}}
    metadata: dict[str, Any] = {"name": "shop", "namespace": KEY.namespace, "labels": {"app": "shop"}}
    if annotated:
        metadata = {**metadata, "annotations": {"fde.io/telemetry": "true"}}
    pod = {"template": {"spec": {"containers": [{"name": "app", "image": "shop:1"}]}}}
    world.cluster.store({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": pod})
    assert world.reconcile(plain) == 30.0
    if not annotated:
        assert world.cluster.writes == [f"status {KEY}"]
        assert world.condition("Ready") == world.condition("Attached") == ("False", "NotOptedIn")
        assert world.stage() == "Failed"
        return
    assert [one.split(" ")[:2] for one in world.cluster.writes] == [
        ["apply", "TelemetryFeed"],
        ["apply", "ConfigMap"],
        ["apply", "Deployment"],
        ["status", "TelemetryFeed"],
    ]
    assert world.condition("Ready") == world.condition("Attached") == ("True", "Attached")
    written = len(world.cluster.writes)
    world.reconcile(plain)
    assert world.cluster.writes[written:] == []
    world.delete()
    world.reconcile(plain)
    assert [one.split(" ")[:2] for one in world.cluster.writes[written:]] == [
        ["apply", "Deployment"],
        ["apply", "TelemetryFeed"],
    ]
    assert KEY not in world.cluster.objects


@pytest.mark.parametrize("labels", [{}, {"fde.io/customer": "North.Gate"}])
def test_a_namespace_that_is_no_customer_s_gets_no_user_and_loses_the_one_it_had(
    provisioned: World, given: Any, labels: dict[str, str]
) -> None:
    provisioned.cluster.store(given.namespace(labels=labels))
    provisioned.reconcile()
    assert not provisioned.broker.passwords
    assert provisioned.condition("Synced") == ("False", "NoCustomer")
    assert provisioned.condition("Error") == ("True", "NoCustomer")
    assert FINALIZER not in provisioned.cluster.objects[KEY]["metadata"]["finalizers"]
    provisioned.cluster.store(given.namespace())
    provisioned.reconcile()
    assert provisioned.agrees()


def test_a_broker_that_asks_for_no_password_leaves_everything_as_it_was(world: World) -> None:
    plain = OperatorSettings(brokers="127.0.0.1:9092")
    assert world.reconcile(plain) is None
    assert world.condition("Synced") == ("False", "NoAuthentication")
    assert world.condition("Ready") == ("True", "Attached")
    assert world.cluster.writes == [f"status {KEY}"]
    world.delete()
    world.cluster.objects[KEY]["metadata"]["finalizers"] = ["other/one"]
    world.reconcile(plain)
    assert world.cluster.writes == [f"status {KEY}"]


def test_a_sink_of_somebody_else_gets_no_user_of_ours_and_its_secret_is_emptied(provisioned: World) -> None:
    provisioned.cluster.objects[KEY]["spec"]["sink"] = {"bootstrapServers": "theirs.example:9093"}
    provisioned.reconcile()
    assert provisioned.condition("Synced") == ("False", "ForeignSink")
    assert provisioned.condition("Ready") == ("True", "Attached")
    assert not provisioned.broker.passwords
    assert provisioned.secret() == {}


def test_somebody_else_s_secret_of_the_same_name_is_left_alone(world: World) -> None:
    body = {"apiVersion": "v1", "kind": "Secret", "type": "Opaque", "data": {"a": "Yg=="}}
    world.cluster.store({**body, "metadata": {"name": SECRET.name, "namespace": SECRET.namespace}})
    for _ in range(2):
        with pytest.raises(Postponed):
            world.reconcile()
    assert world.condition("Error") == ("True", "Denied")
    assert world.cluster.objects[SECRET]["data"] == {"a": "Yg=="}
    assert not world.broker.passwords


def test_what_kafka_refuses_is_told_and_stops_no_other_feed(world: World) -> None:
    world.broker.raises["topic"] = Refused("Kafka did not create fde.northgate.telemetry: policy.")
    with pytest.raises(Postponed):
        world.reconcile()
    assert world.condition("Error") == ("True", "KafkaRefused")
    assert world.condition("Synced") == ("False", "KafkaRefused")
    del world.broker.raises["topic"]
    world.reconcile()  # at once: the cluster as a whole was never away
    assert world.agrees()


def test_an_administrator_without_rights_is_told_and_not_asked_again_at_once(world: World) -> None:
    world.broker.raises["observe"] = Refused("Kafka at kafka.example:9093: Authentication failed.")
    assert world.reconcile() is not None
    world.reconcile()
    assert world.condition("Error") == ("True", "KafkaRefused")
    assert world.broker.asked == ["observe"]


@pytest.mark.parametrize("error", [RuntimeError("boom"), Unavailable("gone"), Refused("no")])
def test_no_password_is_ever_logged_or_told(world: World, error: Exception, capsys: Any) -> None:
    world.broker.raises["upsert"] = error
    with structlog.testing.capture_logs() as logs:
        for _ in range(3):
            try:
                world.reconcile()
            except Postponed:
                structlog.get_logger().exception("failed")
            world.clock.s += 100
        del world.broker.raises["upsert"]
        world.reconcile()
    assert world.agrees()
    out = capsys.readouterr()
    others = {key: one for key, one in world.cluster.objects.items() if key.kind != "Secret"}
    said = f"{logs} {out} {others} {world.kafka.__dict__}"
    assert len(world.broker.made) == 4
    for password in (*world.broker.made, "of-the-administrator"):
        assert password not in said
        assert base64.b64encode(password.encode()).decode() not in said


def test_a_traceback_of_what_went_wrong_shows_no_password(world: World, capsys: Any) -> None:
    """The log of people shows frames with their locals."""
    from rich.console import Console
    from rich.traceback import Traceback

    async def put(_: Any) -> None:
        raise RuntimeError("the API client has a defect")

    world.cluster.put = put
    with pytest.raises(Postponed, match="RuntimeError") as raised:
        world.reconcile()
    console = Console(width=400, file=None)
    console.print(
        Traceback.from_exception(raised.type, raised.value, raised.tb, show_locals=True, locals_max_string=10_000)
    )
    shown = capsys.readouterr().out
    assert "_password" in shown
    assert "sasl.password" not in shown
    assert world.condition("Error") == ("True", "Denied")

    with pytest.raises(Postponed, match="RuntimeError") as raised:  # the frame that had it
        asyncio.run(renewed(world.cluster, world.kafka, world.cluster.objects[KEY], USER, tags={}))
    console.print(
        Traceback.from_exception(raised.type, raised.value, raised.tb, show_locals=True, locals_max_string=10_000)
    )
    shown = capsys.readouterr().out
    assert "in renewed" in shown
    assert "sasl.password" not in shown
    assert world.broker.made == [], "what a Secret does not hold is not told to Kafka"


def test_in_a_namespace_that_is_on_its_way_out_no_user_is_made_and_one_that_is_there_stays_until_the_feed_goes(
    new: Callable[[], World],
) -> None:
    world = new()
    namespace = world.cluster.objects[Key("Namespace", "", KEY.namespace)]
    namespace["metadata"]["deletionTimestamp"] = NOW
    world.reconcile()
    assert not world.broker.passwords
    assert world.condition("Synced") == ("False", "NamespaceEnding")
    del namespace["metadata"]["deletionTimestamp"]
    world.reconcile()
    assert USER in world.broker.passwords
    namespace["metadata"]["deletionTimestamp"] = NOW
    world.reconcile()
    assert USER in world.broker.passwords  # what runs still sends
    world.delete()
    world.reconcile()
    assert USER not in world.broker.passwords


def test_what_waiting_brings_is_in_progress_and_what_a_person_must_do_has_failed(new: Callable[[], World]) -> None:
    """Of a sync engine one stops the other feeds of the commit, the other does not."""
    settled = new()
    settled.reconcile()
    assert settled.stage() == "Current"
    away = new()
    away.broker.raises["observe"] = Unavailable("gone")
    away.reconcile()
    assert away.stage() == "InProgress"
    early = new()  # its deployment is in the same commit, and comes a moment later
    del early.cluster.objects[Key("FDEDeployment", KEY.namespace, "sync")]
    early.reconcile()
    assert early.stage() == "InProgress"
    second = new()
    second.cluster.store(manifest("a-first"))
    second.reconcile()
    assert second.stage() == "Failed"
    refused = new()
    refused.broker.raises["observe"] = Refused("Authentication failed.")
    refused.reconcile()
    assert refused.stage() == "Failed"


def test_a_topic_that_is_there_otherwise_has_failed_though_the_feed_is_read(world: World) -> None:
    world.broker.topics["fde.northgate.telemetry"] = Seen(3, {})
    world.reconcile()
    assert world.condition("Attached") == ("True", "Attached")
    assert world.condition("Ready") == ("False", "TopicDiffers")
    assert world.condition("Error") == ("True", "TopicDiffers")
    assert world.stage() == "Failed"


def test_a_feed_of_nobody_s_namespace_has_failed(provisioned: World, given: Any) -> None:
    provisioned.cluster.store(given.namespace(labels={}))
    provisioned.reconcile()
    assert provisioned.condition("Ready") == ("False", "NoCustomer")
    assert provisioned.stage() == "Failed"


def test_a_removal_says_whether_waiting_helps(provisioned: World) -> None:
    provisioned.broker.raises["observe"] = Unavailable("gone")
    provisioned.delete()
    provisioned.reconcile()
    assert provisioned.stage() == "InProgress"
    provisioned.broker.raises["observe"] = Refused("Authentication failed.")
    provisioned.clock.s += 100
    provisioned.reconcile()
    assert provisioned.stage() == "Failed"


BOUNDARY = Key("ValidatingAdmissionPolicy", "", "namespace-customer.fde.io")


def guarded(world: World) -> Guard:
    """Admission as shipped."""
    for policy in shipped().values():
        world.cluster.store(policy)
    return Guard(world.cluster)


def test_no_user_is_made_while_admission_does_not_hold_the_customers_boundary(world: World) -> None:
    guard = guarded(world)
    policy = world.cluster.objects.pop(BOUNDARY)
    assert world.reconcile(guard=guard) == 30
    assert world.condition("Synced") == ("False", "PolicyMissing")
    assert world.condition("Stalled") == ("True", "PolicyMissing")
    assert BOUNDARY.name in world.message("Ready")
    assert (world.broker.made, world.broker.rules, SECRET in world.cluster.objects) == ([], set(), False)
    world.cluster.objects[BOUNDARY] = policy
    world.reconcile(guard=guard)
    assert world.agrees()


def test_a_namespace_that_is_another_customer_s_meanwhile_keeps_the_user_it_has(provisioned: World) -> None:
    guard, broker = guarded(provisioned), provisioned.broker
    del provisioned.cluster.objects[BOUNDARY]
    namespace = provisioned.cluster.objects[Key("Namespace", "", KEY.namespace)]
    namespace["metadata"]["labels"]["fde.io/customer"] = "rival"
    rules, secret = set(broker.rules), provisioned.secret()
    provisioned.reconcile(guard=guard)
    assert provisioned.condition("Synced") == ("False", "PolicyMissing")
    assert (set(broker.passwords), broker.rules, provisioned.secret()) == ({USER}, rules, secret)


def test_what_was_made_is_put_back_and_taken_away_while_a_policy_is_missing(provisioned: World) -> None:
    guard = guarded(provisioned)
    del provisioned.cluster.objects[BOUNDARY]
    del provisioned.cluster.objects[SECRET]
    provisioned.broker.rules.clear()
    provisioned.reconcile(guard=guard)
    assert provisioned.agrees()
    assert provisioned.broker.rules
    provisioned.cluster.objects[Key("FDEDeployment", KEY.namespace, "sync")]["spec"]["lifecycle"] = {"phase": "retired"}
    provisioned.reconcile(guard=guard)
    assert provisioned.broker.passwords == {}


def shop(name: str, **metadata: Any) -> dict[str, Any]:
    about = {"name": name, "namespace": KEY.namespace, "labels": {"app": "shop"}, **metadata}
    containers = [{"name": "app", "image": "shop:1"}]
    template = {"metadata": {"labels": {"app": "shop"}}, "spec": {"containers": containers}}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": about, "spec": {"template": template}}


def test_no_sidecar_is_attached_while_a_policy_is_missing_and_one_that_is_there_stays(world: World) -> None:
    guard = guarded(world)
    world.cluster.objects[KEY]["spec"] = manifest(workloadSelector={"matchLabels": {"app": "shop"}})["spec"]
    del world.cluster.objects[KEY]["spec"]["deploymentRef"]
    opted = {"annotations": {"fde.io/telemetry": "true"}}
    world.cluster.store(shop("first", **opted))
    world.reconcile(guard=guard)
    assert world.condition("Attached") == ("True", "Attached")
    there = world.cluster.objects[Key("Deployment", KEY.namespace, "first")]["spec"]
    del world.cluster.objects[BOUNDARY]
    world.cluster.store(shop("second", **opted))
    assert world.reconcile(guard=guard) == 30
    assert world.condition("Attached") == ("False", "PolicyMissing")
    assert world.condition("Stalled") == ("True", "PolicyMissing")
    assert world.cluster.objects[Key("Deployment", KEY.namespace, "first")]["spec"] == there
    second = world.cluster.objects[Key("Deployment", KEY.namespace, "second")]["spec"]["template"]["spec"]
    assert "initContainers" not in second


def test_the_secret_carries_the_compliance_of_its_deployment_now_not_that_of_its_feed_s_creation(
    new: Callable[[], World], given: Any
) -> None:
    """Also that of a feed which an engineer made, without any label."""
    world = new()
    world.cluster.store(given.primitive(given.spec()))
    deployed = world.cluster.objects[Key("FDEDeployment", KEY.namespace, "sync")]
    deployed["spec"]["environment"]["complianceRequirements"] = ["SOC2"]
    world.cluster.objects[KEY]["metadata"]["labels"] = {"compliance.fde.io/hipaa": "carried"}
    world.reconcile()
    labels = world.cluster.objects[SECRET]["metadata"]["labels"]
    marks = {name: mark for name, mark in labels.items() if name.startswith("compliance.fde.io/")}
    assert marks == {"compliance.fde.io/gdpr": "carried", "compliance.fde.io/soc2": "required"}


def test_the_operator_s_own_feed_has_the_compliance_of_its_deployment_beside_its_finalizer(
    new: Callable[[], World], given: Any
) -> None:
    world = new()
    world.cluster.store(given.primitive(given.spec()))
    metadata = world.cluster.objects[KEY]["metadata"]
    metadata["labels"] = {"app.kubernetes.io/managed-by": "fde-operator", "compliance.fde.io/gdpr": "carried"}
    world.reconcile()
    found = world.cluster.objects[KEY]["metadata"]
    marks = {name: mark for name, mark in found["labels"].items() if name.startswith("compliance.fde.io/")}
    assert marks == {"compliance.fde.io/gdpr": "required", "compliance.fde.io/soc2": "required"}
    assert found["finalizers"] == [FINALIZER]
    assert world.cluster.writes.count(f"apply {KEY}") == 1
    written = len(world.cluster.writes)
    world.reconcile()
    assert world.cluster.writes[written:] == []


def test_a_label_that_no_apply_of_ours_wrote_is_taken_over_and_goes_once(new: Callable[[], World], given: Any) -> None:
    """Feeds were once made with a POST, and then its manager has the labels: who applies without one leaves it alone."""
    world = new()
    world.cluster.store(given.primitive(given.spec()))
    stale, ours = "compliance.fde.io/hipaa", {"app.kubernetes.io/managed-by": "fde-operator"}
    others = {**ours, stale: "carried", "compliance.fde.io/gdpr": "required"}
    world.cluster.objects[KEY]["metadata"]["labels"] = dict(others)
    merged, applied = world.cluster.apply, dict[str, str]()

    async def apply(manifest: Any) -> Any:
        """As the server: what is applied with another value has no other manager, and goes with the apply that leaves it out."""
        if manifest["kind"] != "TelemetryFeed":
            return await merged(manifest)
        marks = dict(manifest["metadata"].get("labels") or {})
        stay = {name: mark for name, mark in others.items() if marks.get(name, mark) == mark}
        others.clear()
        others.update(stay)
        applied.clear()
        applied.update(marks)
        await merged(manifest)
        world.cluster.objects[KEY]["metadata"]["labels"] = {**others, **applied}
        return world.cluster.objects[KEY]

    world.cluster.apply = apply
    world.reconcile()
    wanted = {**ours, "compliance.fde.io/gdpr": "required", "compliance.fde.io/soc2": "required"}
    assert world.cluster.objects[KEY]["metadata"]["labels"] == wanted
    written = len(world.cluster.writes)
    world.reconcile()
    assert world.cluster.writes[written:] == []


def default(world: World, given: Any) -> dict[str, Any]:
    """The feed as the operator made it, which the sidecar reads."""
    deployment = world.cluster.objects[Key("FDEDeployment", KEY.namespace, "sync")]
    made = default_feed(msgspec.convert(deployment, FDEDeployment))
    owner = {"kind": "FDEDeployment", "name": "sync", "uid": deployment["metadata"]["uid"]}
    marks = {"labels": {"app.kubernetes.io/managed-by": "fde-operator"}, "ownerReferences": [owner]}
    del world.cluster.objects[KEY]
    return dict(world.cluster.store({**made, "metadata": {**made["metadata"], **marks}}))


STRICT = KEY._replace(name="sync-strict")


def test_a_default_feed_that_nobody_touched_gives_way_to_the_engineer_s_own(world: World, given: Any) -> None:
    default(world, given)
    world.reconcile()
    assert world.agrees()
    world.cluster.store(manifest("sync-strict", redaction={"mode": "strict"}))
    world.reconcile(key=STRICT)
    assert KEY not in world.cluster.objects
    assert world.condition("Ready", STRICT) == ("True", "Attached")


@pytest.mark.parametrize(
    "touched",
    [
        {"spec": {"sampling": {"full": 7}}},
        {"spec": {"signals": ["errors"]}},
        {"metadata": {"labels": {}}},
        {"metadata": {"ownerReferences": [{"kind": "FDEDeployment", "name": "sync", "uid": "of a namesake before"}]}},
    ],
)
def test_what_somebody_changed_or_made_is_never_deleted(world: World, given: Any, touched: Any) -> None:
    kept = default(world, given)
    for part, change in touched.items():
        kept[part] = {**kept[part], **change}
    world.cluster.store(kept)
    world.cluster.store(manifest("sync-strict", redaction={"mode": "strict"}))
    world.reconcile(key=STRICT)
    assert KEY in world.cluster.objects
    assert world.condition("Ready", STRICT) == ("False", "Superseded")


def test_a_default_feed_alone_stays(world: World, given: Any) -> None:
    default(world, given)
    world.cluster.store(manifest("sync-strict"))
    world.delete(STRICT)
    world.reconcile()
    assert world.condition("Ready") == ("True", "Attached")
