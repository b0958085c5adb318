"""PatternLibrary: a selection of primitives, the gates that their versions pass, and where each version stands."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from fde_api.meta import Condition, Metadata, Part, Time
from fde_api.primitive import Maturity

Rate = Annotated[float, msgspec.Meta(ge=0, le=1)]
Duration = Annotated[str, msgspec.Meta(pattern=r"^[0-9]{1,6}(s|m|h|d)$", max_length=16)]
Customers = Annotated[int, msgspec.Meta(ge=0, le=1000)]
Attempts = Annotated[int, msgspec.Meta(ge=1, le=100)]


class Selector(Part, frozen=True, kw_only=True):
    """Which primitives a library holds: those of the domain that carry all of the tags. Neither given: all."""

    domain: Annotated[str, msgspec.Meta(max_length=63)] | None = None
    tags: Annotated[tuple[Annotated[str, msgspec.Meta(max_length=63)], ...], msgspec.Meta(max_length=32)] = ()


class BetaGate(Part, frozen=True, kw_only=True):
    """What a version must have shown to be beta."""

    min_success_rate: Rate = 0.95
    max_deploy_time: Duration = "24h"
    min_usage_count: Customers = 3


class ProductionGate(Part, frozen=True, kw_only=True):
    """What a version must have shown to be production; at least as strict as beta."""

    min_success_rate: Rate = 0.99
    max_deploy_time: Duration = "8h"
    min_usage_count: Customers = 10


Gate = BetaGate | ProductionGate


class Gates(Part, frozen=True, kw_only=True):
    """The two promotions."""

    beta: BetaGate = BetaGate()
    production: ProductionGate = ProductionGate()


class Demotion(Part, frozen=True, kw_only=True):
    """When a version loses what it had: when its last attempts miss the gate of its own level by more than a tolerance."""

    attempts: Attempts = 20
    min_attempts: Attempts = 5
    tolerance: Rate = 0.05


class PatternLibrarySpec(Part, frozen=True, kw_only=True):
    """A selection of primitives and the gates they pass."""

    selector: Selector = Selector()
    gates: Gates = Gates()
    demotion: Demotion = Demotion()


class LibraryEntry(Part, frozen=True, kw_only=True):
    """One version: how mature this library holds it to be, the numbers, and what it lacks for the next level."""

    name: str
    version: str
    maturity: Maturity
    since: Time
    reason: str
    attempts: int = 0
    pending: int = 0
    usage_count: int = 0
    success_rate: float | None = None
    deploy_seconds: int | None = None
    lacks: tuple[str, ...] = ()


class Counts(Part, frozen=True, kw_only=True):
    """How many versions stand at each level."""

    experimental: int = 0
    beta: int = 0
    production: int = 0
    deprecated: int = 0


class PatternLibraryStatus(Part, frozen=True, kw_only=True):
    """Written by the operator."""

    observed_generation: int = 0
    conditions: tuple[Condition, ...] = ()
    counts: Counts = Counts()
    entries: tuple[LibraryEntry, ...] = ()


class PatternLibrary(Part, frozen=True, kw_only=True):
    """Cluster-scoped. Grades the versions of the primitives it selects by how their deployments went."""

    metadata: Metadata
    spec: PatternLibrarySpec
    api_version: Literal["fde.io/v1"] = "fde.io/v1"
    kind: Literal["PatternLibrary"] = "PatternLibrary"
    status: PatternLibraryStatus | None = None
