"""A partition's state as records: what a log begins with once older deltas were deleted.

State -> taken() -> Piece, Piece, ... -> chunks() -> StateRecord(snapshot=Chunk) ... -> Restored.add() -> State

Rebuilding from a snapshot and the deltas after it gives the same state as from all deltas (law in `tests/streams/test_snapshot.py`).
What follows from the rest is not kept: sums of groups, hours of raised groups, the index of founders.

A snapshot may be larger than a record, so it is cut into chunks; it counts when its last chunk came, and a reader that sees
an incomplete one goes on with the deltas.
"""

from __future__ import annotations

import sys
from array import array
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Final, TypeVar

import msgspec

from fde_events.order import Order
from fde_events.topics import MAX_RECORD_BYTES
from fde_streams.delta import Ruling
from fde_streams.group import Group, Known, State, Tombstone, hours_of, summed
from fde_streams.share import Share, pairs

FORM: Final = 1
_ROOM: Final = MAX_RECORD_BYTES - 4_096
_FEW: Final = 64  # shares a piece: each is 5 kB at most
_MANY: Final = 2_000  # short texts a piece
_T = TypeVar("_T")
_Counts = tuple[tuple[int, int], ...]


class Signature(msgspec.Struct, frozen=True, array_like=True, tag="s"):
    """A signature without its shares. `posted`: it is among the founders that near ones are compared with."""

    digest: str
    block: str
    kind: str
    title: str
    parts: tuple[tuple[str, str], ...]
    group: str
    founder: bool
    posted: bool
    near: str
    score: float
    owner: str | None
    samples: tuple[tuple[str, str], ...] | None


class Shares(msgspec.Struct, frozen=True, array_like=True, tag="e"):
    """Some of a signature's shares: (place, count, first, last, hours, days)."""

    digest: str
    shares: tuple[tuple[str, int, str, str, _Counts, _Counts], ...]


class Grouped(msgspec.Struct, frozen=True, array_like=True, tag="g"):
    """A group without its members. `whole`: its sum is kept apart from its member's shares."""

    id: str
    founder: str
    raised_at: str | None
    revision: int
    ignored: bool
    whole: bool


class Listed(msgspec.Struct, frozen=True, array_like=True, tag="l"):
    """More of a list: ``members`` or ``redirects`` of a group, ``own`` of a customer, ``wall`` of a group."""

    what: str
    name: str
    values: tuple[str, ...]


class Mapped(msgspec.Struct, frozen=True, array_like=True, tag="m"):
    """More of a mapping: ``homes``, ``alive``, ``clock``."""

    what: str
    pairs: tuple[tuple[str, str], ...]


class Graves(msgspec.Struct, frozen=True, array_like=True, tag="t"):
    """Groups that are others now: (id, winner, title, kind, block, revision, raised_at)."""

    graves: tuple[tuple[str, str, str, str, str, int, str | None], ...]


class Epoch(msgspec.Struct, frozen=True, array_like=True, tag="p"):
    """What was seen of one producer epoch; `floor` -1: nothing is closed."""

    epoch: str
    floor: int
    latest: str
    spans: _Counts


class Ordered(msgspec.Struct, frozen=True, array_like=True, tag="o"):
    """Orders that wait, and what became of others."""

    waiting: tuple[Order, ...]
    rulings: tuple[Ruling, ...]


class Sums(msgspec.Struct, frozen=True, array_like=True, tag="n"):
    """Numbers that stand alone."""

    forgotten: int


Piece = Signature | Shares | Grouped | Listed | Mapped | Graves | Epoch | Ordered | Sums


class Chunk(msgspec.Struct, frozen=True):
    """One record's worth of a snapshot. `index` counts from 0, the one that is `last` completes it."""

    id: str
    index: int
    last: bool
    pieces: tuple[Piece, ...]
    form: int = FORM


_size = msgspec.json.Encoder().encode


def taken(state: State) -> Iterator[Piece]:
    """`state` in pieces, each far smaller than a record. Order matters where the state keeps one."""
    near = state.near
    for known in state.signatures.values():
        samples = None if known.samples is None else tuple(known.samples.items())
        posted = known.founder and near is not None and known.digest in near
        yield Signature(
            known.digest, known.block, known.kind, known.title, known.parts, known.group, known.founder, posted,
            known.near, known.score, known.owner, samples,
        )  # fmt: skip
        for shares in _by(_FEW, known.shares.items()):
            yield Shares(
                known.digest,
                tuple((place, s.count, s.first, s.last, pairs(s.hours), pairs(s.days)) for place, s in shares),
            )
    for group in state.groups.values():
        whole = group.summed is not None
        yield Grouped(group.id, group.founder, group.raised_at, group.revision, group.ignored, whole)
        yield from _listed("members", group.id, group.members)
        yield from _listed("redirects", group.id, group.redirects)
    for graves in _by(_FEW, state.tombstones.values()):
        yield Graves(tuple((t.id, t.winner, t.title, t.kind, t.block, t.revision, t.raised_at) for t in graves))
    for what, mapping in (("homes", state.homes), ("alive", state.alive), ("clock", state.clock.latest)):
        for some in _by(_MANY // 2, mapping.items()):
            yield Mapped(what, tuple(some))
    for name, others in state.walls.items():
        yield from _listed("wall", name, sorted(others), always=True)
    for customer, mine in state.own.items():
        yield from _listed("own", customer, mine, always=True)
    for epoch, spans in state.seen.epochs.items():
        floor, latest = state.seen.floors.get(epoch, -1), state.seen.latest.get(epoch, "")
        yield Epoch(epoch, floor, latest, tuple(zip(spans.starts, spans.ends, strict=True)))
    for orders in _by(_FEW // 8, state.waiting.values()):
        yield Ordered(tuple(orders), ())
    for rulings in _by(_FEW, state.rulings.values()):
        yield Ordered((), tuple(rulings))
    yield Sums(state.forgotten)


def chunks(state: State, name: str) -> Iterator[Chunk]:
    """The snapshot `name` of `state`, each chunk small enough for a record."""
    held: list[Piece] = []
    index = size = 0
    for piece in taken(state):
        length = len(_size(piece)) + 1
        if held and size + length > _ROOM:
            yield Chunk(name, index, False, tuple(held))
            held, index, size = [], index + 1, 0
        held.append(piece)
        size += length
    yield Chunk(name, index, True, tuple(held))


class Restored:
    """A snapshot that is being read. `state` is whole when `add` has said so."""

    def __init__(self) -> None:
        self.state = State()
        self._name = ""
        self._next = 0

    def add(self, chunk: Chunk) -> bool:
        """Take the next chunk; whether the snapshot is complete now. One that does not follow makes it begin anew."""
        if chunk.index == 0:
            self.state, self._name, self._next = State(), chunk.id, 0
        if (chunk.id, chunk.index) != (self._name, self._next):
            self._name = ""  # its beginning was deleted, or its writer died and another began
            return False
        self._next += 1
        for piece in chunk.pieces:
            self._take(piece)
        if chunk.last:
            self._derive()
        return chunk.last

    def _take(self, piece: Piece) -> None:
        state = self.state
        if isinstance(piece, Shares):
            shares = state.signatures[piece.digest].shares
            for place, count, first, last, hours, days in piece.shares:
                shares[sys.intern(place)] = Share(count, first, last, _counts(hours), _counts(days))
        elif isinstance(piece, Signature):
            known = state.signatures[piece.digest] = Known(
                piece.digest,
                sys.intern(piece.block),
                sys.intern(piece.kind),
                piece.title,
                tuple((sys.intern(name), value) for name, value in piece.parts),
                piece.group,
                piece.founder,
                piece.near,
                piece.score,
                piece.owner,
                samples=None if piece.samples is None else dict(piece.samples),
            )
            if piece.posted and state.near is not None:
                state.near.add(known.outline)
        elif isinstance(piece, Grouped):
            group = state.groups[piece.id] = Group(
                piece.id, piece.founder, (), piece.raised_at, piece.revision, piece.ignored
            )
            group.summed = {} if piece.whole else None
        elif isinstance(piece, Listed):
            if piece.what == "members":
                state.groups[piece.name].members += piece.values
            elif piece.what == "redirects":
                state.groups[piece.name].redirects += piece.values
            elif piece.what == "wall":
                state.walls.setdefault(piece.name, set()).update(piece.values)
            else:
                state.own.setdefault(piece.name, {}).update(dict.fromkeys(piece.values))
        elif isinstance(piece, Mapped):
            {"homes": state.homes, "alive": state.alive, "clock": state.clock.latest}[piece.what].update(piece.pairs)
        elif isinstance(piece, Graves):
            state.tombstones.update((grave[0], Tombstone(*grave)) for grave in piece.graves)
        elif isinstance(piece, Epoch):
            state.seen.restore(piece.epoch, piece.spans, piece.floor, piece.latest)
        elif isinstance(piece, Ordered):
            state.waiting.update((order.id, order) for order in piece.waiting)
            state.rulings.update((ruling.order, ruling) for ruling in piece.rulings)
        else:
            state.forgotten = piece.forgotten

    def _derive(self) -> None:
        for group in self.state.groups.values():
            if group.summed is not None:
                group.summed = summed(self.state.members(group))
            if group.raised_at is not None:
                group.hours = hours_of(self.state.shares(group).values())


def _listed(what: str, name: str, values: Iterable[str], *, always: bool = False) -> Iterator[Listed]:
    empty = True
    for some in _by(_MANY, values):
        empty = False
        yield Listed(what, name, tuple(some))
    if empty and always:
        yield Listed(what, name, ())


def _by(count: int, values: Iterable[_T]) -> Iterator[Sequence[_T]]:
    left = iter(values)
    while some := tuple(islice(left, count)):
        yield some


def _counts(counts: _Counts) -> array[int]:
    flat: array[int] = array("q")
    for pair in counts:
        flat.extend(pair)
    return flat
