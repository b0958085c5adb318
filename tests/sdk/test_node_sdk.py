"""The Node SDK in programs of their own. Without Node the tests are skipped; CI=true fails instead."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from fde_local.gate import is_ci
from fde_sidecar.parse import parse_text
from fde_streams.signature import signature_of

pytestmark = pytest.mark.seconds

SDK = Path(__file__).parents[2] / "sdk" / "node"


@pytest.fixture(scope="session")
def node():
    program = shutil.which("node")
    if program is None:
        (pytest.fail if is_ci() else pytest.skip)("node is not installed; install Node 18 or newer")
    return program


def run(node, program, url, exit_s="20"):
    code = f"const fde = require({json.dumps(str(SDK))}); fde.init({{ service: 'sync' }});\n{program}"
    environment = {"PATH": os.environ["PATH"], "FDE_SDK_ENDPOINT": url, "FDE_SDK_EXIT_SECONDS": exit_s}
    return subprocess.run([node, "-e", code], env=environment, capture_output=True, text=True, timeout=60)


def test_an_uncaught_error_is_told_and_the_process_ends_as_before(node, desk):
    done = run(node, "function load() { return null.rows }\nload()", desk.url)
    assert done.returncode == 1 and "TypeError: Cannot read properties of null" in done.stderr
    (event,) = desk.events
    assert (event.exception_type, event.severity, event.service) == ("TypeError", "FATAL", "sync")
    lines = done.stderr.splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith("TypeError"))
    (printed,) = parse_text("\n".join(line for line in lines[start:] if line and not line.startswith("Node.js")))
    assert signature_of(event).digest == signature_of(printed).digest


@pytest.mark.parametrize(
    ("program", "code", "told"),
    [
        ("Promise.reject(new Error('lost'))", 1, ["lost"]),
        ("process.on('unhandledRejection', () => {}); Promise.reject(new Error('heard'))", 0, ["heard"]),
        ("process.on('uncaughtException', () => {}); setTimeout(() => { throw new Error('later') }, 1)", 0, ["later"]),
        ("fde.capture(new Error('told')); process.exit(3)", 3, ["told"]),
        ("const e = new Error('once'); fde.capture(e); throw e", 1, ["once"]),
        ("Promise.reject(new Error('a')).catch(() => {})", 0, []),
    ],
)
def test_the_exit_behaviour_is_the_same(node, desk, program, code, told):
    assert run(node, program, desk.url).returncode == code
    assert [event.exception_message for event in desk.events] == told


def test_a_cause_is_in_the_stack_as_node_prints_it(node, desk):
    run(node, "fde.capture(new Error('outer', { cause: new TypeError('inner') }), 'while loading')", desk.url)
    (event,) = desk.events
    assert event.body == "while loading" and "[cause]: TypeError: inner" in event.exception_stacktrace


def test_calls_and_payloads_arrive_with_quota_headers_alone(node, desk):
    done = run(
        node,
        """
        const headers = new Headers({ "Retry-After": "3", "X-Own": "nobody's" });
        fde.call("GET api.vendor.example/v1/orders/81", { durationMs: 81.5, status: 429, headers });
        fde.payload("vendor-api", "GET /v1/orders", "response", { id: 1 }, { status: 200 });
        fde.payload("vendor-api", "GET /v1/orders", "response", "x".repeat(300000));
        setTimeout(() => {}, 300);
        """,
        desk.url,
    )
    assert (done.returncode, done.stderr) == (0, "")
    (call,) = desk.calls
    assert (call.endpoint, call.status, call.headers) == (
        "GET api.vendor.example/v1/orders/{id}",
        429,
        {"retry-after": "3"},
    )
    (payload,) = desk.payloads
    assert (payload.body, payload.status_class, payload.service) == (b'{"id":1}', 2, "sync")
    assert desk.dropped == {"sdk-too-large": 1}


def test_nothing_that_is_handed_over_throws(node, desk):
    done = run(
        node,
        """
        const loop = {}; loop.loop = loop;
        fde.capture(); fde.capture(null); fde.capture(Symbol("a")); fde.capture({ get message() { throw 1 } });
        fde.capture(new Proxy(new Error("x"), { get() { throw new Error("no") } }));
        fde.payload("a", "b", "request", loop); fde.payload(); fde.call(); fde.call("a", { headers: 7, durationMs: NaN });
        console.log("on");
        """,
        desk.url,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "on\n", "")


@pytest.mark.parametrize("exit_s", ["", "soon", "-3", "1e9"])
def test_without_a_sidecar_the_process_ends_soon(node, exit_s):
    start = time.monotonic()
    done = run(node, "fde.capture(new Error('x'))", "http://127.0.0.1:9", exit_s)
    assert (done.returncode, done.stderr) == (0, "")
    assert time.monotonic() - start < 5
