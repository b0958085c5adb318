"""Endpoints: what calls are compared under, from the attributes of a span or of a metric's data point.

attributes (semantic conventions, of today and of before) -> called() -> Called(endpoint, address, status, ...)
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from fde_events.otlp import first_text

_METHOD: Final = ("http.request.method", "http.method")
_ROUTE: Final = ("http.route",)
_TEMPLATE: Final = ("url.template", "http.route")
_PATH: Final = ("url.path", "http.target", "http.path")
_URL: Final = ("url.full", "http.url")
_ADDRESS: Final = ("server.address", "net.peer.name", "http.host", "net.sock.peer.name", "peer.address", "peer.service")
_STATUS: Final = ("http.response.status_code", "http.status_code")
_SYSTEM: Final = ("db.system.name", "db.system", "rpc.system.name", "rpc.system", "messaging.system")
_OPERATION: Final = ("db.operation.name", "db.operation", "messaging.operation.name", "messaging.operation", "messaging.operation.type")  # fmt: skip
_TARGET: Final = ("db.collection.name", "db.sql.table", "db.mongodb.collection", "messaging.destination.template", "messaging.destination.name", "messaging.destination", "db.stored_procedure.name")  # fmt: skip
_FULL: Final = re.compile(r"[a-z][a-z0-9+.-]*://(?:[^/@\s]*@)?([^/:?#\s]+)(?::\d+)?(/[^?#\s]*)?", re.IGNORECASE)
# A part of a path that is no id: a word, or a version. Anything with other digits or of great length is one.
_WORD: Final = re.compile(r"(?:v\d{1,2}(?:\.\d{1,2})?|[A-Za-z][A-Za-z_.~-]{0,31}|\{[\w.-]{1,40}\}|:[A-Za-z]\w{0,39})")
_HEX: Final = re.compile(r"[0-9a-f-]{12,}", re.IGNORECASE)
_PARTS: Final = 10
_PORT: Final = re.compile(r":\d+$")
_QUOTA: Final = re.compile(r"retry-after|rate-?limit|quota|(?:^|-)limit-(?:remaining|reset)", re.IGNORECASE)
_HEADER: Final = "http.response.header."


@dataclass(frozen=True, slots=True)
class Called:
    """One call as attributes tell it. `status` is HTTP's; `family` is http, rpc, db or messaging."""

    endpoint: str
    family: str
    address: str | None
    status: int | None
    error: bool
    headers: Mapping[str, str]


def called(told: Mapping[str, Any], *, incoming: bool) -> Called | None:
    """The call of one span or data point; None when the attributes tell of none."""
    url = _FULL.match(first_text(told, _URL) or "")
    host = first_text(told, _ADDRESS) or (url[1] if url else None)
    address = None if incoming or host is None else _PORT.sub("", host)
    status = _status(told)
    method = first_text(told, _METHOD)
    if method is not None:
        route = first_text(told, _ROUTE if incoming else _TEMPLATE)
        path = route or first_text(told, _PATH) or (url[2] if url else None)
        family, endpoint = "http", f"{method.upper()[:16]} {address or ''}{without_ids(path) if path else ''}".rstrip()
    else:
        system = first_text(told, _SYSTEM)
        service, name = first_text(told, ("rpc.service",)), first_text(told, ("rpc.method",))
        operation = first_text(told, _OPERATION)
        if service or name:
            family, path = "rpc", "/".join(part for part in (service, name) if part)
            endpoint = f"{system or 'rpc'} {_place(address, path)}"
        elif system is None:
            return None
        else:
            family = "messaging" if any(key.startswith("messaging.") for key in told) else "db"
            target = first_text(told, _TARGET)
            endpoint = f"{system} {_place(address, without_ids(target) if target else '')} {operation or ''}".rstrip()
    error = told.get("error.type")
    rpc = told.get("rpc.grpc.status_code")
    failed = (isinstance(error, (str, int)) and bool(error)) or (isinstance(rpc, int) and rpc != 0)
    return Called(endpoint[:300], family, address, status, failed, quota_headers(told, _HEADER))


def without_ids(path: str) -> str:
    """A path with its ids taken out: ``/v1/orders/8123?x=1`` is ``/v1/orders/{id}``; no more than ten parts of it."""
    parts = path.partition("?")[0].partition("#")[0].split("/")
    kept = [part if not part or (_WORD.fullmatch(part) and not _HEX.fullmatch(part)) else "{id}" for part in parts]
    return "/".join(kept[: _PARTS + 1]) + ("/..." if len(kept) > _PARTS + 1 else "")


def quota_headers(told: Mapping[str, Any], prefix: str) -> dict[str, str]:
    """The response headers among attributes that speak of quotas, by lower-case name."""
    found = {}
    for key, value in told.items():
        if key.startswith(prefix) and _QUOTA.search(name := key[len(prefix) :].lower().replace("_", "-")):
            first = value[0] if isinstance(value, list) and value else value
            if isinstance(first, (str, int, float)) and not isinstance(first, bool):
                found[name] = str(first)[:200]
    return found


def _place(address: str | None, path: str) -> str:
    return f"{address}/{path}" if address and path else address or path


def _status(told: Mapping[str, Any]) -> int | None:
    text = first_text(told, _STATUS)
    return int(text) if text and len(text) == 3 and text.isdecimal() and 100 <= int(text) <= 599 else None
