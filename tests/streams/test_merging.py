"""Merging: what clustering proposes for a partition is merged unless a person parted it; ids of known signatures stay."""

import hashlib
import random

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fde_events.order import Split, named
from fde_events.signed import Signature, SignedBatch, SignedEvent
from fde_streams.cluster import propose
from fde_streams.delta import Delta
from fde_streams.fold import apply, fold
from fde_streams.group import State
from fde_streams.identity import group_id, refusal
from fde_streams.merging import changed, snapshot_of, standings
from fde_streams.state import Part, fold_and_keep, unite_and_keep

BLOCK = "error/salesforce"


def a_signature(text):
    parts = (("text", text),)
    digest = hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
    return Signature(digest=digest, rules="r", block=BLOCK, title=text, parts=parts)


def an_event(number, text, customer):
    return SignedEvent(
        id=f"e{customer}/{number}/0",
        kind="error",
        customer=f"c{customer}",
        deployment="d",
        time="2026-10-01T00:00:00.000Z",
        signature=a_signature(text),
    )


WORDS = ("alpha", "bravo", "tango", "lima", "oscar", "papa", "quebec")
TEXTS = [f"The queue {word} of this organization does not accept records any longer" for word in WORDS]
OTHERS = [
    "Session expired or invalid, log in again to continue",
    "The requested resource does not exist in this version",
    "Unable to obtain exclusive access to this record",
]


class Memory:
    def __init__(self):
        self.kept = []

    def append(self, partition, record):
        self.kept.append(record)


def a_part():
    part, log = Part(), Memory()
    events = [an_event(n, text, n) for n, text in enumerate(TEXTS)]
    events += [an_event(100 + n, text, c) for n, text in enumerate(OTHERS) for c in range(3)]
    batch = SignedBatch(block=BLOCK, events=tuple(events))
    fold_and_keep(log, 0, part, [(0, msgspec.json.encode(batch))])
    return part, log


@pytest.mark.seconds
def test_words_of_one_customer_each_are_no_reason_for_groups_of_their_own():
    part, log = a_part()
    before = dict(standings(part.state))
    proposals = propose(snapshot_of(part.state, changed({}, before)))
    assert proposals
    for proposal in proposals:
        assert unite_and_keep(log, 0, part, proposal.groups, why=proposal.why) is None
    together = part.state.group_of(a_signature(TEXTS[0]).digest)
    assert all(part.state.group_of(a_signature(text).digest) is together for text in TEXTS)
    assert together.raised_at is not None
    apart = {part.state.group_of(a_signature(text).digest).id for text in OTHERS}
    assert len(apart) == 3 and together.id not in apart
    again = Part()
    for record in log.kept:
        again.apply(msgspec.json.decode(msgspec.json.encode(record), type=type(record)))
    assert again.state == part.state
    assert again.covered == 0


def test_what_did_not_change_is_not_looked_at_again():
    part, _ = a_part()
    now = standings(part.state)
    assert changed(now, now) == set()
    assert changed({}, now) == {BLOCK}


@pytest.mark.seconds
def test_a_person_who_parted_two_is_obeyed_by_every_later_clustering():
    part, log = a_part()
    for proposal in propose(snapshot_of(part.state, {BLOCK})):
        unite_and_keep(log, 0, part, proposal.groups, why=proposal.why)
    group = part.state.group_of(a_signature(TEXTS[0]).digest)
    told = named(
        Split(
            group=group.id,
            signatures=(a_signature(TEXTS[0]).digest,),
            author="kim",
            time="2026-10-02T00:00:00Z",
            reason="a queue of its own",
        )
    )
    batch = SignedBatch(block=BLOCK, events=(), orders=(told,))
    fold_and_keep(log, 0, part, [(1, msgspec.json.encode(batch))])
    mine = part.state.group_of(a_signature(TEXTS[0]).digest)
    rest = part.state.group_of(a_signature(TEXTS[1]).digest)
    assert mine is not rest
    for proposal in propose(snapshot_of(part.state, {BLOCK})):
        unite_and_keep(log, 0, part, proposal.groups, why=proposal.why)
    assert part.state.group_of(a_signature(TEXTS[0]).digest) is not part.state.group_of(a_signature(TEXTS[1]).digest)
    assert refusal(part.state, (mine.id, rest.id)) == "a person parted them"


def rand_index(one, other):
    """Adjusted Rand index of two labellings of the same things."""

    def pairs(counts):
        return sum(count * (count - 1) // 2 for count in counts.values())

    def counted(keys):
        found = {}
        for key in keys:
            found[key] = found.get(key, 0) + 1
        return found

    names = sorted(one)
    both = pairs(counted((one[n], other[n]) for n in names))
    a, b = pairs(counted(one[n] for n in names)), pairs(counted(other[n] for n in names))
    total = len(names) * (len(names) - 1) // 2
    expected = a * b / total
    most = (a + b) / 2
    return 1.0 if most == expected else (both - expected) / (most - expected)


def labelled(state):
    return {digest: known.group for digest, known in state.signatures.items()}


@settings(max_examples=15)
@given(st.randoms(use_true_random=False), st.booleans(), st.integers(1, 9))
def test_two_orders_of_arrival_give_the_same_groups(rng, near, size):
    subjects = ("request", "session", "record", "invoice", "payment")
    tails = ("", " Please try again.", " Request id: <*>.", " Please try again later.")
    texts = [
        f"The {subject} could not be {verb} because the {cause} limit was exceeded.{tail}"
        for subject in subjects
        for verb in ("stored", "found")
        for cause in ("storage", "daily")
        for tail in tails
    ]
    events = [an_event(n, text, n % 7) for n, text in enumerate(texts)]
    found = []
    for _ in range(2):
        rng.shuffle(events)
        state = State() if near else State(near=None)
        for start in range(0, len(events), size):
            apply(state, fold(state, [SignedBatch(block=BLOCK, events=tuple(events[start : start + size]))]))
        found.append(labelled(state))
    assert rand_index(*found) >= 0.99
    groups = len(set(found[0].values()))
    assert (groups < len(texts)) if near else (groups == len(texts))


def test_ids_of_known_signatures_never_change_when_more_comes():
    rng = random.Random(5)
    state, log = State(), []
    texts = [
        f"The {a} could not be {b}: {c}" for a in WORDS for b in WORDS for c in ("limit exceeded", "access denied")
    ]
    known = {}
    for number in range(400):
        delta = fold(state, [SignedBatch(block=BLOCK, events=(an_event(number, rng.choice(texts), rng.randrange(9)),))])
        log.append(delta)
        apply(state, delta)
        for digest, group in labelled(state).items():
            assert known.setdefault(digest, group) == group
    again = State()
    for delta in log:
        apply(again, msgspec.json.decode(msgspec.json.encode(delta), type=Delta))
    assert again == state


def test_a_groups_id_is_its_founders():
    state = State()
    apply(state, fold(state, [SignedBatch(block=BLOCK, events=(an_event(0, OTHERS[0], 1),))]))
    assert set(state.groups) == {group_id(a_signature(OTHERS[0]).digest)}
