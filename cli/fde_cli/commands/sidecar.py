"""`fde sidecar`: the sidecar of one or more TelemetryFeeds."""

from __future__ import annotations

import signal
import sys
import threading
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from fde_cli import log
from fde_cli.options import Brokers, Positive, Seconds


def sidecar(
    *,
    feed: tuple[Path, ...],
    logs: tuple[str, ...],
    customer: Annotated[str, Parameter(env_var="FDE_CUSTOMER")],
    spool: Annotated[Path, Parameter(env_var="FDE_SPOOL")],
    brokers: Brokers | None = None,
    key_file: Annotated[Path | None, Parameter(env_var="FDE_PSEUDONYM_KEY_FILE")] = None,
    kafka_config: Annotated[Path | None, Parameter(env_var="FDE_KAFKA_CONFIG")] = None,
    spool_cap_mib: Annotated[Positive, Parameter(env_var="FDE_SPOOL_CAP_MIB")] = 256,
    pace_group: Annotated[str | None, Parameter(env_var="FDE_PACE_GROUP")] = None,
    until_idle: Seconds | None = None,
) -> int:
    """Follow log files, redact, and publish what the feeds let out. Starts and spools without a broker.

    Parameters
    ----------
    feed
        A TelemetryFeed manifest; once a feed.
    logs
        A glob of log files; {namespace} and {name} stand for the feed's. One for all feeds, or one a feed in order.
    customer
        The customer's name, a DNS label; the operator sets it from the namespace's label.
    spool
        Directory for what is not sent yet.
    brokers
        Kafka bootstrap servers; the feed's own sink, when this is not given.
    key_file
        The customer's pseudonym key; one is made beside the spool when it is not given.
    kafka_config
        A YAML mapping of more Kafka client settings (security.protocol, sasl.*). While it cannot be used, nothing is sent.
    spool_cap_mib
        The spool's cap a feed; keep it below the pod's ephemeral-storage limit.
    pace_group
        On the embedded broker: stay close to what this consumer group has committed.
    until_idle
        Leave with 0 after so many seconds with nothing new and everything acknowledged.
    """
    import msgspec

    from fde_events.errors import Misuse
    from fde_sidecar.feed import read_feed
    from fde_sidecar.sidecar import Settings, Sidecar, Summary
    from fde_streams.withhold import withheld

    if pace_group is not None and kafka_config is not None:
        raise Misuse("--pace-group is for the embedded broker, which takes no --kafka-config.")
    if len(logs) not in (1, len(feed)):
        raise Misuse(f"--logs is given once, or once a feed: {len(feed)} feeds, {len(logs)} globs")
    log.as_json(sys.stderr)
    feeds = [read_feed(path) for path in feed]
    if len({one.deployment for one in feeds}) != len(feeds):
        raise Misuse("two of the feeds are of the same deployment; give each once")
    globs = logs if len(logs) == len(feeds) else logs * len(feeds)
    sidecars = [
        Sidecar(
            Settings(
                feed=one,
                customer=customer,
                logs=(pattern.replace("{namespace}", one.namespace).replace("{name}", one.deployment_name),),
                spool=spool / f"{one.namespace}.{one.deployment_name}",
                brokers=brokers,
                kafka_file=kafka_config,
                key_file=key_file,
                cap_bytes=spool_cap_mib * 1024 * 1024,
                pace_group=pace_group,
                until_idle=until_idle,
                withhold=withheld,
            )
        )
        for one, pattern in zip(feeds, globs, strict=True)
    ]
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    total = Summary()
    broken: list[BaseException] = []

    def run(one: Sidecar) -> None:
        try:
            one.run(stop)
        except BaseException as error:  # noqa: BLE001  raised again below, in the thread that can report it
            broken.append(error)
            stop.set()

    threads = [threading.Thread(target=run, args=(one,), daemon=True) for one in sidecars]
    for thread in threads:
        thread.start()
    for thread in threads:
        while thread.is_alive():
            thread.join(0.2)  # with a time-out, so that signals are seen
    if broken:
        raise broken[0]
    for one in sidecars:
        total.add(one.summary)
    print(msgspec.json.encode(total).decode(), flush=True)
    return 0
