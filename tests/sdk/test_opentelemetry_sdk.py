"""OpenTelemetry's own SDK for Python against the receiver: logs, spans and metrics, as an application sets it up."""

from __future__ import annotations

import logging
import warnings

import pytest

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from opentelemetry import trace
    from opentelemetry.exporter.otlp.proto.http import Compression
    from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk._logs import LoggerProvider, LoggingHandler
    from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

from fde_sidecar.parse import parse_text
from fde_streams.signature import signature_of

pytestmark = pytest.mark.seconds

RESOURCE = Resource.create({"service.name": "sync"})


@pytest.mark.parametrize("compression", list(Compression))
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_what_is_logged_through_the_bridge_arrives_with_its_exception_and_signs_as_in_a_log_file(desk, compression):
    provider = LoggerProvider(resource=RESOURCE)
    exporter = OTLPLogExporter(endpoint=f"{desk.url}/v1/logs", compression=compression)
    provider.add_log_record_processor(BatchLogRecordProcessor(exporter))
    logger = logging.getLogger(f"app.jobs.{compression.value}")
    logger.propagate = False
    logger.addHandler(LoggingHandler(logger_provider=provider))
    printed = _Kept()
    printed.setFormatter(logging.Formatter("%(asctime)s %(levelname)s [%(name)s] %(message)s"))
    logger.addHandler(printed)
    try:
        raise ConnectionError("upstream went away")
    except ConnectionError:
        logger.exception("load of order %d failed", 7)
    logger.warning("could not reach %s", "the queue")
    logger.warning("a slow day")  # says of no failure
    provider.shutdown()

    assert [(one.severity, one.service, one.scope) for one in desk.events] == [
        ("ERROR", "sync", logger.name),
        ("WARN", "sync", logger.name),
    ]
    first = desk.events[0]
    assert (first.body, first.exception_type) == ("load of order 7 failed", "ConnectionError")
    from_file = parse_text("\n".join(printed.lines))
    assert [signature_of(one).digest for one in desk.events] == [signature_of(one).digest for one in from_file]


def test_an_exception_through_two_spans_and_a_log_record_is_one_error_and_the_client_span_is_a_call(desk):
    traces = TracerProvider(resource=RESOURCE)
    traces.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=f"{desk.url}/v1/traces")))
    tracer = traces.get_tracer("app.http")
    attributes = {
        "http.request.method": "GET",
        "url.full": "https://api.vendor.example/v1/orders/81",
        "http.response.status_code": 503,
    }
    with (
        pytest.raises(ConnectionError),
        tracer.start_as_current_span("job"),
        tracer.start_as_current_span("GET", kind=trace.SpanKind.CLIENT, attributes=attributes),
    ):
        raise ConnectionError("upstream went away")
    traces.shutdown()
    (event,) = desk.events
    assert (event.exception_type, event.http_status, event.server_address) == (
        "ConnectionError",
        503,
        "api.vendor.example",
    )
    (call,) = desk.calls
    assert (call.endpoint, call.status, call.failed) == ("GET api.vendor.example/v1/orders/{id}", 503, True)
    assert call.duration_ms is not None and 0 < call.duration_ms < 60_000


def test_a_cumulative_histogram_gives_each_call_once(desk):
    exporter = OTLPMetricExporter(endpoint=f"{desk.url}/v1/metrics")
    reader = PeriodicExportingMetricReader(exporter, export_interval_millis=3_600_000)
    meters = MeterProvider(resource=RESOURCE, metric_readers=[reader])
    histogram = meters.get_meter("app").create_histogram("http.client.request.duration", unit="s")
    attributes = {
        "http.request.method": "GET",
        "server.address": "api.vendor.example",
        "http.response.status_code": 200,
    }
    for seconds in (0.04, 0.06, 0.2):
        histogram.record(seconds, attributes)
    meters.force_flush()
    histogram.record(0.08, attributes)
    meters.force_flush()
    meters.force_flush()
    meters.shutdown()
    assert sum(call.count for call in desk.calls) == 4
    assert {call.endpoint for call in desk.calls} == {"GET api.vendor.example/"}
    mean = sum(call.count * (call.duration_ms or 0) for call in desk.calls) / 4
    assert mean == pytest.approx(95, rel=0.5)


def test_a_sender_that_is_refused_comes_again_and_nothing_is_lost_or_doubled(desk):
    desk.takes = False
    traces = TracerProvider(resource=RESOURCE)
    traces.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=f"{desk.url}/v1/traces")))
    with pytest.raises(KeyError), traces.get_tracer("app").start_as_current_span("job"):
        raise KeyError("a")
    flushed = _in_background(traces.force_flush)
    desk.wait(lambda: desk.input.answers.get(503, 0) > 0)
    desk.takes = True
    flushed.join(20)
    traces.shutdown()
    assert [event.exception_type for event in desk.events] == ["KeyError"]


class _Kept(logging.Handler):
    def __init__(self):
        super().__init__()
        self.lines = []

    def emit(self, record):
        self.lines.append(self.format(record))


def _in_background(action):
    import threading

    thread = threading.Thread(target=action, daemon=True)
    thread.start()
    return thread
