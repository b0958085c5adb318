"""What people and other controllers do to what is ours, and what they ask that cannot be done; and a standstill. Marker `cluster`."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest

pytestmark = [pytest.mark.cluster, pytest.mark.seconds]
KINDS = ("ServiceAccount", "NetworkPolicy", "PodDisruptionBudget", "ConfigMap", "Deployment", "CronJob", "Job")
REPAIRED_S = 5.0
USER = "system:serviceaccount:fde-system:fde-operator"


@pytest.fixture(scope="module")
def operator(api: Any, control_plane: Any, tmp_path_factory: pytest.TempPathFactory, given: Any) -> Iterator[Any]:
    log = tmp_path_factory.mktemp("operator") / "operator.log"
    found = given.operator(control_plane.kubeconfig("operator"), log)
    found.start()
    yield found
    found.kill()


@pytest.fixture(autouse=True)
def _well(operator: Any) -> Iterator[None]:
    yield
    assert operator.is_running, operator.log()[-3000:]
    assert "Traceback" not in operator.log(), operator.log()[-5000:]


@pytest.fixture(scope="module")
def published(api: Any, given: Any) -> Callable[..., str]:
    def publish(**workload: Any) -> str:
        spec = given.spec(primitiveName=f"sync-{uuid.uuid4().hex[:8]}")
        spec["runtime"]["workload"] |= workload
        api.create(given.primitive(spec), user="operator")
        return str(spec["primitiveName"])

    return publish


@pytest.fixture(scope="module")
def primitives(published: Callable[..., str]) -> dict[str, str]:
    """One for each workload."""
    return {
        "Deployment": published(),
        "CronJob": published(kind="CronJob", schedule="{{ syncFrequency }}"),
        "Job": published(kind="Job"),
    }


@pytest.fixture
def run(api: Any, given: Any, customer: str) -> Callable[..., Callable[[], Any]]:
    """A new deployment; returns how to look at it."""

    def new(primitive: str, name: str = "sync", **spec: Any) -> Callable[[], Any]:
        spec = {"primitiveRef": {"name": primitive, "version": "v1.0.0"}, **spec}
        api.create(given.deployment(name, customer, **spec), user="ben")
        return lambda: api.get("FDEDeployment", name, customer)

    return new


def says(found: Any, kind: str = "Ready") -> tuple[str, str, str]:
    for one in (found or {}).get("status", {}).get("conditions", ()):
        if one["type"] == kind and one["observedGeneration"] == found["metadata"]["generation"]:
            return one["status"], one["reason"], one["message"]
    return "", "", ""


def is_ready(found: Any) -> bool:
    return says(found)[0] == "True"


def ours(api: Any, customer: str) -> list[tuple[str, str]]:
    found = [(kind, one) for kind in KINDS for one in api.list(kind, customer)]
    return [(kind, one["metadata"]["name"]) for kind, one in found if "ownerReferences" in one["metadata"]]


def plain(found: Any) -> Any:
    """As it should stand, whoever wrote it when."""
    drop = ("uid", "resourceVersion", "creationTimestamp", "generation", "managedFields")
    metadata = {name: value for name, value in found["metadata"].items() if name not in drop}
    metadata.get("annotations", {}).pop("deployment.kubernetes.io/revision", None)
    # A Job's selector and the labels that go with it have its uid in them.
    text = json.dumps({**found, "metadata": metadata, "status": None}, sort_keys=True)
    return json.loads(text.replace(found["metadata"]["uid"], "UID"))


EDITS: dict[str, dict[str, Any]] = {
    "ServiceAccount": {"automountServiceAccountToken": True},
    "NetworkPolicy": {"spec": {"egress": [{}]}},
    "PodDisruptionBudget": {"spec": {"maxUnavailable": 7}},
    "Deployment": {"spec": {"replicas": 3}},
    "CronJob": {"spec": {"schedule": "1 1 1 1 1"}},
}
# What is added without touching a field of ours, and decides all the same.
_NONE = [{"key": "nobody.example/has", "operator": "Exists"}]
ADDITIONS: dict[str, list[Any]] = {
    "NetworkPolicy": [
        [{"op": "add", "path": "/spec/podSelector/matchExpressions", "value": _NONE}],
        [{"op": "add", "path": "/spec/egress/0/ports/0/endPort", "value": 65535}],
        [{"op": "add", "path": "/spec/egress/0/to/0/podSelector", "value": {"matchExpressions": _NONE}}],
    ],
    "PodDisruptionBudget": [
        [{"op": "add", "path": "/spec/selector/matchExpressions", "value": _NONE}],
        [
            {"op": "remove", "path": "/spec/maxUnavailable"},
            {"op": "add", "path": "/spec/minAvailable", "value": "100%"},
        ],
    ],
}
UNLABELLED = {"metadata": {"labels": {"app.kubernetes.io/managed-by": None}}}
UNNAMED = {"metadata": {"labels": {"fde.io/deployment": None}}}
MOVED = {"metadata": {"labels": {"fde.io/deployment": "another"}}}
NOBODYS = {"metadata": {"labels": {"fde.io/deployment": None}, "ownerReferences": None}}


def _acts(api: Any, customer: str) -> dict[str, Callable[[str, str], Any]]:
    """What a person may do to one object of a kind and name."""

    def patched(body: dict[str, Any]) -> Callable[[str, str], Any]:
        return lambda kind, name: api.patch(kind, name, body, customer)

    return {
        "edited": lambda kind, name: api.patch(kind, name, EDITS.get(kind, UNNAMED), customer),
        "without-managed-by": patched(UNLABELLED),
        "unnamed": patched(UNNAMED),
        "moved": patched(MOVED),
        "deleted": lambda kind, name: api.delete(kind, name, customer),
        "hidden-and-gone": lambda kind, name: _away(api, kind, name, customer),
    }


def test_whatever_is_edited_or_deleted_by_hand_is_put_back_within_seconds(
    api: Any, given: Any, customer: str, run: Callable[..., Any], primitives: dict[str, str]
) -> None:
    """A deployment for each kind of act: one over which somebody goes on and on would be reconciled slowly."""
    acts = _acts(api, customer)
    looks = [run(one, f"{kind.lower()}-{act}") for act in acts for kind, one in primitives.items()]
    for look in looks:
        given.eventually(lambda look=look: is_ready(look()), 120)
    objects = ours(api, customer)
    assert {kind for kind, _ in objects} == set(KINDS)
    worst: dict[str, float] = {}
    for act, do in acts.items():
        for kind, name in objects:
            if f"-{act}" not in name or (kind == "Job" and act in ("deleted", "hidden-and-gone")):
                continue  # a Job that is made again runs again, and is not what it was
            before = plain(api.get(kind, name, customer))
            do(kind, name)
            began = time.monotonic()

            def back(kind: str = kind, name: str = name, before: Any = before) -> bool:
                now = api.get(kind, name, customer)
                return now is not None and "deletionTimestamp" not in now["metadata"] and plain(now) == before

            deadline = began + 30
            while not back():
                assert time.monotonic() < deadline, f"{act} {kind} {name}: {api.get(kind, name, customer)} != {before}"
                time.sleep(0.05)
            worst[act] = max(worst.get(act, 0.0), time.monotonic() - began)
    print("\nworst, s:", {act: round(seconds, 2) for act, seconds in worst.items()})
    assert set(worst) == set(acts)
    assert max(worst.values()) < REPAIRED_S
    assert sorted(ours(api, customer)) == sorted(objects)  # nothing twice


def test_what_is_added_to_isolation_or_to_a_budget_is_taken_away_and_then_nothing_is_written(
    api: Any, given: Any, customer: str, run: Callable[..., Any], primitives: dict[str, str]
) -> None:
    look = run(primitives["Deployment"])
    given.eventually(lambda: is_ready(look()), 60)
    for kind, additions in ADDITIONS.items():
        before = plain(api.get(kind, "sync", customer))
        for body in additions:
            edited = api.patch(kind, "sync", body, customer)
            assert plain(edited) != before
            given.eventually(
                lambda kind=kind, before=before: plain(api.get(kind, "sync", customer)) == before, REPAIRED_S
            )
    written = {kind: _specs_authors(api.get(kind, "sync", customer)) for kind in ADDITIONS}
    api.patch("FDEDeployment", "sync", {"metadata": {"annotations": {"looked.example/at": "now"}}}, customer)
    time.sleep(2)
    assert {kind: _specs_authors(api.get(kind, "sync", customer)) for kind in ADDITIONS} == written


def _specs_authors(found: Any) -> list[Any]:
    """Who wrote it when; not the controller that counts pods into its status."""
    return [one for one in found["metadata"]["managedFields"] if one.get("subresource") != "status"]


def _away(api: Any, kind: str, name: str, customer: str) -> None:
    api.patch(kind, name, UNLABELLED, customer)
    api.delete(kind, name, customer)


def test_an_object_that_is_made_nobody_s_is_not_taken_over_and_that_is_told_until_it_goes(
    api: Any, given: Any, customer: str, run: Callable[..., Any], primitives: dict[str, str]
) -> None:
    """Admission keeps the operator from what has no owner of ours: it might be somebody's."""
    look = run(primitives["Deployment"])
    given.eventually(lambda: is_ready(look()), 60)
    api.patch("ServiceAccount", "sync", NOBODYS, customer)
    began = time.monotonic()
    given.eventually(lambda: says(look())[1] == "Denied", 30)
    assert time.monotonic() - began < REPAIRED_S
    assert "ServiceAccount sync is there already and is not the operator's" in says(look())[2]
    api.patch("ServiceAccount", "sync", {"metadata": {"labels": {"fde.io/deployment": "sync"}}}, customer)
    api.delete("ServiceAccount", "sync", customer)
    began = time.monotonic()
    given.eventually(lambda: is_ready(look()), 30)
    assert time.monotonic() - began < REPAIRED_S
    assert ("ServiceAccount", "sync") in ours(api, customer)


def test_what_others_add_is_kept_and_what_they_take_of_ours_is_taken_back(
    api: Any, given: Any, customer: str, run: Callable[..., Any], primitives: dict[str, str]
) -> None:
    look = run(primitives["Deployment"])
    given.eventually(lambda: is_ready(look()), 60)
    theirs = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "sync", "annotations": {"mesh.example/inject": "no"}, "labels": {"team.example": "blue"}},
        "spec": {
            "replicas": 4,
            "template": {
                "metadata": {"annotations": {"mesh.example/revision": "7"}},
                "spec": {"containers": [{"name": "app", "env": [{"name": "PROXY", "value": "http://proxy.example"}]}]},
            },
        },
    }
    query = {"fieldManager": "somebody", "force": "true"}
    answer = api.ask(
        "PATCH",
        "Deployment",
        customer,
        "sync",
        user="admin",
        body=theirs,
        what="application/apply-patch+yaml",
        query=query,
    )
    assert answer.status_code == 200, answer.text
    found = given.eventually(
        lambda: (d := api.get("Deployment", "sync", customer)) and d["spec"]["replicas"] == 1 and d
    )
    given.eventually(lambda: is_ready(look()), 60)
    template = found["spec"]["template"]
    assert found["metadata"]["annotations"]["mesh.example/inject"] == "no"
    assert found["metadata"]["labels"]["team.example"] == "blue"
    assert template["metadata"]["annotations"]["mesh.example/revision"] == "7"
    env = {one["name"]: one.get("value") for one in template["spec"]["containers"][0]["env"]}
    assert env["PROXY"] == "http://proxy.example"
    assert "HOST" in env


@pytest.mark.timeout(420)
def test_a_fight_over_an_object_is_told_and_slowed_down_and_over_when_it_is_over(
    api: Any, given: Any, customer: str, run: Callable[..., Any], primitives: dict[str, str]
) -> None:
    look = run(primitives["Deployment"])
    given.eventually(lambda: is_ready(look()), 60)
    began, edits = time.monotonic(), 0
    while says(look(), "Contended")[0] != "True":
        assert time.monotonic() - began < 60
        if api.get("Deployment", "sync", customer)["spec"]["replicas"] == 1:
            api.patch("Deployment", "sync", {"spec": {"replicas": 2}}, customer)
            edits += 1
    message = says(look(), "Contended")[2]
    assert "Deployment sync: spec.replicas. " in message and "HorizontalPodAutoscaler" in message
    assert "managedFields" in message
    print(f"\ncontended after {edits} edits and {time.monotonic() - began:.1f} s")
    given.eventually(
        lambda: says(look(), "Contended")[0] == "", 200
    )  # looks half a minute apart, two or three of them calm
    given.eventually(lambda: api.get("Deployment", "sync", customer)["spec"]["replicas"] == 1, 40)
    given.eventually(lambda: is_ready(look()), 60)


def test_what_cannot_be_done_is_said_and_asked_for_again_when_it_can(
    api: Any, given: Any, operator: Any, customer: str, run: Callable[..., Any], primitives: dict[str, str]
) -> None:
    primitive = primitives["Deployment"]
    typed = {"instanceHost": "a.example", "ratio": "much"}
    nowhere = {"phase": "production", "maintenanceWindow": "sun 02:00-04:00", "timeZone": "Europe/Nowhere"}
    with pytest.raises(given.refused, match="unknown time zone Europe/Nowhere"):
        run(primitive, "window", lifecycle=nowhere)
    nine = {"name": primitive, "version": "v9.0.0"}
    cases: dict[str, tuple[Callable[[], Any], str]] = {
        "no primitive": (run("sync-that-nobody-made", "none"), "PrimitiveNotFound"),
        "no version": (run("", "version", primitiveRef=nine), "PrimitiveNotFound"),
        "type": (run(primitive, "type", parameters=typed), "ParametersInvalid"),
    }
    for what, (look, reason) in cases.items():
        status, said, message = given.eventually(lambda look=look: any(f := says(look())) and f, 60)
        assert (status, said) == ("False", reason), f"{what}: {message}"
        assert message
    spec = given.spec(primitiveName="large")
    body = given.candidate(spec, name="large")
    body["spec"]["proposal"]["template"]["files"][0]["segments"][0]["text"] = "x" * 2**20
    with pytest.raises(given.refused) as large:
        api.create(body, user="engine")
    assert "x" * 100 not in str(large.value)
    api.patch("FDEDeployment", "type", {"spec": {"parameters": {"ratio": 0.25}}}, customer, "ben")
    given.eventually(lambda: is_ready(cases["type"][0]()), 60)


def test_a_namespace_that_goes_while_its_deployments_are_made_takes_them_along_quietly(
    api: Any, given: Any, operator: Any, primitives: dict[str, str], control_plane: Any
) -> None:
    names = [f"customer-{uuid.uuid4().hex[:8]}" for _ in range(3)]
    reference = {"name": primitives["Deployment"], "version": "v1.0.0"}
    for name in names:
        labels = {"fde.io/customer": name.removeprefix("customer-")}
        api.create(given.namespace(name, labels))
        api.create(given.deployment(namespace=name, primitiveRef=reference), user="ben")
        api.create(given.deployment("late", name, primitiveRef=reference), user="ben")
        api.delete("Namespace", name)
        api.delete("FDEDeployment", "late", name)
    for name in names:
        given.eventually(lambda name=name: api.get("Namespace", name) is None, 90)
    before = len(operator.log().splitlines())
    settled = time.monotonic()
    given.eventually(lambda: time.monotonic() - settled > 2)
    after = [line for line in operator.log().splitlines()[before:] if any(name in line for name in names)]
    assert len(after) < 5, after


def test_a_namespace_that_lost_its_label_and_got_it_back_is_a_customer_s_again(
    api: Any, given: Any, customer: str, run: Callable[..., Any], primitives: dict[str, str]
) -> None:
    """While a deployment is in it, admission lets nobody take the label."""
    label = api.get("Namespace", customer)["metadata"]["labels"]["fde.io/customer"]
    none = {"metadata": {"labels": {"fde.io/customer": None}}}
    api.patch("Namespace", customer, none)
    api.patch("Namespace", customer, {"metadata": {"labels": {"fde.io/customer": label}}})
    look = run(primitives["Deployment"])
    given.eventually(lambda: is_ready(look()), 60)
    with pytest.raises(given.refused, match="does not change its customer"):
        api.patch("Namespace", customer, none)


def test_with_nothing_to_do_nothing_is_written(
    api: Any,
    given: Any,
    operator: Any,
    control_plane: Any,
    customer: str,
    run: Callable[..., Any],
    primitives: dict[str, str],
) -> None:
    """Deployments of every shape, at rest: not one write of the operator's in the API server's own audit log, no Event."""
    primitive = primitives["Deployment"]
    for number in range(3):
        for kind, one in primitives.items():
            run(one, f"{kind.lower()}-{number}")
        run(primitive, f"suspended-{number}", suspend=True)
        run(primitive, f"held-{number}", parameters={})
        run("sync-that-nobody-made", f"waits-{number}")
        run(primitive, f"retired-{number}", lifecycle={"phase": "retired"})
    run(primitive, "elsewhere", environment={"networkZone": "dmz", "dataResidency": "mars-north"})
    ours = (customer, *primitives.values())

    def going() -> bool:
        """What earlier tests left is counted among a version's deployments until it has gone."""
        return any("deletionTimestamp" in one["metadata"] for one in api.list("Namespace"))

    given.eventually(lambda: not going(), 120)
    at_rest(lambda: written(control_plane, ours))
    before, events = written(control_plane, ours), len(api.list("Event", customer))
    began = time.monotonic()
    given.eventually(lambda: time.monotonic() - began > 20, 30)
    assert written(control_plane, ours) == before
    assert len(api.list("Event", customer)) == events


def at_rest(count: Callable[[], list[str]], calm_s: float = 8.0) -> None:
    """Return when nothing was written for a while: numbers of versions follow five seconds later."""
    seen, since, began = count(), time.monotonic(), time.monotonic()
    while time.monotonic() - since < calm_s:
        assert time.monotonic() - began < 120, seen[-20:]
        time.sleep(0.25)
        if (now := count()) != seen:
            seen, since = now, time.monotonic()


def written(plane: Any, names: Sequence[str]) -> list[str]:
    """What the operator wrote so far to objects of these names, or in these namespaces."""
    lines = plane.audit_log.read_text().splitlines()
    events = [json.loads(line) for line in lines if f'"username":"{USER}"' in line and '"verb"' in line]
    found = [f"{one['verb']} {one['requestURI']}" for one in events if "dryRun" not in one["requestURI"]]
    return [one for one in found if any(name in one for name in names)]


def test_an_engineer_s_own_feed_that_comes_a_moment_after_its_deployment_takes_the_default_one_s_place(
    api: Any, given: Any, customer: str, run: Callable[..., Any], primitives: dict[str, str]
) -> None:
    look = run(primitives["Deployment"])
    given.eventually(lambda: api.get("TelemetryFeed", "sync", customer), 60)
    strict = {
        "apiVersion": "fde.io/v1",
        "kind": "TelemetryFeed",
        "metadata": {"name": "sync-strict", "namespace": customer},
        "spec": {"deploymentRef": {"name": "sync"}, "signals": ["errors"], "redaction": {"mode": "strict"}},
    }
    api.create(strict, user="ben")
    given.eventually(
        lambda: [one["metadata"]["name"] for one in api.list("TelemetryFeed", customer)] == ["sync-strict"]
    )
    given.eventually(lambda: says(api.get("TelemetryFeed", "sync-strict", customer))[0] == "True", 30)
    given.eventually(lambda: '"strict"' in api.get("ConfigMap", "sync-feed", customer)["data"]["feed.yaml"], 30)
    given.eventually(lambda: is_ready(look()), 60)
    api.delete("TelemetryFeed", "sync-strict", customer)  # and without one there is the default again
    given.eventually(lambda: api.get("TelemetryFeed", "sync", customer), 30)


def test_an_owner_with_server_side_apply_renames_a_container_after_it_was_let_go(
    api: Any, given: Any, operator: Any, customer: str
) -> None:
    """Measured: our fields alone keep a container of the old name, and the server asks for its image."""

    def applied(container: str, **annotations: str) -> Any:
        security = {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "runAsNonRoot": True,
            "seccompProfile": {"type": "RuntimeDefault"},
        }
        labels = {"app": "shop"}
        pod = {"containers": [{"name": container, "image": "shop:1", "securityContext": security}]}
        body = {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": "shop", "labels": labels, "annotations": {"fde.io/telemetry": "true", **annotations}},
            "spec": {"selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels}, "spec": pod}},
        }
        query = {"fieldManager": "owner", "force": "true"}
        what = "application/apply-patch+yaml"
        return api.ask("PATCH", "Deployment", customer, "shop", user="admin", body=body, what=what, query=query)

    def containers() -> str:
        return json.dumps(api.get("Deployment", "shop", customer)["spec"]["template"]["spec"]["containers"])

    assert applied("app").is_success
    feed = {
        "apiVersion": "fde.io/v1",
        "kind": "TelemetryFeed",
        "metadata": {"name": "shop", "namespace": customer},
        "spec": {"workloadSelector": {"matchLabels": {"app": "shop"}}, "signals": ["errors"]},
    }
    api.create(feed, user="ben")
    given.eventually(lambda: "FDE_LOG" in containers(), 60)
    told = given.eventually(lambda: (f := says(api.get("TelemetryFeed", "shop", customer), "Attached"))[0] and f, 30)
    assert 'fde.io/telemetry-containers: "none"' in told[2]
    refused = applied("web")
    assert (refused.status_code, "image: Required value" in refused.text) == (422, True)

    left = {"fde.io/telemetry-containers": "none"}
    assert applied("app", **left).is_success
    api.patch("TelemetryFeed", "shop", {"spec": {"sampling": {"full": 7}}}, customer, "ben")
    given.eventually(lambda: "FDE_LOG" not in containers() and "fde-logs" not in containers(), 60)
    assert applied("web", **left).is_success
    pod = api.get("Deployment", "shop", customer)["spec"]["template"]["spec"]
    assert [one["name"] for one in pod["containers"]] == ["web"]
    assert [one["name"] for one in pod["initContainers"]] == ["fde-sidecar"]
