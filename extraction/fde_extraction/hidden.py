"""Hidden texts: what a text says once its escapes and encodings are undone.

text -> revealed() -> the text and what is in it URL-encoded, escaped, as hex, as base64 (zlib and gzip in it) -> leak gate

Tokens are decoded, so that the work grows with the text and not with what is looked for in it.
"""

from __future__ import annotations

import binascii
import html
import re
import urllib.parse
import zlib
from collections.abc import Iterator
from functools import lru_cache
from typing import Final

_DEPTH: Final = 3  # encodings in encodings
_MOST: Final = 1 << 20  # characters that one packed text may grow to
_URL: Final = re.compile(r"%[0-9A-Fa-f]{2}")
_ESCAPE: Final = re.compile(
    r"\\(?:u\{([0-9A-Fa-f]{1,6})\}|u([0-9A-Fa-f]{4})|x([0-9A-Fa-f]{2})|U([0-9A-Fa-f]{8})|([0-7]{3})|(.))"
)
_ENTITY: Final = re.compile(r"&(?:#\d{1,7}|#[xX][0-9A-Fa-f]{1,6}|[a-z]{2,8});")
_HEX: Final = re.compile(r"(?:[0-9A-Fa-f]{2}[:\s]?){4,}|(?:0x[0-9A-Fa-f]{2}[, ]*){4,}")
_BASE64: Final = re.compile(r"[A-Za-z0-9+/_=-]{8,}")
_WRAPPED: Final = re.compile(r"[A-Za-z0-9+/=_\s-]{16,}")
# UTF-8 that a person can read; drawn bytes hold next to none of it.
_READABLE: Final = re.compile(
    rb"(?:[\t\n\x20-\x7e]|[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}){4,}"
)


def revealed(text: str) -> list[str]:
    """What is hidden in `text`, without `text` itself; without order or guarantee that each was meant to be read."""
    seen = {text}
    layer = [text]
    for _ in range(_DEPTH):
        layer = [found for item in layer for found in _under(item) if found not in seen and not seen.add(found)]  # type: ignore[func-returns-value]
    seen.discard(text)
    return sorted(seen)


def _under(text: str) -> Iterator[str]:
    if _URL.search(text):
        yield urllib.parse.unquote(text)
    if "\\" in text:
        yield _ESCAPE.sub(_unescaped, text)
    if "&" in text and _ENTITY.search(text):
        yield html.unescape(text)
    for match in _HEX.finditer(text):
        digits = re.sub(r"0x|[^0-9A-Fa-f]", "", match.group())
        for start in (0, 1):  # a digit that belongs to what stands before
            yield from _readable(bytes.fromhex(digits[start : start + (len(digits) - start) // 2 * 2]), 4)
    tokens = _BASE64.findall(text)
    if _WRAPPED.fullmatch(text) and any(map(str.isspace, text)):
        tokens.append("".join(text.split()))
    for token in tokens:
        yield from _decoded(token)


@lru_cache(maxsize=65536)
def _decoded(token: str) -> tuple[str, ...]:
    """Readable runs of a base64 token, begun at each of its first four letters: where it begins is not known."""
    body = token.strip("=").replace("-", "+").replace("_", "/")
    found = list[str]()
    for start in range(4):
        piece = body[start:].replace("=", "")
        piece = piece[:-1] if len(piece) % 4 == 1 else piece
        try:
            raw = binascii.a2b_base64(piece + "=" * (-len(piece) % 4))
        except binascii.Error:
            continue
        found += _readable(raw, 6)
        if raw[:2] == b"\x1f\x8b" or (raw[:1] == b"\x78" and len(raw) > 2 and (raw[0] << 8 | raw[1]) % 31 == 0):
            try:
                found += _readable(zlib.decompressobj(47).decompress(raw, _MOST), 4)
            except zlib.error:
                continue
    return tuple(dict.fromkeys(found))


def _readable(raw: bytes, least: int) -> Iterator[str]:
    for match in _READABLE.finditer(raw):
        if match.end() - match.start() >= least:
            yield match.group().decode("utf-8", "ignore")


def _unescaped(match: re.Match[str]) -> str:
    braced, short, byte, long, octal, char = match.groups()
    if digits := braced or short or byte or long:
        code = int(digits, 16)
        return chr(code) if code <= 0x10FFFF else ""
    return chr(int(octal, 8)) if octal else {"n": "\n", "t": "\t", "r": "\r"}.get(char, char)
