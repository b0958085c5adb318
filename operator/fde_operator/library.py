"""PatternLibrary: grades every version that it selects, and says of each why it is where it is and what it lacks.

DeploymentPrimitives (record) -> grade() -> status.entries; their maturity is written by fde_operator.usage, from all libraries

The level that an entry says is this library's own; it is what the next grading starts from. Numbers come from the record in
each version's status, so that nothing here depends on which deployments are still there.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

import msgspec

from fde_api.library import PatternLibrarySpec
from fde_operator.cluster import Cluster, Manifest
from fde_operator.conditions import Condition, condition, status_patch
from fde_operator.gates import Grade, Numbers, grade
from fde_operator.key import Key
from fde_operator.maturity import DEPRECATED, EXPERIMENTAL, LEVELS, deprecation, maturity_of
from fde_operator.record import recorded, sample
from fde_operator.usage import granted, selects
from fde_operator.version import released

_BEGINNING: Final = "every version begins as experimental"
_MOST: Final = 2000  # entries of a status: an object may not be larger than 1.5 MB


async def reconcile(cluster: Cluster, key: Key, *, now: str) -> float | None:
    """Grade what the library selects. `now`: RFC 3339. Returns None: the next event, for nothing here moves by the clock."""
    raw = await cluster.get(key)
    if raw is None or raw["metadata"].get("deletionTimestamp"):
        return None
    status = {name: raw.get("status", {}).get(name) for name in ("counts", "entries")}
    try:
        spec = msgspec.convert(raw["spec"], PatternLibrarySpec)
    except msgspec.ValidationError as error:
        conditions = _conditions(False, "SpecInvalid", f"the stored spec is off schema: {error}")
    else:
        held = [one for one in await cluster.list("DeploymentPrimitive") if _is_held(raw, one)]
        held.sort(key=_newest_last, reverse=True)
        held.sort(key=lambda one: str(one["spec"]["primitiveName"]))
        before = {(one["name"], one["version"]): one for one in raw.get("status", {}).get("entries") or ()}
        entries = [_entry(spec, one, before.get(_identity(one)), now) for one in held[:_MOST]]
        counts = Counter(entry["maturity"] for entry in entries)
        status = {"counts": {level: counts[level] for level in (*LEVELS, DEPRECATED)}, "entries": entries or None}
        conditions = _conditions(True, *_said(spec, len(held), counts))
    patch = status_patch(raw, conditions, status, now=now)
    if patch is not None:
        await cluster.apply_status(patch)
    return None


async def due(cluster: Cluster) -> list[Key]:
    """What a change of a record, of a deprecation or of a library makes due: every library, and each version whose
    maturity is not what the libraries say. The two settle each other: a version that is as they say is not in it."""
    libraries = await cluster.list("PatternLibrary")
    primitives = await cluster.list("DeploymentPrimitive")
    misgraded = [
        one
        for one in primitives
        if deprecation(one) is None and maturity_of(one) != granted(one, libraries) and _is_alive(one)
    ]
    return [
        *(Key("PatternLibrary", "", one["metadata"]["name"]) for one in libraries),
        *(Key("DeploymentPrimitive", "", one["metadata"]["name"]) for one in misgraded),
    ]


def _is_alive(primitive: Manifest) -> bool:
    return "deletionTimestamp" not in primitive["metadata"]


def _is_held(library: Manifest, primitive: Manifest) -> bool:
    return _is_alive(primitive) and selects(library, primitive)


def _identity(primitive: Manifest) -> tuple[str, str]:
    return str(primitive["spec"]["primitiveName"]), str(primitive["spec"]["version"])


def _newest_last(primitive: Manifest) -> tuple[tuple[int, ...], bool, str]:
    """In order of versions; a pre-release stands before its release."""
    version = str(primitive["spec"]["version"])
    base, _, pre = version.partition("-")
    return released(base) or (), not pre, pre


def _entry(spec: PatternLibrarySpec, primitive: Manifest, before: Manifest | None, now: str) -> dict[str, Any]:
    """Every field that has a default is named: the server would fill it in, and the two would never be the same."""
    name, version = _identity(primitive)
    usage = primitive.get("status", {}).get("usage") or {}
    outcomes = recorded(primitive)
    numbers = Numbers(
        overall=sample(outcomes), recent=sample(outcomes[: spec.demotion.attempts]), customers=usage.get("customers", 0)
    )
    found = _graded(spec, primitive, numbers, before)
    moved = before is None or before["maturity"] != found.maturity
    entry: dict[str, Any] = {
        "name": name,
        "version": version,
        "maturity": found.maturity,
        "since": now if before is None or moved else before["since"],
        "reason": found.reason if before is None or moved or found.maturity == DEPRECATED else before["reason"],
        "attempts": numbers.overall.attempts,
        "pending": usage.get("pending", 0),
        "usageCount": numbers.customers,
    }
    if numbers.overall.rate is not None:
        entry["successRate"] = round(numbers.overall.rate, 4)
    if numbers.overall.deploy_s is not None:
        entry["deploySeconds"] = numbers.overall.deploy_s
    if found.lacks:
        entry["lacks"] = list(found.lacks)
    return entry


def _graded(spec: PatternLibrarySpec, primitive: Manifest, numbers: Numbers, before: Manifest | None) -> Grade:
    why = deprecation(primitive)
    if why is not None:
        return Grade(DEPRECATED, f"deprecated: {why}", ())
    level = EXPERIMENTAL if before is None else str(before["maturity"])
    found = grade(spec, numbers, level)
    return Grade(found.maturity, found.reason or _BEGINNING, found.lacks)


def _said(spec: PatternLibrarySpec, held: int, counts: Counter[str]) -> tuple[str, str]:
    if not held:
        wanted = [f"domain {spec.selector.domain}"] * (spec.selector.domain is not None)
        wanted += [f"tags {', '.join(spec.selector.tags)}"] * bool(spec.selector.tags)
        what = f" of {' and '.join(wanted)}" if wanted else ""
        return "Empty", f"no published primitive{what}; `kubectl get dprim` lists what there is"
    told = ", ".join(f"{counts[level]} {level}" for level in (*reversed(LEVELS), DEPRECATED) if counts[level])
    if held > _MOST:
        return "Truncated", f"{told}; {held - _MOST} more are not graded: narrow spec.selector, or make two libraries"
    return "Graded", told


def _conditions(well: bool, reason: str, message: str) -> Sequence[Condition]:
    return (
        condition("Ready", well, reason, message),
        condition("Reconciling", False, reason),
        condition("Stalled", not well, reason, "" if well else message),
    )
