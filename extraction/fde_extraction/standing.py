"""Where a stretch of a source stands: the place of a hole that a person made.

(language, text, span) -> Language.parse() -> the leaf around the span -> place_of() -> place
"""

from __future__ import annotations

from fde_api.primitive import Language as LanguageName
from fde_extraction.language import language
from fde_extraction.site import place_of


def place_at(name: LanguageName, path: str, text: str, start: int, end: int) -> tuple[str, str] | None:
    """The place of the name or literal that ``text[start:end]`` is part of, and the narrowest place there (fde_template.place).

    None when it is no part of a single one.

    :class:`UnparsableSource` when the language does not take `text`. A keyword is no place: a value there is program.
    """
    for leaf in language(name).parse(text, path).leaves():
        if leaf.start <= start and end <= leaf.end and leaf.place:
            if leaf.kind.startswith("keyword") or start == end == leaf.start < leaf.end:
                continue
            whole = (leaf.start, leaf.end) == (start, end)
            return leaf.place, place_of(leaf.place, (text[start:end],), whole=whole, before=text[leaf.start : start])
    return None
