"""What a submission hears, by the operator as a process with no more than its role. Marker `cluster`."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import pytest

pytestmark = [pytest.mark.cluster, pytest.mark.seconds]
ENGINE = "system:serviceaccount:fde-system:pattern-engine"


@pytest.fixture(scope="module")
def operator(api: Any, control_plane: Any, tmp_path_factory: pytest.TempPathFactory, given: Any) -> Iterator[Any]:
    found = given.operator(control_plane.kubeconfig("operator"), tmp_path_factory.mktemp("operator") / "operator.log")
    found.start()
    yield found
    found.kill()
    assert "Traceback" not in found.log()


def test_a_submission_hears_of_the_candidate_that_was_made_with_it_and_is_frozen_then(
    api: Any, operator: Any, given: Any, customer: str, unique: str
) -> None:
    challenge = f"limit-{uuid.uuid4().hex[:8]}"
    body = {
        "apiVersion": "fde.io/v1",
        "kind": "PatternProposal",
        "metadata": {"name": "p-1", "namespace": customer},
        "spec": {
            "author": {"username": "ben@company.example"},
            "files": [{"path": "sync.py", "language": "python", "digest": "sha256:" + "a" * 64}],
            "challenge": challenge,
            "reuse": "allowed",
        },
    }
    api.create(body, user="ben")

    def status() -> dict[str, Any]:
        found: dict[str, Any] = api.get("PatternProposal", "p-1", customer).get("status", {})
        return found

    def stage() -> tuple[str, ...]:
        told = {one["type"]: one["status"] for one in status().get("conditions", ())}
        return tuple(told.get(kind, "") for kind in ("Ready", "Reconciling", "Stalled"))

    given.eventually(lambda: stage() == ("False", "True", "False"), 60)
    with pytest.raises(given.refused):
        api.patch("PatternProposal", "p-1", {"status": {"joinedTo": "c-mine"}}, customer, "ben", "status")
    signal = {"challenge": challenge, "deployments": 5, "customers": 4}
    made = given.candidate(given.spec(primitiveName=unique), name=unique, signal=signal)
    api.create(made, user=ENGINE)
    given.eventually(lambda: status().get("joinedTo") == unique, 60)
    assert stage() == ("True", "False", "False")
    with pytest.raises(given.refused, match="joined to a candidate and frozen"):
        api.patch("PatternProposal", "p-1", {"spec": {"reuse": "own-customer"}}, customer, "ben")
    version = api.get("PatternProposal", "p-1", customer)["metadata"]["resourceVersion"]
    api.patch("PatternCandidate", unique, {"metadata": {"labels": {"looked.example/at": "now"}}}, "fde-library")
    operator.kill()
    operator.start()
    assert api.get("PatternProposal", "p-1", customer)["metadata"]["resourceVersion"] == version
