"""Maturity: how far a version has come, and whether a deployment may be moved onto it by itself.

A version that a person names in a spec runs, whatever its maturity. These rules are about automatic updates alone.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from fde_operator.cluster import Manifest

EXPERIMENTAL: Final = "experimental"
BETA: Final = "beta"
PRODUCTION: Final = "production"
DEPRECATED: Final = "deprecated"
LEVELS: Final = (EXPERIMENTAL, BETA, PRODUCTION)  # in the order of promotion; a deprecated version has left it
DEPRECATION: Final = "fde.io/deprecated"  # an annotation of a DeploymentPrimitive; its value says why
SUCCESSOR: Final = "fde.io/superseded-by"  # <primitive>.<vX.Y.Z>, or a version alone: of the same primitive


def rank(maturity: str) -> int:
    """0 for experimental, 1 for beta, 2 for production; below all of them for deprecated, and for what nobody knows."""
    return LEVELS.index(maturity) if maturity in LEVELS else -1


def lowest(granted: Iterable[str]) -> str:
    """What a version is when several libraries grade it; experimental when none does."""
    return min(granted, key=rank, default=EXPERIMENTAL)


def deprecation(primitive: Manifest) -> str | None:
    """Why this version is deprecated, as its annotation says, at most 512 characters; None when it is not."""
    said = (primitive["metadata"].get("annotations") or {}).get(DEPRECATION)
    return None if said is None else said.strip()[:512] or "no reason was given"


def maturity_of(primitive: Manifest) -> str:
    """What the version's status says; a deprecation counts at once, before the status says so."""
    if deprecation(primitive) is not None:
        return DEPRECATED
    return str(primitive.get("status", {}).get("maturity", EXPERIMENTAL))


def unusable(target: Manifest, running: Manifest | None, *, phase: str = PRODUCTION) -> str | None:
    """Why a deployment in `phase` must not be updated to `target` by itself; None when it may.

    Never onto a deprecated version. In phase production only onto production grade. In phase development onto any: that is
    where a new version earns its numbers. In between onto one at least as mature as the version `running` now (None: the
    version its spec names is not published; then any that is not deprecated). Off a deprecated version any other is a way.
    """
    name, reached = target["metadata"]["name"], maturity_of(target)
    if reached == DEPRECATED:
        return f"{name} is deprecated: {deprecation(target) or 'its status says so'}"
    if phase == PRODUCTION:
        told = f"{name} is {reached}, and in phase production only what is of production grade is taken by itself"
        return None if reached == PRODUCTION else told
    if phase == "development" or running is None:
        return None
    held = maturity_of(running)
    if rank(reached) < rank(held):
        return f"{name} is {reached}, and {running['metadata']['name']}, which runs now, is {held}: it is not taken before its gates are met"
    return None
