"""Chain: entries of which none can be changed, removed, inserted or moved without that being found.

entries -> link() -> stored bytes -> Verifier.take() of each, in order -> breaks() against the anchors kept elsewhere

Each link holds its place (`seq`, from 0), the hash of the link before it, the digest of its body and its own hash: a hash
chain (Haber and Stornetta 1991; Schneier and Kelsey 1999), with leaf and node hashes told apart by a first byte (RFC 6962,
2.1). The hash covers the body by its digest alone, so a body can be left out of an export and the chain still holds.
A tail that was cut, or rewritten with all its hashes, is seen by anchors only: (seq, hash) of a head, kept somewhere else.

Bytes are canonical: JSON, keys sorted, no spaces (RFC 8785 for what we store: text, whole numbers, booleans, objects of them).
A stored record that is not exactly these bytes is a changed one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

LINK: Final = "audit.link.v1"
ANCHOR: Final = "audit.anchor.v1"
SKIP: Final = "audit.skip.v1"
START: Final = "audit.start.v1"
_NO_LINK: Final = -1


class Anchor(msgspec.Struct, frozen=True, kw_only=True, tag=ANCHOR):
    """The head of a chain as it was at `at` (RFC 3339): link `seq` has `hash`."""

    chain: str
    seq: int
    hash: str
    at: str


@dataclass(frozen=True, slots=True)
class Head:
    """The last link of a chain; `seq` -1 and an empty hash before the first."""

    chain: str
    seq: int = _NO_LINK
    hash: str = ""

    def anchor(self, at: str) -> Anchor:
        """This head, to be kept elsewhere."""
        return Anchor(chain=self.chain, seq=self.seq, hash=self.hash, at=at)


@dataclass(frozen=True, slots=True)
class Break:
    """Where a chain does not hold. `where`: a coordinate (offset, line) of the record that shows it, or of the anchor."""

    chain: str
    seq: int
    where: str
    why: str

    def __str__(self) -> str:
        return f"{self.where}: chain {self.chain}, link {self.seq}: {self.why}"


def canonical(value: Any) -> bytes:
    """The one form of `value` in bytes."""
    return msgspec.json.encode(value, order="sorted")


def body_digest(body: Any) -> str:
    """SHA-256 of a body's canonical form, hex, after the byte 0."""
    return hashlib.sha256(b"\x00" + canonical(body)).hexdigest()


def link_hash(chain: str, seq: int, previous: str, body: str) -> str:
    """SHA-256 of a link's place, hex, after the byte 1. `body`: the body's digest."""
    return hashlib.sha256(
        b"\x01" + canonical({"body": body, "chain": chain, "previous": previous, "seq": seq})
    ).hexdigest()


def link(head: Head, body: Any) -> tuple[bytes, Head]:
    """The link after `head` that holds `body`, as it is stored; and the new head."""
    seq, built = head.seq + 1, msgspec.to_builtins(body)
    own = link_hash(head.chain, seq, head.hash, body_digest(built))
    stored = {"type": LINK, "chain": head.chain, "seq": seq, "previous": head.hash, "hash": own, "body": built}
    return canonical(stored), Head(head.chain, seq, own)


@dataclass(frozen=True, slots=True)
class Stored:
    """What a stored link says of itself. Not checked: :class:`Verifier` does that."""

    chain: str
    seq: int
    previous: str
    hash: str
    body: Mapping[str, Any]

    @property
    def head(self) -> Head:
        """The chain's head, if this is its last link."""
        return Head(self.chain, self.seq, self.hash)


def stored(raw: bytes) -> Stored | None:
    """The link in `raw`; None when it is none (another record of the topic, or one that is spoilt)."""
    return _stored(_decoded(raw))


def _decoded(raw: bytes) -> Any:
    """What `raw` holds as JSON; None when it is none, or nested so deep that no record of ours is."""
    try:
        return msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _stored(found: Any) -> Stored | None:
    if not isinstance(found, dict) or found.get("type") != LINK:
        return None
    chain, seq, previous, own, body = (found.get(name) for name in ("chain", "seq", "previous", "hash", "body"))
    if not isinstance(chain, str) or not isinstance(seq, int) or isinstance(seq, bool) or not isinstance(body, dict):
        return None
    if not isinstance(previous, str) or not isinstance(own, str):
        return None
    return Stored(chain, seq, previous, own, body)


def longest_run(links: Iterable[Stored]) -> list[Stored]:
    """Of one chain's links, in the order they stand, the most that follow one another; where several do, the first.

    How a writer finds its own chain's end although somebody wrote links beside it that follow nothing, or each other.
    """
    runs: dict[tuple[int, str], list[Stored]] = {}
    for one in links:
        if link_hash(one.chain, one.seq, one.previous, body_digest(one.body)) != one.hash:
            continue
        run = runs.pop((one.seq - 1, one.previous), [])
        run.append(one)
        runs.setdefault((one.seq, one.hash), run)
    return max(runs.values(), key=len, default=[])


@dataclass(slots=True)
class Verifier:
    """Takes the records of a topic or an export in their order. Memory: a head a chain, and the anchors.

    `anchors`: heads that were kept elsewhere. A chain's first break is kept; what comes after one says nothing more.
    """

    anchors: Iterable[Anchor] = ()
    heads: dict[str, Head] = field(default_factory=dict)
    links: int = 0
    skipped: int = 0
    others: int = 0
    partial: bool = False  # an export that begins in the middle: what came before was not looked at
    _breaks: dict[str, Break] = field(default_factory=dict)
    _anchored: dict[str, dict[int, list[Anchor]]] = field(default_factory=dict)
    _closed: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for anchor in self.anchors:
            self._expect(anchor)

    def _expect(self, anchor: Anchor) -> None:
        self._anchored.setdefault(anchor.chain, {}).setdefault(anchor.seq, []).append(anchor)

    def take(self, raw: bytes, where: str) -> None:
        """The next record. Whatever is no link is counted in `others`: where it replaced one, the next link tells."""
        found = _decoded(raw)
        one = _stored(found)
        if one is not None:
            self._link(one, raw, where)
        elif isinstance(found, dict) and found.get("type") == LINK:
            self._broken(str(found.get("chain")), _NO_LINK, where, "the record is no whole link: it was changed")
        else:
            self.others += 1

    def take_export(self, raw: bytes, where: str) -> None:
        """The next line of an export: a link, links left out, a beginning, or an anchor."""
        found = _decoded(raw)
        kind = found.get("type") if isinstance(found, dict) else None
        if kind == SKIP and isinstance(found, dict):
            self._skip(found, where)
        elif kind == START and isinstance(found, dict):
            self._start(found, where)
        elif kind == ANCHOR:
            self._late(raw, where)
        elif found is None and raw.strip():
            self._broken("?", _NO_LINK, where, "the line is not JSON: it was changed")
        else:
            self.take(raw, where)

    def open_ends(self) -> list[Break]:
        """The chains of an export whose last link is not followed by its anchor: lines at the export's end are missing."""
        return [
            Break(chain, head.seq + 1, "end", "the export was cut: it does not end with the head it had")
            for chain, head in sorted(self.heads.items())
            if self._closed.get(chain) != head.seq and chain not in self._breaks
        ]

    def breaks(self) -> list[Break]:
        """The first break of each chain, when all records were taken; empty: they are whole as far as anchors reach."""
        found = dict(self._breaks)
        for chain, at in self._anchored.items():
            if chain in found:
                continue
            head = self.heads.get(chain, Head(chain))
            beyond = [anchor for seq in sorted(at) if seq > head.seq for anchor in at[seq]]
            if beyond:
                said = "there is none of it" if head.seq == _NO_LINK else f"it ends at link {head.seq}"
                why = f"the tail was cut: the anchor of {beyond[0].at} saw link {beyond[0].seq}, and {said}"
                found[chain] = Break(chain, head.seq + 1, "anchors", why)
        return sorted(found.values(), key=lambda one: (one.chain, one.seq))

    def _link(self, one: Stored, raw: bytes, where: str) -> None:
        own = link_hash(one.chain, one.seq, one.previous, body_digest(one.body))
        if own != one.hash:
            self._broken(
                one.chain, one.seq, where, f"changed: it says hash {one.hash[:16]}, its content gives {own[:16]}"
            )
            return
        written = {"type": LINK, "chain": one.chain, "seq": one.seq, "previous": one.previous, "hash": own}
        if canonical({**written, "body": one.body}) != raw:
            self._broken(one.chain, one.seq, where, "changed: its bytes are not those that were written")
            return
        self.links += 1
        self._follow(one.chain, one.seq, one.previous, own, where)

    def _late(self, raw: bytes, where: str) -> None:
        try:
            anchor = msgspec.json.decode(raw, type=Anchor)
        except (msgspec.DecodeError, UnicodeDecodeError):
            self._broken("?", _NO_LINK, where, "the line is no whole anchor: it was changed")
            return
        head = self.heads.get(anchor.chain)
        if head is not None and anchor.seq <= head.seq:
            if anchor.seq < head.seq:  # its link has gone by unchecked
                self._broken(anchor.chain, anchor.seq, where, "moved: an anchor stands after the link it is about")
            elif anchor.hash != head.hash:
                self._broken(anchor.chain, anchor.seq, where, "rewritten: the link before it has another hash")
            else:
                self._closed[anchor.chain] = anchor.seq
            return
        self._expect(anchor)

    def _skip(self, found: dict[str, Any], where: str) -> None:
        chain, first, bodies = found.get("chain"), found.get("seq"), found.get("bodies")
        if not isinstance(chain, str) or not isinstance(first, int) or not isinstance(bodies, list) or not bodies:
            self._broken(str(chain), _NO_LINK, where, "the line is no whole list of links left out: it was changed")
            return
        for number, body in enumerate(bodies):
            previous = self.heads.get(chain, Head(chain)).hash
            self.skipped += 1
            own = link_hash(chain, first + number, previous, str(body))
            self._follow(chain, first + number, previous, own, where)

    def _start(self, found: dict[str, Any], where: str) -> None:
        chain, seq, previous = found.get("chain"), found.get("seq"), found.get("previous")
        if not isinstance(chain, str) or not isinstance(seq, int) or not isinstance(previous, str):
            self._broken(str(chain), _NO_LINK, where, "the line is no whole beginning: it was changed")
        elif chain in self.heads:
            self._broken(chain, seq, where, "a second beginning of one chain")
        else:
            self.partial = True
            self.heads[chain] = Head(chain, seq - 1, previous)

    def _follow(self, chain: str, seq: int, previous: str, own: str, where: str) -> None:
        if chain in self._breaks:
            return
        head = self.heads.get(chain, Head(chain))
        if seq > head.seq + 1:
            missing = f"link {head.seq + 1}" if seq == head.seq + 2 else f"links {head.seq + 1} to {seq - 1}"
            self._broken(chain, head.seq + 1, where, f"removed: {missing} should stand before link {seq}")
        elif seq <= head.seq:
            self._broken(chain, seq, where, f"inserted or moved: link {head.seq} stands before it already")
        elif previous != head.hash:
            self._broken(chain, seq, where, f"does not follow link {head.seq}: one of the two is not what was written")
        else:
            for anchor in self._anchored.get(chain, {}).get(seq, ()):
                if anchor.hash != own:
                    why = f"rewritten: the anchor of {anchor.at} saw hash {anchor.hash[:16]}, here it is {own[:16]}"
                    self._broken(chain, seq, where, why)
                    return
            self.heads[chain] = Head(chain, seq, own)

    def _broken(self, chain: str, seq: int, where: str, why: str) -> None:
        self._breaks.setdefault(chain, Break(chain, seq, where, why))
