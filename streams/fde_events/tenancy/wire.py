"""Kafka's protocol, as much of it as two requests need that confluent-kafka does not have: DescribeClientQuotas, AlterClientQuotas.

Conversation -> TCP or TLS -> SaslHandshake, SaslAuthenticate -> one request, one answer

Both quota requests are of version 1 (KIP-546 in KIP-482's flexible encoding). The one library on the registry that has their
messages (kafka-python 3.0.12) has no call for them either, and brings 39 000 lines (5.7 MB; 28 MiB and 0.13 CPU-seconds to
import, against 16 MiB and 0.02 for what this needs of the standard library) and a third client of Kafka beside two.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Final, Self

from fde_events.connection import check_secure, settings_of, tls_of
from fde_events.errors import Refused, Unavailable
from fde_events.tenancy.scram import HASHES, Scram, ScramFailed

DESCRIBE_QUOTAS: Final = 48
ALTER_QUOTAS: Final = 49
_HANDSHAKE: Final = 17
_AUTHENTICATE: Final = 36
_MOST: Final = 64 * 1024 * 1024  # a longer answer is none of Kafka's
_CLIENT: Final = b"fde"


@dataclass(slots=True)
class Writer:
    """Bytes of a request, in order. A flexible one writes lengths plus one as varints, and ends a structure with no tags."""

    parts: list[bytes] = field(default_factory=list)

    def number(self, kind: str, value: float) -> None:
        """A number in struct's letters, big-endian."""
        self.parts.append(struct.pack(">" + kind, value))

    def varint(self, value: int) -> None:
        """Unsigned, seven bits a byte."""
        while value > 0x7F:
            self.parts.append(bytes((value & 0x7F | 0x80,)))
            value >>= 7
        self.parts.append(bytes((value,)))

    def text(self, value: str | None) -> None:
        """A compact string; None is its null."""
        raw = None if value is None else value.encode()
        self.varint(0 if raw is None else len(raw) + 1)
        self.parts.append(raw or b"")

    def count(self, number: int) -> None:
        """The length of a compact array."""
        self.varint(number + 1)

    def end(self) -> None:
        """The end of a structure: no tagged fields."""
        self.parts.append(b"\0")


@dataclass(slots=True)
class Reader:
    """Bytes of an answer. :class:`Unavailable` where they end too early: nobody of Kafka's answers so."""

    raw: bytes
    at: int = 0

    def take(self, size: int) -> bytes:
        """The next `size` bytes."""
        if size < 0 or self.at + size > len(self.raw):
            raise Unavailable("Kafka's answer ended too early: is this a Kafka broker?")
        self.at += size
        return self.raw[self.at - size : self.at]

    def number(self, kind: str) -> Any:
        """A number in struct's letters, big-endian."""
        return struct.unpack(">" + kind, self.take(struct.calcsize(">" + kind)))[0]

    def varint(self) -> int:
        """Unsigned, seven bits a byte."""
        value = shift = 0
        while True:
            byte = self.take(1)[0]
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80 or shift > 35:
                return value

    def text(self) -> str | None:
        """A compact string; None for its null."""
        size = self.varint() - 1
        return None if size < 0 else self.take(size).decode("utf-8", "replace")

    def count(self) -> int:
        """The length of a compact array; -1 for null."""
        return self.varint() - 1

    def end(self) -> None:
        """Tagged fields, whatever they are, are passed over."""
        for _ in range(self.varint()):
            self.varint()
            self.take(self.varint())


class Conversation:
    """One connection to one broker of `bootstrap`, logged in as its settings say; a context manager that closes it.

    :class:`Refused` for a wrong password or certificate, :class:`Unavailable` if nobody answers within `timeout_s`.
    """

    def __init__(self, bootstrap: str, *, timeout_s: float = 20.0) -> None:
        settings = settings_of(bootstrap)
        check_secure({"bootstrap.servers": str(bootstrap), **settings})
        self._at, self._sent = str(bootstrap), 0
        self._socket = _connect(self._at, settings, timeout_s)
        try:
            if str(settings.get("security.protocol", "")).upper().startswith("SASL_"):
                self._log_in(settings)
        except BaseException:
            self._socket.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._socket.close()

    def ask(self, key: int, version: int, body: bytes, *, flexible: bool = True) -> Reader:
        """The answer to one request, after its header."""
        self._sent += 1
        header = struct.pack(">hhih", key, version, self._sent, len(_CLIENT)) + _CLIENT + (b"\0" if flexible else b"")
        try:
            self._socket.sendall(struct.pack(">i", len(header) + len(body)) + header + body)
            size = struct.unpack(">i", self._receive(4))[0]
            if not 4 <= size <= _MOST:
                raise Unavailable(f"{self._at} answered {size} bytes: is this a Kafka broker?")
            reader = Reader(self._receive(size))
        except OSError as error:
            raise Unavailable(
                f"Kafka at {self._at} did not answer request {key}: {error.strerror or error}."
            ) from error
        if reader.number("i") != self._sent:
            raise Unavailable(f"Kafka at {self._at} answered another request than {key}.")
        if flexible:
            reader.end()
        return reader

    def _receive(self, size: int) -> bytes:
        got = bytearray()
        while len(got) < size:
            more = self._socket.recv(size - len(got))
            if not more:
                raise Unavailable(f"Kafka at {self._at} closed the connection.")
            got += more
        return bytes(got)

    def _log_in(self, settings: Mapping[str, Any]) -> None:
        mechanism = str(settings.get("sasl.mechanism", settings.get("sasl.mechanisms", "")))
        user, password = str(settings.get("sasl.username", "")), str(settings.get("sasl.password", ""))
        if mechanism != "PLAIN" and mechanism not in HASHES:
            raise Refused(f"sasl.mechanism {mechanism!r}: quotas are set with {', '.join(HASHES)} or PLAIN.")
        raw = mechanism.encode()
        answer = self.ask(_HANDSHAKE, 1, struct.pack(">h", len(raw)) + raw, flexible=False)
        if answer.number("h"):
            raise Refused(f"Kafka at {self._at} does not take {mechanism}.")
        if mechanism == "PLAIN":
            self._authenticate(b"\0" + user.encode() + b"\0" + password.encode())
            return
        scram = Scram(mechanism, user, password)
        try:
            said = self._authenticate(scram.first())
            scram.verify(self._authenticate(scram.final(said)))
        except ScramFailed as error:
            raise Refused(f"Kafka at {self._at} is not who knows this password: {error}.") from error

    def _authenticate(self, said: bytes) -> bytes:
        answer = self.ask(_AUTHENTICATE, 1, struct.pack(">i", len(said)) + said, flexible=False)
        code, size = answer.number("h"), answer.number("h")
        message = answer.take(size).decode("utf-8", "replace") if size >= 0 else ""
        if code:
            raise Refused(
                f"Kafka at {self._at} does not know this user or password ({message}). Check sasl.username and sasl.password."
            )
        return answer.take(answer.number("i"))


def _connect(bootstrap: str, settings: Mapping[str, Any], timeout_s: float) -> socket.socket:
    """The first broker of the list that lets us in."""
    trust = tls_of(settings)
    last: Exception | None = None
    for address in bootstrap.split(","):
        host, _, port = address.strip().rpartition("://")[2].rpartition(":")
        host = host.strip("[]")
        try:
            plain = socket.create_connection((host, int(port)), timeout=timeout_s)
        except (OSError, ValueError) as error:
            last = error
            continue
        try:
            return plain if trust is None else trust.wrap_socket(plain, server_hostname=host)
        except OSError as error:
            plain.close()
            if (why := getattr(error, "verify_message", None)) is not None:
                raise Refused(
                    f"Kafka at {address}: its certificate is not trusted ({why}). Check ssl.ca.location and the broker's name."
                ) from error
            last = error
    raise Unavailable(f"Kafka at {bootstrap} did not answer: {getattr(last, 'strerror', None) or last}.")
