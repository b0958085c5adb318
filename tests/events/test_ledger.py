"""The ledger's ranges are a set; verdicts never say more than is known."""

from hypothesis import given
from hypothesis import strategies as st

from fde_events.ledger import EpochMark, Ledger, Ranges

numbers = st.lists(st.integers(0, 60), max_size=80)


@given(numbers)
def test_ranges_are_a_set(added):
    ranges, model = Ranges(), set()
    for number in added:
        assert ranges.add(number) is (number not in model)
        model.add(number)
        assert len(ranges) == len(model)
        assert number in ranges
    assert {n for start, end in ranges.spans for n in range(start, end + 1)} == model
    assert all(n in ranges for n in model)
    assert all(n not in ranges for n in set(range(62)) - model)


@given(numbers)
def test_ranges_are_sorted_and_never_touch(added):
    ranges = Ranges()
    for number in added:
        ranges.add(number)
    for (_, end), (start, _) in zip(ranges.spans, ranges.spans[1:], strict=False):
        assert end + 1 < start


@given(numbers, st.integers(-1, 70))
def test_gaps_are_what_is_missing(added, highest):
    ranges = Ranges()
    for number in added:
        ranges.add(number)
    missing = {n for start, end in ranges.gaps(highest) for n in range(start, end + 1)}
    assert missing == set(range(highest + 1)) - set(added)


def a_mark(**changes):
    fields = dict(customer="c", deployment="d", epoch="e", highest=2, closed=False, events=3, time="t")
    return EpochMark(**{**fields, **changes})


def test_an_epoch_that_never_closed_is_unproven_even_without_gaps():
    ledger = Ledger()
    for sequence in range(3):
        ledger.receive("e", sequence)
    assert ledger.epochs["e"].verdict == "unproven"
    ledger.mark(a_mark())
    assert ledger.epochs["e"].verdict == "unproven"
    ledger.mark(a_mark(closed=True))
    assert ledger.epochs["e"].verdict == "whole"


def test_what_is_missing_is_a_gap_and_what_comes_twice_a_duplicate():
    ledger = Ledger()
    ledger.mark(a_mark(closed=True))
    assert ledger.receive("e", 0)
    assert not ledger.receive("e", 0)
    ledger.receive("e", 2)
    account = ledger.epochs["e"]
    assert (account.verdict, account.duplicates, account.received.gaps(2)) == ("gaps", 1, [(1, 1)])


def test_an_older_mark_never_replaces_a_newer_one():
    ledger = Ledger()
    ledger.mark(a_mark(highest=9, closed=True))
    ledger.mark(a_mark(highest=5))
    assert ledger.epochs["e"].mark == a_mark(highest=9, closed=True)
