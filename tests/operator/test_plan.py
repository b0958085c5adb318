from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fde_operator.key import Key
from fde_operator.plan import Apply, Create, Delete, Desired, exactly, holds, plan


def an_object(kind: str = "ConfigMap", name: str = "a", **more: Any) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": kind,
        "metadata": {"name": name, "namespace": "n", "uid": f"uid-{name}"},
        **more,
    }


def test_what_is_missing_is_applied_in_the_order_of_the_desired() -> None:
    first, second = an_object(name="a"), an_object("Deployment", "b")
    assert plan([], [Desired(first), Desired(second)]) == (Apply(first), Apply(second))


def test_what_is_as_it_should_be_costs_no_write_whatever_the_server_added() -> None:
    found = an_object(data={"x": "1"}, status={"seen": True})
    found["metadata"]["resourceVersion"] = "7"
    assert plan([found], [Desired(an_object(data={"x": "1"}))]) == ()


def test_a_foreign_edit_is_repaired() -> None:
    wanted = an_object(spec={"replicas": 1})
    assert plan([an_object(spec={"replicas": 5})], [Desired(wanted)]) == (Apply(wanted),)


def test_what_is_owned_and_no_longer_desired_is_deleted_by_uid_and_after_everything_else() -> None:
    wanted = an_object("CronJob", "b")
    assert plan([an_object("Deployment", "a")], [Desired(wanted)]) == (
        Apply(wanted),
        Delete(Key("Deployment", "n", "a"), "uid-a"),
    )


def test_kinds_to_keep_and_objects_already_going_are_left_alone() -> None:
    going = an_object("Job", "b")
    going["metadata"]["deletionTimestamp"] = "2026-11-21T00:00:00Z"
    assert plan([an_object("ConfigMap", "a"), going], [], keep={"ConfigMap"}) == ()


def test_what_is_made_once_belongs_to_its_owner_afterwards() -> None:
    wanted = an_object("TelemetryFeed", "a", spec={"redaction": {"mode": "standard"}})
    edited = an_object("TelemetryFeed", "a", spec={"redaction": {"mode": "strict"}})
    assert plan([], [Desired(wanted, once=True)]) == (Create(wanted),)
    assert plan([edited], [Desired(wanted, once=True)]) == ()


def test_an_empty_list_we_want_is_not_there_when_somebody_filled_it() -> None:
    assert holds({}, {"ingress": []})
    assert not holds({"ingress": [{}]}, {"ingress": []})
    assert not holds({"a": 1}, {"a": True})


PORT = {"protocol": "TCP", "port": 443}
NETWORK: dict[str, Any] = {
    "podSelector": {"matchLabels": {"fde.io/deployment": "sync"}},
    "policyTypes": ["Ingress", "Egress"],
    "ingress": [],
    "egress": [{"to": [{"namespaceSelector": {"matchLabels": {"a": "b"}}}], "ports": [PORT]}],
}
BUDGET: dict[str, Any] = {"maxUnavailable": 1, "selector": {"matchLabels": {"fde.io/deployment": "sync"}}}


@pytest.mark.parametrize(
    ("kind", "spec", "found"),
    [
        ("NetworkPolicy", NETWORK, {"egress": [{**NETWORK["egress"][0], "ports": [{**PORT, "endPort": 65535}]}]}),
        ("NetworkPolicy", NETWORK, {"egress": [{**NETWORK["egress"][0], "to": [{"namespaceSelector": {}}]}]}),
        (
            "NetworkPolicy",
            NETWORK,
            {"podSelector": {**NETWORK["podSelector"], "matchExpressions": [{"key": "q", "operator": "Exists"}]}},
        ),
        (
            "PodDisruptionBudget",
            BUDGET,
            {"selector": {**BUDGET["selector"], "matchExpressions": [{"key": "q", "operator": "Exists"}]}},
        ),
    ],
)
def test_what_somebody_adds_to_isolation_or_to_a_budget_is_no_less_an_edit(
    kind: str, spec: dict[str, Any], found: dict[str, Any]
) -> None:
    wanted = an_object(kind, spec=spec)
    assert plan([an_object(kind, spec=spec)], [Desired(wanted)]) == ()
    assert plan([an_object(kind, spec={**spec, **found})], [Desired(wanted)]) == (Apply(wanted),)


def test_a_field_that_an_apply_would_leave_to_who_added_it_is_taken_away_by_name() -> None:
    """With minAvailable beside maxUnavailable the server refuses the apply, for ever."""
    theirs = {"minAvailable": "100%", "selector": BUDGET["selector"]}
    (action,) = plan(
        [an_object("PodDisruptionBudget", spec=theirs)], [Desired(an_object("PodDisruptionBudget", spec=BUDGET))]
    )
    assert action == Apply(an_object("PodDisruptionBudget", spec={**BUDGET, "minAvailable": None}))


def test_exactly_forgives_a_list_that_the_server_drops_and_nothing_else() -> None:
    assert exactly({"egress": [{"to": [1]}]}, {"ingress": [], "egress": [{"to": [1], "ports": []}]})
    assert not exactly({"namespaceSelector": {}}, {})
    assert not exactly({"port": "443"}, {"port": 443})


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner, max_size=3),
    max_leaves=8,
)


@given(values)
def test_everything_holds_itself(value: Any) -> None:
    assert holds(value, value)


@given(st.lists(st.sampled_from("abcdef"), unique=True), st.lists(st.sampled_from("abcdef"), unique=True))
def test_a_plan_that_was_carried_out_leaves_nothing_to_do(before: list[str], after: list[str]) -> None:
    observed = {name: an_object(name=name, data={"v": "old"}) for name in before}
    wanted = [Desired(an_object(name=name, data={"v": "new"})) for name in after]
    for action in plan(observed.values(), wanted):
        if isinstance(action, Delete):
            del observed[action.key.name]
        else:
            observed[action.manifest["metadata"]["name"]] = action.manifest
    assert sorted(observed) == sorted(after)
    assert plan(observed.values(), wanted) == ()
