"""How much of a deployment may be evicted at a time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fde_operator.cluster import Manifest
from fde_operator.labels import selector


def budget(deployment: str, metadata: Mapping[str, Any]) -> Manifest:
    """A PodDisruptionBudget for the pods of the deployment of this name: one at a time.

    Not minAvailable: with one replica that would keep its node from ever being drained. So one pod alone may be evicted, and
    the new one is made elsewhere; of several only one is. A pod that is not healthy serves nobody and never holds a drain up.
    """
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": dict(metadata),
        "spec": {
            "maxUnavailable": 1,
            "selector": {"matchLabels": selector(deployment)},
            "unhealthyPodEvictionPolicy": "AlwaysAllow",
        },
    }
