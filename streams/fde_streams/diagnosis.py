"""Diagnosis: what an error event says of its cause, in the words that every SDK, language and version of them share.

The event's way: ErrorEvent -> evidence_of() -> diagnosis_of() -> Diagnosis -> signature.

Of an error it reads, strongest first:

1. a validator's findings (which field, what is wrong with it);
2. a transport condition (refused, certificate expired): one word for every client library;
3. what the catalogue knows the vendor's code or sentence to mean;
4. the vendor's own sentence, masked, with the vendor's own code;
5. a bare HTTP status, or an exception type that says no more than one, of a known vendor or client library;
6. a library's type and message.

Without any evidence of a library or vendor an error stays its application's own: what a built-in error names stands unmasked
(two applications that miss the key ``currency`` do meet), and where it names nothing, or the words are the application's,
a digest of the logger's name keeps it apart. Such words take part as a digest: they are nobody else's to read.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from functools import lru_cache
from http.client import responses
from typing import Final

from fde_events.event import ErrorEvent
from fde_events.vendors import is_catalogued, library_of_package, vendor_of_library
from fde_streams.cause import Cause, cause_of, cause_of_condition, cause_of_status, cause_of_type
from fde_streams.chain import Link, is_builtin, module_of
from fde_streams.condition import ENVIRONMENT, TOKEN_ENDPOINT, condition_of, status_in, status_of
from fde_streams.evidence import MESSAGE_LENGTH, Evidence, evidence_of
from fde_streams.finding import findings_of
from fde_streams.logline import template_of
from fde_streams.mask import mask, masked, template
from fde_streams.sentence import retold, sentence_of

_RICH_WORDS: Final = 3  # a sentence of fewer words does not name a cause by itself; two are enough from a known vendor
_REASONS: Final = frozenset(phrase.lower() for phrase in responses.values()) | {
    "server error",
    "client error",
    "unknown error",
}
_LINK: Final = re.compile(r"https?://\S+|<url(?::\w+)?>")
_WORDS: Final = re.compile(r"[^\W\d_]{2,}")
_NAMED: Final = re.compile(r"['\"`]([A-Za-z_][A-Za-z_.-]{1,63})['\"`]")  # a name in quotes: no digit, no blank
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


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """A signature's content. `parts`: the (name, value) pairs that take part; `masked`: names of masks that replaced something.

    `why` explains the cause, when the catalogue gave one. `digested`: the texts that take part as a digest only.
    """

    block: str
    title: str
    parts: tuple[tuple[str, str], ...]
    masked: tuple[str, ...] = ()
    why: Cause | None = None
    digested: tuple[str, ...] = ()


def _of_owner(
    owner: str, title: str, parts: tuple[tuple[str, str], ...], masked: tuple[str, ...] = (), why: Cause | None = None
) -> Diagnosis:
    """A diagnosis in the owner's block. A library that no catalogue knows may be the application's own package: it takes part
    as a digest, with the names that only it has.
    """
    if is_catalogued(owner):
        return Diagnosis(f"error/{owner}", title, parts, masked, why)
    own = tuple((name, short_digest(value) if name in ("type", "anchor") else value) for name, value in parts)
    return Diagnosis("error/library", title, (("library", short_digest(owner)), *own), masked, why, digested=(owner,))


def diagnosis_of(event: ErrorEvent) -> Diagnosis:
    """What `event` says. Total."""
    evidence = evidence_of(event)
    return (
        _by_findings(evidence)
        or _by_condition(evidence)
        or _by_meaning(evidence)
        or _by_sentence(evidence)
        or _by_status(event, evidence)
        or _by_type(evidence)
        or _by_text(event, evidence)
    )


def _by_findings(evidence: Evidence) -> Diagnosis | None:
    for link in evidence.chain:
        findings = findings_of(link.message, link.type)
        if findings:
            parts = tuple(("finding", finding) for finding in findings[:12])
            return Diagnosis("error/validation", f"payload: {', '.join(findings[:3])}", parts)
    return None


def _by_condition(evidence: Evidence) -> Diagnosis | None:
    owner = evidence.vendor or evidence.library
    for link in evidence.chain:
        condition = condition_of(f"{link.type}: {link.message}") or condition_of(" ".join(link.codes))
        if condition is None:
            continue
        if condition in ENVIRONMENT and (condition != "dns-unresolved" or evidence.vendor is not None or owner is None):
            # An unknown system's name may as well be mistyped: it stays with the client that looked it up.
            return Diagnosis("error/network", f"network: {condition}", (("condition", condition),))
        if owner is not None:
            if evidence.vendor is not None and (cause := cause_of_condition(evidence.vendor, condition)) is not None:
                return _meant(owner, cause)
            return _of_owner(owner, f"{owner}: {condition}", (("condition", condition),))
    return None


def _by_meaning(evidence: Evidence) -> Diagnosis | None:
    """What the catalogue says of a code or a sentence: the library's own words first, then what the application repeats of them."""
    owner = evidence.vendor or evidence.library
    if owner is None:
        return None
    for ours in (False, True):
        for link in evidence.chain:
            if _of_library(link, evidence) == ours:
                continue
            if evidence.vendor is None and (ours or status_of(link.message) is not None):
                continue  # a bare status of an unknown system: the number says more than what it commonly means
            message = _LINK.sub(" ", link.message)
            for text in filter(None, (message, link.detail)):
                said = sentence_of(link.type, text, link.codes)
                codes = ((said.code,) if said.code else ()) + link.codes
                cause = cause_of(evidence.vendor, codes, text, (link.type,), general=False) or cause_of(
                    evidence.vendor, codes, said.text
                )
                if cause is not None:
                    return _meant(owner, cause)
    return None


def _meant(owner: str, cause: Cause) -> Diagnosis:
    return _of_owner(owner, f"{owner}: {cause.name}", (("cause", cause.name),), why=cause)


def _by_sentence(evidence: Evidence) -> Diagnosis | None:
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
        return _of_owner(owner, title, tuple(parts), masked(said.text).names)
    return None


def _of_library(link: Link, evidence: Evidence) -> bool:
    """Whether a library raised this: by the raising frame, else by its type; the application's own words are no evidence."""
    if link.frames:
        return link.frames[-1].library is not None
    if is_builtin(link.type):
        return True
    module = module_of(link.type)
    if module is not None:
        return library_of_package(module) is not None or vendor_of_library(module) is not None
    # A bare name (Node) says nothing of who defined it. A cause was wrapped, so it is not the wrapper;
    # a lone one counts as the vendor's unless it retells, which only wrappers do.
    return link is not evidence.chain[-1] or len(evidence.chain) == 1


def _by_status(event: ErrorEvent, evidence: Evidence) -> Diagnosis | None:
    owner = evidence.vendor or evidence.library
    if owner is None:
        return None
    status, told = event.http_status, ""
    for link in evidence.chain:
        if (found := status_of(link.message)) is not None:
            status, told = found, link.message
            break
    if status is None:
        status = next((found for link in evidence.chain if (found := status_in(link.message)) is not None), None)
    if status is None:
        return None
    called = " ".join(filter(None, (event.url_path, told, *(link.called for link in evidence.chain))))
    token = TOKEN_ENDPOINT.search(called)
    if evidence.vendor is not None:
        if token and status == 401:
            return _meant(owner, Cause("auth.invalid-client", "status", "401 of a token endpoint", evidence.vendor))
        if (cause := cause_of_status(evidence.vendor, status)) is not None:
            return _meant(owner, cause)
    parts = [("status", str(status))]
    if token:
        parts.append(("endpoint", "token"))
    return _of_owner(owner, f"{owner}: HTTP {status}", tuple(parts))


def _by_type(evidence: Evidence) -> Diagnosis | None:
    """An exception type that every SDK calls the same, where no sentence was said: ``RateLimitError``."""
    if evidence.vendor is None:
        return None
    for link in evidence.chain:
        if _of_library(link, evidence) and not is_builtin(link.type):
            cause = cause_of_type(evidence.vendor, link.type)
            if cause is not None:
                return _meant(evidence.vendor, cause)
    return None


def _by_text(event: ErrorEvent, evidence: Evidence) -> Diagnosis:
    """Type and message of the root cause. Without a library, the message stands unmasked: a one-off stays its own."""
    root = evidence.chain[0]
    kind = canonical_type(root.type)
    owner = evidence.vendor or evidence.library
    message = sentence_of("", root.message).text or root.message
    if root.type == "KeyError":  # what follows are notes (PEP 678): where it was, in the application's own names
        message = message.split("\n", 1)[0]
    # A built-in error of a general library reads the same whether its stack was printed or not: the library takes no part.
    if (
        owner is not None
        and _of_library(root, evidence)
        and (evidence.vendor is not None or root.type == "KeyError" or not is_builtin(root.type))
    ):
        text = template(message)
        # Where a library raises moves with its versions: the place counts only where nothing was said.
        anchor = root.frames[-1].path if root.frames and not _WORDS.search(text) else ""
        named = (("type", kind), ("text", text), ("anchor", anchor))
        taking_part = tuple((name, value) for name, value in named if value)
        title = f"{owner}: {kind} {mask(root.message)}".strip()
        return _of_owner(owner, title, taking_part, masked(root.message).names)
    if not is_builtin(root.type):
        words = root.message
        if not event.exception_type and not event.exception_stacktrace and not (event.body or "").startswith("{"):
            words = event.body or words
        words = words[:MESSAGE_LENGTH]
        said = template_of(words)  # placeholders alone say nothing
        read = said if _WORDS.search(said) else words
        parts: tuple[tuple[str, str], ...] = (("words", short_digest(read)),)
        if event.scope:  # an application's own words are its own, unless nobody says whose
            parts += (("place", short_digest(event.scope)),)
        return Diagnosis("error/application", f"application: {read}", parts, masked(words).names, digested=(read,))
    text = " ".join(message.split())
    plain = _NAMED.sub(r"\1", text)
    digested: tuple[str, ...] = (template(plain),)
    parts = (("type", kind), ("words", short_digest(digested[0])))
    if plain == text and not (root.frames and root.frames[-1].library):
        # "list index out of range" names nothing: such errors of two applications share no cause, so the place speaks.
        place = _place(event, root)
        digested, parts = (*digested, place), (*parts, ("place", short_digest(place)))
    return Diagnosis(f"error/{kind.lower()}", f"{kind}: {mask(text)}", parts, digested=digested)


def _place(event: ErrorEvent, root: Link) -> str:
    """Where in one application: the logger and its words before the error. Takes part as a digest: nobody else's to read."""
    body = event.body or ""
    for name in (event.exception_type, root.type):
        at = body.find(name) if name else -1
        body = body[:at] if at > 0 else body
    return f"{event.scope}|{body.rstrip(' :')}"


def short_digest(text: str) -> str:
    """12 hex digits that stand for a text which does not take part as it is."""
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=6).hexdigest()


@lru_cache(maxsize=4_096)
def canonical_type(name: str) -> str:
    """A type's name without its module and across library versions: modules move, names stay.

    >>> canonical_type("simplejson.errors.JSONDecodeError") == canonical_type("json.decoder.JSONDecodeError")
    True
    """
    return _ALIASES.get(name) or _ALIASES.get(name.rsplit(".", 1)[-1]) or name.rsplit(".", 1)[-1]
