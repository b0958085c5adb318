"""Mirror: what the API server holds, in memory, as the watches tell it. Reconciling reads here and costs the server nothing.

list, watch events, answers to our own writes -> put(), remove() -> get(), list()

An object is kept as JSON bytes: a thousand deployments with all that belongs to them are about 30 MiB, a tenth of what they
would be as Python objects. Resource versions of one cluster can be compared as integers (KEP-5504): what is older than what
is here is dropped, so that our own write, answered before its event comes, is not forgotten again.
"""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from fde_operator.cluster import Manifest, key_of
from fde_operator.key import Key
from fde_operator.labels import DEPLOYMENT, whose

_Place = tuple[str, str]  # namespace, name
_Value = tuple[str, str]  # namespace (empty: any), value

# By what each kind is asked for, as the name of a field or a label. Children have none here: they have the label.
FIELDS: Final[Mapping[str, tuple[str, ...]]] = {
    "FDEDeployment": ("spec.primitiveRef.name",),
    "TelemetryFeed": ("spec.deploymentRef.name",),
    "DeploymentPrimitive": ("spec.primitiveName",),
    "PatternCandidate": ("spec.signal.challenge",),
    "PatternProposal": ("spec.challenge",),
}
# Which manager wrote a field when is asked of candidates alone; of the others it is half of their bytes.
_REMEMBERED: Final = 4096
_FOREVER: Final = 2**64
_WITH_MANAGERS: Final = frozenset({"PatternCandidate"})


@dataclass(slots=True)
class _Table:
    """One kind."""

    objects: dict[_Place, bytes] = field(default_factory=dict)
    versions: dict[_Place, tuple[str, int]] = field(default_factory=dict)  # uid, resource version
    index: dict[str, dict[_Value, set[_Place]]] = field(default_factory=lambda: defaultdict(dict))
    values: dict[_Place, tuple[tuple[str, _Value], ...]] = field(default_factory=dict)


class Mirror:
    """For one event loop. Kinds that are not `kinds` are not held, and asking for one is a KeyError."""

    def __init__(self, kinds: Collection[str]) -> None:
        self._tables = {kind: _Table() for kind in kinds}
        # uid: the version it went at. An answer to a write may come after its object's end; what comes back under the same uid
        # has not ended: it lost the label that it is selected by, and got it again.
        self._gone: OrderedDict[str, int] = OrderedDict()

    def holds(self, kind: str) -> bool:
        """Whether this kind is read from here."""
        return kind in self._tables

    def __len__(self) -> int:
        return sum(len(table.objects) for table in self._tables.values())

    @property
    def size_bytes(self) -> int:
        """Of all objects, as they are kept."""
        return sum(sum(map(len, table.objects.values())) for table in self._tables.values())

    def put(self, manifest: Manifest) -> bool:
        """Take over what the server said; False when it is not news: the same version, or an older one."""
        key = key_of(manifest)
        table, place = self._tables[key.kind], (key.namespace, key.name)
        uid, version = _identity(manifest)
        known = table.versions.get(place)
        if version <= self._gone.get(uid, -1) or (known is not None and known[0] == uid and version <= known[1]):
            return False
        table.versions[place] = (uid, version)
        table.objects[place] = msgspec.json.encode(_slim(key.kind, manifest))
        self._file(table, place, _values(key, manifest))
        return True

    def remove(self, key: Key, *, uid: str | None = None, version: int | None = None) -> bool:
        """It has gone, at `version` (None: for good); with `uid`, only if it is that very object. False when it was not here."""
        table, place = self._tables[key.kind], (key.namespace, key.name)
        known = table.versions.get(place)
        if gone := uid or (known[0] if known else None):
            self._gone[gone] = max(self._gone.get(gone, 0), _FOREVER if version is None else version)
            if len(self._gone) > _REMEMBERED:
                self._gone.popitem(last=False)
        if known is None or (uid is not None and known[0] != uid):
            return False
        del table.versions[place], table.objects[place]
        self._file(table, place, ())
        return True

    def doom(self, key: Key, *, uid: str, at: str) -> None:
        """Its deletion was accepted: until the event comes it is here as on its way out."""
        found = self.get(key)
        if found is None or found["metadata"].get("uid") != uid or "deletionTimestamp" in found["metadata"]:
            return
        found["metadata"]["deletionTimestamp"] = at
        self._tables[key.kind].objects[key.namespace, key.name] = msgspec.json.encode(found)

    def get(self, key: Key) -> Manifest | None:
        """A copy of its own for each caller; None when it is not there."""
        raw = self._tables[key.kind].objects.get((key.namespace, key.name))
        return None if raw is None else msgspec.json.decode(raw)

    def customer(self, namespace: str) -> str | None:
        """Whose a namespace is, by its label."""
        return whose(self.get(Key("Namespace", "", namespace))) or None

    def keys(self, kind: str) -> list[Key]:
        """Every object of a kind."""
        return [Key(kind, *place) for place in self._tables[kind].objects]

    def prune(self, kind: str, alive: Mapping[_Place, str], *, version: int) -> list[Manifest]:
        """Forget what a complete list did not show; `alive`: the uid of each object it did, `version`: the list's own.

        What is newer than the list stays. Returns what has gone, as it was.
        """
        table = self._tables[kind]
        gone = [place for place, (uid, seen) in table.versions.items() if alive.get(place) != uid and seen <= version]
        found = [msgspec.json.decode(table.objects[place]) for place in gone]
        for place in gone:
            self.remove(Key(kind, *place), version=version)
        return found

    def list(
        self,
        kind: str,
        *,
        namespace: str = "",
        labels: Mapping[str, str] | None = None,
        fields: Mapping[str, str] | None = None,
    ) -> list[Manifest]:
        """All objects that carry `labels` and `fields`, in order of namespace and name."""
        table = self._tables[kind]
        asked = {**(fields or {}), **(labels or {})}
        found = []
        for place in sorted(self._candidates(table, namespace, asked)):
            one = msgspec.json.decode(table.objects[place])
            marks = one["metadata"].get("labels") or {}
            if all(marks.get(name) == value for name, value in (labels or {}).items()) and all(
                at(one, path) == value for path, value in (fields or {}).items()
            ):
                found.append(one)
        return found

    @staticmethod
    def _candidates(table: _Table, namespace: str, asked: Mapping[str, str]) -> Iterator[_Place]:
        """The places of an index if there is one for a name in `asked`, else all of the namespace."""
        for name, value in asked.items():
            if name == "metadata.name" and (namespace, value) in table.objects:
                yield (namespace, value)
                return
            if name in table.index:
                yield from table.index[name].get((namespace, value), ())
                return
        yield from (place for place in table.objects if not namespace or place[0] == namespace)

    @staticmethod
    def _file(table: _Table, place: _Place, values: tuple[tuple[str, _Value], ...]) -> None:
        old = table.values.get(place, ())
        if old == values:
            return
        for name, value in old:
            places = table.index[name][value]
            places.discard(place)
            if not places:
                del table.index[name][value]
        for name, value in values:
            table.index[name].setdefault(value, set()).add(place)
        if values:
            table.values[place] = values
        else:
            table.values.pop(place, None)


def at(manifest: Mapping[str, Any], path: str) -> Any:
    """What stands at `a.b.c`; None when nothing does."""
    found: Any = manifest
    for step in path.split("."):
        found = found.get(step) if isinstance(found, Mapping) else None
    return found


def _values(key: Key, manifest: Manifest) -> tuple[tuple[str, _Value], ...]:
    """Under what an object is filed: each value in its namespace and in all."""
    label = (manifest["metadata"].get("labels") or {}).get(DEPLOYMENT)
    named = [(DEPLOYMENT, label), *((path, at(manifest, path)) for path in FIELDS.get(key.kind, ()))]
    found: list[tuple[str, _Value]] = []
    for name, value in named:
        if isinstance(value, str):
            found += [(name, (key.namespace, value)), *([(name, ("", value))] if key.namespace else [])]
    return tuple(found)


def _identity(manifest: Manifest) -> tuple[str, int]:
    metadata = manifest["metadata"]
    return str(metadata.get("uid", "")), int(metadata.get("resourceVersion") or 0)


def _slim(kind: str, manifest: Manifest) -> Manifest:
    if kind in _WITH_MANAGERS or "managedFields" not in manifest["metadata"]:
        return manifest
    metadata = {name: value for name, value in manifest["metadata"].items() if name != "managedFields"}
    return {**manifest, "metadata": metadata}
