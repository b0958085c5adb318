"""Running: every side on every corpus in one process, and what groups must keep: order, identity, redaction."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable, Hashable, Sequence
from pathlib import Path
from typing import Final

import msgspec

from fde_cli.bench.grouping import ours, peers
from fde_cli.bench.grouping.corpus import Labelled, corpora
from fde_cli.bench.grouping.score import Score, rand, score
from fde_events.event import ErrorEvent
from fde_sidecar.pseudonym import fresh_key
from fde_sidecar.redact import Redactor
from fde_streams.signature import signature_of
from fde_streams.withhold import withheld

_SIDES: Final[tuple[tuple[str, Callable[[Sequence[ErrorEvent]], list[Hashable]]], ...]] = (
    ("Drain3", peers.drain),
    ("HDBSCAN", peers.density),
    ("type + mask", peers.key),
)
_NEWCOMERS: Final = 0.1  # of a corpus, that come after the first grouping


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """One measured share, 0 to 1; `peers` by name, where they can be measured. Null where there was nothing to measure."""

    corpus: str
    what: str
    fde: float | None
    peers: dict[str, float | None] = {}


def run(directory: Path | None, tell: Callable[[str], None]) -> list[Figure]:
    """The figures of each corpus. `directory`: one with events.jsonl and labels.jsonl; what is shipped by default."""
    found: list[Figure] = []
    for name, events in corpora(directory).items():
        tell(f"{name}: {len(events)} errors of {len({one.deployment for one in events})} deployments")
        groups = ours.grouped(events)
        found += _beside_peers(name, events, groups, tell)
        found += _kept(name, events, groups, tell)
    return found


def _beside_peers(
    name: str, events: Sequence[Labelled], groups: Sequence[Hashable], tell: Callable[[str], None]
) -> list[Figure]:
    truth, places = [one.challenge for one in events], [one.deployment for one in events]
    mine = score(groups, truth, places)
    theirs: dict[str, Score] = {}
    for side, make in _SIDES:
        tell(f"{name}: {side}")
        theirs[side] = score(make([one.event for one in events]), truth, places)
    rows = [
        ("pairs across deployments, precision", "pair_precision"),
        ("pairs across deployments, recall", "pair_recall"),
        ("BCubed F1", "bcubed"),
        ("patterns, recall", "pattern_recall"),
        ("patterns, precision", "pattern_precision"),
    ]
    found = [
        Figure(
            corpus=name,
            what=what,
            fde=_short(getattr(mine, field)),
            peers={side: _short(getattr(theirs[side], field)) for side in theirs},
        )
        for what, field in rows
    ]
    if len({one.version for one in events} - {""}) > 1:
        found.append(Figure(corpus=name, what="recall across versions", fde=_short(across_versions(groups, events))))
    return found


def _kept(
    name: str, events: Sequence[Labelled], groups: Sequence[Hashable], tell: Callable[[str], None]
) -> list[Figure]:
    tell(f"{name}: another order, newcomers, redaction")
    order = list(range(len(events)))
    random.Random(7).shuffle(order)  # noqa: S311  an order, no secret
    shuffled = ours.grouped([events[index] for index in order])
    again: list[Hashable] = [None] * len(events)
    for place, index in enumerate(order):
        again[index] = shuffled[place]
    return [
        Figure(corpus=name, what="adjusted Rand, two orders", fde=_short(rand(groups, again))),
        Figure(corpus=name, what="ids changed by +10 % and a re-clustering", fde=_short(churn(events))),
        *(
            Figure(corpus=name, what=f"signatures kept by redaction, {mode}", fde=_short(unchanged(events, mode)))
            for mode in ("standard", "strict")
        ),
    ]


def across_versions(groups: Sequence[Hashable], events: Sequence[Labelled]) -> float | None:
    """Of all pairs of one challenge at two deployments with two versions of the library, the share that is one group."""
    members: dict[str, list[tuple[str, str, Hashable]]] = defaultdict(list)
    for group, one in zip(groups, events, strict=True):
        members[one.challenge].append((one.version, one.deployment, group))
    together = pairs = 0
    for rows in members.values():
        for number, (version, place, group) in enumerate(rows):
            for other_version, other_place, other in rows[number + 1 :]:
                if version != other_version and place != other_place:
                    pairs += 1
                    together += group == other
    return together / pairs if pairs else None


def churn(events: Sequence[Labelled]) -> float:
    """The share of signatures whose group's id leads elsewhere after a tenth more events and another clustering."""
    known = round(len(events) * (1 - _NEWCOMERS))
    worker = ours.Worker()
    worker.take(events[:known])
    before = {digest: signature.group for digest, signature in worker.state.signatures.items()}
    worker.take(events[known:])
    moved = 0
    for digest, group in before.items():
        now = worker.state.group_of(digest)
        led = worker.state.resolve(group)
        moved += now is None or led is None or now.id != led.id
    return moved / len(before)


def unchanged(events: Sequence[Labelled], mode: str) -> float:
    """The share of events whose signature is the same before and after a sidecar's redaction in `mode`."""
    redactor = Redactor(fresh_key(), "strict" if mode == "strict" else "standard", withheld)
    same = sum(signature_of(one.event).digest == signature_of(redactor.event(one.event)).digest for one in events)
    return same / len(events)


def table(figures: Sequence[Figure]) -> list[str]:
    """Lines for people."""
    sides = [side for side, _ in _SIDES]
    lines = [f"{'':10} {'':42} {'fde':>7}" + "".join(f" {side:>11}" for side in sides)]
    for one in figures:
        shown = "".join(f" {_text(one.peers.get(side)):>11}" for side in sides)
        lines.append(f"{one.corpus:10} {one.what:42} {_text(one.fde):>7}{shown}".rstrip())
    return lines


def _text(share: float | None) -> str:
    return "-" if share is None else f"{share:.3f}"


def _short(share: float | None) -> float | None:
    return None if share is None else round(share, 4)
