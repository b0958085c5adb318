from __future__ import annotations

from typing import Any

import pytest

from fde_operator.conditions import condition, contended, settled, status_patch
from fde_operator.plan import Apply
from fde_operator.undone import undone

THEN, NOW = "2026-11-21T00:00:00Z", "2026-11-21T01:00:00Z"


def an_object(status: dict[str, Any] | None = None, generation: int = 3) -> dict[str, Any]:
    found: dict[str, Any] = {
        "apiVersion": "fde.io/v1",
        "kind": "FDEDeployment",
        "metadata": {"name": "a", "namespace": "n", "generation": generation, "uid": "u"},
    }
    return found | ({"status": status} if status is not None else {})


def test_the_time_of_transition_moves_only_with_the_status() -> None:
    (before,) = settled([], [condition("Ready", False, "Progressing")], generation=1, now=THEN)
    (same,) = settled([before], [condition("Ready", False, "Other")], generation=2, now=NOW)
    (turned,) = settled([before], [condition("Ready", True, "Available")], generation=2, now=NOW)
    assert (same["lastTransitionTime"], same["observedGeneration"], same["reason"]) == (THEN, 2, "Other")
    assert turned["lastTransitionTime"] == NOW


def test_a_status_that_says_it_all_is_not_written_again() -> None:
    ready = [condition("Ready", True, "Available")]
    patch = status_patch(an_object(), ready, {"resolvedVersion": "v1.0.0", "nextWindow": None}, now=THEN)
    assert patch is not None
    assert patch["status"]["resolvedVersion"] == "v1.0.0"
    assert "nextWindow" not in patch["status"]
    assert (
        status_patch(an_object(patch["status"]), ready, {"resolvedVersion": "v1.0.0", "nextWindow": None}, now=NOW)
        is None
    )


def test_a_new_generation_is_acknowledged_even_if_nothing_else_changed() -> None:
    ready = [condition("Ready", True, "Available")]
    patch = status_patch(an_object(), ready, {}, now=THEN)
    assert patch is not None
    again = status_patch(an_object(patch["status"], generation=4), ready, {}, now=NOW)
    assert again is not None
    assert again["status"]["observedGeneration"] == 4


def test_a_field_that_is_no_longer_true_is_taken_away() -> None:
    patch = status_patch(an_object({"publishedAs": "x.v1.0.0"}), [], {"publishedAs": None}, now=NOW)
    assert patch is not None
    assert "publishedAs" not in patch["status"]


def test_a_status_patch_names_the_object_and_nothing_else_of_it() -> None:
    patch = status_patch(an_object(), [], {}, now=NOW)
    assert patch is not None
    assert patch["metadata"] == {"name": "a", "namespace": "n"}
    assert "spec" not in patch


FOUGHT: dict[str, Any] = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "sync", "namespace": "n"},
    "spec": {
        "replicas": 1,
        "template": {"spec": {"containers": [{"name": "app", "env": [{"name": "A", "value": "1"}]}]}},
    },
}


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"replicas": 3}, "Deployment sync: spec.replicas"),
        (
            {"template": {"spec": {"containers": [{"name": "app", "env": [{"name": "A", "value": "the value"}]}]}}},
            "Deployment sync: spec.template.spec.containers[app].env[A].value",
        ),
        ({"template": {"spec": {"containers": []}}}, "Deployment sync: spec.template.spec.containers"),
        ({"replicas": 2, "template": None}, "Deployment sync: spec.replicas, spec.template"),
        ({}, "Deployment sync: spec"),
    ],
)
def test_who_fights_over_a_field_finds_its_name_in_the_condition_and_no_value(
    change: dict[str, Any], told: str
) -> None:
    found = {**FOUGHT, "spec": {**FOUGHT["spec"], **change}}
    assert undone([Apply(FOUGHT)], [found]) == [told]
    assert undone([Apply(FOUGHT)], []) == ["Deployment sync: it was deleted"]
    message = contended([told], an_object())["message"]
    assert told in message
    assert ("HorizontalPodAutoscaler" in message) == ("replicas" in told)


def test_a_look_between_two_blows_says_what_the_one_before_said() -> None:
    first = contended(["Deployment sync: spec.replicas"], an_object())
    assert contended([], an_object({"conditions": [first]})) == first
    assert "what belongs to this object" in contended([], an_object())["message"]
