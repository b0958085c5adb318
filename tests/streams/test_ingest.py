"""Ingest's pure parts: signing, pacing, the book of accounts, offline grouping."""

import io

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fde_events.errors import InvalidEvent
from fde_events.event import ErrorEvent, EventBatch, PerformanceEvent, RateLimitEvent, SchemaDriftEvent
from fde_events.ledger import EpochMark
from fde_events.record import ReceivedBatch
from fde_events.topics import MAX_RECORD_BYTES
from fde_streams.book import Book, by_deployment, encode_account
from fde_streams.imported import imported
from fde_streams.ingest import SAMPLE_LENGTH, encode_signed, sample_of, sign
from fde_streams.offline import Entry, assignments
from fde_streams.pace import Pace

TIME = "2026-10-01T02:00:00+02:00"


def a_redis_error(text="max number of clients reached", **changes):
    return ErrorEvent(
        **{"time": TIME, "exception_type": "redis.exceptions.ConnectionError", "exception_message": text, **changes}
    )


def received(*events, customer="acme", deployment="customer-liar/sync"):
    return ReceivedBatch(customer, "e", 4, EventBatch(deployment=deployment, events=events))


def test_events_are_signed_by_block_and_keep_their_ids():
    limit = RateLimitEvent(time=TIME, vendor="stripe")
    batches = sign(received(a_redis_error(), limit, a_redis_error("NOAUTH Authentication required.")))
    assert {batch.block: [event.id for event in batch.events] for batch in batches} == {
        "error/redis": ["e/4/0", "e/4/2"],
        "rate_limit/stripe": ["e/4/1"],
    }


def test_the_customer_is_the_topics_whatever_the_deployments_name_says():
    (batch,) = sign(received(a_redis_error()))
    assert (batch.events[0].customer, batch.events[0].deployment) == ("acme", "customer-liar/sync")


def test_times_become_utc_with_milliseconds_so_that_they_sort_as_text():
    times = ["2026-10-01T02:00:00+02:00", "2026-10-01T00:00:00.5Z", "2026-10-01T00:00:01Z", "2026-10-01T00:00:02"]
    (batch,) = sign(received(*(a_redis_error(time=time) for time in times)))
    found = [event.time for event in batch.events]
    assert found == sorted(found)
    assert found[0] == "2026-10-01T00:00:00.000Z"


@pytest.mark.parametrize("time", ["yesterday", "", "0001-01-01T00:00:00+14:00"])
def test_a_time_that_is_none_is_refused_with_the_events_id(time):
    with pytest.raises(InvalidEvent, match="e/4/1"):
        sign(received(a_redis_error(), a_redis_error(time=time)))


def test_signing_again_gives_the_same():
    batch = received(a_redis_error(), a_redis_error("timed out"))
    assert sign(batch) == sign(batch)


def test_signed_batches_fit_a_record():
    huge = [a_redis_error(f"{'word ' * 700}{n}", exception_stacktrace="x" * 3_000) for n in range(140)]
    batches = sign(received(*huge))
    assert len(batches) > 1
    assert all(len(encode_signed(batch)) <= MAX_RECORD_BYTES for batch in batches)
    assert [event.id for batch in batches for event in batch.events] == [f"e/4/{n}" for n in range(140)]


@pytest.mark.parametrize(
    "event",
    [
        a_redis_error("x" * 9_000),
        RateLimitEvent(time=TIME, vendor="stripe", limit_class="burst", retry_after_s=2.0),
        PerformanceEvent(time=TIME, endpoint="/x", metric="latency", direction="up", baseline=1, observed=2, unit="ms"),
        SchemaDriftEvent(time=TIME, source="s", operation="o", field="total", change="type", before="number"),
    ],
)
def test_a_sample_is_short_and_says_something(event):
    assert 0 < len(sample_of(event)) <= SAMPLE_LENGTH


def test_ingest_holds_back_until_the_fold_has_caught_up():
    covered = {}
    pace = Pace(lambda: covered, limit=100)
    assert pace.has_room(500)  # larger than the limit, but nothing is ahead
    pace.sent(60)
    assert not pace.has_room(50)
    pace.landed(0, 7, 60)
    assert not pace.has_room(50)
    covered[0] = 6
    assert not pace.has_room(50)
    covered[0] = 7
    assert pace.has_room(50)


def test_what_was_not_delivered_takes_no_room():
    pace = Pace(dict, limit=100)
    pace.sent(90)
    pace.landed(0, -1, 90)
    assert pace.outstanding == 0


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 5)), max_size=30))
def test_the_book_survives_a_restart_at_any_point(seen):
    whole, handed = Book(), Book()
    for epoch, sequence in seen:
        for book in (whole, handed):
            book.receive("acme", f"d{epoch}", f"e{epoch}", sequence, 2)
        successor = Book()
        for record in handed.records():
            successor.restore(encode_account(record))
        handed = successor
    assert list(handed.records()) == list(whole.records())


def test_the_ledger_sums_by_deployment_and_says_what_it_cannot_prove():
    book = Book()
    for sequence in (0, 1, 1, 3):
        book.receive("acme", "ns/a", "e1", sequence, 5)
    book.receive("acme", "ns/a", "e2", 0, 5)
    book.receive("acme", "ns/b", "e3", 0, 5)
    fields = dict(customer="acme", deployment="ns/a", time=TIME, events=20)
    book.mark(EpochMark(epoch="e1", highest=4, closed=True, dropped={"spool-full": 7}, **fields))
    book.mark(EpochMark(epoch="e3", highest=0, closed=True, **{**fields, "deployment": "ns/b", "events": 5}))
    a, b = by_deployment(list(book.records()))
    assert (a.published, a.received, a.events, a.duplicates) == (6, 4, 20, 1)
    assert a.gaps == {"e1": ((2, 2), (4, 4))}
    assert (a.unproven, a.verdict, a.dropped) == (("e2",), "gaps", {"spool-full": 7})
    assert (b.verdict, b.published, b.received) == ("whole", 1, 1)


def test_two_customers_with_one_epoch_have_two_accounts():
    book = Book()
    book.receive("a", "d", "e", 0, 1)
    book.receive("b", "d", "e", 0, 1)
    assert [account.customer for account in by_deployment(list(book.records()))] == ["a", "b"]
    assert all(account.duplicates == 0 for account in by_deployment(list(book.records())))


def test_events_of_one_cause_fall_into_one_group_offline():
    events = [a_redis_error(), a_redis_error(service="other"), a_redis_error("NOAUTH Authentication required.")]
    found = list(assignments(Entry(index, event) for index, event in enumerate(events)))
    assert [entry.index for entry in found] == [0, 1, 2]
    assert found[0].cluster == found[1].cluster != found[2].cluster
    assert all(entry.signature for entry in found)


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (b'{"x":', "not JSON"),
        (b"[]", "JSON object"),
        (b'{"http.response.status_code": "many"}', "status_code"),
        (b'{"type": "gossip"}', "gossip"),
        (b"\xff", "not JSON"),
        (b"null", "NoneType"),
    ],
)
def test_a_bad_line_is_told_with_its_line_and_reason_and_the_next_one_is_read(line, why):
    good = msgspec.json.encode({"time": TIME, "body": "x", "exception.type": None, "app_root": "/srv"})
    first, bad, last = imported(io.BytesIO(b"\n".join([good, line, good])))
    assert isinstance(first.event, ErrorEvent) and first.event == last.event
    assert (bad.index, bad.line, bad.event) == (1, 2, None)
    assert why in bad.why


def accounts(book):
    return {account.deployment: account for account in by_deployment(list(book.records()))}


def a_mark(epoch="e", deployment="d", **changes):
    fields = {
        "customer": "acme",
        "deployment": deployment,
        "epoch": epoch,
        "highest": 2,
        "closed": True,
        "events": 6,
        "time": "t",
    }
    return EpochMark(**{**fields, **changes})


def test_an_epoch_of_two_deployments_or_two_customers_proves_nothing():
    book = Book()
    for sequence in range(3):
        book.receive("acme", "d", "e", sequence, 2)
    book.mark(a_mark())
    assert accounts(book)["d"].verdict == "whole"
    book.receive("other", "far", "e", 0, 1)
    assert (accounts(book)["d"].verdict, accounts(book)["d"].shared) == ("shared", ("e",))
    assert accounts(book)["far"].verdict == "shared"

    book = Book()
    book.receive("acme", "d", "e", 0, 2)
    book.receive("acme", "liar", "e", 1, 2)
    found = accounts(book)
    assert (list(found), found["d"].shared) == (["d"], ("e",))
    successor = Book()
    for record in book.records():
        successor.restore(encode_account(record))
    assert accounts(successor) == found


def test_a_closed_epoch_with_another_number_of_events_is_miscounted():
    book = Book()
    for sequence in range(3):
        book.receive("acme", "d", "e", sequence, 1)
    book.mark(a_mark(closed=False))
    assert accounts(book)["d"].verdict == "unproven"
    book.mark(a_mark())
    assert (accounts(book)["d"].verdict, accounts(book)["d"].published_events) == ("miscounted", 6)


def test_a_record_off_contract_is_buried_and_not_missing():
    book = Book()
    book.receive("acme", "d", "e", 0, 2)
    book.bury("acme", "d", "e", 1)
    book.bury("acme", "d", "e", 1)
    book.receive("acme", "d", "e", 2, 2)
    book.mark(a_mark())
    (found,) = accounts(book).values()
    assert (found.verdict, found.buried, found.duplicates, found.gaps) == ("whole", 1, 1, {})


def test_what_stayed_ours_over_a_rebalance_is_known_better_than_the_topic_says():
    ours, stale = Book(), Book()
    for sequence in range(5):
        ours.receive("acme", "d", "e", sequence, 2)
    stale.receive("acme", "d", "e", 0, 2)
    stale.receive("acme", "far", "other", 0, 1)
    read = Book()
    for record in stale.records():
        read.restore(encode_account(record))
    read.keep(ours, ["acme/e", "acme/unknown"])
    assert (accounts(read)["d"].received, accounts(read)["far"].received) == (5, 1)
    assert read.changed == {"acme/e"}
