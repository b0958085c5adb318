"""Intake: events of Kubernetes' audit log, from whichever source, into the journal; each once.

webhook, log file -> Intake.take(events) -> seen() -> whose it is -> record() -> Journal
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from typing import Any, Final

import msgspec
from structlog import get_logger

from fde_operator.audit.audited import OPERATOR
from fde_operator.audit.event import GROUP, Seen, record, seen
from fde_operator.audit.journal import Journal
from fde_operator.audit.names import Names

log = get_logger()
_REMEMBERED: Final = 20_000
OWN: Final = (OPERATOR, "system:serviceaccount:fde-system:fde-audit")


class Full(Exception):
    """The journal has no room: the sender keeps what it has and comes again."""


class Intake:
    """For one event loop. `known`: ids that the chain holds already, as far as they were read back."""

    def __init__(
        self, journal: Journal, names: Names, *, own: Collection[str] = OWN, known: Iterable[str] = ()
    ) -> None:
        self._journal, self._names, self._own = journal, names, frozenset(own)
        self._ids: dict[str, None] = dict.fromkeys(known)
        self.taken = self.doubled = self.others = 0

    async def take(self, events: Iterable[Mapping[str, Any]]) -> int:
        """Journal the acts among `events`; how many were new. Raises :class:`Full`, or FdeError when it is not known whose
        something is: taking the same again is right then."""
        new = 0
        for event in events:
            one = seen(event, own=self._own)
            if one is None:
                self.others += 1
                continue
            if not one.id:
                one = replace(one, id=uuid.uuid4().hex)
            if one.id in self._ids:
                self.doubled += 1
                continue
            customer = await self._customer(one)
            if one.scope == "customer" and customer is None:
                self.others += 1
                continue
            if not self._journal.add(record(one, await self._names.of(customer))):
                raise Full
            self._remember(one.id)
            new += 1
        self.taken += new
        return new

    async def _customer(self, one: Seen) -> str | None:
        namespace = one.name if one.kind.partition("/")[0] == "namespaces" else one.namespace
        if one.customer:
            self._names.learned(namespace, one.customer)
            return one.customer
        if one.scope == "ours" or one.group == GROUP:  # its kinds live in customers' namespaces, and in ours
            return await self._names.owner(namespace)
        return await self._names.customer(namespace)

    def _remember(self, identity: str) -> None:
        self._ids[identity] = None
        if len(self._ids) > _REMEMBERED:
            del self._ids[next(iter(self._ids))]


def events_of(body: bytes) -> list[Mapping[str, Any]]:
    """The events of a webhook's EventList. Raises :class:`ValueError` for anything else."""
    try:
        found = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError("not JSON") from error
    items = found.get("items") if isinstance(found, dict) and found.get("kind") == "EventList" else None
    if not isinstance(items, list) or not all(isinstance(one, dict) for one in items):
        raise ValueError("not an audit.k8s.io/v1 EventList")
    return items
