"""Undone: what somebody else made of what is ours, in words for who fights over it. Pure.

plan(), observed -> undone() -> fde_operator.reconciliation -> condition Contended
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from fde_operator.cluster import Manifest, key_of
from fde_operator.plan import Action, Apply, holds

_TOLD: Final = 3  # fields of one object


def undone(actions: Iterable[Action], observed: Iterable[Manifest]) -> list[str]:
    """Of each object that is put back what is another one than it should be: ``Deployment sync: spec.replicas``."""
    present = {key_of(one): one for one in observed}
    found: list[str] = []
    for action in actions:
        if not isinstance(action, Apply):
            continue
        key = key_of(action.manifest)
        if (there := present.get(key)) is None:
            found.append(f"{key.kind} {key.name}: it was deleted")
        elif paths := list(_differing(there, action.manifest, ""))[:_TOLD]:
            found.append(f"{key.kind} {key.name}: {', '.join(paths)}")
        else:  # what somebody added
            found.append(f"{key.kind} {key.name}: spec")
    return found


def _differing(observed: Any, desired: Any, path: str) -> Iterator[str]:
    """The fields of `desired` that `observed` has not, as deep as both have the same form. Values are not told."""
    if holds(observed, desired):
        return
    if isinstance(observed, dict) and isinstance(desired, dict):
        for name, value in desired.items():
            yield from _differing(observed.get(name), value, f"{path}.{name}" if path else name)
    elif _are_lists(observed, desired) and len(observed) == len(desired):
        for at, (one, value) in enumerate(zip(observed, desired, strict=True)):
            yield from _differing(one, value, f"{path}[{_named(value, at)}]")
    else:
        yield path


def _are_lists(*found: Any) -> bool:
    return all(isinstance(one, Sequence) and not isinstance(one, str) for one in found)


def _named(value: Any, at: int) -> str:
    return str(value.get("name", at)) if isinstance(value, dict) else str(at)
