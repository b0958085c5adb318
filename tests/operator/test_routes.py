"""What a change makes due."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from fde_operator import routes
from fde_operator.health import Health
from fde_operator.key import Key
from fde_operator.labels import DEPLOYMENT
from fde_operator.metrics import Metrics
from fde_operator.reconciler import Reconciler
from fde_operator.settings import OperatorSettings


@pytest.mark.parametrize(
    ("manifest", "keys"),
    [
        (
            {
                "kind": "FDEDeployment",
                "metadata": {"name": "a", "namespace": "n"},
                "spec": {"primitiveRef": {"name": "p"}},
            },
            {Key("FDEDeployment", "n", "a"), Key(routes.ATTACHED, "n", "a")},
        ),
        (
            {
                "kind": "TelemetryFeed",
                "metadata": {"name": "f", "namespace": "n"},
                "spec": {"deploymentRef": {"name": "a"}},
            },
            {
                Key("TelemetryFeed", "n", "f"),
                Key("FDEDeployment", "n", "a"),
                Key("FDEDeployment", "n", "f"),
                Key(routes.ATTACHED, "n", "a"),
            },
        ),
        (
            {"kind": "TelemetryFeed", "metadata": {"name": "f", "namespace": "n"}, "spec": {"workloadSelector": {}}},
            {Key("TelemetryFeed", "n", "f"), Key("FDEDeployment", "n", "f")},  # whose default feed has no name
        ),
        (
            {
                "kind": "TelemetryFeed",
                "metadata": {"name": "f", "namespace": "n", "deletionTimestamp": "2026-11-21T00:00:00Z"},
                "spec": {"workloadSelector": {}},
            },
            {  # its Kafka user may have been left behind
                Key("TelemetryFeed", "n", "f"),
                Key("FDEDeployment", "n", "f"),
                Key(routes.LEFT_BEHIND, "", "all"),
            },
        ),
        (
            {"kind": "Deployment", "metadata": {"name": "a", "namespace": "n", "labels": {"fde.io/deployment": "a"}}},
            {Key("FDEDeployment", "n", "a")},
        ),
        ({"kind": "Namespace", "metadata": {"name": "n"}}, {Key(routes.CUSTOMER_CHANGED, "n", "all")}),
        (
            {"kind": "DeploymentPrimitive", "metadata": {"name": "p.v1.0.0"}, "spec": {"primitiveName": "p"}},
            {Key("DeploymentPrimitive", "", "p.v1.0.0"), Key(routes.PRIMITIVE_CHANGED, "", "p")},
        ),
        (
            {"kind": "ValidatingAdmissionPolicy", "metadata": {"name": "x"}},
            {Key(routes.POLICY_CHANGED, "", "all")},
        ),
        ({"kind": "Deployment", "metadata": {"name": "foreign", "namespace": "n"}}, set()),
    ],
)
def test_an_event_makes_due_what_depends_on_its_object(manifest: dict[str, Any], keys: set[Key]) -> None:
    assert set(routes.now(manifest)) == keys


def test_the_numbers_of_the_version_asked_for_and_of_the_one_that_runs_are_counted_anew() -> None:
    deployment = {
        "kind": "FDEDeployment",
        "metadata": {"name": "a", "namespace": "n"},
        "spec": {"primitiveRef": {"name": "p", "version": "v1.0.0"}},
        "status": {"resolvedVersion": "v1.0.3"},
    }
    assert {key.name for key in routes.soon(deployment)} == {"p.v1.0.0", "p.v1.0.3"}
    assert routes.soon({**deployment, "kind": "TelemetryFeed"}) == ()


def test_who_follows_a_primitive_looks_again_when_a_version_is_good_for_more_and_not_when_it_is_counted() -> None:
    before = {"kind": "DeploymentPrimitive", "metadata": {"name": "p.v1.0.0"}, "spec": {"primitiveName": "p"}}
    counted = {**before, "status": {"maturity": "beta", "usage": {"ready": 3}}}
    assert routes.after_status(before, counted) == (Key(routes.PRIMITIVE_CHANGED, "", "p"),)
    assert routes.after_status(counted, {**before, "status": {"maturity": "beta", "usage": {"ready": 4}}}) == ()


def test_a_feed_that_says_something_else_of_its_deployment_is_compared_with_what_is() -> None:
    said = [{"type": "Attached", "reason": "DeploymentNotFound", "message": "m"}]
    before = {
        "kind": "TelemetryFeed",
        "metadata": {"name": "f", "namespace": "n"},
        "spec": {"deploymentRef": {"name": "a"}},
    }
    after = {**before, "status": {"conditions": said}}
    assert routes.after_status(before, after) == (Key(routes.ATTACHED, "n", "a"),)
    assert routes.after_status(after, {**after, "status": {"conditions": said, "kafka": {}}}) == ()
    assert (
        routes.after_status({**before, "spec": {"workloadSelector": {}}}, {**after, "spec": {"workloadSelector": {}}})
        == ()
    )


@pytest.mark.parametrize("kind", ["DeploymentPrimitive", "PatternLibrary"])
def test_a_record_or_a_gate_that_changed_makes_grades_due(kind: str) -> None:
    manifest = {"kind": kind, "metadata": {"name": "x"}, "spec": {"primitiveName": "p"}}
    assert routes.soon(manifest) == (Key(routes.GRADES_CHANGED, "", "all"),)


def test_a_version_that_was_tried_and_left_is_counted_too() -> None:
    spec = {"primitiveRef": {"name": "p", "version": "v1.0.0"}}
    status = {"resolvedVersion": "v1.0.0", "attempts": [{"version": "v1.0.0"}, {"version": "v1.1.0"}]}
    manifest = {"kind": "FDEDeployment", "metadata": {"name": "a", "namespace": "n"}, "spec": spec, "status": status}
    assert {key.name for key in routes.soon(manifest)} == {"p.v1.0.0", "p.v1.1.0"}


class Nowhere:
    async def record(self, decision: Any) -> None:
        """Nothing."""


def test_the_feeds_of_a_deployment_that_is_retired_are_looked_at_with_it_whatever_their_names(
    cluster: Any, given: Any
) -> None:
    """Nobody logs in for it any more."""
    retired = given.deployment(lifecycle={"phase": "retired"})
    namespace = retired["metadata"]["namespace"]
    for name, of in (("sync", "sync"), ("sync-strict", "sync"), ("other", "other")):
        feed = {"apiVersion": "fde.io/v1", "kind": "TelemetryFeed", "metadata": {"name": name, "namespace": namespace}}
        cluster.store({**feed, "spec": {"deploymentRef": {"name": of}}})
    elsewhere = {"name": "sync", "namespace": "customer-elsewhere"}
    cluster.store({**feed, "metadata": elsewhere, "spec": {"deploymentRef": {"name": "sync"}}})
    metrics = Metrics()
    reconciler = Reconciler(cluster, OperatorSettings(), Nowhere(), metrics=metrics, health=Health(metrics))

    async def queued() -> set[Key]:
        reconciler.changed(retired)
        deployment, feeds = [await reconciler.queue.get() for _ in range(2)]
        assert deployment == Key("FDEDeployment", namespace, "sync")
        await reconciler.reconcile(feeds)
        return {await reconciler.feeds.get() for _ in range(len(reconciler.feeds))}

    assert asyncio.run(queued()) == {Key("TelemetryFeed", namespace, name) for name in ("sync", "sync-strict")}


def test_a_child_that_lost_its_label_or_its_owner_by_hand_is_its_deployment_s_still() -> None:
    owner = {"kind": "FDEDeployment", "name": "a", "uid": "u"}
    metadata = {"name": "a", "namespace": "n", "labels": {DEPLOYMENT: "a"}, "ownerReferences": [owner]}
    for left in (metadata, {**metadata, "labels": {}}, {**metadata, "ownerReferences": None}):
        assert routes.now({"kind": "Deployment", "metadata": left}) == (Key("FDEDeployment", "n", "a"),)
    moved = {**metadata, "labels": {DEPLOYMENT: "b"}}
    assert {key.name for key in routes.now({"kind": "Deployment", "metadata": moved})} == {"a", "b"}


def test_what_belongs_to_a_feed_is_the_feed_s() -> None:
    owner = {"kind": "TelemetryFeed", "name": "shop", "uid": "u"}
    labels = {"app.kubernetes.io/managed-by": "fde-operator"}
    metadata = {"name": "fde-feed.shop", "namespace": "n", "labels": labels, "ownerReferences": [owner]}
    assert routes.now({"kind": "ConfigMap", "metadata": metadata}) == (Key("TelemetryFeed", "n", "shop"),)


def test_what_a_disruption_budget_counts_is_no_matter_of_its_deployment_and_an_edit_is() -> None:
    before = {
        "kind": "PodDisruptionBudget",
        "metadata": {"name": "a", "resourceVersion": "1", "labels": {"x": "y"}},
        "spec": {"maxUnavailable": 1},
    }
    counted = {**before, "metadata": {**before["metadata"], "resourceVersion": "2"}, "status": {"currentHealthy": 1}}
    edited = {**counted, "spec": {"maxUnavailable": 0}}
    hidden = {**counted, "metadata": {"name": "a", "resourceVersion": "3", "labels": {}}}
    assert not routes.matters(before, counted)
    assert routes.matters(before, edited) and routes.matters(before, hidden) and routes.matters(None, counted)
    assert routes.matters({**before, "kind": "Deployment"}, {**counted, "kind": "Deployment"})


@pytest.mark.parametrize("field", ["resolvedVersion", "appliedCompliance", "nextWindow"])
def test_a_deployment_of_another_version_or_compliance_has_its_feeds_looked_at(field: str) -> None:
    """Whose labels say so."""
    before = {"kind": "FDEDeployment", "metadata": {"name": "a", "namespace": "n"}, "spec": {}, "status": {field: "x"}}
    after = {**before, "status": {field: "y"}}
    due = () if field == "nextWindow" else (Key(routes.FEEDS, "n", "a"),)
    assert routes.after_status(before, after) == due
    assert routes.after_status(after, after) == ()
