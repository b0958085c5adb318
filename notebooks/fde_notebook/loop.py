"""The loop as frames: what an analyst asks, from a directory of logs or from a running loop, by the same calls."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import polars as pl

from fde_api.candidate import PatternCandidate
from fde_api.primitive import DeploymentPrimitive
from fde_events.challenge import Challenge
from fde_events.errors import Misuse
from fde_events.record import ReceivedBatch
from fde_notebook import columns
from fde_notebook.columns import frame, moment
from fde_notebook.fleet import Fleet
from fde_notebook.reading import Reading, read
from fde_notebook.rows import candidate_row, event_row, parameter_rows
from fde_streams.group import customers
from fde_streams.standing import raised_of

if TYPE_CHECKING:
    from fde_api.deployment import FDEDeployment


class Source(Protocol):
    """Where events come from: a directory, or topics."""

    def batches(self) -> Iterator[ReceivedBatch]:
        """Redacted batches; one may come twice."""
        ...

    def challenges(self) -> Sequence[Challenge] | None:
        """The engine's challenges, or None where there is no engine and the fold decides."""
        ...


class Shelf(Protocol):
    """The part of a Registry that analysis reads."""

    def candidates(self) -> Sequence[PatternCandidate]:
        """Those this identity may see."""
        ...

    def primitives(self) -> Sequence[DeploymentPrimitive]:
        """Those that are published and this identity may see."""
        ...


class Loop:
    """One reading of the loop. Each part is read when first asked for and kept; make a new Loop to read again.

    Frames hold redacted text only, and what the registry shows to the identity that reads it. Every method returns a frame
    with the columns of :mod:`fde_notebook.columns`, an empty one too. Rows are in the order each method names.
    """

    def __init__(
        self,
        source: Source,
        shelf: Callable[[Loop], Shelf],
        *,
        deployments: Callable[[], Sequence[FDEDeployment]] | None = None,
    ) -> None:
        self._source, self._open_shelf, self._deployments = source, shelf, deployments

    @classmethod
    def of_fleet(cls, directory: Path, *, registry: Shelf | str | None = None) -> Loop:
        """Offline: `<directory>/fleet/<customer>/<deployment>/app.log`, by the code of sidecar and workers, without a broker.

        Without a `registry` (or its address, ``directory:PATH``), candidates are what extraction would propose for the
        solutions in `<directory>/solutions/<family>/<n>/`; nobody has decided on those, and nothing is published.
        :class:`fde_events.errors.BadInput` names a file that cannot be used.
        """
        fleet = Fleet(Path(directory))
        if registry is not None:
            shelf, listing = _opened(registry)
            return cls(fleet, lambda loop: shelf, deployments=listing)
        return cls(fleet, lambda loop: _Proposed(loop._challenges, fleet))

    @classmethod
    def at(cls, *, brokers: str, registry: Shelf | str | None = None, timeout_s: float = 60.0) -> Loop:
        """A running loop: its topics at `brokers` (host:port[,host:port]), its resources in `registry`.

        `registry`: one, or its address (``directory:PATH``, ``kubernetes[:NAMESPACE]``). Topics are read to the end they
        have when asked, which takes at most `timeout_s` each; they hold telemetry as long as their retention says.
        :class:`fde_events.errors.Unavailable` when Kafka or Kubernetes does not answer.
        """
        from fde_notebook.topics import Topics

        if registry is None:
            return cls(Topics(brokers, timeout_s), _no_registry)
        shelf, listing = _opened(registry)
        return cls(Topics(brokers, timeout_s), lambda loop: shelf, deployments=listing)

    def events(self) -> pl.DataFrame:
        """One row an event, by time. Columns: :data:`fde_notebook.columns.EVENTS`.

        `event`: its id, unique within its customer. `time`: the application's clock. `kind`: error, rate_limit, performance,
        schema_drift. `message`: redacted, what was said; of kinds other than error a one-line summary. `count`: how many
        events it stands for (a sidecar in a storm sends counts; 1 offline). `group`, `signature`, `block`, `title`: where
        the engine puts it.
        """
        rows = (
            event_row(event, signed, self._reading.group_of(signed.signature.digest))
            for event, signed in self._reading.events
        )
        return frame(columns.EVENTS, rows).sort("time", "customer", "deployment", "event")

    def groups(self) -> pl.DataFrame:
        """One row a group of these events, raised or not; widest first. Columns: :data:`fde_notebook.columns.GROUPS`.

        `customers` are distinct; three deployments of one customer are one. `raised_at`: null below the threshold. Of a
        running loop this counts what the telemetry topics still hold; `challenges` has the engine's own counts.
        """
        rows, state = [], self._reading.state
        for group in state.groups.values():
            founder, places = state.signatures[group.founder], state.shares(group)
            shares = places.values()
            rows.append((
                group.id, founder.title, founder.kind, founder.block, len(group.members), len(shares), customers(places),
                sum(share.count for share in shares), moment(min(share.first for share in shares)),
                moment(max(share.last for share in shares)), moment(group.raised_at),
            ))  # fmt: skip
        return _widest(frame(columns.GROUPS, rows), "group")

    def challenges(self) -> pl.DataFrame:
        """One row a challenge as it stands; widest first. Columns: :data:`fde_notebook.columns.CHALLENGES`.

        `challenge` is permanent. `raised_at`: event time at which it was seen in enough deployments. `samples`: at most
        three redacted texts of distinct deployments.
        """
        rows = (
            (
                c.id, c.title, c.kind, c.block, list(c.signatures), c.deployments, c.customers, c.events,
                moment(c.first_seen), moment(c.last_seen), moment(c.raised_at), list(c.samples),
            )
            for c in self._challenges
        )  # fmt: skip
        return _widest(frame(columns.CHALLENGES, rows), "challenge")

    def sightings(self) -> pl.DataFrame:
        """One row a challenge and deployment, by both. Columns: :data:`fde_notebook.columns.SIGHTINGS`."""
        rows = (
            (c.id, s.deployment, s.customer, s.count, moment(s.first_seen), moment(s.last_seen))
            for c in self._challenges
            for s in c.sightings
        )
        return frame(columns.SIGHTINGS, rows).sort("challenge", "deployment", "customer")

    def candidates(self) -> pl.DataFrame:
        """One row a candidate, by name. Columns: :data:`fde_notebook.columns.CANDIDATES`.

        `state`: Proposed, Approved, Rejected. `parameters`: how many. `rebuilt` of `siblings` are given back byte for byte,
        `customers` of them distinct; `proof` says it in words, null when the candidate carries none. `everyone`: whether all
        customers may see it. `proposed_at` is the registry's clock, `first_seen` and `threshold_met` are event time.
        """
        return frame(columns.CANDIDATES, map(candidate_row, self._candidates)).sort("candidate")

    def parameters(self) -> pl.DataFrame:
        """One row a candidate's parameter, in the candidate's order. Columns: :data:`fde_notebook.columns.PARAMETERS`.

        `places`: how many holes of the template it fills. `default` and `allowed_values` as text. A sibling's own values
        are in no candidate, so they are not here.
        """
        rows = (row for candidate in self._candidates for row in parameter_rows(candidate))
        return frame(columns.PARAMETERS, rows)

    def latency(self) -> pl.DataFrame:
        """One row a published primitive, in order of publication. Columns: :data:`fde_notebook.columns.LATENCY`.

        `full_loop` is the Full Loop latency: first event of the challenge to publication, `to_threshold` (until it was seen
        in enough deployments) + `to_publication` (until a person had approved). Null where a time is not known. First two
        times are event time, carried by the primitive; publication is the registry's clock.
        """
        rows = []
        for primitive in self._shelf.primitives():
            spec = primitive.spec
            first, met, out = (
                moment(text)
                for text in (spec.provenance.first_seen, spec.provenance.threshold_met, spec.provenance.published_at)
            )
            rows.append((
                spec.primitive_name, spec.version, spec.provenance.challenge or None, first, met, out,
                _span(first, met), _span(met, out), _span(first, out),
            ))  # fmt: skip
        return frame(columns.LATENCY, rows).sort("published_at", "primitive", "version")

    def reuse_rate(
        self, deployments: Iterable[FDEDeployment] | None = None, *, since: datetime | None = None
    ) -> float | None:
        """Pattern reuse rate, 0..1: FDEDeployments made from a primitive of the loop / all FDEDeployments.

        An FDEDeployment counts as made from a primitive when its `primitiveRef` names a version that is published in this
        registry and came from a candidate (`provenance.candidateRef`), so that a primitive somebody wrote by hand for one
        customer is not taken for reuse. Those being deleted are not counted; `since` counts those created at or after it.
        `deployments` None: the cluster's, if the registry was given as ``kubernetes``; a directory knows of none.
        None when there is nothing to count.
        """
        if deployments is None:
            if self._deployments is None:
                return None
            deployments = self._deployments()
        extracted = {
            (p.spec.primitive_name, p.spec.version)
            for p in self._shelf.primitives()
            if p.spec.provenance.candidate_ref is not None
        }
        counted = [d for d in deployments if d.metadata.deletion_timestamp is None and _created_since(d, since)]
        if not counted:
            return None
        return sum((d.spec.primitive_ref.name, d.spec.primitive_ref.version) in extracted for d in counted) / len(
            counted
        )

    @cached_property
    def _reading(self) -> Reading:
        return read(self._source.batches())

    @cached_property
    def _challenges(self) -> Sequence[Challenge]:
        found = self._source.challenges()
        if found is not None:
            return found
        return raised_of(self._reading.state)

    @cached_property
    def _shelf(self) -> Shelf:
        return self._open_shelf(self)

    @cached_property
    def _candidates(self) -> Sequence[PatternCandidate]:
        return self._shelf.candidates()


class _Proposed:
    """A shelf for a fleet without a registry: what would be proposed, nothing published."""

    def __init__(self, challenges: Sequence[Challenge], fleet: Fleet) -> None:
        self._challenges, self._fleet = challenges, fleet

    def candidates(self) -> Sequence[PatternCandidate]:
        from fde_notebook.proposals import propose

        return propose(self._challenges, self._fleet.solutions())

    def primitives(self) -> Sequence[DeploymentPrimitive]:
        return ()


def _opened(registry: Shelf | str) -> tuple[Shelf, Callable[[], Sequence[FDEDeployment]] | None]:
    if not isinstance(registry, str):
        return registry, None
    from fde_registry.address import open_registry

    def listing() -> Sequence[FDEDeployment]:
        from fde_notebook.cluster import deployments

        return deployments()

    return open_registry(registry), listing if registry.startswith("kubernetes") else None


def _no_registry(loop: Loop) -> Shelf:
    raise Misuse(
        "candidates and primitives are in a registry: Loop.at(..., registry='directory:PATH' or 'kubernetes')."
    )


def _widest(found: pl.DataFrame, name: str) -> pl.DataFrame:
    return found.sort(["customers", "deployments", "events", name], descending=[True, True, True, False])


def _span(start: datetime | None, end: datetime | None) -> Any:
    return None if start is None or end is None else end - start


def _created_since(deployment: FDEDeployment, since: datetime | None) -> bool:
    created = moment(deployment.metadata.creation_timestamp)
    return since is None or (created is not None and created >= since)
