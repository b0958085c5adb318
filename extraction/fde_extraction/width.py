"""Widths: whether all of a differing literal is one value, or which of its stretches are.

Differing (a literal's fragments), Known (values met elsewhere) -> parts_of() -> constants and values, in order
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from fde_extraction.differing import PART, Differing, is_dotted, is_prose
from fde_extraction.known import Known
from fde_extraction.literal import Fragment, merged
from fde_extraction.schema import is_host
from fde_extraction.slot import key_of
from fde_template.values import fits_type

_WHOLE_PLACES: Final = ("number", "bool", "regex", "sql.type")
_AUTHORITY: Final = re.compile(r"://([^/\s?#]*)")
_UNITS: Final = "millisecond|second|sec|minute|min|hour|day|week|month|year"


def parts_of(literal: Differing, met: Known) -> list[Fragment]:
    """The literal as shared stretches and values, each as wide as explains most with fewest values."""
    whole = Fragment(literal.piece.texts)
    if takes_whole(literal, met):
        parts = [whole] if literal.secret else met.values(whole)
        if is_dotted(literal) and _tears(parts):
            parts = merged([part for f in literal.found for part in ([f] if f.shared else met.values(f))])
    else:
        parts = [part for f in literal.found for part in ([f] if f.shared else met.values(f))]
    # A host is one value unless all of it is explained, by itself and in a URL; so is a mailbox.
    if (all(map(is_host, whole.texts)) or all(fits_type("email", text) for text in whole.texts)) and not _explained(
        parts, met
    ):
        parts = [whole]
    return parts if literal.cut else _with_authority(parts, met)


def takes_whole(literal: Differing, met: Known) -> bool:
    """Whether all of a differing literal is one value, rather than text around values."""
    place = literal.piece.place.rsplit("/", 1)[-1]
    gaps = literal.gaps
    if literal.cut:
        return False
    if key_of(literal.piece.texts) in met.outside:
        return True
    if literal.secret or place.endswith(_WHOLE_PLACES) or len(literal.found) == 1:
        return True
    if is_dotted(literal):
        return True
    if re.fullmatch(rf"\d+ ?(?:{_UNITS})s?", literal.piece.texts[0], re.IGNORECASE) and len(gaps) == 1:
        return not all(text.isdigit() for text in gaps[0].texts)
    if "sql.identifier." in literal.piece.place and PART.search(literal.piece.texts[0]):
        return False
    empty = any(not text for gap in gaps for text in gap.texts)
    if empty and not _may_be_empty(place):
        return True
    if "identifier" in place and not place.startswith("sql."):
        return False
    if is_prose(literal):
        return False
    known = [met.holds(gap) for gap in gaps]
    return not any(known)


def _tears(parts: Sequence[Fragment]) -> bool:
    """Whether a value of a dotted name goes past a dot and ends within a part: ``sales.Load`` of ``sales.LoadOrders``."""
    for index, part in enumerate(parts):
        before = parts[index - 1].texts[0] if index else "."
        after = parts[index + 1].texts[0] if index + 1 < len(parts) else "."
        inside = PART.search(part.texts[0].strip(".: ")) is not None
        if (
            not part.shared
            and inside
            and not (before.strip().endswith((".", ":")) and after.strip().startswith((".", ":")))
        ):
            return True
    return False


def _explained(parts: Sequence[Fragment], met: Known) -> bool:
    return all(part.shared or key_of(part.texts) in met.atoms for part in parts)


def _with_authority(parts: list[Fragment], met: Known) -> list[Fragment]:
    """`parts` of a URL, whose host (and port) is one value unless all of it is explained by values met elsewhere."""
    texts = ["".join(part.texts[k] for part in parts) for k in range(len(parts[0].texts))]
    found = [match for text in texts if (match := _AUTHORITY.search(text)) is not None and match.group(1)]
    if len(parts) < 2 or len(found) < len(texts):
        return parts
    front = _split(parts, [match.start(1) for match in found])
    back = None if front is None else _split(front[1], [len(match.group(1)) for match in found])
    if front is None or back is None or _explained(back[0], met):
        return parts
    made = [*front[0], Fragment(tuple(match.group(1) for match in found)), *back[1]]
    return made if all(part.shared or key_of(part.texts) is not None for part in made) else parts


def _split(parts: Sequence[Fragment], at: Sequence[int]) -> tuple[list[Fragment], list[Fragment]] | None:
    """`parts` before and after the offset that each sibling has; None where it falls within a value."""
    before, left = list[Fragment](), list(at)
    for index, part in enumerate(parts):
        sizes = [len(text) for text in part.texts]
        if all(size <= offset for size, offset in zip(sizes, left, strict=True)):
            before.append(part)
            left = [offset - size for size, offset in zip(sizes, left, strict=True)]
            continue
        if not any(left):
            return before, list(parts[index:])
        if not part.shared or len(set(left)) > 1:
            return None
        head, tail = (tuple(text[: left[0]] for text in part.texts), tuple(text[left[0] :] for text in part.texts))
        return [*before, Fragment(head)], [Fragment(tail), *parts[index + 1 :]]
    return before, []


def _may_be_empty(place: str) -> bool:
    return "string" in place or "template" in place or "comment" in place
