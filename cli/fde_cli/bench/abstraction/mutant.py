"""Mutants: an instance with one thing changed that makes it no instance of the template any more.

truth, text of a held-out sibling -> texts that a template must not fit
"""

from __future__ import annotations

import re
from collections import defaultdict
from typing import Final

from fde_cli.bench.abstraction.truth import Truth

MOST: Final = 3  # of each kind in a family
_KEYWORD: Final = re.compile(
    r"\b(?:import|def|class|return|raise|await|export|const|interface|throw"
    r"|select|from|where|group|case|SELECT|FROM|WHERE|INSERT|MERGE|USING|WHEN|CREATE)\b"
)


def disagreeing(truth: Truth, text: str, sibling: str) -> list[str]:
    """One occurrence, the middle one, of a value that stands in several places altered; the most frequent values first."""
    plain = {wanted.name for wanted in truth.params if wanted.kind == "value" and not wanted.optional}
    places: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for start, end, name, _ in truth.spans.get(sibling, ()):
        if name in plain:
            places[name].append((start, end))
    repeated = sorted((name for name in places if len(places[name]) > 1), key=lambda name: (-len(places[name]), name))
    found = []
    for name in repeated[:MOST]:
        start, end = places[name][len(places[name]) // 2]
        found.append(text[:start] + _before(text[start:end]) + text[start:])
    return found


def _before(value: str) -> str:
    """What makes it another value of the same look when it is put in front."""
    try:
        float(value)
    except ValueError:
        return "ZZ" if value.isupper() else "Zz" if value[:1].isupper() else "zz"
    return "9" if value[0].isdigit() else "zz"


def reworded(truth: Truth, text: str, sibling: str) -> list[str]:
    """A keyword outside of every value altered: the first, the middle and the last."""
    spans = truth.spans.get(sibling)
    if spans is None:
        return []
    free = [
        found.start()
        for found in _KEYWORD.finditer(text)
        if all(found.end() < start or end < found.start() for start, end, *_ in spans)
    ]
    at = sorted({free[0], free[len(free) // 2], free[-1]}) if free else []
    return [f"{text[:start]}QQ{text[start:]}" for start in at]
