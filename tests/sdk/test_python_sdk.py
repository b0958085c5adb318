"""fde_sdk in programs of their own: what arrives, and that the program does as it would have done without it."""

from __future__ import annotations

import ast
import os
import socket
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from fde_sidecar.parse import parse_text
from fde_streams.signature import signature_of

pytestmark = pytest.mark.seconds

SDK = Path(__file__).parents[2] / "sdk"


def run(program, url, *, init="fde_sdk.init(service='sync')", environment=None):
    code = f"import fde_sdk\n{init}\n{textwrap.dedent(program)}"
    known = {"PATH": os.environ["PATH"], "PYTHONPATH": str(SDK), "FDE_SDK_ENDPOINT": url, "FDE_SDK_EXIT_SECONDS": "20"}
    environment = known | (environment or {})
    return subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=60)


def test_an_uncaught_error_is_told_once_and_printed_as_before(desk):
    done = run("def load():\n    return {}['a']\nload()", desk.url)
    assert done.returncode == 1
    assert done.stderr.startswith("Traceback (most recent call last):") and done.stderr.endswith("KeyError: 'a'\n")
    (event,) = desk.events
    assert (event.exception_type, event.exception_message, event.service) == ("KeyError", "'a'", "sync")
    (printed,) = parse_text(done.stderr)
    assert signature_of(event).digest == signature_of(printed).digest


def test_threads_tasks_and_loggers_are_heard_and_an_error_logged_and_raised_is_one(desk):
    done = run(
        """
        import asyncio, logging, threading
        logging.basicConfig(format="%(levelname)s %(message)s")      # after init: it still works
        def broken(): raise ValueError("in a thread")
        thread = threading.Thread(target=broken); thread.start(); thread.join()
        async def main():
            async def lost(): raise LookupError("in a task")
            task = asyncio.create_task(lost()); await asyncio.sleep(0); await asyncio.sleep(0); del task
        asyncio.run(main())
        logging.getLogger("app.quiet").info("nothing")
        own = logging.getLogger("app.own"); own.propagate = False
        own.warning("could not reach %s", "it")
        try:
            raise OSError("logged and raised again")
        except OSError:
            logging.exception("load failed")
            raise
        """,
        desk.url,
    )
    assert done.returncode == 1 and "ERROR load failed" in done.stderr
    assert [event.exception_message or event.body for event in desk.events] == [
        "in a thread",
        "in a task",
        "could not reach it",
        "logged and raised again",
    ]
    assert (desk.events[2].scope, desk.events[3].body) == ("app.own", "load failed")


def test_calls_and_payloads_arrive_with_quota_headers_alone(desk):
    done = run(
        """
        fde_sdk.call("GET api.vendor.example/v1/orders/81", duration_ms=81.5, status=429,
                     headers={"Retry-After": "3", "Authorization": "nobody's"})
        fde_sdk.payload("vendor-api", "GET /v1/orders", "response", {"id": 1, "tags": []}, status=200)
        fde_sdk.payload("vendor-api", "GET /v1/orders", "request", b'{"page": 2}')
        fde_sdk.payload("vendor-api", "GET /v1/orders", "response", "x" * 300_000)
        fde_sdk.capture(ZeroDivisionError("no traceback"), "while counting \\ud800")
        """,
        desk.url,
    )
    assert (done.returncode, done.stderr) == (0, "")
    (call,) = desk.calls
    assert (call.endpoint, call.duration_ms, call.status) == ("GET api.vendor.example/v1/orders/{id}", 81.5, 429)
    assert call.headers == {"retry-after": "3"}
    assert [(one.direction, one.body, one.status_class) for one in desk.payloads] == [
        ("response", b'{"id": 1, "tags": []}', 2),
        ("request", b'{"page": 2}', None),
    ]
    assert [event.exception_type for event in desk.events] == ["ZeroDivisionError"]
    assert desk.dropped == {"sdk-too-large": 1}


def test_a_body_goes_nowhere_but_over_loopback(desk):
    run("fde_sdk._sender.loopback = False\nfde_sdk.payload('a', 'b', 'request', '{}')\nfde_sdk.call('b')", desk.url)
    assert (len(desk.calls), desk.payloads) == (1, [])


def test_each_worker_of_a_forking_server_is_heard_once(desk):
    done = run(
        """
        import logging, os
        log = logging.getLogger("app")
        log.error("could not start: %d", 0)
        for number in (1, 2, 3):
            if os.fork() == 0:
                log.error("could not work: %d", number)
                raise SystemExit(0)
        for _ in range(3): os.wait()
        """,
        desk.url,
    )
    assert done.returncode == 0
    assert sorted(event.body[-1] for event in desk.events) == ["0", "1", "2", "3"]


def test_the_sending_thread_imports_nothing(desk):
    """A process that is forked while it imports has a child that waits for that import for ever, and says nothing."""
    program = "import sys; before = set(sys.modules); fde_sdk.capture(ValueError('x')); fde_sdk.flush(20); print(sorted(set(sys.modules) - before))"
    assert run(program, desk.url).stdout == "[]\n"
    assert len(desk.events) == 1


def test_what_does_not_fit_is_counted_and_told_when_the_sidecar_takes_again(desk):
    desk.takes = False
    process = subprocess.Popen(
        [sys.executable, "-c", STORM],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(SDK), "FDE_SDK_ENDPOINT": desk.url},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    slowest = float(process.stdout.readline())
    desk.takes = True
    out, _ = process.communicate("\n", timeout=60)
    assert out == "True\n" and process.returncode == 0
    assert slowest < 1.0
    heard = sum(event.count for event in desk.events)
    assert 500 < heard < 4000
    assert desk.dropped == {"sdk-queue-full": 4000 - heard}


STORM = """
import fde_sdk, sys, time
fde_sdk.init()
slowest = 0.0
for number in range(4000):
    start = time.monotonic()
    fde_sdk.capture(ValueError("number %d %s" % (number, "x" * 500)))
    slowest = max(slowest, time.monotonic() - start)
print(slowest, flush=True)
sys.stdin.readline()
ok = fde_sdk.flush(30)
fde_sdk.call("GET last")    # carries the last count
print(ok and fde_sdk.flush(30))
"""


@pytest.mark.parametrize(
    "program",
    [
        "class E(Exception):\n    def __str__(self): raise RuntimeError\nfde_sdk.capture(E())",
        "import logging\nclass A:\n    def __str__(self):\n        logging.error('inside'); return 'a'\nlogging.error('%s failed', A())",
        "fde_sdk.payload(None, object(), 5, object())\nfde_sdk.call(None, duration_ms=float('nan'), headers=7)",
        "fde_sdk.capture(None)\nfde_sdk.capture('no error')",
        "loop = []\nloop.append(loop)\nfde_sdk.payload('a', 'b', 'request', loop)",
    ],
)
def test_nothing_that_is_handed_over_raises(desk, program):
    done = run(f"{program}\nprint('on')", desk.url)
    assert (done.returncode, done.stdout) == (0, "on\n")
    assert "fde_sdk" not in done.stderr


def test_without_a_sidecar_the_program_ends_as_it_would_within_a_second():
    with socket.socket() as taken:  # accepts and never answers
        taken.bind(("127.0.0.1", 0))
        taken.listen(8)
        silent = f"http://127.0.0.1:{taken.getsockname()[1]}"
        for url, given in (
            (silent, ""),
            (silent, "soon"),
            (silent, "-3"),
            ("http://127.0.0.1:9", "nan"),
            ("nonsense", ""),
            ("ftp://a", ""),
        ):
            start = time.monotonic()
            done = run("fde_sdk.capture(ValueError('x'))", url, environment={"FDE_SDK_EXIT_SECONDS": given})
            assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
            assert time.monotonic() - start < 5  # the interpreter's own start is in it


def test_it_can_be_turned_off(desk):
    assert run("1/0", desk.url, environment={"FDE_SDK_DISABLED": "1"}).returncode == 1
    assert desk.events == []


def test_it_is_python_3_9_and_imports_the_standard_library_alone():
    for path in (SDK / "fde_sdk").glob("*.py"):
        tree = ast.parse(path.read_text(), feature_version=(3, 9))
        for node in ast.walk(tree):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module] if isinstance(node, ast.ImportFrom) else []
            assert {name.split(".")[0] for name in names} <= sys.stdlib_module_names | {"fde_sdk"}
