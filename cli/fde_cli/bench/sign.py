"""`sign`: raw records to evidence, and a signature against "type of the root cause + masked message", the ten lines one writes first.

The whole way is what workers do with a record of Kafka: decode, sign (parse and all), fold, apply. Known failures: (a) the same
texts again; (b) the same failures with other identifiers, hosts, times and amounts in their texts (`fde_cli.bench.fresh`),
so that no text was seen before. The peer is Drain3 with typed masks: it masks and groups "type: message" of the same events,
decoded already, and does no more. A third figure is the first event of each signature, with nothing remembered.

The last figure says how many failures each finds customers to share, not which of the two is right: a key that is too coarse
finds more. Who is right is measured on labelled fleets.
"""

from __future__ import annotations

import hashlib
import random
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Final

import msgspec

from fde_cli.bench import material
from fde_cli.bench.figure import Figure, counted, in_turns, rate
from fde_cli.bench.fresh import again
from fde_cli.bench.grouping.corpus import corpora
from fde_cli.bench.grouping.peers import MASKS, miner
from fde_events.event import ErrorEvent, EventBatch
from fde_events.record import Record, decode, encode, header_map
from fde_sidecar.pseudonym import fresh_key
from fde_sidecar.redact import Redactor
from fde_streams import cause, chain, condition, finding, mask, signature, standin
from fde_streams.fold import THRESHOLD, apply, fold
from fde_streams.group import State
from fde_streams.ingest import sign
from fde_streams.signature import signature_of

PEER: Final = "root-cause type + masked message"
DRAIN: Final = "Drain3 with masks, grouping alone"
_WARM: Final = 3  # rounds before the first that counts: what is measured is known
_BATCH: Final = 50  # events of a record
_STEP: Final = 200  # signed batches of a step, as the fold worker takes them
_TIME: Final = "2026-10-10T00:00:00.000Z"
_CHAINED: Final = re.compile(r"\n\n(?:The above exception was|During handling of the above)")
_VARIES: Final = re.compile(r"<[^<>]*>|0x[0-9a-f]+|[0-9a-f]{8,}|\d+|'[^']*'|\"[^\"]*\"", re.IGNORECASE)


def run(directory: Path, rounds: int, tell: Callable[[str], None]) -> list[Figure]:
    """Events a CPU second, known and unknown; and signatures of several customers."""
    redactor = Redactor(fresh_key())
    named = [(customer, redactor.event(event)) for customer, event in material.events(directory)]
    events = [event for _, event in named if isinstance(event, ErrorEvent)]
    first = list({signature_of(event).digest: event for event in reversed(events)}.values())
    errors = [
        (customer, f"customer-{customer}/sync", event) for customer, event in named if isinstance(event, ErrorEvent)
    ]
    if directory == material.shipped():
        errors += [
            (one.deployment.split("/")[0].removeprefix("customer-"), one.deployment, one.event)
            for _, corpus in sorted(corpora().items())
            for one in corpus
        ]
    figures = []
    for name, vary in (("the same texts", False), ("fresh identifiers", True)):
        way = Way(errors, vary=vary)
        for _ in range(_WARM):
            way.prepare()
            way.ours()
        pairs = in_turns(
            way.ours,
            way.peer,
            rounds=rounds,
            tell=lambda said, name=name: tell(f"record to evidence, {name}, {said}"),  # type: ignore[misc]
            before=way.prepare,
        )
        figures.append(rate("sign", f"record to evidence, {name}", "events/CPU-s", DRAIN, len(errors), pairs))
    unknown = in_turns(
        lambda: [signature_of(event) for event in first],
        lambda: [baseline(event) for event in first],
        rounds=rounds,
        tell=lambda said: tell(f"unknown events, {said}"),
        before=forget,
    )
    ours = shared((customer, signature_of(event).digest) for customer, _, event in errors)
    peer = shared((customer, baseline(event)) for customer, _, event in errors)
    return [
        *figures,
        rate("sign", "sign unknown events", "events/CPU-s", PEER, len(first), unknown),
        counted("sign", f"signatures of >= {THRESHOLD} customers", "signatures", "neither", PEER, ours, peer),
    ]


class Way:
    """The way of records to evidence, and the peer's of the same events; state and miner know what came before."""

    def __init__(self, errors: Sequence[tuple[str, str, ErrorEvent]], *, vary: bool) -> None:
        self._errors, self._vary, self._rng = errors, vary, random.Random(1)  # noqa: S311 - not for secrets
        self._sequence = 0
        self._state, self._miner = State(), miner()
        self._records: list[tuple[str, Record]] = []
        self._events: list[ErrorEvent] = []

    def prepare(self) -> None:
        """New records of the same failures: of each deployment in batches, as its sidecar sends them."""
        batches: dict[tuple[str, str], list[ErrorEvent]] = defaultdict(list)
        for customer, deployment, event in self._errors:
            told = again(event, self._rng) if self._vary else event
            batches[customer, deployment].append(told if told.time else msgspec.structs.replace(told, time=_TIME))
        self._events = [event for mine in batches.values() for event in mine]
        self._records = []
        for (customer, deployment), mine in batches.items():
            for start in range(0, len(mine), _BATCH):
                self._sequence += 1
                batch = EventBatch(deployment=deployment, events=tuple(mine[start : start + _BATCH]))
                record = encode(batch, epoch=deployment.replace("/", "."), sequence=self._sequence, time=_TIME)
                self._records.append((f"fde.{customer}.telemetry", record))

    def ours(self) -> None:
        """Records to evidence, in steps as the workers take them."""
        signed = [
            batch for topic, one in self._records for batch in sign(decode(topic, header_map(one.headers), one.value))
        ]
        for start in range(0, len(signed), _STEP):
            apply(self._state, fold(self._state, signed[start : start + _STEP]))

    def peer(self) -> None:
        """Drain3 of what was said, masked."""
        for event in self._events:
            text = f"{event.exception_type or ''}: {event.exception_message or event.body or ''}"
            for pattern, token in MASKS:
                text = pattern.sub(token, text)
            self._miner.add_log_message(" ".join(text.split()) or "-")


def baseline(event: ErrorEvent) -> str:
    """The peer: digest of the root cause's type and of its message without numbers, hexadecimals, quotes and tokens."""
    kind, message = event.exception_type or "", event.exception_message or event.body or ""
    stack = event.exception_stacktrace or ""
    if "Traceback (most recent call last)" in stack:  # of a chain, the first stack is the root cause's
        kind, _, message = _CHAINED.split(stack, maxsplit=1)[0].rstrip().rsplit("\n", 1)[-1].partition(": ")
    elif (cause := stack.rfind("[cause]: ")) >= 0:
        kind, _, message = stack[cause + len("[cause]: ") :].split("\n", 1)[0].partition(": ")
    return hashlib.blake2b(f"{kind}|{_VARIES.sub('#', message)}".encode(), digest_size=16).hexdigest()


def shared(seen: Iterable[tuple[str, str]]) -> int:
    """Signatures that at least `THRESHOLD` customers have seen, of (customer, signature)."""
    customers = defaultdict(set)
    for customer, digest in seen:
        customers[digest].add(customer)
    return sum(len(found) >= THRESHOLD for found in customers.values())


def forget() -> None:
    """Empty every memory of the signature's modules."""
    for module in (cause, chain, condition, finding, mask, signature, standin):
        for name, cached in vars(module).items():
            if callable(clear := getattr(cached, "cache_clear", None)):
                clear()
            elif name in ("_memo", "_plainest", "_lines", "_words"):
                cached.clear()
