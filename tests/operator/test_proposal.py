"""What a submission hears of what became of it, against a cluster in memory."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from fde_operator import proposal, routes
from fde_operator.key import Key

KEY = Key("PatternProposal", "customer-northgate", "p-1")
ANA = "ana@company.example"


def submitted(**spec: Any) -> dict[str, Any]:
    digest = "sha256:" + "a" * 64
    return {
        "apiVersion": "fde.io/v1",
        "kind": "PatternProposal",
        "metadata": {"name": KEY.name, "namespace": KEY.namespace},
        "spec": {
            "author": {"username": ANA},
            "files": [{"path": "sync.py", "language": "python", "digest": digest}],
            "challenge": "rate-limit",
            "reuse": "allowed",
            **spec,
        },
    }


def reconcile(cluster: Any) -> None:
    assert asyncio.run(proposal.reconcile(cluster, KEY, now="2026-11-21T00:00:00Z")) is None


def said(cluster: Any) -> tuple[str | None, dict[str, tuple[str, str]]]:
    status = cluster.objects[KEY]["status"]
    return status.get("joinedTo"), {one["type"]: (one["status"], one["reason"]) for one in status["conditions"]}


def test_a_proposal_is_joined_to_the_candidate_that_was_made_with_its_author_s_solution(
    cluster: Any, given: Any
) -> None:
    cluster.store(submitted())
    reconcile(cluster)
    joined, conditions = said(cluster)
    assert joined is None
    assert conditions == {
        "Ready": ("False", "AwaitingCandidate"),
        "Reconciling": ("True", "AwaitingCandidate"),
        "Stalled": ("False", "AwaitingCandidate"),
    }
    cluster.store(given.candidate(given.spec()))
    reconcile(cluster)
    joined, conditions = said(cluster)
    assert joined == "c-1"
    assert conditions["Ready"] == ("True", "Joined")
    assert conditions["Reconciling"][0] == conditions["Stalled"][0] == "False"


def test_once_it_was_said_nothing_is_written(cluster: Any, given: Any) -> None:
    cluster.store(submitted())
    for _ in range(2):
        reconcile(cluster)
    assert len(cluster.writes) == 1
    cluster.store(given.candidate(given.spec()))
    for _ in range(2):
        reconcile(cluster)
    assert len(cluster.writes) == 2


def test_what_is_joined_stays_joined_whatever_comes_or_goes(cluster: Any, given: Any) -> None:
    cluster.store(submitted())
    cluster.store(given.candidate(given.spec(), name="c-9"))
    reconcile(cluster)
    cluster.store(given.candidate(given.spec(), name="c-0"))
    del cluster.objects[Key("PatternCandidate", "fde-library", "c-9")]
    reconcile(cluster)
    assert said(cluster)[0] == "c-9"


@pytest.mark.parametrize(
    "spec",
    [
        {"challenge": "another"},
        {"challenge": None, "signatures": ["s"]},
        {"author": {"username": "zoe@company.example"}},
    ],
)
def test_a_candidate_of_others_or_of_another_challenge_joins_nothing(cluster: Any, given: Any, spec: Any) -> None:
    cluster.store(submitted(**spec))
    cluster.store(given.candidate(given.spec()))
    reconcile(cluster)
    assert said(cluster)[0] is None


EARLIER, THEN, LATER = (f"2026-11-2{day}T00:00:00Z" for day in (0, 1, 2))


def written(at: str, what: str = "f:signal", **entry: Any) -> dict[str, Any]:
    return {"manager": "m", "operation": "Apply", "time": at, "fieldsV1": {"f:spec": {what: {}}}, **entry}


@pytest.mark.parametrize(
    ("made", "entries", "joined"),
    [
        (EARLIER, [], None),
        (EARLIER, [written(EARLIER), written(LATER, "f:review")], None),  # decided since: made of what was there before
        (EARLIER, [written(LATER)], "c-1"),  # renewed by the engine, which had it then
        (THEN, [], "c-1"),
        (LATER, [written(LATER)], "c-1"),
    ],
)
def test_a_candidate_of_before_it_was_handed_in_was_made_without_it(
    cluster: Any, given: Any, made: str, entries: list[dict[str, Any]], joined: str | None
) -> None:
    """The same author has one in it already, and hands in another."""
    proposed = submitted()
    proposed["metadata"]["creationTimestamp"] = THEN
    cluster.store(proposed)
    candidate = given.candidate(given.spec())
    candidate["metadata"] |= {"creationTimestamp": made, "managedFields": entries}
    cluster.store(candidate)
    reconcile(cluster)
    assert said(cluster)[0] == joined


def test_what_may_not_be_opened_is_counted_and_waits_for_nothing(cluster: Any, given: Any) -> None:
    cluster.store(submitted(reuse="forbidden"))
    cluster.store(given.candidate(given.spec()))
    reconcile(cluster)
    joined, conditions = said(cluster)
    assert joined is None
    assert conditions["Ready"] == ("True", "CountedOnly")


def test_one_that_is_off_schema_says_so(cluster: Any) -> None:
    cluster.store(submitted(files=[]))
    reconcile(cluster)
    assert said(cluster)[1]["Stalled"] == ("True", "SpecInvalid")


def test_a_candidate_makes_the_proposals_of_its_challenge_due(given: Any) -> None:
    made = given.candidate(given.spec())
    assert Key(routes.PROPOSALS_OF, "", "rate-limit") in routes.now(made)
    assert routes.now(submitted()) == (KEY,)
