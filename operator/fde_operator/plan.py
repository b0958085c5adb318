"""plan(): from what is and what should be to what to do. Pure; also the dry run.

desired, observed -> Create | Apply | Delete, in the order to do them
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from fde_operator.cluster import Manifest, key_of
from fde_operator.key import Key

# Of these a field that somebody adds decides as much as one of ours: whom a policy selects, what may be evicted.
_EXACT: Final = frozenset({"NetworkPolicy", "PodDisruptionBudget"})


@dataclass(frozen=True, slots=True)
class Desired:
    """One object that should be. `once`: made when missing, then it is its owner's to edit."""

    manifest: Manifest
    once: bool = False


@dataclass(frozen=True, slots=True)
class Create:
    """Make what is not there, without taking over what is."""

    manifest: Manifest


@dataclass(frozen=True, slots=True)
class Apply:
    """Server-side apply: our fields as given, everybody else's left alone."""

    manifest: Manifest


@dataclass(frozen=True, slots=True)
class Delete:
    """Remove one object, identified by uid: never a namesake made meanwhile."""

    key: Key
    uid: str


Action = Create | Apply | Delete
_LEAVES: Final = frozenset({str, bool, int})


def plan(
    observed: Iterable[Manifest], desired: Sequence[Desired], *, keep: Collection[str] = frozenset()
) -> tuple[Action, ...]:
    """What makes `desired` true, in its order; then deletions, in reverse order of observation.

    `observed` must hold only objects we own: whatever is not desired is deleted, but for kinds in `keep` (old ConfigMaps
    stay until the new workload runs: pods of the old one still mount them). Objects as they should be cost no write.
    """
    present = {key_of(manifest): manifest for manifest in observed}
    actions: list[Action] = []
    for wanted in desired:
        found = present.get(key_of(wanted.manifest))
        if wanted.once:
            if found is None:
                actions.append(Create(wanted.manifest))
        elif found is None or not holds(found, wanted.manifest):
            actions.append(Apply(_alone(found, wanted.manifest)))
        elif found["kind"] in _EXACT and not exactly(found.get("spec"), wanted.manifest.get("spec")):
            actions.append(Apply(_alone(found, wanted.manifest)))
    wanted_keys = {key_of(wanted.manifest) for wanted in desired}
    for key, manifest in reversed(present.items()):
        doomed = "deletionTimestamp" in manifest["metadata"]
        if key not in wanted_keys and key.kind not in keep and not doomed:
            actions.append(Delete(key, manifest["metadata"]["uid"]))
    return tuple(actions)


def _alone(observed: Manifest | None, wanted: Manifest) -> Manifest:
    """What to apply, where nobody else's field may stay: one that is not ours is named as null, and so taken away.

    Further down there is none to name: peers, ports and selectors are replaced whole (listType and structType atomic).
    """
    if observed is None or observed["kind"] not in _EXACT:
        return wanted
    spec = wanted.get("spec") or {}
    foreign = {name: None for name in observed.get("spec") or {} if name not in spec}
    return {**wanted, "spec": {**spec, **foreign}} if foreign else wanted


def exactly(observed: Any, desired: Any) -> bool:
    """Whether `observed` says what `desired` does and nothing more. The server drops empty lists of `desired`."""
    if observed == desired:
        return True
    if isinstance(observed, dict) and isinstance(desired, dict):
        names = observed.keys() | desired.keys()
        return all(exactly(observed.get(name), desired.get(name)) for name in names)
    if isinstance(observed, list | tuple) and isinstance(desired, list | tuple):
        pairs = zip(observed, desired, strict=False)
        return len(observed) == len(desired) and all(exactly(one, value) for one, value in pairs)
    return observed in (None, []) and desired in (None, [])


def holds(observed: Any, desired: Any) -> bool:
    """Whether every field of `desired` stands in `observed`: fields the server or others added do not matter.

    Lists must agree item by item. An empty value equals a missing one, because the server drops some empty values.
    """
    # Loops and not generators: a thousand deployments ask this a million times.
    if isinstance(desired, dict):
        if observed is None:
            return not desired
        if not isinstance(observed, dict):
            return False
        for name, value in desired.items():
            found = observed.get(name)
            kind = type(value)
            if not ((kind in _LEAVES and kind is type(found) and found == value) or holds(found, value)):
                return False
        return True
    if isinstance(desired, list | tuple):
        found = observed or []
        if not isinstance(found, list | tuple) or len(found) != len(desired):
            return False
        for one, value in zip(found, desired, strict=True):
            if not holds(one, value):
                return False
        return True
    if observed is None:
        return desired in (None, "", False, 0)
    return bool(observed == desired) and isinstance(observed, bool) == isinstance(desired, bool)
