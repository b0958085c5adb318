"""Seal: a customer's names in records that are kept for ever, readable while the customer's audit key is there.

name + key -> seal() -> ``s1.<key id>.<base64url>`` -> opened() with the same key -> name; key destroyed -> nobody

Deterministic authenticated encryption (synthetic IV: Rogaway and Shrimpton 2006; the shape of RFC 5297) from HMAC-SHA-256 as
the one primitive: the tag over field and name is the IV, HMAC in counter mode (NIST SP 800-108) is the key stream. Deterministic, so
that one name always gives one text: what belongs together is seen without the key, and which of two is not. Lengths are padded
to 32 bytes.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Sequence
from typing import Final

import msgspec

KEY_BYTES: Final = 32
SEALED: Final = re.compile(r"s1\.[0-9a-f]{8}\.[A-Za-z0-9_-]+")
_PAD: Final = 32
_TAG: Final = 16
_BLOCK: Final = 32


class _Written(msgspec.Struct, frozen=True, rename="camel"):
    key: str
    not_before: str = ""


class _Ring(msgspec.Struct, frozen=True):
    keys: list[_Written]


def key_id(key: bytes) -> str:
    """8 hex digits that name a key and tell nothing of it; the same that `fde key list` shows."""
    return hmac.new(key, b"fde key id", hashlib.sha256).hexdigest()[:8]


def keys_of(raw: bytes) -> tuple[bytes, ...] | None:
    """The keys in a file as `fde key` writes it, oldest first; empty: they were destroyed. None: it holds no key of ours."""
    raw = raw.strip()
    if not raw.startswith(b"{"):
        return (raw,) if len(raw) >= KEY_BYTES else None
    try:
        ring = msgspec.json.decode(raw, type=_Ring)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    ordered = sorted(ring.keys, key=lambda one: one.not_before)
    try:
        return tuple(_bytes(one.key) for one in ordered)
    except ValueError:
        return None


def seal(key: bytes, field: str, text: str) -> str:
    """`text` sealed as a `field` (the same text in another field looks like another). Empty stays empty."""
    if not text:
        return ""
    plain = text.encode()
    plain += b"\x80" + b"\0" * (-(len(plain) + 1) % _PAD)
    tag = _tag(key, field, plain)
    sealed = base64.urlsafe_b64encode(tag + _xored(key, tag, plain)).rstrip(b"=").decode()
    return f"s1.{key_id(key)}.{sealed}"


def opened(keys: Sequence[bytes], field: str, text: str) -> str | None:
    """What was sealed; `text` itself when it is not sealed. None without its key, or when it was changed."""
    if not SEALED.fullmatch(text):
        return text
    _, named, sealed = text.split(".")
    for key in keys:
        if key_id(key) != named:
            continue
        raw = base64.urlsafe_b64decode(sealed + "=" * (-len(sealed) % 4))
        tag, plain = raw[:_TAG], _xored(key, raw[:_TAG], raw[_TAG:])
        if len(raw) > _TAG and hmac.compare_digest(tag, _tag(key, field, plain)):
            return plain.rpartition(b"\x80")[0].decode()
    return None


def keyed_digest(key: bytes, data: bytes) -> str:
    """HMAC-SHA-256 of `data`, hex: without the key nobody can try what it was made of."""
    return hmac.new(_derived(key, b"digest"), data, hashlib.sha256).hexdigest()


def _derived(key: bytes, purpose: bytes) -> bytes:
    return hmac.new(key, b"fde audit " + purpose, hashlib.sha256).digest()


def _tag(key: bytes, field: str, plain: bytes) -> bytes:
    named = field.encode()
    # The field's length comes first: no field and text together look like another pair.
    return hmac.new(_derived(key, b"tag"), len(named).to_bytes(2, "big") + named + plain, hashlib.sha256).digest()[
        :_TAG
    ]


def _xored(key: bytes, tag: bytes, text: bytes) -> bytes:
    stream_key = _derived(key, b"stream")
    blocks = (len(text) + _BLOCK - 1) // _BLOCK
    stream = b"".join(
        hmac.new(stream_key, number.to_bytes(4, "big") + tag, hashlib.sha256).digest() for number in range(blocks)
    )
    return bytes(a ^ b for a, b in zip(text, stream, strict=False))


def _bytes(text: str) -> bytes:
    return bytes.fromhex(text.removeprefix("hex:")) if text.startswith("hex:") else text.encode()
