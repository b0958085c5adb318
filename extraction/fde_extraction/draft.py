"""Drafting: each differing literal as constants and slots, of the width that explains most with fewest values.

pieces (align) -> differing leaves (differing) -> values met elsewhere (known) -> constants and slots

A literal is taken whole unless what differs in it also stands somewhere else, or it is a sentence around its values; a
gap that is values met elsewhere, one after the other (``acme_orders``), becomes those values.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from fde_extraction import sensitive
from fde_extraction.align import Piece
from fde_extraction.differing import PART, Differing, common_hints, is_prose, opened, widen
from fde_extraction.known import Known, Span
from fde_extraction.label import common
from fde_extraction.literal import Fragment
from fde_extraction.site import labels_of_part, place_of
from fde_extraction.slot import Slot
from fde_extraction.vouched import Vocabulary, framed, judged, vocabulary_of, without
from fde_template.words import words

Part = str | Slot

_WHOLE_PLACES: Final = ("number", "bool", "regex")


@dataclass(frozen=True, slots=True)
class Source:
    """One file of all siblings: aligned pieces, and each sibling's secret spans in its source, in characters."""

    pieces: Sequence[Piece]
    secrets: Sequence[Sequence[Span]]
    language: str
    imported: frozenset[int] = frozenset()
    """Where, in the first sibling, texts stand that name imported modules, in characters."""


def draft(
    sources: Sequence[Source], customers: Sequence[str] = (), *, few: bool = False, said: str = ""
) -> list[list[Part]]:
    """Each file as constants and slots, in order. A value met in one file explains the others.

    `few`: fewer than three customers share what is the same, so literals that are no vocabulary become slots too; `said`:
    what is published anyway (the primitive's name), whose words are vocabulary.
    """
    drafts = [_Drafting(source, customers) for source in sources]
    if few:
        vocabulary = vocabulary_of([said, *(text for drafting in drafts for text in drafting.code())])
        for drafting in drafts:
            drafting.vocabulary = vocabulary
    everywhere = [literal for drafting in drafts for literal in drafting.literals.values()]
    bare = frozenset(text for drafting in drafts for text in drafting.alone())
    widen(everywhere)
    met = Known(everywhere)
    for drafting in drafts:
        drafting.bare = bare
    known = frozenset(text for drafting in drafts for text in drafting.sensitive())
    for drafting in drafts:
        drafting.settle(met, known)
    return [drafting.parts() for drafting in drafts]


class _Drafting:
    def __init__(self, source: Source, customers: Sequence[str]) -> None:
        self.pieces, self.secrets, self.language = source.pieces, source.secrets, source.language
        self.customers = customers
        self.literals = {
            index: Differing(piece, common_hints(piece), opened(piece), self._secret(piece))
            for index, piece in enumerate(self.pieces)
            if piece.kind == "leaf"
        }
        self.bare: frozenset[str] = frozenset()
        self.known: frozenset[str] = frozenset()
        self.met = Known(())
        self.imported = source.imported
        self.vocabulary: Vocabulary | None = None  # None: enough customers share what is the same

    def code(self) -> Iterator[str]:
        """What all siblings share and is neither literal nor comment, and what their differing names share."""
        for piece in self.pieces:
            if piece.kind == "same" and piece.leaves and not self._is_judged(piece):
                yield piece.texts[0]
        for literal in self.literals.values():
            if not self._is_judged(literal.piece):
                yield from (f.texts[0] for f in literal.found if f.shared)

    def _is_judged(self, piece: Piece) -> bool:
        first = piece.leaves[0]
        return judged(piece.place, first.kind, piece.texts[0]) and first.start not in self.imported

    def _keeps(self, piece: Piece, text: str) -> bool:
        """Whether shared `text` of `piece` may be a constant, by whoever shares it."""
        return self.vocabulary is None or not self._is_judged(piece) or self.vocabulary.takes(text, piece.place)

    def settle(self, met: Known, known: frozenset[str]) -> None:
        """Take over the values of all files, and the texts that are sensitive somewhere."""
        self.met, self.known = met, known

    def parts(self) -> list[Part]:
        found: list[Part] = []
        for index, piece in enumerate(self.pieces):
            if piece.kind == "same":
                found.extend(self._constant(piece))
            elif piece.kind == "leaf":
                found.extend(self._literal(self.literals[index]))
            elif piece.kind == "space":
                found.append(Slot(piece.texts, f"{self.language}.layout", kind="layout", labels=piece.labels))
            else:
                found.append(Slot(piece.texts, f"{self.language}.source", kind="source", labels=piece.labels))
        return _joined(found)

    def _secret(self, piece: Piece) -> bool:
        """Whether in some sibling this whole literal is a secret."""
        return any(
            leaf.start < leaf.end and any(start <= leaf.start and leaf.end <= end for start, end in spans_)
            for leaf, spans_ in zip(piece.leaves, self.secrets, strict=False)
        )

    def alone(self) -> frozenset[str]:
        """Hosts and accounts that stand alone somewhere: inside a wider text they are then a value of their own."""
        shared = [piece.texts[0] for piece in self.pieces if piece.kind == "same" and piece.leaves]
        shared += [f.texts[0] for literal in self.literals.values() for f in literal.found if f.shared]
        return frozenset(
            text[item.start : item.end]
            for text in shared
            for item in sensitive.find(text)
            if item.kind in ("host", "account") and not text[item.start : item.end].startswith("arn:")
        )

    def sensitive(self) -> frozenset[str]:
        """Secrets and sensitive texts of shared leaves: what is sensitive in one place is so in every other."""
        found = set()
        for piece in self.pieces:
            if piece.kind == "same" and piece.leaves and piece.place and piece.texts[0]:
                text, first = piece.texts[0], piece.leaves[0]
                found |= {
                    text[i.start : i.end]
                    for i in sensitive.find(text, common_hints(piece), self.customers, bare=self.bare)
                }
                found |= {
                    text[max(0, start - first.start) : end - first.start]
                    for start, end in self.secrets[0]
                    if start < first.end and first.start < end
                }
        return frozenset(text for text in found if len(text) > 3)

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
        for known in sorted(self.known, key=len, reverse=True):
            for match in re.finditer(rf"(?<!\w){re.escape(known)}(?!\w)", text):
                if all(match.end() <= start or end <= match.start() for start, end, *_ in marks):
                    marks.append((*match.span(), "known", False))
        if not secret and not self._keeps(piece, without(text, [(start, end) for start, end, *_ in marks])):
            yield from self._unvouched(text, hints, piece, alone=alone)
            return
        at, siblings = 0, len(piece.texts)
        for start, end, kind, is_secret in sorted(marks):
            if start > at:
                yield from self._stretch(text[at:start], hints, piece)
            whole = alone and (start, end) == (0, len(text))
            context = tuple(words(text[at:start])[-2:])
            yield Slot(
                (text[start:end],) * siblings, self._place(piece, (text[start:end],) * siblings, whole, text[:start]),
                hints=hints, whole=whole, leaf=piece.leaves[0].kind, secret=is_secret, sensitive=kind, context=context, labels=common([leaf.labels for leaf in piece.leaves]),
            )  # fmt: skip
            at = end
        if at < len(text):
            yield from self._stretch(text[at:], hints, piece)

    def _stretch(self, text: str, hints: tuple[str, ...], piece: Piece) -> Iterator[Part]:
        """Shared text beside something sensitive."""
        if self._keeps(piece, text):
            yield text
        else:
            yield from self._unvouched(text, hints, piece, alone=False)

    def _unvouched(self, text: str, hints: tuple[str, ...], piece: Piece, *, alone: bool) -> Iterator[Part]:
        """Shared text that nobody vouches for; a comment line by line, without its frame."""
        comment = "comment" in piece.place
        labels = common([leaf.labels for leaf in piece.leaves])
        for line in text.splitlines(keepends=True) if comment else [text]:
            lead, body, tail = framed(line) if comment else ("", line, "")
            if comment and self._keeps(piece, line) and not sensitive.find(line, (), self.customers):
                yield line
                continue
            texts = (body,) * len(piece.texts)
            whole = alone or comment
            yield lead
            yield Slot(
                texts, self._place(piece, texts, whole, ""), hints=hints, whole=whole, leaf=piece.leaves[0].kind,
                labels=labels,
            )  # fmt: skip
            yield tail

    # -- what differs ------------------------------------------------------------------------------------------------

    def _literal(self, literal: Differing) -> Iterator[Part]:
        piece = literal.piece
        if self._hides(literal):
            gap = Fragment(piece.texts)
            parts: list[Fragment] = [gap]
        elif self._takes_whole(literal):
            gap = Fragment(piece.texts)
            parts = [gap] if literal.secret else self.met.values(gap)
        else:
            parts = [part for f in literal.found for part in ([f] if f.shared else self.met.values(f))]
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
                context=(*words(after_shared)[-2:], *words(following)[:1]), labels=labels_of_part(piece, parts, index), head=not index,
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

    def _hides(self, literal: Differing) -> bool:
        """Whether something shared in it is nobody's vocabulary, and all of it can be one value."""
        piece = literal.piece
        if all(self._keeps(piece, fragment.texts[0]) for fragment in literal.found if fragment.shared):
            return False
        if any(
            start < leaf.end and leaf.start < end
            for leaf, found in zip(piece.leaves, self.secrets, strict=True)
            for start, end in found
        ):
            return False
        return not ("comment" in piece.place and any("\n" in text for text in piece.texts))

    def _takes_whole(self, literal: Differing) -> bool:
        place = literal.piece.place.rsplit("/", 1)[-1]
        gaps = literal.gaps
        if literal.secret or place.endswith(_WHOLE_PLACES) or len(literal.found) == 1:
            return True
        if "sql.identifier." in literal.piece.place and PART.search(literal.piece.texts[0]):
            return False
        empty = any(not text for gap in gaps for text in gap.texts)
        if empty and not _may_be_empty(place):
            return True
        if "identifier" in place and not place.startswith("sql."):
            return False
        if is_prose(literal):
            return False
        known = [self.met.holds(gap) for gap in gaps]
        return not any(known)

    def _place(self, piece: Piece, texts: tuple[str, ...], whole: bool, before: str) -> str:
        return place_of(piece.place, texts, whole=whole, before=before)


def _may_be_empty(place: str) -> bool:
    return "string" in place or "template" in place or "comment" in place


def _is_value(part: Fragment, parts: Sequence[Fragment]) -> bool:
    return len(parts) == 1


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


__all__ = ["Part", "Source", "draft"]
