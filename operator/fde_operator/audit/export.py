"""Export: what was done to one customer's objects, as lines that still verify.

records of the topic -> Exporter.take() -> lines: the customer's links whole, the others' as digests, heads at the end

Who holds an export can prove that none of its links was changed or taken out, and how many of others' lie between; not that none of
those was the customer's: that takes the topic and the customer's key.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from fde_events.chain import SKIP, START, Anchor, Head, Stored, body_digest, canonical, stored
from fde_events.errors import Refused
from fde_events.seal import opened, seal
from fde_operator.audit.journal import now
from fde_operator.audit.keys import Keys

HEADER: Final = "audit.export.v1"
OPENED: Final = "audit.opened.v1"
_SEALED: Final = ("customer", "namespace", "name", "cause", "why")
_MOST_SKIPPED: Final = 1000


@dataclass(slots=True)
class _Run:
    """Links of one chain that were left out, since the last line of it."""

    first: int
    bodies: list[str]


@dataclass(slots=True)
class Exporter:
    """Takes the topic's records in order. `since`, `until`: RFC 3339, as they compare as text; empty: no end.

    With `since` a chain begins at the first link of that time; what came before is not in the export, not even as digests.
    """

    customer: str
    keys: Sequence[bytes]
    since: str = ""
    until: str = ""
    readable: bool = True
    found: int = 0
    _tokens: frozenset[str] = frozenset()
    _heads: dict[str, Head] = field(default_factory=dict)
    _runs: dict[str, _Run] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._tokens = frozenset(seal(key, "customer", self.customer) for key in self.keys)

    def begin(self, anchors: Sequence[Anchor]) -> Iterator[bytes]:
        """The first lines: what this is, and the anchors that were kept elsewhere."""
        yield canonical(
            {"type": HEADER, "customer": self.customer, "since": self.since, "until": self.until, "at": now()}
        )
        for anchor in anchors:
            yield canonical(anchor)

    def take(self, raw: bytes) -> Iterator[bytes]:
        """The lines that one record makes."""
        one = stored(raw)
        if one is None:
            return
        if one.chain not in self._heads:
            if self.since and str(one.body.get("at", "")) < self.since:
                return
            if self.since or one.seq > 0:
                yield canonical({"type": START, "chain": one.chain, "seq": one.seq, "previous": one.previous})
        self._heads[one.chain] = one.head
        if not self._is_asked_for(one):
            run = self._runs.setdefault(one.chain, _Run(one.seq, []))
            run.bodies.append(body_digest(one.body))
            if len(run.bodies) >= _MOST_SKIPPED:
                yield from self._skipped(one.chain)
            return
        self.found += 1
        yield from self._skipped(one.chain)
        yield raw
        if self.readable:
            yield canonical({"type": OPENED, "chain": one.chain, "seq": one.seq, **self.read(one.body)})

    def end(self) -> Iterator[bytes]:
        """The last lines: each chain's head."""
        for chain in sorted(self._heads):
            yield from self._skipped(chain)
            yield canonical(self._heads[chain].anchor(now()))

    def read(self, body: Any) -> dict[str, str]:
        """The sealed fields of a link's body, opened; what cannot be is said to be unreadable."""
        said = {name: opened(self.keys, name, str(body[name])) for name in _SEALED if body.get(name)}
        return {name: "(unreadable)" if text is None else text for name, text in said.items()}

    def _is_asked_for(self, one: Stored) -> bool:
        at = str(one.body.get("at", ""))
        return one.body.get("customer") in self._tokens and self.since <= at and (not self.until or at < self.until)

    def _skipped(self, chain: str) -> Iterator[bytes]:
        run = self._runs.pop(chain, None)
        if run is not None:
            yield canonical({"type": SKIP, "chain": chain, "seq": run.first, "bodies": run.bodies})


def keys_for(keys: Keys, customer: str) -> tuple[bytes, ...]:
    """The customer's audit keys. :class:`Refused` when there is none: its records cannot be told from others'."""
    found = asyncio.run(keys.of(customer, made=False))
    if not found:
        raise Refused(
            f"there is no audit key of {customer}: nothing was recorded of it, or its key was destroyed, and then nobody can tell "
            "which records are about it. Are --keys and --kubeconfig the ones that the operator uses?"
        )
    return found
