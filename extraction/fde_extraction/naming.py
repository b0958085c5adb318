"""Names of parameters: from the code's own words around their uses, never from a value.

hints of a value's slots -> candidates with weights -> camelCase, unique
"""

from __future__ import annotations

import keyword
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

from fde_extraction.slot import Slot
from fde_template.words import words

_UNITS: Final = frozenset(
    "s ms sec secs second seconds minute minutes min mins hour hours day days week weeks millis milliseconds microseconds".split()
)
# Words that name no thing: of a call, a container, a syntax.
_EMPTY: Final = frozenset(
    "get set put add post new init self this x string str int float text data value values item items default print log info "
    "warning error debug exception format f environ env getenv process os append len list dict push join json parse test "
    "select from where and or on in by as into table with set using when then rate duration encode decode removeprefix "
    "require describe it super object any const let var of insert update create replace if not exists is to cast "
    "for from of the a an is are this that with between while until before after via per "
    "raise return number counter send call execute".split()
)
_FALLBACK: Final = {
    "email": "email",
    "host": "host",
    "url": "url",
    "account": "accountId",
    "user": "userName",
    "customer": "customer",
}
_AFFIX: Final = frozenset(
    {"error", "exception", "event", "class", "model", "dto", "props", "stack", "request", "controller"}
)


class Names:
    """Names given out so far, over all files of a primitive."""

    def __init__(self) -> None:
        self.taken: set[str] = set()

    def give(self, slots: Sequence[Slot], texts: Sequence[str]) -> str:
        """A new name for the value of `slots`; `texts` are the values, whose words are kept out."""
        kind = slots[0].kind
        if kind != "value":
            return self._unique({"layout": "layout", "source": "sourceBlock"}[kind])
        forbidden = {word for text in texts for word in words(text)} | {"".join(words(text)) for text in texts}
        votes: Counter[tuple[str, ...]] = Counter()
        for slot in slots:
            for parts, weight in _candidates(slot):
                kept = tuple(word for word in parts if word not in forbidden and word.isascii())
                if kept and len(kept) == len(parts):
                    votes[kept] += weight
        # Text that names an environment variable is called so: whoever fills it in must not put the secret there.
        if slots[0].whole and slots[0].hints[:1] and slots[0].hints[0] in ("environ", "getenv", "env", "env_var"):
            votes = Counter({(*parts, "env"): weight for parts, weight in votes.items()}) or Counter(
                {("env", "name"): 1}
            )
        best = max(sorted(votes), key=lambda parts: (votes[parts], -len(parts)), default=None)
        return self._unique(_camel(best) if best else _fallback(slots))

    def _unique(self, name: str) -> str:
        name = name[:55]
        candidate, number = name, 2
        while candidate in self.taken or keyword.iskeyword(candidate):
            candidate, number = f"{name}{number}", number + 1
        self.taken.add(candidate)
        return candidate


def _candidates(slot: Slot) -> Iterator[tuple[tuple[str, ...], int]]:
    if slot.leaf in ("identifier", "type_identifier", "property_identifier", "word") and not slot.whole:
        affix = tuple(word for word in slot.context if word not in _EMPTY | _AFFIX and not word.isdigit())
        if affix:
            yield affix[-1:], 1
    hints = [_clean(hint) for hint in slot.hints]
    weight = 12 if slot.whole else 5
    unit: tuple[str, ...] = ()
    if not slot.whole and slot.context and slot.sensitive != "email":
        said = tuple(word for word in slot.context[:2] if word not in _EMPTY and word.isalpha() and len(word) > 2)
        if said and slot.leaf.endswith("_text"):
            yield said[-1:], 3
    for hint in hints:
        if not hint:
            continue
        if set(hint) <= _UNITS:
            unit = unit or hint
            continue
        yield ((*hint, *unit) if unit and not set(hint) & _UNITS else hint), weight
        weight = max(1, weight // 3)
        unit = ()
    if unit:
        yield ("duration", *unit), 2


def _clean(hint: str) -> tuple[str, ...]:
    parts = list(words(hint))
    if len(parts) > 1 and parts[0] in ("x", "set", "get", "with", "default"):
        parts = parts[1:]
    if all(part in _EMPTY or part.isdigit() or len(part) < 2 for part in parts):
        return tuple(parts) if set(parts) & _UNITS else ()
    return tuple(parts[:4])


def _fallback(slots: Sequence[Slot]) -> str:
    for slot in slots:
        if slot.secret:
            return "secret"
        if slot.sensitive:
            return _FALLBACK.get(slot.sensitive, "value")
    if any("url.host" in slot.place for slot in slots):
        return "host"
    if all("identifier" in slot.place and slot.whole for slot in slots):
        return "localName" if all(not slot.place.startswith("sql") for slot in slots) else "identifier"
    return "entity" if any("identifier" in slot.place for slot in slots) else "value"


def _camel(parts: Sequence[str]) -> str:
    first, *rest = parts
    name = first + "".join(part[:1].upper() + part[1:] for part in rest)
    return name if name[:1].isalpha() and name[:1].islower() else "value" + name[:1].upper() + name[1:]
