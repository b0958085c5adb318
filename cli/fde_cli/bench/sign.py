"""`sign`: the signature against "type of the root cause + masked message", the ten lines one writes first.

Known: messages that were seen before, which is most of a stream. Unknown: the first event of each signature, with nothing
remembered. The last figure says how many failures each finds customers to share, not which of the two is right: a key that is
too coarse finds more. Who is right is measured on labelled fleets.
"""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

from fde_cli.bench import material
from fde_cli.bench.figure import Figure, counted, in_turns, rate
from fde_events.event import ErrorEvent
from fde_sidecar.pseudonym import fresh_key
from fde_sidecar.redact import Redactor
from fde_streams import condition, mask, signature
from fde_streams.fold import THRESHOLD
from fde_streams.signature import signature_of

PEER: Final = "root-cause type + masked message"
REPEAT: Final = 3  # a round of the known ones is long enough to be timed
_CHAINED: Final = re.compile(r"\n\n(?:The above exception was|During handling of the above)")
_VARIES: Final = re.compile(r"<[^<>]*>|0x[0-9a-f]+|[0-9a-f]{8,}|\d+|'[^']*'|\"[^\"]*\"", re.IGNORECASE)


def run(directory: Path, rounds: int, tell: Callable[[str], None]) -> list[Figure]:
    """Events a CPU second, known and unknown; and signatures of several customers."""
    redactor = Redactor(fresh_key())
    named = [(customer, redactor.event(event)) for customer, event in material.events(directory)]
    events = [event for _, event in named if isinstance(event, ErrorEvent)]
    first = list({signature_of(event).digest: event for event in reversed(events)}.values())
    known = in_turns(
        lambda: [signature_of(event) for _ in range(REPEAT) for event in events],
        lambda: [baseline(event) for _ in range(REPEAT) for event in events],
        rounds=rounds,
        tell=lambda said: tell(f"known events, {said}"),
    )
    unknown = in_turns(
        lambda: [signature_of(event) for event in first],
        lambda: [baseline(event) for event in first],
        rounds=rounds,
        tell=lambda said: tell(f"unknown events, {said}"),
        before=forget,
    )
    ours = shared((customer, signature_of(event).digest) for customer, event in named if isinstance(event, ErrorEvent))
    peer = shared((customer, baseline(event)) for customer, event in named if isinstance(event, ErrorEvent))
    return [
        rate("sign", "sign known events (memoised)", "events/CPU-s", PEER, REPEAT * len(events), known),
        rate("sign", "sign unknown events", "events/CPU-s", PEER, len(first), unknown),
        counted("sign", f"signatures of >= {THRESHOLD} customers", "signatures", "neither", PEER, ours, peer),
    ]


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
    """Empty every cache of the signature's modules."""
    for module in (condition, mask, signature):
        for cached in vars(module).values():
            if callable(clear := getattr(cached, "cache_clear", None)):
                clear()
