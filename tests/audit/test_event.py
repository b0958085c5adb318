"""Kubernetes' audit events: which are acts, and what is recorded of them."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fde_events.act import Act
from fde_events.errors import Unavailable
from fde_events.seal import opened, seal
from fde_operator.audit.event import seen
from fde_operator.audit.intake import OWN, Full, Intake, events_of
from fde_operator.audit.journal import Journal
from fde_operator.audit.keys import DirectoryKeys
from fde_operator.audit.names import Names
from fde_operator.audit.reason import brief, policy_of
from fde_operator.install import manifests

OPERATOR = OWN[0]
DENIED = (
    "fdedeployments.fde.io \"sync\" is forbidden: ValidatingAdmissionPolicy 'fdedeployment-owner.fde.io' with binding "
    "'fdedeployment-owner.fde.io' denied request: annotation fde.io/owning-fde is immutable"
)


def event(**changes: Any) -> dict[str, Any]:
    about = {
        "resource": "fdedeployments",
        "namespace": "customer-northgate",
        "name": "sync",
        "apiGroup": "fde.io",
        "apiVersion": "v1",
        **changes.pop("about", {}),
    }
    notes = {
        "audit-object.fde.io/uid": "6f0d",
        "audit-object.fde.io/generation": "3",
        "audit-object.fde.io/customer": "northgate",
        **changes.pop("notes", {}),
    }
    return {
        "kind": "Event",
        "level": "Metadata",
        "auditID": "a-1",
        "stage": "ResponseComplete",
        "requestURI": "/apis/fde.io/v1/namespaces/customer-northgate/fdedeployments/sync",
        "verb": "patch",
        "user": {"username": "ben@company.example", "groups": ["fde-engineers"]},
        "objectRef": about,
        "responseStatus": {"code": 200},
        "requestReceivedTimestamp": "2026-11-21T10:00:00.123456Z",
        "annotations": notes,
        **changes,
    }


class Scene:
    """An intake with keys in a directory; `spaces`: customers by namespace; None there: the API server is away."""

    def __init__(self, folder: Path, spaces: dict[str, str | None] | None = None, cap_bytes: int = 1_000_000) -> None:
        self.journal = Journal(folder / "journal", cap_bytes=cap_bytes)
        self.keys = DirectoryKeys(folder / "keys")
        self.spaces = spaces or {}

        async def customer_of(namespace: str) -> str | None:
            if self.spaces.get(namespace, "") is None:
                raise Unavailable("away.")
            return self.spaces.get(namespace)

        self.intake = Intake(self.journal, Names(self.keys, customer_of))

    def take(self, *events: dict[str, Any]) -> list[Act]:
        asyncio.run(self.intake.take(events))
        batch = self.journal.batch()
        self.journal.done(batch, 0)
        return [entry for entry in batch.entries if isinstance(entry, Act)]

    def read(self, field: str, text: str, customer: str = "northgate") -> str | None:
        return opened(asyncio.run(self.keys.of(customer, made=False)), field, text)


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path, {"customer-northgate": "northgate"})


def test_an_engineers_edit_is_told_whole(scene: Scene) -> None:
    (act,) = scene.take(event())
    assert (act.who, act.verb, act.kind, act.outcome) == ("ben@company.example", "patch", "fdedeployments", "allowed")
    assert (act.uid, act.generation, act.at, act.id) == ("6f0d", 3, "2026-11-21T10:00:00.123Z", "a-1")
    assert scene.read("name", act.name) == "sync"
    assert scene.read("namespace", act.namespace) == "customer-northgate"
    assert scene.read("customer", act.customer) == "northgate"


def test_no_name_of_the_customer_stands_in_it(scene: Scene) -> None:
    acts = scene.take(event(), event(auditID="2", responseStatus={"code": 403, "message": f"northgate: {DENIED}"}))
    written = json.dumps([{name: getattr(act, name) for name in act.__struct_fields__} for act in acts])
    assert "northgate" not in written
    assert "sync" not in written


def test_a_denial_names_the_policy_and_its_reason(scene: Scene) -> None:
    (act,) = scene.take(event(responseStatus={"code": 403, "message": DENIED}))
    assert (act.outcome, act.policy) == ("denied", "fdedeployment-owner.fde.io")
    assert "annotation fde.io/owning-fde is immutable" in (scene.read("why", act.why) or "")


def test_a_denial_before_admission_is_of_the_namespaces_customer_all_the_same(scene: Scene) -> None:
    message = 'User "nobody" cannot patch resource "fdedeployments"'
    (act,) = scene.take(event(annotations={}, responseStatus={"code": 403, "message": message}))
    assert scene.read("customer", act.customer) == "northgate"
    assert act.policy == ""


def test_somebody_who_impersonates_is_named_with_whom(scene: Scene) -> None:
    for impersonated in ("dana@company.example", OPERATOR):
        (act,) = scene.take(
            event(auditID=impersonated, user={"username": "root-admin"}, impersonatedUser={"username": impersonated})
        )
        assert (act.who, act.acting_as) == ("root-admin", impersonated)
    user = {"username": OPERATOR}
    assert len(scene.take(event(auditID="x", user=user, impersonatedUser={"username": "dana"}))) == 1


def test_a_review_says_what_was_decided_and_why(scene: Scene) -> None:
    noted = {"patterncandidate-review.fde.io/review": "Approved fde-library/c-1 generation 3 by dana@company.example"}
    reviewed = {"spec": {"review": {"decision": "Approved", "reason": "it holds for five customers"}}}
    about = {"resource": "patterncandidates", "namespace": "fde-library", "name": "c-1"}
    (act,) = scene.take(event(about=about, annotations=noted, responseObject=reviewed, requestObject={"spec": {}}))
    assert (act.decided, act.why) == ({"review": "Approved"}, "it holds for five customers")
    assert (act.name, act.namespace, act.customer) == ("c-1", "fde-library", "")
    (later,) = scene.take(event(auditID="3", about=about, annotations={}, responseObject=reviewed))
    assert later.decided == {}, "a later edit of what was reviewed decides nothing"


@pytest.mark.parametrize(
    "changes",
    [
        {"user": {"username": "system:serviceaccount:kube-system:namespace-controller"}},
        {"user": {"username": "system:kube-controller-manager"}},
        {"user": {"username": OPERATOR}},
        {
            "user": {"username": OPERATOR},
            "about": {"resource": "configmaps", "namespace": "fde-system", "name": "fde-audit-anchor"},
            "responseStatus": {"code": 403},
        },
        {"verb": "get"},
        {"verb": "list"},
        {"stage": "RequestReceived"},
        {"stage": "ResponseStarted"},
        {"stage": "ResponseStarted", "verb": "watch"},
        {"about": {"resource": "events", "apiGroup": ""}},
        {"about": {"resource": "configmaps", "apiGroup": "", "namespace": "elsewhere"}, "annotations": {}},
        {"about": {"resource": "nodes", "apiGroup": "", "namespace": ""}, "annotations": {}},
        {"about": {"resource": "priorityclasses", "apiGroup": "", "namespace": "", "name": "p"}, "annotations": {}},
        {"about": {"resource": "clusterroles", "namespace": "", "subresource": "status"}, "verb": "get"},
        {
            "about": {"resource": "nodes", "subresource": "proxy", "apiGroup": "", "namespace": "", "name": "n"},
            "verb": "get",
            "requestURI": "/api/v1/nodes/n/proxy/metrics/cadvisor",
        },
        {"requestURI": "/apis/fde.io/v1/x?dryRun=All&fieldManager=me"},
        {"objectRef": None},
        {"user": None, "verb": None},
    ],
)
def test_what_is_no_act_of_a_person_is_left_out(scene: Scene, changes: dict[str, Any]) -> None:
    assert scene.take(event(**changes)) == []


@pytest.mark.parametrize(
    "changes",
    [
        {"verb": "get", "about": {"resource": "secrets", "apiGroup": ""}},
        {
            "verb": "list",
            "about": {"resource": "secrets", "apiGroup": "", "namespace": "", "name": ""},
            "annotations": {},
        },
        {"verb": "create", "about": {"resource": "pods", "subresource": "exec", "apiGroup": ""}},
        {"verb": "get", "about": {"resource": "pods", "subresource": "log", "apiGroup": ""}, "annotations": {}},
        {"about": {"resource": "namespaces", "apiGroup": "", "name": "customer-northgate"}},
        {"about": {"resource": "deploymentprimitives", "namespace": "", "name": "p.v1.0.0"}, "annotations": {}},
        {"about": {"resource": "validatingadmissionpolicies", "namespace": "", "name": "x.fde.io"}, "annotations": {}},
        {"about": {"resource": "clusterrolebindings", "namespace": "", "name": "fde-reviewers"}, "annotations": {}},
        {"about": {"resource": "configmaps", "namespace": "fde-system", "name": "fde-audit-anchor"}, "annotations": {}},
        {"about": {"resource": "rolebindings", "apiGroup": "rbac.authorization.k8s.io"}, "annotations": {}},
        {"requestURI": "/x?dryRun=All", "responseStatus": {"code": 403, "message": "no"}},
        {"user": {"username": "system:anonymous"}, "responseStatus": {"code": 403}},
        {"user": {"username": OPERATOR}, "responseStatus": {"code": 403}},
        {"user": {"username": "system:serviceaccount:customer-northgate:default"}},
    ],
)
def test_what_is_one_is_recorded(scene: Scene, changes: dict[str, Any]) -> None:
    assert len(scene.take(event(**changes))) == 1


@pytest.mark.parametrize(
    "resource",
    [
        "clusterroles",
        "clusterrolebindings",
        "mutatingwebhookconfigurations",
        "validatingwebhookconfigurations",
        "mutatingadmissionpolicies",
        "mutatingadmissionpolicybindings",
        "validatingadmissionpolicies",
        "validatingadmissionpolicybindings",
        "customresourcedefinitions",
        "apiservices",
    ],
)
@pytest.mark.parametrize("verb", ["create", "update", "patch", "delete", "deletecollection"])
def test_what_decides_for_the_whole_cluster_is_recorded_whatever_its_name(
    scene: Scene, resource: str, verb: str
) -> None:
    """A binding of anybody to cluster-admin, or a webhook that sees every object, is above all of ours."""
    about = {"resource": resource, "apiGroup": "x", "namespace": "", "name": "temp"}
    (act,) = scene.take(event(verb=verb, about=about, annotations={}))
    assert (act.verb, act.kind, act.name, act.customer) == (verb, resource, "temp", "")
    quiet = event(auditID="2", user={"username": "system:kube-controller-manager"}, about=about, annotations={})
    assert scene.take(quiet) == []


BINDINGS = {"resource": "rolebindings", "apiGroup": "rbac.authorization.k8s.io", "namespace": "elsewhere", "name": "x"}
GIVEN = {"kind": "ClusterRole", "name": "fde-field-engineer"}


@pytest.mark.parametrize("verb", ["create", "update", "patch", "delete", "deletecollection"])
def test_who_gives_a_role_of_ours_anywhere_is_recorded_whatever_the_binding_is_named(scene: Scene, verb: str) -> None:
    """The namespace may become a customer's, and the binding is there already."""
    noted = {"audit-object.fde.io/role": "ClusterRole fde-field-engineer"}
    (act,) = scene.take(event(verb=verb, about=BINDINGS, annotations=noted))
    assert (act.verb, act.kind, act.decided) == (verb, "rolebindings", {"role": "ClusterRole fde-field-engineer"})
    assert "elsewhere" not in act.namespace  # whose it is nobody knows yet


def test_who_was_refused_before_admission_looked_is_recorded_by_what_was_asked_for(scene: Scene) -> None:
    refused = {"code": 403, "message": 'user "eve" is attempting to grant RBAC permissions not currently held'}
    asked = {"roleRef": GIVEN, "subjects": []}
    (act,) = scene.take(
        event(verb="create", about=BINDINGS, annotations={}, requestObject=asked, responseStatus=refused)
    )
    assert (act.outcome, act.decided) == ("denied", {})


@pytest.mark.parametrize(
    ("noted", "asked"),
    [
        ("ClusterRole view", None),
        ("ClusterRole cluster-admin", {"roleRef": {"kind": "ClusterRole", "name": "cluster-admin"}}),
        ("Role fde-field-engineer", {"roleRef": {"kind": "Role", "name": "fde-field-engineer"}}),  # of theirs
        ("", None),
        ("", {"roleRef": None}),
        ("", "fde-"),
    ],
)
def test_other_bindings_of_other_namespaces_are_nobody_s_matter(scene: Scene, noted: str, asked: Any) -> None:
    notes = {"audit-object.fde.io/role": noted} if noted else {}
    assert scene.take(event(verb="create", about=BINDINGS, annotations=notes, requestObject=asked)) == []


def test_a_role_of_ours_is_told_by_a_name_that_every_one_of_them_has() -> None:
    shipped = [one["metadata"]["name"] for one in manifests("policies") if one["kind"] == "ClusterRole"]
    assert shipped
    assert all(name.startswith("fde-") for name in shipped)


SESSIONS = ["pods/exec", "pods/attach", "pods/portforward", "pods/proxy", "services/proxy", "nodes/proxy"]


def session(kind: str, stage: str, code: int, **changes: Any) -> dict[str, Any]:
    resource, _, sub = kind.partition("/")
    about = {"resource": resource, "subresource": sub, "apiGroup": "", "name": "sync-1"}
    if resource == "nodes":
        about["namespace"] = ""
    return event(
        stage=stage,
        verb="create",
        about=about,
        notes={"audit-object.fde.io/customer": ""},
        responseStatus={"code": code},
        **changes,
    )


@pytest.mark.parametrize("kind", SESSIONS)
def test_a_shell_is_recorded_when_it_opens_and_again_when_it_ends(scene: Scene, kind: str) -> None:
    scene.spaces["customer-northgate"] = "northgate"
    (opened_,) = scene.take(session(kind, "ResponseStarted", 101))
    assert (opened_.id, opened_.kind, opened_.outcome) == ("a-1", kind, "allowed")
    assert opened_.decided == {"session": "opened"}
    ended_at = {"stageTimestamp": "2026-11-21T11:30:00.500000Z"}
    (ended,) = scene.take(session(kind, "ResponseComplete", 101, **ended_at))
    assert ended.decided == {"session": "ended", "seconds": "5400"}
    assert (ended.id, ended.at) == ("a-1.ended", opened_.at)
    assert scene.take(session(kind, "ResponseComplete", 101, **ended_at)) == [], "the log may tell it twice"


@pytest.mark.parametrize("code", [200, 403, 500])
def test_a_session_that_was_none_is_told_once(scene: Scene, code: int) -> None:
    scene.spaces["customer-northgate"] = "northgate"
    (act,) = scene.take(session("pods/exec", "ResponseStarted", code), session("pods/exec", "ResponseComplete", code))
    assert act.decided == {}
    assert act.outcome == {200: "allowed", 403: "denied", 500: "failed"}[code]


def test_who_listens_to_secrets_or_logs_is_recorded_when_it_begins(scene: Scene) -> None:
    scene.spaces["customer-northgate"] = "northgate"
    watch = event(stage="ResponseStarted", verb="watch", about={"resource": "secrets", "apiGroup": "", "name": ""})
    assert len(scene.take(watch, {**watch, "stage": "ResponseComplete"})) == 1
    follow = event(
        stage="ResponseStarted", verb="get", about={"resource": "pods", "subresource": "log", "apiGroup": ""}
    )
    assert len(scene.take({**follow, "auditID": "2"}, {**follow, "auditID": "2", "stage": "ResponseComplete"})) == 1


@pytest.mark.parametrize(
    ("ended_at", "told"),
    [
        ("2026-11-21T10:09:59.000000Z", []),
        ("2026-11-21T16:00:00.123456Z", [("a-1.ended", {"session": "ended", "seconds": "21600"})]),
        ("", []),
    ],
)
def test_the_end_of_what_was_open_for_long_is_an_act_of_its_own_though_nobody_remembers_its_beginning(
    scene: Scene, ended_at: str, told: list[tuple[str, dict[str, str]]]
) -> None:
    """Ids are remembered for a while: two acts of one id would be left in the chain."""
    scene.spaces["customer-northgate"] = "northgate"
    about = {"resource": "pods", "subresource": "log", "apiGroup": ""}
    follow = event(stage="ResponseStarted", verb="get", about=about)
    end = {**follow, "stage": "ResponseComplete", "stageTimestamp": ended_at}
    begun, *ends = scene.take(follow, end)
    assert (begun.id, begun.decided) == ("a-1", {})
    assert [(one.id, one.decided) for one in ends] == told
    assert scene.take(end) == [], "the log may tell it twice"


def test_a_node_is_no_way_around_a_pod(scene: Scene) -> None:
    about = {"resource": "nodes", "subresource": "proxy", "apiGroup": "", "namespace": "", "name": "n"}
    for path in ("exec/customer-northgate/sync-1/app", "run/customer-northgate/sync-1/app", "pods"):
        asked = event(
            auditID=path, verb="get", about=about, annotations={}, requestURI=f"/api/v1/nodes/n/proxy/{path}?x=1"
        )
        assert len(scene.take(asked)) == 1, path


@pytest.mark.parametrize(("code", "outcome"), [(200, "allowed"), (201, "allowed"), (401, "denied"), (403, "denied"), (422, "denied"), (404, "failed"), (409, "conflict"), (429, "failed"), (500, "failed"), (None, "unknown")])  # fmt: skip
def test_outcomes(scene: Scene, code: int | None, outcome: str) -> None:
    (act,) = scene.take(event(responseStatus={"code": code} if code else {}))
    assert act.outcome == outcome


def test_what_was_not_made_has_no_uid(scene: Scene) -> None:
    (act,) = scene.take(event(verb="create", responseStatus={"code": 409, "message": "already exists"}))
    assert (act.uid, act.generation) == ("", 0)


def test_an_event_that_comes_twice_is_taken_once(scene: Scene) -> None:
    assert len(scene.take(event(), event())) == 1
    assert scene.take(event()) == []
    assert scene.intake.doubled == 2


def test_while_it_is_not_known_whose_something_is_nothing_is_taken_and_the_same_may_come_again(tmp_path: Path) -> None:
    scene = Scene(tmp_path, {"customer-northgate": None})
    with pytest.raises(Unavailable):
        scene.take(event(annotations={}))
    scene.spaces["customer-northgate"] = "northgate"
    assert len(scene.take(event(annotations={}))) == 1


def test_an_act_in_a_namespace_that_has_gone_is_recorded_as_the_customer_it_was_last_known_of(scene: Scene) -> None:
    scene.take(event())
    scene.spaces.clear()
    (act,) = scene.take(event(auditID="2", annotations={}))
    assert scene.read("customer", act.customer) == "northgate"


def test_without_room_the_sender_is_told(tmp_path: Path) -> None:
    scene = Scene(tmp_path, cap_bytes=100)
    with pytest.raises(Full):
        scene.take(event())


def test_after_the_key_is_destroyed_names_are_nobodys_to_read(scene: Scene) -> None:
    (before,) = scene.take(event())
    assert asyncio.run(scene.keys.destroy("northgate")) == 1
    (after,) = scene.take(event(auditID="2"))
    assert after.name != before.name
    assert scene.read("name", before.name) is None
    assert scene.read("name", after.name) is None
    assert after.who == "ben@company.example"


def test_values_that_a_refusal_quotes_are_left_out() -> None:
    said = (
        'FDEDeployment.fde.io "sync" is invalid: [spec.parameters.host: Invalid value: "db.acme.example": no host, '
        'spec.a: Unsupported value: "s3cr\\"et": supported values: "a", spec.n: Invalid value: 42: too small, '
        'spec.o: Invalid value: {"host":"inner.example"}: not so, spec.l: Invalid value: ["eleven","twelve"]: nor so]'
    )
    shown = brief(said)
    for value in ("db.acme.example", "s3cr", "42", "inner", "twelve"):
        assert value not in shown
    assert "no host" in shown
    assert "too small" in shown
    assert policy_of(DENIED) == "fdedeployment-owner.fde.io"
    assert len(brief("x" * 5000)) == 600


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=10,
)


@settings(max_examples=40)
@given(st.dictionaries(st.sampled_from(sorted(event())), json_values))
def test_whatever_a_sender_makes_up_raises_nothing(changes: dict[str, Any]) -> None:
    found = seen({**event(), **changes}, own=OWN)
    assert found is None or found.kind


@settings(max_examples=40)
@given(st.binary(max_size=60))
def test_a_body_is_a_list_of_events_or_a_sentence(body: bytes) -> None:
    with pytest.raises(ValueError, match="not"):
        events_of(body)


def test_a_list_of_events() -> None:
    assert events_of(json.dumps({"kind": "EventList", "items": [event()]}).encode()) == [event()]


def test_seals_of_one_customer_are_the_same_from_record_to_record(scene: Scene) -> None:
    one, two = scene.take(event(), event(auditID="2", about={"name": "other"}))
    assert one.customer == two.customer
    assert one.name != two.name
    (key,) = asyncio.run(scene.keys.of("northgate"))
    assert one.customer == seal(key, "customer", "northgate")
