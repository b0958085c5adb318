"""The embedded loop: broker, sidecars, workers, page; started in order, stopped in order.

EmbeddedBroker + Fleet (this process) · ingest, fold, extraction (children) · review page (a thread)
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from types import TracebackType

from fde_cli.embedded.broker import EmbeddedBroker
from fde_cli.embedded.children import Children
from fde_cli.embedded.findings import Findings
from fde_cli.embedded.fleet import Fleet, Member
from fde_cli.embedded.home import Home
from fde_events.errors import Unavailable
from fde_events.topics import ENGINE, LEDGER, SIGNATURES, solutions, telemetry
from fde_extraction import status
from fde_extraction.submission import Submission
from fde_registry.address import open_registry
from fde_streams.book import Book, by_deployment
from fde_streams.ingest_kafka import IngestSettings
from fde_streams.reader import read_challenges
from fde_streams.scan import scan
from fde_streams.state_sqlite import covered_offsets, read_parts

Tell = Callable[[str], None]


def tell(text: str) -> None:
    """Talk goes to stderr."""
    print(text, file=sys.stderr, flush=True)


@dataclass(slots=True)
class Loop:
    """One embedded loop over `members`, at home in `home`."""

    home: Home
    members: list[Member]
    tell: Tell = tell
    _broker: EmbeddedBroker | None = None
    _children: Children | None = None
    _fleet: Fleet | None = None
    _began: float = field(default_factory=time.monotonic)

    @property
    def brokers(self) -> str:
        """The embedded broker's address."""
        assert self._broker is not None
        return self._broker.bootstrap_servers

    @property
    def library(self) -> str:
        """The registry as its address."""
        return f"directory:{self.home.library}"

    def start(self, *, until_idle: float | None = None) -> None:
        """Start everything. With `until_idle` the sidecars leave, and close their epochs, when nothing is new."""
        self.home.make()
        self._broker = EmbeddedBroker()
        customers = sorted({member.customer for member in self.members})
        topics = [topic.name for topic in ENGINE]
        topics += [topic(customer).name for customer in customers for topic in (telemetry, solutions)]
        self._broker.create_topics(topics)
        self._children = Children(self.home.logs)
        state = f"sqlite:{self.home.state}"
        brokers = ("--brokers", self.brokers)
        self._children.start("fold", ["worker", "fold", *brokers, "--state", state])
        self._children.start("ingest", ["worker", "ingest", *brokers, "--pace", state])
        self._children.start(
            "extraction",
            ["worker", "extraction", *brokers, "--registry", self.library, "--evidence", str(self.home.evidence)],
        )
        group = IngestSettings(self.brokers).group
        self._fleet = Fleet(self.home, self.members, self.brokers, group)
        self._fleet.start(until_idle=until_idle)

    def check(self) -> None:
        """Raises :class:`Unavailable` when a worker has ended, naming it and its log."""
        assert self._children is not None
        for name, code in self._children.dead().items():
            log = self.home.logs / f"{name}.log"
            raise Unavailable(f"The {name} worker ended with {code}; its last words are in {log}.")

    def sidecars_left(self, timeout_s: float) -> bool:
        """Whether every sidecar has sent all it read and left."""
        assert self._fleet is not None
        return self._fleet.wait(timeout_s)

    def folded(self) -> bool:
        """Whether the fold has covered everything on the signatures topic, and ingest everything that was published."""
        ends: dict[int, int] = {}
        for message in scan(self.brokers, SIGNATURES):
            ends[message.partition() or 0] = message.offset() or 0
        covered = covered_offsets(self.home.state, self.brokers)
        return bool(ends) and all(covered.get(partition, -1) >= end for partition, end in ends.items())

    def book(self) -> Book:
        """The loss ledger as it stands."""
        book = Book()
        for message in scan(self.brokers, LEDGER):
            if (value := message.value()) is not None:
                book.restore(value)
        return book

    def received_all(self) -> bool:
        """Whether ingest has the closing mark, and every record, of every sidecar."""
        accounts = by_deployment(list(self.book().records()))
        return len(accounts) == len(self.members) and all(account.verdict == "whole" for account in accounts)

    def settled(self, handed: Sequence[Submission]) -> bool:
        """Whether extraction has looked at every challenge that is raised, and at every solution that answers one."""
        statuses = {found.challenge: found.solutions for found in status.read(self.home.evidence / "status.jsonl")}
        for challenge in read_challenges(self.brokers).values():
            answers = {
                sent.solution.deployment
                for sent in handed
                if sent.solution.challenge == challenge.id
                or not set(challenge.signatures).isdisjoint(sent.solution.signatures)
            }
            if statuses.get(challenge.id, -1) < len(answers):
                return False
        return True

    def findings(self, handed: int) -> Findings:
        """What was found, read from where each stage keeps it."""
        assert self._fleet is not None
        accounts = by_deployment(list(self.book().records()))
        summary = self._fleet.summary()
        parts = read_parts(self.home.state).values()
        return Findings(
            deployments=len(self.members),
            customers=len({member.customer for member in self.members}),
            lines=summary.lines,
            read=summary.events,
            received=sum(account.events for account in accounts),
            folded=sum(spans.count for part in parts for spans in part.state.seen.epochs.values()),
            signatures=sum(len(part.state.signatures) for part in parts),
            groups=sum(len(part.state.groups) for part in parts),
            challenges=sorted(read_challenges(self.brokers).values(), key=lambda c: (-c.deployments, c.id)),
            accounts=accounts,
            solutions=handed,
            statuses=status.read(self.home.evidence / "status.jsonl"),
            candidates=open_registry(self.library).candidates(),
        )

    def until(self, what: str, check: Callable[[], bool], *, limit_s: float) -> bool:
        """Poll `check`, telling progress; False when `limit_s` seconds were not enough. A dead worker raises."""
        began = time.monotonic()
        said = 0.0
        while not check():
            self.check()
            waited = time.monotonic() - began
            if waited > limit_s:
                self.tell(f"  {what}: not finished after {limit_s:g} s, going on with what there is")
                return False
            if waited - said > 5:
                said = waited
                self.tell(f"  {what} ... {waited:.0f} s")
            time.sleep(0.2)
        self.tell(f"  {what}  ({time.monotonic() - self._began:.1f} s)")
        return True

    def stop(self) -> None:
        """Sidecars first, so that their last records are sent and their epochs closed; then workers, then the broker."""
        if self._fleet is not None:
            self._fleet.stop()
        if self._children is not None:
            self._children.stop()
        if self._broker is not None:
            self._broker.close()
        self._broker = None

    def __enter__(self) -> Loop:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
