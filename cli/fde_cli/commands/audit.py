"""`fde audit`: who did what to whose objects: verify the record, export a customer's part, collect people's acts."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter

from fde_cli import log
from fde_cli.options import Brokers, Flag, KafkaConfig, Kubeconfig, Seconds, reached

if TYPE_CHECKING:
    from fde_events.chain import Anchor, Verifier
    from fde_operator.audit.keys import Keys
    from fde_operator.audit.witness import Witnessed
    from fde_operator.audit.writer import AnchorStore
    from fde_operator.kubernetes import KubernetesCluster

app = App(name="audit", help="Who did what to whose objects: verify, export, collect.")

AuditKeys = Annotated[str, Parameter(name="--keys", env_var="FDE_AUDIT_KEYS")]
Anchors = Annotated[Path | None, Parameter(env_var="FDE_AUDIT_ANCHORS")]


@app.command
def verify(
    file: Path | None = None,
    /,
    *,
    brokers: Brokers | None = None,
    kafka_config: KafkaConfig = None,
    anchors: Anchors = None,
    kubeconfig: Kubeconfig = None,
    timeout: Seconds = 600.0,
    as_json: Annotated[bool, Parameter(name="--json", negative="")] = False,
) -> int:
    """Whether the record is whole: nothing changed, removed, inserted or moved. Exit 1 names the first break of each chain.

    Without anchors a tail that was cut, or a history written anew with all its hashes, is not seen.

    Parameters
    ----------
    file
        An export; without it the topic itself is read.
    brokers
        Kafka, host:port[,host:port].
    kafka_config
        A YAML mapping of Kafka client settings (security.protocol, sasl.*, ssl.*); needed for a broker on another machine.
    anchors
        A file of anchors, as the operator and the collector write it.
    kubeconfig
        The cluster whose ConfigMap fde-system/fde-audit-anchor holds the anchors.
    timeout
        Seconds to read the topic in.
    as_json
        One JSON object a chain.
    """
    from fde_events.chain import Verifier
    from fde_events.errors import Misuse
    from fde_operator.audit.witness import Witnessed

    if file is None and brokers is None:
        raise Misuse("nothing to verify: give a FILE that `fde audit export` wrote, or --brokers.")
    # Before the topic: what is anchored by now has to be there when it is read.
    kept = _kept(anchors, kubeconfig)
    verifier, others = Verifier(kept), Witnessed()
    if file is not None:
        for where, line in _lines(file):
            verifier.take_export(line, where)
    else:
        for where, raw in _records(str(brokers), kafka_config, timeout):
            verifier.take(raw, where)
            others.take(raw, where)
    return _tell_verdict(verifier, others, kept, exported=file is not None, as_json=as_json)


@app.command
def export(
    *,
    customer: str,
    brokers: Brokers,
    kafka_config: KafkaConfig = None,
    since: str = "",
    until: str = "",
    keys: AuditKeys = "kubernetes",
    kubeconfig: Kubeconfig = None,
    anchors: Anchors = None,
    sealed: Flag = False,
    timeout: Seconds = 600.0,
) -> int:
    """What was done to one customer's objects, as JSON lines that `fde audit verify` still proves.

    Others' records stand in it as digests alone. It takes the customer's audit key to tell which records are about it.

    Parameters
    ----------
    customer
        The customer's name, a DNS label.
    brokers
        Kafka, host:port[,host:port].
    kafka_config
        A YAML mapping of Kafka client settings (security.protocol, sasl.*, ssl.*); needed for a broker on another machine.
    since
        From this moment on (RFC 3339, UTC, as 2026-01-31T00:00:00Z).
    until
        Before this moment.
    keys
        Where the customers' audit keys are: kubernetes, or a directory.
    kubeconfig
        A kubeconfig file; without one, the pod's own service account.
    anchors
        A file of anchors; they go into the export.
    sealed
        Names stay sealed: no line says what they are.
    timeout
        Seconds to read the topic in.
    """
    from fde_events.errors import Misuse
    from fde_events.topics import check_customer
    from fde_operator.audit.export import Exporter, keys_for

    check_customer(customer)
    begins, ends = _moment("--since", since), _moment("--until", until)
    if begins and ends and begins >= ends:
        raise Misuse(f"--since is after --until: nothing is between {begins} and {ends}")
    exporter = Exporter(
        customer,
        keys_for(_there(keys, kubeconfig), customer),
        since=begins,
        until=ends,
        readable=not sealed,
    )
    out = sys.stdout.buffer
    for line in exporter.begin(_kept(anchors, kubeconfig, needed=False)):
        out.write(line + b"\n")
    for _, raw in _records(str(brokers), kafka_config, timeout):
        for line in exporter.take(raw):
            out.write(line + b"\n")
    for line in exporter.end():
        out.write(line + b"\n")
    out.flush()
    _tell(f"fde audit: {exporter.found} acts against {customer}")
    return 0 if exporter.found else 1


@app.command
def collect(
    *,
    brokers: Brokers,
    kafka_config: KafkaConfig = None,
    state: Annotated[Path, Parameter(env_var="FDE_AUDIT_STATE")],
    file: Annotated[Path | None, Parameter(env_var="FDE_AUDIT_LOG")] = None,
    listen: Annotated[str | None, Parameter(env_var="FDE_AUDIT_LISTEN")] = None,
    tls_cert: Path | None = None,
    tls_key: Path | None = None,
    token_file: Path | None = None,
    chain: Annotated[str, Parameter(env_var="FDE_AUDIT_CHAIN")] = "people",
    keys: AuditKeys = "kubernetes",
    kubeconfig: Kubeconfig = None,
    anchors: Anchors = None,
    anchor_seconds: Seconds = 60.0,
    own_user: tuple[str, ...] = (),
) -> int:
    """Record people's acts, from Kubernetes' audit log (policy: deploy/audit/policy.yaml), until SIGTERM.

    Parameters
    ----------
    brokers
        Kafka, host:port[,host:port].
    kafka_config
        A YAML mapping of Kafka client settings (security.protocol, sasl.*, ssl.*); needed for a broker on another machine.
    state
        Its own directory: acts until Kafka has them, and the place in the log. A crash loses nothing that is in it.
    file
        The API server's audit log (--audit-log-path); rotated files beside it are read to their end.
    listen
        host:port where the API server posts (--audit-webhook-config-file). Off loopback with TLS and a token only.
    tls_cert
        The listener's certificate, PEM.
    tls_key
        Its key, PEM.
    token_file
        The bearer token that the API server has to send.
    chain
        The name of this collector's chain: each collector has its own.
    keys
        Where the customers' audit keys are: kubernetes, or a directory.
    kubeconfig
        A kubeconfig file; without one, the pod's own service account.
    anchors
        A file that anchors are appended to, beside the ConfigMap fde-system/fde-audit-anchor.
    anchor_seconds
        At most one anchor in so many seconds.
    own_user
        User names of this collector and of the operator, when they are not the shipped service accounts.
    """
    import asyncio
    import re

    from fde_events.errors import Misuse
    from fde_operator.audit.collect import Collection
    from fde_operator.audit.collect import collect as run
    from fde_operator.audit.intake import OWN
    from fde_operator.audit.names import by_label
    from fde_operator.audit.webhook import checked

    if file is None and listen is None:
        raise Misuse("nothing to collect from: give --file LOG or --listen HOST:PORT.")
    if (tls_cert is None) != (tls_key is None):
        raise Misuse("--tls-cert and --tls-key go together.")
    if not re.fullmatch(r"[a-z0-9]([-a-z0-9.]{0,61}[a-z0-9])?", chain):
        raise Misuse(f"--chain is a name of lower-case letters, digits, '-' and '.', not {chain!r}.")
    collection = Collection(
        state=state,
        chain=chain,
        file=file,
        listen=_address(listen) if listen else None,
        certificate=(tls_cert, tls_key) if tls_cert and tls_key else None,
        token=_token(token_file) if token_file else None,
        own=(*OWN, *own_user),
        anchor_s=anchor_seconds,
    )
    if collection.listen is not None:
        checked(collection.listen[0], collection.certificate, collection.token)
    log.to_stderr()
    at = reached(brokers, kafka_config)

    async def do() -> None:
        cluster = _cluster(kubeconfig)
        try:
            stores = _stores(cluster, anchors)
            await run(at, collection, _keys(keys, kubeconfig, cluster), by_label(cluster), stores, tell=_tell)
        finally:
            await cluster.aclose()

    asyncio.run(do())
    return 0


@app.command
def forget(*, customer: str, confirm: str = "", keys: AuditKeys = "kubernetes", kubeconfig: Kubeconfig = None) -> int:
    """Destroy a customer's audit keys: its names in records become unreadable for everybody, for good. `fde erase` does it too.

    Records stay and verify. Who did what when stays readable, and which acts were against one object; not which, nor whose.

    Parameters
    ----------
    customer
        The customer's name, a DNS label.
    confirm
        The customer's name again; without it nothing is destroyed.
    keys
        Where the customers' audit keys are: kubernetes, or a directory.
    kubeconfig
        A kubeconfig file; without one, the pod's own service account.
    """
    from fde_events.topics import check_customer

    check_customer(customer)
    if confirm != customer:
        _tell(f"fde audit: nothing was destroyed; say --confirm {customer} to do it")
        return 1
    gone = destroy(customer, keys, kubeconfig)
    _tell(
        f"fde audit: {gone} keys of {customer} are destroyed; a running operator or collector forgets them within a minute"
    )
    return 0


def destroy(customer: str, keys: str, kubeconfig: str | None) -> int:
    """Destroy the audit keys of `customer` where `keys` says they are; how many there were."""
    import asyncio

    return asyncio.run(_there(keys, kubeconfig).destroy(customer))


def _kept(file: Path | None, kubeconfig: str | None, *, needed: bool = True) -> list[Anchor]:
    import asyncio

    from fde_events.errors import Unavailable
    from fde_operator.audit.anchors import ConfigMapAnchors, read_file
    from fde_operator.errors import Denied

    found = list(read_file(file)) if file is not None else []
    if kubeconfig:
        try:
            found += asyncio.run(ConfigMapAnchors(_cluster(kubeconfig)).read())
        except (Unavailable, Denied) as error:
            _tell(f"fde audit: the cluster's anchors cannot be read: {error}")
    if not found and needed:
        _tell("fde audit: no anchors (--anchors, --kubeconfig): a tail that was cut would not be seen")
    return found


def _records(brokers: str, kafka_config: Path | None, timeout: float) -> Iterator[tuple[str, bytes]]:
    from fde_events.topics import AUDIT
    from fde_streams.scan import scan

    for message in scan(reached(brokers, kafka_config), AUDIT, timeout_s=timeout):
        value = message.value()
        if value is not None:
            yield f"{AUDIT}[{message.partition()}]@{message.offset()}", value


def _lines(file: Path) -> Iterator[tuple[str, bytes]]:
    from fde_events.errors import BadInput

    try:
        with file.open("rb") as stream:
            for number, line in enumerate(stream, 1):
                yield f"{file}:{number}", line.rstrip(b"\n")
    except OSError as error:
        raise BadInput(str(file), f"cannot be read: {error.strerror or error}") from error


def _tell_verdict(verifier: Verifier, others: Witnessed, kept: list[Anchor], *, exported: bool, as_json: bool) -> int:
    import msgspec

    ends = verifier.open_ends() if exported else []
    broken = {one.chain: one for one in (*others.breaks(), *ends, *verifier.breaks())}
    for chain in sorted({*verifier.heads, *broken}):
        head, fault = verifier.heads.get(chain), broken.get(chain)
        seen = [anchor for anchor in kept if anchor.chain == chain]
        last = max(seen, key=lambda anchor: anchor.seq, default=None)
        if as_json:
            verdict = {
                "chain": chain,
                "whole": fault is None,
                "head": head.seq if head else None,
                "hash": head.hash if head else "",
                "anchors": len(seen),
                "break": {"link": fault.seq, "where": fault.where, "why": fault.why} if fault else None,
            }
            print(msgspec.json.encode(verdict).decode())
        elif fault is not None:
            print(f"broken  {fault}")
        elif head is not None:
            checked = f"{len(seen)} anchors, the last of link {last.seq} at {last.at}" if last else "no anchor"
            print(f"whole   chain {chain}: up to link {head.seq}, {head.hash[:16]}; {checked}")
    if others.unchained():
        _tell(
            f"fde audit: {others.unchained()} records of the topic are in no chain: `fde audit collect` chains what other writers wrote"
        )
    if verifier.partial:
        _tell("fde audit: the export begins in the middle: what came before is not in it")
    if not verifier.heads and not broken:
        _tell("fde audit: there is no chained record")
        return 1
    return int(bool(broken))


def _stores(cluster: KubernetesCluster, file: Path | None) -> list[AnchorStore]:
    from fde_operator.audit.anchors import ConfigMapAnchors, FileAnchors

    return [ConfigMapAnchors(cluster), *([FileAnchors(file)] if file is not None else [])]


def _keys(keys: str, kubeconfig: str | None, cluster: KubernetesCluster | None = None) -> Keys:
    from fde_operator.audit.keys import DirectoryKeys, SecretKeys

    return SecretKeys(cluster or _cluster(kubeconfig)) if keys == "kubernetes" else DirectoryKeys(Path(keys))


def _there(keys: str, kubeconfig: str | None) -> Keys:
    """For what makes none."""
    from fde_events.errors import Misuse

    if keys != "kubernetes" and not Path(keys).is_dir():
        raise Misuse(f"--keys {keys} is no directory, and not `kubernetes`")
    return _keys(keys, kubeconfig)


def _cluster(kubeconfig: str | None) -> KubernetesCluster:
    from fde_cli.kube.kubeconfig import checked
    from fde_operator.kubernetes import KubernetesCluster

    return KubernetesCluster(checked(kubeconfig).file)


def _moment(option: str, text: str) -> str:
    """`text` as records write it, so that both compare as text."""
    from datetime import UTC, datetime

    from fde_events.errors import Misuse

    if not text:
        return ""
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise Misuse(f"{option} is a moment as 2026-01-31T00:00:00Z, not {text!r}.") from error
    found = found if found.tzinfo else found.replace(tzinfo=UTC)
    return found.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _address(listen: str) -> tuple[str, int]:
    from fde_events.errors import Misuse

    host, _, port = listen.rpartition(":")
    if not host or not (port.isascii() and port.isdecimal()) or int(port) > 65535:
        raise Misuse(f"--listen is host:port, not {listen!r}.")
    return host.strip("[]"), int(port)


def _token(file: Path) -> str:
    from fde_events.errors import BadInput

    try:
        token = file.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(str(file), "cannot be read") from error
    if not token:
        raise BadInput(str(file), "holds no token")
    return token


def _tell(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
