"""What should exist for one FDEDeployment: every object, in the order to make it. Pure.

FDEDeployment, primitive, feeds, customer, settings -> desired() -> plan()
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from fde_api.deployment import FDEDeployment, TelemetryFeed
from fde_api.primitive import DeploymentPrimitive
from fde_operator import isolation, labels, telemetry
from fde_operator.files import config_map, digest_suffix, rendered
from fde_operator.parameters import values_of
from fde_operator.plan import Desired
from fde_operator.settings import OperatorSettings
from fde_operator.workload import Parts, workload

OWNED_KINDS: Final = (
    "ServiceAccount",
    "NetworkPolicy",
    "ConfigMap",
    "Deployment",
    "CronJob",
    "Job",
)


def desired(
    deployment: FDEDeployment,
    primitive: DeploymentPrimitive,
    feeds: Sequence[TelemetryFeed],
    customer: str,
    settings: OperatorSettings,
) -> tuple[list[Desired], Parts]:
    """Everything that should exist, in the order to make it. Pure; :class:`Held` says why it cannot."""
    spec = primitive.spec
    runs = spec.runtime.workload
    values = values_of(deployment.spec.parameters, spec.parameters, spec.template, runs)
    files = rendered(spec, values)
    default = msgspec.convert(telemetry.default_feed(deployment), TelemetryFeed)
    feed = feeds[0] if feeds else default
    document = {"feed.yaml": telemetry.feed_document(feed)}
    name = deployment.metadata.name
    feed_config = f"{name}-feed"  # no digest: the sidecar reads a changed feed again, and no pod is replaced for it
    files_config = f"{name}-files-{digest_suffix(files.plain)}" if files.plain else None
    job_config = f"{name}-job-{digest_suffix(files.job)}" if files.job else None
    parts = Parts(deployment, spec, customer, values, files, feed, feed_config, files_config, job_config)

    def child(child_name: str) -> dict[str, Any]:
        return labels.metadata(deployment, child_name, customer=customer, version=spec.version)

    found = [
        Desired(isolation.service_account(child(name))),
        Desired(isolation.network_policy(deployment, spec.runtime.security_context, settings, child(name))),
        Desired(config_map(feed_config, document, child(feed_config), immutable=False)),
    ]
    if not feeds:
        made = telemetry.default_feed(deployment)
        found.append(Desired({**made, "metadata": child(made["metadata"]["name"])}, once=True))
    if files_config:
        found.append(Desired(config_map(files_config, files.plain, child(files_config))))
    if job_config:
        found.append(Desired(config_map(job_config, files.job, child(job_config))))
    found.append(Desired(workload(parts, settings, child(name))))
    return found, parts


def inventory(objects: Sequence[Desired], parts: Parts) -> list[dict[str, str]]:
    """What was made for the deployment, and the feed in use, whoever made it."""
    feed = {"kind": "TelemetryFeed", "name": parts.feed.metadata.name}
    made = [{"kind": o.manifest["kind"], "name": str(o.manifest["metadata"]["name"])} for o in objects if not o.once]
    return [*made, feed]
