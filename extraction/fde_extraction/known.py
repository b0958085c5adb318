"""Known values: what fills gaps of several literals, and gaps read as such values one after the other.

differing leaves of all files -> Known.learn() -> Known.values(gap): ``acme_orders`` as ``acme``, ``_``, ``orders``
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from fde_extraction.differing import Differing, is_prose, support_of
from fde_extraction.literal import Fragment, merged
from fde_extraction.slot import Key, key_of, singular
from fde_template.words import spans, words

Span = tuple[int, int]
TRIES: Final = 2000  # readings of one gap that are looked at


class Known:
    """Values met elsewhere. `atoms`: in two literals or more; `weak`: in one; `names`: names of their own."""

    def __init__(
        self, everywhere: Sequence[Differing], outer: Known | None = None, project: Callable[[Key], Key] | None = None
    ) -> None:
        """`outer`: what is known in the frame around; `project` turns its keys into this frame's."""
        self.atoms: set[Key] = set()
        self.weak: set[Key] = set()
        self.names: set[Key] = set()
        self.whole: set[Key] = set()
        self.by_first: dict[str, list[Key]] = defaultdict(list)
        self.by_last: dict[str, list[Key]] = defaultdict(list)
        self.outside: set[Key] = set()  # what a literal of a frame around is, whole: it is that, and no composition
        if outer is not None and project is not None:
            self.outside = {project(key) for key in outer.whole | outer.outside}
            self.names |= {project(key) for key in outer.names}
            for key in sorted(outer.atoms):
                self._know(project(key), self.atoms)
            for key in sorted(outer.weak):
                self._know(project(key), self.weak)
        self._learn(everywhere)

    def _learn(self, everywhere: Sequence[Differing]) -> None:
        """Atoms: values that fill gaps of two literals or more; weak: one literal. Neither when other values compose them.

        Shortest first: ``acme orders``, met twice, is two values when ``orders`` is met elsewhere too.
        """
        support = support_of(everywhere)
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
        self.names |= {key for key, times in filled.items() if key is not None and times > 1}
        # A part of one path or URL explains nothing but itself; what stands in a sentence or alone may be met elsewhere.
        alone = {
            key_of(gap.texts)
            for literal in everywhere
            if len(literal.found) == 1 or is_prose(literal)
            for gap in literal.gaps
        }
        order = sorted(support, key=lambda key: (sum(map(len, key)), key))
        for key in order:
            if key in self.atoms:
                continue
            gap = Fragment(tuple(" ".join(part) for part in key))
            cut = self.values(gap)
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

    def holds(self, gap: Fragment) -> bool:
        """Whether the gap is a value met elsewhere, or several."""
        key = key_of(gap.texts)
        return key is not None and (key in self.atoms or len(self.values(gap)) > 1)

    def values(self, gap: Fragment) -> list[Fragment]:
        """`gap` as values met elsewhere with what stands between them, or as it is."""
        key = key_of(gap.texts)
        if key is None or key in self.atoms or key in self.outside:
            return [gap]
        placed = [spans(text) for text in gap.texts]
        if min(map(len, placed)) < 2:
            return [gap]
        cut = self._segment(gap, placed, whole=key in self.names)
        if cut is None:
            return self._within(gap, placed)
        found = [
            part
            for f in _cut(gap, placed, cut)
            if any(f.texts)
            for part in ([f] if f.shared or key_of(f.texts) in self.atoms else self.values(f))
        ]
        # What stands between values must be the same everywhere.
        return (
            merged(found)
            if any(not f.shared for f in found) and all(f.shared or key_of(f.texts) is not None for f in found)
            else [gap]
        )

    def _within(self, gap: Fragment, placed: Sequence[Sequence[Span]]) -> list[Fragment]:
        """`gap` read without the words at its ends that all siblings have: ``prod.acme.example`` without ``.example``."""
        texts, least = gap.texts, min(map(len, placed))
        heads = _equal([[text[a:b] for a, b in here] for text, here in zip(texts, placed, strict=True)], least)
        tails = _equal(
            [[text[a:b] for a, b in reversed(here)] for text, here in zip(texts, placed, strict=True)], least - heads
        )
        if not heads + tails or heads + tails >= least:
            return [gap]
        starts = [here[heads][0] for here in placed]
        ends = [here[len(here) - tails - 1][1] for here in placed]
        core = Fragment(tuple(text[a:b] for text, a, b in zip(texts, starts, ends, strict=True)))
        head = Fragment(tuple(text[:a] for text, a in zip(texts, starts, strict=True)))
        tail = Fragment(tuple(text[b:] for text, b in zip(texts, ends, strict=True)))
        cut = self.values(core)
        known = len(cut) > 1 or key_of(core.texts) in self.atoms
        if not known or not all(side.shared for side in (head, tail)):
            return [gap]
        return merged([side for side in (head, *cut, tail) if any(side.texts)])

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
        while stack and tries < TRIES:
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
            if ends and all(a < b for a, b in zip(at, total, strict=True)):  # something is left in every sibling
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
        if key in self.atoms or key in known:
            return
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


def _equal(rows: Sequence[Sequence[str]], most: int) -> int:
    """How many first words all `rows` have in common, at most `most`."""
    count = 0
    while count < most and len({row[count] for row in rows}) == 1:
        count += 1
    return count


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
