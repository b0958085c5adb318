"""The keys under which one customer's values become pseudonyms. They never leave the customer's namespace.

key file (a Secret of the namespace, or made beside the spool) -> KeyFile.current(), asked between batches -> Redactor

A file holds one key (its bytes, as plain as `openssl rand -hex 32` makes them), or a ring: the keys with the moment each
takes effect. Rotation ends comparability: a value's token under the new key has nothing in common with its token under the
old one, so that counts of distinct values and evidence that two errors carry one value begin anew. Old keys are kept, for
the customer alone to tell which value a token stood for, until they are destroyed: then nobody can.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import hmac
import os
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import msgspec
import structlog

from fde_events.errors import BadInput, Misuse, Refused, Unavailable
from fde_sidecar.clock import now, parse_full, rfc3339

log = structlog.get_logger(__name__)

KEY_BYTES = 32
_MIN_BYTES: Final = 16
_TICK_NS: Final = 50_000_000
_HEX: Final = "hex:"


@dataclass(frozen=True, slots=True)
class Key:
    """One key. `id` names it and tells nothing of it; `not_before` RFC 3339, empty for since ever."""

    id: str
    secret: bytes
    not_before: str = ""

    def __repr__(self) -> str:
        return f"Key({self.id})"


class _Written(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    key: str
    not_before: str = ""


class _Ring(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    keys: list[_Written]


@dataclass(frozen=True, slots=True)
class KeyRing:
    """Keys in the order they take effect; at least one."""

    keys: tuple[Key, ...]

    def at(self, moment: str) -> Key:
        """The key that holds at `moment` (RFC 3339 UTC): the last that took effect, or the first of all."""
        when = parse_full(moment) or datetime.now(UTC)
        held = [key for key in self.keys if (begins := parse_full(key.not_before)) is None or begins <= when]
        return held[-1] if held else self.keys[0]

    def with_key(self, key: Key) -> KeyRing:
        """The ring with one more key."""
        return KeyRing(tuple(sorted((*self.keys, key), key=lambda one: one.not_before)))

    def without(self, ids: frozenset[str]) -> KeyRing:
        """The ring without these keys; may be empty."""
        return KeyRing(tuple(key for key in self.keys if key.id not in ids))

    def encode(self) -> bytes:
        """The ring as a file holds it."""
        written = _Ring([_Written(_text(key.secret), key.not_before) for key in self.keys])
        return msgspec.json.format(msgspec.json.encode(written), indent=2) + b"\n"


def a_key(secret: bytes, not_before: str = "") -> Key:
    """The key made of these bytes. Its id is 8 hex digits of a keyed hash of a constant: equal bytes, equal id."""
    return Key(hmac.new(secret, b"fde key id", hashlib.sha256).hexdigest()[:8], secret, not_before)


def label(redaction: str, key: Key) -> str:
    """What a batch says of its redaction: mode and rule version, and which key its tokens are made with."""
    return f"{redaction}/key-{key.id}"


def fresh_key() -> bytes:
    """A new random key."""
    return secrets.token_bytes(KEY_BYTES)


def read_ring(path: Path) -> KeyRing:
    """The keys in a file. :class:`BadInput` says why not, and nothing of what stands in it."""
    try:
        raw = path.read_bytes().strip()
    except OSError as error:
        raise BadInput(str(path), f"the pseudonym key cannot be read: {error.strerror}") from error
    if not (raw.startswith(b"{") and b'"keys"' in raw):  # random bytes may begin with a brace
        return KeyRing((_checked(path, a_key(raw)),))
    try:
        ring = msgspec.json.decode(raw, type=_Ring)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise BadInput(str(path), 'is no ring of keys: {"keys": [{"key": "...", "notBefore": "..."}]}') from None
    keys = []
    for one in ring.keys:
        begins = parse_full(one.not_before)
        if one.not_before and begins is None:
            raise BadInput(str(path), "a key's notBefore is a time as 2026-01-31T00:00:00Z")
        keys.append(_checked(path, a_key(_bytes(path, one.key), rfc3339(begins) if begins else "")))
    if not keys:
        raise BadInput(str(path), "holds no key: they were destroyed; `fde key rotate` makes a new one")
    return KeyRing(tuple(sorted(keys, key=lambda key: key.not_before)))


def read_key(path: Path) -> bytes:
    """The key that holds now."""
    return read_ring(path).at(now()).secret


def key_beside(directory: Path, customer: str) -> bytes:
    """The customer's key kept in `directory`, created (mode 0600) when it is not there."""
    return read_key(file_beside(directory, customer))


def file_beside(directory: Path, customer: str) -> Path:
    """The file of the customer's key in `directory`, created with a key (mode 0600) when it is not there."""
    path = directory / f"pseudonym-{customer}.key"
    try:
        directory.mkdir(parents=True, exist_ok=True)
        if path.exists():
            return path
        # Whole under its name, or not there: half a key would stop every start after a crash or a full disk.
        beside = directory / f".{path.name}.{secrets.token_hex(4)}"
        try:
            descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w") as file:
                file.write(secrets.token_hex(KEY_BYTES))
                file.flush()
                os.fsync(file.fileno())
            with contextlib.suppress(FileExistsError):  # another sidecar of the customer was first: its key holds
                os.link(beside, path)
        finally:
            beside.unlink(missing_ok=True)
    except OSError as error:
        raise Unavailable(f"The spool directory {directory} cannot be written: {error.strerror}.") from error
    return path


class KeyFile:
    """The key that holds now, from a file that may change. Ask between batches: a batch's tokens are of one key.

    A file that went away or cannot be used leaves the last key, told once: a pod that is running goes on as it began.
    """

    def __init__(self, path: Path) -> None:
        """:class:`BadInput` when there is no key in it."""
        self._path = path
        self._stamp = _stamp(path)
        self._ring = read_ring(path)
        self._current = self._ring.at(now())
        self._told = ""
        self._next = self._begins_after()

    def current(self) -> Key:
        """The key that holds now; the same object until it is another."""
        stamp = _stamp(self._path)
        if stamp is None or stamp != self._stamp:
            self._stamp = stamp
            self._read()
        if time.time() >= self._next:
            self._take()
        return self._current

    def _read(self) -> None:
        try:
            self._ring = read_ring(self._path)
            self._told = ""
        except BadInput as error:
            if error.why != self._told:
                self._told = error.why
                log.warning("pseudonym_key_unusable", path=str(self._path), reason=error.why, key=self._current.id)
            return
        self._take()

    def _take(self) -> None:
        held = self._ring.at(now())
        if held.id != self._current.id:
            log.info("pseudonym_key_rotated", before=self._current.id, key=held.id)
            self._current = held
        self._next = self._begins_after()

    def _begins_after(self) -> float:
        """When the next key of the ring takes effect, Unix seconds."""
        begins = [moment.timestamp() for key in self._ring.keys if (moment := parse_full(key.not_before))]
        return min((one for one in begins if one > time.time()), default=float("inf"))


def rotate(path: Path, *, not_before: str = "") -> Key:
    """Add a new random key that takes effect at `not_before` (RFC 3339; empty: at once). The file is made if need be.

    Raises :class:`Refused` for a moment before the last key's: the order of keys is the order of rotations.
    """
    begins = parse_full(not_before)
    if not_before and begins is None:
        raise Misuse(f"a key takes effect at a time as 2026-01-31T00:00:00Z, not at {not_before!r}.")
    moment = rfc3339(begins) if begins else now()
    with _locked(path):
        ring = read_ring(path) if path.exists() and path.read_bytes().strip() not in (b"", _NONE) else KeyRing(())
        last = ring.keys[-1].not_before if ring.keys else ""
        if last and moment <= last:
            raise Refused(
                f"the last key takes effect at {last}; the next can only take effect after it, not at {moment}."
            )
        key = a_key(fresh_key().hex().encode(), moment if ring.keys or begins else "")
        _replace(path, ring.with_key(key).encode())
    return key


def destroy(path: Path, ids: frozenset[str] | None = None) -> list[str]:
    """Destroy keys by id; None: all of them. Returns the ids. What was made with them can never be resolved again.

    The old bytes are overwritten in place before the file is replaced; what a file system or a backup copied is beyond it.
    """
    with _locked(path):
        ring = read_ring(path)
        chosen = frozenset(key.id for key in ring.keys) if ids is None else ids
        unknown = sorted(chosen - {key.id for key in ring.keys})
        if unknown:
            raise Refused(f"{path} holds no key {unknown[0]}; it holds {', '.join(key.id for key in ring.keys)}.")
        rest = ring.without(chosen)
        size = path.stat().st_size
        with path.open("r+b") as file:
            file.write(b"\0" * size)
            file.flush()
            os.fsync(file.fileno())
        _replace(path, rest.encode())
    return [key.id for key in ring.keys if key.id in chosen]


_NONE: Final = KeyRing(()).encode().strip()


def _checked(path: Path, key: Key) -> Key:
    if len(key.secret) < _MIN_BYTES:
        raise BadInput(str(path), f"the pseudonym key holds fewer than {_MIN_BYTES} bytes; write 32 random ones")
    return key


def _text(secret: bytes) -> str:
    """Key bytes as text: as they are where that is text, and in hex otherwise."""
    try:
        text = secret.decode("ascii")
    except UnicodeDecodeError:
        text = ""
    return text if text.isprintable() and text and not text.startswith(_HEX) else _HEX + secret.hex()


def _bytes(path: Path, text: str) -> bytes:
    try:
        return bytes.fromhex(text.removeprefix(_HEX)) if text.startswith(_HEX) else text.encode()
    except ValueError:
        raise BadInput(str(path), f"a key that begins with {_HEX} is not hexadecimal") from None


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    try:
        descriptor = os.open(path.with_name(f".{path.name}.lock"), os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)
    except OSError as error:
        raise BadInput(str(path), f"cannot be written: {error.strerror or error}") from error


def _replace(path: Path, data: bytes) -> None:
    temporary = path.with_name(f".{path.name}.new")
    temporary.unlink(missing_ok=True)
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def _stamp(path: Path) -> tuple[int, int, int] | None:
    """None for a file that is not there, or so young that it may change again within the clock's tick."""
    try:
        found = path.stat()
    except OSError:
        return None
    if abs(time.time_ns() - found.st_mtime_ns) < _TICK_NS:
        return None
    return found.st_mtime_ns, found.st_ino, found.st_size
