"""Differing leaves: a literal that is not the same in all siblings, as shared stretches and gaps.

pieces (align) -> Differing: fragments (literal), widened where a gap always has the same word joined to it
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from fde_extraction.literal import Fragment, anchors, fragments, merged
from fde_extraction.piece import Piece
from fde_extraction.slot import Key, key_of
from fde_template.values import fits_type

PART: Final = re.compile(r"(\s*[.:]\s*)")  # between the parts of a dotted SQL name, in quotes or not
OWN: Final = 3  # dotted names that share a part before the part is a value
_PARTS: Final = re.compile(r"([@/?&=;]+)")
_LEFT: Final = re.compile(r"[\w-][\w.@-]*[.@-]\Z")  # not `$`: a line break after it parts the two
_KIND: Final = re.compile(r"(?<![\w.@-])[A-Za-z][A-Za-z0-9]*[_-]\Z|[\w-][\w.@-]*[.@-]\Z")
_RIGHT: Final = re.compile(r"[.@-][\w.@-]*[\w-]")


@dataclass(slots=True)
class Differing:
    """A differing leaf with its fragments. `secret`: in some sibling all of it is a secret; `cut`: one stands within it."""

    piece: Piece
    hints: tuple[str, ...]
    found: list[Fragment]
    secret: bool
    cut: bool = False

    @property
    def gaps(self) -> list[Fragment]:
        """The fragments that differ."""
        return [fragment for fragment in self.found if not fragment.shared]


def common_hints(piece: Piece) -> tuple[str, ...]:
    """The names that every sibling's code gives the piece, strongest first."""
    if not piece.leaves:
        return ()
    others = [set(leaf.hints) for leaf in piece.leaves[1:]]
    return tuple(dict.fromkeys(hint for hint in piece.leaves[0].hints if all(hint in other for other in others)))


def is_prose(literal: Differing) -> bool:
    """Whether the literal is a sentence, a comment or a list of settings around its values."""
    if "comment" in literal.piece.place:
        return True
    if _is_url(literal.piece.texts):
        # A query holds settings; a `?wsdl` behind the path is part of the address.
        before = ""
        for fragment in literal.found:
            if not fragment.shared and "?" in before:
                return True
            before += fragment.texts[0]
        return False
    return any(mark in text for text in literal.piece.texts[:1] for mark in " \n=;?&") and anchors(literal.found) > 1


def _frame(literal: Differing, gap: Fragment) -> tuple[str, ...]:
    """What stands around a gap: two gaps in equal frames are one occurrence, not two."""
    return (
        tuple(
            "\0".join((f.texts[0] if f.shared else "\1") for f in literal.found) + literal.piece.place[:8] for _ in (0,)
        )
        + gap.texts
    )


def support_of(literals: Sequence[Differing]) -> dict[Key, set[tuple[str, ...]]]:
    """For every key: the frames (constant texts around) in which it fills a gap."""
    support: dict[Key, set[tuple[str, ...]]] = defaultdict(set)
    dotted: dict[tuple[Key, bool], set[Key]] = defaultdict(set)
    for literal in literals:
        for number, gap in enumerate(literal.gaps):
            key = key_of(gap.texts)
            whole = key_of(literal.piece.texts) if is_dotted(literal) else None
            if key is None:
                continue
            if whole is None:
                support[key].add(_frame(literal, gap))
            else:
                support[whole].add(("", *literal.piece.place))
                dotted[key, number == 0 and len(literal.gaps) > 2].add(whole)
    # A schema that two dotted names have in common is still part of two whole names; of three it is a value of its own, and
    # so is the project or database before two names of three parts.
    for (key, leads), names in dotted.items():
        if len(names) >= (2 if leads else OWN) or key in support:
            support[key] |= {tuple(" ".join(part) for part in name) for name in names}
    return support


def is_dotted(literal: Differing) -> bool:
    """Whether the literal is a dotted SQL name of which no part is the same in all siblings."""
    return (
        "sql.identifier." in literal.piece.place
        and len(literal.gaps) > 1
        and all(not fragment.shared or PART.fullmatch(fragment.texts[0]) for fragment in literal.found)
    )


def whole_urls(literals: Sequence[Differing]) -> None:
    """A URL that differs in its host and, by what stands nowhere else, behind it is one value, in a sentence around it too."""
    for literal in literals:
        texts = literal.piece.texts
        if literal.cut or literal.secret or not _is_url(texts) or is_prose(literal):
            continue
        around_it = [other for other in literals if other.piece.scope is literal.piece.scope and _holds(other, texts)]
        elsewhere = {key_of(gap.texts) for other in literals if other not in around_it for gap in other.gaps}
        behind = list(_behind_authority(literal))
        if not behind or any(key_of(gap.texts) in elsewhere for gap in behind):
            continue
        for other in around_it:
            spans = [
                (text.index(url), text.index(url) + len(url))
                for text, url in zip(other.piece.texts, texts, strict=True)
            ]
            before = fragments([text[:start] for text, (start, _) in zip(other.piece.texts, spans, strict=True)])
            after = fragments([text[end:] for text, (_, end) in zip(other.piece.texts, spans, strict=True)])
            other.found = merged([*before, Fragment(texts), *after])


def _behind_authority(literal: Differing) -> Iterator[Fragment]:
    """The gaps of a URL that go past its host."""
    before = ""
    for fragment in literal.found:
        before += fragment.texts[0]
        if not fragment.shared and "/" in before.partition("://")[2]:
            yield fragment


def _is_url(texts: Sequence[str]) -> bool:
    return all("://" in text and fits_type("url", text) for text in texts)


def _holds(literal: Differing, texts: Sequence[str]) -> bool:
    return not literal.cut and all(text in whole for text, whole in zip(texts, literal.piece.texts, strict=True))


def widen(literals: Sequence[Differing]) -> None:
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


def around(texts: Sequence[str], secrets: Sequence[tuple[int, int]]) -> list[Fragment]:
    """The fragments of texts that each hold one secret, which is one of them; what a URL's marks part after it is apart."""
    before = [text[:start] for text, (start, _) in zip(texts, secrets, strict=True)]
    after = [_PARTS.split(text[end:]) for text, (_, end) in zip(texts, secrets, strict=True)]
    secret = Fragment(tuple(text[start:end] for text, (start, end) in zip(texts, secrets, strict=True)))
    if len({tuple(parts[1::2]) for parts in after}) == 1:
        rest = [Fragment(tuple(column)) for column in zip(*after, strict=True)]
    else:
        rest = fragments([text[end:] for text, (_, end) in zip(texts, secrets, strict=True)])
    return [*fragments(before), secret, *(part for part in rest if any(part.texts))]


def opened(piece: Piece) -> list[Fragment]:
    """The fragments of a leaf; a quoted SQL name with dots (`project.dataset.table`) opens into its parts first."""
    if "sql.identifier." in piece.place:
        parts = [PART.split(text) for text in piece.texts]
        if len({tuple(map(str.strip, part[1::2])) for part in parts}) == 1 and len(parts[0]) > 1:
            return merged([Fragment(tuple(column)) for column in zip(*parts, strict=True)])
    return fragments(piece.texts)


def _joined_to(found: Sequence[Fragment], index: int) -> tuple[str, str]:
    """What is joined to a gap without a strong separator: ``.example`` after ``drop.acme``."""
    before = found[index - 1].texts[0] if index and found[index - 1].shared else ""
    after = found[index + 1].texts[0] if index + 1 < len(found) and found[index + 1].shared else ""
    # An identifier that was issued has its kind before its number: `ord_40718`.
    numbered = all(text[:1].isdigit() and not text.isdigit() for text in found[index].texts)
    left = (_KIND if numbered else _LEFT).search(before)
    right = _RIGHT.match(after)
    return (left.group() if left else ""), (right.group() if right else "")


def _take(found: list[Fragment], index: int, left: str, right: str) -> None:
    found[index] = Fragment(tuple(left + text + right for text in found[index].texts))
    if left:
        found[index - 1] = Fragment(tuple(text[: len(text) - len(left)] for text in found[index - 1].texts))
    if right:
        found[index + 1] = Fragment(tuple(text[len(right) :] for text in found[index + 1].texts))
