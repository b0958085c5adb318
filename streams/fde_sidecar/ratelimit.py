"""Rate limits: told by an error (429, Retry-After, or words of a quota), by a call's status, or by its headers before it is hit.

ErrorEvent -> Quotas.of_error() -> RateLimitEvent; Call -> Quotas.of_call() -> RateLimitEvent, ...

One answer is often told twice, by the client's log line and by the error that follows: :class:`Quotas` lets it out once. A
header's value never leaves; what leaves is whose quota it is, of which class, and how long to wait.
"""

from __future__ import annotations

import re
from collections import OrderedDict, deque
from datetime import UTC, datetime
from typing import Final, Literal

from fde_events.event import ErrorEvent, RateLimitEvent
from fde_events.vendors import GENERAL, VENDORS, Meaning, vendor_of_library
from fde_sidecar.quota import Quota, quotas_in, retry_after_s
from fde_sidecar.reading import Call
from fde_sidecar.trigger import Mentions
from fde_sidecar.vendors import vendor_of

# Over text in lower case.
_TOLD: Final = re.compile(
    r"\b429\b(?!\s?(?:ms|s\b|bytes|rows|items))|too many requests|rate.?limit(?:ed|s|ing)?\b(?! remaining)|rate.?limit.?(?:exceeded|reached|error)"
    r"|retry-after|quota.?(?:exceeded|exhausted)|exceeded.{0,40}\bquota|throttl(?:ed|ing)|slow ?down|resource_exhausted|"
    r"request_limit_exceeded|toomanyrequests|throughput ?exceeded|requestlimitexceeded|limit (?:reached|exceeded)"
)
_RETRY: Final = re.compile(
    r"(?:retry[-_ ]?after['\"]?\s*[:=]?\s*['\"]?|(?:try|retry) again in |retry (?:after|in) )(\d{1,12}(?:\.\d{1,9})?)\s*(ms|milliseconds|s\b|sec|seconds|m\b|min|minutes|h\b|hours)?",
    re.IGNORECASE,
)
_UNITS: Final = {"ms": 0.001, "mi": 60.0, "m": 60.0, "h": 3600.0, "ho": 3600.0}
_MILLI: Final = "milli"
_CLASSES: Final[tuple[tuple[str, re.Pattern[str]], ...]] = (
    ("daily-quota", re.compile(r"\b(?:daily|per day|24[- ]?hours?|RPD|TPD|REQUEST_LIMIT_EXCEEDED|TotalRequests)\b", re.IGNORECASE)),
    ("concurrency", re.compile(r"concurren|simultaneous|parallel|too many connections", re.IGNORECASE)),
    ("burst", re.compile(r"burst|per (?:second|min(?:ute)?)|\b(?:RPM|TPM|RPS|QPS)\b|slow ?down", re.IGNORECASE)),
)  # fmt: skip
_LIBRARY: Final = re.compile(r"(?:site-packages|node_modules)[/\\]((?:@[\w.-]+[/\\])?[\w.-]+)")
_HOSTS: Final = re.compile(r"(?:https?://|host=['\"])([^\s/'\":?#]+)")
_TOKEN: Final = re.compile(r"[A-Za-z][A-Za-z0-9]*(?:[_.-][A-Za-z0-9]+)*")
_HIT: Final = frozenset({420, 429, 430, 509})  # 420 and 430 are vendors' own, 509 a web server's bandwidth
_MAYBE: Final = frozenset({403, 503})  # a quota where the answer says when to come again, or that nothing is left
_NEARLY: Final = 0.1
_LEAST_WINDOW_S: Final = 600.0
_WINDOWS: Final = {"daily-quota": 86_400.0}
_WINDOW_S: Final = 3600.0
_MOST_QUOTAS: Final = 512
_MOST_WAITING: Final = 256
_SAME_S: Final = 1.0
Source = Literal["call", "error"]


def _codes(meanings: tuple[Meaning, ...]) -> dict[str, str]:
    """Codes that mean a quota, with its class. A code is a word of its own: written together, or in capitals."""
    found = {}
    for meaning in meanings:
        family, _, kind = meaning.cause.partition(".")
        if family == "rate-limit":
            for code in (*meaning.codes, *meaning.types):
                if not code.islower() or "_" in code or "-" in code:
                    found[code] = kind if kind in ("burst", "daily-quota", "concurrency") else "unknown"
    return found


_GENERAL_CODES: Final = _codes(GENERAL)
_VENDOR_CODES: Final = {vendor.name: codes for vendor in VENDORS if (codes := _codes(vendor.meanings))}
_ALL_CODES: Final = frozenset(_GENERAL_CODES).union(*_VENDOR_CODES.values())
_PHRASES: Final = (  # one of these stands in whatever `_TOLD` is found in
    "429", "many requests", "retry-after", "quota", "throttl", "slowdown", "slow down", "exhausted", "toomanyrequests",
    "throughput", "limit reached", "limit exceeded", "limit_exceeded", "limitexceeded", "ratelimit", "rate limit", "rate-limit",
    "rate_limit", "rate.limit",
)  # fmt: skip
# In lower case, one of these stands in an error that tells of a quota. Most hold none, and are done with.
_MENTIONS: Final = Mentions((*_PHRASES, *(code.lower() for code in _ALL_CODES if code[0].isalpha())))


def rate_limit_of(event: ErrorEvent) -> RateLimitEvent | None:
    """The quota an error tells of, or None. The vendor is the catalogue's name, ``unknown`` when nothing names it."""
    words = "\n".join(part for part in (event.body, event.exception_type, event.exception_message) if part)
    lower = words.lower()
    if event.http_status not in (420, 429) and not _MENTIONS.any_in(lower):
        return None
    codes = [token for token in _TOKEN.findall(words[:4000]) if token in _ALL_CODES]
    told = event.http_status in (420, 429) or _TOLD.search(lower) is not None
    if not (told or codes):
        return None
    vendor = _vendor(event, words)
    known = {**_GENERAL_CODES, **_VENDOR_CODES.get(vendor, {})}
    classes = [known[code] for code in codes if code in known]
    if not (told or classes):
        return None
    retry = _RETRY.search(words)
    unit = _unit(retry[2]) if retry else 1.0
    spoken = next((name for name, pattern in _CLASSES if pattern.search(words)), None)
    return RateLimitEvent(
        time=event.time,
        vendor=vendor,
        limit_class=spoken or next((kind for kind in classes if kind != "unknown"), "unknown"),
        service=event.service,
        scope=event.scope,
        http_status=event.http_status,
        server_address=event.server_address,
        retry_after_s=float(retry[1]) * unit if retry else None,
    )


def _unit(word: str | None) -> float:
    if word is None:
        return 1.0
    lower = word.lower()
    return 0.001 if lower.startswith(_MILLI) else _UNITS.get(lower[:2], 1.0)


def rate_limit_of_call(call: Call) -> RateLimitEvent | None:
    """The quota a call hit: by its status, or by a refusal that says when to come again. None for any other call."""
    found = _hit(call)
    return None if found is None else found[0]


def _hit(call: Call) -> tuple[RateLimitEvent, Quota | None] | None:
    if call.status is None or (call.status not in _HIT and call.status not in _MAYBE):
        return None
    host = vendor_of(call.server_address)
    quotas = tuple(quotas_in(call.headers, call.time, host)) if call.headers else ()
    spent = next((quota for quota in quotas if quota.left <= 0.0), None)
    wait = retry_after_s(call.headers, call.time) if call.headers else None
    if call.status in _MAYBE and spent is None and wait is None:
        return None
    quota = spent or (min(quotas, key=lambda one: one.left) if quotas else None)
    return _event(call, host, quota, wait if wait is not None or spent is None else spent.reset_s), quota


def _event(
    call: Call, host: str | None, quota: Quota | None, wait: float | None, *, approaching: bool = False
) -> RateLimitEvent:
    return RateLimitEvent(
        time=call.time,
        vendor=host or (quota.vendor if quota else None) or "unknown",
        limit_class=quota.limit_class if quota else "unknown",
        service=call.service,
        scope=call.scope,
        http_status=call.status,
        server_address=call.server_address,
        retry_after_s=None if wait is None else float(f"{wait:.3g}"),  # three digits: no count of anybody's
        count=max(1, call.count),
        approaching=approaching,
    )


class Quotas:
    """A deployment's rate limits as they are told. Bounded; not for several threads at once.

    A hit told by a call and by an error within a second, of one vendor, is one. That a quota is nearly spent is told once a window:
    until it is whole again by its header, an hour (a day for a day's) without one, ten minutes at least.
    """

    def __init__(self) -> None:
        # What one source told and the other may tell as well.
        self._waiting: dict[Source, deque[tuple[float, str, str | None]]] = {
            "call": deque(maxlen=_MOST_WAITING),
            "error": deque(maxlen=_MOST_WAITING),
        }
        self._nearly: OrderedDict[tuple[str, str, str], float] = OrderedDict()  # until when it was told

    def of_error(self, event: ErrorEvent) -> tuple[RateLimitEvent, ...]:
        """The quota that an error tells of, unless its call did."""
        limit = rate_limit_of(event)
        return () if limit is None or self._was_told(limit, "error") else (limit,)

    def of_call(self, call: Call) -> tuple[RateLimitEvent, ...]:
        """The quota that a call hit, unless its error told; else those that are nearly spent and were not told."""
        if call.status is None and not call.headers:
            return ()
        hit = _hit(call)
        if hit is not None:
            limit, quota = hit
            if quota is not None:  # it is spent: that it was nearly so is no news
                self._is_news(quota, limit, call.time)
            return () if self._was_told(limit, "call") else (limit,)
        if not call.headers:
            return ()
        host = vendor_of(call.server_address)
        told = []
        for quota in quotas_in(call.headers, call.time, host):
            if quota.left <= _NEARLY:
                limit = _event(call, host, quota, quota.reset_s, approaching=True)
                if self._is_news(quota, limit, call.time):
                    told.append(limit)
        return tuple(told)

    def _was_told(self, limit: RateLimitEvent, source: Source) -> bool:
        """Whether the other source told it; if not, it waits for the other to."""
        moment = _seconds(limit.time)
        others = self._waiting["error" if source == "call" else "call"]
        for other in others:
            at, vendor, host = other
            hosts = {name for name in (host, limit.server_address) if name}
            if (
                abs(at - moment) <= _SAME_S
                and len(hosts) < 2
                and (vendor == limit.vendor or "unknown" in (vendor, limit.vendor))
            ):
                others.remove(other)
                return True
        self._waiting[source].append((moment, limit.vendor, limit.server_address))
        return False

    def _is_news(self, quota: Quota, limit: RateLimitEvent, time: str) -> bool:
        key = (quota.name, limit.vendor, limit.server_address or "")
        moment = _seconds(time)
        until = self._nearly.pop(key, None)
        news = until is None or moment >= until or moment < until - 2 * 86_400  # two days back: the clock was set
        if until is None or news:
            window = quota.reset_s if quota.reset_s is not None else _WINDOWS.get(quota.limit_class, _WINDOW_S)
            until = moment + min(max(window, _LEAST_WINDOW_S), 86_400.0)
        self._nearly[key] = until
        if len(self._nearly) > _MOST_QUOTAS:
            self._nearly.popitem(last=False)
        return news


def _seconds(time: str) -> float:
    """Unix time; 0.0 for what is no time."""
    try:
        moment = datetime.fromisoformat(time)
    except ValueError:
        return 0.0
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _vendor(event: ErrorEvent, words: str) -> str:
    hosts = [event.server_address, *_HOSTS.findall(words)]
    libraries = reversed(_LIBRARY.findall(event.exception_stacktrace or ""))
    named = (name for host in hosts if (name := vendor_of(host)))
    by_library = (name for library in libraries if (name := vendor_of_library(library.replace("\\", "/"))))
    return next(named, None) or next(by_library, None) or "unknown"
