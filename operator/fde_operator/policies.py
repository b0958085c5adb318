"""The admission policies that make an approval worth something. Publishing stops while one is missing or weakened."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from fde_operator.cluster import Cluster, Manifest
from fde_operator.install import manifests
from fde_operator.key import Key
from fde_operator.plan import holds

GUARDS: Final = ("patterncandidate-author.fde.io", "patterncandidate-edit.fde.io", "patterncandidate-review.fde.io")
_KINDS: Final = ("ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding")


async def gaps(cluster: Cluster) -> list[str]:
    """What is wrong with the guards, as sentences; empty when they stand as shipped."""
    shipped = {(m["kind"], m["metadata"]["name"]): m for m in manifests("policies") if m["kind"] in _KINDS}
    found: list[str] = []
    for kind in _KINDS:
        for name in GUARDS:
            found += weakness(shipped[kind, name], await cluster.get(Key(kind, "", name)))
    return found


def weakness(shipped: Manifest, observed: Mapping[str, object] | None) -> Sequence[str]:
    """One sentence if `observed` is missing or is not what was shipped. Fields that the server added do not matter."""
    title = f"{shipped['kind']} {shipped['metadata']['name']}"
    if observed is None:
        return [f"{title} is missing"]
    if not holds(observed.get("spec"), shipped["spec"]):
        return [f"{title} differs from the one shipped with this operator"]
    return []
