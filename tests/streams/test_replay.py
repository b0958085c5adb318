import pytest
from hypothesis import given
from hypothesis import strategies as st

from fde_events.errors import Refused
from fde_events.ledger import Ranges
from fde_streams.replay import Replayed, read, told

places = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 40)), max_size=60)


@given(places, places)
def test_what_was_given_back_is_known_and_nothing_else_in_any_order(given_back, asked):
    known = Replayed()
    for place in given_back:
        known.add(place)
    for place in asked:
        assert (place in known) is (place in given_back)


@given(places)
def test_what_is_remembered_is_read_back(given_back):
    known, again = Replayed(), Replayed()
    for place in given_back:
        known.add(place)
    for partition, base in known.base.items():
        again.above[partition] = read(told(known.above.get(partition, Ranges())))
        again.base[partition] = base
    assert {p for p in ((a, b) for a in range(3) for b in range(41)) if p in known} == {
        p for p in ((a, b) for a in range(3) for b in range(41)) if p in again
    }


@pytest.mark.parametrize("text", [None, "", "x", "1-", "-", "3-2-1 x", "\x00"])
def test_metadata_of_somebody_else_is_no_memory(text):
    assert read(text).spans in ([], [(1, 1)])


def test_more_than_can_be_remembered_is_told():
    with pytest.raises(Refused, match="without"):
        told(Ranges([(number, number) for number in range(0, 4000, 2)]))
