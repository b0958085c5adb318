"""Where a stretch of a source stands: the place of a hole that a person made.

(language, text, span) -> Language.parse() -> the leaf around the span -> place_of() -> place
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence

from fde_api.primitive import Language as LanguageName
from fde_extraction.language import language
from fde_extraction.site import place_of


def places_at(
    name: LanguageName, path: str, text: str, spans: Sequence[tuple[int, int]]
) -> list[tuple[str, str] | None]:
    """For each span the place of the name or literal it is part of, and the narrowest place there (fde_template.place).

    None for a span that is no part of a single one, and for a keyword: a value there would be program.
    :class:`UnparsableSource` when the language does not take `text`.
    """
    leaves = list(language(name).parse(text, path).leaves())
    starts = [leaf.start for leaf in leaves]
    found: list[tuple[str, str] | None] = []
    for start, end in spans:
        # An empty text stands in the leaf that begins there or, failing that, in the one that ends there.
        last = bisect_right(starts, start)
        before = leaves[max(0, last - 3) : last]
        around = [leaf for leaf in before if leaf.start <= start and end <= leaf.end and leaf.place]
        leaf = next((leaf for leaf in reversed(around) if not leaf.kind.startswith("keyword")), None)
        if leaf is None:
            found.append(None)
            continue
        whole = (leaf.start, leaf.end) == (start, end)
        narrowest = place_of(leaf.place, (text[start:end],), whole=whole, before=text[leaf.start : start])
        found.append((leaf.place, narrowest))
    return found
