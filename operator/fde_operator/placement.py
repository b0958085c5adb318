"""Placement: on which nodes a deployment's pods may run, by data residency and network zone.

environment, landscape -> required node affinity. A pod that no node may take waits: data never goes where it must not.
"""

from __future__ import annotations

from typing import Final

from fde_api.deployment import Environment
from fde_operator.cluster import Manifest
from fde_operator.errors import Held
from fde_operator.labels import is_label
from fde_operator.landscape import Landscape

REGION: Final = "topology.kubernetes.io/region"
RESIDENCY: Final = "fde.io/data-residency"
ZONE: Final = "fde.io/network-zone"


def affinity(environment: Environment, landscape: Landscape) -> Manifest | None:
    """spec.affinity of the pods, or None when every node will do.

    A residency is met by a node in one of its regions, and by one that is labelled with the residency itself: clusters of
    one's own often have no regions.
    """
    zone = [_in(ZONE, [environment.network_zone])] if landscape.zoned_nodes else []
    terms = [zone] if zone else []
    if (residency := environment.data_residency) is not None:
        if not is_label(residency):
            raise Held(
                "ResidencyInvalid",
                f"environment.dataResidency {residency!r} cannot be a node's label: letters, digits, '-', '_' and '.', at most 63",
            )
        regions = landscape.regions.get(residency, (residency,))
        terms = [[_in(REGION, regions), *zone], [_in(RESIDENCY, [residency]), *zone]]
    if not terms:
        return None
    required = {"nodeSelectorTerms": [{"matchExpressions": expressions} for expressions in terms]}
    return {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": required}}


def _in(label: str, values: tuple[str, ...] | list[str]) -> Manifest:
    return {"key": label, "operator": "In", "values": list(values)}
