"""Resource profiles: what small, medium and large mean, and what the sidecar adds.

Sizes are chosen so that no volume's cap can get the pod evicted: the log and spool caps that the programs are told lie below
the volumes' sizeLimit, and those sum to less than the containers' ephemeral-storage limits.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

MIB: Final = 1024 * 1024


def _resources(cpu: tuple[str, str], memory: tuple[str, str], storage: tuple[str, str]) -> dict[str, Any]:
    names = ("cpu", "memory", "ephemeral-storage")
    pairs = (cpu, memory, storage)
    return {
        "requests": {name: pair[0] for name, pair in zip(names, pairs, strict=True)},
        "limits": {name: pair[1] for name, pair in zip(names, pairs, strict=True)},
    }


APP: Final[Mapping[str, dict[str, Any]]] = {
    "small": _resources(("100m", "500m"), ("128Mi", "256Mi"), ("256Mi", "768Mi")),
    "medium": _resources(("250m", "1"), ("256Mi", "1Gi"), ("512Mi", "1Gi")),
    "large": _resources(("1", "4"), ("1Gi", "4Gi"), ("1Gi", "4Gi")),
}
SIDECAR: Final = _resources(("20m", "200m"), ("64Mi", "128Mi"), ("64Mi", "512Mi"))
INIT: Final = _resources(("20m", "500m"), ("64Mi", "256Mi"), ("16Mi", "64Mi"))

# How long a run of a Job or CronJob may take: one that hangs would keep a CronJob from its next run for ever.
RUN_DEADLINE_S: Final[Mapping[str, int]] = {"small": 4 * 3600, "medium": 12 * 3600, "large": 24 * 3600}

POD_GRACE_S: Final = 60  # the app's time and the sidecar's: a native sidecar is asked to end after the app has
SIDECAR_GRACE_S: Final = 20  # for what is not sent yet: an emptyDir goes with its pod; it may take 15 s more to end

SPOOL_LIMIT_MIB: Final = 320  # below the sidecar's own 512Mi
SPOOL_CAP_MIB: Final = 256  # what the sidecar is told; the rest is room for a segment being written
LOG_LIMIT_MIB: Final = 256
LOG_CAP_BYTES: Final = 64 * MIB  # one log file
LOGS_KEPT: Final = 2  # rotated ones, beside the one being written
TMP_LIMIT_MIB: Final = 256
BIN_LIMIT_MIB: Final = 16
