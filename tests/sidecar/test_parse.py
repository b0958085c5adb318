"""Reading what applications print: layouts, tracebacks, stacks, JSON, and where each event stands."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fde_sidecar.frame import MAX_RECORD_BYTES, Framer
from fde_sidecar.header import ERROR, WARN, read_header
from fde_sidecar.parse import parse_lines, parse_text

DATA = Path(__file__).parent / "data"
EXPECTED = [json.loads(line) for line in (DATA / "expected.jsonl").read_text("utf-8").splitlines()]
TRACEBACK = """Traceback (most recent call last):
  File "/srv/app/sync.py", line 7, in pull
    return session.get(url)
           ^^^^^^^^^^^^^^^^
ConnectionError: upstream went away"""


@pytest.mark.parametrize("name", sorted({row["log"] for row in EXPECTED}))
def test_every_labelled_error_of_a_layout_is_found_on_its_line_and_nothing_else_is(name: str) -> None:
    lines = (DATA / f"{name}.log").read_bytes().split(b"\n")
    wanted = [row for row in EXPECTED if row["log"] == name]
    found = list(parse_lines(lines, default_time="2026-10-21T05:00:00Z"))

    for row in wanted:  # a blank line at a record's end is no part of it
        while not lines[row["line_end"] - 1].strip():
            row["line_end"] -= 1
    assert [(one.line_start, one.line_end) for one in found] == [(row["line_start"], row["line_end"]) for row in wanted]
    for one, row in zip(found, wanted, strict=True):
        assert one.event.scope == row["scope"]
        assert (one.event.exception_stacktrace is not None) == row["stack"]
        assert one.event.time[11:19] == row["time"][11:19]
        assert one.event.severity == ("ERROR" if row["role"] == "error" else "WARN")
        if row["type"] and one.event.exception_type not in (
            "Error",
            "error",
        ):  # Node prints the constructor's name at times
            assert one.event.exception_type == row["type"]


@pytest.mark.parametrize(
    ("line", "level", "scope", "message"),
    [
        ("2026-10-10 06:00:51,433 ERROR [app.jobs] it broke", ERROR, "app.jobs", "it broke"),
        ("[2026-10-12T06:00:13+00:00] ERROR    app.jobs:115 - it broke", ERROR, "app.jobs", "it broke"),
        ("E1014 06:06:44.071905 1270 app.jobs] it broke", ERROR, "app.jobs", "it broke"),
        ("ERROR:app.jobs:it broke", ERROR, "app.jobs", "it broke"),
        ("WARNING:root:it broke", WARN, "root", "it broke"),
        ("2026-10-10 06:00:51,433 - app.jobs - ERROR - it broke", ERROR, "app.jobs", "it broke"),
        ("2026-10-10 06:00:51.433 | ERROR    | app.jobs:run:12 - it broke", ERROR, "app.jobs", "it broke"),
        ("[2026-10-10 06:00:51 +0000] [123] [ERROR] it broke", ERROR, None, "it broke"),
        ("[2026-10-10 06:00:51,433: ERROR/ForkPoolWorker-1] it broke", ERROR, None, "it broke"),
        ("[2026-10-10 06:00:51,433] ERROR in jobs: it broke", ERROR, "jobs", "it broke"),
        ("2026-10-10 06:00:51,433 [main] ERROR com.acme.Jobs - it broke", ERROR, "com.acme.Jobs", "it broke"),
        ("2026-10-10T06:00:51.433Z ERROR 1 --- [main] c.a.Jobs : it broke", ERROR, "c.a.Jobs", "it broke"),
        ("2026-10-10T06:00:51.433Z error: it broke", ERROR, None, "it broke"),
        ("[ingest:jobs] 06:04:57 error it broke", ERROR, "ingest:jobs", "it broke"),
        ("2026-10-22T06:00:22.561Z ERROR ingest:jobs: it broke", ERROR, "ingest:jobs", "it broke"),
        ("[06:00:51.433] ERROR (jobs/123): it broke", ERROR, "jobs", "it broke"),
        ("Oct 10 06:00:51 host7 jobs[123]: ERROR it broke", ERROR, "host7", "it broke"),
    ],
)
def test_a_header_says_level_logger_and_message_in_every_layout(
    line: str, level: int, scope: str | None, message: str
) -> None:
    header = read_header(line)
    assert header is not None and (header.level, header.message) == (level, message)
    assert header.scope == scope


@pytest.mark.parametrize(
    "line", ["  indented", "no header here", "error while running the job", "KeyError: 'region_code'", "", "}"]
)
def test_plain_text_is_no_strong_header(line: str) -> None:
    header = read_header(line)
    assert header is None or not header.strong


def test_a_bare_traceback_is_an_event_without_a_header() -> None:
    (event,) = parse_text(TRACEBACK, default_time="2026-10-10T08:00:00Z")
    assert event.exception_type == "ConnectionError"
    assert event.exception_message == "upstream went away"
    assert event.exception_stacktrace == TRACEBACK
    assert event.time == "2026-10-10T08:00:00.000Z"


def test_two_tracebacks_in_a_row_are_two_events_and_a_chained_one_is_one() -> None:
    chained = f"{TRACEBACK}\n\nThe above exception was the direct cause of the following exception:\n\n" + (
        TRACEBACK.replace("ConnectionError: upstream went away", "app.errors.StepFailed: pull")
    )
    assert [event.exception_type for event in parse_text(f"{TRACEBACK}\n{TRACEBACK}")] == ["ConnectionError"] * 2
    (event,) = parse_text(chained)
    assert (event.exception_type, event.exception_message) == ("app.errors.StepFailed", "pull")


def test_a_traceback_after_an_info_line_belongs_to_itself_and_after_an_error_line_to_that_line() -> None:
    after_info = list(parse_lines(f"2026-10-10 06:00:51,433 INFO [a] fine\n{TRACEBACK}".split("\n")))
    after_error = list(parse_lines(f"2026-10-10 06:00:51,433 ERROR [a] not fine\n{TRACEBACK}".split("\n")))
    assert [one.line_start for one in after_info] == [2]
    assert [(one.line_start, one.event.body) for one in after_error] == [(1, "not fine")]


def test_an_exception_group_names_the_group_and_keeps_its_members_in_the_stack() -> None:
    text = """2026-10-10 06:00:51,433 ERROR [jobs] fan-out failed
  + Exception Group Traceback (most recent call last):
  |   File "/srv/app/fan.py", line 3, in run
  |     async with TaskGroup() as group:
  | ExceptionGroup: unhandled errors in a TaskGroup (2 sub-exceptions)
  +-+---------------- 1 ----------------
    | Traceback (most recent call last):
    |   File "/srv/app/fan.py", line 9, in one
    |     raise ValueError("left")
    | ValueError: left
    +---------------- 2 ----------------
    | Traceback (most recent call last):
    |   File "/srv/app/fan.py", line 12, in two
    |     raise KeyError("right")
    | KeyError: 'right'
    +------------------------------------
"""
    (event,) = parse_text(text)
    assert event.exception_type == "ExceptionGroup"
    assert event.exception_message == "unhandled errors in a TaskGroup (2 sub-exceptions)"
    assert "ValueError: left" in (event.exception_stacktrace or "")


def test_a_node_error_with_a_cause_and_an_aggregate_is_one_event() -> None:
    text = """AggregateError: all mirrors failed
    at pull (file:///app/lib/jobs.mjs:10:11)
    at process.processTicksAndRejections (node:internal/process/task_queues:95:5) {
  [errors]: [
    Error: connect ECONNREFUSED 10.1.2.3:443
        at TCPConnectWrap.afterConnect [as oncomplete] (node:net:1611:16) {
      code: 'ECONNREFUSED'
    }
  ],
  [cause]: TypeError: fetch failed
      at node:internal/deps/undici/undici:12345:11
}
done"""
    (event,) = parse_text(text)
    assert (event.exception_type, event.exception_message) == ("AggregateError", "all mirrors failed")
    assert "[cause]: TypeError: fetch failed" in (event.exception_stacktrace or "")
    assert "done" not in (event.exception_stacktrace or "")


def test_javas_caused_by_stays_with_its_exception() -> None:
    text = """2026-10-10 06:00:51,433 ERROR [jobs] cannot write
java.lang.IllegalStateException: cannot write
\tat com.acme.Jobs.run(Jobs.java:12)
Caused by: java.sql.SQLException: deadlock detected
\tat org.postgresql.Driver.run(Driver.java:1)
\t... 3 more
2026-10-10 06:00:52,433 INFO [jobs] next"""
    (event,) = parse_text(text)
    assert event.exception_type == "java.lang.IllegalStateException"
    assert "deadlock detected" in (event.exception_stacktrace or "")


@pytest.mark.parametrize(
    "line",
    [
        {"event": "broke", "level": "error", "timestamp": "2026-10-10T06:00:51.433Z", "exception": TRACEBACK},
        {"level": 50, "time": 1791612051433, "msg": "broke", "err": {"type": "ConnectionError", "message": "upstream went away", "stack": TRACEBACK}},
        {"level": 50, "name": "sync", "time": "2026-10-10T06:00:51.433Z", "msg": "broke", "err": {"name": "ConnectionError", "message": "upstream went away", "stack": TRACEBACK}},
        {"timestamp": 1791612051433000000, "severity_text": "ERROR", "body": "broke", "attributes": {"exception.type": "ConnectionError", "exception.message": "upstream went away", "exception.stacktrace": TRACEBACK}},
        {"asctime": "2026-10-10 06:00:51,433", "levelname": "ERROR", "name": "jobs", "message": "broke", "exc_info": TRACEBACK},
        {"@timestamp": "2026-10-10T06:00:51.433Z", "log.level": "ERROR", "message": "broke", "error": {"type": "ConnectionError", "message": "upstream went away", "stack_trace": TRACEBACK}},
        {"ts": 1791612051.433, "level": "error", "msg": "broke", "stacktrace": TRACEBACK},
    ],
    ids=["structlog", "pino", "bunyan", "otel", "python-json-logger", "ecs", "zap"],
)  # fmt: skip
def test_json_of_every_writer_gives_the_same_event(line: dict[str, object]) -> None:
    (event,) = parse_text(json.dumps(line))
    assert event.time == "2026-10-10T06:00:51.433Z"
    assert (event.severity, event.body) == ("ERROR", "broke")
    assert (event.exception_type, event.exception_message) == ("ConnectionError", "upstream went away")
    assert event.exception_stacktrace == TRACEBACK


def test_structlogs_dictionary_tracebacks_become_text_again() -> None:
    frames = [{"filename": "/srv/app/sync.py", "lineno": 7, "name": "pull"}]
    line = {
        "event": "broke",
        "level": "error",
        "exception": [
            {"exc_type": "StepFailed", "exc_value": "outer", "frames": frames},
            {"exc_type": "KeyError", "exc_value": "'a'", "frames": frames},
        ],
    }
    (event,) = parse_text(json.dumps(line))
    assert (event.exception_type, event.exception_message) == ("StepFailed", "outer")
    assert (event.exception_stacktrace or "").index("KeyError") < (event.exception_stacktrace or "").index("StepFailed")


def test_logfmt_is_read_like_json() -> None:
    (event,) = parse_text('time=2026-10-10T06:00:51Z level=error logger=jobs msg="it \\"broke\\"" status_code=503')
    assert (event.body, event.scope, event.http_status) == ('it "broke"', "jobs", 503)


@pytest.mark.parametrize(
    ("message", "is_event"),
    [
        ("attempt 1 failed, will retry: socket hang up", True),
        ("giving up: connection refused", True),
        ("slow response from upstream: 550 ms", False),
        ("retrying after transient connection error (attempt 2 succeeded)", False),
        ("job finished: 10 processed, 0 failed", False),
        ("queue depth 346 above soft limit", False),
    ],
)
def test_a_warning_is_an_event_only_when_it_tells_of_a_failure_and_keeps_its_severity(
    message: str, is_event: bool
) -> None:
    events = parse_text(f"2026-10-10 06:00:51,433 WARNING [jobs] {message}")
    assert [event.severity for event in events] == (["WARN"] if is_event else [])


def test_plain_facts_are_taken_from_the_words_and_documentation_is_no_server() -> None:
    text = (
        "ERROR:jobs:requests.exceptions.HTTPError: 403 Client Error: Forbidden for url: "
        "https://api.vendor.example/v2/things?page=3 see https://developer.mozilla.org/en-US/docs/Web/HTTP/Status/403"
    )
    (event,) = parse_text(text)
    assert (event.http_status, event.server_address, event.url_path) == (403, "api.vendor.example", "/v2/things")
    (event,) = parse_text("ERROR:jobs:Error: For more see https://docs.python.org/3/library/ssl.html")
    assert event.server_address is None


def test_clock_times_without_a_date_take_the_day_and_pass_midnight() -> None:
    text = "[a] 23:59:58 error one failed\n[a] 00:00:03 error two failed"
    first, second = parse_text(text, default_time="2026-10-20T12:00:00Z")
    assert (first.time, second.time) == ("2026-10-20T23:59:58.000Z", "2026-10-21T00:00:03.000Z")


def test_bytes_that_are_no_utf8_are_replaced_and_counted_and_stop_nothing() -> None:
    framer = Framer()
    records = framer.feed(b"ERROR:a:caf\xe9 closed\nERROR:a:next\n") + framer.flush()
    assert [record.text for record in records] == ["ERROR:a:caf� closed", "ERROR:a:next"]
    assert framer.undecodable == 1


def test_a_record_without_end_is_capped_and_the_rest_counted() -> None:
    framer = Framer()
    records = framer.feed(b"ERROR:a:" + b"x" * (3 * MAX_RECORD_BYTES) + b"\nERROR:a:next\n") + framer.flush()
    assert len(records) == 2
    assert len(records[0].text) <= MAX_RECORD_BYTES
    assert framer.cut > 0
    assert records[1].line_start == 2


@given(st.data())
def test_records_do_not_depend_on_how_the_bytes_arrive(data: st.DataObject) -> None:
    raw = (DATA / data.draw(st.sampled_from(["alpenglow.log", "nightjar.log", "lumen.log"]))).read_bytes()[:6000]
    cuts = sorted(data.draw(st.lists(st.integers(0, len(raw)), max_size=12)))
    whole, parts = Framer(), Framer()
    expected = whole.feed(raw) + whole.flush()
    found = []
    for start, end in zip([0, *cuts], [*cuts, len(raw)], strict=True):
        found += parts.feed(raw[start:end])
    assert found + parts.flush() == expected


@given(st.text(), st.text())
def test_nothing_an_application_prints_stops_the_parser(left: str, right: str) -> None:
    for event in parse_text(f"2026-10-10 06:00:51,433 ERROR [a] {left}\n    at f ({right}:1:2)\n{right}"):
        assert event.time


def test_a_checkpoint_at_a_records_end_reads_the_rest_the_same_way() -> None:
    raw = (DATA / "meridian.log").read_bytes()
    framer = Framer()
    records = framer.feed(raw) + framer.flush()
    for record in records[:-1]:
        again = Framer(offset=record.end, line=record.line_next)
        rest = again.feed(raw[record.end :]) + again.flush()
        assert rest == records[records.index(record) + 1 :]
