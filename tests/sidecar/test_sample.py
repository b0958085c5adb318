"""Sampling: a storm collapses whatever ids its lines hold, and what is only counted need not be redacted first."""

from __future__ import annotations

import uuid

import msgspec

from fde_events.event import ErrorEvent
from fde_sidecar.redact import Redactor
from fde_sidecar.sample import Sampler, shape_of

REDACTOR = Redactor(b"0123456789abcdef0123456789abcdef")


def an_event(number: int, words: str = "order failed request={id} node=web-7f9b{n} by {mail}") -> ErrorEvent:
    text = words.format(
        id=uuid.UUID(int=(number * 7919 + 2**100 * number) % 2**128), n=number, mail=f"u{number}@corp.example"
    )
    return ErrorEvent(
        time=f"2026-10-10T00:00:{number % 60:02d}.000Z", severity="ERROR", body=text, exception_type="KeyError"
    )


def test_fresh_ids_do_not_make_new_shapes() -> None:
    assert len({shape_of(REDACTOR.event(an_event(number))) for number in range(200)}) == 1


def test_ids_of_other_lengths_in_a_long_line_do_not_make_new_shapes() -> None:
    words = "order failed " + " ".join(f"item_{n}={{n}}" for n in range(80)) + " in the end"
    assert len({shape_of(an_event(10**number, words)) for number in range(12)}) == 1


def test_other_words_are_another_shape() -> None:
    assert shape_of(an_event(1)) != shape_of(an_event(1, "payment failed request={id}"))


def test_counting_before_redaction_counts_the_same_as_after() -> None:
    early, late = Sampler(5), Sampler(5)
    redactions = 0
    for number in range(100):
        raw = an_event(number)
        if early.count(raw) is None:
            redactions += 1
            early.take(REDACTOR.event(raw), raw)
        late.take(REDACTOR.event(raw))
    (shape, one), (other, two) = *early.due(), *late.due()
    assert shape == other
    assert one.count == two.count == 95
    assert one.time == two.time
    assert redactions == 6  # five in full, and the sample


def test_what_leaves_of_a_counted_shape_is_redacted() -> None:
    sampler = Sampler(1)
    for number in range(20):
        raw = an_event(number)
        if sampler.count(raw) is None:
            sampler.take(REDACTOR.event(raw), raw)
    ((_, event),) = sampler.due()
    assert b"corp.example" not in msgspec.json.encode(event)


def test_after_its_count_left_a_shape_is_redacted_once_more_for_the_next_sample() -> None:
    sampler = Sampler(1)
    for number in range(5):
        raw = an_event(number)
        if sampler.count(raw) is None:
            sampler.take(REDACTOR.event(raw), raw)
    list(sampler.due())
    assert sampler.count(an_event(9)) is None
