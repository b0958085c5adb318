"""What an OTLP client is told: an export response, or a Status, in the encoding of its request.

(opentelemetry.io/docs/specs/otlp, "OTLP/HTTP Response"; google.rpc.Status has two fields of use and is written by hand.)
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import msgspec

from fde_sidecar.otlp.wire import Encoding, Signal

PROTOBUF: Final = "application/x-protobuf"
JSON: Final = "application/json"
REASONS: Final = {
    200: "OK",
    400: "Bad Request",
    404: "Not Found",
    405: "Method Not Allowed",
    408: "Request Timeout",
    411: "Length Required",
    413: "Content Too Large",
    415: "Unsupported Media Type",
    431: "Request Header Fields Too Large",
    501: "Not Implemented",
    503: "Service Unavailable",
}
# google.rpc.Code: INVALID_ARGUMENT, NOT_FOUND, UNIMPLEMENTED, DEADLINE_EXCEEDED, RESOURCE_EXHAUSTED, UNAVAILABLE
_CODES: Final = {400: 3, 404: 5, 405: 12, 408: 4, 411: 3, 413: 8, 415: 3, 431: 8, 501: 12, 503: 14}
_REJECTED: Final[dict[Signal, str]] = {
    "logs": "rejectedLogRecords",
    "metrics": "rejectedDataPoints",
    "traces": "rejectedSpans",
}


@dataclass(frozen=True, slots=True)
class Answer:
    """One response."""

    status: int
    body: bytes = b""
    content_type: str = PROTOBUF
    headers: tuple[tuple[str, str], ...] = field(default_factory=tuple)

    def encode(self, *, keep: bool) -> bytes:
        """The bytes of it; `keep` the connection open."""
        lines = [
            f"HTTP/1.1 {self.status} {REASONS.get(self.status, 'Error')}",
            f"Content-Type: {self.content_type}",
            f"Content-Length: {len(self.body)}",
            *(f"{name}: {value}" for name, value in self.headers),
            f"Connection: {'keep-alive' if keep else 'close'}",
        ]
        return "\r\n".join(lines).encode("ascii") + b"\r\n\r\n" + self.body


def taken(signal: Signal, encoding: Encoding, rejected: int = 0, why: str = "") -> Answer:
    """200: all that can be used is on disk. `rejected` records were not of use and are not to be sent again."""
    if encoding == "json":
        partial = {"partialSuccess": {_REJECTED[signal]: str(rejected), "errorMessage": why}} if rejected else {}
        return Answer(200, msgspec.json.encode(partial), JSON)
    if not rejected:
        return Answer(200)
    inner = b"\x08" + _varint(rejected) + _text(0x12, why)
    return Answer(200, b"\x0a" + _varint(len(inner)) + inner)


def refused(status: int, why: str, encoding: Encoding, *, retry_s: int | None = None) -> Answer:
    """Anything else, with a Status body. Only with `retry_s` is it to be sent again."""
    headers: tuple[tuple[str, str], ...] = (("Retry-After", str(retry_s)),) if retry_s is not None else ()
    if status == 405:
        headers += (("Allow", "POST"),)
    code = _CODES.get(status, 2)
    if encoding == "json":
        return Answer(status, msgspec.json.encode({"code": code, "message": why}), JSON, headers)
    return Answer(status, b"\x08" + _varint(code) + _text(0x12, why), PROTOBUF, headers)


def _text(tag: int, text: str) -> bytes:
    raw = text.encode("utf-8", "replace")
    return bytes([tag]) + _varint(len(raw)) + raw


def _varint(value: int) -> bytes:
    found = bytearray()
    while value > 127:
        found.append(value & 127 | 128)
        value >>= 7
    return bytes([*found, value])
