"""The operator as a process of its own, with its own token and no more rights than its role has. Marker `cluster`."""

from __future__ import annotations

import base64
import time
from collections.abc import Iterator
from typing import Any

import pytest

LIBRARY = "fde-library"
DANA = "dana@company.example"


@pytest.fixture(scope="module")
def operator(api: Any, control_plane: Any, tmp_path_factory: pytest.TempPathFactory, given: Any) -> Iterator[Any]:
    log = tmp_path_factory.mktemp("operator") / "operator.log"
    found = given.operator(control_plane.kubeconfig("operator"), log)
    found.start()
    yield found
    found.kill()


def status_of(manifest: dict[str, Any] | None, kind: str) -> tuple[str, str, str]:
    for found in (manifest or {}).get("status", {}).get("conditions", ()):
        if found["type"] == kind and found["observedGeneration"] == (manifest or {})["metadata"]["generation"]:
            return found["status"], found["reason"], found["message"]
    return "", "", ""


def propose(api: Any, given: Any, spec: dict[str, Any], name: str) -> None:
    api.create(given.candidate(spec, name=name), user="engine")


def approve(api: Any, name: str) -> None:
    review = {"decision": "Approved", "reviewer": DANA, "reviewedGeneration": 1, "at": "2026-11-20T10:00:00Z"}
    api.patch("PatternCandidate", name, {"spec": {"review": review}}, LIBRARY, "dana")


def published(api: Any, given: Any, spec: dict[str, Any], name: str) -> None:
    propose(api, given, spec, name)
    approve(api, name)
    try:
        given.eventually(lambda: status_of(api.get("PatternCandidate", name, LIBRARY), "Published")[0] == "True", 60)
    except AssertionError as late:
        raise AssertionError(f"{status_of(api.get('PatternCandidate', name, LIBRARY), 'Published')}") from late


def run(api: Any, given: Any, customer: str, primitive: str, **spec: Any) -> None:
    spec = {"primitiveRef": {"name": primitive, "version": "v1.0.0"}, **spec}
    api.create(given.deployment(namespace=customer, **spec), user="ben")


def ready(api: Any, customer: str, kind: str = "Ready") -> tuple[str, str, str]:
    return status_of(api.get("FDEDeployment", "sync", customer), kind)


def files_of(api: Any, customer: str) -> dict[str, bytes]:
    """What the newest pod's app mounts, by path: through the volume's items, as a kubelet reads them."""
    pod = max(api.list("Pod", customer), key=lambda pod: int(pod["metadata"]["resourceVersion"]))
    volume = next(v["configMap"] for v in pod["spec"]["volumes"] if v["name"] == "app-files")
    config = api.get("ConfigMap", volume["name"], customer)
    content = {key: text.encode() for key, text in config.get("data", {}).items()}
    content |= {key: base64.b64decode(text) for key, text in config.get("binaryData", {}).items()}
    return {item["path"]: content[item["key"]] for item in volume["items"]}


def test_a_candidate_approved_by_a_person_becomes_a_primitive(api: Any, operator: Any, given: Any, unique: str) -> None:
    spec = given.spec(primitiveName=unique)
    propose(api, given, spec, unique)
    given.eventually(
        lambda: status_of(api.get("PatternCandidate", unique, LIBRARY), "Published")[1] == "AwaitingReview"
    )
    assert api.get("DeploymentPrimitive", f"{unique}.v1.0.0") is None
    approve(api, unique)
    made = given.eventually(lambda: api.get("DeploymentPrimitive", f"{unique}.v1.0.0"))
    (file,) = made["spec"]["template"]["files"]
    assert file["segments"] == spec["template"]["files"][0]["segments"]
    assert made["spec"]["provenance"]["approvedBy"] == DANA
    assert made["spec"]["provenance"]["publishedAt"] == "2026-11-20T10:00:00Z"
    candidate = given.eventually(
        lambda: (c := api.get("PatternCandidate", unique, LIBRARY)) and c["status"].get("publishedAs") and c
    )
    assert candidate["status"]["publishedAs"] == f"{unique}.v1.0.0"


def test_a_contributor_s_approval_publishes_nothing(api: Any, operator: Any, given: Any, unique: str) -> None:
    body = given.candidate(given.spec(primitiveName=unique), name=unique, contributors=[DANA])
    api.create(body, user="engine")
    with pytest.raises(given.refused, match="contributor may not review"):
        approve(api, unique)
    given.eventually(
        lambda: status_of(api.get("PatternCandidate", unique, LIBRARY), "Published")[1] == "AwaitingReview"
    )
    assert api.get("DeploymentPrimitive", f"{unique}.v1.0.0") is None


def test_a_deployment_becomes_ready_under_restricted_pod_security_with_the_expected_bytes(
    api: Any, operator: Any, given: Any, customer: str, unique: str
) -> None:
    published(api, given, given.spec(primitiveName=unique), unique)
    run(api, given, customer, unique)
    given.eventually(lambda: ready(api, customer)[0] == "True")
    assert files_of(api, customer) == {"sync.py": b'HOST = "northgate.example"\r\nprint("\xc3\xa9", HOST)\n'}
    (pod,) = api.list("Pod", customer)
    assert {c["name"] for c in pod["spec"]["initContainers"]} == {"fde-tee", "fde-sidecar"}
    assert pod["metadata"]["labels"]["compliance.fde.io/soc2"] == "required"
    primitive = given.eventually(
        lambda: (p := api.get("DeploymentPrimitive", f"{unique}.v1.0.0")) and p["status"]["usage"]["ready"] == 1 and p
    )
    usage = primitive["status"]["usage"]
    assert (usage["deployments"], usage["ready"], usage["attempts"]) == (1, 1, 0)  # what is Ready settles in 24 hours
    feed = given.eventually(lambda: api.get("TelemetryFeed", "sync", customer))
    assert feed["spec"]["deploymentRef"] == {"name": "sync"}


@pytest.mark.parametrize("kind", ["CronJob", "Job"])
def test_the_other_workloads_are_admitted_and_become_ready_too(
    api: Any, operator: Any, given: Any, customer: str, unique: str, kind: str
) -> None:
    spec = given.with_secret(given.spec(primitiveName=unique))
    spec["runtime"]["workload"] |= {"kind": kind} | ({"schedule": "{{ syncFrequency }}"} if kind == "CronJob" else {})
    published(api, given, spec, unique)
    secret = {"secretRef": {"name": "servicenow", "key": "client-secret"}}
    run(api, given, customer, unique, parameters={"instanceHost": "a.example", "clientSecret": secret})
    given.eventually(lambda: ready(api, customer)[0] == "True")
    (made,) = api.list(kind, customer)
    if kind == "CronJob":
        assert made["spec"]["schedule"] == "*/30 * * * *"
    else:
        given.eventually(lambda: api.list("Pod", customer))


def test_a_refused_parameter_shows_in_the_conditions_and_an_edit_mends_it(
    api: Any, operator: Any, given: Any, customer: str, unique: str
) -> None:
    published(api, given, given.spec(primitiveName=unique), unique)
    run(api, given, customer, unique, parameters={"instanceHost": "\"; os.system('x')#"})
    given.eventually(lambda: ready(api, customer, "ParametersValid")[0] == "False")
    status, reason, message = ready(api, customer)
    assert (status, reason) == ("False", "ParametersInvalid")
    assert "parameter instanceHost" in message
    assert "os.system" not in message
    assert api.list("Deployment", customer) == []
    api.patch("FDEDeployment", "sync", {"spec": {"parameters": {"instanceHost": "a.example"}}}, customer, "ben")
    given.eventually(lambda: ready(api, customer)[0] == "True")


def test_a_deployment_made_before_its_primitive_runs_once_that_is_published(
    api: Any, operator: Any, given: Any, customer: str, unique: str
) -> None:
    run(api, given, customer, unique)
    given.eventually(lambda: ready(api, customer)[1] == "PrimitiveNotFound")
    published(api, given, given.spec(primitiveName=unique), unique)
    given.eventually(lambda: ready(api, customer)[0] == "True")


def test_a_feed_that_waits_for_its_deployment_or_behind_another_feed_is_woken_by_what_it_waits_for(
    api: Any, operator: Any, given: Any, customer: str
) -> None:
    """At once: nobody looks every half minute."""

    def feed(name: str) -> None:
        head = {"apiVersion": "fde.io/v1", "kind": "TelemetryFeed", "metadata": {"name": name, "namespace": customer}}
        api.create({**head, "spec": {"deploymentRef": {"name": "sync"}, "signals": ["errors"]}})

    def says(name: str, reason: str, limit_s: float = 5.0) -> None:
        def attached() -> bool:
            return status_of(api.get("TelemetryFeed", name, customer), "Attached")[1] == reason

        given.eventually(attached, limit_s)

    feed("b")
    says("b", "DeploymentNotFound", 30)
    api.create(given.deployment(namespace=customer), user="ben")
    says("b", "Attached")
    feed("a")
    says("a", "Attached")
    says("b", "Superseded")
    api.delete("TelemetryFeed", "a", customer)
    says("b", "Attached")
    api.delete("FDEDeployment", "sync", customer)
    says("b", "DeploymentNotFound")


def test_a_foreign_edit_is_repaired_and_a_suspension_stops_the_pods(
    api: Any, operator: Any, given: Any, customer: str, unique: str
) -> None:
    published(api, given, given.spec(primitiveName=unique), unique)
    run(api, given, customer, unique)
    given.eventually(lambda: ready(api, customer)[0] == "True")
    api.patch("Deployment", "sync", {"spec": {"replicas": 3}}, customer)
    given.eventually(lambda: api.get("Deployment", "sync", customer)["spec"]["replicas"] == 1)
    api.patch("FDEDeployment", "sync", {"spec": {"suspend": True}}, customer, "ben")
    given.eventually(lambda: ready(api, customer)[1] == "Suspended")
    given.eventually(lambda: api.list("Pod", customer) == [])


def test_deleting_a_deployment_deletes_everything_made_for_it(
    api: Any, operator: Any, given: Any, customer: str, unique: str
) -> None:
    published(api, given, given.spec(primitiveName=unique), unique)
    run(api, given, customer, unique)
    given.eventually(lambda: ready(api, customer)[0] == "True")
    api.delete("FDEDeployment", "sync", customer, "ben")

    def left() -> list[str]:
        kinds = ("Deployment", "Pod", "ConfigMap", "ServiceAccount", "NetworkPolicy", "TelemetryFeed", "FDEDeployment")
        found = [f"{kind} {one['metadata']['name']}" for kind in kinds for one in api.list(kind, customer)]
        return sorted(set(found) - {"ConfigMap kube-root-ca.crt", "ServiceAccount default"})

    given.eventually(lambda: left() == [], 60)


def test_killed_while_at_work_and_started_again_it_comes_to_the_same_end(
    api: Any, operator: Any, given: Any, customer: str, unique: str
) -> None:
    published(api, given, given.spec(primitiveName=unique), unique)
    run(api, given, customer, unique)
    given.eventually(lambda: api.list("NetworkPolicy", customer))  # its second write
    operator.kill()
    second = f"{unique}-b"
    propose(api, given, given.spec(primitiveName=second), second)
    approve(api, second)  # while nobody watches
    operator.start()
    given.eventually(lambda: ready(api, customer)[0] == "True", 60)  # a process starts, on a machine that may be busy
    given.eventually(lambda: api.get("DeploymentPrimitive", f"{second}.v1.0.0"))


def test_it_outlives_an_api_server_that_is_away(
    api: Any, operator: Any, control_plane: Any, given: Any, customer: str, unique: str
) -> None:
    published(api, given, given.spec(primitiveName=unique), unique)
    propose(api, given, given.spec(primitiveName=f"{unique}-b"), f"{unique}-b")
    approve(api, f"{unique}-b")
    run(api, given, customer, unique)
    control_plane.kill_api_server()
    control_plane.start_api_server()
    try:
        given.eventually(lambda: ready(api, customer)[0] == "True", 60)
    except AssertionError as late:
        raise AssertionError(f"{ready(api, customer)} {operator.log()[-4000:]}") from late
    given.eventually(lambda: api.get("DeploymentPrimitive", f"{unique}-b.v1.0.0"), 60)
    api.patch("FDEDeployment", "sync", {"spec": {"parameters": {"instanceHost": "b.example"}}}, customer, "ben")
    given.eventually(lambda: b"b.example" in files_of(api, customer)["sync.py"], 60)


@pytest.mark.parametrize("kind", ["Deployment", "ServiceAccount", "NetworkPolicy"])
def test_a_namesake_of_what_it_would_make_is_left_alone_and_told(
    api: Any, operator: Any, given: Any, customer: str, unique: str, kind: str
) -> None:
    published(api, given, given.spec(primitiveName=unique), unique)
    container = {"name": "theirs", "image": "theirs@sha256:" + "c" * 64}
    template = {"metadata": {"labels": {"app": "theirs"}}, "spec": {"containers": [container]}}
    specs: dict[str, dict[str, Any]] = {
        "Deployment": {"replicas": 0, "selector": {"matchLabels": {"app": "theirs"}}, "template": template},
        "NetworkPolicy": {"podSelector": {"matchLabels": {"app": "theirs"}}},
    }
    versions = {"Deployment": "apps/v1", "NetworkPolicy": "networking.k8s.io/v1", "ServiceAccount": "v1"}
    body: dict[str, Any] = {
        "apiVersion": versions[kind],
        "kind": kind,
        "metadata": {"name": "sync", "namespace": customer},
    }
    made = api.create(body | ({"spec": specs[kind]} if kind in specs else {}))
    run(api, given, customer, unique)
    given.eventually(lambda: ready(api, customer)[1] == "Denied", 60)
    assert (
        f"a {kind} sync is there already and is not the operator's: rename the FDEDeployment" in ready(api, customer)[2]
    )
    left = api.get(kind, "sync", customer)
    assert left.get("spec") == made.get("spec")
    assert "ownerReferences" not in left["metadata"] and "labels" not in left["metadata"]
    api.delete(kind, "sync", customer)
    api.patch("FDEDeployment", "sync", {"spec": {"parameters": {"instanceHost": "b.example"}}}, customer, "ben")
    given.eventually(lambda: ready(api, customer)[0] == "True", 60)


def test_nothing_is_published_while_a_guard_is_missing_nor_what_was_decided_then(
    api: Any, operator: Any, given: Any, unique: str
) -> None:
    propose(api, given, given.spec(primitiveName=unique), unique)
    removed = api.get("ValidatingAdmissionPolicyBinding", "patterncandidate-review.fde.io")
    api.delete("ValidatingAdmissionPolicyBinding", "patterncandidate-review.fde.io")
    try:
        approve(api, unique)
        given.eventually(
            lambda: status_of(api.get("PatternCandidate", unique, LIBRARY), "Published")[1] == "PolicyMissing", 60
        )
        assert api.get("DeploymentPrimitive", f"{unique}.v1.0.0") is None
    finally:
        body = {k: removed[k] for k in ("apiVersion", "kind", "spec")}
        api.create(
            {**body, "metadata": {"name": "patterncandidate-review.fde.io", "labels": removed["metadata"]["labels"]}}
        )
    given.eventually(
        lambda: status_of(api.get("PatternCandidate", unique, LIBRARY), "Published")[1] == "DecidedUnguarded", 90
    )
    assert api.get("DeploymentPrimitive", f"{unique}.v1.0.0") is None

    def guarded() -> bool:
        """The API server enforces a binding a moment after it was made."""
        forged = {
            "spec": {"review": {"decision": "Approved", "reviewer": "eve@company.example", "reviewedGeneration": 1}}
        }
        try:
            api.patch("PatternCandidate", f"{unique}-b", forged, LIBRARY, "dana")
        except given.refused:
            return True
        api.delete("PatternCandidate", f"{unique}-b", LIBRARY)
        propose(api, given, given.spec(primitiveName=f"{unique}-b"), f"{unique}-b")
        return False

    propose(api, given, given.spec(primitiveName=f"{unique}-b"), f"{unique}-b")
    given.eventually(guarded, 60)
    restored = time.monotonic()  # what is decided within the same second is not told apart from what was before
    given.eventually(lambda: time.monotonic() > restored + 2)
    approve(api, f"{unique}-b")
    given.eventually(lambda: api.get("DeploymentPrimitive", f"{unique}-b.v1.0.0"), 60)


def test_asked_to_stop_it_stops(operator: Any) -> None:
    assert operator.stop() == 0
    assert "Traceback" not in operator.log()
    operator.start()
