"""The real API server against people who try: who, what, and the sentence that answers them.

Marker `cluster`. The table is the specification of crds/manifests and deploy/policies.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

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
