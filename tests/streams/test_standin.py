"""Stand-ins change what a signature costs, never what it is; whether anything is remembered changes neither."""

import random
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fde_cli.bench import material
from fde_cli.bench.fresh import again
from fde_cli.bench.grouping.corpus import corpora
from fde_events.event import ErrorEvent
from fde_streams import signature, standin
from fde_streams.diagnosis import diagnosis_of
from fde_streams.signature import read, signature_of
from fde_streams.standin import plainest, text_of

TIME = "2026-10-01T00:00:00.000Z"


def forget():
    signature._memo.clear()
    signature._plainest.clear()
    standin._lines.clear()
    standin._words.clear()
    standin._known_line.cache_clear()
    standin._known_word.cache_clear()


def an_error(message, **fields):
    return ErrorEvent(time=TIME, exception_type="acme.SyncError", exception_message=message, **fields)


@pytest.fixture(scope="module")
def events():
    labelled = [one.event for _, corpus in sorted(corpora().items()) for one in corpus]
    shipped = [event for _, event in material.events(material.shipped())]
    return random.Random(1).sample(labelled, 400) + shipped[::20]


@pytest.mark.seconds
def test_what_is_read_with_stand_ins_is_what_is_read_of_the_text_as_printed(events):
    for event in events:
        found, told = read(event), diagnosis_of(event)
        assert (found.block, found.title, found.parts, found.masked) == (
            told.block,
            told.title,
            told.parts,
            told.masked,
        )


def test_the_same_failure_with_other_identifiers_has_mostly_the_same_text_and_always_its_own_signature(events):
    rng = random.Random(2)
    later = [again(event, rng) for event in events]
    assert sum(text_of(event.exception_stacktrace or "") != (event.exception_stacktrace or "") for event in later) > 20
    same = sum(
        plainest(event).exception_stacktrace == plainest(other).exception_stacktrace
        for event, other in zip(events, later, strict=True)
    )
    assert same > 0.9 * len(events)
    for event in later:
        told = diagnosis_of(event)
        assert (signature_of(event).block, signature_of(event).parts) == (told.block, told.parts)


def test_nothing_hangs_on_what_is_remembered(events):
    warm = [signature_of(event) for event in events]
    again_warm = [signature_of(event) for event in reversed(events)][::-1]
    cold = []
    for event in events[:60]:
        forget()
        cold.append(signature_of(event))
    assert warm == again_warm
    assert warm[:60] == cold


WORDS = st.sampled_from(
    "order 4711 48113 (1045, 'denied' code: 10483 ORA-00001 23505: 429 req_8f3aK2m9Qz1 2026-10-01T10:11:12.5Z 10:11:12 10.0.0.7:5432 "
    "wms6.acme.internal db.local https://a.b.example/x/9f8e7d6c5b4a 1.5 12.50 0x7f3a00ff11aa AADSTS50011 customfield_10185 "
    "0b855e88-3e6f-d9eb-1113-255578f7093d '27/10/2026' E_4711 error".split()
)
TEXTS = st.lists(st.one_of(WORDS, st.text(max_size=12)), max_size=12).map(" ".join)


@given(TEXTS)
def test_stand_ins_are_their_own_stand_ins(text):
    once = text_of(text)
    assert text_of(once) == once


@given(TEXTS)
def test_a_text_has_the_same_stand_ins_whatever_came_before(text):
    warm = text_of(text)
    forget()
    assert text_of(text) == warm


@given(TEXTS)
def test_a_signature_is_the_same_with_and_without_what_is_remembered(text):
    event = an_error(text)
    signature_of(event)
    warm = signature_of(event)
    forget()
    assert signature_of(event) == warm == signature._signed(read(event))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("(1045, 'Access denied for user')", "(1049, 'Access denied for user')"),
        ("failed with code: 10483", "failed with code: 10484"),
        ("ORA-00001: unique constraint violated", "ORA-00054: unique constraint violated"),
        ("AADSTS50011: the reply address does not match", "AADSTS50034: the reply address does not match"),
        ("401 Client Error: Unauthorized", "403 Client Error: Unauthorized"),
        ("HTTP 429", "HTTP 503"),
    ],
)
def test_what_tells_failures_apart_stays(one, other):
    assert text_of(one) == one
    assert text_of(one) != text_of(other)


def test_a_number_that_takes_part_is_read_as_it_was_printed():
    rows = [
        ErrorEvent(time=TIME, exception_type="IndexError", exception_message="row out of range", body=f"{n} in job")
        for n in (48113, 59224)
    ]
    told = [diagnosis_of(row).parts for row in rows]
    assert told[0] != told[1]
    assert [signature_of(row).parts for row in rows] == told


def test_a_long_text_is_left_as_it_is():
    text = "id 48113 " * 10_000
    assert text_of(text) is text


@pytest.mark.seconds
def test_a_known_failure_with_fresh_identifiers_costs_microseconds(events):
    rng = random.Random(3)
    for _ in range(4):
        for event in events:
            signature_of(again(event, rng))
    costs = []
    for _ in range(5):
        later = [again(event, rng) for event in events]
        started = time.process_time()
        for event in later:
            signature_of(event)
        costs.append((time.process_time() - started) / len(later))
    print(f"{min(costs) * 1e6:.1f} us an event")
    assert min(costs) < 250e-6


def test_a_hash_of_redaction_is_one_whether_it_has_letters_or_not():
    assert text_of("user <email:12345678> gone") == text_of("user <email:3fa9c2d1> gone")
