"""Input that is broken, endless or odd: bounded in time and memory, counted, and the rest unharmed."""

import io
import json
import time
import tracemalloc

import msgspec
import pytest

from fde_events.event import ErrorEvent, EventBatch, RateLimitEvent, SchemaDriftEvent
from fde_events.record import ReceivedBatch
from fde_sidecar.frame import MAX_RECORD_BYTES, MAX_WRITERS, Framer
from fde_sidecar.parse import parse_lines, parse_stream, parse_text
from fde_streams.chain import parse_chain
from fde_streams.imported import imported
from fde_streams.ingest import encode_signed, sign
from fde_streams.offline import Entry, assignments
from fde_streams.signature import signature_of
from fde_streams.withhold import withheld

GOOD = (
    "2026-10-10 06:00:51,433 ERROR [jobs] load failed: redis.exceptions.ConnectionError: max number of clients reached"
)
HEAD = 'Traceback (most recent call last):\n  File "/srv/app/jobs.py", line 7, in load\n    client.get("k")\n'
FRAME = '  File "/opt/venv/lib/python3.11/site-packages/redis/client.py", line 9, in get\n    return self.execute()\n'
LAST = "redis.exceptions.ConnectionError: max number of clients reached"
HUGE = HEAD + FRAME * 90_000 + LAST  # 10 MB
FLAT = {"time": "2026-10-10T06:00:51Z", "exception.type": "redis.exceptions.ConnectionError", "exception.message": "max number of clients reached"}  # fmt: skip


def timed(work):
    """What `work` gives and its CPU seconds."""
    start = time.process_time()
    found = work()
    return found, time.process_time() - start


def weighed(work):
    """What `work` gives and the most memory it held, in MiB."""
    tracemalloc.start()
    found = work()
    peak = tracemalloc.get_traced_memory()[1] / 2**20
    tracemalloc.stop()
    return found, peak


@pytest.mark.seconds
def test_a_stack_of_10_mb_in_a_log_is_one_bounded_event_between_two_others():
    text = f"{GOOD}\n2026-10-10 06:00:51,433 ERROR [jobs] it broke\n{HUGE}\n{GOOD}\n"
    framer = Framer()
    found, peak = weighed(lambda: list(parse_stream(io.BytesIO(text.encode()), framer=framer)))
    assert [one.event.body for one in found][1] == "it broke"
    assert len(found) == 3
    assert len(found[1].event.exception_stacktrace or "") < MAX_RECORD_BYTES
    assert framer.cut > 9_000_000
    assert peak < 32
    assert found[2].line_start == text.count("\n")


@pytest.mark.parametrize(
    "event",
    [
        {**FLAT, "exception.stacktrace": HUGE},
        {**FLAT, "exception.message": "x" * 10_000_000, "exception.stacktrace": HUGE},
        {"event_id": "1", "platform": "python", "exception": {"values": [{"type": "ConnectionError", "module": "redis.exceptions", "value": "max number of clients reached", "stacktrace": {"frames": [{"abs_path": "/opt/venv/lib/python3.11/site-packages/redis/client.py", "function": "get", "lineno": 9, "in_app": False}] * 30_000}}]}},
        {"resourceLogs": [{"scopeLogs": [{"logRecords": [{"severityNumber": 17, "attributes": [{"key": "exception.stacktrace", "value": {"stringValue": HUGE}}]}]}]}]},
    ],
    ids=["flat", "flat message", "sentry", "otel"],
)  # fmt: skip
def test_a_stack_of_10_mb_in_an_import_is_bounded_and_signs_as_the_short_one(event):
    data = json.dumps(event).encode() + b"\n"
    (one, again), spent = timed(lambda: list(imported(io.BytesIO(data + data))))
    assert isinstance(one.event, ErrorEvent) and one.event == again.event
    assert len(one.event.exception_stacktrace or "") < 70_000
    assert spent < 20
    short = ErrorEvent(time="", exception_type="redis.exceptions.ConnectionError", exception_message="max number of clients reached", exception_stacktrace=HEAD + FRAME + LAST)  # fmt: skip
    assert signature_of(one.event).digest == signature_of(short).digest


@pytest.mark.parametrize(
    "text",
    [
        "Error: " + "x" * 5_000_000,
        "\n".join(f"Caused by: com.acme.E{number}: no\n\tat com.acme.A.b(A.java:1)" for number in range(10_000)),
        "Error: a\n    at f (/srv/a.js:1:2) {\n" + "  [cause]: Error: b\n" * 20_000,
        HEAD + "\n\nDuring handling of the above exception, another exception occurred:\n\n".join([f"{HEAD}KeyError: 'a'"] * 2_000),
        "Traceback (most recent call last):\n" + "  | " * 100_000,
        "Error: a\n    at " + "(" * 300_000,
        "Error: a\n" + "    at " + "a/" * 200_000 + "b.c(A.java:1)",
        "\n" * 100_000 + "KeyError: 'a'",
        "[" * 200_000 + "Error: x" + "]" * 200_000,
    ],
    ids=["one line", "causes of java", "causes of node", "chained", "bars", "brackets", "slashes", "blank lines", "nested"],
)  # fmt: skip
def test_no_text_costs_more_than_its_length(text):
    _, spent = timed(lambda: parse_text(f"2026-10-10 06:00:51,433 ERROR [jobs] it broke\n{text}"))
    assert spent < 5
    _, spent = timed(lambda: signature_of(ErrorEvent(time="", exception_stacktrace=text)))
    assert spent < 5
    _, spent = timed(lambda: parse_chain(text[:65_536]))
    assert spent < 2


def test_binary_in_a_line_is_replaced_and_harms_no_other_line():
    noise = bytes(range(256)).replace(b"\n", b"") * 40
    data = f"{GOOD}\n".encode() + noise + b"\n2026-10-10 06:00:51,433 ERROR [jobs] caf\xe9 \x00\x01 closed\n" + f"{GOOD}\n".encode()  # fmt: skip
    framer = Framer()
    found = list(parse_stream(io.BytesIO(data), framer=framer))
    assert [one.line_start for one in found] == [1, 3, 4]
    assert found[1].event.body == "caf\ufffd \x00\x01 closed"
    assert framer.undecodable > 100
    for one in found:
        json.dumps(signature_of(one.event).title).encode()


def test_a_nul_filled_gap_as_a_crash_leaves_it_is_one_line_that_is_let_go():
    data = f"{GOOD}\n".encode() + b"\x00" * 3_000_000 + f"\n{GOOD}\n".encode()
    found, peak = weighed(lambda: list(parse_stream(io.BytesIO(data))))
    assert [one.line_start for one in found] == [1, 3]
    assert peak < 16


@pytest.mark.parametrize("message", ["", " ", "\n", "\t\r\n"])
def test_an_empty_message_has_a_signature_and_is_no_guess(message):
    for event in (
        ErrorEvent(time=""),
        ErrorEvent(time="", body=message),
        ErrorEvent(time="", exception_type="ValueError", exception_message=message),
        ErrorEvent(time="", exception_type="", exception_message=message, exception_stacktrace=message),
    ):
        assert signature_of(event).digest
    empty = signature_of(ErrorEvent(time="", body=message, scope="a.jobs"))
    assert empty.digest != signature_of(ErrorEvent(time="", body=message, scope="b.jobs")).digest
    events = parse_text(f"2026-10-10 06:00:51,433 ERROR [jobs] {message}\n{GOOD}")
    assert events[-1].exception_type == "redis.exceptions.ConnectionError"


@pytest.mark.parametrize("lines", range(1, 7))
def test_a_traceback_cut_at_its_end_is_one_event_and_the_next_record_is_whole(lines):
    cut = "\n".join((HEAD + FRAME + LAST).split("\n")[:lines])
    whole, *rest = parse_text(f"2026-10-10 06:00:51,433 ERROR [jobs] it broke\n{cut}\n{GOOD}\n{GOOD}")
    assert whole.body == "it broke"
    assert [event.exception_type for event in rest] == ["redis.exceptions.ConnectionError"] * 2
    (halves) = parse_text(cut + "\n" + HEAD + FRAME + LAST)
    assert halves[-1].exception_type == "redis.exceptions.ConnectionError"


@pytest.mark.parametrize("gone", range(1, 6))
def test_a_traceback_whose_head_is_gone_keeps_its_exception(gone):
    cut = "\n".join((HEAD + FRAME + LAST).split("\n")[gone:])
    event = parse_text(f"{cut}\n{GOOD}")[0]
    assert (event.exception_type, event.exception_message) == tuple(LAST.split(": "))


def test_a_clock_that_is_years_off_changes_no_signature_and_stops_nothing():
    lines = [GOOD, GOOD.replace("2026-", "2027-"), GOOD.replace("2026-10-10", "1970-01-01"), GOOD.replace("2026-10-10", "9999-99-99"), GOOD]  # fmt: skip
    events = parse_text("\n".join(lines))
    assert len(events) == 5
    assert len({signature_of(event).digest for event in events}) == 1
    for stamp in (0, -1, 1e30, 2**63, "never", None, [], "1791612051433000000000000"):
        for record in ({"event_id": "1", "message": "x", "timestamp": stamp}, {"severityNumber": 17, "timeUnixNano": stamp, "body": {"stringValue": "x"}}):  # fmt: skip
            (one,) = imported(io.BytesIO(json.dumps(record).encode()))
            assert isinstance(one.event, ErrorEvent)


def test_writers_without_end_keep_a_bounded_number_of_records_open():
    framer = Framer()
    records = []
    for number in range(5_000):
        records += framer.feed(f"worker_{number}  | ERROR jobs: it broke {number}\n".encode())
    assert len(framer._open) <= MAX_WRITERS
    assert len(records) + len(framer.flush()) == 5_000


def test_a_writer_that_fell_silent_does_not_hold_the_checkpoint_back_for_ever():
    framer = Framer()
    framer.feed(b"web_1  | ERROR jobs: it broke\n")
    for number in range(2_000):
        framer.feed(f"worker_2  | ERROR jobs: again {number}\n".encode())
    assert framer.safe_line > 1_000


def test_reading_on_from_any_records_end_loses_nothing_where_writers_interleave():
    forms = [["ERROR jobs: it broke", *(HEAD + FRAME + LAST).split("\n")] for _ in range(3)]
    lines = [f"web_{writer}  | {line}" for together in zip(*forms, strict=True) for writer, line in enumerate(together)]
    data = "\n".join(lines * 3).encode() + b"\n"
    framer = Framer()
    records = framer.feed(data) + framer.flush()
    for number, record in enumerate(records):
        again = Framer(offset=record.end, line=record.line_next)
        rest = {one.text + str(one.start) for one in again.feed(data[record.end :]) + again.flush()}
        assert {one.text + str(one.start) for one in records[number + 1 :]} <= rest


@pytest.mark.seconds
def test_a_million_distinct_lines_of_one_tenant_are_read_as_a_stream():
    """Here a thousand: the events are never held, what grows is one entry a signature."""

    def lines():
        for number in range(1_000):
            yield f"2026-10-10 06:00:51,433 ERROR [jobs] ValueError: no column col_{number}_{number * 7919 % 1009} in sheet"

    def work():
        entries = (Entry(index, one.event) for index, one in enumerate(parse_lines(lines())))
        return sum(1 for _ in assignments(entries))

    count, peak = weighed(work)
    assert count == 1_000
    assert peak < 40


DEEP = (
    '{"a":' * 1_500,
    '{"error":' + "[" * 3_000 + "]" * 3_000 + "}",
    '[{"code":"invalid_type","path":' + "[" * 1_400 + "]" * 1_400 + "}]",
    '{"message":"x failed","err":' + '{"cause":' * 1_200 + "1" + "}" * 1_201,
)


@pytest.mark.parametrize("text", DEEP, ids=range(len(DEEP)))
def test_what_is_nested_without_end_has_a_signature_like_any_other_text(text):
    for fields in ({"body": text}, {"exception_type": "ZodError", "exception_message": text}):
        assert signature_of(ErrorEvent(time="2026-10-10T06:00:51Z", **fields)).digest


@pytest.mark.parametrize("text", DEEP, ids=range(len(DEEP)))
def test_an_import_names_what_is_nested_without_end_and_reads_on(text):
    lines = "\n".join((json.dumps(FLAT), text, json.dumps(FLAT)))
    for order in (lines, text + "\n" + lines):
        found = list(imported(io.BytesIO(order.encode())))
        assert sum(record.event is not None for record in found) == 2
        assert any(record.why for record in found)


ENDLESS = "ab1c_" * 60_000


@pytest.mark.parametrize(
    "event",
    [
        RateLimitEvent(time="2026-10-10T06:00:51Z", vendor=ENDLESS, limit_class=ENDLESS),
        SchemaDriftEvent(time="2026-10-10T06:00:51Z", source=ENDLESS, operation="o", field=ENDLESS, change="type"),
        ErrorEvent(time="2026-10-10T06:00:51Z", exception_type="stripe.error.StripeError", exception_message=ENDLESS),
    ],
    ids=lambda event: type(event).__name__,
)
def test_names_without_end_make_a_record_that_a_topic_takes_and_stay_apart(event):
    received = ReceivedBatch("northgate", "e", 0, EventBatch(deployment="a/b", events=(event,)))
    (batch,) = sign(received)
    assert len(batch.block) < 128
    assert len(encode_signed(batch)) < 32_000
    if isinstance(event, SchemaDriftEvent):
        other = msgspec.structs.replace(event, field=f"{ENDLESS}x")
        assert signature_of(other).digest != signature_of(event).digest


def test_a_long_sentence_has_one_signature_in_both_modes():
    event = ErrorEvent(time="", exception_type="stripe.error.StripeError", exception_message=ENDLESS[:20_000])
    assert signature_of(withheld(event)).digest == signature_of(event).digest
