"""The sidecar's part of a pod: tee installer, sidecar, volumes; and the feed it reads.

app's output -> tee wrapper -> /fde/logs/app.log (shared emptyDir) -> sidecar (native: initContainer, restartPolicy Always)

No probe ties the app to the sidecar: with broker, DNS and credentials absent the app starts and runs all the same. So there
is a liveness probe, which restarts the sidecar alone, and no startup probe: behind one, a sidecar that cannot start (a feed
off its rules, a Secret with a wrong key) would keep the app from starting for ever.
"""

from __future__ import annotations

import posixpath
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from fde_api.deployment import DeploymentRef, FDEDeployment, TelemetryFeed, TelemetryFeedSpec
from fde_api.meta import API_VERSION, Metadata, canonical, manifest
from fde_operator.cluster import Manifest
from fde_operator.profile import (
    BIN_LIMIT_MIB,
    INIT,
    LOG_CAP_BYTES,
    LOG_LIMIT_MIB,
    LOGS_KEPT,
    SIDECAR,
    SIDECAR_GRACE_S,
    SPOOL_CAP_MIB,
    SPOOL_LIMIT_MIB,
)
from fde_operator.settings import OperatorSettings

BIN: Final = "/fde/bin"
LOGS: Final = "/fde/logs"
LOG: Final = f"{LOGS}/app.log"
TEE: Final = f"{BIN}/tee.py"
SPOOL: Final = "/fde/spool"
FEED: Final = "/fde/feed"
IDENTITY: Final = "/fde/identity"
KAFKA_CONFIG: Final = "kafka.yaml"
SWITCH: Final = "/fde/switch"
SWITCH_CONFIG: Final = "fde-egress"  # the customer's ConfigMap, key `egress`: on, hold, off, off purge
PROBES_PORT: Final = 9464
RECEIVER: Final = "127.0.0.1:4318"  # loopback is the pod's: nobody outside sends to it
# What an OpenTelemetry SDK in the app reads. Both or neither: an endpoint of ours does not go with a protocol of the app's.
OTEL: Final[Mapping[str, str]] = {
    "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://{RECEIVER}",
    "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
}
CONTAINER_SECURITY: Final[dict[str, Any]] = {
    "allowPrivilegeEscalation": False,
    "readOnlyRootFilesystem": True,
    "runAsNonRoot": True,
    "capabilities": {"drop": ["ALL"]},
    "seccompProfile": {"type": "RuntimeDefault"},
}


def default_feed(deployment: FDEDeployment) -> Manifest:
    """The TelemetryFeed made for a deployment that has none; afterwards it is the engineer's to edit."""
    feed = TelemetryFeed(
        metadata=Metadata(name=deployment.metadata.name, namespace=deployment.metadata.namespace),
        spec=TelemetryFeedSpec(
            deployment_ref=DeploymentRef(name=deployment.metadata.name),
            signals=("errors", "performance", "rateLimit", "schemaDrift"),
        ),
    )
    return manifest(feed)


def taken(deployment: FDEDeployment, namesake: Manifest | None) -> str:
    """Whose `namesake` is, as a sentence, if it is not this deployment's; empty when it is, or there is none."""
    if namesake is None:
        return ""
    owner = namesake["spec"].get("deploymentRef", {}).get("name")
    if owner == deployment.metadata.name:
        return ""
    whose = f"of deployment {owner}" if owner else "of workloads that it selects"
    return f"TelemetryFeed {namesake['metadata']['name']} is {whose}"


def holding(feed: TelemetryFeed) -> TelemetryFeed:
    """`feed`, of which nothing leaves for now."""
    egress = msgspec.structs.replace(feed.spec.egress, state="hold")
    return msgspec.structs.replace(feed, spec=msgspec.structs.replace(feed.spec, egress=egress))


def feed_document(feed: TelemetryFeed) -> bytes:
    """feed.yaml for the sidecar: the manifest without status and server's fields (JSON is YAML).

    The same for a feed as we make it and as the API server gives it back, with defaults filled in: or each new deployment would
    have its ConfigMap written twice.
    """
    plain = msgspec.structs.replace(
        feed, metadata=Metadata(name=feed.metadata.name, namespace=feed.metadata.namespace), status=None
    )
    body = {"apiVersion": API_VERSION, "kind": feed.kind, **msgspec.json.decode(canonical(plain))}
    return msgspec.json.format(msgspec.json.encode(body), indent=2) + b"\n"


def interpreter(command: Sequence[str]) -> str | None:
    """The Python that runs the tee wrapper: the app's own. None when the command does not start with one.

    The wrapper is one file of standard-library Python; an image without Python cannot run it, and telemetry must never keep
    an app from starting. Such an app sends OTLP or writes its log to the file named in FDE_LOG.
    """
    first = posixpath.basename(command[0]) if command else ""
    return command[0] if first == "python" or first.startswith(("python3", "pypy")) else None


def wrapped(command: Sequence[str], *, environment: str | None = None) -> list[str]:
    """The app's command under the tee wrapper, or as it is. `environment`: a folder of variables that the wrapper adds."""
    python = interpreter(command)
    if python is None:
        return list(command)
    options = ["--log", LOG, "--max-bytes", str(LOG_CAP_BYTES), "--keep", str(LOGS_KEPT)]
    if environment:
        options += ["--environment", environment]
    return [python, TEE, *options, "--", *command]


def tee_installer(settings: OperatorSettings, image: str | None) -> Manifest:
    """Copies the wrapper, one file that needs no package, out of the sidecar's image into the shared volume."""
    copy = "import shutil, sys; from fde_sidecar import tee; shutil.copyfile(tee.__file__, sys.argv[1])"
    return {
        "name": "fde-tee",
        "image": image or settings.sidecar_image,
        "command": ["python", "-c", copy, TEE],
        "resources": INIT,
        "securityContext": CONTAINER_SECURITY,
        "volumeMounts": [{"name": "fde-bin", "mountPath": BIN}],
    }


def sidecar(settings: OperatorSettings, *, customer: str, feed: TelemetryFeed) -> Manifest:
    """The native sidecar: starts before the app, ends after it, does not keep a Job from ending."""
    brokers = feed.spec.sink.bootstrap_servers or settings.brokers
    environment = {
        "FDE_CUSTOMER": customer,
        "FDE_SPOOL": SPOOL,
        "FDE_SPOOL_CAP_MIB": str(SPOOL_CAP_MIB),
        "FDE_SWITCH": f"{SWITCH}/egress",
        "FDE_OTLP": RECEIVER,
        "FDE_GRACE_S": str(SIDECAR_GRACE_S),
        # The kubelet asks the pod's own address. Nothing of the customer's is served, and the deployment's NetworkPolicy
        # lets nobody else in: a scraper needs a rule of its own.
        "FDE_PROBES": f"0.0.0.0:{PROBES_PORT}",
        **({"FDE_BROKERS": brokers} if brokers else {}),
    }
    mounts: list[Manifest] = [
        {"name": "fde-logs", "mountPath": LOGS},
        {"name": "fde-spool", "mountPath": SPOOL},
        {"name": "fde-feed", "mountPath": FEED, "readOnly": True},
        {"name": "fde-switch", "mountPath": SWITCH, "readOnly": True},
        {"name": "fde-sidecar-tmp", "mountPath": "/tmp"},  # noqa: S108 - a volume of the pod's own
    ]
    if settings.telemetry_secret:
        environment["FDE_PSEUDONYM_KEY_FILE"] = f"{IDENTITY}/pseudonym.key"
    if settings.telemetry_secret or settings.kafka_users:
        environment["FDE_KAFKA_CONFIG"] = f"{IDENTITY}/{KAFKA_CONFIG}"
        mounts.append({"name": "fde-identity", "mountPath": IDENTITY, "readOnly": True})
    return {
        "name": "fde-sidecar",
        "image": feed.spec.sidecar.image or settings.sidecar_image,
        "command": ["fde", "sidecar", "--feed", f"{FEED}/feed.yaml", "--logs", f"{LOGS}/*.log"],
        "restartPolicy": "Always",
        "env": [{"name": name, "value": value} for name, value in environment.items()],
        "ports": [{"name": "fde-probes", "containerPort": PROBES_PORT, "protocol": "TCP"}],
        "livenessProbe": {
            "httpGet": {"path": "/livez", "port": PROBES_PORT},
            "initialDelaySeconds": 15,
            "periodSeconds": 20,
            "timeoutSeconds": 5,
            "failureThreshold": 3,
        },
        "resources": SIDECAR,
        "securityContext": CONTAINER_SECURITY,
        "volumeMounts": mounts,
    }


def volumes(
    feed_config: str, feed: TelemetryFeed, settings: OperatorSettings, *, identity_mode: int = 0o440
) -> list[Manifest]:
    """The volumes both sides share (emptyDir: the restricted level forbids hostPath), and the sidecar's own.

    The Secrets are optional: without them the sidecar spools and says so, and the app runs. Of a key in both, the kubelet
    takes the later source's: the feed's own user comes before what was put there by hand. `identity_mode`: of the files from
    Secrets; the sidecar's group may read them in a pod whose fsGroup is the sidecar's.
    """
    sources: list[Manifest] = []
    if settings.telemetry_secret:
        sources.append({"secret": {"name": settings.telemetry_secret, "optional": True}})
    if settings.kafka_users:
        alone = [{"key": KAFKA_CONFIG, "path": KAFKA_CONFIG}]
        sources.append({"secret": {"name": secret_name(feed.metadata.name), "items": alone, "optional": True}})
    identity: list[Manifest] = [
        {"name": "fde-identity", "projected": {"sources": sources, "defaultMode": identity_mode}}
    ]
    return [
        *(identity if sources else ()),
        {"name": "fde-bin", "emptyDir": {"sizeLimit": f"{BIN_LIMIT_MIB}Mi"}},
        {"name": "fde-logs", "emptyDir": {"sizeLimit": f"{LOG_LIMIT_MIB}Mi"}},
        {"name": "fde-spool", "emptyDir": {"sizeLimit": f"{SPOOL_LIMIT_MIB}Mi"}},
        {"name": "fde-feed", "configMap": {"name": feed_config}},
        {"name": "fde-switch", "configMap": {"name": SWITCH_CONFIG, "optional": True}},
    ]


def secret_name(feed: str) -> str:
    """The Secret that holds the Kafka settings of the feed of this name."""
    return f"fde-kafka.{feed}"
