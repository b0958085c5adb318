"""Calls in documents: JSON and logfmt fields under the names that writers of access and client logs use.

flat fields -> may_have_fields() -> call_in_fields() -> Call

Names are those of OpenTelemetry's and ECS's conventions, pino-http, nginx and Envoy in JSON, Traefik, Caddy, Logback access,
Serilog, Google's httpRequest, lograge and Heroku's router; a name is compared by its last parts, in small letters.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from fde_sidecar.calltext import split_target
from fde_sidecar.clock import Clock
from fde_sidecar.document import flatten
from fde_sidecar.duration import milliseconds_of, named_unit
from fde_sidecar.endpoint import endpoint_of, host_of
from fde_sidecar.quota import is_quota_header, value_of_header
from fde_sidecar.reading import Call

_METHOD: Final = (
    "http.request.method http.method method request_method requestmethod RequestMethod req.method request.method http_method "
    "httpRequest.requestMethod verb httpMethod"
).split()
_URL: Final = "url.full http.url url req.url request.url httpRequest.requestUrl request_url requestUrl uri request_uri requested_uri requestURI requestURL".split()
_PATH: Final = (
    "http.route route url.path http.target path req.path request.path RequestPath request_path http.path requestPath endpoint "
    "request.uri target pathname"
).split()
_HOST: Final = (
    "server.address url.domain http.host host req.headers.host request.headers.host request.host authority RequestHost http_host "
    "net.peer.name peer.address upstream_host hostname server_name virtual_host req.host"
).split()
_STATUS: Final = (
    "http.response.status_code http.status_code status_code statusCode StatusCode status res.statusCode response.status "
    "response.status_code response_code http_status httpStatus DownstreamStatus OriginStatus httpRequest.status http.status "
    "responseStatus err.response.status"
).split()
_TOOK: Final = (
    "http.server.request.duration http.client.request.duration event.duration duration_ms durationMs duration elapsed_ms elapsedMs "
    "elapsed latency_ms latencyMs latency took responseTime response_time response_time_ms request_time Duration Elapsed "
    "ElapsedMilliseconds elapsed_time upstream_response_time httpRequest.latency took_ms time_taken request_duration process_time "
    "responseTimeMs durationMillis duration_s duration_seconds duration_us duration_ns elapsed_seconds elapsedTime total_time service "
    "requestDuration processing_time execution_time"
).split()
_REQUEST: Final = ("request", "request_line", "requestLine", "http.request")
_REQUEST_LINE: Final = re.compile(r"([A-Z]{3,8}) (\S{1,4000})(?: HTTP/\d(?:\.\d)?)?")
_SERVICE: Final = ("service.name", "app", "application", "serviceName", "service_name")
_SCOPE: Final = ("logger", "logger_name", "loggerName", "otel.scope.name", "SourceContext")
_TIME: Final = (
    "timestamp time @timestamp ts @t time_iso8601 time_local start_time StartUTC asctime datetime timeUnixNano t date msec"
).split()
_FAILED: Final = (
    "error",
    "err",
    "exception",
    "error.type",
    "exception.type",
    "err.message",
    "error.message",
    "err.code",
    "error.code",
)
_TELLING: Final = frozenset((*_METHOD, *_STATUS, *_TOOK, *_REQUEST, "httpRequest.requestUrl", "url.full", "http.url"))
_HEADERS: Final = re.compile(r"(?:^|[._])(?:resp(?:onse)?_?|res\.)?headers\.|^header[s]?[._]", re.IGNORECASE)
_LOGFMT: Final = re.compile(r'([A-Za-z_@][\w.@-]{0,80})=("(?:[^"\\]|\\.)*"|[^\s"]*)')
_decode = msgspec.json.Decoder().decode
# In these two the unit is the writer's: ECS counts nanoseconds, Traefik does, OpenTelemetry's metrics seconds.
_OWN_UNITS: Final = {
    "event.duration": 1e-6,
    "http.server.request.duration": 1e3,
    "http.client.request.duration": 1e3,
}


def may_have_fields(fields: Mapping[str, Any]) -> bool:
    """Whether a document may tell of a call or of a quota; half a microsecond."""
    return not _TELLING.isdisjoint(fields) or any("imit" in name or "etry" in name for name in fields)


def read_fields(line: str) -> dict[str, Any] | None:
    """The fields of a line that is JSON or logfmt with a method, though it is no log record with level and message."""
    if line[:1] == "{" and line.rstrip()[-1:] == "}":
        try:
            found = _decode(line)
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            return None
        return flatten(found) if isinstance(found, dict) else None
    if "method=" in line or "verb=" in line:
        pairs = {name: value.strip('"') for name, value in _LOGFMT.findall(line)}
        return pairs if len(pairs) >= 3 else None
    return None


def call_in_fields(fields: Mapping[str, Any], clock: Clock) -> Call | None:
    """The call that `fields` tell of, or None: what was called and how it ended, or a quota's headers alone."""
    method, url, path = _text(fields, _METHOD), _text(fields, _URL), _text(fields, _PATH)
    host = _text(fields, _HOST)
    for name in _REQUEST:
        if isinstance(line := fields.get(name), str) and (request := _REQUEST_LINE.match(line)) is not None:
            method, url = method or request[1], url or request[2]
            break
    if url:
        at, whole = split_target(url)
        host = at or host
        path = path if path and path.startswith("/") and "http.route" in fields else whole
    headers = _headers(fields)
    status = _status(fields)
    took = _took(fields)
    called = bool(path or url) and (bool(method and method.isalpha()) or bool(url and "://" in url))
    failed = called and status is None and any(fields.get(name) for name in _FAILED)
    if not (called and (status is not None or took is not None or failed)):
        if not headers:
            return None
        return Call(
            time=_time(fields, clock), endpoint="", status=status, server_address=_address(host), headers=headers,
            service=_text(fields, _SERVICE), scope=_text(fields, _SCOPE),
        )  # fmt: skip
    return Call(
        time=_time(fields, clock),
        endpoint=endpoint_of(method, host, path),
        duration_ms=took,
        status=status,
        failed=failed,
        server_address=_address(host),
        service=_text(fields, _SERVICE),
        scope=_text(fields, _SCOPE),
        headers=headers,
    )


def _text(fields: Mapping[str, Any], names: list[str] | tuple[str, ...]) -> str | None:
    for name in names:
        value = fields.get(name)
        if isinstance(value, str) and value and value != "-":
            return value[:4096]
    return None


def _status(fields: Mapping[str, Any]) -> int | None:
    for name in _STATUS:
        value = fields.get(name)
        if isinstance(value, str) and len(value) == 3 and value.isdecimal():
            value = int(value)
        if isinstance(value, int) and not isinstance(value, bool) and 100 <= value <= 599:
            return value
    return None


def _took(fields: Mapping[str, Any]) -> float | None:
    for name in _TOOK:
        value = fields.get(name)
        if value is None:
            continue
        own = _OWN_UNITS.get(name)
        if name == "Duration" and "DownstreamStatus" in fields:
            own = 1e-6
        elif name == "duration" and "request.proto" in fields:  # Caddy: seconds
            own = 1e3
        if own is not None and isinstance(value, (int, float)) and not isinstance(value, bool) and value >= 0:
            return float(value) * own
        took = milliseconds_of(name if named_unit(name) is not None else name.replace("Milliseconds", "_ms"), value)
        if took is not None:
            return took
    return None


def _headers(fields: Mapping[str, Any]) -> dict[str, str]:
    """Of all fields those that are a quota's headers, by their own name behind the last dot of `...headers.`."""
    found: dict[str, str] = {}
    for name, value in fields.items():
        if "imit" not in name and "etry" not in name and "Limit" not in name and "RateLimit" not in name:
            continue
        header = _HEADERS.split(name)[-1].lower().replace("_", "-")
        if isinstance(value, list) and value and isinstance(value[0], str):
            value = value[0]
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            value = str(value)
        if isinstance(value, str) and is_quota_header(header):
            found[header] = value_of_header(value)
    return found


def _address(host: str | None) -> str | None:
    name = host_of(host)
    return None if not name or "{ip}" in name else name.partition(":")[0]


def _time(fields: Mapping[str, Any], clock: Clock) -> str:
    for name in _TIME:
        value = fields.get(name)
        if isinstance(value, (str, int, float)) and not isinstance(value, bool) and value != "":
            return clock.read(value)
    return clock.read(None)
