"""Calls in lines of text. One request line is looked for, then what stands before and after it is asked for the rest.

line -> may_tell() -> call_in_line() -> Call

Every pattern is linear: each repetition is bounded, or stops at a character that the next part needs.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Final

from fde_sidecar.clock import Clock, rfc3339
from fde_sidecar.duration import keyed_milliseconds, milliseconds_in
from fde_sidecar.endpoint import endpoint_of, host_of
from fde_sidecar.quota import headers_in
from fde_sidecar.reading import Call
from fde_sidecar.vendors import is_reference

_METHOD: Final = "GET|POST|PUT|PATCH|DELETE|HEAD|OPTIONS"
_REQUEST: Final = re.compile(
    rf"(?<![\w/.-])({_METHOD})(?![\w-])['\"]?[\s:,|]{{1,12}}(?:(?:request )?(?:to|for|url|uri|path) ?[:=]? ?)?['\"(]{{0,2}}((?:https?://|/)[^\s\"<>|]*)"
)
_URL: Final = re.compile(r"https?://[^\s\"'<>|]+")
_PARTS: Final = re.compile(r"https?://(?:[^/@\s]*@)?([^/?#]*)([^?#]*)")
_BASE: Final = re.compile(r"https?://(?:[^\s/@\"']*@)?([\w.:\[\]-]{1,253})\s+['\"]?$")
_VHOST: Final = re.compile(r"(?:^|\s)(?:host|vhost|server_name|upstream_host)[=:]\s?\"?([\w.:-]{1,253})")
_UNIT: Final = (
    r"\s?(?:[munµμ]?s|msecs?|millis\w*|micros\w*|secs?|seconds?|bytes|[kKMG]i?B|B|rows?|items?|records?|results?)\b"
)
_CODE: Final = rf"([1-5]\d\d)(?![\w%:/-])(?!\.\d)(?!{_UNIT})"
_AFTER: Final = re.compile(
    r"['\")\]]{0,3}[^\w\n]{0,8}(?:(?:HTTP/\d(?:\.\d)?|HTTP|returned|responded|response|completed|finished|failed|answered|got|"
    rf"received|gave|with|from server|status(?:[ _-]?code)?|code|error)\b[^\w\n]{{0,5}}){{0,6}}{_CODE}"
)
_NAMED: Final = re.compile(
    rf"\b(?:status(?:[ _-]?code)?|response[ _]code|HTTP/\d(?:\.\d)?|HTTP error|code)['\"]?\s?[=:]?\s?['\"]?{_CODE}",
    re.IGNORECASE,
)
_DASHED: Final = re.compile(rf" - {_CODE}")
_BARRED: Final = re.compile(r"\|\s{0,3}([1-5]\d\d)\s{0,3}\|")
_ERROR: Final = re.compile(
    r"(?<![\w.])([45]\d\d) (?:Client|Server) Error\b|(?:Client|Server) error '([45]\d\d) |<-- ([1-5]\d\d)\b"
)
_FAILED: Final = re.compile(
    r"\b(?:fail(?:ed|ure)|timed? ?out|timeout after|ECONN\w{3,20}|ETIMEDOUT|ENOTFOUND|refused|reset by peer|socket hang up|aborted|"
    r"unreachable|exception|net::ERR_\w{3,40})",
    re.IGNORECASE,
)
_OVERCOME: Final = re.compile(r"\b(?:failed: ?0|0 failed|retry(?:ing)?)\b", re.IGNORECASE)
# What stands before a call that is still to be made.
_PLANNED: Final = re.compile(
    r"\b(?:retry(?:ing)?|will (?:call|send)|start(?:ed|ing)|sending|scheduled?|queued?)\b[^.;]{0,30}$", re.IGNORECASE
)
# The forms that name no unit. Each has the duration in its own: milliseconds for Envoy and HAProxy, seconds for the others.
_ENVOY: Final = re.compile(
    r"^[^\"]{0,20}\" \d{3} \S{1,40} (?:\S{1,80} (?:\"[^\"]{0,200}\"|-) (?:\"[^\"]{0,200}\"|-) )?\d{1,15} \d{1,15} (\d{1,12}) (?:\d{1,12}|-) "
)
_ENVOY_HOST: Final = re.compile(r"(?:\"[^\"]{0,500}\"[ ]){3}\"([\w.:-]{1,253})\" ")
_HAPROXY: Final = re.compile(r" -?\d{1,9}/-?\d{1,9}/-?\d{1,9}/-?\d{1,9}/\+?(\d{1,9}) ([1-5]\d\d|-1) ")
_BALANCER: Final = re.compile(r" (-1|\d{1,6}\.\d{3,6}) (-1|\d{1,6}\.\d{3,6}) (-1|\d{1,6}\.\d{3,6}) ([1-5]\d\d|-) ")
_NGINX: Final = re.compile(r"\"(?: (?:-|\"[^\"]{0,200}\"))? (\d{1,6}\.\d{3})(?: (?:\d{1,6}\.\d{3}|-|\.|\"-\"))?\s*$")
_COMMON: Final = re.compile(r"\[(\d\d)/([A-Z][a-z]{2})/(\d{4}):(\d\d:\d\d:\d\d)(?:\.\d{1,9})? ([+-]\d{4})\]")
_WHEN: Final = re.compile(
    r"(\d{4}[-/]\d\d[-/]\d\d)(?:[T ]| - )(\d\d:\d\d(?::\d\d)?(?:[.,]\d{1,9})?)\s?(Z|UTC|GMT|[+-]\d\d:?\d\d)?"
)
_MONTHS: Final = {
    name: number for number, name in enumerate("Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(), 1)
}


def may_tell(text: str) -> bool:
    """Whether a line may tell of a call or of a quota: literals only, a few hundred nanoseconds."""
    if "/" in text and (
        "GET" in text
        or "POST" in text
        or "://" in text
        or "PUT" in text
        or "PATCH" in text
        or "DELETE" in text
        or "HEAD" in text
    ):
        return True
    return "imit" in text or "etry-" in text or (text[:1] == "{" and '"method"' in text)


def call_in_line(line: str, time: str | None, clock: Clock, fields: Mapping[str, object] | None = None) -> Call | None:
    """The call a line tells of, or None. `time` is the record's own timestamp, `fields` the document the line is from."""
    headers = headers_in(line)
    found = _REQUEST.search(line)
    if found is not None:
        call = _requested(line, found)
    elif "://" in line:
        call = _addressed(line)
    else:
        call = None
    if call is None:
        if not headers:
            return None
        call = ("", None, None, None, False)
    endpoint, address, status, took, failed = call
    service = fields.get("service.name") or fields.get("service") if fields else None
    scope = fields.get("logger") or fields.get("logger_name") if fields else None
    stamp = fields.get("timestamp") or fields.get("time") or fields.get("ts") if fields else None
    return Call(
        time=clock.read(stamp) if isinstance(stamp, (str, int, float)) else _time(line, time, clock),
        endpoint=endpoint,
        duration_ms=took,
        status=status,
        failed=failed,
        server_address=address,
        service=service if isinstance(service, str) else None,
        scope=scope if isinstance(scope, str) else None,
        headers=headers,
    )


_Told = tuple[str, str | None, int | None, float | None, bool]


def _requested(line: str, found: re.Match[str]) -> _Told | None:
    """A method and what it was used on."""
    target = found[2]
    if _PLANNED.search(line[max(0, found.start() - 40) : found.start()]):
        return None
    head, tail = line[: found.start()], line[found.end() :]
    stripped = target.rstrip("'),;.:]}\\")
    if len(stripped) < len(target) and stripped:
        target, tail = stripped, target[len(stripped) :] + tail
    host, path = split_target(target)
    if host is None and "://" in head and (base := _BASE.search(head[-300:])):
        host = base[1]
    if host is None and "host" in line and (named := _VHOST.search(head) or _VHOST.search(tail)):
        host = named[1]
    status, took = _framed(head, tail)
    if status is None:
        status = _status(head, tail)
    if took is None:
        took = milliseconds_in(tail)
        if took is None:
            took = milliseconds_in(head)
    if host is None and took is not None and (proxied := _ENVOY_HOST.search(tail[:3000])):
        host = proxied[1]
    failed = status is None and _FAILED.search(tail[:600]) is not None and _OVERCOME.search(tail[:600]) is None
    if status is None and took is None and not failed:
        return None
    return endpoint_of(found[1], host, path), _address(host), status, took, failed


def _addressed(line: str) -> _Told | None:
    """A URL without a method, where the line says plainly that it was answered: with an error, or as a client's reply."""
    error = _ERROR.search(line)
    if error is None:
        return None
    status = int(error[1] or error[2] or error[3])
    for url in _URL.finditer(line):
        host, path = split_target(url[0].rstrip("'),;.:]}\\"))
        if host and not is_reference(host, path):
            return endpoint_of(None, host, path), _address(host), status, milliseconds_in(line[url.end() :]), False
    return None


def split_target(target: str) -> tuple[str | None, str]:
    """Host (with its port) and path of a request's target, absolute or relative."""
    if target[:1] == "/":
        return None, target
    parts = _PARTS.match(target)
    return (parts[1] or None, parts[2] or "/") if parts else (None, target)


def _address(host: str | None) -> str | None:
    name = host_of(host)
    return None if not name or "{ip}" in name else name.partition(":")[0]


def _framed(head: str, tail: str) -> tuple[int | None, float | None]:
    """Status and milliseconds of the forms that name no unit."""
    if (envoy := _ENVOY.match(tail[:1200])) is not None:
        return None, float(envoy[1])
    if "/" in head and (haproxy := _HAPROXY.search(head)) is not None:
        return (int(haproxy[2]) if haproxy[2] != "-1" else None), float(haproxy[1])
    if "." in head and (balancer := _BALANCER.search(head)) is not None:
        took = [float(part) for part in balancer.groups()[:3]]
        status = int(balancer[4]) if balancer[4] != "-" else None
        return status, None if min(took) < 0 else 1000 * sum(took)
    if (keyed := keyed_milliseconds(tail)) is not None:
        return None, keyed
    if (nginx := _NGINX.search(tail[-300:])) is not None:
        return None, 1000 * float(nginx[1])
    return None, None


def _status(head: str, tail: str) -> int | None:
    near = tail[:400]
    if near[:1] == " " and near[1:5] == "HTTP":  # the rest of a request line: `GET /x HTTP/1.1" 200`
        near = near.partition('"')[2] or near
    found = _AFTER.match(near) or _NAMED.search(near) or _DASHED.search(near)
    if found is None and head:
        found = _BARRED.search(head) or _NAMED.search(head[-200:])
        if found is None and (error := _ERROR.search(head)):
            return int(error[1] or error[2] or error[3])
    return int(found[1]) if found else None


def _time(line: str, time: str | None, clock: Clock) -> str:
    """The line's own date, RFC 3339 UTC: the common log format's, or ISO 8601 near its start; else the clock's."""
    if time is None:
        if (common := _COMMON.search(line[:600])) is not None and common[2] in _MONTHS:
            day, month, year, of_day, zone = common.groups()
            try:
                moment = datetime.fromisoformat(f"{year}-{_MONTHS[month]:02}-{day}T{of_day}{zone[:3]}:{zone[3:]}")
                return rfc3339(moment)
            except (ValueError, OverflowError):
                return clock.read(None)
        if (when := _WHEN.search(line[:200])) is not None:
            time = f"{when[1]} {when[2]}{when[3] or ''}"
    return clock.read(time)
