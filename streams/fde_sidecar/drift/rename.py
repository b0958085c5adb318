"""Renames: a field that went and one that came in its stead, proposed as one change.

The two are never in the same object, and by chance they would have been; what they hold looks alike; their names decide
between several. It stays a proposal: nobody but the sender knows.
"""

from __future__ import annotations

from collections.abc import Iterator
from difflib import SequenceMatcher
from typing import Final

from fde_sidecar.drift.path import ANY, EACH, words_of
from fde_sidecar.drift.place import ABSENT, NULL, PRESENT, Place
from fde_sidecar.drift.profile import usual_format
from fde_sidecar.drift.ratio import absence

EVIDENCE: Final = 4.0  # nats against two unrelated fields never meeting
_ALIKE: Final = 0.45  # of names: enough to wait for more evidence
PATIENCE: Final = 12  # records with the new field that are waited for it


def pairs(parent: Place) -> Iterator[tuple[str, str]]:
    """Old and new names under `parent` that belong together as it looks now, best first; each name once."""
    came = [name for name, child in parent.children.items() if _came(name, child) >= 2]
    scored = []
    for new in came:
        for old, gone in parent.children.items():
            if old != new and old not in came and evidence(gone, parent.children[new], old) >= EVIDENCE:
                likeness = _likeness(old, gone, new, parent.children[new])
                if likeness > 0:
                    scored.append((-likeness, old, new))
    taken: set[str] = set()
    for _, old, new in sorted(scored):
        if old not in taken and new not in taken:
            taken |= {old, new}
            yield old, new


def hoped_for(parent: Place, new: str) -> bool:
    """Whether some field with a like name has not been seen beside `new`, but too rarely to be sure."""
    child = parent.children[new]
    return _came(new, child) < PATIENCE and any(
        old != new
        and 0 < evidence(gone, child, old) < EVIDENCE
        and name_likeness(old, new) >= _ALIKE
        and _holds_alike(gone, child)
        for old, gone in parent.children.items()
    )


def _came(name: str, child: Place) -> int:
    news = child.presence.news.get(PRESENT)
    return news.hits if news and name not in (ANY, EACH) else 0


def evidence(gone: Place, came: Place, old: str) -> float:
    """Nats against `old` being missing by chance wherever `came` is; 0.0 where it stood beside it, or is known to be gone."""
    if came.beside.get(old, 0) or gone.told_gone or not gone.presence.warm or PRESENT in gone.presence.news:
        return 0.0
    news = came.presence.news.get(PRESENT)
    if news is None:
        return 0.0
    before = max(1, gone.presence.trials - (came.presence.trials - news.before))
    rate = min(0.95, gone.presence.known.get(PRESENT, 0) / before)
    away = gone.presence.news.get(ABSENT)
    if away is not None and not 0.5 * away.hits <= news.hits <= 2.0 * away.hits + 1:  # it goes for reasons of its own
        return 0.0
    return absence(rate, news.hits)


def _likeness(old: str, gone: Place, new: str, came: Place) -> float:
    """0.0 where the two cannot be the same field."""
    return 0.2 + name_likeness(old, new) + 0.5 * _same_profile(gone, came) if _holds_alike(gone, came) else 0.0


def _holds_alike(gone: Place, came: Place) -> bool:
    if not (set(gone.types.known) & set(came.types.known)) - {NULL}:
        return False
    old, new = usual_format(gone.formats), usual_format(came.formats)
    if old and new and old != new and not gone.values.open:
        return False
    if gone.low is not None and came.low is not None and gone.high is not None and came.high is not None:
        return came.low <= gone.high + 3 and gone.low <= came.high + 3
    return True


def _same_profile(gone: Place, came: Place) -> float:
    """The share of the new field's small vocabulary that the old one had, or 0."""
    if not came.values.known or not gone.values.known:
        return 0.0
    return sum(1 for value in came.values.known if value in gone.values.known) / len(came.values.known)


def name_likeness(old: str, new: str) -> float:
    """0 to 1. Same words in any case and order are 1; a shared word or an abbreviation counts."""
    first, second = words_of(old), words_of(new)
    if not first or not second:
        return 0.0
    if sorted(first) == sorted(second) or "".join(first) == "".join(second):
        return 1.0
    shared = len(set(first) & set(second)) / min(len(set(first)), len(set(second)))
    written = SequenceMatcher(None, "".join(first), "".join(second), autojunk=False).ratio()
    return max(0.8 * shared, written, 0.7 * _abbreviates("".join(first), "".join(second)))


def _abbreviates(first: str, second: str) -> bool:
    short, long = sorted((first, second), key=len)
    letters = iter(long)
    return len(short) >= 2 and short[0] == long[0] and all(letter in letters for letter in short)
