"""A bundle: records of one producer epoch in one sealed file, for where no outbound Kafka is allowed.

BundleWriter: spool entries and marks -> <customer>.<epoch>.<first>-<last>.fdeb -> carried by a person -> read_bundle()

Frames one after another: magic, length and CRC-32, then MessagePack. The first says whose it is, the last seals it: how many
records, and the SHA-256 of everything before. A value is zlib-compressed in its own frame with its own SHA-256, so that
damage costs the record it lies in; the next is found again by its magic. Nothing in it is secret or signed: who takes it
in says whose it is (`fde ingest --customer`), the file's word must only agree.
"""

from __future__ import annotations

import contextlib
import hashlib
import mmap
import os
import re
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

import msgspec

from fde_events.errors import BadInput
from fde_events.ledger import EpochMark
from fde_sidecar.spool import Entry

SUFFIX: Final = ".fdeb"
VERSION: Final = 1
_MAGIC: Final = b"FDE\x1e"
_HEAD: Final = struct.Struct(">4sII")
_MAX_FRAME: Final = 4 * 1024 * 1024
_MAX_VALUE: Final = 16 * 1024 * 1024
_EPOCH: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,127}")
_MAX_TRIES: Final = 10_000  # beginnings of frames that are none: a file made of them must not take for ever


class Header(msgspec.Struct, frozen=True, array_like=True, tag="h"):
    """Whose it is. The customer stands here so that a bundle is not taken in for somebody else by mistake."""

    version: int
    customer: str
    deployment: str
    epoch: str
    created: str


class Packed(msgspec.Struct, frozen=True, array_like=True, tag="r"):
    """One record: what the broker would have got. `sha256` is the value's, `packed` is it, zlib."""

    sequence: int
    time: str
    events: int
    sha256: bytes
    packed: bytes


class Marked(msgspec.Struct, frozen=True, array_like=True, tag="m"):
    """A producer's own count, of this epoch or of one that ended before."""

    epoch: str
    highest: int
    closed: bool
    events: int
    time: str
    dropped: dict[str, int] = {}


class Seal(msgspec.Struct, frozen=True, array_like=True, tag="s"):
    """The end: `first` and `last` sequence (-1 without records), records and marks before it, SHA-256 of all bytes before."""

    first: int
    last: int
    records: int
    marks: int
    sha256: bytes


Frame = Header | Packed | Marked | Seal
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Frame).decode


@dataclass(frozen=True, slots=True)
class BundledRecord:
    """One record as it goes to the broker: the same epoch, sequence, time and bytes as from the sidecar itself."""

    deployment: str
    epoch: str
    sequence: int
    time: str
    events: int
    value: bytes


@dataclass(frozen=True, slots=True)
class Damage:
    """What could not be read: the byte it begins at, and a sentence."""

    offset: int
    why: str


class BundleWriter:
    """One bundle being written under a temporary name; nobody sees it before :meth:`seal`. OSError as the disk says it."""

    def __init__(self, directory: Path, header: Header) -> None:
        self._directory, self._header = directory, header
        directory.mkdir(parents=True, exist_ok=True)
        namespace, _, name = header.deployment.partition("/")
        self._temporary = directory / f".{header.customer}.{namespace}.{name}.part"
        self._file: BinaryIO = self._temporary.open("wb")
        self._digest = hashlib.sha256()
        self.first = self.last = -1
        self.records = self.marks = self.size = 0
        self._put(header)

    def add(self, entry: Entry) -> None:
        """One more record; `entry` has a value and is of the header's epoch."""
        value = entry.value
        assert value is not None and entry.epoch == self._header.epoch
        digest = hashlib.sha256(value).digest()
        self._put(Packed(entry.sequence, entry.time, entry.events, digest, zlib.compress(value, 1)))
        self.first = entry.sequence if self.first < 0 else self.first
        self.last = entry.sequence
        self.records += 1

    def mark(self, mark: EpochMark) -> None:
        """One mark."""
        self._put(Marked(mark.epoch, mark.highest, mark.closed, mark.events, mark.time, dict(mark.dropped)))
        self.marks += 1

    def seal(self) -> Path:
        """On disk for good under its own name when this returns. Writing the same again replaces it by the same."""
        self._put(Seal(self.first, self.last, self.records, self.marks, self._digest.digest()))
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        held = f"{self.first}-{self.last}" if self.records else "marks"
        path = self._directory / f"{self._header.customer}.{self._header.epoch}.{held}{SUFFIX}"
        self._temporary.replace(path)
        descriptor = os.open(self._directory, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        return path

    def abandon(self) -> None:
        """Throw it away; what it held is still in the spool."""
        with contextlib.suppress(OSError):
            self._file.close()
        with contextlib.suppress(OSError):
            self._temporary.unlink(missing_ok=True)

    def _put(self, frame: Frame) -> None:
        payload = _encode(frame)
        data = _HEAD.pack(_MAGIC, len(payload), zlib.crc32(payload)) + payload
        self._file.write(data)
        self._digest.update(data)
        self.size += len(data)


def read_header(path: Path) -> Header:
    """Whose bundle it is. :class:`BadInput` when it is none, or its beginning is damaged."""
    with _opened(path) as file:
        found = next(_frames(file), None)
    if found is None or not isinstance(found[1], Header):
        raise BadInput(str(path), "is no bundle of ours, or its beginning is damaged; nothing of it can be taken in")
    header = found[1]
    if header.version != VERSION:
        raise BadInput(str(path), f"is a bundle of format {header.version}; this program reads format {VERSION}")
    if not _EPOCH.fullmatch(header.epoch):
        raise BadInput(str(path), "names an epoch that is none")
    return header


def read_bundle(path: Path) -> Iterator[BundledRecord | EpochMark | Damage]:
    """Everything that can be read, in the order it was written; damage where it lies. Memory: a record at a time.

    A whole bundle gives no :class:`Damage`. :class:`BadInput` as :func:`read_header`.
    """
    header = read_header(path)
    digest = hashlib.sha256()
    records = marks = 0
    sealed = damaged = False
    with _opened(path) as file:
        for offset, frame, data in _frames(file):
            if isinstance(frame, int):
                damaged = True
                yield Damage(offset, f"{frame} bytes from byte {offset} on are damaged")
                continue
            if isinstance(frame, Seal):
                sealed = True
                if (records, marks) != (frame.records, frame.marks):
                    why = f"it was sealed with {frame.records} records and {frame.marks} marks, {records} and {marks} are left"
                    yield Damage(offset, why)
                elif not damaged and digest.digest() != frame.sha256:
                    yield Damage(offset, "it is not what was sealed: its digest differs")
                continue
            digest.update(data)
            if isinstance(frame, Packed):
                record = _unpacked(header, frame)
                damaged = damaged or record is None
                records += record is not None
                yield record or Damage(offset, f"record {header.epoch}/{frame.sequence} is not what its digest says")
            elif isinstance(frame, Marked):
                marks += 1
                yield EpochMark(
                    customer=header.customer,
                    deployment=header.deployment,
                    epoch=frame.epoch,
                    highest=frame.highest,
                    closed=frame.closed,
                    events=frame.events,
                    time=frame.time,
                    dropped=frame.dropped,
                )
    if not sealed:
        yield Damage(path.stat().st_size, "its end is missing: it was cut short on the way")


def _unpacked(header: Header, frame: Packed) -> BundledRecord | None:
    try:
        value = zlib.decompressobj().decompress(frame.packed, _MAX_VALUE)
    except zlib.error:
        return None
    if hashlib.sha256(value).digest() != frame.sha256:
        return None
    return BundledRecord(header.deployment, header.epoch, frame.sequence, frame.time, frame.events, value)


def _frames(file: BinaryIO) -> Iterator[tuple[int, Frame | int, bytes]]:
    """Each frame with its place and bytes; a number of bytes where they belong to no frame, up to the next one that does."""
    if not os.fstat(file.fileno()).st_size:
        return
    with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        at = lost_at = tried = 0
        while at < len(data):
            size, frame = _frame_at(data, at)
            if frame is None:
                tried += 1
                found = data.find(_MAGIC, at + 1) if tried < _MAX_TRIES else -1
                at = len(data) if found < 0 else found
                continue
            if at > lost_at:
                yield lost_at, at - lost_at, b""
            yield at, frame, data[at : at + size]
            at = lost_at = at + size
        if at > lost_at:
            yield lost_at, at - lost_at, b""


def _frame_at(data: mmap.mmap, at: int) -> tuple[int, Frame | None]:
    if len(data) - at < _HEAD.size:
        return 0, None
    magic, length, checksum = _HEAD.unpack_from(data, at)
    start = at + _HEAD.size
    if magic != _MAGIC or length > min(_MAX_FRAME, len(data) - start):
        return 0, None
    payload = data[start : start + length]
    if zlib.crc32(payload) != checksum:
        return 0, None
    try:
        return _HEAD.size + length, _decode(payload)
    except msgspec.DecodeError:
        return 0, None


def _opened(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except OSError as error:
        raise BadInput(str(path), f"cannot be read: {error.strerror or error}") from error
