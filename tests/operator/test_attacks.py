"""The real API server against people who try: who, what, and the sentence that answers them.

Marker `cluster`. The table is the specification of crds/manifests and deploy/policies.
"""

from __future__ import annotations

import asyncio
import re
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from fde_operator import deployment
from fde_operator.key import Key
from fde_operator.kubernetes import KubernetesCluster
from fde_operator.policies import Guard
from fde_operator.settings import OperatorSettings

DANA, ANA = "dana@company.example", "ana@company.example"
LIBRARY = "fde-library"


def review(reviewer: str = DANA, generation: int = 1, **more: Any) -> dict[str, Any]:
    return {"decision": "Approved", "reviewer": reviewer, "reviewedGeneration": generation, **more}


def test_every_kind_is_served_and_found_by_category_and_short_name(api: Any) -> None:
    found = {crd["spec"]["names"]["kind"]: crd for crd in api.list("CustomResourceDefinition")}
    assert {"PatternCandidate", "FDEDeployment", "DeploymentPrimitive"} <= set(found)
    for crd in found.values():
        conditions = {c["type"]: c["status"] for c in crd["status"]["conditions"]}
        assert conditions["Established"] == "True"
        assert conditions.get("NonStructuralSchema", "False") == "False"


CREATED_CANDIDATES: list[tuple[str, str, dict[str, Any], str]] = [
    ("another's name", "engine", {"author": {"username": ANA}}, "spec.author.username must be the requester"),
    ("decided from the start", "engine", {"review": review()}, "a candidate cannot be created already reviewed"),
    ("a person without the role", "nobody", {"author": {"username": "nobody@company.example"}}, "forbidden"),
    ("a reviewer may not propose", "dana", {"author": {"username": DANA}}, "forbidden"),
    ("a field nobody knows", "engine", {"contributers": [ANA]}, 'unknown field "spec.contributers"'),
    (
        "too few",
        "engine",
        {"signal": {"challenge": "x", "deployments": 0, "customers": 0}},
        "should be greater than or equal to 1",
    ),
]


@pytest.mark.parametrize(
    ("_why", "user", "spec", "answer"), CREATED_CANDIDATES, ids=lambda v: v if isinstance(v, str) else ""
)
def test_a_candidate_is_refused_at_its_creation(
    api: Any, given: Any, unique: str, _why: str, user: str, spec: dict[str, Any], answer: str
) -> None:
    body = given.candidate(given.spec(primitiveName=unique), name=unique)
    body["spec"] |= spec
    with pytest.raises(given.refused, match="(?s)" + answer):
        api.create(body, user=user)


def test_a_candidate_lives_in_the_library_only(api: Any, given: Any, customer: str, unique: str) -> None:
    body = given.candidate(given.spec(), name=unique)
    body["metadata"]["namespace"] = customer
    with pytest.raises(given.refused, match="cannot create resource"):
        api.create(body, user="engine")
    body["spec"]["author"]["username"] = "admin"
    with pytest.raises(given.refused, match=r"labelled fde.io/library"):
        api.create(body)


Patch = Callable[[dict[str, Any]], Any]
REVIEWS: list[tuple[str, str, Patch, str]] = [
    (
        "no verb approve, though update is allowed",
        "cem",
        lambda _: review("cem@company.example"),
        "lacks verb approve on patterncandidates/approval",
    ),
    (
        "in another's name",
        "dana",
        lambda _: review("eve@company.example"),
        "spec.review.reviewer must be the requester dana",
    ),
    ("of an older generation", "dana", lambda _: review(generation=7), "reviewedGeneration must be 1"),
    ("a contributor", "ana", lambda _: review(ANA), "contributor may not review|lacks verb approve"),
    (
        "the engine itself",
        "engine",
        lambda _: review("system:serviceaccount:fde-system:pattern-engine"),
        "author may not review|lacks verb",
    ),
    ("a rejection without a reason", "dana", lambda _: review(decision="Rejected"), "a rejection needs a reason"),
    (
        "a decision that does not exist",
        "dana",
        lambda _: review(decision="Perhaps"),
        'supported values: "Approved", "Rejected"',
    ),
    (
        "a program, though it may do all",
        "operator",
        lambda _: review("system:serviceaccount:fde-system:fde-operator"),
        "forbidden",
    ),
]


@pytest.mark.parametrize(("_why", "user", "make", "answer"), REVIEWS, ids=lambda v: v if isinstance(v, str) else "")
def test_a_review_is_refused(api: Any, given: Any, unique: str, _why: str, user: str, make: Patch, answer: str) -> None:
    api.create(given.candidate(given.spec(primitiveName=unique), name=unique), user="engine")
    with pytest.raises(given.refused, match="(?s)" + answer):
        api.patch("PatternCandidate", unique, {"spec": {"review": make({})}}, LIBRARY, user)


SMUGGLED: list[tuple[str, dict[str, Any], str]] = [
    (
        "the proposal",
        {"proposal": {"domain": "other"}, "proof": None},
        "a review may not change what it reviews|whoever edits a proposal",
    ),
    ("the proposal under the old proof", {"proposal": {"domain": "other"}}, "needs a proof of its own"),
    ("the proof", {"proof": {"leaks": 0, "rebuilt": 4}}, "a review may not change what it reviews"),
    ("the signal", {"signal": {"customers": 5}}, "a review may not change what it reviews"),
    ("the author", {"author": {"username": ANA}}, "author is immutable"),
    ("the contributors", {"contributors": []}, "contributors can only be added"),
]


@pytest.mark.parametrize(("_what", "change", "answer"), SMUGGLED, ids=lambda v: v if isinstance(v, str) else "")
def test_an_approval_carries_nothing_else_with_it(
    api: Any, given: Any, unique: str, _what: str, change: dict[str, Any], answer: str
) -> None:
    api.create(given.candidate(given.spec(primitiveName=unique), name=unique), user="engine")
    with pytest.raises(given.refused, match="(?s)" + answer):
        api.patch("PatternCandidate", unique, {"spec": {"review": review(), **change}}, LIBRARY, "dana")


AFTERWARDS: list[tuple[str, str, dict[str, Any], str]] = [
    ("edited by its author", "engine", {"proposal": {"domain": "other"}}, "proposal is frozen once reviewed"),
    ("proof improved", "engine", {"proof": {"siblings": 9, "rebuilt": 9}}, "frozen once reviewed"),
    (
        "flipped by the reviewer",
        "dana",
        {"review": {"decision": "Rejected", "reason": "on second thought"}},
        "a review decision is final",
    ),
    (
        "flipped by the administrator",
        "admin",
        {"review": {"decision": "Rejected", "reason": "on second thought"}},
        "a review decision is final",
    ),
    ("taken back", "dana", {"review": None}, "a review decision is final"),
]


@pytest.mark.parametrize(
    ("_why", "user", "change", "answer"), AFTERWARDS, ids=lambda v: v if isinstance(v, str) else ""
)
def test_a_decision_is_final(
    api: Any, given: Any, unique: str, _why: str, user: str, change: dict[str, Any], answer: str
) -> None:
    api.create(given.candidate(given.spec(primitiveName=unique), name=unique), user="engine")
    api.patch("PatternCandidate", unique, {"spec": {"review": review()}}, LIBRARY, "dana")
    with pytest.raises(given.refused, match="(?s)" + answer):
        api.patch("PatternCandidate", unique, {"spec": change}, LIBRARY, user)


def test_who_edits_a_proposal_becomes_a_contributor_and_cannot_approve_it(api: Any, given: Any, unique: str) -> None:
    api.create(given.candidate(given.spec(primitiveName=unique), name=unique), user="engine")
    edit = {"spec": {"proposal": {"domain": "finance"}, "proof": None}}
    with pytest.raises(given.refused, match=r"whoever edits a proposal is a contributor: add dana@company.example"):
        api.patch("PatternCandidate", unique, edit, LIBRARY, "dana")
    everybody = [ANA, "ben@company.example", DANA]
    api.patch("PatternCandidate", unique, {"spec": {**edit["spec"], "contributors": everybody}}, LIBRARY, "dana")
    with pytest.raises(given.refused, match="contributor may not review"):
        api.patch("PatternCandidate", unique, {"spec": {"review": review(generation=2)}}, LIBRARY, "dana")


def test_an_approval_says_that_what_the_checks_left_to_a_person_was_seen(api: Any, given: Any, unique: str) -> None:
    candidate = given.candidate(given.spec(primitiveName=unique), name=unique)
    candidate["spec"]["proof"]["acknowledge"] = [{"kind": "shell", "what": "subprocess.run", "path": "x.py", "line": 3}]
    api.create(candidate, user="engine")
    with pytest.raises(given.refused, match="must say that what the proof lists was acknowledged"):
        api.patch("PatternCandidate", unique, {"spec": {"review": review()}}, LIBRARY, "dana")
    api.patch("PatternCandidate", unique, {"spec": {"review": {**review(), "acknowledged": True}}}, LIBRARY, "dana")


def test_nobody_but_the_operator_publishes_or_reports(api: Any, given: Any, unique: str) -> None:
    body = given.primitive(given.spec(primitiveName=unique))
    for user in ("engine", "dana", "ana", "nobody"):
        with pytest.raises(given.refused, match="forbidden"):
            api.create(body, user=user)
    api.create(given.candidate(given.spec(primitiveName=unique), name=unique), user="engine")
    status = {"status": {"publishedAs": "x.v1.0.0"}}
    with pytest.raises(given.refused, match="forbidden"):
        api.patch("PatternCandidate", unique, status, LIBRARY, "engine", sub="status")
    with pytest.raises(given.refused, match="forbidden"):
        api.delete("PatternCandidate", unique, LIBRARY, "dana")


@pytest.mark.parametrize(
    ("change", "answer"),
    [
        ({"name": "other.v1.0.0"}, "metadata.name must be <spec.primitiveName>.<spec.version>"),
        ({"version": "1.0.0"}, "spec.version"),
        (
            {"parameters": [{"name": "a", "type": "string", "required": True, "default": "x"}]},
            "a required parameter must not have a default",
        ),
        (
            {"parameters": [{"name": "a", "type": "secretRef", "default": "x"}]},
            "a secretRef parameter cannot have a default",
        ),
        (
            {"parameters": [{"name": "a", "type": "string", "default": {"b": 1}}]},
            "a default is a string, a number or a boolean",
        ),
        (
            {"parameters": [{"name": "a", "type": "string", "allowedValues": [["b"]]}]},
            "allowedValues are strings, numbers or booleans",
        ),
        ({"parameters": [{"name": "a", "type": "list"}]}, "a list has fields"),
        (
            {"parameters": [{"name": "a", "type": "list", "fields": [{"type": "int"}], "default": 1}]},
            "a list parameter cannot have a default",
        ),
        ({"parameters": [{"name": "a", "type": "int", "fields": [{"name": "b", "type": "int"}]}]}, "a list has fields"),
        (
            {"parameters": [{"name": "a", "type": "list", "fields": [{"name": "b", "type": "secretRef"}]}]},
            "no lists and no secrets",
        ),
        (
            {"parameters": [{"name": "a", "type": "list", "fields": [{"type": "int"}, {"name": "b", "type": "int"}]}]},
            "stands alone",
        ),
        (
            {"parameters": [{"name": "a", "type": "list", "fields": [{"type": "int", "allowedValues": [["b"]]}]}]},
            "a field's allowedValues are strings, numbers or booleans",
        ),
        ({"parameters": [{"name": "a", "type": "int"}, {"name": "a", "type": "int"}]}, "Duplicate value"),
        (
            {"runtime": {"workload": {"kind": "Job", "image": "python:3.11", "command": ["a"]}}},
            "spec.runtime.workload.image",
        ),
        (
            {"runtime": {"workload": {"kind": "CronJob", "image": "a@sha256:" + "0" * 64, "command": ["a"]}}},
            "a CronJob needs a schedule",
        ),
        ({"template": {"files": [{"path": "../etc/passwd", "language": "sql", "segments": []}]}}, "files\\[0\\].path"),
        (
            {"template": {"files": [{"path": "a/../b", "language": "sql", "segments": []}]}},
            "path must name a file below the mount path",
        ),
        (
            {
                "template": {
                    "files": [
                        {
                            "path": "a",
                            "language": "sql",
                            "segments": [{"text": "a", "hole": {"parameter": "a", "place": "b"}}],
                        }
                    ]
                }
            },
            "exactly one of text",
        ),
    ],
)
def test_a_primitive_off_its_rules_is_refused(
    api: Any, given: Any, unique: str, change: dict[str, Any], answer: str
) -> None:
    name = change.pop("name", None)
    body = given.primitive(given.spec(primitiveName=unique, **change))
    body["metadata"]["name"] = name or body["metadata"]["name"]
    with pytest.raises(given.refused, match="(?s)" + answer):
        api.create(body)


def test_a_published_version_never_changes_even_for_the_administrator(api: Any, given: Any, unique: str) -> None:
    api.create(given.primitive(given.spec(primitiveName=unique)))
    with pytest.raises(given.refused, match="immutable; publish a new version"):
        api.patch("DeploymentPrimitive", f"{unique}.v1.0.0", {"spec": {"domain": "other"}})


@pytest.mark.parametrize(
    ("change", "answer"),
    [
        ({"lifecycle": {"phase": "production", "autoUpdatePolicy": "patch-only"}}, "needs lifecycle.maintenanceWindow"),
        (
            {"lifecycle": {"phase": "production", "maintenanceWindow": "sunday morning"}},
            "a window reads like 'sun 02:00-04:00'",
        ),
        ({"lifecycle": {"phase": "production", "maintenanceWindow": "sun 02:00-02:00"}}, "the window is empty"),
        ({"parameters": {"instanceHost": {"name": "a"}}}, "a parameter is a string, a number, a boolean"),
        ({"parameters": {"key": {"secretRef": {"name": "a"}}}}, "or {secretRef: {name, key}}"),
        ({"parameters": {"key": {"secretRef": "name key"}}}, "or {secretRef: {name, key}}"),
        ({"parameters": {"hosts": [["a"]]}}, "the items of a list are all strings"),
        ({"parameters": {"hosts": ["a", {"name": "b"}]}}, "or all records of such"),
        ({"parameters": {"columns": [{"name": "a"}, {"name": ["b"]}]}}, "or all records of such"),
        ({"parameters": {"keys": [{"secretRef": {"name": "s", "key": "k"}}]}}, "a list holds no secrets"),
        ({"environment": {"networkZoen": "dmz"}}, 'unknown field "spec.environment.networkZoen"'),
        ({"environment": {"networkZone": "internet"}}, 'supported values: "airgapped", "dmz"'),
    ],
)
def test_a_deployment_off_its_rules_is_refused(
    api: Any, given: Any, customer: str, change: dict[str, Any], answer: str
) -> None:
    with pytest.raises(given.refused, match="(?s)" + answer):
        api.create(given.deployment(namespace=customer, **change), user="ben")


def test_scalars_of_every_type_and_lists_are_taken(api: Any, given: Any, customer: str) -> None:
    parameters = {
        "a": "x", "b": 3, "c": 0.5, "d": True, "e": {"secretRef": {"name": "s", "key": "k"}},
        "f": [], "g": ["x", 3, False], "h": [{"name": "a", "size": 1}, {"name": "b", "on": True}],
    }  # fmt: skip
    made = api.create(given.deployment(namespace=customer, parameters=parameters), user="ben")
    assert made["spec"]["parameters"] == parameters
    assert made["spec"]["lifecycle"]["autoUpdatePolicy"] == "none"  # defaulted by the schema


def test_a_name_too_long_for_its_children_is_refused(api: Any, given: Any, customer: str) -> None:
    with pytest.raises(given.refused, match="at most 52 characters"):
        api.create(given.deployment(name="a" * 53, namespace=customer), user="ben")


def test_what_is_a_customer_s_lives_in_a_customer_s_namespace(api: Any, given: Any) -> None:
    with pytest.raises(given.refused, match=r"FDEDeployment may only live in a namespace labelled fde.io/customer"):
        api.create(given.deployment(namespace="default"), user="ben")
    feed = {
        "apiVersion": "fde.io/v1",
        "kind": "TelemetryFeed",
        "metadata": {"name": "a", "namespace": "default"},
        "spec": {"deploymentRef": {"name": "a"}, "signals": ["errors"]},
    }
    with pytest.raises(given.refused, match=r"TelemetryFeed may only live in a namespace labelled fde.io/customer"):
        api.create(feed, user="ben")


def test_the_owner_of_a_deployment_is_who_made_it_and_stays_so(api: Any, given: Any, customer: str) -> None:
    body = given.deployment(namespace=customer)
    with pytest.raises(given.refused, match=r"annotation fde.io/owning-fde must be the requester ana@company.example"):
        api.create(body, user="ana")
    api.create(body, user="ben")
    change = {"metadata": {"annotations": {"fde.io/owning-fde": ANA}}}
    with pytest.raises(given.refused, match=r"annotation fde.io/owning-fde is immutable"):
        api.patch("FDEDeployment", "sync", change, customer, "ana")


@pytest.mark.parametrize(
    ("change", "answer"),
    [
        ({"environment": {"dataResidency": "us-east"}}, "dataResidency is immutable"),
        ({"environment": {"dataResidency": None}}, "dataResidency cannot be removed"),
        ({"primitiveRef": {"name": "other"}}, "primitiveRef.name is immutable"),
    ],
)
def test_what_was_promised_to_a_customer_stays(
    api: Any, given: Any, customer: str, change: dict[str, Any], answer: str
) -> None:
    api.create(given.deployment(namespace=customer), user="ben")
    with pytest.raises(given.refused, match=answer):
        api.patch("FDEDeployment", "sync", {"spec": change}, customer, "ben")


def test_retired_is_the_end(api: Any, given: Any, customer: str) -> None:
    api.create(given.deployment(namespace=customer), user="ben")
    api.patch("FDEDeployment", "sync", {"spec": {"lifecycle": {"phase": "retired"}}}, customer, "ben")
    with pytest.raises(given.refused, match="retired is terminal"):
        api.patch("FDEDeployment", "sync", {"spec": {"lifecycle": {"phase": "production"}}}, customer, "ben")


def test_a_proposal_is_its_author_s_in_a_customer_s_namespace_and_never_changes(
    api: Any, given: Any, customer: str
) -> None:
    body: dict[str, Any] = {
        "apiVersion": "fde.io/v1",
        "kind": "PatternProposal",
        "metadata": {"name": "p-1", "namespace": customer},
        "spec": {
            "author": {"username": "ben@company.example"},
            "files": [{"path": "a.py", "language": "python", "digest": "sha256:" + "0" * 64}],
        },
    }
    with pytest.raises(given.refused, match=r"spec.author.username must be the requester ana"):
        api.create(body, user="ana")
    with pytest.raises(given.refused, match=r"labelled fde.io/customer"):
        api.create({**body, "metadata": {"name": "p-1", "namespace": "default"}}, user="ben")
    assert api.create(body, user="ben")["spec"]["reuse"] == "forbidden"  # unset means forbidden
    with pytest.raises(given.refused, match=r"spec.author.username must be the requester ana"):
        api.patch("PatternProposal", "p-1", {"spec": {"reuse": "allowed"}}, customer, "ana")
    files = [{"path": "b.py", "language": "python", "digest": "sha256:" + "1" * 64}]
    with pytest.raises(given.refused, match="what was submitted is immutable"):
        api.patch("PatternProposal", "p-1", {"spec": {"files": files}}, customer, "ben")


def test_the_operator_s_token_reads_no_secret_and_works_in_customers_namespaces_only(
    api: Any, given: Any, customer: str
) -> None:
    for namespace in (customer, "fde-system"):
        with pytest.raises(given.refused, match="forbidden"):
            api.list("Secret", namespace, user="operator")
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "x", "namespace": "default"}}
    with pytest.raises(given.refused, match=r"the operator may only act in namespaces labelled fde.io/customer"):
        api.create(account, user="operator")


def test_selectable_fields_select(api: Any, given: Any, customer: str) -> None:
    api.create(given.deployment(name="one", namespace=customer), user="ben")
    api.create(given.deployment(name="two", namespace=customer, lifecycle={"phase": "staging"}), user="ben")
    found = api.list("FDEDeployment", customer, fieldSelector="spec.lifecycle.phase=staging")
    assert [one["metadata"]["name"] for one in found] == ["two"]


# --- one table: who, what, and the sentence ------------------------------------------------------------------------------
LOOKALIKE = "d\u0430na@company.example"  # a Cyrillic letter in the place of a Latin one
SLOPPY = (
    "everything@company.example"  # given all of fde.io and much else by wildcard, but no verb that a policy asks for
)
FAY = "fay@company.example"  # a field engineer of one customer
INSIDER = "rex@company.example|fde-reviewers|fde-contributors"  # reviews, and proposes
ROBOT = "system:serviceaccount:fde-library:robot|fde-reviewers"
EVIL = "evil.example/sidecar"
APPLY, MERGE, JSON = "application/apply-patch+yaml", "application/merge-patch+json", "application/json-patch+json"
SIGNALS = ["errors", "performance", "rateLimit", "schemaDrift"]
DIGEST = "@sha256:" + "b" * 64


class Arena:
    """Two customers, things to attack, and the ways to ask for them. Every name is used once."""

    def __init__(self, api: Any, given: Any) -> None:
        self.api, self.given = api, given
        self.mine, self.other = f"customer-{uuid.uuid4().hex[:8]}", f"customer-{uuid.uuid4().hex[:8]}"

    def name(self) -> str:
        return f"x{uuid.uuid4().hex[:8]}"

    # --- things --------------------------------------------------------------------------------------------------------
    def candidate(self, proposal: dict[str, Any] | None = None, **spec: Any) -> dict[str, Any]:
        name = self.name()
        body: dict[str, Any] = self.given.candidate(self.given.spec(primitiveName=name, **(proposal or {})), name=name)
        body["spec"] |= spec
        return body

    def proposed(self, **spec: Any) -> str:
        body = self.candidate(**spec)
        self.api.create(body, user="engine")
        return str(body["metadata"]["name"])

    def deployment(self, namespace: str = "", **spec: Any) -> dict[str, Any]:
        body: dict[str, Any] = self.given.deployment(name=self.name(), namespace=namespace or self.mine, **spec)
        return body

    def deployed(self, namespace: str = "", **spec: Any) -> dict[str, Any]:
        made: dict[str, Any] = self.api.create(self.deployment(namespace, **spec), user="ben")
        return made

    def feed(self, of: str = "", **spec: Any) -> dict[str, Any]:
        name = self.name()
        return {
            "apiVersion": "fde.io/v1",
            "kind": "TelemetryFeed",
            "metadata": {"name": name, "namespace": self.mine},
            "spec": {"deploymentRef": {"name": of or name}, "signals": ["errors"], **spec},
        }

    def fed(self, **spec: Any) -> dict[str, Any]:
        made: dict[str, Any] = self.api.create(self.feed(**spec))
        return made

    def primitive(self, **spec: Any) -> dict[str, Any]:
        body: dict[str, Any] = self.given.primitive(self.given.spec(primitiveName=self.name(), **spec))
        return body

    def published(self, **spec: Any) -> dict[str, Any]:
        made: dict[str, Any] = self.api.create(self.primitive(**spec))
        return made

    def running(self, env: dict[str, str] | None = None, **workload: Any) -> dict[str, Any]:
        runtime = self.given.spec()["runtime"]
        variables = [{"name": name, "value": value} for name, value in (env or {}).items()]
        return self.primitive(runtime={**runtime, "workload": {**runtime["workload"], "env": variables, **workload}})

    def config(self, **metadata: Any) -> dict[str, Any]:
        return {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": self.name(), "namespace": self.mine, **metadata},
        }

    def app(self, namespace: str = "", pod: dict[str, Any] | None = None, **metadata: Any) -> dict[str, Any]:
        container = {"name": "app", "image": "a" + DIGEST, "securityContext": {"allowPrivilegeEscalation": False}}
        return {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": self.name(), "namespace": namespace or self.mine, **metadata},
            "spec": {
                "replicas": 0,
                "selector": {"matchLabels": {"app": "a"}},
                "template": {
                    "metadata": {"labels": {"app": "a"}},
                    "spec": {"containers": [container], **(pod or {})},
                },
            },
        }

    def tenant(self, **labels: str) -> str:
        body = self.given.namespace(self.name(), {f"fde.io/{name}": value for name, value in labels.items()})
        return str(self.api.create(body)["metadata"]["name"])

    # --- ways ----------------------------------------------------------------------------------------------------------
    def make(self, body: dict[str, Any], who: str, **query: str) -> Any:
        return self.api.create(body, user=who, **query)

    def send(self, who: str, method: str, kind: str, name: str = "", namespace: str = "", **rest: Any) -> Any:
        answer = self.api.ask(method, kind, namespace, name, rest.pop("sub", ""), user=who, **rest)
        if answer.is_success:
            return answer.json()
        text = (
            answer.json()["message"] if answer.headers["content-type"].startswith("application/json") else answer.text
        )
        raise self.given.refused(text)

    def change(self, body: dict[str, Any], patch: Any, who: str, sub: str = "") -> Any:
        metadata = body["metadata"]
        return self.api.patch(body["kind"], metadata["name"], patch, metadata.get("namespace", ""), who, sub)

    def labels(self, namespace: str, who: str = SLOPPY, **labels: str | None) -> Any:
        patch = {"metadata": {"labels": {f"fde.io/{name.replace('_', '-')}": value for name, value in labels.items()}}}
        return self.api.patch("Namespace", namespace, patch, "", who)

    def approve(self, who: str, name: str = "", **decision: Any) -> Any:
        review_ = review(**{"reviewer": DANA, **decision})
        return self.api.patch("PatternCandidate", name or self.proposed(), {"spec": {"review": review_}}, LIBRARY, who)

    def applied(self, who: str, spec: dict[str, Any], manager: str = "kubectl") -> Any:
        name = self.proposed()
        metadata = {"name": name, "namespace": LIBRARY}
        body = {"apiVersion": "fde.io/v1", "kind": "PatternCandidate", "metadata": metadata, "spec": spec}
        query = {"fieldManager": manager, "force": "true"}
        return self.send(who, "PATCH", "PatternCandidate", name, LIBRARY, body=body, what=APPLY, query=query)

    def replaced(self, who: str, **spec: Any) -> Any:
        found = self.api.get("PatternCandidate", self.proposed(), LIBRARY)
        return self.api.replace({**found, "spec": {**found["spec"], **spec}}, user=who)

    def refuses(self, ask: Callable[[], Any]) -> None:
        """Wait until `ask`, a rehearsal, is refused: the API server knows of a parameter a moment after it was made."""

        def refused() -> bool:
            try:
                ask()
            except self.given.refused:
                return True
            return False

        self.given.eventually(refused, 60)


def owner(kind: str, made: dict[str, Any], **more: Any) -> list[dict[str, Any]]:
    metadata = made["metadata"]
    return [{"apiVersion": "fde.io/v1", "kind": kind, "name": metadata["name"], "uid": metadata["uid"], **more}]


def secret(namespace: str, name: str, kind: str = "Opaque", key: str = "a") -> dict[str, Any]:
    metadata = {"name": name, "namespace": namespace}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "type": kind, "data": {key: "eA=="}}


def second_feed(a: Arena) -> Any:
    made = a.fed(egress={"state": "hold"})
    body = a.feed(of=made["metadata"]["name"], signals=SIGNALS)
    a.refuses(lambda: a.make(body, "ben", dryRun="All"))
    return a.make(body, "ben")


def made_again(a: Arena) -> Any:
    made = a.deployed()
    name = made["metadata"]["name"]
    body = a.feed(of=name, signals=SIGNALS, redaction={"mode": "strict"})
    body["metadata"]["ownerReferences"] = owner("FDEDeployment", made)
    a.api.create(body)
    a.refuses(lambda: a.send("ben", "DELETE", "FDEDeployment", name, a.mine, query={"dryRun": "All"}))
    return a.api.delete("FDEDeployment", name, a.mine, "ben")


def occupied(a: Arena) -> Any:
    name = a.tenant(customer="before")
    a.deployed(name)
    patch = {"metadata": {"labels": {"fde.io/customer": "after"}}}
    query = {"dryRun": "All"}
    a.refuses(lambda: a.send("admin", "PATCH", "Namespace", name, body=patch, what=MERGE, query=query))
    return a.labels(name, "admin", customer="after")


def taken_by_force(a: Arena) -> Any:
    """What the operator does to a child: apply, with force, under its own field manager."""
    made = a.api.create(a.config())
    body = {**a.config(name=made["metadata"]["name"]), "data": {"a": "b"}}
    query = {"fieldManager": "fde-operator", "force": "true"}
    return a.send(
        "operator", "PATCH", "ConfigMap", made["metadata"]["name"], a.mine, body=body, what=APPLY, query=query
    )


def nested(depth: int) -> str:
    metadata = '"metadata": {"name": "deep", "namespace": "default"}'
    value = '{"a":' * depth + "1" + "}" * depth
    return f'{{"apiVersion": "fde.io/v1", "kind": "FDEDeployment", {metadata}, "spec": {{"parameters": {{"a": {value}}}}}}}'


def crowded(field: str, count: int) -> Callable[[Arena], Any]:
    def act(a: Arena) -> Any:
        body = a.deployment()
        body["metadata"][field] = {
            **body["metadata"].get(field, {}),
            **{f"example.org/label-number-{n:06}": "x" * 20 for n in range(count)},
        }
        return a.make(body, "ben")

    return act


def of_text(size: int, segments: int = 1) -> Callable[[Arena], Any]:
    def act(a: Arena) -> Any:
        file = {"path": "a.py", "language": "python", "segments": [{"text": "x" * size}] * segments}
        return a.make(a.candidate({"template": {"files": [file]}}), "engine")

    return act


def workload_of(env: dict[str, str] | None = None, **workload: Any) -> Callable[[Arena], Any]:
    return lambda a: a.make(a.running(env, **workload), "admin")


def parameter(**value: Any) -> Callable[[Arena], Any]:
    return lambda a: a.make(a.deployment(parameters={"key": value}), "ben")


def vault(path: str, key: str = "k") -> Callable[[Arena], Any]:
    def act(a: Arena) -> Any:
        return parameter(vaultRef={"path": path.replace("MINE", a.mine).replace("OTHER", a.other), "key": key})(a)

    return act


def wider(before: dict[str, Any], change: dict[str, Any]) -> Callable[[Arena], Any]:
    return lambda a: a.change(a.fed(**before), {"spec": change}, "ben")


REVIEW_BY_CEM = {"review": {"decision": "Approved", "reviewer": "cem@company.example", "reviewedGeneration": 1}}
REVIEW_BY_DANA = {"review": {"decision": "Approved", "reviewer": DANA, "reviewedGeneration": 1}}
ATTACKS: list[tuple[str, Callable[[Arena], Any], str]] = [
    # --- an approval that nobody gave
    ("forged author", lambda a: a.make(a.candidate(author={"username": ANA}), "engine"), "author.username must be the requester"),
    ("self-approval", lambda a: a.approve(INSIDER, a.make(a.candidate(author={"username": "rex@company.example"}), INSIDER)["metadata"]["name"], reviewer="rex@company.example"), "the author may not review"),
    ("a contributor approves", lambda a: a.approve("dana", a.proposed(contributors=[DANA])), "a contributor may not review"),
    ("a contributor under other capitals", lambda a: a.approve("dana", a.proposed(contributors=["DANA@company.example"])), "separation of duty"),
    ("no verb approve", lambda a: a.approve("cem", reviewer="cem@company.example"), "cem@company.example lacks verb approve"),
    ("in another reviewer's name", lambda a: a.approve("dana", reviewer="eve@company.example"), "reviewer must be the requester dana"),
    ("a name with a space behind it", lambda a: a.approve("dana", reviewer=DANA + " "), "reviewer must be the requester dana"),
    ("a look-alike of a name", lambda a: a.approve(f"{LOOKALIKE}|fde-reviewers", reviewer=LOOKALIKE), "plain ASCII"),
    ("a program with verb approve", lambda a: a.approve(ROBOT, reviewer=ROBOT.split("|")[0]), "must come from a human identity"),
    ("the engine", lambda a: a.approve("engine", reviewer="system:serviceaccount:fde-system:pattern-engine"), "author may not review|lacks verb approve"),
    ("the operator", lambda a: a.approve("operator", reviewer="system:serviceaccount:fde-system:fde-operator"), 'cannot patch resource "patterncandidates"'),
    ("a stale generation", lambda a: a.approve("dana", reviewedGeneration=7), "reviewedGeneration must be 1: the candidate changed"),
    ("the largest generation there is", lambda a: a.approve("dana", reviewedGeneration=2**63 - 1), "reviewedGeneration must be 1"),
    ("a generation that overflows", lambda a: a.approve("dana", reviewedGeneration=2**63), "reviewedGeneration.*(must be of type integer|integer)"),
    ("generation none", lambda a: a.approve("dana", reviewedGeneration=0), "should be greater than or equal to 1"),
    ("half a generation", lambda a: a.approve("dana", reviewedGeneration=1.5), "must be of type integer"),
    ("with another domain in one patch", lambda a: a.api.patch("PatternCandidate", a.proposed(), {"spec": {**REVIEW_BY_DANA, "proposal": {"domain": "x"}, "proof": None}}, LIBRARY, "dana"), "a review may not change what it reviews|whoever edits a proposal"),
    ("with a contributor taken away", lambda a: a.api.patch("PatternCandidate", a.proposed(contributors=[DANA]), {"spec": {**REVIEW_BY_DANA, "contributors": []}}, LIBRARY, "dana"), "contributors can only be added"),
    ("with a contributor added", lambda a: a.api.patch("PatternCandidate", a.proposed(contributors=[]), {"spec": {**REVIEW_BY_DANA, "contributors": [ANA]}}, LIBRARY, "dana"), "a review may not change what it reviews"),
    ("through the status sub-resource", lambda a: a.api.patch("PatternCandidate", a.proposed(), {"spec": REVIEW_BY_DANA}, LIBRARY, "dana", "status"), 'cannot patch resource "patterncandidates/status"'),
    ("by server-side apply with force", lambda a: a.applied("cem", REVIEW_BY_CEM), "lacks verb approve"),
    ("by apply under the operator's name as manager", lambda a: a.applied("cem", REVIEW_BY_CEM, "fde-operator"), "lacks verb approve"),
    ("by apply under the engine's name as manager", lambda a: a.applied("dana", {"review": {**REVIEW_BY_DANA["review"], "reviewer": "eve@company.example"}}, "fde-pattern-engine"), "reviewer must be the requester dana"),
    ("by replacing it whole", lambda a: a.replaced("cem", **REVIEW_BY_CEM), "lacks verb approve"),
    ("by replacing it with another author", lambda a: a.replaced("dana", **REVIEW_BY_DANA, author={"username": ANA}), "author is immutable"),
    ("by a JSON patch", lambda a: a.api.patch("PatternCandidate", a.proposed(), [{"op": "add", "path": "/spec/review", "value": REVIEW_BY_CEM["review"]}], LIBRARY, "cem"), "lacks verb approve"),
    ("at its creation", lambda a: a.make(a.candidate(review=review()), "engine"), "cannot be created already reviewed"),
    ("in a rehearsal, to see whether it would go through", lambda a: a.send("cem", "PATCH", "PatternCandidate", a.proposed(), LIBRARY, body={"spec": REVIEW_BY_CEM}, what=MERGE, query={"dryRun": "All"}), "lacks verb approve"),
    ("as dana, whom an engineer impersonates", lambda a: a.approve(f"ben>{DANA}"), 'cannot impersonate resource "users"'),
    ("as the administrators' group", lambda a: a.approve("ben>ben@company.example|system:masters"), "cannot impersonate"),
    ("deleted, to be made again with other content", lambda a: a.api.delete("PatternCandidate", a.proposed(), LIBRARY, "engine"), 'cannot delete resource "patterncandidates"'),
    ("all of them deleted", lambda a: a.send("dana", "DELETE", "PatternCandidate", "", LIBRARY), 'cannot deletecollection resource "patterncandidates"'),
    ("in a namespace of one's own", lambda a: a.make({**(body := a.candidate(author={"username": SLOPPY})), "metadata": {**body["metadata"], "namespace": a.mine}}, SLOPPY), "may only live in a namespace labelled fde.io/library"),
    ("in a namespace made a library", lambda a: a.labels(a.tenant(), library="true"), "may not make namespace .* a library of candidates"),
    # --- a version that nobody approved
    ("a version made by a reviewer", lambda a: a.make(a.primitive(), "dana"), 'cannot create resource "deploymentprimitives"'),
    ("a version made by whoever may make everything", lambda a: a.make(a.primitive(), SLOPPY), "it is published by approving a PatternCandidate"),
    ("a version changed by the administrator", lambda a: a.change(a.published(), {"spec": {"domain": "x"}}, "admin"), "immutable; publish a new version"),
    ("a version under another's name", lambda a: a.make({**a.primitive(), "metadata": {"name": "trusted.v1.0.0"}}, "admin"), "metadata.name must be <spec.primitiveName>.<spec.version>"),
    ("a version whose name looks like another's", lambda a: a.make(a.given.primitive(a.given.spec(primitiveName="incident-s\u0443nc")), "admin"), "lowercase RFC 1123|lower-case letters, digits and dashes"),
    ("a version removed", lambda a: a.api.delete("DeploymentPrimitive", a.published()["metadata"]["name"], "", SLOPPY), "may not make or remove a version"),
    ("maturity written by a librarian", lambda a: a.change(a.published(), {"status": {"maturity": "production"}}, "dana", "status"), 'cannot patch resource "deploymentprimitives/status"'),
    ("maturity written by whoever may write everything", lambda a: a.change(a.published(), {"status": {"maturity": "production"}}, SLOPPY, "status"), "may not write the status of deploymentprimitives"),
    ("a version deprecated by a stranger", lambda a: a.change(a.published(), {"metadata": {"annotations": {"fde.io/deprecated": "x"}}}, SLOPPY), "may not deprecate a version"),
    ("a version sent to another by a stranger", lambda a: a.change(a.published(), {"metadata": {"annotations": {"fde.io/superseded-by": "v9.9.9"}}}, SLOPPY), "may not deprecate a version or say what supersedes it"),
    ("a version's labels changed", lambda a: a.change(a.published(), {"metadata": {"labels": {"fde.io/primitive": "x"}}}, "dana"), "nothing changes but the annotations"),
    ("a version held for ever", lambda a: a.change(a.published(), {"metadata": {"finalizers": ["example.org/mine"]}}, "dana"), "nothing changes but the annotations"),
    ("gates set by a stranger", lambda a: a.make({"apiVersion": "fde.io/v1", "kind": "PatternLibrary", "metadata": {"name": a.name()}, "spec": {}}, SLOPPY), "may not set what versions must have shown"),
    # --- another customer
    ("another customer's deployment read", lambda a: a.send(FAY, "GET", "FDEDeployment", a.deployed(a.other)["metadata"]["name"], a.other), "cannot get resource .*fdedeployments"),
    ("a deployment for another customer", lambda a: a.make(a.deployment(a.other), FAY), "cannot create resource .*fdedeployments"),
    ("everybody's deployments listed", lambda a: a.send(FAY, "GET", "FDEDeployment"), "cannot list resource .* at the cluster scope"),
    ("everybody's feeds watched", lambda a: a.send(FAY, "GET", "TelemetryFeed", query={"watch": "true"}), "cannot watch resource .* at the cluster scope"),
    ("a deployment where no customer is", lambda a: a.make(a.deployment("default"), "ben"), "may only live in a namespace labelled fde.io/customer"),
    ("a deployment in the engine's namespace", lambda a: a.make(a.deployment("fde-system"), "ben"), "may only live in a namespace labelled fde.io/customer"),
    ("a namespace given to another customer", lambda a: a.labels(a.tenant(customer="one"), customer="two"), "may not (give namespace|take namespace)"),
    ("a namespace of one's own made a customer's", lambda a: a.labels(a.tenant(), customer="northgate"), "to customer northgate: it takes verb assign"),
    ("a customer's namespace made nobody's", lambda a: a.labels(a.tenant(customer="one"), customer=None), "from customer one: it takes verb assign"),
    ("a namespace made as a customer's", lambda a: a.make(a.given.namespace(a.name(), {"fde.io/customer": "one"}), SLOPPY), "to customer one: it takes verb assign"),
    ("another's pseudonym, to see its versions", lambda a: a.labels(a.tenant(customer="one"), customer_pseudonym="src-0"), "as whom the library knows"),
    ("a namespace moved with what runs in it", occupied, "does not change its customer while FDEDeployment"),
    ("a Secret of another namespace", parameter(secretRef={"name": "customer-b/keys", "key": "k"}), "never a path or another namespace's"),
    ("a Secret some steps up", parameter(secretRef={"name": "../keys", "key": "k"}), "never a path or another namespace's"),
    ("a Secret with a namespace of its own", parameter(secretRef={"name": "keys", "key": "k", "namespace": "other"}), "a parameter is a string, a number"),
    ("the sidecar's password as a parameter", parameter(secretRef={"name": "fde-kafka.sync", "key": "kafka.yaml"}), "hold the sidecars' passwords"),
    ("a key that is a path", parameter(secretRef={"name": "keys", "key": "../../token"}), "secretRef.key is a key of that Secret"),
    ("another tenant's path in Vault", vault("tenants/OTHER/tracker"), "vaultRef.path must be under tenants/"),
    ("a path of Vault's own", vault("sys/policies/acl/root"), "vaultRef.path must be under tenants/"),
    ("steps up in Vault", vault("tenants/MINE/../OTHER/tracker"), "vaultRef.path is plain"),
    ("an empty step in Vault", vault("tenants/MINE//tracker"), "vaultRef.path is plain"),
    ("a template for Vault's agent", vault("tenants/MINE/{{ env }}"), "vaultRef.path is plain"),
    ("a template as Vault's key", vault("tenants/MINE/tracker", '" }}{{ with secret "x'), "vaultRef.key is the name of one field"),
    ("another's deployment", lambda a: a.make(a.deployment(), "ana"), "owning-fde must be the requester ana"),
    ("nobody's deployment", lambda a: a.make({**(body := a.deployment()), "metadata": {k: v for k, v in body["metadata"].items() if k != "annotations"}}, "ben"), "owning-fde must be the requester ben"),
    ("a deployment given away", lambda a: a.change(a.deployed(), {"metadata": {"annotations": {"fde.io/owning-fde": ANA}}}, "ben"), "owning-fde is immutable"),
    # --- what leaves
    ("a feed to another broker", wider({}, {"sink": {"bootstrapServers": "evil.example:9092"}}), "to a broker of their choice"),
    ("a stranger's sidecar", wider({}, {"sidecar": {"image": EVIL + DIGEST}}), "may not choose who reads the app"),
    ("a sidecar by a tag that moves", wider({}, {"sidecar": {"image": EVIL + ":latest"}}), "pinned by digest"),
    ("source code turned on", wider({}, {"egress": {"source": True}}), "may not turn on spec.egress.source"),
    ("what is held let go", wider({"egress": {"state": "hold"}}, {"egress": {"state": "on"}}), "may not let out what"),
    ("strict redaction ended", wider({"redaction": {"mode": "strict"}}, {"redaction": {"mode": "standard"}}), "may not end strict redaction"),
    ("more signals", wider({}, {"signals": SIGNALS}), "may not add signals"),
    ("more files", wider({}, {"solutionPaths": ["src"]}), "may not let out more files"),
    ("a second feed that says more", second_feed, "change that one. A second one takes verb consent"),
    ("the deployment made again, for a feed like new", made_again, "with x.* would go what TelemetryFeed .* keeps in"),
    ("the feed deleted, for one like new", lambda a: a.api.delete("TelemetryFeed", a.fed(egress={"state": "off"})["metadata"]["name"], a.mine, "ben"), "takes verb consent"),
    ("the kill switch turned back", lambda a: a.change(a.api.create({**(body := a.config()), "metadata": {**body["metadata"], "name": "fde-egress"}, "data": {"egress": "off"}}), {"data": {"egress": "on"}}, SLOPPY), "may not let go what ConfigMap fde-egress keeps"),
    ("a feed's Kafka user forged", lambda a: a.change(a.fed(), {"status": {"kafka": {"user": "admin", "secret": "a", "settled": True}}}, SLOPPY, "status"), "may not write the status of telemetryfeeds"),
    # --- labels, owners, finalizers
    ("our label on a stranger's object", lambda a: a.make(a.config(labels={"app.kubernetes.io/managed-by": "fde-operator"}), SLOPPY), "may not give or take label"),
    ("our label on a victim's object", lambda a: a.change(a.api.create(a.app()), {"metadata": {"labels": {"app.kubernetes.io/managed-by": "fde-operator"}}}, SLOPPY), "may not give or take label"),
    ("our label taken from what is ours", lambda a: a.change(a.api.create(a.config(labels={"app.kubernetes.io/managed-by": "fde-operator"})), {"metadata": {"labels": None}}, SLOPPY), "may not give or take label"),
    ("our uid as owner, so that it is removed", lambda a: a.change(a.api.create(a.config()), {"metadata": {"ownerReferences": owner("FDEDeployment", a.deployed())}}, SLOPPY), "belong to an object of fde.io"),
    ("our uid as owner, from the start", lambda a: a.make(a.config(ownerReferences=owner("FDEDeployment", a.deployed())), SLOPPY), "belong to an object of fde.io"),
    ("a child made an orphan", lambda a: a.change(a.api.create(a.config(ownerReferences=owner("FDEDeployment", a.deployed()))), {"metadata": {"ownerReferences": None}}, SLOPPY), "belong to an object of fde.io, or no longer"),
    ("a feed's mark on a stranger's app", lambda a: a.make(a.app(labels={"fde.io/telemetryfeed-uid": "u"}), SLOPPY), "may not label"),
    ("a finalizer of ours, so that it never goes", lambda a: a.change(a.fed(), {"metadata": {"finalizers": ["fde.io/kafka-user"]}}, "ben"), "may not add a finalizer"),
    ("a finalizer of ours taken, so that its user stays", lambda a: a.change(a.api.create({**(body := a.feed()), "metadata": {**body["metadata"], "finalizers": ["fde.io/kafka-user"]}}), {"metadata": {"finalizers": []}}, "ben"), "may not take a finalizer"),
    ("a deployment's status forged", lambda a: a.change(a.deployed(), {"status": {"resolvedVersion": "v9.9.9"}}, FAY, "status"), 'cannot patch resource "fdedeployments/status"'),
    ("a scale that is not there", lambda a: a.send(SLOPPY, "PATCH", "FDEDeployment", a.deployed()["metadata"]["name"], a.mine, sub="scale", body={"spec": {"replicas": 9}}, what=MERGE), "could not find the requested resource|not found"),
    ("all deployments deleted at once", lambda a: a.send(FAY, "DELETE", "FDEDeployment", "", a.mine), "cannot deletecollection"),
    ("a shell in a pod", lambda a: a.send(FAY, "POST", "Pod", "a", a.mine, sub="exec", query={"command": "sh"}), 'cannot create resource "pods/exec"'),
    ("a container beside the app", lambda a: a.send(FAY, "PATCH", "Pod", "a", a.mine, sub="ephemeralcontainers", body={}, what=MERGE), 'cannot patch resource "pods/ephemeralcontainers"'),
    # --- the operator's token in other hands
    ("Secrets read", lambda a: a.send("operator", "GET", "Secret", "", a.mine), 'cannot list resource "secrets"'),
    ("a customer's Secret read", lambda a: a.send("operator", "GET", "Secret", a.api.create(secret(a.mine, a.name()))["metadata"]["name"], a.mine), 'cannot get resource "secrets"'),
    ("a customer's Secret overwritten", lambda a: a.api.replace(secret(a.mine, a.api.create(secret(a.mine, a.name()))["metadata"]["name"]), user="operator"), "may only write Secrets of type fde.io/kafka"),
    ("a Secret of another kind", lambda a: a.make(secret(a.mine, a.name(), "kubernetes.io/tls"), "operator"), "may only write Secrets of type fde.io/kafka|Required value"),
    ("a workload in kube-system", lambda a: a.make(a.app("kube-system"), "operator"), "may only act in namespaces labelled fde.io/customer"),
    ("a workload in the engine's namespace", lambda a: a.make(a.app("fde-system"), "operator"), "may only act in namespaces labelled fde.io/customer"),
    ("a pod with the node's files", lambda a: a.make(a.app(pod={"volumes": [{"name": "a", "hostPath": {"path": "/"}}]}), "operator"), "mounts no path of the node"),
    ("a pod in the node's network", lambda a: a.make(a.app(pod={"hostNetwork": True}), "operator"), "in the node's network"),
    ("a stranger's object taken over by force", taken_by_force, "is there already and is not the operator's: rename"),
    ("a stranger's object deleted", lambda a: a.api.delete("ConfigMap", a.api.create(a.config())["metadata"]["name"], a.mine, "operator"), "is not the operator's"),
    ("a stranger's app changed", lambda a: a.change(a.api.create(a.app()), {"spec": {"replicas": 3}}, "operator"), "did not annotate it fde.io/telemetry"),
    ("a stranger's app made ours", lambda a: a.change(a.api.create(a.app(annotations={"fde.io/telemetry": "true"})), {"metadata": {"ownerReferences": owner("FDEDeployment", a.deployed())}}, "operator"), "is there already and is not the operator's"),
    ("an engineer's spec changed", lambda a: a.change(a.deployed(), {"spec": {"suspend": True}}, "operator"), 'cannot patch resource "fdedeployments"'),
    ("a feed's spec changed", lambda a: a.change(a.fed(), {"spec": {"sampling": {"full": 1}}}, "operator"), "may not change what a feed lets out"),
    ("itself made an administrator", lambda a: a.make({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "metadata": {"name": a.name()}, "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"}, "subjects": []}, "operator"), 'cannot create resource "clusterrolebindings"'),
    ("a token for another account", lambda a: a.send("operator", "POST", "ServiceAccount", "default", a.mine, sub="token", body={"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}), 'cannot create resource "serviceaccounts/token"'),
    ("a policy removed", lambda a: a.api.delete("ValidatingAdmissionPolicy", "patterncandidate-review.fde.io", "", "operator"), 'cannot delete resource "validatingadmissionpolicies"'),
    ("a policy removed by whoever may do everything of ours", lambda a: a.api.delete("ValidatingAdmissionPolicyBinding", "patterncandidate-review.fde.io", "", SLOPPY), "cannot delete resource"),
    # --- too much, and not what it should be
    ("a proposal of 1 MB", of_text(200_000, 5), "has 1000000 characters, and 900000 fit"),
    ("a proposal of 2 MB in many", of_text(200_000, 10), "has 2000000 characters"),
    ("a request of 4 MB", of_text(200_000, 20), "too large"),
    ("100 000 annotations", crowded("annotations", 100_000), "(?i)too long|too large|262144"),
    ("100 000 labels", crowded("labels", 100_000), "(?i)too large|too many"),
    ("20 000 levels deep", lambda a: a.send("ben", "POST", "FDEDeployment", "", "default", body=nested(20_000)), "(?i)depth"),
    ("1000 parameters", lambda a: a.make(a.deployment(parameters={f"p{n}": n for n in range(1000)}), "ben"), "must have at most 256"),
    ("no JSON", lambda a: a.send("ben", "POST", "FDEDeployment", "", a.mine, body='{"spec": '), "unexpected end|unable to decode|couldn't get version"),
    ("a name that looks like another's", lambda a: a.make({**(body := a.deployment()), "metadata": {**body["metadata"], "name": "s\u0443nc"}}, "ben"), "lowercase RFC 1123"),
    ("a name that is a path", lambda a: a.make({**(body := a.deployment()), "metadata": {**body["metadata"], "name": "../sync"}}, "ben"), "lowercase RFC 1123"),
    ("a field nobody knows", lambda a: a.make(a.deployment(hostPath="/"), "ben"), 'unknown field "spec.hostPath"'),
    ("a null where a value is", lambda a: a.make(a.deployment(primitiveRef=None), "ben"), "primitiveRef.*Required value"),
    ("a kind of another version", lambda a: a.make({**a.deployment(), "apiVersion": "fde.io/v2"}, "ben"), "cannot be handled as a FDEDeployment"),
    # --- a primitive that reaches for more than its own
    ("an image by a tag", workload_of(image="python:3.11"), "spec.runtime.workload.image"),
    ("a library loaded first", workload_of({"LD_PRELOAD": "/app/x.so"}), "LD_PRELOAD makes a program load other code"),
    ("a shell's start file", workload_of({"BASH_ENV": "{{ instanceHost }}"}), "BASH_ENV makes a program load other code"),
    ("a path of programs from a parameter", workload_of({"PATH": "/bin:{{ instanceHost }}"}), "says which code is loaded .* holds no parameter"),
    ("options of an interpreter from a parameter", workload_of({"NODE_OPTIONS": "{{ instanceHost }}"}), "says which code is loaded"),
    ("an env that is no name", workload_of({"A=B": "x"}), "an env variable's name is letters"),
    ("files over the image's", workload_of(mountPath="/usr/bin"), "hides what the image or the pod needs"),
    ("files over the sidecar's", workload_of(mountPath="/fde/bin"), "hides what the image or the pod needs"),
    ("files over everything", workload_of(mountPath="/"), "mountPath must be a directory of its own"),
    ("a file outside of its directory", lambda a: a.make(a.primitive(template={"files": [{"path": "../etc/passwd", "language": "sql", "segments": []}]}), "admin"), "files\\[0\\].path"),
]  # fmt: skip


@pytest.fixture(scope="module")
def arena(api: Any, given: Any) -> Iterator[Arena]:
    found = Arena(api, given)
    for namespace in (found.mine, found.other):
        api.create(given.namespace(namespace, {"fde.io/customer": namespace.removeprefix("customer-")}))
    group = "rbac.authorization.k8s.io"
    verbs = ["get", "list", "watch", "create", "update", "patch", "delete", "deletecollection"]
    core = {"": ["configmaps", "namespaces", "secrets"], "apps": ["deployments"], "fde.io": ["*"]}
    rules = [{"apiGroups": [key], "resources": kinds, "verbs": verbs} for key, kinds in core.items()]
    role = {"apiVersion": f"{group}/v1", "kind": "ClusterRole", "metadata": {"name": "attacks-everything"}}
    api.create({**role, "rules": rules})
    for kind, user, name, place in (
        ("ClusterRoleBinding", SLOPPY, "attacks-everything", {}),
        ("RoleBinding", FAY, "fde-field-engineer", {"namespace": found.mine}),
    ):
        reference = {"apiGroup": group, "kind": "ClusterRole", "name": name}
        subject = {"apiGroup": group, "kind": "User", "name": user}
        metadata = {"name": "attacks-everything", **place}
        api.create({**role, "kind": kind, "metadata": metadata, "roleRef": reference, "subjects": [subject]})
    # Every policy that takes a parameter needs the definitions that the API server may have learned of a moment ago.
    yield found
    for namespace in (found.mine, found.other):
        api.delete("Namespace", namespace)
    for kind in ("ClusterRoleBinding", "ClusterRole"):
        api.delete(kind, "attacks-everything")


@pytest.mark.parametrize(("what", "act", "answer"), ATTACKS, ids=[what for what, _, _ in ATTACKS])
def test_an_attack_is_refused_with_a_reason_that_a_person_understands(
    arena: Arena, what: str, act: Callable[[Arena], Any], answer: str
) -> None:
    with pytest.raises(arena.given.refused) as refused:
        act(arena)
    said = str(refused.value)
    assert re.search(answer, said, re.DOTALL), said[:600]


def test_there_are_many_attacks_and_each_is_another() -> None:
    assert len({what for what, _, _ in ATTACKS}) == len(ATTACKS) >= 60


def test_an_approval_in_the_status_changes_no_spec(arena: Arena) -> None:
    """The operator may write a candidate's status: a review that it puts beside it is dropped by the API server."""
    name = arena.proposed()
    arena.api.patch("PatternCandidate", name, {"spec": REVIEW_BY_DANA, "status": {}}, LIBRARY, "operator", "status")
    assert "review" not in arena.api.get("PatternCandidate", name, LIBRARY)["spec"]


def test_a_rehearsed_approval_approves_nothing(arena: Arena) -> None:
    name = arena.proposed()
    query = {"dryRun": "All"}
    arena.send(
        "dana", "PATCH", "PatternCandidate", name, LIBRARY, body={"spec": REVIEW_BY_DANA}, what=MERGE, query=query
    )
    assert "review" not in arena.api.get("PatternCandidate", name, LIBRARY)["spec"]


TAMPERED: list[tuple[str, str, Any, str]] = [
    ("ValidatingAdmissionPolicyBinding", "patterncandidate-review.fde.io", {"spec": {"validationActions": ["Audit"]}}, "spec.validationActions"),
    ("ValidatingAdmissionPolicyBinding", "fdedeployment-owner.fde.io", {"spec": {"matchResources": {"namespaceSelector": {"matchLabels": {"a": "b"}}}}}, "spec.matchResources"),
    ("ValidatingAdmissionPolicy", "patterncandidate-author.fde.io", {"spec": {"failurePolicy": "Ignore"}}, "spec.failurePolicy"),
    ("ValidatingAdmissionPolicy", "secret-reference.fde.io", {"spec": {"matchConstraints": {"objectSelector": {"matchLabels": {"a": "b"}}}}}, "objectSelector"),
    ("ValidatingAdmissionPolicy", "operator-confined.fde.io", {"spec": {"matchConditions": [{"name": "never", "expression": "false"}]}}, "spec.matchConditions"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "name", "patch", "where"), TAMPERED, ids=lambda v: v if isinstance(v, str) else "")
def test_a_policy_that_is_tampered_with_is_seen_by_the_operator_with_its_own_rights(
    api: Any, control_plane: Any, kind: str, name: str, patch: Any, where: str
) -> None:
    async def gaps(*, fresh: bool) -> list[str]:
        cluster = KubernetesCluster(str(control_plane.kubeconfig("operator")))
        try:
            return await Guard(cluster).gaps(fresh=fresh)
        finally:
            await cluster.aclose()

    before = api.get(kind, name)
    assert asyncio.run(gaps(fresh=True)) == []
    api.patch(kind, name, patch)
    try:
        for fresh in (True, False):
            (told,) = asyncio.run(gaps(fresh=fresh))
            assert told.startswith(f"{kind} {name} differs") and where in told
    finally:
        fresh_version = api.get(kind, name)["metadata"]["resourceVersion"]
        before["metadata"] = {**before["metadata"], "resourceVersion": fresh_version}
        api.replace(before)
    assert asyncio.run(gaps(fresh=True)) == []


INJECTED: list[tuple[str, Any, str]] = [
    ("instanceHost", 'a"; import os; os.system("id") #', "parameter instanceHost"),
    ("instanceHost", "a.example\nimport os", "parameter instanceHost"),
    ("instanceHost", "{{ clientSecret }}", "parameter instanceHost"),
    ("instanceHost", "../../etc/passwd", "parameter instanceHost"),
    ("instanceHost", "a.ex\u0430mple\u202e", "parameter instanceHost"),
    ("syncFrequency", "30m; rm -rf /", "parameter syncFrequency"),
    ("ratio", "0.5 or True", "parameter ratio"),
    ("hostPath", "/etc", "parameter hostPath is not one of the primitive's"),
    ("verbose", {"secretRef": {"name": "keys", "key": "k"}}, "parameter verbose takes a plain bool, not a secretRef"),
]


@pytest.mark.parametrize(("name", "value", "answer"), INJECTED, ids=[f"{n} {v!r}"[:40] for n, v, _ in INJECTED])
def test_a_value_that_would_be_more_than_a_value_runs_nothing_and_is_not_repeated(
    cluster: Any, given: Any, name: str, value: Any, answer: str
) -> None:
    cluster.store(given.primitive(given.spec()))
    cluster.store(given.deployment(parameters={"instanceHost": "a.example", name: value}))
    key = Key("FDEDeployment", "customer-northgate", "sync")
    settings = OperatorSettings(sidecar_image="fde/sidecar" + DIGEST)
    asyncio.run(deployment.reconcile(cluster, key, settings, now="2026-11-21T13:00:00Z"))
    conditions = {one["type"]: one for one in cluster.objects[key]["status"]["conditions"]}
    assert (conditions["Ready"]["reason"], conditions["ParametersValid"]["status"]) == ("ParametersInvalid", "False")
    assert answer in conditions["Ready"]["message"]
    assert not isinstance(value, str) or value not in conditions["Ready"]["message"]
    assert not any(one.kind in ("Deployment", "ConfigMap", "Job", "CronJob") for one in cluster.objects)
