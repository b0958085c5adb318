"""Who may take a Lease, and when: no clock but the candidate's own counts, and nobody is taken by surprise."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from fde_operator.tenure import Sighting, Terms, reborn, released, renewable, renewed, taken

TERMS = Terms(lease_s=10.0, renew_s=7.0, retry_s=1.5, again_s=0.2)
NOW = "2026-11-21T10:00:00.000000Z"
specs = st.fixed_dictionaries(
    {},
    optional={
        "holderIdentity": st.sampled_from(["", "a", "b", "stranger"]) | st.none(),
        "leaseDurationSeconds": st.integers(1, 2**31 - 1) | st.none(),
        "renewTime": st.sampled_from(["1970-01-01T00:00:00.000000Z", "2099-01-01T00:00:00.000000Z"]) | st.none(),
        "leaseTransitions": st.integers(0, 2**31 - 1) | st.none(),
    },
)


def a_lease(**spec: Any) -> dict[str, Any]:
    return {"metadata": {"name": "fde-operator", "namespace": "fde-system", "resourceVersion": "7"}, "spec": spec}


def mine(lease: dict[str, Any] | None = None, identity: str = "a") -> dict[str, Any]:
    return taken(lease, name="fde-operator", namespace="fde-system", identity=identity, terms=TERMS, now=NOW)


def test_a_lease_that_was_given_back_is_free_at_once() -> None:
    seen = Sighting().see(released(mine(), now=NOW), 5.0)
    assert seen.wait_s(TERMS, 5.0) == 0


def installed() -> dict[str, Any]:
    (found,) = yaml.safe_load_all((Path(__file__).parents[2] / "deploy/operator/turn.yaml").read_text())
    return dict(found)


@pytest.mark.parametrize("more", [{}, {"spec": {}}, {"spec": None}], ids=str)
def test_a_lease_that_was_installed_and_never_held_is_free_at_once(more: dict[str, Any]) -> None:
    lease = {**installed(), **more}
    seen = Sighting().see(lease, 5.0)
    assert seen.wait_s(TERMS, 5.0) == 0
    assert seen.see(lease, 6.0).wait_s(TERMS, 6.0) == 0  # whoever was slower this time


def test_its_mark_means_nothing_once_it_was_held() -> None:
    held = mine(installed())
    assert Sighting().see(held, 5.0).wait_s(TERMS, 5.0) == 10
    emptied = {**held, "spec": {**held["spec"], "holderIdentity": ""}}
    assert Sighting().see(emptied, 5.0).wait_s(TERMS, 5.0) == 10


@pytest.mark.parametrize("spec", [{}, None], ids=str)
def test_a_lease_whose_spec_was_removed_while_it_is_held_is_waited_for(spec: dict[str, Any] | None) -> None:
    """Also by who begins only then. The installer's mark is there still, or again: installing puts it back."""
    of = {"installed": mine(installed()), "made by its holder": mine(), "made again": reborn(mine(installed()))}
    for held in (*of.values(), renewed(of["made again"], terms=TERMS, now=NOW), released(mine(installed()), now=NOW)):
        marks = {**held["metadata"].get("annotations", {}), **installed()["metadata"]["annotations"]}
        bare = {**held, "metadata": {**held["metadata"], "annotations": marks}, "spec": spec}
        assert Sighting().see(bare, 5.0).wait_s(TERMS, 5.0) == 10
        assert Sighting().see(held, 5.0).see(bare, 6.0).wait_s(TERMS, 6.0) == 10


@pytest.mark.parametrize("before", [mine(), None, released(mine(), now=NOW)], ids=["held", "missing", "given back"])
def test_a_lease_that_is_deleted_and_installed_anew_is_waited_for_by_who_saw_the_old_one(before: Any) -> None:
    seen = Sighting().see(before, 0.0).see(installed(), 3.0)
    assert seen.wait_s(TERMS, 3.0) == 10
    assert seen.see(installed(), 13.0).wait_s(TERMS, 13.0) == 0


def test_what_others_wrote_into_its_metadata_stays() -> None:
    held = mine(installed())
    again = renewed(held, terms=TERMS, now="2026-11-21T10:00:01.000000Z")
    assert held["metadata"]["labels"] == installed()["metadata"]["labels"]
    assert held["metadata"]["annotations"].items() > installed()["metadata"]["annotations"].items()
    assert again["metadata"] == held["metadata"]


def test_a_held_lease_is_waited_for_from_when_it_was_seen_to_change() -> None:
    seen = Sighting().see(mine(), 5.0)
    assert seen.wait_s(TERMS, 5.0) == 10
    seen = seen.see(mine(), 14.0)
    assert seen.wait_s(TERMS, 14.0) == 1
    seen = seen.see(renewed(mine(), terms=TERMS, now="2026-11-21T10:00:01.000000Z"), 14.9)
    assert seen.wait_s(TERMS, 14.9) == pytest.approx(10)


@pytest.mark.parametrize("lease", [None, a_lease(), a_lease(holderIdentity=""), {"metadata": {}}], ids=str)
def test_a_lease_deleted_or_emptied_by_hand_is_waited_for_too(lease: dict[str, Any] | None) -> None:
    """Its holder may still write: it learns of it with its next renewal."""
    seen = Sighting().see(mine(), 0.0).see(lease, 3.0)
    assert seen.wait_s(TERMS, 3.0) == 10
    assert seen.see(lease, 13.0).wait_s(TERMS, 13.0) == 0


def test_labels_are_no_sign_of_life() -> None:
    first = mine()
    seen = Sighting().see(first, 0.0)
    labelled = {**first, "metadata": {**first["metadata"], "labels": {"a": "b"}, "resourceVersion": "9"}}
    assert seen.see(labelled, 9.0).since_s == 0.0


@given(st.none() | specs, st.integers(0, 10**6))
def test_nobody_waits_for_ever_and_nobody_begins_while_a_holder_may_write(
    spec: dict[str, Any] | None, now_s: int
) -> None:
    seen = Sighting().see(None if spec is None else a_lease(**spec), now_s)
    given_back = spec is not None and not spec.get("holderIdentity") and spec.get("leaseDurationSeconds") == 1
    assert 0 <= seen.wait_s(TERMS, now_s) <= 60
    assert (seen.wait_s(TERMS, now_s) > TERMS.renew_s) == (not given_back)


@given(st.none() | specs)
def test_taking_it_keeps_its_version_and_counts_the_change(spec: dict[str, Any] | None) -> None:
    lease = None if spec is None else a_lease(**spec, strategy="OldestEmulationVersion")
    made = mine(lease)
    before = ((spec or {}).get("leaseTransitions")) or 0
    assert made["spec"]["holderIdentity"] == "a"
    assert made["spec"]["leaseDurationSeconds"] == 10
    assert made["metadata"].get("resourceVersion") == (None if lease is None else "7")
    changed = (spec or {}).get("holderIdentity") != "a"
    assert made["spec"]["leaseTransitions"] == min(before + changed, 2**31 - 1)
    assert lease is None or made["spec"]["strategy"] == "OldestEmulationVersion"


def test_only_its_own_or_a_deleted_lease_is_renewed() -> None:
    assert renewable(None, "a")
    assert renewable(mine(), "a")
    assert not renewable(mine(identity="b"), "a")
    assert not renewable(a_lease(), "a")


@pytest.mark.parametrize("terms", [(10, 10, 2, 1), (10, 7, 7, 1), (10, 7, 2, 3), (10, 7, 2, 0), (120, 7, 2, 1)])
def test_terms_that_could_let_two_write_are_refused(terms: tuple[float, float, float, float]) -> None:
    with pytest.raises(ValueError):
        Terms(*terms)
