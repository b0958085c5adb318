"""What of a title people outside may read: the words that three customers said, and those that fde's own tables hold.

Known (title, block, parts) -> held() -> public_title()

A title is of the event that came first, and it may say more than its signature does: what was masked in the parts, a detail
that was cut off them, words that take part as a digest. So a word counts as said only by who has a signature that holds it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Final

from fde_events.vendors import is_catalogued
from fde_streams.chain import is_builtin
from fde_streams.group import Group, Known, State, customers
from fde_streams.logline import template_of
from fde_streams.mask import template
from fde_streams.masking import ANY_TOKEN
from fde_streams.share import customer_of

PUBLIC_FROM: Final = 3  # customers who said a word before anybody outside reads it
HIDDEN: Final = "<word>"
_OURS: Final = frozenset(
    {"cause", "condition", "status", "limit", "metric", "direction", "change"}
)  # parts of fde's words
_JOINTS: Final = frozenset({"http", "rate", "limit", "at", "payload"})  # what fde puts between the parts in a title
_OWNERLESS: Final = frozenset(
    {"application", "library", "endpoint", "network", "unknown", "validation"}
)  # blocks of none
_VALUES: Final = re.compile(r"(?:<\*>[\s,;:/=&.-]*)+")
_AROUND: Final = ".,:;…"

Parts = tuple[tuple[str, str], ...]


@lru_cache(maxsize=8_192)
def held(title: str, block: str, parts: Parts) -> frozenset[str]:
    """The words (`plain_word`) that everybody said who has a signature of these parts; of a digest, those it was made of."""
    texts = [value for name, value in parts if name not in ("words", "place")]
    if any(name == "words" for name, _ in parts):
        said = title.partition(": ")[2]
        texts.append(template_of(said) if block.endswith("/application") else template(said))
    return frozenset(plain_word(word) for text in texts for word in text.split())


def plain_word(word: str) -> str:
    """A word as it is compared: without punctuation around it, its placeholders without their kinds."""
    return _VALUES.sub("<*>", ANY_TOKEN.sub("<*>", word)).strip(_AROUND).lower()


def shown(title: str, block: str, parts: Parts) -> str:
    """`title` with what its own signature does not hold as ``<word>``: what leaves a customer in strict mode."""
    said = held(title, block, parts)
    free = {plain_word(owner_of(block))} | _free(block, parts)
    return " ".join(word if _is_in(word, said, free) else HIDDEN for word in title.split())


def public_title(state: State, group: Group) -> str:
    """The title with what fewer than three customers said as ``<word>``.

    The block's own name is everybody's who is in the group: it is shown where they are three, or where it is catalogued.
    """
    founder = state.signatures[group.founder]
    words = founder.title.split()
    free = set(_free(founder.block, founder.parts))
    if customers(state.shares(group)) >= PUBLIC_FROM:
        free.add(plain_word(owner_of(founder.block)))
    missing = {word for word in words if not _is_in(word, frozenset(), free)}
    said: dict[str, set[str]] = {word: set() for word in missing}
    for known in _founder_first(state, group):
        if not missing:
            break
        theirs = held(known.title, known.block, known.parts)
        who = {customer_of(place) for place in known.shares}
        for word in sorted(missing):
            if _is_in(word, theirs, set()):
                said[word] |= who
                if len(said[word]) >= PUBLIC_FROM:
                    missing.discard(word)
    return " ".join(HIDDEN if word in missing else word for word in words)


def owner_of(block: str) -> str:
    """Whose a block is: a vendor, a library, or what a customer calls a source."""
    return block.partition("/")[2]


def _founder_first(state: State, group: Group) -> Iterator[Known]:
    yield state.signatures[group.founder]
    yield from (known for known in state.members(group) if known.digest != group.founder)


def _free(block: str, parts: Parts) -> frozenset[str]:
    owner = owner_of(block).lower()
    ours = {plain_word(word) for name, value in parts if name in _OURS for word in value.split()}
    return frozenset(ours | _JOINTS | ({plain_word(owner)} if owner in _OWNERLESS or is_catalogued(owner) else set()))


def _is_in(word: str, said: frozenset[str], free: set[str]) -> bool:
    plain = plain_word(word)
    if plain in ("", "<*>") or plain in said or plain in free or is_builtin(word.rstrip(":")):
        return True
    return word.endswith("…") and any(each.startswith(plain) for each in said)  # the title was cut within it
