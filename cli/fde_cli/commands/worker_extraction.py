"""`fde worker extraction`: challenges and solutions in, candidates out."""

from __future__ import annotations

import signal
import sys
from contextlib import suppress
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from fde_cli import log
from fde_cli.options import Brokers, KafkaConfig, Patience, Positive, Seconds, reached
from fde_cli.patience import giving_up


def extraction(
    *,
    brokers: Brokers,
    registry: Annotated[str, Parameter(env_var="FDE_REGISTRY")],
    evidence: Annotated[Path, Parameter(env_var="FDE_EVIDENCE")],
    kafka_config: KafkaConfig = None,
    min_siblings: Annotated[Positive, Parameter(env_var="FDE_MIN_SIBLINGS")] = 3,
    min_customers: Annotated[Positive, Parameter(env_var="FDE_MIN_CUSTOMERS")] = 3,
    once_idle: Seconds | None = None,
    patience: Patience = 120.0,
) -> int:
    """Join challenges with solutions, abstract them, propose candidates. Nothing is published by it.

    Parameters
    ----------
    brokers
        Kafka, host:port[,host:port].
    kafka_config
        A YAML mapping of Kafka client settings (security.protocol, sasl.*, ssl.*); needed for a broker on another machine.
    registry
        directory:PATH or kubernetes[:NAMESPACE].
    evidence
        Extraction's own directory: siblings, bindings, audit, status.jsonl. Nobody else's to read.
    min_siblings
        Solutions that must be alike for a proposal.
    min_customers
        Distinct customers whose siblings make a proposal everyone's; never below 2.
    once_idle
        End after this many seconds without input; without it, work until SIGTERM.
    patience
        Seconds that Kafka may be away before the worker gives up.
    """
    from confluent_kafka import Producer

    from fde_events.errors import Misuse, Unavailable
    from fde_events.kafka import metadata, producer_settings
    from fde_extraction.assignment import Assignments
    from fde_extraction.desk import Desk, Thresholds
    from fde_extraction.engine import AbstractionEngine
    from fde_extraction.evidence import EvidenceStore
    from fde_extraction.worker import ExtractionWorker, WorkerSettings, audit_to
    from fde_registry.address import open_registry
    from fde_registry.directory import DirectoryRegistry
    from fde_registry.pseudonym import from_key_file
    from fde_review.decision import now

    if min_siblings < 2 or min_customers < 2:
        raise Misuse("--min-siblings and --min-customers are at least 2: one customer's code is nobody's pattern.")
    log.to_stderr()
    home = open_registry(registry, engine=True)
    brokers = reached(brokers, kafka_config)
    with suppress(Unavailable):  # the worker waits by itself; a password that is refused is told now
        metadata(brokers, timeout_s=3.0)
    producer = Producer(producer_settings(brokers, **{"linger.ms": 5}))
    store = EvidenceStore(evidence, publish=audit_to(producer))
    local = isinstance(home, DirectoryRegistry)
    pseudonyms = home.pseudonyms if isinstance(home, DirectoryRegistry) else from_key_file(evidence / "pseudonym.key")
    desk = Desk(
        registry=home,
        evidence=store,
        engine=AbstractionEngine(),
        pseudonyms=pseudonyms,
        assignments=Assignments(evidence / "assignments.json"),
        now=now,
        thresholds=Thresholds(min_siblings, min_customers),
    )
    export = home.path / "challenges.jsonl" if isinstance(home, DirectoryRegistry) and local else None
    settings = WorkerSettings(brokers, evidence, once_idle_s=once_idle, patience_s=patience, export=export)
    stopping: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda received, _: stopping.append(received))
    print(f"fde worker extraction: {brokers} to {registry}, evidence in {evidence}", file=sys.stderr, flush=True)
    with giving_up():
        ExtractionWorker(settings, desk, producer=producer).run(lambda: bool(stopping))
    counts = ", ".join(f"{count} {state}" for state, count in sorted(desk.summary().items())) or "no challenge"
    print(f"fde worker extraction: stopped; challenges: {counts}", file=sys.stderr)
    return 0
