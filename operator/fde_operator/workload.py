"""The workload of one deployment: a Deployment, CronJob or Job around one restricted pod.

fde-tee (init) -> fde-render (init, only where secrets have to be put somewhere) -> fde-sidecar (native sidecar) -> app

Secrets of Vault come by an agent that the injector puts before them all: see :mod:`fde_operator.vault`.
"""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from fde_api.deployment import FDEDeployment, TelemetryFeed
from fde_api.primitive import PrimitiveSpec, Workload
from fde_operator import job as jobs
from fde_operator import telemetry, vault
from fde_operator.cluster import Manifest
from fde_operator.compliance import Applied
from fde_operator.errors import Held
from fde_operator.files import Files, keys
from fde_operator.isolation import Reach
from fde_operator.labels import selector
from fde_operator.parameters import Values, env_entry, filled
from fde_operator.placement import affinity
from fde_operator.profile import APP, INIT, POD_GRACE_S, RUN_DEADLINE_S, TMP_LIMIT_MIB
from fde_operator.schedule import cron
from fde_operator.settings import OperatorSettings

_RENDERER: Final = "fde-render"
_USER: Final = 65532  # "nonroot" of distroless images; images that set no user would run as root, which is refused
_JOB: Final = "/fde/job"
_FILES: Final = "/fde/files"
_SECRETS: Final = "/fde/secrets"
_ENVIRONMENT: Final = "/fde/environment"
# The pod's own folders, and those that a mount over them would take away from it.
_TAKEN: Final = ("/fde", "/tmp", "/proc", "/sys", "/dev", "/etc", "/var/run/secrets")  # noqa: S108


@dataclass(frozen=True, slots=True)
class Parts:
    """All that a workload is made from. Names of ConfigMaps are None where there is nothing to mount."""

    deployment: FDEDeployment
    primitive: PrimitiveSpec
    customer: str
    values: Values
    files: Files
    feed: TelemetryFeed
    feed_config: str
    files_config: str | None
    job_config: str | None
    compliance: Applied
    reach: Reach
    external: str | None = None  # the ExternalSecret
    feed_taken: str = ""  # whose the TelemetryFeed is that has the default feed's name, as a sentence

    @property
    def environment(self) -> Mapping[str, str]:
        """The parameter of each env variable that the renderer has to bring."""
        return self.files.environment

    @property
    def injected(self) -> bool:
        """Whether a Vault Agent brings the secrets."""
        return bool(self.values.outside) and self.external is None


def check_mount(runs: Workload) -> None:
    """:class:`Held` when the files would lie over what the pod itself needs, or its command cannot take what it is given."""
    path = posixpath.normpath(runs.mount_path)
    if path == "/" or any(path == one or path.startswith(f"{one}/") or one.startswith(f"{path}/") for one in _TAKEN):
        raise Held(
            "MountPathTaken",
            f"the primitive's runtime.workload.mountPath {path} is not its own to take: a folder such as /app is",
        )


def paused(deployment: FDEDeployment) -> bool:
    """Nothing runs: suspended by hand, or retired."""
    return deployment.spec.suspend or deployment.spec.lifecycle.phase == "retired"


def workload(parts: Parts, settings: OperatorSettings, metadata: Mapping[str, Any]) -> Manifest:
    """The object that runs the pod. `metadata` is the child's; a Job's name says what it runs: see :mod:`fde_operator.job`."""
    runs = parts.primitive.runtime.workload
    if runs is None:
        raise Held("NotDeployable", "the primitive has no runtime.workload: it is for the library only, instantiate it")
    check_mount(runs)
    template = pod_template(parts, runs, settings, metadata)
    stopped = paused(parts.deployment)
    head = {"metadata": dict(metadata)}
    if runs.kind == "Deployment":
        return {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            **head,
            "spec": {
                "replicas": 0 if stopped else 1,
                "selector": {"matchLabels": selector(parts.deployment.metadata.name)},
                "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}},
                "progressDeadlineSeconds": 600,
                "revisionHistoryLimit": 3,
                "template": template,
            },
        }
    template["spec"]["restartPolicy"] = "OnFailure"
    limit_s = RUN_DEADLINE_S[parts.primitive.runtime.resource_profile]
    job = {"backoffLimit": 3, "activeDeadlineSeconds": limit_s, "template": template}
    if runs.kind == "Job":
        app = jobs.digest(parts.primitive, runs, parts.values, parts.files)
        return {
            "apiVersion": "batch/v1",
            "kind": "Job",
            "metadata": jobs.metadata(metadata, app),
            "spec": {**job, "suspend": stopped},
        }
    schedule = cron(filled(runs.schedule or "", parts.values, where="schedule"))
    zone = parts.deployment.spec.lifecycle.time_zone
    return {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        **head,
        "spec": {
            "schedule": schedule,
            **({"timeZone": zone} if zone else {}),
            "suspend": stopped,
            "concurrencyPolicy": "Forbid",
            "startingDeadlineSeconds": 300,
            "successfulJobsHistoryLimit": 3,
            "failedJobsHistoryLimit": 3,
            "jobTemplate": {"metadata": {"labels": metadata["labels"]}, "spec": job},
        },
    }


def pod_template(
    parts: Parts, runs: Workload, settings: OperatorSettings, metadata: Mapping[str, Any]
) -> dict[str, Any]:
    """The pod, admitted at pod security level restricted."""
    deployment = parts.deployment
    side = telemetry.sidecar(settings, customer=parts.customer, feed=parts.feed)
    init = [telemetry.tee_installer(settings, parts.feed.spec.sidecar.image)]
    if parts.job_config:
        init.append(_renderer(settings, parts))
    spec: dict[str, Any] = {
        "serviceAccountName": deployment.metadata.name,
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": POD_GRACE_S,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": _USER,
            "runAsGroup": _USER,
            "fsGroup": _USER,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "initContainers": [*init, side],
        "containers": [_app(parts, runs)],
        "volumes": [*telemetry.volumes(parts.feed_config, parts.feed, settings), *_file_volumes(parts), *_TMP],
    }
    if (where := affinity(deployment.spec.environment, settings.landscape)) is not None:
        spec["affinity"] = where
    agent: dict[str, str] = {}
    if parts.injected:
        spec["volumes"].append(vault.token_volume(settings.landscape.vault))
        agent = vault.injection(
            parts.values.outside,
            settings.landscape.vault,
            namespace=parts.reach.namespace,
            group=_USER,
            directory=_SECRETS,
            renderer=_RENDERER,
        )
    return {
        "metadata": {
            "labels": dict(metadata["labels"]),
            "annotations": {
                **metadata["annotations"],
                "kubectl.kubernetes.io/default-container": "app",
                "fde.io/files-digest": parts.files.digest,
                **agent,
            },
        },
        "spec": spec,
    }


# One a container: what the app leaves in /tmp is none of the sidecar's business.
_TMP: Final[list[Manifest]] = [
    {"name": "tmp", "emptyDir": {"sizeLimit": f"{TMP_LIMIT_MIB}Mi"}},
    {"name": "fde-sidecar-tmp", "emptyDir": {"sizeLimit": "32Mi"}},
]


def _app(parts: Parts, runs: Workload) -> Manifest:
    # What Vault holds cannot be referred to here: the renderer writes it into memory, and the wrapper puts it in.
    late = parts.environment
    environment = [env_entry(variable, parts.values) for variable in runs.env if variable.name not in late]
    given = {variable.name for variable in runs.env}
    own = {
        "FDE_LOG": telemetry.LOG,
        "PYTHONUNBUFFERED": "1",
        "HOME": "/tmp",  # noqa: S108 - a volume of the pod's own
        **({} if given & telemetry.OTEL.keys() else telemetry.OTEL),
    }
    container: Manifest = {
        "name": "app",
        "image": runs.image,
        "command": telemetry.wrapped(runs.command, environment=_ENVIRONMENT if late else None),
        "workingDir": runs.mount_path,
        "env": environment + [{"name": n, "value": v} for n, v in own.items() if n not in given],
        "resources": APP[parts.primitive.runtime.resource_profile],
        "securityContext": telemetry.CONTAINER_SECURITY,
        "volumeMounts": [
            {"name": "app-files", "mountPath": runs.mount_path, "readOnly": True},
            {"name": "fde-bin", "mountPath": telemetry.BIN, "readOnly": True},
            {"name": "fde-logs", "mountPath": telemetry.LOGS},
            {"name": "tmp", "mountPath": "/tmp"},  # noqa: S108 - a volume of the pod's own
        ],
    }
    if late:
        container["volumeMounts"].append({"name": "fde-environment", "mountPath": _ENVIRONMENT, "readOnly": True})
    return container | ({"args": list(runs.args)} if runs.args else {})


def _renderer(settings: OperatorSettings, parts: Parts) -> Manifest:
    """Renders the files with secrets into memory, and copies the others beside them."""
    command = ["python", "-m", "fde_template.pod", "--job", _JOB, "--secrets", _SECRETS, "--output", "/fde/app"]
    mounts = [
        {"name": "app-files", "mountPath": "/fde/app"},
        {"name": "fde-job", "mountPath": _JOB, "readOnly": True},
    ]
    security: Manifest = dict(telemetry.CONTAINER_SECURITY)
    if (
        parts.injected
    ):  # the injector mounts the secrets; they are its user's alone, and what is rendered the app's group's
        command += ["--group"]
        security |= {"runAsUser": vault.USER, "runAsGroup": _USER}
    else:
        mounts.append({"name": "fde-secrets", "mountPath": _SECRETS, "readOnly": True})
    if parts.environment:
        command += ["--environment", _ENVIRONMENT]
        mounts.append({"name": "fde-environment", "mountPath": _ENVIRONMENT})
    if parts.files_config:
        command += ["--files", _FILES]
        mounts.append({"name": "fde-files", "mountPath": _FILES, "readOnly": True})
    return {
        "name": _RENDERER,
        "image": settings.runtime_image,
        "command": command,
        "env": [{"name": "PYTHONDONTWRITEBYTECODE", "value": "1"}],
        "resources": INIT,
        "securityContext": security,
        "volumeMounts": mounts,
    }


def _file_volumes(parts: Parts) -> list[Manifest]:
    """`app-files` is what the app sees: the ConfigMap itself, or memory that the renderer fills."""
    items = [{"key": key, "path": path} for path, key in keys(parts.files.plain).items()]
    config = {"name": parts.files_config, "items": items, "defaultMode": 0o444}
    if not parts.job_config:
        source: Manifest = {"configMap": config} if parts.files_config else {"emptyDir": {}}
        return [{"name": "app-files", **source}]
    sources = [
        {"secret": {"name": ref.name, "items": [{"key": ref.key, "path": parameter}]}}
        for parameter, ref in sorted(parts.values.secrets.items())
        if parameter in parts.files.secrets
    ]
    found: list[Manifest] = [
        {"name": "app-files", "emptyDir": {"medium": "Memory", "sizeLimit": "16Mi"}},
        {"name": "fde-job", "configMap": {"name": parts.job_config}},
    ]
    if not parts.injected:
        found.append({"name": "fde-secrets", "projected": {"sources": sources, "defaultMode": 0o440}})
    if parts.environment:
        found.append({"name": "fde-environment", "emptyDir": {"medium": "Memory", "sizeLimit": "1Mi"}})
    return [*found, {"name": "fde-files", "configMap": config}] if parts.files_config else found
