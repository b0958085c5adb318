"""Traces: a span for each reconciliation, one below it for each external call. Sent nowhere unless an endpoint is set.

reconciling(reconciliation) -> calling(system, verb, kind) -> the OpenTelemetry API -> OTLP over HTTP, if configured

Without OTEL_EXPORTER_OTLP_ENDPOINT (or _TRACES_ENDPOINT) only the API package is loaded, and spans cost a microsecond.

What a span carries: system, verb, kind, outcome, and the reconcile id. Never a namespace or a name: a namespace is a
customer's identity, and traces go to places that were not asked to keep it. The id leads from a trace to the log lines and
the audit records of that attempt, which name the object to those who may read them. Errors are told by their class alone:
messages of the API server quote names and values.

Wiring: ``stop = configure()`` at the start of the process, ``stop()`` at its end (waits up to 3 s for what is unsent);
``with reconciliation.begin(key) as attempt, tracing.reconciling(attempt):`` around each reconciliation.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Final

from opentelemetry import trace

from fde_operator.errors import nature_of
from fde_operator.reconciliation import Reconciliation

_ENDPOINTS: Final = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
_TRACER: Final = trace.get_tracer("fde_operator")
_FLUSH_MS: Final = 3000


def configured(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether spans have somewhere to go. OTEL_SDK_DISABLED=true says no."""
    off = environment.get("OTEL_SDK_DISABLED", "").strip().lower() == "true"
    return not off and any(environment.get(name, "").strip() for name in _ENDPOINTS)


def configure(environment: Mapping[str, str] = os.environ) -> Callable[[], None]:
    """Send spans from now on, if there is an endpoint. What it returns ends that. At most once a process.

    Sampling, headers, certificates and time-outs are set by OpenTelemetry's own variables (OTEL_TRACES_SAMPLER, ...).
    """
    if not configured(environment):
        return lambda: None
    # Some megabytes, for those who asked for it.
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    name = environment.get("OTEL_SERVICE_NAME", "") or "fde-operator"
    provider = TracerProvider(resource=Resource.create({"service.name": name}), shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(provider)

    def stop() -> None:
        provider.force_flush(_FLUSH_MS)
        provider.shutdown()

    return stop


@contextmanager
def reconciling(attempt: Reconciliation) -> Iterator[None]:
    """The span of one reconciliation: the root of its trace."""
    about = {"fde.kind": attempt.key.kind, "fde.reconcile_id": attempt.id}
    with _span(f"reconcile {attempt.key.kind}", trace.SpanKind.INTERNAL, about):
        yield


@contextmanager
def calling(system: str, verb: str, kind: str) -> Iterator[None]:
    """The span of one external call, below whatever is under way."""
    about = {"fde.system": system, "fde.verb": verb, "fde.kind": kind}
    with _span(f"{system} {verb} {kind}".rstrip(), trace.SpanKind.CLIENT, about):
        yield


@contextmanager
def _span(name: str, kind: trace.SpanKind, about: Mapping[str, str]) -> Iterator[None]:
    with _TRACER.start_as_current_span(
        name, kind=kind, attributes=dict(about), record_exception=False, set_status_on_exception=False
    ) as span:
        try:
            yield
        except Exception as error:
            span.set_attribute("fde.outcome", nature_of(error))
            span.set_attribute("error.type", type(error).__name__)
            span.set_status(trace.Status(trace.StatusCode.ERROR))
            raise
        except BaseException:
            span.set_attribute("fde.outcome", "cancelled")
            raise
        span.set_attribute("fde.outcome", "done")
