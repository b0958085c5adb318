"""Pseudonyms of customers: what a resource shows in place of a customer's name.

customer -> Pseudonyms.of() -> ``src-<16 hex>``, in provenance.sources and provenance.visibleTo
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from fde_events.errors import BadInput

PSEUDONYM: Final = re.compile(r"src-[0-9a-f]{16}")
_KEY_BYTES: Final = 32


@dataclass(frozen=True, slots=True)
class Pseudonyms:
    """A keyed hash (HMAC-SHA-256, 64 bits kept). Customer names are guessable, so without the key no hash is a pseudonym."""

    key: bytes = field(repr=False)

    def of(self, customer: str) -> str:
        """The customer's pseudonym; a pseudonym is its own."""
        if PSEUDONYM.fullmatch(customer):
            return customer
        return "src-" + hmac.new(self.key, customer.encode(), hashlib.sha256).hexdigest()[:16]

    def all_of(self, customers: Iterable[str]) -> tuple[str, ...]:
        """Distinct pseudonyms, sorted by pseudonym: their order says nothing about the names."""
        return tuple(sorted({self.of(customer) for customer in customers}))


def from_key_file(path: Path) -> Pseudonyms:
    """The pseudonyms under the key in `path`; the key is made (mode 0600) when the file is not there yet.

    Raises :class:`BadInput` when the file holds no key.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        pass
    else:
        with os.fdopen(handle, "w") as file:
            file.write(secrets.token_hex(_KEY_BYTES) + "\n")
    text = path.read_text().strip()
    try:
        key = bytes.fromhex(text)
    except ValueError:
        key = b""
    if len(key) < _KEY_BYTES:
        raise BadInput(str(path), f"not a key: expected {2 * _KEY_BYTES} hex digits; restore it, or remove the file")
    return Pseudonyms(key)
