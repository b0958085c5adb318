from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from fde_api.candidate import Review
from fde_api.meta import Metadata
from fde_api.primitive import DeploymentPrimitive
from fde_events.errors import Refused, Unavailable
from fde_extraction.engine import AbstractionEngine
from fde_extraction.unparsable import NotAbstractable

CUSTOMERS = ("north", "south", "west")


def fill(desk: Any, challenge: Any, solution: Any, customers: Any = CUSTOMERS) -> None:
    desk.take_challenge(challenge())
    for customer in customers:
        desk.take_solution(solution(customer))


def decide(registry: Any, name: str, decision: Any) -> None:
    candidate = registry.stored[name]
    review = Review(decision=decision, reviewer="dana@company.example", reviewed_generation=1, reason="looked closely")
    registry.stored[name] = replace(candidate, spec=replace(candidate.spec, review=review))


def test_a_challenge_waits_for_three_solutions_and_says_how_many_it_has(
    desk: Any, challenge: Any, solution: Any
) -> None:
    fill(desk, challenge, solution, ("north", "south"))
    assert desk.work() == []
    assert desk.statuses["ch-aaaa"].line() == "AwaitingSolutions 2/3"


def test_the_third_solution_makes_a_candidate(desk: Any, registry: Any, challenge: Any, solution: Any) -> None:
    fill(desk, challenge, solution)
    (record,) = desk.work()
    candidate = registry.stored[record.id]
    assert candidate.spec.signal.deployments == 4
    assert candidate.spec.signal.threshold_met == "2026-10-19T14:02:00Z"
    assert candidate.spec.contributors == tuple(f"{customer}-1@company.example" for customer in CUSTOMERS)
    assert candidate.spec.author.username == registry.whoami()
    assert candidate.spec.proposal.primitive_name == "salesforce-http-429-too-many-requests-python"
    assert candidate.spec.proposal.version == "v1.0.0"
    assert candidate.spec.proposal.provenance.visible_to == ()
    assert desk.statuses["ch-aaaa"].state == "Proposed"


def test_a_candidate_holds_digests_and_nobodys_name(desk: Any, registry: Any, challenge: Any, solution: Any) -> None:
    import msgspec

    fill(desk, challenge, solution)
    desk.work()
    (candidate,) = registry.stored.values()
    written = msgspec.json.encode(replace(candidate, spec=replace(candidate.spec, contributors=()))).decode()
    assert not any(customer in written for customer in CUSTOMERS)
    assert desk.evidence.has(candidate.spec.evidence_digest)


def test_working_twice_proposes_nothing_new(
    desk: Any, registry: Any, challenge: Any, solution: Any, engine: Any
) -> None:
    fill(desk, challenge, solution)
    desk.work()
    before = dict(registry.stored)
    fill(desk, challenge, solution)
    assert desk.work() == []
    desk.take_challenge(challenge(events=99))
    desk.work()
    assert registry.stored.keys() == before.keys()
    assert len(engine.seen) == 1, "counts alone are no reason to abstract again"


def test_a_second_run_from_the_start_proposes_the_same_names(
    tmp_path: Path, desk_in: Any, engine: Any, registry: Any, challenge: Any, solution: Any
) -> None:
    names = []
    for folder in ("one", "two"):
        desk = desk_in(tmp_path / folder, engine, registry)
        fill(desk, challenge, solution)
        names.append([record.id for record in desk.work()])
    assert names[0] == names[1]
    assert len(registry.stored) == 1


def test_one_more_sibling_renews_the_same_candidate(desk: Any, registry: Any, challenge: Any, solution: Any) -> None:
    fill(desk, challenge, solution)
    (first,) = desk.work()
    # submitted before the others, arriving after them: the group's earliest file changes, its name does not
    desk.take_solution(solution("east", time="2026-10-01T10:00:00Z"))
    (second,) = desk.work()
    assert second.id == first.id
    assert second.siblings == 4
    assert list(registry.stored) == [first.id]


def test_siblings_of_two_customers_are_visible_to_those_alone(
    desk: Any, registry: Any, challenge: Any, solution: Any
) -> None:
    from fde_registry.pseudonym import Pseudonyms

    desk.take_challenge(challenge())
    for customer, number in (("north", 1), ("north", 2), ("south", 1)):
        desk.take_solution(solution(customer, number))
    desk.work()
    (candidate,) = registry.stored.values()
    assert candidate.spec.proposal.provenance.visible_to == Pseudonyms(bytes(32)).all_of(["north", "south"])


def test_three_deployments_of_one_customer_publish_nothing_to_others(
    desk: Any, registry: Any, challenge: Any, solution: Any
) -> None:
    desk.take_challenge(challenge(customers=1))
    for number in (1, 2, 3):
        desk.take_solution(solution("north", number))
    desk.work()
    (candidate,) = registry.stored.values()
    assert len(candidate.spec.proposal.provenance.visible_to) == 1


def test_own_customer_solutions_are_visible_to_their_customer_alone_even_with_many_customers_elsewhere(
    desk: Any, registry: Any, challenge: Any, solution: Any
) -> None:
    fill(desk, challenge, solution)
    for number in (1, 2, 3):
        desk.take_solution(solution("east", number, reuse="own-customer"))
    desk.work()
    visible = sorted(len(c.spec.proposal.provenance.visible_to) for c in registry.stored.values())
    assert visible == [0, 1]
    names = {c.spec.proposal.primitive_name for c in registry.stored.values()}
    assert len(names) == 2, "the customer's own primitive must not collide with everyone's"


def test_the_customer_threshold_never_falls_below_two(
    tmp_path: Path, desk_in: Any, engine: Any, registry: Any, challenge: Any, solution: Any
) -> None:
    desk = desk_in(tmp_path, engine, registry, min_customers=1)
    desk.take_challenge(challenge(customers=1))
    for number in (1, 2, 3):
        desk.take_solution(solution("north", number))
    desk.work()
    (candidate,) = registry.stored.values()
    assert candidate.spec.proposal.provenance.visible_to


def test_a_forbidden_solution_counts_and_is_never_seen_by_the_engine(
    desk: Any, registry: Any, challenge: Any, solution: Any, engine: Any
) -> None:
    fill(desk, challenge, solution, ("north", "south"))
    desk.take_solution(solution("west", reuse="forbidden"))
    desk.work()
    status = desk.statuses["ch-aaaa"]
    assert (status.solutions, status.forbidden, status.state) == (3, 1, "HeldBack")
    assert "3 solutions, 2 of them may be reused" in status.line()
    assert engine.seen == []
    desk.take_solution(solution("east"))
    desk.work()
    assert engine.seen[0].customers == {"north", "south", "east"}


def test_a_file_that_does_not_parse_is_skipped_with_its_line_and_the_others_go_on(
    desk: Any, registry: Any, challenge: Any, solution: Any
) -> None:
    fill(desk, challenge, solution)
    desk.take_solution(solution("east", text="HOST = (((\n", path="broken.py"))
    (record,) = desk.work()
    assert record.siblings == 3
    (sentence,) = desk.statuses["ch-aaaa"].skipped
    assert "broken.py:3: not valid python" in sentence
    assert "east" not in sentence


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (NotAbstractable("s1, s2", "share too little for a template"), "share too little"),
        (Refused("the leak gate found 2 leaks, nothing is proposed."), "2 leaks"),
        (ZeroDivisionError("division by zero of a stranger's code"), "a bug of the engine"),
    ],
)
def test_a_group_that_cannot_be_abstracted_is_held_back_with_the_reason(
    desk: Any, registry: Any, challenge: Any, solution: Any, engine: Any, error: Exception, said: str
) -> None:
    engine.error = error
    fill(desk, challenge, solution)
    assert desk.work() == []
    line = desk.statuses["ch-aaaa"].line()
    assert line.startswith("HeldBack: ")
    assert said in line
    assert "stranger" not in line
    assert registry.stored == {}


def test_a_leak_in_the_finished_proposal_holds_it_back(
    desk: Any, registry: Any, challenge: Any, solution: Any, engine: Any
) -> None:
    engine.found_leaks = ["customer in primitiveName"]
    fill(desk, challenge, solution)
    assert desk.work() == []
    assert "customer in primitiveName" in desk.statuses["ch-aaaa"].line()
    assert registry.stored == {}


def test_while_the_registry_is_away_nothing_is_lost(desk: Any, registry: Any, challenge: Any, solution: Any) -> None:
    registry.away = True
    fill(desk, challenge, solution)
    with pytest.raises(Unavailable):
        desk.work()
    assert desk.has_work
    registry.away = False
    assert len(desk.work()) == 1
    assert not desk.has_work


def test_newer_evidence_after_an_approval_is_a_new_candidate_with_the_next_version(
    desk: Any, registry: Any, challenge: Any, solution: Any
) -> None:
    fill(desk, challenge, solution)
    (first,) = desk.work()
    decide(registry, first.id, "Approved")
    spec = registry.stored[first.id].spec.proposal
    published = replace(spec, provenance=replace(spec.provenance, challenge="ch-aaaa"))
    registry.published = [DeploymentPrimitive(metadata=Metadata(name="x"), spec=published)]
    desk.take_challenge(challenge(events=77))
    desk.work()
    assert list(registry.stored) == [first.id], "the same evidence is not proposed again"
    desk.take_solution(solution("east"))
    (second,) = desk.work()
    assert second.id != first.id
    assert (second.primitive, second.version) == (first.primitive, "v1.1.0")


def test_a_rejected_pattern_comes_again_only_when_its_evidence_has_doubled(
    desk: Any, registry: Any, challenge: Any, solution: Any
) -> None:
    fill(desk, challenge, solution)
    (first,) = desk.work()
    decide(registry, first.id, "Rejected")
    for customer in ("a", "b"):
        desk.take_solution(solution(customer))
        desk.work()
        assert list(registry.stored) == [first.id]
    desk.take_solution(solution("c"))
    desk.work()
    assert len(registry.stored) == 2


def test_a_name_published_for_another_challenge_is_not_taken_over(
    desk: Any, registry: Any, challenge: Any, solution: Any
) -> None:
    fill(desk, challenge, solution)
    (first,) = desk.work()
    desk.take_challenge(challenge(id="ch-cccc", signatures=("z1",)))
    for customer in CUSTOMERS:
        desk.take_solution(solution(customer, 2, signatures=("z1",)))
    (second,) = desk.work()
    assert second.primitive.startswith(first.primitive + "-")


def test_the_real_engine_gives_a_proven_candidate(
    tmp_path: Path, desk_in: Any, registry: Any, challenge: Any, solution: Any
) -> None:
    text = (
        "import time\n\nimport requests\n\nBASE_URL = 'https://{host}/api/v2'\nPAGE_SIZE = {size}\n\n\n"
        "def fetch(path):\n    while True:\n        answer = requests.get(BASE_URL + path, params={{'limit': PAGE_SIZE}})\n"
        "        if answer.status_code != 429:\n            return answer.json()\n"
        "        time.sleep(float(answer.headers['Retry-After']))\n"
    )
    desk = desk_in(tmp_path, AbstractionEngine(), registry)
    desk.take_challenge(challenge())
    for customer, host, size in (
        ("northgate", "api.northgate.example", 50),
        ("southgate", "sync.southgate.example", 200),
        ("westgate", "data.westgate.example", 75),
    ):
        desk.take_solution(solution(customer, text=text.format(host=host, size=size)))
    broken = solution("eastgate", text="def fetch(:\n", path="eastgate.py")
    desk.take_solution(broken)
    (record,) = desk.work()
    assert (record.siblings, record.rebuilt, record.leaks, record.customers) == (3, 3, 0, 3)
    assert len(record.parameters) == 2
    assert "eastgate.py:1:" in desk.statuses["ch-aaaa"].skipped[0]
    import msgspec

    written = msgspec.json.encode(registry.stored[record.id].spec.proposal).decode()
    assert "northgate" not in written


def test_a_rejected_pattern_does_not_come_again_under_the_challenge_it_was_merged_into(
    desk: Any, registry: Any, challenge: Any, solution: Any
) -> None:
    desk.take_challenge(challenge())
    desk.take_challenge(challenge(id="ch-0000", signatures=("e1",)))
    for customer in CUSTOMERS:
        desk.take_solution(solution(customer))
    (first,) = desk.work()
    decide(registry, first.id, "Rejected")
    desk.take_challenge(challenge(id="ch-aaaa", signatures=(), events=0, merged_into="ch-0000", revision=1))
    desk.take_challenge(
        challenge(id="ch-0000", signatures=("d1", "d2", "e1"), events=90, redirects=("ch-aaaa",), revision=1)
    )
    desk.work()
    assert list(registry.stored) == [first.id]
    assert set(desk.statuses) == {"ch-0000"}


def test_nothing_is_proposed_for_a_challenge_that_a_person_ignores(
    desk: Any, registry: Any, challenge: Any, solution: Any
) -> None:
    desk.take_challenge(challenge(ignored=True, revision=1))
    for customer in CUSTOMERS:
        desk.take_solution(solution(customer))
    assert desk.work() == []
    assert desk.statuses["ch-aaaa"].line() == "Ignored, because a person said so"
    desk.take_challenge(challenge(ignored=False, revision=2))
    assert len(desk.work()) == 1


def test_two_rejected_patterns_whose_challenges_were_merged_are_no_new_evidence(
    desk: Any, registry: Any, challenge: Any, solution: Any
) -> None:
    desk.take_challenge(challenge())
    desk.take_challenge(challenge(id="ch-0000", signatures=("e1",)))
    for customer in CUSTOMERS:
        desk.take_solution(solution(customer))
        desk.take_solution(solution(customer, 2, signatures=("e1",)))
    for record in desk.work():
        decide(registry, record.id, "Rejected")
    assert len(registry.stored) == 2
    desk.take_challenge(challenge(signatures=(), events=0, merged_into="ch-0000", revision=1))
    desk.take_challenge(
        challenge(id="ch-0000", signatures=("d1", "d2", "e1"), events=90, redirects=("ch-aaaa",), revision=1)
    )
    desk.work()
    assert len(registry.stored) == 2
    for customer in ("a", "b", "c", "d", "e", "f"):
        desk.take_solution(solution(customer))
    desk.work()
    assert len(registry.stored) == 3
