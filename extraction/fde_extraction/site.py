"""Sites: the narrowest place that takes all siblings' texts, and what the code says of a part of a literal.

part of a differing or lifted literal (draft) -> place_of(), labels_of_part() -> Slot
"""

from __future__ import annotations

from collections.abc import Sequence

from fde_extraction.label import Label, Labels, common, inner
from fde_extraction.languages.sqllabel import BIGQUERY, ROLES
from fde_extraction.literal import Fragment
from fde_extraction.piece import Piece
from fde_template.place import refusal


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
        options = [place, raw, *([f"{outer}+raw/{inner}", f"{outer}+raw/{inner}+raw", outer + "+raw"] if outer else [])]
        if not whole and "://" in before and not any(c.isspace() for c in before.rsplit("://", 1)[1]):
            level = "url.path" if "/" in before.rsplit("://", 1)[1] else "url.host"
            options = [f"{place}/{level}", place, raw]
    elif inner in ("text.number", "text.bool"):
        options = [place, f"{prefix}text.string.word"]
    elif inner.endswith("comment.block"):
        options = [place, "source"]
    for option in options:
        if all(refusal(option, text) is None for text in texts):
            return option
    return f"{place.split('.')[0]}.source" if place.split(".")[0] in ("python", "typescript", "sql") else "source"


def within(around: str, texts: tuple[str, ...], place: str) -> str:
    """Where layout or source of a document stands that is in a string at `around`: it may not leave the string."""
    if not around or ("string" not in around and "template" not in around):
        return place
    layout = place.endswith(".layout")
    options = [f"{level}/{place}" if layout else level for level in (around, around + "+raw")]
    return next((option for option in options if all(refusal(option, text) is None for text in texts)), place)


def labels_of_part(piece: Piece, parts: Sequence[Fragment], index: int) -> Labels:
    """A part of a quoted relation (`project.dataset.table`) is named by its place from the end, as in a dotted name."""
    labels = common([leaf.labels for leaf in piece.leaves])
    if "sql.identifier." not in piece.place or len(parts) < 2:
        return labels
    before, after = (
        "".join(part.texts[0] for part in parts[:index]),
        "".join(part.texts[0] for part in parts[index + 1 :]),
    )
    level = after.count(".")
    if before[-1:] not in ("", ".") or after[:1] not in ("", ".") or level >= len(BIGQUERY):
        return labels
    roles = BIGQUERY if piece.place.endswith("backtick") else ROLES
    return inner(labels, Label("relation", roles[level]))
