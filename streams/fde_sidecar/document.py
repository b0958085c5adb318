"""JSON log lines, whoever wrote them: structlog, pino, bunyan, winston, OpenTelemetry, python-json-logger, ECS, zap, logfmt.

line -> read_document() -> flat fields -> LoggedFields

Fields are looked up by the names these writers use, first match wins. A nested object is read by its dotted path, and an
OpenTelemetry `attributes` or `resource` object as if its members stood at the top.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from fde_sidecar.header import DEBUG, ERROR, FATAL, INFO, LEVELS, WARN

_LEVEL: Final = (
    "level level.name severity_text severityText severity levelname log.level loglevel log_level lvl @l level_name priority "
    "severityNumber severity_number"
).split()
_MESSAGE: Final = "event msg message body @m @mt short_message text".split()
_TIME: Final = (
    "timestamp time time.timestamp @timestamp ts asctime @t datetime timeUnixNano time_unix_nano observed_timestamp date eventTime"
).split()
_SCOPE: Final = (
    "logger logger_name log.logger loggerName otel.scope.name scope.name scope instrumentation_scope.name "
    "instrumentationScope.name code.namespace component context name module"
).split()
_PINO_SCOPE: Final = "module component context logger name".split()
_SERVICE: Final = "service.name service app application app_name serviceName".split()
_TYPE: Final = (
    "exception.type errorType exc_type error.type err.type exception_type error_type err.name error.name exception.class "
    "exception.exception_class error.kind exc_info.type exception.exc_type error.class exception.name"
).split()
_SAID: Final = (
    "exception.message errorMessage err.message error.message exc_message exception_message error_message err.msg "
    "exception.exception_message exc_value exception.exc_value exception.value error.msg error_description"
).split()
_STACK: Final = (
    "exception.stacktrace err.stack error.stack error.stack_trace error.stacktrace exception.stack exception.stack_trace "
    "exception.backtrace stack_trace stacktrace stackTrace stack exception exc_info exc_text traceback @x error.traceback"
).split()
_ONE_LINE: Final = ("error", "err", "exception", "exc", "reason", "cause", "errorMessage")
_STATUS: Final = (
    "http.response.status_code http.status_code status_code statusCode http_status httpStatus err.statusCode err.status "
    "error.statusCode error.status response.status response.status_code res.statusCode http.status err.status_code status"
).split()
_METHOD: Final = "http.request.method http.method method request.method req.method http_method".split()
_ADDRESS: Final = "server.address net.peer.name server_address peer.address url.domain http.host upstream_host".split()
_PATH: Final = "url.path http.target http.path request.path req.path".split()
_URL: Final = "url.full http.url request.url err.config.url config.url url req.url".split()

_decode = msgspec.json.Decoder().decode
_LOGFMT: Final = re.compile(r'([A-Za-z_@][\w.@-]*)=("(?:[^"\\]|\\.)*"|[^\s"]*)')
_ESCAPE: Final = re.compile(r"\\(.)", re.DOTALL)
_ESCAPED: Final = {"n": "\n", "t": "\t", "r": "\r"}
_PRINTED: Final = re.compile(
    r"Traceback \(most recent call last\)|\n[ \t]+at \S|^[ |]*File \"[^\"\n]+\", line \d", re.MULTILINE
)
_LOGFMT_LEVEL: Final = re.compile(r"(?:^|\s)(?:level|lvl|severity)=\"?[A-Za-z]+\"?(?=\s|$)")


@dataclass(frozen=True, slots=True)
class LoggedFields:
    """What a JSON line says of itself, in our words. `said` is the exception's own message."""

    level: int | None
    time: str | float | None
    message: str | None
    scope: str | None
    service: str | None
    type: str | None
    said: str | None
    stack: str | None
    status: int | None
    method: str | None
    address: str | None
    path: str | None
    url: str | None


def read_document(line: str) -> dict[str, Any] | None:
    """The fields of a JSON or logfmt log line; None for anything else, JSON that is no log record included."""
    if line[:1] == "{" and line.rstrip()[-1:] == "}":
        try:
            found = _decode(line)
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            return None
        if not isinstance(found, dict):
            return None
        if isinstance(found.get("log"), str) and "stream" in found:  # Docker's json-file around another line
            inner = read_document(found["log"].rstrip("\n"))
            return inner or {"message": found["log"], "time": found.get("time"), "level": None, "wrapped": True}
        record = found.get("record")
        if isinstance(record, dict) and isinstance(found.get("text"), str):  # loguru with serialize=True
            found = {**record, "level": record.get("level"), "text": found["text"]}
            if _PRINTED.search(found["text"]):
                found["stack"] = found["text"]
        flat = flatten(found)
        if _first(flat, _LEVEL) is not None and (_first(flat, _MESSAGE) is not None or _first(flat, _STACK)):
            return flat
        if _first(flat, _TIME) is not None and _first(flat, _MESSAGE) is not None:
            return flat
        return None
    if ("level=" in line or "lvl=" in line or "severity=" in line) and _LOGFMT_LEVEL.search(line):
        pairs = {name: _unquote(value) for name, value in _LOGFMT.findall(line)}
        if any(name in pairs for name in _MESSAGE):
            return pairs
    return None


def flatten(document: dict[str, Any], prefix: str = "", depth: int = 0) -> dict[str, Any]:
    """Nested objects to dotted names, five levels deep. Lists stay as they are. A flat document is given back itself."""
    if dict not in map(type, document.values()):
        return document if not prefix else {f"{prefix}{name}": value for name, value in document.items()}
    flat: dict[str, Any] = {}
    for name, value in document.items():
        at_top = depth == 0 and name in ("attributes", "resource", "fields", "extra")
        path = prefix if at_top else f"{prefix}{name}"
        if isinstance(value, dict) and depth < 5:
            inner = flatten(value, "" if at_top else f"{path}.", depth + 1)
            for key, item in inner.items():
                key = key.removeprefix("attributes.") if at_top else key
                flat.setdefault(key, item)
        elif at_top:
            flat.setdefault(name, value)
        else:
            flat[path] = value
    return flat


def level_and_time(flat: dict[str, Any]) -> tuple[int | None, str | float | None]:
    """What is enough to leave a record out, and what the clock must know of it all the same."""
    return _level(flat)[0], _time(flat)


def logged(flat: dict[str, Any]) -> LoggedFields:
    """The named fields of a flat document."""
    level, numeric = _level(flat)
    stack = _stack(flat)
    said, kind = _text(_first(flat, _SAID)), _text(_first(flat, _TYPE))
    if stack is None and said is None:
        said = next((text for name in _ONE_LINE if (text := _text(flat.get(name)))), None)
    return LoggedFields(
        level=level,
        time=_time(flat),
        message=_text(_first(flat, _MESSAGE)),
        scope=_text(_first(flat, _PINO_SCOPE if numeric else _SCOPE)),
        service=_text(_first(flat, [*_SERVICE, "name"] if numeric else _SERVICE)),
        type=kind,
        said=said,
        stack=stack,
        status=_status(flat),
        method=_text(_first(flat, _METHOD)),
        address=_text(_first(flat, _ADDRESS)),
        path=_text(_first(flat, _PATH)),
        url=_text(_first(flat, _URL)),
    )


def _first(flat: dict[str, Any], names: Iterable[str]) -> Any:
    for name in names:
        value = flat.get(name)
        if value is not None and value != "":
            return value
    return None


def _text(value: Any) -> str | None:
    if isinstance(value, str):
        return value
    if isinstance(value, bool) or value is None or isinstance(value, (list, dict)):
        return None
    return str(value)


def _level(flat: dict[str, Any]) -> tuple[int | None, bool]:
    """Our level, and whether it was pino's or bunyan's number (which tells the writer)."""
    value = _first(flat, _LEVEL)
    if isinstance(value, str):
        name = value.strip().lower()
        if name.isdecimal():
            value = int(name)
        else:
            return LEVELS.get(name), False
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None, False
    if value <= 8 and _first(flat, ("level", "priority")) == value:  # syslog: 0 is worst
        return (FATAL if value < 3 else ERROR if value == 3 else WARN if value == 4 else INFO), False
    if flat.get("level") == value:
        steps = ((60, FATAL), (50, ERROR), (40, WARN), (30, INFO))
    else:  # OpenTelemetry severity numbers
        steps = ((21, FATAL), (17, ERROR), (13, WARN), (9, INFO))
    return next((level for least, level in steps if value >= least), DEBUG), flat.get("level") == value


def _time(flat: dict[str, Any]) -> str | float | None:
    value = _first(flat, _TIME)
    return value if isinstance(value, (str, int, float)) and not isinstance(value, bool) else None


def _stack(flat: dict[str, Any]) -> str | None:
    for name in _STACK:
        value = flat.get(name)
        if isinstance(value, str) and _is_printed(value):
            return value
        if isinstance(value, str) and "stack" in name.lower() and "\n" in value:
            return value  # an error printed as an object, its frames left out
        if isinstance(value, list) and value and all(isinstance(part, dict) for part in value):
            return _from_frames(value)
        if isinstance(value, list) and value and all(isinstance(part, str) for part in value):
            text = "\n".join(part.rstrip("\n") for part in value)
            if _is_printed(text):
                return text
    for value in flat.values():  # a stack under a name of the application's own
        if isinstance(value, str) and _is_printed(value):
            return value
    return None


def _is_printed(text: str) -> bool:
    """Whether a text holds frames. Most texts of a document are one line without any of the words."""
    return ("\n" in text or "Traceback" in text or 'File "' in text) and _PRINTED.search(text) is not None


def _from_frames(exceptions: list[dict[str, Any]]) -> str | None:
    """structlog's dict_tracebacks, back to the text Python prints: innermost exception last in the list, so reversed."""
    parts = []
    for number, exception in enumerate(reversed(exceptions)):
        if "exc_type" not in exception:
            return None
        frames = [frame for frame in exception.get("frames") or () if isinstance(frame, dict)]
        if number:
            caused = "The above exception was the direct cause of the following exception:"
            parts += ["", caused, ""]
        parts.append("Traceback (most recent call last):")
        for frame in frames:
            parts.append(f'  File "{frame.get("filename")}", line {frame.get("lineno")}, in {frame.get("name")}')
            if frame.get("line"):
                parts.append(f"    {frame['line']}")
        parts.append(f"{exception['exc_type']}: {exception.get('exc_value', '')}")
    return "\n".join(parts)


def _status(flat: dict[str, Any]) -> int | None:
    for name in _STATUS:
        value = flat.get(name)
        if isinstance(value, str) and value.isdecimal():
            value = int(value)
        if isinstance(value, int) and not isinstance(value, bool) and 100 <= value <= 599:
            return value
    return None


def _unquote(value: str) -> str:
    if value[:1] != '"':
        return value
    return _ESCAPE.sub(lambda found: _ESCAPED.get(found[1], found[1]), value[1:-1])
