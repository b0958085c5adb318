"""The receiver: OTLP/HTTP on one thread, from a connection to its answer.

connection -> Head -> body -> Export -> Queue -> on disk -> 200   |   anything else -> its status, and whether to come again

One thread, one event loop: a connection that waits costs no thread. Nothing that a client sends stops it.
"""

from __future__ import annotations

import asyncio
import hashlib
import ipaddress
import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

import structlog

from fde_sidecar.otlp.answer import Answer, refused, taken
from fde_sidecar.otlp.export import Reader
from fde_sidecar.otlp.guests import MAX_GUESTS, Guest, Guests
from fde_sidecar.otlp.queue import Queue, Waiting
from fde_sidecar.otlp.request import HEAD_BYTES, Head, Refusal, decompressed, read_body, read_head
from fde_sidecar.otlp.wire import Encoding, Garbage, Overfull, Signal

log = structlog.get_logger(__name__)

PATHS: Final[dict[str, Signal]] = {"/v1/logs": "logs", "/v1/metrics": "metrics", "/v1/traces": "traces"}
_TYPES: Final[dict[str, Encoding]] = {"application/x-protobuf": "protobuf", "application/json": "json"}
_UNANSWERED: Final = 256
_REBIND_S: Final = 5.0


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds that are waited: between requests, for a head once it began or a body, for the disk, for a reader of answers."""

    idle_s: float = 60.0
    body_s: float = 15.0
    disk_s: float = 8.0  # OpenTelemetry's exporters wait for ten
    write_s: float = 5.0


class Receiver:
    """Listens until closed. A port that is taken is tried again every five seconds and harms nobody."""

    def __init__(
        self, queue: Queue, host: str, port: int, *, patience: Patience | None = None, max_guests: int = MAX_GUESTS
    ) -> None:
        self._queue, self._host, self._asked = queue, host, port
        self._patience = patience or Patience()
        self._guests = Guests(max_guests)
        self._reader = Reader()
        self._unanswered: OrderedDict[bytes, Waiting] = OrderedDict()
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        self._bound = threading.Event()
        self.port: int | None = None
        self.read_bytes = 0
        self.answers: dict[int, int] = {}  # by status; read by the metrics endpoint
        self._thread = threading.Thread(target=self._run, name="otlp", daemon=True)
        self._thread.start()

    @property
    def guests(self) -> int:
        """Connections open now."""
        return len(self._guests)

    def wait_bound(self, timeout_s: float) -> bool:
        """Whether it listens, waiting for it so long."""
        return self._bound.wait(timeout_s)

    def close(self) -> None:
        """Stop listening; who still waits is told to come again."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stop.set)
            self._thread.join(5.0)

    # --- the thread --------------------------------------------------------------------------------------------------
    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_until_complete(self._serve())
        finally:
            self._loop.close()

    async def _serve(self) -> None:
        server = await self._listen()
        if server is not None:
            async with server:
                await self._stop.wait()
                server.close()
        self._guests.close()
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _listen(self) -> asyncio.Server | None:
        warned = False
        while not self._stop.is_set():
            try:
                server = await asyncio.start_server(
                    self._welcome, self._host, self._asked, limit=HEAD_BYTES, backlog=256
                )
            except OSError as error:
                if not warned:
                    log.warning(
                        "otlp_port_unavailable",
                        port=self._asked,
                        reason=error.strerror,
                        next_step="free the port or set another one; it is tried again every 5 s",
                    )
                warned = True
                try:
                    await asyncio.wait_for(self._stop.wait(), _REBIND_S)
                except TimeoutError:
                    continue
                return None
            self.port = server.sockets[0].getsockname()[1]
            self._bound.set()
            log.info("otlp_receiver_started", port=self.port)
            return server
        return None

    # --- one connection ----------------------------------------------------------------------------------------------
    async def _welcome(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        guest = self._guests.enter(writer)
        if guest is None:
            self._count(503)
            writer.transport.abort()
            return
        try:
            while await self._request(reader, guest):
                pass
        except (ConnectionError, TimeoutError):
            writer.transport.abort()
        except Exception as error:  # noqa: BLE001  whatever one connection brings, the others go on
            log.warning("otlp_connection_failed", error=type(error).__name__)
            writer.transport.abort()
        finally:
            self._guests.leave(guest)
            writer.close()

    async def _request(self, reader: asyncio.StreamReader, guest: Guest) -> bool:
        """One request and its answer; whether another may follow on this connection."""
        encoding: Encoding = "protobuf"
        patience, loop = self._patience, self._loop
        digest = b""
        keep = False
        try:
            guest.since = loop.time()
            async with asyncio.timeout(patience.idle_s):
                head = await read_head(reader)
            if head is None:
                return False
            encoding = _encoding_of(head) or "protobuf"
            signal = _asked_for(head)
            if head.headers.get("expect", "").lower() == "100-continue":
                guest.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            try:
                async with asyncio.timeout(patience.body_s):
                    sent = await read_body(reader, head, lambda size: self._guests.hold(guest, size))
            except TimeoutError as error:
                raise Refusal(408, "the body did not come in time") from error
            guest.since, keep = None, head.keep
            self.read_bytes += len(sent)
            body = decompressed(sent, head.headers.get("content-encoding", ""))
            digest = hashlib.blake2b(body, digest_size=16, key=signal.encode()).digest()
            del sent
            answer = await self._take(body, digest, signal, encoding, local=_is_local(guest.writer))
        except Refusal as refusal:
            answer = refused(refusal.status, refusal.why, encoding, retry_s=refusal.retry_s)
            keep = keep and refusal.status not in (408, 431)
        finally:
            guest.since = None
            self._guests.give_back(guest)
        self._count(answer.status)
        if guest.writer.is_closing():
            return False
        if answer.status == 200 and not reader.at_eof():  # else it may be gone: its retry is answered, not taken twice
            self._unanswered.pop(digest, None)
        guest.writer.write(answer.encode(keep=keep))
        async with asyncio.timeout(patience.write_s):
            await guest.writer.drain()
        if not keep:
            await self._linger(reader, guest)
        return keep

    async def _take(self, body: bytes, digest: bytes, signal: Signal, encoding: Encoding, *, local: bool) -> Answer:
        waiting = self._unanswered.get(digest)
        if waiting is None:
            if not self._queue.has_room(len(body)):
                raise Refusal(503, "the queue is full", retry_s=1)
            try:
                export = self._reader.read(body, signal, encoding, local=local)
            except Garbage as error:
                raise Refusal(400, str(error)) from error
            except Overfull as error:
                raise Refusal(413, str(error)) from error
            if export.empty:
                return taken(signal, encoding, export.rejected, export.why)
            waiting = self._queue.put(export, len(body), self._loop)
            self._remember(digest, waiting)
        try:
            async with asyncio.timeout(self._patience.disk_s):
                done = await asyncio.shield(waiting.settled)
        except TimeoutError as error:
            if self._queue.withdraw(waiting):
                self._forget(digest, waiting)
            raise Refusal(503, "the disk did not answer in time", retry_s=2) from error
        if not done:
            self._forget(digest, waiting)
            raise Refusal(503, "the spool is full or cannot be written", retry_s=5)
        export = waiting.export
        return taken(signal, encoding, export.rejected, export.why)

    def _remember(self, digest: bytes, waiting: Waiting) -> None:
        """Until its answer is out: the same bytes again meanwhile are a retry, and not news."""
        self._unanswered[digest] = waiting
        while len(self._unanswered) > _UNANSWERED:
            self._unanswered.popitem(last=False)

    def _forget(self, digest: bytes, waiting: Waiting) -> None:
        if self._unanswered.pop(digest, None) is not None:
            waiting.export.forget()

    async def _linger(self, reader: asyncio.StreamReader, guest: Guest) -> None:
        """Read what is still on its way and close: closing at once would reset the connection before the answer is read."""
        guest.since = self._loop.time()
        if guest.writer.can_write_eof():
            guest.writer.write_eof()
        async with asyncio.timeout(min(2.0, self._patience.write_s)):
            while await reader.read(HEAD_BYTES):
                pass

    def _count(self, status: int) -> None:
        self.answers[status] = self.answers.get(status, 0) + 1


def _encoding_of(head: Head) -> Encoding | None:
    return _TYPES.get(head.headers.get("content-type", "").partition(";")[0].strip().lower())


def _asked_for(head: Head) -> Signal:
    signal = PATHS.get(head.path)
    if signal is None:
        raise Refusal(404, "logs, metrics and traces are taken at /v1/logs, /v1/metrics, /v1/traces")
    if head.method != "POST":
        raise Refusal(405, "POST only")
    if _encoding_of(head) is None:
        raise Refusal(415, "Content-Type is application/x-protobuf or application/json")
    return signal


def _is_local(writer: asyncio.StreamWriter) -> bool:
    peer = writer.get_extra_info("peername")
    return bool(peer) and ipaddress.ip_address(str(peer[0]).partition("%")[0]).is_loopback
