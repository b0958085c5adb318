"""Candidates: what the labels of one use say a value is called, with weights; the strongest becomes the name.

Slot -> candidates() -> (words, weight), the nearest label first
"""

from __future__ import annotations

import keyword
from collections.abc import Iterator, Mapping
from typing import Final

from fde_extraction.label import Label, Role, words_of
from fde_extraction.schema import catalogued, is_host
from fde_extraction.slot import Slot, singular

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
_DOORS: Final = frozenset("url uri host endpoint address addr".split())
# Functions that make a number of another: what is given to them is not called after them.
_ROUNDING: Final = frozenset("floor ceil abs round trunc number int float timedelta".split())
_DATES: Final = frozenset(
    "datediff date_diff timestamp_diff dateadd date_add date_sub date_trunc timestamp_trunc".split()
)
_AFFIX: Final = frozenset(
    {"error", "exception", "event", "class", "model", "dto", "props", "stack", "request", "controller"}
)
WEIGHT: Final[Mapping[Role, int]] = {
    "assigned": 14, "keyword": 13, "key": 12, "object": 12, "relation": 10, "interval": 11, "least": 10, "most": 10, "alias": 9,
    "first": 8, "column": 7, "operand": 8, "call": 6, "keyword case": 20, "place": 16, "inside": 15, "element": 13, "clause": 2, "scope": 1,
}  # fmt: skip
_VERBS: Final = frozenset(
    "x set get with default convert create make build parse load read fetch register use to".split()
)
_VAGUE: Final = frozenset("name type id kind label title all count object args options config params key field".split())
OURS: Final[frozenset[Role]] = frozenset(
    {"place", "relation", "object", "column", "interval", "keyword case", "clause"}
)


def empty(word: str) -> bool:
    """Whether a word names no thing."""
    return len(word) < 3 or not word.isalpha() or not word.isascii() or word in _EMPTY or keyword.iskeyword(word)


def candidates(slot: Slot) -> Iterator[tuple[tuple[str, ...], int]]:
    """What the labels of `slot` call it: words and weight, the nearest label first."""
    if slot.leaf in ("identifier", "type_identifier", "property_identifier", "word") and not slot.whole:
        affix = tuple(word for word in slot.context if word not in _EMPTY | _AFFIX and not word.isdigit())
        if affix:
            yield affix[-1:], 2
    if not slot.whole and slot.context and slot.sensitive not in ("email", "person") and slot.leaf.endswith("_text"):
        said = tuple(word for word in slot.context[:2] if word not in _EMPTY and word.isalpha() and len(word) > 2)
        if said:
            yield said[-1:], 2
    if (
        slot.whole
        and "sql.identifier" in slot.place
        and any(label.role == "column" for label in slot.labels[:2])
        and not catalogued(slot.texts)
    ):
        if any(
            (label.role == "call" and label.text.lower() in _DATES)
            or (label.role == "clause" and label.text.endswith(" date"))
            for label in slot.labels[:4]
        ):
            yield ("timestamp", "column"), 14
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
        if label.role == "place" and label.text in ("path", "route"):
            weight = 9  # a path that the code calls something else anywhere is that
        rest = slot.labels[slot.labels.index(label) + 1 :]
        if label == ("place", "path") and rest and rest[0].role == "assigned" and rest[0].text.isupper():
            yield (*_clean(rest[0].text, kinds=True), "path"), 17  # SPOOL = Path("x")
        if parts == ("address",) and all(map(is_host, slot.texts)) and any(item.role == "key" for item in rest[:1]):
            continue  # the address of what is around it
        if (label.role == "call" and ("sql." in slot.place or "jinja." in slot.place)) or (
            len(parts) == 1 and parts[0] in _VAGUE
        ):
            weight //= 2
        inside = label.role in ("place", "inside")
        whole = slot.whole or inside or (label.role == "relation" and slot.leaf.endswith("_text"))
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
    if label.role == "place":
        return words_of(label.text)
    if label.role == "element":
        parts = _clean(label.text, kinds=True)
        return (*parts[:-1], singular(parts[-1])) if parts else ()
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
    if label.role in ("call", "operand") and label.text.lower() in _ROUNDING:
        return ()
    single = slot.leaf.endswith("_text") and (label.role == "call" or (slot.leaf == "key_text" and label.role == "key"))
    if parts and (single or label.role == "operand") and label is slot.labels[0]:
        parts = (*parts[:-1], singular(parts[-1]))  # @Roles("x") gives one role, { headers: { X: .. } } one header
    if parts in (("current", "user"), ("session", "user")):
        return ("user",)
    if label.role == "alias" and slot.whole and slot.place.rsplit("/", 1)[-1].startswith("sql.identifier"):
        renamed = label is slot.labels[0]  # SUM(x) AS units: x is not the units, but the column for them
        return parts if renamed or not parts else (*parts, "column")
    if label.role in ("least", "most"):
        return ({"least": "min", "most": "max"}[label.role], *parts) if parts else ()
    if "url.host" in slot.place and not slot.whole and parts:
        kept = tuple("db" if part == "dsn" else part for part in parts if part not in _DOORS)
        return (*kept, "host") if kept else ()
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
