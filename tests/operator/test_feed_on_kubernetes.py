"""TelemetryFeeds on the real control plane and a secured Kafka: the operator as a process, with no more than its role.

Markers `cluster` and `kafka`.
"""

from __future__ import annotations

import base64
import itertools
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from confluent_kafka import KafkaError, Producer

from fde_events.connection import Connection, connection
from fde_events.kafka import producer_settings
from fde_events.tenancy.broker import Tenancy
from fde_local.kafka import KafkaBroker
from fde_operator.provision import FINALIZER, FORCE

pytestmark = [pytest.mark.kafka, pytest.mark.cluster, pytest.mark.seconds]


@dataclass
class Site:
    """A secured broker, and the operator that administers it."""

    broker: Any
    operator: Any
    seen: set[str] = field(default_factory=set)  # every password that was in a Secret

    def tenancy(self) -> Tenancy:
        return Tenancy(connection(self.broker.bootstrap_servers, self.broker.admin_settings))

    def users(self, customer: str) -> set[str]:
        return {user for user in self.tenancy().observe().users if f".{customer}." in user}


@pytest.fixture(scope="module")
def site(
    api: Any, control_plane: Any, kafka_toolchain: None, tmp_path_factory: pytest.TempPathFactory, given: Any
) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("feeds")
    with KafkaBroker.start(folder / "broker", secured=True) as broker:
        where = ("--brokers", broker.bootstrap_servers, "--kafka-config", str(broker.admin_settings))
        operator = given.operator(control_plane.kubeconfig("operator"), folder / "operator.log", *where)
        operator.start()
        found = Site(broker, operator)
        yield found
        operator.kill()
        log = operator.log()
        assert not [password for password in found.seen if password in log]
        assert json.loads(broker.admin_settings.read_text())["sasl.password"] not in log


@pytest.fixture(autouse=True)
def _standing(site: Site) -> None:
    """What a test that failed has left killed runs again for the next; an operator that found no Kafka starts without its waits."""
    if not site.broker.is_running:
        site.broker.restart()
        site.operator.kill()
    if not site.operator.is_running:
        site.operator.start()


def manifest(namespace: str, name: str) -> dict[str, Any]:
    metadata = {"name": name, "namespace": namespace}
    spec = {"deploymentRef": {"name": name}, "signals": ["errors"]}
    return {"apiVersion": "fde.io/v1", "kind": "TelemetryFeed", "metadata": metadata, "spec": spec}


def condition(api: Any, namespace: str, name: str, kind: str = "Synced") -> tuple[str, str, str]:
    found = (api.get("TelemetryFeed", name, namespace) or {}).get("status", {}).get("conditions", ())
    return next(((c["status"], c["reason"], c["message"]) for c in found if c["type"] == kind), ("", "", ""))


def settings(api: Any, site: Site, namespace: str, name: str) -> dict[str, Any]:
    secret = api.get("Secret", f"fde-kafka.{name}", namespace)
    if secret is None or "kafka.yaml" not in secret.get("data", {}):
        return {}
    found: dict[str, Any] = json.loads(base64.b64decode(secret["data"]["kafka.yaml"]))
    site.seen.add(found["sasl.password"])
    return found


def written(site: Site, known: dict[str, Any], topic: str) -> int | None:
    """None when a record was taken, or the broker's code."""
    told: list[int | None] = []
    where = Connection(site.broker.bootstrap_servers, known)
    producer = Producer(producer_settings(where, **{"message.timeout.ms": 15_000, "linger.ms": 0}))
    producer.produce(topic, b"x", on_delivery=lambda error, _: told.append(error.code() if error else None))
    assert producer.flush(20) == 0
    return told[0]


def synced(api: Any, given: Any, namespace: str, name: str) -> None:
    given.eventually(lambda: condition(api, namespace, name)[0] == "True", 60)


def customer_of(namespace: str) -> str:
    return namespace.removeprefix("customer-")


def test_a_feed_s_user_writes_its_customer_s_topic_alone_and_goes_with_its_feed(
    api: Any, site: Site, given: Any, customer: str
) -> None:
    mine, other = customer_of(customer), f"{customer}-2"
    labels = {"fde.io/customer": f"{mine}-2"}  # a prefix that ended too early would let mine write there
    api.create(given.namespace(other, labels))
    for namespace, name in ((customer, "orders"), (customer, "sync"), (other, "sync")):
        api.create(manifest(namespace, name), user="ben")
    for namespace, name in ((customer, "orders"), (customer, "sync"), (other, "sync")):
        synced(api, given, namespace, name)
    known = settings(api, site, customer, "sync")
    assert known["sasl.username"] == f"fde-feed.{mine}.{customer}.sync"
    assert written(site, known, f"fde.{mine}.telemetry") is None
    for topic in (f"fde.{mine}-2.telemetry", f"fde.{mine}.solutions", "fde-engine.challenges"):
        code = written(site, known, topic)
        assert code in (KafkaError.TOPIC_AUTHORIZATION_FAILED, KafkaError._MSG_TIMED_OUT), topic
    assert site.users(mine) == {f"fde-feed.{mine}.{customer}.{name}" for name in ("orders", "sync")}

    api.delete("TelemetryFeed", "sync", customer)
    given.eventually(lambda: api.get("TelemetryFeed", "sync", customer) is None, 60)
    left = site.tenancy().observe()
    assert f"fde-feed.{mine}.{customer}.sync" not in {*left.users, *left.quotas}
    assert not [rule for rule in left.rules if rule.user == f"fde-feed.{mine}.{customer}.sync"]
    assert {f"fde-feed.{mine}.{customer}.orders", f"fde-feed.{mine}-2.{other}.sync"} <= set(left.users)
    given.eventually(lambda: api.get("Secret", "fde-kafka.sync", customer) is None, 60)
    assert written(site, settings(api, site, customer, "orders"), f"fde.{mine}.telemetry") is None
    assert settings(api, site, other, "sync")
    api.delete("TelemetryFeed", "sync", other)
    given.eventually(lambda: not site.users(f"{mine}-2"), 60)
    api.delete("Namespace", other)


def test_a_lost_or_edited_secret_or_a_lost_user_is_made_anew_and_works(
    api: Any, site: Site, given: Any, customer: str
) -> None:
    from fde_events.tenancy.plan import removal

    mine = customer_of(customer)
    api.create(manifest(customer, "sync"), user="ben")
    synced(api, given, customer, "sync")

    edits = itertools.count(2)

    def again(before: str) -> str:
        """An edit is an event: nobody watches Secrets or Kafka, the resync would find it. What Kafka has is kept for 5 s."""

        def changed() -> dict[str, Any] | None:
            api.patch("TelemetryFeed", "sync", {"spec": {"sampling": {"full": next(edits)}}}, customer, "ben")
            known = settings(api, site, customer, "sync")
            return known if known and known["sasl.password"] != before else None

        known = given.eventually(changed, 60)
        given.eventually(lambda: api.get("TelemetryFeed", "sync", customer)["status"]["kafka"]["settled"], 60)
        assert written(site, known, f"fde.{mine}.telemetry") is None
        return str(known["sasl.password"])

    first = settings(api, site, customer, "sync")["sasl.password"]
    api.delete("Secret", "fde-kafka.sync", customer)
    second = again(first)
    nonsense = base64.b64encode(b'{"sasl.username": "nobody", "sasl.password": "nothing"}').decode()
    api.patch("Secret", "fde-kafka.sync", {"data": {"kafka.yaml": nonsense}}, customer)
    second = again("nothing")
    version = api.get("Secret", "fde-kafka.sync", customer)["metadata"]["resourceVersion"]
    assert api.get("TelemetryFeed", "sync", customer)["status"]["kafka"]["secretVersion"] == version
    tenancy = site.tenancy()
    for action in removal(tenancy.observe(), f"fde-feed.{mine}.{customer}.sync"):
        tenancy.execute(action)
    again(second)


def test_while_kafka_is_away_feeds_wait_and_are_served_when_it_is_back(
    api: Any, site: Site, given: Any, customer: str
) -> None:
    mine = customer_of(customer)
    for name in ("goes", "forced"):
        api.create(manifest(customer, name), user="ben")
    for name in ("goes", "forced"):
        synced(api, given, customer, name)
    site.broker.kill()
    try:
        api.delete("TelemetryFeed", "goes", customer)
        api.delete("TelemetryFeed", "forced", customer)
        given.eventually(lambda: condition(api, customer, "goes")[1] == "RemovalWaits", 60)
        assert FORCE in condition(api, customer, "goes")[2]
        given.eventually(lambda: condition(api, customer, "forced")[1] == "RemovalWaits", 60)
        assert FINALIZER in api.get("TelemetryFeed", "forced", customer)["metadata"]["finalizers"]
        api.patch("TelemetryFeed", "forced", {"metadata": {"annotations": {FORCE: "true"}}}, customer, "admin")
        given.eventually(lambda: api.get("TelemetryFeed", "forced", customer) is None, 60)
        kept = api.get("ConfigMap", "fde-kafka-left-behind", "fde-system")["data"].values()
        assert f"fde-feed.{mine}.{customer}.forced" in {json.loads(one)["user"] for one in kept}
        told = [one["note"] for one in api.list("Event", customer) if one["regarding"]["name"] == "forced"]
        assert any("KafkaUserLeftBehind" in one for one in told), told
        api.create(manifest(customer, "new"), user="ben")
        given.eventually(lambda: condition(api, customer, "new")[1] == "KafkaUnavailable", 60)
    finally:
        site.broker.restart()
    given.eventually(lambda: api.get("TelemetryFeed", "goes", customer) is None, 120)
    synced(api, given, customer, "new")
    given.eventually(lambda: site.users(mine) == {f"fde-feed.{mine}.{customer}.new"}, 120)
    given.eventually(lambda: not api.get("ConfigMap", "fde-kafka-left-behind", "fde-system").get("data"), 30)
    assert written(site, settings(api, site, customer, "new"), f"fde.{mine}.telemetry") is None


def test_the_operator_killed_while_it_provisions_comes_to_a_user_that_works(
    api: Any, site: Site, given: Any, customer: str
) -> None:
    api.create(manifest(customer, "sync"), user="ben")
    given.eventually(lambda: api.get("TelemetryFeed", "sync", customer).get("status", {}).get("kafka"), 60)
    site.operator.kill()
    site.operator.start()
    synced(api, given, customer, "sync")
    known = settings(api, site, customer, "sync")
    assert written(site, known, f"fde.{customer_of(customer)}.telemetry") is None


def test_the_deployment_s_pod_mounts_the_secret_of_its_feed_for_the_sidecar_alone(
    api: Any, site: Site, given: Any, customer: str, unique: str
) -> None:
    spec = given.spec(primitiveName=unique)
    api.create(given.primitive(spec))
    reference = {"primitiveRef": {"name": unique, "version": "v1.0.0"}}
    api.create(given.deployment(namespace=customer, **reference), user="ben")
    pod = given.eventually(lambda: next(iter(api.list("Pod", customer)), None), 60)["spec"]
    (volume,) = [one for one in pod["volumes"] if one["name"] == "fde-identity"]
    (source,) = volume["projected"]["sources"]
    assert (source["secret"]["name"], source["secret"]["optional"]) == ("fde-kafka.sync", True)
    given.eventually(lambda: settings(api, site, customer, "sync"), 60)
    holders = [c["name"] for c in pod["initContainers"] + pod["containers"] if "fde-identity" in str(c["volumeMounts"])]
    assert holders == ["fde-sidecar"]
    given.eventually(lambda: condition(api, customer, "sync", "Ready")[0] == "True", 60)

    def marks() -> set[str]:
        labels = api.get("TelemetryFeed", "sync", customer)["metadata"]["labels"]
        return {name.removeprefix("compliance.fde.io/") for name in labels if name.startswith("compliance.fde.io/")}

    more = {*spec["compliance"], "iso27001"}
    api.create(given.primitive({**spec, "version": "v1.1.0", "compliance": sorted(more)}))
    for named, tags in (("v1.1.0", more), ("v1.0.0", set(spec["compliance"]))):  # and what is carried no more goes
        reference["primitiveRef"]["version"] = named
        api.patch("FDEDeployment", "sync", {"spec": reference}, customer, "ben")
        given.eventually(lambda tags=tags: marks() == tags, 60)
        assert api.get("TelemetryFeed", "sync", customer)["metadata"]["finalizers"] == ["fde.io/kafka-user"]

    def version() -> str:
        return str(api.get("Deployment", "sync", customer)["spec"]["template"]["metadata"]["labels"]["fde.io/version"])

    given.eventually(lambda: version() == "v1.0.0", 60)
    before = api.get("Deployment", "sync", customer)["metadata"]["generation"]
    api.patch("TelemetryFeed", "sync", {"spec": {"egress": {"state": "hold"}}}, customer, "ben")
    given.eventually(lambda: '"hold"' in api.get("ConfigMap", "sync-feed", customer)["data"]["feed.yaml"], 60)
    assert api.get("Deployment", "sync", customer)["metadata"]["generation"] == before

    api.delete("FDEDeployment", "sync", customer)  # ben may not: what the feed keeps in would go with it
    given.eventually(lambda: api.get("TelemetryFeed", "sync", customer) is None, 60)
    assert site.users(customer_of(customer)) == set()


def shop(namespace: str) -> dict[str, Any]:
    """A customer's own Deployment, admitted at pod security level restricted."""
    security = {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "runAsNonRoot": True,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    app = {"name": "app", "image": "shop:1", "env": [{"name": "MODE", "value": "x"}], "securityContext": security}
    labels = {"app": "shop"}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "shop", "namespace": namespace, "labels": labels},
        "spec": {
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [app]}},
        },
    }


def test_a_workload_that_is_not_ours_gets_a_sidecar_after_it_opted_in_and_is_as_before_afterwards(
    api: Any, site: Site, given: Any, customer: str
) -> None:
    def pod() -> dict[str, Any]:
        found: dict[str, Any] = api.get("Deployment", "shop", customer)["spec"]["template"]["spec"]
        return found

    def annotate(value: str | None) -> None:
        api.patch("Deployment", "shop", {"metadata": {"annotations": {"fde.io/telemetry": value}}}, customer)
        touch()

    edits = itertools.count(2)

    def touch() -> None:
        """Workloads of others are looked at every 30 s; an edit of the feed is an event."""
        api.patch("TelemetryFeed", "shop", {"spec": {"sampling": {"full": next(edits)}}}, customer, "ben")

    api.create(shop(customer))
    before = pod()
    body = manifest(customer, "shop")
    body["spec"] = {"workloadSelector": {"matchLabels": {"app": "shop"}}, "signals": ["errors"]}
    with pytest.raises(given.refused, match="a feed is of one of deploymentRef and workloadSelector"):
        api.create({**body, "spec": {"signals": ["errors"]}}, user="ben")
    api.create(body, user="ben")
    given.eventually(lambda: condition(api, customer, "shop", "Attached")[:2] == ("False", "NotOptedIn"), 60)
    assert "patch deployment shop" in condition(api, customer, "shop", "Attached")[2]
    assert pod() == before
    with pytest.raises(given.refused, match="did not annotate it"):
        api.patch("Deployment", "shop", {"spec": {"replicas": 2}}, customer, "operator")

    annotate("true")
    given.eventually(lambda: condition(api, customer, "shop", "Attached")[0] == "True", 60)
    synced(api, given, customer, "shop")
    given.eventually(lambda: condition(api, customer, "shop", "Ready")[0] == "True", 60)
    (side,) = pod()["initContainers"]
    assert side["name"] == "fde-sidecar"
    (app,) = pod()["containers"]
    assert (app["image"], {"name": "MODE", "value": "x"} in app["env"]) == ("shop:1", True)
    given.eventually(lambda: any("fde-identity" in str(one) for one in api.list("Pod", customer)), 60)  # it is admitted
    generation = api.get("Deployment", "shop", customer)["metadata"]["generation"]
    touch()
    feed = f'"full": {next(edits) - 1}'
    given.eventually(lambda: feed in api.get("ConfigMap", "fde-feed.shop", customer)["data"]["feed.yaml"], 60)
    assert api.get("Deployment", "shop", customer)["metadata"]["generation"] == generation  # no pod was replaced

    annotate(None)
    given.eventually(lambda: pod() == before, 60)
    annotate("true")
    given.eventually(lambda: pod() != before, 60)
    api.delete("TelemetryFeed", "shop", customer)
    given.eventually(lambda: api.get("TelemetryFeed", "shop", customer) is None, 60)
    assert pod() == before
    assert "fde.io/telemetryfeed-uid" not in api.get("Deployment", "shop", customer)["metadata"]["labels"]


def test_the_operator_s_token_overwrites_nobody_s_secret_and_no_feed(
    api: Any, site: Site, given: Any, customer: str
) -> None:
    api.create(manifest(customer, "sync"), user="ben")
    synced(api, given, customer, "sync")
    theirs = {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "Opaque",
        "metadata": {"name": "fde-kafka.theirs", "namespace": customer},
        "data": {"password": base64.b64encode(b"theirs").decode()},
    }
    api.create(theirs)
    with pytest.raises(given.refused, match=r"may only write Secrets of type fde.io/kafka"):
        api.create({**theirs, "metadata": {"name": "x", "namespace": customer}}, user="operator")
    forged = {**theirs, "type": "fde.io/kafka"}
    with pytest.raises(given.refused):
        api.replace(forged, user="operator")
    reads: list[Callable[[], object]] = [
        lambda: api.get("Secret", "fde-kafka.theirs", customer, user="operator"),
        lambda: api.patch("Secret", "fde-kafka.theirs", {}, customer, user="operator"),
        lambda: api.delete("Secret", "fde-kafka.theirs", customer, user="operator"),
    ]
    for read in reads:
        with pytest.raises(given.refused, match="forbidden"):
            read()
    with pytest.raises(given.refused, match="the operator may not change what a feed lets out"):
        api.patch("TelemetryFeed", "sync", {"spec": {"sampling": {"full": 1}}}, customer, "operator")

    api.create(manifest(customer, "theirs"), user="ben")
    given.eventually(lambda: condition(api, customer, "theirs", "Error")[:2] == ("True", "Denied"), 60)
    assert api.get("Secret", "fde-kafka.theirs", customer)["data"] == theirs["data"]


def test_no_secret_of_a_feed_has_a_place_in_a_log(site: Site) -> None:
    assert site.seen
    assert "Traceback" not in site.operator.log()
