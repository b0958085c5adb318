"""Causes: what a vendor's answer means, by the catalogue.

A link's way: (vendor, codes, sentence, status) -> cause_of() -> ``rate-limit.daily-quota`` and why, or None.

SDKs of one vendor in two languages print the same answer differently: one the code, one the sentence, one the status. What
belongs together is knowledge of the vendor, and stands in the catalogue (:mod:`fde_events.vendors`); asking goes from the
strongest statement to the weakest, the vendor's own meanings before the general ones:
code, sentence, exception type, and the status when nothing else was said.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Final

from fde_events.vendors import GENERAL, VENDORS, Meaning

_WORD: Final = re.compile(r"[a-z0-9]+")
_GAP: Final = r"[^\n]{0,80}?"
_READ: Final = 1_500  # characters of a sentence that are read


@dataclass(frozen=True, slots=True)
class Cause:
    """What an answer means. `by`: code, phrase, type or status; `said`: the catalogue's own word that matched."""

    name: str
    by: str
    said: str
    vendor: str | None = None


@dataclass(slots=True)
class _Phrase:
    cause: str
    text: str
    rank: int
    vendor: str | None
    pattern: re.Pattern[str] | None = None  # of thousands a process meets a few: compiled when first compared

    def within(self, text: str) -> bool:
        """Whether `text` (lower case, single blanks) says this."""
        pattern = self.pattern
        if pattern is None:
            words = _GAP.join(re.escape(part.strip()) for part in self.text.split("*"))
            lead = r"(?<![a-z0-9])" if self.text[:1].isalnum() else ""
            tail = r"(?![a-z0-9])" if self.text[-1:].isalnum() else ""
            pattern = self.pattern = re.compile(lead + words + tail)
        return pattern.search(text) is not None


@dataclass(slots=True)
class _Phrases:
    """Phrases by their longest word, so that a sentence is compared with the few that share a word with it."""

    by_word: dict[str, list[_Phrase]] = field(default_factory=dict)

    def add(self, text: str, cause: str, rank: int, vendor: str | None) -> None:
        words = _WORD.findall(text)
        key = max(words, key=lambda word: (len(word), word)) if words else text
        self.by_word.setdefault(key, []).append(_Phrase(cause, text, rank, vendor))

    def find(self, text: str) -> _Phrase | None:
        """The first-ranked phrase in `text` (lower case, single blanks)."""
        best: _Phrase | None = None
        for word in set(_WORD.findall(text)):
            for phrase in self.by_word.get(word, ()):
                if (best is None or phrase.rank < best.rank) and phrase.within(text):
                    best = phrase
        return best


@dataclass(slots=True)
class _Dictionary:
    """One vendor's meanings, or the general ones."""

    codes: dict[str, tuple[int, str]] = field(default_factory=dict)
    types: dict[str, str] = field(default_factory=dict)
    status: dict[int, str] = field(default_factory=dict)
    conditions: dict[str, str] = field(default_factory=dict)
    causes: set[str] = field(default_factory=set)
    says: _Phrases = field(default_factory=_Phrases)


def _dictionary(meanings: Iterable[Meaning], vendor: str | None = None) -> _Dictionary:
    made = _Dictionary()
    for rank, meaning in enumerate(meanings):
        made.causes.add(meaning.cause)
        for code in meaning.codes:
            made.codes.setdefault(code.lower(), (rank, meaning.cause))
        for name in meaning.types:
            made.types.setdefault(name.lower(), meaning.cause)
        for status in meaning.status:
            made.status.setdefault(status, meaning.cause)
        for condition in meaning.conditions:
            made.conditions.setdefault(condition, meaning.cause)
        for text in (*meaning.tells, *meaning.says):
            made.says.add(text, meaning.cause, rank, vendor)
    return made


_OF_VENDOR: Final = {vendor.name: _dictionary(vendor.meanings, vendor.name) for vendor in VENDORS if vendor.meanings}
_OF_ALL: Final = _dictionary(GENERAL)


def _telling() -> _Phrases:
    """All vendors' own sentences; the longest that matches decides, for a shorter one may be a part of another's."""
    made = _Phrases()
    for vendor in VENDORS:
        for meaning in vendor.meanings:
            for text in meaning.tells:
                made.add(text, meaning.cause, -len(text), vendor.name)
    return made


_TELLING: Final = _telling()


# Names that SDKs of many vendors give their exceptions: they tell nobody's.
_COMMON_TYPES: Final = frozenset(
    "error interfaceerror databaseerror operationalerror integrityerror programmingerror dataerror notsupportederror internalerror "
    "authenticationerror authenticationexception apiexception apierror apiconnectionerror apistatuserror httperror httpexception responseerror "
    "resterror validationerror connectionerror connectionexception timeouterror timeoutexception notfounderror conflicterror badrequesterror badrequest "
    "invalidrequesterror requesterror clienterror servererror serviceexception parseerror permissionerror forbiddenerror unauthorizederror "
    "invalidtoken invalidtokenerror aborterror abortederror cancelederror cancellederror closederror disconnectederror protocolerror parsererror unauthorized forbidden notfound conflict connectionrefusederror buffererror oserror ioerror valueerror typeerror keyerror exception".split()
)


def _types() -> dict[str, str]:
    by_type: dict[str, set[str]] = {}
    for vendor in VENDORS:
        for meaning in vendor.meanings:
            for name in meaning.types:
                by_type.setdefault(name.lower(), set()).add(vendor.name)
    shared = _COMMON_TYPES | _OF_ALL.types.keys()
    return {name: min(vendors) for name, vendors in by_type.items() if len(vendors) == 1 and name not in shared}


_TELLING_TYPES: Final = _types()


def vendor_of_type(name: str) -> str | None:
    """The vendor whose SDKs alone have an exception of this name (module or not); None for names that many use."""
    return _TELLING_TYPES.get(_last(name))


@lru_cache(maxsize=16_384)
def told(text: str) -> Cause | None:
    """The vendor and the cause that a sentence names by itself: nobody else says it in these words."""
    phrase = _TELLING.find(_plain(text))
    return None if phrase is None else Cause(phrase.cause, "phrase", phrase.text, phrase.vendor)


@lru_cache(maxsize=16_384)
def cause_of(
    vendor: str | None, codes: tuple[str, ...], text: str, types: tuple[str, ...] = (), *, general: bool = True
) -> Cause | None:
    """What an answer of `vendor` means by its codes, its sentence or its exception types; None if the catalogue does not say.

    `vendor` None: only what every vendor means by it. `general` False: only what this vendor means.
    """
    own = _OF_VENDOR.get(vendor or "")
    if own is not None and (found := _asked(own, vendor, (*codes, *codes_in(text)), text, types)) is not None:
        return found
    return _narrowed(_asked(_OF_ALL, vendor, codes, text, ()), own) if general else None


def cause_of_condition(vendor: str, condition: str) -> Cause | None:
    """What a transport condition means at `vendor`, where it has a cause of its own for it."""
    own = _OF_VENDOR.get(vendor)
    cause = None if own is None else own.conditions.get(condition)
    return None if cause is None else Cause(cause, "condition", condition, vendor)


def _narrowed(found: Cause | None, own: _Dictionary | None) -> Cause | None:
    """A general cause as the vendor's file calls it: ``rate-limit`` where the vendor has one kind, ``rate-limit.burst``."""
    if found is None or own is None or found.name in own.causes:
        return found
    narrower = {name for name in own.causes if name.startswith(f"{found.name}.")}
    burst = f"{found.name}.burst"  # of several limits, the one that answers without saying which
    chosen = burst if burst in narrower else narrower.pop() if len(narrower) == 1 else found.name
    return replace(found, name=chosen)


def cause_of_type(vendor: str | None, name: str) -> Cause | None:
    """What an exception type alone means at every vendor: ``RateLimitError``. Weaker than any sentence."""
    cause = _OF_ALL.types.get(_last(name))
    return None if cause is None else _narrowed(Cause(cause, "type", name, vendor), _OF_VENDOR.get(vendor or ""))


def _asked(
    book: _Dictionary, vendor: str | None, codes: tuple[str, ...], text: str, types: tuple[str, ...]
) -> Cause | None:
    """The first meaning of the file that a code or a phrase has; by an exception type only where neither has one."""
    coded = min(((book.codes[code.lower()], code) for code in codes if code.lower() in book.codes), default=None)
    phrase = book.says.find(_plain(text))
    if coded is not None and (phrase is None or coded[0][0] <= phrase.rank):
        return Cause(coded[0][1], "code", coded[1], vendor)
    if phrase is not None:
        return Cause(phrase.cause, "phrase", phrase.text, vendor)
    for name in types:
        if (cause := book.types.get(_last(name))) is not None:
            return Cause(cause, "type", name, vendor)
    return None


def _last(name: str) -> str:
    return name.rsplit(".", 1)[-1].lower()


def cause_of_status(vendor: str | None, status: int) -> Cause | None:
    """What a bare HTTP status means at `vendor`."""
    for book in (_OF_VENDOR.get(vendor or ""), _OF_ALL):
        if book is not None and (cause := book.status.get(status)) is not None:
            return _narrowed(Cause(cause, "status", str(status), vendor), _OF_VENDOR.get(vendor or ""))
    return None


def codes_in(text: str) -> Iterator[str]:
    """Words of a message that look like a vendor's code: ``invalid_grant``, ``NoSuchBucket``, ``ORA-00001``, ``20429``."""
    for found in _CODE.finditer(text[:_READ]):
        yield found.group()


_CODE: Final = re.compile(
    r"(?<![\w/.-])(?:_?[A-Za-z][A-Za-z0-9]*(?:_[A-Za-z0-9]+)+|[A-Z][a-z]+(?:[A-Z][a-z0-9]+)+|[A-Z]{2,5}-\d{3,6}|[A-Z]{5,}"
    r"|(?:(?<=code: )|(?<=code=)|(?<=error )|(?<=ode\": )|(?<=ode\":)|(?<=ode\": \")|(?<=ode\":\")|(?<=ode': )|(?<=ode': '))\d{3,6}|[0-9A-Z]{2}[0-9A-Z]{3}(?=[:\])]))(?![\w/-])"
)


def _plain(text: str) -> str:
    return " ".join(text[:_READ].lower().replace("’", "'").split())
