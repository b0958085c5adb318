"""Conditions: what the operator says about an object, in the form kstatus and `kubectl wait` read."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

from fde_operator import reconciliation
from fde_operator.cluster import Manifest

Condition = dict[str, Any]


def condition(kind: str, status: bool | None, reason: str, message: str = "") -> Condition:
    """A condition without times; `status` None is Unknown. Messages are cut to what the schema takes."""
    word = "Unknown" if status is None else str(bool(status))
    return {"type": kind, "status": word, "reason": reason, "message": message[:32768]}


# Conditions that are well when they are False, or not there.
TROUBLE_WHEN_TRUE: Final = ("Reconciling", "Stalled", "UpdatePending", "Deprecated", "Error", "Contended")
_CONTENDED: Final = "Contended"
_REPLICAS: Final = "spec.replicas"


def settled(
    previous: Sequence[Condition], current: Iterable[Condition], *, generation: int, now: str
) -> list[Condition]:
    """`current` with observedGeneration and times: lastTransitionTime moves only when the status does."""
    before = {old["type"]: old for old in previous}
    found = []
    for new in current:
        old = before.get(new["type"])
        kept = old is not None and old["status"] == new["status"] and old.get("lastTransitionTime")
        found.append(
            {
                **new,
                "observedGeneration": generation,
                "lastTransitionTime": old["lastTransitionTime"] if old is not None and kept else now,
            }
        )
    return found


def contended(undone: Sequence[str], observed: Manifest) -> Condition:
    """Of an object that is reconciled slowly (fde_operator.object_breaker); it goes with the next calm look.

    `undone`: what this look put back. With nothing of that it says what it said before: the other one may be about to.
    """
    before = next((one for one in observed.get("status", {}).get("conditions", ()) if one["type"] == _CONTENDED), None)
    if not undone and before is not None:
        return condition(_CONTENDED, True, before["reason"], before["message"])
    what = "; ".join(undone) if undone else "what belongs to this object"
    told = (
        f"something else changes as fast as the operator puts it back: {what}. It is put back every 30 s until that ends. "
        "metadata.managedFields of its objects say who writes them"
    )
    if any(one.startswith("Deployment ") and _REPLICAS in one for one in undone):
        told += (
            f". {_REPLICAS}: a primitive runs once, for two would do the same work twice; take away what scales it, such as a "
            "HorizontalPodAutoscaler, and give it a larger resourceProfile"
        )
    return condition(_CONTENDED, True, "FoughtOver", told)


def status_patch(
    observed: Manifest, conditions: Iterable[Condition], status: dict[str, Any], *, now: str
) -> Manifest | None:
    """The body of a status apply, or None when the object says all of it already (so that nothing loops).

    A field of `status` that is None is taken away: with server-side apply, by not naming it again.
    """
    attempt = reconciliation.current()
    if attempt is not None and attempt.contended:
        conditions = [*conditions, contended(attempt.undone, observed)]
    old = observed.get("status", {})
    generation = observed["metadata"].get("generation", 0)
    settled_now = settled(old.get("conditions", ()), conditions, generation=generation, now=now)
    said = {"observedGeneration": generation, "conditions": settled_now, **status}
    if all(old.get(name) == value for name, value in said.items()):
        return None
    wanted = {name: value for name, value in said.items() if value is not None}
    metadata = {name: observed["metadata"][name] for name in ("name", "namespace") if name in observed["metadata"]}
    return {"apiVersion": observed["apiVersion"], "kind": observed["kind"], "metadata": metadata, "status": wanted}
