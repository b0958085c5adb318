"""Identity: merge, split, pin and ignore by people, merges by clustering; replay, and what survives what."""

import copy

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fde_events.order import Ignore, Merge, Pin, Split, Unignore, named
from fde_events.signed import Signature, SignedBatch, SignedEvent
from fde_streams.delta import Delta
from fde_streams.fold import apply, fold
from fde_streams.group import State, hours_of, summed
from fde_streams.identity import group_id, refusal, united
from fde_streams.settle import settle
from fde_streams.standing import challenges_of

DIGESTS = [letter * 32 for letter in "abcdef"]
IDS = [group_id(digest) for digest in DIGESTS]
PEOPLE = {"author": "kim@north.example", "time": "2026-10-02T00:00:00Z", "reason": "read both"}


def an_event(number, digest, place, *, hour=0, block="error/x"):
    return SignedEvent(
        id=f"e{place}/{number}/0",
        kind="error",
        customer=f"c{place}",
        deployment=f"d{place}",
        time=f"2026-10-01T{hour:02d}:00:00.000Z",
        signature=Signature(digest=digest, rules="r", block=block, title=f"title {digest[0]}", parts=()),
        sample=f"text {digest[0]} {place}",
    )


def order(kind, **more):
    return named(kind(**PEOPLE | more))


def merge(*groups, **more):
    return order(Merge, groups=groups, **more)


def split(group, *digests, **more):
    return order(Split, group=group, signatures=digests, **more)


class Partition:
    """A state with its log, as the worker keeps it."""

    def __init__(self):
        self.state, self.log, self.raised = State(), [], []

    def take(self, *items, block="error/x"):
        events = tuple(item for item in items if isinstance(item, SignedEvent))
        orders = tuple(item for item in items if not isinstance(item, SignedEvent))
        self.keep(fold(self.state, [SignedBatch(block=block, events=events, orders=orders)]))
        while (delta := settle(self.state, 3)) is not None:
            self.keep(delta)
        return self

    def keep(self, delta):
        self.log.append(msgspec.json.encode(delta))
        apply(self.state, delta)
        self.raised += [raised.group for raised in delta.raised]
        self.published = {challenge.id: challenge for challenge in challenges_of(self.state, delta)}

    def replayed(self):
        state = State()
        for body in self.log:
            apply(state, msgspec.json.decode(body, type=Delta))
        return state

    @property
    def partition(self):
        return {frozenset(group.members) for group in self.state.groups.values()}

    def ruling(self, given):
        return self.state.rulings[given.id]


def seen(*pairs):
    """Events of (digest index, places)."""
    number, found = 0, []
    for which, places in pairs:
        for place in places:
            number += 1
            found.append(an_event(number, DIGESTS[which], place))
    return found


def test_a_merge_leads_the_younger_group_to_the_older_and_sums_their_evidence():
    part = Partition().take(*seen((0, (1, 2)), (1, (2, 3))))
    old, young = sorted(IDS[:2])
    part.take(merge(young, old))
    (group,) = part.state.groups.values()
    assert group.id == old
    assert part.state.resolve(young) is group
    assert sum(share.count for share in part.state.shares(group).values()) == 4
    assert part.raised == [old]
    challenge = part.published[old]
    assert (challenge.deployments, challenge.redirects, challenge.revision) == (3, (young,), 1)


def test_a_raised_group_keeps_its_id_and_its_raised_at_whatever_it_is_merged_with():
    part = Partition().take(*seen((0, (1, 2, 3))))
    at = part.state.groups[IDS[0]].raised_at
    part.take(*(an_event(n, DIGESTS[1], n, hour=5) for n in (7, 8, 9)))
    part.take(merge(IDS[1], IDS[0]))
    (group,) = part.state.groups.values()
    assert (group.id, group.raised_at) == (IDS[0], at)
    assert sorted(part.raised) == sorted(IDS[:2])  # each once; the merge raised nothing
    grave = part.published[IDS[1]]
    assert (grave.merged_into, grave.signatures, grave.revision) == (IDS[0], (), 1)


def test_a_split_leaves_the_id_with_the_part_that_more_places_saw_and_that_part_stays_raised():
    part = Partition().take(*seen((0, (1,)), (1, (2, 3, 4))))
    part.take(merge(*IDS[:2]))
    (group,) = part.state.groups.values()
    part.take(split(group.id, DIGESTS[1]))
    kept, other = part.state.group_of(DIGESTS[1]), part.state.group_of(DIGESTS[0])
    assert kept.id == group.id and kept.raised_at is not None
    assert other.id not in {*IDS[:2]} and other.raised_at is None
    assert part.raised == [IDS[1]]


def test_a_part_that_meets_the_threshold_is_raised_once_under_an_id_of_its_own():
    part = Partition().take(*seen((0, (1, 2, 3)), (1, (4, 5, 6, 7))))
    part.take(merge(*IDS[:2]))
    part.take(split(part.state.group_of(DIGESTS[0]).id, DIGESTS[0]))
    part.take(*(an_event(50 + n, DIGESTS[0], n) for n in (4, 5)))
    assert len(part.raised) == len(set(part.raised)) == 3
    assert part.replayed() == part.state


@settings(max_examples=60)
@given(
    st.lists(st.tuples(st.integers(0, 5), st.lists(st.integers(1, 6), min_size=1, max_size=5)), min_size=2, max_size=8),
    st.data(),
)
def test_merge_then_split_gives_the_same_partition(found, data):
    part = Partition().take(*seen(*found))
    before = part.partition
    if len(before) < 2:
        return
    groups = sorted(part.state.groups)
    chosen = data.draw(st.lists(st.sampled_from(groups), min_size=2, max_size=2, unique=True))
    inside = part.state.groups[chosen[0]].members
    part.take(merge(*chosen))
    assert len(part.partition) == len(before) - 1
    part.take(split(part.state.resolve(chosen[0]).id, *inside))
    assert part.partition == before
    assert part.replayed() == part.state
    assert len(part.raised) == len(set(part.raised))


actions = st.one_of(
    st.tuples(st.just("event"), st.integers(0, 5), st.integers(1, 5)),
    st.tuples(st.just("merge"), st.integers(0, 5), st.integers(0, 5)),
    st.tuples(st.just("split"), st.integers(0, 5), st.integers(0, 5)),
    st.tuples(st.just("pin"), st.integers(0, 5), st.integers(0, 5)),
    st.tuples(st.just("cluster"), st.integers(0, 5), st.integers(0, 5)),
)


@settings(max_examples=60)
@given(st.lists(actions, max_size=25))
def test_evidence_is_the_sum_of_the_members_ids_are_minted_once_and_the_log_rebuilds_it_all(found):
    part, sent, ever = Partition(), {}, {}
    for number, (what, one, other) in enumerate(found):
        if what == "event":
            event = an_event(number, DIGESTS[one], other)
            sent[event.id] = event
            part.take(event)
        elif what == "merge":
            part.take(merge(IDS[one], IDS[other], reason=f"{number}"))
        elif what == "split":
            group = part.state.group_of(DIGESTS[one])
            part.take(split(group.id if group else IDS[one], DIGESTS[one], DIGESTS[other], reason=f"{number}"))
        elif what == "pin":
            part.take(order(Pin, signature=DIGESTS[one], group=IDS[other], reason=f"{number}"))
        elif refusal(part.state, (IDS[one], IDS[other])) is None:
            part.keep(united(part.state, (IDS[one], IDS[other]), by="cluster", why="near", threshold=3))
    state = part.state
    assert part.replayed() == state
    assert len(part.raised) == len(set(part.raised))
    for group in state.groups.values():
        members = [state.signatures[digest] for digest in group.members]
        assert state.shares(group) == summed(members)
        assert group.hours == (hours_of(state.shares(group).values()) if group.raised_at else None)
        assert group.founder in group.members and any(known.founder for known in members)
        assert all(known.group == group.id for known in members)
        ever[group.id] = group
    assert sum(len(group.members) for group in state.groups.values()) == len(state.signatures)
    total = sum(share.count for group in state.groups.values() for share in state.shares(group).values())
    assert total == len(sent)
    for name in state.tombstones:
        assert name not in ever
        assert state.resolve(name) is not None


def test_settling_leaves_the_state_alone():
    part = Partition().take(*seen((0, (1, 2)), (1, (3,))))
    for told in (merge(*IDS[:2]), split(IDS[0], DIGESTS[1]), order(Pin, signature=DIGESTS[1], group=IDS[0])):
        part.keep(fold(part.state, [SignedBatch(block="error/x", events=(), orders=(told,))]))
        before = copy.deepcopy(part.state)
        delta = settle(part.state, 3)
        assert part.state == before
        part.keep(delta)


def test_an_order_that_comes_again_changes_nothing():
    part = Partition().take(*seen((0, (1,)), (1, (2,))))
    told = merge(*IDS[:2])
    part.take(told)
    once = copy.deepcopy(part.state)
    part.take(told)
    assert part.state == once
    part.take(split(part.state.group_of(DIGESTS[0]).id, DIGESTS[0]))
    once = copy.deepcopy(part.state)
    part.take(told)
    assert part.state == once


def test_what_a_person_parted_no_clustering_joins_again_not_even_by_way_of_a_third():
    part = Partition().take(*seen((0, (1, 2)), (1, (3, 4)), (2, (5,))))
    part.take(merge(*IDS[:2]))
    part.take(split(part.state.group_of(DIGESTS[0]).id, DIGESTS[0]))
    one, other = (part.state.group_of(DIGESTS[n]).id for n in (0, 1))
    assert refusal(part.state, (one, other)) == "a person parted them"
    part.keep(united(part.state, (IDS[2], one), by="cluster", why="near", threshold=3))
    assert refusal(part.state, (IDS[2], other)) == "a person parted them"
    assert refusal(part.replayed(), (IDS[2], other)) == "a person parted them"
    part.take(merge(one, other, reason="I was wrong"))
    assert len(part.state.groups) == 1
    assert not any(part.state.walls.values())


def test_an_order_waits_for_groups_that_are_not_known_yet():
    part = Partition().take(merge(*IDS[:2]), order(Ignore, group=IDS[2]))
    assert len(part.state.waiting) == 2
    part.take(*seen((0, (1,)), (2, (1,))))
    assert part.state.groups[IDS[2]].ignored
    assert len(part.state.waiting) == 1
    part.take(an_event(99, DIGESTS[1], 3))
    assert not part.state.waiting
    assert part.state.group_of(DIGESTS[0]) is part.state.group_of(DIGESTS[1])


@pytest.mark.parametrize("first", ["order", "event"])
def test_a_pin_holds_whether_the_signature_was_seen_before_or_after(first):
    part = Partition().take(*seen((0, (1,)), (2, (1,))))
    told, event = order(Pin, signature=DIGESTS[1], group=IDS[0]), an_event(99, DIGESTS[1], 3)
    for item in (told, event) if first == "order" else (event, told):
        part.take(item)
    assert part.state.group_of(DIGESTS[1]) is part.state.group_of(DIGESTS[0])
    assert part.replayed() == part.state


def test_a_split_sends_a_signature_that_was_not_seen_yet_to_its_part():
    part = Partition().take(*seen((0, (1, 2)), (1, (3,))))
    part.take(merge(*IDS[:2]))
    part.take(split(part.state.group_of(DIGESTS[0]).id, DIGESTS[1], DIGESTS[2]))
    part.take(an_event(99, DIGESTS[2], 4))
    assert part.state.group_of(DIGESTS[2]) is part.state.group_of(DIGESTS[1])
    assert part.state.group_of(DIGESTS[2]) is not part.state.group_of(DIGESTS[0])


def test_orders_that_cannot_be_followed_are_refused_with_the_reason():
    part = Partition().take(*seen((0, (1,)), (1, (1,))))
    part.take(an_event(90, DIGESTS[2], 1, block="error/y"), block="error/y")
    wrong = [
        (merge(IDS[0], IDS[2]), "different blocks"),
        (order(Pin, signature=DIGESTS[2], group=IDS[0]), "different blocks"),
        (split(IDS[0], DIGESTS[0]), "the whole group"),
        (split(IDS[0], DIGESTS[1]), "none of these"),
    ]
    before = part.partition
    for given_order, why in wrong:
        part.take(given_order)
        assert part.ruling(given_order).outcome == "refused"
        assert why in part.ruling(given_order).why
    assert part.partition == before


def test_who_ignores_and_takes_it_back_changes_the_challenge_and_not_its_evidence():
    part = Partition().take(*seen((0, (1, 2, 3))))
    part.take(order(Ignore, group=IDS[0]))
    first = part.published[IDS[0]]
    assert (first.ignored, first.revision, first.events) == (True, 1, 3)
    part.take(an_event(99, DIGESTS[0], 4), order(Unignore, group=IDS[0]))
    second = part.published[IDS[0]]
    assert (second.ignored, second.revision, second.events) == (False, 2, 4)


def test_clustering_does_not_merge_what_is_ignored_with_what_is_not():
    part = Partition().take(*seen((0, (1,)), (1, (1,))))
    part.take(order(Ignore, group=IDS[0]))
    assert "ignored" in refusal(part.state, IDS[:2])


@settings(max_examples=40)
@given(st.permutations(range(4)), st.integers(1, 12))
def test_the_order_of_events_around_orders_does_not_matter(places, at):
    events = seen((0, (1, 2)), (1, (3, 4)), (2, (5,)), (3, (1, 2, 3)))
    told = [merge(IDS[0], IDS[1]), order(Ignore, group=IDS[3])]
    mixed = [events[i % len(events)] for i in range(len(events))]
    for which in places:
        mixed = mixed[which:] + mixed[:which]
    early, late = Partition().take(*told), Partition()
    for event in events:
        early.take(event)
    for event in mixed[:at]:
        late.take(event)
    late.take(*told)
    late.take(*mixed[at:])
    assert early.partition == late.partition
    assert {g.id: (g.ignored, g.redirects) for g in early.state.groups.values()} == {
        g.id: (g.ignored, g.redirects) for g in late.state.groups.values()
    }
