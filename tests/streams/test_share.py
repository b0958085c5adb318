"""Shares, clock, trend and bounds: what is kept of one deployment, and what a wrong clock or a noisy tenant may do."""

import gc
import hashlib
import random
import sys
import tracemalloc
from array import array

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fde_events.event import ErrorEvent, RateLimitEvent, SchemaDriftEvent, kind_of
from fde_events.signed import Signature, SignedBatch, SignedEvent
from fde_streams import fold as fold_module
from fde_streams import seating as seating_module
from fde_streams.clock import Clock
from fde_streams.fold import apply, fold
from fde_streams.group import SAMPLE_LENGTH, SHARE_BYTES, SIGNATURE_BYTES, TYPICAL_BYTES, State
from fde_streams.outside import public_title
from fde_streams.share import DAYS, HOURS, Increment, Share, hour_of, note, pairs, tally
from fde_streams.signature import signature_of
from fde_streams.standing import challenge_of, raised_of
from fde_streams.trend import trend_of

slots = st.lists(st.tuples(st.integers(0, 40), st.integers(1, 5)), max_size=60)


@given(slots, st.integers(1, 8), st.randoms(use_true_random=False))
def test_a_tally_keeps_the_latest_slots_whole_in_whatever_order_they_come(found, limit, rng):
    model: dict[int, int] = {}
    for slot, count in found:
        model[slot] = model.get(slot, 0) + count
    shuffled = list(found)
    rng.shuffle(shuffled)
    for order in (found, shuffled):
        counts = tally()
        for slot, count in order:
            note(counts, slot, count, limit)
        assert pairs(counts) == tuple(sorted(model.items())[-limit:])


@given(slots, slots)
def test_joining_two_shares_is_as_if_all_had_come_to_one(one, other):
    def share(found):
        return [Increment("d", "c:p", n, f"t{h:03}", f"t{h:03}", ((h * 24, n),)) for h, n in found]

    if not one or not other:
        return
    mine, theirs, both = (Share.of(news[0]) for news in (share(one), share(other), share(one)))
    for target, news in ((mine, share(one)[1:]), (theirs, share(other)[1:]), (both, share(one)[1:] + share(other))):
        for each in news:
            target.add(each)
    mine.join(theirs)
    assert mine == both


def test_a_clock_that_is_a_year_ahead_takes_one_slot():
    counts = tally()
    for hour in range(500):
        note(counts, hour, 1, HOURS)
    note(counts, 500 + 8_760, 1, HOURS)
    for hour in range(500, 600):
        note(counts, hour, 1, HOURS)
    assert [slot for slot, _ in pairs(counts)] == [*range(600 - HOURS + 1, 600), 9_260]


def test_hours_are_counted_from_1970():
    assert hour_of("1970-01-02T03") == 27
    for wrong in ("", "1970-01-02", "1970-01-02 03", "yesterday T12", "1970-13-02T03"):
        with pytest.raises(ValueError):
            hour_of(wrong)


def test_it_is_as_late_as_two_customers_say():
    clock = Clock()
    clock.tell("a", "2026-10-01")
    assert clock.now == "2026-10-01"
    clock.tell("b", "2027-10-01")
    assert clock.now == "2026-10-01"
    clock.tell("c", "2026-10-03")
    assert clock.now == "2026-10-03"


NOW = "2026-10-10T12:00:00.000Z"
H = hour_of(NOW[:13])


@pytest.mark.parametrize(
    ("hours", "trend"),
    [
        ({H - 150 + n * 24: 24 for n in range(6)} | {H: 100}, "rising"),
        ({H - 150 + n * 24: 24 for n in range(6)} | {H: 25}, "steady"),
        ({H - 150 + n * 24: 24 for n in range(6)} | {H: 3}, "falling"),
        ({H - 150 + n * 24: 1 for n in range(6)} | {H: 3}, "steady"),  # three instead of one a day says nothing
        ({H - 100: 50}, "quiet"),
        ({H - 150 + n * 24: 24 for n in range(6)} | {H: 25, H + 8_760: 900}, "steady"),  # a wrong clock
    ],
)
def test_a_trend_needs_a_factor_of_two_and_enough_events(hours, trend):
    assert trend_of(hours, "2026-10-01T00:00:00.000Z", NOW) == trend


def test_what_was_first_seen_today_is_new():
    assert trend_of({H: 5}, "2026-10-10T11:00:00.000Z", NOW) == "new"
    assert trend_of({H: 5}, "2026-10-10T11:00:00.000Z", "") == ""


def an_event(number, text, *, place=0, customer="noisy", time="2026-10-01T00:00:00.000Z", sample=""):
    return SignedEvent(
        id=f"{customer}-{place}/{number}/0",
        kind="error",
        customer=customer,
        deployment=f"d{place}",
        time=time,
        signature=Signature(
            digest=hashlib.blake2b(text.encode(), digest_size=16).hexdigest(),
            rules="r",
            block="error/x",
            title=text[:96],
            parts=(("text", text),),
        ),
        sample=sample,
    )


def take(state, *events):
    apply(state, fold(state, [SignedBatch(block="error/x", events=events)]))


def test_one_noisy_tenant_raises_nothing_fills_nothing_and_harms_no_other(monkeypatch):
    monkeypatch.setattr(fold_module, "QUOTA", 300)
    state = State()
    for n in range(3):
        take(state, an_event(0, "shared words of everybody", customer=f"calm{n}"))
    for start in range(0, 5_000, 250):
        take(state, *(an_event(n + 1, f"m{n} q{n * 7} z{n * 13}") for n in range(start, start + 250)))
    take(state, an_event(9_999, "shared words of everybody"))
    assert len(state.signatures) <= 300 + 250 + 1
    assert state.forgotten >= 4_400
    assert len(state.near) <= 551
    (challenge,) = raised_of(state)
    assert (challenge.deployments, challenge.events) == (4, 4)


def test_what_was_forgotten_and_comes_again_has_the_same_id(monkeypatch):
    monkeypatch.setattr(fold_module, "QUOTA", 2)
    state, first = State(), an_event(0, "the first")
    take(state, first)
    (known,) = state.signatures.values()
    name = known.group
    for n in range(1, 5):
        take(state, an_event(n, f"another {n}"))
    assert first.signature.digest not in state.signatures
    take(state, an_event(5, "the first"))
    assert state.group_of(first.signature.digest).id == name


def test_what_two_customers_saw_is_never_forgotten_for_one_of_them(monkeypatch):
    monkeypatch.setattr(fold_module, "QUOTA", 2)
    state = State()
    take(state, an_event(0, "shared"), an_event(0, "shared", customer="other"))
    for n in range(1, 9):
        take(state, an_event(n, f"own {n}"))
    assert an_event(0, "shared").signature.digest in state.signatures
    assert sum(len(mine) for mine in state.own.values()) == 2


def test_a_full_group_counts_on_under_its_founder(monkeypatch):
    class First:
        """Everything is near to what came first."""

        def __init__(self):
            self.digest = None

        def add(self, outline):
            self.digest = self.digest or outline.digest

        def discard(self, digest): ...

        def nearest(self, outline):
            return None if self.digest is None else (self.digest, 1.0)

    monkeypatch.setattr(seating_module, "MAX_MEMBERS", 10)
    monkeypatch.setattr(seating_module, "Near", First)
    state = State(near=First())
    take(state, *(an_event(n, f"text {n}") for n in range(15)))
    take(state, *(an_event(n, f"text {n}") for n in range(15, 30)))
    (group,) = state.groups.values()
    assert len(group.members) == 10
    (share,) = state.shares(group).values()
    assert share.count == 30


def test_a_clock_that_is_a_year_off_makes_nothing_count_twice():
    state = State()
    far = [an_event(0, f"t{n}", customer=f"c{n}", time="2026-10-01T00:00:00.000Z") for n in range(80)]
    take(state, *far)
    take(state, an_event(0, "ahead", customer="ahead", time="2027-10-01T00:00:00.000Z"))
    take(state, an_event(0, "behind", customer="behind", time="2025-10-01T00:00:00.000Z"))
    before = sum(share.count for known in state.signatures.values() for share in known.shares.values())
    take(state, *far, an_event(0, "behind", customer="behind", time="2025-10-01T00:00:00.000Z"))
    after = sum(share.count for known in state.signatures.values() for share in known.shares.values())
    assert before == after == 82


def size(thing, seen):
    """Bytes of an object and all it holds."""
    if id(thing) in seen or thing is None:
        return 0
    seen.add(id(thing))
    found = sys.getsizeof(thing)
    if isinstance(thing, dict):
        found += sum(size(key, seen) + size(value, seen) for key, value in thing.items())
    elif isinstance(thing, tuple | list):
        found += sum(size(item, seen) for item in thing)
    elif not isinstance(thing, array) and hasattr(thing, "__slots__"):
        found += sum(size(getattr(thing, name), seen) for name in thing.__slots__)
    return found


def test_a_signature_is_bounded_however_long_its_texts_and_however_often_it_comes():
    state = State(near=None)
    rng = random.Random(3)
    wide = "\U0001f600"
    signature = Signature(
        digest="d" * 32,
        rules="r",
        block="error/x",
        title=wide * 5_000,
        parts=tuple((f"part{n}", wide * 5_000) for n in range(100)),
    )
    places = 20
    for step in range(60):
        events = []
        for n in range(100):
            place, day, hour = rng.randrange(places), rng.randrange(1, 29), rng.randrange(24)
            events.append(
                SignedEvent(
                    id=f"e{place}/{step}/{n}",
                    kind="error",
                    customer=f"c{place}",
                    deployment="d",
                    time=f"2026-{rng.randrange(1, 13):02d}-{day:02d}T{hour:02d}:00:00.000Z",
                    signature=signature,
                    sample=wide * SAMPLE_LENGTH * 2,
                    count=10**30,
                )
            )
        take(state, *events)
    (known,) = state.signatures.values()
    assert all(len(share.hours) <= 2 * HOURS and len(share.days) <= 2 * DAYS for share in known.shares.values())
    shares, samples = known.shares, known.samples
    known.shares, known.samples = {}, None
    seen: set[int] = set()
    assert size(known, seen) + size(state.groups, seen) <= SIGNATURE_BYTES
    assert all(size(share, set()) <= SHARE_BYTES for share in shares.values())
    assert len(samples) == 3 and all(len(text) <= SAMPLE_LENGTH for text in samples.values())


def test_words_of_fewer_than_three_customers_are_not_shown_outside():
    state = State()
    title = "x: order of Acme-GmbH <*> failed"
    event = an_event(0, title, customer="a")
    take(state, event, an_event(0, title, customer="b", place=1), an_event(0, title, customer="b", place=2))
    (group,) = state.groups.values()
    assert public_title(state, group) == "<word> <word> <word> <word> <*> <word>"
    assert challenge_of(state, group).title == title
    take(state, an_event(0, title, customer="c"))
    assert challenge_of(state, group).public_title == title


def test_a_cause_of_the_catalogue_is_no_customers_word():
    state = State()
    event = msgspec.structs.replace(
        an_event(0, "one", customer="a"),
        signature=Signature(
            digest="d" * 32,
            rules="r",
            block="error/stripe",
            title="stripe: rate-limit.burst",
            parts=(("cause", "rate-limit.burst"),),
        ),
    )
    take(state, event)
    (group,) = state.groups.values()
    assert public_title(state, group) == "stripe: rate-limit.burst"


def from_customers(*events):
    state = State()
    batches = [
        SignedEvent(
            id=f"e{n}/0/0",
            kind=kind_of(event),
            customer=f"c{n}",
            deployment="d",
            time=f"2026-05-0{n + 1}T00:00:00.000Z",
            signature=signature_of(event),
        )
        for n, event in enumerate(events)
    ]
    take(state, *batches)
    (group,) = state.groups.values()
    return public_title(state, group)


def test_what_the_first_customer_said_beyond_the_signature_is_not_shown_outside():
    names = ("asterco", "birchly", "cedarine")
    own = [
        ErrorEvent(time="", exception_type="JobFailed", exception_message=f"user {name} has no rights on the table")
        for name in names
    ]
    assert from_customers(*own) == "application: user <*> has no rights on the table"
    detail = [
        ErrorEvent(
            time="", exception_type="stripe.error.StripeError", exception_message=f"nope\nDETAIL: for {name} of all"
        )
        for name in names
    ]
    assert from_customers(*detail) == "stripe: StripeError nope <word> <word> <word> <word> <word>"


def test_a_source_that_one_customer_named_is_shown_to_nobody_else():
    drift = SchemaDriftEvent(time="", source="aster-feed", operation="sync", field="total", change="type")
    assert from_customers(drift) == "<word> type <word>"
    assert from_customers(drift, drift, drift) == "aster-feed: type total"
    limit = RateLimitEvent(time="", vendor="aster-api", limit_class="burst")
    assert from_customers(limit) == "<word> burst rate limit"


@pytest.mark.seconds
def test_a_signature_that_was_seen_once_takes_what_is_said():
    state = State()
    take(state, *(an_event(n, f"warm {n} of the caches", customer="w") for n in range(50)))
    gc.collect()
    tracemalloc.start()
    for start in range(0, 3_000, 100):
        take(
            state,
            *(
                an_event(n + 100, f"word{n} could not reach word{n * 7} of word{n * 13}")
                for n in range(start, start + 100)
            ),
        )
    gc.collect()
    kept = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert kept / 3_000 <= TYPICAL_BYTES
