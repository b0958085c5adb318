"""The Secret with one feed's Kafka settings: written by the operator, which cannot read it; mounted for the sidecar alone."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from fde_api.meta import API_VERSION
from fde_operator.cluster import Manifest
from fde_operator.labels import OWNED
from fde_operator.settings import MANAGED_BY
from fde_operator.telemetry import KAFKA_CONFIG, secret_name

TYPE: Final = "fde.io/kafka"  # a Secret's type never changes, so nobody else's Secret can be overwritten by ours
FEED: Final = "fde.io/telemetryfeed-uid"  # a name may be longer than a label


def manifest(
    feed: Manifest, settings: bytes | None, *, version: str = "", tags: Mapping[str, str] = MappingProxyType({})
) -> Manifest:
    """The Secret of `feed`, which owns it; without `settings` it is empty, and the sidecar finds none.

    `version`: the resource version that it must still have, empty for any. `tags`: labels of its deployment's compliance; as
    they are when it is written, with a new password only. Later ones would take verb `patch`, whose answer holds the data:
    the right to read every feed's password (docs/decisions/0015).
    """
    metadata = feed["metadata"]
    owner = {
        "apiVersion": API_VERSION,
        "kind": "TelemetryFeed",
        "name": metadata["name"],
        "uid": metadata["uid"],
        "controller": True,
        "blockOwnerDeletion": False,
    }
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": TYPE,
        "metadata": {
            "name": secret_name(metadata["name"]),
            "namespace": metadata["namespace"],
            **({"resourceVersion": version} if version else {}),
            "labels": {OWNED: MANAGED_BY, FEED: metadata["uid"], "app.kubernetes.io/part-of": "fde", **tags},
            "ownerReferences": [owner],
        },
        "data": {} if settings is None else {KAFKA_CONFIG: base64.b64encode(settings).decode()},
    }
