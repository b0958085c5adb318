"""Spans: a reconciliation and the calls below it, with no customer in them; and nothing is loaded that nobody asked for."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from fde_operator.tracing import configured

STORY = """
import asyncio, contextlib
from fde_operator import tracing
from fde_operator.calls import Calls
from fde_operator.errors import Denied
from fde_operator.key import Key
from fde_operator.metrics import Metrics
from fde_operator.reconciliation import begin

async def main():
    stop = tracing.configure()
    calls = Calls("kubernetes", Metrics())
    async def ok(): return 1
    async def denied(): raise Denied("customer-northgate may not; password hunter2")
    with begin(Key("FDEDeployment", "customer-northgate", "payroll")) as attempt, contextlib.suppress(Denied):
        print(attempt.id)
        with tracing.reconciling(attempt):
            await calls.made("get", "Namespace", ok)
            await asyncio.to_thread(calls.made_here, "observe", "", lambda: 1)
            await calls.made("apply", "Secret", denied)
    stop()
asyncio.run(main())
"""


def run(script: str, **environment: str) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
    return subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, env={**clean, **environment}
    )


@pytest.mark.seconds
def test_a_trace_leads_to_the_reconciliation_and_names_no_customer() -> None:
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    bodies: list[bytes] = []

    class Collector(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: Any) -> None: ...

    server = HTTPServer(("127.0.0.1", 0), Collector)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    endpoint = f"http://127.0.0.1:{server.server_address[1]}"
    done = run(STORY, OTEL_EXPORTER_OTLP_ENDPOINT=endpoint, OTEL_EXPORTER_OTLP_COMPRESSION="none")
    server.shutdown()
    assert done.returncode == 0, done.stderr
    spans = [
        span
        for body in bodies
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    ]
    by_name = {span.name: span for span in spans}
    root = by_name.pop("reconcile FDEDeployment")
    about = {one.key: one.value.string_value for one in root.attributes}
    assert about["fde.reconcile_id"] == done.stdout.strip()
    assert about["fde.outcome"] == "permanent" and about["error.type"] == "Denied"
    assert set(by_name) == {"kubernetes get Namespace", "kubernetes observe", "kubernetes apply Secret"}
    assert all(span.parent_span_id == root.span_id and span.trace_id == root.trace_id for span in by_name.values())
    told = b"".join(bodies)
    assert not any(word in told for word in (b"northgate", b"payroll", b"hunter2"))


@pytest.mark.seconds
def test_without_an_endpoint_the_sdk_is_not_even_loaded() -> None:
    script = (
        STORY
        + "\nimport sys; print([m for m in sys.modules if m.startswith(('opentelemetry.sdk', 'opentelemetry.exporter'))])"
    )
    done = run(script)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize(
    ("environment", "sent"),
    [
        ({}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": " "}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318"}, True),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://collector:4318/v1/traces"}, True),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318", "OTEL_SDK_DISABLED": "TRUE"}, False),
    ],
)
def test_spans_are_sent_only_where_somebody_said(environment: dict[str, str], sent: bool) -> None:
    assert configured(environment) is sent
