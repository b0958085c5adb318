"""Entry: what one frame of the spool says, and what all of them add up to.

Entry -> encode_frame() -> bytes on disk -> read_frame() -> Entry -> SpoolState.take()

A frame is length and CRC-32 (8 bytes, big endian), then MessagePack. Every entry has a number that rises by one: taken in
twice (a frame that was written again after a failed fsync), it counts once.
"""

from __future__ import annotations

import re
import struct
import zlib
from dataclasses import dataclass, field
from typing import Final

import msgspec

FRAME: Final = struct.Struct(">II")
MAX_FRAME: Final = 4 * 1024 * 1024
SNAPSHOT_POSITIONS: Final = 4096  # positions a snapshot's frame holds; more stand in frames of their own behind it
# A frame's first bytes: a length below 16 MiB, a checksum, and the MessagePack array that an entry is.
_LIKELY: Final = re.compile(rb"(?=\x00[\x00-\x40].{6}[\x9c-\x9e])", re.DOTALL)


class Position(msgspec.Struct, frozen=True, array_like=True):
    """How far one file has been turned into entries. `head` is the digest of its first `head_bytes` bytes."""

    path: str
    device: int
    inode: int
    head: str
    head_bytes: int
    offset: int
    line: int


class Withheld(msgspec.Struct, frozen=True, array_like=True):
    """Events of one shape counted and not sent yet; `sample` is the encoded event they look like, `kind` its kind."""

    shape: str
    count: int
    sample: bytes


class EpochState(msgspec.Struct, frozen=True, array_like=True):
    """What is known of one producer epoch: highest sequence assigned (-1 none), events in it, drops by reason."""

    highest: int
    events: int
    closed: bool
    dropped: dict[str, int]


class Entry(msgspec.Struct, frozen=True, array_like=True):
    """One frame. `value` None: nothing to send (only positions or counts moved). `snapshot`: the state replaces what was.

    `number` is given by the spool; 0 stands for "always taken in" (a snapshot's further frames, spools of older versions).
    """

    epoch: str
    sequence: int
    events: int
    time: str
    value: bytes | None
    positions: list[Position] = []
    withheld: list[Withheld] = []
    released: list[str] = []
    dropped: dict[str, int] = {}
    closed: str = ""
    forgotten: list[tuple[int, int]] = []
    snapshot: dict[str, EpochState] | None = None
    number: int = 0


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Entry).decode


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Where an entry begins: segment number and byte."""

    segment: int
    offset: int


@dataclass(slots=True)
class SpoolState:
    """What the entries add up to. `number` is the last entry's."""

    positions: dict[tuple[int, int], Position] = field(default_factory=dict)
    withheld: dict[str, Withheld] = field(default_factory=dict)
    epochs: dict[str, EpochState] = field(default_factory=dict)
    number: int = 0

    def take(self, entry: Entry) -> None:
        """Fold one entry in. One that was folded in before changes nothing."""
        if entry.snapshot is not None:
            self.positions, self.withheld, self.epochs = {}, {}, dict(entry.snapshot)
            self.number = entry.number
        elif entry.number:
            if entry.number <= self.number:
                return
            self.number = entry.number
        for position in entry.positions:
            self.positions[(position.device, position.inode)] = position
        for file in entry.forgotten:
            self.positions.pop(file, None)
        for one in entry.withheld:
            before = self.withheld.get(one.shape)
            count = one.count + (before.count if before else 0)
            self.withheld[one.shape] = Withheld(one.shape, count, one.sample or (before.sample if before else b""))
        for shape in entry.released:
            self.withheld.pop(shape, None)
        if entry.closed and entry.closed in self.epochs:
            del self.epochs[entry.closed]
        if not entry.epoch:
            return
        known = self.epochs.get(entry.epoch) or EpochState(-1, 0, False, {})
        dropped = dict(known.dropped)
        for reason, count in entry.dropped.items():
            dropped[reason] = dropped.get(reason, 0) + count
        self.epochs[entry.epoch] = EpochState(
            max(known.highest, entry.sequence), known.events + entry.events, known.closed, dropped
        )

    def snapshot(self) -> bytes:
        """Frames that say all of it: what a segment begins with, so that the segments before it may go."""
        positions = list(self.positions.values())
        first = Entry(
            epoch="",
            sequence=-1,
            events=0,
            time="",
            value=None,
            positions=positions[:SNAPSHOT_POSITIONS],
            withheld=list(self.withheld.values()),
            snapshot=self.epochs,
            number=self.number,
        )
        frames = [encode_frame(first)]
        for start in range(SNAPSHOT_POSITIONS, len(positions), SNAPSHOT_POSITIONS):
            more = positions[start : start + SNAPSHOT_POSITIONS]
            frames.append(encode_frame(Entry("", -1, 0, "", None, positions=more)))
        return b"".join(frames)


def encode_frame(entry: Entry) -> bytes:
    """The bytes on disk. ValueError for an entry that no reader would take."""
    payload = _encode(entry)
    if len(payload) > MAX_FRAME:
        raise ValueError(f"a spool entry of {len(payload)} bytes: {MAX_FRAME} is the most")
    return FRAME.pack(len(payload), zlib.crc32(payload)) + payload


def read_frame(data: bytes | memoryview, at: int) -> tuple[Entry, int] | None:
    """The entry at byte `at` and its size on disk; None at the end and where it is damaged."""
    if len(data) - at < FRAME.size:
        return None
    length, checksum = FRAME.unpack_from(data, at)
    start, end = at + FRAME.size, at + FRAME.size + length
    if length > MAX_FRAME or end > len(data):
        return None
    payload = memoryview(data)[start:end]
    if zlib.crc32(payload) != checksum:
        return None
    try:
        return _decode(payload), end - at
    except msgspec.DecodeError:
        return None


def next_frame(data: bytes, at: int) -> int | None:
    """The first byte after `at` where a whole frame stands; None when there is none: `at` is where the file was torn."""
    for found in _LIKELY.finditer(data, at + 1):
        if read_frame(data, found.start()) is not None:
            return found.start()
    return None
