"""Probes: whether the sidecar started, lives and is ready, and its metrics, over HTTP for kubelet and Prometheus.

Vitals (the session's loop tells them) + Status -> GET /startupz /livez /readyz /metrics

Being away from broker, DNS or credentials is no illness: the sidecar spools then, and the application must start.
One thread serves all, a few connections at a time, each for a second; whoever is slow is let go.
"""

from __future__ import annotations

import contextlib
import selectors
import socket
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

import structlog

from fde_events.errors import Misuse, Unavailable

log = structlog.get_logger(__name__)

STUCK_AFTER_S: Final = 60.0  # a turn's longest honest wait: a disk's fsync, a closing bundle
_CONNECTIONS: Final = 16
_PATIENCE_S: Final = 1.0
_REQUEST_BYTES: Final = 8 * 1024
_TEXT: Final = "text/plain; charset=utf-8"
_REASONS: Final = {
    200: "OK",
    400: "Bad Request",
    404: "Not Found",
    405: "Method Not Allowed",
    503: "Service Unavailable",
}


@dataclass(frozen=True, slots=True)
class Answer:
    """What a path gives."""

    status: int
    body: bytes
    type: str = _TEXT


Page = Callable[[], Answer]


@dataclass(slots=True)
class Vitals:
    """What the session's loop tells about itself. Written by its thread, read by the probes': single words, no lock."""

    open: bool = False  # inputs are open and the spool is usable
    draining: bool = False
    turned: float = field(default_factory=time.monotonic)

    def turn(self) -> None:
        """The loop came round: also while it waits for a disk, or for the switch."""
        self.turned = time.monotonic()


def startup(vitals: Vitals) -> Answer:
    """Ready once inputs are open and the spool is usable, whatever the broker does."""
    if vitals.open:
        return Answer(200, b"started\n")
    return Answer(503, b"the inputs are not open, or the spool cannot be used yet\n")


def live(vitals: Vitals, *, stuck_after_s: float = STUCK_AFTER_S) -> Answer:
    """Alive while the loop turns."""
    silent = time.monotonic() - vitals.turned
    if silent <= stuck_after_s:
        return Answer(200, b"alive\n")
    return Answer(503, f"the session's loop has not turned for {silent:.0f} s\n".encode())


def ready(vitals: Vitals) -> Answer:
    """Started, and not on the way out."""
    if vitals.draining:
        return Answer(503, b"draining: what is read is being sent, nothing new is taken\n")
    return startup(vitals)


def pages(vitals: Callable[[], list[Vitals]], metrics: Page) -> dict[str, Page]:
    """The paths of a sidecar: the first feed that is not well speaks for all of them."""

    def worst(check: Callable[[Vitals], Answer]) -> Page:
        def page() -> Answer:
            answers = [check(one) for one in vitals()]
            return next((one for one in answers if one.status != 200), answers[0] if answers else Answer(503, b"\n"))

        return page

    return {"/startupz": worst(startup), "/livez": worst(live), "/readyz": worst(ready), "/metrics": metrics}


class Probes:
    """Serves `pages` at ``host:port`` until closed. Loopback unless told otherwise: kubelet asks the pod's own address.

    There is nothing of the customer's in what is served; a NetworkPolicy says who may ask. Port 0 takes a free one.
    """

    def __init__(self, address: str, pages: Mapping[str, Page]) -> None:
        """:class:`Misuse` for what is no host:port; :class:`Unavailable` when it cannot be bound."""
        host, port = split(address)
        try:
            family = socket.AF_INET6 if ":" in host else socket.AF_INET
            self._server = socket.create_server((host, port), family=family, backlog=_CONNECTIONS)
        except OSError as error:
            raise Unavailable(f"The probes cannot listen at {address}: {error.strerror or error}.") from error
        self.port: int = self._server.getsockname()[1]
        self._pages = dict(pages)
        self._server.setblocking(False)
        self._wake, self._stop = socket.socketpair()
        self._thread = threading.Thread(target=self._serve, name="probes", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop serving."""
        self._stop.close()
        self._thread.join(5)

    # --- inside ------------------------------------------------------------------------------------------------------
    def _serve(self) -> None:
        open_: dict[socket.socket, _Connection] = {}
        with selectors.DefaultSelector() as selector, self._server, self._wake:
            selector.register(self._server, selectors.EVENT_READ)
            selector.register(self._wake, selectors.EVENT_READ)
            while True:
                ready_ = selector.select(_PATIENCE_S / 4 if open_ else None)
                for key, _ in ready_:
                    at = key.fileobj
                    assert isinstance(at, socket.socket)
                    if at is self._wake:
                        for connection in open_:
                            connection.close()
                        return
                    if at is self._server:
                        self._accept(selector, open_)
                    elif at in open_ and open_[at].go_on(at, self._answer):
                        _let_go(selector, open_, at)
                    elif at in open_ and open_[at].out:
                        selector.modify(at, selectors.EVENT_WRITE)
                moment = time.monotonic()
                for connection in [one for one, known in open_.items() if moment >= known.until]:
                    _let_go(selector, open_, connection)

    def _accept(self, selector: selectors.BaseSelector, open_: dict[socket.socket, _Connection]) -> None:
        try:
            connection, _ = self._server.accept()
        except OSError:  # it went away again
            return
        if len(open_) >= _CONNECTIONS:
            # The one that has waited longest makes room: kubelet's question comes last and must be heard.
            _let_go(selector, open_, min(open_, key=lambda one: open_[one].until))
        connection.setblocking(False)
        open_[connection] = _Connection(time.monotonic() + _PATIENCE_S)
        selector.register(connection, selectors.EVENT_READ)

    def _answer(self, head: bytes) -> bytes:
        words = head.split(b"\r\n", 1)[0].split(b" ")
        if len(words) != 3:
            return _written(Answer(400, b"not HTTP\n"))
        if words[0] not in (b"GET", b"HEAD"):
            return _written(Answer(405, b"GET only\n"))
        page = self._pages.get(words[1].split(b"?", 1)[0].decode("latin-1"))
        if page is None:
            return _written(Answer(404, f"there are {', '.join(self._pages)}\n".encode()))
        try:
            answer = page()
        except Exception as error:  # noqa: BLE001  counters change while they are read; one answer is lost, not the thread
            log.warning("probe_failed", path=words[1][:40].decode("latin-1"), error=type(error).__name__)
            answer = Answer(503, b"try again\n")
        return _written(answer, body=words[0] == b"GET")


@dataclass(slots=True)
class _Connection:
    until: float
    request: bytes = b""
    out: bytes = b""

    def go_on(self, at: socket.socket, answer: Callable[[bytes], bytes]) -> bool:
        """Read or write what can be; True when it is over."""
        try:
            if not self.out:
                read = at.recv(_REQUEST_BYTES)
                self.request += read
                if b"\r\n\r\n" in self.request:
                    self.out = answer(self.request)
                elif not read or len(self.request) > _REQUEST_BYTES:
                    return True
            if self.out:
                self.out = self.out[at.send(self.out) :]
                return not self.out
        except BlockingIOError:
            return False
        except OSError:  # whoever asked has gone
            return True
        return False


def split(address: str, option: str = "--probes") -> tuple[str, int]:
    """Host and port of ``host:port`` (IPv6 in brackets); :class:`Misuse` names the `option` when it is none."""
    host, colon, port = address.rpartition(":")
    if not colon or not host or not port.isdecimal() or int(port) > 65_535:
        raise Misuse(f"{option} is host:port (127.0.0.1:9464, 0.0.0.0:9464, [::]:9464), not {address!r}")
    return host.strip("[]"), int(port)


def _let_go(
    selector: selectors.BaseSelector, open_: dict[socket.socket, _Connection], connection: socket.socket
) -> None:
    del open_[connection]
    with contextlib.suppress(KeyError, ValueError):
        selector.unregister(connection)
    connection.close()


def _written(answer: Answer, *, body: bool = True) -> bytes:
    head = (
        f"HTTP/1.1 {answer.status} {_REASONS[answer.status]}\r\nContent-Type: {answer.type}\r\n"
        f"Content-Length: {len(answer.body)}\r\nConnection: close\r\nCache-Control: no-store\r\n\r\n"
    )
    return head.encode() + (answer.body if body else b"")
