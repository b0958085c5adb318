"""FaultProxy: the API server on another loopback port, with whatever may go wrong between it and the operator.

operator -> TLS (the API server's own certificate) -> fault(request)? -> API server -> answer, whole, half, late, or never
"""

from __future__ import annotations

import asyncio
import json
import re
import ssl
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

_WRITES: Final = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_ASIDE: Final = re.compile(r"/(leases|events)(/|$)|/apis/(authorization|authentication)\.k8s\.io/")
_PLACE: Final = re.compile(r"^/(?:api|apis/[^/]+)/[^/]+(?:/namespaces/([^/]+))?/([a-z]+)(?:/([^/]+))?(?:/([a-z]+))?$")


@dataclass(frozen=True)
class Request:
    """One request as it came. `at_s`: time.monotonic()."""

    method: str
    path: str
    query: dict[str, str]
    body: bytes
    at_s: float = field(default_factory=time.monotonic)

    @property
    def watches(self) -> bool:
        return self.query.get("watch") in ("1", "true")

    @property
    def writes(self) -> bool:
        """Whether it changes anything but heartbeats and events."""
        return self.method in _WRITES and "dryRun" not in self.query and not _ASIDE.search(self.path)

    @property
    def named(self) -> str:
        """What it does to what, without the namespace."""
        found = _PLACE.match(self.path)
        if found is None:
            return f"{self.method} {self.path}"
        _, plural, name, sub = found.groups()
        if name is None and self.method == "POST":
            name = json.loads(self.body)["metadata"].get("name", "")
        return " ".join(one for one in (self.method, plural, name, sub) if one)


@dataclass(frozen=True)
class Fault:
    """What becomes of a request.

    `forwarded`: the API server gets it. `status`: the answer instead of the server's. `part`: how much of the answer comes
    before the connection is closed. `hang_s`: how long nothing comes. `then`: called when the request has had its effect.
    """

    forwarded: bool = False
    status: int | None = None
    headers: tuple[tuple[str, str], ...] = ()
    content: bytes = b""
    part: float = 0.0
    hang_s: float = 0.0
    then: Callable[[], None] | None = None


def refused(code: int, **headers: str) -> Fault:
    """The API server's own way to say no."""
    body = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "message": "so it is today", "code": code}
    named = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    return Fault(status=code, headers=named, content=json.dumps(body).encode())


class FaultProxy:
    """Runs in a thread of its own. `fault` is asked about each request, in the order in which they come."""

    def __init__(self, plane: Any, directory: Path) -> None:
        self._plane = plane
        self.fault: Callable[[Request], Fault | None] = lambda _: None
        self.requests: list[Request] = []
        self.open_watches: dict[asyncio.StreamWriter, Request] = {}
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        certificate = plane.certificate_authority
        self._ours = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self._ours.load_cert_chain(certificate, certificate.with_suffix(".key"))
        self._theirs = ssl.create_default_context(cafile=str(certificate))
        self._directory = directory
        self._tasks: set[asyncio.Task[None]] = set()

    def __enter__(self) -> FaultProxy:
        self._thread.start()
        self._server = self._run(asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self._ours, limit=2**24))
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    def __exit__(self, *_: object) -> None:
        async def close() -> None:
            self._server.close()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

        self._run(close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def _run(self, work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(30)

    def kubeconfig(self, user: str) -> Path:
        """As the plane's, by way of here."""
        file = self._directory / f"{user}.proxied.kubeconfig"
        text = self._plane.kubeconfig(user).read_text()
        file.write_text(text.replace(self._plane.url, f"https://127.0.0.1:{self.port}"))
        return file

    def cut_watches(self) -> int:
        """Every watch's connection is gone; how many there were."""

        async def cut() -> int:
            found = list(self.open_watches)
            for writer in found:
                writer.transport.abort()
            return len(found)

        return int(self._run(cut()))

    def since(self, began_s: float) -> list[Request]:
        """What came from then on."""
        return [one for one in self.requests if one.at_s >= began_s]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        there: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                request, body = await _read(head, reader)
                self.requests.append(request)
                fault = self.fault(request)
                if fault is not None and fault.hang_s:
                    await asyncio.sleep(fault.hang_s)
                if fault is not None and fault.status is not None:
                    writer.write(_answer(fault))
                    await writer.drain()
                    continue
                if fault is not None and not fault.forwarded:
                    if fault.then:
                        fault.then()
                    return
                if there is None or there[0].at_eof():
                    there = await asyncio.open_connection(
                        "127.0.0.1", int(self._plane.url.rpartition(":")[2]), ssl=self._theirs, limit=2**24
                    )
                there[1].write(head + body)
                await there[1].drain()
                if request.watches:
                    self.open_watches[writer] = request
                if fault is None:
                    async for piece in _response(there[0]):
                        writer.write(piece)
                        await writer.drain()
                    self.open_watches.pop(writer, None)
                    continue
                whole = b"".join([piece async for piece in _response(there[0])])
                if fault.then:
                    fault.then()
                writer.write(whole[: int(len(whole) * fault.part)])
                await writer.drain()
                return
        except (OSError, EOFError, asyncio.CancelledError):
            pass  # either side went: so does the other
        finally:
            self._tasks.discard(task)
            self.open_watches.pop(writer, None)
            for one in (writer, there[1] if there else None):
                if one is not None:
                    one.transport.abort()


async def _read(head: bytes, reader: asyncio.StreamReader) -> tuple[Request, bytes]:
    first, *lines = head.decode("latin-1").split("\r\n")
    method, target, _ = first.split(" ", 2)
    length = next((int(one.partition(":")[2]) for one in lines if one.lower().startswith("content-length:")), 0)
    body = await reader.readexactly(length)
    parts = urlsplit(target)
    return Request(method, parts.path, {name: values[0] for name, values in parse_qs(parts.query).items()}, body), body


async def _response(reader: asyncio.StreamReader) -> Any:
    """The pieces of one answer, as they come."""
    head = await reader.readuntil(b"\r\n\r\n")
    yield head
    lines = head.lower().split(b"\r\n")
    status = int(lines[0].split(b" ")[1])
    if any(one.startswith(b"transfer-encoding:") and b"chunked" in one for one in lines):
        while True:
            size = await reader.readuntil(b"\r\n")
            rest = await reader.readexactly(int(size, 16) + 2)
            yield size + rest
            if int(size, 16) == 0:
                return
    elif status not in (204, 304):
        length = next((int(one.partition(b":")[2]) for one in lines if one.startswith(b"content-length:")), 0)
        if length:
            yield await reader.readexactly(length)


def _answer(fault: Fault) -> bytes:
    headers = (
        ("Content-Type", "application/json"),
        ("Content-Length", str(len(fault.content))),
        *fault.headers,
    )
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers)
    return f"HTTP/1.1 {fault.status} Fault\r\n{lines}\r\n".encode() + fault.content
