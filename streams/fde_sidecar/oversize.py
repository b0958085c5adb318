"""A record that the broker finds too large: sent in parts, and what is too large by itself is counted and left out.

Entry -> Split -> parts of its events, each an epoch of its own with its closing mark -> a hollow record in its own place

A part's epoch is named after the record and the events it holds, so that a part sent twice has the same id, also after a
crash, when the record is tried as a whole again. The hollow record keeps the record's own epoch without a gap.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Final, Literal

import msgspec

from fde_events.event import EventBatch
from fde_events.record import Record, encode, encode_mark
from fde_sidecar.entry import Entry, EpochState
from fde_sidecar.marks import mark_of

TOO_LARGE: Final = "record-too-large"
_decode = msgspec.json.Decoder(EventBatch).decode
_Kind = Literal["part", "mark", "hollow"]


@dataclass(frozen=True, slots=True)
class _Piece:
    kind: _Kind
    first: int
    end: int
    dropped: int = 0


class Split:
    """One record's parts, one at a time: `record`, then `taken` or `refused`, until `done`."""

    def __init__(self, entry: Entry, customer: str, deployment: str) -> None:
        assert entry.value is not None
        self._entry, self._customer, self._deployment = entry, customer, deployment
        self._batch = _decode(entry.value)
        self.dropped = 0
        self._todo: deque[_Piece] = deque()
        self._halve(0, len(self._batch.events))
        self._todo.append(_Piece("hollow", 0, 0))

    @property
    def done(self) -> bool:
        """Whether the broker has all that it will ever have of this record."""
        return not self._todo

    def record(self) -> Record:
        """What to send now; the same again until it is taken or refused."""
        piece = self._todo[0]
        epoch = f"{self._entry.epoch}~{self._entry.sequence}~{piece.first}-{piece.end}"
        count = piece.end - piece.first
        if piece.kind == "mark":
            state = EpochState(
                -1 if piece.dropped else 0,
                0 if piece.dropped else count,
                True,
                {TOO_LARGE: piece.dropped} if piece.dropped else {},
            )
            return encode_mark(mark_of(self._customer, self._deployment, epoch, state, closed=True))
        if piece.kind == "hollow":
            batch = msgspec.structs.replace(self._batch, events=())
            return encode(batch, epoch=self._entry.epoch, sequence=self._entry.sequence, time=self._entry.time)
        batch = msgspec.structs.replace(self._batch, events=self._batch.events[piece.first : piece.end])
        return encode(batch, epoch=epoch, sequence=0, time=self._entry.time)

    def taken(self) -> None:
        """The broker has it."""
        piece = self._todo.popleft()
        if piece.kind == "part":
            self._todo.appendleft(_Piece("mark", piece.first, piece.end))

    def refused(self) -> None:
        """Too large as well: halved, or, where it is one event, left out and counted in its mark."""
        piece = self._todo.popleft()
        if piece.kind == "part" and piece.end - piece.first > 1:
            self._halve(piece.first, piece.end)
        elif piece.kind == "part":
            self.dropped += 1
            self._todo.appendleft(_Piece("mark", piece.first, piece.end, dropped=1))

    def _halve(self, first: int, end: int) -> None:
        middle = (first + end + 1) // 2
        if middle < end:
            self._todo.appendleft(_Piece("part", middle, end))
        self._todo.appendleft(_Piece("part", first, middle))
