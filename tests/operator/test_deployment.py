"""An FDEDeployment, reconciled against a cluster in memory."""

from __future__ import annotations

import asyncio
import base64
import json
from typing import Any

import pytest

from fde_operator import deployment
from fde_operator.cluster import Manifest
from fde_operator.desired import OWNED_KINDS
from fde_operator.key import Key
from fde_operator.settings import OperatorSettings

NOW = "2026-11-21T00:00:00Z"
KEY = Key("FDEDeployment", "customer-northgate", "sync")
SETTINGS = OperatorSettings(brokers="kafka.example:9092")


def reconcile(cluster: Any, key: Key = KEY) -> float | None:
    return asyncio.run(deployment.reconcile(cluster, key, SETTINGS, now=NOW))


def conditions(cluster: Any, key: Key = KEY) -> dict[str, tuple[str, str]]:
    return {c["type"]: (c["status"], c["reason"]) for c in cluster.objects[key]["status"]["conditions"]}


def message(cluster: Any, kind: str = "Ready", key: Key = KEY) -> str:
    return next(str(c["message"]) for c in cluster.objects[key]["status"]["conditions"] if c["type"] == kind)


def of_kind(cluster: Any, kind: str) -> list[Manifest]:
    return [one for key, one in cluster.objects.items() if key.kind == kind]


def make_available(cluster: Any) -> None:
    (found,) = of_kind(cluster, "Deployment")
    found["status"] = {"replicas": 1, "updatedReplicas": 1, "availableReplicas": 1, "observedGeneration": 1}


def bytes_of(config: Manifest) -> dict[str, bytes]:
    found = {name: text.encode() for name, text in config.get("data", {}).items()}
    return found | {name: base64.b64decode(text) for name, text in config.get("binaryData", {}).items()}


@pytest.fixture
def deployed(cluster: Any, given: Any) -> Any:
    cluster.store(given.primitive(given.spec()))
    cluster.store(given.deployment())
    reconcile(cluster)
    return cluster


def test_a_deployment_gets_everything_it_runs_from(deployed: Any) -> None:
    made = {(key.kind, key.name) for key in deployed.objects if key.namespace == "customer-northgate"}
    assert {
        ("ServiceAccount", "sync"),
        ("NetworkPolicy", "sync"),
        ("TelemetryFeed", "sync"),
        ("Deployment", "sync"),
    } <= made
    (files,) = [c for c in of_kind(deployed, "ConfigMap") if "-files-" in c["metadata"]["name"]]
    assert bytes_of(files) == {"sync.py": b'HOST = "northgate.example"\r\nprint("\xc3\xa9", HOST)\n'}
    assert files["immutable"] is True


def test_it_is_ready_when_the_workload_is_and_not_before(deployed: Any) -> None:
    assert conditions(deployed)["Ready"] == ("False", "Progressing")
    assert conditions(deployed)["Reconciling"] == ("True", "Progressing")
    assert conditions(deployed)["ParametersValid"] == ("True", "Valid")
    make_available(deployed)
    reconcile(deployed)
    assert conditions(deployed)["Ready"] == ("True", "Available")
    assert conditions(deployed)["Reconciling"][0] == conditions(deployed)["Stalled"][0] == "False"
    assert deployed.objects[KEY]["status"]["resolvedVersion"] == "v1.0.0"


def test_a_settled_deployment_costs_no_write(deployed: Any) -> None:
    make_available(deployed)
    reconcile(deployed)
    before = len(deployed.writes)
    reconcile(deployed)
    assert deployed.writes[before:] == []


def test_a_foreign_edit_of_a_child_is_repaired(deployed: Any) -> None:
    (policy,) = of_kind(deployed, "NetworkPolicy")
    policy["spec"]["ingress"] = [{}]
    reconcile(deployed)
    (policy,) = of_kind(deployed, "NetworkPolicy")
    assert policy["spec"]["ingress"] == []


def test_new_files_come_before_the_old_ones_go(deployed: Any, given: Any) -> None:
    make_available(deployed)
    deployed.objects[KEY]["spec"]["parameters"]["instanceHost"] = "second.example"
    deployed.objects[Key("Deployment", KEY.namespace, "sync")]["status"] = {}
    reconcile(deployed)
    names = {c["metadata"]["name"] for c in of_kind(deployed, "ConfigMap") if "-files-" in c["metadata"]["name"]}
    assert len(names) == 2  # pods of the old version still mount the old one
    make_available(deployed)
    reconcile(deployed)
    (left,) = [c for c in of_kind(deployed, "ConfigMap") if "-files-" in c["metadata"]["name"]]
    assert b"second.example" in bytes_of(left)["sync.py"]


def test_everything_made_is_owned_so_that_deleting_the_deployment_deletes_it(deployed: Any) -> None:
    uid = deployed.objects[KEY]["metadata"]["uid"]
    for kind in (*OWNED_KINDS, "TelemetryFeed"):
        for one in of_kind(deployed, kind):
            (owner,) = one["metadata"]["ownerReferences"]
            assert (owner["uid"], owner["controller"]) == (uid, True), kind


def test_an_object_of_the_same_name_that_is_not_ours_is_never_deleted(deployed: Any) -> None:
    labels = {"app.kubernetes.io/managed-by": "fde-operator", "fde.io/deployment": "sync"}
    deployed.store(
        {
            "apiVersion": "batch/v1",
            "kind": "Job",
            "metadata": {"name": "x", "namespace": KEY.namespace, "labels": labels},
        }
    )
    reconcile(deployed)
    assert Key("Job", KEY.namespace, "x") in deployed.objects


@pytest.mark.parametrize(
    ("parameters", "sentence"),
    [
        ({"instanceHost": "\"; os.system('x')#"}, "parameter instanceHost"),
        ({}, "parameter instanceHost needs a value (host)"),
        (
            {"instanceHost": "a.example", "syncFrequency": "20m"},
            "parameter syncFrequency: is not one of the allowed values",
        ),
        (
            {"instanceHost": "a.example", "hostname": "b"},
            "parameter hostname is not one of the primitive's; it has: instanceHost",
        ),
        ({"instanceHost": {"secretRef": {"name": "s", "key": "k"}}}, "takes a plain host, not a secretRef"),
    ],
)
def test_a_refused_parameter_is_named_and_its_value_is_not(
    cluster: Any, given: Any, parameters: Any, sentence: str
) -> None:
    cluster.store(given.primitive(given.spec()))
    cluster.store(given.deployment(parameters=parameters))
    reconcile(cluster)
    assert conditions(cluster)["ParametersValid"] == ("False", "ParametersInvalid")
    assert conditions(cluster)["Stalled"][0] == "True"
    assert sentence in message(cluster, "ParametersValid")
    assert "os.system" not in str(cluster.objects[KEY]["status"])
    assert of_kind(cluster, "Deployment") == []


def _structured(given: Any) -> dict[str, Any]:
    """A spec whose file has an optional block with a secret, and a repeat."""
    spec: dict[str, Any] = given.with_secret(given.spec())
    segments = [
        {"text": "COLUMNS = ["},
        {"each": {"parameter": "columns"}},
        {"text": '"'},
        {"hole": {"parameter": "columns", "field": "name", "place": "python.string.double"}},
        {"text": '", '},
        {"mark": "end"},
        {"text": "]\n"},
        {"when": {"parameter": "verbose"}},
        {"text": 'KEY = "'},
        {"hole": {"parameter": "clientSecret", "place": "python.string.double"}},
        {"text": '"\n'},
        {"mark": "end"},
    ]
    spec["template"]["files"][-1]["segments"] = segments
    spec["parameters"][-1]["when"] = {"parameter": "verbose"}
    spec["parameters"].append({"name": "columns", "type": "list", "fields": [{"name": "name", "type": "identifier"}]})
    spec["runtime"]["workload"]["env"].pop()
    return spec


def test_lists_and_flags_reach_the_files_and_a_secret_of_an_absent_block_is_not_needed(
    cluster: Any, given: Any
) -> None:
    columns = [{"name": "id"}, {"name": "note"}]
    cluster.store(given.primitive(_structured(given)))
    cluster.store(given.deployment(parameters={"instanceHost": "a.example", "verbose": False, "columns": columns}))
    reconcile(cluster)
    assert conditions(cluster)["ParametersValid"] == ("True", "Valid")
    jobs = [one for one in of_kind(cluster, "ConfigMap") if "values.json" in one["data"]]
    assert json.loads(jobs[0]["data"]["values.json"])["columns"] == columns


@pytest.mark.parametrize(
    ("parameters", "sentence"),
    [
        ({"columns": [{"name": "id"}]}, "parameter clientSecret needs a secretRef"),  # verbose is true by default
        ({"verbose": False}, "parameter columns needs a value (list)"),
        ({"verbose": False, "columns": "id"}, "parameter columns: takes a list, not str"),
        ({"verbose": False, "columns": [{"name": "id"}, {}]}, "parameter columns, item 2, field name: needs a value"),
        ({"verbose": False, "columns": [{"name": "id", "x": 1}]}, "parameter columns, item 1, field x: is not known"),
        ({"verbose": [True], "columns": []}, "parameter verbose: takes one bool, not list"),
    ],
)
def test_what_is_wrong_with_a_list_or_behind_a_flag_is_named(
    cluster: Any, given: Any, parameters: dict[str, Any], sentence: str
) -> None:
    cluster.store(given.primitive(_structured(given)))
    cluster.store(given.deployment(parameters={"instanceHost": "a.example", **parameters}))
    reconcile(cluster)
    assert conditions(cluster)["ParametersValid"] == ("False", "ParametersInvalid")
    assert sentence in message(cluster, "ParametersValid")


def test_a_list_is_no_part_of_an_env_variable(cluster: Any, given: Any) -> None:
    spec = _structured(given)
    spec["runtime"]["workload"]["env"].append({"name": "COLUMNS", "value": "{{ columns }}"})
    cluster.store(given.primitive(spec))
    cluster.store(given.deployment(parameters={"instanceHost": "a.example", "verbose": False, "columns": []}))
    reconcile(cluster)
    assert "parameter columns is a list and cannot be part of a text" in str(cluster.objects[KEY]["status"])


def test_a_secret_given_as_a_value_is_refused_without_being_repeated(cluster: Any, given: Any) -> None:
    cluster.store(given.primitive(given.with_secret(given.spec())))
    cluster.store(given.deployment(parameters={"instanceHost": "a.example", "clientSecret": "hunter2-hunter2"}))
    reconcile(cluster)
    assert "never the value itself" in message(cluster)
    assert "hunter2" not in str(cluster.objects[KEY]["status"])


def test_a_refused_edit_leaves_what_runs_running(deployed: Any) -> None:
    before = {key for key in deployed.objects if key.kind in OWNED_KINDS}
    deployed.objects[KEY]["spec"]["parameters"] = {}
    reconcile(deployed)
    assert {key for key in deployed.objects if key.kind in OWNED_KINDS} == before
    assert deployed.objects[KEY]["status"]["resolvedVersion"] == "v1.0.0"


def test_a_version_that_is_not_published_is_waited_for(cluster: Any, given: Any) -> None:
    cluster.store(given.deployment())
    reconcile(cluster)
    assert conditions(cluster)["Ready"] == ("False", "PrimitiveNotFound")
    assert conditions(cluster)["ParametersValid"] == ("Unknown", "NotChecked")
    cluster.store(given.primitive(given.spec()))
    reconcile(cluster)
    assert conditions(cluster)["ParametersValid"] == ("True", "Valid")


def test_a_policy_of_patches_only_takes_the_highest_patch_and_says_what_is_newer(cluster: Any, given: Any) -> None:
    for version in ("v1.0.0", "v1.0.7", "v1.1.0"):
        cluster.store(given.primitive(given.spec(version=version)))
    lifecycle = {"phase": "staging", "autoUpdatePolicy": "patch-only", "maintenanceWindow": "sun 02:00-04:00"}
    cluster.store(given.deployment(lifecycle=lifecycle))
    reconcile(cluster)
    status = cluster.objects[KEY]["status"]
    assert (status["resolvedVersion"], status["availableVersion"]) == ("v1.0.7", "v1.1.0")
    assert cluster.objects[KEY]["spec"]["primitiveRef"]["version"] == "v1.0.0"


def test_a_primitive_for_some_customers_only_is_for_others_as_if_it_did_not_exist(cluster: Any, given: Any) -> None:
    cluster.store(given.primitive(given.spec(provenance={"visibleTo": ["src-7f3a91"]})))
    cluster.store(given.deployment())
    reconcile(cluster)
    assert conditions(cluster)["Ready"] == ("False", "PrimitiveNotFound")
    assert "src-7f3a91" not in str(cluster.objects[KEY]["status"])
    cluster.store(given.namespace(labels={"fde.io/customer": "northgate", "fde.io/customer-pseudonym": "src-7f3a91"}))
    reconcile(cluster)
    assert conditions(cluster)["ParametersValid"] == ("True", "Valid")


@pytest.mark.parametrize("labels", [{}, {"fde.io/customer": "North.Gate"}])
def test_nothing_runs_in_a_namespace_that_is_no_customer_s(cluster: Any, given: Any, labels: dict[str, str]) -> None:
    cluster.store(given.namespace(labels=labels))
    cluster.store(given.primitive(given.spec()))
    cluster.store(given.deployment())
    reconcile(cluster)
    assert conditions(cluster)["Ready"] == ("False", "NoCustomer")
    assert of_kind(cluster, "Deployment") == []


def test_a_library_only_primitive_is_not_run(cluster: Any, given: Any) -> None:
    cluster.store(given.primitive(given.spec(runtime={"deployable": False})))
    cluster.store(given.deployment())
    reconcile(cluster)
    assert conditions(cluster)["Ready"] == ("False", "NotDeployable")


def test_the_engineer_s_own_feed_is_kept_and_given_to_the_sidecar(deployed: Any) -> None:
    (feed,) = of_kind(deployed, "TelemetryFeed")
    feed["spec"]["redaction"] = {"mode": "strict"}
    make_available(deployed)
    reconcile(deployed)
    (feed,) = of_kind(deployed, "TelemetryFeed")
    assert feed["spec"]["redaction"] == {"mode": "strict"}
    mounted = deployed.objects[Key("Deployment", KEY.namespace, "sync")]["spec"]["template"]["spec"]["volumes"]
    name = next(v["configMap"]["name"] for v in mounted if v["name"] == "fde-feed")
    document = deployed.objects[Key("ConfigMap", KEY.namespace, name)]["data"]["feed.yaml"]
    assert '"strict"' in document


def test_a_changed_feed_changes_the_mounted_file_under_its_name_and_no_pod(deployed: Any) -> None:
    workload, config = Key("Deployment", KEY.namespace, "sync"), Key("ConfigMap", KEY.namespace, "sync-feed")
    before = json.dumps(deployed.objects[workload])
    assert "immutable" not in deployed.objects[config]
    (feed,) = of_kind(deployed, "TelemetryFeed")
    feed["spec"]["egress"] = {"state": "off"}
    written = len(deployed.writes)
    reconcile(deployed)
    assert deployed.writes[written:] == [f"apply {config}"]
    assert json.loads(deployed.objects[config]["data"]["feed.yaml"])["spec"]["egress"] == {"state": "off"}
    assert json.dumps(deployed.objects[workload]) == before


@pytest.mark.parametrize("suspend", [False, True])
def test_feeds_of_the_old_names_go_once_no_pod_mounts_them(deployed: Any, suspend: bool) -> None:
    old = json.loads(json.dumps(deployed.objects[Key("ConfigMap", KEY.namespace, "sync-feed")]))
    old["metadata"]["name"] = "sync-feed-0123456789"
    deployed.store(old | {"immutable": True})
    old_key = Key("ConfigMap", KEY.namespace, "sync-feed-0123456789")
    reconcile(deployed)
    assert old_key in deployed.objects  # pods of before may mount it still
    deployed.objects[KEY]["spec"]["suspend"] = suspend
    if not suspend:
        make_available(deployed)
    reconcile(deployed)
    assert old_key not in deployed.objects
    assert Key("ConfigMap", KEY.namespace, "sync-feed") in deployed.objects


def test_killed_between_any_two_writes_it_comes_to_the_same_end(cluster: Any, given: Any) -> None:
    def end_state(die_after: int | None) -> tuple[dict[str, Any], int]:
        fresh = type(cluster)()
        for one in (given.namespace(), given.primitive(given.with_secret(given.spec()))):
            fresh.store(one)
        secret = {"secretRef": {"name": "s", "key": "k"}}
        fresh.store(given.deployment(parameters={"instanceHost": "a.example", "clientSecret": secret}))
        fresh.die_after = die_after
        if die_after is not None:
            with pytest.raises(given.killed):
                reconcile(fresh)
            fresh.die_after = None
        for _ in range(2):  # the second has nothing left to do
            reconcile(fresh)
        kept = {str(key): {**one, "metadata": one["metadata"]["name"]} for key, one in fresh.objects.items()}
        return kept, len(fresh.writes)

    whole, writes = end_state(None)
    assert writes >= 8
    for survived in range(writes):
        assert end_state(survived)[0] == whole, f"killed after {survived} writes"


SECURED = OperatorSettings(brokers="kafka.example:9092", kafka_users=True)
NAMESAKE = Key("TelemetryFeed", "customer-northgate", "sync")
OTHERS = [
    ({"deploymentRef": {"name": "other"}}, "is of deployment other"),
    ({"workloadSelector": {"matchLabels": {"app": "shop"}}}, "is of workloads that it selects"),
]


def look(cluster: Any) -> tuple[str, str]:
    """Once, where Kafka asks for passwords: pods and feed.yaml as texts."""
    asyncio.run(deployment.reconcile(cluster, KEY, SECURED, now=NOW))
    (found,) = of_kind(cluster, "Deployment")
    document = bytes_of(cluster.objects[Key("ConfigMap", KEY.namespace, "sync-feed")])["feed.yaml"]
    return json.dumps(found["spec"]["template"]), document.decode()


@pytest.mark.parametrize(("of", "whose"), OTHERS)
def test_another_s_feed_that_has_the_default_s_name_is_told_and_its_login_is_not_mounted(
    cluster: Any, given: Any, of: Any, whose: str
) -> None:
    cluster.store(given.primitive(given.spec()))
    cluster.store(given.deployment())
    metadata = {"name": NAMESAKE.name, "namespace": NAMESAKE.namespace}
    feed = {"apiVersion": "fde.io/v1", "kind": "TelemetryFeed", "metadata": metadata}
    before = cluster.store({**feed, "spec": {**of, "signals": ["errors"]}})
    posts: list[Any] = []
    create = cluster.create

    async def counted(manifest: Any) -> Any:
        posts.append(manifest)
        return await create(manifest)

    cluster.create = counted
    for _ in range(2):
        template, document = look(cluster)
        assert "fde-kafka." not in template
        assert json.loads(document)["spec"]["egress"]["state"] == "hold", "nobody said what may leave"
    assert posts == []
    assert cluster.objects[NAMESAKE] == before
    assert conditions(cluster)["FeedInUse"] == ("False", "FeedNameTaken")
    assert f"TelemetryFeed sync {whose}" in message(cluster, "FeedInUse")
    assert "TelemetryFeed" not in {one["kind"] for one in cluster.objects[KEY]["status"]["inventory"]}

    del cluster.objects[NAMESAKE]
    template, document = look(cluster)
    assert "fde-kafka.sync" in template
    assert "egress" not in json.loads(document)["spec"]
    assert conditions(cluster)["FeedInUse"] == ("True", "InUse")
    assert len(posts) == 1


def test_the_own_feed_on_its_way_out_is_waited_for_without_a_write(deployed: Any) -> None:
    deployed.objects[NAMESAKE]["metadata"]["deletionTimestamp"] = NOW
    reconcile(deployed)
    written = len(deployed.writes)
    deployed.create = None
    reconcile(deployed)
    assert deployed.writes[written:] == []
    assert conditions(deployed)["FeedInUse"] == ("True", "InUse")


def test_the_default_feed_is_made_without_what_is_another_one_with_the_next_version(deployed: Any) -> None:
    metadata = deployed.objects[NAMESAKE]["metadata"]
    assert metadata["labels"]["app.kubernetes.io/managed-by"] == "fde-operator"
    assert not [name for name in metadata["labels"] if name.startswith("compliance.") or name == "fde.io/version"]
    assert "annotations" not in metadata
