"""Consent on the real API server: who may let out more than a feed lets out, and who may only narrow it.

Marker `cluster`. The specification of deploy/policies/consent.yaml and of role fde-customer.
"""

from __future__ import annotations

from typing import Any

import pytest

OWNER = "nobody@company.example"  # who has no role of ours but this one
NEEDS = r"(?s)takes verb consent on telemetryfeeds/consent \(role fde-customer\)"


@pytest.fixture
def owner(api: Any, customer: str) -> str:
    """A person with the customer's role in the customer's namespace alone."""
    api.create(
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "RoleBinding",
            "metadata": {"name": "fde-customer", "namespace": customer},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "fde-customer"},
            "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": OWNER}],
        }
    )
    return "nobody"


def feed(namespace: str, **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "fde.io/v1",
        "kind": "TelemetryFeed",
        "metadata": {"name": "sync", "namespace": namespace},
        "spec": {"deploymentRef": {"name": "sync"}, "signals": ["errors"], **spec},
    }


RULED: dict[str, Any] = {"redaction": {"rules": [{"name": "badge", "pattern": "B-\\d{5}"}]}}
WIDER: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({}, {"signals": ["errors", "performance"]}),
    ({"redaction": {"mode": "strict"}}, {"redaction": {"mode": "standard"}}),
    ({"redaction": {"mode": "strict"}}, {"redaction": None}),
    ({"egress": {"state": "hold"}}, {"egress": {"state": "on"}}),
    ({"egress": {"state": "off"}}, {"egress": {"state": "hold"}}),
    ({"egress": {"state": "off"}}, {"egress": None}),
    ({}, {"egress": {"source": True}}),
    ({}, {"sink": {"bootstrapServers": "elsewhere.example:9092"}}),
    (RULED, {"redaction": {"rules": []}}),
    (RULED, {"redaction": {"rules": [{"name": "badge", "pattern": "B-\\d{99}"}]}}),
]


@pytest.mark.parametrize(("before", "change"), WIDER, ids=[str(change) for _, change in WIDER])
def test_only_the_customer_s_role_lets_out_more(
    api: Any, given: Any, customer: str, owner: str, before: dict[str, Any], change: dict[str, Any]
) -> None:
    api.create(feed(customer, **before), user="ben")
    with pytest.raises(given.refused, match=NEEDS):
        api.patch("TelemetryFeed", "sync", {"spec": change}, customer, "ben")
    api.patch("TelemetryFeed", "sync", {"spec": change}, customer, owner)


def test_an_engineer_may_narrow_a_feed_and_change_what_lets_nothing_out(api: Any, given: Any, customer: str) -> None:
    api.create(feed(customer, signals=["errors", "performance"]), user="ben")
    for change in (
        {"signals": ["errors"]},
        {"sampling": {"full": 7}},
        {"redaction": {"mode": "strict"}},
        RULED,
        {"redaction": {"rules": [*RULED["redaction"]["rules"], {"name": "desk", "pattern": "D-\\d{3}"}]}},
        {"egress": {"state": "hold"}},
        {"egress": {"state": "off"}},
    ):
        api.patch("TelemetryFeed", "sync", {"spec": change}, customer, "ben")


def test_source_code_is_not_turned_on_by_making_a_feed(api: Any, given: Any, customer: str, owner: str) -> None:
    with pytest.raises(given.refused, match=NEEDS):
        api.create(feed(customer, egress={"source": True}), user="ben")
    made = api.create(feed(customer, egress={"source": True}), user=owner)
    assert made["spec"]["egress"] == {"source": True, "state": "on"}


def test_the_customer_s_role_ends_at_the_namespace(api: Any, given: Any, owner: str) -> None:
    with pytest.raises(given.refused, match="forbidden"):
        api.list("TelemetryFeed", "default", user=owner)


@pytest.mark.parametrize("state", ["stop", True])
def test_a_state_that_is_none_is_refused(api: Any, given: Any, customer: str, state: object) -> None:
    with pytest.raises(given.refused, match=r"spec.egress.state"):
        api.create(feed(customer, egress={"state": state}), user="ben")


def test_a_narrowed_feed_is_not_widened_by_deleting_it(api: Any, given: Any, customer: str, owner: str) -> None:
    api.create(feed(customer, egress={"state": "hold"}), user="ben")
    with pytest.raises(given.refused, match=NEEDS):
        api.delete("TelemetryFeed", "sync", customer, user="ben")
    api.delete("TelemetryFeed", "sync", customer, user=owner)
    api.create(feed(customer, signals=["errors", "performance", "rateLimit", "schemaDrift"]), user="ben")
    api.delete("TelemetryFeed", "sync", customer, user="ben")  # made again it is the same


def test_only_the_customer_s_role_lets_a_feed_go_with_its_login(
    api: Any, given: Any, customer: str, owner: str
) -> None:
    forced = {"metadata": {"annotations": {"fde.io/force-removal": "true"}}}
    body = feed(customer)
    with pytest.raises(given.refused, match=NEEDS):
        api.create({**body, "metadata": {**body["metadata"], **forced["metadata"]}}, user="ben")
    api.create(body, user="ben")
    with pytest.raises(given.refused, match=NEEDS):
        api.patch("TelemetryFeed", "sync", forced, customer, "ben")
    api.patch("TelemetryFeed", "sync", forced, customer, owner)
    api.patch("TelemetryFeed", "sync", {"spec": {"sampling": {"full": 7}}}, customer, "ben")  # what was given stays


def test_a_feed_of_one_s_own_comes_beside_the_operator_s_as_long_as_nobody_edited_that(
    api: Any, given: Any, customer: str, owner: str
) -> None:
    everything = feed(customer, signals=["errors", "performance", "rateLimit", "schemaDrift"])
    everything["metadata"]["labels"] = {"app.kubernetes.io/managed-by": "fde-operator"}
    api.create(everything, user="operator")

    def own(name: str, **spec: Any) -> dict[str, Any]:
        found = feed(customer, **spec)
        return {**found, "metadata": {**found["metadata"], "name": name}}

    with pytest.raises(given.refused, match=NEEDS):
        api.create(own("sync-open", egress={"source": True}), user="ben")
    api.create(own("sync-own", signals=everything["spec"]["signals"]), user="ben")

    def refused(body: dict[str, Any]) -> bool:
        """The server's memory of parameters is a moment behind."""
        try:
            api.create(body, user="ben", dryRun="All")
        except given.refused as why:
            return "change that one" in str(why)
        return False

    given.eventually(lambda: refused(own("sync-third")), 10)
    with pytest.raises(given.refused, match="only delete the default feed"):
        api.delete("TelemetryFeed", "sync-own", customer, user="operator")
    api.delete("TelemetryFeed", "sync-own", customer, user=owner)
    given.eventually(lambda: not refused(own("sync-third")), 10)
    edits: list[tuple[dict[str, Any], dict[str, Any]]] = [
        ({"sampling": {"full": 7}}, {"sampling": None}),
        ({"solutionPaths": ["/data"]}, {"solutionPaths": None}),
        ({"sink": {"bootstrapServers": "elsewhere.example:9092"}}, {"sink": None}),
    ]
    for edit, back in edits:  # the operator would not delete it, and the second one would not be read
        api.patch("TelemetryFeed", "sync", {"spec": edit}, customer, owner)
        given.eventually(lambda: refused(own("sync-third")), 10)
        api.patch("TelemetryFeed", "sync", {"spec": back}, customer, owner)
        given.eventually(lambda: not refused(own("sync-third")), 10)
    api.patch("TelemetryFeed", "sync", {"spec": {"redaction": {"mode": "strict"}}}, customer, "ben")
    given.eventually(lambda: refused(own("sync-strict", redaction={"mode": "strict"})), 10)
    with pytest.raises(given.refused, match=NEEDS):  # the operator has no consent either
        api.delete("TelemetryFeed", "sync", customer, user="operator")
