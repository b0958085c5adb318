"""`fde sidecar`: the sidecar of one or more TelemetryFeeds."""

from __future__ import annotations

import signal
import sys
import threading
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

from cyclopts import Parameter

from fde_cli import log
from fde_cli.options import Brokers, Flag, KafkaConfig, Positive, Seconds, reached

if TYPE_CHECKING:
    from fde_events.event import ErrorEvent
    from fde_sidecar.probes import Probes
    from fde_sidecar.sidecar import Sidecar

_GRACE_S: Final = 15.0


def sidecar(
    *,
    feed: tuple[Path, ...],
    logs: tuple[str, ...] = (),
    customer: Annotated[str, Parameter(env_var="FDE_CUSTOMER")],
    spool: Annotated[Path, Parameter(env_var="FDE_SPOOL")],
    brokers: Brokers | None = None,
    key_file: Annotated[Path | None, Parameter(env_var="FDE_PSEUDONYM_KEY_FILE")] = None,
    kafka_config: KafkaConfig = None,
    otlp: Annotated[str | None, Parameter(env_var="FDE_OTLP")] = None,
    stdin: Flag = False,
    bundles: Annotated[Path | None, Parameter(env_var="FDE_BUNDLES")] = None,
    switch: Annotated[Path | None, Parameter(env_var="FDE_SWITCH")] = None,
    probes: Annotated[str | None, Parameter(env_var="FDE_PROBES")] = None,
    spool_cap_mib: Annotated[Positive, Parameter(env_var="FDE_SPOOL_CAP_MIB")] = 256,
    pace_group: Annotated[str | None, Parameter(env_var="FDE_PACE_GROUP")] = None,
    grace: Annotated[Seconds, Parameter(env_var="FDE_GRACE_S")] = 10.0,
    until_idle: Seconds | None = None,
) -> int:
    """Read logs, OTLP and standard input, redact, and publish what the feeds let out. Starts and spools without a broker.

    Parameters
    ----------
    feed
        A TelemetryFeed manifest; once a feed. Read again when it changes.
    logs
        A glob of log files; {namespace} and {name} stand for the feed's. One for all feeds, or one a feed in order.
    customer
        The customer's name, a DNS label; the operator sets it from the namespace's label.
    spool
        Directory for what is not sent yet, and for the log of what left (`fde egress`).
    brokers
        Kafka bootstrap servers; the feed's own sink, when this is not given.
    key_file
        The customer's pseudonym key or ring of keys (`fde key`); one is made beside the spool when it is not given.
    kafka_config
        A YAML mapping of more Kafka client settings (security.protocol, sasl.*). While it cannot be used, nothing is sent.
    otlp
        host:port of an OTLP/HTTP receiver for logs, metrics and traces; 127.0.0.1:4318 is what OpenTelemetry SDKs expect.
    stdin
        Read standard input too. A pipe has no position: files are the safe way.
    bundles
        Write sealed files into this directory instead of sending to Kafka; `fde ingest` takes them in.
    switch
        The kill switch: a file that says on, hold, off, or off purge.
    probes
        host:port of /startupz, /livez, /readyz and /metrics.
    spool_cap_mib
        The spool's cap a feed; keep it below the pod's ephemeral-storage limit.
    pace_group
        On the embedded broker: stay close to what this consumer group has committed.
    grace
        Seconds on the way out for what is not sent yet; less than the pod's termination grace. The spool keeps the rest.
    until_idle
        Leave with 0 after so many seconds with nothing new and everything acknowledged.
    """
    import msgspec

    from fde_events.errors import Misuse
    from fde_sidecar.feed import read_feed
    from fde_sidecar.probes import split
    from fde_sidecar.settings import Settings, Summary
    from fde_sidecar.sidecar import Sidecar

    if pace_group is not None and kafka_config is not None:
        raise Misuse("--pace-group is for the embedded broker, which takes no --kafka-config.")
    if len(logs) > 1 and len(logs) != len(feed):
        raise Misuse(f"--logs is given once, or once a feed: {len(feed)} feeds, {len(logs)} globs")
    if not logs and otlp is None and not stdin:
        raise Misuse("nothing to read: give --logs, --otlp or --stdin")
    if len(feed) > 1 and (otlp is not None or stdin):
        raise Misuse("--otlp and --stdin are one deployment's: give one --feed")
    if bundles is not None and brokers is not None:
        raise Misuse("--bundles is where no Kafka is: give one of --bundles and --brokers")
    if spool.exists() and not spool.is_dir():
        raise Misuse(f"--spool is a directory; {spool} is none")
    log.as_json(sys.stderr)
    receiver = split(otlp, "--otlp") if otlp is not None else None
    feeds = [read_feed(path) for path in feed]
    if len({one.deployment for one in feeds}) != len(feeds):
        raise Misuse("two of the feeds are of the same deployment; give each once")
    if brokers is not None and kafka_config is None:
        reached(brokers, None)  # a broker elsewhere without encryption is refused before anything is read
    globs = logs * len(feeds) if len(logs) == 1 else logs or ("",) * len(feeds)
    sidecars = [
        Sidecar(
            Settings(
                feed=one,
                feed_file=path,
                customer=customer,
                logs=(pattern.replace("{namespace}", one.namespace).replace("{name}", one.deployment_name),)
                if pattern
                else (),
                spool=spool / f"{one.namespace}.{one.deployment_name}",
                brokers=brokers,
                kafka_file=kafka_config,
                key_file=key_file,
                otlp=receiver,
                stdin=stdin,
                bundles=bundles,
                switch=switch,
                cap_bytes=spool_cap_mib * 1024 * 1024,
                pace_group=pace_group,
                finish_s=grace,
                until_idle=until_idle,
                withhold=_withhold,
            )
        )
        for path, one, pattern in zip(feed, feeds, globs, strict=True)
    ]
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    with ExitStack() as stack:
        if probes is not None:
            stack.callback(_served(probes, sidecars).close)
        _run(sidecars, stop, grace)
    total = Summary()
    for each in sidecars:
        total.add(each.summary)
    print(msgspec.json.encode(total).decode(), flush=True)
    return 0


def _run(sidecars: list[Sidecar], stop: threading.Event, grace: float) -> None:
    """All of them, a thread each, until each has left. Raises what one of them raised."""
    broken: list[BaseException] = []
    left = [threading.Event() for _ in sidecars]

    def run(one: Sidecar, done: threading.Event) -> None:
        try:
            one.run(stop)
        except BaseException as error:  # noqa: BLE001  raised again below, in the thread that can report it
            broken.append(error)
            stop.set()
        finally:
            done.set()

    for one, done in zip(sidecars, left, strict=True):
        threading.Thread(target=run, args=(one, done), daemon=True).start()
    asked: float | None = None
    while not all(done.wait(0.2) for done in left):  # with a time-out, so that signals are seen
        if stop.is_set():
            asked = asked or time.monotonic()
            if time.monotonic() - asked > grace + _GRACE_S:
                break  # a read or a disk that hangs: the spool has what it has, and the pod must go
    if broken:
        raise broken[0]


def _served(address: str, sidecars: list[Sidecar]) -> Probes:
    from fde_sidecar.metrics import CONTENT_TYPE, render
    from fde_sidecar.probes import Answer, Probes, pages
    from fde_sidecar.rules import RULES
    from fde_sidecar.status import together

    kinds = {rule.kind for rule in RULES}

    def metrics() -> Answer:
        return Answer(200, render(together([one.status() for one in sidecars]), rules=kinds), CONTENT_TYPE)

    return Probes(address, pages(lambda: [one.vitals for one in sidecars], metrics))


def _withhold(event: ErrorEvent) -> ErrorEvent:
    """Strict mode's; imported when the first event needs it, so that a sidecar in standard mode stays small."""
    from fde_streams.withhold import withheld

    return withheld(event)
