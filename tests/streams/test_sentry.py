"""Sentry's events: every form they are exported in, and that they sign as the text they were made of."""

import io
import json

import pytest

from fde_events.event import ErrorEvent
from fde_streams.chain import parse_chain
from fde_streams.imported import imported
from fde_streams.piece import Unusable
from fde_streams.sentry import event_of_sentry
from fde_streams.signature import signature_of

LIBRARY = {
    "filename": "redis/client.py",
    "abs_path": "/opt/venv/lib/python3.11/site-packages/redis/client.py",
    "module": "redis.client",
    "function": "get",
    "lineno": 9,
    "in_app": False,
}
STDLIB = {
    "filename": "socket.py",
    "abs_path": "/usr/lib/python3.11/socket.py",
    "module": "socket",
    "function": "create_connection",
    "lineno": 3,
    "in_app": False,
}
OWN = {
    "filename": "jobs.py",
    "abs_path": "/srv/app/jobs.py",
    "module": "jobs",
    "function": "load",
    "lineno": 7,
    "in_app": True,
}
EVENT = {
    "event_id": "0" * 32,
    "timestamp": 1791612051.433,
    "platform": "python",
    "level": "error",
    "logger": "app.jobs",
    "transaction": "app.jobs.load",
    "logentry": {"message": "load of %s failed", "params": ["orders"], "formatted": "load of orders failed"},
    "tags": {"service": "sync"},
    "exception": {
        "values": [
            {"type": "ConnectionError", "module": "redis.exceptions", "value": "max number of clients reached", "stacktrace": {"frames": [OWN, LIBRARY]}, "mechanism": {"type": "chained", "exception_id": 1, "parent_id": 0, "source": "__cause__"}},
            {"type": "StepFailed", "module": "app.errors", "value": "load failed", "stacktrace": {"frames": [OWN]}, "mechanism": {"type": "logging", "handled": True, "exception_id": 0}},
        ]
    },
}  # fmt: skip
TEXT = """Traceback (most recent call last):
  File "/srv/app/jobs.py", line 7, in load
  File "/opt/venv/lib/python3.11/site-packages/redis/client.py", line 9, in get
redis.exceptions.ConnectionError: max number of clients reached

The above exception was the direct cause of the following exception:

Traceback (most recent call last):
  File "/srv/app/jobs.py", line 7, in load
app.errors.StepFailed: load failed"""


def by_api(event):
    """The same event as the API gives it: `entries`, camelCase, tags as a list."""
    values = json.loads(
        json.dumps(event["exception"])
        .replace('"abs_path"', '"absPath"')
        .replace('"lineno"', '"lineNo"')
        .replace('"in_app"', '"inApp"')
    )
    rest = {key: value for key, value in event.items() if key in ("platform", "logger", "transaction")}
    return {
        **rest,
        "eventID": "0" * 32,
        "dateCreated": "2026-10-10T06:00:51.433Z",
        "tags": [{"key": "service", "value": "sync"}, {"key": "level", "value": "error"}],
        "entries": [
            {"type": "message", "data": {"formatted": "load of orders failed"}},
            {"type": "exception", "data": values},
        ],
        "metadata": {"type": "StepFailed", "value": "load failed"},
    }


@pytest.mark.parametrize("event", [EVENT, by_api(EVENT)], ids=["sdk", "api"])
def test_an_event_is_read_with_its_chain_and_where_it_was_said(event):
    found = event_of_sentry(event)
    assert (found.exception_type, found.exception_message) == ("app.errors.StepFailed", "load failed")
    assert (found.body, found.scope, found.service) == ("load of orders failed", "app.jobs", "sync")
    assert (found.time, found.severity) == ("2026-10-10T06:00:51.433Z", "ERROR")
    assert found.exception_stacktrace == TEXT


def test_an_event_signs_as_the_text_that_the_application_printed():
    text = ErrorEvent(time="", exception_type="app.errors.StepFailed", exception_message="load failed", exception_stacktrace=TEXT)  # fmt: skip
    assert signature_of(event_of_sentry(EVENT)).digest == signature_of(text).digest
    assert signature_of(text).block == "error/redis"


@pytest.mark.parametrize(
    ("frame", "library"),
    [
        (LIBRARY, "redis"),
        ({**LIBRARY, "abs_path": None}, "redis"),
        ({**LIBRARY, "abs_path": "redis/client.py"}, "redis"),
        ({"filename": "acme_sdk/http.py", "module": "acme_sdk.http", "in_app": False}, "acme_sdk"),
        (STDLIB, ""),
        ({**STDLIB, "abs_path": None}, ""),
        ({"filename": "<frozen runpy>", "function": "_run_code"}, ""),
        (OWN, None),
        ({"filename": "jobs/redis.py", "module": "jobs.redis", "in_app": True}, None),
        ({"filename": "jobs/load.py", "module": "jobs.load"}, None),
    ],
)
def test_a_python_frame_belongs_to_a_library_by_its_path_or_by_what_else_it_says(frame, library):
    value = {"type": "ValueError", "value": "x", "stacktrace": {"frames": [frame]}}
    event = event_of_sentry({"platform": "python", "exception": {"values": [value]}})
    (link,) = parse_chain(event.exception_stacktrace or "")
    assert link.frames[0].library == library


@pytest.mark.parametrize(
    ("frame", "library"),
    [
        ({"filename": "/srv/app/node_modules/@aws-sdk/core/dist/index.js", "in_app": False}, "@aws-sdk/core"),
        ({"filename": "app:///node_modules/pg/lib/client.js", "in_app": False}, "pg"),
        ({"filename": "webpack-internal:///./node_modules/pg/lib/client.js"}, "pg"),
        ({"filename": "C:\\app\\node_modules\\pg\\lib\\client.js"}, "pg"),
        ({"filename": "client.js", "module": "pg.lib:client", "in_app": False}, "pg"),
        ({"filename": "node:internal/process/task_queues", "in_app": False}, ""),
        ({"filename": "internal/process/task_queues.js", "in_app": False}, ""),
        ({"filename": "app:///dist/jobs with blanks (1).js", "in_app": True}, None),
        ({"filename": "/srv/app/dist/jobs.mjs", "in_app": True}, None),
    ],
)
def test_a_node_frame_belongs_to_a_library_by_its_path_or_its_module(frame, library):
    value = {"type": "Error", "value": "x", "stacktrace": {"frames": [{**frame, "lineno": 3, "function": "Client.<anonymous>"}]}}  # fmt: skip
    event = event_of_sentry({"platform": "node", "exception": {"values": [value]}})
    (link,) = parse_chain(event.exception_stacktrace or "")
    assert link.frames[0].library == library


def test_a_node_chain_comes_out_root_first_with_the_codes_that_were_kept_beside_it():
    frames = [{"filename": "/srv/app/node_modules/pg/lib/client.js", "function": "query", "lineno": 1}]
    event = event_of_sentry(
        {
            "platform": "node",
            "contexts": {"DatabaseError": {"code": "23505", "detail": {"deep": 1}}},
            "exception": {
                "values": [
                    {"type": "DatabaseError", "value": "duplicate key\nand more", "stacktrace": {"frames": frames}},
                    {"type": "StepFailed", "value": "no frames here"},
                ]
            },
        }
    )
    chain = parse_chain(event.exception_stacktrace or "")
    assert [(link.type, link.message) for link in chain] == [
        ("DatabaseError", "duplicate key\nand more"),
        ("StepFailed", "no frames here"),
    ]
    assert chain[0].codes == ("23505",)
    assert chain[0].libraries == ("pg",)


def test_a_java_chain_comes_out_root_first():
    frames = [{"module": "com.acme.Jobs", "function": "run", "filename": "Jobs.java", "lineno": 12}, {"module": "org.postgresql.Driver", "function": "<init>", "filename": "Driver.java", "lineno": 1}]  # fmt: skip
    event = event_of_sentry(
        {
            "platform": "java",
            "exception": {
                "values": [
                    {"type": "SQLException", "module": "java.sql", "value": "deadlock detected", "stacktrace": {"frames": frames}},
                    {"type": "IllegalStateException", "module": "java.lang", "value": "cannot write", "stacktrace": {"frames": frames[:1]}},
                ]
            },
        }
    )  # fmt: skip
    chain = parse_chain(event.exception_stacktrace or "")
    assert [link.type for link in chain] == ["java.sql.SQLException", "java.lang.IllegalStateException"]
    assert [frame.path for frame in chain[0].frames] == ["com.acme.Jobs", "org.postgresql.Driver"]


def test_the_first_member_of_a_group_speaks_for_it():
    def value(name, number, parent, source, **more):
        mechanism = {"type": "chained", "exception_id": number, "source": source, **more}
        if parent is not None:
            mechanism["parent_id"] = parent
        return {"type": name, "value": name.lower(), "mechanism": mechanism, "stacktrace": {"frames": [OWN]}}

    values = [
        value("Third", 4, 1, "exceptions[1]"),
        value("Root", 3, 2, "__cause__"),
        value("Second", 2, 1, "exceptions[0]"),
        value("Before", 5, 1, "__context__"),
        value("ExceptionGroup", 1, 0, "__cause__", is_exception_group=True),
        value("Wrapper", 0, None, ""),
    ]
    event = event_of_sentry({"platform": "python", "exception": {"values": values}})
    chain = parse_chain(event.exception_stacktrace or "")
    assert [link.type for link in chain] == ["Root", "Second", "ExceptionGroup", "Wrapper"]
    assert event.exception_type == "Wrapper"


def test_parents_that_go_in_circles_end():
    values = [
        {"type": name, "value": "", "mechanism": {"exception_id": number, "parent_id": parent}}
        for name, number, parent in (("A", 1, 2), ("B", 2, 1))
    ]
    assert event_of_sentry({"exception": {"values": values}}).exception_type in ("A", "B")


def test_other_platforms_keep_their_chain_on_one_line():
    values = [{"type": "PG::Error", "value": "no\nroute"}, {"type": "JobFailed", "value": "x"}]
    event = event_of_sentry({"platform": "ruby", "exception": {"values": values}})
    assert event.exception_stacktrace == "JobFailed: x <- PG::Error: no route"


def test_what_the_application_served_is_not_what_failed_but_an_http_clients_request_is():
    request = {"request": {"url": "https://shop.example/orders?x=1"}, "contexts": {"response": {"status_code": 500}}}
    value = {"type": "Error", "value": "x"}
    served = event_of_sentry({**request, "exception": {"values": [value]}})
    assert (served.http_status, served.server_address) == (None, None)
    client = event_of_sentry({**request, "exception": {"values": [{**value, "mechanism": {"type": "auto.http.client.fetch"}}]}})  # fmt: skip
    assert (client.http_status, client.server_address, client.url_path) == (500, "shop.example", "/orders")
    tagged = event_of_sentry({"exception": [value], "tags": [["http.status_code", 429], ["server.address", "api.vendor.example"]]})  # fmt: skip
    assert (tagged.http_status, tagged.server_address) == (429, "api.vendor.example")


def test_a_message_alone_is_an_event_and_nothing_at_all_is_none():
    assert event_of_sentry({"event_id": "1", "message": "sync failed"}).body == "sync failed"
    assert event_of_sentry({"event_id": "1", "logentry": {"message": "%s failed", "params": ["x"]}}).body == "x failed"
    assert event_of_sentry({"event_id": "1", "logentry": {"message": "100% of %s", "params": []}}).body == "100% of %s"
    with pytest.raises(Unusable, match="neither an exception nor a message"):
        event_of_sentry({"event_id": "1", "exception": {"values": []}})


@pytest.mark.parametrize("junk", [None, 7, "x", [], [None, 3], {"values": 3}, {"values": [None, {"stacktrace": 1}]}, {"values": [{"type": 3, "value": [], "mechanism": [], "stacktrace": {"frames": [1, {"lineno": "x"}]}}]}])  # fmt: skip
def test_fields_of_the_wrong_shape_are_unusable_or_passed_over_and_never_an_accident(junk):
    for name in ("exception", "entries", "tags", "contexts", "logentry", "timestamp", "level", "request"):
        try:
            event_of_sentry({"event_id": "1", "message": "m", "platform": "node", name: junk})
            event_of_sentry({"event_id": "1", "platform": "python", "exception": junk})
        except Unusable:
            continue


def test_an_export_is_read_as_an_array_as_lines_and_as_one_event():
    second = {**EVENT, "type": "transaction"}
    for data in (json.dumps([EVENT, second, EVENT], indent=1), "\n".join(map(json.dumps, [EVENT, second, EVENT]))):
        found = list(imported(io.BytesIO(data.encode())))
        assert [(one.index, one.event is None, one.why) for one in found] == [
            (0, False, ""),
            (1, True, ""),
            (2, False, ""),
        ]
    (one,) = imported(io.BytesIO(json.dumps(by_api(EVENT), indent=2).encode()))
    assert isinstance(one.event, ErrorEvent) and one.event.exception_type == "app.errors.StepFailed"
