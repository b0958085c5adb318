"""The errors, calls and payload shapes of a Python program, to the fde sidecar beside it. Standard library only, Python 3.9+.

::

    import fde_sdk
    fde_sdk.init()                                   # uncaught errors, and what is logged from WARNING on

    fde_sdk.capture(error)                           # an error that was handled and not logged
    fde_sdk.call("GET api.example.com/v1/orders", duration_ms=81.5, status=200, headers=response.headers)
    fde_sdk.payload("example-api", "GET /v1/orders", "response", response.text, status=200)

It never blocks, never raises and never prints: what does not fit into its queue is counted, and the sidecar is told the
count with the next request that succeeds. Payload bodies are sent over loopback only; the sidecar keeps their shape and no
value. ``FDE_SDK_DISABLED=1`` turns it off. The sidecar's address is ``FDE_SDK_ENDPOINT``, else ``OTEL_EXPORTER_OTLP_ENDPOINT``,
else ``http://127.0.0.1:4318``. It sends OTLP/HTTP JSON, so that any OpenTelemetry collector takes it too.
"""

from __future__ import annotations

import asyncio
import functools
import json
import logging
import math
import os
import sys
import threading
import time
import traceback
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from fde_sdk.sender import MAX_RECORD, Sender

__all__ = ["call", "capture", "flush", "init", "payload"]

_Function = TypeVar("_Function", bound=Callable[..., Any])
_SAME_ERROR_S = 1.0  # logged, raised again and uncaught within so long: one error
_FORWARDED = ("limit", "quota", "retry", "throttl", "usage", "remaining", "reset", "-left")
_sender: Sender | None = None
_busy = threading.local()


def _harmless(function: _Function) -> _Function:
    """Nothing that goes wrong in here reaches the application, and nothing in here reports itself."""

    @functools.wraps(function)
    def guarded(*args: Any, **named: Any) -> Any:
        if _sender is None or getattr(_busy, "now", False) or _sender.is_me():
            return None
        _busy.now = True
        try:
            return function(*args, **named)
        except Exception:  # noqa: BLE001  the application comes first: an object's own __str__ may raise anything
            _sender.drop("sdk-error")
            return None
        finally:
            _busy.now = False

    return guarded  # type: ignore[return-value]


def init(*, service: str | None = None, endpoint: str | None = None, level: int = logging.WARNING) -> None:
    """Begin. Once a process; hooks that stood there before are called as before. `level`: what is logged below it is not sent."""
    global _sender
    off = os.environ.get("FDE_SDK_DISABLED", "") + os.environ.get("OTEL_SDK_DISABLED", "")
    if _sender is not None or off.lower().strip() not in ("", "0", "false"):
        return
    address = endpoint or os.environ.get("FDE_SDK_ENDPOINT") or os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT")
    name = service or os.environ.get("OTEL_SERVICE_NAME") or os.path.basename(sys.argv[0] if sys.argv else "")  # noqa: PTH119  imports nothing more
    try:
        _sender = Sender(address or "http://127.0.0.1:4318", name)
    except ValueError:  # an address that is none: the program goes on without telemetry
        return
    _hook_uncaught()
    _hook_asyncio()
    _hook_logging(level)


@_harmless
def capture(error: BaseException, message: str | None = None, *, scope: str | None = None) -> None:
    """Send an error with its traceback. `message`: what was being done; `scope`: the logger it would have been logged to."""
    _send(error, message, 17, time.time_ns(), scope)


@_harmless
def payload(source: str, operation: str, direction: str, body: Any, *, status: int | None = None) -> None:
    """A body whose shape is to be watched: JSON text, bytes, or an object that JSON can hold. `direction`: request, response."""
    if _sender is None or not _sender.loopback:
        return
    if isinstance(body, (bytes, bytearray)):
        body = bytes(body).decode("utf-8", "replace")
    text = body if isinstance(body, str) else json.dumps(body, default=str)
    if len(text) > MAX_RECORD:
        _sender.drop("too-large")
        return
    said = {"fde.source": source, "fde.operation": operation, "fde.direction": direction}
    _sender.put(_record("fde.payload", text, {**said, "http.response.status_code": status}, 9, time.time_ns()), None)


@_harmless
def call(
    endpoint: str,
    *,
    duration_ms: float | None = None,
    status: int | None = None,
    failed: bool = False,
    server_address: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> None:
    """One call to another system. `headers` of its response: those that speak of quotas are sent, no others."""
    said: dict[str, Any] = {"fde.endpoint": endpoint, "fde.duration_ms": duration_ms, "fde.failed": bool(failed)}
    said.update({"http.response.status_code": status, "server.address": server_address})
    for name, value in (headers or {}).items():
        if any(word in name.lower() for word in _FORWARDED):
            said[f"fde.header.{name.lower()}"] = str(value)
    if _sender is not None:
        _sender.put(_record("fde.call", None, said, 9, time.time_ns()), None)


def flush(timeout_s: float = 1.0) -> bool:
    """Wait until what was queued is with the sidecar, so long at most. It happens at exit by itself."""
    return _sender is None or _sender.flush(timeout_s)


def _send(error: BaseException | None, message: str | None, severity: int, at_ns: int, scope: str | None) -> None:
    said: dict[str, Any] = {}
    if error is not None:
        now = time.monotonic()
        if now - getattr(error, "__fde_told__", float("-inf")) < _SAME_ERROR_S:
            return
        try:
            error.__fde_told__ = now  # type: ignore[attr-defined]
        except Exception:  # noqa: BLE001, S110  an exception with slots, or that refuses: it may be told twice
            pass
        stack = "".join(traceback.format_exception(type(error), error, error.__traceback__)).rstrip("\n")
        kind = type(error)
        name = (
            kind.__qualname__
            if kind.__module__ in ("builtins", "__main__")
            else f"{kind.__module__}.{kind.__qualname__}"
        )
        said = {"exception.type": name, "exception.message": _cut(str(error), 8_000)}
        said["exception.stacktrace"] = _cut(stack, 64_000)
    if _sender is not None:
        _sender.put(_record(None, _cut(message, 8_000), said, severity, at_ns), scope)


def _record(name: str | None, body: str | None, said: Mapping[str, Any], severity: int, at_ns: int) -> dict[str, Any]:
    record: dict[str, Any] = {"timeUnixNano": str(at_ns), "severityNumber": severity}
    record["attributes"] = [{"key": key, "value": _value(each)} for key, each in said.items() if each is not None]
    if name:
        record["eventName"] = name
    if body is not None:
        record["body"] = {"stringValue": body}
    return record


def _value(value: Any) -> dict[str, Any]:
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        return {"intValue": str(value)}
    if isinstance(value, float):
        return {"doubleValue": value if math.isfinite(value) else str(value)}
    return {"stringValue": str(value)}


def _cut(text: str | None, limit: int) -> str | None:
    """Head and tail: a traceback says what failed at its end."""
    if text is None or len(text) <= limit:
        return text
    return f"{text[: limit // 2]}\n  [...]\n{text[-limit // 2 :]}"


def _hook_uncaught() -> None:
    before, before_thread = sys.excepthook, threading.excepthook

    def uncaught(kind: type[BaseException], error: BaseException, trace: Any) -> None:
        if not issubclass(kind, KeyboardInterrupt):
            capture(error)
        before(kind, error, trace)

    def uncaught_in_thread(args: Any) -> None:
        if args.exc_value is not None and not issubclass(args.exc_type, SystemExit):
            capture(args.exc_value)
        before_thread(args)

    sys.excepthook, threading.excepthook = uncaught, uncaught_in_thread


def _hook_asyncio() -> None:
    """Before the loop's own handler: one that the application set may log nothing."""
    before = asyncio.BaseEventLoop.call_exception_handler

    def unhandled(self: asyncio.BaseEventLoop, context: dict[str, Any]) -> None:
        if isinstance(error := context.get("exception"), Exception):
            capture(error, context.get("message"), scope="asyncio")
        before(self, context)

    asyncio.BaseEventLoop.call_exception_handler = unhandled  # type: ignore[method-assign]


def _hook_logging(level: int) -> None:
    """Behind all handlers and not among them: one on the root logger would make a later ``basicConfig()`` do nothing, and
    ``dictConfig()`` would take it away."""
    before = logging.Logger.callHandlers

    @_harmless
    def logged(record: logging.LogRecord) -> None:
        error = record.exc_info[1] if isinstance(record.exc_info, tuple) else None
        severity = 21 if record.levelno >= 50 else 17 if record.levelno >= 40 else 13 if record.levelno >= 30 else 9
        _send(error, record.getMessage(), severity, int(record.created * 1e9), record.name)

    def call_handlers(self: logging.Logger, record: logging.LogRecord) -> None:
        before(self, record)
        if record.levelno >= level:
            logged(record)

    logging.Logger.callHandlers = call_handlers  # type: ignore[method-assign]
