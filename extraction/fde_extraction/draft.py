"""Drafting: each differing literal as constants and slots, of the width that explains most with fewest values.

pieces (align) -> fragments (literal) -> how often each value occurs elsewhere -> constants and slots

A literal is taken whole unless what differs in it also stands somewhere else, or it is a sentence around its values; a
gap that is values met elsewhere, one after the other (``acme_orders``), becomes those values.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from fde_extraction import sensitive
from fde_extraction.align import Piece
from fde_extraction.literal import Fragment, anchors, fragments, merged
from fde_extraction.slot import Key, Slot, key_of
from fde_template.place import refusal
from fde_template.words import spans, words

Part = str | Slot
Span = tuple[int, int]

_WHOLE_PLACES: Final = ("number", "bool", "regex")


@dataclass(slots=True)
class _Literal:
    """A differing leaf with its fragments; `first`: index of the piece."""

    piece: Piece
    hints: tuple[str, ...]
    found: list[Fragment]
    secret: bool

    @property
    def gaps(self) -> list[Fragment]:
        return [fragment for fragment in self.found if not fragment.shared]


def draft(
    pieces: Sequence[Piece], secrets: Sequence[Sequence[Span]], language: str, customers: Sequence[str] = ()
) -> list[Part]:
    """`pieces` as constants and slots, in order. `secrets`: each sibling's secret spans in its source, in characters."""
    return _Drafting(pieces, secrets, language, customers).parts()


def common_hints(piece: Piece) -> tuple[str, ...]:
    """The names that every sibling's code gives the piece, strongest first."""
    if not piece.leaves:
        return ()
    others = [set(leaf.hints) for leaf in piece.leaves[1:]]
    return tuple(dict.fromkeys(hint for hint in piece.leaves[0].hints if all(hint in other for other in others)))


class _Drafting:
    def __init__(
        self, pieces: Sequence[Piece], secrets: Sequence[Sequence[Span]], language: str, customers: Sequence[str]
    ) -> None:
        self.pieces, self.secrets, self.language, self.customers = pieces, secrets, language, customers
        self.literals = {
            index: _Literal(piece, common_hints(piece), fragments(piece.texts), self._secret(piece))
            for index, piece in enumerate(pieces)
            if piece.kind == "leaf"
        }
        self.bare = self._bare()
        # For every key: the literals (by their texts) in which it fills a gap.
        self.support: dict[Key, set[tuple[str, ...]]] = defaultdict(set)
        for literal in self.literals.values():
            for gap in literal.gaps:
                key = key_of(gap.texts)
                if key is not None:
                    self.support[key].add(_frame(literal, gap))
        self.atoms = {key for key, where in self.support.items() if self._is_atom(key, where)}

    def parts(self) -> list[Part]:
        found: list[Part] = []
        for index, piece in enumerate(self.pieces):
            if piece.kind == "same":
                found.extend(self._constant(piece))
            elif piece.kind == "leaf":
                found.extend(self._literal(self.literals[index]))
            elif piece.kind == "space":
                found.append(Slot(piece.texts, f"{self.language}.layout", kind="layout"))
            else:
                found.append(Slot(piece.texts, f"{self.language}.source", kind="source"))
        return _joined(found)

    def _is_atom(self, key: Key, where: set[tuple[str, ...]]) -> bool:
        # A value that fills whole literals, or gaps of two different literals, is a value of its own.
        return len(where) > 1

    def _secret(self, piece: Piece) -> bool:
        """Whether in some sibling this whole literal is a secret."""
        return any(
            leaf.start < leaf.end and any(start <= leaf.start and leaf.end <= end for start, end in spans_)
            for leaf, spans_ in zip(piece.leaves, self.secrets, strict=False)
        )

    def _bare(self) -> frozenset[str]:
        """Hosts and accounts that stand alone somewhere: inside a wider text they are then a value of their own."""
        shared = [piece.texts[0] for piece in self.pieces if piece.kind == "same" and piece.leaves]
        shared += [f.texts[0] for literal in self.literals.values() for f in literal.found if f.shared]
        return frozenset(
            text[item.start : item.end]
            for text in shared
            for item in sensitive.find(text)
            if item.kind in ("host", "account") and not text[item.start : item.end].startswith("arn:")
        )

    # -- constants ---------------------------------------------------------------------------------------------------

    def _constant(self, piece: Piece) -> Iterator[Part]:
        """A shared leaf; secrets and sensitive texts in it become slots, although they do not vary."""
        text = piece.texts[0]
        if not piece.leaves or not piece.place or not text:
            yield text
            return
        first = piece.leaves[0]
        secret = [
            (max(start, first.start) - first.start, min(end, first.end) - first.start)
            for start, end in self.secrets[0]
            if start < first.end and first.start < end
        ]
        yield from self._lifted(text, common_hints(piece), piece, secret, alone=True)

    def _lifted(
        self, text: str, hints: tuple[str, ...], piece: Piece, secret: Sequence[Span], *, alone: bool
    ) -> Iterator[Part]:
        marks = [(start, end, "", True) for start, end in secret]
        for item in sensitive.find(text, hints if alone else (), self.customers, bare=self.bare, wide=alone):
            if all(item.end <= start or end <= item.start for start, end, *_ in marks):
                marks.append((item.start, item.end, item.kind, False))
        at, siblings = 0, len(piece.texts)
        for start, end, kind, is_secret in sorted(marks):
            if start > at:
                yield text[at:start]
            whole = alone and (start, end) == (0, len(text))
            context = tuple(words(text[at:start])[-2:])
            yield Slot(
                (text[start:end],) * siblings, self._place(piece, (text[start:end],) * siblings, whole, text[:start]),
                hints=hints, whole=whole, leaf=piece.leaves[0].kind, secret=is_secret, sensitive=kind, context=context,
            )  # fmt: skip
            at = end
        if at < len(text):
            yield text[at:]

    # -- what differs ------------------------------------------------------------------------------------------------

    def _literal(self, literal: _Literal) -> Iterator[Part]:
        piece = literal.piece
        if self._takes_whole(literal):
            gap = Fragment(piece.texts)
            parts: list[Fragment] = [gap] if literal.secret else self._values(gap)
        else:
            parts = [part for f in literal.found for part in ([f] if f.shared else self._values(f))]
        before, after_shared = "", ""
        for index, part in enumerate(parts):
            if part.shared and not _is_value(part, parts):
                yield from self._lifted(
                    part.texts[0], literal.hints, piece, self._secret_in(piece, part, parts[:index]), alone=False
                )
                before += part.texts[0]
                after_shared = part.texts[0]
                continue
            whole = len(parts) == 1
            following = parts[index + 1].texts[0] if index + 1 < len(parts) and parts[index + 1].shared else ""
            yield Slot(
                part.texts, self._place(piece, part.texts, whole, before), hints=literal.hints, whole=whole,
                leaf=piece.leaves[0].kind, secret=literal.secret or self._secret_gap(piece, parts[:index], part),
                context=(*words(after_shared)[-2:], *words(following)[:1]),
            )  # fmt: skip
            after_shared = ""

    def _secret_in(self, piece: Piece, part: Fragment, before: Sequence[Fragment]) -> list[Span]:
        offset = piece.leaves[0].start + sum(len(f.texts[0]) for f in before)
        size = len(part.texts[0])
        return [
            (max(0, start - offset), min(size, end - offset))
            for start, end in self.secrets[0]
            if start < offset + size and offset < end
        ]

    def _secret_gap(self, piece: Piece, before: Sequence[Fragment], part: Fragment) -> bool:
        for k, leaf in enumerate(piece.leaves):
            start = leaf.start + sum(len(f.texts[k]) for f in before)
            end = start + len(part.texts[k])
            if any(first < end and start < last for first, last in self.secrets[k]):
                return True
        return False

    def _takes_whole(self, literal: _Literal) -> bool:
        place = literal.piece.place.rsplit("/", 1)[-1]
        gaps = literal.gaps
        if literal.secret or place.endswith(_WHOLE_PLACES) or len(literal.found) == 1:
            return True
        empty = any(not text for gap in gaps for text in gap.texts)
        if empty and not _may_be_empty(place):
            return True
        if "identifier" in place and not place.startswith("sql."):
            return False
        shared = anchors(literal.found)
        prose = any(mark in text for text in literal.piece.texts[:1] for mark in " \n=;?&") and shared > 1
        if prose or "comment" in place:
            return False
        known = [self._known(gap) for gap in gaps]
        return not any(known)

    def _known(self, gap: Fragment) -> bool:
        key = key_of(gap.texts)
        return key is not None and (key in self.atoms or len(self._values(gap)) > 1)

    def _values(self, gap: Fragment) -> list[Fragment]:
        """`gap` as values met elsewhere with what stands between them, or as it is."""
        key = key_of(gap.texts)
        if key is None or key in self.atoms:
            return [gap]
        placed = [spans(text) for text in gap.texts]
        if min(map(len, placed)) < 2:
            return [gap]
        cut = self._segment(gap, placed)
        if cut is None:
            return [gap]
        found = [f for f in _cut(gap, placed, cut) if any(f.texts)]
        # What stands between values must be the same everywhere.
        return found if all(f.shared or key_of(f.texts) is not None for f in found) else [gap]

    def _segment(self, gap: Fragment, placed: Sequence[Sequence[Span]]) -> list[tuple[int, ...]] | None:
        """Word positions, one per sibling, where each value ends: known values only, or one unknown beside known ones."""
        total = tuple(map(len, placed))
        best: tuple[int, list[tuple[int, ...]]] | None = None
        stack: list[tuple[tuple[int, ...], list[tuple[int, ...]], int]] = [((0,) * len(total), [], 0)]
        tries = 0
        while stack and tries < 2000:
            at, ends, unknown = stack.pop()
            tries += 1
            if at == total:
                if len(ends) > 1 and (best is None or (unknown, len(ends)) < (best[0], len(best[1]))):
                    best = unknown, ends
                continue
            for key in self.atoms:
                to = tuple(position + len(part) for position, part in zip(at, key, strict=True))
                if all(a <= b for a, b in zip(to, total, strict=True)) and self._reads(gap, placed, at, to) == key:
                    stack.append((to, [*ends, to], unknown))
            if not unknown:
                if ends:
                    stack.append((total, [*ends, total], 1))
                for key in self.atoms:  # an unknown value before a known last one
                    to = tuple(end - len(part) for end, part in zip(total, key, strict=True))
                    if all(a < b for a, b in zip(at, to, strict=True)) and self._reads(gap, placed, to, total) == key:
                        stack.append((total, [*ends, to, total], 1))
        return None if best is None else best[1]

    def _reads(
        self, gap: Fragment, placed: Sequence[Sequence[Span]], at: tuple[int, ...], to: tuple[int, ...]
    ) -> Key | None:
        texts = []
        for text, positions, first, last in zip(gap.texts, placed, at, to, strict=True):
            if last <= first:
                return None
            texts.append(text[positions[first][0] : positions[last - 1][1]])
        return key_of(texts)

    def _place(self, piece: Piece, texts: tuple[str, ...], whole: bool, before: str) -> str:
        return place_of(piece.place, texts, whole=whole, before=before)


def place_of(place: str, texts: tuple[str, ...], *, whole: bool, before: str) -> str:
    """The narrowest place that takes every sibling's text."""
    outer, _, inner = place.rpartition("/")
    inner = inner or place
    prefix = outer + "/" if outer else ""
    options = [place]
    if not whole and "identifier" in inner:
        language = inner.split(".")[0]
        options = [f"{prefix}{language}.identifier.part", *([] if "bare" in inner or language != "sql" else [place])]
    elif "string" in inner or "template" in inner:
        raw = place + "+raw"
        options = [place, raw]
        if not whole and "://" in before and not any(c.isspace() for c in before.rsplit("://", 1)[1]):
            level = "url.path" if "/" in before.rsplit("://", 1)[1] else "url.host"
            options = [f"{place}/{level}", place, raw]
    elif inner.endswith("comment.block"):
        options = [place, "source"]
    for option in options:
        if all(refusal(option, text) is None for text in texts):
            return option
    return f"{place.split('.')[0]}.source" if place.split(".")[0] in ("python", "typescript", "sql") else "source"


def _may_be_empty(place: str) -> bool:
    return "string" in place or "template" in place or "comment" in place


def _is_value(part: Fragment, parts: Sequence[Fragment]) -> bool:
    return len(parts) == 1


def _frame(literal: _Literal, gap: Fragment) -> tuple[str, ...]:
    """What stands around a gap: two gaps in equal frames are one occurrence, not two."""
    return (
        tuple(
            "\0".join((f.texts[0] if f.shared else "\1") for f in literal.found) + literal.piece.place[:8] for _ in (0,)
        )
        + gap.texts
    )


def _cut(gap: Fragment, placed: Sequence[Sequence[Span]], ends: Sequence[tuple[int, ...]]) -> Iterator[Fragment]:
    size = len(gap.texts)
    last = [0] * size
    at = (0,) * size
    for to in ends:
        starts = [placed[k][at[k]][0] for k in range(size)]
        stops = [placed[k][to[k] - 1][1] for k in range(size)]
        yield Fragment(tuple(gap.texts[k][last[k] : starts[k]] for k in range(size)))
        yield Fragment(tuple(gap.texts[k][starts[k] : stops[k]] for k in range(size)))
        last, at = stops, to
    yield Fragment(tuple(gap.texts[k][last[k] :] for k in range(size)))


def _joined(parts: Sequence[Part]) -> list[Part]:
    found: list[Part] = []
    for part in parts:
        if isinstance(part, str) and not part:
            continue
        if isinstance(part, str) and found and isinstance(found[-1], str):
            found[-1] += part
        elif (
            isinstance(part, Slot)
            and part.kind == "source"
            and found
            and isinstance(found[-1], Slot)
            and found[-1].kind == "source"
        ):
            texts = tuple(a + b for a, b in zip(found[-1].texts, part.texts, strict=True))
            found[-1] = replace(found[-1], texts=texts)
        else:
            found.append(part)
    return found


__all__ = ["Part", "draft", "merged", "place_of"]
