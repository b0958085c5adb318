"""Types of parameters: from the texts siblings had, the places they stood in, and what the code calls them.

slots of one value -> type, allowed values

Allowed values come from a catalogue of closed sets, never from siblings: what customers chose is theirs.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

from fde_api.primitive import ParameterType
from fde_extraction.slot import Slot
from fde_template.values import fits_type
from fde_template.words import words

# Closed sets that standards and vendors' documentation enumerate; all of a value's texts must be in one.
CLOSED_SETS: Final[Mapping[str, frozenset[str]]] = {
    "hash": frozenset("md5 sha1 sha224 sha256 sha384 sha512".split()),
    "log level": frozenset("debug info warning warn error critical fatal trace".split()),
    "http method": frozenset("get put post patch delete head options".split()),
    "environment": frozenset(
        "prod production staging stage dev development test testing uat qa sandbox preprod".split()
    ),
    "sasl mechanism": frozenset("plain scram-sha-256 scram-sha-512 gssapi oauthbearer".split()),
    "compression": frozenset("none auto gzip bz2 brotli zstd snappy deflate raw_deflate lz4 lzo".split()),
    "on error": frozenset("continue abort_statement skip_file".split()),
    "warehouse size": frozenset("xsmall small medium large xlarge xxlarge".split()),
    "materialization": frozenset("view table incremental ephemeral materialized_view".split()),
    "granularity": frozenset("second minute hour day week month quarter year isoweek".split()),
    "offset reset": frozenset("earliest latest".split()),
    "isolation": frozenset("read_committed read_uncommitted repeatable_read serializable snapshot".split()),
    "acknowledgements": frozenset("all leader".split()),
    "sort": frozenset("asc desc".split()),
    "severity": frozenset("low medium high critical info warning error".split()),
}
# The areas of the IANA time zone database; the list of zones itself differs from machine to machine.
_ZONE: Final = re.compile(
    r"(?:Africa|America|Antarctica|Arctic|Asia|Atlantic|Australia|Europe|Indian|Pacific|Etc)(?:/[A-Z][A-Za-z_+-]+\d*){1,2}"
)
_TIME: Final = frozenset(
    "s ms us ns sec secs second seconds min mins minute minutes hour hours day days week weeks millis milliseconds microseconds "
    "timeout ttl interval delay backoff retention window tolerance staleness cooldown lease duration period lag expiry lookback "
    "heartbeat keepalive grace age".split()
)
_COUNT: Final = frozenset(
    "retries attempts count size limit max_requests batch rows items pages length chars bytes port".split()
)
# What multiplies a time is none: a backoff's factor.
_RATIOS: Final = frozenset(
    "factor coefficient multiplier ratio rate percent percentage share pct fraction exponent base".split()
)
# Functions whose number is how long they wait, in Python's and the browsers' own documentation.
_WAITS: Final = frozenset("sleep timeout settimeout setinterval".split())
HOSTS: Final = frozenset(
    "host hostname server servers bootstrap broker brokers endpoint address addr domain gateway bastion node fqdn".split()
)
# A number with its unit: ISO letters, pandas and Go spellings.
_SPAN: Final = re.compile(
    r"(?i)\d+(?:\.\d+)? ?(?:ms|s|sec|secs|seconds?|m|min|mins|minutes?|h|hours?|d|days?|w|weeks?|y|years?)"
)
_HOST_TEXT: Final = re.compile(
    r"(?:\d{1,3}\.){3}\d{1,3}(?::\d+)?|(?:[A-Za-z0-9_-]+\.)+(?:com|net|org|io|dev|cloud|app|internal|local|corp|example|test|lan|eu|de|uk|fr|us|co|ai)(?::\d+)?"
)


def type_of(slots: Sequence[Slot], texts: Sequence[str], name: str) -> tuple[ParameterType, tuple[str, ...]]:
    """The type of a value with those uses, and its allowed values (only for an enum)."""
    if any(slot.secret for slot in slots):
        return "secretRef", ()
    if any(slot.kind != "value" for slot in slots):
        return "string", ()
    leaves = {slot.leaf for slot in slots}
    if leaves == {"bool"}:
        return "bool", ()
    for kind in ("email", "url"):
        if all(fits_type(kind, text) for text in texts):
            return ("email", ()) if kind == "email" else ("url", ())
    if all(map(is_host, texts)) or (
        all(fits_type("host", text) and ("." in text or "-" in text) for text in texts)
        and any(HOSTS & set(words(hint)) for slot in slots for hint in slot.hints[:1] if slot.whole)
    ):
        return "host", ()
    if all(_SPAN.fullmatch(text) for text in texts) and not all(slot.leaf == "number" for slot in slots):
        return "duration", ()
    if all(fits_type("float", text) for text in texts) and (numeric := _number(slots, texts, name)):
        return numeric, ()
    if (known := CLOSED_SETS.get(_closed(texts))) is not None:
        return "enum", tuple(sorted(_cased(texts, word) for word in known))
    if all("identifier" in slot.place for slot in slots) and all(fits_type("identifier", text) for text in texts):
        return "identifier", ()
    return "string", ()


def is_host(text: str) -> bool:
    """Whether a text reads as a host or an address, with or without a port."""
    return _HOST_TEXT.fullmatch(text) is not None


def catalogued(texts: Sequence[str]) -> str:
    """What the texts are by a catalogue: the name of a closed set, or ``timezone`` (IANA names); empty when by none."""
    if all(_ZONE.fullmatch(text) for text in texts):
        return "timezone"
    return _closed(texts)


def _closed(texts: Sequence[str]) -> str:
    lowered = {text.lower() for text in texts}
    return next((name for name, known in CLOSED_SETS.items() if len(lowered) > 1 and lowered <= known), "")


def _number(slots: Sequence[Slot], texts: Sequence[str], name: str) -> ParameterType | None:
    """The kind of number; None for digits in quotes that the code does not call a number (an account)."""
    parts = [_said(hint) for slot in slots for hint in slot.hints[:3]] + [_said(name)]
    # `retain 168 hours`: the unit stands beside the number, in the same literal.
    parts += [
        {slot.context[-1]} for slot in slots if slot.context and slot.context[-1] in _TIME - {"min", "mins", "age"}
    ]
    counted = any(part & _COUNT for part in parts[:1]) or bool(set().union(*parts[:1], parts[-1]) & _RATIOS)
    waited = any(
        label.role == "call" and label.text.rpartition(".")[2].replace("_", "").lower() in _WAITS
        for slot in slots
        for label in slot.labels[:1]
    )
    if (waited or any(part & _TIME for part in parts)) and not counted:
        return "duration"
    if all(slot.leaf != "number" for slot in slots) and not any(part & (_COUNT | _TIME) for part in parts):
        return None
    return "int" if all(fits_type("int", text) for text in texts) else "float"


def _said(text: str) -> set[str]:
    """The words of a name; ``min`` with no other word of time is the least, not minutes."""
    said = set(words(text))
    return said if said & (_TIME - {"min", "mins"}) else said - {"min", "mins"}


def _cased(texts: Sequence[str], word: str) -> str:
    if all(text.isupper() for text in texts):
        return word.upper()
    return word.capitalize() if all(text[:1].isupper() for text in texts) else word
