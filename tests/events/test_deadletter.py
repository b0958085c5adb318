import pytest
from hypothesis import given
from hypothesis import strategies as st

from fde_events.deadletter import burial, letter_of, topic_of
from fde_events.errors import InvalidEvent

HEADERS = [("fde_epoch", b"e"), ("fde_sequence", b"7"), ("ce_subject", b"ns/orders"), ("odd", b"\xff"), ("none", None)]
raw_headers = st.lists(st.tuples(st.text(max_size=20), st.none() | st.binary(max_size=20)), max_size=5)


def buried(headers=HEADERS, *, topic="fde.acme.telemetry", why="off contract", key=b"k", value=b"v"):
    return letter_of(burial(topic, 2, 41, headers, why, key=key), value, buried_ms=5, place=(0, 9))


def test_a_letter_is_the_record_and_where_it_came_from_and_why():
    letter = buried()
    assert (letter.topic, letter.partition, letter.offset, letter.reason) == (
        "fde.acme.telemetry",
        2,
        41,
        "off contract",
    )
    assert (letter.key, letter.value, letter.size, letter.attempt) == (b"k", b"v", 1, 1)
    assert list(letter.headers) == HEADERS
    assert letter.coordinate == "fde.acme.telemetry/2/41" and letter.place == (0, 9)


def test_a_record_that_is_buried_again_says_how_often():
    letter = buried()
    for attempt in (2, 3):
        letter = buried(letter.again())
        assert letter.attempt == attempt
        assert list(letter.headers) == HEADERS


def test_a_letter_that_keeps_no_key_goes_back_under_its_subject():
    assert buried(key=None).key == b"ns/orders"
    assert buried([], key=None).key is None


@pytest.mark.parametrize("forged", [b"-3", b"x", b"", b"99999999999999999999", None, "٣".encode()])
def test_a_count_that_a_customer_made_up_is_none(forged):
    assert buried([("fde_dead_attempt", forged)]).attempt == 1


def test_what_nobody_of_ours_buried_is_told():
    for headers in (None, [], HEADERS, [("fde_dead_topic", b"t"), ("fde_dead_reason", b"r")]):
        with pytest.raises(InvalidEvent, match="came from"):
            letter_of(headers, b"", buried_ms=0, place=(0, 0))


def test_what_the_engine_wrote_is_not_given_back():
    assert buried(topic="fde-engine.challenges").obstacle
    assert buried(topic="fde.acme.solutions").obstacle is None


@given(raw_headers, st.text(max_size=700), st.none() | st.binary(max_size=20))
def test_every_burial_is_read_back_with_its_own_headers(headers, why, key):
    own = [(name, value) for name, value in headers if not name.startswith("fde_dead_")]
    letter = buried(headers, why=why, key=key)
    assert list(letter.headers) == own and letter.reason == why[:500]
    assert letter.key == (key if key is not None else dict(own).get("ce_subject"))
    assert topic_of(burial("fde.a.telemetry", 0, 0, headers, why)) == "fde.a.telemetry"
