from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from fde_events.errors import InvalidEvent, Refused
from fde_extraction.join import Group, Join, groups_of
from fde_extraction.solutions import Submitted, open_files, received


def groups(members: Any, engine: Any, **more: Any) -> list[Group]:
    found, _ = groups_of(
        "ch-aaaa", members, alike=engine.group, similarity=engine.similarity, check=engine.check, **more
    )
    return found


def test_a_solution_joins_by_the_challenges_id(challenge: Any, solution: Any) -> None:
    join = Join()
    join.add_challenge(challenge())
    by_id = solution("north", challenge="ch-aaaa", signatures=())
    assert join.add_solution(by_id) == {"ch-aaaa"}
    assert join.members("ch-aaaa") == (by_id,)


def test_a_solution_joins_by_any_signature_of_the_challenge(challenge: Any, solution: Any) -> None:
    join = Join()
    join.add_challenge(challenge())
    assert join.add_solution(solution("north", signatures=("other", "d2"))) == {"ch-aaaa"}


def test_a_solution_that_came_first_waits_for_its_challenge(challenge: Any, solution: Any) -> None:
    join = Join()
    early = solution("north")
    assert join.add_solution(early) == frozenset()
    assert join.waiting() == (early,)
    assert join.add_challenge(challenge()) == {"ch-aaaa"}
    assert join.members("ch-aaaa") == (early,)
    assert join.waiting() == ()


def test_a_challenge_that_grows_by_a_signature_takes_up_its_solutions(challenge: Any, solution: Any) -> None:
    join = Join()
    join.add_challenge(challenge())
    assert join.add_solution(solution("north", signatures=("d9",))) == frozenset()
    assert join.add_challenge(challenge(signatures=("d1", "d2", "d9"), events=41)) == {"ch-aaaa"}
    assert len(join.members("ch-aaaa")) == 1


def test_a_late_record_that_knows_less_changes_nothing(challenge: Any) -> None:
    join = Join()
    join.add_challenge(challenge(events=50))
    assert join.add_challenge(challenge(events=40)) == frozenset()
    assert join.challenges["ch-aaaa"].events == 50


def test_what_a_deployment_submitted_last_counts_and_counts_once(challenge: Any, solution: Any) -> None:
    join = Join()
    join.add_challenge(challenge())
    join.add_solution(solution("north", text="v1 = 1\n", time="2026-10-21T10:00:00Z"))
    last = solution("north", text="v2 = 2\n", time="2026-10-22T10:00:00Z")
    join.add_solution(last)
    assert join.members("ch-aaaa") == (last,)


def test_submitting_twice_is_one_solution(challenge: Any, solution: Any) -> None:
    join = Join()
    join.add_challenge(challenge())
    join.add_solution(solution("north"))
    assert join.add_solution(solution("north")) == frozenset()


def test_nobody_overwrites_another_customers_solution(challenge: Any, solution: Any) -> None:
    join = Join()
    join.add_challenge(challenge())
    mine = solution("north")
    theirs = Submitted("south", mine.solution)
    join.add_solution(mine)
    join.add_solution(theirs)
    assert set(join.members("ch-aaaa")) == {mine, theirs}


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.randoms(use_true_random=False))
def test_order_of_arrival_does_not_matter(challenge: Any, solution: Any, engine: Any, rng: Any) -> None:
    records = [
        challenge(),
        challenge(events=60, signatures=("d1", "d2", "d3")),
        challenge(id="ch-bbbb", signatures=("e1",)),
        *(solution(customer, number) for customer in ("north", "south", "west") for number in (1, 2)),
        solution("east", reuse="own-customer"),
        solution("east", 2, reuse="own-customer", signatures=("d3",)),
        solution("east", 3, reuse="allowed", challenge="ch-aaaa"),
        solution("far", reuse="forbidden"),
        solution("north", 1, text="HOST = 'later'\n", time="2026-10-29T10:00:00Z"),
        solution("else", signatures=("e1",)),
        *(
            solution(
                customer, 3, files=(("a.py", "python", f"A = '{customer}'\n"), ("b.sql", "sql", f"B '{customer}'\n"))
            )
            for customer in ("north", "south", "west")
        ),
        solution("east", 4, files=(("a.py", "python", "A = 'east'\n"), ("c.yaml", "other", "C: east\n"))),
    ]

    def outcome(order: Any) -> Any:
        join = Join()
        for record in order:
            if isinstance(record, Submitted):
                join.add_solution(record)
            else:
                join.add_challenge(record)
        return [(name, join.members(name), groups(join.members(name), engine)) for name in ("ch-aaaa", "ch-bbbb")]

    shuffled = records[:]
    rng.shuffle(shuffled)
    assert outcome(shuffled) == outcome(records)


def test_three_alike_make_a_group_two_do_not(solution: Any, engine: Any) -> None:
    assert groups([solution("north"), solution("south")], engine) == []
    (group,) = groups([solution("north"), solution("south"), solution("west")], engine)
    assert group.customers == {"north", "south", "west"}
    assert group.owner is None


def test_a_deployments_files_belong_together_and_those_not_alike_are_kept_apart(solution: Any, engine: Any) -> None:
    members = [solution(c, files=(("a.py", "python", f"A = '{c}'\n"), ("b.sql", "sql", f"B '{c}'\n"))) for c in "xyz"]
    members += [solution(c, text=f"C = '{c}'\n") for c in ("u", "v")]
    (group,) = groups(members, engine)
    assert [[file.path for file in column] for column in group.columns] == [["a.py"] * 3, ["b.sql"] * 3]


def test_a_forbidden_solution_is_never_opened(solution: Any, engine: Any) -> None:
    kept_out = solution("north", reuse="forbidden")
    # even if its record carries content against the rule
    smuggled = Submitted(
        "north", replace(kept_out.solution, files=(replace(kept_out.solution.files[0], content="U0VDUkVU"),))
    )
    with pytest.raises(Refused, match="counted, never opened"):
        open_files(smuggled)
    members = [smuggled, *(solution(customer) for customer in ("south", "west", "east"))]
    (group,) = groups(members, engine)
    assert "north" not in group.customers


def test_own_customer_solutions_stay_with_their_customers(solution: Any, engine: Any) -> None:
    own = [solution("north", number, reuse="own-customer") for number in (1, 2, 3)]
    others = [solution(customer) for customer in ("south", "west", "east")]
    by_owner = {group.owner: group for group in groups([*own, *others], engine)}
    assert by_owner["north"].customers == {"north"}
    assert by_owner[None].customers == {"south", "west", "east"}


def test_own_customer_solutions_of_two_customers_are_never_put_together(solution: Any, engine: Any) -> None:
    members = [solution(c, n, reuse="own-customer") for c, n in (("north", 1), ("north", 2), ("south", 1))]
    assert groups(members, engine) == []


def test_a_customers_allowed_solutions_help_its_own_pool(solution: Any, engine: Any) -> None:
    members = [
        solution("north", 1, reuse="own-customer"),
        solution("north", 2, reuse="own-customer"),
        solution("north", 3, reuse="allowed"),
    ]
    (group,) = groups(members, engine)
    assert (group.owner, len(group.files)) == ("north", 3)


def test_of_two_files_of_one_deployment_the_nearer_one_is_the_sibling(solution: Any, engine: Any) -> None:
    twice = solution("north", files=(("odd.py", "python", "HOST = 'odd'\n"), ("sync.py", "python", "HOST = 'north'\n")))
    found, skipped = groups_of(
        "ch-aaaa",
        [twice, solution("south"), solution("west")],
        alike=engine.group,
        similarity=engine.similarity,
        check=engine.check,
    )
    assert [file.path for file in found[0].files] == ["sync.py"] * 3
    assert [(s.path, s.why) for s in skipped] == [("odd.py", "another file of the same solution is the nearer sibling")]


@given(
    st.dictionaries(
        st.tuples(st.sampled_from("abcdefgh"), st.sampled_from("12")),
        st.dictionaries(st.sampled_from(("x.py", "y.py", "q.sql", "c.yaml")), st.integers(1, 400), min_size=1),
        min_size=3,
        max_size=10,
    )
)
def test_allies_all_have_the_same_files_and_nobody_is_in_two_alliances(have: dict[Any, dict[str, int]]) -> None:
    from fde_extraction.counterpart import Column, alliances
    from fde_extraction.language import language_of
    from fde_extraction.solutions import SourceFile

    def a_file(who: tuple[str, str], path: str, size: int) -> SourceFile:
        return SourceFile(*who, "s", "a", "t", path, language_of(path), "", b"x" * size)

    columns = [
        Column(tuple(a_file(who, path, own[path]) for who, own in sorted(have.items()) if path in own))
        for path in ("x.py", "y.py", "q.sql", "c.yaml")
    ]
    coded = frozenset(who for who, own in have.items() if own.keys() - {"c.yaml"})
    found = alliances([column for column in columns if len(column.files) >= 3], coded=coded, least=3, public=3)
    met: set[Any] = set()
    for kept in found:
        (allies,) = {column.deployments for column in kept}
        assert len(allies) >= 3
        assert not allies & met
        met |= allies
        whole = [path for path in ("x.py", "y.py", "q.sql", "c.yaml") if all(path in have[who] for who in allies)]
        assert sorted(column.files[0].path for column in kept) == sorted(whole), "all that every ally has"
        assert any(column.is_code for column in kept) or not coded & allies


def test_a_file_that_few_have_costs_no_siblings_and_one_that_most_have_is_kept(solution: Any, engine: Any) -> None:
    def members(both: int, single: int) -> list[Submitted]:
        first = [("client.py", "python", "A = 1\n" * 20)]
        more = [*first, ("load.sql", "sql", "B 1\n" * 20)]
        return [solution(f"c{n}", files=more if n < both else first) for n in range(both + single)]

    def shapes(both: int, single: int) -> list[tuple[int, int]]:
        return [(len(g.siblings), len(g.columns)) for g in groups(members(both, single), engine)]

    assert shapes(8, 1) == [(8, 2)], "one more sibling is not worth half of what the others have"
    assert shapes(3, 20) == [(23, 1)], "the second file of a few is not worth so many siblings"
    assert sorted(shapes(4, 4)) == [(4, 1), (4, 2)]


@pytest.mark.parametrize(
    ("topic", "value", "why"),
    [
        ("fde.north.solutions", b"{", "not a solution"),
        ("fde.north.solutions", None, "no value"),
        ("fde.north.solutions", b'{"type":"solution.v1","id":"x"}', "not a solution"),
        ("somebody-elses-topic", b"{}", "not a customer's topic"),
    ],
)
def test_a_record_off_contract_is_named_with_the_reason(topic: str, value: bytes | None, why: str) -> None:
    with pytest.raises(InvalidEvent, match=why):
        received(topic, value)


def test_a_path_that_leaves_the_repository_is_off_contract(solution: Callable[..., Submitted]) -> None:
    import msgspec

    bad = solution("north", path="../../etc/passwd")
    with pytest.raises(InvalidEvent, match="leaves the repository"):
        received("fde.north.solutions", msgspec.json.encode(bad.solution))


def test_the_customer_comes_from_the_topic(solution: Callable[..., Submitted]) -> None:
    import msgspec

    assert received("fde.south.solutions", msgspec.json.encode(solution("north").solution)).customer == "south"


def test_content_that_is_not_what_its_digest_says_is_not_used(solution: Any) -> None:
    made = solution("north")
    forged = Submitted("north", replace(made.solution, files=(replace(made.solution.files[0], content="AAAA"),)))
    opened, wrong = open_files(forged)
    assert opened == []
    assert "digest" in wrong[0].why


def test_a_newer_revision_counts_although_its_evidence_shrank(challenge: Any) -> None:
    join = Join()
    join.add_challenge(challenge(events=50))
    parted = challenge(events=20, signatures=("d1",), revision=1)
    assert join.add_challenge(parted) == {"ch-aaaa"}
    assert join.add_challenge(challenge(events=60)) == frozenset()
    assert join.challenges["ch-aaaa"] == parted


@given(st.permutations(range(5)))
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_merged_challenge_leads_to_the_other_in_whatever_order_they_come(
    challenge: Any, solution: Any, order: Any
) -> None:
    grave = challenge(id="ch-bbbb", signatures=(), deployments=0, events=0, merged_into="ch-aaaa", revision=2)
    named = solution("north", challenge="ch-bbbb", signatures=())
    by_signature = solution("south", signatures=("e1",))
    records = [
        challenge(id="ch-bbbb", signatures=("e1",)),
        challenge(signatures=("d1", "e1"), events=80, revision=1, redirects=("ch-bbbb",)),
        grave,
        named,
        by_signature,
    ]
    join = Join()
    for index in order:
        record = records[index]
        join.add_solution(record) if isinstance(record, Submitted) else join.add_challenge(record)
    assert set(join.challenges) == {"ch-aaaa"}
    assert join.members("ch-aaaa") == (named, by_signature)
    assert join.waiting() == ()
