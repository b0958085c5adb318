"""Versions of a primitive: which are published for a customer, and which of them a policy allows. Pure.

DeploymentPrimitives as read -> published() -> within() -> fde_operator.update, which decides
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

from fde_operator.cluster import Manifest
from fde_operator.maturity import DEPRECATED, maturity_of

_SEMVER: Final = re.compile(r"v(\d+)\.(\d+)\.(\d+)(-.+)?", re.ASCII)
Policy = Literal["none", "patch-only", "minor"]
# How many numbers of the version a spec names stay as they are.
_FIXED: Final[Mapping[Policy, int]] = {"none": 3, "patch-only": 2, "minor": 1}


class Version(NamedTuple):
    """Major, minor, patch. Ordered. Pre-releases have no Version: nobody is moved onto one."""

    major: int
    minor: int
    patch: int


@dataclass(frozen=True, slots=True)
class Published:
    """One version that this customer may use. `manifest` as read: its template is not looked at here."""

    name: str
    version: Version | None
    manifest: Manifest


def released(text: str) -> Version | None:
    """The version, or None for a pre-release or anything else."""
    found = _SEMVER.fullmatch(text)
    if found is None or found.group(4):
        return None
    return Version(int(found[1]), int(found[2]), int(found[3]))


def published(found: Iterable[Manifest], pseudonym: str) -> dict[str, Published]:
    """By version (``vX.Y.Z``), what there is for the customer of that pseudonym; what is being deleted is gone."""
    versions = {}
    for manifest in found:
        spec = manifest["spec"]
        visible_to = spec.get("provenance", {}).get("visibleTo") or ()
        if "deletionTimestamp" in manifest["metadata"] or (visible_to and pseudonym not in visible_to):
            continue
        name = str(spec["version"])
        versions[name] = Published(name, released(name), manifest)
    return versions


def within(versions: Iterable[Published], asked: str, policy: Policy) -> list[Published]:
    """The released versions that `policy` allows for a spec that names `asked`, lowest first.

    ``patch-only``: of the same minor version, ``minor``: of the same major one; never below `asked`. None of ``none``, and
    none for a spec that names a pre-release: whoever asks for one gets that one.
    """
    wanted, fixed = released(asked), _FIXED[policy]
    if wanted is None or policy == "none":
        return []
    found = [(one.version, one) for one in versions if one.version is not None]
    allowed = [pair for pair in found if pair[0][:fixed] == wanted[:fixed] and pair[0] >= wanted]
    return [one for _, one in sorted(allowed, key=lambda pair: pair[0])]


def above(versions: Iterable[Published], running: str) -> list[Published]:
    """Those higher than `running`; none when that is a pre-release."""
    floor = released(running)
    return [one for one in versions if floor is not None and one.version is not None and one.version > floor]


def below(version: str, other: str | None) -> bool:
    """Whether it is the lower of two releases."""
    one, two = released(version), released(other or "")
    return one is not None and two is not None and one < two


def newest(versions: Iterable[Published], running: str | None) -> str | None:
    """The highest release that is not deprecated, for status.availableVersion; None when `running` is as high."""
    usable = [one for one in versions if one.version is not None and maturity_of(one.manifest) != DEPRECATED]
    best = max(usable, key=lambda one: one.version or Version(0, 0, 0), default=None)
    floor = released(running or "")
    if best is None or best.version is None or (floor is not None and best.version <= floor):
        return None
    return best.name
