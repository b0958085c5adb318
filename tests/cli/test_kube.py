"""What `kubectl fde` says of objects: rows, differences, explanations. No cluster is needed for it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from fde_cli.kube.connection import Connection
from fde_cli.kube.difference import difference, is_change
from fde_cli.kube.explanation import explanation
from fde_cli.kube.rehearsal import Step, why
from fde_cli.kube.standing import detail, overview, standing, table
from fde_cli.kube.target import deployment_of, key_of_target
from fde_events.errors import Misuse
from fde_operator.errors import Denied
from fde_operator.key import Key


def a_condition(kind: str, status: str, reason: str, message: str = "", generation: int = 3) -> dict[str, Any]:
    return {"type": kind, "status": status, "reason": reason, "message": message, "observedGeneration": generation}


def a_deployment(*conditions: dict[str, Any], spec: dict[str, Any] | None = None, **status: Any) -> dict[str, Any]:
    return {
        "kind": "FDEDeployment",
        "metadata": {"name": "sync", "namespace": "customer-northgate", "generation": 3},
        "spec": {
            "primitiveRef": {"name": "incident-sync", "version": "v1.0.0"},
            "environment": {"networkZone": "dmz"},
            "lifecycle": {"phase": "production", "autoUpdatePolicy": "patch-only"},
            **(spec or {}),
        },
        "status": {"observedGeneration": 3, "conditions": list(conditions), **status},
    }


def a_feed(*conditions: dict[str, Any], name: str = "sync", **spec: Any) -> dict[str, Any]:
    metadata = {"name": name, "namespace": "customer-northgate", "generation": 3}
    spec = {"deploymentRef": {"name": "sync"}, "signals": ["errors"], **spec}
    return {"kind": "TelemetryFeed", "metadata": metadata, "spec": spec, "status": {"conditions": list(conditions)}}


def a_config(**data: str) -> dict[str, Any]:
    metadata = {"name": "files", "namespace": "n", "uid": "1", "resourceVersion": "7", "managedFields": [{}]}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


KUBECONFIG = """
current-context: here
contexts: [{name: here, context: {cluster: one, user: ana}}]
clusters: [{name: one, cluster: {server: "https://127.0.0.1:1"}}]
users: [{name: ana, user: {token: none}}]
"""
KEY = Key("ConfigMap", "n", "files")


def test_a_row_tells_versions_readiness_window_and_feed() -> None:
    ready = a_condition("Ready", "True", "Available")
    versions = {"resolvedVersion": "v1.0.1", "availableVersion": "v1.0.2", "nextWindow": "2026-11-22T02:00:00+01:00"}
    one = standing(a_deployment(ready, **versions), [a_feed(ready, egress={"state": "hold"}), a_feed(name="a-other")])
    assert (one.runs, one.available, one.ready, one.next_window) == ("v1.0.1", "v1.0.2", "True", versions["nextWindow"])
    assert one.feed == "a-other: NotSeenYet"  # the first by name is the one in use
    assert standing(a_deployment(ready), [a_feed(ready, egress={"state": "hold"})]).feed == "sync: Ready, egress hold"
    header, row = overview([one]).splitlines()
    assert header.split()[:4] == ["NAMESPACE", "NAME", "PRIMITIVE", "RUNS"]
    assert row.split()[:7] == ["customer-northgate", "sync", "incident-sync", "v1.0.1", "v1.0.2", "True", "Available"]
    assert "policy patch-only, v1.0.2 is available" in detail(one)


def test_what_was_said_of_an_earlier_generation_is_not_told_as_if_it_was_of_this_one() -> None:
    one = standing(a_deployment(a_condition("Ready", "True", "Available", generation=2)), [])
    assert (one.ready, one.reason) == ("Unknown", "NotSeenYet")
    assert "True (of an earlier generation)" in detail(one)
    assert standing({**a_deployment(), "status": {}}, []).reason == "NotSeenYet"


def test_an_empty_cell_is_a_dash_and_columns_are_aligned() -> None:
    assert table(("A", "LONG"), [("x", None), ("yyyy", "z")]) == "A     LONG\nx     -\nyyyy  z"


def test_a_difference_is_by_line_and_leaves_out_what_the_server_writes() -> None:
    before, after = a_config(**{"sync.py": "one\ntwo\nthree\n"}), a_config(**{"sync.py": "one\n2\nthree\n"})
    after["metadata"] |= {"resourceVersion": "8", "uid": "1"}
    shown = difference(Step("update", KEY, before, after))
    changed = [line.replace(" ", "") for line in shown.splitlines()[3:] if line.startswith(("+", "-"))]
    assert changed == ["-two", "+2"]
    assert "resourceVersion" not in shown


def test_an_apply_that_the_server_makes_nothing_of_is_no_change() -> None:
    same = Step("update", KEY, a_config(a="1"), {**a_config(a="1"), "status": {"x": 1}})
    assert not is_change(same)
    assert is_change(Step("create", KEY, None, a_config(a="1")))
    assert is_change(Step("delete", KEY, a_config(a="1"), None))


def test_no_secret_is_shown_whatever_is_done_with_it() -> None:
    word = "s3" + "same"
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "s"},
        "data": {"a": word},
        "stringData": {"b": word},
    }
    for before, after in ((None, secret), (secret, None), (secret, {**secret, "data": {"a": word * 2}})):
        assert word not in difference(Step("apply", Key("Secret", "n", "s"), before, after))


def test_a_refused_right_is_told_in_words_and_every_other_refusal_as_it_is() -> None:
    rbac = Denied(
        'deployments.apps "sync" is forbidden: User "b" cannot patch resource "deployments" in API group "apps"'
    )
    assert why(rbac) == "you may not patch deployments here"
    assert why(Denied("admission says no")) == "admission says no"


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("sync", Key("FDEDeployment", "here", "sync")),
        ("fded/sync", Key("FDEDeployment", "here", "sync")),
        ("plib/core", Key("PatternLibrary", "", "core")),
        ("deploymentprimitives.fde.io/a.v1.0.0", Key("DeploymentPrimitive", "", "a.v1.0.0")),
    ],
)
def test_a_target_is_named_by_any_of_its_kinds_names(text: str, key: Key) -> None:
    assert key_of_target(text, "here") == key


@pytest.mark.parametrize("text", ["pods/sync", "fded/", ""])
def test_a_target_of_another_kind_is_refused_with_the_kinds_there_are(text: str) -> None:
    with pytest.raises(Misuse, match="plib/NAME"):
        key_of_target(text, "here")


def test_a_deployment_that_is_held_back_is_explained_with_the_reason_first_and_the_next_step() -> None:
    message = "parameter instanceHost is required"
    conditions = [
        a_condition("Ready", "False", "ParametersInvalid", message),
        a_condition("Reconciling", "False", "ParametersInvalid"),
        a_condition("Stalled", "True", "ParametersInvalid", message),
        a_condition("ParametersValid", "False", "ParametersInvalid", message),
        a_condition("UpdatePending", "Unknown", "NotChecked", "something before it holds the deployment back"),
    ]
    first, versions, stalled, *rest = explanation(a_deployment(*conditions))
    assert first == "customer-northgate/sync does not run as it should: ParametersInvalid."
    assert versions == "No version of incident-sync runs: its spec names v1.0.0."
    assert "Parameter instanceHost is required." in stalled
    assert "Next: `kubectl get dprim incident-sync.v1.0.0 -o yaml`" in stalled
    assert rest == [], "one cause is told once"


def test_a_pending_update_is_explained_with_its_window_and_the_way_around_it() -> None:
    pending = a_condition("UpdatePending", "True", "OutsideWindow", "v1.0.1 is taken when the window opens")
    window = "2026-11-22T02:00:00+01:00"
    said = "\n".join(
        explanation(
            a_deployment(
                a_condition("Ready", "True", "Available"),
                pending,
                resolvedVersion="v1.0.0",
                availableVersion="v1.0.1",
                nextWindow=window,
            )
        )
    )
    assert "runs as it should" in said
    assert f"v1.0.1 is available. The next window opens at {window}." in said
    assert "kubectl -n customer-northgate annotate --overwrite fded sync fde.io/update-now=v1.0.1" in said


def test_what_nobody_can_know_is_told_only_of_one_that_does_not_work() -> None:
    unknown = a_condition("SecretsReady", "Unknown", "ReadInThePod", "the pod logs in to Vault by itself")
    well = explanation(a_deployment(a_condition("Ready", "True", "Available"), unknown))
    assert not [one for one in well if "Vault" in one]
    bad = explanation(a_deployment(a_condition("Ready", "False", "Progressing"), unknown))
    assert [
        one for one in bad if one.startswith("SecretsReady is not known (SecretsReady: ReadInThePod). The pod logs in")
    ]


def test_an_edit_that_nobody_looked_at_yet_is_told_as_such() -> None:
    behind = a_deployment(a_condition("Ready", "True", "Available", generation=2), observedGeneration=2)
    assert "has not looked at the last edit yet (generation 3, looked at 2)" in explanation(behind)[0]
    assert "is it running?" in explanation({**behind, "status": {}})[0]


@pytest.mark.parametrize(
    ("attempt", "sentence"),
    [
        ({"failedAt": "T2", "reason": "JobFailed"}, "failed at T2: JobFailed"),
        ({"readyAt": "T1"}, "was ready at T1"),
        ({"reason": "Superseded"}, "was left: Superseded"),
        ({}, "is under way"),
    ],
)
def test_the_last_attempt_is_told(attempt: dict[str, str], sentence: str) -> None:
    said = explanation(a_deployment(attempts=[{"version": "v1.0.0", "startedAt": "T0", **attempt}]))
    assert f"The last attempt, v1.0.0 begun at T0, {sentence}." in said


def test_a_feed_in_trouble_is_told_beside_its_deployment() -> None:
    feed = a_feed(a_condition("Synced", "False", "KafkaAway", "no broker answered"))
    said = explanation(a_deployment(a_condition("Ready", "True", "Available")), feeds=[feed])
    assert "KafkaAway). No broker answered. The deployment runs all the same." in said[-1]


LIBRARY = {
    "kind": "PatternLibrary",
    "metadata": {"name": "core", "generation": 1},
    "spec": {},
    "status": {
        "observedGeneration": 1,
        "conditions": [],
        "entries": [
            {
                "name": "incident-sync",
                "version": "v1.0.0",
                "maturity": "beta",
                "since": "T0",
                "reason": "PassedBeta",
                "attempts": 7,
                "pending": 2,
                "usageCount": 4,
                "successRate": 0.857,
                "deploySeconds": 31,
                "lacks": ["success rate 0.86, production asks for 0.99", "4 customers, production asks for 10"],
            }
        ],
    },
}


def test_a_library_says_of_each_version_why_it_is_not_promoted() -> None:
    _, entry = explanation(LIBRARY)
    assert entry.splitlines() == [
        "incident-sync v1.0.0 is beta (PassedBeta): 4 customers, 7 attempts and 2 not settled, success rate 0.86, "
        "ready after 31 s.",
        "  Lacks: success rate 0.86, production asks for 0.99",
        "  Lacks: 4 customers, production asks for 10",
    ]


def test_a_primitive_says_what_the_libraries_hold_of_it() -> None:
    primitive = {
        "kind": "DeploymentPrimitive",
        "metadata": {"name": "incident-sync.v1.0.0", "generation": 1},
        "spec": {"primitiveName": "incident-sync", "version": "v1.0.0"},
        "status": {"observedGeneration": 1, "maturity": "beta", "usage": {"deployments": 5, "ready": 4}},
    }
    first, inside = explanation(primitive, libraries=[LIBRARY])
    assert first == "incident-sync.v1.0.0 is beta: 5 deployments run it, 4 of them are ready."
    assert inside.startswith("In library core: incident-sync v1.0.0 is beta")
    assert "No library that you see holds it" in explanation(primitive)[1]


def test_a_deployment_is_named_as_kubectl_names_it_and_another_kind_is_told() -> None:
    assert deployment_of("fded/sync", "n") == deployment_of("sync", "n") == Key("FDEDeployment", "n", "sync")
    with pytest.raises(Misuse, match="is a TelemetryFeed"):
        deployment_of("tfeed/sync", "n")


@pytest.mark.parametrize("name", ["..", "a?watch=true", "a#b", "a%2fb", "Bad", "-a", "a.", "a" * 254, "été", "a b"])
def test_what_cannot_be_a_name_is_not_asked_for(name: str) -> None:
    """It would become a part of an address."""
    for text in (name, f"fded/{name}", f"dprim/{name}"):
        with pytest.raises(Misuse, match="is no name of an object"):
            key_of_target(text, "customer-northgate")


@pytest.mark.parametrize("namespace", ["..", "a/b", "a?b", "a.b", "Bad Name", "a" * 64])
def test_what_cannot_be_a_namespace_is_not_asked_in(namespace: str, tmp_path: Path) -> None:
    (tmp_path / "config").write_text(KUBECONFIG)
    with pytest.raises(Misuse, match="is no name of a namespace"):
        Connection.of(str(tmp_path / "config"), namespace)
    assert Connection.of(str(tmp_path / "config"), "customer-northgate").namespace == "customer-northgate"
