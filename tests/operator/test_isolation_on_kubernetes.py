"""What deployments are made of, judged by the real API server: pod security restricted, our own admission policies and roles,
the scheduler, eviction; and External Secrets, by a definition like theirs."""

from __future__ import annotations

import asyncio
import copy
import importlib.util
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import Any

import msgspec
import pytest

from fde_api.deployment import FDEDeployment
from fde_api.primitive import DeploymentPrimitive
from fde_events.errors import Unavailable
from fde_operator import deployment
from fde_operator.cluster import Manifest
from fde_operator.desired import desired
from fde_operator.errors import Denied
from fde_operator.key import Key
from fde_operator.kubernetes import KubernetesCluster
from fde_operator.landscape import Dns, Landscape, Scraper, Vault
from fde_operator.optional import OptionalReflector
from fde_operator.settings import OperatorSettings

pytestmark = [pytest.mark.cluster, pytest.mark.seconds]
LIMIT_S = 90
SECRET = {"secretRef": {"name": "servicenow", "key": "client-secret"}}
# Everything that a landscape can add to a policy, so that the API server sees all of its forms.
LAND = Landscape(
    regions={"eu-west": ("eu-west", "eu-west-1")},
    cluster_networks=("10.244.0.0/16", "fd00:10:244::/56"),
    zones={"internal": ("10.0.0.0/8", "fc00::/7")},
    dns=Dns(pod_labels={"k8s-app": "kube-dns"}, networks=("169.254.20.10/32",)),
    scrapers=(Scraper(namespace="monitoring"),),
    vault=Vault(networks=("10.7.0.0/24",)),
)
SETTINGS = OperatorSettings(brokers="kafka.kafka.svc:9092,b.example:9093", kafka_users=True, landscape=LAND)


def _injector() -> ModuleType:
    spec = importlib.util.spec_from_file_location("vault_injector", Path(__file__).with_name("vault_injector.py"))
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


injector = _injector()


def a_spec(given: Any, name: str, store: str = "kubernetes", **workload: Any) -> dict[str, Any]:
    spec: dict[str, Any] = given.with_secret(given.spec(primitiveName=name))
    spec["runtime"]["securityContext"] = {"secretsStore": store}
    spec["runtime"]["workload"] |= workload
    return spec


def reference(namespace: str, store: str) -> dict[str, Any]:
    return SECRET if store == "kubernetes" else {"vaultRef": {"path": f"tenants/{namespace}/servicenow", "key": "key"}}


def objects_of(given: Any, namespace: str, spec: dict[str, Any], store: str, **deployed: Any) -> list[Manifest]:
    parameters = {"instanceHost": "a.example", "clientSecret": reference(namespace, store)}
    body = given.deployment(namespace=namespace, parameters=parameters, **deployed)
    body["metadata"]["uid"] = "00000000-0000-0000-0000-000000000001"
    primitive = msgspec.convert(given.primitive(spec), DeploymentPrimitive)
    found, _ = desired(msgspec.convert(body, FDEDeployment), primitive, (), "northgate", SETTINGS)
    return [one.manifest for one in found]


def pod_of(workload: Manifest) -> Manifest:
    spec = workload["spec"]["jobTemplate"]["spec"] if workload["kind"] == "CronJob" else workload["spec"]
    template = injector.injected(spec["template"])
    metadata = {**template["metadata"], "name": "judged", "namespace": workload["metadata"]["namespace"]}
    # The controllers add what the API server would ask an account for; here nobody has made one.
    spec = {**template["spec"], "serviceAccountName": "default"}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


WORKLOADS: list[dict[str, Any]] = [{"kind": "Deployment"}, {"kind": "Job"}, {"kind": "CronJob", "schedule": "30m"}]


@pytest.mark.parametrize("store", ["kubernetes", "external-secrets", "vault"])
@pytest.mark.parametrize("workload", WORKLOADS, ids=lambda one: str(one["kind"]))
def test_every_object_is_admitted_from_the_operator_and_every_pod_at_the_restricted_level(
    api: Any, given: Any, customer: str, workload: dict[str, Any], store: str
) -> None:
    objects = objects_of(given, customer, a_spec(given, "incident-sync", store, **workload), store)
    for one in objects:
        if one["kind"] not in ("TelemetryFeed", "ExternalSecret"):  # these have their own test
            api.create(one, user="operator", dryRun="All")
    api.create(pod_of(objects[-1]), dryRun="All")


@pytest.mark.parametrize("zone", ["dmz", "internal", "restricted", "airgapped"])
@pytest.mark.parametrize("settings", [SETTINGS, OperatorSettings(brokers="10.1.1.1:9092,[2001:db8::1]:9092")])
def test_the_policy_of_every_zone_is_one_that_the_api_server_takes(
    api: Any, given: Any, customer: str, zone: str, settings: OperatorSettings
) -> None:
    from fde_operator import isolation

    for wide, sink in ((False, None), (True, "198.51.100.4:9092,events.example:443")):
        reach = isolation.Reach(customer, zone, wide, sink, vault=True)
        policy = isolation.network_policy("sync", reach, settings, {"name": "sync", "namespace": customer})
        api.create(policy, user="operator", dryRun="All")


def test_the_judge_refuses_a_pod_that_is_not_restricted(api: Any, given: Any, customer: str) -> None:
    """That the tests above can fail: the same pod with one thing less."""
    workload = objects_of(given, customer, a_spec(given, "incident-sync", "vault"), "vault")[-1]
    pod = pod_of(workload)
    pod["spec"]["initContainers"][0].pop("securityContext")
    with pytest.raises(given.refused, match='violates PodSecurity "restricted'):
        api.create(pod, dryRun="All")
    loose = copy.deepcopy(workload)
    loose["spec"]["template"]["metadata"]["annotations"]["vault.hashicorp.com/agent-set-security-context"] = "false"
    with pytest.raises(given.refused, match="vault-agent-init"):
        api.create(pod_of(loose), dryRun="All")
    loose["spec"]["template"]["spec"]["securityContext"].pop("seccompProfile")
    with pytest.raises(given.refused, match="seccompProfile"):
        api.create(pod_of(loose), dryRun="All")


class Site:
    """One customer's deployment `sync`, reconciled with the operator's rights."""

    def __init__(self, api: Any, given: Any, kubeconfig: str, namespace: str, primitive: str) -> None:
        self.api, self.given, self.namespace, self.primitive = api, given, namespace, primitive
        self._kubeconfig, self.key = kubeconfig, Key("FDEDeployment", namespace, "sync")

    def act(self, act: Callable[[KubernetesCluster], Any]) -> Any:
        async def once() -> Any:
            cluster = KubernetesCluster(self._kubeconfig)
            try:
                return await act(cluster)
            finally:
                await cluster.aclose()

        return asyncio.run(once())

    def look(self) -> float | None:
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        found: float | None = self.act(lambda cluster: deployment.reconcile(cluster, self.key, SETTINGS, now=now))
        return found

    def publish(self, store: str = "kubernetes", version: str = "v1.0.0", **changes: Any) -> None:
        spec = a_spec(self.given, self.primitive, store) | {"version": version} | changes
        self.act(lambda cluster: cluster.create(self.given.primitive(spec)))

    def run(self, store: str = "kubernetes", **spec: Any) -> None:
        parameters = {"instanceHost": "a.example", "clientSecret": reference(self.namespace, store)}
        spec = {"primitiveRef": {"name": self.primitive, "version": "v1.0.0"}, "parameters": parameters, **spec}
        self.api.create(self.given.deployment(namespace=self.namespace, **spec), user="ben")

    def told(self, kind: str) -> tuple[str, str, str]:
        found = self.api.get("FDEDeployment", "sync", self.namespace)
        for one in found.get("status", {}).get("conditions", ()):
            if one["type"] == kind and one["observedGeneration"] == found["metadata"]["generation"]:
                return one["status"], one["reason"], one["message"]
        return "", "", ""

    def until(self, kind: str, status: str, reason: str = "") -> None:
        def there() -> bool:
            self.look()
            found = self.told(kind)
            return found[0] == status and (not reason or found[1] == reason)

        self.given.eventually(there, LIMIT_S)


@pytest.fixture
def site(api: Any, control_plane: Any, given: Any, customer: str, unique: str) -> Site:
    return Site(api, given, str(control_plane.kubeconfig("operator")), customer, unique)


def test_whether_a_secret_is_there_is_known_without_a_right_to_read_it(api: Any, site: Site) -> None:
    def stands() -> bool:
        probe = {
            "apiVersion": "v1",
            "kind": "Secret",
            "type": "fde.io/probe",
            "metadata": {"name": "servicenow", "namespace": site.namespace},
        }
        try:
            return bool(site.act(lambda cluster: cluster.stands(probe)))
        except Denied:
            return True

    assert not stands()
    metadata = {"name": "servicenow", "namespace": site.namespace}
    api.create({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": {"client-secret": "x"}})
    before = api.get("Secret", "servicenow", site.namespace)
    assert stands()
    assert api.get("Secret", "servicenow", site.namespace) == before
    for verb in ("get", "list"):
        with pytest.raises(site.given.refused, match="forbidden"):
            getattr(api, verb)("Secret", *(["servicenow"] if verb == "get" else []), site.namespace, user="operator")


def test_a_deployment_runs_where_its_data_may_be_and_nowhere_else(api: Any, site: Site) -> None:
    site.publish()
    environment = {"networkZone": "dmz", "dataResidency": "us-east"}
    site.run(environment=environment)
    site.look()
    pod = site.given.eventually(lambda: api.list("Pod", site.namespace), LIMIT_S)[0]

    def waits() -> Any:
        found = api.get("Pod", pod["metadata"]["name"], site.namespace)
        return [one for one in found.get("status", {}).get("conditions", ()) if one.get("reason") == "Unschedulable"]

    (why,) = site.given.eventually(waits, LIMIT_S)
    assert "node affinity" in why["message"]


def test_a_ready_deployment_carries_its_compliance_and_its_node_can_be_drained(api: Any, site: Site) -> None:
    site.publish(compliance=["gdpr", "hipaa", "soc2"])
    site.run()
    site.until("Ready", "True")
    assert site.told("SecretsReady")[:2] == ("True", "InUse")
    assert site.told("IsolationReady")[:2] == ("True", "PolicyInPlace")
    status = api.get("FDEDeployment", "sync", site.namespace)["status"]
    assert status["appliedCompliance"] == ["gdpr", "hipaa", "soc2"]
    kinds = {one["kind"] for one in status["inventory"]}
    assert {
        "PodDisruptionBudget",
        "NetworkPolicy",
        "ServiceAccount",
        "Deployment",
        "ConfigMap",
        "TelemetryFeed",
    } <= kinds
    for one in status["inventory"]:
        if one["kind"] != "TelemetryFeed" and one["name"].startswith("sync"):  # a feed's come by its own look
            marks = api.get(one["kind"], one["name"], site.namespace)["metadata"]["labels"]
            assert (marks["compliance.fde.io/gdpr"], marks["compliance.fde.io/hipaa"]) == ("required", "carried")
    (pod,) = api.list("Pod", site.namespace)
    assert pod["spec"]["nodeName"]
    metadata = {"name": pod["metadata"]["name"], "namespace": site.namespace}

    def evicted() -> bool:  # the budget's controller counts the pod a moment after it is ready
        eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": metadata}
        answer = api._send("POST", "Pod", site.namespace, metadata["name"], "eviction", user="admin", body=eviction)
        return bool(answer.is_success)

    site.given.eventually(evicted, LIMIT_S)
    site.look()
    api.patch("PodDisruptionBudget", "sync", {"spec": {"maxUnavailable": 0}}, site.namespace)
    site.look()
    assert api.get("PodDisruptionBudget", "sync", site.namespace)["spec"]["maxUnavailable"] == 1


def test_what_the_primitive_does_not_carry_holds_the_deployment(api: Any, site: Site) -> None:
    site.publish(compliance=["soc2"])
    site.run()
    site.look()
    status, reason, told = site.told("Stalled")
    assert (status, reason) == ("True", "ComplianceNotCarried") and "gdpr" in told and "soc2" in told
    assert api.list("Deployment", site.namespace) == []


def external_secrets_definition() -> Manifest:
    """As much of external-secrets.io/v1 as we write: structural, so that a field we invent would be refused."""

    def text() -> Manifest:
        return {"type": "string"}

    def record(**fields: Manifest) -> Manifest:
        return {"type": "object", "properties": fields}

    words = {"type": "object", "additionalProperties": text()}
    marks = record(labels=words, annotations=words)
    template = record(engineVersion=text(), mergePolicy={**text(), "enum": ["Replace", "Merge"]}, metadata=marks)
    remote = record(key=text(), property=text())
    data = {"type": "array", "items": record(secretKey={**text(), "pattern": "^[-._a-zA-Z0-9]+$"}, remoteRef=remote)}
    spec = record(
        refreshInterval=text(),
        secretStoreRef=record(name=text(), kind={**text(), "enum": ["SecretStore", "ClusterSecretStore"]}),
        target=record(
            name=text(),
            creationPolicy={**text(), "enum": ["Owner", "Orphan", "Merge", "None"]},
            deletionPolicy={**text(), "enum": ["Delete", "Merge", "Retain"]},
            template=template,
        ),
        data=data,
    )
    condition = record(type=text(), status=text(), reason=text(), message=text())
    schema = record(spec=spec, status=record(conditions={"type": "array", "items": condition}))
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "externalsecrets.external-secrets.io"},
        "spec": {
            "group": "external-secrets.io",
            "scope": "Namespaced",
            "names": {"kind": "ExternalSecret", "listKind": "ExternalSecretList", "plural": "externalsecrets"},
            "versions": [version | {"subresources": {"status": {}}}],
        },
    }


def external(api: Any, namespace: str, name: str = "", **patch: Any) -> Any:
    """The ExternalSecrets of a namespace as an administrator sees them; with `patch`, External Secrets' own writing."""
    path = f"/apis/external-secrets.io/v1/namespaces/{namespace}/externalsecrets"
    headers = {"Authorization": f"Bearer {api._plane.token('admin')}", "Content-Type": "application/merge-patch+json"}
    if patch:
        return api._client.patch(f"{path}/{name}/status", headers=headers, json=patch).raise_for_status()
    answer = api._client.get(path, headers=headers)
    return answer.json()["items"] if answer.is_success else []


def test_external_secrets_is_asked_once_it_is_installed_and_said_to_be_missing_before(api: Any, site: Site) -> None:
    def seen() -> float | None:
        try:
            return site.look()
        except Unavailable:  # a kind that is being served from now on answers 429 for a moment
            return 60.0

    definition = external_secrets_definition()
    site.publish("external-secrets")
    site.run("external-secrets")
    assert site.look() == 60.0
    status, reason, told = site.told("Ready")
    assert (status, reason) == ("False", "ExternalSecretsMissing") and "external-secrets.io/v1" in told
    assert api.list("Deployment", site.namespace) == []
    api.create(definition)
    try:
        site.given.eventually(lambda: seen() != 60.0 and external(api, site.namespace), LIMIT_S)
        (asked,) = external(api, site.namespace)
        assert asked["spec"]["data"][0]["remoteRef"]["key"] == f"tenants/{site.namespace}/servicenow"
        assert site.told("SecretsReady")[:2] == ("Unknown", "Waiting")
        conditions = [{"type": "Ready", "status": "True", "reason": "SecretSynced", "message": "Secret was synced"}]
        external(api, site.namespace, asked["metadata"]["name"], status={"conditions": conditions})
        site.until("SecretsReady", "True", "Synced")
        site.until("Ready", "True")
        (pod,) = api.list("Pod", site.namespace)
        names = str(pod["spec"])
        assert asked["spec"]["target"]["name"] in names
        # Another version keeps its secret in the namespace: what was asked for goes, once its pods do.
        site.publish("kubernetes", "v1.1.0")
        edit = {"primitiveRef": {"version": "v1.1.0"}, "parameters": {"clientSecret": {**SECRET, "vaultRef": None}}}
        api.patch("FDEDeployment", "sync", {"spec": edit}, site.namespace, "ben")
        site.given.eventually(lambda: (site.look(), external(api, site.namespace))[1] == [], LIMIT_S)
    finally:
        api.delete("CustomResourceDefinition", definition["metadata"]["name"])


def test_what_was_asked_of_external_secrets_is_watched_as_soon_as_the_kind_is_there(
    api: Any, control_plane: Any, customer: str, given: Any
) -> None:
    """By the operator's own account: nobody waits for the resync until what was deleted is there again."""
    definition = external_secrets_definition()
    told: list[str] = []

    async def scene() -> None:
        source = KubernetesCluster(str(control_plane.kubeconfig("operator")))
        labels: dict[str, str | None] = {"app.kubernetes.io/managed-by": "fde-operator"}
        reflector = OptionalReflector(
            source, "ExternalSecret", labels, lambda one: told.append(one["metadata"]["name"]), absent_s=0.2
        )
        task = asyncio.create_task(reflector.run())
        try:
            await asyncio.sleep(1)
            assert not task.done() and told == []
            await asyncio.to_thread(api.create, definition)
            await asyncio.to_thread(given.eventually, lambda: made("one"))
            async with asyncio.timeout(LIMIT_S):
                while told != ["one"]:
                    await asyncio.sleep(0.05)
            assert await asyncio.to_thread(gone, "one")
            async with asyncio.timeout(LIMIT_S):
                while told != ["one", "one"]:
                    await asyncio.sleep(0.05)
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await source.aclose()

    path = f"/apis/external-secrets.io/v1/namespaces/{customer}/externalsecrets"
    headers = {"Authorization": f"Bearer {api._plane.token('admin')}"}

    def made(name: str) -> bool:
        labels = {"app.kubernetes.io/managed-by": "fde-operator"}
        body = {"apiVersion": "external-secrets.io/v1", "kind": "ExternalSecret", "spec": {}}
        body |= {"metadata": {"name": name, "labels": labels}}
        return bool(api._client.post(path, headers=headers, json=body).is_success)

    def gone(name: str) -> bool:
        return bool(api._client.delete(f"{path}/{name}", headers=headers).is_success)

    try:
        asyncio.run(scene())
    finally:
        api.delete("CustomResourceDefinition", definition["metadata"]["name"])


@pytest.mark.parametrize(
    ("parameter", "sentence"),
    [
        ({"type": "string", "minimum": 1}, "only an int or a float has a minimum or a maximum"),
        ({"type": "int", "minimum": 2, "maximum": 1}, "the minimum is greater than the maximum"),
    ],
)
def test_a_range_that_makes_no_sense_is_refused(
    api: Any, given: Any, site: Site, parameter: dict[str, Any], sentence: str
) -> None:
    spec = a_spec(given, site.primitive)
    spec["parameters"].append({"name": "limit", **parameter})
    with pytest.raises(Denied, match=sentence):
        site.act(lambda cluster: cluster.create(given.primitive(spec)))
