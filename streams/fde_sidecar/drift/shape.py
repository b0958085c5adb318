"""Shapes: what a payload looks like without its values.

payload -> shape_of() -> a key for a dictionary (fast, one a record)
payload, tree -> Survey.of() -> a Sight for every place it touches (slow, for shapes not met before and for samples)
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any, Final

from fde_sidecar.drift.habit import SETTLED
from fde_sidecar.drift.path import ANY, EACH, family_of, is_data, joined, may_be_fixed
from fde_sidecar.drift.place import ABSENT, ARRAY, NULL, NUMBER, OBJECT, PRESENT, STRING, Place

DEEPEST: Final = 16  # below it, only that there is something
MOST_PLACES: Final = 512  # a source; what is beyond is not watched
MOST_CHILDREN: Final = 96  # an object with more names is a map
MANY: Final = 24  # and one with more, most of them rare, too
ELEMENTS: Final = 32  # of an array that are looked at

_MOST_FIXED: Final = 12  # short codes as fields of one object
_TWINS: Final = 4  # objects with the same fields that come and go, from which on they are entries of a map
_NUMBERED: Final = 6  # and names that differ in a number only

_TYPES: Final[dict[type, str]] = {
    dict: OBJECT,
    list: ARRAY,
    str: STRING,
    int: NUMBER,
    float: NUMBER,
    bool: "boolean",
    type(None): NULL,
}


def shape_of(payload: Any) -> Any:
    """A hashable key, equal for payloads with the same names in the same order and values of the same types.

    Two keys may stand for one shape (names in another order, whole numbers and fractions): that costs an entry, no more.
    """
    if type(payload) is dict:
        flat: list[Any] = []
        _flatten(payload, flat, 0)
        return tuple(flat)
    return (_elements(payload, 0),) if type(payload) is list else type(payload)


def _flatten(fields: dict[str, Any], flat: list[Any], depth: int) -> None:
    """Names, then their types, then what is nested, in order: a text that can be read in one way only."""
    flat += fields
    types = [*map(type, fields.values())]
    flat += types
    if (dict in types or list in types) and depth < DEEPEST:
        for value in fields.values():
            kind = type(value)
            if kind is dict:
                _flatten(value, flat, depth + 1)
            elif kind is list:
                flat.append(_elements(value, depth + 1))


def _elements(values: list[Any], depth: int) -> Any:
    if len(values) > ELEMENTS:
        values = values[:ELEMENTS]
    types = {*map(type, values)}
    if (dict not in types and list not in types) or depth >= DEEPEST:
        return frozenset(types)
    found: set[Any] = set()
    for value in values:
        if type(value) is dict:
            flat: list[Any] = []
            _flatten(value, flat, depth + 1)
            found.add(tuple(flat))
        else:
            found.add(_elements(value, depth + 1) if type(value) is list else type(value))
    return frozenset(found)


class Sight:
    """What one record shows at one place: facts only, and the scalars themselves while the record is being looked at."""

    __slots__ = ("numbers", "presence", "texts", "types")

    def __init__(self) -> None:
        self.presence: set[str] = set()
        self.types: set[str] = set()
        self.texts: list[str] = []
        self.numbers: list[float] = []


class Survey:
    """One walk of one record over the tree of its source. Makes places that are not there yet, within bounds."""

    __slots__ = ("_tree", "grown", "seen")

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self.seen: dict[int, tuple[Place, Sight]] = {}
        self.grown = False  # whether the tree has places it had not: shapes learned before say nothing of them

    def of(self, payload: Any) -> Survey:
        """Look at the whole record."""
        self._look(payload, self._tree.root, 0)
        return self

    def sight(self, place: Place) -> Sight:
        """What was seen at `place` so far."""
        found = self.seen.get(id(place))
        if found is None:
            found = self.seen[id(place)] = (place, Sight())
        return found[1]

    def _look(self, value: Any, place: Place, depth: int) -> None:
        sight = self.sight(place)
        kind = type(value)
        sight.types.add(_TYPES[kind])
        if kind is str:
            sight.texts.append(value)
        elif kind is int or kind is float:
            sight.numbers.append(value)
        elif depth < DEEPEST:
            if kind is dict:
                self._look_into(value, place, depth)
            elif kind is list and value and (child := self._child(place, EACH)) is not None:
                for element in value[:ELEMENTS]:
                    self._look(element, child, depth + 1)

    def _look_into(self, fields: dict[str, Any], place: Place, depth: int) -> None:
        children = place.children
        if len(fields) > MOST_CHILDREN:
            if not place.mapped and not self._tree.crowd(place):
                return  # one record that is out of all bounds teaches nothing
            known = [(name, value) for name, value in fields.items() if name in children]
            fields = {**dict(islice(fields.items(), ELEMENTS)), **dict(known)}
        if place.objects < SETTLED and children and ANY not in children:
            self._unfix(fields, place)
        for name, value in fields.items():
            child = children.get(name)
            if child is None:
                if (place.mapped or (is_data(name) and not self._fixed(place, name))) and (
                    child := self._child(place, ANY)
                ) is None:
                    continue
                if child is None and (child := self._child(place, name)) is None:
                    continue
            self.sight(child).presence.add(PRESENT)
            self._look(value, child, depth + 1)
        for name, child in children.items():
            if name not in fields and name not in (ANY, EACH):
                self.sight(child).presence.add(ABSENT)

    def _fixed(self, place: Place, name: str) -> bool:
        """Whether a key that looks like data is a field: it is in the first object here, and short. Objects decide later on."""
        return not place.objects and ANY not in place.children and may_be_fixed(name)

    def _unfix(self, fields: dict[str, Any], place: Place) -> None:
        """Short keys that are not in all of the first objects are data after all."""
        coded = [name for name in place.children if may_be_fixed(name) and is_data(name)]
        if not coded:
            return
        others = any(name not in place.children and is_data(name) for name in fields)
        if others or len(coded) > _MOST_FIXED or any(name not in fields for name in coded):
            self._tree.drop(place, coded)
            self._child(place, ANY)
            self.grown = True

    def _child(self, place: Place, name: str) -> Place | None:
        child = place.children.get(name)
        if child is None:
            child = self._tree.grow(place, name)
            self.grown = True
        return child


class Tree:
    """The places of one source, bounded in number."""

    __slots__ = ("places", "refused", "root")

    def __init__(self, root: Place) -> None:
        self.root = root
        self.places = sum(1 for _ in places_of(root))
        self.refused = 0

    def grow(self, place: Place, name: str) -> Place | None:
        """A new child, or None where there is no room. Where names come and go, it is the one for every name (`ANY`)."""
        if name not in (ANY, EACH) and len(place.children) >= MANY:
            if len(place.children) >= MOST_CHILDREN or looks_mapped(place, rate=0.2):
                self.collapse(place)
            if place.mapped:
                return place.children.get(ANY) or self.grow(place, ANY)
        if self.places >= MOST_PLACES:
            self.refused += 1
            return None
        child = place.children[name] = Place(joined(place.path, name))
        if name not in (ANY, EACH):  # it was absent from every object before this one
            child.presence.trials = place.objects
            if place.objects:
                child.presence.known[ABSENT] = place.objects
        self.places += 1
        return child

    def crowd(self, place: Place) -> bool:
        """One more object with too many names at `place`; whether it is a map for that: it happened before, and often."""
        place.crowded += 1
        if place.crowded > 3 and 2 * place.crowded > place.objects:
            self.collapse(place)
        return place.mapped

    def collapse(self, place: Place) -> None:
        """Take the names at `place` for data from now on, and forget them; but for those that are in most of its objects."""
        place.mapped = True
        kept = {
            name: child
            for name, child in place.children.items()
            if name == EACH or (child.presence.warm and child.presence.rate(PRESENT) >= 0.5)
        }
        if len(kept) > MOST_CHILDREN // 2:
            kept = {}
        self.drop(place, [name for name in place.children if name not in kept])

    def drop(self, place: Place, names: list[str]) -> None:
        """Forget children and all below them."""
        for name in names:
            self.places -= sum(1 for _ in places_of(place.children.pop(name)))

    def fold(self, place: Place) -> bool:
        """Take children that are like each other and come and go for entries of a map; whether there were such.

        Objects with the same fields under names of the customer's, or names that differ in a number only.
        """
        if place.mapped or len(place.children) < _TWINS:
            return False
        passing = {
            name: child
            for name, child in place.children.items()
            if name not in (ANY, EACH) and (child.presence.rate(PRESENT) < 0.95 or child.presence.rate(ABSENT) > 0.05)
        }
        if len(passing) < max(_TWINS, 0.7 * len(place.children)):
            return False
        names = {frozenset(child.children) for child in passing.values()}
        kinds = {kind for child in passing.values() for kind in child.types.known if kind != NULL}
        families = {family_of(name) for name in passing}
        alike = (
            kinds == {OBJECT} and _overlap(names) >= 0.6 and (len(passing) >= _NUMBERED or len(max(names, key=len)) > 1)
        )
        if not alike and not (len(families) == 1 and "" not in families and len(passing) >= _NUMBERED):
            return False
        place.mapped = True
        shared = frozenset.intersection(*names)
        like = [name for name, child in place.children.items() if alike and shared and shared <= child.children.keys()]
        self.drop(place, sorted({*passing, *like}))
        return True


def _overlap(sets: set[frozenset[str]]) -> float:
    """The share of all names that every set has."""
    return len(frozenset.intersection(*sets)) / max(1, len(frozenset.union(*sets)))


def looks_mapped(place: Place, *, rate: float) -> bool:
    """Whether most names in the objects here come and go (in fewer than `rate` of them) and hold the same type: keys of a map."""
    children = [child for name, child in place.children.items() if name != ANY]
    passing = [child for child in children if child.presence.rate(PRESENT) < rate]
    types = {kind for child in passing for kind in child.types.known if kind != NULL}
    return len(passing) >= max(4, 0.7 * len(children)) and len(types) == 1


def places_of(place: Place) -> Iterator[Place]:
    """`place` and everything under it, in the order of growth."""
    yield place
    for child in place.children.values():
        yield from places_of(child)
