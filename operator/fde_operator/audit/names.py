"""Names: whose a namespace is, and that customer's names as they stand in records.

namespace -> Names.of() -> Sealing(customer) -> seal("name", ...), digest(...)
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final

from structlog import get_logger

from fde_events.errors import FdeError
from fde_events.seal import KEY_BYTES, keyed_digest, seal
from fde_operator.audit.keys import Keys
from fde_operator.cluster import Cluster
from fde_operator.key import Key
from fde_operator.labels import whose

log = get_logger()
_FRESH_S: Final = 300.0
_MOST: Final = 4096
OURS: Final = ("fde-system", "fde-library")
UNRESOLVED: Final = "ns."
CustomerOf = Callable[[str], Awaitable[str | None]]


@dataclass(frozen=True, slots=True)
class Sealing:
    """One customer's names as records have them; without a customer, as they are."""

    customer: str = ""
    key: bytes = field(default=b"", repr=False)

    def seal(self, what: str, text: str) -> str:
        """`text` as the record's field `what`."""
        return seal(self.key, what, text) if self.key else text

    def digest(self, data: bytes) -> str:
        """A digest of `data` that tells nobody without the key what it was."""
        return keyed_digest(self.key, data)


class Names:
    """Whose namespaces are, asked of `customer_of` and kept for minutes; and their keys.

    Where no key can be had, names are sealed with one that nobody keeps: the act is recorded, its names are lost.
    """

    def __init__(self, keys: Keys, customer_of: CustomerOf) -> None:
        self._keys, self._customer_of = keys, customer_of
        self._known: dict[str, tuple[float, str | None]] = {}
        self._nobodys = secrets.token_bytes(KEY_BYTES)
        self._told: set[str] = set()
        self.unkeyed = 0

    async def customer(self, namespace: str) -> str | None:
        """The customer of `namespace`; None when it is nobody's, or was not there when it was first asked for."""
        if not namespace:
            return None
        held = self._known.get(namespace)
        if held is not None and time.monotonic() - held[0] < _FRESH_S:
            return held[1]
        found = await self._customer_of(namespace)
        if found is None and held is not None and held[1] is not None:
            found = held[1]  # it went, or lost its label: its objects are the customer's all the same
        self.learned(namespace, found)
        return found

    async def owner(self, namespace: str) -> str | None:
        """As :meth:`customer`; for a namespace that is nobody's and not ours, the namespace itself in place of a customer.

        It may have been one's whose label went, or that was not seen yet: its name does not stand in the open.
        """
        if not namespace or namespace in OURS:
            return None
        return await self.customer(namespace) or UNRESOLVED + namespace

    def learned(self, namespace: str, customer: str | None) -> None:
        """Somebody else told whose it is."""
        self._known.pop(namespace, None)
        self._known[namespace] = (time.monotonic(), customer)
        if len(self._known) > _MOST:
            del self._known[next(iter(self._known))]

    async def of(self, customer: str | None) -> Sealing:
        """How to write this customer's names."""
        if not customer:
            return Sealing()
        try:
            keys = await self._keys.of(customer)
        except FdeError as error:
            self.unkeyed += 1
            if (why := str(error)) not in self._told:
                self._told = {why}
                log.error("audit_key_unavailable", why=why)
            keys = ()
        return Sealing(customer, keys[-1] if keys else self._nobodys)


def by_label(cluster: Cluster) -> CustomerOf:
    """Asks the API server for the namespace's label fde.io/customer."""

    async def customer_of(namespace: str) -> str | None:
        return whose(await cluster.get(Key("Namespace", "", namespace))) or None

    return customer_of
