"""The key under which one customer's values become pseudonyms. It never leaves the customer's namespace."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from fde_events.errors import BadInput, Unavailable

KEY_BYTES = 32


def fresh_key() -> bytes:
    """A new random key."""
    return secrets.token_bytes(KEY_BYTES)


def read_key(path: Path) -> bytes:
    """The key in a file: its bytes, white space at the ends left out. At least 16 bytes."""
    try:
        key = path.read_bytes().strip()
    except OSError as error:
        raise BadInput(str(path), f"the pseudonym key cannot be read: {error.strerror}") from error
    if len(key) < 16:
        raise BadInput(str(path), "the pseudonym key holds fewer than 16 bytes; write 32 random ones")
    return key


def key_beside(directory: Path, customer: str) -> bytes:
    """The customer's key kept in `directory`, created (mode 0600) when it is not there."""
    path = directory / f"pseudonym-{customer}.key"
    try:
        directory.mkdir(parents=True, exist_ok=True)
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            return read_key(path)
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_hex(KEY_BYTES))
            file.flush()
            os.fsync(file.fileno())
        return read_key(path)
    except OSError as error:
        raise Unavailable(f"The spool directory {directory} cannot be written: {error.strerror}.") from error
