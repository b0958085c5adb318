"""Bytes to text and back without loss: encoding, byte order mark and line endings are recorded, never changed."""

from __future__ import annotations

import re
from typing import Literal

from fde_template.errors import TemplateError

Encoding = Literal["utf-8", "utf-8-sig", "latin-1"]
Newline = Literal["lf", "crlf", "cr", "mixed", "none"]
_BOM = b"\xef\xbb\xbf"


def encoding_of(data: bytes) -> Encoding:
    """The encoding that keeps `data`: UTF-8 with or without a byte order mark, else latin-1 (any bytes)."""
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return "latin-1"
    # A second mark is text: only the first one is the encoding's.
    return "utf-8-sig" if data.startswith(_BOM) else "utf-8"


def decode(data: bytes, encoding: Encoding) -> str:
    """Text of `data`; ``encode(decode(data, e), e) == data``. :class:`TemplateError` when it is not in that encoding."""
    if (encoding == "utf-8-sig") != data.startswith(_BOM) and encoding != "latin-1":
        raise TemplateError(f"the file {'has no' if encoding == 'utf-8-sig' else 'has a'} byte order mark")
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        raise TemplateError(f"the file is not {encoding}: byte {error.start}") from error


def encode(text: str, encoding: Encoding) -> bytes:
    """Bytes of `text`. :class:`TemplateError` names the first character that `encoding` cannot hold."""
    try:
        return text.encode(encoding)
    except UnicodeEncodeError as error:
        raise TemplateError(f"a character at offset {error.start} does not exist in {encoding}") from error


def newline_of(text: str) -> Newline:
    """Which line endings `text` uses."""
    kinds = set(re.findall(r"\r\n|\r|\n", text))
    if len(kinds) > 1:
        return "mixed"
    return {"\n": "lf", "\r\n": "crlf", "\r": "cr"}.get(next(iter(kinds), ""), "none")  # type: ignore[return-value]
