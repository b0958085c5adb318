"""`fde worker`: the three workers of the engine, each one process; scale is more of them."""

from __future__ import annotations

import signal
import sys
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from fde_cli import log
from fde_cli.options import Brokers, KafkaConfig, Patience, Positive, Seconds, reached
from fde_cli.patience import giving_up

app = App(name="worker", help="The workers: ingest, fold, extraction.")
app.command(
    "fde_cli.commands.worker_extraction:extraction", name="extraction", help="Challenges and solutions to candidates."
)


@app.command
def ingest(
    *,
    brokers: Brokers,
    kafka_config: KafkaConfig = None,
    pace: Annotated[str | None, Parameter(env_var="FDE_PACE")] = None,
    patience: Patience = 120.0,
) -> int:
    """Sign every customer's telemetry; records off contract go to the dead-letter topic.

    Parameters
    ----------
    brokers
        Kafka, host:port[,host:port].
    kafka_config
        A YAML mapping of Kafka client settings (security.protocol, sasl.*, ssl.*); needed for a broker on another machine.
    pace
        sqlite:PATH of the fold's state: hold back while it is behind. For the embedded broker, which forgets.
    patience
        Seconds that Kafka may be away before the worker gives up.
    """
    from fde_streams.broker import await_topics
    from fde_streams.ingest_kafka import IngestSettings, IngestWorker
    from fde_streams.pace import Pace
    from fde_streams.state_sqlite import covered_offsets

    log.to_stderr()
    brokers = reached(brokers, kafka_config)
    path = None if pace is None else _sqlite_path("--pace", pace)
    paced = None if path is None else Pace(lambda: covered_offsets(path, brokers))
    with giving_up():
        await_topics(brokers, embedded=path is not None, patience_s=patience)
    worker = IngestWorker(IngestSettings(brokers, patience_s=patience), paced)
    stopping: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda received, _: stopping.append(received))
    print(f"fde worker ingest: reading fde.*.telemetry at {brokers}", file=sys.stderr, flush=True)
    with giving_up():
        worker.run(lambda: bool(stopping))
    print(f"fde worker ingest: stopped; signed {worker.signed} events, buried {worker.dead} records", file=sys.stderr)
    return 0


@app.command
def fold(
    *,
    brokers: Brokers,
    kafka_config: KafkaConfig = None,
    state: Annotated[str, Parameter(env_var="FDE_STATE")] = "kafka",
    threshold: Annotated[Positive, Parameter(env_var="FDE_THRESHOLD")] = 3,
    cluster: Annotated[Seconds, Parameter(env_var="FDE_CLUSTER_S")] = 300.0,
    snapshot: Annotated[Positive, Parameter(env_var="FDE_SNAPSHOT_KIB")] = 4096,
    patience: Patience = 120.0,
) -> int:
    """Group signed events and raise challenges.

    Parameters
    ----------
    brokers
        Kafka, host:port[,host:port].
    kafka_config
        A YAML mapping of Kafka client settings (security.protocol, sasl.*, ssl.*); needed for a broker on another machine.
    state
        kafka (the topic fde-engine.state) or sqlite:PATH (embedded mode).
    threshold
        Deployments that must have seen a group before it is a challenge.
    cluster
        Seconds between two looks for groups that are one (hdbscan proposes, the rules decide); 0 never looks.
    snapshot
        KiB of steps in a partition's state log after which a snapshot replaces them.
    patience
        Seconds that Kafka may be away before the worker gives up.
    """
    from fde_streams.app import FoldSettings, FoldWorker
    from fde_streams.broker import await_topics
    from fde_streams.state import StateLog
    from fde_streams.state_kafka import KafkaStateLog
    from fde_streams.state_sqlite import SqliteStateLog

    log.to_stderr()
    brokers = reached(brokers, kafka_config)
    path = None if state == "kafka" else _sqlite_path("--state", state)
    settings = FoldSettings(
        brokers, threshold=threshold, patience_s=patience, cluster_s=cluster, snapshot_bytes=snapshot * 1024
    )
    with giving_up():
        await_topics(brokers, embedded=path is not None, patience_s=patience)
        kept: StateLog = KafkaStateLog(brokers) if path is None else SqliteStateLog(path, brokers)
        worker = FoldWorker(settings, kept)
    print(f"fde worker fold: state in {state}, threshold {threshold}, at {brokers}", file=sys.stderr, flush=True)
    return worker.run()


def _sqlite_path(option: str, value: str) -> Path:
    from fde_events.errors import Misuse

    scheme, _, path = value.partition(":")
    if scheme != "sqlite" or not path:
        raise Misuse(f"{option} {value!r}: give sqlite:PATH" + (" or kafka" if option == "--state" else ""))
    return Path(path)
