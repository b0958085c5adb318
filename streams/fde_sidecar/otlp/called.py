"""Calls as attributes tell them: of a span, of a metric's data point, or of a record of our own SDKs.

attributes (semantic conventions, of today and of before) -> called() -> Called(endpoint, address, status, ...)
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from fde_events.otlp import first_text
from fde_sidecar.endpoint import endpoint_of, host_of, template_of

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
_PORT: Final = re.compile(r":\d+$")
# Wide on purpose: which headers are quotas is the catalogue's word, said where they are read.
_QUOTA: Final = re.compile(r"limit|quota|retry|throttl|usage|remaining|reset|-left", re.IGNORECASE)
_SCHEME: Final = re.compile(r"^[a-z][a-z0-9+.-]*://", re.IGNORECASE)
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
        family, endpoint = "http", endpoint_of(method, address, path)
    else:
        system = first_text(told, _SYSTEM)
        service, name = first_text(told, ("rpc.service",)), first_text(told, ("rpc.method",))
        operation = first_text(told, _OPERATION)
        if service or name:
            family, endpoint = "rpc", endpoint_of("RPC", address, "/".join(part for part in (service, name) if part))
        elif system is None:
            return None
        else:
            family = "messaging" if any(key.startswith("messaging.") for key in told) else "db"
            target = first_text(told, _TARGET)
            verb = (operation or family).upper().replace(" ", "-")[:40]
            endpoint = f"{verb} {host_of(address)}{template_of('/'.join(part for part in (system, target) if part))}"
    error = told.get("error.type")
    rpc = told.get("rpc.grpc.status_code")
    failed = (isinstance(error, (str, int)) and bool(error)) or (isinstance(rpc, int) and rpc != 0)
    return Called(endpoint[:512], family, address, status, failed, quota_headers(told, _HEADER))


def endpoint_told(text: str) -> str:
    """What an application calls an endpoint itself, without the ids it may have left in: ``GET api.example.com/v1/orders/81``."""
    verb, _, place = text.strip().rpartition(" ")
    host, slash, path = _SCHEME.sub("", place).partition("/")
    return f"{verb[:60]} {host_of(host) or host[:60]}{template_of(path) if slash else ''}".strip()[:300]


def quota_headers(told: Mapping[str, Any], prefix: str) -> dict[str, str]:
    """The response headers among attributes that speak of quotas, by lower-case name."""
    found = {}
    for key, value in told.items():
        if key.startswith(prefix) and _QUOTA.search(name := key[len(prefix) :].lower().replace("_", "-")):
            first = value[0] if isinstance(value, list) and value else value
            if isinstance(first, (str, int, float)) and not isinstance(first, bool):
                found[name] = str(first)[:200]
    return found


def _status(told: Mapping[str, Any]) -> int | None:
    text = first_text(told, _STATUS)
    return int(text) if text and len(text) == 3 and text.isdecimal() and 100 <= int(text) <= 599 else None
