"""Who may do what, asked of the real API server by SubjectAccessReview; and what no role of ours may ever hold.

The table is the specification of deploy/policies/roles.yaml, rbac.yaml and the other roles there.
"""

from __future__ import annotations

import asyncio
import base64
import time
from collections.abc import Iterator
from typing import Any

import pytest

from fde_operator.install import install, manifests
from fde_operator.kubernetes import KubernetesCluster

SYSTEM, LIBRARY, MINE, OTHER = "fde-system", "fde-library", "roles-mine", "roles-other"
ACCOUNTS = ("system:serviceaccounts", "system:serviceaccounts:fde-system", "system:authenticated")
PEOPLE = ("system:authenticated",)
WHO: dict[str, tuple[str, tuple[str, ...]]] = {
    # by RoleBinding in MINE
    "field engineer": ("fay@company.example", ("fde-engineers", *PEOPLE)),
    "customer": ("cora@northgate.example", PEOPLE),
    "analyst of one customer": ("ada@company.example", ("fde-analysts", *PEOPLE)),
    "viewer": ("vic@northgate.example", PEOPLE),
    "editor": ("eddy@northgate.example", PEOPLE),
    # by what is shipped
    "engineer without a customer": ("zoe@company.example", ("fde-engineers", *PEOPLE)),
    "contributor": ("con@company.example", ("fde-contributors", *PEOPLE)),
    "reviewer": ("rev@company.example", ("fde-reviewers", *PEOPLE)),
    "librarian": ("lib@company.example", ("fde-librarians", *PEOPLE)),
    "analyst": ("any@company.example", ("fde-analysts", *PEOPLE)),
    "nobody": ("nobody@company.example", PEOPLE),
    "engine": ("system:serviceaccount:fde-system:pattern-engine", ACCOUNTS),
    "operator": ("system:serviceaccount:fde-system:fde-operator", ACCOUNTS),
}
ASSIGNED = {
    "field engineer": "fde-field-engineer",
    "customer": "fde-customer",
    "analyst of one customer": "fde-deployment-reader",
    "viewer": "view",
    "editor": "edit",
}

READ, WRITE = ("get", "list", "watch"), ("create", "update", "patch", "delete")
# who, verbs, resource (group fde.io unless `resource.group` says another), namespace ("" for the cluster), allowed
TABLE: list[tuple[str, tuple[str, ...], str, str, bool]] = [
    # --- field engineers: their customers, and no other
    ("field engineer", (*READ, *WRITE), "fdedeployments", MINE, True),
    ("field engineer", (*READ, *WRITE), "telemetryfeeds", MINE, True),
    ("field engineer", (*READ, "create", "update", "patch"), "patternproposals", MINE, True),
    ("field engineer", ("delete", "deletecollection"), "patternproposals", MINE, False),
    ("field engineer", ("deletecollection",), "fdedeployments", MINE, False),
    ("field engineer", (*READ, *WRITE), "fdedeployments", OTHER, False),
    ("field engineer", (*READ, *WRITE), "telemetryfeeds", OTHER, False),
    ("field engineer", ("list", "watch"), "fdedeployments", "", False),
    ("field engineer", READ, "deploymentprimitives", "", True),
    ("field engineer", READ, "patternlibraries", "", True),
    ("field engineer", WRITE, "deploymentprimitives", "", False),
    ("field engineer", WRITE, "patternlibraries", "", False),
    ("field engineer", (*READ, *WRITE), "patterncandidates", LIBRARY, False),
    ("field engineer", ("get",), "patterncandidates/evidence", LIBRARY, False),
    ("field engineer", ("approve",), "patterncandidates/approval", LIBRARY, False),
    ("field engineer", ("consent",), "telemetryfeeds/consent", MINE, False),
    ("field engineer", ("update", "patch"), "fdedeployments/status", MINE, False),
    ("field engineer", ("update", "patch"), "fdedeployments/finalizers", MINE, False),
    ("field engineer", ("get",), "deploymentprimitives/source", "", False),
    ("field engineer", ("deprecate",), "deploymentprimitives/deprecation", "", False),
    ("field engineer", ("assign",), "customers", "", False),
    ("field engineer", (*READ, *WRITE), "configmaps.", MINE, False),
    ("field engineer", ("get", "list", "create"), "pods.", MINE, False),
    ("field engineer", ("patch", "update"), "namespaces.", MINE, False),
    # --- an engineer whom nobody assigned sees the library and no customer
    ("engineer without a customer", READ, "deploymentprimitives", "", True),
    ("engineer without a customer", (*READ, *WRITE), "fdedeployments", MINE, False),
    ("engineer without a customer", (*READ, *WRITE), "patternproposals", MINE, False),
    ("engineer without a customer", READ, "patterncandidates", LIBRARY, False),
    # --- the customer: what leaves; and looks at what runs
    ("customer", (*READ, *WRITE), "telemetryfeeds", MINE, True),
    ("customer", ("consent",), "telemetryfeeds/consent", MINE, True),
    ("customer", READ, "fdedeployments", MINE, True),
    ("customer", WRITE, "fdedeployments", MINE, False),
    ("customer", READ, "patternproposals", MINE, True),
    ("customer", WRITE, "patternproposals", MINE, False),
    ("customer", ("consent",), "telemetryfeeds/consent", OTHER, False),
    ("customer", READ, "telemetryfeeds", OTHER, False),
    ("customer", READ, "deploymentprimitives", "", False),
    ("customer", ("create",), "configmaps.", MINE, True),
    ("customer", ("get", "update", "patch", "delete", "list"), "configmaps.", MINE, False),
    # --- the cluster's own roles
    ("viewer", READ, "fdedeployments", MINE, True),
    ("viewer", WRITE, "fdedeployments", MINE, False),
    ("viewer", READ, "patternproposals", MINE, False),
    ("editor", (*READ, *WRITE), "fdedeployments", MINE, True),
    ("editor", (*READ, *WRITE), "telemetryfeeds", MINE, True),
    ("editor", ("consent",), "telemetryfeeds/consent", MINE, False),
    ("editor", ("update", "patch"), "fdedeployments/status", MINE, False),
    ("editor", WRITE, "patternproposals", MINE, False),
    # --- candidates: in the library alone
    ("contributor", (*READ, "create", "update", "patch"), "patterncandidates", LIBRARY, True),
    ("contributor", ("approve",), "patterncandidates/approval", LIBRARY, False),
    ("contributor", ("get",), "patterncandidates/evidence", LIBRARY, False),
    ("contributor", READ, "patterncandidates", MINE, False),
    ("reviewer", (*READ, "update", "patch"), "patterncandidates", LIBRARY, True),
    ("reviewer", ("create", "delete", "deletecollection"), "patterncandidates", LIBRARY, False),
    ("reviewer", ("approve",), "patterncandidates/approval", LIBRARY, True),
    ("reviewer", ("approve",), "patterncandidates/approval", MINE, False),
    ("reviewer", ("get",), "patterncandidates/evidence", LIBRARY, True),
    ("reviewer", ("get",), "deploymentprimitives/source", "", True),
    ("reviewer", ("deprecate",), "deploymentprimitives/deprecation", "", True),
    ("reviewer", ("curate",), "patternlibraries/gates", "", True),
    ("reviewer", ("update", "patch"), "patterncandidates/status", LIBRARY, False),
    ("reviewer", ("create", "delete"), "deploymentprimitives", "", False),
    ("reviewer", ("publish",), "deploymentprimitives/publication", "", False),
    ("reviewer", (*READ, *WRITE), "fdedeployments", MINE, False),
    ("librarian", (*READ, *WRITE), "patternlibraries", "", True),
    ("librarian", ("curate",), "patternlibraries/gates", "", True),
    ("librarian", ("deprecate",), "deploymentprimitives/deprecation", "", True),
    ("librarian", (*READ, "update", "patch"), "deploymentprimitives", "", True),
    ("librarian", ("create", "delete", "deletecollection"), "deploymentprimitives", "", False),
    ("librarian", ("approve",), "patterncandidates/approval", LIBRARY, False),
    ("librarian", (*READ, *WRITE), "patterncandidates", LIBRARY, False),
    # --- analysts: counts, and no customer's code
    ("analyst", READ, "deploymentprimitives", "", True),
    ("analyst", READ, "patternlibraries", "", True),
    ("analyst", READ, "fdedeployments", MINE, False),  # their parameters are the customer's
    ("analyst", READ, "fdedeployments", "", False),
    ("analyst", READ, "patterncandidates", LIBRARY, True),
    ("analyst", WRITE, "fdedeployments", MINE, False),
    ("analyst", WRITE, "patterncandidates", LIBRARY, False),
    ("analyst", READ, "patternproposals", MINE, False),
    ("analyst", READ, "telemetryfeeds", MINE, False),
    ("analyst", ("get",), "patterncandidates/evidence", LIBRARY, False),
    ("analyst", ("get",), "deploymentprimitives/source", "", False),
    ("analyst of one customer", READ, "fdedeployments", MINE, True),
    ("analyst of one customer", WRITE, "fdedeployments", MINE, False),
    ("analyst of one customer", READ, "fdedeployments", OTHER, False),
    ("analyst of one customer", READ, "telemetryfeeds", MINE, False),
    ("analyst of one customer", READ, "patternproposals", MINE, False),
    # --- nobody
    ("nobody", (*READ, *WRITE), "deploymentprimitives", "", False),
    ("nobody", (*READ, *WRITE), "fdedeployments", MINE, False),
    # --- programs
    ("engine", (*READ, "create", "update", "patch"), "patterncandidates", LIBRARY, True),
    ("engine", ("create", "update", "patch"), "patterncandidates", MINE, False),
    ("engine", ("delete", "deletecollection"), "patterncandidates", LIBRARY, False),
    ("engine", ("approve",), "patterncandidates/approval", LIBRARY, False),
    ("engine", ("get",), "deploymentprimitives/source", "", True),
    ("engine", (*READ, *WRITE), "patternproposals", MINE, False),  # what was submitted comes by Kafka
    ("engine", ("get", "update", "patch"), "patternproposals/status", MINE, False),
    ("engine", WRITE, "deploymentprimitives", "", False),
    ("engine", (*READ, *WRITE), "fdedeployments", MINE, False),
    ("operator", READ, "fdedeployments", MINE, True),
    ("operator", WRITE, "fdedeployments", MINE, False),
    ("operator", ("patch",), "fdedeployments/status", MINE, True),
    ("operator", READ, "patterncandidates", LIBRARY, True),
    ("operator", WRITE, "patterncandidates", LIBRARY, False),
    ("operator", ("approve",), "patterncandidates/approval", LIBRARY, False),
    ("operator", ("consent",), "telemetryfeeds/consent", MINE, False),
    ("operator", ("create",), "deploymentprimitives", "", True),
    ("operator", ("update", "patch", "delete"), "deploymentprimitives", "", False),
    ("operator", ("publish",), "deploymentprimitives/publication", "", True),
    ("operator", ("deprecate",), "deploymentprimitives/deprecation", "", False),
    ("operator", ("curate",), "patternlibraries/gates", "", False),
    ("operator", WRITE, "patternlibraries", "", False),
    ("operator", ("create", "patch", "delete"), "deployments.apps", MINE, True),
    ("operator", ("create", "update"), "secrets.", MINE, True),
    ("operator", ("assign",), "customers", "", False),
    ("operator", ("get",), "validatingadmissionpolicies.admissionregistration.k8s.io", "", True),
    ("operator", ("patch", "update", "delete"), "namespaces.", MINE, False),
]
# Whoever has one of these is above what the roles say. For everybody of ours, in a customer's namespace, ours, and the cluster.
NEVER: list[tuple[tuple[str, ...], str]] = [
    (("get", "list", "watch"), "secrets."),
    (("impersonate",), "users."),
    (("impersonate",), "groups."),
    (("impersonate",), "serviceaccounts."),
    (("create",), "serviceaccounts/token."),
    (("create", "get"), "pods/exec."),
    (("create", "get"), "pods/attach."),
    (("create", "get"), "pods/portforward."),
    (("patch", "update"), "pods/ephemeralcontainers."),
    (("create",), "pods."),
    (("get", "create"), "nodes/proxy."),
    (("bind", "escalate", "create", "update", "patch"), "clusterroles.rbac.authorization.k8s.io"),
    (("bind", "escalate", "create", "update", "patch"), "roles.rbac.authorization.k8s.io"),
    (("create", "update", "patch"), "clusterrolebindings.rbac.authorization.k8s.io"),
    (("create", "update", "patch"), "rolebindings.rbac.authorization.k8s.io"),
    (("create", "update", "patch", "delete"), "validatingadmissionpolicies.admissionregistration.k8s.io"),
    (("create", "update", "patch", "delete"), "validatingadmissionpolicybindings.admissionregistration.k8s.io"),
    (("create", "update", "patch"), "mutatingwebhookconfigurations.admissionregistration.k8s.io"),
    (("create", "update", "patch", "delete"), "customresourcedefinitions.apiextensions.k8s.io"),
    (("approve",), "signers.certificates.k8s.io"),
    (("create", "update", "patch", "delete"), "namespaces."),
]
OURS = [who for who in WHO if who not in ("viewer", "editor")]


@pytest.fixture(scope="module")
def assigned(api: Any, given: Any) -> Iterator[Any]:
    """Two customers, and everybody of ASSIGNED bound in the first one alone."""
    group = "rbac.authorization.k8s.io"
    for namespace in (MINE, OTHER):
        api.create(given.namespace(namespace, {"fde.io/customer": namespace}))
    for who, role in ASSIGNED.items():
        api.create(
            {
                "apiVersion": f"{group}/v1",
                "kind": "RoleBinding",
                "metadata": {"name": role, "namespace": MINE},
                "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": role},
                "subjects": [{"apiGroup": group, "kind": "User", "name": WHO[who][0]}],
            }
        )
    # The cluster's own roles take ours in a moment after they are made.
    given.eventually(lambda: allowed(api, "editor", "create", "fdedeployments", MINE), 60)
    given.eventually(lambda: allowed(api, "viewer", "get", "fdedeployments", MINE), 60)
    yield api
    for namespace in (MINE, OTHER):
        api.delete("Namespace", namespace)


def allowed(api: Any, who: str, verb: str, resource: str, namespace: str) -> bool:
    user, groups = WHO[who]
    path, _, group = resource.partition(".")
    kind, _, sub = path.partition("/")
    attributes = {
        "verb": verb,
        "group": group if "." in resource else "fde.io",
        "resource": kind,
        "subresource": sub,
        "namespace": namespace,
    }
    body = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SubjectAccessReview",
        "metadata": {},
        "spec": {"user": user, "groups": list(groups), "resourceAttributes": attributes},
    }
    return bool(api.create(body)["status"]["allowed"])


@pytest.mark.parametrize(("who", "verbs", "resource", "namespace", "expected"), TABLE)
def test_the_api_server_answers_as_the_table_says(
    assigned: Any, who: str, verbs: tuple[str, ...], resource: str, namespace: str, expected: bool
) -> None:
    assert {verb: allowed(assigned, who, verb, resource, namespace) for verb in verbs} == dict.fromkeys(verbs, expected)


@pytest.mark.parametrize("who", OURS)
def test_nobody_of_ours_is_above_the_roles(assigned: Any, who: str) -> None:
    found = [
        (verb, resource, namespace)
        for verbs, resource in NEVER
        for verb in verbs
        for namespace in (MINE, SYSTEM, "")
        if allowed(assigned, who, verb, resource, namespace)
    ]
    assert found == []


def roles() -> list[dict[str, Any]]:
    return [one for one in manifests("policies") if one["kind"] in ("ClusterRole", "Role")]


def held_by(role: dict[str, Any]) -> set[str]:
    return {resource for rule in role["rules"] for resource in rule["resources"]}


@pytest.mark.parametrize("role", roles(), ids=lambda role: role["metadata"]["name"])
def test_no_role_holds_a_wildcard_or_what_leads_to_everything(role: dict[str, Any]) -> None:
    for rule in role["rules"]:
        for field in ("apiGroups", "resources", "verbs", "resourceNames", "nonResourceURLs"):
            assert not any("*" in value for value in rule.get(field, ())), rule
        assert not {"impersonate", "bind", "escalate"} & set(rule["verbs"])
        if {"secrets", "secrets/*"} & set(rule.get("resources", ())):
            # One Secret by name, which holds what the operator made itself; of the others nothing is read.
            named = role["kind"] == "Role" and rule.get("resourceNames") == ["fde-audit-keys"]
            assert named or not {"get", "list", "watch", "patch", "delete"} & set(rule["verbs"])
        assert not any(resource.startswith(("pods/", "nodes/", "serviceaccounts/")) for resource in rule["resources"])


def test_every_person_s_role_is_shipped_and_customers_data_is_bound_nowhere_cluster_wide() -> None:
    names = {role["metadata"]["name"] for role in roles()}
    assert {
        f"fde-{who}" for who in ("field-engineer", "reviewer", "analyst", "operator", "customer", "pattern-engine")
    } <= names
    bound = [one for one in manifests("policies") if one["kind"] == "ClusterRoleBinding"]
    people = [one for one in bound if any(subject["kind"] != "ServiceAccount" for subject in one["subjects"])]
    assert {one["roleRef"]["name"] for one in people} == {
        "fde-reader",
        "fde-source-reader",
        "fde-librarian",
        "fde-analyst",
    }
    everywhere = {one["roleRef"]["name"] for one in people}
    held = {name for role in roles() if role["metadata"]["name"] in everywhere for name in held_by(role)}
    assert not held & {"fdedeployments", "telemetryfeeds", "patternproposals", "patterncandidates", "configmaps"}
    for one in manifests("policies"):
        if one["kind"].endswith("RoleBinding") or one["kind"] == "RoleBinding":
            assert all(subject["kind"] in ("Group", "ServiceAccount") for subject in one["subjects"])


def test_installing_takes_away_what_an_older_version_bound_cluster_wide(api: Any, control_plane: Any) -> None:
    group = "rbac.authorization.k8s.io"
    old = {
        "apiVersion": f"{group}/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": "fde-deployers"},
        "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": "fde-field-engineer"},
        "subjects": [{"apiGroup": group, "kind": "Group", "name": "fde-engineers"}],
    }
    api.create(old)
    told: list[str] = []

    async def again() -> None:
        cluster = KubernetesCluster(str(control_plane.kubeconfig("admin")))
        try:
            await install(cluster, tell=told.append)
        finally:
            await cluster.aclose()

    asyncio.run(again())
    assert api.get("ClusterRoleBinding", "fde-deployers") is None
    assert [line for line in told if line.startswith("deleted ")] == [
        "deleted ClusterRoleBinding fde-deployers: its rights are given namespace by namespace now (deploy/policies/roles.yaml)"
    ]


def test_whoever_could_patch_a_feed_s_secret_to_label_it_would_be_told_its_password(api: Any, customer: str) -> None:
    """Why the operator has no such right, and a Secret keeps the compliance labels of its last password.

    RBAC knows no metadata of an object, and admission judges what is written, not what is answered.
    """
    made = {"apiVersion": "fde.io/v1", "kind": "TelemetryFeed", "metadata": {"name": "shop", "namespace": customer}}
    feed = api.create({**made, "spec": {"workloadSelector": {"matchLabels": {"app": "shop"}}, "signals": ["errors"]}})
    owner = {"apiVersion": "fde.io/v1", "kind": "TelemetryFeed", "name": "shop", "uid": feed["metadata"]["uid"]}
    metadata = {"name": "fde-kafka.shop", "namespace": customer, "ownerReferences": [owner]}
    head = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "type": "fde.io/kafka"}
    api.create({**head, "stringData": {"kafka.yaml": "not for the operator"}})
    label = {"apiVersion": "v1", "kind": "Secret", "metadata": {"labels": {"compliance.fde.io/soc2": "required"}}}
    operator = "|".join(("system:serviceaccount:fde-system:fde-operator", *ACCOUNTS))

    def labelled() -> Any:
        apply = {"fieldManager": "fde-operator", "force": "true"}
        what = "application/apply-patch+yaml"
        where = ("PATCH", "Secret", customer, metadata["name"])
        return api.ask(*where, user=operator, body=label, what=what, query=apply)

    refused = labelled()
    assert refused.status_code == 403
    assert "data" not in refused.json()
    group = "rbac.authorization.k8s.io"
    patches = {"apiGroups": [""], "resources": ["secrets"], "verbs": ["patch"]}
    named = {"apiVersion": f"{group}/v1", "metadata": {"name": "patches", "namespace": customer}}
    api.create({**named, "kind": "Role", "rules": [patches]})
    account = {"kind": "ServiceAccount", "name": "fde-operator", "namespace": SYSTEM}
    role = {"apiGroup": group, "kind": "Role", "name": "patches"}
    api.create({**named, "kind": "RoleBinding", "roleRef": role, "subjects": [account]})

    deadline = time.monotonic() + 30
    while not (answer := labelled()).is_success:
        assert time.monotonic() < deadline, answer.text
        time.sleep(0.1)
    assert base64.b64decode(answer.json()["data"]["kafka.yaml"]) == b"not for the operator"
