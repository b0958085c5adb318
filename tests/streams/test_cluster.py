from __future__ import annotations

import asyncio
import hashlib
import random
from itertools import combinations
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from structlog.testing import CapturingLogger

from fde_events.errors import Unavailable
from fde_events.signed import Signature
from fde_streams import cluster
from fde_streams.apart import Apart
from fde_streams.cluster import FAMILY, Known, Proposal, Snapshot, cut, propose
from fde_streams.mask import template
from fde_streams.near import outline_of, veto

pytestmark = pytest.mark.seconds  # importing hdbscan takes some by itself


def a_group(text: str, *customers: str, block: str = "error/vendor", **parts: str) -> Known:
    named = (*parts.items(), ("text", template(text)))
    digest = hashlib.blake2b(repr((block, named)).encode(), digest_size=16).hexdigest()
    outline = outline_of(Signature(digest=digest, rules="test", block=block, title="", parts=named))
    return Known(f"ch-{digest[:8]}", outline, frozenset(customers))


QUEUES = ["orders", "invoices", "shipments", "returns", "payouts", "leads"]


def family(sentence: str, words: list[str]) -> list[Known]:
    return [a_group(sentence.format(word), f"customer-{number}") for number, word in enumerate(words)]


BACKGROUND = [
    a_group("the access token was revoked by an administrator", "customer-0", "customer-1", "customer-2"),
    a_group("payload larger than the limit of this endpoint", "customer-0", "customer-3"),
    a_group("unable to obtain exclusive access to this record", "customer-4", "customer-5", "customer-2"),
]


def sets(proposals: tuple[Proposal, ...]) -> list[set[str]]:
    """Groups that end up together."""
    found: list[set[str]] = []
    for proposal in proposals:
        touching = [group for group in found if group & set(proposal.groups)]
        found = [group for group in found if group not in touching] + [set(proposal.groups).union(*touching)]
    return found


def test_what_each_customer_calls_its_own_thing_is_a_variable() -> None:
    groups = family("no free space left on queue {} for new messages", QUEUES)
    assert sets(propose(Snapshot((*groups, *BACKGROUND)))) == [{known.group for known in groups}]


def test_a_family_that_is_a_whole_block_is_seen_too() -> None:
    groups = family("no free space left on queue {} for new messages", QUEUES)
    assert sets(propose(Snapshot(tuple(groups)))) == [{known.group for known in groups}]


def test_at_a_place_for_names_three_customers_are_enough_elsewhere_not() -> None:
    named = family("no free space left on queue {} for new messages", QUEUES[:3])
    bare = family("no free {} left on this machine for new messages", ["sockets", "inodes", "pages"])
    assert sets(propose(Snapshot((*named, *bare, *BACKGROUND)))) == [{known.group for known in named}]


def test_a_word_that_two_customers_say_is_no_variable() -> None:
    groups = [
        a_group(f"no free space left on queue {word} for new messages", f"customer-{number}", f"customer-{number + 1}")
        for number, word in enumerate(QUEUES)
    ]
    assert propose(Snapshot(tuple(groups))) == ()


@pytest.mark.parametrize(
    ("sentence", "words"),
    [
        ("the virtual machine {} on its hypervisor without notice", ["started", "paused", "stopped", "migrated", "resumed", "suspended"]),
        ("calls to this plan are limited per {} by the account", ["second", "minute", "hour", "day", "week", "month"]),
        ("required field '{}' is missing in the order document", ["tax", "currency", "site", "owner", "total", "unit"]),
        ("the order gateway answered HTTP {} to the posted document", ["401", "403", "404", "409", "422", "500"]),
        ("the vendor refused with reason {} and gave no more", ["A_ONE", "B_TWO", "C_THREE", "D_FOUR", "E_FIVE", "F_SIX"]),
        ("the {} of the attachment was refused by a policy", ["upload", "download", "creation", "deletion", "update", "delete"]),
    ],
)  # fmt: skip
def test_states_periods_fields_and_codes_are_never_variables(sentence: str, words: list[str]) -> None:
    assert propose(Snapshot((*family(sentence, words), *BACKGROUND))) == ()


def test_people_who_keep_two_groups_apart_win_over_all_evidence() -> None:
    groups = family("no free space left on queue {} for new messages", QUEUES)
    a, b = groups[0].group, groups[3].group
    for cannot in ((a, b), (b, a)):
        for together in sets(propose(Snapshot((*groups, *BACKGROUND), cannot=(cannot,)))):
            assert not {a, b} <= together


def test_people_who_bring_two_groups_together_need_no_evidence() -> None:
    a, b, _ = BACKGROUND
    proposals = propose(Snapshot(tuple(BACKGROUND), must=((b.group, a.group), (a.group, "ch-gone"))))
    assert [proposal.groups for proposal in proposals] == [tuple(sorted((a.group, b.group)))]
    assert proposals[0].why == "a person said so"


def test_founders_that_are_near_without_evidence_are_proposed() -> None:
    a = a_group("could not read table order_lines in time", "customer-0")
    b = a_group("could not read table invoice_heads in time", "customer-1")
    assert sets(propose(Snapshot((a, b)))) == [{a.group, b.group}]


def test_a_sentence_near_two_codes_belongs_to_neither() -> None:
    text = "the nightly ledger export stopped early"
    bare, one, two = a_group(text, "c0"), a_group(text, "c1", code="A_ONE"), a_group(text, "c2", code="B_TWO")
    assert sets(propose(Snapshot((bare, one)))) == [{bare.group, one.group}]
    assert propose(Snapshot((bare, one, two))) == ()


def test_a_tenant_alone_is_not_clustered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "families", lambda part: pytest.fail("clustered"))
    groups = [a_group(f"no free space left on queue {word} for new messages", "customer-0") for word in QUEUES]
    assert propose(Snapshot(tuple(groups))) == ()


def test_blocks_never_meet() -> None:
    sentence = "no free space left on queue {} for new messages"
    groups = [a_group(sentence.format(word), word, block=f"error/{word}") for word in QUEUES]
    assert propose(Snapshot(tuple(groups))) == ()


def test_the_reason_quotes_no_customers_word() -> None:
    groups = family("no free space left on queue {} for new messages", QUEUES)
    for proposal in propose(Snapshot((*groups, *BACKGROUND))):
        assert f"{len(QUEUES)} customers" in proposal.why
        assert not any(word in proposal.why for word in QUEUES)


PIECES = "queue table record token order free left on for denied expired orders invoices returns".split()
groups_of = st.lists(
    st.builds(
        lambda words, names, code: a_group(" ".join(words), *names, **({"code": code} if code else {})),
        st.lists(st.sampled_from(PIECES), min_size=3, max_size=7),
        st.sets(st.sampled_from([f"c{n}" for n in range(6)]), min_size=1, max_size=3),
        st.sampled_from(["", "", "X_ONE"]),
    ),
    max_size=25,
    unique_by=lambda known: known.group,
)


@settings(max_examples=40, deadline=None)
@given(groups_of, st.data())
def test_proposals_do_not_hang_on_order_and_cross_no_links(groups: list[Known], data: st.DataObject) -> None:
    pairs = [(a.group, b.group) for a, b in combinations(groups, 2)]
    cannot = tuple(data.draw(st.lists(st.sampled_from(pairs), max_size=4))) if pairs else ()
    first = propose(Snapshot(tuple(groups), cannot=cannot))
    random.Random(1).shuffle(groups)
    assert propose(Snapshot(tuple(groups), cannot=cannot)) == first
    for together in sets(first):
        assert not any({a, b} <= together for a, b in cannot)
    assert len(first) == sum(len(together) - 1 for together in sets(first))


@settings(max_examples=40, deadline=None)
@given(groups_of)
def test_founders_proposed_without_evidence_have_no_veto(groups: list[Known]) -> None:
    founders = {known.founder.digest: known.founder for known in groups}
    for proposal in propose(Snapshot(tuple(groups))):
        if "customers fill" not in proposal.why:
            assert veto(*(founders[digest] for digest in proposal.founders)) is None


def test_large_blocks_are_cut_so_that_families_stay_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "MAX_BLOCK", 2 * len(QUEUES))
    groups = family("no free space left on queue {} for new messages", QUEUES)
    others = [
        a_group(f"{'very ' * (number % 7)}strange words {number}x number of customer", "c0") for number in range(40)
    ]
    parts = list(cut(sorted((*groups, *others), key=lambda known: known.founder.digest)))
    assert all(len(part) <= 2 * len(QUEUES) for part in parts)
    assert any({known.group for known in groups} <= {known.group for known in part} for part in parts)


def test_more_customers_than_a_family_needs_are_no_harm() -> None:
    assert FAMILY <= len(QUEUES)


async def _apart(snapshot: Snapshot, timeout_s: float) -> tuple[Proposal, ...]:
    apart = Apart()
    try:
        return await apart.propose(snapshot, timeout_s=timeout_s)
    finally:
        apart.close()


def test_a_process_of_its_own_proposes_the_same() -> None:
    snapshot = Snapshot((*family("no free space left on queue {} for new messages", QUEUES), *BACKGROUND))
    assert asyncio.run(_apart(snapshot, 60)) == propose(snapshot)


def test_clustering_that_takes_too_long_is_given_up() -> None:
    with pytest.raises(Unavailable, match="took too long"):
        asyncio.run(_apart(Snapshot(tuple(BACKGROUND)), 0.01))


def test_without_hdbscan_nothing_is_proposed_and_it_is_said_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "hdbscan.py").write_text('raise ModuleNotFoundError("no hdbscan", name="hdbscan")\n')
    monkeypatch.syspath_prepend(tmp_path)  # a spawned process takes it over
    snapshot = Snapshot(tuple(family("no free space left on queue {} for new messages", QUEUES)))

    async def twice() -> list[tuple[Proposal, ...]]:
        apart = Apart()
        try:
            return [await apart.propose(snapshot, timeout_s=60) for _ in range(2)]
        finally:
            apart.close()

    said = CapturingLogger()  # what another test configured does not reach it
    monkeypatch.setattr("fde_streams.apart.log", said)
    assert asyncio.run(twice()) == [(), ()]
    assert [(call.args[0], call.kwargs["missing"]) for call in said.calls] == [("clustering_is_off", "hdbscan")]


def test_clustering_that_fails_is_unavailable_and_no_end_of_the_fold() -> None:
    broken = Snapshot((Known("ch-1", None, frozenset()), Known("ch-2", None, frozenset())))  # type: ignore[arg-type]
    with pytest.raises(Unavailable, match="failed"):
        asyncio.run(_apart(broken, 60))
