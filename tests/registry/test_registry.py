"""One suite, two homes: a directory of manifests and a real API server."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from msgspec.structs import replace

from fde_api.candidate import Proof, Review, Signal
from fde_api.primitive import PrimitiveSpec, Runtime, SecurityContext
from fde_events.errors import Refused

ANA, BEN, DANA = "ana@company.example", "ben@company.example", "dana@company.example"


def test_whoever_works_is_known_by_name(home: Any) -> None:
    assert home.as_("dana").whoami() == DANA
    assert home.engine.whoami() == home.engine_name


def test_a_proposed_candidate_is_there_with_generation_one(home: Any, name: str) -> None:
    made = home.engine.propose(home.candidate(name))
    assert made.metadata.generation == 1
    assert made.metadata.uid
    assert home.as_("dana").candidate(name).spec == made.spec
    assert name in [candidate.metadata.name for candidate in home.as_("dana").candidates()]


def test_proposing_the_same_again_changes_nothing(home: Any, name: str) -> None:
    first = home.engine.propose(home.candidate(name))
    assert home.engine.propose(home.candidate(name)).metadata == first.metadata


def test_new_evidence_renews_an_undecided_candidate(
    home: Any, name: str, proposal: Callable[..., PrimitiveSpec]
) -> None:
    home.engine.propose(home.candidate(name))
    more = home.candidate(
        name,
        proposal=proposal(tags=("http",)),
        signal=Signal(challenge="ch-1", title="HTTP 429", deployments=6, customers=5),
        proof=Proof(siblings=6, rebuilt=6, sibling_customers=5, leaks=0, gate="gate/1"),
        contributors=("eli@company.example",),
    )
    after = home.engine.propose(more)
    assert after.metadata.generation == 2
    assert after.spec.proposal.tags == ("http",)
    assert after.spec.signal.deployments == 6
    assert set(after.spec.contributors) == {ANA, BEN, "cem@company.example", "eli@company.example"}


def test_a_candidate_that_is_not_there_is_refused_by_name(home: Any) -> None:
    with pytest.raises(Refused, match=r"c-ffffffff.*fde review list"):
        home.as_("dana").candidate("c-ffffffff")
    with pytest.raises(Refused, match=r"no-such-thing\.v9\.9\.9.*no version of no-such-thing"):
        home.as_("dana").primitive("no-such-thing", "v9.9.9")


def test_an_edit_raises_the_generation_and_makes_its_editor_a_contributor(
    home: Any, name: str, proposal: Callable[..., PrimitiveSpec]
) -> None:
    made = home.engine.propose(home.candidate(name))
    after = home.as_("dana").edit(
        name, proposal(tags=("checked",)), proof=made.spec.proof.of(proposal(tags=("checked",)))
    )
    assert after.metadata.generation == 2
    assert DANA in after.spec.contributors
    assert after.spec.proposal.tags == ("checked",)


def test_an_edit_replaces_the_whole_proposal(home: Any, name: str, proposal: Callable[..., PrimitiveSpec]) -> None:
    made = home.engine.propose(home.candidate(name, proposal=proposal(tags=("http",), complexity="high")))
    after = home.as_("dana").edit(name, proposal(), proof=made.spec.proof.of(proposal()))
    assert after.spec.proposal == proposal()


def test_saying_how_it_runs_is_reviewing_and_makes_nobody_a_contributor(
    home: Any, name: str, proposal: Callable[..., PrimitiveSpec]
) -> None:
    made = home.engine.propose(home.candidate(name, proposal=proposal(runtime=Runtime())))
    runtime = Runtime(deployable=False, security_context=SecurityContext(network_policy="open"))
    after = home.as_("dana").edit(name, proposal(runtime=runtime), proof=made.spec.proof.of(proposal(runtime=runtime)))
    assert DANA not in after.spec.contributors
    assert after.spec.proposal.runtime == runtime


def test_an_edit_without_a_proof_is_unproven_and_cannot_be_approved(
    home: Any, name: str, proposal: Callable[..., PrimitiveSpec], approval: Callable[..., Review]
) -> None:
    home.engine.propose(home.candidate(name))
    after = home.as_("ben").edit(name, proposal(tags=("x",)))
    assert after.spec.proof is None
    with pytest.raises(Refused, match="no proof"):
        home.as_("dana").decide(name, approval(generation=after.metadata.generation))


def test_the_engine_never_overwrites_what_a_person_edited(
    home: Any, name: str, proposal: Callable[..., PrimitiveSpec]
) -> None:
    made = home.engine.propose(home.candidate(name))
    home.as_("dana").edit(name, proposal(tags=("by-hand",)), proof=made.spec.proof.of(proposal(tags=("by-hand",))))
    signal = Signal(challenge="ch-1", title="HTTP 429", deployments=9, customers=7)
    after = home.engine.propose(home.candidate(name, proposal=proposal(tags=("machine",)), signal=signal))
    assert after.spec.proposal.tags == ("by-hand",)
    assert after.spec.signal.deployments == 9
    assert DANA in after.spec.contributors


def test_an_approval_records_who_and_why(home: Any, name: str, approval: Callable[..., Review]) -> None:
    home.engine.propose(home.candidate(name, proposal=unique(name)))
    home.as_("dana").decide(name, approval())
    review = home.as_("dana").candidate(name).spec.review
    assert review is not None
    assert (review.decision, review.reviewer, review.reason) == ("Approved", DANA, "values checked")


def test_a_contributor_may_not_decide(home: Any, name: str, approval: Callable[..., Review]) -> None:
    home.engine.propose(home.candidate(name))
    with pytest.raises(Refused, match=r"(?i)contributor"):
        home.as_("ana").decide(name, approval("ana"))
    assert home.engine.candidate(name).spec.review is None


def test_the_author_may_not_decide(home: Any, name: str, approval: Callable[..., Review]) -> None:
    made = replace(home.candidate(name), spec=replace(home.candidate(name).spec, contributors=()))
    by_dana = replace(made, spec=replace(made.spec, author=replace(made.spec.author, username=ANA)))
    home.as_("ana").propose(by_dana)
    with pytest.raises(Refused, match=r"(?i)author"):
        home.as_("ana").decide(name, approval("ana"))


def test_the_engine_is_not_a_person_and_may_not_decide(home: Any, name: str, approval: Callable[..., Review]) -> None:
    home.engine.propose(home.candidate(name))
    with pytest.raises(Refused):
        home.engine.decide(name, approval(reviewer=home.engine_name))


def test_nobody_decides_in_another_name(home: Any, name: str, approval: Callable[..., Review]) -> None:
    home.engine.propose(home.candidate(name))
    with pytest.raises(Refused, match=r"you are dana@company.example"):
        home.as_("dana").decide(name, approval("dana", reviewer="eve@company.example"))


def test_a_decision_on_a_generation_that_changed_is_refused(
    home: Any, name: str, approval: Callable[..., Review], proposal: Callable[..., PrimitiveSpec]
) -> None:
    made = home.engine.propose(home.candidate(name))
    home.as_("ben").edit(name, proposal(tags=("later",)), proof=made.spec.proof.of(proposal(tags=("later",))))
    with pytest.raises(Refused, match=r"generation 1.*is 2 now"):
        home.as_("dana").decide(name, approval(generation=1))


def test_a_rejection_needs_a_reason(home: Any, name: str, approval: Callable[..., Review]) -> None:
    home.engine.propose(home.candidate(name))
    with pytest.raises(Refused, match="at least 10 characters"):
        home.as_("dana").decide(name, approval(decision="Rejected", reason="no"))
    done = home.as_("dana").decide(name, approval(decision="Rejected", reason="two patterns in one"))
    assert done.spec.review.decision == "Rejected"


def test_what_is_not_proven_is_not_approved(home: Any, name: str, approval: Callable[..., Review]) -> None:
    broken = Proof(siblings=5, rebuilt=4, sibling_customers=4, leaks=2, gate="gate/1")
    home.engine.propose(home.candidate(name, proof=broken))
    with pytest.raises(Refused, match=r"4 of 5 siblings.*2 leaks"):
        home.as_("dana").decide(name, approval())


def test_what_cannot_run_is_not_approved_until_somebody_says_how(
    home: Any, name: str, approval: Callable[..., Review], proposal: Callable[..., PrimitiveSpec]
) -> None:
    home.engine.propose(home.candidate(name, proposal=proposal(runtime=Runtime())))
    with pytest.raises(Refused, match=r"runtime\.workload"):
        home.as_("dana").decide(name, approval())


def test_siblings_of_two_customers_are_not_published_to_everyone(
    home: Any, name: str, approval: Callable[..., Review]
) -> None:
    home.engine.propose(
        home.candidate(name, proof=Proof(siblings=3, rebuilt=3, sibling_customers=2, leaks=0, gate="gate/1"))
    )
    with pytest.raises(Refused, match="2 customers"):
        home.as_("dana").decide(name, approval())


def test_a_decided_candidate_never_changes_again(
    home: Any, name: str, approval: Callable[..., Review], proposal: Callable[..., PrimitiveSpec]
) -> None:
    home.engine.propose(home.candidate(name))
    home.as_("dana").decide(name, approval(decision="Rejected", reason="two patterns in one"))
    decided = home.engine.candidate(name)
    assert home.engine.propose(home.candidate(name, proposal=proposal(tags=("new",)))).spec == decided.spec
    with pytest.raises(Refused, match="does not change"):
        home.as_("ben").edit(name, proposal(tags=("new",)))
    with pytest.raises(Refused, match="already"):
        home.as_("dana").decide(name, approval(generation=decided.metadata.generation))


def test_a_candidate_of_some_customers_is_not_shown_to_others(
    home: Any, name: str, for_customers: Callable[..., PrimitiveSpec]
) -> None:
    proof = Proof(siblings=3, rebuilt=3, sibling_customers=1, leaks=0, gate="gate/1")
    home.engine.propose(home.candidate(name, proposal=for_customers("src-00000000000000aa"), proof=proof))
    assert name not in [candidate.metadata.name for candidate in home.as_("ben").candidates()]
    with pytest.raises(Refused, match="no candidate"):
        home.as_("ben").candidate(name)


def test_provenance_cannot_be_edited(home: Any, name: str, for_customers: Callable[..., PrimitiveSpec]) -> None:
    made = home.engine.propose(home.candidate(name))
    with pytest.raises(Refused, match="provenance"):
        home.as_("ben").edit(
            name, for_customers("src-00000000000000bb"), proof=made.spec.proof.of(for_customers("src-00000000000000bb"))
        )


def unique(name: str) -> PrimitiveSpec:
    """A proposal whose primitive no other test of a shared cluster publishes."""
    import fde_api.primitive as api

    segment = api.Segment(text="SELECT 1;\n")
    return api.PrimitiveSpec(
        primitive_name=f"p-{name}",
        version="v1.0.0",
        domain="integration",
        template=api.Template(files=(api.TemplateFile(path="a.sql", language="sql", segments=(segment,)),)),
        runtime=api.Runtime(deployable=False),
    )
