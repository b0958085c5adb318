"""`fde submit`: hand in the files that solved a challenge, from the repository they are in."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from fde_cli.options import Brokers, KafkaConfig, reached

if TYPE_CHECKING:
    from fde_extraction.repository import Repository, Tracked
    from fde_extraction.submission import Submission

_ERRORS = frozenset({"ERROR", "CRITICAL", "FATAL", "ALERT", "EMERGENCY"})


def submit(
    *paths: Path,
    customer: Annotated[str, Parameter(env_var="FDE_CUSTOMER")],
    challenge: str | None = None,
    error_sample: Path | None = None,
    revisions: Annotated[str | None, Parameter(name="--range")] = None,
    deployment: Annotated[str | None, Parameter(env_var="FDE_DEPLOYMENT")] = None,
    namespace: Annotated[str | None, Parameter(env_var="FDE_NAMESPACE")] = None,
    reuse: Literal["allowed", "own-customer", "forbidden"] | None = None,
    released: Annotated[bool, Parameter(negative=())] = False,
    dry_run: bool = False,
    brokers: Brokers | None = None,
    kafka_config: KafkaConfig = None,
    registry: Annotated[str | None, Parameter(env_var="FDE_REGISTRY")] = None,
    repository: Annotated[Path, Parameter(name=["--repository", "-C"])] = Path(),
) -> int:
    """Hand in a solution. Secrets become typed placeholders here; without --reuse only digests leave.

    Without paths and --range, the files of the last commit are handed in.

    Parameters
    ----------
    paths
        Files of the working tree.
    customer
        The customer whose topic it goes to.
    challenge
        The challenge it answers; without it and --error-sample, the commit's trailer `Fde-Challenge:`.
    error_sample
        A file with the error it answers: its signatures travel, its text does not.
    revisions
        A..B: the files changed between two commits, as they are at B.
    deployment
        NAMESPACE/NAME; without it the namespace and the repository's name.
    namespace
        The deployment's namespace; without it `customer-<customer>`.
    reuse
        What may be made of it: allowed (with other customers'), own-customer, forbidden (counted, never opened).
    released
        It names no challenge: a version as released, which counts for whatever stops for good after it.
    dry_run
        Print exactly the record that would leave, and send nothing.
    brokers
        Kafka, host:port[,host:port].
    kafka_config
        A YAML mapping of Kafka client settings (security.protocol, sasl.*, ssl.*); needed for a broker on another machine.
    registry
        `kubernetes` also creates a PatternProposal in --namespace.
    repository
        Where the repository is.
    """
    from fde_events.errors import Misuse
    from fde_events.topics import CUSTOMER, check_customer
    from fde_extraction.repository import Repository
    from fde_extraction.secrets import replace
    from fde_extraction.submission import check_egress, deployment_name, egress_of, prepare
    from fde_review.decision import now

    check_customer(customer)
    if paths and revisions:
        raise Misuse("name files or give --range A..B, not both.")
    source = Repository(repository)
    author = source.author()
    if challenge is None and error_sample is None:
        challenge = source.trailer(revisions.rpartition("..")[2] or "HEAD" if revisions else "HEAD")
    signatures = _signatures(error_sample) if error_sample is not None else ()
    egress = egress_of(_committed(source))
    commit, files = _files(source, paths, revisions)
    place = namespace or f"customer-{customer}"
    name = deployment_name(source.root.name)
    if deployment is None and not name:
        raise Misuse(
            f"the repository's name {source.root.name!r} names no deployment: give --deployment NAMESPACE/NAME."
        )
    if namespace is not None and not CUSTOMER.fullmatch(namespace):
        raise Misuse(f"--namespace {namespace!r} is not a DNS label (lower-case letters, digits, '-', no dot)")
    prepared = prepare(
        files,
        customer=customer,
        deployment=deployment or f"{place}/{name}",
        author=author,
        time=now(),
        replace=replace,
        reuse=reuse or egress.reuse,
        challenge=challenge,
        signatures=signatures,
        commit=commit,
        released=released,
    )
    _tell_what(prepared)
    if dry_run:
        sys.stdout.buffer.write(prepared.value + b"\n")
        _say(f"nothing was sent; this record would go to {prepared.topic}")
        return 0
    check_egress(egress, os.environ, customer=customer)
    if registry is not None and registry.partition(":")[0] == "kubernetes":
        _check_feed(prepared)
    if brokers is None:
        raise Misuse("where to? Give --brokers HOST:PORT (or FDE_BROKERS), or --dry-run.")
    _send(reached(brokers, kafka_config), prepared)
    if registry is not None and registry.partition(":")[0] == "kubernetes":
        _propose(registry, prepared, namespace)
    print(prepared.solution.id)
    return 0


def _files(source: Repository, paths: Sequence[Path], revisions: str | None) -> tuple[str | None, list[Tracked]]:
    from fde_events.errors import Misuse
    from fde_extraction.submission import is_binary

    if paths:
        files = [source.file_here(path) for path in paths]
        unique = list({file.path: file for file in files}.values())
        if all(source.is_as_committed(file) for file in unique):
            return source.commit(), unique
        _say("the files differ from the last commit, so the record names no commit")
        return None, unique
    if not source.has_commits():
        raise Misuse("the repository has no commit yet: name the files.")
    commit, changed = source.changed(revisions or "HEAD")
    found = []
    for path in changed:
        file = source.file_at(commit, path)
        if file is None or is_binary(file.data):
            _say(f"left out {path}: {'not a regular file' if file is None else 'a binary file'}")
        elif not path.startswith(".fde/"):
            found.append(file)
    if not found:
        raise Misuse(f"{revisions or 'the last commit'} changed no text file.")
    return commit, found


def _signatures(sample: Path) -> tuple[str, ...]:
    from fde_events.errors import BadInput
    from fde_sidecar.parse import parse_text
    from fde_streams.signature import signature_of

    try:
        text = sys.stdin.read() if str(sample) == "-" else sample.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise BadInput(str(sample), f"cannot be read: {error.strerror or error}") from error
    events = parse_text(text)
    failures = [event for event in events if event.severity.upper() in _ERRORS] or events
    if not failures:
        raise BadInput(
            str(sample), "no error was found in it; it takes a log excerpt or a stack trace as the application wrote it"
        )
    return tuple(dict.fromkeys(signature_of(event).digest for event in failures))


def _committed(source: Repository) -> bytes | None:
    """The egress settings as committed: a file that somebody only left lying there turns nothing on."""
    from fde_extraction.submission import EGRESS_FILE

    if not source.has_commits():
        return None
    file = source.file_at(source.commit(), EGRESS_FILE)
    if file is None:
        if (source.root / EGRESS_FILE).exists():
            _say(f"{EGRESS_FILE} is there but not committed, so it turns nothing on")
        return None
    _say(f"{EGRESS_FILE} was committed by {source.committer_of(EGRESS_FILE)}")
    return file.data


def _tell_what(prepared: Submission) -> None:
    solution = prepared.solution
    for file in solution.files:
        _say(f"{file.path} ({file.language}): {'digest only' if not file.content else 'source, secrets replaced'}")
    for placeholder in solution.placeholders:
        named = f" {placeholder.name}" if placeholder.name else ""
        _say(f"{placeholder.path}:{placeholder.line}: {placeholder.kind}{named} replaced by a placeholder")
    if solution.reuse == "forbidden":
        _say("reuse is forbidden (the default): counted, never opened; --reuse allowed|own-customer grants more")


def _send(brokers: str, prepared: Submission) -> None:
    from confluent_kafka import KafkaError, KafkaException, Message, Producer

    from fde_events.errors import Refused, Unavailable
    from fde_events.kafka import Complaints, producer_settings

    failed: list[str] = []

    def landed(error: KafkaError | None, _: Message) -> None:
        if error is not None:
            failed.append(error.str())

    heard = Complaints()
    more = {"message.timeout.ms": 15_000, "log_level": 2, "error_cb": heard}
    producer = Producer(producer_settings(brokers, **more))
    try:
        producer.produce(prepared.topic, prepared.value, key=prepared.key, on_delivery=landed)
    except KafkaException as error:
        raise Unavailable(f"Kafka at {brokers} did not take the record: {error}.") from error
    until = time.monotonic() + 20
    while (left := producer.flush(1)) and heard.refusal is None and time.monotonic() < until:
        pass
    if heard.refusal is not None:
        raise Refused(f"Kafka at {brokers}: {heard.refusal}. Nothing was handed in.")
    if left or failed:
        why = failed[0] if failed else "no answer within 20 s"
        raise Unavailable(
            f"Kafka at {brokers} did not take the record for {prepared.topic}: {why}. Nothing was handed in; submit again."
        )
    _say(f"handed in as {prepared.solution.id} to {prepared.topic}")


def _check_feed(prepared: Submission) -> None:
    """The deployment's own feed has a say, too. Digests alone are no source."""
    from fde_events.errors import Refused
    from fde_registry.kubernetes import KubernetesRegistry

    deployment = prepared.solution.deployment
    if not any(file.content for file in prepared.solution.files):
        return
    if KubernetesRegistry().source_consent(deployment) is False:
        raise Refused(
            f"nothing was sent: the TelemetryFeed of {deployment} keeps its source code (spec.egress.source is not true). "
            "The customer's role turns it on; without --reuse only digests are sent, which it does not keep."
        )


def _propose(address: str, prepared: Submission, namespace: str | None) -> None:
    from fde_api.candidate import Identity, PatternProposal, PatternProposalSpec, ProposedFile
    from fde_api.meta import Metadata
    from fde_events.errors import Misuse
    from fde_registry.kubernetes import KubernetesRegistry

    if namespace is None:
        raise Misuse("a PatternProposal lives in the customer's namespace: give --namespace.")
    registry = KubernetesRegistry()
    solution = prepared.solution
    proposal = PatternProposal(
        metadata=Metadata(name=f"p-{solution.id[:8]}", namespace=namespace),
        spec=PatternProposalSpec(
            author=Identity(username=registry.whoami()),
            files=tuple(ProposedFile(path=f.path, language=f.language, digest=f.digest) for f in solution.files),  # type: ignore[arg-type]
            challenge=solution.challenge,
            signatures=solution.signatures,
            reuse=solution.reuse,
        ),
    )
    registry.submit(proposal)
    _say(f"PatternProposal {namespace}/{proposal.metadata.name} created ({address})")


def _say(text: str) -> None:
    print(f"fde submit: {text}", file=sys.stderr)
