"""The client's side of SCRAM (RFC 5802, RFC 7677): three messages that prove a password without saying it."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from typing import Final

HASHES: Final = {"SCRAM-SHA-256": "sha256", "SCRAM-SHA-512": "sha512"}
_MOST_ITERATIONS: Final = 1_000_000  # a server that asks for more wants our time


class ScramFailed(Exception):
    """The server said what no honest server says."""


class Scram:
    """One login. `first` -> server -> `final` -> server -> `verify`."""

    def __init__(self, mechanism: str, user: str, password: str, *, nonce: str | None = None) -> None:
        self._hash, self._password = HASHES[mechanism], password
        self._nonce = nonce or secrets.token_urlsafe(24)
        name = user.replace("=", "=3D").replace(",", "=2C")
        self._bare = f"n={name},r={self._nonce}"
        self._expected = b""

    def first(self) -> bytes:
        """Who we are, and a number nobody can guess."""
        return f"n,,{self._bare}".encode()

    def final(self, said: bytes) -> bytes:
        """The proof, for the server's salt and iterations. :class:`ScramFailed` for a number that is not ours."""
        fields = _fields(said)
        nonce, salt, count = fields.get("r", ""), fields.get("s", ""), fields.get("i", "")
        if not nonce.startswith(self._nonce) or not count.isdecimal() or not 0 < int(count) <= _MOST_ITERATIONS:
            raise ScramFailed("it answered another login")
        salted = hashlib.pbkdf2_hmac(self._hash, self._password.encode(), _bytes(salt), int(count))
        key = self._mac(salted, b"Client Key")
        bare = f"c=biws,r={nonce}"  # biws: no channel is bound
        message = f"{self._bare},{said.decode()},{bare}".encode()
        signature = self._mac(hashlib.new(self._hash, key).digest(), message)
        self._expected = self._mac(self._mac(salted, b"Server Key"), message)
        proof = bytes(a ^ b for a, b in zip(key, signature, strict=True))
        return f"{bare},p={base64.b64encode(proof).decode()}".encode()

    def verify(self, said: bytes) -> None:
        """:class:`ScramFailed` unless the server knows the password too."""
        fields = _fields(said)
        if "v" not in fields or not hmac.compare_digest(_bytes(fields["v"]), self._expected):
            raise ScramFailed("it could not prove that it knows the password")

    def _mac(self, key: bytes, message: bytes) -> bytes:
        return hmac.new(key, message, self._hash).digest()


def _bytes(said: str) -> bytes:
    try:
        return base64.b64decode(said, validate=True)
    except ValueError as error:
        raise ScramFailed("it answered no login") from error


def _fields(said: bytes) -> dict[str, str]:
    parts = said.decode("utf-8", "replace").split(",")
    return {name: value for name, _, value in (part.partition("=") for part in parts)}
