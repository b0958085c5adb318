"""Names of parameters: from the code's own words around their uses, never from a value alone.

labels of a value's slots -> candidates with weights -> camelCase; taken ones get the next label or the scope before them

A word that a value holds names a parameter only if the template's constant text shows it too: then it is the siblings'
shared code, and tells of no customer.
"""

from __future__ import annotations

import copy
import keyword
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

from fde_extraction.label import Label, Role, words_of
from fde_extraction.schema import HOSTS, catalogued, is_host
from fde_extraction.slot import Slot
from fde_template.values import fits_type
from fde_template.words import words

UNITS: Final = frozenset(
    "s ms sec secs second seconds minute minutes min mins hour hours day days week weeks millis milliseconds microseconds".split()
)
# Words that name no thing: of a call, a container, a syntax.
_EMPTY: Final = frozenset(
    "get set put add post new init self this x string str int float text data value values item items default print log info "
    "warning error debug exception format f environ env getenv process os append len list dict push join json parse test "
    "select from where and or on in by as into table with set using when then rate duration encode decode removeprefix "
    "require describe it super object any const let var of insert update create replace if not exists is to cast "
    "for from of the a an is are this that with between while until before after via per else case end null nullif coalesce "
    "raise return number counter send call execute executemany identifier schema database".split()
)
# Words that are empty beside a value but say all that there is to say as a kind of relation, key or keyword.
_KINDS: Final = frozenset(
    "schema database table schemas databases tables text format rate default number duration".split()
)
_FALLBACK: Final = {
    "email": "email",
    "host": "host",
    "url": "url",
    "account": "accountId",
    "user": "userName",
    "customer": "customer",
    "person": "personName",
}
_AFFIX: Final = frozenset(
    {"error", "exception", "event", "class", "model", "dto", "props", "stack", "request", "controller"}
)
WEIGHT: Final[Mapping[Role, int]] = {
    "assigned": 14, "keyword": 13, "key": 12, "object": 12, "relation": 10, "interval": 11, "least": 10, "most": 10, "alias": 9,
    "first": 8, "column": 7, "operand": 8, "call": 6, "keyword case": 20, "clause": 2, "scope": 1,
}  # fmt: skip
_VERBS: Final = frozenset(
    "x set get with default convert create make build parse load read fetch register use to".split()
)
_VAGUE: Final = frozenset("name type id kind label title all count object args options config params key field".split())
OURS: Final[frozenset[Role]] = frozenset({"relation", "object", "column", "interval", "keyword case", "clause"})
THROUGHOUT: Final = 3  # literals that a value is a part of, beyond which it runs through the code
ENVIRONMENT: Final = frozenset({"environ", "getenv", "env", "env_var"})


class Names:
    """Names given out so far, over all files of a primitive. `shown`: the words of the template's constant text.

    `guess`: whether a value may be called the customer's by how it is used; not when the code itself names a party.
    """

    def __init__(self, shown: Collection[str] = (), customers: Sequence[str] = (), *, guess: bool = True) -> None:
        self.guess = guess
        self.taken: set[str] = set()
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
        reads_environment = any(
            label.role in ("call", "operand") and label.text.lower() in ENVIRONMENT
            for slot in slots
            if slot.whole and not slot.secret and not any(label.role == "first" for label in slot.labels[:2])
            for label in slot.labels[:2]
        )
        # Text that names an environment variable is called so: whoever fills it in must not put the secret there.
        if reads_environment:
            kind_of = variable_of(texts)
            held = [(kind_of,)] if kind_of and (not ranked or kind_of not in ranked[0]) else []
            ranked = [*held, *ranked]
            ranked = [parts if parts[-1] == "env" else (*parts, "env") for parts in ranked]
        if all(is_host(text) for text in texts):
            called = {
                words_of(label.text) for slot in slots for label in slot.labels[:1] if label.role in ("call", "first")
            }
            ranked = [("host",) if parts in called else parts for parts in ranked]
            ranked = [parts if HOSTS & set(parts) else (*parts, "host") for parts in ranked]
        role = (_role(slots),) if not reads_environment else ("env", "name")
        scoped = [(*scope, *role) for scope in _scopes(slots, hidden)]
        if not ranked:
            bare = _unscoped(slots)
            return self._unique([(bare,), *scoped] if bare else [*scoped, role])
        qualified = [(*scope, *ranked[0]) for scope in _scopes(slots, hidden)]
        return self._unique([ranked[0], *qualified, (*ranked[0], *role), *ranked[1:]])

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
            for parts, weight in _candidates(slot):
                if parts and all(word.isascii() and word not in hidden for word in parts):
                    weights[parts] = max(weight, weights.get(parts, 0))
                    votes[parts] += 1
        for parts, weight in _by_kind(slots, texts, self.guess, runs):
            weights[parts] = max(weight, weights.get(parts, 0))
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


def empty(word: str) -> bool:
    """Whether a word names no thing."""
    return len(word) < 3 or not word.isalpha() or not word.isascii() or word in _EMPTY or keyword.iskeyword(word)


def _by_kind(
    slots: Sequence[Slot], texts: Sequence[str], guess: bool, runs: str
) -> Iterator[tuple[tuple[str, ...], int]]:
    """What the texts are by a catalogue, whatever the code calls them; and whose they are, when they run through it."""
    kind = catalogued(texts)
    if kind and all(slot.leaf != "number" for slot in slots):
        yield words(kind), 11
    if runs == "customer":
        yield ("customer",) if guess else ("name",), 13 if guess else 3
    elif runs:
        yield ("entity",), 12 if sum(not slot.whole for slot in slots) > THROUGHOUT else 7
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


def running(values: Sequence[tuple[Sequence[Slot], Sequence[str]]]) -> list[str]:
    """For each value: customer, entity or empty. What is part of several names and texts runs through the code; the one that
    stands in hosts, variables' names and comments most is whose code it is, the others are what it is about."""
    scores = [(_party(slots), _topic(slots, texts)) if _runs(slots, texts) else (0.0, 0.0) for slots, texts in values]
    best = max(range(len(scores)), key=lambda index: (scores[index][0] - scores[index][1], -index), default=0)
    return [
        "customer" if index == best and party > topic and party > 2 else "entity" if topic >= 1 else ""
        for index, (party, topic) in enumerate(scores)
    ]


def _runs(slots: Sequence[Slot], texts: Sequence[str]) -> bool:
    return len(set(texts)) == len(texts) > 1 and sum(not slot.whole for slot in slots) > 1


def _party(slots: Sequence[Slot]) -> float:
    """How much speaks for a value that names whose code this is: said in comments, part of hosts, variables and routes."""
    parts = [slot for slot in slots if not slot.whole]
    said = sum("comment" in slot.place or "triple" in slot.place for slot in parts)
    hosts = sum("url.host" in slot.place for slot in parts)
    upper = sum(
        slot.head and not slot.place.startswith("sql.") and all(text.isupper() for text in slot.texts) for slot in parts
    )
    heads = {slot.context for slot in parts if slot.head and (slot.leaf.endswith("_text") or "sql." in slot.place)}
    return min(said, 2) + 2 * min(hosts, 2) + 2 * min(upper, 2) + min(len(heads), 8) / 2


def _topic(slots: Sequence[Slot], texts: Sequence[str]) -> float:
    """How much speaks for a value that names what the code is about: in several identifiers, also as a plural."""
    inside = sum("identifier" in slot.place and (slot.whole or not slot.head) for slot in slots)
    singular_root = not any(text.lower().endswith("s") for text in texts)
    plural = any(all(text.lower().endswith("s") for text in slot.texts) for slot in slots) and singular_root
    return min(inside, 4) / 2 + 3 * plural


_ADDRESSED: Final = frozenset(
    "owner contact mail email mailbox steward recipient recipients oncall pager sender author reviewer".split()
)
_ACCOUNTED: Final = frozenset("account accounts id project subscription tenant locator organization".split())
# What an environment variable is for, by the last words that people give its name; of most siblings, so it tells of none.
_VARIABLES: Final[Mapping[str, frozenset[str]]] = {
    "token": frozenset("token key apikey bearer jwt".split()),
    "password": frozenset("password passwd pwd pw pass secret cred creds credential credentials passphrase".split()),
    "salt": frozenset("salt pepper".split()),
    "user": frozenset("user username login".split()),
    "url": frozenset("url uri dsn endpoint connection".split()),
}


def variable_of(texts: Sequence[str]) -> str:
    """What environment variables of these names hold, when more than half say the same; else empty."""
    for kind, said in _VARIABLES.items():
        if 2 * sum(bool(said & set(words(text)[-2:])) for text in texts) > len(texts):
            return kind
    return ""


def _candidates(slot: Slot) -> Iterator[tuple[tuple[str, ...], int]]:
    if slot.leaf in ("identifier", "type_identifier", "property_identifier", "word") and not slot.whole:
        affix = tuple(word for word in slot.context if word not in _EMPTY | _AFFIX and not word.isdigit())
        if affix:
            yield affix[-1:], 2
    if not slot.whole and slot.context and slot.sensitive not in ("email", "person") and slot.leaf.endswith("_text"):
        said = tuple(word for word in slot.context[:2] if word not in _EMPTY and word.isalpha() and len(word) > 2)
        if said:
            yield said[-1:], 2
    # A unit may stand outside or inside: timedelta(minutes=5), { expiration: days(30) }.
    unit = next((said for label in slot.labels[:2] if (said := unit_of(label))), ())
    near = True
    for label in slot.labels:
        if label.role in ("scope", "clause"):
            continue
        parts = _parts(label, slot)
        if not parts:
            continue
        if unit_of(label):
            continue
        weight = WEIGHT[label.role]
        if (label.role == "call" and ("sql." in slot.place or "jinja." in slot.place)) or (
            len(parts) == 1 and parts[0] in _VAGUE
        ):
            weight //= 2
        whole = slot.whole or (label.role == "relation" and slot.leaf.endswith("_text"))
        weight = weight if whole else weight // 3
        weight = weight if near else weight // 3 + 1
        if label.role == "column" and label.text in ("key", "timestamp"):
            weight += 6  # what a column is for says more than what its list is called
        yield ((*parts, *unit) if unit and not set(parts) & UNITS else parts), weight
        near, unit = False, ()
    if unit:
        yield ("duration", *unit), 3


def unit_of(label: Label) -> tuple[str, ...]:
    """A label that is nothing but a unit of time; ``min(...)`` is the least of two."""
    parts = tuple(words_of(label.text))
    named = label.role in ("assigned", "keyword", "key", "alias", "operand") or (
        label.role == "call" and parts != ("min",)
    )
    return parts if named and parts and set(parts) <= UNITS else ()


def _parts(label: Label, slot: Slot) -> tuple[str, ...]:
    """The words a label gives to a name."""
    if label.role == "keyword case":
        return (*words_of(label.text), "keyword") if slot.leaf.startswith("keyword:") else ()
    if label.role == "interval":
        unit = label.text.removeprefix("back ")
        said = "lookback" if label.text.startswith("back ") else "interval"
        return ((said, f"{unit}s") if unit else (said,)) if slot.leaf == "number" else ()
    if label.role == "column":
        return (label.text, "column") if label.text and slot.whole else ()
    if slot.leaf.startswith("keyword:"):
        return ()
    if label.role in ("call", "operand") and {"regex", "regexp", "rlike"} & set(words_of(label.text)):
        return ("pattern",)
    parts = _clean(label.text, kinds=label.role not in ("call", "operand"))
    if label.role in ("least", "most"):
        return ({"least": "min", "most": "max"}[label.role], *parts) if parts else ()
    if "url.host" in slot.place and not slot.whole and parts:
        kept = tuple(part for part in parts if part not in ("url", "uri", "host", "endpoint"))
        return (*kept, "host")
    return parts


def _clean(text: str, *, kinds: bool) -> tuple[str, ...]:
    parts = list(words_of(text))
    if len(parts) > 1 and parts[0] in _VERBS:
        parts = parts[1:]
    if len(parts) > 3:
        parts = [part for part in parts if part not in ("in", "of", "time")]
    empty = _EMPTY - _KINDS if kinds else _EMPTY
    compound = kinds and sum(len(part) > 1 for part in parts) > 1  # two empty words can say something together
    if not compound and all(part in empty or part.isdigit() or len(part) < 2 for part in parts):
        return tuple(parts) if set(parts) & UNITS else ()
    return tuple(parts[:5])


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
