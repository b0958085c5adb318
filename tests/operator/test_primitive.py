"""A candidate, reconciled against a cluster in memory."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from fde_events.decision import Decision
from fde_operator import primitive
from fde_operator.key import Key

KEY = Key("PatternCandidate", "fde-library", "c-1")
PUBLISHED = Key("DeploymentPrimitive", "", "incident-sync.v1.0.0")
DANA = "dana@company.example"
APPROVED = {"decision": "Approved", "reviewer": DANA, "reviewedGeneration": 1, "at": "2026-11-20T10:00:00Z"}


class Recorded:
    """Decisions, remembered."""

    def __init__(self) -> None:
        self.all: list[Decision] = []

    async def record(self, decision: Decision) -> None:
        self.all.append(decision)


def reconcile(
    cluster: Any, recorded: Recorded | None = None, key: Key = KEY, now: str = "2026-11-21T00:00:00Z"
) -> float | None:
    return asyncio.run(primitive.reconcile(cluster, key, recorded or Recorded(), now=now))


def published(cluster: Any, key: Key = KEY) -> tuple[str, str, str]:
    (found,) = [c for c in cluster.objects[key]["status"]["conditions"] if c["type"] == "Published"]
    return found["status"], found["reason"], found["message"]


def test_an_approved_candidate_becomes_an_immutable_version(cluster: Any, given: Any) -> None:
    cluster.store(given.candidate(given.spec(), review=APPROVED))
    recorded = Recorded()
    reconcile(cluster, recorded)
    made = cluster.objects[PUBLISHED]
    assert made["spec"]["template"] == given.spec()["template"]
    assert made["spec"]["provenance"]["approvedBy"] == DANA
    assert made["spec"]["provenance"]["publishedAt"] == "2026-11-20T10:00:00Z"
    assert published(cluster)[:2] == ("True", "Published")
    assert cluster.objects[KEY]["status"]["publishedAs"] == PUBLISHED.name
    assert [(d.decision, d.published_as) for d in recorded.all] == [("Approved", PUBLISHED.name)]


def test_reconciled_again_it_writes_and_tells_nothing(cluster: Any, given: Any) -> None:
    cluster.store(given.candidate(given.spec(), review=APPROVED))
    reconcile(cluster)
    before, recorded = len(cluster.writes), Recorded()
    reconcile(cluster, recorded, now="2026-11-22T00:00:00Z")
    assert cluster.writes[before:] == []
    assert recorded.all == []


def test_killed_after_creating_the_primitive_it_ends_the_same(cluster: Any, given: Any) -> None:
    cluster.store(given.candidate(given.spec(), review=APPROVED))
    cluster.die_after = 1
    with pytest.raises(given.killed):
        reconcile(cluster)
    once = cluster.objects[PUBLISHED]
    cluster.die_after = None
    recorded = Recorded()
    reconcile(cluster, recorded, now="2026-11-22T00:00:00Z")
    assert cluster.objects[PUBLISHED] == once
    assert published(cluster)[0] == "True"
    assert len(recorded.all) == 1


def test_a_version_taken_by_another_proposal_is_told_with_the_next_step(cluster: Any, given: Any) -> None:
    cluster.store(given.candidate(given.spec(), review=APPROVED))
    reconcile(cluster)
    cluster.store(given.candidate(given.spec(domain="other"), name="c-2", review=APPROVED))
    second = Key("PatternCandidate", "fde-library", "c-2")
    reconcile(cluster, key=second)
    status, reason, message = published(cluster, second)
    assert (status, reason) == ("False", "VersionTaken")
    assert "higher version" in message
    assert cluster.objects[PUBLISHED]["spec"]["domain"] == "data-integration"


@pytest.mark.parametrize(
    ("spec", "reason", "words"),
    [
        ({}, "AwaitingReview", "no person has decided"),
        ({"review": {**APPROVED, "decision": "Rejected", "reason": "values leak"}}, "Rejected", "values leak"),
        (
            {"review": {**APPROVED, "reviewer": "ana@company.example"}},
            "NotPublishable",
            "another person must review it",
        ),
        (
            {"review": APPROVED, "proof": {"siblings": 5, "rebuilt": 4, "siblingCustomers": 4, "leaks": 0}},
            "NotPublishable",
            "only 4 of 5",
        ),
        (
            {"review": APPROVED, "proof": {"siblings": 5, "rebuilt": 5, "siblingCustomers": 4, "leaks": 2}},
            "NotPublishable",
            "2 leaks",
        ),
        (
            {"review": APPROVED, "proof": {"proposalDigest": "sha256:" + "0" * 64}},
            "NotPublishable",
            "its proof is of another proposal",
        ),
        (
            {
                "review": APPROVED,
                "proof": {"acknowledge": [{"kind": "eval", "what": "eval", "path": "x.py", "line": 3}]},
            },
            "NotPublishable",
            "1 entry is listed for the reviewer to acknowledge",
        ),
    ],
)
def test_what_is_not_to_be_published_is_not_and_says_why(
    cluster: Any, given: Any, spec: Any, reason: str, words: str
) -> None:
    cluster.store(given.candidate(given.spec(), **spec))
    reconcile(cluster)
    assert published(cluster)[:2] == ("False", reason)
    assert words in published(cluster)[2]
    assert PUBLISHED not in cluster.objects
    said = {one["type"]: one for one in cluster.objects[KEY]["status"]["conditions"]}
    waits = reason == "AwaitingReview"  # for a person, as every candidate does; the others wait for nobody
    assert (said["Reconciling"]["status"], said["Stalled"]["status"]) == (str(waits), str(not waits))
    assert words in said["Reconciling" if waits else "Stalled"]["message"]


def test_a_rejection_is_recorded_once(cluster: Any, given: Any) -> None:
    cluster.store(given.candidate(given.spec(), review={**APPROVED, "decision": "Rejected", "reason": "values leak"}))
    recorded = Recorded()
    reconcile(cluster, recorded)
    reconcile(cluster, recorded)
    assert [(d.decision, d.reason, d.published_as) for d in recorded.all] == [("Rejected", "values leak", None)]


@pytest.mark.parametrize("kind", ["ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding"])
def test_nothing_is_published_while_a_guard_is_missing(cluster: Any, given: Any, kind: str) -> None:
    del cluster.objects[Key(kind, "", "patterncandidate-review.fde.io")]
    cluster.store(given.candidate(given.spec(), review=APPROVED))
    assert reconcile(cluster) is not None
    assert published(cluster)[:2] == ("False", "PolicyMissing")
    assert "patterncandidate-review.fde.io is missing" in published(cluster)[2]
    assert PUBLISHED not in cluster.objects


def test_nothing_is_published_while_a_guard_is_weakened(cluster: Any, given: Any) -> None:
    binding = cluster.objects[Key("ValidatingAdmissionPolicyBinding", "", "patterncandidate-review.fde.io")]
    binding["spec"]["validationActions"] = ["Warn"]
    cluster.store(given.candidate(given.spec(), review=APPROVED))
    reconcile(cluster)
    assert published(cluster)[1] == "PolicyMissing"
    assert "differs" in published(cluster)[2]


def test_the_time_of_decision_is_the_server_s_when_the_review_has_none(given: Any) -> None:
    review = {**APPROVED, "at": "yesterday"}
    raw = given.candidate(given.spec(), review=review)
    raw["metadata"] |= {
        "creationTimestamp": "2026-11-01T00:00:00Z",
        "managedFields": [
            {"time": "2026-11-01T00:00:00Z", "fieldsV1": {"f:spec": {"f:proposal": {}}}},
            {"time": "2026-11-03T00:00:00Z", "fieldsV1": {"f:spec": {"f:review": {}}}},
        ],
    }
    assert primitive.decided_at(raw) == "2026-11-03T00:00:00Z"
    raw["spec"]["review"]["at"] = "2026-11-02T00:00:00Z"
    assert primitive.decided_at(raw) == "2026-11-02T00:00:00Z"
