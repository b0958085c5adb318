"""The sidecar: reads one deployment's errors, redacts, derives, spools, publishes.

logs · OTLP · stdin -> Session (one producer epoch) -> spool -> Kafka, or bundles where outbound Kafka is not allowed

Telemetry never harms the application: with broker, DNS and credentials absent this starts, runs and spools; it exits on
request alone. A disk that refuses is tried again. Several may run in one process, a thread each.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import structlog

from fde_events.errors import Unavailable
from fde_events.topics import check_customer, telemetry
from fde_sidecar.bundle_sink import BundleSink
from fde_sidecar.callpace import PacedCalls
from fde_sidecar.derive import Derivation
from fde_sidecar.egress import EgressLog
from fde_sidecar.feed import Feed, FeedFile
from fde_sidecar.files import FilesInput
from fde_sidecar.pace import GroupPace, Pace, Unpaced
from fde_sidecar.probes import Vitals
from fde_sidecar.pseudonym import Key, KeyFile, file_beside, label, read_key
from fde_sidecar.publish import Publisher
from fde_sidecar.reading import Input
from fde_sidecar.redact import Redactor
from fde_sidecar.session import Parts, Session
from fde_sidecar.settings import Settings, Summary
from fde_sidecar.sink import OnLeft, Sink
from fde_sidecar.spool import Spool
from fde_sidecar.status import Status
from fde_sidecar.stdin import StdinInput
from fde_sidecar.switch import Switch

log = structlog.get_logger(__name__)

_DISK_RETRY_S: Final = 5.0


class Sidecar:
    """One feed's sidecar, usable in a thread: ``Sidecar(settings).run(stop)``. `pace` is shared by those of a topic."""

    def __init__(self, settings: Settings, *, pace: Pace | None = None) -> None:
        check_customer(settings.customer)
        self._settings = settings
        self._feed = FeedFile(settings.feed_file) if settings.feed_file else None
        self._keys = KeyFile(settings.key_file) if settings.key_file else None
        self._redactor: tuple[Feed, Key, Redactor] | None = None
        self._pace, self._own = pace, None if pace else self._own_pace()
        self._switch = Switch(settings.switch)
        self._wake = threading.Event()
        self._lasting: list[Input] = []  # inputs that outlive a session: their senders hold a port, or a pipe
        self._session: Session | None = None
        self.vitals = Vitals()
        self.summary = Summary()

    def summary_now(self) -> Summary:
        """The counts of the run under way; of the whole run when it is over."""
        session = self._session
        return self.summary if session is None else session.summary()

    def status(self) -> Status:
        """What metrics show; of no session before the first and after the last."""
        session = self._session
        return Status() if session is None else session.status()

    def run(self, stop: threading.Event) -> Summary:
        """Until `stop`, or until idle if so set. A disk that refuses is tried again; nothing read is taken as done."""
        if self._settings.otlp is not None:
            from fde_sidecar.otlp.input import OtlpInput  # 6 MiB that a sidecar of log files does without

            host, port = self._settings.otlp
            self._lasting.append(OtlpInput(self._wake.set, host=host, port=port))
        if self._settings.stdin:
            self._lasting.append(StdinInput(calls_of=PacedCalls(), wake=self._wake.set))
        try:
            return self._run(stop)
        finally:
            for one in self._lasting:
                one.close()
            if self._own is not None:
                self._own.close()

    def _run(self, stop: threading.Event) -> Summary:
        while True:
            try:
                if self._run_session(stop):
                    return self.summary
            except Unavailable as error:
                log.warning("spool_unavailable", deployment=self._settings.feed.deployment, reason=str(error))
            self.vitals.turn()
            if stop.wait(_DISK_RETRY_S):
                return self.summary

    def _run_session(self, stop: threading.Event) -> bool:
        """One session from its spool to its end; True when it ended because it was asked to."""
        settings = self._settings
        with ExitStack() as stack:
            if self._keys is None:
                self._keys = KeyFile(file_beside(settings.spool.parent, settings.customer))
            spool = Spool(settings.spool, cap_bytes=settings.cap_bytes)
            stack.callback(_close_spool, spool, settings.feed.deployment)
            egress = EgressLog(settings.spool)
            stack.callback(egress.close)
            files = FilesInput(settings.logs, spool.state.positions, calls_of=PacedCalls())
            stack.callback(files.close)
            sink = self._sink(spool, egress.left)
            stack.callback(sink.close)
            derivation = Derivation(settings.spool, _digest(settings.spool))
            session = Session(
                settings,
                Parts(
                    spool=spool,
                    inputs=(files, *self._lasting),
                    sink=sink,
                    redactor=self._redactor_for,
                    derivation=derivation,
                    switch=self._switch,
                    feed=self._current_feed,
                    wake=self._wake,
                    vitals=self.vitals,
                    tend=egress.expire,
                ),
            )
            self._session = session
            try:
                session.run(stop)
            finally:
                self.summary.add(session.summary())
                self._session = None
        return True

    def _current_feed(self) -> Feed:
        return self._settings.feed if self._feed is None else self._feed.current()

    def _redactor_for(self, feed: Feed) -> tuple[Redactor, str]:
        """The redactor for `feed` under the key that holds now, the same one while neither changes; and its label."""
        assert self._keys is not None  # a session asks, and it began with them
        key = self._keys.current()
        held = self._redactor
        if held is None or held[0] is not feed or held[1] is not key:
            redactor = Redactor(key.secret, feed.mode, self._settings.withhold, custom=feed.rules)
            held = self._redactor = (feed, key, redactor)
        return held[2], label(held[2].label, key)

    def _sink(self, spool: Spool, on_left: OnLeft) -> Sink:
        settings = self._settings
        deployment = settings.feed.deployment
        if settings.bundles is not None:
            return BundleSink(
                spool, settings.bundles, customer=settings.customer, deployment=deployment, on_left=on_left
            )
        return Publisher(
            spool,
            topic=telemetry(settings.customer).name,
            customer=settings.customer,
            deployment=deployment,
            bootstrap=settings.brokers or settings.feed.brokers,
            settings=settings.kafka,
            settings_file=settings.kafka_file,
            pace=self._pace or self._own or Unpaced(),
            on_left=on_left,
        )

    def _own_pace(self) -> GroupPace | None:
        settings = self._settings
        if not (settings.pace_group and settings.brokers):
            return None
        return GroupPace(settings.brokers, settings.pace_group, telemetry(settings.customer).name)


def _close_spool(spool: Spool, deployment: str) -> None:
    try:
        spool.close()
    except Unavailable as error:
        log.warning("spool_unavailable", deployment=deployment, reason=str(error))


def _digest(directory: Path) -> Callable[[str], str]:
    """How detectors remember values: a key of their own, which stays when the pseudonyms' is rotated."""
    key = read_key(file_beside(directory, "shapes"))
    return lambda value: hashlib.blake2b(value.encode("utf-8", "surrogatepass"), key=key, digest_size=16).hexdigest()
