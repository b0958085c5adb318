"""Which alterations of a policy weaken it: each is seen, none that does not is."""

from __future__ import annotations

import asyncio
import copy
from typing import Any, get_args

import pytest

from fde_api.crd import definitions
from fde_operator import deployment, primitive, routes
from fde_operator.cluster import key_of
from fde_operator.errors import Denied, Unavailable
from fde_operator.health import Health
from fde_operator.key import Key
from fde_operator.metrics import Metrics
from fde_operator.policies import STOPPED, Act, Guard, refusal, shipped, weakness
from fde_operator.reconciler import Reconciler
from fde_operator.settings import OperatorSettings

POLICY, BINDING = "ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding"
REVIEW = "patterncandidate-review.fde.io"
EVERYBODY = {"matchLabels": {"no": "body"}}
DANA = "dana@company.example"


def altered(kind: str, name: str, change: Any) -> list[str]:
    found = copy.deepcopy(dict(shipped()[Key(kind, "", name)]))
    change(found["spec"])
    return list(weakness(shipped()[Key(kind, "", name)], found))


def _set(path: str, value: Any) -> Any:
    def change(spec: Any) -> None:
        *steps, last = path.split(".")
        for step in steps:
            spec = spec[int(step)] if step.isdecimal() else spec.setdefault(step, {})
        if value is None:
            spec.pop(int(last) if last.isdecimal() else last)
        else:
            spec[int(last) if last.isdecimal() else last] = value

    return change


def _allow_all(spec: Any) -> None:
    spec["matchConditions"] = [{"name": "none", "expression": "false"}, *spec.get("matchConditions", ())]


WEAKENED: list[tuple[str, str, Any, str]] = [
    (POLICY, REVIEW, _set("failurePolicy", "Ignore"), "spec.failurePolicy"),
    (POLICY, REVIEW, _allow_all, "spec.matchConditions"),
    (POLICY, "patterncandidate-author.fde.io", _allow_all, "spec.matchConditions"),
    (POLICY, REVIEW, _set("matchConditions.0.expression", "false"), "spec.matchConditions[0].expression"),
    (POLICY, REVIEW, _set("validations.2", None), "spec.validations"),
    (POLICY, REVIEW, _set("validations", []), "spec.validations"),
    (POLICY, REVIEW, _set("validations.0.expression", "true"), "spec.validations[0].expression"),
    (POLICY, REVIEW, _set("validations.0.message", "fine"), "spec.validations[0].message"),
    (POLICY, REVIEW, _set("variables.0.expression", "true"), "spec.variables[0].expression"),
    (POLICY, REVIEW, _set("matchConstraints.resourceRules.0.operations", ["CREATE"]), "operations"),
    (POLICY, REVIEW, _set("matchConstraints.resourceRules.0.resourceNames", ["x"]), "resourceNames"),
    (POLICY, REVIEW, _set("matchConstraints.resourceRules.0.scope", "Cluster"), "scope"),
    (POLICY, REVIEW, _set("matchConstraints.objectSelector", EVERYBODY), "objectSelector"),
    (POLICY, REVIEW, _set("matchConstraints.namespaceSelector", EVERYBODY), "namespaceSelector"),
    (POLICY, REVIEW, _set("matchConstraints.matchPolicy", "Exact"), "matchPolicy"),
    (
        POLICY,
        REVIEW,
        _set("matchConstraints.excludeResourceRules", [{"apiGroups": ["*"], "apiVersions": ["*"], "resources": ["*"]}]),
        "excludeResourceRules",
    ),
    (POLICY, REVIEW, _set("paramKind", {"apiVersion": "v1", "kind": "ConfigMap"}), "spec.paramKind"),
    (POLICY, "namespace-move.fde.io", _set("paramKind", None), "spec.paramKind"),
    (POLICY, "audit-object.fde.io", _set("auditAnnotations.0", None), "spec.auditAnnotations"),
    (BINDING, REVIEW, _set("validationActions", ["Audit"]), "spec.validationActions"),
    (BINDING, REVIEW, _set("validationActions", ["Warn", "Audit"]), "spec.validationActions"),
    (BINDING, REVIEW, _set("policyName", "other.fde.io"), "spec.policyName"),
    (BINDING, REVIEW, _set("matchResources", {"namespaceSelector": EVERYBODY}), "spec.matchResources"),
    (BINDING, REVIEW, _set("matchResources", {"resourceRules": []}), "spec.matchResources"),
    (BINDING, "namespace-move.fde.io", _set("paramRef.name", "x"), "spec.paramRef"),
    (BINDING, "namespace-move.fde.io", _set("paramRef.selector", EVERYBODY), "spec.paramRef"),
]


@pytest.mark.parametrize(("kind", "name", "change", "where"), WEAKENED, ids=lambda v: v if isinstance(v, str) else "")
def test_what_weakens_a_policy_is_seen_and_named(kind: str, name: str, change: Any, where: str) -> None:
    (told,) = altered(kind, name, change)
    assert told.startswith(f"{kind} {name} differs from the one shipped with this operator: spec.")
    assert where in told


def test_what_the_server_fills_in_and_what_only_records_more_is_no_gap() -> None:
    def filled(spec: Any) -> None:
        spec["matchConstraints"] |= {"matchPolicy": "Equivalent", "namespaceSelector": {}, "objectSelector": {}}
        for rule in spec["matchConstraints"]["resourceRules"]:
            rule["scope"] = "*"
        spec["auditAnnotations"] = [{"key": "more", "valueExpression": "'x'"}]

    assert altered(POLICY, REVIEW, filled) == []
    assert altered(BINDING, "fdedeployment-owner.fde.io", _set("validationActions", ["Deny", "Audit"])) == []


def test_missing_and_going_are_told_apart() -> None:
    policy = shipped()[Key(POLICY, "", REVIEW)]
    going = {**policy, "metadata": {**policy["metadata"], "deletionTimestamp": "2026-11-21T00:00:00Z"}}
    assert weakness(policy, None) == [f"{POLICY} {REVIEW} is missing"]
    assert weakness(policy, going) == [f"{POLICY} {REVIEW} is being deleted"]


@pytest.mark.parametrize("key", list(shipped()), ids=str)
def test_a_guard_misses_none(cluster: Any, key: Key) -> None:
    guard = Guard(cluster)
    assert asyncio.run(guard.gaps()) == []
    del cluster.objects[key]
    assert asyncio.run(guard.gaps()) == [f"{key} is missing"]


def test_a_guard_sees_the_alteration_of_a_version_it_knows(cluster: Any) -> None:
    guard, key = Guard(cluster), Key(POLICY, "", REVIEW)
    cluster.objects[key]["metadata"]["resourceVersion"] = "1"
    assert asyncio.run(guard.gaps()) == []
    cluster.objects[key]["spec"]["failurePolicy"] = "Ignore"
    cluster.objects[key]["metadata"]["resourceVersion"] = "2"
    assert len(asyncio.run(guard.gaps())) == 1
    cluster.objects[key]["spec"]["failurePolicy"] = "Fail"
    cluster.objects[key]["metadata"]["resourceVersion"] = "3"
    assert asyncio.run(guard.gaps()) == []


def crd(cluster: Any, name: str = "patterncandidates.fde.io") -> Any:
    return cluster.objects[Key("CustomResourceDefinition", "", name)]["spec"]["versions"][0]


def test_rules_taken_from_a_definition_are_gaps(cluster: Any) -> None:
    for one in definitions():
        cluster.store(one)
    assert asyncio.run(Guard(cluster).gaps()) == []
    spec = crd(cluster)["schema"]["openAPIV3Schema"]["properties"]["spec"]
    spec["x-kubernetes-validations"].pop()
    (told,) = asyncio.run(Guard(cluster).gaps())
    assert told == "CustomResourceDefinition patterncandidates.fde.io lacks 1 of its rules, the first at .spec"


def test_a_version_without_rules_beside_ours_is_a_gap_and_more_rules_are_none(cluster: Any) -> None:
    for one in definitions():
        cluster.store(one)
    spec = crd(cluster)["schema"]["openAPIV3Schema"]["properties"]["spec"]
    spec["x-kubernetes-validations"].append({"rule": "has(self.author)"})
    assert asyncio.run(Guard(cluster).gaps()) == []
    cluster.objects[Key("CustomResourceDefinition", "", "patterncandidates.fde.io")]["spec"]["versions"].append(
        {"name": "v1beta1", "served": True, "schema": {}}
    )
    (told,) = asyncio.run(Guard(cluster).gaps())
    assert told.endswith("patterncandidates.fde.io serves v1beta1, which this operator does not know")


class Blind:
    """A cluster that answers with an error where `refuses` says so."""

    def __init__(self, inner: Any, error: Exception, kind: str) -> None:
        self._inner, self._error, self._kind = inner, error, kind

    async def get(self, key: Key) -> Any:
        if key.kind == self._kind:
            raise self._error
        return await self._inner.get(key)

    async def list(self, kind: str, **_: Any) -> Any:
        if kind == self._kind:
            raise self._error
        return await self._inner.list(kind)


@pytest.mark.parametrize("error", [Unavailable("away"), Denied("no right")])
def test_no_answer_is_no_permission(cluster: Any, error: Exception) -> None:
    for fresh in (False, True):
        with pytest.raises(type(error)):
            asyncio.run(Guard(Blind(cluster, error, POLICY)).gaps(fresh=fresh))  # type: ignore[arg-type]


def test_definitions_that_the_operator_may_not_read_are_a_gap(cluster: Any) -> None:
    blind: Any = Blind(cluster, Denied("no right"), "CustomResourceDefinition")
    (told,) = asyncio.run(Guard(blind).gaps())
    assert told == "the CustomResourceDefinitions of fde.io cannot be read: no right"


def test_memory_that_is_behind_publishes_nothing(cluster: Any) -> None:
    """Before a version is published the API server itself is asked."""
    behind = copy.deepcopy(cluster)
    del cluster.objects[Key(BINDING, "", REVIEW)]
    guard = Guard(behind, cluster)
    assert asyncio.run(guard.gaps()) == []
    assert asyncio.run(guard.gaps(fresh=True)) == [f"{BINDING} {REVIEW} is missing"]


def test_publishing_and_new_rollouts_stop_and_what_runs_stays() -> None:
    gaps = [f"{POLICY} {n}.fde.io is missing" for n in range(5)]
    for act in ("publish", "rollout"):
        held = refusal(act, gaps)  # type: ignore[arg-type]
        assert held is not None and held.reason == "PolicyMissing"
        assert "0.fde.io is missing" in str(held)
        assert "and 2 more. Run `fde operator install`, or upgrade the chart." in str(held)
        assert refusal(act, []) is None  # type: ignore[arg-type]
    assert set(STOPPED) == {"publish", "rollout"} == set(get_args(Act))  # nobody asks before a repair, or an end


def decided(cluster: Any, given: Any, at: str) -> None:
    review = {"decision": "Approved", "reviewer": DANA, "reviewedGeneration": 1, "at": "2026-11-21T23:59:59Z"}
    body = given.candidate(given.spec(), review=review)
    body["metadata"]["managedFields"] = [{"time": at, "fieldsV1": {"f:spec": {"f:review": {}}}}]
    cluster.store(body)


def outcome(cluster: Any, guard: Guard, decisions: Any) -> tuple[str, str]:
    key = Key("PatternCandidate", "fde-library", "c-1")
    asyncio.run(primitive.reconcile(cluster, key, decisions, now="2026-11-21T13:00:00Z", guard=guard))
    (found,) = [c for c in cluster.objects[key]["status"]["conditions"] if c["type"] == "Published"]
    return found["reason"], found["message"]


class Silent:
    async def record(self, decision: Any) -> None:
        """Nothing."""


@pytest.mark.parametrize(("at", "reason"), [("12:00:00", "DecidedUnguarded"), ("12:00:01", "Published")])
def test_what_was_decided_while_a_policy_was_altered_is_not_published_when_it_is_back(
    cluster: Any, given: Any, at: str, reason: str
) -> None:
    guard, binding = Guard(cluster, now=lambda: "2026-11-21T12:00:00Z"), cluster.objects[Key(BINDING, "", REVIEW)]
    binding["spec"]["validationActions"] = ["Audit"]
    assert asyncio.run(guard.gaps())
    binding["spec"]["validationActions"] = ["Deny", "Audit"]
    decided(cluster, given, f"2026-11-21T{at}Z")
    found, message = outcome(cluster, guard, Silent())
    assert found == reason
    assert reason == "Published" or "nobody checked this decision" in message


@pytest.mark.parametrize(("at", "reason"), [("12:00:00", "DecidedUnguarded"), ("12:00:01", "Published")])
def test_nor_what_was_decided_before_a_policy_was_made_again(cluster: Any, given: Any, at: str, reason: str) -> None:
    """Also by an operator that was not there when it was missing."""
    cluster.objects[Key(POLICY, "", REVIEW)]["metadata"]["creationTimestamp"] = "2026-11-21T12:00:00Z"
    decided(cluster, given, f"2026-11-21T{at}Z")
    assert outcome(cluster, Guard(cluster), Silent())[0] == reason


DEPLOYED = Key("FDEDeployment", "customer-northgate", "sync")
WORKLOAD = Key("Deployment", "customer-northgate", "sync")


def deployed(cluster: Any) -> tuple[str, str]:
    settings = OperatorSettings(sidecar_image="fde/sidecar@sha256:" + "1" * 64)
    asyncio.run(deployment.reconcile(cluster, DEPLOYED, settings, now="2026-11-21T13:00:00Z", guard=Guard(cluster)))
    (found,) = [c for c in cluster.objects[DEPLOYED]["status"]["conditions"] if c["type"] == "Ready"]
    return found["reason"], found.get("message", "")


def test_nothing_new_runs_while_a_policy_is_missing_and_what_runs_is_kept_and_put_back(
    cluster: Any, given: Any
) -> None:
    cluster.store(given.primitive(given.spec()))
    cluster.store(given.deployment())
    policy = cluster.objects.pop(Key(POLICY, "", REVIEW))
    reason, message = deployed(cluster)
    assert reason == "PolicyMissing"
    assert message.startswith(
        "nothing new runs for a customer while admission is not guarded; what runs stays as it is: "
    )
    assert WORKLOAD not in cluster.objects

    cluster.objects[Key(POLICY, "", REVIEW)] = policy
    assert deployed(cluster)[0] != "PolicyMissing"
    ran = cluster.objects[WORKLOAD]

    del cluster.objects[Key(POLICY, "", REVIEW)]
    assert deployed(cluster)[0] != "PolicyMissing"  # nothing new is asked for
    del cluster.objects[WORKLOAD]
    deployed(cluster)
    assert cluster.objects[WORKLOAD]["spec"]["template"] == ran["spec"]["template"]  # deleted by hand, put back

    edited = cluster.objects[DEPLOYED]
    edited["spec"]["parameters"]["instanceHost"] = "other.example"
    edited["metadata"]["generation"] = 2
    assert deployed(cluster)[0] == "PolicyMissing"
    assert cluster.objects[WORKLOAD]["spec"]["template"] == ran["spec"]["template"]

    edited = cluster.objects[DEPLOYED]
    edited["spec"]["suspend"] = True
    edited["metadata"]["generation"] = 3
    assert deployed(cluster)[0] != "PolicyMissing"  # ending it goes on
    assert cluster.objects[WORKLOAD]["spec"]["replicas"] == 0


def test_an_end_for_good_goes_on_while_a_policy_is_missing(ran: Any) -> None:
    retired = ran.objects[DEPLOYED]
    retired["spec"]["lifecycle"] = {"phase": "retired"}
    retired["metadata"]["generation"] = 2
    assert deployed(ran)[0] == "Retired"
    assert WORKLOAD not in ran.objects


def test_a_job_that_was_held_is_held_at_the_next_look_too(cluster: Any, given: Any) -> None:
    """Its name holds a digest: a new one is not there before, as one that was deleted by hand is not."""
    spec = given.spec()
    spec["runtime"]["workload"]["kind"] = "Job"
    cluster.store(given.primitive(spec))
    cluster.store(given.deployment())
    deployed(cluster)
    jobs = [key for key in cluster.objects if key.kind == "Job"]
    assert len(jobs) == 1
    del cluster.objects[Key(POLICY, "", REVIEW)]
    edited = cluster.objects[DEPLOYED]
    edited["spec"]["parameters"]["instanceHost"] = "other.example"
    edited["metadata"]["generation"] = 2
    for _ in range(3):
        assert deployed(cluster)[0] == "PolicyMissing"
    assert [key for key in cluster.objects if key.kind == "Job"] == jobs


SIDECAR = "fde/sidecar@sha256:" + "9" * 64


def a_feed_names_another_sidecar(cluster: Any) -> None:
    """Which changes no generation of the deployment."""
    found = cluster.objects[Key("TelemetryFeed", "customer-northgate", "sync")]
    found["spec"]["sidecar"] = {"image": SIDECAR}


def images(cluster: Any) -> str:
    return str(cluster.objects[WORKLOAD]["spec"]["template"])


@pytest.fixture
def ran(cluster: Any, given: Any) -> Any:
    """A deployment that runs, and then a policy that is missing."""
    cluster.store(given.primitive(given.spec()))
    cluster.store(given.deployment())
    deployed(cluster)
    del cluster.objects[Key(POLICY, "", REVIEW)]
    return cluster


def test_other_pods_are_no_repair_though_the_deployment_was_not_edited(ran: Any) -> None:
    a_feed_names_another_sidecar(ran)
    assert deployed(ran)[0] == "PolicyMissing"
    del ran.objects[WORKLOAD]
    for _ in range(2):
        assert deployed(ran)[0] == "PolicyMissing"
        assert WORKLOAD not in ran.objects


def test_nor_are_they_after_a_suspension(ran: Any) -> None:
    """Of a suspended deployment the template follows the feed, for it runs nowhere: what comes back is another one."""
    a_feed_names_another_sidecar(ran)
    edited = ran.objects[DEPLOYED]
    edited["spec"]["suspend"], edited["metadata"]["generation"] = True, 2
    assert deployed(ran)[0] == "Suspended"
    edited = ran.objects[DEPLOYED]
    edited["spec"]["suspend"], edited["metadata"]["generation"] = False, 3
    assert deployed(ran)[0] == "PolicyMissing"
    assert ran.objects[WORKLOAD]["spec"]["replicas"] == 0


def test_what_was_first_made_suspended_is_new_when_it_is_to_run(ran: Any) -> None:
    for key in (WORKLOAD, DEPLOYED):
        ran.objects[key].pop("status", None)
    del ran.objects[WORKLOAD]
    ran.objects[DEPLOYED]["spec"]["suspend"] = True
    assert deployed(ran)[0] == "Suspended"
    ran.objects[DEPLOYED]["spec"]["suspend"] = False
    assert deployed(ran)[0] == "PolicyMissing"
    assert ran.objects[WORKLOAD]["spec"]["replicas"] == 0


def test_a_suspension_that_changed_nothing_ends_while_a_policy_is_missing(ran: Any) -> None:
    before = images(ran)
    for generation, suspend in ((2, True), (3, False)):
        edited = ran.objects[DEPLOYED]
        edited["spec"]["suspend"], edited["metadata"]["generation"] = suspend, generation
        assert deployed(ran)[0] != "PolicyMissing"
    assert (images(ran), ran.objects[WORKLOAD]["spec"]["replicas"]) == (before, 1)


def test_what_was_held_is_begun_when_the_policies_are_back_and_is_what_is_put_back_then(ran: Any) -> None:
    a_feed_names_another_sidecar(ran)
    deployed(ran)
    begun = ran.objects[DEPLOYED]["status"]["templateDigest"]
    ran.store(shipped()[Key(POLICY, "", REVIEW)])
    deployed(ran)
    assert SIDECAR in images(ran)
    assert ran.objects[DEPLOYED]["status"]["templateDigest"] != begun
    del ran.objects[Key(POLICY, "", REVIEW)]
    del ran.objects[WORKLOAD]
    assert deployed(ran)[0] != "PolicyMissing"
    assert SIDECAR in images(ran)


def test_whatever_is_guarded_is_looked_at_again_when_a_policy_changes(cluster: Any, given: Any) -> None:
    """What was held goes on at once, and feeds are held as deployments are."""
    cluster.store(given.deployment())
    feed = {"apiVersion": "fde.io/v1", "kind": "TelemetryFeed", "spec": {}}
    cluster.store({**feed, "metadata": {"name": "shop", "namespace": "customer-northgate"}})
    decided(cluster, given, "2026-11-21T12:00:00Z")
    metrics = Metrics()
    reconciler = Reconciler(cluster, OperatorSettings(), Silent(), metrics=metrics, health=Health(metrics))
    (due,) = routes.now(shipped()[Key(POLICY, "", REVIEW)])
    asyncio.run(reconciler.reconcile(due))
    assert (len(reconciler.queue), len(reconciler.feeds)) == (2, 1)


def test_a_job_that_is_done_is_not_held_for_another_sidecar_that_it_never_gets(cluster: Any, given: Any) -> None:
    spec = given.spec()
    spec["runtime"]["workload"]["kind"] = "Job"
    cluster.store(given.primitive(spec))
    cluster.store(given.deployment())
    deployed(cluster)
    (job,) = [one for key, one in cluster.objects.items() if key.kind == "Job"]
    job["status"] = {"succeeded": 1, "conditions": [{"type": "Complete", "status": "True"}]}
    assert deployed(cluster)[0] == "Succeeded"
    del cluster.objects[Key(POLICY, "", REVIEW)]
    a_feed_names_another_sidecar(cluster)
    assert deployed(cluster)[0] == "Succeeded"
    assert SIDECAR not in str(cluster.objects[key_of(job)])


@pytest.fixture
def at_work(cluster: Any, given: Any) -> Any:
    """A Job that has begun, and then a policy that is missing."""
    spec = given.spec()
    spec["runtime"]["workload"]["kind"] = "Job"
    cluster.store(given.primitive(spec))
    cluster.store(given.deployment())
    deployed(cluster)
    the_job(cluster)["status"] = {"startTime": "2026-11-21T13:00:00Z", "active": 1, "ready": 1}
    assert deployed(cluster)[0] == "Running"
    del cluster.objects[Key(POLICY, "", REVIEW)]
    return cluster


def the_job(cluster: Any) -> Any:
    (job,) = [one for key, one in cluster.objects.items() if key.kind == "Job"]
    return job


def suspend(cluster: Any, value: bool) -> None:
    edited = cluster.objects[DEPLOYED]
    edited["spec"]["suspend"] = value
    edited["metadata"]["generation"] += 1


def test_nor_is_one_that_is_at_work_be_it_suspended_in_between(at_work: Any) -> None:
    a_feed_names_another_sidecar(at_work)
    assert deployed(at_work)[0] == "Running"
    for value, reason in ((True, "Suspended"), (False, "Running")):
        suspend(at_work, value)
        assert deployed(at_work)[0] == reason
        assert the_job(at_work)["spec"]["suspend"] is value
    assert SIDECAR not in str(the_job(at_work))


def test_a_job_that_was_made_suspended_and_never_began_is_new_when_it_is_to_run(at_work: Any) -> None:
    at_work.objects[DEPLOYED]["spec"]["parameters"]["instanceHost"] = "other.example"
    suspend(at_work, True)
    assert deployed(at_work)[0] == "Suspended"
    suspend(at_work, False)
    assert deployed(at_work)[0] == "PolicyMissing"
    assert the_job(at_work)["spec"]["suspend"] is True


@pytest.mark.parametrize("forgotten", [("templateDigest",), None])
def test_what_ran_before_it_was_noted_is_looked_after_while_a_policy_is_missing(
    ran: Any, forgotten: tuple[str, ...] | None
) -> None:
    """A status of the version before, or none: a backup that was brought back without."""
    status = ran.objects[DEPLOYED].pop("status")
    if forgotten is not None:
        ran.objects[DEPLOYED]["status"] = {name: value for name, value in status.items() if name not in forgotten}
    before = images(ran)
    del ran.objects[Key("NetworkPolicy", "customer-northgate", "sync")]
    assert deployed(ran)[0] != "PolicyMissing"
    assert Key("NetworkPolicy", "customer-northgate", "sync") in ran.objects
    del ran.objects[WORKLOAD]
    assert deployed(ran)[0] != "PolicyMissing"
    assert images(ran) == before


def test_but_what_it_never_was_is_not_begun_then(ran: Any) -> None:
    del ran.objects[DEPLOYED]["status"]["templateDigest"]
    a_feed_names_another_sidecar(ran)
    before = images(ran)
    assert deployed(ran)[0] == "PolicyMissing"
    assert images(ran) == before
