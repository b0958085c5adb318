"""HTTP/1.1 as an OTLP client speaks it, read within bounds.

bytes -> read_head() -> Head -> read_body() -> body, decompressed   whatever else comes is a Refusal with its status

Written here because a server of the standard library holds a thread a connection, and headers of 6 MiB.
"""

from __future__ import annotations

import asyncio
import re
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

HEAD_BYTES: Final = 16 * 1024
BODY_BYTES: Final = 4 * 1024 * 1024  # as sent, and once more when decompressed
_CHUNK: Final = 64 * 1024
_REQUEST: Final = re.compile(rb"([A-Z]{1,16}) (/[\x21-\x7e]{0,2000}) HTTP/1\.([01])")
_FIELD: Final = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}):[ \t]*([^\r\n\x00]*?)[ \t]*")
_SIZE: Final = re.compile(rb"([0-9A-Fa-f]{1,8})[ \t]*(?:;[^\r\n]*)?\r?\n")


class Refusal(Exception):
    """A request that is answered with `status` and a reason, and not taken. `retry_s`: the client may come again."""

    def __init__(self, status: int, why: str, *, retry_s: int | None = None) -> None:
        super().__init__(status, why)
        self.status, self.why, self.retry_s = status, why, retry_s


@dataclass(frozen=True, slots=True)
class Head:
    """A request up to its body. Header names are lower case; `path` without its query."""

    method: str
    path: str
    headers: Mapping[str, str]
    keep: bool


async def read_head(reader: asyncio.StreamReader) -> Head | None:
    """The next request's head; None when the client is done. :class:`Refusal` for what is no HTTP."""
    try:
        raw = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError as error:
        if not error.partial.strip():
            return None
        raise Refusal(400, "the request was cut off") from error
    except asyncio.LimitOverrunError as error:
        raise Refusal(431, f"a request's head is at most {HEAD_BYTES} bytes") from error
    lines = raw[:-4].lstrip(b"\r\n").split(b"\r\n")
    first = _REQUEST.fullmatch(lines[0])
    if first is None or len(lines) > 100:
        raise Refusal(400, "not an HTTP/1.1 request")
    headers: dict[str, str] = {}
    for line in lines[1:]:
        named = _FIELD.fullmatch(line)
        if named is None:
            raise Refusal(400, "a header that is none")
        name = named[1].decode("ascii").lower()
        if name in headers and name in ("content-length", "transfer-encoding", "content-encoding", "content-type"):
            raise Refusal(400, f"{name} twice")
        headers[name] = named[2].decode("latin-1")
    keep = headers.get("connection", "").lower() != "close" if first[3] == b"1" else False
    return Head(first[1].decode("ascii"), first[2].decode("ascii").partition("?")[0], headers, keep)


async def read_body(reader: asyncio.StreamReader, head: Head, hold: Callable[[int], None]) -> bytes:
    """The body as it was sent. `hold` is told of every piece of memory that is taken, and may refuse it."""
    coding = head.headers.get("transfer-encoding", "").lower()
    length = head.headers.get("content-length")
    if coding and length is not None:
        raise Refusal(400, "both Content-Length and Transfer-Encoding")
    try:
        if coding:
            if coding != "chunked":
                raise Refusal(501, "no other Transfer-Encoding than chunked")
            return await _chunked(reader, hold)
        if length is None:
            raise Refusal(411, "the request says no Content-Length")
        if not (length.isascii() and length.isdecimal()) or len(length) > 18:
            raise Refusal(400, "Content-Length is no number")
        if int(length) > BODY_BYTES:
            raise Refusal(413, f"a request's body is at most {BODY_BYTES} bytes")
        return await _exactly(reader, int(length), hold)
    except (asyncio.IncompleteReadError, asyncio.LimitOverrunError) as error:
        raise Refusal(400, "the body was cut off") from error


def decompressed(body: bytes, coding: str) -> bytes:
    """The body behind its Content-Encoding. :class:`Refusal` 415 for another one, 413 for a bomb, 400 for garbage."""
    match coding.strip().lower():
        case "" | "identity":
            return body
        case "gzip" | "x-gzip" | "deflate":
            pass
        case _:
            raise Refusal(415, "Content-Encoding is gzip, deflate or identity")
    parts: list[bytes] = []
    room = BODY_BYTES
    while body:
        stream = zlib.decompressobj(wbits=47)  # tells gzip from zlib by itself
        try:
            part = stream.decompress(body, room + 1)
        except zlib.error as error:
            raise Refusal(400, "the compressed body is broken") from error
        room -= len(part)
        if room < 0:
            raise Refusal(413, f"a request's body is at most {BODY_BYTES} bytes, decompressed")
        if not stream.eof:
            raise Refusal(400, "the compressed body was cut off")
        parts.append(part)
        if len(parts) > 64:
            raise Refusal(400, "the compressed body has more than 64 members")
        body = stream.unused_data
    return b"".join(parts)


async def _exactly(reader: asyncio.StreamReader, size: int, hold: Callable[[int], None]) -> bytes:
    parts: list[bytes] = []
    while size:
        part = await reader.read(min(size, _CHUNK))
        if not part:
            raise Refusal(400, "the body was cut off")
        hold(len(part))
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


async def _chunked(reader: asyncio.StreamReader, hold: Callable[[int], None]) -> bytes:
    parts: list[bytes] = []
    total = 0
    while True:
        line = await reader.readuntil(b"\n")
        size = _SIZE.fullmatch(line)
        if size is None:
            raise Refusal(400, "a chunk without its size")
        if (length := int(size[1], 16)) == 0:
            break
        total += length
        if total > BODY_BYTES:
            raise Refusal(413, f"a request's body is at most {BODY_BYTES} bytes")
        hold(64)  # a chunk of one byte costs more than its byte
        parts.append(await _exactly(reader, length, hold))
        if await reader.readexactly(2) != b"\r\n":
            raise Refusal(400, "a chunk is longer than its size")
    for _ in range(32):  # trailers
        if (await reader.readuntil(b"\n")) in (b"\r\n", b"\n"):
            return b"".join(parts)
    raise Refusal(400, "trailers without an end")
