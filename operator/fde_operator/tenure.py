"""Tenure: what a Lease says about who leads, and when somebody else may take it. Pure; the loop is in `lease`.

coordination.k8s.io/v1 Lease -> holder_of() / Sighting.see() -> free()? -> taken() / renewed() / released() -> the next Lease

As client-go's leaderelection: nobody ever compares its clock with the times in a Lease, which are for people. A candidate
measures on its own clock how long the record has not changed. Two things are stricter here. Who has gone without a release
is waited for even if the Lease was deleted or its holder was edited away: the holder may not know it yet, and writes on
until its next renewal. And a stranger's long `leaseDurationSeconds` keeps nobody out for ever.

A Lease is installed without a spec, and marked as never held, so that the first leader need not wait. Installing again puts
that mark back, so a leader does not remove it: with each renewal it leaves a mark of its own, which takes the other's
meaning. What is left to a hand: who deletes a held Lease and installs another one lets a process that starts in that moment
begin before the holder's next renewal, `retry_s` later at most while the API server answers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from fde_operator.cluster import Manifest

RELEASED_S: Final = 1  # leaseDurationSeconds of a Lease that was given back; as client-go marks it
UNUSED: Final = ("fde.io/lease", "unused")  # an annotation, of a Lease that is installed with the operator
HELD: Final = ("fde.io/lease-held", "true")  # an annotation, of one that some process has taken since
_LONGEST_S: Final = 60.0  # nobody is waited for longer, whatever the record says


@dataclass(frozen=True, slots=True)
class Terms:
    """Seconds. A leader that could not renew for `renew_s` writes no more; after `lease_s` another may begin.

    The difference is what two clocks may disagree on in `lease_s`, and what a write under way may still take. `retry_s` lies
    between two renewals, and between two looks of a candidate; after a failure it is `again_s`. An API server may be away
    for ``renew_s - retry_s - again_s`` without a change of hands: with these, 5.8 s.
    """

    lease_s: float = 10.0
    renew_s: float = 7.0
    retry_s: float = 1.0
    again_s: float = 0.2

    def __post_init__(self) -> None:
        if not self.lease_s > self.renew_s > self.retry_s >= self.again_s > 0:
            raise ValueError("a lease must be longer than its renewal's deadline, and that longer than a retry")
        if self.lease_s > _LONGEST_S:
            raise ValueError(f"a lease is at most {_LONGEST_S:g} s")


# The record of a Lease that nobody ever held: as if given back.
_NEVER_HELD: Final[Mapping[str, Any]] = {"holderIdentity": "", "leaseDurationSeconds": RELEASED_S}


def _never_held(lease: Manifest) -> bool:
    """Whether whoever made it says so, and nobody says otherwise."""
    marks = lease["metadata"].get("annotations") or {}
    return not lease.get("spec") and marks.get(UNUSED[0]) == UNUSED[1] and HELD[0] not in marks


def holder_of(lease: Mapping[str, Any] | None) -> str:
    """The identity that holds it; empty when nobody does."""
    return str(((lease or {}).get("spec") or {}).get("holderIdentity") or "")


@dataclass(frozen=True, slots=True)
class Sighting:
    """The record as a candidate last saw it change, and when that was on the candidate's own clock."""

    record: Mapping[str, Any] | None = None
    since_s: float | None = None

    def see(self, lease: Manifest | None, now_s: float) -> Sighting:
        """What is seen now. Labels and annotations are no sign of life.

        That it was never held is believed of the Lease seen first: who saw another one before knows better.
        """
        record = None if lease is None else lease.get("spec") or {}
        if lease is not None and _never_held(lease) and (self.since_s is None or self.record == _NEVER_HELD):
            record = _NEVER_HELD
        if self.since_s is not None and record == self.record:
            return self
        return Sighting(record, now_s)

    def wait_s(self, terms: Terms, now_s: float) -> float:
        """Seconds until a candidate may take it; 0: now, by an update that fails if anybody else was faster."""
        if self.since_s is None:
            return terms.lease_s
        record = self.record or {}
        said = float(record.get("leaseDurationSeconds") or 0)
        if self.record is not None and not record.get("holderIdentity") and said == RELEASED_S:
            return 0.0
        return max(0.0, self.since_s + min(_LONGEST_S, max(said, terms.lease_s)) - now_s)


def taken(lease: Manifest | None, *, name: str, namespace: str, identity: str, terms: Terms, now: str) -> Manifest:
    """The Lease in our hands. `now`: RFC 3339 with microseconds. Its resourceVersion, if any, is kept: whoever is first wins."""
    base = lease or {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": {"name": name, "namespace": namespace},
    }
    spec = base.get("spec") or {}
    before = int(spec.get("leaseTransitions") or 0)
    changed = {
        "holderIdentity": identity,
        "acquireTime": now,
        "leaseTransitions": before if holder_of(base) == identity else min(before + 1, 2**31 - 1),
    }
    return renewed({**base, "spec": {**spec, **changed}}, terms=terms, now=now)


def renewed(lease: Manifest, *, terms: Terms, now: str) -> Manifest:
    """The same, used a little longer."""
    spec = {**(lease.get("spec") or {}), "renewTime": now, "leaseDurationSeconds": max(2, round(terms.lease_s))}
    metadata = lease["metadata"]
    marks = {**(metadata.get("annotations") or {}), HELD[0]: HELD[1]}
    return {**lease, "metadata": {**metadata, "annotations": marks}, "spec": spec}


def released(lease: Manifest, *, now: str) -> Manifest:
    """The same, given back: the next one need not wait."""
    spec = {**(lease.get("spec") or {}), "holderIdentity": "", "leaseDurationSeconds": RELEASED_S, "renewTime": now}
    return {**lease, "spec": spec}


def renewable(lease: Manifest | None, identity: str) -> bool:
    """Whether the holder `identity` may go on: it is still its own, or it was deleted and nobody took it."""
    return lease is None or holder_of(lease) == identity


def reborn(lease: Manifest) -> Manifest:
    """A deleted Lease, to be made again by its holder."""
    names = ("name", "namespace", "labels", "annotations")
    kept = {name: value for name, value in lease["metadata"].items() if name in names}
    return {**lease, "metadata": kept}
