"""Outline: a template's file as one text to look through, with one letter for a hole, its leaves and its blocks.

TemplateFile -> outlined() -> hazards of it, and what a reviewer must acknowledge
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from fde_api.primitive import Hole, TemplateFile
from fde_events.errors import BadInput
from fde_extraction.language import language
from fde_extraction.tree import Node

HOLE: Final = "\ue000"  # private use: in no source that anybody wrote
_LITERAL: Final = ("string", "template", "fstring")


@dataclass(frozen=True, slots=True)
class Outline:
    """`leaves`: None when no grammar takes the file. `blocks`: where text stands that some renderings leave out."""

    text: str
    leaves: tuple[Node, ...] | None
    blocks: tuple[tuple[int, int], ...]

    def line(self, at: int) -> int:
        """The line of an offset, 1-based."""
        return self.text.count("\n", 0, at) + 1

    def optional(self, at: int) -> bool:
        """Whether the text at `at` is in a block."""
        return any(start <= at < end for start, end in self.blocks)


def outlined(file: TemplateFile) -> Outline:
    """The outline of `file`: all blocks are shown, repeats once, source and layout not at all."""
    pieces, size, opened, blocks = list[str](), 0, list[int](), list[tuple[int, int]]()
    for segment in file.segments:
        if segment.when is not None or segment.each is not None:
            opened.append(size if segment.when is not None else -1)
        elif segment.mark == "end" and opened:
            start = opened.pop()
            blocks += [(start, size)] if start >= 0 else []
        shown = segment.text if segment.text is not None else _word(segment.hole) if segment.hole is not None else ""
        pieces.append(shown)
        size += len(shown)
    text = "".join(pieces)
    if file.language == "other":
        return Outline(text, None, tuple(blocks))
    try:
        root = language(file.language).parse(text.replace(HOLE, "q"), file.path)
    except BadInput:
        return Outline(text, None, tuple(blocks))
    return Outline(text, tuple(root.leaves()), tuple(blocks))


def is_comment(leaf: Node) -> bool:
    """Whether a leaf is a comment's text."""
    return "comment" in leaf.kind or "comment" in leaf.place


def is_literal(leaf: Node) -> bool:
    """Whether a leaf is text in quotes, or of a statement in quotes."""
    return not is_comment(leaf) and (leaf.kind.endswith("_text") or any(mark in leaf.place for mark in _LITERAL))


def _word(hole: Hole) -> str:
    """What stands for a hole: no source or layout at all, a number for numbers, else one letter that nobody writes."""
    if hole.place.endswith(("source", "layout")):
        return ""
    return "0" if hole.place.endswith("number") else "True" if hole.place.endswith("python.bool") else HOLE
