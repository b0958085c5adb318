"""Rate limits told by an error: 429, Retry-After, or words of a quota, and whose quota it is."""

from __future__ import annotations

import re
from typing import Final

from fde_events.event import ErrorEvent, RateLimitEvent
from fde_events.vendors import vendor_of_library
from fde_sidecar.vendors import vendor_of

_TOLD: Final = re.compile(
    r"\b429\b|too many requests|rate.?limit(?:ed|s|ing)?\b(?! remaining)|retry-after|quota (?:exceeded|exhausted)|exceeded.{0,40}\bquota"
    r"|throttl(?:ed|ing)|slow ?down|resource_exhausted|request_limit_exceeded|toomanyrequests|limit (?:reached|exceeded)",
    re.IGNORECASE,
)
_RETRY: Final = re.compile(
    r"(?:retry[-_ ]?after['\"]?\s*[:=]?\s*['\"]?|(?:try|retry) again in |retry (?:after|in) )(\d+(?:\.\d+)?)\s*(ms|milliseconds|s\b|sec|seconds|m\b|min|minutes|h\b|hours)?",
    re.IGNORECASE,
)
_UNITS: Final = {"ms": 0.001, "mi": 60.0, "m": 60.0, "h": 3600.0, "ho": 3600.0}
_CLASSES: Final[tuple[tuple[str, re.Pattern[str]], ...]] = (
    ("daily-quota", re.compile(r"\b(?:daily|per day|24[- ]?hours?|RPD|TPD|REQUEST_LIMIT_EXCEEDED|TotalRequests)\b", re.IGNORECASE)),
    ("concurrency", re.compile(r"concurren|simultaneous|parallel|too many connections", re.IGNORECASE)),
    ("burst", re.compile(r"burst|per (?:second|min(?:ute)?)|\b(?:RPM|TPM|RPS|QPS)\b|slow ?down", re.IGNORECASE)),
)  # fmt: skip
_LIBRARY: Final = re.compile(r"(?:site-packages|node_modules)[/\\]((?:@[\w.-]+[/\\])?[\w.-]+)")
_HOSTS: Final = re.compile(r"(?:https?://|host=['\"])([^\s/'\":?#]+)")


def rate_limit_of(event: ErrorEvent) -> RateLimitEvent | None:
    """The quota an error tells of, or None. The vendor is the catalogue's name, ``unknown`` when nothing names it."""
    words = "\n".join(part for part in (event.body, event.exception_type, event.exception_message) if part)
    if event.http_status != 429 and not _TOLD.search(words):
        return None
    retry = _RETRY.search(words)
    unit = _UNITS.get((retry[2] or "s").lower()[:2], 1.0) if retry else 1.0
    return RateLimitEvent(
        time=event.time,
        vendor=_vendor(event, words),
        limit_class=next((name for name, pattern in _CLASSES if pattern.search(words)), "unknown"),
        service=event.service,
        scope=event.scope,
        http_status=event.http_status,
        server_address=event.server_address,
        retry_after_s=float(retry[1]) * unit if retry else None,
    )


def _vendor(event: ErrorEvent, words: str) -> str:
    hosts = [event.server_address, *_HOSTS.findall(words)]
    libraries = reversed(_LIBRARY.findall(event.exception_stacktrace or ""))
    named = (name for host in hosts if (name := vendor_of(host)))
    by_library = (name for library in libraries if (name := vendor_of_library(library.replace("\\", "/"))))
    return next(named, None) or next(by_library, None) or "unknown"
