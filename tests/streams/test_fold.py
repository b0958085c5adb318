"""The fold: order, repeats, and raising exactly once."""

import copy

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fde_events.signed import Signature, SignedBatch, SignedEvent
from fde_streams.delta import Delta
from fde_streams.fold import apply, fold
from fde_streams.group import MAX_SAMPLES, State, customers
from fde_streams.identity import group_id
from fde_streams.seen import MAX_SPANS, Seen, Spans, number_of
from fde_streams.share import pairs
from fde_streams.standing import challenge_of, challenges_of


def a_signature(digest):
    return Signature(digest=digest * 32, rules="r", block="error/x", title=f"title {digest}", parts=())


def an_event(epoch="e", sequence=0, index=0, *, digest="a", deployment="d0", customer="c0", minute=0, count=1):
    return SignedEvent(
        id=f"{epoch}/{sequence}/{index}",
        kind="error",
        customer=customer,
        deployment=deployment,
        time=f"2026-10-01T00:{minute:02d}:00.000Z",
        signature=a_signature(digest),
        sample=f"text of {epoch}/{sequence}/{index}",
        count=count,
    )


def a_batch(*events):
    return SignedBatch(block="error/x", events=events)


events = st.builds(
    lambda place, sequence, index, digest, minute: an_event(
        f"epoch-{place}",
        sequence,
        index,
        digest=digest,
        deployment=f"d{place}",
        customer=f"c{place // 2}",
        minute=minute,
    ),
    st.integers(0, 5),
    st.integers(0, 6),
    st.integers(0, 3),
    st.sampled_from("abc"),
    st.integers(0, 59),
)


def one_of_each_id(found):
    return list({event.id: event for event in found}.values())


def run(batches, *, threshold=3):
    state, raised = State(), []
    for batch in batches:
        delta = fold(state, [batch], threshold=threshold)
        apply(state, delta)
        raised += [entry.group for entry in delta.raised]
    return state, raised


def evidence(state):
    """Everything that must not depend on the order of arrival."""
    return {
        group.id: (
            sorted(group.members),
            state.shares(group),
            [state.signatures[digest].samples for digest in sorted(group.members)],
            group.raised_at is not None,
        )
        for group in state.groups.values()
    }


def whole(state, raised):
    return challenge_of(state, state.groups[raised[0]])


@given(st.lists(events, max_size=30).map(one_of_each_id), st.integers(1, 4), st.randoms(use_true_random=False))
def test_order_of_arrival_does_not_matter(found, size, rng):
    batches = [a_batch(*found[start : start + size]) for start in range(0, len(found), size)]
    shuffled = list(batches)
    rng.shuffle(shuffled)
    first, raised = run(batches)
    second, raised_again = run(shuffled)
    assert evidence(first) == evidence(second)
    assert sorted(raised) == sorted(raised_again)
    assert len(set(raised)) == len(raised)


@given(st.lists(events, max_size=20).map(one_of_each_id), st.lists(st.integers(0, 19), max_size=20))
def test_what_is_delivered_again_counts_once(found, again):
    once, _ = run([a_batch(event) for event in found])
    repeated = found + [found[place] for place in again if place < len(found)]
    twice, raised = run([a_batch(event) for event in repeated])
    assert evidence(once) == evidence(twice)
    assert len(set(raised)) == len(raised)


@given(st.lists(events, max_size=30).map(one_of_each_id), st.integers(1, 5))
def test_counts_are_exact_and_a_group_is_raised_iff_enough_deployments_saw_it(found, threshold):
    state, raised = run([a_batch(event) for event in found], threshold=threshold)
    for group in state.groups.values():
        mine = [event for event in found if group_id(event.signature.digest) == group.id]
        shares = state.shares(group)
        assert sum(share.count for share in shares.values()) == len(mine)
        assert {hour for share in shares.values() for hour, _ in pairs(share.hours)} <= {497448}
        assert sum(count for share in shares.values() for _, count in pairs(share.hours)) == len(mine)
        places = {(event.customer, event.deployment) for event in mine}
        assert len(shares) == len(places)
        assert customers(shares) == len({customer for customer, _ in places})
        assert raised.count(group.id) == (len(places) >= threshold)


@given(st.lists(events, max_size=20))
def test_folding_leaves_the_state_alone_and_the_log_rebuilds_it(found):
    state, log = State(), []
    for event in found:
        before = copy.deepcopy(state)
        delta = fold(state, [a_batch(event)])
        assert state == before
        log.append(msgspec.json.encode(delta))
        apply(state, delta)
    rebuilt = State()
    for body in log:
        apply(rebuilt, msgspec.json.decode(body, type=Delta))
    assert rebuilt == state


def test_raised_at_is_when_the_threshold_was_met_and_never_changes():
    state = State()
    for number, minute in enumerate((10, 5, 20)):
        delta = fold(state, [a_batch(an_event(f"e{number}", deployment=f"d{number}", minute=minute))])
        apply(state, delta)
    (challenge,) = challenges_of(state, delta)
    assert challenge.raised_at == "2026-10-01T00:20:00.000Z"
    later = fold(state, [a_batch(an_event("e9", deployment="d9", minute=1, count=5))])
    apply(state, later)
    (changed,) = challenges_of(state, later)
    assert (changed.id, changed.raised_at) == (challenge.id, challenge.raised_at)
    assert (changed.deployments, changed.events, changed.first_seen) == (4, 8, "2026-10-01T00:01:00.000Z")
    assert later.raised == ()


def test_three_deployments_of_one_customer_raise_and_say_one_customer():
    state, raised = run([a_batch(an_event(f"e{n}", deployment=f"d{n}", customer="acme")) for n in range(3)])
    challenge = whole(state, raised)
    assert (challenge.deployments, challenge.customers) == (3, 1)


def test_a_deployments_name_claimed_from_another_customers_topic_is_another_deployment():
    state, _ = run([a_batch(an_event("e0", customer="a")), a_batch(an_event("e1", customer="b"))])
    (group,) = state.groups.values()
    assert (len(state.shares(group)), customers(state.shares(group))) == (2, 2)


def test_nobody_can_use_up_anothers_event_ids():
    state, _ = run([a_batch(an_event("e0", customer="a")), a_batch(an_event("e0", customer="b"))])
    (group,) = state.groups.values()
    assert sum(share.count for share in state.shares(group).values()) == 2


def test_samples_are_of_distinct_deployments_and_few():
    state, raised = run([a_batch(an_event(f"e{n}", s, deployment=f"d{n}")) for n in range(6) for s in range(2)])
    (known,) = state.signatures.values()
    assert len(whole(state, raised).samples) == MAX_SAMPLES == len(known.samples)


def test_one_step_changes_a_challenge_once():
    state = State()
    delta = fold(state, [a_batch(an_event(f"e{n}", s, deployment=f"d{n}")) for n in range(4) for s in range(9)])
    apply(state, delta)
    assert len(challenges_of(state, delta)) == 1


def test_a_group_that_was_not_raised_is_no_challenge():
    state, _ = run([a_batch(an_event())])
    with pytest.raises(ValueError, match="not been raised"):
        challenge_of(state, next(iter(state.groups.values())))


@settings(max_examples=50)
@given(st.lists(st.integers(0, 200), max_size=60))
def test_seen_is_a_set(numbers):
    seen, model = Seen(), set()
    for number in numbers:
        assert seen.has("e", number) is (number in model)
        seen.add("e", ((number, number),), "2026-10-01T00:00:00.000Z")
        model.add(number)


def test_memory_is_bounded_and_what_is_hopelessly_late_counts_as_seen():
    seen = Seen()
    for number in range(0, 4 * MAX_SPANS, 2):
        seen.add("e", ((number, number),), "2026-10-01T00:00:00.000Z")
    assert len(seen.epochs["e"]) == MAX_SPANS
    assert seen.has("e", 1)
    assert not seen.has("e", 4 * MAX_SPANS - 1)


def test_an_epoch_that_was_silent_for_long_is_forgotten():
    seen = Seen()
    seen.add("old", ((0, 0),), "2026-01-01T00:00:00.000Z")
    seen.add("new", ((0, 0),), "2026-10-01T00:00:00.000Z")
    seen.forget_before("2026-06-01T00:00:00.000Z")
    assert list(seen.epochs) == list(seen.latest) == ["new"]


def test_an_id_is_epoch_sequence_index():
    assert number_of("a/b/2/3") == ("a/b", (2 << 20) | 3)
    with pytest.raises(ValueError, match=r"unpack|invalid"):
        number_of("nonsense")


def test_spans_know_how_many_numbers_they_hold():
    spans = Spans()
    for start, end in ((0, 9), (20, 29), (10, 10), (5, 25), (100, 100)):
        spans.add(start, end)
    assert (spans.count, len(spans)) == (31, 2)
