"""What a feed adds to a workload that is not ours, and to which."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from fde_operator import attach
from fde_operator.settings import OperatorSettings

UID = "uid-of-the-feed"
SETTINGS = OperatorSettings(brokers="kafka.example:9093", kafka_users=True)
FEED = {
    "apiVersion": "fde.io/v1",
    "kind": "TelemetryFeed",
    "metadata": {"name": "shop", "namespace": "customer-northgate", "uid": UID},
    "spec": {"workloadSelector": {"matchLabels": {"app": "shop"}}, "signals": ["errors"]},
}


def theirs(
    name: str = "shop", *, opted: bool = True, labels: dict[str, str] | None = None, **app: Any
) -> dict[str, Any]:
    annotations = {attach.OPT_IN: "true"} if opted else {}
    metadata = {"name": name, "namespace": "customer-northgate", "uid": f"uid-{name}", "annotations": annotations}
    container = {"name": "app", "image": "shop:1", **app}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {**metadata, "labels": {"app": "shop", **(labels or {})}},
        "spec": {"template": {"spec": {"containers": [container]}}},
    }


def added(target: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = attach.addition(target, FEED, "northgate", SETTINGS)["spec"]["template"]["spec"]
    return found


def test_only_a_workload_whose_owner_opted_in_is_touched_and_the_others_are_told_how() -> None:
    no = theirs("no", opted=False)
    found = attach.attachment(UID, [theirs(), no], [])
    assert (found.on, found.waiting) == ((theirs(),), (no,))
    reason, message = attach.told(found, "customer-northgate")
    assert reason == "NotOptedIn"
    assert "kubectl -n customer-northgate patch deployment no --type merge -p " in message
    assert '{"metadata":{"annotations":{"fde.io/telemetry":"true"}}}' in message


@pytest.mark.parametrize("word", ["True", "false", "yes", ""])
def test_opting_in_takes_the_very_word(word: str) -> None:
    target = theirs()
    target["metadata"]["annotations"][attach.OPT_IN] = word
    assert attach.attachment(UID, [target], []).on == ()


def test_who_takes_the_annotation_back_or_is_no_longer_selected_loses_the_sidecar() -> None:
    back = theirs("back", opted=False, labels={attach.ATTACHED: UID})
    gone = theirs("gone", labels={attach.ATTACHED: UID})
    found = attach.attachment(UID, [back], [back, gone])
    assert found.off == (back, gone)
    assert found.waiting == (back,)


def test_our_own_workloads_and_another_feed_s_are_left_alone() -> None:
    ours = theirs("sync", labels={"app.kubernetes.io/managed-by": "fde-operator"})
    other = theirs("taken", labels={attach.ATTACHED: "uid-of-another"})
    found = attach.attachment(UID, [ours, other], [])
    assert found == attach.Attachment(taken=(other,))
    assert attach.told(found, "n")[0] == "Taken"
    assert attach.told(attach.attachment(UID, [ours], []), "n")[0] == "NoWorkload"


def test_the_sidecar_needs_nothing_of_the_pod_and_the_pod_nothing_of_it() -> None:
    pod = added(theirs())
    (side,) = pod["initContainers"]
    assert (side["restartPolicy"], side["securityContext"]["runAsUser"]) == ("Always", 65532)
    assert "startupProbe" not in side
    volumes = {one["name"]: one for one in pod["volumes"]}
    assert {mount["name"] for mount in side["volumeMounts"]} == volumes.keys()
    assert volumes["fde-feed"]["configMap"] == {"name": "fde-feed.shop", "optional": True}
    assert volumes["fde-identity"]["projected"]["defaultMode"] == 0o444  # the pod's groups are its owner's
    assert {"name": "FDE_CUSTOMER", "value": "northgate"} in side["env"]


def test_an_app_that_says_where_it_sends_keeps_its_word() -> None:
    (app,) = added(theirs(env=[{"name": "OTEL_EXPORTER_OTLP_ENDPOINT", "value": "http://collector.example"}]))[
        "containers"
    ]
    assert [one["name"] for one in app["env"]] == ["FDE_LOG"]
    (app,) = added(theirs())["containers"]
    assert {one["name"] for one in app["env"]} == {
        "FDE_LOG",
        "OTEL_EXPORTER_OTLP_ENDPOINT",
        "OTEL_EXPORTER_OTLP_PROTOCOL",
    }
    assert app.keys() == {"name", "env", "volumeMounts"}  # not its image, not its command


def test_what_was_added_is_found_again_among_what_the_server_and_the_owner_have_there() -> None:
    target = theirs(env=[{"name": "MODE", "value": "x"}])
    patch = attach.addition(target, FEED, "northgate", SETTINGS)
    merged = copy.deepcopy(target)
    merged["metadata"]["labels"] |= patch["metadata"]["labels"]
    pod, ours = merged["spec"]["template"]["spec"], patch["spec"]["template"]["spec"]
    pod["initContainers"] = [{"name": "migrate"}, {**ours["initContainers"][0], "imagePullPolicy": "IfNotPresent"}]
    pod["volumes"] = [{"name": "data", "emptyDir": {}}, *ours["volumes"]]
    pod["containers"][0]["env"] += ours["containers"][0]["env"]
    pod["containers"][0]["volumeMounts"] = ours["containers"][0]["volumeMounts"]
    assert attach.carries(merged, attach.addition(merged, FEED, "northgate", SETTINGS))
    pod["initContainers"][1]["image"] = "another"
    assert not attach.carries(merged, attach.addition(merged, FEED, "northgate", SETTINGS))
    del pod["initContainers"][1]
    assert not attach.carries(merged, attach.addition(merged, FEED, "northgate", SETTINGS))


def test_the_document_carries_the_compliance_of_its_feed() -> None:
    marked = copy.deepcopy(FEED)
    marked["metadata"]["labels"] = {"compliance.fde.io/soc2": "required", "team": "shop"}  # type: ignore[index]
    labels = attach.document(marked)["metadata"]["labels"]
    assert labels == {"app.kubernetes.io/managed-by": "fde-operator", "compliance.fde.io/soc2": "required"}


def test_whoever_wants_the_containers_left_alone_gets_the_sidecar_alone_and_loses_what_was_added_before() -> None:
    target = theirs()
    before = attach.addition(target, FEED, "northgate", SETTINGS)
    merged = copy.deepcopy(target)
    merged["metadata"]["labels"] |= before["metadata"]["labels"]
    merged["spec"]["template"]["spec"] |= before["spec"]["template"]["spec"]
    assert attach.stands(merged, before)
    merged["metadata"]["annotations"][attach.CONTAINERS] = "none"
    after = attach.addition(merged, FEED, "northgate", SETTINGS)
    assert "containers" not in after["spec"]["template"]["spec"]
    assert after["spec"]["template"]["spec"]["initContainers"] == before["spec"]["template"]["spec"]["initContainers"]
    assert not attach.stands(merged, after)  # the apply takes them away
    merged["spec"]["template"]["spec"]["containers"] = target["spec"]["template"]["spec"]["containers"]
    assert attach.stands(merged, after)


def test_what_an_apply_of_theirs_may_run_into_is_said_before_it_does() -> None:
    _, message = attach.told(attach.attachment(UID, [theirs()], []), "n")
    assert "image: Required value" in message and f'{attach.CONTAINERS}: "none"' in message
