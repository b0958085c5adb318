"""The fold: signed events to signatures, groups, evidence and challenges. Pure; time comes with the events, never from a clock.

The event's way: SignedBatch -> fold(state, batches) -> Delta -> (state log acknowledges) -> apply(state, delta) -> Challenge.

A `Delta` says all that a step changes, and applying deltas in their order from nothing gives the state: that is how a
partition is rebuilt. Evidence is the same in whatever order batches arrive, and an event that is delivered twice counts once.
A challenge is raised by exactly one delta: the one in which its group meets the threshold.

A step's events are first summed by (signature, place), and the events of a run are taken together, so that a known signature
costs little more than its event's id (`fde bench fold` has the figures); an unknown signature costs 90 microseconds. Orders of people only come in here; `settle` follows them, one delta each.

One customer cannot fill the memory: of its signatures that nobody else has seen, `QUOTA` a partition are kept, the newest; a
forgotten one that comes again has the same id and counts anew. A challenge that its own deployments raised is kept for good: it
is raised once and stays so, which is the one way in which a customer of three deployments can make the state grow.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import islice
from operator import lt
from typing import Final

from fde_events.order import Order
from fde_events.signed import Run, SignedBatch
from fde_streams.delta import Delta, Erased, Folded, Raised, Ruling, Sample
from fde_streams.erasure import erase
from fde_streams.group import MAX_SAMPLES, SAMPLE_LENGTH, Known, State, hours_of
from fde_streams.identity import disown, enact, forget, raised_at, seat
from fde_streams.seating import Seating
from fde_streams.seen import FORGET_AFTER_DAYS, INDEX_BITS, Seen, number_of
from fde_streams.settle import MAX_WAITING, REFUSED
from fde_streams.share import HOURS, Increment, Share, customer_of, hour_of, note, place_of
from fde_streams.trend import days_before

THRESHOLD: Final = 3
QUOTA: Final = 50_000
_MOST: Final = 1 << INDEX_BITS
_MAX_COUNT: Final = 10**9  # of one event: a sidecar in a storm sends counts, not nonsense


class _Epoch:
    """What of one producer epoch came in this step, and what had been seen before."""

    __slots__ = ("floor", "fresh", "last", "spans", "time")

    def __init__(self, seen: Seen, name: str) -> None:
        self.floor, self.spans = seen.floors.get(name, -1), seen.epochs.get(name)
        self.last = max(self.floor, self.spans.last) if self.spans is not None else self.floor
        self.fresh: set[int] = set()
        self.time = ""

    def has(self, number: int) -> bool:
        """Whether it came before, in this step or an earlier one."""
        if number in self.fresh or number <= self.floor:
            return True
        return number <= self.last and self.spans is not None and number in self.spans


class _Line:
    """One step's events of one signature at one place."""

    __slots__ = ("count", "digest", "first", "hours", "last", "place", "sample")

    def __init__(self, digest: str, place: str, time: str) -> None:
        self.digest, self.place = digest, place
        self.count, self.first, self.last = 0, time, time
        self.hours: dict[int, int] = {}
        self.sample = ""

    def take(self, first: str, last: str, sample: str) -> None:
        """Events between two times, and a text of theirs."""
        if first < self.first:
            self.first = first
        if last > self.last:
            self.last = last
        if sample and (not self.sample or sample < self.sample):
            self.sample = sample

    def note(self, time: str, count: int) -> None:
        """One event that stands for `count`."""
        self.add(time, count if count == 1 else min(max(1, count), _MAX_COUNT))

    def add(self, time: str, count: int) -> None:
        """`count` events in the hour of `time`."""
        self.count += count
        hour = hour_of(time[:13])
        self.hours[hour] = self.hours.get(hour, 0) + count


def fold(state: State, batches: Iterable[SignedBatch], *, threshold: int = THRESHOLD) -> Delta:
    """What `batches` change in `state`, which is left as it is. Events seen before change nothing.

    ValueError for an event whose id or time is of no known form.
    """
    lines: dict[tuple[str, str, str], _Line] = {}
    epochs: dict[str, _Epoch] = {}
    orders: dict[str, Order] = {}
    seating = Seating(state)
    for batch in batches:
        for event in batch.events:
            name, number = number_of(event.id)
            customer = event.customer
            epoch = _epoch(epochs, state.seen, customer, name)
            if epoch.has(number):
                continue
            epoch.fresh.add(number)
            time = event.time
            if time > epoch.time:
                epoch.time = time
            key = (event.signature.digest, customer, event.deployment)
            line = lines.get(key)
            if line is None:
                line = lines[key] = _Line(seating.digest_of(event), place_of(customer, event.deployment), time)
            line.take(time, time, event.sample)
            line.note(time, event.count)
        for run in batch.runs:
            times, counts = _fresh(run, epoch := _epoch(epochs, state.seen, run.customer, run.epoch))
            if not times:
                continue
            first, last = min(times), max(times)
            if last > epoch.time:
                epoch.time = last
            key = (run.signature.digest, run.customer, run.deployment)
            line = lines.get(key)
            if line is None:
                line = lines[key] = _Line(seating.digest_of(run), place_of(run.customer, run.deployment), first)
            line.take(first, last, run.sample)
            if not counts and first[:13] == last[:13]:
                line.add(first, len(times))
            else:
                for place, time in enumerate(times):
                    line.note(time, counts[place] if counts else 1)
        for order in batch.orders:
            if order.id not in state.waiting and order.id not in state.rulings:
                orders[order.id] = order
    room = max(0, MAX_WAITING - len(state.waiting))
    return Delta(
        seats=tuple(seating.seats.values()),
        increments=tuple(
            Increment(x.digest, x.place, x.count, x.first, x.last, tuple(x.hours.items())) for x in lines.values()
        ),
        samples=_samples(state, lines.values(), seating),
        folded=tuple(Folded(name, each.time, _spans(each.fresh)) for name, each in epochs.items() if each.fresh),
        raised=_raised(state, lines.values(), seating, threshold),
        orders=tuple(islice(orders.values(), room)),
        rulings=tuple(
            Ruling(name, REFUSED, f"{MAX_WAITING} orders wait already for groups that nobody knows")
            for name in islice(orders, room, None)
        ),
        forgotten=_forgotten(state, lines.values(), seating),
    )


def _epoch(epochs: dict[str, _Epoch], seen: Seen, customer: str, name: str) -> _Epoch:
    name = f"{customer}/{name}"  # an epoch is its customer's: nobody can use up another's numbers
    epoch = epochs.get(name)
    if epoch is None:
        epoch = epochs[name] = _Epoch(seen, name)
    return epoch


def _fresh(run: Run, epoch: _Epoch) -> tuple[Sequence[str], Sequence[int]]:
    """Times and counts of the run's events that did not come before, noted as fresh. ValueError for a run that is none."""
    check_run(run)
    base = run.sequence << INDEX_BITS
    numbers = [base | index for index in run.indexes]
    fresh = epoch.fresh
    if numbers and numbers[0] > epoch.last and fresh.isdisjoint(numbers):
        fresh.update(numbers)
        return run.times, run.counts
    kept = [place for place, number in enumerate(numbers) if not epoch.has(number)]
    fresh.update(numbers[place] for place in kept)
    return [run.times[place] for place in kept], [run.counts[place] for place in kept] if run.counts else ()


def check_run(run: Run) -> None:
    """ValueError unless its columns are of one length and its numbers ascend."""
    indexes = run.indexes
    count = len(indexes)
    if len(run.times) != count or (run.counts and len(run.counts) != count):
        raise ValueError("a run's columns are not of one length")
    if not count:
        return
    if (
        run.sequence < 0
        or indexes[0] < 0
        or indexes[-1] >= _MOST
        or not all(map(lt, indexes, islice(indexes, 1, None)))
    ):
        raise ValueError("a run's indexes do not ascend")


def apply(state: State, delta: Delta) -> None:
    """Make `delta` part of `state`. Deltas are applied in the order of the log, each once."""
    for new in delta.seats:
        if new.digest not in state.signatures:
            parts = tuple((sys.intern(name), value) for name, value in new.parts)
            block, kind = sys.intern(new.block), sys.intern(new.kind)
            known = Known(new.digest, block, kind, new.title, parts, new.group, near=new.near, score=new.score)
            seat(state, known)
            state.homes.pop(new.digest, None)
    for news in delta.increments:
        _count(state, news)
    for sample in delta.samples:
        known = state.signatures[sample.digest]
        known.samples = kept = {**(known.samples or {}), sample.place: sample.text}
        for place in sorted(kept, key=lambda place: rank(known.block, place))[MAX_SAMPLES:]:
            del kept[place]
    for folded in delta.folded:
        state.clock.tell(folded.epoch.split("/", 1)[0], folded.time)
    now = state.clock.now if delta.folded else ""
    for folded in delta.folded:
        # Dated by the fleet's clock: a producer whose own is a year off is not forgotten before its time.
        state.seen.add(folded.epoch, folded.spans, now)
    for change in delta.changes:
        if isinstance(change, Erased):
            erase(state, change)
        else:
            enact(state, change)
    for raised in delta.raised:
        group = state.groups[raised.group]
        if group.raised_at is None:
            group.raised_at, group.hours = raised.at, hours_of(state.shares(group).values())
    for order in delta.orders:
        state.waiting[order.id] = order
    for ruling in delta.rulings:
        state.waiting.pop(ruling.order, None)
        state.rulings[ruling.order] = ruling
    for digest in delta.forgotten:
        forget(state, digest)
    if delta.folded and len(state.seen.epochs) > 64:
        state.seen.forget_before(days_before(now, FORGET_AFTER_DAYS))


@lru_cache(maxsize=65_536)
def rank(block: str, place: str) -> bytes:
    """An order of places that is no place's merit: which three are sampled does not hang on arrival, nor on the group."""
    return hashlib.blake2b(f"{block}/{place}".encode(), digest_size=8).digest()


def _count(state: State, news: Increment) -> None:
    known, place = state.signatures[news.digest], news.place
    share = known.shares.get(place)
    if share is None:
        place, customer = sys.intern(place), customer_of(place)
        if not known.shares:
            known.owner = customer
            state.own.setdefault(customer, {})[known.digest] = None
        elif known.owner is not None and known.owner != customer:
            disown(state, known)
        known.shares[place] = Share.of(news)
    else:
        share.add(news)
    group = state.groups[known.group]
    if (whole := group.summed) is not None:
        if (mine := whole.get(place)) is None:
            whole[place] = Share.of(news)
        else:
            mine.add(news)
    if group.hours is not None:
        for hour, count in news.hours:
            note(group.hours, hour, count, HOURS)
    if news.last > state.alive.get(place, ""):
        state.alive[place] = news.last


def _spans(numbers: set[int]) -> tuple[tuple[int, int], ...]:
    spans: list[tuple[int, int]] = []
    for number in sorted(numbers):
        if spans and spans[-1][1] == number - 1:
            spans[-1] = (spans[-1][0], number)
        else:
            spans.append((number, number))
    return tuple(spans)


def _raised(state: State, lines: Iterable[_Line], seating: Seating, threshold: int) -> tuple[Raised, ...]:
    news: dict[str, dict[str, str]] = {}
    for line in lines:
        known = state.signatures.get(line.digest)
        name = known.group if known is not None else seating.seats[line.digest].group
        group = state.groups.get(name)
        if group is not None and group.raised_at is not None:
            continue
        firsts = news.setdefault(name, {})
        firsts[line.place] = min(firsts.get(line.place, line.first), line.first)
    found = []
    for name, firsts in sorted(news.items()):
        group = state.groups.get(name)
        for place, share in state.shares(group).items() if group is not None else ():
            firsts[place] = min(firsts.get(place, share.first), share.first)
        at = raised_at(firsts.values(), threshold)
        if at is not None:
            found.append(Raised(name, at))
    return tuple(found)


def _samples(state: State, lines: Iterable[_Line], seating: Seating) -> tuple[Sample, ...]:
    """The texts that are better than what is kept: of a better place, or the smaller of one place."""
    found: dict[tuple[str, str], Sample] = {}
    for line in lines:
        if not line.sample:
            continue
        known = state.signatures.get(line.digest)
        kept = (known.samples if known is not None else None) or {}
        text, old = line.sample[:SAMPLE_LENGTH], kept.get(line.place)
        if old is not None:
            wanted = text < old
        elif len(kept) < MAX_SAMPLES:
            wanted = True
        else:
            block = known.block if known is not None else seating.seats[line.digest].block
            wanted = rank(block, line.place) < max(rank(block, place) for place in kept)
        key = (line.digest, line.place)
        if wanted and (key not in found or text < found[key].text):
            found[key] = Sample(*key, text)
    return tuple(found.values())


def _forgotten(state: State, lines: Iterable[_Line], seating: Seating) -> tuple[str, ...]:
    """For every customer beyond its quota, the oldest of the signatures that nobody else has seen."""
    fresh: dict[str, int] = {}
    for line in lines if seating.seats else ():
        if line.digest in seating.seats:
            customer = customer_of(line.place)
            fresh[customer] = fresh.get(customer, 0) + 1
    found: list[str] = []
    for customer, count in fresh.items():
        mine = state.own.get(customer, {})
        found += islice(mine, max(0, len(mine) + count - QUOTA))
    return tuple(found)
