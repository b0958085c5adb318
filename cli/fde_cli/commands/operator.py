"""`fde operator`: the operator process; `fde operator install`: what it needs in the cluster."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Annotated, Final, Literal

from cyclopts import App, Parameter

from fde_cli import log
from fde_cli.options import Brokers, KafkaConfig, Kubeconfig, Positive, Seconds, reached

_NAME: Final = r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?"  # of a namespace; with dots between several, of a Secret
_SHORTEST_S: Final = 1.0  # between two looks at everything

app = App(name="operator", help="The operator process, and what it needs in a cluster.")


@app.default
def operator(
    *,
    kubeconfig: Kubeconfig = None,
    brokers: Brokers | None = None,
    kafka_config: KafkaConfig = None,
    kafka_admin_config: Annotated[Path | None, Parameter(env_var="FDE_KAFKA_ADMIN_CONFIG")] = None,
    kafka_replication: Annotated[Positive | None, Parameter(env_var="FDE_KAFKA_REPLICATION")] = None,
    broker_networks: Annotated[str, Parameter(env_var="FDE_BROKER_NETWORKS")] = "",
    sidecar_image: Annotated[str | None, Parameter(env_var="FDE_SIDECAR_IMAGE")] = None,
    runtime_image: Annotated[str | None, Parameter(env_var="FDE_RUNTIME_IMAGE")] = None,
    telemetry_secret: Annotated[str | None, Parameter(env_var="FDE_TELEMETRY_SECRET")] = None,
    workers: Annotated[Positive, Parameter(env_var="FDE_OPERATOR_WORKERS")] = 8,
    resync_seconds: Annotated[Seconds, Parameter(env_var="FDE_OPERATOR_RESYNC_SECONDS")] = 600.0,
    leader_election: Annotated[bool, Parameter(env_var="FDE_LEADER_ELECTION")] = True,
    namespace: Annotated[str, Parameter(env_var="POD_NAMESPACE")] = "fde-system",
    health: Annotated[str | None, Parameter(env_var="FDE_OPERATOR_HEALTH")] = None,
    audit_state: Annotated[Path | None, Parameter(env_var="FDE_AUDIT_STATE")] = None,
    landscape: Annotated[Path | None, Parameter(env_var="FDE_LANDSCAPE")] = None,
    log_format: Annotated[Literal["auto", "json", "text"], Parameter(env_var="FDE_LOG_FORMAT")] = "auto",
) -> int:
    """Publish approved candidates and run FDEDeployments, until SIGTERM.

    Parameters
    ----------
    kubeconfig
        A kubeconfig file; without one, the pod's own service account, else ~/.kube/config.
    brokers
        Kafka bootstrap servers: decision records go there, sidecars and network policies are told of them.
    kafka_config
        A YAML mapping of the operator's own Kafka client settings; needed for a broker on another machine.
    kafka_admin_config
        The same of a user who may make topics, users and rules (role tenancy); kafka_config's user, when it is not given.
    kafka_replication
        Copies of a customer's topics; 3, or as many as there are brokers, when it is not given.
    broker_networks
        CIDRs of the brokers, separated by commas, for network policies; without them, their ports at any address.
    sidecar_image
        The image of sidecars, best by digest.
    runtime_image
        The image that renders files with secrets inside pods, best by digest.
    telemetry_secret
        Name of a Secret in each customer's namespace for sidecars: pseudonym.key, and kafka.yaml with client settings.
    workers
        Reconciliations at a time.
    resync_seconds
        Everything is looked at again this often, whatever events said; at least 1.
    leader_election
        One of several operators works at a time: the holder of Lease fde-operator. Off: this is the only one there is.
    namespace
        The operator's own namespace, where the Lease is.
    health
        host:port that answers /healthz, /readyz and /metrics; `:9465` is that port at every address. Nobody listens without it.
    audit_state
        A directory of this operator's own: what it does is journaled there, and goes to the audit topic from there.
    landscape
        A YAML file: regions, network zones and their networks, where secrets lie.
    log_format
        json: an object a line, with the id of the reconciliation; text: for people; auto: text at a terminal.
    """
    import asyncio

    from fde_cli.kube.kubeconfig import checked
    from fde_events.errors import Misuse
    from fde_operator.landscape import read
    from fde_operator.process import run
    from fde_operator.settings import OperatorSettings

    # All of it now: what only a leader would run into stays unknown for as long as this process stands by.
    if resync_seconds < _SHORTEST_S:
        raise Misuse(f"--resync-seconds is at least {_SHORTEST_S:g}: each time the API server is asked for everything")
    if not re.fullmatch(_NAME, namespace):
        raise Misuse(f"--namespace {namespace!r} is no namespace's name")
    if telemetry_secret and not re.fullmatch(rf"{_NAME}(\.{_NAME})*", telemetry_secret):
        raise Misuse(f"--telemetry-secret {telemetry_secret!r} is no Secret's name")
    if brokers is not None:
        for settings_file in {kafka_config, kafka_admin_config or kafka_config}:
            reached(brokers, settings_file)
        _made(audit_state)
    file = checked(kubeconfig).file
    defaults = OperatorSettings()
    settings = OperatorSettings(
        brokers=brokers,
        kafka_config=str(kafka_config) if kafka_config else None,
        kafka_admin_config=str(kafka_admin_config) if kafka_admin_config else None,
        kafka_replication=kafka_replication,
        broker_networks=_networks(broker_networks),
        sidecar_image=sidecar_image or defaults.sidecar_image,
        runtime_image=runtime_image or defaults.runtime_image,
        telemetry_secret=telemetry_secret,
        workers=workers,
        resync_s=resync_seconds,
        leader_election=leader_election,
        namespace=namespace,
        health=health,
        audit_state=str(audit_state) if audit_state else None,
        landscape=read(landscape) if landscape else defaults.landscape,
    )
    log.service(log_format)
    tell = _tell if log_format == "text" or (log_format == "auto" and sys.stderr.isatty()) else _told
    tell(f"fde operator: {settings}")
    asyncio.run(run(file, settings, tell=tell))
    return 0


@app.command
def install(*, kubeconfig: Kubeconfig = None) -> int:
    """Apply definitions, admission policies, roles and namespaces. Run again it changes nothing that is right.

    Parameters
    ----------
    kubeconfig
        A kubeconfig file of somebody who may do that; without one, the pod's own service account, else ~/.kube/config.
    """
    import asyncio

    from fde_cli.kube.kubeconfig import checked
    from fde_operator.install import install as apply
    from fde_operator.kubernetes import KubernetesCluster

    file = checked(kubeconfig).file

    async def do() -> None:
        cluster = KubernetesCluster(file)
        try:
            await apply(cluster, tell=_tell)
        finally:
            await cluster.aclose()

    asyncio.run(do())
    return 0


def _made(audit_state: Path | None) -> None:
    from fde_events.errors import Misuse

    try:
        if audit_state is not None:
            audit_state.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise Misuse(f"--audit-state {audit_state} cannot be a directory: {error.strerror or error}") from error


def _networks(text: str) -> tuple[str, ...]:
    import ipaddress

    from fde_events.errors import Misuse

    found = tuple(cidr.strip() for cidr in text.split(",") if cidr.strip())
    for cidr in found:
        try:
            ipaddress.ip_network(cidr)
        except ValueError as error:
            raise Misuse(f"--broker-networks: {error}; a network reads like 10.0.0.0/8") from error
    return found


def _tell(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _told(text: str) -> None:
    """As an event among the others: a log of JSON lines has no other ones."""
    from structlog import get_logger

    get_logger().info(text.removeprefix("fde operator: "))
