"""`fde ingest`: take in bundles that were carried from where no outbound Kafka is allowed."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

from cyclopts import Parameter

from fde_cli.options import Brokers, KafkaConfig, Seconds, reached

if TYPE_CHECKING:
    from fde_events.record import Record

_HELD: Final = re.compile(r"\.(\d+)-(\d+)\.fdeb$")


@dataclass(slots=True)
class _Taken:
    """What one bundle gave. `missing`: ids, or ranges of them, that lay in what is damaged."""

    bundle: str
    deployment: str
    epoch: str
    records: int = 0
    events: int = 0
    marks: int = 0
    damage: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)


def ingest(
    *bundles: Path,
    customer: Annotated[str, Parameter(env_var="FDE_CUSTOMER")],
    brokers: Brokers | None = None,
    kafka_config: KafkaConfig = None,
    dry_run: bool = False,
    timeout: Seconds = 60.0,
    as_json: Annotated[bool, Parameter(name="--json", negative="")] = False,
) -> int:
    """Publish the records of bundles to the customer's topic, as their sidecar would have. Taking one in twice does no harm.

    Whose they are is said by --customer, and by who may write that customer's topic; a bundle that says otherwise is
    refused, and then none is taken in. What is damaged is named and the rest taken: exit 3.

    Parameters
    ----------
    bundles
        Files that a sidecar sealed (*.fdeb).
    customer
        The customer whose topic they go to.
    brokers
        Kafka, host:port[,host:port].
    kafka_config
        A YAML mapping of Kafka client settings (security.protocol, sasl.*, ssl.*); needed for a broker on another machine.
    dry_run
        Read and check everything, and send nothing.
    timeout
        Seconds without any progress after which Kafka counts as away.
    as_json
        One JSON object a bundle.
    """
    import msgspec

    from fde_events.errors import Misuse, Refused
    from fde_events.topics import telemetry
    from fde_sidecar.bundle import read_header

    topic = telemetry(customer).name
    if not bundles:
        raise Misuse("which bundles? Name the *.fdeb files.")
    if brokers is None and not dry_run:
        raise Misuse("where to? Give --brokers HOST:PORT (or FDE_BROKERS), or --dry-run.")
    headers = [read_header(path) for path in bundles]
    for path, header in zip(bundles, headers, strict=True):
        if header.customer != customer:
            raise Refused(
                f"{path} says that it is customer {header.customer}'s, not {customer}'s. Nothing was taken in; "
                "give each customer's bundles in a call of their own."
            )
    outlet = None if brokers is None or dry_run else _Outlet(reached(brokers, kafka_config), topic, timeout)
    taken = [_Taken(str(path), one.deployment, one.epoch) for path, one in zip(bundles, headers, strict=True)]
    for path, one in zip(bundles, taken, strict=True):
        for record in _records(path, topic, one):
            if outlet is not None:
                outlet.send(record)
    if outlet is not None:
        outlet.finish()
    for one in taken:
        if as_json:
            print(msgspec.json.encode(one).decode())
        else:
            counts = f"{one.records} records, {one.events} events, {one.marks} marks"
            print(f"{one.bundle}  {one.deployment}  {one.epoch}  {counts}")
        for why in one.damage:
            print(f"fde ingest: {one.bundle}: {why}", file=sys.stderr)
        if one.missing:
            print(f"fde ingest: {one.bundle}: not taken in: {', '.join(one.missing)}", file=sys.stderr)
    count = sum(one.records for one in taken)
    told = f"nothing was sent; {count} records would go" if dry_run else f"{count} records went"
    print(f"fde ingest: {told} to {topic}", file=sys.stderr)
    return 3 if any(one.damage for one in taken) else 0


def _records(path: Path, topic: str, taken: _Taken) -> Iterator[Record]:
    """The Kafka records of a bundle; what is damaged or off contract is noted in `taken`."""
    from fde_events.errors import InvalidEvent
    from fde_events.ledger import EpochMark, Ranges
    from fde_events.record import decode, encode_mark, framed, header_map
    from fde_sidecar.bundle import Damage, read_bundle

    seen = Ranges()
    for one in read_bundle(path):
        if isinstance(one, Damage):
            taken.damage.append(one.why)
        elif isinstance(one, EpochMark):
            taken.marks += 1
            yield encode_mark(one)
        else:
            record = framed(one.value, deployment=one.deployment, epoch=one.epoch, sequence=one.sequence, time=one.time)
            try:
                said = decode(topic, header_map(record.headers), record.value).batch
                if said.deployment != one.deployment:
                    raise InvalidEvent(topic, f"it is of deployment {said.deployment}, in a bundle of {one.deployment}")
            except InvalidEvent as error:
                taken.damage.append(f"record {one.epoch}/{one.sequence} is off contract: {error.why}")
                continue
            seen.add(one.sequence)
            taken.records += 1
            taken.events += len(said.events)
            yield record
    if taken.damage:
        taken.missing = list(_missing(path, taken.epoch, seen))


def _missing(path: Path, epoch: str, seen: Any) -> Iterator[str]:
    """What a bundle should hold by its name and does not; by what was found in it, where it was renamed."""
    named = _HELD.search(path.name)
    if not named and not seen.spans:
        return
    first, last = (int(named[1]), int(named[2])) if named else (seen.spans[0][0], seen.spans[-1][1])
    for start, end in seen.gaps(last):
        if end >= first:
            start = max(start, first)
            yield f"{epoch}/{start}" if start == end else f"{epoch}/{start}..{end}"


class _Outlet:
    """The customer's topic: records in the order they are given, and an error for whatever did not land."""

    def __init__(self, brokers: str, topic: str, timeout_s: float) -> None:
        from confluent_kafka import Producer

        from fde_events.kafka import Complaints, listed, producer_settings

        self._brokers, self._topic, self._timeout_s = brokers, topic, timeout_s
        self._heard = Complaints()
        more: dict[str, Any] = {"message.timeout.ms": max(1, int(timeout_s * 1000)), "error_cb": self._heard}
        more["topic.metadata.propagation.max.ms"] = 5000
        self._producer = Producer(producer_settings(brokers, **more))
        self._landed = self._given = 0
        self._failed: str | None = None
        self._absent = False
        listed(self._producer, self._heard, brokers, timeout_s=timeout_s)  # a wrong address or password is told at once

    def send(self, record: Record) -> None:
        """Queue one record; waits while the queue is full."""
        until = time.monotonic() + self._timeout_s
        while True:
            try:
                self._producer.produce(
                    self._topic,
                    key=record.key,
                    value=record.value,
                    headers=list(record.headers),
                    on_delivery=self._on_delivery,
                )
                break
            except BufferError:
                before = self._landed
                self._producer.poll(0.5)
                until = time.monotonic() + self._timeout_s if self._landed > before else until
                self._check(until)
        self._given += 1
        self._producer.poll(0)
        self._check(float("inf"))

    def finish(self) -> None:
        """Everything has landed when this returns."""
        until, before = time.monotonic() + self._timeout_s, self._landed
        while self._producer.flush(0.5):
            if self._landed > before:
                until, before = time.monotonic() + self._timeout_s, self._landed
            self._check(until)
        self._check(float("inf"))

    def _on_delivery(self, error: Any, _: Any) -> None:
        if error is None:
            self._landed += 1
        else:
            self._failed = self._failed or error.str()
            self._absent = self._absent or error.code() in (error._UNKNOWN_TOPIC, error.UNKNOWN_TOPIC_OR_PART)

    def _check(self, until: float) -> None:
        from fde_events.errors import Refused, Unavailable

        told = f"{self._landed} records have landed; take the bundles in again, equal ids do no harm."
        if self._heard.refusal is not None:
            raise Refused(f"Kafka at {self._brokers}: {self._heard.refusal}. {told}")
        if self._absent:
            raise Refused(
                f"there is no topic {self._topic} at {self._brokers}, or it is not to be seen with these credentials. "
                f"`fde kafka apply --customers NAME` makes it. {told}"
            )
        why = self._failed or (self._heard.last or "it does not answer" if time.monotonic() >= until else None)
        if why is not None:
            raise Unavailable(f"Kafka at {self._brokers} did not take all records for {self._topic}: {why}. {told}")
