"""Signature: what stays the same when something happens again, in any deployment of any customer.

The event's way: Event -> signature_of() -> Signature.

Pure: the result depends on the event and on `RULES`, never on what else was seen. No frame, type or name of a customer takes
part. What an error says is read in :mod:`fde_streams.diagnosis`; the other kinds are structural: their fields are their signature.
"""

from __future__ import annotations

import hashlib
import re
from itertools import islice
from typing import Final

from fde_events.event import Diagnosed, ErrorEvent, Event, PerformanceEvent, RateLimitEvent, SchemaDriftEvent
from fde_events.signed import Signature
from fde_events.vendors import system_of_host, vendor_of_host
from fde_streams.diagnosis import Diagnosis, diagnosis_of, short_digest
from fde_streams.mask import RULES as MASK_RULES
from fde_streams.mask import template
from fde_streams.standin import Texts, plainest, shows, texts_of

RULES: Final = f"sig-v2/{MASK_RULES}"
_TITLE_LENGTH: Final = 96
WITHHELD: Final = "withheld"  # a part that is a sentence's digest: strict mode does not let the application's own out


_MEMO: Final = 16_384  # events told apart, of which the same one comes again; a signature is about 1 KB
_memo: dict[bytes, Signature] = {}
_plainest: dict[bytes, Signature] = {}
_BY_VALUES: Final = Signature(digest="", rules=RULES, block="", title="", parts=())  # to be read as it was printed


def signature_of(event: Event) -> Signature:
    """The signature of any event. Total: every event has one; thin evidence gives a narrow one, never a guess."""
    if isinstance(event, ErrorEvent):
        return _of_error(event) if event.diagnosed is None else _as_diagnosed(event.diagnosed)
    if isinstance(event, RateLimitEvent):
        vendor = _plain(event.vendor)
        return _signed(
            Diagnosis(
                f"rate_limit/{vendor}", f"{vendor}: {event.limit_class} rate limit", (("limit", event.limit_class),)
            )
        )
    if isinstance(event, PerformanceEvent):
        host = event.server_address or ""
        owner = vendor_of_host(host) or system_of_host(host) or "endpoint"
        endpoint = template(event.endpoint)
        parts = (("endpoint", endpoint), ("metric", event.metric), ("direction", event.direction))
        return _signed(
            Diagnosis(f"performance/{owner}", f"{owner}: {event.metric} {event.direction} at {endpoint}", parts)
        )
    if isinstance(event, SchemaDriftEvent):
        source = _plain(event.source)
        parts = (("operation", event.operation), ("field", event.field), ("change", event.change))
        return _signed(Diagnosis(f"schema_drift/{source}", f"{source}: {event.change} {event.field}", parts))
    raise TypeError(f"not an event: {type(event).__name__}")


def read(event: ErrorEvent) -> Diagnosis:
    """What an error says: of its text with stand-ins for what varies, or as it was printed where a stand-in takes part."""
    found = diagnosis_of(plainest(event))
    return diagnosis_of(event) if _is_told_by_values(found) else found


def _is_told_by_values(found: Diagnosis) -> bool:
    return shows((found.block, found.title, *(value for _, value in found.parts), *found.digested))


def _of_error(event: ErrorEvent) -> Signature:
    """`read`, memoised by all that is read: as it was printed, and with stand-ins.

    In a storm the same failure comes again and again, as it was or under other identifiers.
    """
    raw = event.exception_stacktrace, event.exception_message, event.body, event.server_address, event.url_path
    key = _key(event, raw)
    known = _memo.get(key)
    return _kept(_memo, key, _of_plainest(event)) if known is None else known


def _of_plainest(event: ErrorEvent) -> Signature:
    key = _key(event, texts_of(event))
    known = _plainest.get(key)
    if known is None:
        found = diagnosis_of(plainest(event))
        known = _kept(_plainest, key, _BY_VALUES if _is_told_by_values(found) else _signed(found))
    return _signed(diagnosis_of(event)) if known is _BY_VALUES else known


def _key(event: ErrorEvent, texts: Texts) -> bytes:
    read = (*texts, event.exception_type, event.scope, str(event.http_status))
    text = "\x1e".join(["\x1f" if part is None else part for part in read])
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()


def _kept(memo: dict[bytes, Signature], key: bytes, made: Signature) -> Signature:
    if len(memo) >= _MEMO:
        for oldest in list(islice(memo, _MEMO // 8)):
            memo.pop(oldest, None)
    memo[key] = made
    return made


_BLOCK: Final = re.compile(r"error/[a-z0-9._@/-]{1,96}")
_PARTS: Final = 16
_PART_LENGTH: Final = 4_096
_NAME_LENGTH: Final = 96


def _as_diagnosed(found: Diagnosed) -> Signature:
    """The signature that the source made in strict mode, under the rules it had. What is no diagnosis stays by itself."""
    sound = _BLOCK.fullmatch(found.block) and found.rules.startswith("sig-") and len(found.parts) <= _PARTS
    if not sound or any(len(name) > 32 or len(value) > _PART_LENGTH for name, value in found.parts):
        return _signed(Diagnosis("error/unknown", "unknown: a diagnosis of no known form", ()))
    made = Diagnosis(found.block, found.title, found.parts, tuple(sorted(set(found.masked)))[:_PARTS])
    return _signed(made, found.rules[:64])


def _plain(name: str) -> str:
    plain = re.sub(r"[^a-z0-9._-]+", "-", name.lower()).strip("-") or "unknown"
    return plain if len(plain) <= _NAME_LENGTH else f"{plain[: _NAME_LENGTH - 13]}-{short_digest(plain)}"


def _bounded(value: str) -> str:
    """The value, its end as a digest where it is endless: what is told apart stays so, and a record holds it."""
    if len(value) <= _PART_LENGTH:
        return value
    return f"{value[: _PART_LENGTH - 13]} {short_digest(value)}"


def _taken(name: str, value: str) -> str:
    """A sentence takes part as its digest, so that a digest can stand for it where it may not leave."""
    return digest_of_text(value) if name == "text" else value


def digest_of_text(text: str) -> str:
    """What `WITHHELD` carries instead of a sentence."""
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def _signed(found: Diagnosis, rules: str = RULES) -> Signature:
    parts = found.parts
    if any(len(value) > _PART_LENGTH for _, value in parts):
        parts = tuple((name, _bounded(value)) for name, value in parts)
    taking_part = (
        f"text\x1e{value}" if name == WITHHELD else f"{name}\x1e{_taken(name, value)}" for name, value in parts
    )
    text = "\x1f".join([rules, found.block, *taking_part])
    digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
    title = " ".join(found.title.split())
    short = title if len(title) <= _TITLE_LENGTH else title[: _TITLE_LENGTH - 1].rstrip() + "…"
    return Signature(digest=digest, rules=rules, block=found.block, title=short, parts=parts, masked=found.masked)
