"""`fde doctor`: what is reachable, permitted and set, with the next step for what is not."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from fde_cli.kube.finding import Finding
from fde_cli.options import Brokers, KafkaConfig, Seconds, reached

if TYPE_CHECKING:
    from fde_operator.kubernetes import KubernetesCluster
    from fde_registry.registry import Registry


def doctor(
    *,
    brokers: Brokers | None = None,
    kafka_config: KafkaConfig = None,
    registry: Annotated[str | None, Parameter(env_var="FDE_REGISTRY")] = None,
    customer: Annotated[str | None, Parameter(env_var="FDE_CUSTOMER")] = None,
    namespace: Annotated[str | None, Parameter(name=["--namespace", "-n"])] = None,
    timeout: Seconds = 5.0,
    audit_wait: Seconds = 20.0,
    json_: Annotated[bool, Parameter(name="--json", negative=())] = False,
) -> int:
    """Check broker, registry, cluster, rights, identity and egress. Exit 1 when something set does not work.

    Parameters
    ----------
    brokers
        Kafka, host:port[,host:port].
    kafka_config
        A YAML mapping of Kafka client settings (security.protocol, sasl.*, ssl.*); needed for a broker on another machine.
    registry
        directory:PATH or kubernetes[:NAMESPACE].
    customer
        The customer whose topics are looked for.
    namespace
        The customer's namespace where you want to work: a right that you lack there is wrong. Else the current context's.
    timeout
        Seconds to wait for the broker.
    audit_wait
        Seconds to wait for an act of yours to come up in the audit record.
    json_
        One JSON object a check.
    """
    findings = [
        *_broker(brokers, kafka_config, customer, timeout),
        *_registry(registry),
        *_cluster(registry, namespace),
        *_audit(brokers, kafka_config, registry, audit_wait),
        *_egress(),
    ]
    for found in findings:
        if json_:
            fields = {"check": found.what, "state": found.state, "saw": found.saw, "next": found.next_step}
            print(json.dumps(fields))
        else:
            print(
                f"{found.state:<6} {found.what}: {found.saw}"
                + (f"\n       next: {found.next_step}" if found.next_step else "")
            )
    return int(any(found.state == "wrong" for found in findings))


def _broker(brokers: str | None, kafka_config: Path | None, customer: str | None, timeout: float) -> Iterator[Finding]:
    if brokers is None:
        yield Finding(
            "broker", "unset", "no --brokers", "set FDE_BROKERS=host:port, or use `fde up`, which brings its own"
        )
        return
    from fde_events.errors import BadInput, Refused, Unavailable
    from fde_events.kafka import metadata
    from fde_events.topics import ENGINE, check_customer, solutions, telemetry

    try:
        topics = set(metadata(reached(brokers, kafka_config), timeout_s=timeout).topics)
    except (BadInput, Refused) as error:
        yield Finding("broker", "wrong", str(error), "mend the client settings (--kafka-config), or ask for a user")
        return
    except Unavailable as error:
        yield Finding(
            "broker",
            "wrong",
            error.what,
            "start it, or check the address and network",
        )
        return
    yield Finding("broker", "ok", f"{brokers} answers, {len(topics)} topics")
    missing = [topic.name for topic in ENGINE if topic.name not in topics]
    if customer is not None:
        name = check_customer(customer)
        missing += [topic.name for topic in (telemetry(name), solutions(name)) if topic.name not in topics]
    if missing:
        yield Finding(
            "topics",
            "wrong",
            f"missing or not visible: {', '.join(missing)}",
            "create them (fde kafka apply), or ask for the ACL",
        )
    else:
        yield Finding("topics", "ok", "all there")


def _registry(address: str | None) -> Iterator[Finding]:
    if address is None:
        yield Finding("registry", "unset", "no --registry", "set FDE_REGISTRY=directory:PATH or kubernetes")
        return
    from fde_cli.registry_option import registry_at

    opened: list[Registry] = []

    def reach() -> str:
        opened.append(registry_at(address))
        return address

    yield _try("registry", reach, "check the path, or KUBECONFIG")
    if not opened:
        return
    home = opened[0]
    yield _try(
        "identity", lambda: _identity(home), "say who you are: `git config user.email`, or a valid kubeconfig user"
    )
    yield _try(
        "candidates",
        lambda: f"{len(home.candidates())} can be listed",
        "ask for the role fde-reviewer or fde-contributor in namespace fde-library",
    )
    yield _may_approve(home)


def _cluster(address: str | None, namespace: str | None) -> Iterator[Finding]:
    """Whether definitions, policies and an operator are there, and what this person may do in the customer's namespace."""
    if address is None or not address.startswith("kubernetes"):
        yield Finding("cluster", "unset", "not looked at", "give --registry kubernetes: policies and rights are there")
        return
    from fde_cli.kube.checkup import LEASE, checkup, rights
    from fde_cli.kube.connection import Connection
    from fde_cli.registry_option import registry_at
    from fde_events.errors import FdeError
    from fde_operator.lease import KubernetesLeases
    from fde_registry.kubernetes import KubernetesRegistry

    async def look(cluster: KubernetesCluster) -> list[Finding]:
        leases = KubernetesLeases(where.kubeconfig, namespace=LEASE[0], name=LEASE[1])
        try:
            return await checkup(cluster, leases.read)
        finally:
            await leases.aclose()

    try:
        where = Connection.of(os.environ.get("KUBECONFIG"), namespace)
        yield from where.ask(look, only_rehearse=True)
        home = registry_at(address)
        assert isinstance(home, KubernetesRegistry)
        yield from rights(home.allows, where.namespace, named=namespace is not None)
    except FdeError as error:
        yield Finding("cluster", "wrong", str(error), "check the path, or KUBECONFIG")


def _identity(home: Registry) -> str:
    from fde_registry.directory import DirectoryRegistry
    from fde_registry.viewer import identity_of

    source = identity_of(home.path)[1] if isinstance(home, DirectoryRegistry) else "the API server"
    return f"{home.whoami()} (from {source})"


def _may_approve(home: Registry) -> Finding:
    from fde_events.errors import FdeError
    from fde_registry.kubernetes import KubernetesRegistry

    if not isinstance(home, KubernetesRegistry):
        return Finding("approve", "ok", "a directory takes everybody's decision but an author's or contributor's")
    try:
        if home.allows("approve", "patterncandidates/approval"):
            return Finding("approve", "ok", f"permitted in namespace {home.namespace}")
        return Finding("approve", "unset", "not permitted", "only reviewers need it: ask for the role fde-reviewer")
    except FdeError as error:
        return Finding("approve", "wrong", str(error), "check the API server")


def _audit(brokers: str | None, kafka_config: Path | None, address: str | None, wait: float) -> Iterator[Finding]:
    """Whether people's acts are recorded: one that changes nothing is done, and looked for."""
    if brokers is None or address is None or not address.startswith("kubernetes"):
        yield Finding(
            "audit",
            "unset",
            "not looked for",
            "give --brokers and --registry kubernetes: people's acts are recorded there",
        )
        return
    import asyncio

    from fde_cli.kube.kubeconfig import checked
    from fde_events.errors import FdeError
    from fde_operator.audit.rehearsal import rehearse
    from fde_operator.kubernetes import KubernetesCluster

    at = reached(brokers, kafka_config)

    async def look() -> float | None:
        cluster = KubernetesCluster(checked(os.environ.get("KUBECONFIG")).file)
        try:
            return await rehearse(cluster, at, limit_s=wait)
        finally:
            await cluster.aclose()

    try:
        took_s = asyncio.run(look())
    except FdeError as error:
        yield Finding("audit", "wrong", str(error), "mend what it says, then look again")
        return
    if took_s is not None:
        yield Finding("audit", "ok", f"an act of yours was recorded {took_s:.1f} s after it")
        return
    yield Finding(
        "audit",
        "wrong",
        f"people's acts are not recorded: one of yours did not come up in {wait:g} s",
        "start the API server with --audit-policy-file (deploy/audit/policy.yaml) and --audit-log-path or "
        "--audit-webhook-config-file, and run `fde audit collect`; a webhook may hold acts back for 30 s (--audit-wait 40)",
    )


def _egress() -> Iterator[Finding]:
    from fde_events.errors import FdeError
    from fde_extraction.repository import Repository
    from fde_extraction.submission import EGRESS_FILE, check_egress, egress_of

    try:
        source = Repository(Path())
        file = source.file_at(source.commit(), EGRESS_FILE) if source.has_commits() else None
        check_egress(egress_of(file.data if file else None), os.environ, customer="here")
    except FdeError as error:
        yield Finding("egress", "unset", "solutions do not leave from here", str(error))
        return
    yield Finding("egress", "ok", "the customer's role lets solutions leave from here")


def _try(what: str, look: Callable[[], object], next_step: str) -> Finding:
    from fde_api.errors import ApiError
    from fde_events.errors import FdeError

    try:
        return Finding(what, "ok", str(look()))
    except (FdeError, ApiError) as error:
        return Finding(what, "wrong", str(error), next_step)
