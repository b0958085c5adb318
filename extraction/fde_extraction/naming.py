"""Names of parameters: from the code's own words around their uses, never from a value alone.

labels of a value's slots -> candidates with weights -> camelCase; taken ones get the next label or the scope before them

A word that a value holds names a parameter only if the template's constant text shows it too: then it is the siblings'
shared code, and tells of no customer.
"""

from __future__ import annotations

import copy
import keyword
import re
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from typing import Final

from fde_extraction.candidate import OURS, candidates, empty
from fde_extraction.label import Role, words_of
from fde_extraction.schema import HOSTS, catalogued, is_host
from fde_extraction.slot import Slot
from fde_extraction.variable import OPENS, reads, variable_of
from fde_template.values import fits_type
from fde_template.words import words

_FALLBACK: Final = {
    "email": "email",
    "host": "host",
    "url": "url",
    "account": "accountId",
    "user": "userName",
    "customer": "customer",
    "person": "personName",
}
THROUGHOUT: Final = 3  # literals that a value is a part of, beyond which it runs through the code


class Names:
    """Names given out so far, over all files of a primitive. `shown`: the words of the template's constant text.

    `guess`: whether a value may be called the customer's by how it is used; not when the code itself names a party.
    """

    def __init__(self, shown: Collection[str] = (), customers: Sequence[str] = (), *, guess: bool = True) -> None:
        self.guess = guess
        self.taken: set[str] = set()
        self.tables = 0  # values that are tables; of several, each is called after what is done to it
        self._times = Counter(shown)
        theirs = {word for customer in customers for word in (*words(customer), "".join(words(customer)))}
        self.shown = frozenset(shown) - theirs
        self.theirs = frozenset(theirs)

    def fresh(self) -> Names:
        """The same, with no name taken: for the fields of a list."""
        made = copy.copy(self)
        made.taken = set()
        return made

    def times(self, word: str) -> int:
        """How often the template shows `word`."""
        return max(1, self._times[word])

    def unique(self, candidates: Sequence[Sequence[str]]) -> str:
        """The first of `candidates` that is not taken; the first with a number when all are."""
        return self._unique(candidates)

    def give(self, slots: Sequence[Slot], texts: Sequence[str], runs: str = "") -> str:
        """A new name for the value of `slots`; `texts` are the values, whose words are kept out. `runs`: see running()."""
        hidden = self.hidden(texts)
        kind = slots[0].kind
        if kind != "value":
            scope = next(_scopes(slots, hidden, ("scope", "clause", "call")), ())
            return self._unique([(*(scope or ("source",)), "block") if kind == "source" else (*scope, "layout")])
        ranked = self._ranked(slots, texts, hidden, runs)
        reads_environment = reads(slots)
        # Text that names an environment variable is called so: whoever fills it in must not put the secret there.
        if reads_environment:
            kind_of = variable_of(texts)
            held = [(kind_of,)] if kind_of and (not ranked or not OPENS & set(ranked[0])) else []
            ranked = [*held, *ranked]
            ranked = [parts if parts[-1] == "env" else (*parts, "env") for parts in ranked]
        if all(is_host(text) for text in texts):
            called = {
                words_of(label.text) for slot in slots for label in slot.labels[:1] if label.role in ("call", "first")
            }
            doors = [(*sorted(HOSTS & set(parts) - {"host"}), "host") for parts in called if HOSTS & set(parts)][:1]
            ranked = [(doors[0] if doors else ("host",)) if parts in called else parts for parts in ranked]
            ranked = [("host",) if set(parts) <= {"server", "host", "name"} else parts for parts in ranked]
            ranked = [parts if HOSTS & set(parts) else (*parts, "host") for parts in ranked]
        ranked = _kept(ranked, slots, texts)
        role = (_role(slots),) if not reads_environment else ("env", "name")
        scoped = [(*scope, *role) for scope in _scopes(slots, hidden)]
        if not ranked:
            bare = _unscoped(slots)
            return self._unique([(bare,), *scoped] if bare else [*scoped, role])
        qualified = [(*scope, *ranked[0]) for scope in _scopes(slots, hidden)]
        return self._unique(
            [ranked[0], *qualified, *self._around(slots, ranked[0], hidden), (*ranked[0], *role), *ranked[1:]]
        )

    def _around(
        self, slots: Sequence[Slot], named: tuple[str, ...], hidden: frozenset[str]
    ) -> Iterator[tuple[str, ...]]:
        """`named` after what holds it: the second limit, of { search: { limit: x } }, is the searchLimit."""
        for slot in slots:
            for label in slot.labels[1:]:
                parts = words_of(label.text)
                if label.role in ("key", "keyword", "assigned") and parts and set(parts) <= self.shown - hidden:
                    yield (*parts[:2], *named)

    def shows(self, slot: Slot) -> Slot:
        """`slot` with those labels only whose words stand in the template's constant text, or are ours."""
        safe = tuple(label for label in slot.labels if label.role in OURS or set(words_of(label.text)) <= self.shown)
        return replace(slot, labels=safe)

    def hidden(self, texts: Sequence[str]) -> frozenset[str]:
        """Words that only values have, and customers' names."""
        own = {word for text in texts for word in words(text)} | {"".join(words(text)) for text in texts}
        return (frozenset(own) - self.shown) | self.theirs

    def _ranked(
        self, slots: Sequence[Slot], texts: Sequence[str], hidden: frozenset[str], runs: str
    ) -> list[tuple[str, ...]]:
        """Candidates, best first: by the strongest thing said of any slot, then by how often."""
        weights: dict[tuple[str, ...], int] = {}
        votes: Counter[tuple[str, ...]] = Counter()
        for slot in slots:
            for parts, weight in candidates(slot):
                if parts and all(word.isascii() and word not in hidden for word in parts):
                    weights[parts] = max(weight, weights.get(parts, 0))
                    votes[parts] += 1
        for parts, weight in (*_by_kind(slots, texts, self.guess, runs), *_tail(slots, hidden)):
            weights[parts] = max(weight, weights.get(parts, 0))
        if is_table(slots):  # and no column, though its own columns stand behind its name
            weights = {parts: weight for parts, weight in weights.items() if parts[-1] != "column"}
            if self.tables > 1 and ("table",) in weights:
                weights[(_way(slots), "table")] = weights.pop(("table",))
        return sorted(weights, key=lambda parts: (-weights[parts] - min(votes[parts], 9) // 3, -votes[parts], parts))

    def _unique(self, candidates: Sequence[Sequence[str]]) -> str:
        named = [name for parts in candidates if (name := camel(parts)[:55]) and not keyword.iskeyword(name)]
        for name in named:
            if name not in self.taken:
                self.taken.add(name)
                return name
        stem, number = (named or ["parameter"])[0], 2
        while f"{stem}{number}" in self.taken:
            number += 1
        self.taken.add(f"{stem}{number}")
        return f"{stem}{number}"


def _by_kind(
    slots: Sequence[Slot], texts: Sequence[str], guess: bool, runs: str
) -> Iterator[tuple[tuple[str, ...], int]]:
    """What the texts are by a catalogue, whatever the code calls them; and whose they are, when they run through it."""
    kind = catalogued(texts)
    if kind and all(slot.leaf != "number" for slot in slots):
        yield words(kind), 11
    through = sum(not slot.whole for slot in slots) > THROUGHOUT
    if runs == "customer":
        yield ("customer",) if guess else ("name",), (18 if through else 13) if guess else 3
    elif runs:
        # What names a column or another object of the database is called after that, however often it is said.
        own = any(
            label.text and (label.role in ("object", "column") or (label.role == "relation" and label.text != "table"))
            for slot in slots
            if slot.whole
            for label in slot.labels[:1]
        )
        yield ("entity",), 18 if through and not own and runs == "entity" else 7
    for slot in slots:
        for label in slot.labels[:1]:
            party = [word for word in words_of(label.text) if word in _PARTIES]
            if party and slot.whole and len(slots) > 1:
                yield (party[0],), 19
    if all(slot.secret for slot in slots):
        yield ("secret",), 9
    said = {word for slot in slots for label in slot.labels[:1] for word in words_of(label.text)}
    kinds = {slot.sensitive for slot in slots}
    if "user" in kinds and not said & {"user", "username", "login", "account"}:
        yield ("user",), 14
    if "account" in kinds and not said & _ACCOUNTED:
        yield ("account", "id"), 14
    addressed = {word for slot in slots for label in slot.labels[:1] for word in words_of(label.text)} & _ADDRESSED
    if all(fits_type("email", text) for text in texts):
        yield ("email",), 8 if addressed else 14


_URLS: Final = frozenset(
    "url uri urls endpoint endpoints webhook origin href link location source target bucket issuer audience dsn base entity "
    "customer tenant namespace schema".split()
)
_STORE: Final = re.compile(r"(?:s3a?|gs|gcs|abfss?|wasbs?|r2|oss)://")
_PARTIES: Final = frozenset({"customer", "tenant"})
_ADDRESSED: Final = frozenset(
    "owner contact mail email mailbox steward recipient recipients oncall pager sender author reviewer".split()
)
_ACCOUNTED: Final = frozenset("account accounts id project subscription tenant locator organization".split())


def _kept(ranked: list[tuple[str, ...]], slots: Sequence[Slot], texts: Sequence[str]) -> list[tuple[str, ...]]:
    """What is a whole URL, or a secret, is called so: CHAT = "https://..." is the chat's URL."""
    if not ranked:
        return ranked
    first, whole = ranked[0], any(slot.whole for slot in slots)
    if whole and _only_called(slots) and all(_STORE.match(text) for text in texts):
        return [("bucket", "url"), *ranked]
    if whole and all(fits_type("url", text) for text in texts) and not _URLS & set(first):
        return [(*first, "url"), *ranked]
    if first in (("url",), ("uri",)) and all(_STORE.match(text) for text in texts):
        return [("bucket", *first), *ranked]
    if all(slot.leaf.startswith("regex") for slot in slots) and not {"pattern", "regex"} & set(first):
        return [(*first, "pattern"), *ranked]
    if all(slot.secret for slot in slots) and whole and not OPENS & set(first):
        return [*([] if _only_called(slots) else [(*first, "secret")]), ("secret",), *ranked]
    return ranked


def is_table(slots: Sequence[Slot]) -> bool:
    """Whether a value is the name of a table, and not only a part of one."""
    near = {(slot.whole, *slot.labels[0]) for slot in slots if slot.labels}
    return (True, "column", "key") not in near and any(said[1:] == ("relation", "table") for said in near)


def _way(slots: Sequence[Slot]) -> str:
    """What is done to a table: what anything writes to is the target."""
    clauses = {label.text.split(" ")[-1] for slot in slots for label in slot.labels if label.role == "clause"}
    clauses |= {
        word for slot in slots for label in slot.labels if label.role == "clause" for word in label.text.split()
    }
    return "target" if clauses & _WRITES else "source"


def _tail(slots: Sequence[Slot], hidden: frozenset[str]) -> Iterator[tuple[tuple[str, ...], int]]:
    """What all names that the code gives a value end with: bodyTimeout and headersTimeout are a timeout."""
    said = {words_of(slot.labels[0].text) if slot.labels else () for slot in slots}
    named = all(slot.whole and slot.labels[:1] and slot.labels[0].role in _NAMING for slot in slots)
    if named and len(said) > 1 and all(said):
        last = {parts[-1] for parts in said}
        if len(last) == 1 and not hidden & last and not empty(word := last.pop()):
            yield (word,), 16


_NAMING: Final = frozenset({"assigned", "keyword", "key"})
_WRITES: Final = frozenset("into merge update delete create insert truncate unload exists replace".split())


def _only_called(slots: Sequence[Slot]) -> bool:
    return not any(
        label.role in ("assigned", "keyword", "key", "alias", "inside", "place")
        for slot in slots
        for label in slot.labels
    )


def _scopes(
    slots: Sequence[Slot], hidden: frozenset[str], roles: Sequence[Role] = ("scope", "call")
) -> Iterator[tuple[str, ...]]:
    """What stands around the slots: the call they are arguments of, the function or query, the clause."""
    for wanted in roles:
        for slot in slots:
            for label in slot.labels:
                parts = tuple(word for word in words_of(label.text)[:4] if word.isascii())
                if label.role == wanted and parts and parts[0].isalpha() and not hidden & set(parts):
                    yield parts
                    break


def _role(slots: Sequence[Slot]) -> str:
    """What a value is by its place, when the code around says nothing else."""
    if any("url.host" in slot.place for slot in slots):
        return "host"
    if all("identifier" in slot.place and slot.whole for slot in slots):
        return "column" if any("sql." in slot.place for slot in slots) else "variable"
    if any("identifier" in slot.place for slot in slots):
        return "entity"
    leaves = {slot.leaf.split("_")[0] for slot in slots}
    for leaf, role in (("number", "number"), ("bool", "flag"), ("regex", "pattern"), ("comment", "note")):
        if leaves == {leaf}:
            return role
    return "text"


def _unscoped(slots: Sequence[Slot]) -> str:
    """A name that needs no scope: what kind of sensitive text it is, or a name that runs through all of the code."""
    for slot in slots:
        if slot.secret:
            return "secret"
        if slot.sensitive in _FALLBACK:
            return _FALLBACK[slot.sensitive]
    role = _role(slots)
    return role if role in ("host", "entity") else ""


def camel(parts: Sequence[str]) -> str:
    """``("base", "url")`` as ``baseUrl``; words before the first letter are dropped, repeated words said once."""
    said = [part for index, part in enumerate(parts) if index == 0 or part != parts[index - 1]]
    while said and not ("a" <= said[0][:1] <= "z"):
        said = said[1:]
    return said[0] + "".join(part[:1].upper() + part[1:] for part in said[1:]) if said else ""
