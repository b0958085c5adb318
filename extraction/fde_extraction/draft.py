"""Drafting: each differing literal as constants and slots, of the width that explains most with fewest values.

pieces (align) -> fragments (literal) -> how often each value occurs elsewhere -> constants and slots

A literal is taken whole unless what differs in it also stands somewhere else, or it is a sentence around its values; a
gap that is values met elsewhere, one after the other (``acme_orders``), becomes those values.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from fde_extraction import sensitive
from fde_extraction.align import Piece
from fde_extraction.label import Label, Labels, common, inner
from fde_extraction.languages.sqllabel import ROLES
from fde_extraction.literal import Fragment, anchors, fragments, merged
from fde_extraction.slot import Key, Slot, key_of, singular
from fde_template.place import refusal
from fde_template.words import spans, words

Part = str | Slot
Span = tuple[int, int]

_PART: Final = re.compile(r"([.:])")  # between the parts of a quoted SQL name
_LEFT: Final = re.compile(r"[\w-][\w.@-]*[.@-]$")
_RIGHT: Final = re.compile(r"[.@-][\w.@-]*[\w-]")
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


@dataclass(frozen=True, slots=True)
class Source:
    """One file of all siblings: aligned pieces, and each sibling's secret spans in its source, in characters."""

    pieces: Sequence[Piece]
    secrets: Sequence[Sequence[Span]]
    language: str


def draft(sources: Sequence[Source], customers: Sequence[str] = ()) -> list[list[Part]]:
    """Each file as constants and slots, in order. A value met in one file explains the others."""
    drafts = [_Drafting(source, customers) for source in sources]
    everywhere = [literal for drafting in drafts for literal in drafting.literals.values()]
    bare = frozenset(text for drafting in drafts for text in drafting.alone())
    _widen(everywhere)
    for drafting in drafts:
        drafting.bare = bare
    known = frozenset(text for drafting in drafts for text in drafting.sensitive())
    for drafting in drafts:
        drafting.settle(everywhere, known)
    return [drafting.parts() for drafting in drafts]


def common_hints(piece: Piece) -> tuple[str, ...]:
    """The names that every sibling's code gives the piece, strongest first."""
    if not piece.leaves:
        return ()
    others = [set(leaf.hints) for leaf in piece.leaves[1:]]
    return tuple(dict.fromkeys(hint for hint in piece.leaves[0].hints if all(hint in other for other in others)))


class _Drafting:
    def __init__(self, source: Source, customers: Sequence[str]) -> None:
        self.pieces, self.secrets, self.language = source.pieces, source.secrets, source.language
        self.customers = customers
        self.literals = {
            index: _Literal(piece, common_hints(piece), _opened(piece), self._secret(piece))
            for index, piece in enumerate(self.pieces)
            if piece.kind == "leaf"
        }
        self.bare: frozenset[str] = frozenset()
        self.known: frozenset[str] = frozenset()
        self.atoms: set[Key] = set()
        self.weak: set[Key] = set()
        self.names: set[Key] = set()
        self.by_first: dict[str, list[Key]] = defaultdict(list)
        self.by_last: dict[str, list[Key]] = defaultdict(list)

    def settle(self, everywhere: Sequence[_Literal], known: frozenset[str]) -> None:
        """Learn the values from all literals of all files, and the texts that are sensitive somewhere."""
        self.known = known
        self._learn(everywhere)

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

    def _learn(self, everywhere: Sequence[_Literal]) -> None:
        """Atoms: values that fill gaps of two literals or more; weak: one literal. Neither when other values compose them.

        Shortest first: ``acme orders``, met twice, is two values when ``orders`` is met elsewhere too.
        """
        support = _support(everywhere)
        # What fills a literal and is letters stands in another literal of every sibling by no chance.
        filling = {
            key_of(literal.piece.texts)
            for literal in everywhere
            if len(literal.found) == 1 and all(sum(map(str.isalpha, text)) > 2 for text in literal.piece.texts)
        }
        filled = Counter(
            key_of(literal.piece.texts)
            for literal in everywhere
            if len(literal.found) == 1 and "identifier" in literal.piece.place
        )
        self.names = {key for key, times in filled.items() if key is not None and times > 1}
        # A part of one path or URL explains nothing but itself; what stands in a sentence or alone may be met elsewhere.
        alone = {
            key_of(gap.texts)
            for literal in everywhere
            if len(literal.found) == 1 or _is_prose(literal)
            for gap in literal.gaps
        }
        self.atoms, self.weak = set(), set()
        order = sorted(support, key=lambda key: (sum(map(len, key)), key))
        for key in order:
            gap = Fragment(tuple(" ".join(part) for part in key))
            cut = self._values(gap)
            if len(cut) == 1:
                if len(support[key]) > 1 or key in filling:
                    self._know(key, self.atoms)
                elif key in alone:
                    self._know(key, self.weak)
                continue
            for part in cut:
                piece = key_of(part.texts)
                if piece is not None and piece not in self.atoms and not part.shared:
                    support[piece] |= support[key]
                    if len(support[piece]) > 1:
                        self._know(piece, self.atoms)

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
        at, siblings = 0, len(piece.texts)
        for start, end, kind, is_secret in sorted(marks):
            if start > at:
                yield text[at:start]
            whole = alone and (start, end) == (0, len(text))
            context = tuple(words(text[at:start])[-2:])
            yield Slot(
                (text[start:end],) * siblings, self._place(piece, (text[start:end],) * siblings, whole, text[:start]),
                hints=hints, whole=whole, leaf=piece.leaves[0].kind, secret=is_secret, sensitive=kind, context=context, labels=common([leaf.labels for leaf in piece.leaves]),
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
                context=(*words(after_shared)[-2:], *words(following)[:1]), labels=_labels(piece, parts, index), head=not index,
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
        if "sql.identifier." in literal.piece.place and _PART.search(literal.piece.texts[0]):
            return False
        empty = any(not text for gap in gaps for text in gap.texts)
        if empty and not _may_be_empty(place):
            return True
        if "identifier" in place and not place.startswith("sql."):
            return False
        if _is_prose(literal):
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
        cut = self._segment(gap, placed, whole=key in self.names)
        if cut is None:
            return [gap]
        found = [f for f in _cut(gap, placed, cut) if any(f.texts)]
        # What stands between values must be the same everywhere.
        return (
            merged(found)
            if any(not f.shared for f in found) and all(f.shared or key_of(f.texts) is not None for f in found)
            else [gap]
        )

    def _segment(self, gap: Fragment, placed: Sequence[Sequence[Span]], *, whole: bool) -> list[tuple[int, ...]] | None:
        """Word positions, one per sibling, where each value ends: known values only, or one unknown beside attested ones.

        `whole`: the gap is a name of its own, used again and again, so that a part of it is not worth an unknown.
        """
        total = tuple(map(len, placed))
        own = self._reads(gap, placed, (0,) * len(total), total)
        first, last = self._words_of(gap.texts[0])
        starting = [self._candidates(self.by_first, word, own) for word in first]
        ending = self._candidates(self.by_last, last, own)
        best: tuple[tuple[int, int, int], list[tuple[int, ...]]] | None = None
        # (words read, ends of values, unknown values, values met once, values)
        stack: list[tuple[tuple[int, ...], list[tuple[int, ...]], int, int, int]] = [((0,) * len(total), [], 0, 0, 0)]
        tries = 0
        while stack and tries < 2000:
            at, ends, unknown, weak, values = stack.pop()
            tries += 1
            if at == total:
                rank = (unknown, weak, len(ends))
                if values and len(ends) > 1 and not (unknown and weak) and (best is None or rank < best[0]):
                    best = rank, ends
                continue
            here = {word for word in self._words_at(gap, placed, at)}
            if len(here) == 1 and None not in here:  # a word that all siblings have here
                after = tuple(position + 1 for position in at)
                stack.append((after, [*ends, after], unknown, weak, values))
            for key in starting[at[0]] if at[0] < total[0] else ():
                to = tuple(position + len(part) for position, part in zip(at, key, strict=True))
                if all(a <= b for a, b in zip(to, total, strict=True)) and self._reads(gap, placed, at, to) == key:
                    stack.append((to, [*ends, to], unknown, weak + (key not in self.atoms), values + 1))
            if unknown or whole:
                continue
            if ends:
                stack.append((total, [*ends, total], 1, weak, values))
            for key in ending:  # an unknown value before a known last one
                to = tuple(end - len(part) for end, part in zip(total, key, strict=True))
                if all(a < b for a, b in zip(at, to, strict=True)) and self._reads(gap, placed, to, total) == key:
                    stack.append((total, [*ends, to, total], 1, weak + (key not in self.atoms), values + 1))
        return None if best is None else best[1]

    def _words_of(self, text: str) -> tuple[list[str], str]:
        parts = words(text)
        return list(parts), parts[-1]

    def _candidates(self, index: dict[str, list[Key]], word: str, own: Key | None) -> list[Key]:
        """Known values that may begin (or end) with `word` in the first sibling; an index, since files have hundreds."""
        found = {*index.get(word, ()), *index.get(singular(word), ())}
        return sorted(key for key in found if key != own)

    def _know(self, key: Key, known: set[Key]) -> None:
        known.add(key)
        self.by_first[key[0][0]].append(key)
        self.by_last[key[0][-1]].append(key)

    def _words_at(self, gap: Fragment, placed: Sequence[Sequence[Span]], at: tuple[int, ...]) -> list[str | None]:
        return [
            text[positions[index][0] : positions[index][1]] if index < len(positions) else None
            for text, positions, index in zip(gap.texts, placed, at, strict=True)
        ]

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


def _labels(piece: Piece, parts: Sequence[Fragment], index: int) -> Labels:
    """A part of a quoted relation (`project.dataset.table`) is named by its place from the end, as in a dotted name."""
    labels = common([leaf.labels for leaf in piece.leaves])
    if "sql.identifier." not in piece.place or len(parts) < 2:
        return labels
    before, after = (
        "".join(part.texts[0] for part in parts[:index]),
        "".join(part.texts[0] for part in parts[index + 1 :]),
    )
    level = after.count(".")
    if before[-1:] not in ("", ".") or after[:1] not in ("", ".") or level >= len(ROLES):
        return labels
    return inner(labels, Label("relation", ROLES[level]))


def _is_prose(literal: _Literal) -> bool:
    """Whether the literal is a sentence, a comment or a list of settings around its values."""
    if "comment" in literal.piece.place:
        return True
    return any(mark in text for text in literal.piece.texts[:1] for mark in " \n=;?&") and anchors(literal.found) > 1


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


def _support(literals: Sequence[_Literal]) -> dict[Key, set[tuple[str, ...]]]:
    """For every key: the frames (constant texts around) in which it fills a gap."""
    support: dict[Key, set[tuple[str, ...]]] = defaultdict(set)
    for literal in literals:
        for gap in literal.gaps:
            key = key_of(gap.texts)
            if key is not None:
                support[key].add(_frame(literal, gap))
    return support


def _widen(literals: Sequence[_Literal]) -> None:
    """A gap of strings that always has the same word joined to it is part of a wider value: ``drop.acme`` of a host."""
    joined: dict[Key, set[tuple[str, str]]] = defaultdict(set)
    for literal in literals:
        for index, fragment in enumerate(literal.found):
            key = None if fragment.shared else key_of(fragment.texts)
            if key is not None:
                inside = "identifier" in literal.piece.place
                joined[key].add(("", "") if inside else _joined_to(literal.found, index))
    for literal in literals:
        for index, fragment in enumerate(literal.found):
            key = None if fragment.shared else key_of(fragment.texts)
            if key is not None and len(joined[key]) == 1 and joined[key] != {("", "")}:
                _take(literal.found, index, *next(iter(joined[key])))
        literal.found = merged(literal.found, gaps=True)


def _opened(piece: Piece) -> list[Fragment]:
    """The fragments of a leaf; a quoted SQL name with dots (`project.dataset.table`) opens into its parts first."""
    if "sql.identifier." in piece.place:
        parts = [_PART.split(text) for text in piece.texts]
        if len({tuple(part[1::2]) for part in parts}) == 1 and len(parts[0]) > 1:
            return merged([Fragment(tuple(column)) for column in zip(*parts, strict=True)])
    return fragments(piece.texts)


def _joined_to(found: Sequence[Fragment], index: int) -> tuple[str, str]:
    """What is joined to a gap without a strong separator: ``.example`` after ``drop.acme``."""
    before = found[index - 1].texts[0] if index and found[index - 1].shared else ""
    after = found[index + 1].texts[0] if index + 1 < len(found) and found[index + 1].shared else ""
    left = _LEFT.search(before)
    right = _RIGHT.match(after)
    return (left.group() if left else ""), (right.group() if right else "")


def _take(found: list[Fragment], index: int, left: str, right: str) -> None:
    found[index] = Fragment(tuple(left + text + right for text in found[index].texts))
    if left:
        found[index - 1] = Fragment(tuple(text[: len(text) - len(left)] for text in found[index - 1].texts))
    if right:
        found[index + 1] = Fragment(tuple(text[len(right) :] for text in found[index + 1].texts))


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
