"""A telemetry event: what one sidecar saw once, already redacted.

Field names on the wire are OpenTelemetry semantic conventions (opentelemetry.io/docs/specs/semconv) where they exist.
The customer is *not* a field: it comes from the topic, never from a payload.
"""

from __future__ import annotations

from typing import Final

import msgspec

_OTEL: Final = {
    "time": "time",
    "service": "service.name",
    "scope": "otel.scope.name",
    "exception_type": "exception.type",
    "exception_message": "exception.message",
    "exception_stacktrace": "exception.stacktrace",
    "http_status": "http.response.status_code",
    "http_method": "http.request.method",
    "server_address": "server.address",
    "url_path": "url.path",
    "log_file": "log.file.name",
}


def _otel(field: str) -> str:
    return _OTEL.get(field, field)


class Diagnosed(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A signature's content as the source found it: what leaves in strict mode instead of the application's own words.

    `rules` names the rule version that found it; the rest is as in :class:`fde_events.signed.Signature`.
    """

    rules: str
    block: str
    title: str
    parts: tuple[tuple[str, str], ...]
    masked: tuple[str, ...] = ()


class ErrorEvent(msgspec.Struct, frozen=True, kw_only=True, rename=_otel, omit_defaults=True, tag="error"):
    """One error as the application printed it. `index` is its place in the record's batch.

    `time` is RFC 3339 UTC, the application's clock. A field is None where the log did not have it.
    """

    time: str
    severity: str = "ERROR"
    service: str | None = None
    scope: str | None = None
    body: str | None = None
    exception_type: str | None = None
    exception_message: str | None = None
    exception_stacktrace: str | None = None
    http_status: int | None = None
    http_method: str | None = None
    server_address: str | None = None
    url_path: str | None = None
    log_file: str | None = None
    count: int = 1
    diagnosed: Diagnosed | None = None


class RateLimitEvent(msgspec.Struct, frozen=True, kw_only=True, rename=_otel, omit_defaults=True, tag="rate_limit"):
    """A quota that was hit. `limit_class`: burst, daily-quota, concurrency or unknown; `retry_after_s` seconds.

    `approaching`: not hit yet, a tenth or less of it is left.
    """

    time: str
    vendor: str
    limit_class: str = "unknown"
    service: str | None = None
    scope: str | None = None
    http_status: int | None = None
    server_address: str | None = None
    retry_after_s: float | None = None
    count: int = 1
    approaching: bool = False


class PerformanceEvent(msgspec.Struct, frozen=True, kw_only=True, rename=_otel, omit_defaults=True, tag="performance"):
    """A shift against the baseline. `metric`: latency or error-rate; `direction`: up or down; values in `unit`.

    `statistic`: what was compared (p50, p95, rate). `recovered`: this is the end of a shift in that direction.
    """

    time: str
    endpoint: str
    metric: str
    direction: str
    baseline: float
    observed: float
    unit: str
    service: str | None = None
    server_address: str | None = None
    statistic: str | None = None
    recovered: bool = False


class SchemaDriftEvent(msgspec.Struct, frozen=True, kw_only=True, rename=_otel, omit_defaults=True, tag="schema_drift"):
    """A payload that changed its shape. `change`: added, removed, renamed, type, nullability, enum, format, range.

    `before` and `after` hold shapes (type names, formats), never values.
    """

    time: str
    source: str
    operation: str
    field: str
    change: str
    before: str | None = None
    after: str | None = None
    service: str | None = None


Event = ErrorEvent | RateLimitEvent | PerformanceEvent | SchemaDriftEvent


def kind_of(event: Event) -> str:
    """The event's kind as it stands in blocks and ids: ``error``, ``rate_limit``, ``performance``, ``schema_drift``."""
    tag = event.__struct_config__.tag
    return str(tag)


class EventBatch(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What one Kafka record carries: events of one deployment, in the order they were read.

    `deployment` is ``<namespace>/<name>``. `redaction` names the mode and rule version that made it safe to leave.
    """

    deployment: str
    events: tuple[Event, ...]
    redaction: str = "standard/1"
