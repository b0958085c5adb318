"""The fold: signed events to groups, evidence and challenges. Pure; time comes with the events, never from a clock.

The event's way: SignedBatch -> fold(state, batches) -> Delta -> (state log acknowledges) -> apply(state, delta) -> Challenge.

A `Delta` says all that a step changes, and applying deltas in their order from nothing gives the state: that is how a
partition is rebuilt. Counts, deployments and groups are the same in whatever order batches arrive, and an event that is
delivered twice counts once. A challenge is raised by exactly one delta: the one in which its group meets the threshold.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

import msgspec

from fde_events.challenge import Challenge, Sighting
from fde_events.signed import Signature, SignedBatch, SignedEvent
from fde_streams.seen import FORGET_AFTER_DAYS, Seen, number_of

THRESHOLD: Final = 3
MAX_SAMPLES: Final = 3


class Seat(msgspec.Struct, frozen=True, array_like=True):
    """A signature's place: it belongs to group `group` from now on. `title` is used if the signature founds the group."""

    group: str
    digest: str
    block: str
    kind: str
    title: str


class Share(msgspec.Struct, frozen=True, array_like=True):
    """New evidence of one deployment for one group; `count` events, between `first` and `last` (RFC 3339, event time)."""

    group: str
    deployment: str
    customer: str
    count: int
    first: str
    last: str

    @property
    def place(self) -> str:
        """The deployment as it is counted: its name alone could be claimed from another customer's topic."""
        return f"{self.customer}:{self.deployment}"


class Sample(msgspec.Struct, frozen=True, array_like=True):
    """One redacted text of a deployment (`place` of its share)."""

    group: str
    place: str
    text: str


class Folded(msgspec.Struct, frozen=True, array_like=True):
    """Ids folded in a step: inclusive spans of one producer epoch, the newest at `time`."""

    epoch: str
    time: str
    spans: tuple[tuple[int, int], ...]


class Raised(msgspec.Struct, frozen=True, array_like=True):
    """The group has met the threshold, at `at` (RFC 3339, event time). Once in a group's life."""

    group: str
    at: str


class Delta(msgspec.Struct, frozen=True, omit_defaults=True):
    """All that one fold step changes."""

    seats: tuple[Seat, ...] = ()
    shares: tuple[Share, ...] = ()
    samples: tuple[Sample, ...] = ()
    folded: tuple[Folded, ...] = ()
    raised: tuple[Raised, ...] = ()

    @property
    def groups(self) -> tuple[str, ...]:
        """The groups this step changed, sorted."""
        return tuple(sorted({share.group for share in self.shares} | {raised.group for raised in self.raised}))


@dataclass(slots=True)
class Group:
    """Signatures that one fix would answer, and who saw them. `raised_at` None until the threshold was met."""

    id: str
    block: str
    kind: str
    title: str
    signatures: list[str] = field(default_factory=list)
    shares: dict[str, Share] = field(default_factory=dict)
    samples: dict[str, str] = field(default_factory=dict)
    raised_at: str | None = None

    @property
    def customers(self) -> int:
        """Distinct customers; three deployments of one customer are one."""
        return len({share.customer for share in self.shares.values()})


@dataclass(slots=True)
class State:
    """One partition's groups. Changed by `apply` alone."""

    groups: dict[str, Group] = field(default_factory=dict)
    seats: dict[str, str] = field(default_factory=dict)  # signature digest -> group id
    seen: Seen = field(default_factory=Seen)
    latest: str = ""


def assign(state: State, signature: Signature) -> str:
    """The group a signature belongs to: its own if it has one, else a new one, minted from the founding digest.

    This is where near signatures of one block will be joined: an answer other than a fresh id joins.
    The id depends on the signature alone, so replay mints the same ids.
    """
    seated = state.seats.get(signature.digest)
    return seated if seated is not None else group_id(signature.digest)


def group_id(digest: str) -> str:
    """The permanent id of the group that this signature founds."""
    return "ch-" + hashlib.blake2b(f"group/1/{digest}".encode(), digest_size=10).hexdigest()


def fold(state: State, batches: Iterable[SignedBatch], *, threshold: int = THRESHOLD) -> Delta:
    """What `batches` change in `state`, which is left as it is. Events seen before change nothing."""
    seats: dict[str, Seat] = {}
    shares: dict[tuple[str, str], Share] = {}
    texts: dict[tuple[str, str], str] = {}
    fresh: dict[str, set[int]] = {}
    times: dict[str, str] = {}
    for event in (event for batch in batches for event in batch.events):
        epoch, number = number_of(event.id)
        epoch = f"{event.customer}/{epoch}"  # an epoch is its customer's: nobody can use up another's numbers
        mine = fresh.setdefault(epoch, set())
        if number in mine or state.seen.has(epoch, number):
            continue
        mine.add(number)
        times[epoch] = max(times.get(epoch, ""), event.time)
        signature = event.signature
        group = seats[signature.digest].group if signature.digest in seats else assign(state, signature)
        if signature.digest not in state.seats and signature.digest not in seats:
            seats[signature.digest] = Seat(group, signature.digest, signature.block, event.kind, signature.title)
        share = _share(group, event)
        key = (group, share.place)
        shares[key] = _merged(shares.get(key), share)
        if event.sample:
            texts[key] = min(texts.get(key, event.sample), event.sample)
    return Delta(
        seats=tuple(seats.values()),
        shares=tuple(shares.values()),
        samples=_samples(state, texts),
        folded=tuple(Folded(epoch, times[epoch], _spans(numbers)) for epoch, numbers in fresh.items() if numbers),
        raised=_raised(state, shares, threshold),
    )


def apply(state: State, delta: Delta) -> None:
    """Make `delta` part of `state`. Deltas are applied in the order of the log, each once."""
    for seat in delta.seats:
        group = state.groups.get(seat.group)
        if group is None:
            group = state.groups[seat.group] = Group(seat.group, seat.block, seat.kind, seat.title)
        if seat.digest not in state.seats:
            state.seats[seat.digest] = seat.group
            group.signatures.append(seat.digest)
    for share in delta.shares:
        shares = state.groups[share.group].shares
        shares[share.place] = _merged(shares.get(share.place), share)
    for sample in delta.samples:
        group = state.groups[sample.group]
        group.samples[sample.place] = sample.text
        for place in sorted(group.samples, key=lambda name: _rank(sample.group, name))[MAX_SAMPLES:]:
            del group.samples[place]
    for folded in delta.folded:
        state.seen.add(folded.epoch, folded.spans, folded.time)
        state.latest = max(state.latest, folded.time)
    for raised in delta.raised:
        if state.groups[raised.group].raised_at is None:
            state.groups[raised.group].raised_at = raised.at
    if delta.folded and len(state.seen.epochs) > 64:
        state.seen.forget_before(_days_before(state.latest, FORGET_AFTER_DAYS))


def challenge_of(group: Group) -> Challenge:
    """The challenge of a raised group, as it stands. ValueError if the threshold was not met yet."""
    if group.raised_at is None:
        raise ValueError(f"group {group.id} has not been raised")
    shares = sorted(group.shares.values(), key=lambda share: (share.deployment, share.customer))
    return Challenge(
        id=group.id,
        title=group.title,
        kind=group.kind,
        block=group.block,
        signatures=tuple(sorted(group.signatures)),
        deployments=len(shares),
        customers=group.customers,
        events=sum(share.count for share in shares),
        first_seen=min(share.first for share in shares),
        last_seen=max(share.last for share in shares),
        raised_at=group.raised_at,
        sightings=tuple(
            Sighting(deployment=s.deployment, customer=s.customer, count=s.count, first_seen=s.first, last_seen=s.last)
            for s in shares
        ),
        samples=tuple(group.samples[name] for name in sorted(group.samples)),
    )


def challenges_of(state: State, delta: Delta) -> list[Challenge]:
    """The challenges that a delta raised or changed, as they stand after it; one record a group, in id order."""
    groups = (state.groups[name] for name in delta.groups)
    return [challenge_of(group) for group in groups if group.raised_at is not None]


def _share(group: str, event: SignedEvent) -> Share:
    return Share(group, event.deployment, event.customer, event.count, event.time, event.time)


def _merged(old: Share | None, new: Share) -> Share:
    if old is None:
        return new
    customer = min(
        old.customer, new.customer
    )  # a deployment has one customer; if two topics claim it, the answer is stable
    return Share(
        old.group, old.deployment, customer, old.count + new.count, min(old.first, new.first), max(old.last, new.last)
    )


def _spans(numbers: set[int]) -> tuple[tuple[int, int], ...]:
    spans: list[tuple[int, int]] = []
    for number in sorted(numbers):
        if spans and spans[-1][1] == number - 1:
            spans[-1] = (spans[-1][0], number)
        else:
            spans.append((number, number))
    return tuple(spans)


def _raised(state: State, shares: dict[tuple[str, str], Share], threshold: int) -> tuple[Raised, ...]:
    found = []
    for name in sorted({group for group, _ in shares}):
        known = state.groups.get(name)
        if known is not None and known.raised_at is not None:
            continue
        firsts = {} if known is None else {place: share.first for place, share in known.shares.items()}
        for (group, place), share in shares.items():
            if group == name:
                firsts[place] = min(firsts.get(place, share.first), share.first)
        if len(firsts) >= threshold:
            found.append(Raised(name, sorted(firsts.values())[threshold - 1]))
    return tuple(found)


def _rank(group: str, place: str) -> bytes:
    """An order of deployments that is no deployment's merit: which three are sampled does not hang on arrival."""
    return hashlib.blake2b(f"{group}/{place}".encode(), digest_size=8).digest()


def _samples(state: State, texts: dict[tuple[str, str], str]) -> tuple[Sample, ...]:
    found = []
    by_group: dict[str, dict[str, str]] = {}
    for (group, place), text in texts.items():
        by_group.setdefault(group, {})[place] = text
    for name, new in sorted(by_group.items()):
        known = state.groups[name].samples if name in state.groups else {}
        best = sorted({*known, *new}, key=lambda place: _rank(name, place))[:MAX_SAMPLES]
        for place in best:
            if place in new and (place not in known or new[place] < known[place]):
                found.append(Sample(name, place, new[place]))
    return tuple(found)


def _days_before(time: str, days: int) -> str:
    try:
        moment = datetime.fromisoformat(time.replace("Z", "+00:00"))
    except ValueError:
        return ""
    return (moment.astimezone(UTC) - timedelta(days=days)).isoformat().replace("+00:00", "Z")
