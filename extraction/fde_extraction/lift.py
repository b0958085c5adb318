"""Lifting: where values stand in text that all who have it share, so that it looks like a constant and is none.

what is known in outer frames, what leaked -> Lifts.spans() -> slots within a constant
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from fde_extraction.frame import Frame
from fde_extraction.known import Known, Span
from fde_extraction.piece import Piece
from fde_extraction.slot import singular, spelling
from fde_template import words

MIN_LETTERS: Final = 3  # of a value that is looked for in code that only some siblings have
_Index = dict[str, list[tuple[str, ...]]]


class Lifts:
    """`met`: what is known in each frame; `forced`: texts that become slots wherever their words stand."""

    def __init__(self, met: Mapping[Frame, Known], forced: Iterable[str]) -> None:
        self.met = met
        self.forced = [spelling(text) for text in forced]
        self._of: dict[Frame, _Index] = {}

    def spans(self, piece: Piece, frame: Frame, text: str) -> Iterator[Span]:
        """Where, in code that only some siblings have, their values of what differs between all siblings stand."""
        if piece.leaves[0].kind.startswith("keyword:"):
            return
        index = self._of.get(frame)
        if index is None:
            index = self._of[frame] = _indexed([*self.forced, *self._outer(frame)])
        if not index:
            return
        placed = words.spans(text)
        said = [text[start:end].lower() for start, end in placed]
        at = 0
        while at < len(said):
            size = next((len(value) for value in index.get(singular(said[at]), ()) if _stands(value, said, at)), 0)
            if size:
                yield placed[at][0], placed[at + size - 1][1]
            at += max(1, size)

    def _outer(self, frame: Frame) -> Iterator[tuple[str, ...]]:
        """Values of outer frames that are one for all instances of `frame`."""
        for outer in frame.outer():
            known = self.met[outer]
            for key in (*known.atoms, *known.whole):
                here = set(frame.project(key, outer))
                if len(here) == 1 and len(set(key)) > 1:
                    value = here.pop()
                    if sum(map(str.isalpha, "".join(value))) >= MIN_LETTERS:
                        yield value


def is_user(piece: Piece) -> bool:
    """Whether a SQL name stands where a person or an account does: ``GRANT ROLE x TO USER name``."""
    first = piece.leaves[0]
    return (
        first.kind in ("word", "quoted_text")
        and any(label.role == "object" and label.text == "user" for label in first.labels[:2])
        and len(piece.texts[0]) > 3
    )


def _indexed(values: Iterable[tuple[str, ...]]) -> _Index:
    """Values by their first word, longest first."""
    found: dict[str, set[tuple[str, ...]]] = defaultdict(set)
    for value in values:
        if value:
            found[singular(value[0])].add(value)
    return {first: sorted(same, key=lambda value: (-len(value), value)) for first, same in found.items()}


def _stands(value: tuple[str, ...], said: Sequence[str], at: int) -> bool:
    """Whether the words of `value` (the last in singular) stand at `at`."""
    here = said[at : at + len(value)]
    return len(here) == len(value) and (*here[:-1], singular(here[-1])) == value
