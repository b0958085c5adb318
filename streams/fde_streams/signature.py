"""Error signature: what stays the same when an error happens again, in any deployment of any customer.

The event's way: Event -> signature_of() -> Signature.

Pure: the result depends on the event and on `RULES`, never on what else was seen. No frame, type or name of a customer takes
part. Of an error it reads, strongest first:

1. a validator's findings (which field, what is wrong with it);
2. a transport condition (refused, certificate expired): one word for every client library;
3. the vendor's own sentence, masked, with the vendor's own code;
4. a bare HTTP status of a known vendor or client library;
5. a library's type and message.

Without any evidence of a library or vendor an error stays its application's own: what a built-in error names stands unmasked
(two applications that miss the key ``currency`` do meet), and where it names nothing, or the words are the application's,
a digest of the logger's name keeps it apart.
"""

from __future__ import annotations

import hashlib
import re
from functools import lru_cache
from http.client import responses
from typing import Final

from fde_events.event import ErrorEvent, Event, PerformanceEvent, RateLimitEvent, SchemaDriftEvent
from fde_events.signed import Signature
from fde_events.vendors import system_of_host, vendor_of_host, vendor_of_library
from fde_streams.chain import Link, is_builtin, module_of
from fde_streams.condition import ENVIRONMENT, TOKEN_ENDPOINT, condition_of, findings_of, status_of
from fde_streams.evidence import GENERIC_LIBRARIES, MESSAGE_LENGTH, Evidence, evidence_of
from fde_streams.mask import RULES as MASK_RULES
from fde_streams.mask import mask, masked, template
from fde_streams.sentence import retold, sentence_of

RULES: Final = f"sig-v1/{MASK_RULES}"
_TITLE_LENGTH: Final = 96
_RICH_WORDS: Final = 3  # a sentence of fewer words does not name a cause by itself; two are enough from a known vendor
_REASONS: Final = frozenset(phrase.lower() for phrase in responses.values()) | {
    "server error",
    "client error",
    "unknown error",
}
_WORDS: Final = re.compile(r"[^\W\d_]{2,}")
_NAMED: Final = re.compile(r"['\"`][^'\"`]*\w{2}[^'\"`]*['\"`]")
_ALIASES: Final = {  # a type that moved: old name -> the name it has today
    "json.decoder.JSONDecodeError": "JSONDecodeError",
    "simplejson.errors.JSONDecodeError": "JSONDecodeError",
    "simplejson.scanner.JSONDecodeError": "JSONDecodeError",
    "requests.exceptions.JSONDecodeError": "JSONDecodeError",
    "socket.timeout": "TimeoutError",
    "asyncio.exceptions.TimeoutError": "TimeoutError",
    "concurrent.futures._base.TimeoutError": "TimeoutError",
    "IOError": "OSError",
    "EnvironmentError": "OSError",
}


def signature_of(event: Event) -> Signature:
    """The signature of any event. Total: every event has one; thin evidence gives a narrow one, never a guess."""
    if isinstance(event, ErrorEvent):
        return _of_error(event)
    if isinstance(event, RateLimitEvent):
        vendor = _plain(event.vendor)
        return _signed(
            f"rate_limit/{vendor}", f"{vendor}: {event.limit_class} rate limit", (("limit", event.limit_class),)
        )
    if isinstance(event, PerformanceEvent):
        host = event.server_address or ""
        owner = vendor_of_host(host) or system_of_host(host) or "endpoint"
        endpoint = template(event.endpoint)
        parts = (("endpoint", endpoint), ("metric", event.metric), ("direction", event.direction))
        return _signed(f"performance/{owner}", f"{owner}: {event.metric} {event.direction} at {endpoint}", parts)
    if isinstance(event, SchemaDriftEvent):
        source = _plain(event.source)
        parts = (("operation", event.operation), ("field", event.field), ("change", event.change))
        return _signed(f"schema_drift/{source}", f"{source}: {event.change} {event.field}", parts)
    raise TypeError(f"not an event: {type(event).__name__}")


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9._-]+", "-", name.lower()).strip("-") or "unknown"


def _signed(block: str, title: str, parts: tuple[tuple[str, str], ...], names: tuple[str, ...] = ()) -> Signature:
    text = "\x1f".join([RULES, block, *(f"{name}\x1e{value}" for name, value in parts)])
    digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
    title = " ".join(title.split())
    short = title if len(title) <= _TITLE_LENGTH else title[: _TITLE_LENGTH - 1].rstrip() + "…"
    return Signature(digest=digest, rules=RULES, block=block, title=short, parts=parts, masked=names)


# ---------------------------------------------------------------- errors


def _of_error(event: ErrorEvent) -> Signature:
    evidence = evidence_of(event)
    return (
        _by_findings(evidence)
        or _by_condition(evidence)
        or _by_sentence(evidence)
        or _by_status(event, evidence)
        or _by_text(event, evidence)
    )


def _by_findings(evidence: Evidence) -> Signature | None:
    for link in evidence.chain:
        findings = findings_of(link.message)
        if findings:
            parts = tuple(("finding", finding) for finding in findings[:12])
            return _signed("error/validation", f"payload: {', '.join(findings[:3])}", parts)
    return None


def _by_condition(evidence: Evidence) -> Signature | None:
    owner = evidence.vendor or evidence.library
    for link in evidence.chain:
        condition = condition_of(f"{link.type}: {link.message}") or condition_of(" ".join(link.codes))
        if condition is None:
            continue
        if condition in ENVIRONMENT:
            return _signed("error/network", f"network: {condition}", (("condition", condition),))
        if owner is not None:
            return _signed(f"error/{owner}", f"{owner}: {condition}", (("condition", condition),))
    return None


def _by_sentence(evidence: Evidence) -> Signature | None:
    """The vendor's (or library's) own words: of the root cause, or of the first link above it that says more than a status."""
    owner = evidence.vendor or evidence.library
    if owner is None:
        return None
    for link in evidence.chain:
        ours = not _of_library(link, evidence)
        message = retold(link.message) if ours else link.message
        if not message or status_of(message) is not None:
            continue
        said = sentence_of("" if ours else link.type, message, link.codes)
        words = _WORDS.findall(said.text)
        enough = _RICH_WORDS - 1 if evidence.vendor else _RICH_WORDS
        if not said.code and (len(words) < enough or said.text.lower().rstrip(".") in _REASONS):
            continue
        parts = [("text", template(said.text))] if words else []
        parts += [("code", said.code)] if said.code else []
        title = " ".join(filter(None, (f"{owner}:", said.code, mask(said.text))))
        return _signed(f"error/{owner}", title, tuple(parts), masked(said.text).names)
    return None


def _of_library(link: Link, evidence: Evidence) -> bool:
    """Whether a library raised this: by the raising frame, else by its type; the application's own words are no evidence."""
    if link.frames:
        return link.frames[-1].library is not None
    if is_builtin(link.type):
        return True
    module = module_of(link.type)
    if module is not None:
        return module in GENERIC_LIBRARIES or vendor_of_library(module) is not None
    # A bare name (Node) says nothing of who defined it. A cause was wrapped, so it is not the wrapper;
    # a lone one counts as the vendor's unless it retells, which only wrappers do.
    return link is not evidence.chain[-1] or len(evidence.chain) == 1


def _by_status(event: ErrorEvent, evidence: Evidence) -> Signature | None:
    owner = evidence.vendor or evidence.library
    if owner is None:
        return None
    status, told = event.http_status, ""
    for link in evidence.chain:
        if (found := status_of(link.message)) is not None:
            status, told = found, link.message
            break
    if status is None:
        return None
    parts = [("status", str(status))]
    if TOKEN_ENDPOINT.search(event.url_path or "") or TOKEN_ENDPOINT.search(told):
        parts.append(("endpoint", "token"))
    return _signed(f"error/{owner}", f"{owner}: HTTP {status}", tuple(parts))


def _by_text(event: ErrorEvent, evidence: Evidence) -> Signature:
    """Type and message of the root cause. Without a library, the message stands unmasked: a one-off stays its own."""
    root = evidence.chain[0]
    kind = canonical_type(root.type)
    owner = evidence.vendor or evidence.library
    if owner is not None and _of_library(root, evidence):
        anchor = root.frames[-1].path if root.frames else ""
        named = (("type", kind), ("text", template(root.message)), ("anchor", anchor))
        parts = tuple((name, value) for name, value in named if value)
        title = f"{owner}: {kind} {mask(root.message)}".strip()
        return _signed(f"error/{owner}", title, parts, masked(root.message).names)
    if not is_builtin(root.type):
        words = root.message if event.exception_type or event.exception_stacktrace else event.body or root.message
        words = words[:MESSAGE_LENGTH]
        parts = (("text", template(words)),)
        if event.scope:
            parts += (
                ("place", _digest(event.scope)),
            )  # an application's own words are its own, unless nobody says whose
        return _signed("error/application", f"application: {mask(words)}", parts, masked(words).names)
    text = " ".join(root.message.split())
    parts = (("type", kind), ("text", text))
    if not _NAMED.search(text) and set(masked(text).names) <= {"number", "quoted"}:
        # "list index out of range" names nothing: such errors of two applications share no cause, so the place speaks.
        parts += (("place", _place(event, root)),)
    return _signed(f"error/{_plain(kind)}", f"{kind}: {mask(text)}", parts)


def _place(event: ErrorEvent, root: Link) -> str:
    """Where in one application, as a digest: the logger and its words before the error. Never readable, never a group of two."""
    body = event.body or ""
    for name in (event.exception_type, root.type):
        at = body.find(name) if name else -1
        body = body[:at] if at > 0 else body
    return _digest(f"{event.scope}|{body.rstrip(' :')}")


def _digest(text: str) -> str:
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=6).hexdigest()


@lru_cache(maxsize=4_096)
def canonical_type(name: str) -> str:
    """A type's name without its module and across library versions: modules move, names stay.

    >>> canonical_type("simplejson.errors.JSONDecodeError") == canonical_type("json.decoder.JSONDecodeError")
    True
    """
    return _ALIASES.get(name) or _ALIASES.get(name.rsplit(".", 1)[-1]) or name.rsplit(".", 1)[-1]
