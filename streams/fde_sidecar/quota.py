"""Quota headers: what an answer says of how much may still be asked for. The vendors' headers are a catalogue.

headers -> quotas_in() -> Quota, Quota, ...; retry_after_s() -> seconds

The catalogue is ``fde_events/catalogue/_quotas.toml``. A quota of the IETF draft (RateLimit, RateLimit-Policy) and of the
``X-RateLimit-*`` convention is read by its form; a vendor's own header by its row.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final

from fde_events.flat import read_flat
from fde_events.vendors import CATALOGUE

_KEYS: Final = frozenset({"vendor", "limit", "remaining", "used", "share", "reset", "total", "class"})
CLASSES: Final = ("burst", "daily-quota", "concurrency", "unknown")
_MAX_VALUE: Final = 300  # characters of one header


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the catalogue: the headers, in small letters, of one quota. `share` headers hold used/limit in one."""

    name: str
    vendor: str | None
    limit_class: str
    limit: tuple[str, ...]
    remaining: tuple[str, ...]
    used: tuple[str, ...]
    share: tuple[str, ...]
    reset: tuple[str, ...]
    total: float | None = None


@dataclass(frozen=True, slots=True)
class Quota:
    """One quota as an answer tells of it. `left` is the share that remains, 0.0 to 1.0; `reset_s` seconds until it is whole.

    `name` is the catalogue's row, and with it the vendor, where the headers are its own.
    """

    name: str
    vendor: str | None
    limit_class: str
    left: float
    reset_s: float | None


def read_rows() -> tuple[Row, ...]:
    """The catalogue's rows. ValueError names what is wrong with one."""
    path = CATALOGUE / "_quotas.toml"
    rows = []
    for name, fields in read_flat(path.read_text("utf-8"))["quota"].items():
        if unknown := fields.keys() - _KEYS:
            raise ValueError(f"{path.name}: quota.{name}: unknown key {min(unknown)!r}")
        if fields.get("class", "unknown") not in CLASSES:
            raise ValueError(f"{path.name}: quota.{name}: class is one of {', '.join(CLASSES)}")
        headers = {key: tuple(fields.get(key, ())) for key in ("limit", "remaining", "used", "share", "reset")}
        if not (headers["share"] or headers["remaining"] or headers["used"]):
            raise ValueError(f"{path.name}: quota.{name}: needs remaining, used or share")
        if any(header != header.lower() for listed in headers.values() for header in listed):
            raise ValueError(f"{path.name}: quota.{name}: headers are in small letters")
        total = float(fields["total"][0]) if "total" in fields else None
        rows.append(Row(name, fields.get("vendor"), fields.get("class", "unknown"), total=total, **headers))
    return tuple(rows)


def _read_retries() -> tuple[tuple[str, float], ...]:
    fields = read_flat((CATALOGUE / "_quotas.toml").read_text("utf-8"))["retry"]
    return tuple((header, 1.0) for header in fields["seconds"]) + tuple((one, 0.001) for one in fields["milliseconds"])


ROWS: Final[tuple[Row, ...]] = read_rows()
_RETRIES: Final = _read_retries()
_NAMES: Final = frozenset(
    header for row in ROWS for key in (row.limit, row.remaining, row.used, row.share, row.reset) for header in key
) | {header for header, _ in _RETRIES}
_IETF: Final = ("ratelimit", "x-ratelimit", "ratelimit-policy")
_IN_TEXT: Final = re.compile(
    rf"(?i)(?<![\w-])({'|'.join(re.escape(name) for name in sorted(_NAMES | set(_IETF), key=len, reverse=True))})(?![\w-])['\"]?\s?[:=]\s?"
)
_VALUE: Final = re.compile(
    r"\[?(?:'([^'\n]{0,300})'|(\"[^\"\s]{1,60}\";[\w=;\" ,-]{1,200})|\"([^\"\n]{0,300})\"|([A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT)"
    r"|(\w{1,20}=[^\s'\",}\]]{1,100}(?:[,;] ?\w{1,20}=[^\s'\",}\]]{1,60}){0,6})|([^\s'\"}\],;]{1,100}))"
)
_NUMBER: Final = re.compile(r"\s*(\d{1,15}(?:\.\d{1,6})?)")
_SHARE: Final = re.compile(r"(\d{1,12})\s*(?:/|of)\s*(\d{1,12})")
_PAIR: Final = re.compile(r"\b(remaining|limit|reset|r|q|t|w|l)\s*=\s*(\d{1,15})")
_WINDOWED: Final = re.compile(r"(?:(\d{1,6})h)?(?:(\d{1,6})m(?!s))?(?:(\d{1,9}(?:\.\d{1,6})?)s)?(?:(\d{1,9})ms)?")
_ISO: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d")


def is_quota_header(name: str) -> bool:
    """Whether a header (small letters) speaks of a quota."""
    return name in _NAMES or name in _IETF


def value_of_header(value: str) -> str:
    """As much of a header's value as is read."""
    return value[:_MAX_VALUE].strip()


def headers_in(text: str) -> dict[str, str]:
    """The quota headers that a line of text shows, whoever printed them: ``x-ratelimit-remaining: 0``, ``'Retry-After': '3'``."""
    if not (
        "imit" in text or "etry-" in text or "uota-" in text or "requests-left" in text
    ):  # what all names of the catalogue hold
        return {}
    found: dict[str, str] = {}
    for number, header in enumerate(_IN_TEXT.finditer(text)):
        if number >= 32:
            break
        value = _VALUE.match(text, header.end())
        if value is not None:
            told = next(part for part in value.groups() if part is not None)
            found.setdefault(header[1].lower(), value_of_header(told))
    return found


def quotas_in(headers: Mapping[str, str], time: str, vendor: str | None = None) -> Iterator[Quota]:
    """The quotas that an answer's headers tell of. `vendor` by its host: another vendor's rows are left out then."""
    for name in _IETF[:2]:
        if name in headers:
            yield from _ietf(headers[name], headers.get("ratelimit-policy", ""))
    rows = [row for row in ROWS if row.vendor is None or vendor is None or row.vendor == vendor]
    seen: set[str] = set()
    for row in rows:  # a vendor's rows stand before everybody's
        if row.vendor is not None and row.vendor != vendor and not _is_own(row):
            continue
        at = next((header for header in (*row.share, *row.remaining, *row.used) if header in headers), None)
        if at is None or at in seen:
            continue
        left = _left(row, headers)
        if left is not None:
            seen.update((*row.share, *row.remaining, *row.used))
            reset = next((headers[header] for header in row.reset if header in headers), None)
            yield Quota(row.name, row.vendor, row.limit_class, left, seconds_until(reset, time) if reset else None)


def _is_own(row: Row) -> bool:
    """Whether the row's headers are nobody else's: then they name the vendor."""
    return not any(
        header in (*other.share, *other.remaining, *other.used)
        for other in ROWS
        if other.vendor != row.vendor
        for header in (*row.share, *row.remaining, *row.used)
    )


def _left(row: Row, headers: Mapping[str, str]) -> float | None:
    for header in row.share:
        if shares := _SHARE.findall(headers.get(header, "")):
            return min(_part(int(limit) - int(used), int(limit)) for used, limit in shares)
    limit = next((n for header in row.limit if (n := _number(headers.get(header))) is not None), row.total)
    remaining = next((n for header in row.remaining if (n := _number(headers.get(header))) is not None), None)
    if remaining is None and limit is not None:
        used = next((n for header in row.used if (n := _number(headers.get(header))) is not None), None)
        remaining = None if used is None else limit - used
    if remaining is None:
        return None
    if limit:
        return _part(remaining, limit)
    return 0.0 if remaining <= 0 else None  # without a limit nobody knows how much a number is


def _part(remaining: float, limit: float) -> float:
    return min(1.0, max(0.0, remaining / limit)) if limit > 0 else 0.0


def _ietf(value: str, policy: str) -> Iterator[Quota]:
    """draft-ietf-httpapi-ratelimit-headers: ``"name";r=50;t=30`` beside ``"name";q=100;w=60``, and ``limit=, remaining=, reset=``."""
    policies = {part.partition(";")[0].strip(): dict(_PAIR.findall(part)) for part in policy.split(",")[:8]}
    for part in [value] if "remaining" in value else value.split(",")[:8]:
        pairs = dict(_PAIR.findall(part))
        stated = policies.get(part.partition(";")[0].strip()) or next(iter(policies.values()), {})
        remaining = pairs.get("remaining") or pairs.get("r")
        limit = pairs.get("limit") or pairs.get("l") or pairs.get("q") or stated.get("q")
        if remaining is None or (limit is None and int(remaining) > 0):
            continue
        window = stated.get("w") or pairs.get("w")
        kind = "unknown" if window is None else "daily-quota" if int(window) >= 43_200 else "burst"
        reset = pairs.get("reset") or pairs.get("t")
        left = _part(int(remaining), int(limit)) if limit else 0.0
        yield Quota("ietf", None, kind, left, float(reset) if reset else None)


def retry_after_s(headers: Mapping[str, str], time: str) -> float | None:
    """How long an answer asks to wait, in seconds from `time` (RFC 3339): Retry-After as a number or an HTTP date; 0 to 30 days."""
    for header, scale in _RETRIES:
        value = headers.get(header)
        if value is None:
            continue
        wait = seconds_until(value, time)
        if wait is not None:
            return wait * scale if _NUMBER.fullmatch(value) else wait
    return None


def seconds_until(value: str, time: str) -> float | None:
    """Seconds from `time` to what a reset or Retry-After header says: seconds, a moment (epoch, ISO, HTTP date), or ``1m30s``."""
    text = value.strip()
    moment: datetime | None = None
    try:
        if (number := _NUMBER.fullmatch(text)) is not None:
            amount = float(number[1])
            if amount < 1e8:
                return amount if amount <= 30 * 86_400 else None
            moment = datetime.fromtimestamp(amount / (1000 if amount > 1e11 else 1), UTC)
        elif _ISO.match(text):
            moment = datetime.fromisoformat(text)
        elif "," in text and len(text) <= 40:
            moment = parsedate_to_datetime(text)
        elif text and (spoken := _WINDOWED.fullmatch(text)) is not None:
            hours, minutes, seconds, millis = spoken.groups()
            return 3600 * int(hours or 0) + 60 * int(minutes or 0) + float(seconds or 0) + int(millis or 0) / 1000
        if moment is None:
            return None
        start = datetime.fromisoformat(time)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        if start.tzinfo is None:
            start = start.replace(tzinfo=UTC)
    except (ValueError, TypeError, IndexError, OverflowError, OSError):
        return None  # what is no date says nothing
    return min(max(0.0, (moment - start).total_seconds()), 30 * 86_400.0)


def _number(value: Any) -> float | None:
    found = _NUMBER.match(value) if isinstance(value, str) else None
    return float(found[1]) if found else None
