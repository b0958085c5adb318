"""Webhook: where the API server posts its audit log in batches (`--audit-webhook-config-file`).

POST EventList -> Intake, which has journaled it when we answer 200; 503 while there is no room: the API server comes again

Off loopback it takes TLS and a bearer token, or it does not listen.
"""

from __future__ import annotations

import asyncio
import hmac
import ipaddress
import ssl
import threading
import time
from collections.abc import Mapping, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final

from structlog import get_logger

from fde_events.errors import BadInput, FdeError, Misuse, Unavailable
from fde_operator.audit.intake import Full, Intake, events_of

log = get_logger()
_MOST_BYTES: Final = 32 * 1024 * 1024  # the API server's default batch is at most 400 events
_IDLE_S: Final = 90
_ANSWER_S: Final = 25.0
_TOLD_S: Final = 60.0


def checked(host: str, certificate: tuple[Path, Path] | None, token: str | None) -> ssl.SSLContext | None:
    """How it would listen there; None: in clear, on this machine alone. Misuse or BadInput when it may or can not."""
    if not _is_loopback(host) and (certificate is None or not token):
        raise Misuse(
            f"the audit log tells everything about everybody: to listen at {host}, which is not this machine alone, give "
            "--tls-cert, --tls-key and --token-file"
        )
    if certificate is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(*certificate)
    except (OSError, ssl.SSLError) as error:
        raise BadInput(str(certificate[0]), "is no certificate with its key that can be used") from error
    return context


class Webhook:
    """A listener in threads of its own that hands batches to the intake's event loop. A context manager."""

    def __init__(
        self,
        intake: Intake,
        host: str,
        port: int,
        *,
        certificate: tuple[Path, Path] | None = None,
        token: str | None = None,
    ) -> None:
        context = checked(host, certificate, token)
        self._intake, self._loop = intake, asyncio.get_running_loop()
        self._told = float("-inf")
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            timeout = _IDLE_S

            def do_POST(self) -> None:
                status, said = receiver._post(self, token)
                body = said.encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def do_GET(self) -> None:
                self.send_response(200 if self.path == "/healthz" else 404)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
                return

        try:
            self._server = ThreadingHTTPServer((host, port), Handler)
        except OSError as error:
            raise Unavailable(f"{host}:{port} cannot be listened at: {error.strerror or error}.") from error
        self._server.daemon_threads = True
        if context is not None:
            # The handshake happens in the connection's thread: one that never ends holds up nobody.
            self._server.socket = context.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )
        self._thread = threading.Thread(target=self._server.serve_forever, name="audit webhook", daemon=True)

    @property
    def port(self) -> int:
        """The port it listens at."""
        return int(self._server.server_address[1])

    def __enter__(self) -> Webhook:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _post(self, request: BaseHTTPRequestHandler, token: str | None) -> tuple[int, str]:
        length = request.headers.get("Content-Length", "")
        if not length.isdecimal() or int(length) > _MOST_BYTES:
            request.close_connection = True
            return 413, "the length is missing or too large"
        body = request.rfile.read(int(length))
        if token is not None:
            given = request.headers.get("Authorization", "")
            if not hmac.compare_digest(given.encode(), f"Bearer {token}".encode()):
                self._refused("no token, or another")
                return 401, "no token, or another"
        try:
            events = events_of(body)
        except ValueError as error:
            self._refused(str(error))
            return 400, str(error)
        return self._taken(events)

    def _refused(self, why: str) -> None:
        """Told at most once a minute: a sender that is refused comes again at once."""
        if time.monotonic() - self._told >= _TOLD_S:
            self._told = time.monotonic()
            log.warning("audit_batch_refused", why=why)

    def _taken(self, events: Sequence[Mapping[str, Any]]) -> tuple[int, str]:
        waiting = asyncio.run_coroutine_threadsafe(self._intake.take(events), self._loop)
        try:
            waiting.result(_ANSWER_S)
        except Full:
            return 503, "the journal is full"
        except (FdeError, TimeoutError) as error:
            waiting.cancel()
            log.warning("audit_batch_postponed", why=str(error) or "no time")
            return 503, "come again"
        return 200, ""


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
