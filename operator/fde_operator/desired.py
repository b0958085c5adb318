"""What should exist for one FDEDeployment: every object, in the order to make it. Pure.

FDEDeployment, primitive, feeds, customer, settings -> desired() -> plan()
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any, Final

import msgspec

from fde_api.deployment import FDEDeployment, SecretKeyRef, TelemetryFeed
from fde_api.primitive import DeploymentPrimitive, PrimitiveSpec
from fde_operator import compliance, disruption, external_secret, isolation, job, labels, telemetry
from fde_operator.cluster import Cluster, Manifest
from fde_operator.errors import Held
from fde_operator.files import config_map, digest_suffix, rendered
from fde_operator.isolation import Reach
from fde_operator.parameters import Values, alone, refused, values_of
from fde_operator.plan import Desired
from fde_operator.rollout import same
from fde_operator.settings import OperatorSettings
from fde_operator.surroundings import WORKLOADS
from fde_operator.workload import Parts, workload

OWNED_KINDS: Final = (
    "ServiceAccount",
    "NetworkPolicy",
    "PodDisruptionBudget",
    "ConfigMap",
    "Deployment",
    "CronJob",
    "Job",
)
KEPT_KINDS: Final = frozenset({"ConfigMap", external_secret.KIND})  # until no pod mounts them any more


def desired(
    deployment: FDEDeployment,
    primitive: DeploymentPrimitive,
    feeds: Sequence[TelemetryFeed],
    customer: str,
    settings: OperatorSettings,
    *,
    namesake: Manifest | None = None,
) -> tuple[list[Desired], Parts]:
    """Everything that should exist, in the order to make it. Pure; :class:`Held` says why it cannot.

    `namesake`: without `feeds`, the feed that has the default one's name: there is none to be made beside it.
    """
    spec = primitive.spec
    applies = compliance.applied(spec.compliance, deployment.spec.environment.compliance_requirements)
    parts = _parts(deployment, spec, feeds, customer, settings, applies)
    if not feeds and (whose := telemetry.taken(deployment, namesake)):
        # Nobody has said what may leave: all is held, and there is no login, least of all the other feed's.
        parts = replace(parts, feed=telemetry.holding(parts.feed), feed_taken=whose)
        settings = msgspec.structs.replace(settings, kafka_users=False)
    name = deployment.metadata.name

    def child(child_name: str) -> dict[str, Any]:
        return labels.metadata(deployment, child_name, customer=customer, version=spec.version, compliance=applies)

    document = {"feed.yaml": telemetry.feed_document(parts.feed)}
    found = [
        Desired(isolation.service_account(child(name), settings.landscape.image_pull_secrets)),
        Desired(isolation.network_policy(name, parts.reach, settings, child(name))),
        Desired(config_map(parts.feed_config, document, child(parts.feed_config), immutable=False)),
    ]
    if not feeds and namesake is None:
        made = telemetry.default_feed(deployment)
        found.append(Desired({**made, "metadata": labels.lasting(child(made["metadata"]["name"]))}, once=True))
    if parts.files_config:
        found.append(Desired(config_map(parts.files_config, parts.files.plain, child(parts.files_config))))
    if parts.job_config:
        found.append(Desired(config_map(parts.job_config, parts.files.job, child(parts.job_config))))
    if parts.external:
        store = settings.landscape.external_secrets
        found.append(Desired(external_secret.manifest(parts.values.outside, store, child(parts.external))))
    runs = spec.runtime.workload
    if runs is not None and runs.kind == "Deployment":
        found.append(Desired(disruption.budget(name, child(name))))
    found.append(Desired(workload(parts, settings, child(name))))
    return found, parts


def _parts(
    deployment: FDEDeployment,
    spec: PrimitiveSpec,
    feeds: Sequence[TelemetryFeed],
    customer: str,
    settings: OperatorSettings,
    applies: compliance.Applied,
) -> Parts:
    runs, security = spec.runtime.workload, spec.runtime.security_context
    name, namespace = deployment.metadata.name, deployment.metadata.namespace or ""
    store = security.secrets_store
    values = values_of(
        deployment.spec.parameters, spec.parameters, spec.template, runs, namespace=namespace, store=store
    )
    for parameter, ref in values.secrets.items():
        if ref.name == settings.telemetry_secret or ref.name.startswith(telemetry.secret_name("")):
            raise refused([f"parameter {parameter}: Secret {ref.name} is the sidecar's own; name one of yours"])
    external = None
    if values.outside and store == "external-secrets":
        external = external_secret.name_of(name, values.outside, settings.landscape.external_secrets)
        values = replace(values, secrets={one: SecretKeyRef(name=external, key=one) for one in values.outside})
    files = rendered(spec, values, _environment(spec, values) if store == "vault" else {})
    feed = feeds[0] if feeds else msgspec.convert(telemetry.default_feed(deployment), TelemetryFeed)
    zone = deployment.spec.environment.network_zone
    injected = bool(values.outside) and external is None
    if injected and zone == "airgapped":
        raise Held(
            "VaultNotReachable",
            "the primitive's secrets come from Vault, and networkZone airgapped lets a pod reach nothing: take a zone that "
            "does, or a primitive whose secretsStore is kubernetes or external-secrets",
        )
    return Parts(
        deployment=deployment,
        primitive=spec,
        customer=customer,
        values=values,
        files=files,
        feed=feed,
        # No digest: the sidecar reads a changed feed again, and no pod is replaced for it.
        feed_config=f"{name}-feed",
        files_config=f"{name}-files-{digest_suffix(files.plain)}" if files.plain else None,
        job_config=f"{name}-job-{digest_suffix(files.job)}" if files.job else None,
        compliance=applies,
        reach=Reach(namespace, zone, security.network_policy == "open", feed.spec.sink.bootstrap_servers, injected),
        external=external,
    )


def _environment(spec: PrimitiveSpec, values: Values) -> dict[str, str]:
    """Of the env variables that are a secret of Vault's: from which parameter the pod writes them."""
    runs = spec.runtime.workload
    if runs is None:
        return {}
    found = {variable.name: one for variable in runs.env if (one := alone(variable)) in values.outside and one}
    if found and telemetry.interpreter(runs.command) is None:
        raise Held(
            "SecretsStoreUnsupported",
            f"env {', '.join(found)}: a secret of Vault's gets into the environment by the wrapper, which needs an app that "
            "starts with Python. Have the app read the secret from a file of the template, or take secretsStore external-secrets",
        )
    return found


async def owned(
    cluster: Cluster, deployment: FDEDeployment, objects: Sequence[Desired], completed: job.Completed | None = None
) -> list[Manifest]:
    """What there is of ours: found by label, a Job by its name too, and ours for sure by the owner's uid.

    A kind that not every cluster has is asked for where `objects` or the inventory names it; :class:`Held` when it is missing
    and needed. A Job by its name is a call to the API server: one that is done, `completed`, and was gone already is not asked
    for at every look.
    """
    wanted = {one.manifest["kind"] for one in objects}
    stood = {(one.kind, one.name) for one in deployment.status.inventory} if deployment.status else set()
    found: list[Manifest] = []
    for kind in OWNED_KINDS:
        mine = labels.selector(deployment.metadata.name)
        found += await cluster.list(kind, namespace=deployment.metadata.namespace or "", labels=mine)
    if external_secret.KIND in wanted:
        found += await external_secret.listed(cluster, deployment)
    elif external_secret.KIND in {kind for kind, _ in stood}:
        try:
            found += await external_secret.listed(cluster, deployment)
        except Held:  # the kind has gone, and with it what was of it
            pass
    for one in objects:
        # One that lost its label would be made anew by an apply, and its pod cannot be changed: see fde_operator.job.
        if one.manifest["kind"] == job.KIND and same(one.manifest, found) is None:
            name = str(one.manifest["metadata"]["name"])
            if job.done(one.manifest, completed) and (job.KIND, name) not in stood:
                continue
            its = {"metadata.name": name}
            found += await cluster.list(job.KIND, namespace=deployment.metadata.namespace or "", fields=its)
    return _its(deployment, found)


async def workloads(cluster: Cluster, deployment: FDEDeployment) -> list[Manifest]:
    """Of what is ours what runs pods: kinds that every cluster has, and that an operator asks its own memory for."""
    found: list[Manifest] = []
    for kind in WORKLOADS:
        mine = labels.selector(deployment.metadata.name)
        found += await cluster.list(kind, namespace=deployment.metadata.namespace or "", labels=mine)
    return _its(deployment, found)


def _its(deployment: FDEDeployment, found: Iterable[Manifest]) -> list[Manifest]:
    uid = deployment.metadata.uid
    return [one for one in found if any(owner["uid"] == uid for owner in one["metadata"].get("ownerReferences", ()))]


def inventory(objects: Sequence[Desired], parts: Parts, observed: Iterable[Manifest] = ()) -> list[dict[str, str]]:
    """What was made for the deployment, and the feed in use, whoever made it.

    Of `observed` what is of a kind that is looked for only where it is named here: until it has gone, it is not forgotten.
    """
    made = [one.manifest for one in objects if not one.once]
    made += [one for one in observed if one["kind"] == external_secret.KIND]
    named = [(one["kind"], str(one["metadata"]["name"])) for one in made]
    if not parts.feed_taken:
        named.append(("TelemetryFeed", parts.feed.metadata.name))
    return [{"kind": kind, "name": name} for kind, name in dict.fromkeys(named)]
