"""Exception text to a chain of causes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fde_streams.chain import frame_of, parse_chain, parse_line

CHAINED = """\
Traceback (most recent call last):
  File "/srv/app/.venv/lib/python3.11/site-packages/redis/connection.py", line 12, in connect
    sock = self._connect()
           ^^^^^^^^^^^^^^^
  File "/usr/lib/python3.11/socket.py", line 3, in create_connection
    raise exc
ConnectionRefusedError: [Errno 111] Connection refused

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "/srv/app/jobs.py", line 7, in load
    client.get("k")
  File "/srv/app/.venv/lib/python3.11/site-packages/redis/client.py", line 4, in get
redis.exceptions.ConnectionError: Error 111 connecting to cache:6379. Connection refused.

The above exception was the direct cause of the following exception:

Traceback (most recent call last):
  File "/srv/app/jobs.py", line 9, in main
    raise StepFailed("load failed") from error
app.errors.StepFailed: load failed
and a second line
"""

GROUP = """\
  + Exception Group Traceback (most recent call last):
  |   File "/srv/app/main.py", line 4, in main
  |     async with asyncio.TaskGroup() as group:
  | ExceptionGroup: unhandled errors in a TaskGroup (2 sub-exceptions)
  +-+---------------- 1 ----------------
    | Traceback (most recent call last):
    |   File "/srv/app/.venv/lib/python3.11/site-packages/httpx/_client.py", line 9, in send
    | httpx.ReadTimeout: timed out
    +---------------- 2 ----------------
    | Traceback (most recent call last):
    |   File "/srv/app/main.py", line 9, in other
    | ValueError: no
    +------------------------------------
"""

NODE = """\
StepFailed: orders step failed
    at doOrders (file:///srv/app/dist/jobs.mjs:18:11)
    at async dispatch (file:///srv/app/dist/core.mjs:10:10) {
  [cause]: TypeError: fetch failed
      at node:internal/deps/undici/undici:13392:13
      at async run (/srv/app/node_modules/@acme/sdk/lib/http.js:3:1) {
    [cause]: Error: connect ECONNREFUSED 10.0.0.7:443
        at TCPConnectWrap.afterConnect [as oncomplete] (node:net:1607:16) {
      errno: -111,
      code: 'ECONNREFUSED',
      syscall: 'connect'
    }
  }
}
"""

AGGREGATE = """\
AggregateError: All promises were rejected
    at run (file:///srv/app/main.mjs:3:9) {
  [errors]: [
    HttpError: Bad credentials
        at fetchWrapper (/srv/app/node_modules/@octokit/request/dist/index.js:125:11) {
      status: 401
    },
    Error: second
        at other (file:///srv/app/main.mjs:4:9)
  ]
}
"""

JAVA = """\
com.acme.JobFailed: import failed
\tat com.acme.Job.run(Job.java:12)
\tat java.base/java.lang.Thread.run(Thread.java:840)
Caused by: java.net.ConnectException: Connection refused
\tat java.net.PlainSocketImpl.connect(PlainSocketImpl.java:196)
\t... 2 more
"""


def test_a_python_chain_starts_with_what_was_raised_first():
    chain = parse_chain(CHAINED)
    assert [link.type for link in chain] == [
        "ConnectionRefusedError",
        "redis.exceptions.ConnectionError",
        "app.errors.StepFailed",
    ]
    assert chain[0].message == "[Errno 111] Connection refused"
    assert chain[2].message == "load failed\nand a second line"
    assert chain[0].libraries == ("redis",)
    assert chain[2].libraries == ()


def test_the_first_of_an_exception_group_speaks_for_it():
    (link,) = parse_chain(GROUP)
    assert (link.type, link.message, link.libraries) == ("httpx.ReadTimeout", "timed out", ("httpx",))


def test_a_node_chain_starts_with_the_last_cause():
    chain = parse_chain(NODE)
    assert [link.type for link in chain] == ["Error", "TypeError", "StepFailed"]
    assert chain[0].codes == ("ECONNREFUSED",)
    assert chain[1].libraries == ("@acme/sdk",)
    assert chain[2].frames[-1].function == "doOrders"  # as in Python: the raising frame is the last


def test_the_first_of_an_aggregate_error_speaks_for_it():
    chain = parse_chain(AGGREGATE)
    assert (chain[0].type, chain[0].message) == ("HttpError", "Bad credentials")
    assert chain[0].libraries == ("@octokit/request",)


def test_a_java_chain_starts_with_the_last_caused_by():
    chain = parse_chain(JAVA)
    assert [link.type for link in chain] == ["java.net.ConnectException", "com.acme.JobFailed"]
    assert chain[1].message == "import failed"


def test_a_driver_error_printed_inside_another_comes_out_first():
    chain = parse_chain(
        "Traceback (most recent call last):\n"
        '  File "/v/site-packages/sqlalchemy/engine/default.py", line 1, in do_execute\n'
        'sqlalchemy.exc.ProgrammingError: (psycopg.errors.UndefinedColumn) column "a" does not exist\n'
        "[SQL: SELECT a]\n(Background on this error at: https://sqlalche.me/e/21/f405)"
    )
    assert (chain[0].type, chain[0].message) == ("psycopg.errors.UndefinedColumn", 'column "a" does not exist')


def test_one_line_chains_start_with_the_root():
    chain = parse_line(
        "job x failed: app.StepFailed: load failed <- TypeError: fetch failed <- Error: certificate has expired"
    )
    assert [link.type for link in chain] == ["Error", "TypeError", "app.StepFailed"]
    assert chain[0].message == "certificate has expired"


@pytest.mark.parametrize(
    ("path", "library", "relative"),
    [
        ("/opt/venv/lib/python3.12/site-packages/requests/models.py", "requests", "requests/models.py"),
        ("/usr/lib/python3/dist-packages/requests/models.py", "requests", "requests/models.py"),
        ("C:\\app\\venv\\Lib\\site-packages\\requests\\models.py", "requests", "requests/models.py"),
        ("/app/node_modules/@aws-sdk/core/dist/index.js", "@aws-sdk/core", "@aws-sdk/core/dist/index.js"),
        ("/app/node_modules/.pnpm/pg@8.11.3/node_modules/pg/lib/client.js", "pg", "pg/lib/client.js"),
        ("/usr/lib/python3.11/json/decoder.py", "", "json/decoder.py"),
        ("node:internal/process/task_queues", "", "node:internal/process/task_queues"),
        ("pandas/_libs/index.pyx", "pandas", "pandas/_libs/index.pyx"),
        ("/srv/app/requests/models.py", None, "/srv/app/requests/models.py"),
    ],
)
def test_a_frame_belongs_to_where_it_lies(path, library, relative):
    frame = frame_of(path, "f")
    assert (frame.library, frame.path) == (library, relative)


@given(st.text())
def test_any_text_has_a_chain_or_none(text):
    parse_chain(text)
    parse_line(text)
    parse_chain(f"Traceback (most recent call last):\n{text}")
    parse_chain(f"Error: x\n    at {text}")
