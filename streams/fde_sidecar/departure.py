"""One departure: a record that left, as the local log keeps it.

spool entry + destination -> departure() -> pack() -> a frame of the egress log -> unpack() -> fde egress

A frame is length and CRC-32 (8 bytes, big endian), then MessagePack, as in the spool.
"""

from __future__ import annotations

import hashlib
import struct
import zlib
from collections.abc import Iterator, Mapping
from typing import BinaryIO, Final

import msgspec

from fde_sidecar.spool import Entry

_FRAME: Final = struct.Struct(">II")
_MAX_FRAME: Final = 4 * 1024 * 1024
_MAX_VALUE: Final = 16 * 1024 * 1024
_LEVEL: Final = 1  # zlib; a batch shrinks to a tenth, level 6 makes it a twelfth at four times the cost


class Departure(msgspec.Struct, frozen=True, array_like=True, tag="d"):
    """`left_at` RFC 3339 UTC; `kinds` counts events by kind; `size` (bytes) and `sha256` are the value's; `packed` is it, zlib.

    The same record may have left twice (a crash before the cursor moved): then its id stands here twice.
    """

    left_at: str
    destination: str
    epoch: str
    sequence: int
    kinds: dict[str, int]
    size: int
    sha256: bytes
    packed: bytes

    @property
    def id(self) -> str:
        """``epoch/sequence``, as everywhere."""
        return f"{self.epoch}/{self.sequence}"

    def value(self) -> bytes | None:
        """What left, byte for byte; None when it is not what its digest says."""
        opener = zlib.decompressobj()
        try:
            value = opener.decompress(self.packed, _MAX_VALUE)
        except zlib.error:
            return None
        return value if hashlib.sha256(value).digest() == self.sha256 else None


class Opening(msgspec.Struct, frozen=True, array_like=True, tag="o"):
    """The first frame of a segment. `removed`: departures that age or the cap had taken out of the log before it."""

    version: int
    removed: int


class _Tagged(msgspec.Struct):
    type: str


class _Kinds(msgspec.Struct):
    events: list[_Tagged]


Frame = Departure | Opening
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Frame).decode
_kinds = msgspec.json.Decoder(_Kinds).decode


def departure(entry: Entry, destination: str, left_at: str) -> Departure:
    """The departure of a spool entry that has a value."""
    value = entry.value
    assert value is not None
    return Departure(
        left_at=left_at,
        destination=destination,
        epoch=entry.epoch,
        sequence=entry.sequence,
        kinds=dict(kinds_of(value)),
        size=len(value),
        sha256=hashlib.sha256(value).digest(),
        packed=zlib.compress(value, _LEVEL),
    )


def kinds_of(value: bytes) -> Mapping[str, int]:
    """Events of an encoded batch by kind; empty when it is none."""
    found: dict[str, int] = {}
    try:
        batch = _kinds(value)
    except (msgspec.DecodeError, RecursionError):
        return found
    for event in batch.events:
        found[event.type] = found.get(event.type, 0) + 1
    return found


def pack(frame: Frame) -> bytes:
    """The frame's bytes."""
    payload = _encode(frame)
    return _FRAME.pack(len(payload), zlib.crc32(payload)) + payload


def unpack(file: BinaryIO) -> Iterator[tuple[int, Frame]]:
    """Frames from where the file stands, each with the place after it; ends at the end or at the first that is damaged."""
    at = file.tell()
    while True:
        head = file.read(_FRAME.size)
        if len(head) < _FRAME.size:
            return
        length, checksum = _FRAME.unpack(head)
        if not 0 < length <= _MAX_FRAME:
            return
        payload = file.read(length)
        if len(payload) < length or zlib.crc32(payload) != checksum:
            return
        try:
            frame = _decode(payload)
        except msgspec.DecodeError:
            return
        at += _FRAME.size + length
        yield at, frame


def is_torn(rest: bytes) -> bool:
    """Whether what follows the last good frame is a write that a crash cut short, and no damage in the middle."""
    if not rest.strip(b"\0") or len(rest) < _FRAME.size:
        return True
    length = _FRAME.unpack(rest[: _FRAME.size])[0]
    return bool(0 < length <= _MAX_FRAME and len(rest) < _FRAME.size + length)
