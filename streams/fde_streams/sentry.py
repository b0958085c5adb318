"""Sentry's events, as its SDKs send them, as `.../events/ID/json/` exports them, and in the API's form with `entries`.

fields -> event_of_sentry() -> ErrorEvent, its stack the text that the platform itself prints

Sources: develop.sentry.dev/sdk/data-model/event-payloads (exception, stacktrace, mechanism, message, contexts), and the API's
"retrieve an event". `exception.values` are ordered oldest first: the root cause, then what wrapped it.

What an event knows of a request is the one that the application served; only the SDK's HTTP-client integration describes the
one that failed, so nothing else is read as the failing server.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from fde_events.event import ErrorEvent
from fde_streams.piece import Unusable
from fde_streams.printed import Call, Raised, printed

_LEVELS: Final = {
    "fatal": "FATAL",
    "error": "ERROR",
    "warning": "WARN",
    "info": "INFO",
    "debug": "DEBUG",
    "log": "INFO",
}
_NO_ERROR: Final = frozenset({"transaction", "profile", "replay_event", "feedback", "check_in", "session", "sessions"})
_STATUS: Final = ("http.response.status_code", "http.status_code", "status_code", "http_status")
_ADDRESS: Final = ("server.address", "net.peer.name", "peer.address")
_MARKS: Final = frozenset("event_id eventID exception entries logentry sentry.interfaces.Exception culprit".split())
_URL: Final = re.compile(r"^[a-z]+://(?:[^/@]*@)?([^/:?#]+)(?::\d+)?(/[^?#]*)?")


def is_sentry(fields: Mapping[str, Any]) -> bool:
    """Whether an object is one of Sentry's events, by the names at its top."""
    found = _MARKS & fields.keys()
    return bool(found) and (found != {"exception"} or isinstance(fields["exception"], (dict, list)))


def holds_no_error(fields: Mapping[str, Any]) -> bool:
    """Whether Sentry means something else than an error by it: a transaction, a replay, a check-in."""
    return fields.get("type") in _NO_ERROR or ("spans" in fields and "exception" not in fields)


def event_of_sentry(fields: Mapping[str, Any]) -> ErrorEvent:
    """The event. :class:`Unusable` when it has neither an exception nor a message."""
    entries = _entries(fields)
    platform = _text(fields.get("platform")) or "other"
    tags, contexts = _tags(fields.get("tags")), _mapping(fields.get("contexts"))
    values = _values(fields.get("exception") or fields.get("sentry.interfaces.Exception") or entries.get("exception"))
    chain = _chain(values)
    raised = tuple(_raised(value, platform, contexts) for value in chain)
    body = _message(fields, entries)
    if not raised:
        metadata = _mapping(fields.get("metadata"))
        if (kind := _text(metadata.get("type"))) is not None:
            raised = (Raised(kind, _text(metadata.get("value")) or ""),)
    if not raised and body is None:
        raise Unusable("this Sentry event has neither an exception nor a message")
    status, address, path = _call(fields, entries, values, tags, contexts)
    outermost = raised[-1] if raised else None
    return ErrorEvent(
        time=_time(fields),
        severity=_LEVELS.get(_text(fields.get("level")) or tags.get("level", "error"), "ERROR"),
        service=tags.get("service") or tags.get("service.name"),
        scope=_text(fields.get("logger")) or tags.get("logger") or _text(fields.get("transaction")),
        body=body,
        exception_type=outermost.type if outermost else None,
        exception_message=outermost.message if outermost else None,
        exception_stacktrace=printed(raised, platform),
        http_status=status,
        server_address=address,
        url_path=path,
    )


def _entries(fields: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """The API's `entries` by their type."""
    listed = fields.get("entries")
    entries = [_mapping(entry) for entry in listed] if isinstance(listed, list) else []
    return {str(entry.get("type")): _mapping(entry.get("data")) for entry in reversed(entries)}


def _values(exception: Any) -> list[Mapping[str, Any]]:
    """The exceptions, oldest first: under `values`, as a bare list, or a lone one."""
    if isinstance(exception, dict):
        exception = exception.get("values", [exception])
    return [value for value in exception if isinstance(value, dict)] if isinstance(exception, list) else []


def _chain(values: list[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The exceptions that led to the captured one, root first. Of a group the first member speaks, as everywhere."""
    mechanisms = [_mapping(value.get("mechanism")) for value in values]
    parents = {_number(found, "exception_id"): _number(found, "parent_id") for found in mechanisms}
    if None in parents or len(parents) < len(values):
        return values  # no tree is told: the order is the chain
    by_id = {_number(found, "exception_id"): value for found, value in zip(mechanisms, values, strict=True)}
    at = next(
        (key for key, parent in parents.items() if parent is None or parent not in parents or parent == key), None
    )
    walked = []
    while at is not None and at in by_id:
        walked.append(by_id.pop(at))
        children = [key for key, parent in parents.items() if parent == at and key in by_id]
        at = min(children, key=lambda key: (_kinship(_mapping(by_id[key].get("mechanism"))), key or 0), default=None)
    return list(reversed(walked)) or values


def _kinship(mechanism: Mapping[str, Any]) -> int:
    """Members of a group come before what the group itself was raised from: they are why it was."""
    source = _text(mechanism.get("source")) or ""
    return 0 if source.endswith("]") else 1


def _raised(value: Mapping[str, Any], platform: str, contexts: Mapping[str, Any]) -> Raised:
    name, module = _text(value.get("type")), _text(value.get("module"))
    message = _text(value.get("value")) or ""
    if name is None:
        name = "Error"
    elif module and "." not in name and module not in ("builtins", "__main__", "exceptions") and platform != "node":
        name = f"{module}.{name}"
    stack = _mapping(value.get("stacktrace") or value.get("rawStacktrace") or value.get("raw_stacktrace"))
    frames = stack.get("frames")
    calls = tuple(_frame(frame) for frame in frames if isinstance(frame, dict)) if isinstance(frames, list) else ()
    extra = _mapping(contexts.get(name) or contexts.get(name.rsplit(".", 1)[-1]))
    told = tuple((str(key), _text(item)) for key, item in extra.items() if key in ("code", "status", "statusCode"))
    return Raised(name, message, calls, tuple((key, item) for key, item in told if item))


def _frame(frame: Mapping[str, Any]) -> Call:
    own = _first(frame, ("in_app", "inApp"))
    line = _first(frame, ("lineno", "lineNo"))
    return Call(
        path=_text(_first(frame, ("abs_path", "absPath", "filename"))) or "",
        name=_text(frame.get("filename")) or "",
        function=_text(frame.get("function")) or "",
        module=_text(frame.get("module")) or "",
        line=line if isinstance(line, int) else 0,
        own=own if isinstance(own, bool) else None,
    )


def _message(fields: Mapping[str, Any], entries: Mapping[str, Mapping[str, Any]]) -> str | None:
    for found in (
        fields.get("logentry"),
        fields.get("sentry.interfaces.Message"),
        entries.get("message"),
        fields.get("message"),
    ):
        if isinstance(found, str) and found:
            return found
        told = _mapping(found)
        formatted = _text(told.get("formatted"))
        if formatted:
            return formatted
        if (text := _text(told.get("message"))) is not None:
            return _filled(text, told.get("params"))
    return None


def _filled(text: str, params: Any) -> str:
    """The message with its parameters, where they fit."""
    try:
        if isinstance(params, list):
            return text % tuple(params)
        return text % params if isinstance(params, dict) else text
    except (TypeError, ValueError, KeyError):
        return text


def _call(
    fields: Mapping[str, Any],
    entries: Mapping[str, Mapping[str, Any]],
    values: Iterable[Mapping[str, Any]],
    tags: Mapping[str, str],
    contexts: Mapping[str, Any],
) -> tuple[int | None, str | None, str | None]:
    """Status, server and path of the call that failed, where the event says which that was."""
    status = next((int(tags[name]) for name in _STATUS if _is_status(tags.get(name))), None)
    address, path = next((tags[name] for name in _ADDRESS if tags.get(name)), None), tags.get("url.path")
    trace = _mapping(contexts.get("trace"))
    client = any("http.client" in str(_mapping(value.get("mechanism")).get("type", "")).lower() for value in values)
    if client or any("HttpClientError" in str(value.get("type")) for value in values):
        request = _mapping(fields.get("request") or entries.get("request"))
        if (found := _URL.match(_text(request.get("url")) or "")) is not None:
            address, path = address or found[1], path or found[2]
        answered = _text(_mapping(contexts.get("response")).get("status_code"))
        status = status or (int(answered) if answered and _is_status(answered) else None)
    elif trace.get("op") == "http.client":
        data = _mapping(trace.get("data"))
        answered = next((text for name in _STATUS if (text := _text(data.get(name)))), None)
        status = status or (int(answered) if answered and _is_status(answered) else None)
        address = address or next((text for name in _ADDRESS if (text := _text(data.get(name)))), None)
    return status, address, path


def _is_status(text: str | None) -> bool:
    return bool(text) and str(text).isascii() and str(text).isdecimal() and 100 <= int(str(text)) <= 599


def _tags(tags: Any) -> dict[str, str]:
    """Tags as a mapping, as pairs, or as the API lists them."""
    pairs: Iterable[Any] = tags.items() if isinstance(tags, dict) else tags if isinstance(tags, list) else ()
    found = {}
    for pair in pairs:
        name, value = (pair.get("key"), pair.get("value")) if isinstance(pair, dict) else (None, None)
        if isinstance(pair, (list, tuple)) and len(pair) == 2:
            name, value = pair
        if isinstance(name, str) and (text := _text(value)) is not None:
            found[name] = text
    return found


def _time(fields: Mapping[str, Any]) -> str:
    for name in ("timestamp", "datetime", "dateCreated", "received", "dateReceived"):
        value = fields.get(name)
        if isinstance(value, str) and value:
            return value
        if isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value < 253_402_300_800:
            return datetime.fromtimestamp(value, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return ""


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _first(fields: Mapping[str, Any], names: tuple[str, ...]) -> Any:
    return next((fields[name] for name in names if fields.get(name) is not None), None)


def _number(fields: Mapping[str, Any], name: str) -> int | None:
    value = fields.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _text(value: Any) -> str | None:
    if isinstance(value, str):
        return value or None
    if isinstance(value, bool) or value is None or isinstance(value, (list, dict)):
        return None
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
