"""Erasure in the fold: nothing of the customer stays, what others saw stays exactly, and the log rebuilds it."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from fde_events.challenge import newer
from fde_events.order import Erase, check_order, named
from fde_events.signed import Signature, SignedBatch, SignedEvent
from fde_streams.delta import Delta
from fde_streams.fold import apply, fold
from fde_streams.group import State, summed
from fde_streams.settle import settle
from fde_streams.standing import challenges_of

PERSON = {"author": "kim@north.example", "time": "2026-10-02T00:00:00Z", "reason": "they left us and asked for it"}


def an_event(number, letter, customer, hour=0, deployment=None):
    return SignedEvent(
        id=f"epoch-of-{customer}/{number}/0",
        kind="error",
        customer=customer,
        deployment=deployment or f"ns/of-{customer}",
        time=f"2026-10-01T{hour:02d}:00:00.000Z",
        signature=Signature(digest=letter * 32, rules="r", block="error/x", title=f"title {letter}", parts=()),
        sample=f"text of {customer}",
    )


class Partition:
    def __init__(self):
        self.state, self.log = State(), []

    def take(self, *events, orders=()):
        delta = fold(self.state, [SignedBatch(block="error/x", events=events, orders=orders)])
        published = self._keep(delta)
        while (delta := settle(self.state, 3)) is not None:
            published |= self._keep(delta)
        return published

    def _keep(self, delta):
        self.log.append(msgspec.json.encode(delta))
        apply(self.state, delta)
        return {challenge.id: challenge for challenge in challenges_of(self.state, delta)}

    def rebuilt(self):
        state = State()
        for body in self.log:
            apply(state, msgspec.json.decode(body, type=Delta))
        return state


def erase(customer):
    order = named(Erase(customer=customer, **PERSON))
    check_order(order)
    return order


seen = st.lists(
    st.tuples(st.sampled_from("abcd"), st.sampled_from(["north", "south", "east", "west"]), st.integers(0, 23)),
    max_size=40,
)


@given(seen)
def test_what_stays_is_what_the_others_saw_and_the_log_rebuilds_it(found):
    both, others = Partition(), Partition()
    events = [an_event(number, *one) for number, one in enumerate(found)]
    for event in events:
        both.take(event)
        if event.customer != "south":
            others.take(event)
    both.take(orders=(erase("south"),))
    assert "south" not in repr(both.state).replace(repr(both.state.rulings), "")
    assert {d: k.shares for d, k in both.state.signatures.items()} == {
        d: k.shares for d, k in others.state.signatures.items()
    }
    assert {d: k.owner for d, k in both.state.signatures.items()} == {
        d: k.owner for d, k in others.state.signatures.items()
    }
    for group in both.state.groups.values():
        assert both.state.shares(group) == summed(both.state.members(group))
    assert both.rebuilt() == both.state


def test_a_challenge_that_only_they_had_is_told_as_erased_and_says_nothing_of_them():
    partition = Partition()
    raised = partition.take(*(an_event(n, "a", "south", deployment=f"ns/{n}") for n in range(3)))
    (challenge,) = raised.values()
    (gone,) = partition.take(orders=(erase("south"),)).values()
    assert gone.id == challenge.id and gone.erased and newer(challenge, gone)
    assert b"south" not in msgspec.json.encode(gone) and b"title" not in msgspec.json.encode(gone).replace(
        b'"title":""', b""
    )
    assert not partition.state.groups and not partition.state.signatures


def test_a_challenge_that_others_had_too_stays_raised_with_their_evidence():
    partition = Partition()
    (before,) = partition.take(
        *(an_event(0, "a", customer) for customer in ("north", "south", "east", "west"))
    ).values()
    (after,) = partition.take(orders=(erase("south"),)).values()
    assert after.id == before.id and after.raised_at == before.raised_at and newer(before, after)
    assert after.customers == 3 and {sighting.customer for sighting in after.sightings} == {"north", "east", "west"}
    assert all("south" not in sample for sample in after.samples)


def test_an_erased_customer_may_come_again_and_counts_from_one():
    partition = Partition()
    partition.take(*(an_event(n, "a", "south", deployment=f"ns/{n}") for n in range(3)))
    (gone,) = partition.take(orders=(erase("south"),)).values()
    (again,) = partition.take(*(an_event(n, "a", "south", deployment=f"ns/{n}") for n in range(3))).values()
    assert again.id == gone.id and again.events == 3 and not again.erased and newer(gone, again)


def test_to_erase_twice_or_whom_nobody_knows_changes_nothing():
    partition = Partition()
    partition.take(an_event(0, "a", "north"))
    before = repr(partition.state.signatures)
    assert partition.take(orders=(erase("nobody"),)) == {}
    assert repr(partition.state.signatures) == before
