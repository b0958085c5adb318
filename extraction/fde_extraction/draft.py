"""Drafting: each differing literal as constants and slots, of the width that explains most with fewest values.

parts (align) -> differing leaves (differing) -> frames, values met elsewhere (known) -> constants, slots and blocks

A literal is taken whole unless what differs in it also stands somewhere else, or it is a sentence around its values; a
gap that is values met elsewhere, one after the other (``acme_orders``), becomes those values.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass, replace

from fde_extraction import house, ordinary, sensitive
from fde_extraction.choice import STRUCTURE, Choices
from fde_extraction.differing import Differing, around, common_hints, opened, whole_urls, widen
from fde_extraction.drafted import BETWEEN, END, Edge, Loop, Open, Part
from fde_extraction.frame import Frame, frames
from fde_extraction.known import Known, Span
from fde_extraction.label import common
from fde_extraction.lift import Lifts, is_user
from fde_extraction.literal import Fragment
from fde_extraction.piece import Items, Piece, Present, pieces, walk
from fde_extraction.piece import Part as Aligned
from fde_extraction.scope import Scope
from fde_extraction.sensitive import Sensitive
from fde_extraction.site import labels_of_part, place_of, within
from fde_extraction.slot import Slot, key_of
from fde_extraction.vouched import Vocabulary, framed, judged, vocabulary_of, without
from fde_extraction.width import parts_of, takes_whole
from fde_template.words import words


@dataclass(frozen=True, slots=True)
class Source:
    """One file of all siblings: aligned parts, and each sibling's secret spans in its source, in characters."""

    parts: Sequence[Aligned]
    secrets: Sequence[Sequence[Span]]
    language: str
    imported: Sequence[frozenset[int]] = ()
    """Where, in each sibling, texts stand that name imported modules, in characters."""

    @property
    def scope(self) -> Scope:
        """All siblings."""
        scope = next(pieces(self.parts)).scope
        while scope.parent is not None:
            scope = scope.parent
        return scope


@dataclass(frozen=True, slots=True)
class Drafted:
    """`parts` of each file, and the choices that they ask."""

    parts: list[list[Part]]
    choices: Choices


def draft(
    sources: Sequence[Source],
    customers: Sequence[str] = (),
    *,
    owners: Sequence[str],
    enough: int,
    said: str = "",
    lifted: frozenset[str] = frozenset(),
    houses: Sequence[str] = (),
) -> Drafted:
    """Each file as constants, slots and blocks, in order. A value met in one file explains the others.

    `owners`: each sibling's customer. Where fewer than `enough` of them share what is the same, literals that are no
    vocabulary become slots too; `said`: what is published anyway (the primitive's name), whose words are vocabulary.
    `lifted`: texts that become slots wherever their words stand. `houses`: of `customers`, those that hosts tell.
    """
    choices = Choices()
    drafts = [_Drafting(source, customers, choices, owners) for source in sources]
    vocabulary = vocabulary_of([said, *(text for drafting in drafts for text in drafting.code())])
    everywhere = [literal for drafting in drafts for literal in drafting.literals.values()]
    whole_urls(everywhere)
    framing = frames([source.scope for source in sources], [source.parts for source in sources], everywhere)
    bare = frozenset(text for drafting in drafts for text in drafting.alone())
    widen(everywhere)
    for drafting in drafts:
        drafting.framed(framing)
    # What goes with a choice is no value, and nothing else is read as one because of it.
    chosen = {piece for drafting in drafts for piece in drafting.literals if drafting.goes_with(piece)}
    met = _met([literal for literal in everywhere if literal.piece not in chosen], framing)
    for drafting in drafts:
        drafting.bare, drafting.houses, drafting.own = bare, houses, vocabulary.own
    known = frozenset(text for drafting in drafts for text in drafting.sensitive())
    for drafting in drafts:
        drafting.met, drafting.known = met, known
        drafting.lifts = Lifts(met, lifted)
        for frame in dict.fromkeys(framing.values()):
            if len({owners[k] for k in frame.siblings}) < enough:
                drafting.vocabulary[frame] = vocabulary
        drafting.styles()
    return Drafted([drafting.parts() for drafting in drafts], choices)


def _met(everywhere: Sequence[Differing], framing: dict[Scope, Frame]) -> dict[Frame, Known]:
    """What is met elsewhere, in each frame; what is known in an outer one is known in the inner."""
    of: dict[Frame, list[Differing]] = defaultdict(list)
    for literal in everywhere:
        of[framing[literal.piece.scope]].append(literal)
    found: dict[Frame, Known] = {}
    for frame in sorted(dict.fromkeys(framing.values()), key=lambda frame: len(frame.outer())):
        outer = found.get(frame.parent) if frame.parent is not None else None
        known = Known(of[frame], outer, lambda key, frame=frame: tuple(key[row] for row in frame.rows))  # type: ignore[misc]
        for literal in of[frame]:
            key = key_of(literal.piece.texts)
            if key is not None and len(set(key)) > 1 and takes_whole(literal, known):
                gap = Fragment(literal.piece.texts)
                known.whole |= {key} if len(known.values(gap)) == 1 else set()
        found[frame] = known
    return found


class _Drafting:
    def __init__(self, source: Source, customers: Sequence[str], choices: Choices, owners: Sequence[str]) -> None:
        self.source, self.secrets, self.language = source.parts, source.secrets, source.language
        self.customers, self.choices, self.owners = customers, choices, owners
        self.pieces = list(pieces(source.parts))
        self.literals = {piece: self._differing(piece) for piece in self.pieces if piece.kind == "leaf"}
        self.layouts: dict[object, list[Piece]] = defaultdict(list)
        for piece in self.pieces:
            if piece.kind == "space":
                self.layouts[piece.group].append(piece)
        self.bare: frozenset[str] = frozenset()
        self.known: frozenset[str] = frozenset()
        self.met: dict[Frame, Known] = {}
        self.framing: dict[Scope, Frame] = {}
        self.imported = source.imported
        self.vocabulary: dict[Frame, Vocabulary] = {}  # of frames where too few customers share what is the same
        self.alternatives: set[tuple[Frame, tuple[bool, ...]]] = set()
        self.options: set[tuple[Frame, tuple[bool, ...]]] = set()
        self.lifts = Lifts({}, ())
        self.houses: Sequence[str] = ()
        self.own = frozenset[str]()

    def _differing(self, piece: Piece) -> Differing:
        within = [
            [
                (start - leaf.start, end - leaf.start)
                for start, end in self.secrets[k]
                if leaf.start <= start and end <= leaf.end and end - start < leaf.end - leaf.start
            ]
            for leaf, k in zip(piece.leaves, piece.scope.siblings, strict=True)
        ]
        if all(len(spans_) == 1 for spans_ in within) and len(set(piece.texts)) > 1:
            found = around(piece.texts, [spans_[0] for spans_ in within])
            return Differing(piece, common_hints(piece), found, secret=False, cut=True)
        return Differing(piece, common_hints(piece), opened(piece), self._secret(piece))

    def code(self) -> Iterator[str]:
        """What all siblings share and is neither literal nor comment, and what their differing names share."""
        for piece in self.pieces:
            # A key that two customers' code has is a name in it.
            named = piece.kind == "same" and piece.leaves and piece.leaves[0].kind == "key_text"
            if named and len({self.owners[k] for k in piece.scope.siblings}) > 1:
                yield piece.texts[0]
            elif piece.kind == "same" and piece.leaves and not self._is_judged(piece):
                yield piece.texts[0]
        for literal in self.literals.values():
            if not self._is_judged(literal.piece):
                yield from (f.texts[0] for f in literal.found if f.shared)

    def _is_judged(self, piece: Piece) -> bool:
        first = piece.leaves[0]
        named = self.imported and first.start in self.imported[piece.scope.siblings[0]]
        return judged(piece.place, first.kind, piece.texts[0]) and not named

    def _keeps(self, piece: Piece, text: str) -> bool:
        """Whether shared `text` of `piece` may be a constant, by whoever shares it."""
        frame = self.framing[piece.scope]
        vocabulary = self.vocabulary.get(frame)
        if vocabulary is None or not self._is_judged(piece):
            return True
        alone = frame.kind != "siblings" and len({self.owners[k] for k in frame.siblings}) < 2
        if alone and piece.place.endswith("number"):
            # What one customer's item alone has is that item's: other items of the kind have other numbers there.
            return frame.repeat() is None and ordinary.is_known_number(text) and not _is_setting(piece)
        if vocabulary.takes(text, piece.place):
            return True
        if frame.kind == "siblings":
            return False
        # Two customers wrote the same words into the same optional block: ordinary words are not one customer's. Of one
        # customer only what is said in ordinary words stays, no name and no value.
        if piece.leaves[0].kind == "key_text" and not alone:
            return True
        return (not alone or ordinary.is_phrase(text)) and ordinary.takes(text, vocabulary.own)

    def framed(self, framing: dict[Scope, Frame]) -> None:
        """Take over the frames of all files, and note which instances have which blocks."""
        self.framing = framing
        blocks = {
            (framing[part.scope.parent], part.scope.rows)
            for part in walk(self.source)
            if isinstance(part, Present) and part.moved is None and part.scope.parent is not None
        }
        for frame, rows in blocks:
            size = len(frame.rows)
            if frame.kind == "siblings" and len({self.owners[k] for k in frame.siblings}) > 2:
                self.options.add((frame, tuple((row in rows) == (0 in rows) for row in range(size))))
            if (frame, tuple(row for row in range(size) if row not in rows)) in blocks:
                self.alternatives.add((frame, tuple((row in rows) == (0 in rows) for row in range(size))))

    def styles(self) -> None:
        """The styles that all siblings choose from come first: what only some have follows them."""
        for piece in self.pieces:
            if (
                piece.kind == "variant"
                and isinstance(piece.group, str)
                and self.framing[piece.scope].kind == "siblings"
            ):
                self.choices.of(self.framing[piece.scope], piece.texts, piece.group, labels=piece.labels)

    def parts(self) -> list[Part]:
        """The file's parts. Iterative: blocks are few, but their depth is the source's."""
        found: list[Part] = []
        stack: list[Iterator[Aligned | Edge]] = [iter(self.source)]
        while stack:
            part = next(stack[-1], None)
            if part is None:
                stack.pop()
            elif isinstance(part, Edge):
                found.append(part)
            elif isinstance(part, Present):
                found.append(self._open(part))
                stack.append(iter([*part.body, END]))
            elif isinstance(part, Items):
                found.append(Loop(self.framing[part.scope], part.labels))
                stack.append(iter([*part.body, *([BETWEEN, *part.between] if part.between else []), END]))
            else:
                found.extend(self._piece(part))
        return _joined(found)

    def _piece(self, piece: Piece) -> Iterator[Part]:
        if piece.kind == "same":
            yield from self._constant(piece)
        elif piece.kind == "leaf" and self.goes_with(piece):
            yield from self._variant(piece, STRUCTURE)
        elif piece.kind == "leaf":
            yield from self._literal(self.literals[piece])
        elif piece.kind == "variant":
            yield from self._variant(piece, piece.group if isinstance(piece.group, str) else STRUCTURE)
        elif piece.kind == "space" and self._is_style(piece):
            yield from self._variant(piece, ("layout", id(piece.group)))
        else:
            kind = "layout" if piece.kind == "space" else "source"
            place = within(piece.place, piece.texts, f"{self.language}.{kind}")
            yield Slot(piece.texts, place, self.framing[piece.scope], kind=kind, labels=piece.labels)  # type: ignore[arg-type]

    def _open(self, part: Present) -> Open:
        assert part.scope.parent is not None
        frame = self.framing[part.scope.parent]
        there = set(part.scope.rows)
        which = [row in there for row in range(len(frame.rows))]
        family: Hashable = "order" if part.moved is not None else STRUCTURE
        choice, numbers = self.choices.of(frame, which, family, yes=True, labels=part.labels)
        choice.words.update(word for piece in pieces(part.body) for word in _said(piece))
        self.choices.blocks.setdefault(self.framing[part.scope], (choice, numbers[True]))
        return Open(choice, numbers[True], frame)

    def _variant(self, piece: Piece, family: Hashable) -> Iterator[Part]:
        frame = self.framing[piece.scope]
        choice, numbers = self.choices.of(frame, piece.texts, family, labels=piece.labels)
        for text, number in sorted(numbers.items(), key=lambda entry: entry[1]):
            if text:
                yield Open(choice, number, frame)
                yield str(text)
                yield END

    def goes_with(self, piece: Piece) -> bool:
        """Whether a name of the code is one in one alternative block and another in the other: it is part of the choice."""
        if len(set(piece.texts)) != 2:
            return False
        first = [text == piece.texts[0] for text in piece.texts]
        if piece.leaves[0].kind.endswith("string_text") and all(map(ordinary.is_phrase, piece.texts)):
            # What is said differs where what is done does.
            return (self.framing[piece.scope], tuple(first)) in self.options
        if not re.search(r"(?:python|typescript)\.identifier$", piece.place):
            return False
        return (self.framing[piece.scope], tuple(first)) in self.alternatives

    def _is_style(self, piece: Piece) -> bool:
        """Whether a layout is one of two that several places of a list change between together."""
        if len(set(piece.texts)) != 2:
            return False
        return len({other.texts for other in self.layouts[piece.group] if _alike(other, piece)}) > 1

    def _secret(self, piece: Piece) -> bool:
        """Whether in some sibling this whole literal is a secret."""
        return any(
            leaf.start < leaf.end and any(start <= leaf.start and leaf.end <= end for start, end in self.secrets[k])
            for leaf, k in zip(piece.leaves, piece.scope.siblings, strict=True)
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
                found |= {text[i.start : i.end] for i in self._sensitive_in(text, common_hints(piece), piece)}
                secret = self._secrets_in(piece.scope.siblings[0], first.start, first.end)
                found |= {text[start:end] for start, end in secret}
        return frozenset(text for text in found if len(text) > 3)

    def _sensitive_in(self, text: str, hints: tuple[str, ...], piece: Piece, *, wide: bool = True) -> list[Sensitive]:
        """Sensitive spans; a name that holds a house's is one value with it: a bucket, a queue, an account."""
        found = sensitive.find(text, hints, self.customers, bare=self.bare, wide=wide, own=self.own)
        if not self.houses or not piece.leaves[0].kind.endswith("string_text"):
            return found
        return [house.widened(item, text, found, self.houses) for item in found]

    # -- constants ---------------------------------------------------------------------------------------------------

    def _constant(self, piece: Piece) -> Iterator[Part]:
        """A shared leaf; secrets and sensitive texts in it become slots, although they do not vary."""
        text = piece.texts[0]
        if not piece.leaves or not piece.place or not text:
            yield text
            return
        first = piece.leaves[0]
        secret = self._secrets_in(piece.scope.siblings[0], first.start, first.end)
        yield from self._lifted(text, common_hints(piece), piece, secret, alone=True)

    def _lifted(
        self, text: str, hints: tuple[str, ...], piece: Piece, secret: Sequence[Span], *, alone: bool
    ) -> Iterator[Part]:
        marks = [(start, end, "", True) for start, end in secret]
        for item in self._sensitive_in(text, hints if alone else (), piece, wide=alone):
            marks += [(*span, item.kind, False) for span in _beside((item.start, item.end), text, marks)]
        for known in sorted(self.known, key=len, reverse=True):
            for match in re.finditer(rf"(?<!\w){re.escape(known)}(?!\w)", text):
                if all(match.end() <= start or end <= match.start() for start, end, *_ in marks):
                    marks.append((*match.span(), "known", False))
        if not marks and alone and is_user(piece):
            marks.append((0, len(text), "user", False))
        for start, end in self.lifts.spans(piece, self.framing[piece.scope], text):
            if all(end <= first or last <= start for first, last, *_ in marks):
                marks.append((start, end, "", False))
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
                (text[start:end],) * siblings, place_of(piece.place, (text[start:end],) * siblings, whole=whole, before=text[:start]),
                self.framing[piece.scope], hints=hints, whole=whole, leaf=piece.leaves[0].kind, secret=is_secret, sensitive=kind, context=context, labels=common([leaf.labels for leaf in piece.leaves]),
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
                texts, place_of(piece.place, texts, whole=whole, before=""), self.framing[piece.scope], hints=hints, whole=whole, leaf=piece.leaves[0].kind,
                labels=labels,
            )  # fmt: skip
            yield tail

    # -- what differs ------------------------------------------------------------------------------------------------

    def _literal(self, literal: Differing) -> Iterator[Part]:
        piece = literal.piece
        met = self.met[self.framing[piece.scope]]
        parts = [Fragment(piece.texts)] if not literal.cut and self._hides(literal) else parts_of(literal, met)
        before, after_shared = "", ""
        for index, part in enumerate(parts):
            if part.shared and len(parts) > 1:
                yield from self._lifted(
                    part.texts[0], literal.hints, piece, self._secrets_of(piece, parts[:index], part, 0), alone=False
                )
                before += part.texts[0]
                after_shared = part.texts[0]
                continue
            whole = len(parts) == 1
            secret = any(self._secrets_of(piece, parts[:index], part, row) for row in range(len(piece.leaves)))
            following = parts[index + 1].texts[0] if index + 1 < len(parts) and parts[index + 1].shared else ""
            yield Slot(
                part.texts, place_of(piece.place, part.texts, whole=whole, before=before), self.framing[piece.scope], hints=literal.hints, whole=whole,
                leaf=piece.leaves[0].kind, secret=literal.secret or secret,
                context=(*words(after_shared)[-2:], *words(following)[:1]), labels=labels_of_part(piece, parts, index), head=not index,
            )  # fmt: skip
            after_shared = ""

    def _secrets_in(self, sibling: int, start: int, end: int) -> list[Span]:
        """The sibling's secrets from `start` to `end`, as far as they are in it, counted from `start`."""
        return [
            (max(first, start) - start, min(last, end) - start)
            for first, last in self.secrets[sibling]
            if first < end and start < last
        ]

    def _secrets_of(self, piece: Piece, before: Sequence[Fragment], part: Fragment, row: int) -> list[Span]:
        """As _secrets_in, of the stretch `part` of the piece's literal, which stands after `before`."""
        start = piece.leaves[row].start + sum(len(f.texts[row]) for f in before)
        return self._secrets_in(piece.scope.siblings[row], start, start + len(part.texts[row]))

    def _hides(self, literal: Differing) -> bool:
        """Whether something shared in it is nobody's vocabulary, and all of it can be one value."""
        piece = literal.piece
        if all(self._keeps(piece, fragment.texts[0]) for fragment in literal.found if fragment.shared):
            return False
        if any(
            self._secrets_in(k, leaf.start, leaf.end)
            for leaf, k in zip(piece.leaves, piece.scope.siblings, strict=True)
        ):
            return False
        return not ("comment" in piece.place and any("\n" in text for text in piece.texts))


def _beside(span: Span, text: str, marks: Sequence[tuple[int, int, str, bool]]) -> list[Span]:
    """`span` of `text`; where secrets stand in it, what is left of it around them; nothing where something else does."""
    within = sorted((start, end) for start, end, *_ in marks if start < span[1] and span[0] < end)
    if not within:
        return [span]
    if not all(secret for start, end, _, secret in marks if start < span[1] and span[0] < end):
        return []
    edges = [span[0], *(edge for pair in within for edge in pair), span[1]]
    parts = zip(edges[::2], edges[1::2], strict=True)
    return [(start, end) for start, end in parts if start < end and any(map(str.isalnum, text[start:end]))]


def _is_setting(piece: Piece) -> bool:
    """Whether the code gives a number a constant's name: KEEP_DAYS = 45 is what somebody chose, whoever else would."""
    near = piece.leaves[0].labels[:1]
    return any(label.role == "assigned" and label.text.isupper() for label in near) and len(piece.texts[0]) > 1


def _alike(one: Piece, other: Piece) -> bool:
    """Whether two layouts part the instances in the same way."""
    return one.scope is other.scope and len(set(zip(one.texts, other.texts, strict=True))) == len(set(one.texts)) == 2


def _said(piece: Piece) -> tuple[str, ...]:
    """The words of the code (no literals, no comments) of a shared piece."""
    if piece.kind != "same" or not piece.leaves or judged(piece.place, piece.leaves[0].kind, piece.texts[0]):
        return ()
    return words(piece.texts[0])


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
            and found[-1].frame is part.frame
        ):
            texts = tuple(a + b for a, b in zip(found[-1].texts, part.texts, strict=True))
            found[-1] = replace(found[-1], texts=texts)
        else:
            found.append(part)
    return found


__all__ = ["Drafted", "Source", "draft"]
