"""How deployments stand: one row each, or one in full with its conditions, versions, window and feed.

FDEDeployment, TelemetryFeeds of its namespace -> Standing -> table or JSON
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import msgspec

from fde_operator.cluster import Manifest


class Told(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """A condition as its object says it. `stale`: said of an earlier generation than the one that stands there."""

    type: str
    status: str
    reason: str
    message: str = ""
    since: str = ""
    stale: bool = False


class Standing(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One FDEDeployment. `feed`: name and state of the TelemetryFeed in use; None when this person sees none."""

    namespace: str
    name: str
    primitive: str
    asked: str
    runs: str | None
    available: str | None
    policy: str
    phase: str
    ready: str
    reason: str
    next_window: str | None
    feed: str | None
    conditions: tuple[Told, ...]


def conditions(manifest: Manifest) -> tuple[Told, ...]:
    """All of them, in the order they stand there."""
    generation = manifest["metadata"].get("generation", 0)
    return tuple(
        Told(
            type=one["type"],
            status=one["status"],
            reason=one.get("reason", ""),
            message=one.get("message", ""),
            since=one.get("lastTransitionTime", ""),
            stale=one.get("observedGeneration", generation) < generation,
        )
        for one in manifest.get("status", {}).get("conditions", ())
    )


def standing(deployment: Manifest, feeds: Iterable[Manifest]) -> Standing:
    """`feeds`: of the deployment's namespace."""
    spec, status, metadata = deployment["spec"], deployment.get("status", {}), deployment["metadata"]
    told = conditions(deployment)
    ready = next((one for one in told if one.type == "Ready"), None)
    lifecycle = spec.get("lifecycle", {})
    return Standing(
        namespace=metadata.get("namespace", ""),
        name=metadata["name"],
        primitive=spec["primitiveRef"]["name"],
        asked=spec["primitiveRef"]["version"],
        runs=status.get("resolvedVersion"),
        available=status.get("availableVersion"),
        policy=lifecycle.get("autoUpdatePolicy", "none"),
        phase=lifecycle.get("phase", ""),
        ready="Unknown" if ready is None or ready.stale else ready.status,
        reason="NotSeenYet" if ready is None or ready.stale else ready.reason,
        next_window=status.get("nextWindow"),
        feed=_feed(metadata["name"], feeds),
        conditions=told,
    )


def _feed(deployment: str, feeds: Iterable[Manifest]) -> str | None:
    mine = [one for one in feeds if one["spec"].get("deploymentRef", {}).get("name") == deployment]
    if not mine:
        return None
    first = min(mine, key=lambda one: str(one["metadata"]["name"]))
    ready = next((one for one in conditions(first) if one.type == "Ready"), None)
    switch = first["spec"].get("egress", {}).get("state", "on")
    said = "NotSeenYet" if ready is None else ready.reason if ready.status != "True" else "Ready"
    return f"{first['metadata']['name']}: {said}" + ("" if switch == "on" else f", egress {switch}")


COLUMNS: Final[Mapping[str, str]] = {
    "NAMESPACE": "namespace",
    "NAME": "name",
    "PRIMITIVE": "primitive",
    "RUNS": "runs",
    "AVAILABLE": "available",
    "READY": "ready",
    "REASON": "reason",
    "NEXT WINDOW": "next_window",
    "FEED": "feed",
}


def table(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Columns as wide as what they hold, an empty cell as a dash."""
    cells = [tuple(header), *(tuple("-" if cell in (None, "") else str(cell) for cell in row) for row in rows)]
    widths = [max(len(row[n]) for row in cells) for n in range(len(header))]
    return "\n".join(
        "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip() for row in cells
    )


def overview(found: Iterable[Standing]) -> str:
    """The table of several."""
    return table(tuple(COLUMNS), ([getattr(one, name) for name in COLUMNS.values()] for one in found))


def detail(one: Standing) -> str:
    """One in full."""
    lines = [
        f"{one.namespace}/{one.name}: {one.primitive}, {one.phase}",
        f"  version      runs {one.runs or 'nothing yet'}, asked for {one.asked}, policy {one.policy}"
        + (f", {one.available} is available" if one.available else ""),
        f"  next window  {one.next_window or '-'}",
        f"  feed         {one.feed or '-'}",
        "",
    ]
    rows = [
        (told.type, told.status + (" (of an earlier generation)" if told.stale else ""), told.reason, told.message)
        for told in one.conditions
    ]
    return "\n".join(lines) + (
        table(("CONDITION", "STATUS", "REASON", "MESSAGE"), rows) if rows else "No conditions yet."
    )
