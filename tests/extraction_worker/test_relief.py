"""Relief: a version after which a deployment's rate fell for good is its solution, with the evidence, and nothing else is."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fde_events.challenge import Sighting
from fde_extraction.join import Join
from fde_extraction.relief import relief

FIRST = date(2026, 10, 1)
DAY = FIRST.toordinal() - date(1970, 1, 1).toordinal()


def at(day: int) -> str:
    return f"{FIRST + timedelta(days=day)}T12:00:00.000Z"


def steady(count: int, days: int) -> list[tuple[int, int]]:
    return [(DAY + n, count) for n in range(days)]


def test_a_steady_rate_that_stops_after_a_version_is_relief_with_its_evidence() -> None:
    found = relief(steady(10, 11), at(10), at(14))
    assert found is not None
    assert (found.before, found.after, found.days) == (10, 0, 3)
    assert found.p < 1e-3
    assert found.sentence.startswith("10 events a day before, 0 in the 3 days after (p ")


@pytest.mark.parametrize(
    ("days", "moment", "alive", "why"),
    [
        (steady(10, 11), 10, 12, "one full quiet day is not enough"),
        (steady(10, 11), 10, 10, "it has not been heard of since"),
        (steady(10, 30), 10, 29, "it goes on"),
        ([*steady(10, 11), (DAY + 14, 3)], 10, 15, "it came back yesterday"),
        (steady(1, 4), 3, 7, "two events more would have been expected"),
        ([(DAY, 1_000), (DAY + 9, 1)], 10, 14, "one bad hour is one piece of evidence"),
        ([(DAY + n, 0 if n % 7 in (2, 3) else 100) for n in range(16)], 15, 18, "a weekend"),
        ([(DAY + n, 10) for n in range(20, 30)], 10, 40, "it began after the version"),
        ([], 10, 40, "nothing is known"),
    ],
)
def test_what_is_no_relief(days: Any, moment: int, alive: int, why: str) -> None:
    assert relief(days, at(moment), at(alive)) is None, why


def test_who_asks_about_many_challenges_needs_more_evidence() -> None:
    assert relief(steady(3, 15), at(14), at(18)) is not None
    assert relief(steady(3, 15), at(14), at(18), asked=10_000) is None


@given(st.lists(st.tuples(st.integers(DAY, DAY + 40), st.integers(0, 10**6))), st.integers(0, 40), st.integers(0, 60))
def test_it_says_yes_only_when_the_last_days_were_quiet(found: Any, moment: int, alive: int) -> None:
    evidence = relief(found, at(moment), at(alive))
    if evidence is not None:
        assert 0 <= evidence.p <= 1e-3
        assert evidence.after < evidence.before
        assert not any(count for day, count in dict(found).items() if DAY + alive - 2 <= day <= DAY + alive)


def a_sighting(customer: str, days: Any, *, alive: int = 20) -> Sighting:
    return Sighting(
        deployment=f"{customer}/app-1",
        customer=customer,
        count=sum(count for _, count in days),
        first_seen=at(0),
        last_seen=at(days[-1][0] - DAY),
        days=tuple(days),
        alive=at(alive),
    )


def test_a_released_version_after_which_the_rate_fell_is_that_deployments_solution(
    challenge: Any, solution: Any
) -> None:
    join = Join()
    version = solution("north", signatures=(), time=at(10))
    assert join.add_solution(version) == frozenset()
    told = challenge(sightings=(a_sighting("north", steady(10, 11)), a_sighting("south", steady(10, 20))))
    assert join.add_challenge(told) == {"ch-aaaa"}
    assert join.members("ch-aaaa") == (version,)
    ((which, evidence),) = join.relieved("ch-aaaa")
    assert which == version and evidence.before == 10
    named = solution("north", time=at(2))
    join.add_solution(named)
    assert join.members("ch-aaaa") == (named,), "what was said counts more than what followed"


def test_of_two_versions_the_one_after_which_it_stopped(challenge: Any, solution: Any) -> None:
    join = Join()
    for number, text in ((5, "V1 = 1\n"), (10, "V2 = 2\n"), (17, "V3 = 3\n")):
        join.add_solution(solution("north", text=text, signatures=(), time=at(number)))
    join.add_challenge(challenge(sightings=(a_sighting("north", steady(10, 11), alive=24),)))
    ((which, _),) = join.relieved("ch-aaaa")
    assert which.solution.time == at(10)


def test_a_sign_of_life_in_another_challenge_counts(challenge: Any, solution: Any) -> None:
    join = Join()
    join.add_solution(solution("north", signatures=(), time=at(10)))
    join.add_challenge(challenge(sightings=(a_sighting("north", steady(10, 11), alive=10),)))
    assert join.relieved("ch-aaaa") == ()
    other = challenge(id="ch-bbbb", signatures=("e1",), sightings=(a_sighting("north", steady(1, 18), alive=18),))
    assert "ch-aaaa" in join.add_challenge(other)
    assert len(join.relieved("ch-aaaa")) == 1


def test_the_desk_says_whose_version_it_was_by_pseudonym(desk: Any, challenge: Any, solution: Any) -> None:
    desk.take_solution(solution("north", signatures=(), time=at(10)))
    desk.take_challenge(challenge(sightings=(a_sighting("north", steady(10, 11)),)))
    desk.work()
    (status,) = desk.statuses.values()
    assert status.solutions == 1
    (sentence,) = status.relieved
    assert "north" not in sentence and "10 events a day before" in sentence
