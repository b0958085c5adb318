"""Customers' audit keys: made at a customer's first act, kept apart from the records, destroyed by `fde erase`.

DirectoryKeys: one file a customer, as `fde key` writes them · SecretKeys: one entry a customer in a Secret of fde-system

Destroyed keys stay destroyed: what is sealed afterwards is sealed with a key that nobody keeps.
"""

from __future__ import annotations

import base64
import os
import secrets
import time
from pathlib import Path
from typing import Final, Protocol

from fde_events.errors import BadInput, Unavailable
from fde_events.seal import KEY_BYTES, keys_of
from fde_events.topics import CUSTOMER
from fde_operator.cluster import Cluster, Manifest
from fde_operator.errors import Conflicting
from fde_operator.key import Key

SECRET: Final = Key("Secret", "fde-system", "fde-audit-keys")
_GONE: Final = b'{"keys": []}'
_FRESH_S: Final = 60.0
_TRIES: Final = 5
_UNRESOLVED: Final = "ns."  # before a namespace that stands in for its customer, see `names`


class Keys(Protocol):
    """Keys by customer."""

    async def of(self, customer: str, *, made: bool = True) -> tuple[bytes, ...]:
        """The customer's keys, oldest first; empty when they were destroyed, or never `made`. Raises FdeError."""
        ...

    async def destroy(self, customer: str) -> int:
        """Destroy them for good; how many there were."""
        ...


class DirectoryKeys:
    """Files ``audit-<customer>.key`` in one directory: `fde key` and `fde erase --keys` know their form."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def of(self, customer: str, *, made: bool = True) -> tuple[bytes, ...]:
        """See :class:`Keys`."""
        path = self._path(customer)
        try:
            raw = path.read_bytes()
        except FileNotFoundError:
            if not made:
                return ()
            raw = self._made(path)
        except OSError as error:
            raise Unavailable(f"The audit key {path} cannot be read: {error.strerror or error}.") from error
        found = keys_of(raw)
        if found is None:
            raise BadInput(
                str(path), "holds no key; restore it from a copy, or what was sealed with it stays unreadable"
            )
        return found

    async def destroy(self, customer: str) -> int:
        """See :class:`Keys`. The old bytes are overwritten in place; copies and backups are beyond it."""
        found = await self.of(customer, made=False)
        path = self._path(customer)
        size = path.stat().st_size if path.exists() else 0
        with path.open("r+b" if size else "wb") as file:
            file.write(b"\0" * size)
            file.flush()
            os.fsync(file.fileno())
            file.seek(0)
            file.truncate()
            file.write(_GONE)
        return len(found)

    def _path(self, customer: str) -> Path:
        return self._folder / f"audit-{_checked(customer)}.key"

    def _made(self, path: Path) -> bytes:
        raw = secrets.token_hex(KEY_BYTES).encode()
        beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                file.write(raw)
                file.flush()
                os.fsync(file.fileno())
            try:
                os.link(beside, path)
            except FileExistsError:  # another process was first: its key holds
                raw = path.read_bytes()
            finally:
                beside.unlink(missing_ok=True)
        except OSError as error:
            raise Unavailable(f"The audit key {path} cannot be made: {error.strerror or error}.") from error
        return raw


class SecretKeys:
    """Entries ``<customer>.key`` of one Secret, which `fde operator install` makes empty. Read at most once a minute."""

    def __init__(self, cluster: Cluster, at: Key = SECRET) -> None:
        self._cluster, self._at = cluster, at
        self._read: tuple[float, Manifest] | None = None

    async def of(self, customer: str, *, made: bool = True) -> tuple[bytes, ...]:
        """See :class:`Keys`."""
        for _ in range(_TRIES):
            secret = await self._secret()
            raw = (secret.get("data") or {}).get(_entry(customer))
            if raw is not None:
                found = keys_of(base64.b64decode(raw))
                if found is None:
                    raise BadInput(f"{self._at}", f"entry {_entry(customer)} holds no key")
                return found
            if not made:
                return ()
            try:
                await self._write(secret, customer, secrets.token_hex(KEY_BYTES).encode())
            except Conflicting:  # another writer made one meanwhile
                self._read = None
        raise Unavailable(f"{self._at} changes faster than a key can be added to it.")

    async def destroy(self, customer: str) -> int:
        """See :class:`Keys`. etcd's older revisions and backups are beyond it."""
        for _ in range(_TRIES):
            self._read = None
            found = await self.of(customer, made=False)
            try:
                await self._write(await self._secret(), customer, _GONE)
            except Conflicting:
                continue
            return len(found)
        raise Unavailable(f"{self._at} changes faster than a key can be taken out of it.")

    async def _secret(self) -> Manifest:
        if self._read is not None and time.monotonic() - self._read[0] < _FRESH_S:
            return self._read[1]
        secret = await self._cluster.get(self._at)
        if secret is None:
            raise Unavailable(f"There is no {self._at}; `fde operator install` makes it.")
        self._read = (time.monotonic(), secret)
        return secret

    async def _write(self, secret: Manifest, customer: str, raw: bytes) -> None:
        metadata = {name: secret["metadata"][name] for name in ("name", "namespace", "resourceVersion", "labels") if name in secret["metadata"]}  # fmt: skip
        data = {**(secret.get("data") or {}), _entry(customer): base64.b64encode(raw).decode()}
        self._read = None
        kept = {name: secret[name] for name in ("type",) if name in secret}
        await self._cluster.put({"apiVersion": "v1", "kind": "Secret", **kept, "metadata": metadata, "data": data})


def _entry(customer: str) -> str:
    return f"{_checked(customer)}.key"


def _checked(customer: str) -> str:
    """A customer, or ``ns.<namespace>`` for a namespace whose customer is not known any more."""
    if not CUSTOMER.fullmatch(customer.removeprefix(_UNRESOLVED)):
        raise BadInput(customer, "is no customer's name")
    return customer
