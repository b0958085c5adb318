"""The primitive to instantiate: a manifest file, or exactly one version of a library."""

from __future__ import annotations

from pathlib import Path

from fde_api.primitive import DeploymentPrimitive
from fde_events.errors import Misuse
from fde_registry.registry import Registry
from fde_registry.shelf import read


def from_manifest(path: Path) -> DeploymentPrimitive:
    """The primitive in a manifest file. BadInput when it cannot be read, :class:`Misuse` when it is of another kind."""
    resource = read(path)
    if not isinstance(resource, DeploymentPrimitive):
        raise Misuse(f"{path} holds a {resource.kind}, not a DeploymentPrimitive.")
    return resource


def from_library(registry: Registry, reference: str) -> DeploymentPrimitive:
    """``NAME.vX.Y.Z`` exactly, or ``NAME`` when there is but one version. Refused otherwise, naming those there are."""
    name, dot, version = reference.partition(".")
    if dot:
        return registry.primitive(name, version)
    versions = [p for p in registry.primitives() if p.spec.primitive_name == name]
    if len(versions) == 1:
        return versions[0]
    if not versions:
        return registry.primitive(name, "v0.0.0")  # refused, in the registry's own words
    raise Misuse(
        f"{name} has the versions {', '.join(p.spec.version for p in versions)}: say which, e.g. {versions[-1].metadata.name}."
    )
