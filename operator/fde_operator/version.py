"""Which version of a primitive a deployment runs. Resolution never rewrites the spec: it is somebody's GitOps source."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final, NamedTuple

from fde_api.deployment import FDEDeploymentSpec

_SEMVER: Final = re.compile(r"v(\d+)\.(\d+)\.(\d+)(-.+)?")


class Version(NamedTuple):
    """Major, minor, patch. Ordered. Pre-releases have no Version: nobody is moved onto one."""

    major: int
    minor: int
    patch: int


def released(text: str) -> Version | None:
    """The version, or None for a pre-release or anything else."""
    found = _SEMVER.fullmatch(text)
    if found is None or found.group(4):
        return None
    return Version(int(found[1]), int(found[2]), int(found[3]))


def resolve(spec: FDEDeploymentSpec, published: Iterable[str]) -> str | None:
    """The version to run out of `published` (`vX.Y.Z` texts), or None when there is none.

    Policy ``none``: exactly the one named. ``patch-only``: the highest patch of the named minor version, ``minor``: the
    highest of the named major version; never below the named one, never a pre-release unless it is the named one.
    """
    names = set(published)
    asked = spec.primitive_ref.version
    wanted = released(asked)
    policy = spec.lifecycle.auto_update_policy
    if policy == "none" or wanted is None:
        return asked if asked in names else None
    fixed = 2 if policy == "patch-only" else 1
    offered = [(version, name) for name in names if (version := released(name)) is not None]
    allowed = [(version, name) for version, name in offered if version[:fixed] == wanted[:fixed] and version >= wanted]
    return max(allowed)[1] if allowed else None


def newest(published: Iterable[str]) -> str | None:
    """The highest released version of all, for status.availableVersion."""
    return max(
        ((version, name) for name in published if (version := released(name)) is not None), default=(None, None)
    )[1]
